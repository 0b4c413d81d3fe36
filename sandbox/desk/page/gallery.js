// @ts-check
/** The gallery: each of its cards in a panel of its own, light and dark. */

import { byId, el } from "./dom.js";
import { read, refused } from "./api.js";
import { Panel } from "./panel.js";
import { noDraft, toldOf } from "./panel/no_addon.js";

async function begin() {
  const cards = await read("/desk/gallery");
  const opened = cards.flatMap((one) => {
    const shades = ["light", "dark"].map((shade) => showIn(shade, one));
    byId("gallery").append(el("section", {}, el("h2", {}, one.title), el("div", { class: "shades" }, ...shades.map(({ place }) => place))));
    return shades.map(({ panel }) => panel.open({ kind: "homepage" }));
  });
  await Promise.all(opened);
  byId("gallery").setAttribute("aria-busy", "false");
}

function showIn(shade, { title, card }) {
  const place = el("aside", { class: `panel ${shade}`, "aria-label": `${title}, ${shade}` }, el("div", { class: "panel-bar" }));
  const ask = async (question) => ({
    answer: question.trigger ? { action: { navigations: [{ pushCard: card }] } } : toldOf(question),
    seconds: 0,
  });
  return { place, panel: new Panel(place, { name: `${title}, ${shade}`, ask, grant: async () => {}, check: refused, changeDraft: noDraft }) };
}

begin();
