// @ts-check
/** The menu that puts labels on conversations: one types a part of a name, ticks, and applies; or makes a new label. */

import { el, fill, popUp } from "./dom.js";
import { icon } from "./icons.js";

/**
 * Opens it at `button`. `labels` are the user's own, `threads` the conversations; apply(add, remove) gets the labels that are new on them and
 * those that are no more, create(name) the name of one that is to be made.
 */
export function openLabelMenu(button, { labels, threads, apply, create }) {
  const ticked = new Map(labels.map((label) => [label.id, shareOf(label, threads)]));
  const before = new Map(ticked);
  const input = el("input", { type: "text", class: "label-words", dir: "auto", autocomplete: "off", "aria-label": "Label as" });
  const list = el("ul", { class: "label-choices" });
  const foot = el("div", { class: "label-foot" });
  const menu = el("div", { class: "menu label-as", role: "dialog", "aria-label": "Label as" }, el("h2", {}, "Label as:"), input, list, foot);
  const done = () => {
    close();
    const changed = labels.filter((label) => ticked.get(label.id) !== before.get(label.id));
    if (!changed.length) return;
    apply(
      changed.filter((label) => ticked.get(label.id)),
      changed.filter((label) => !ticked.get(label.id)),
    );
  };
  const make = () => {
    close();
    create(input.value.trim());
  };
  const tick = (label, on) => {
    ticked.set(label.id, on);
    drawFoot();
  };
  const fitting = () => labels.filter((label) => label.name.toLowerCase().includes(input.value.trim().toLowerCase()));
  const drawFoot = () => {
    const typed = input.value.trim();
    const isNew = typed && !labels.some((label) => label.name.toLowerCase() === typed.toLowerCase());
    const isChanged = labels.some((label) => ticked.get(label.id) !== before.get(label.id));
    fill(
      foot,
      isChanged && choiceButton("Apply", "check", done),
      !isChanged && choiceButton(isNew ? `Create “${typed}”` : "Create new…", "add", make),
    );
  };
  const draw = () => {
    fill(
      list,
      fitting().map((label) => choice(label, ticked.get(label.id), (on) => tick(label, on))),
    );
    drawFoot();
  };
  input.addEventListener("input", draw);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const [first] = input.value.trim() ? fitting() : [];
    if (first) ticked.set(first.id, ticked.get(first.id) !== true);
    else if (input.value.trim()) return make();
    done();
  });
  menu.addEventListener("focusout", ({ relatedTarget }) => relatedTarget && !menu.contains(relatedTarget) && close(false));
  draw();
  const close = popUp(button, menu);
  input.focus();
}

/** true when all have it, "some" when a part of them has. */
function shareOf(label, threads) {
  const having = threads.filter((thread) => thread.labels.includes(label.id)).length;
  return having === threads.length || (having > 0 && "some");
}

function choice(label, share, tick) {
  const box = el("input", { type: "checkbox", checked: share === true, on: { change: (event) => tick(event.target.checked) } });
  box.indeterminate = share === "some";
  return el("li", {}, el("label", { class: "menu-item" }, box, el("span", { dir: "auto" }, label.name)));
}

function choiceButton(words, drawing, act) {
  return el("button", { type: "button", class: "menu-item", on: { click: act } }, icon(drawing), el("span", { dir: "auto" }, words));
}
