// @ts-check
/** What Google leaves out of a card, or strips whole. What else it would refuse is said by card_check.py. */

const WIDGETS_IN_A_CARD = 100;

/** The sections that Google shows: the one that goes over the limit is dropped with all that follow. */
export function sectionsShown(card) {
  let count = 0;
  const sections = list(card?.sections);
  const over = sections.findIndex((section) => (count += countWidgets(section)) > WIDGETS_IN_A_CARD);
  return over < 0 ? sections : sections.slice(0, over);
}

/** Whether Google strips the whole card: an action that asks for one of Google Chat's dialogs does that to an add-on. */
export function isStripped(value) {
  if (value === null || typeof value !== "object") return false;
  return Object.entries(value).some(([name, inner]) => name === "interaction" || isStripped(inner));
}

const list = (value) => (Array.isArray(value) ? value : []);

function countWidgets(section) {
  return list(section?.widgets).reduce((sum, widget) => {
    const inColumns = list(widget?.columns?.columnItems).reduce((inner, column) => inner + list(column?.widgets).length, 0);
    return sum + 1 + inColumns;
  }, 0);
}
