// @ts-check
/** The rows of the list, and which of them has the focus. */

import { byId } from "./dom.js";

/** The row under the focus. @returns {HTMLElement | null} */
export const rowInFocus = () => document.activeElement?.closest(".thread") ?? null;

/** Gives the focus to the row of this conversation, or to the first. @param {string | undefined} id */
export function focusRow(id) {
  const rows = byId("view");
  const row = rows.querySelector(`[data-thread="${id}"] .thread-link`) ?? rows.querySelector(".thread-link");
  if (row instanceof HTMLElement) row.focus();
}

/** Gives the focus to the row so many further down. @param {number} step */
export function stepRow(step) {
  const rows = [...byId("view").querySelectorAll(".thread")];
  const row = rowInFocus();
  const at = row ? rows.indexOf(row) : -1;
  const link = rows[Math.max(0, Math.min(rows.length - 1, at + step))]?.querySelector(".thread-link");
  if (link instanceof HTMLElement) link.focus();
}
