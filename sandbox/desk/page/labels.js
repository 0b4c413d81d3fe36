// @ts-check
/** The labels at the left, and as chips. */

import { el, fill, newId } from "./dom.js";
import { icon } from "./icons.js";
import { address } from "./route.js";

/** System labels in Gmail's order: id, name, icon. "" is all mail. */
const SYSTEM = [
  ["INBOX", "Inbox", "inbox"],
  ["STARRED", "Starred", "star"],
  ["SENT", "Sent", "send"],
  ["DRAFT", "Drafts", "draft"],
  ["ALL", "All Mail", "mail"],
  ["SPAM", "Spam", "spam"],
  ["TRASH", "Trash", "delete"],
];

/** Labels whose mail nobody needs to be told to read. */
const READ_ALONE = ["SENT", "TRASH"];

/** What this browser remembers folded labels by, before the account's address. */
const FOLDED = "labels folded: ";

const SHADES = ["#c2dbff", "#c6f0d6", "#fde0b2", "#fbc8d9", "#e0d1ff", "#cbf0f8", "#eef2a7", "#ffd5c2"];

/** Colours that a label can be given, from Gmail's own palette. */
export const COLOURS = [
  ["Red", "#f6c5be"],
  ["Orange", "#ffe6c7"],
  ["Yellow", "#fef1d1"],
  ["Green", "#b9e4d0"],
  ["Blue", "#c9daf8"],
  ["Purple", "#e4d7f5"],
  ["Pink", "#fcdee8"],
  ["Grey", "#efefef"],
];

/** The name a label is shown by. */
export function labelName(labels, id) {
  const system = SYSTEM.find(([systemId]) => systemId === id);
  return system ? system[1] : (labels.find((label) => label.id === id)?.name ?? id);
}

/** The list at the left. `labels` as the desk has them: {id, name, system, background, threads, unread_threads}; `acts` has menu(button,
 * label): what can be done with one of the user's own, add(): a new one, and redraw(), for when labels were folded away. */
export function drawLabels(place, labels, route, acts) {
  const counted = new Map(labels.map((label) => [label.id, label]));
  const system = SYSTEM.map(([id, name, drawing]) => el("li", {}, row({ ...counted.get(id), id, name, drawing }, route)));
  const plus = el(
    "button",
    { type: "button", class: "icon-button", id: "new-label", "aria-label": "New label", title: "New label", on: { click: acts.add } },
    icon("add"),
  );
  const own = tree(labels.filter((label) => !label.system));
  fill(
    place,
    el("ul", { class: "labels" }, system),
    el("div", { class: "side-title" }, el("h2", {}, "Labels"), plus),
    el("ul", { class: "labels own" }, branches(own, 0, route, acts)),
  );
}

/** The user's own labels as a tree: "Clients/Lyon" is below "Clients", by its last name, when there is one. */
function tree(own) {
  const nodes = new Map(own.map((label) => [label.name, { label, shown: label.name, below: [] }]));
  const tops = [];
  for (const node of nodes.values()) {
    const parent = parentOf(node.label.name, nodes);
    if (parent) node.shown = node.label.name.slice(parent.label.name.length + 1);
    (parent?.below ?? tops).push(node);
  }
  return tops;
}

function parentOf(name, nodes) {
  for (let end = name.lastIndexOf("/"); end > 0; end = name.lastIndexOf("/", end - 1))
    if (nodes.has(name.slice(0, end))) return nodes.get(name.slice(0, end));
  return null;
}

function branches(nodes, depth, route, acts) {
  return nodes.map(({ label, shown, below }) => {
    const isFolded = folded(route.account).has(label.id);
    const settings = { ...label, name: shown, title: label.name, drawing: "label", depth, unreadBelow: isFolded ? unreadIn(below) : 0 };
    const options = menuButton(label, acts.menu);
    if (!below.length) return el("li", {}, row(settings, route, null, options));
    const under = el("ul", { id: newId("below"), hidden: isFolded }, branches(below, depth + 1, route, acts));
    const turn = () => {
      fold(route.account, label.id, !isFolded);
      acts.redraw();
    };
    return el("li", {}, row(settings, route, expander(label, under, turn), options), under);
  });
}

const unreadIn = (nodes) => nodes.reduce((sum, { label, below }) => sum + (label.unread_threads ?? 0) + unreadIn(below), 0);

function expander(label, under, turn) {
  const words = `Labels below ${label.name}`;
  const settings = { type: "button", class: "icon-button expander", "aria-label": words, "aria-expanded": String(!under.hidden) };
  return el("button", { ...settings, "aria-controls": under.id, data: { act: "fold" }, on: { click: turn } }, icon("chevronDown"));
}

/** Ids of the account's labels below which nothing is shown. */
const folded = (account) => new Set(JSON.parse(localStorage.getItem(FOLDED + account) ?? "[]"));

/** Folds the labels below this one away (`on`), or out again, for good. */
export function fold(account, id, on) {
  const ids = folded(account);
  if (on) ids.add(id);
  else ids.delete(id);
  localStorage.setItem(FOLDED + account, JSON.stringify([...ids]));
}

function row(label, route, folder = null, options = null) {
  const { id, name, title, drawing, background, depth = 0, threads = 0, unreadBelow = 0 } = label;
  const here = route.label === id && !route.q;
  const unread = READ_ALONE.includes(id) ? 0 : (label.unread_threads ?? 0);
  const number = id === "DRAFT" || !unread ? threads : unread;
  const below = unreadBelow ? `, ${unreadBelow} unread below it` : "";
  const words = `${title ?? name}: ${threads} ${threads === 1 ? "conversation" : "conversations"}, ${unread} unread${below}`;
  const link = el(
    "a",
    {
      href: address({ account: route.account, label: id }),
      class: `label-link${unread || unreadBelow ? " has-unread" : ""}`,
      "aria-current": here ? "page" : null,
      title: words,
      data: { label: id, act: "open" },
    },
    icon(drawing),
    el("span", { class: "label-name", dir: "auto" }, name),
    number > 0 && el("span", { class: "label-count" }, number.toLocaleString()),
  );
  if (drawing === "label") link.querySelector(".icon").style.color = shadeOf({ id, background }).strong;
  const node = el("div", { class: "label-row", data: { row: id } }, folder, link, options);
  node.style.setProperty("--depth", depth);
  return node;
}

function menuButton(label, menu) {
  const words = `Options of the label ${label.name}`;
  const settings = { type: "button", class: "icon-button label-menu", title: words, "aria-label": words, "aria-haspopup": "menu" };
  return el("button", { ...settings, data: { act: "menu" }, on: { click: (event) => menu(event.currentTarget, label) } }, icon("more"));
}

/**
 * The chips of a mail: its own labels, and Inbox where that is not self-evident. `remove(id)` puts a cross on each.
 * @param {Label[]} labels @param {string[]} ids
 * @param {{ without?: string, remove?: ((id: string) => unknown) | null }} how
 */
export function chips(labels, ids, { without = "", remove = null } = {}) {
  const shown = labels.filter(
    (label) => ids.includes(label.id) && label.id !== without && (!label.system || label.id === "INBOX"),
  );
  return shown.map((label) => {
    const node = el(
      "span",
      { class: label.system ? "label-chip system" : "label-chip", data: { label: label.id } },
      el("span", { dir: "auto" }, labelName(labels, label.id)),
    );
    if (!label.system) node.style.setProperty("--shade", shadeOf(label).soft);
    const words = `Remove label ${labelName(labels, label.id)}`;
    if (remove)
      node.append(
        el("button", { type: "button", "aria-label": words, title: words, on: { click: () => remove(label.id) } }, icon("close")),
      );
    return node;
  });
}

/** The label's own colour; one that has none always gets the same. @param {{ id: string, background?: string }} label */
function shadeOf({ id, background }) {
  if (background) return { soft: background, strong: `color-mix(in oklab, ${background} 55%, var(--text-soft))` };
  const sum = [...id].reduce((total, letter) => (total * 33 + (letter.codePointAt(0) ?? 0)) % 9973, 5);
  const soft = SHADES[sum % SHADES.length];
  return { soft, strong: `color-mix(in oklab, ${soft} 55%, var(--text-soft))` };
}
