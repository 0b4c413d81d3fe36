// @ts-check
/** The widgets a user fills in: text, choices, switches, dates. Each puts itself into the card's form. */

import { el, fill, newId, openMenu } from "../dom.js";
import { icon } from "../icons.js";
import { strings, valuesOf } from "./form.js";
import { picture } from "./picture.js";

const WAIT_BEFORE_ASKING = 250;
/** What Google takes where a card does not say. */
const MOST_CHOSEN = 3;
const LEAST_LETTERS_TO_ASK = 3;
const MINUTE = 60_000;
const EMOJI = [..."😀😄😂🙂😉😍🤔😎😢😡👍👎👏🙏💪👋✅❌❗❓⭐🔥🎉🎯📅📞📧📌💡💰📈🚀"];

const SHAPES = {
  INTEGER: { looks: /^[+-]?\d+$/, words: "Enter a whole number" },
  FLOAT: { looks: /^[+-]?\d*[.,]?\d+$/, words: "Enter a number" },
  EMAIL: { looks: /^[^\s@]+@[^\s@]+\.[^\s@]+$/, words: "Enter an email address" },
};

/** https://developers.google.com/workspace/chat/api/reference/rest/v1/cards#TextInput */
export function textInput(widget, host) {
  const id = newId("text");
  const several = widget.type === "MULTIPLE_LINE" && !widget.initialSuggestions;
  const limit = widget.validation?.characterLimit || null;
  const shape = SHAPES[widget.validation?.inputType];
  const kind = { INTEGER: "numeric", FLOAT: "decimal", EMAIL: "email" }[widget.validation?.inputType] ?? null;
  const input = el(several ? "textarea" : "input", {
    id,
    class: "input",
    dir: "auto",
    placeholder: widget.placeholderText,
    maxlength: limit,
    inputmode: kind,
    rows: several ? 3 : null,
    autocomplete: "off",
    "aria-label": widget.label ? null : (widget.hintText ?? widget.placeholderText ?? widget.name),
  });
  input.value = widget.value ?? "";
  const field = labelled(widget.label, id, input, widget.hintText);
  const suggested = widget.autoCompleteAction || widget.initialSuggestions?.items?.length;
  if (suggested) field.append(suggestions(input, textSuggestions(widget, host), (item) => set(item.text)));
  const set = (text) => {
    input.value = text;
    changed(widget, host);
  };
  if (widget.validation?.inputType === "EMOJI_PICKER") input.after(emojiPicker(set));
  input.addEventListener("change", () => changed(widget, host));
  if (!several) input.addEventListener("keydown", passOverEnter);
  register(widget, host, field, {
    read: () => strings(input.value ? [input.value] : []),
    restore: (before) => (input.value = valuesOf(before)[0] ?? ""),
    fault: () => input.value && shape && !shape.looks.test(input.value.trim()) && shape.words,
  });
  return field;
}

/** A browser takes Enter for the end of a change; Gmail's text input knows no Enter. */
function passOverEnter(event) {
  if (event.key === "Enter") event.preventDefault();
}

/** The button that opens a choice of emoji; Google's has them all. */
function emojiPicker(set) {
  const entries = EMOJI.map((emoji) => ({ text: emoji, act: () => set(emoji) }));
  const pick = (event) => openMenu(event.currentTarget, entries, "Emoji");
  return el(
    "button",
    { type: "button", class: "button outlined emoji-button", "aria-haspopup": "menu", on: { click: pick } },
    "Choose an emoji",
  );
}

function textSuggestions(widget, host) {
  const given = widget.initialSuggestions?.items ?? [];
  return async (text) => {
    const wanted = text.toLowerCase();
    if (widget.autoCompleteAction && text) return host.suggestions(widget.autoCompleteAction);
    return given.filter((item) => item.text.toLowerCase().includes(wanted));
  };
}

/** https://developers.google.com/workspace/chat/api/reference/rest/v1/cards#SelectionInput */
export function selectionInput(widget, host) {
  if (widget.type === "DROPDOWN") return dropdown(widget, host);
  if (widget.type === "MULTI_SELECT") return multiSelect(widget, host);
  return choices(widget, host, widget.type === "RADIO_BUTTON" ? "radio" : "checkbox", widget.type === "SWITCH");
}

function dropdown(widget, host) {
  const id = newId("choice");
  const options = (widget.items ?? []).map((item) => {
    return el("option", { value: item.value, selected: item.selected }, item.text);
  });
  const select = el("select", { id, class: "input", "aria-label": widget.label ? null : widget.name }, options);
  if (!(widget.items ?? []).some((item) => item.selected)) select.value = "";
  select.addEventListener("change", () => changed(widget, host));
  const field = labelled(widget.label, id, el("span", { class: "select" }, select, icon("chevronDown")), widget.hintText);
  register(widget, host, field, {
    read: () => strings(select.value ? [select.value] : []),
    restore: (before) => (select.value = valuesOf(before)[0] ?? ""),
  });
  return field;
}

function choices(widget, host, type, switches) {
  const group = newId("choice");
  const inputs = (widget.items ?? []).map((item) => {
    const role = switches ? "switch" : null;
    const input = el("input", {
      type,
      role,
      name: group,
      value: item.value,
      checked: item.selected,
      class: switches ? "switch" : null,
    });
    input.addEventListener("change", () => changed(widget, host));
    return { item, input };
  });
  const rows = inputs.map(({ item, input }) =>
    el("label", { class: switches ? "choice choice-switch" : "choice" }, input, el("span", { dir: "auto" }, item.text)),
  );
  const legend = widget.label && el("legend", { dir: "auto" }, widget.label);
  const hint = widget.hintText && el("small", { dir: "auto" }, widget.hintText);
  const field = el("fieldset", { class: "field", "aria-label": widget.label ? null : widget.name }, legend, rows, hint);
  register(widget, host, field, {
    read: () => strings(inputs.filter(({ input }) => input.checked).map(({ input }) => input.value)),
    restore: (before) => inputs.forEach(({ input }) => (input.checked = valuesOf(before).includes(input.value))),
    // Google asks for a value in dropdowns and multiselect menus alone.
    optional: true,
  });
  return field;
}

/** Several of many: chips, and a box that finds more among the items or by asking the add-on. */
function multiSelect(widget, host) {
  const id = newId("choice");
  const most = widget.multiSelectMaxSelectedItems || MOST_CHOSEN;
  const known = new Map((widget.items ?? []).map((item) => [item.value, item]));
  let chosen = (widget.items ?? []).filter((item) => item.selected).map((item) => item.value);
  const input = el("input", {
    id,
    class: "input",
    dir: "auto",
    autocomplete: "off",
    "aria-label": widget.label ? null : widget.name,
  });
  const chips = el("div", { class: "chips" });
  const set = (values) => {
    chosen = values.slice(0, most);
    fill(
      chips,
      chosen.map((value) => removable(known.get(value) ?? { text: value }, () => choose(chosen.filter((other) => other !== value)))),
    );
  };
  const choose = (values) => {
    set(values);
    changed(widget, host);
  };
  const found = multiSelectItems(widget, host);
  const offer = async (text) => (await found(text)).filter((item) => !chosen.includes(item.value));
  const take = (item) => {
    known.set(item.value, item);
    input.value = "";
    choose([...chosen, item.value]);
  };
  const field = labelled(widget.label, id, input, widget.hintText);
  field.append(suggestions(input, offer, take));
  field.insertBefore(chips, input);
  set(chosen);
  register(widget, host, field, { read: () => strings(chosen), restore: (before) => set(valuesOf(before)) });
  return field;
}

function multiSelectItems(widget, host) {
  // Where there are configs, the older fields are passed over.
  const config = widget.dataSourceConfigs?.[0];
  const remote = config ? config.remoteDataSource : widget.externalDataSource;
  const asked = config ? config.minCharactersTrigger : widget.multiSelectMinQueryLength;
  const least = asked ?? (remote ? LEAST_LETTERS_TO_ASK : 0);
  return async (text) => {
    if (text.length < least) return [];
    if (remote) return (await host.suggestions(remote, text)).map((item) => ({ value: item.text, ...item }));
    return (widget.items ?? []).filter((item) => item.text.toLowerCase().includes(text.toLowerCase()));
  };
}

function removable({ text, startIconUri, bottomText }, remove) {
  const label = `Remove ${text}`;
  return el(
    "span",
    { class: "chip", title: bottomText },
    startIconUri && el("span", { class: "card-icon" }, picture(startIconUri, text)),
    el("span", { dir: "auto" }, text),
    el("button", { type: "button", class: "chip-remove", "aria-label": label, on: { click: remove } }, icon("close")),
  );
}

/** https://developers.google.com/workspace/chat/api/reference/rest/v1/cards#DateTimePicker */
export function dateTimePicker(widget, host) {
  const type = { DATE_ONLY: "date", TIME_ONLY: "time" }[widget.type] ?? "datetime-local";
  const id = newId("date");
  const input = el("input", { id, class: "input", type, "aria-label": widget.label ? null : widget.name });
  const shift = (moment) => (type === "datetime-local" ? zone(widget, moment) * MINUTE : 0);
  const show = (moment) => (input.valueAsNumber = type === "time" ? moment % 86_400_000 : moment + shift(moment));
  if (widget.valueMsEpoch) show(Number(widget.valueMsEpoch));
  input.addEventListener("change", () => changed(widget, host));
  const field = labelled(widget.label, id, input);
  register(widget, host, field, {
    read: () => (input.value ? dateInput(type, input.valueAsNumber - shift(input.valueAsNumber)) : null),
    restore: (before) => show(epochOf(before)),
  });
  return field;
}

/** The minutes that the picker's clock is ahead of UTC: as the card says, else as this machine's. */
const zone = (widget, moment) => widget.timezoneOffsetDate ?? -new Date(moment).getTimezoneOffset();

function dateInput(type, milliseconds) {
  if (type === "date") return { dateInput: { msSinceEpoch: String(milliseconds) } };
  if (type === "datetime-local") return { dateTimeInput: { hasDate: true, hasTime: true, msSinceEpoch: String(milliseconds) } };
  return { timeInput: { hours: Math.floor(milliseconds / 3_600_000), minutes: Math.floor(milliseconds / 60_000) % 60 } };
}

function epochOf({ dateInput: day, dateTimeInput: moment, timeInput: time }) {
  return time ? (time.hours * 60 + time.minutes) * 60_000 : Number((day ?? moment).msSinceEpoch);
}

/** https://developers.google.com/workspace/chat/api/reference/rest/v1/cards#SwitchControl, at the end of a decorated text. */
export function switchControl(control, host, label) {
  const box = ["CHECKBOX", "CHECK_BOX"].includes(control.controlType);
  const settings = {
    type: "checkbox",
    role: box ? null : "switch",
    class: box ? "" : "switch",
    checked: control.selected,
    "aria-label": label,
  };
  const input = el("input", settings);
  const value = control.value ?? "true";
  input.addEventListener("change", () => changed(control, host));
  host.form.add(control.name, {
    read: () => strings(input.checked ? [value] : []),
    restore: (before) => (input.checked = valuesOf(before).length > 0),
    optional: true,
    refuse: () => input.focus(),
  });
  return input;
}

function labelled(label, id, input, hint) {
  return el(
    "div",
    { class: "field" },
    label && el("label", { for: id, dir: "auto" }, label),
    input,
    hint && el("small", { dir: "auto" }, hint),
  );
}

function register(widget, host, field, { read, restore, fault = () => "", optional = false }) {
  const refuse = (text) => {
    field.querySelector(".refused")?.remove();
    field.append(el("small", { class: "refused", role: "alert" }, text));
    field.querySelector("input, select, textarea")?.focus();
  };
  host.form.add(widget.name, { read, restore: (before) => before && restore(before), refuse, fault, optional });
}

function changed(widget, host) {
  if (widget.onChangeAction) host.run(widget.onChangeAction);
}

/** A list under an input that offers what `find(text)` answers; arrows and Enter choose. */
function suggestions(input, find, take) {
  const box = el("div", { class: "suggestions", role: "listbox", id: newId("offers"), hidden: true });
  let waiting = 0;
  let marked = -1;
  const mark = (index) => {
    marked = index;
    [...box.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === index)));
    input.setAttribute("aria-activedescendant", box.children[index]?.id ?? "");
  };
  const close = () => {
    box.hidden = true;
    input.setAttribute("aria-expanded", "false");
  };
  const show = (items) => {
    const option = (item) => {
      const choose = (event) => {
        event.preventDefault();
        close();
        take(item);
      };
      return el(
        "div",
        { role: "option", id: newId("offer"), dir: "auto", on: { pointerdown: choose, click: choose } },
        item.startIconUri && el("span", { class: "card-icon" }, picture(item.startIconUri, item.text)),
        el("span", {}, item.text, item.bottomText && el("small", {}, item.bottomText)),
      );
    };
    fill(box, items.map(option));
    box.hidden = items.length === 0 || document.activeElement !== input;
    input.setAttribute("aria-expanded", String(!box.hidden));
    mark(-1);
  };
  const ask = () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => show(await find(input.value)), WAIT_BEFORE_ASKING);
  };
  const keys = (event) => {
    if (box.hidden) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) mark((marked + step + box.children.length) % box.children.length);
    if (event.key === "Enter" && marked >= 0) box.children[marked].click();
    if (event.key === "Escape") close();
    if (step || event.key === "Escape" || (event.key === "Enter" && marked >= 0)) event.preventDefault();
  };
  Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": box.id, "aria-autocomplete": "list" }).forEach(
    ([name, value]) => input.setAttribute(name, value),
  );
  input.addEventListener("input", ask);
  input.addEventListener("focus", ask);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", keys);
  return box;
}
