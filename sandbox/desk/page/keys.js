/** The list of keyboard shortcuts. */

import { el, fill } from "./dom.js";
import { icon } from "./icons.js";

const WORDS = [
  ["j", "Older conversation"],
  ["k", "Newer conversation"],
  ["o", "Open (or Enter)"],
  ["u", "Back to the list"],
  ["e", "Archive"],
  ["#", "Delete"],
  ["s", "Star"],
  ["x", "Select"],
  ["l", "Label"],
  ["I", "Mark as read (Shift-i)"],
  ["U", "Mark as unread (Shift-u)"],
  ["z", "Undo"],
  ["c", "Compose"],
  ["r", "Reply"],
  ["a", "Reply to all"],
  ["f", "Forward"],
  ["Ctrl-Enter", "Send"],
  ["/", "Search"],
  ["Esc", "Close, or leave the search"],
  ["?", "This list"],
];

export function showKeys(dialog) {
  const close = el(
    "button",
    { type: "button", class: "icon-button", "aria-label": "Close", on: { click: () => dialog.close() } },
    icon("close"),
  );
  const rows = WORDS.map(([key, words]) => el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, words)));
  fill(
    dialog,
    el("header", { class: "dialog-head" }, el("h2", { id: "dialog-title" }, "Keyboard shortcuts"), close),
    el("dl", { class: "keys" }, rows),
  );
  dialog.showModal();
}
