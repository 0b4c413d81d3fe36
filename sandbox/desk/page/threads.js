// @ts-check
/** The list of conversations. */

import { el, fill } from "./dom.js";
import { icon } from "./icons.js";
import { inList, whole } from "./dates.js";
import { chips, labelName } from "./labels.js";
import { recipients, writers } from "./people.js";
import { address } from "./route.js";

const EMPTY = {
  INBOX: ["Nothing in the inbox", "Mail that the job sorts leaves the inbox for its label at the left."],
  STARRED: ["No starred messages", "A star lets you give a message a special place."],
  SENT: ["No sent messages", ""],
  DRAFT: ["No saved drafts", ""],
  SPAM: ["Hooray, no spam here", ""],
  TRASH: ["Nothing in the trash", ""],
};

/**
 * Draws the list. `list` is {threads, next}; `acts` has select(id, on), star(thread), archive(thread), trash(thread), read(thread, on),
 * edit(draft's message).
 */
export function drawThreads(place, list, { route, labels, selected, acts }) {
  if (!list.threads.length) {
    fill(place, empty(route, labels));
    return;
  }
  const rows = list.threads.map((thread) => row(thread, { route, labels, chosen: selected.has(thread.id), acts }));
  fill(
    place,
    el("h1", { class: "only-heard" }, heading(route, labels)),
    el("ul", { class: "threads", "aria-label": "Conversations" }, rows),
  );
}

/** What the list is of. */
export const heading = (route, labels) => (route.q ? `Search: ${route.q}` : labelName(labels, route.label));

function empty(route, labels) {
  const [title, more] = route.q
    ? ["No messages matched your search", "Try other words, or from:, to:, subject:, label:, after: and has:attachment."]
    : (EMPTY[route.label] ?? [`There are no conversations in ${labelName(labels, route.label)}`, ""]);
  return el(
    "div",
    { class: "empty" },
    icon(route.q ? "search" : "inbox"),
    el("h1", { dir: "auto" }, title),
    more && el("p", {}, more),
  );
}

function row(thread, { route, labels, chosen, acts }) {
  const isSent = route.label === "SENT" && !route.q;
  const draft = route.label === "DRAFT" && !route.q && thread.messages.findLast((message) => message.draft);
  const labelled = chips(labels, thread.labels, { without: route.q ? "" : route.label });
  const link = el(
    "a",
    {
      class: "thread-link",
      data: { act: "open" },
      href: address({ ...route, thread: thread.id }),
      on: draft ? { click: (event) => event.preventDefault() || acts.edit(draft) } : {},
    },
    el("span", { class: "writers", dir: "auto" }, isSent ? recipients(thread.sent_to) : writers(thread.messages)),
    el(
      "span",
      { class: "about" },
      labelled.length > 0 && el("span", { class: "row-chips" }, labelled),
      el("span", { class: "subject", dir: "auto" }, thread.subject || "(no subject)"),
      el("span", { class: "snippet", dir: "auto" }, thread.snippet),
    ),
    thread.has_attachment && el("span", { class: "has-attachment", title: "Has attachment" }, icon("attach")),
    el(
      "time",
      { class: "date", title: whole(thread.received_at), datetime: new Date(thread.received_at).toISOString() },
      inList(thread.received_at),
    ),
  );
  const settings = { class: `thread${thread.unread ? " unread" : ""}${chosen ? " selected" : ""}`, data: { thread: thread.id } };
  return el("li", settings, checkbox(thread, chosen, acts), star(thread, acts), link, quickActs(thread, acts));
}

function checkbox(thread, chosen, acts) {
  const words = `Select ${thread.subject || "conversation without subject"}`;
  return el("input", {
    type: "checkbox",
    class: "pick",
    checked: chosen,
    "aria-label": words,
    data: { act: "pick" },
    on: { change: (event) => acts.select(thread.id, event.target.checked) },
  });
}

function star(thread, acts) {
  const settings = {
    type: "button",
    class: "icon-button star",
    "aria-pressed": String(thread.starred),
    "aria-label": "Starred",
    data: { act: "star" },
    on: { click: () => acts.star(thread) },
  };
  return el("button", settings, icon("star"));
}

/** What shows on a row under the pointer; by key it is the toolbar's. */
function quickActs(thread, acts) {
  const one = (name, words, act) => {
    return el(
      "button",
      { type: "button", class: "icon-button", tabindex: "-1", title: words, "aria-label": words, on: { click: act } },
      icon(name),
    );
  };
  return el(
    "span",
    { class: "quick" },
    one("archive", "Archive", () => acts.archive(thread)),
    one("delete", "Delete", () => acts.trash(thread)),
    one(thread.unread ? "mailOpen" : "mail", thread.unread ? "Mark as read" : "Mark as unread", () =>
      acts.read(thread, thread.unread),
    ),
  );
}
