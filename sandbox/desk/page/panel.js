// @ts-check
/** The add-on's panel: asks the add-on, shows the cards it answers with as Gmail's sidebar does, and runs what is clicked in them. */

import { el, fill, openMenu, toast } from "./dom.js";
import { icon } from "./icons.js";
import { cardHeader, cardNode } from "./panel/card.js";
import { consent } from "./panel/consent.js";
import { Form } from "./panel/form.js";
import { isStripped } from "./panel/limits.js";
import { isAmong, openedLink } from "./panel/text.js";
import { overflowMenu } from "./panel/widgets.js";

const SECONDS_GOOGLE_WAITS = 30;
/** Within which a panel should answer: a rep does not wait longer. */
const SECONDS_WANTED = 5;
const OVERLAY = "popup,width=520,height=680";

export class Panel {
  #ask;
  #grant;
  #check;
  #changeDraft;
  #universal;
  #scopes;
  #openLinks;
  #leadsTo;
  #parts;
  /** The cards, the one in sight last. @type {{ card: any, inputs: Record<string, any> }[]} */
  #stack = [];
  /** @type {any} */
  #peeking = null;
  /** What is open. @type {any} */
  #trigger = null;
  #stale = false;
  #requests = 0;
  #checked = 0;

  /**
   * `ask(question)` sends a trigger or a click to the add-on and gives {answer, problem, seconds}; `grant(scopes)` keeps what the
   * user allowed; `check(answer, to)` gives what Google would refuse in an answer to a "trigger" or a "click", or in a card;
   * `changeDraft(action)` carries out a draft action and gives its faults. Of the deployment: `universal` are its universal actions,
   * {label, link}, the link empty where the add-on is called; `scopes` all that it asks for; `openLinks` is {prefixes,
   * httpOrigins}, what its links may begin with, null where there is no deployment. `leadsTo(link)` is where a link leads where the panel stands.
   * @param {HTMLElement} place @param {PanelActs} acts
   */
  constructor(place, { name, ask, grant, check, changeDraft, universal = [], scopes = [], openLinks = null, leadsTo = (link) => link }) {
    this.#ask = ask;
    this.#grant = grant;
    this.#check = check;
    this.#changeDraft = changeDraft;
    this.#universal = universal;
    this.#scopes = scopes;
    this.#openLinks = openLinks;
    this.#leadsTo = leadsTo;
    this.#parts = skeleton(place, name, {
      back: () => this.back(),
      more: (button) => this.#menu(button),
      peek: () => this.#takePeek(),
    });
  }

  /**
   * What the add-on shows now: {kind: "homepage"}, {kind: "message", mail}, or {kind: "compose", window, number}; each with the `account`
   * whose it is.
   * The card of anything else goes at once: nobody is to read one mail beside another's sender.
   */
  async open(trigger) {
    if (!isSame(trigger, this.#trigger)) this.#clear();
    this.#trigger = trigger;
    this.#stale = false;
    this.#parts.body.inert = false;
    await this.#send({ trigger: trigger.kind }, { anew: true, spinner: true });
  }

  /** Asks again for what is open. */
  reload() {
    return this.#trigger && this.open(this.#trigger);
  }

  /** Whether the card in sight is the one that the panel opened with. */
  get isAtRoot() {
    return this.#stack.length === 1;
  }

  #clear() {
    this.#requests += 1;
    this.#checked += 1;
    this.#stack = [];
    this.#peeking = null;
    fill(this.#parts.toasts);
    this.#note([], true);
    this.#draw();
  }

  back() {
    if (this.#stack.length < 2) return;
    this.#stack.pop();
    if (this.#stale && this.#stack.length === 1) this.reload();
    else this.#drawAndJudge();
  }

  /** Asks the add-on, and shows what it answers; `anew` when it opens the panel and no earlier card stays. */
  async #send(question, { anew, spinner }) {
    const mine = ++this.#requests;
    if (spinner) this.#busy(true);
    const reply = await this.#ask({ ...question, mail: this.#trigger.mail ?? null });
    if (mine !== this.#requests) return;
    this.#busy(false);
    this.#show(reply, anew, () => this.#send(question, { anew, spinner }));
  }

  get #isBusy() {
    return !this.#parts.progress.hidden;
  }

  #busy(busy) {
    this.#parts.progress.hidden = !busy;
    this.#parts.body.setAttribute("aria-busy", String(busy));
  }

  /** @param {AddonReply} reply @param {boolean} anew @param {() => unknown} again */
  #show({ answer, problem, seconds }, anew, again) {
    const faults = slowness(Math.round(seconds));
    if (anew) this.#stack = [];
    this.#note([], true);
    if (problem) {
      this.#failed(problem);
      return;
    }
    this.#judge(answer, anew ? "trigger" : "click", faults);
    const asked = answer.requesting_google_scopes;
    if (asked) this.#askConsent(asked.scopes ?? this.#scopes, again);
    else this.#render(answer, anew);
  }

  #render(answer, anew) {
    const actions = answer.custom_authorization_prompt ?? answer.renderActions ?? answer;
    const action = actions.action ?? {};
    const changed = (action.navigations ?? []).map((step) => this.#navigate(step)).some(Boolean);
    if (answer.stateChanged) this.#stale = true;
    const hostAction = actions.hostAppAction ?? answer.hostAppAction;
    if (hostAction) this.#changeDraft(hostAction).then((refused) => this.#note(refused));
    if (changed || anew) this.#draw();
    if (!this.#stack.length) this.#failed(`${this.#parts.name} answered without a card.`);
    if (action.notification?.text) toast(this.#parts.toasts, action.notification.text);
    if (action.link) this.#openLink(action.link);
  }

  /** One step of navigation; whether the card in sight is another one. */
  #navigate(step) {
    if (step.pushCard) return this.#push(step.pushCard);
    if (step.updateCard) return this.#update(step.updateCard);
    if (step.pop) return this.#cut(this.#stack.length - 1);
    if (step.popToRoot) return this.#cut(1);
    return step.popToCard ? this.#popToCard(step.popToCard) : false;
  }

  /** The card in sight. */
  get #top() {
    return this.#stack[this.#stack.length - 1];
  }

  #popToCard(name) {
    const at = this.#stack.findLastIndex(({ card }) => card.name === name);
    if (at < 0) this.#note([`popToCard: no card of the name ${name} is open`]);
    return at >= 0 && this.#cut(at + 1);
  }

  #push(card) {
    if (card.displayStyle === "PEEK" && this.#stack.length) this.#peeking = card;
    else this.#stack.push({ card, inputs: {} });
    return true;
  }

  #update(card) {
    const filledIn = this.#parts.form.inputs();
    this.#stack.pop();
    this.#stack.push({ card, inputs: this.#persist ? filledIn : {} });
    return true;
  }

  #cut(length) {
    this.#stack.splice(Math.max(1, length));
    return true;
  }

  #persist = false;

  #takePeek() {
    this.#stack.push({ card: this.#peeking, inputs: {} });
    this.#peeking = null;
    this.#drawAndJudge();
  }

  #draw() {
    const { body, back, peek } = this.#parts;
    const top = this.#stack.at(-1);
    const host = this.#host();
    this.#parts.form = host.form;
    back.hidden = this.#stack.length < 2;
    const hadFocus = body.contains(document.activeElement);
    fill(body, top ? whole(top.card, host) : null);
    if (hadFocus) body.focus();
    if (top) host.form.restore(top.inputs);
    body.scrollTop = 0;
    peek.hidden = !this.#peeking;
    if (this.#peeking)
      fill(peek, cardHeader(this.#peeking.peekCardHeader ?? this.#peeking.header ?? { title: this.#parts.name }));
  }

  #drawAndJudge() {
    this.#draw();
    this.#judge(this.#top.card);
  }

  /** Says what Google would refuse in an answer or a card, once it is known, beside `faults` that are known now. */
  async #judge(answer, to = "", faults = []) {
    const mine = ++this.#checked;
    this.#note(faults, true);
    const refused = await this.#check(answer, to).catch((error) => [error.message]);
    if (mine === this.#checked) this.#note(refused);
  }

  /** What widgets may ask of the panel. */
  #host() {
    return {
      form: new Form(),
      click: (onClick, node) => this.#click(onClick, node),
      run: (action) => this.#run(action),
      suggestions: (action, text) => this.#suggest(action, text),
    };
  }

  #click(onClick, node) {
    if (onClick.action) return this.#run(onClick.action);
    if (onClick.openDynamicLinkAction) return this.#run(onClick.openDynamicLinkAction);
    if (onClick.openLink) return this.#openLink(onClick.openLink);
    if (onClick.overflowMenu)
      return overflowMenu(onClick.overflowMenu, node, { click: (chosen) => this.#click(chosen, node) });
    if (onClick.card) {
      this.#push(onClick.card);
      this.#drawAndJudge();
    }
    return null;
  }

  async #run(action) {
    if (this.#isBusy || !this.#parts.form.isComplete(action)) return;
    this.#top.inputs = this.#parts.form.inputs();
    this.#persist = action.persistValues === true;
    await this.#send(this.#question(action), { anew: false, spinner: action.loadIndicator !== "NONE" });
  }

  #question(action, text) {
    const parameters = Object.fromEntries((action.parameters ?? []).map(({ key, value }) => [key, value]));
    if (text !== undefined) parameters.autocomplete_widget_query = text;
    return { function: action.function, parameters, form_inputs: this.#parts.form.inputs() };
  }

  async #suggest(action, text) {
    const card = this.#stack.at(-1);
    const { answer, problem } = await this.#ask({ ...this.#question(action, text), mail: this.#trigger.mail ?? null });
    if (card !== this.#stack.at(-1)) return [];
    this.#note(problem ? [problem] : await this.#check(answer, "click"));
    return answer?.autoComplete?.items ?? answer?.action?.modifyOperations?.[0]?.updateWidget?.suggestions?.items ?? [];
  }

  #openLink({ url, openAs = "", onClose = "" }) {
    const link = openedLink(url ?? "");
    if (!link) {
      this.#note(["a link leads nowhere Gmail would open"]);
      return;
    }
    if (!isAmong(link, this.#openLinks)) {
      this.#note([`a link leads to ${link}: none of the deployment's openLinkUrlPrefixes`]);
      return;
    }
    const opened = window.open(this.#leadsTo(link), "_blank", openAs === "OVERLAY" ? OVERLAY : "");
    if (!opened) return;
    opened.opener = null;
    if (onClose === "RELOAD") this.#reloadWhenClosed(opened, openAs === "OVERLAY");
  }

  /** Until an overlay is closed, the card behind it is blocked. */
  #reloadWhenClosed(opened, isOverlay) {
    const { body } = this.#parts;
    body.inert = isOverlay;
    const watch = setInterval(() => {
      if (!opened.closed) return;
      clearInterval(watch);
      body.inert = false;
      this.reload();
    }, 400);
  }

  /** The consent screen; once something is given, what was asked is asked again. */
  #askConsent(scopes, again) {
    const done = async (granted) => {
      if (granted.length) {
        await this.#grant(granted);
        again();
        return;
      }
      if (this.#stack.length) this.#draw();
      this.#failed("Permission was not given.", "Give permission");
    };
    fill(this.#parts.body, consent(this.#parts.name, scopes, done));
  }

  /** Red words for whoever writes cards; `afresh` clears those there are. */
  #note(faults, afresh = false) {
    const { notes } = this.#parts;
    const before = afresh ? [] : [...notes.querySelectorAll("li")].map((item) => item.textContent);
    const all = [...new Set([...before, ...faults])];
    notes.hidden = all.length === 0;
    fill(
      notes,
      el("strong", {}, "Google would refuse this"),
      el(
        "ul",
        {},
        all.map((fault) => el("li", { dir: "ltr" }, breakable(fault))),
      ),
    );
  }

  #failed(problem, again = "Retry") {
    const retry = el("button", { type: "button", class: "button outlined", on: { click: () => this.reload() } }, again);
    const words = el("div", { class: "panel-failed", role: "alert" }, icon("warning"), el("p", { dir: "auto" }, problem), retry);
    if (this.#stack.length) toast(this.#parts.toasts, problem);
    else fill(this.#parts.body, words);
  }

  /** The card's own actions, then those that every card has, as Gmail orders them. */
  #menu(button) {
    const actions = this.#stack.at(-1)?.card.cardActions ?? [];
    const own = actions.map((action) => ({ text: action.actionLabel, act: () => this.#click(action.onClick, button) }));
    const universal = this.#universal.map(({ label, link }, number) => {
      return { text: label, act: () => (link ? this.#openLink({ url: link }) : this.#runUniversal(number)) };
    });
    const refresh = { text: "Refresh", icon: icon("refresh"), act: () => this.reload() };
    openMenu(button, [...own, ...universal, refresh], `${this.#parts.name} menu`);
  }

  /** Google runs a universal action as a form that is sent: the answer is a click's. */
  #runUniversal(number) {
    return this.#send({ trigger: "universal action", universal_action: number }, { anew: false, spinner: true });
  }
}

/** Whether two triggers are about the same. */
const isSame = (one, other) => other !== null && ["kind", "mail", "window", "number", "account"].every((name) => one[name] === other[name]);

/** A fault's words, which may go on in the next line after each step of its place. */
const breakable = (fault) => fault.split(/(?<=[a-zA-Z\]]\.)(?=[a-zA-Z])/).flatMap((step) => [step, el("wbr")]);

/** The card; words in its place when it is so wrong that there is nothing to draw. */
function whole(card, host) {
  if (isStripped(card)) return nothing();
  try {
    return cardNode(card, host);
  } catch {
    return nothing();
  }
}

const nothing = () => el("p", { class: "panel-failed", role: "alert" }, "Gmail could not show this card.");

function slowness(seconds) {
  if (seconds > SECONDS_GOOGLE_WAITS) return [`the answer took ${seconds} s: Google waits ${SECONDS_GOOGLE_WAITS} s`];
  if (seconds > SECONDS_WANTED) return [`the answer took ${seconds} s: a rep waits ${SECONDS_WANTED} s (Google ${SECONDS_GOOGLE_WAITS} s)`];
  return [];
}

function skeleton(place, name, { back, more, peek }) {
  const parts = {
    name,
    back: el(
      "button",
      { type: "button", class: "icon-button", "aria-label": "Back", hidden: true, on: { click: back } },
      icon("back"),
    ),
    progress: el("div", { class: "progress", role: "progressbar", "aria-label": `${name} is working`, hidden: true }),
    notes: el("div", { class: "panel-notes", role: "note", "aria-label": "What Google would refuse", hidden: true }),
    body: el("div", { class: "panel-body", tabindex: "-1", "aria-live": "polite", "aria-busy": "false" }),
    peek: el("button", { type: "button", class: "peek", hidden: true, on: { click: peek } }),
    toasts: el("div", { class: "toasts", role: "status" }),
    form: new Form(),
  };
  const menu = el(
    "button",
    { type: "button", class: "icon-button", "aria-label": `${name} menu`, "aria-haspopup": "menu" },
    icon("more"),
  );
  menu.addEventListener("click", () => more(menu));
  place
    .querySelector(".panel-bar")
    .prepend(parts.back, el("span", { class: "logo", "aria-hidden": "true" }), el("h1", {}, name), menu);
  place.append(parts.progress, parts.notes, parts.body, parts.peek, parts.toasts);
  return parts;
}
