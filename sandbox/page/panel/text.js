/** The HTML subset of Google's cards (https://developers.google.com/workspace/add-ons/concepts/widgets#text_formatting) as DOM nodes. */

import { el } from "../dom.js";

const PLAIN = { B: "b", STRONG: "b", I: "i", EM: "i", U: "u", S: "s", STRIKE: "s", DEL: "s", BR: "br", CODE: "code", UL: "ul", OL: "ol", LI: "li" };

/** The link as it may be opened, or null: https, http, mailto and tel only. */
export function allowedLink(url) {
  try {
    const link = new URL(url, location.href);
    return ["https:", "http:", "mailto:", "tel:"].includes(link.protocol) ? link.href : null;
  } catch {
    return null;
  }
}

/** Nodes for a text of a card. What Google would strip is left out, and `complain` is told. */
export function textNodes(text, complain) {
  const parsed = new DOMParser().parseFromString(String(text), "text/html");
  return safe(parsed.body.childNodes, complain);
}

/** The text of a card without its markup. */
export const plainText = (text) => new DOMParser().parseFromString(String(text ?? ""), "text/html").body.textContent;

function safe(nodes, complain) {
  return [...nodes].flatMap((node) => {
    if (node.nodeType === Node.TEXT_NODE) return withLineBreaks(node.data);
    if (node.nodeType !== Node.ELEMENT_NODE) return [];
    return element(node, complain);
  });
}

function element(node, complain) {
  const inner = () => safe(node.childNodes, complain);
  if (node.tagName in PLAIN) return el(PLAIN[node.tagName], {}, inner());
  if (node.tagName === "TIME" || node.tagName === "SPAN" || node.tagName === "P" || node.tagName === "DIV") return inner();
  if (node.tagName === "FONT") return coloured(node, inner());
  if (node.tagName === "A") return linked(node, inner(), complain);
  complain(`<${node.tagName.toLowerCase()}> is not part of a card's text: it is left out`);
  return ["SCRIPT", "STYLE"].includes(node.tagName) ? [] : inner();
}

function coloured(node, children) {
  const font = el("font", {}, children);
  const colour = node.getAttribute("color") ?? "";
  if (/^#[0-9a-f]{3,8}$|^[a-z]+$/i.test(colour)) font.style.color = readable(colour);
  return font;
}

/** A colour meant for white keeps its hue on a dark panel. */
function readable(colour) {
  return `color-mix(in oklab, ${colour} var(--text-colour-share), var(--text))`;
}

function linked(node, children, complain) {
  const link = allowedLink(node.getAttribute("href") ?? "");
  if (link) return el("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, children);
  complain("a link in a text leads nowhere Gmail would open");
  return children;
}

const withLineBreaks = (text) => text.split("\n").flatMap((line, index) => (index ? [el("br"), line] : [line]));
