/** What Google would refuse or drop in a card, said in words: held against Google's own description of the card format. */

/** Google's limits (https://developers.google.com/workspace/add-ons/guides/workspace-restrictions and each widget's own page). */
const WIDGETS_IN_A_CARD = 100;
const SECTIONS_IN_A_CARD = 100;
const COLUMNS = 2;
const ITEMS_IN_A_SELECTION = 100;

/** Fields that may stand beside a widget's own kind. */
const BESIDE = ["horizontalAlignment", "id", "visibility", "eventActions"];

/**
 * The faults of a card, in the order they are met. `format` is {type: {field: {type, list, values}}}, as the desk gives it.
 */
export function faultsOf(card, format) {
  const faults = [];
  compare(card, "Card", "card", format, faults);
  const sections = list(card?.sections);
  if (sections.length > SECTIONS_IN_A_CARD)
    faults.push(`card has ${sections.length} sections: Google allows ${SECTIONS_IN_A_CARD}`);
  if (!sections.length && !card?.header) faults.push("card is empty: it has neither a header nor a section");
  const dropped = sections.length - sectionsShown(card).length;
  if (dropped)
    faults.push(
      `card has ${widgetsIn(card)} widgets: Google drops what goes over ${WIDGETS_IN_A_CARD} (here ${dropped} sections)`,
    );
  return faults;
}

/** The sections that Google shows: the one that goes over the limit is dropped with all that follow. */
export function sectionsShown(card) {
  let count = 0;
  const sections = list(card?.sections);
  const over = sections.findIndex((section) => (count += countWidgets(section)) > WIDGETS_IN_A_CARD);
  return over < 0 ? sections : sections.slice(0, over);
}

const list = (value) => (Array.isArray(value) ? value : []);
const widgetsIn = (card) => list(card?.sections).reduce((sum, section) => sum + countWidgets(section), 0);

function countWidgets(section) {
  return list(section?.widgets).reduce((sum, widget) => {
    const inColumns = list(widget?.columns?.columnItems).reduce((inner, column) => inner + list(column?.widgets).length, 0);
    return sum + 1 + inColumns;
  }, 0);
}

function compare(value, type, path, format, faults) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    faults.push(`${path} should be an object`);
    return;
  }
  for (const [name, inner] of Object.entries(value)) {
    const field = format[type][name];
    if (!field) faults.push(`${path}.${name} is no field of Google's ${type}`);
    else if (field.list) compareList(inner, field, `${path}.${name}`, format, faults);
    else compareField(inner, field, `${path}.${name}`, format, faults);
  }
  RULES[type]?.(value, path, (fault) => faults.push(fault));
}

function compareList(value, field, path, format, faults) {
  if (!Array.isArray(value)) faults.push(`${path} should be a list`);
  else value.forEach((item, index) => compareField(item, field, `${path}[${index}]`, format, faults));
}

function compareField(value, field, path, format, faults) {
  if (field.type in format) compare(value, field.type, path, format, faults);
  else if (field.values && !field.values.includes(value))
    faults.push(`${path} is “${value}”: it may be ${field.values.join(", ")}`);
  else if (!PRIMITIVE[field.type](value)) faults.push(`${path} should be of type ${field.type}`);
}

const PRIMITIVE = {
  string: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
  integer: Number.isInteger,
  number: (value) => typeof value === "number",
};

const isHttps = (url) => /^https:\/\//i.test(url) || /^http:\/\/(127\.0\.0\.1|localhost)(:|\/|$)/i.test(url);
const opens = (url) => /^(https?:|mailto:|tel:)/i.test(url);

/** What Google's descriptions say in prose. */
const RULES = {
  Widget: oneKind,
  Widgets: oneKind,
  Columns: (columns, path, fault) => {
    if (list(columns.columnItems).length > COLUMNS)
      fault(`${path} has ${columns.columnItems.length} columns: Google shows ${COLUMNS}`);
  },
  Button: (button, path, fault) => {
    if (!button.text && !button.icon) fault(`${path} has neither text nor icon`);
    if (!button.onClick && !button.disabled) fault(`${path} does nothing: it has no onClick`);
  },
  CardAction: (action, path, fault) => {
    if (!action.actionLabel || !action.onClick) fault(`${path} needs actionLabel and onClick`);
  },
  CardFixedFooter: (footer, path, fault) => {
    if (!footer.primaryButton) fault(`${path} needs a primaryButton`);
  },
  CardHeader: (header, path, fault) => {
    if (!header.title) fault(`${path} needs a title`);
    if (header.imageUrl && !isHttps(header.imageUrl)) fault(`${path}.imageUrl should be an https address`);
  },
  DecoratedText: (text, path, fault) => {
    if (!text.text && !text.contentText) fault(`${path} needs a text`);
    if ([text.button, text.switchControl, text.endIcon].filter(Boolean).length > 1) {
      fault(`${path} may have one of button, switchControl and endIcon`);
    }
  },
  Icon: (icon, path, fault) => {
    if ([icon.knownIcon, icon.iconUrl, icon.materialIcon].filter(Boolean).length !== 1) {
      fault(`${path} needs exactly one of knownIcon, iconUrl and materialIcon`);
    }
  },
  Image: (image, path, fault) => {
    if (!isHttps(image.imageUrl ?? "")) fault(`${path}.imageUrl should be an https address`);
  },
  OnClick: (onClick, path, fault) => {
    if (Object.keys(onClick).length !== 1) fault(`${path} should be exactly one thing to do`);
  },
  OpenLink: (link, path, fault) => {
    if (!opens(link.url ?? "")) fault(`${path}.url is not an address Gmail would open`);
  },
  Action: (action, path, fault) => {
    if (!isHttps(action.function ?? "")) fault(`${path}.function should be an https address`);
  },
  SelectionInput: (input, path, fault) => {
    if (!input.name) fault(`${path} needs a name`);
    if (list(input.items).length > ITEMS_IN_A_SELECTION) {
      fault(`${path} has ${input.items.length} items: Google allows ${ITEMS_IN_A_SELECTION}`);
    }
    const chosen = list(input.items).filter((item) => item.selected).length;
    if (["RADIO_BUTTON", "DROPDOWN"].includes(input.type) && chosen > 1)
      fault(`${path} has ${chosen} selected items: it may have one`);
  },
  SwitchControl: (control, path, fault) => {
    if (!control.name) fault(`${path} needs a name`);
  },
  TextInput: (input, path, fault) => {
    if (!input.name) fault(`${path} needs a name`);
    if (!input.label && !input.hintText && !input.placeholderText)
      fault(`${path} needs a label, a hintText or a placeholderText`);
  },
  DateTimePicker: (picker, path, fault) => {
    if (!picker.name) fault(`${path} needs a name`);
  },
};

function oneKind(widget, path, fault) {
  const kinds = Object.keys(widget).filter((name) => !BESIDE.includes(name));
  if (kinds.length !== 1) fault(`${path} should be exactly one widget, and is ${kinds.length ? kinds.join(" and ") : "none"}`);
}
