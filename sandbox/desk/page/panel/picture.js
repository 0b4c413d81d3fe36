// @ts-check
/** A picture of a card. */

import { el } from "../dom.js";
import { icon } from "../icons.js";

/** A picture from this machine; one from elsewhere is not fetched on the desk: the first letters of what it shows stand for it. */
export function picture(url, altText) {
  if (onThisMachine(url)) return el("img", { src: url, alt: altText ?? "" });
  const initials = (altText ?? "")
    .split(/\s+/)
    .slice(0, 2)
    .map((word) => [...word][0] ?? "")
    .join("");
  return el(
    "span",
    { class: "no-picture", role: "img", "aria-label": altText || "Picture" },
    initials.toUpperCase() || icon("image"),
  );
}

function onThisMachine(url) {
  return /^data:image\//i.test(url ?? "") || URL.parse(url ?? "", location.href)?.origin === location.origin;
}
