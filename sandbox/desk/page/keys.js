// @ts-check
/** The keyboard shortcuts: each with its words and what it does. */

import { byId, el, fill } from "./dom.js";
import { icon } from "./icons.js";
import { archive, inInbox, markRead, markUnreadAndLeave, toggleStar, trash } from "./actions.js";
import { answer, compose } from "./composing.js";
import { guarded, takeBack } from "./notices.js";
import { back } from "./routing.js";
import { rowInFocus, stepRow } from "./rows.js";
import { chosen, page } from "./state.js";
import { press } from "./toolbar.js";

/**
 * Without `act` it is done where it is typed: in a compose window, in a dialog, in the search.
 * @type {{ key: string, words: string, act?: () => unknown }[]}
 */
const SHORTCUTS = [
  { key: "j", words: "Older conversation", act: () => step(1) },
  { key: "k", words: "Newer conversation", act: () => step(-1) },
  { key: "o", words: "Open (or Enter)", act: () => clickInRow(".thread-link") },
  { key: "u", words: "Back to the list", act: () => page.thread && back() },
  { key: "e", words: "Archive", act: () => onThreads((threads) => inInbox(threads) && archive(threads)) },
  { key: "#", words: "Delete", act: () => onThreads(trash) },
  { key: "s", words: "Star", act: () => onThreads((threads) => Promise.all(threads.map(toggleStar))) },
  { key: "x", words: "Select", act: () => clickInRow(".pick") },
  { key: "l", words: "Label", act: () => press("label") },
  { key: "I", words: "Mark as read (Shift-i)", act: () => onThreads((threads) => markRead(threads, true)) },
  { key: "U", words: "Mark as unread (Shift-u)", act: () => onThreads(markUnread) },
  { key: "z", words: "Undo", act: takeBack },
  { key: "c", words: "Compose", act: compose },
  { key: "r", words: "Reply", act: () => onNewest("reply") },
  { key: "a", words: "Reply to all", act: () => onNewest("reply_all") },
  { key: "f", words: "Forward", act: () => onNewest("forward") },
  { key: "Ctrl-Enter", words: "Send" },
  { key: "/", words: "Search", act: () => byId("query").focus() },
  { key: "Esc", words: "Close, or leave the search" },
  { key: "?", words: "This list", act: () => showKeys() },
];

const ACTS = new Map(SHORTCUTS.flatMap(({ key, act }) => (act ? [[key, act]] : [])));

/** From now on. */
export function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    const act = ACTS.get(event.key);
    if (event.key === "Escape" && event.target === byId("query")) byId("main").focus();
    if (!act || page.opening || isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
}

/** The list of them. */
export function showKeys() {
  const dialog = /** @type {HTMLDialogElement} */ (byId("dialog"));
  const close = el(
    "button",
    { type: "button", class: "icon-button", "aria-label": "Close", on: { click: () => dialog.close() } },
    icon("close"),
  );
  const rows = SHORTCUTS.map(({ key, words }) => el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, words)));
  fill(
    dialog,
    el("header", { class: "dialog-head" }, el("h2", { id: "dialog-title" }, "Keyboard shortcuts"), close),
    el("dl", { class: "keys" }, rows),
  );
  dialog.showModal();
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  const places = "input:not([type=checkbox]), textarea, select, dialog, [role=menu], [role=dialog]";
  return target instanceof Element && target.closest(places) !== null;
}

/** @param {number} by */
function step(by) {
  if (page.thread) press(by > 0 ? "older" : "newer");
  else stepRow(by);
}

/** @param {string} what */
function clickInRow(what) {
  const found = rowInFocus()?.querySelector(what);
  if (found instanceof HTMLElement) found.click();
}

/** For what is chosen, or under the focus. @param {(threads: Thread[]) => unknown} act */
function onThreads(act) {
  const id = rowInFocus()?.dataset.thread;
  const picked = chosen();
  const threads = picked.length ? picked : page.list.threads.filter((thread) => thread.id === id);
  if (threads.length) guarded(() => act(threads));
}

/** @param {Thread[]} threads */
const markUnread = (threads) => (page.thread ? markUnreadAndLeave(threads) : markRead(threads, false));

/** Answers the open conversation's newest mail. @param {string} how */
function onNewest(how) {
  const newest = page.thread?.messages.findLast((message) => !message.draft);
  if (newest) guarded(() => answer(newest, how));
}
