// @ts-check
/** What stands in the middle: the list, or the open conversation, each with what can be done in it. */

import { byId } from "./dom.js";
import { archive, markRead, modify, toggleStar, trash } from "./actions.js";
import { openMessage } from "./addon.js";
import { answer, editDraft } from "./composing.js";
import { labelName } from "./labels.js";
import { drawThread } from "./mail.js";
import { guarded } from "./notices.js";
import { account, page } from "./state.js";
import { drawThreads } from "./threads.js";
import { drawToolbar } from "./toolbar.js";

export function drawContent() {
  const { thread } = page;
  drawToolbar();
  if (!thread) drawList();
  else if (page.redraw || !byId("view").querySelector(`.open-thread[data-thread="${thread.id}"]`)) drawConversation(thread);
  page.redraw = false;
}

function drawList() {
  const { route, labels, list, selected } = page;
  const acts = {
    select,
    star: toggleStar,
    /** @param {Thread} one */
    archive: (one) => archive([one]),
    /** @param {Thread} one */
    trash: (one) => trash([one]),
    /** @param {Thread} one @param {boolean} on */
    read: (one, on) => markRead([one], on),
    /** @param {Message} draft */
    edit: (draft) => guarded(() => editDraft(draft)),
  };
  drawThreads(byId("view"), list, { route, labels, selected, acts });
}

/** @param {Conversation} thread */
function drawConversation(thread) {
  const acts = {
    /** @param {string} id */
    unlabel: (id) => modify([thread], [], [id], `Removed from ${labelName(page.labels, id)}`),
    opened: openMessage,
    /** @param {Message} message @param {string} how */
    answer: (message, how) => guarded(() => answer(message, how)),
    /** @param {Message} draft */
    edit: (draft) => guarded(() => editDraft(draft)),
  };
  drawThread(byId("view"), thread, { account: account(), labels: page.labels, acts });
}

/** @param {string} id @param {boolean} on */
function select(id, on) {
  if (on) page.selected.add(id);
  else page.selected.delete(id);
  byId("view").querySelector(`[data-thread="${id}"]`)?.classList.toggle("selected", on);
  drawToolbar();
}
