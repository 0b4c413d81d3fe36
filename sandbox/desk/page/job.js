// @ts-check
/** The labelling job: run it, see what it would do, and what it did, by the button or by the clock. */

import { el, fill } from "./dom.js";
import { icon } from "./icons.js";
import { of, read, write } from "./api.js";
import { day, daysAfter, time } from "./dates.js";
import { address } from "./route.js";

const FIRST_RUN =
  "Nothing has been sorted yet. See what would move (Dry run), then run it: from then on it sorts every ten minutes by itself.";
const BY_ITSELF = "Sorts the mail of your contacts under MailMagnet's labels every ten minutes.";
const SECONDS_BETWEEN_LOOKS = 15;
const ROWS_IN_SIGHT = 500;

export class Job {
  #place;
  #dialog;
  #account;
  #moved;
  #say;
  #guarded;
  #running = "";
  /** How sorting stands; null before the desk was asked. @type {{ begun: boolean, last: Run | null } | null} */
  #state = null;
  /** What a dry run answered since. @type {(Told & { at: number }) | null} */
  #preview = null;

  /**
   * `account()` is whose mail is meant; `moved()` is called when mail may have moved; `say(words, action)` says it at the foot of the page,
   * with a button for {words, act}; `guarded(act)` runs what may fail.
   */
  constructor(place, dialog, { account, moved, say, guarded }) {
    this.#place = place;
    this.#dialog = dialog;
    this.#account = account;
    this.#moved = moved;
    this.#say = say;
    this.#guarded = guarded;
    this.#draw();
    const look = () => document.hidden || this.look();
    setInterval(look, SECONDS_BETWEEN_LOOKS * 1000);
    document.addEventListener("visibilitychange", look);
  }

  /** Another account: what was said of the one before goes. */
  forget() {
    this.#state = null;
    this.#preview = null;
    this.#draw();
    return this.look();
  }

  /** Asks how sorting stands: the clock has mail sorted too. */
  async look() {
    const account = this.#account();
    const state = await read(of(account, "job")).catch(() => null);
    if (!state || account !== this.#account() || this.#running) return;
    const isNew = this.#state !== null && state.last !== null && state.last.number !== this.#state.last?.number;
    const isChanged = isNew || state.begun !== this.#state?.begun;
    this.#state = state;
    if (isNew) this.#preview = null;
    if (isChanged) this.#draw();
    if (isNew) this.#tell(state.last);
  }

  async run() {
    const run = await this.#ask(false);
    if (!run) return;
    this.#preview = null;
    this.#state = { begun: true, last: run };
    this.#draw();
    this.#tell(run);
  }

  async dryRun() {
    const told = await this.#ask(true);
    if (!told) return;
    this.#preview = { ...told, at: Date.now() };
    this.#draw();
    if (told.result) showPlan(this.#dialog, told.result);
  }

  /** Asks the function: {result} is what it answered, {problem} says in words why it did not. */
  async #ask(dry) {
    if (this.#running) return null;
    const account = this.#account();
    this.#running = dry ? "Looking through the mail" : "Sorting the mail";
    this.#draw();
    const told = await write(of(account, "job"), { dry_run: dry }).catch((error) => ({ problem: error.message, at: new Date().toISOString() }));
    this.#running = "";
    if (account === this.#account()) return told;
    this.#draw();
    return null;
  }

  /** What a run did shows in the list; that mail has gone from there is said aloud, with a way to see which. @param {Run} run */
  #tell(run) {
    this.#moved();
    const moved = sum(run.result);
    if (moved) this.#say(`Sorted ${moved.toLocaleString()} ${moved === 1 ? "mail" : "mails"}`, this.#seeWhich(run));
  }

  /** @param {Run} run @returns {Action} */
  #seeWhich(run) {
    const show = async () => {
      const { moved } = await read(of(this.#account(), `job/${run.number}`));
      showMoved(this.#dialog, moved, run);
    };
    return { words: "See which", act: () => this.#guarded(show) };
  }

  #draw() {
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.job;
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
    );
    if (focused) this.#place.querySelector(`[data-job="${focused}"]`)?.focus();
  }

  #told() {
    const run = this.#preview ?? this.#state?.last;
    if (!run) return el("p", { class: "quiet" }, this.#state?.begun === false ? FIRST_RUN : BY_ITSELF);
    const { result, problem, at } = run;
    const when = el("span", { class: "quiet" }, ` · ${time(new Date(at))}`);
    if (!result) return el("p", { class: "job-problem" }, problem, when);
    const verb = result.dry ? "would be sorted" : "sorted";
    const moved = sum(result);
    const counts = [
      ...Object.entries(result.labels).map(([id, name]) => [name, result.sorted[id] ?? 0]),
      ["Left for the next run", result.remaining],
      ["Gmail quota units", result.units],
      ["CRM calls", result.crm_calls],
    ];
    const which = "number" in run && moved > 0 && this.#seeWhich(run);
    return [
      el("p", { class: "job-sum" }, `${share(moved, result.looked_at)} ${verb}`, when),
      which && el("p", {}, el("button", { type: "button", class: "link-button", on: { click: which.act } }, which.words)),
      el(
        "dl",
        {},
        counts.map(([name, number]) => el("div", {}, el("dt", {}, name), el("dd", {}, number.toLocaleString()))),
      ),
    ];
  }
}

/** How many mails a run put under a label. @param {JobResult | undefined} result */
const sum = (result) => Object.values(result?.sorted ?? {}).reduce((total, count) => total + count, 0);

/** "3 of 12 new mails" */
const share = (some, all) => `${some.toLocaleString()} of ${all.toLocaleString()} new ${all === 1 ? "mail" : "mails"}`;

/** The dry run's list: what would move, where and why. @param {HTMLDialogElement} dialog @param {JobResult} result */
function showPlan(dialog, { moves = [], looked_at: lookedAt, remaining, labels }) {
  /** @param {Move} move */
  const row = (move) => [
    el("td", { dir: "auto" }, why(move)),
    el("td", {}, move.in_inbox ? "leaves the inbox" : "gets the label"),
  ];
  const said = `${share(moves.length, lookedAt)} would be sorted. Nothing has been changed.`;
  const more = remaining ? ` ${remaining.toLocaleString()} more are left for the next run.` : "";
  const tables = Object.entries(labels).flatMap(([id, name]) => {
    const group = moves.filter((move) => move.category === id);
    return group.length ? mailTable(dialog, name, group, ["Because", "What happens"], row) : [];
  });
  showList(dialog, "Dry run", said + more, tables, "No new mail is from a contact with a deal.");
}

/** What a run has moved, where to. @param {HTMLDialogElement} dialog @param {Moved[]} moved @param {Run} run */
function showMoved(dialog, moved, run) {
  const names = Object.values(run.result?.labels ?? {});
  // A label that was renamed stands after the others.
  const labels = [...new Set([...names, ...moved.map((mail) => mail.label)])].filter((name) => moved.some((mail) => mail.label === name));
  const row = (mail) => [el("td", {}, mail.left_inbox ? "left the inbox" : "got the label")];
  const tables = labels.map((label) => {
    return mailTable(dialog, label, moved.filter((mail) => mail.label === label), ["What happened"], row);
  });
  const said = `${run.by_clock ? "By itself" : "As you asked"}, at ${time(new Date(run.at))}.`;
  showList(dialog, `Sorted ${moved.length.toLocaleString()} ${moved.length === 1 ? "mail" : "mails"}`, said, tables, "These mails are gone since.");
}

function showList(dialog, title, said, tables, otherwise) {
  const close = el(
    "button",
    { type: "button", class: "icon-button", "aria-label": "Close", on: { click: () => dialog.close() } },
    icon("close"),
  );
  fill(
    dialog,
    el("header", { class: "dialog-head" }, el("h2", { id: "dialog-title" }, title), close),
    el("p", { class: "dialog-sum" }, said),
    el("div", { class: "dialog-body", tabindex: "0" }, tables.length ? tables : el("p", { class: "quiet" }, otherwise)),
  );
  dialog.showModal();
}

/**
 * Mails under a label; `cells(mail)` are those of the `columns` beside sender and subject.
 * @template {SortedMail} AMail
 * @param {HTMLDialogElement} dialog @param {string} name @param {AMail[]} mails @param {string[]} columns
 * @param {(mail: AMail) => Node[]} cells
 */
function mailTable(dialog, name, mails, columns, cells) {
  const rows = mails.slice(0, ROWS_IN_SIGHT).map((mail) => {
    const link = address({ label: "ALL", thread: mail.thread_id });
    return el(
      "tr",
      { data: { mail: mail.mail_id } },
      el("td", { dir: "auto" }, mail.from_name || mail.from_address, mail.from_name && el("small", {}, mail.from_address)),
      el("td", { dir: "auto" }, el("a", { href: link, on: { click: () => dialog.close() } }, mail.subject || "(no subject)")),
      cells(mail),
    );
  });
  const more = mails.length - rows.length;
  const head = ["From", "Subject", ...columns].map((word) => el("th", { scope: "col" }, word));
  return el(
    "section",
    {},
    el("h3", {}, `${name} · ${mails.length.toLocaleString()}`),
    el("table", { class: "plan" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows)),
    more > 0 && el("p", { class: "quiet" }, `and ${more.toLocaleString()} more`),
  );
}

/** @param {Move} move */
function why(move) {
  if (move.won) return `“${move.because}” was won`;
  if (!move.closing) return `“${move.because}” is open`;
  const late = daysAfter(move.closing);
  if (late <= 0) return `“${move.because}” closes on ${day(move.closing)}`;
  return `“${move.because}” is ${late.toLocaleString()} ${late === 1 ? "day" : "days"} late`;
}
