// @ts-check
/** The widgets a user reads and clicks, each as Gmail's sidebar shows it. `host` is the panel: it runs what is clicked. */

import { el, openMenu } from "../dom.js";
import { icon, knownIcon, materialIcon } from "../icons.js";
import { dateTimePicker, selectionInput, switchControl, textInput } from "./inputs.js";
import { picture } from "./picture.js";
import { plainText, textNodes } from "./text.js";

const KINDS = {
  textParagraph,
  decoratedText,
  buttonList,
  image,
  divider,
  grid,
  columns,
  chipList,
  carousel,
  textInput,
  selectionInput,
  dateTimePicker,
};

/** Any widget; one that the panel does not know is left out (the limits say so aloud). */
export function widget(description, host) {
  const kind = Object.keys(KINDS).find((name) => name in description);
  if (!kind) return null;
  const node = el("div", { class: `widget widget-${kind}`, hidden: description.visibility === "HIDDEN" });
  if (description.horizontalAlignment) node.classList.add(`align-${description.horizontalAlignment.toLowerCase()}`);
  node.append(KINDS[kind](description[kind], host));
  return node;
}

function textParagraph(paragraph) {
  const node = el("p", { class: "paragraph", dir: "auto" }, textOf(paragraph));
  return paragraph.maxLines > 0 ? folded(node, paragraph.maxLines) : node;
}

function textOf(paragraph) {
  return paragraph.textSyntax === "MARKDOWN" ? [paragraph.text ?? ""] : textNodes(paragraph.text ?? "");
}

function folded(node, lines) {
  node.classList.add("clamped");
  node.style.setProperty("--lines", lines);
  const more = el("button", { type: "button", class: "link-button", "aria-expanded": "false" }, "Show more");
  more.addEventListener("click", () => {
    const open = !node.classList.toggle("clamped");
    more.setAttribute("aria-expanded", String(open));
    more.textContent = open ? "Show less" : "Show more";
  });
  // What fits needs no button.
  const fits = () => node.classList.contains("clamped") && (more.hidden = node.scrollHeight <= node.clientHeight + 1);
  new ResizeObserver(fits).observe(node);
  return el("div", {}, node, more);
}

function decoratedText(text, host) {
  const start = text.startIcon ?? text.icon;
  const words = text.contentText?.text ?? text.text ?? "";
  const middle = el(
    "div",
    { class: "decorated-words" },
    label("top", text.topLabel, text.topLabelText),
    el(
      "div",
      {
        class: text.wrapText ? "decorated-text wraps" : "decorated-text",
        dir: "auto",
        title: text.wrapText ? null : plainText(words),
      },
      textNodes(words),
    ),
    label("bottom", text.bottomLabel, text.bottomLabelText),
  );
  const place = (text.startIconVerticalAlignment ?? "").toLowerCase();
  const row = el(
    "div",
    { class: `decorated${place ? ` start-${place}` : ""}` },
    start && el("span", { class: "start-icon" }, cardIcon(start)),
    middle,
    decoratedEnd(text, plainText(words), host),
  );
  if (text.onClick) clickable(text.switchControl || text.button ? middle : row, text.onClick, host);
  return row;
}

/** The line above or below: plain text, or a paragraph in its place. */
function label(place, plain, paragraph) {
  const words = paragraph ? textOf(paragraph) : plain;
  return words?.length ? el("div", { class: `small-label ${place}-label`, dir: "auto" }, words) : null;
}

function decoratedEnd(text, words, host) {
  if (text.button) return button(text.button, host);
  if (text.switchControl) return switchControl(text.switchControl, host, words);
  return text.endIcon ? el("span", { class: "end-icon" }, cardIcon(text.endIcon)) : null;
}

/** Makes any element do what an onClick says, by pointer and by key. */
function clickable(node, onClick, host) {
  node.classList.add("clickable");
  node.tabIndex = 0;
  node.setAttribute("role", onClick.openLink ? "link" : "button");
  const act = (event) => event.target.closest("a, input") === null && host.click(onClick, node);
  node.addEventListener("click", act);
  node.addEventListener("keydown", (event) => {
    if (event.target !== node || !["Enter", " "].includes(event.key)) return;
    event.preventDefault();
    act(event);
  });
}

function buttonList(list, host) {
  return el(
    "div",
    { class: "buttons" },
    (list.buttons ?? []).map((description) => button(description, host)),
  );
}

/** https://developers.google.com/workspace/chat/api/reference/rest/v1/cards#Button */
export function button(description, host) {
  const type = description.color ? "filled" : (description.type ?? "OUTLINED").toLowerCase().replace("_", "-");
  const name = description.altText || description.icon?.altText;
  const node = el(
    "button",
    {
      type: "button",
      class: `button ${type}${description.text ? "" : " icon-only"}`,
      disabled: description.disabled,
      "aria-label": description.text ? (description.altText ?? null) : (name ?? "Button"),
      title: description.text ? null : name,
    },
    description.icon && cardIcon(description.icon, true),
    description.text && el("span", { dir: "auto" }, description.text),
  );
  if (description.color) paint(node, description.color);
  if (description.onClick?.overflowMenu) node.setAttribute("aria-haspopup", "menu");
  if (description.onClick) node.addEventListener("click", () => host.click(description.onClick, node));
  return node;
}

const rgb = ({ red = 0, green = 0, blue = 0 }) => `rgb(${red * 255} ${green * 255} ${blue * 255})`;

/** A card's colours are opaque: Google passes over their alpha. */
function paint(node, { red = 0, green = 0, blue = 0 }) {
  node.style.backgroundColor = rgb({ red, green, blue });
  node.style.color = 0.299 * red + 0.587 * green + 0.114 * blue > 0.6 ? "#1f1f1f" : "#fff";
}

/** The menu behind a button. */
export function overflowMenu(menu, node, host) {
  const entries = (menu.items ?? []).map((item) => {
    return {
      text: item.text,
      icon: item.startIcon && cardIcon(item.startIcon),
      // A menu in a menu is dropped.
      disabled: item.disabled || Boolean(item.onClick?.overflowMenu),
      act: () => host.click(item.onClick, node),
    };
  });
  openMenu(node, entries, "More");
}

/** https://developers.google.com/workspace/chat/api/reference/rest/v1/cards#Icon. `quiet` when the element around it has the words. */
export function cardIcon(description, quiet = false) {
  const drawn = description.knownIcon ? (knownIcon(description.knownIcon) ?? icon("dot")) : drawnIcon(description);
  const words = quiet ? {} : wordsFor(description.altText);
  return el("span", { class: `card-icon${description.imageType === "CIRCLE" ? " circle" : ""}`, ...words }, drawn);
}

const wordsFor = (altText) => (altText ? { role: "img", "aria-label": altText, title: altText } : {});

function drawnIcon(description) {
  return description.materialIcon
    ? materialSymbol(description.materialIcon)
    : picture(description.iconUrl, description.altText);
}

const WEIGHTS = [100, 200, 300, 400, 500, 600, 700];
const GRADES = [-25, 0, 200];
const USUAL_WEIGHT = 400;
const USUAL_STROKE = 1.7;
const STROKE_OF_A_GRADE = 0.002;

/** Another weight or grade than Google's counts as none. */
function materialSymbol({ name, fill, weight, grade }) {
  const drawn = materialIcon(name);
  const share = (WEIGHTS.includes(weight) ? weight : USUAL_WEIGHT) / USUAL_WEIGHT;
  drawn.style.strokeWidth = String(share * USUAL_STROKE + (GRADES.includes(grade) ? grade : 0) * STROKE_OF_A_GRADE);
  if (fill) drawn.style.fill = "currentColor";
  return drawn;
}

function image(description, host) {
  const node = el("div", { class: "image" }, picture(description.imageUrl, description.altText));
  if (description.onClick) clickable(node, description.onClick, host);
  return node;
}

function divider() {
  return el("hr");
}

function grid(description, host) {
  const items = (description.items ?? []).map((item) => gridItem(item, description, host));
  const cells = el("div", { class: "grid" }, items);
  cells.style.setProperty("--columns", description.columnCount || 2);
  return el("div", {}, description.title && el("div", { class: "grid-title", dir: "auto" }, description.title), cells);
}

function gridItem(item, { onClick, borderStyle }, host) {
  const words = [
    item.title && el("div", { class: "grid-item-title", dir: "auto" }, item.title),
    item.subtitle && el("div", { class: "small-label", dir: "auto" }, item.subtitle),
  ];
  const shown = item.image && gridPicture(item.image, item.title);
  const node = el("div", { class: "grid-item" }, item.layout === "TEXT_ABOVE" ? [words, shown] : [shown, words]);
  if (borderStyle) border(node, borderStyle);
  if (onClick) clickable(node, withParameter(onClick, "grid_item_identifier", item.id), host);
  return node;
}

function gridPicture({ imageUri, altText, cropStyle, borderStyle }, title) {
  const node = picture(imageUri, altText ?? title);
  if (cropStyle?.type === "RECTANGLE_CUSTOM") node.style.aspectRatio = cropStyle.aspectRatio || "";
  if (borderStyle) border(node, borderStyle);
  return el("div", { class: `crop-${(cropStyle?.type ?? "none").toLowerCase()}` }, node);
}

function border(node, { type, strokeColor, cornerRadius }) {
  node.classList.toggle("stroke", type !== "NO_BORDER");
  node.classList.toggle("no-border", type === "NO_BORDER");
  if (strokeColor) node.style.borderColor = rgb(strokeColor);
  if (cornerRadius) node.style.borderRadius = `${cornerRadius}px`;
}

function withParameter(onClick, key, value) {
  if (!onClick.action || !value) return onClick;
  return { action: { ...onClick.action, parameters: [...(onClick.action.parameters ?? []), { key, value }] } };
}

function columns(description, host) {
  const sides = (description.columnItems ?? []).slice(0, 2).map((column) => {
    const places = [
      column.horizontalSizeStyle,
      column.horizontalAlignment && `ALIGN-${column.horizontalAlignment}`,
      column.verticalAlignment && `VERTICAL-${column.verticalAlignment}`,
    ];
    const classes = places
      .filter(Boolean)
      .map((place) => place.toLowerCase())
      .join(" ");
    return el(
      "div",
      { class: `column ${classes}` },
      (column.widgets ?? []).map((inner) => widget(inner, host)),
    );
  });
  return el("div", { class: "columns" }, sides);
}

function chipList(list, host) {
  const chips = (list.chips ?? []).map((chip) => {
    const off = chip.disabled || chip.enabled === false;
    const node = el(
      "button",
      { type: "button", class: "chip", disabled: off, "aria-label": chip.altText, title: chip.altText },
      chip.icon && cardIcon(chip.icon, true),
      chip.label && el("span", { dir: "auto" }, chip.label),
    );
    if (chip.onClick) node.addEventListener("click", () => host.click(chip.onClick, node));
    return node;
  });
  return el("div", { class: list.layout === "HORIZONTAL_SCROLLABLE" ? "chips scrolls" : "chips" }, chips);
}

function carousel(description, host) {
  const cards = (description.carouselCards ?? []).map((card) => {
    return el(
      "div",
      { class: "carousel-card" },
      (card.widgets ?? []).map((inner) => widget(inner, host)),
      el(
        "div",
        { class: "carousel-footer" },
        (card.footerWidgets ?? []).map((inner) => widget(inner, host)),
      ),
    );
  });
  return el("div", { class: "carousel", tabindex: "0", role: "group", "aria-label": "Cards" }, cards);
}
