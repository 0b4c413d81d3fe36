// @ts-check
/** What is done to conversations: archived, deleted, read, starred, labelled; said, and taken back. */

import { write } from "./api.js";
import { tell } from "./notices.js";
import { back, refresh } from "./routing.js";
import { focusRow } from "./rows.js";
import { page, path } from "./state.js";

/** @param {Thread[]} threads */
export const inInbox = (threads) => threads.some((thread) => thread.labels.includes("INBOX"));

/** Adds and takes away labels, of whole conversations, and says so. @param {Thread[]} threads @param {string[]} add @param {string[]} remove */
export async function modify(threads, add, remove, said = "") {
  const undo = await change(threads, add, remove);
  page.redraw = Boolean(said);
  await refresh();
  if (said) tell(said, undo);
}

/** @param {Thread[]} threads */
export const archive = (threads) => gone(threads, [], ["INBOX"], "archived");

/** @param {Thread[]} threads */
export const trash = (threads) => gone(threads, ["TRASH"], ["INBOX", "SPAM"], "moved to Trash");

/** @param {Thread[]} threads */
export const toInbox = (threads) => gone(threads, ["INBOX"], ["TRASH", "SPAM"], "moved to Inbox");

/** @param {Thread[]} threads @param {boolean} on */
export const markRead = (threads, on) => modify(threads, on ? [] : ["UNREAD"], on ? ["UNREAD"] : []);

/** @param {Thread} thread */
export const toggleStar = (thread) => modify([thread], thread.starred ? [] : ["STARRED"], thread.starred ? ["STARRED"] : []);

/** @param {Thread[]} threads */
export async function markUnreadAndLeave(threads) {
  await write(path("modify"), { ids: threads.map((thread) => thread.id), add: ["UNREAD"], remove: [] });
  back();
}

/** Changes labels; what takes it back. @param {Thread[]} threads @param {string[]} add @param {string[]} remove */
async function change(threads, add, remove) {
  const mine = path("undo");
  const { before } = await write(path("modify"), { ids: threads.map((thread) => thread.id), add, remove });
  return async () => {
    await write(mine, { add, remove, before });
    page.redraw = true;
    await refresh();
    tell("Undone");
  };
}

/** What takes conversations out of sight. @param {Thread[]} threads @param {string[]} add @param {string[]} remove @param {string} what */
async function gone(threads, add, remove, what) {
  const said = threads.length === 1 ? `Conversation ${what}` : `${threads.length} conversations ${what}`;
  const next = nextRow(threads);
  page.selected.clear();
  if (!page.thread) {
    await modify(threads, add, remove, said);
    focusRow(next);
    return;
  }
  tell(said, await change(threads, add, remove));
  back();
}

/** @param {Thread[]} threads */
function nextRow(threads) {
  const ids = threads.map((thread) => thread.id);
  const at = page.list.threads.findIndex((thread) => thread.id === ids[0]);
  return page.list.threads.slice(at + 1).find((thread) => !ids.includes(thread.id))?.id;
}
