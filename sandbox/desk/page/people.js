// @ts-check
/** People and their faces: names as a list shows them, and circles with initials. */

import { el } from "./dom.js";

/** Colours on which white is readable. */
const COLOURS = ["#1a73e8", "#188038", "#a142f4", "#c5221f", "#b06000", "#007b83", "#9c166b", "#5f6368", "#3f51b5", "#7b5b00"];

/** A name to show: the person's, else what stands before the at sign. @param {Person | Account} person */
export const nameOf = (person) => person.name || person.address.replace(/@[^@]*$/, "") || "(unknown)";

/** Gmail's list of who wrote in a thread: one name whole, several by their first names, first and last when there are more than three. */
export function writers(messages) {
  const names = [];
  for (const { from, unread, draft } of messages) {
    const name = draft ? "Draft" : from.me ? "me" : nameOf(from);
    const known = names.find((other) => other.name === name);
    if (known) known.unread ||= unread;
    else names.push({ name, unread, draft });
  }
  const shown = names.length > 3 ? [names[0], null, names.at(-1)] : names;
  const nodes = shown.flatMap((writer, index) => [
    index && writer ? ", " : "",
    writer ? oneWriter(writer, names.length > 1) : " .. ",
  ]);
  return messages.length > 1 ? [...nodes, el("span", { class: "count" }, ` ${messages.length}`)] : nodes;
}

/** Whom mail was sent to, one list a mail: "To: Ada, Bob". */
export function recipients(lists) {
  const people = new Map(lists.flat().map((person) => [person.address, person.me ? "me" : nameOf(person)]));
  const names = [...people.values()];
  const short = (name) => el("bdi", {}, names.length > 1 ? name.split(/\s+/)[0] : name);
  if (!names.length) return "(no recipients)";
  return ["To: ", names.flatMap((name, index) => [index ? ", " : "", short(name)])];
}

function oneWriter({ name, unread, draft }, short) {
  const style = draft ? "draft-writer" : unread ? "unread-writer" : "";
  return el("bdi", { class: style }, short ? name.split(/\s+/)[0] : name);
}

/** A circle with the first letter of a name, its colour always the same for one address. */
export function face(person) {
  const sum = [...(person.address || person.name)].reduce((total, letter) => (total * 31 + letter.codePointAt(0)) % 997, 7);
  const node = el("span", { class: "face", "aria-hidden": "true" }, ([...nameOf(person)][0] ?? "?").toUpperCase());
  node.style.backgroundColor = COLOURS[sum % COLOURS.length];
  return node;
}
