// @ts-check
/** Short questions in a dialog: a text, or a yes. */

import { el, fill, newId } from "./dom.js";

/** Asks for a text; null when it is not given. */
export async function askText(dialog, title, value = "", words = "OK") {
  const id = newId("asked");
  const input = el("input", { type: "text", id, class: "ask-text", required: true, maxlength: 225, dir: "auto", value });
  const given = await ask(dialog, title, [el("label", { for: id }, "Name"), input], words, input);
  return given ? input.value.trim() || null : null;
}

/** Asks whether to do it. */
export const askYes = (dialog, title, text, words) => ask(dialog, title, [el("p", { dir: "auto" }, text)], words);

/**
 * @param {HTMLDialogElement} dialog @param {string} title @param {Node[]} content @param {string} words
 * @param {HTMLInputElement | null} first
 * @returns {Promise<boolean>}
 */
function ask(dialog, title, content, words, first = null) {
  const form = el(
    "form",
    { method: "dialog", class: "ask" },
    el("h2", { id: "dialog-title", dir: "auto" }, title),
    content,
    el(
      "div",
      { class: "ask-buttons" },
      el("button", { type: "button", class: "button borderless", on: { click: () => dialog.close() } }, "Cancel"),
      el("button", { type: "submit", class: "button filled", value: "yes" }, words),
    ),
  );
  fill(dialog, form);
  dialog.returnValue = "";
  dialog.showModal();
  first?.select();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true });
  });
}
