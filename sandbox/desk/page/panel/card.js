// @ts-check
/** A whole card: its header, sections, footer. */

import { el } from "../dom.js";
import { icon } from "../icons.js";
import { sectionsShown } from "./limits.js";
import { textNodes } from "./text.js";
import { picture } from "./picture.js";
import { button, cardIcon, widget } from "./widgets.js";

/** https://developers.google.com/workspace/chat/api/reference/rest/v1/cards#Card */
export function cardNode(card, host) {
  const sections = sectionsShown(card).map((description) => section(description, host));
  const body = el("div", { class: `card-sections${card.sectionDividerStyle === "NO_DIVIDER" ? " no-dividers" : ""}` }, sections);
  return el(
    "div",
    { class: "card" },
    card.header && cardHeader(card.header),
    body,
    card.fixedFooter && footer(card.fixedFooter, host),
  );
}

/** The head of a card; also what peeks from the foot of the panel. */
export function cardHeader(header) {
  const shape = header.imageType === "CIRCLE" ? "circle" : "square";
  return el(
    "header",
    { class: "card-header" },
    header.imageUrl &&
      el("span", { class: `header-image ${shape}` }, picture(header.imageUrl, header.imageAltText || header.title)),
    el("div", {}, el("h2", { dir: "auto", class: header.subtitle ? null : "two-lines" }, header.title), header.subtitle && el("p", { dir: "auto" }, header.subtitle)),
  );
}

function section(description, host) {
  const widgets = (description.widgets ?? []).map((each) => widget(each, host)).filter(Boolean);
  const always = description.collapsible ? (description.uncollapsibleWidgetsCount ?? 0) : widgets.length;
  const heading = description.header && el("h3", { dir: "auto" }, textNodes(description.header));
  const node = el("section", { class: "card-section" }, heading, widgets);
  if (widgets.length > always) node.append(...collapse(widgets.slice(always), description.collapseControl));
  return node;
}

function collapse(hidden, control) {
  // One of the two alone is passed over.
  const { expandButton, collapseButton } = control?.expandButton && control.collapseButton ? control : {};
  const more = { text: "Show more", ...expandButton };
  const less = { text: "Show less", ...collapseButton };
  const toggle = el("button", { type: "button", class: "collapse", "aria-expanded": "false" });
  const show = (open) => {
    hidden.forEach((node) => (node.hidden = !open));
    const { text, icon: own } = open ? less : more;
    toggle.replaceChildren(
      own ? cardIcon(own, true) : icon(open ? "chevronUp" : "chevronDown"),
      el("span", { dir: "auto" }, text),
    );
    toggle.setAttribute("aria-expanded", String(open));
  };
  toggle.addEventListener("click", () => show(toggle.getAttribute("aria-expanded") === "false"));
  show(false);
  const place = (control?.horizontalAlignment ?? "").toLowerCase();
  return [el("div", { class: place ? `align-${place}` : "" }, toggle)];
}

function footer({ primaryButton, secondaryButton }, host) {
  const primary = primaryButton && button(primaryButton, host);
  const secondary = secondaryButton && button(secondaryButton, host);
  return el("footer", { class: "card-footer" }, secondary, primary);
}
