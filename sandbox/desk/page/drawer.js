// @ts-check
/** Behind the panel: the last call's event and answer, the calls made for it, the quota spent, and what is stored, live. */

import { el, fill } from "./dom.js";
import { icon } from "./icons.js";
import { of, read } from "./api.js";

export class Drawer {
  #place;
  #account;
  /** @type {HTMLElement | null} */
  #opener = null;
  #body = el("div", { class: "drawer-body" });
  #requests = 0;

  /** `account()` is whose panel is meant. */
  constructor(place, { account }) {
    this.#place = place;
    this.#account = account;
    const close = el(
      "button",
      { type: "button", class: "icon-button", "aria-label": "Close", on: { click: () => this.close() } },
      icon("close"),
    );
    fill(place, el("header", { class: "drawer-head" }, el("h2", { id: "drawer-title" }, "Behind the panel"), close), this.#body);
    place.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.close();
    });
  }

  toggle() {
    if (this.#place.hidden) this.open();
    else this.close();
  }

  open() {
    this.#opener = /** @type {HTMLElement | null} */ (document.activeElement);
    this.#place.hidden = false;
    this.#place.focus();
    return this.refresh();
  }

  close() {
    this.#place.hidden = true;
    this.#opener?.focus();
  }

  /** Asks again for all that is shown, while it is open. */
  async refresh() {
    if (this.#place.hidden) return;
    const mine = ++this.#requests;
    const part = (path) => read(of(this.#account(), path)).catch((error) => ({ problem: error.message }));
    const behind = await part("behind");
    if (mine !== this.#requests) return;
    this.#draw(behind, null);
    const stored = await part("stored");
    if (mine === this.#requests) this.#draw(behind, stored);
  }

  #draw(behind, stored) {
    const focused = this.#body.contains(document.activeElement) && document.activeElement?.ariaLabel;
    const { call, quota, problem } = behind;
    fill(
      this.#body,
      problem ? el("p", { class: "job-problem" }, problem) : [lastCall(call), calls(call, quota)],
      stored ? storedSection(stored) : el("section", {}, el("h3", {}, "What is stored"), el("p", { class: "quiet" }, "Reading the store …")),
    );
    if (focused) /** @type {HTMLElement | null} */ (this.#body.querySelector(`[aria-label="${focused}"]`))?.focus();
  }
}

function lastCall(call) {
  if (!call.url) return el("p", { class: "quiet" }, "The panel has asked nothing yet.");
  const outcome = call.problem || `${call.status} in ${call.seconds.toFixed(2)} s`;
  return [
    el("p", { class: "drawer-call" }, el("b", {}, `POST ${new URL(call.url).pathname}`), ` · ${outcome}`),
    json("Event that was sent", call.event),
    json("Answer", call.answer),
  ];
}

function json(words, value) {
  const text = JSON.stringify(value, null, 2);
  const heard = el("span", { class: "only-heard", role: "status" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      fill(heard, "Copied");
      fill(button.lastChild, "Copied");
    } catch {
      fill(button.lastChild, "Cannot copy here");
    }
  };
  const settings = { type: "button", class: "button borderless", "aria-label": `Copy: ${words}`, on: { click: copy } };
  const button = el("button", settings, icon("draft"), el("span", {}, "Copy"));
  return el(
    "section",
    {},
    el("div", { class: "drawer-title" }, el("h3", {}, words), button, heard),
    el("pre", { class: "json", tabindex: "0", role: "region", "aria-label": words, dir: "ltr" }, text),
  );
}

function calls(call, quota) {
  const made = call.calls ?? [];
  const units = made.reduce((sum, one) => sum + one.units, 0);
  const whole = Math.max(1, (call.seconds ?? 0) * 1000);
  const rows = made.map((one) => [
    [el("b", {}, one.name), el("small", {}, one.who), when(one, whole)],
    milliseconds(one.began),
    milliseconds(one.ms),
    one.how,
    one.units,
  ]);
  return el(
    "section",
    {},
    el("h3", {}, `Calls made for it · ${rows.length}, ${units.toLocaleString()} quota ${units === 1 ? "unit" : "units"}`),
    rows.length
      ? table(["Call", "Began", "Took", "Ended", "Units"], rows, "calls")
      : el("p", { class: "quiet" }, "None: neither Google nor the CRM was asked."),
    el("p", { class: "quiet" }, `${quota.spent.toLocaleString()} of ${quota.units_a_minute.toLocaleString()} units spent in the last minute.`),
  );
}

/** A bar from the call's beginning to its end within the answer's whole time, and in words whether others ran at the same time. */
function when(one, whole) {
  const bar = el("span", { class: "call-bar", "aria-hidden": "true" }, el("span"));
  bar.firstChild.style.insetInlineStart = `${Math.min(99, (100 * one.began) / whole)}%`;
  bar.firstChild.style.width = `${Math.max(1, Math.min(100, (100 * one.ms) / whole))}%`;
  const others = one.beside > 0 && el("small", {}, `side by side with ${one.beside} ${one.beside === 1 ? "other" : "others"}`);
  return [bar, others];
}

const milliseconds = (number) => `${number.toLocaleString()} ms`;

function storedSection(stored) {
  if (stored.problem) return el("p", { class: "job-problem" }, stored.problem);
  const rows = stored.mails.map((mail) => [mail.mail_id, mail.from_address, mail.received_at]);
  return el(
    "section",
    { data: { stored: "true" } },
    el("h3", {}, "What is stored, now"),
    el("p", { class: "quiet" }, "Of each mail from a contact three facts, the newest first; of the mailbox one document."),
    rows.length ? table(["Mail", "From", "Received"], rows) : el("p", { class: "quiet" }, "Of no mail anything."),
    json("Mailbox", stored.mailbox),
  );
}

function table(head, rows, kind = "facts") {
  return el(
    "table",
    { class: `plan ${kind}` },
    el("thead", {}, el("tr", {}, head.map((word) => el("th", { scope: "col" }, word)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell) => el("td", {}, cell))))),
  );
}
