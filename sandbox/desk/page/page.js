// @ts-check
/** The page begins: its parts are put together, and what stands in it from the start gets its buttons. */

import { byId, el, fill, openMenu } from "./dom.js";
import { icon } from "./icons.js";
import { beginAddon, leaveComposeAction, openComposeAction, openPanel, reloadHomepage, reloadPanel, takeScopesAway } from "./addon.js";
import { read } from "./api.js";
import { beginComposing, compose } from "./composing.js";
import { drawContent } from "./content.js";
import { Dials } from "./dials.js";
import { Drawer } from "./drawer.js";
import { showPanel, showSide, showSides } from "./frame.js";
import { chooseFiles, chooseFolder, importInto, watchDrops } from "./import.js";
import { Job } from "./job.js";
import { listenToKeys, showKeys } from "./keys.js";
import { drawLabelsAtTheLeft } from "./label_actions.js";
import { guarded, sayOfItself } from "./notices.js";
import { face } from "./people.js";
import { address, pathOf } from "./route.js";
import { follow, refresh, show, tellFailure } from "./routing.js";
import { account, drawWith, me, page } from "./state.js";

async function begin() {
  drawStanding();
  page.start = await read("/desk/start");
  const drawer = new Drawer(byId("drawer"), { account });
  const job = new Job(byId("job"), byId("dialog"), { account, moved: () => guarded(sorted), say: sayOfItself, guarded });
  const dials = new Dials(byId("dials"), {
    account,
    tools: byId("tools"),
    day: byId("world-day"),
    turned: () => guarded(turned),
    behind: () => drawer.toggle(),
  });
  /** After a run: the list, and the homepage if it is in sight. */
  const sorted = async () => {
    await refresh();
    reloadHomepage();
    drawer.refresh();
  };
  const switched = () => {
    drawAccount();
    job.forget();
    guarded(() => dials.look());
  };
  beginAddon({ answered: () => drawer.refresh() });
  beginComposing({ action: openComposeAction, closed: leaveComposeAction });
  drawWith({ content: drawContent, labels: drawLabelsAtTheLeft });
  showSides();
  watchDrops(importSources);
  listenToKeys();
  await follow({ switched, opened: openPanel });
}

/** After a dial was turned: what is in sight is asked for again. */
async function turned() {
  page.redraw = true;
  await refresh();
  reloadPanel();
}

/** What stands in the page from the start and never changes. */
function drawStanding() {
  onClick("menu-button", "menu", () => showSide(byId("side").hidden));
  onClick("panel-button", "panel", () => showPanel(byId("panel").hidden));
  onClick("compose-button", "edit", compose);
  byId("compose-button").append("Compose");
  onClick("import-button", "add", importMenu);
  byId("import-button").append("Import mail…");
  onClick("keys-button", "help", showKeys);
  onClick("clear-search", "close", () => show({ q: "", label: "INBOX", thread: "", page: "" }));
  byId("account-button").addEventListener("click", () => accountMenu(byId("account-button")));
  byId("search").querySelector("[type=submit]")?.append(icon("search"));
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    search(/** @type {HTMLInputElement} */ (byId("query")).value.trim());
  });
  const close = el(
    "button",
    { type: "button", class: "icon-button panel-close", "aria-label": "Close panel", on: { click: () => showPanel(false) } },
    icon("close"),
  );
  byId("panel").querySelector(".panel-bar")?.append(close);
}

/** @param {string} id @param {string} drawing @param {(button: HTMLElement) => unknown} act */
function onClick(id, drawing, act) {
  const button = byId(id);
  button.append(icon(drawing));
  button.addEventListener("click", () => act(button));
}

/** @param {string} q */
const search = (q) => show({ q, label: q ? "" : "INBOX", thread: "", page: "" });

function drawAccount() {
  const button = byId("account-button");
  fill(button, face(me()));
  button.setAttribute("aria-label", `Account: ${me().name}, ${me().address}. Switch user`);
  button.title = `${me().name} · ${me().address}`;
}

/** @param {HTMLElement} button */
function accountMenu(button) {
  const entries = page.start.accounts.map((one, number) => {
    const words = one.address === account() ? `${one.name} (now) · ${one.address}` : `${one.name} · ${one.address}`;
    const to = pathOf(number) + address({ label: "INBOX" });
    return { text: words, icon: face(one), act: () => location.assign(to) };
  });
  const scopes = { text: `Take ${page.start.addon}'s permissions away`, icon: icon("lock"), act: () => guarded(takeScopesAway) };
  openMenu(button, [...entries, scopes], "Accounts");
}

/** @param {HTMLElement} button */
function importMenu(button) {
  const entries = [
    { text: "Files: .mbox or .eml…", icon: icon("mail"), act: () => chooseFiles(importSources) },
    { text: "A folder: Maildir or of .eml…", icon: icon("archive"), act: () => chooseFolder(importSources) },
  ];
  openMenu(button, entries, "Import mail");
}

/** @param {any[]} sources */
async function importSources(sources) {
  if (!sources.length) return;
  await guarded(() => importInto(account(), sources, byId("dialog")));
  await guarded(refresh);
}

begin().catch((error) => tellFailure("The desk could not be opened", error));
