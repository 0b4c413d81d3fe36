"""The admin's cards of defaults: the groups, and one group's, with what they would do said before they are saved."""

from cards import words
from cards.defaults_words import defaults_words
from cards.frame import (
    DEFAULTS_DAYS,
    DEFAULTS_LABELLING,
    DEFAULTS_MAILMAGNET,
    DEFAULTS_SHARING,
    Frame,
    Path,
)
from cards.problems import problem_section
from cards.widgets import (
    GREEN,
    GREY,
    RED,
    Card,
    Choice,
    Section,
    Widget,
    button,
    button_list,
    card,
    choices,
    coloured,
    decorated_text,
    section,
    text_input,
    text_paragraph,
)
from mailmagnet.defaults import EVERYBODY_ELSE, DefaultsAnswer, DefaultsEffect, DefaultsList, Group, WantedDefaults
from mailmagnet.store import Defaults, Sharing
from mailmagnet.switch_mailbox import LONGEST_BACKFILL

_SHARING = {
    Sharing.PRIVATE: "Only the owner reads",
    Sharing.CUSTOM: "Colleagues, for contacts the owner chooses",
    Sharing.PUBLIC: "All with access to the contact",
}


def defaults_list_card(answer: DefaultsList, frame: Frame) -> Card:
    about = "A new user’s set-up begins with these. Who has set up already stays as they are."
    return card(
        [section([text_paragraph(about)]), section([_group_line(each, answer, frame) for each in answer.groups])],
        "Defaults",
        "By profile in the CRM, or for all",
    )


def _group_line(group: Group, answer: DefaultsList, frame: Frame) -> Widget:
    others = next((each.defaults for each in answer.groups if each.profile == EVERYBODY_ELSE), None)
    if group.defaults:
        below = defaults_words(group.defaults, frame)
    elif group.profile != EVERYBODY_ELSE and others:
        below = "As everybody else"
    else:
        below = "None: each user begins with everything off"
    return decorated_text(_name(group), below=below, wrap=True, on_click=frame.run(Path.DEFAULTS_OF, **_ids(group)))


def _name(group: Group) -> str:
    if group.profile == EVERYBODY_ELSE:
        return "Everybody else"
    return words.name(group.name, 60) or "A profile that is gone"


def _ids(group: Group) -> dict[str, str]:
    return {"profile": group.profile} if group.profile else {}


def defaults_card(answer: DefaultsAnswer, frame: Frame) -> Card:
    ids = _ids(answer.group)
    save = [button("Save", frame.run(Path.SAVE_DEFAULTS, **ids))] if answer.effect and not answer.saved else []
    see = button("See what it does", frame.run(Path.DEFAULTS_EFFECT, **ids))
    remove = [button("Remove these", frame.run(Path.REMOVE_DEFAULTS, **ids))] if answer.group.defaults else []
    return card(
        [
            *(problem_section(problem, frame) for problem in answer.problems),
            _said(answer, frame),
            section([*_fields(answer), button_list(*save, see, *remove)]),
        ],
        "Defaults",
        _name(answer.group),
    )


def _fields(answer: DefaultsAnswer) -> list[Widget]:
    typed = answer.typed or _as_typed(answer.group.defaults or Defaults())
    options = [Choice(sharing, said, sharing == typed.sharing) for sharing, said in _SHARING.items()]
    fixed = (
        [text_paragraph(coloured(f"Fixed for all by the policy: {_SHARING[answer.fixed].lower()}.", GREY))]
        if answer.fixed
        else []
    )
    return [
        decorated_text(
            "MailMagnet", below="Tells users of customers’ mail", wrap=True, switch=(DEFAULTS_MAILMAGNET, typed.mailmagnet)
        ),
        decorated_text(
            "Labels",
            below="Sorts it out of the inbox, under three labels",
            wrap=True,
            switch=(DEFAULTS_LABELLING, typed.labelling),
        ),
        text_input(DEFAULTS_DAYS, f"Sort mail of the last … days too (0 to {LONGEST_BACKFILL.days})", typed.backfill_days),
        choices(DEFAULTS_SHARING, "Who may read their mail with contacts", options, "DROPDOWN"),
        *fixed,
    ]


def _as_typed(defaults: Defaults) -> WantedDefaults:
    return WantedDefaults(defaults.mailmagnet, defaults.labelling, str(defaults.backfill_days), defaults.sharing)


def _said(answer: DefaultsAnswer, frame: Frame) -> Section | None:
    if answer.fault:
        said = f"Not saved. {answer.fault[:1].upper()}{answer.fault[1:]}."
        return section([text_paragraph(coloured(said, RED))])
    if answer.saved:
        return section([decorated_text(coloured("✓ Saved", GREEN), below="It holds for whoever sets up from now on.", wrap=True)])
    if not answer.effect or not answer.wanted:
        return None
    lines = [_who(answer.effect, frame), _what(answer.wanted, answer, frame)]
    return section([text_paragraph(line) for line in lines if line], "What it does")


def _who(effect: DefaultsEffect, frame: Frame) -> str:
    begin = words.counted(effect.begin, "user who has", "users who have", frame.locale)
    whom = f"For {begin} not set up yet." if effect.begin else "All who may use MailMagnet have set up: it is for whoever comes."
    stay = words.counted(effect.stay, "user who has set up stays", "users who have set up stay", frame.locale)
    return f"{whom} {stay} as now." if effect.stay else whom


def _what(wanted: Defaults, answer: DefaultsAnswer, frame: Frame) -> str:
    if not answer.delegated:
        return "Their set-up is filled in with it. Nothing happens before they save."
    if not wanted.mailmagnet:
        return "It holds from when they first open MailMagnet."
    days = words.counted(wanted.backfill_days, "day", "days", frame.locale)
    of_days = f"customers’ mail of the last {days} too" if wanted.backfill_days else "new mail alone"
    moved = f" Mail is moved out of their inboxes, {of_days}, without asking them." if wanted.labelling else ""
    return f"It holds by itself from when they first open MailMagnet.{moved} Their homepage tells them."
