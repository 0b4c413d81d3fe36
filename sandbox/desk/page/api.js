// @ts-check
/** The desk's own JSON API. */

/** What the desk refused or could not do, in words for the user; `status` is HTTP's, 0 when there was no answer. */
export class DeskError extends Error {
  constructor(words, status = 0) {
    super(words);
    this.status = status;
  }
}

export const read = (path, query = {}) => call(`${path}?${new URLSearchParams(query)}`, { method: "GET" });

export const write = (path, body) => {
  return call(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
};

/** What Google would refuse in an add-on's answer `to` a "trigger" or a "click", or in a card. */
export const refused = async (answer, to = "", openLinks = []) =>
  (await write(`/desk/check?${new URLSearchParams([["to", to], ...openLinks])}`, answer)).refused;

/** The desk's path for one account. */
export const of = (account, path) => `/desk/${encodeURIComponent(account)}/${path}`;

async function call(path, request) {
  let response;
  try {
    response = await fetch(path, request);
  } catch {
    throw new DeskError("The desk does not answer. Is the demo still running?");
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new DeskError(body.error ?? `The desk answered ${response.status}.`, response.status);
  return body;
}
