// @ts-check
/** Follows the address bar: what it names is loaded and drawn; and what is in sight is asked for again. */

import { byId, el, fill } from "./dom.js";
import { icon } from "./icons.js";
import { DeskError, read, write } from "./api.js";
import { makeRoom } from "./frame.js";
import { guarded, say } from "./notices.js";
import { address, isForOneMail, numberInPath, parse, pathOf } from "./route.js";
import { focusRow } from "./rows.js";
import { account, draw, drawLabelList, page, path } from "./state.js";

export const PAGE_OF_THREADS = 50;

let told = { switched: () => {}, opened: () => {} };

/** From now on; `switched()` is called when another account reads, `opened()` when something else is open. @param {typeof told} acts */
export async function follow(acts) {
  told = acts;
  addEventListener("hashchange", () => guarded(go));
  await guarded(go);
}

/** Goes to where the route is changed in this. @param {Partial<Route>} change */
export function show(change) {
  location.hash = address({ ...page.route, ...change });
}

/** From a conversation to its list. */
export const back = () => show({ thread: "" });

async function go() {
  const before = page.route;
  page.route = routeNow();
  if (before.account !== account()) switchAccount();
  const mine = ++page.shown;
  if (!isSameList(before, page.route)) page.selected.clear();
  if (before.account) makeRoom();
  const query = /** @type {HTMLInputElement} */ (byId("query"));
  query.value = page.route.q;
  byId("clear-search").hidden = !page.route.q;
  byId("main").setAttribute("aria-busy", "true");
  drawLabelList();
  try {
    await (page.route.thread ? openThread(mine) : openList(mine, before));
  } catch (error) {
    if (mine === page.shown) failed(error);
  } finally {
    if (mine === page.shown) byId("main").setAttribute("aria-busy", "false");
  }
}

/** What the address bar names; an account's address in it is put as a number into its path. */
function routeNow() {
  const route = parse(location.hash);
  const accounts = page.start.accounts;
  const named = accounts.findIndex((one) => one.address === route.account);
  const number = named >= 0 ? named : Math.min(numberInPath(location.pathname), accounts.length - 1);
  route.account = accounts[number].address;
  if (named >= 0 || location.pathname !== pathOf(number))
    history.replaceState(null, "", pathOf(number) + (location.hash ? address(route) : ""));
  if (!route.label && !route.q) route.label = "INBOX";
  return route;
}

function switchAccount() {
  page.list = { threads: [], next: "" };
  told.switched();
}

/** What was to be shown could not be loaded. A conversation that is not there leads back to the list. @param {Error} error */
function failed(error) {
  if (error instanceof DeskError && error.status === 404 && page.route.thread) {
    say(error.message);
    location.replace(address({ ...page.route, thread: "" }));
    return;
  }
  page.list = { threads: [], next: "" };
  page.thread = null;
  draw();
  const again = el("button", { type: "button", class: "button outlined", on: { click: () => guarded(go) } }, "Try again");
  tellFailure("This could not be loaded", error, again);
}

/** In place of what was to be shown. @param {string} what @param {Error} error @param {HTMLElement | null} way */
export function tellFailure(what, error, way = null) {
  fill(byId("view"), el("div", { class: "empty", role: "alert" }, icon("warning"), el("h1", {}, what), el("p", {}, error.message), way));
}

/** @param {Route} one @param {Route} other */
function isSameList(one, other) {
  return one.account === other.account && one.label === other.label && one.q === other.q && one.page === other.page;
}

export async function loadLabels() {
  const reader = account();
  const labels = await read(path("labels"));
  if (reader !== account()) return;
  page.labels = labels;
  drawLabelList();
  const unread = page.labels.find((label) => label.id === "INBOX")?.unread_threads;
  document.title = `${unread ? `(${unread.toLocaleString()}) ` : ""}Gmail on your desk - ${account()}`;
}

/** @param {number} mine @param {Route} before */
async function openList(mine, before) {
  await Promise.all([loadLabels(), loadList(mine)]);
  if (mine !== page.shown) return;
  if (!before.account && isForOneMail(page.route) && page.list.threads.length === 1) {
    show({ thread: page.list.threads[0].id });
    return;
  }
  page.thread = null;
  draw();
  if (before.thread) focusRow(before.thread);
  if (!before.account || before.thread || before.account !== account()) told.opened();
}

async function loadList(mine = page.shown) {
  const { label, q, page: number } = page.route;
  const list = await read(path("threads"), { label: q ? "" : label, q, page: number, most: String(PAGE_OF_THREADS) });
  if (mine === page.shown) page.list = list;
}

/** @param {number} mine */
async function openThread(mine) {
  const [thread] = await Promise.all([read(path(`threads/${page.route.thread}`)), loadLabels()]);
  if (mine !== page.shown) return;
  page.thread = thread;
  draw();
  const view = byId("view");
  view.scrollTop = 0;
  view.querySelector(".mail:not(.closed) .mail-head")?.scrollIntoView({ block: "nearest" });
  if (document.activeElement === document.body) view.querySelector("h1")?.focus({ preventScroll: true });
  told.opened();
  await markAsOpened(thread);
}

/** @param {Conversation} thread */
async function markAsOpened(thread) {
  if (thread.messages.some((message) => message.unread)) {
    await write(path("modify"), { ids: [thread.id], add: [], remove: ["UNREAD"] });
    await refresh();
  } else if (!page.list.threads.length) {
    await loadList();
  }
}

/** Asks the desk again for what is in sight. */
export async function refresh() {
  const mine = page.shown;
  await Promise.all([loadLabels(), loadList()]);
  const thread = page.thread && (await read(path(`threads/${page.thread.id}`)).catch(() => null));
  if (mine !== page.shown) return;
  if (page.thread && !thread) {
    back();
    return;
  }
  page.thread = thread;
  draw();
}
