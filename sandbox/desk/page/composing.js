// @ts-check
/** Writing: new mail, answers and drafts in their windows, and back to where one was when a window closes. */

import { byId } from "./dom.js";
import { read } from "./api.js";
import { answerTo, nothingWritten } from "./compose.js";
import { ComposeWindows } from "./compose_windows.js";
import { focusAt, placeOf } from "./focus.js";
import { guarded, say, tell } from "./notices.js";
import { loadLabels, refresh } from "./routing.js";
import { account, page, path } from "./state.js";

/** @type {ComposeWindows} */
let windows;

/**
 * To be called once. `action(window, number)` is called when an add-on's compose action is pressed in a window, `closed(window)` when that
 * has gone.
 * @param {{ action: (window: any, number: number) => void, closed: (window: any) => void }} acts
 */
export function beginComposing({ action, closed }) {
  windows = new ComposeWindows(byId("compose"), page.start.compose_actions, {
    saved: () => guarded(loadLabels),
    /** @param {any} window @param {string[]} place */
    closed: (window, place) => guarded(() => leave(window, place, closed)),
    said: tell,
    failed: say,
    again: openCompose,
    action,
  });
}

/** The window that was used last. */
export const newestWindow = () => windows.newest;

/** @param {any} begun */
export const openCompose = (begun) => windows.open(account(), begun, placeOf(document.activeElement));

export const compose = () => openCompose(nothingWritten());

/** @param {{ id: string }} draft */
export const editDraft = (draft) => opening(async () => openCompose(await read(path(`mails/${draft.id}/draft`))));

/** @param {{ id: string }} message @param {string} how */
export const answer = (message, how) => opening(async () => openCompose(await answerTo(account(), message.id, how)));

/** The draft that an add-on has created. Raises DeskError. @param {string} id */
export const openDraft = async (id) => openCompose(await read(path(`drafts/${id}`)));

/** Whoever asked for a window types on: until it is there, what is typed is no shortcut. @param {() => Promise<void>} act */
async function opening(act) {
  page.opening = true;
  try {
    await act();
  } finally {
    page.opening = false;
  }
}

/** The focus goes back to where it was when the window opened, at `place`. @param {any} window @param {string[]} place @param {(window: any) => void} closed */
async function leave(window, place, closed) {
  byId("main").focus();
  closed(window);
  page.redraw = true;
  await refresh();
  if (document.activeElement === byId("main")) focusAt(place);
}
