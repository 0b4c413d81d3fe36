/** Importing mail: files dropped on the page or chosen, sent to the desk as a stream, with progress and a count of what was odd. */

import { el, fill } from "./dom.js";
import { icon } from "./icons.js";
import { DeskError, of } from "./api.js";

/** From now on files dropped anywhere on the page are imported; `importFiles` is told of them. */
export function watchDrops(importFiles) {
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    document.body.classList.remove("dropping");
    if (!hasFiles(event)) return;
    event.preventDefault();
    importFiles([...event.dataTransfer.files]);
  });
}

/** Lets the user choose files. */
export function chooseFiles(importFiles) {
  const input = el("input", { type: "file", multiple: true, accept: ".mbox,.mbx,.eml,message/rfc822,application/mbox" });
  input.addEventListener("change", () => importFiles([...input.files]));
  input.click();
}

/** Imports them one after the other, and tells in the dialog what became of each. */
export async function importInto(account, files, dialog) {
  const results = el("div", { class: "dialog-body import-results", "aria-live": "polite" });
  const close = el(
    "button",
    { type: "button", class: "icon-button", "aria-label": "Close", on: { click: () => dialog.close() } },
    icon("close"),
  );
  fill(dialog, el("header", { class: "dialog-head" }, el("h2", { id: "dialog-title" }, "Import mail"), close), results);
  dialog.showModal();
  for (const file of files) {
    const bar = el("progress", { max: "100", "aria-label": `Importing ${file.name}` });
    const words = el("p", {}, "Sending…");
    const told = el("section", {}, el("h3", { dir: "auto" }, file.name), bar, words);
    results.append(told);
    const show = (share, text) => {
      bar.value = Math.round(share * 100);
      words.textContent = text;
    };
    try {
      fill(told, el("h3", { dir: "auto" }, file.name), outcome(await upload(account, file, show)));
    } catch (error) {
      if (!(error instanceof DeskError)) throw error;
      fill(told, el("h3", { dir: "auto" }, file.name), el("p", { class: "import-failed", role: "alert" }, error.message));
    }
  }
}

/** fetch() tells nothing of how far an upload is: XMLHttpRequest does. */
function upload(account, file, show) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", of(account, "import"));
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.addEventListener("progress", ({ loaded, total }) => show(loaded / total, "Sending…"));
    request.addEventListener("progress", () => {
      const line = lastLine(request.responseText);
      if (line?.total) show(line.done / line.total, "Reading…");
    });
    request.addEventListener("load", () => {
      const line = lastLine(request.responseText);
      if (line?.mails !== undefined) done(line);
      else failed(new DeskError(line?.error ?? `The desk answered ${request.status}.`));
    });
    request.addEventListener("error", () => failed(new DeskError("The desk does not answer. Is the demo still running?")));
    request.send(file);
  });
}

function lastLine(text) {
  const lines = text.slice(0, text.lastIndexOf("}") + 1).split("\n");
  try {
    return JSON.parse(lines.at(-1));
  } catch {
    return null;
  }
}

function outcome({ mails, odd }) {
  const kinds = Object.entries(odd);
  return [
    el("p", {}, `${mails.toLocaleString()} ${mails === 1 ? "mail" : "mails"} imported. `, kinds.length ? "Odd were:" : "None was odd."),
    el(
      "dl",
      { class: "odd" },
      kinds.map(([kind, count]) => el("div", {}, el("dt", {}, kind), el("dd", {}, count.toLocaleString()))),
    ),
  ];
}
