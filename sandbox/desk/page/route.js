// @ts-check
/** What is open, as the address bar has it: the account by its number in the path (/u/0/), and after # one of label or search, with a
 * page and perhaps a thread. */

const FIELDS = ["label", "q", "thread", "page"];

/** {account, label, q, thread, page} from an address; what is not there is "". An account in it is by its mail address. */
export function parse(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const fields = Object.fromEntries(["account", ...FIELDS].map((name) => [name, given.get(name) ?? ""]));
  return /** @type {Route} */ (/** @type {unknown} */ (fields));
}

/** The address of a route, below its account's. */
export function address(route) {
  const given = FIELDS.filter((name) => route[name]).map((name) => [name, route[name]]);
  return `#${new URLSearchParams(given)}`;
}

/** Where a link into Gmail leads here; any other link stays as it is. `addresses` are the accounts', in the order of their numbers. */
export function onDesk(link, addresses) {
  const url = URL.parse(link);
  if (url?.origin !== "https://mail.google.com") return link;
  const number = Math.max(addresses.indexOf(url.searchParams.get("authuser")), 0);
  const thread = /^#all\/(\w+)$/.exec(url.hash)?.[1];
  if (thread) return pathOf(number) + address({ label: "ALL", thread });
  const q = decoded(/^#search\/([^/]+)$/.exec(url.hash)?.[1] ?? "");
  return pathOf(number) + (q ? address({ q }) : "");
}

/** A part of an address as it is read; "" when it is none. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}

/** Whether the route is a search for one mail by its Message-ID, as links into Gmail have it. */
export const isForOneMail = (route) => /^rfc822msgid:\S+$/.test(route.q) && !route.thread;

/** Which account the path is of, by number: 0 is the first. */
export const numberInPath = (path) => Number(/^\/u\/(\d+)\//.exec(path)?.[1] ?? 0);

/** The path of the account with this number. */
export const pathOf = (number) => `/u/${number}/`;
