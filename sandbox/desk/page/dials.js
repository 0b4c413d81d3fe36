// @ts-check
/** The world's dials: its time, what is wrong with Gmail and the CRM, permissions, deals, mail that arrives, and the tick. */

import { el, fill, newId } from "./dom.js";
import { icon } from "./icons.js";
import { of, read, write } from "./api.js";
import { today, turn, whole, worldDay } from "./dates.js";

const FAULTS = [
  ["slow", "Slow"],
  ["failing", "Failing"],
  ["limited", "Rate-limited"],
  ["dropping", "Dropping connections"],
  ["html", "Answering HTML"],
  ["signed out", "Signed out"],
];
const UPSTREAMS = [
  ["gmail", "Gmail"],
  ["crm", "MailMagnet CRM"],
];
const SECONDS_A_DAY = 86_400;

export class Dials {
  #dialog;
  #account;
  #day;
  #turned;
  /** As the desk has them: {now, turned, gmail, crm}. @type {any} */
  #state = null;
  #parts;

  /** `account()` is whose world is shown; `turned()` is called after a dial was turned; `behind()` opens what is behind the panel. */
  constructor(dialog, { account, tools, day, turned, behind }) {
    this.#dialog = dialog;
    this.#account = account;
    this.#day = day;
    this.#turned = turned;
    day.addEventListener("click", () => this.open());
    fill(tools, tool("settings", "World's dials", () => this.open()), tool("list", "Behind the panel", behind));
    this.#parts = Object.fromEntries(["time", "upstreams", "crm", "mail", "notices", "tasks"].map((name) => [name, el("section")]));
    this.#parts.said = el("p", { class: "dials-said", role: "status" });
  }

  /** Reads the world's time and faults, and shows its date when it is turned. */
  async look() {
    this.#keep(await read(this.#path("dials")));
  }

  async open() {
    const close = el(
      "button",
      { type: "button", class: "icon-button", "aria-label": "Close", on: { click: () => this.#dialog.close() } },
      icon("close"),
    );
    const { time, upstreams, crm, mail, notices, tasks, said } = this.#parts;
    fill(
      this.#dialog,
      el("header", { class: "dialog-head" }, el("h2", { id: "dials-title" }, "World's dials"), close),
      said,
      el("div", { class: "dialog-body", tabindex: "-1" }, time, upstreams, mail, crm, notices, tasks),
    );
    this.#say("");
    fill(crm, el("h3", {}, "CRM"), el("p", { class: "quiet" }, "Reading the CRM …"));
    this.#drawMail([]);
    this.#drawTasks([]);
    this.#dialog.showModal();
    await this.#act(() => this.look());
    await this.#act(async () => this.#drawTasks((await read(this.#path("dials/tasks"))).attempts));
    await this.#act(async () => this.#drawNotices(await read(this.#path("dials/notices"))));
    await this.#act(() => this.#readCrm());
  }

  #path(rest) {
    return of(this.#account(), rest);
  }

  /** Runs it; what the desk refuses is said at the head of the dialog. */
  async #act(act) {
    try {
      await act();
    } catch (error) {
      this.#say(error.message);
    }
  }

  /** Turns a dial: sends it, says what happened, and has the page look again. */
  #turn(rest, body, said) {
    return this.#act(async () => {
      this.#dialog.setAttribute("aria-busy", "true");
      try {
        const told = await write(this.#path(`dials/${rest}`), body);
        if ("turned" in told) this.#keep(told);
      } finally {
        this.#dialog.removeAttribute("aria-busy");
      }
      this.#say(said);
      this.#turned();
    });
  }

  #say(words) {
    fill(this.#parts.said, words);
  }

  #keep(state) {
    this.#state = state;
    turn(state.turned * 1000);
    this.#day.hidden = state.turned === 0;
    fill(this.#day, icon("clock"), el("span", {}, worldDay()));
    this.#day.setAttribute("aria-label", `The world's date: ${worldDay()}. World's dials`);
    keepingFocus(this.#dialog, () => {
      this.#drawTime();
      this.#drawUpstreams();
    });
  }

  #drawTime() {
    const { now, turned } = this.#state;
    const to = (words, where, said) => button(`time-${where}`, words, () => this.#turn("time", { to: where }, said));
    const date = el("input", { type: "date", class: "dial-input", required: true, value: today(), "aria-label": "Date" });
    const turnTo = (event) => {
      event.preventDefault();
      const [year, month, day] = date.value.split("-").map(Number);
      const moment = new Date(now);
      moment.setFullYear(year, month - 1, day);
      this.#turn("time", { to: moment.toISOString() }, "The world's time is turned.");
    };
    const days = Math.round(turned / SECONDS_A_DAY);
    const by = turned ? ` · turned by ${days.toLocaleString()} ${Math.abs(days) === 1 ? "day" : "days"}` : " · as this machine's";
    fill(
      this.#parts.time,
      el("h3", {}, "Time"),
      el("p", { class: "world-time" }, whole(new Date(now)), el("span", { class: "quiet" }, by)),
      el(
        "form",
        { class: "dial-row", on: { submit: turnTo } },
        to("Tomorrow", "tomorrow", "It is a day later."),
        to("Next month", "next month", "It is a month later."),
        date,
        el("button", { class: "button outlined", data: { dial: "time-date" } }, "Turn to date"),
        to("Today", "today", "It is today again."),
      ),
    );
  }

  #drawUpstreams() {
    const rows = UPSTREAMS.map(([who, name]) => {
      const now = this.#state[who];
      const choices = FAULTS.map(([fault, words]) => {
        const choose = () => this.#turn("fault", { who, fault }, `${name}: ${words.toLowerCase()}.`);
        const node = button(`${who}-${fault}`, words, choose);
        node.setAttribute("aria-pressed", String(now === fault));
        return node;
      });
      const well = button(`${who}-well`, "Make it well", () => this.#turn("fault", { who, fault: "" }, `${name} is well again.`));
      well.classList.add("filled-tonal");
      return el("div", { role: "group", "aria-label": name }, el("h3", {}, name), el("div", { class: "dial-row" }, choices, well));
    });
    fill(this.#parts.upstreams, rows);
  }

  async #readCrm() {
    const crm = await read(this.#path("dials/crm"));
    this.#drawMail(crm.senders);
    if (crm.elsewhere) {
      const where = el("p", { class: "quiet" }, `Deals and permissions are changed in ${crm.elsewhere} itself.`);
      fill(this.#parts.crm, el("h3", {}, "CRM"), where);
      return;
    }
    fill(
      this.#parts.crm,
      el("h3", {}, `Who holds “${crm.permission}”`),
      crm.profiles.map((profile) => this.#profile(profile, crm.permission)),
      el("h3", {}, "Edit a deal"),
      crm.deals.length ? this.#deal(crm) : el("p", { class: "quiet" }, "The CRM has no deals."),
    );
  }

  #profile(profile, permission) {
    const box = el("input", { type: "checkbox", checked: profile.permissions.includes(permission) });
    const change = () => {
      const said = `${profile.name} ${box.checked ? "holds" : "does not hold"} “${permission}”.`;
      this.#turn("permission", { profile: profile.name, held: box.checked }, said);
    };
    box.addEventListener("change", change);
    const users = profile.users.join(", ") || "nobody";
    return el("label", { class: "choice" }, box, el("span", { dir: "auto" }, profile.name, el("small", {}, users)));
  }

  #deal(crm) {
    const label = (deal) => `${deal.name}${deal.account ? ` · ${deal.account}` : ""}`;
    const deals = select(crm.deals.map((deal) => [deal.id, label(deal)]));
    const stages = select([]);
    const closing = el("input", { type: "date", class: "dial-input" });
    const amount = el("input", { type: "text", class: "dial-input", inputmode: "decimal" });
    const chosen = () => crm.deals.find((deal) => deal.id === deals.value);
    const show = () => {
      const deal = chosen();
      const own = crm.stages.filter((stage) => stage.pipeline === deal.pipeline);
      fill(
        stages,
        own.map((stage) => el("option", { value: stage.name, selected: stage.name === deal.stage }, stage.name)),
      );
      closing.value = deal.closing;
      amount.value = deal.amount;
    };
    const save = async (event) => {
      event.preventDefault();
      const deal = chosen();
      const given = { stage: stages.value, closing: closing.value, amount: amount.value.trim() };
      await this.#turn("deal", { id: deal.id, ...given }, `“${deal.name}” is changed.`);
      Object.assign(deal, given);
    };
    deals.addEventListener("change", show);
    show();
    return el(
      "form",
      { class: "dial-form", on: { submit: save } },
      el("div", { class: "dial-wide" }, field("Deal", deals)),
      field("Stage", stages),
      field("Closing date", closing),
      field("Amount", amount),
      el("button", { class: "button outlined" }, "Change the deal"),
    );
  }

  #drawMail(senders) {
    const list = el("datalist", { id: newId("senders") }, senders.map((sender) => el("option", { value: sender })));
    const old = this.#parts.mail.querySelector("form");
    if (old) {
      old.querySelector("datalist").replaceChildren(...list.children);
      return;
    }
    const from = el("input", { class: "dial-input", list: list.id, required: true, dir: "auto", autocomplete: "off" });
    const subject = el("input", { class: "dial-input", dir: "auto", autocomplete: "off" });
    const text = el("textarea", { class: "dial-input", rows: "3", dir: "auto" });
    const arrive = (event) => {
      event.preventDefault();
      const mail = { from: from.value, subject: subject.value, text: text.value };
      this.#turn("mail", mail, "The mail has arrived.");
    };
    fill(
      this.#parts.mail,
      el("h3", {}, "Let a mail arrive"),
      el(
        "form",
        { class: "dial-form", on: { submit: arrive } },
        field("From", from),
        field("Subject", subject),
        el("div", { class: "dial-wide" }, field("Text", text)),
        list,
        el("button", { class: "button outlined" }, "Let it arrive"),
      ),
    );
  }

  #drawNotices({ space, webhook, messages }) {
    const address = el("input", { class: "dial-input", readonly: true, value: webhook, on: { focus: () => address.select() } });
    const told = messages.map((one) =>
      el("li", {}, el("span", { class: "quiet" }, whole(new Date(one.at))), el("div", { class: "notice", dir: "auto" }, one.text)),
    );
    fill(
      this.#parts.notices,
      el("h3", {}, "Google Chat"),
      field(`Webhook of the space “${space}”, for notices`, address),
      told.length ? el("ul", { class: "notices", "aria-label": "Notices" }, told) : el("p", { class: "quiet" }, "No notice has come."),
    );
  }

  #drawTasks(attempts) {
    const tick = () =>
      this.#act(async () => {
        const told = await write(this.#path("dials/tick"), {});
        keepingFocus(this.#dialog, () => this.#drawTasks(told.attempts));
        this.#say(told.tasks ? `The tick sent ${told.tasks} ${told.tasks === 1 ? "task" : "tasks"}.` : "No mailbox is due yet.");
        this.#turned();
      });
    const rows = attempts.map((one) =>
      el(
        "tr",
        {},
        [whole(new Date(one.at)), `${one.task.slice(0, 12)}…`, one.attempt, one.status || "no answer"].map((cell) => el("td", {}, cell)),
      ),
    );
    const head = el(
      "tr",
      {},
      ["When", "Task", "Attempt", "Status"].map((word) => el("th", { scope: "col" }, word)),
    );
    fill(
      this.#parts.tasks,
      el("h3", {}, "Tick, and what Cloud Tasks did"),
      el("div", { class: "dial-row" }, button("tick", "Tick", tick), el("span", { class: "quiet" }, "as Cloud Scheduler does")),
      rows.length ? el("table", { class: "plan" }, el("thead", {}, head), el("tbody", {}, rows)) : el("p", { class: "quiet" }, "No task yet."),
    );
  }
}

function tool(drawing, words, act) {
  return el("button", { type: "button", class: "tool", on: { click: act } }, icon(drawing), el("span", {}, words));
}

function button(name, words, act) {
  return el("button", { type: "button", class: "button outlined", data: { dial: name }, on: { click: act } }, words);
}

function field(words, input) {
  input.id = newId("dial");
  return el("div", { class: "dial-field" }, el("label", { for: input.id }, words), input);
}

function select(options) {
  return el("select", { class: "dial-input" }, options.map(([value, words]) => el("option", { value }, words)));
}

/** Redraws, and gives the focus back to the button it was on. */
function keepingFocus(place, redraw) {
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  const name = focused?.dataset.dial;
  redraw();
  if (name) place.querySelector(`[data-dial="${name}"]`)?.focus();
}
