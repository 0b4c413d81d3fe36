// @ts-check
/** Importing mail: files and folders dropped on the page or chosen, sent to the desk as a stream, with progress and a count of what was
 * odd. A source is {name, body}, of a folder {name, body, isFolder}. */

import { el, fill } from "./dom.js";
import { icon } from "./icons.js";
import { DeskError, of } from "./api.js";

/** From now on what is dropped anywhere on the page is imported; `importSources` is told of it. */
export function watchDrops(importSources) {
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
    const items = [...(event.dataTransfer?.items ?? [])].filter((item) => item.kind === "file");
    importSources(items.map((item) => dropped(item.webkitGetAsEntry(), item.getAsFile())));
  });
}

async function dropped(entry, file) {
  return entry?.isDirectory ? packed(entry.name, await filesBelow(entry)) : { name: file.name, body: file };
}

/** A folder's files, those of folders within it too. */
async function filesBelow(folder) {
  const reader = folder.createReader();
  const found = [];
  for (let some; (some = await new Promise((done, failed) => reader.readEntries(done, failed))).length; )
    for (const entry of some) found.push(...(entry.isDirectory ? await filesBelow(entry) : [await fileOf(entry)]));
  return found;
}

async function fileOf(entry) {
  return { path: entry.fullPath, file: await new Promise((done, failed) => entry.file(done, failed)) };
}

/** A folder as one stream: of each file a line that names it, then its bytes. */
function packed(name, files) {
  const pieces = files.flatMap(({ path, file }) => [`${JSON.stringify({ path, size: file.size })}\n`, file]);
  return { name, body: new Blob(pieces), isFolder: true };
}

/** Lets the user choose files. */
export function chooseFiles(importSources) {
  const input = el("input", { type: "file", multiple: true, accept: ".mbox,.mbx,.eml,message/rfc822,application/mbox" });
  input.addEventListener("change", () => importSources([...input.files].map((file) => ({ name: file.name, body: file }))));
  input.click();
}

/** Lets the user choose a folder: a Maildir, or one with mails in it. */
export function chooseFolder(importSources) {
  const input = el("input", { type: "file", webkitdirectory: true });
  input.addEventListener("change", () => {
    const files = [...input.files].map((file) => ({ path: file.webkitRelativePath, file }));
    if (files.length) importSources([packed(files[0].path.split("/")[0], files)]);
  });
  input.click();
}

/** Imports them one after the other, and tells in the dialog what became of each. A source may still be on its way: a promise. */
export async function importInto(account, sources, dialog) {
  const results = el("div", { class: "dialog-body import-results", "aria-live": "polite" });
  const close = el(
    "button",
    { type: "button", class: "icon-button", "aria-label": "Close", on: { click: () => dialog.close() } },
    icon("close"),
  );
  fill(dialog, el("header", { class: "dialog-head" }, el("h2", { id: "dialog-title" }, "Import mail"), close), results);
  dialog.showModal();
  for (const coming of sources) {
    const told = el("section", {}, el("p", {}, "Looking for mail…"));
    results.append(told);
    const source = await coming;
    const name = el("h3", { dir: "auto" }, source.name);
    const bar = el("progress", { max: "100", "aria-label": `Importing ${source.name}` });
    const words = el("p", {}, "Sending…");
    fill(told, name, bar, words);
    const show = (share, text) => {
      bar.value = Math.round(share * 100);
      words.textContent = text;
    };
    try {
      fill(told, name, outcome(await upload(account, source, show)));
    } catch (error) {
      if (!(error instanceof DeskError)) throw error;
      fill(told, name, el("p", { class: "import-failed", role: "alert" }, error.message));
    }
  }
}

/** fetch() tells nothing of how far an upload is: XMLHttpRequest does. */
function upload(account, { body, isFolder }, show) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", of(account, isFolder ? "import?folder=1" : "import"));
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
    request.send(body);
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

function outcome({ mails, already, odd }) {
  const kinds = Object.entries(odd);
  const oddity = kinds.length ? "Odd were:" : mails > already && "None was odd.";
  return [
    el("p", {}, came(mails, already), oddity && ` ${oddity}`),
    el(
      "dl",
      { class: "odd" },
      kinds.map(([kind, count]) => el("div", {}, el("dt", {}, kind), el("dd", {}, count.toLocaleString()))),
    ),
  ];
}

function came(mails, already) {
  if (!already) return `${mails.toLocaleString()} ${mails === 1 ? "mail" : "mails"} imported.`;
  return `${(mails - already).toLocaleString()} new, ${already.toLocaleString()} ${already === 1 ? "was" : "were"} here already.`;
}
