/** The whole page: what is open, what is drawn for it, and what keys and buttons do. */

import { byId, el, fill, openMenu, toast } from "./dom.js";
import { icon } from "./icons.js";
import { DeskError, of, read, refused, write } from "./api.js";
import { askText, askYes } from "./ask.js";
import { answerTo, nothingWritten } from "./compose.js";
import { ComposeWindows } from "./compose_windows.js";
import { Dials } from "./dials.js";
import { Drawer } from "./drawer.js";
import { focusAt, keepingFocus, placeOf } from "./focus.js";
import { chooseFiles, chooseFolder, importInto, watchDrops } from "./import.js";
import { Job } from "./job.js";
import { showKeys } from "./keys.js";
import { openLabelMenu } from "./label_menu.js";
import { COLOURS, drawLabels, fold, labelName } from "./labels.js";
import { drawThread } from "./mail.js";
import { face } from "./people.js";
import { Panel } from "./panel.js";
import { address, isForOneMail, numberInPath, onDesk, parse, pathOf } from "./route.js";
import { drawThreads, heading } from "./threads.js";

const NARROW = matchMedia("(max-width: 860px)");
const PAGE_OF_THREADS = 50;

const page = {
  start: null,
  route: parse(""),
  labels: [],
  list: { threads: [], next: "" },
  thread: null,
  selected: new Set(),
  shown: 0,
  opening: false,
};
let panel;
let job;
let dials;
let drawer;
let windows;
/** The add-on's compose action that the panel shows, {window, number}; or null. */
let composeAction = null;
let undoLast = null;

const account = () => page.route.account;
const me = () => page.start.accounts.find((one) => one.address === account());
const path = (rest) => of(account(), rest);

async function begin() {
  drawStanding();
  page.start = await read("/desk/start");
  const reader = { locale: navigator.language, ...timeZone() };
  panel = new Panel(byId("panel"), {
    name: page.start.addon,
    universal: page.start.universal_actions,
    scopes: page.start.scopes,
    openLinks: { prefixes: page.start.open_link_prefixes, httpOrigin: page.start.http_origin },
    leadsTo: (link) => onDesk(link, page.start.accounts.map((one) => one.address)),
    check: (answer, to) => refused(answer, to, openLinkParameters()),
    ask: (question) => askAddon({ ...question, ...reader, ...composeEvent() }),
    changeDraft,
    grant: (scopes) => write(path("scopes"), { add: scopes, remove: [] }),
  });
  job = new Job(byId("job"), byId("dialog"), { account, moved: () => guarded(sorted), say: sayOfItself, guarded });
  drawer = new Drawer(byId("drawer"), { account });
  windows = new ComposeWindows(byId("compose"), page.start.compose_actions, {
    saved: () => guarded(loadLabels),
    closed: (window, place) => guarded(() => composeClosed(window, place)),
    said: tell,
    failed: (words) => toast(byId("toasts"), words),
    again: openCompose,
    action: openComposeAction,
  });
  const turned = () => guarded(afterTurn);
  dials = new Dials(byId("dials"), { account, tools: byId("tools"), day: byId("world-day"), turned, behind: () => drawer.toggle() });
  showPanel(!NARROW.matches);
  showSide(!NARROW.matches);
  addEventListener("hashchange", () => guarded(go));
  watchDrops(importSources);
  document.addEventListener("keydown", onKey);
  await guarded(go);
}

const openLinkParameters = () => [
  ["http_origin", page.start.http_origin],
  ...page.start.open_link_prefixes.map((prefix) => ["prefix", prefix]),
];

/** Runs it; what the desk refuses is told at the foot of the page. */
async function guarded(act) {
  try {
    await act();
  } catch (error) {
    toast(byId("toasts"), error.message);
  }
}

/** After a dial was turned: what is in sight is asked for again. */
async function afterTurn() {
  page.redraw = true;
  await refresh();
  panel.reload();
}

/** After a run: the list, and the homepage if it is in sight. */
async function sorted() {
  await refresh();
  if (!page.thread && panel.isAtRoot) panel.reload();
  drawer.refresh();
}

function timeZone() {
  return { time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone, offset: -new Date().getTimezoneOffset() * 60_000 };
}

async function askAddon(question) {
  try {
    return await write(path("panel"), question);
  } catch (error) {
    return { problem: error.message, seconds: 0 };
  } finally {
    drawer.refresh();
  }
}

/** Follows the address bar. */
async function go() {
  const before = page.route;
  const route = parse(location.hash);
  const accounts = page.start.accounts;
  const named = accounts.findIndex((one) => one.address === route.account);
  const number = named >= 0 ? named : Math.min(numberInPath(location.pathname), accounts.length - 1);
  route.account = accounts[number].address;
  if (named >= 0 || location.pathname !== pathOf(number))
    history.replaceState(null, "", pathOf(number) + (location.hash ? address(route) : ""));
  if (!route.label && !route.q) route.label = "INBOX";
  page.route = route;
  if (before.account !== route.account) switched();
  const mine = ++page.shown;
  if (!sameList(before, route)) page.selected.clear();
  if (NARROW.matches && before.account) showSide(false);
  byId("query").value = route.q;
  byId("clear-search").hidden = !route.q;
  byId("main").setAttribute("aria-busy", "true");
  drawLabelList();
  try {
    await (route.thread ? openThread(mine) : openList(mine, before));
  } catch (error) {
    if (mine === page.shown) failed(error);
  } finally {
    if (mine === page.shown) byId("main").setAttribute("aria-busy", "false");
  }
}

/** What was to be shown could not be loaded. A conversation that is not there leads back to the list. */
function failed(error) {
  if (error instanceof DeskError && error.status === 404 && page.route.thread) {
    toast(byId("toasts"), error.message);
    location.replace(address({ ...page.route, thread: "" }));
    return;
  }
  page.list = { threads: [], next: "" };
  page.thread = null;
  drawToolbar();
  tellFailure("This could not be loaded", error, el("button", { type: "button", class: "button outlined", on: { click: () => guarded(go) } }, "Try again"));
}

function tellFailure(what, error, way) {
  fill(byId("view"), el("div", { class: "empty", role: "alert" }, icon("warning"), el("h1", {}, what), el("p", {}, error.message), way));
}

const sameList = (one, other) => ["account", "label", "q", "page"].every((name) => one[name] === other[name]);

function switched() {
  const button = byId("account-button");
  fill(button, face(me()));
  button.setAttribute("aria-label", `Account: ${me().name}, ${me().address}. Switch user`);
  button.title = `${me().name} · ${me().address}`;
  page.list = { threads: [], next: "" };
  job.forget();
  guarded(() => dials.look());
}

async function loadLabels() {
  const asked = account();
  const labels = await read(path("labels"));
  if (asked !== account()) return;
  page.labels = labels;
  drawLabelList();
  const inbox = labels.find((label) => label.id === "INBOX");
  document.title = `${inbox?.unread_threads ? `(${inbox.unread_threads.toLocaleString()}) ` : ""}Gmail on your desk - ${account()}`;
}

function drawLabelList() {
  const acts = { menu: labelOptions, add: () => guarded(() => newLabel("", [])), redraw: drawLabelList };
  keepingFocus(() => drawLabels(byId("labels"), page.labels, page.route, acts));
}

async function openList(mine, before) {
  await Promise.all([loadLabels(), loadList(mine)]);
  if (mine !== page.shown) return;
  if (!before?.account && isForOneMail(page.route) && page.list.threads.length === 1) {
    location.hash = address({ ...page.route, thread: page.list.threads[0].id });
    return;
  }
  page.thread = null;
  draw();
  if (before?.thread) focusRow(before.thread);
  if (!before?.account || before.thread || before.account !== account()) openPanel();
}

async function loadList(mine = page.shown) {
  const { label, q, page: number } = page.route;
  const list = await read(path("threads"), {
    label: q ? "" : label,
    q,
    page: number,
    most: PAGE_OF_THREADS,
  });
  if (mine === page.shown) page.list = list;
}

async function openThread(mine) {
  const [thread] = await Promise.all([read(path(`threads/${page.route.thread}`)), loadLabels()]);
  if (mine !== page.shown) return;
  page.thread = thread;
  draw();
  byId("view").scrollTop = 0;
  byId("view").querySelector(".mail:not(.closed) .mail-head")?.scrollIntoView({ block: "nearest" });
  if (document.activeElement === document.body) byId("view").querySelector("h1").focus({ preventScroll: true });
  openPanel();
  if (thread.messages.some((message) => message.unread)) await modify([thread], [], ["UNREAD"], "");
  else if (!page.list.threads.length) await loadList();
}

/** Asks the desk again for what is in sight. */
async function refresh() {
  const mine = page.shown;
  await Promise.all([loadLabels(), loadList()]);
  const thread = page.thread && (await read(path(`threads/${page.thread.id}`)).catch(() => null));
  if (mine !== page.shown) return;
  if (page.thread && !thread) return back();
  page.thread = thread;
  draw();
}

function draw() {
  keepingFocus(drawAll);
}

function drawAll() {
  const { route, labels, list, selected, thread } = page;
  drawToolbar();
  const acts = {
    select,
    star: (one) => toggleStar(one),
    archive: (one) => archive([one]),
    trash: (one) => trash([one]),
    read: (one, on) => markRead([one], on),
    edit: (draft) => guarded(() => editDraft(draft)),
  };
  if (!thread) drawThreads(byId("view"), list, { route, labels, selected, acts });
  else if (!byId("view").querySelector(`.open-thread[data-thread="${thread.id}"]`) || page.redraw) drawOpenThread();
  page.redraw = false;
}

function drawOpenThread() {
  const acts = {
    unlabel: (id) => modify([page.thread], [], [id], `Removed from ${labelName(page.labels, id)}`),
    opened: (message) => {
      composeAction = null;
      panel.open({ kind: "message", mail: message.id, account: account() });
    },
    answer: (message, how) => guarded(() => answer(message, how)),
    edit: (draft) => guarded(() => editDraft(draft)),
  };
  drawThread(byId("view"), page.thread, { account: account(), labels: page.labels, acts });
}

function drawToolbar() {
  const targets = chosen();
  const one = (name, words, drawing, act, off = false) => {
    const settings = {
      type: "button",
      class: "icon-button",
      title: words,
      "aria-label": words,
      disabled: off,
      data: { act: name },
    };
    return el("button", { ...settings, on: { click: (event) => guarded(() => act(event.currentTarget)) } }, icon(drawing));
  };
  const acts = targets.length
    ? [
        inInbox(targets)
          ? one("archive", "Archive", "archive", () => archive(targets))
          : one("inbox", "Move to Inbox", "moveToInbox", () => toInbox(targets)),
        one("trash", "Delete", "delete", () => trash(targets)),
        page.thread
          ? one("unread", "Mark as unread", "mail", () => markUnreadAndLeave(targets))
          : one("read", "Mark as read", "mailOpen", () => markRead(targets, true)),
        one("label", "Label as", "label", (button) => labelMenu(button, targets)),
      ]
    : [];
  const lead = page.thread ? one("back", `Back to ${heading(page.route, page.labels)}`, "back", back) : pickAll();
  fill(
    byId("toolbar"),
    lead,
    page.thread ? null : one("refresh", "Refresh", "refresh", refresh),
    acts,
    el("span", { class: "space" }),
    page.thread ? neighbours(one) : pager(one),
  );
}

function pickAll() {
  const all = page.list.threads.length > 0 && page.list.threads.every((thread) => page.selected.has(thread.id));
  const pick = (event) => {
    page.selected = new Set(event.target.checked ? page.list.threads.map((thread) => thread.id) : []);
    draw();
  };
  return el("input", {
    type: "checkbox",
    class: "pick",
    checked: all,
    disabled: !page.list.threads.length,
    "aria-label": "Select all",
    on: { change: pick },
  });
}

function pager(one) {
  const number = Number(page.route.page || 1);
  const first = (number - 1) * PAGE_OF_THREADS + 1;
  const last = first + page.list.threads.length - 1;
  const all = page.route.q ? null : page.labels.find((label) => label.id === page.route.label)?.threads;
  const total = all ?? (page.list.next ? "many" : last);
  const turn = (to) => () => show({ page: to > 1 ? String(to) : "" });
  if (!page.list.threads.length) return [];
  return [
    el("span", { class: "pages" }, `${first.toLocaleString()}–${last.toLocaleString()} of ${total.toLocaleString()}`),
    one("newer", "Newer", "chevronLeft", turn(number - 1), number === 1),
    one("older", "Older", "chevronRight", turn(number + 1), !page.list.next),
  ];
}

function neighbours(one) {
  const at = page.list.threads.findIndex((thread) => thread.id === page.thread.id);
  if (at < 0) return [];
  const to = (index) => () => show({ thread: page.list.threads[index].id });
  return [
    one("newer", "Newer", "chevronLeft", to(at - 1), at === 0),
    one("older", "Older", "chevronRight", to(at + 1), at === page.list.threads.length - 1),
  ];
}

/** The threads that buttons and keys are about: those picked, or the open one. */
function chosen() {
  return page.thread ? [page.thread] : page.list.threads.filter((thread) => page.selected.has(thread.id));
}

const inInbox = (threads) => threads.some((thread) => thread.labels.includes("INBOX"));
const count = (threads, what) => (threads.length === 1 ? `Conversation ${what}` : `${threads.length} conversations ${what}`);

function show(change) {
  location.hash = address({ ...page.route, ...change });
}

function back() {
  show({ thread: "" });
}

function select(id, on) {
  if (on) page.selected.add(id);
  else page.selected.delete(id);
  byId("view").querySelector(`[data-thread="${id}"]`)?.classList.toggle("selected", on);
  drawToolbar();
}

/** Adds and takes away labels, of whole conversations, and says so. */
async function modify(threads, add, remove, said) {
  const undo = await change(threads, add, remove);
  page.redraw = Boolean(said);
  await refresh();
  if (said) tell(said, undo);
}

/** Changes labels; what takes it back. */
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

/** Says it at the foot of the page; the last that can be taken back can be with z, too. */
function tell(words, undo = null) {
  undoLast = undo && once(() => guarded(undo));
  toast(byId("toasts"), words, undoLast && { words: "Undo", act: undoLast });
}

/** What nobody has just done on this page: it takes nobody's Undo away. */
function sayOfItself(words, action) {
  if (!byId("toasts").querySelector(".toast-act")) toast(byId("toasts"), words, action);
}

function once(act) {
  let done = false;
  return () => {
    if (!done) act();
    done = true;
  };
}

async function gone(threads, add, remove, said) {
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

function nextRow(threads) {
  const at = page.list.threads.findIndex((thread) => thread.id === threads[0].id);
  return page.list.threads.slice(at + 1).find((thread) => !threads.includes(thread))?.id;
}

const archive = (threads) => gone(threads, [], ["INBOX"], count(threads, "archived"));
const trash = (threads) => gone(threads, ["TRASH"], ["INBOX", "SPAM"], count(threads, "moved to Trash"));
const toInbox = (threads) => gone(threads, ["INBOX"], ["TRASH", "SPAM"], count(threads, "moved to Inbox"));
const markRead = (threads, on) => modify(threads, on ? [] : ["UNREAD"], on ? ["UNREAD"] : [], "");
const toggleStar = (thread) => modify([thread], thread.starred ? [] : ["STARRED"], thread.starred ? ["STARRED"] : [], "");

async function markUnreadAndLeave(threads) {
  await write(path("modify"), { ids: threads.map((thread) => thread.id), add: ["UNREAD"], remove: [] });
  back();
}

function labelMenu(button, threads) {
  const names = (labels) => labels.map((label) => label.name).join(", ");
  const apply = (add, remove) => {
    const said = [add.length && `Added to ${names(add)}`, remove.length && `Removed from ${names(remove)}`].filter(Boolean);
    const ids = [add, remove].map((labels) => labels.map((label) => label.id));
    return guarded(() => modify(threads, ...ids, said.join(". ")));
  };
  const create = (name) => guarded(() => newLabel(name, threads));
  openLabelMenu(button, { labels: page.labels.filter((label) => !label.system), threads, apply, create });
}

/** Makes a label, asking for its name when none was typed, and puts it on these conversations. */
async function newLabel(typed, threads) {
  const name = typed || (await askText(byId("dialog"), "New label", "", "Create"));
  if (name) await makeLabel(name, threads);
}

async function makeLabel(name, threads) {
  const label = await write(path("labels"), { name });
  if (threads.length) await modify(threads, [label.id], [], `Added to ${name}`);
  else await refresh();
}

/** What can be done with one of the user's own labels. */
function labelOptions(button, label) {
  const changed = async (change) => {
    await write(path(`labels/${label.id}`), change);
    page.redraw = true;
    await refresh();
  };
  const rename = async () => {
    const name = await askText(byId("dialog"), `Rename ${label.name}`, label.name, "Rename");
    if (name) await changed({ name });
  };
  const nest = async () => {
    const name = await askText(byId("dialog"), `New label below ${label.name}`, "", "Create");
    if (!name) return;
    fold(account(), label.id, false);
    await makeLabel(`${label.name}/${name}`, []);
  };
  const remove = async () => {
    const words = "It goes, with the labels below it. The mail stays.";
    if (!(await askYes(byId("dialog"), `Delete the label ${label.name}?`, words, "Delete"))) return;
    await write(path(`labels/${label.id}/delete`), {});
    if (page.route.label === label.id) show({ label: "INBOX", thread: "", page: "" });
    else await refresh();
  };
  const colours = COLOURS.map(([words, background]) => {
    const spot = el("span", { class: "colour-spot", "aria-hidden": "true" });
    spot.style.backgroundColor = background;
    const text = label.background === background ? `${words} (now)` : words;
    return { text, icon: spot, act: () => guarded(() => changed({ background, text: "#000000" })) };
  });
  openMenu(
    button,
    [
      { text: "Rename…", icon: icon("edit"), act: () => guarded(rename) },
      { text: "New label below…", icon: icon("add"), act: () => guarded(nest) },
      { text: "Delete…", icon: icon("delete"), act: () => guarded(remove) },
      ...colours,
    ],
    `Label ${label.name}`,
  );
}

function openCompose(begun) {
  windows.open(account(), begun, placeOf(document.activeElement));
}

/** After a window has closed: the focus goes back to where it was when the window opened, at `place`. */
async function composeClosed(window, place) {
  byId("main").focus();
  if (composeAction?.window === window) openPanel();
  page.redraw = true;
  await refresh();
  if (document.activeElement === byId("main")) focusAt(place);
}

const editDraft = (draft) => opening(async () => openCompose(await read(path(`mails/${draft.id}/draft`))));
const answer = (message, how) => opening(async () => openCompose(await answerTo(account(), message.id, how)));

/** Whoever asked for a window types on: until it is there, what is typed is no shortcut. */
async function opening(act) {
  page.opening = true;
  try {
    await act();
  } finally {
    page.opening = false;
  }
}

/** What is open decides what the panel shows. */
function openPanel() {
  composeAction = null;
  const newest = page.thread?.messages.findLast((message) => !message.draft);
  panel.open({ ...(newest ? { kind: "message", mail: newest.id } : { kind: "homepage" }), account: account() });
}

function openComposeAction(window, number) {
  composeAction = { window, number };
  showPanel(true);
  panel.open({ kind: "compose", ...composeAction, account: account() });
}

/** What a question to the add-on says of the draft, while the panel shows a compose action's card. */
function composeEvent() {
  return composeAction ? { compose_action: composeAction.number, draft: composeAction.window.recipients() } : {};
}

/** Carries out a draft action of the add-on; what Gmail would refuse in it. */
async function changeDraft({ gmailAction = {} }) {
  const { updateDraftActionMarkup: update, openCreatedDraftActionMarkup: created } = gmailAction;
  const window = composeAction?.window ?? windows.newest;
  if (update && window) return window.update(update);
  if (update) return ["a draft action needs a draft that is open: none is"];
  if (!created) return [`Gmail knows no such draft action: ${Object.keys(gmailAction).join(", ") || "empty"}`];
  try {
    openCompose(await read(path(`drafts/${created.draftId}`)));
    return [];
  } catch {
    return [`there is no draft ${created.draftId}`];
  }
}

async function importSources(sources) {
  if (!sources.length) return;
  await guarded(() => importInto(account(), sources, byId("dialog")));
  await guarded(refresh);
}

function importMenu(button) {
  const entries = [
    { text: "Files: .mbox or .eml…", icon: icon("mail"), act: () => chooseFiles(importSources) },
    { text: "A folder: Maildir or of .eml…", icon: icon("archive"), act: () => chooseFolder(importSources) },
  ];
  openMenu(button, entries, "Import mail");
}

function accountMenu(button) {
  const entries = page.start.accounts.map((one) => {
    const words = one.address === account() ? `${one.name} (now) · ${one.address}` : `${one.name} · ${one.address}`;
    const to = pathOf(page.start.accounts.indexOf(one)) + address({ label: "INBOX" });
    return { text: words, icon: face(one), act: () => location.assign(to) };
  });
  const scopes = { text: `Take ${page.start.addon}'s permissions away`, icon: icon("lock"), act: () => guarded(takeScopes) };
  openMenu(button, [...entries, scopes], "Accounts");
}

async function takeScopes() {
  await write(path("scopes"), { add: [], remove: page.start.scopes });
  panel.reload();
}

function showPanel(on) {
  byId("panel").hidden = !on;
  byId("panel-button").setAttribute("aria-expanded", String(on));
}

function showSide(on) {
  byId("side").hidden = !on;
  byId("menu-button").setAttribute("aria-expanded", String(on));
}

/** What stands in the page from the start and never changes. */
function drawStanding() {
  const toggles = {
    "menu-button": ["menu", () => showSide(byId("side").hidden)],
    "panel-button": ["panel", () => showPanel(byId("panel").hidden)],
  };
  for (const [id, [drawing, act]] of Object.entries(toggles)) {
    byId(id).append(icon(drawing));
    byId(id).addEventListener("click", act);
  }
  byId("compose-button").append(icon("edit"), "Compose");
  byId("compose-button").addEventListener("click", () => openCompose(nothingWritten()));
  byId("import-button").append(icon("add"), "Import mail…");
  byId("import-button").addEventListener("click", (event) => importMenu(event.currentTarget));
  byId("search").querySelector("[type=submit]").append(icon("search"));
  byId("clear-search").append(icon("close"));
  byId("keys-button").append(icon("help"));
  byId("keys-button").addEventListener("click", () => showKeys(byId("dialog")));
  byId("account-button").addEventListener("click", (event) => accountMenu(event.currentTarget));
  byId("clear-search").addEventListener("click", () => show({ q: "", label: "INBOX", thread: "", page: "" }));
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    const q = byId("query").value.trim();
    show({ q, label: q ? "" : "INBOX", thread: "", page: "" });
  });
  const close = el(
    "button",
    { type: "button", class: "icon-button panel-close", "aria-label": "Close panel", on: { click: () => showPanel(false) } },
    icon("close"),
  );
  byId("panel").querySelector(".panel-bar").append(close);
}

function focusRow(id) {
  const rows = byId("view");
  (rows.querySelector(`[data-thread="${id}"] .thread-link`) ?? rows.querySelector(".thread-link"))?.focus();
}

/** The row under the focus, or where the last one was. */
function rowInFocus() {
  return document.activeElement?.closest?.(".thread") ?? null;
}

function stepRow(step) {
  if (page.thread) {
    byId("toolbar")
      .querySelector(`[data-act="${step > 0 ? "older" : "newer"}"]:not([disabled])`)
      ?.click();
    return;
  }
  const rows = [...byId("view").querySelectorAll(".thread")];
  const at = rows.indexOf(rowInFocus());
  rows[Math.max(0, Math.min(rows.length - 1, at + step))]?.querySelector(".thread-link").focus();
}

function underKeys() {
  const id = rowInFocus()?.dataset.thread;
  const picked = chosen();
  return picked.length ? picked : page.list.threads.filter((thread) => thread.id === id);
}

const onThreads = (act) => () => {
  const threads = underKeys();
  if (threads.length) guarded(() => act(threads));
};

/** Answers the open conversation's newest mail. */
const onNewest = (how) => () => {
  const newest = page.thread?.messages.findLast((message) => !message.draft);
  if (newest) guarded(() => answer(newest, how));
};

const KEYS = {
  j: () => stepRow(1),
  k: () => stepRow(-1),
  o: () => rowInFocus()?.querySelector(".thread-link").click(),
  u: () => page.thread && back(),
  e: onThreads((threads) => (inInbox(threads) ? archive(threads) : null)),
  "#": onThreads(trash),
  s: onThreads((threads) => Promise.all(threads.map(toggleStar))),
  x: () => rowInFocus()?.querySelector(".pick").click(),
  I: onThreads((threads) => markRead(threads, true)),
  U: onThreads((threads) => (page.thread ? markUnreadAndLeave(threads) : markRead(threads, false))),
  l: () => byId("toolbar").querySelector("[data-act=label]")?.click(),
  c: () => openCompose(nothingWritten()),
  r: onNewest("reply"),
  a: onNewest("reply_all"),
  f: onNewest("forward"),
  z: () => undoLast?.(),
  "/": () => byId("query").focus(),
  "?": () => showKeys(byId("dialog")),
};

function onKey(event) {
  const typing = event.target.closest?.("input:not([type=checkbox]), textarea, select, dialog, [role=menu], [role=dialog]");
  if (event.key === "Escape" && event.target === byId("query")) byId("main").focus();
  if (page.opening || typing || event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
  event.preventDefault();
  KEYS[event.key]();
}

begin().catch((error) => tellFailure("The desk could not be opened", error));
