/** What is open, as the address bar has it after #: account, and one of label or search, with a page and perhaps a thread. */

const FIELDS = ["account", "label", "q", "thread", "page"];

/** {account, label, q, thread, page} from an address; what is not there is "". */
export function parse(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  return Object.fromEntries(FIELDS.map((name) => [name, given.get(name) ?? ""]));
}

/** The address of a route. */
export function address(route) {
  const given = FIELDS.filter((name) => route[name]).map((name) => [name, route[name]]);
  return `#${new URLSearchParams(given)}`;
}
