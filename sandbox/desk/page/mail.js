// @ts-check
/** An open conversation: its mails, each rendered so that nothing in it can run or be fetched. */

import { el, fill } from "./dom.js";
import { icon } from "./icons.js";
import { of } from "./api.js";
import { inMail, whole } from "./dates.js";
import { chips } from "./labels.js";
import { face, nameOf } from "./people.js";

/** So many closed mails one after the other, between two that are in sight, are shown as one line. */
const FEWEST_FOLDED = 2;

/** A mail address is looked for from where its letters begin, and from nowhere within them: each is read once. */
const ADDRESS = /\bhttps?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}]|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g;

/** Draws a thread; `acts` has unlabel(id), opened(message): which message the add-on shows, answer(message, how), and
 * edit(message) for a draft. */
export function drawThread(place, thread, { account, labels, acts }) {
  const newest = thread.messages.findLastIndex((message) => !message.draft);
  const isOpen = (message, index) => index === newest || message.unread;
  const mails = thread.messages.map((message, index) => mail(message, isOpen(message, index), { account, acts }));
  fill(
    place,
    el(
      "article",
      { class: "open-thread", data: { thread: thread.id } },
      el(
        "header",
        { class: "thread-head" },
        el("h1", { dir: "auto", tabindex: "-1" }, thread.subject || "(no subject)"),
        el("span", { class: "thread-chips" }, chips(labels, thread.labels, { remove: acts.unlabel })),
      ),
      withFolds(mails, thread.messages.map(isOpen)),
    ),
  );
}

/** The mails with a line before each that hides the middle of a run of closed ones; `open` says of each mail whether it is open. */
function withFolds(mails, open) {
  const isInside = (at) => at > 0 && at < mails.length - 1 && !open[at - 1] && !open[at] && !open[at + 1];
  return mails.map((node, at) => {
    if (!isInside(at) || isInside(at - 1)) return node;
    const run = mails.slice(at).slice(0, mails.slice(at).findIndex((_, step) => !isInside(at + step)));
    return run.length < FEWEST_FOLDED ? node : [foldLine(run), node];
  });
}

function foldLine(run) {
  for (const node of run) node.hidden = true;
  const unfold = () => {
    for (const node of run) node.hidden = false;
    run[0].querySelector("button").focus();
    line.remove();
  };
  const settings = { type: "button", class: "older", on: { click: unfold } };
  const line = el("button", settings, el("span", {}, run.length.toLocaleString()), " older messages");
  return line;
}

function mail(message, open, surroundings) {
  const body = el("div", { class: "mail-body", hidden: !open });
  const node = el("section", { class: "mail", "aria-label": `From ${nameOf(message.from)}`, data: { mail: message.id } });
  const [date, ago] = inMail(message.received_at);
  const toggle = el(
    "button",
    { type: "button", class: "mail-head", "aria-expanded": String(open), data: { act: "unfold" } },
    face(message.from),
    headWords(message),
    el(
      "time",
      { class: "date", title: whole(message.received_at), datetime: new Date(message.received_at).toISOString() },
      date,
      el("span", { class: "ago" }, ago),
    ),
  );
  const show = (on) => {
    body.hidden = !on;
    node.classList.toggle("closed", !on);
    toggle.setAttribute("aria-expanded", String(on));
    if (on && !body.firstChild) fill(body, content(message, surroundings));
  };
  toggle.addEventListener("click", () => {
    show(body.hidden);
    if (!body.hidden) surroundings.acts.opened(message);
  });
  show(open);
  if (message.draft) node.append(draftHead(message, surroundings));
  else node.append(toggle, body);
  return node;
}

/** A draft in a conversation: a click goes on writing it. */
function draftHead(message, { acts }) {
  return el(
    "button",
    { type: "button", class: "mail-head", data: { act: "edit" }, on: { click: () => acts.edit(message) } },
    face(message.from),
    el(
      "span",
      { class: "mail-words" },
      el("b", { class: "draft-writer" }, "Draft"),
      el("span", { class: "draft-snippet", dir: "auto" }, message.snippet),
    ),
    icon("edit"),
  );
}

/** Reply, reply to all when there is more than one to reply to, forward. */
function answers(message, { acts }) {
  const several = [...message.to, ...message.cc].filter((person) => !person.me).length > (message.from.me ? 1 : 0);
  const one = (how, words, drawing) => {
    const settings = { type: "button", class: "button outlined", data: { act: how } };
    return el("button", { ...settings, on: { click: () => acts.answer(message, how) } }, icon(drawing), words);
  };
  return el(
    "div",
    { class: "answers" },
    one("reply", "Reply", "reply"),
    several && one("reply_all", "Reply to all", "replyAll"),
    one("forward", "Forward", "forward"),
  );
}

function headWords(message) {
  const { from } = message;
  return el(
    "span",
    { class: "mail-words" },
    el(
      "span",
      { class: "mail-from" },
      el("b", { dir: "auto" }, nameOf(from)),
      " ",
      from.address && el("span", { class: "mail-address" }, `<${from.address}>`),
    ),
    el("span", { class: "mail-snippet", dir: "auto" }, message.snippet),
  );
}

function recipients({ to, cc }) {
  const names = (people) =>
    people
      .slice(0, 4)
      .map((person) => (person.me ? "me" : nameOf(person)))
      .join(", ") + (people.length > 4 ? " …" : "");
  if (!to.length && !cc.length) return "to undisclosed recipients";
  return [to.length && `to ${names(to)}`, cc.length && `cc ${names(cc)}`].filter(Boolean).join(", ");
}

/** Whom it is to in one line; unfolded, every address. */
function details(message) {
  const everybody = (people) => people.map(({ name, address }) => el("bdi", {}, name ? `${name} <${address}>` : address));
  const rows = [
    ["From", everybody([message.from])],
    ["To", everybody(message.to)],
    ["Cc", everybody(message.cc)],
    ["Date", [whole(message.received_at)]],
  ];
  return el(
    "details",
    { class: "mail-details" },
    el("summary", { class: "mail-to", dir: "auto" }, recipients(message)),
    el(
      "dl",
      {},
      rows.filter(([, values]) => values.length).map(([word, values]) => el("div", {}, el("dt", {}, word), el("dd", {}, values))),
    ),
  );
}

function content(message, surroundings) {
  const { account } = surroundings;
  const shown = message.html ? htmlBody(message, account) : [el("pre", { class: "plain", dir: "auto" }, linked(message.text))];
  if (!message.html && !message.text.trim()) shown.splice(0, 1, el("p", { class: "quiet" }, "This mail has no text."));
  const clipped = message.clipped && el("p", { class: "quiet" }, "[Message clipped: the rest of it is too long to show]");
  return [details(message), ...shown, clipped, attachments(message, account), answers(message, surroundings)].filter(Boolean);
}

/** The mail's HTML in a frame that may run nothing; the desk has cleaned it and forbids it to fetch anything. */
function htmlBody(message, account) {
  const source = of(account, `mails/${message.id}/body`);
  const frame = el("iframe", {
    class: "mail-frame",
    title: `Text of the mail from ${nameOf(message.from)}`,
    referrerpolicy: "no-referrer",
    // Without allow-scripts nothing can run in it; the same origin lets this page measure how high the mail is.
    sandbox: "allow-same-origin allow-popups allow-popups-to-escape-sandbox",
    src: source,
  });
  frame.addEventListener("load", () => fit(frame));
  return message.remote_images ? [imageBar(() => (frame.src = `${source}?images=1`)), frame] : [frame];
}

function imageBar(show) {
  const bar = el("div", { class: "image-bar" }, "Images are not displayed. ");
  const act = () => {
    show();
    bar.remove();
  };
  bar.append(el("button", { type: "button", class: "link-button", on: { click: act } }, "Display images below"));
  return bar;
}

function fit(frame) {
  const inside = frame.contentDocument?.documentElement;
  if (!inside) return;
  // Measured with no height, so that what is as high as the frame (100vh) cannot make it grow for ever. What is around it keeps its
  // height meanwhile, and so the reader's place.
  const measure = () => {
    const around = frame.parentElement;
    around.style.minHeight = `${around.offsetHeight}px`;
    frame.style.height = "0";
    frame.style.height = `${Math.min(inside.scrollHeight, 30_000)}px`;
    around.style.minHeight = "";
  };
  measure();
  new ResizeObserver(measure).observe(inside.querySelector("body"));
}

function attachments(message, account) {
  if (!message.attachments.length) return null;
  const items = message.attachments.map((file) => {
    const link = of(account, `mails/${message.id}/attachments/${file.part}`);
    return el(
      "li",
      {},
      el(
        "a",
        { href: link, download: file.name, class: "attachment" },
        icon("attach"),
        el("span", { dir: "auto" }, file.name),
        el("small", {}, sizeOf(file.size)),
      ),
    );
  });
  const count = `${items.length} ${items.length === 1 ? "attachment" : "attachments"}`;
  return el("div", { class: "attachments" }, el("h2", {}, count), el("ul", {}, items));
}

function sizeOf(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < 1024 * 1024 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

/** Plain text with its web and mail addresses as links. */
function linked(text) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(ADDRESS)) {
    const address = found[0];
    const link = address.startsWith("http") ? address : `mailto:${address}`;
    nodes.push(text.slice(from, found.index), el("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, address));
    from = found.index + address.length;
  }
  return [...nodes, text.slice(from)];
}
