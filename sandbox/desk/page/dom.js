// @ts-check
/** Building DOM nodes. Text always goes in as text: nothing in this page ever parses a string as markup into itself. */

/**
 * A new element. In `settings`: `on` {event: listener}, `data` {name: value}; `class`, `aria-*`, `role` and the like are attributes;
 * true is an empty attribute; false, null and undefined leave it out. Children are nodes or text; null and false are passed over.
 */
export function el(tag, settings = {}, ...children) {
  const node = document.createElement(tag);
  // Before its settings: with dir="auto" a browser would read the whole text anew at each child that comes in.
  append(node, children);
  for (const [name, value] of Object.entries(settings)) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "on") Object.entries(value).forEach(([event, listener]) => node.addEventListener(event, listener));
    else if (name === "data") Object.assign(node.dataset, value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  return node;
}

/** One by one: a call takes only so many arguments, and a mail may have more pieces. */
function append(node, children) {
  for (const child of children.flat(Infinity)) if (child !== null && child !== undefined && child !== false) node.append(child);
}

/** Puts these children in place of those that are there. */
export function fill(node, ...children) {
  node.replaceChildren();
  append(node, children);
  return node;
}

/** The element with this id, which the page's HTML has. @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no #${id}.`);
  return found;
}

let ids = 0;
/** An id that no other element has, to tie labels and inputs together. */
export const newId = (prefix) => `${prefix}-${++ids}`;

/** A menu that opens at a button and closes with Escape, a click elsewhere, or a choice. Entries: {text, icon, disabled, act}. */
export function openMenu(button, entries, label) {
  const menu = el("div", { class: "menu", role: "menu", "aria-label": label });
  for (const entry of entries) {
    const choose = () => {
      close();
      entry.act();
    };
    const settings = { type: "button", role: "menuitem", class: "menu-item", disabled: entry.disabled, on: { click: choose } };
    menu.append(el("button", settings, entry.icon, el("span", { dir: "auto" }, entry.text)));
  }
  menu.addEventListener("keydown", (event) => event.key === "Tab" && close());
  const close = popUp(button, menu);
  menu.querySelector("button:not([disabled])")?.focus();
}

/** Shows `menu` at a button until Escape, a click elsewhere, or until the function that it returns is called; then the button has the focus
 * again. Arrows move within it. */
export function popUp(button, menu) {
  const close = (back = true) => {
    menu.remove();
    button.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", elsewhere, true);
    if (back) button.focus();
  };
  const elsewhere = (event) => menu.contains(event.target) || close(false);
  menu.addEventListener("keydown", (event) => {
    const items = [...menu.querySelectorAll("input, button:not([disabled])")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) items.at((items.indexOf(document.activeElement) + step) % items.length)?.focus();
    if (event.key === "Escape") close();
    if (step || event.key === "Escape") event.preventDefault();
    event.stopPropagation();
  });
  document.body.append(menu);
  const place = button.getBoundingClientRect();
  menu.style.top = `${Math.max(8, Math.min(place.bottom + 4, innerHeight - menu.offsetHeight - 8))}px`;
  menu.style.left = `${Math.max(8, Math.min(place.left, innerWidth - menu.offsetWidth - 8))}px`;
  button.setAttribute("aria-expanded", "true");
  document.addEventListener("pointerdown", elsewhere, true);
  return close;
}

/** A short word at the foot of `place`, gone after a while; read aloud by screen readers. `action` is a button in it.
 * @param {HTMLElement} place @param {string} text @param {Action | null} action
 */
export function toast(place, text, action = null) {
  place.querySelector(".toast")?.remove();
  const note = el("div", { class: "toast", dir: "auto" }, text);
  /** @param {Action} chosen */
  const take = (chosen) => {
    note.remove();
    chosen.act();
  };
  if (action) note.append(el("button", { type: "button", class: "toast-act", on: { click: () => take(action) } }, action.words));
  place.append(note);
  setTimeout(() => note.remove(), action ? 10_000 : 6000);
}
