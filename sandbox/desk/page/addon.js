// @ts-check
/** The add-on beside the mail: what is open decides what its panel shows, and what it does to drafts is carried out. */

import { byId } from "./dom.js";
import { refused, write } from "./api.js";
import { newestWindow, openDraft } from "./composing.js";
import { showPanel } from "./frame.js";
import { Panel } from "./panel.js";
import { onDesk } from "./route.js";
import { account, page, path } from "./state.js";

/** @type {Panel} */
let panel;

/** The compose action whose card the panel shows. @type {{ window: any, number: number } | null} */
let composeAction = null;

/** To be called once; `answered()` is called when the add-on has answered anything. @param {{ answered: () => void }} acts */
export function beginAddon({ answered }) {
  const { start } = page;
  const addresses = start.accounts.map((one) => one.address);
  panel = new Panel(byId("panel"), {
    name: start.addon,
    universal: start.universal_actions,
    scopes: start.scopes,
    openLinks: { prefixes: start.open_link_prefixes, httpOrigins: start.http_origins },
    leadsTo: (link) => onDesk(link, addresses),
    check: (answer, to) => refused(answer, to, openLinkParameters(start)),
    ask: (question) => ask({ ...question, ...reader(), ...composeEvent() }, answered),
    changeDraft,
    grant: (scopes) => write(path("scopes"), { add: scopes, remove: [] }),
  });
}

/** What is open decides what the panel shows. */
export function openPanel() {
  const newest = page.thread?.messages.findLast((message) => !message.draft);
  if (newest) openMessage(newest);
  else open({ kind: "homepage" });
}

/** @param {{ id: string }} message */
export const openMessage = (message) => open({ kind: "message", mail: message.id });

/** @param {any} window @param {number} number */
export function openComposeAction(window, number) {
  showPanel(true);
  open({ kind: "compose", window, number });
}

/** When the window has gone that the panel's card is about, the card goes too. @param {any} window */
export function leaveComposeAction(window) {
  if (composeAction?.window === window) openPanel();
}

/** Asks the add-on again for what is open. */
export const reloadPanel = () => panel.reload();

/** Asks again for the homepage, if nothing else is in sight. */
export function reloadHomepage() {
  if (!page.thread && panel.isAtRoot) panel.reload();
}

export async function takeScopesAway() {
  await write(path("scopes"), { add: [], remove: page.start.scopes });
  panel.reload();
}

/** @param {any} trigger */
function open(trigger) {
  composeAction = trigger.kind === "compose" ? trigger : null;
  panel.open({ ...trigger, account: account() });
}

/** @param {any} question @param {() => void} answered @returns {Promise<AddonReply>} */
async function ask(question, answered) {
  try {
    return await write(path("panel"), question);
  } catch (error) {
    return { problem: error.message, seconds: 0 };
  } finally {
    answered();
  }
}

/** Who reads and where, as an event tells it. */
const reader = () => ({
  locale: navigator.language,
  time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  offset: -new Date().getTimezoneOffset() * 60_000,
});

/** What a question to the add-on says of the draft, while the panel shows a compose action's card. */
const composeEvent = () => (composeAction ? { compose_action: composeAction.number, draft: composeAction.window.recipients() } : {});

/** @param {Start} start */
const openLinkParameters = (start) => [
  ...start.http_origins.map((origin) => ["http_origin", origin]),
  ...start.open_link_prefixes.map((prefix) => ["prefix", prefix]),
];

/** Carries out a draft action of the add-on; what Gmail would refuse in it. @param {any} action */
async function changeDraft({ gmailAction = {} }) {
  const { updateDraftActionMarkup: update, openCreatedDraftActionMarkup: created } = gmailAction;
  const window = composeAction?.window ?? newestWindow();
  if (update && window) return window.update(update);
  if (update) return ["a draft action needs a draft that is open: none is"];
  if (!created) return [`Gmail knows no such draft action: ${Object.keys(gmailAction).join(", ") || "empty"}`];
  try {
    await openDraft(created.draftId);
    return [];
  } catch {
    return [`there is no draft ${created.draftId}`];
  }
}
