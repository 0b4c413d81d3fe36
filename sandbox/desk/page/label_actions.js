// @ts-check
/** What is done with labels: put on conversations, made, renamed, nested, coloured, deleted. */

import { byId, el, openMenu } from "./dom.js";
import { icon } from "./icons.js";
import { modify } from "./actions.js";
import { write } from "./api.js";
import { askText, askYes } from "./ask.js";
import { openLabelMenu } from "./label_menu.js";
import { COLOURS, drawLabels, fold } from "./labels.js";
import { guarded } from "./notices.js";
import { refresh, show } from "./routing.js";
import { account, drawLabelList, page, path } from "./state.js";

/** The labels at the left. */
export function drawLabelsAtTheLeft() {
  const acts = { menu: labelOptions, add: () => guarded(() => newLabel("", [])), redraw: drawLabelList };
  drawLabels(byId("labels"), page.labels, page.route, acts);
}

/** The menu that puts labels on conversations. @param {HTMLElement} button @param {Thread[]} threads */
export function labelMenu(button, threads) {
  /** @param {Label[]} labels */
  const names = (labels) => labels.map((label) => label.name).join(", ");
  /** @param {Label[]} labels */
  const ids = (labels) => labels.map((label) => label.id);
  /** @param {Label[]} add @param {Label[]} remove */
  const apply = (add, remove) => {
    const said = [add.length && `Added to ${names(add)}`, remove.length && `Removed from ${names(remove)}`].filter(Boolean);
    return guarded(() => modify(threads, ids(add), ids(remove), said.join(". ")));
  };
  /** @param {string} name */
  const create = (name) => guarded(() => newLabel(name, threads));
  openLabelMenu(button, { labels: page.labels.filter((label) => !label.system), threads, apply, create });
}

/** Makes a label, asking for its name when none was typed, and puts it on these conversations. @param {string} typed @param {Thread[]} threads */
async function newLabel(typed, threads) {
  const name = typed || (await askText(dialog(), "New label", "", "Create"));
  if (name) await makeLabel(name, threads);
}

/** @param {string} name @param {Thread[]} threads */
async function makeLabel(name, threads) {
  const label = await write(path("labels"), { name });
  if (threads.length) await modify(threads, [label.id], [], `Added to ${name}`);
  else await refresh();
}

/** What can be done with one of the user's own labels. @param {HTMLElement} button @param {Label} label */
function labelOptions(button, label) {
  const entries = [
    { text: "Rename…", icon: icon("edit"), act: () => guarded(() => rename(label)) },
    { text: "New label below…", icon: icon("add"), act: () => guarded(() => nest(label)) },
    { text: "Delete…", icon: icon("delete"), act: () => guarded(() => deleteLabel(label)) },
  ];
  openMenu(button, [...entries, ...COLOURS.map(([words, background]) => colour(label, words, background))], `Label ${label.name}`);
}

/** @param {Label} label @param {string} words @param {string} background */
function colour(label, words, background) {
  const spot = el("span", { class: "colour-spot", "aria-hidden": "true" });
  spot.style.backgroundColor = background;
  const text = label.background === background ? `${words} (now)` : words;
  return { text, icon: spot, act: () => guarded(() => changed(label, { background, text: "#000000" })) };
}

/** @param {Label} label @param {Record<string, string>} change */
async function changed(label, change) {
  await write(path(`labels/${label.id}`), change);
  page.redraw = true;
  await refresh();
}

/** @param {Label} label */
async function rename(label) {
  const name = await askText(dialog(), `Rename ${label.name}`, label.name, "Rename");
  if (name) await changed(label, { name });
}

/** @param {Label} label */
async function nest(label) {
  const name = await askText(dialog(), `New label below ${label.name}`, "", "Create");
  if (!name) return;
  fold(account(), label.id, false);
  await makeLabel(`${label.name}/${name}`, []);
}

/** @param {Label} label */
async function deleteLabel(label) {
  const words = "It goes, with the labels below it. The mail stays.";
  if (!(await askYes(dialog(), `Delete the label ${label.name}?`, words, "Delete"))) return;
  await write(path(`labels/${label.id}/delete`), {});
  if (page.route.label === label.id) show({ label: "INBOX", thread: "", page: "" });
  else await refresh();
}

const dialog = () => /** @type {HTMLDialogElement} */ (byId("dialog"));
