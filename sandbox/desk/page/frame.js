// @ts-check
/** The parts at the sides: labels and panel, which go away for room and come back. */

import { byId } from "./dom.js";

const NARROW = matchMedia("(max-width: 860px)");

/** @param {boolean} on */
export function showPanel(on) {
  byId("panel").hidden = !on;
  byId("panel-button").setAttribute("aria-expanded", String(on));
}

/** @param {boolean} on */
export function showSide(on) {
  byId("side").hidden = !on;
  byId("menu-button").setAttribute("aria-expanded", String(on));
}

/** As a page begins: where there is room for both. */
export function showSides() {
  showPanel(!NARROW.matches);
  showSide(!NARROW.matches);
}

/** Where there is room for one part only, what was chosen at the left is to be seen. */
export function makeRoom() {
  if (NARROW.matches) showSide(false);
}
