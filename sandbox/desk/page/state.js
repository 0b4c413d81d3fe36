// @ts-check
/** What the page shows now: who reads, what is open, what is listed and chosen; and that it is to be drawn anew. */

import { of } from "./api.js";
import { keepingFocus } from "./focus.js";
import { parse } from "./route.js";

export const page = {
  /** @type {Start} */
  start: {
    addon: "",
    accounts: [],
    scopes: [],
    compose_actions: [],
    universal_actions: [],
    open_link_prefixes: [],
    http_origins: [],
  },
  route: parse(""),
  /** @type {Label[]} */
  labels: [],
  /** @type {List} */
  list: { threads: [], next: "" },
  /** @type {Conversation | null} */
  thread: null,
  /** Ids of the conversations picked in the list. @type {Set<string>} */
  selected: new Set(),
  /** Counts what was to be shown: what is loaded for anything but the last comes too late. */
  shown: 0,
  /** Whether an open conversation is drawn anew although it is the same. */
  redraw: false,
  /** Whether a compose window is on its way. */
  opening: false,
};

export const account = () => page.route.account;

/** @returns {Account} */
export const me = () => page.start.accounts.find((one) => one.address === account()) ?? { address: "", name: "" };

/** The desk's path for who reads. @param {string} rest */
export const path = (rest) => of(account(), rest);

/** The conversations that buttons and keys are about: those picked, or the open one. @returns {Thread[]} */
export function chosen() {
  return page.thread ? [page.thread] : page.list.threads.filter((thread) => page.selected.has(thread.id));
}

let drawing = { content: () => {}, labels: () => {} };

/** How the page is drawn: `content` is toolbar, list or conversation, `labels` what stands at the left. @param {typeof drawing} parts */
export const drawWith = (parts) => (drawing = parts);

export const draw = () => keepingFocus(drawing.content);
export const drawLabelList = () => keepingFocus(drawing.labels);
