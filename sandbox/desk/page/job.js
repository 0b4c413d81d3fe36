/** The labelling job: run it, see what it would do, and what it did. */

import { el, fill } from "./dom.js";
import { icon } from "./icons.js";
import { of, write } from "./api.js";
import { day, time, today } from "./dates.js";

const CATEGORIES = [
  ["closing_this_month", "Deals Closing This Month (CTM)"],
  ["open_deals", "Open Deals"],
  ["customer", "Customer"],
];
const SECONDS_BETWEEN_RUNS = 60;
const ROWS_IN_SIGHT = 500;

export class Job {
  #place;
  #dialog;
  #account;
  #done;
  #running = "";
  #again = 0;
  #state = {};

  /** `account()` is whose mail is meant; `done()` is called when mail may have moved. */
  constructor(place, dialog, { account, done }) {
    this.#place = place;
    this.#dialog = dialog;
    this.#account = account;
    this.#done = done;
    this.#draw();
  }

  /** Another account: what was said of the one before goes. */
  forget() {
    clearInterval(this.#again);
    this.#again = 0;
    this.#state = {};
    this.#draw();
  }

  async run() {
    clearInterval(this.#again);
    this.#again = 0;
    const told = await this.#ask(false);
    if (!told) return;
    this.#done();
    if (told.wait) this.#goOn(told.wait);
    else if (told.result?.remaining) this.#goOn(SECONDS_BETWEEN_RUNS);
  }

  async dryRun() {
    const told = await this.#ask(true);
    if (told?.result) showPlan(this.#dialog, told.result);
  }

  /** Asks the function; {result} what it answered, {problem} in words, {wait} seconds until it may be asked again. */
  async #ask(dry) {
    if (this.#running) return null;
    const account = this.#account();
    this.#running = dry ? "Looking through the mail" : "Sorting the mail";
    this.#draw();
    let told;
    try {
      told = await write(of(account, "job"), { dry_run: dry });
    } catch (error) {
      told = { problem: error.message };
    }
    this.#running = "";
    if (account !== this.#account()) return null;
    this.#state = { ...told, at: Date.now() };
    this.#draw();
    return told;
  }

  /** Counts down to the next run, which goes on where this one stopped. */
  #goOn(seconds) {
    let left = seconds;
    const tick = () => {
      this.#drawNext(left);
      if (left <= 0) this.run();
      left -= 1;
    };
    this.#again = setInterval(tick, 1000);
    tick();
  }

  #stop() {
    clearInterval(this.#again);
    this.#again = 0;
    this.#drawNext(null);
  }

  /** The countdown stands outside what is read aloud. */
  #drawNext(seconds) {
    const stop = el("button", { type: "button", class: "link-button", on: { click: () => this.#stop() } }, "Stop");
    fill(this.#place.querySelector(".job-next"), seconds === null ? [] : [`Goes on in ${seconds} s `, stop]);
  }

  #draw() {
    const focused = document.activeElement?.dataset?.job;
    const one = (name, words, act) => {
      const settings = {
        type: "button",
        class: `button ${name === "run" ? "filled" : "outlined"}`,
        data: { job: name },
        on: { click: act },
      };
      return el("button", { ...settings, "aria-disabled": String(Boolean(this.#running)) }, words);
    };
    fill(
      this.#place,
      el("h2", { class: "side-title", id: "job-title" }, "Sorting"),
      el(
        "div",
        { class: "job-buttons" },
        one("run", "Run the job", () => this.run()),
        one("dry", "Dry run", () => this.dryRun()),
      ),
      el(
        "div",
        { class: "job-told", role: "status", "aria-busy": String(Boolean(this.#running)) },
        this.#running ? el("p", {}, `${this.#running} …`) : this.#told(),
      ),
      el("p", { class: "job-next" }),
    );
    if (focused) this.#place.querySelector(`[data-job="${focused}"]`)?.focus();
  }

  #told() {
    const { result, problem, at } = this.#state;
    if (problem) return el("p", { class: "job-problem" }, problem);
    if (!result)
      return el("p", { class: "quiet" }, "Sorts the mail of your contacts under three labels, as it does every ten minutes.");
    const moved = CATEGORIES.reduce((sum, [id]) => sum + (result.sorted[id] ?? 0), 0);
    const verb = result.dry ? "would be sorted" : "sorted";
    const counts = [
      ...CATEGORIES.map(([id, name]) => [name, result.sorted[id] ?? 0]),
      ["Left for the next run", result.remaining],
      ["Gmail quota units", result.units],
      ["CRM calls", result.crm_calls],
    ];
    return [
      el(
        "p",
        { class: "job-sum" },
        `${share(moved, result.looked_at)} ${verb}`,
        el("span", { class: "quiet" }, ` · ${time(at)}`),
      ),
      el(
        "dl",
        {},
        counts.map(([name, number]) => el("div", {}, el("dt", {}, name), el("dd", {}, number.toLocaleString()))),
      ),
    ];
  }
}

/** "3 of 12 new mails" */
const share = (some, all) => `${some.toLocaleString()} of ${all.toLocaleString()} new ${all === 1 ? "mail" : "mails"}`;

/** The dry run's list: what would move, where and why. */
function showPlan(dialog, result) {
  const groups = CATEGORIES.map(([id, name]) => [name, result.moves.filter((move) => move.category === id)]).filter(
    ([, moves]) => moves.length,
  );
  const close = el(
    "button",
    { type: "button", class: "icon-button", "aria-label": "Close", on: { click: () => dialog.close() } },
    icon("close"),
  );
  const sum = `${share(result.moves.length, result.looked_at)} would be sorted. Nothing has been changed.`;
  fill(
    dialog,
    el("header", { class: "dialog-head" }, el("h2", { id: "dialog-title" }, "Dry run"), close),
    el(
      "p",
      { class: "dialog-sum" },
      sum,
      result.remaining ? ` ${result.remaining.toLocaleString()} more are left for the next run.` : "",
    ),
    el(
      "div",
      { class: "dialog-body", tabindex: "0" },
      groups.length ? groups.map(planTable) : el("p", { class: "quiet" }, "No new mail is from a contact with a deal."),
    ),
  );
  dialog.showModal();
}

function planTable([name, moves]) {
  const rows = moves.slice(0, ROWS_IN_SIGHT).map((move) => {
    return el(
      "tr",
      { data: { mail: move.mail_id } },
      el("td", { dir: "auto" }, move.from_name || move.from_address, move.from_name && el("small", {}, move.from_address)),
      el("td", { dir: "auto" }, move.subject || "(no subject)"),
      el("td", { dir: "auto" }, why(move)),
      el("td", {}, move.in_inbox ? "leaves the inbox" : "gets the label"),
    );
  });
  const more = moves.length - rows.length;
  return el(
    "section",
    {},
    el("h3", {}, `${name} · ${moves.length.toLocaleString()}`),
    el(
      "table",
      { class: "plan" },
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          ["From", "Subject", "Because", "What happens"].map((word) => el("th", { scope: "col" }, word)),
        ),
      ),
      el("tbody", {}, rows),
    ),
    more > 0 && el("p", { class: "quiet" }, `and ${more.toLocaleString()} more`),
  );
}

function why(move) {
  if (move.category === "customer") return `“${move.because}” was won`;
  if (!move.closing) return `“${move.because}” is open`;
  return `“${move.because}” ${move.closing < today() ? "was to close" : "closes"} on ${day(move.closing)}`;
}
