// @ts-check
/** What answers a click where no add-on runs: it says what Gmail would have sent. */

const SUGGESTS = "/suggest";

/** The answer to a click: a notification with the call. An address that ends in /suggest gets suggestions. */
export function toldOf({ function: address, parameters, form_inputs: inputs }) {
  if (address.endsWith(SUGGESTS)) return { autoComplete: { items: [{ text: "Lovelace" }, { text: "Lovell" }] } };
  const text = `Gmail would call ${address} with parameters ${JSON.stringify(parameters)} and inputs ${JSON.stringify(inputs)}`;
  return { renderActions: { action: { notification: { text } } } };
}

/** The answer to a draft action: there is no draft here. */
export const noDraft = async () => ["a draft action needs a draft that is open: none is"];
