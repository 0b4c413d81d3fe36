// @ts-check
/** The HTML subset of Google's cards (https://developers.google.com/workspace/add-ons/concepts/widgets#text_formatting) as DOM nodes. */

import { el } from "../dom.js";

const TAG = /<!--[\s\S]*?-->|<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?:[^<>"']|"[^"]*"|'[^']*')*)>/g;
const ATTRIBUTE = /([a-zA-Z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/g;
const ENTITY = /&(?:#x[0-9a-f]{1,6}|#[0-9]{1,7}|[a-z][a-z0-9]{1,30});/gi;

const PREFIX = /^(https?:\/\/)?[^\s/?#@\\*:]+(:\d+)?\/[^\s?#\\]*$/;

const PLAIN = {
  b: "b",
  strong: "b",
  i: "i",
  em: "i",
  u: "u",
  s: "s",
  strike: "s",
  del: "s",
  code: "code",
  ul: "ul",
  ol: "ol",
  li: "li",
  time: "span",
  span: "span",
  p: "span",
  div: "span",
};
const LISTS = ["ul", "ol"];
const WITHOUT_TEXT = ["script", "style"];

/** The link as it may be opened, or null: https, http, mailto and tel only. */
export function allowedLink(url) {
  const link = URL.parse(url, location.href);
  return link && ["https:", "http:", "mailto:", "tel:"].includes(link.protocol) ? link.href : null;
}

/** The address that a click on an openLink opens, or null. Google turns http into https; this machine has no https. */
export function openedLink(url) {
  const link = allowedLink(url);
  return link && /^http:\/\/(127\.0\.0\.1|localhost)[:/]/.test(link) ? link : (link?.replace(/^http:/, "https:") ?? null);
}

/** Whether a deployment lets this link be opened (open_links.py has the rules); null is none, as in the gallery, and lets all. */
export function isAmong(link, openLinks) {
  if (!openLinks || !link.startsWith("http")) return true;
  const { prefixes, httpOrigins } = openLinks;
  const found = new URL(link);
  if (found.username || found.password) return false;
  if (found.protocol === "http:" && !httpOrigins.includes(found.origin)) return false;
  return prefixes.some((prefix) => covers(prefix, found));
}

/** A prefix is a host and a path, with https before it or nothing; it covers itself and what is below it. */
function covers(prefix, link) {
  const allowed = PREFIX.test(prefix) && URL.parse(prefix.includes("://") ? prefix : `https://${prefix}`);
  if (!allowed || allowed.origin !== link.origin) return false;
  return link.pathname === allowed.pathname || link.pathname.startsWith(`${allowed.pathname.replace(/\/$/, "")}/`);
}

/** Nodes for a text of a card. What Google would strip is left out (card_check.py says so aloud). */
export function textNodes(text) {
  const whole = document.createDocumentFragment();
  const open = [{ name: "", node: whole }];
  let from = 0;
  for (const found of String(text).matchAll(TAG)) {
    addText(open, String(text).slice(from, found.index));
    from = found.index + found[0].length;
    if (found[2]) addTag(open, found[1] === "/", found[2].toLowerCase(), attributes(found[3]));
  }
  addText(open, String(text).slice(from));
  return [...whole.childNodes];
}

/** The text of a card without its markup. */
export const plainText = (text) =>
  textNodes(text ?? "")
    .map((node) => node.textContent)
    .join("");

function addText(open, text) {
  const { name, node } = open.at(-1);
  if (WITHOUT_TEXT.includes(name) || (LISTS.includes(name) && !text.trim())) return;
  decoded(afterTag(open.at(-1), text))
    .split("\n")
    .forEach((line, index) => node.append(...(index ? [el("br"), line] : [line])));
}

/** A line break after a list's tag begins no line, as in any HTML: the tag does. */
function afterTag({ name, node }, text) {
  const isAfter = name === "li" ? !node.hasChildNodes() : LISTS.includes(node.lastChild?.nodeName.toLowerCase());
  return isAfter ? text.replace(/^\s*\n\s*/, "") : text;
}

/** Nor does one before it. */
function cutBeforeTag({ node }) {
  const [line, blank] = [...node.childNodes].slice(-2);
  if (line?.nodeName === "BR" && blank?.nodeType === Node.TEXT_NODE && !blank.data.trim()) {
    line.remove();
    blank.remove();
  }
}

function addTag(open, closes, name, given) {
  if (name === "li" || LISTS.includes(name)) cutBeforeTag(open.at(-1));
  if (closes) {
    const at = open.findLastIndex((one) => one.name === name);
    if (at > 0) open.length = at;
  } else if (name === "br") {
    open.at(-1).node.append(el("br"));
  } else {
    const node = element(name, given);
    if (node) open.at(-1).node.append(node);
    if (node || WITHOUT_TEXT.includes(name)) open.push({ name, node: node ?? open.at(-1).node });
  }
}

/** The element for a tag, or null for one that cards do not have. */
function element(name, given) {
  if (name in PLAIN) return el(PLAIN[name]);
  if (name === "font") return coloured(given.color ?? "");
  if (name === "a") return linked(given.href ?? "");
  return null;
}

/** A colour meant for white keeps its hue on a dark panel. */
function coloured(colour) {
  const font = el("font");
  if (/^#[0-9a-f]{3,8}$|^[a-z]+$/i.test(colour))
    font.style.color = `color-mix(in oklab, ${colour} var(--text-colour-share), var(--text))`;
  return font;
}

function linked(href) {
  const link = allowedLink(href);
  return link ? el("a", { href: link, target: "_blank", rel: "noopener noreferrer" }) : el("span");
}

const attributes = (text) => {
  return Object.fromEntries(
    [...text.matchAll(ATTRIBUTE)].map((found) => [found[1].toLowerCase(), decoded(found[2] ?? found[3] ?? found[4])]),
  );
};

/** Text with its entities as characters. A parser is asked for one entity at a time: it never sees a tag. */
const decoded = (text) => text.replace(ENTITY, (entity) => new DOMParser().parseFromString(entity, "text/html").body.textContent);
