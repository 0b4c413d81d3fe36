// @ts-check
/** A compose window: a mail being written, saved as a real draft while it is typed, and changed by an add-on's draft actions. */

import { el, fill, newId } from "./dom.js";
import { icon } from "./icons.js";
import { DeskError, of, read, write } from "./api.js";
import { dated } from "./dates.js";

const SAVED_AFTER = 600;
/** More than the desk lets through, of tags and the texts between them, and more than it lets stand in one another. */
const MOST_NODES = 150_000;
const DEEPEST = 300;
const RECIPIENTS = { to: "To", cc: "Cc", bcc: "Bcc" };
const TITLES = { reply: "Reply", reply_all: "Reply to all", forward: "Forward" };
const TAGS = ["B", "STRONG", "I", "EM", "U", "S", "A", "P", "DIV", "BR", "UL", "OL", "LI", "BLOCKQUOTE", "PRE", "CODE", "SPAN", "HR"];
const LEFT_OUT = ["SCRIPT", "STYLE", "TITLE", "HEAD", "NOSCRIPT", "TEMPLATE", "IFRAME", "OBJECT", "SVG", "MATH"];
/** @type {[string, string, string][]} */
const FORMATS = [
  ["bold", "Bold", "B"],
  ["italic", "Italic", "I"],
  ["underline", "Underline", "U"],
  ["insertUnorderedList", "Bulleted list", "•"],
  ["insertOrderedList", "Numbered list", "1."],
];
const DRAFT_ACTIONS = ["updateToRecipients", "updateCcRecipients", "updateBccRecipients", "updateSubject", "updateBody"];
const PLACES = ["IN_PLACE_INSERT", "INSERT_AT_START", "INSERT_AT_END", "REPLACE"];

/** What an empty window begins with. */
export const nothingWritten = () => ({ id: "", to: "", cc: "", bcc: "", subject: "", html: "", files: [] });

/** How an answer to the mail `id` begins; `how` is reply, reply_all or forward. */
export async function answerTo(account, id, how) {
  const begun = await read(of(account, `mails/${id}/answer`), { how });
  return { ...nothingWritten(), ...begun, answers: id, how, html: quoted(begun, how) };
}

export class Compose {
  #window;
  #account;
  #acts;
  #id;
  #answers;
  #parts;
  #waiting = 0;
  #dirty = false;
  #isWriting = false;
  #isSending = false;
  #saving = Promise.resolve();
  /** @type {Range | null} */
  #cursor = null;

  /**
   * `begun` is what it starts with: a draft's fields, with `answers` and `how` for the answer to a mail. `acts` has saved(), closed(),
   * restored(), said(words, undo), failed(words), again(written) and action(number); `actions` are the words of the add-on's compose actions.
   */
  constructor(place, account, begun, actions, acts) {
    this.#account = account;
    this.#acts = acts;
    this.#id = begun.id;
    this.#answers = begun.id ? {} : { answers: begun.answers ?? "", how: begun.how ?? "" };
    this.#parts = this.#draw(begun, actions);
    place.append(this.#window);
    document.addEventListener("selectionchange", this.#keepCursor);
    (begun.to ? this.#parts.editor : this.#parts.to).focus();
    if (begun.to) this.#toStart();
  }

  /** The draft's id; "" until it is saved for the first time. */
  get id() {
    return this.#id;
  }

  get isUnsaved() {
    return this.#dirty || this.#isWriting;
  }

  get isMinimised() {
    return this.#window.classList.contains("minimised");
  }

  /** Leaves only the bar with the title; what is not saved yet is saved. */
  minimise() {
    this.#minimised(true);
    this.#saved().catch((error) => this.#acts.failed(error.message));
  }

  restore() {
    this.#minimised(false);
    this.#parts.editor.focus();
    this.#acts.restored();
  }

  /** The recipients as they stand. */
  recipients() {
    return { to: this.#parts.to.value, cc: this.#parts.cc.value, bcc: this.#parts.bcc.value };
  }

  /** Saves what is not saved yet, and closes the window; the draft stays. */
  async close() {
    await this.#saved();
    if (this.#window.isConnected) this.#gone();
  }

  /** Carries out an add-on's updateDraftActionMarkup; what Gmail would refuse in it. */
  async update(markup) {
    const faults = Object.keys(markup)
      .filter((name) => !DRAFT_ACTIONS.includes(name))
      .map((name) => `${name} is no field of updateDraftActionMarkup`);
    for (const [name, title] of Object.entries(RECIPIENTS)) {
      const people = markup[`update${title}Recipients`]?.[`${name}Recipients`];
      if (!people) continue;
      this.#parts[name].value = people.map(({ email }) => email).join(", ");
      if (people.length) this.#showCopies();
    }
    if (markup.updateSubject) this.#parts.subject.value = markup.updateSubject.subject ?? "";
    if (markup.updateBody) faults.push(...(await this.#updateBody(markup.updateBody).catch((error) => [error.message])));
    this.#changed();
    return faults;
  }

  async #updateBody({ type, insertContents = [] }) {
    if (!PLACES.includes(type)) return [`${type} is no way to change a draft's text`];
    const nodes = (await Promise.all(insertContents.map((content) => nodesOf(this.#account, content)))).flat();
    const { editor } = this.#parts;
    changedAtOnce(editor, () => {
      if (type === "REPLACE") fill(editor, nodes);
      else if (type === "INSERT_AT_START") editor.prepend(piece(nodes));
      else if (type === "INSERT_AT_END") editor.append(piece(nodes));
      else this.#insert(piece(nodes));
    });
    return [];
  }

  /** At the cursor, in place of what is selected; at the start when the cursor has never been in the text. */
  #insert(inserted) {
    const { editor } = this.#parts;
    if (!this.#cursor || !editor.contains(this.#cursor.commonAncestorContainer)) {
      editor.prepend(inserted);
      return;
    }
    this.#cursor.deleteContents();
    this.#cursor.insertNode(inserted);
    this.#cursor.collapse(false);
  }

  #keepCursor = () => {
    const selection = document.getSelection();
    if (selection?.rangeCount && this.#parts.editor.contains(selection.anchorNode)) this.#cursor = selection.getRangeAt(0).cloneRange();
  };

  #toStart() {
    const range = document.createRange();
    range.setStart(this.#parts.editor, 0);
    document.getSelection()?.removeAllRanges();
    document.getSelection()?.addRange(range);
    this.#cursor = range.cloneRange();
  }

  #written() {
    const { subject, editor } = this.#parts;
    return { id: this.#id, ...this.recipients(), subject: subject.value, html: editor.innerHTML, ...this.#answers };
  }

  #changed = () => {
    this.#dirty = true;
    this.#parts.state.textContent = "";
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(() => this.#saved().catch((error) => this.#acts.failed(error.message)), SAVED_AFTER);
  };

  /** One save after the other: a draft that is made twice would be two. */
  #saved() {
    clearTimeout(this.#waiting);
    const before = this.#saving.catch(() => null);
    this.#saving = before.then(async () => {
      if (!this.#dirty) return;
      this.#dirty = false;
      this.#isWriting = true;
      this.#parts.state.textContent = "Saving…";
      try {
        this.#id = (await write(of(this.#account, "drafts"), this.#written())).id;
      } catch (error) {
        this.#dirty = true;
        this.#parts.state.textContent = "Not saved";
        throw error;
      } finally {
        this.#isWriting = false;
      }
      this.#parts.state.textContent = "Draft saved";
      this.#acts.saved();
    });
    return this.#saving;
  }

  async #send() {
    if (this.#isSending) return;
    this.#isSending = true;
    this.#dirty ||= !this.#id;
    try {
      await this.#saved();
      await write(of(this.#account, `drafts/${this.#id}/send`), this.#written());
    } catch (error) {
      this.#acts.failed(error.message);
      return;
    } finally {
      this.#isSending = false;
    }
    this.#gone();
    this.#acts.said("Message sent");
  }

  /** The draft goes; it can be taken back as it was, with its files and its place in a conversation. */
  async #discard() {
    await this.#saved();
    const discarded = this.#id && (await write(of(this.#account, `drafts/${this.#id}/discard`), {}));
    const takeBack = async () => this.#acts.again(await write(of(this.#account, "drafts/restore"), discarded));
    this.#gone();
    this.#acts.said("Draft discarded", discarded && takeBack);
  }

  #gone() {
    clearTimeout(this.#waiting);
    document.removeEventListener("selectionchange", this.#keepCursor);
    this.#window.remove();
    this.#acts.closed();
  }

  #minimised(on) {
    const { title, fold, subject, rest } = this.#parts;
    this.#window.classList.toggle("minimised", on);
    for (const part of rest) part.hidden = on;
    title.textContent = (on && subject.value.trim()) || title.dataset.words;
    const words = on ? "Restore" : "Minimise";
    fold.title = words;
    fold.setAttribute("aria-label", words);
    fold.setAttribute("aria-expanded", String(!on));
    fill(fold, icon(on ? "chevronUp" : "minimise"));
  }

  #showCopies() {
    this.#parts.copies.hidden = true;
    this.#parts.rows.cc.hidden = this.#parts.rows.bcc.hidden = false;
  }

  #draw(begun, actions) {
    const title = TITLES[begun.how] ?? "New message";
    const parts = { rows: {}, state: el("span", { class: "compose-state", role: "status" }) };
    for (const [name, words] of Object.entries(RECIPIENTS)) {
      const settings = { type: "text", dir: "auto", autocomplete: "off", spellcheck: "false", "aria-label": words };
      parts[name] = el("input", { ...settings, value: begun[name], on: { input: this.#changed } });
      parts.rows[name] = el("label", { class: "compose-row" }, el("span", { "aria-hidden": "true" }, words), parts[name]);
    }
    const noCopies = !begun.cc && !begun.bcc;
    parts.rows.cc.hidden = parts.rows.bcc.hidden = noCopies;
    parts.copies = textButton("Cc Bcc", () => {
      this.#showCopies();
      this.#parts.cc.focus();
    });
    parts.copies.hidden = !noCopies;
    parts.rows.to.append(parts.copies);
    parts.subject = el("input", {
      type: "text",
      class: "compose-subject",
      dir: "auto",
      placeholder: "Subject",
      "aria-label": "Subject",
      value: begun.subject,
      on: { input: this.#changed },
    });
    parts.editor = textEditor(begun.html, this.#changed);
    parts.title = el("h2", { id: newId("compose"), dir: "auto", data: { words: title } }, title);
    const turn = () => (this.isMinimised ? this.restore() : this.#fold());
    const close = () => this.close().catch((error) => this.#acts.failed(error.message));
    parts.fold = iconButton("minimise", "Minimise", turn);
    parts.rest = [
      el("div", { class: "compose-heads" }, Object.values(parts.rows), parts.subject),
      parts.editor,
      begun.files?.length ? el("p", { class: "compose-files", dir: "auto" }, `With ${begun.files.join(", ")}`) : null,
      this.#foot(actions),
    ].filter(Boolean);
    const head = el("header", {}, parts.title, parts.state, parts.fold, iconButton("close", "Save and close", close));
    parts.title.addEventListener("click", turn);
    const settings = { class: "compose", role: "dialog", "aria-labelledby": parts.title.id };
    this.#window = el("section", { ...settings, on: { keydown: (event) => this.#onKey(event, close) } }, head, parts.rest);
    return parts;
  }

  /** Minimised by hand: the bar's button keeps the focus, so that it can be brought back. */
  #fold() {
    this.minimise();
    this.#parts.fold.focus();
  }

  #foot(actions) {
    const send = el("button", { type: "button", class: "button filled", title: "Send (Ctrl-Enter)" }, "Send");
    send.addEventListener("click", () => this.#send());
    const addon = actions.map((words, number) => {
      const settings = { type: "button", class: "button outlined compose-action", on: { click: () => this.#acts.action(number) } };
      return el("button", settings, icon("panel"), el("span", { dir: "auto" }, words));
    });
    return el(
      "footer",
      {},
      send,
      el("div", { role: "group", "aria-label": "Formatting", class: "formats" }, FORMATS.map(formatButton)),
      addon,
      el("span", { class: "space" }),
      iconButton("delete", "Discard draft", () => this.#discard().catch((error) => this.#acts.failed(error.message))),
    );
  }

  #onKey(event, close) {
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#send();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

function textEditor(html, changed) {
  const settings = {
    class: "compose-text",
    contenteditable: "true",
    role: "textbox",
    "aria-multiline": "true",
    "aria-label": "Message",
    dir: "auto",
    on: { input: changed },
  };
  const node = el("div", settings, safeNodes(html));
  node.addEventListener("paste", (event) => {
    event.preventDefault();
    const text = event.clipboardData.getData("text/plain");
    changedAtOnce(node, () => document.execCommand("insertText", false, text));
  });
  node.addEventListener("drop", (event) => event.preventDefault());
  return node;
}

/** With dir="auto" a browser reads the whole text anew at each node that comes in: it reads once, at the end. */
function changedAtOnce(node, change) {
  node.removeAttribute("dir");
  change();
  node.setAttribute("dir", "auto");
}

function formatButton([command, words, sign]) {
  const button = el("button", { type: "button", class: `icon-button format-${command}`, title: words, "aria-label": words }, sign);
  // The press must not take the selection out of the text.
  button.addEventListener("mousedown", (event) => event.preventDefault());
  button.addEventListener("click", () => document.execCommand(command));
  return button;
}

const textButton = (words, act) => el("button", { type: "button", class: "link-button", on: { click: act } }, words);

function iconButton(drawing, words, act) {
  const settings = { type: "button", class: "icon-button", title: words, "aria-label": words, on: { click: act } };
  return el("button", settings, icon(drawing));
}

function quoted({ quoted: mail, received_at: received }, how) {
  const place = document.createElement("div");
  const when = dated(received);
  const heads =
    how === "forward"
      ? ["---------- Forwarded message ---------", `From: ${mail.from}`, `Date: ${when}`, `Subject: ${mail.subject}`, `To: ${mail.to}`]
      : [`On ${when}, ${mail.from} wrote:`];
  const text = safeNodes(mail.html);
  place.append(el("div", {}, el("br")), ...heads.map((words) => el("div", { dir: "auto" }, words)));
  place.append(how === "forward" ? el("div", {}, el("br"), text) : el("blockquote", {}, text));
  return place.innerHTML;
}

function piece(nodes) {
  return fill(document.createDocumentFragment(), nodes);
}

async function nodesOf(account, { content = "", contentType = "TEXT" }) {
  if (contentType === "TEXT") return content.split("\n").flatMap((line, index) => (index ? [el("br"), line] : [line]));
  const { html } = await write(of(account, "clean"), { html: content });
  const nodes = safeNodes(html);
  return contentType === "IMMUTABLE_HTML" ? [el("div", { contenteditable: "false" }, nodes)] : nodes;
}

/** Nodes for HTML, which the desk has cleaned already: made anew from what a mail may hold here, so that nothing runs and nothing is fetched. */
function safeNodes(html) {
  return copies(new DOMParser().parseFromString(html, "text/html").body, { nodes: MOST_NODES }, DEEPEST);
}

function copies(parent, left, deeper) {
  return [...parent.childNodes].flatMap((node) => {
    if (--left.nodes < 0 || deeper < 0) throw new DeskError("There is too much in this text to be edited here.");
    if (node.nodeType === Node.TEXT_NODE) return [node.data];
    const name = node.nodeName.toUpperCase();
    if (node.nodeType !== Node.ELEMENT_NODE || LEFT_OUT.includes(name)) return [];
    if (!TAGS.includes(name)) return copies(node, left, deeper - 1);
    const link = name === "A" && /^(https?:|mailto:|tel:)/i.test(node.getAttribute("href") ?? "") ? node.getAttribute("href") : null;
    return [el(name, { href: link }, copies(node, left, deeper - 1))];
  });
}
