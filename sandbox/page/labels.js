/** The labels at the left, and as chips. */

import { el, fill } from "./dom.js";
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

/** The list at the left. `labels` as the desk has them: {id, name, system, background, threads, unread_threads}; `menu(button, label)` opens
 * what can be done with one of the user's own, `add` makes a new one. */
export function drawLabels(place, labels, route, { menu, add }) {
  const counted = new Map(labels.map((label) => [label.id, label]));
  const system = SYSTEM.map(([id, name, drawing]) => row({ ...counted.get(id), id, name, drawing }, route));
  const own = labels.filter((label) => !label.system);
  const rows = own.map((label) => row({ ...label, drawing: "label", ...nested(label, own) }, route, (button) => menu(button, label)));
  const plus = el(
    "button",
    { type: "button", class: "icon-button", id: "new-label", "aria-label": "New label", title: "New label", on: { click: add } },
    icon("add"),
  );
  fill(
    place,
    el("ul", { class: "labels" }, system),
    el("div", { class: "side-title" }, el("h2", {}, "Labels"), plus),
    el("ul", { class: "labels own" }, rows),
  );
}

/** A label named "Clients/Lyon" stands indented below "Clients", by its last name, when there is one. */
function nested(label, own) {
  const parent = own
    .filter((other) => label.name.startsWith(`${other.name}/`))
    .sort((one, other) => other.name.length - one.name.length)[0];
  return parent
    ? { name: label.name.slice(parent.name.length + 1), depth: depthOf(parent, own) + 1, title: label.name }
    : {};
}

const depthOf = (label, own) => own.filter((other) => label.name.startsWith(`${other.name}/`)).length;

function row({ id, name, title, drawing, background, depth = 0, threads = 0, unread_threads: unread = 0 }, route, menu = null) {
  const here = route.label === id && !route.q;
  const number = id === "DRAFT" || !unread ? threads : unread;
  const words = `${title ?? name}: ${threads} ${threads === 1 ? "conversation" : "conversations"}, ${unread} unread`;
  const link = el(
    "a",
    {
      href: address({ account: route.account, label: id }),
      class: `label-link${unread ? " has-unread" : ""}`,
      "aria-current": here ? "page" : null,
      title: words,
      data: { label: id },
    },
    icon(drawing),
    el("span", { class: "label-name", dir: "auto" }, name),
    number > 0 && el("span", { class: "label-count" }, number.toLocaleString()),
  );
  if (depth) link.style.paddingInlineStart = `${26 + depth * 14}px`;
  if (drawing === "label") link.querySelector(".icon").style.color = shadeOf({ id, background }).strong;
  return el("li", {}, link, menu && menuButton(title ?? name, menu));
}

function menuButton(name, menu) {
  const words = `Options of the label ${name}`;
  const settings = { type: "button", class: "icon-button label-menu", title: words, "aria-label": words, "aria-haspopup": "menu" };
  return el("button", { ...settings, on: { click: (event) => menu(event.currentTarget) } }, icon("more"));
}

/** The chips of a mail: its own labels, and Inbox where that is not self-evident. `remove(label)` puts a cross on each. */
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

/** The label's own colour; one that has none always gets the same. */
function shadeOf({ id, background }) {
  if (background) return { soft: background, strong: `color-mix(in oklab, ${background} 55%, var(--text-soft))` };
  const sum = [...id].reduce((total, letter) => (total * 33 + letter.codePointAt(0)) % 9973, 5);
  const soft = SHADES[sum % SHADES.length];
  return { soft, strong: `color-mix(in oklab, ${soft} 55%, var(--text-soft))` };
}
