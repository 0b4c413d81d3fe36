// @ts-check
/** The compose windows at the page's foot, side by side: as many are open as there is room for, the others are bars with their titles. */

import { Compose } from "./compose.js";

/** What an open window and a bar need at least, in pixels. */
const OPEN = 330;
const BAR = 150;

export class ComposeWindows {
  #place;
  #actions;
  #acts;
  /** The one that was opened or restored last is the last. */
  #windows = [];

  /**
   * `actions` are the words of the add-on's compose actions. `acts` has saved(), closed(window, place), said(words, undo), failed(words),
   * again(written) and action(window, number).
   */
  constructor(place, actions, acts) {
    this.#place = place;
    this.#actions = actions;
    this.#acts = acts;
    addEventListener("resize", () => this.#makeRoom());
    addEventListener("beforeunload", (event) => this.#windows.some((window) => window.isUnsaved) && event.preventDefault());
  }

  /** The window that was used last. */
  get newest() {
    return this.#windows.at(-1);
  }

  /** Opens a window on what is `begun`, or brings back the one in which that draft is open. `place` is told when it has closed. */
  open(account, begun, place) {
    const open = this.#windows.find((window) => begun.id && window.id === begun.id);
    if (open) {
      open.restore();
      return;
    }
    const window = new Compose(this.#place, account, begun, this.#actions, {
      ...this.#acts,
      closed: () => {
        this.#windows = this.#windows.filter((other) => other !== window);
        this.#acts.closed(window, place);
      },
      restored: () => {
        this.#windows = [...this.#windows.filter((other) => other !== window), window];
        this.#makeRoom();
      },
      action: (number) => this.#acts.action(window, number),
    });
    this.#windows.push(window);
    this.#makeRoom();
  }

  /** Minimises the oldest until the others have room; the newest stays as it is. */
  #makeRoom() {
    const width = this.#place.clientWidth;
    for (const window of this.#windows.slice(0, -1)) {
      const open = this.#windows.filter((other) => !other.isMinimised).length;
      if (open * OPEN + (this.#windows.length - open) * BAR <= width) return;
      window.minimise();
    }
  }
}
