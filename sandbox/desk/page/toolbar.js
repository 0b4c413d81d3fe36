// @ts-check
/** The bar above list and conversation: what can be done with what is chosen, and the ways to and fro. */

import { byId, el, fill } from "./dom.js";
import { icon } from "./icons.js";
import { archive, inInbox, markRead, markUnreadAndLeave, toInbox, trash } from "./actions.js";
import { labelMenu } from "./label_actions.js";
import { guarded } from "./notices.js";
import { PAGE_OF_THREADS, back, refresh, show } from "./routing.js";
import { chosen, draw, page } from "./state.js";
import { heading } from "./threads.js";

export function drawToolbar() {
  const { thread } = page;
  fill(
    byId("toolbar"),
    thread ? button("back", `Back to ${heading(page.route, page.labels)}`, "back", back) : pickAll(),
    thread ? null : button("refresh", "Refresh", "refresh", refresh),
    actions(chosen()),
    el("span", { class: "space" }),
    thread ? neighbours(thread) : pager(),
  );
}

/** Presses a button that is there and not off. @param {string} name */
export function press(name) {
  const found = byId("toolbar").querySelector(`[data-act="${name}"]:not([disabled])`);
  if (found instanceof HTMLElement) found.click();
}

/** @param {string} name @param {string} words @param {string} drawing @param {(button: HTMLElement) => unknown} act */
function button(name, words, drawing, act, off = false) {
  const settings = { type: "button", class: "icon-button", title: words, "aria-label": words, disabled: off, data: { act: name } };
  const node = el("button", settings, icon(drawing));
  node.addEventListener("click", () => guarded(() => act(node)));
  return node;
}

/** @param {Thread[]} threads */
function actions(threads) {
  if (!threads.length) return [];
  return [
    inInbox(threads)
      ? button("archive", "Archive", "archive", () => archive(threads))
      : button("inbox", "Move to Inbox", "moveToInbox", () => toInbox(threads)),
    button("trash", "Delete", "delete", () => trash(threads)),
    page.thread
      ? button("unread", "Mark as unread", "mail", () => markUnreadAndLeave(threads))
      : button("read", "Mark as read", "mailOpen", () => markRead(threads, true)),
    button("label", "Label as", "label", (at) => labelMenu(at, threads)),
  ];
}

function pickAll() {
  const ids = page.list.threads.map((thread) => thread.id);
  const box = /** @type {HTMLInputElement} */ (
    el("input", {
      type: "checkbox",
      class: "pick",
      checked: ids.length > 0 && ids.every((id) => page.selected.has(id)),
      disabled: !ids.length,
      "aria-label": "Select all",
    })
  );
  box.addEventListener("change", () => {
    page.selected = new Set(box.checked ? ids : []);
    draw();
  });
  return box;
}

function pager() {
  const count = page.list.threads.length;
  if (!count) return [];
  const number = Number(page.route.page || 1);
  const first = (number - 1) * PAGE_OF_THREADS + 1;
  const last = first + count - 1;
  const all = page.route.q ? null : page.labels.find((label) => label.id === page.route.label)?.threads;
  const total = all ?? (page.list.next ? "many" : last);
  /** @param {number} to */
  const turn = (to) => () => show({ page: to > 1 ? String(to) : "" });
  return [
    el("span", { class: "pages" }, `${first.toLocaleString()}–${last.toLocaleString()} of ${total.toLocaleString()}`),
    button("newer", "Newer", "chevronLeft", turn(number - 1), number === 1),
    button("older", "Older", "chevronRight", turn(number + 1), !page.list.next),
  ];
}

/** @param {Thread} thread */
function neighbours(thread) {
  const { threads } = page.list;
  const at = threads.findIndex((one) => one.id === thread.id);
  if (at < 0) return [];
  /** @param {number} index */
  const to = (index) => () => show({ thread: threads[index].id });
  return [
    button("newer", "Newer", "chevronLeft", to(at - 1), at === 0),
    button("older", "Older", "chevronRight", to(at + 1), at === threads.length - 1),
  ];
}
