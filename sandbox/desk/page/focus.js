// @ts-check
/** Where the focus is, kept while the page is drawn anew. What can have it is named by data-act, within a data-thread, -mail or -row. */

/** Redraws, and gives the focus back to what it was on, where that is still there. */
export function keepingFocus(redraw) {
  const focused = document.activeElement;
  const place = placeOf(focused);
  redraw();
  if (!focused?.isConnected) /** @type {HTMLElement | null} */ (document.querySelector(place.join(" ")))?.focus();
}

/** Where this node is: selectors, each within the one before, that find its successor after the page was drawn anew. */
export function placeOf(node) {
  const steps = [];
  for (let at = node; at && at !== document.body; at = at.parentElement) {
    const name = ["act", "thread", "mail", "row"].find((one) => at.dataset[one]);
    if (name) steps.unshift(`[data-${name}="${CSS.escape(at.dataset[name])}"]`);
    if (at.id) return [`#${at.id}`, ...steps];
  }
  return ["#main"];
}

/** Gives the focus to what is at this place, or as near to it as there still is something. */
export function focusAt(place) {
  const can = "a, button, input, [tabindex]";
  for (let steps = place; steps.length; steps = steps.slice(0, -1)) {
    const found = document.querySelector(steps.join(" "));
    const target = found?.matches(can) ? found : found?.querySelector(can);
    if (target?.checkVisibility()) return target.focus();
  }
}
