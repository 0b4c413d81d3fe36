// @ts-check
/** Google's consent screen: each scope can be given or refused on its own. */

import { el } from "../dom.js";

/** What Google says of the scopes that add-ons ask for; another one is shown by its address. */
const WORDS = {
  "gmail.addons.execute": "Run as a Gmail add-on",
  "gmail.addons.current.message.metadata": "View your email message metadata when the add-on is running",
  "gmail.addons.current.message.readonly": "View your email messages when the add-on is running",
  "gmail.addons.current.message.action": "View your email messages when you interact with the add-on",
  "gmail.addons.current.action.compose": "Manage drafts and send emails when you interact with the add-on",
  "gmail.modify": "Read, compose, and send emails from your Gmail account",
  "gmail.send": "Send email on your behalf",
  "userinfo.email": "See your primary Google Account email address",
  "script.locale": "View the language and time zone of your Gmail",
  openid: "Associate you with your personal info on Google",
};

const wordsFor = (scope) => WORDS[scope.split("/").at(-1)] ?? scope;

/** Asks for `scopes`; `done` is told those that were given, none when the user cancels. */
export function consent(name, scopes, done) {
  const boxes = scopes.map((scope) => el("input", { type: "checkbox", value: scope, checked: true }));
  const rows = scopes.map((scope, index) =>
    el("label", { class: "choice" }, boxes[index], el("span", {}, wordsFor(scope), el("small", {}, scope))),
  );
  const finish = (event) => {
    event.preventDefault();
    done(boxes.filter((box) => box.checked).map((box) => box.value));
  };
  return el(
    "form",
    { class: "consent", on: { submit: finish } },
    el("h2", {}, `${name} wants access to your Google Account`),
    el("fieldset", { class: "field" }, el("legend", {}, `Select what ${name} can access`), rows),
    el(
      "div",
      { class: "buttons" },
      el("button", { type: "button", class: "button borderless", on: { click: () => done([]) } }, "Cancel"),
      el("button", { type: "submit", class: "button filled" }, "Continue"),
    ),
  );
}
