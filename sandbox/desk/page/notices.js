// @ts-check
/** What is said at the foot of the page, and what was done last and can be taken back. */

import { byId, toast } from "./dom.js";

/** @type {(() => void) | null} */
let undoLast = null;

/** Runs it; what the desk refuses is told at the foot of the page. @param {() => unknown} act */
export async function guarded(act) {
  try {
    await act();
  } catch (error) {
    say(error.message);
  }
}

/** @param {string} words */
export const say = (words) => toast(byId("toasts"), words);

/** Says it; the last that can be taken back can be with z, too. @param {string} words @param {(() => unknown) | null} undo */
export function tell(words, undo = null) {
  undoLast = undo && once(() => guarded(undo));
  toast(byId("toasts"), words, undoLast && { words: "Undo", act: undoLast });
}

/** What nobody has just done on this page: it takes nobody's Undo away. @param {string} words @param {Action} action */
export function sayOfItself(words, action) {
  if (!byId("toasts").querySelector(".toast-act")) toast(byId("toasts"), words, action);
}

/** Takes back what was done last. */
export const takeBack = () => undoLast?.();

/** @param {() => unknown} act */
function once(act) {
  let done = false;
  return () => {
    if (!done) act();
    done = true;
  };
}
