// @ts-check
/** The page of one card file: its panel, and the list of what Google would refuse. */

import { byId, el, fill } from "./dom.js";
import { read, refused } from "./api.js";
import { Panel } from "./panel.js";
import { noDraft, toldOf } from "./panel/no_addon.js";

const SECONDS_UNTIL_ASKED_AGAIN = 2;

let shown = { version: "", answer: null, problem: "" };
const panel = new Panel(byId("panel"), {
  name: "Card",
  ask: async (question) => (question.trigger ? { ...shown, seconds: 0 } : { answer: toldOf(question), seconds: 0 }),
  grant: async () => {},
  check: refused,
  changeDraft: noDraft,
});

async function follow() {
  for (;;) {
    try {
      const found = await read("/desk/card", { seen: shown.version });
      if (found.version !== shown.version) await show(found);
    } catch (error) {
      fill(byId("refused"), el("p", { class: "refused-words" }, error.message));
      await new Promise((again) => setTimeout(again, SECONDS_UNTIL_ASKED_AGAIN * 1000));
    }
  }
}

async function show(found) {
  shown = found;
  byId("file").textContent = found.name;
  document.title = found.name;
  await panel.open({ kind: "homepage" });
  const list = found.refused.map((fault) => el("li", { dir: "auto" }, fault));
  fill(byId("refused"), list.length ? el("ul", { class: "refused-words" }, list) : el("p", {}, "Nothing: Google would take this."));
}

follow();
