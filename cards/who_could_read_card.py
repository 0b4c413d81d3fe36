"""The card "Who could read this, and why": the colleagues whom the rules admit, now and after a change, and the rule for each."""

from collections.abc import Sequence
from itertools import groupby

from cards import words
from cards.frame import IN_PLACE, IN_PLACE_YES, Frame, Path
from cards.problems import problem_section
from cards.record_lines import ids_of, record_name
from cards.widgets import (
    GREY,
    Card,
    Fold,
    Section,
    Widget,
    bold,
    button,
    button_list,
    card,
    coloured,
    decorated_text,
    section,
    text_paragraph,
)
from mailmagnet.addresses import shown
from mailmagnet.sharing import Rule
from mailmagnet.store import Sharing
from mailmagnet.who_could_read import Decided, WhoCouldRead

_NAMES_IN_SIGHT = 10
SHARING_WORDS = {
    Sharing.PRIVATE: "only its owner",
    Sharing.CUSTOM: "colleagues, for chosen contacts",
    Sharing.PUBLIC: "all with access",
}


def who_could_read_card(answer: WhoCouldRead, frame: Frame) -> Card:
    after = [_decided_section("After the change", answer.after, answer, frame)] if answer.after else []
    problems = [problem_section(problem, frame) for problem in answer.problems]
    return card(
        [
            section([text_paragraph(_about(answer))]),
            _decided_section("Now", answer.now, answer, frame),
            *after,
            *problems,
            _ask(answer, frame),
        ],
        "Who could read this",
        f"{words.possessive(words.name(shown(answer.owner_name), 40))} mail" if answer.owner_name else "",
    )


def _about(answer: WhoCouldRead) -> str:
    owner = words.possessive(words.name(shown(answer.owner_name), 40)) or "Your"
    contact = record_name(answer.contact) if answer.contact else "a contact"
    return f"{owner} mail with {contact}. Each colleague must also be able to open {contact} in {words.name(answer.crm_name)}."


def _decided_section(title: str, decided: Decided, answer: WhoCouldRead, frame: Frame) -> Section | None:
    """How many could read, by the rule; then every name, those of one rule together."""
    count = words.counted(len(decided.let_in), "colleague", "colleagues", frame.locale)
    said = f"{count} could read it" if decided.let_in else "No colleague could read it"
    fixed = ", fixed by the admin" if decided.fixed else ""
    lines: list[Widget] = [decorated_text(bold(said), below=f"Open to {SHARING_WORDS[decided.sharing]}{fixed}.", wrap=True)]
    in_order = sorted(decided.rules, key=lambda each: (not each[1].lets_in, each[1].value))
    for rule, of_rule in groupby(in_order, key=lambda each: each[1]):
        lines += _names([name for name, _ in of_rule], rule, answer, frame)
    if not decided.rules:
        lines.append(text_paragraph(coloured("No colleague has connected Gmail here.", GREY)))
    return section(lines, title, Fold(_NAMES_IN_SIGHT, "All colleagues", "Fewer"))


def _names(names: Sequence[str], rule: Rule, answer: WhoCouldRead, frame: Frame) -> list[Widget]:
    why = _why(rule, answer, frame)
    return [decorated_text(words.name(shown(name), 60) or "A colleague", below=why, wrap=True) for name in names]


def _why(rule: Rule, answer: WhoCouldRead, frame: Frame) -> str:
    """The rule that lets a colleague in, or keeps one out."""
    chosen = words.counted(answer.chosen, "contact", "contacts", frame.locale)
    match rule:
        case Rule.PUBLIC:
            return "Yes: mail with every contact is shared"
        case Rule.CHOSEN:
            return "Yes: mail with this contact is shared" if answer.contact else f"Yes, for the {chosen} chosen"
        case Rule.NOT_CHOSEN:
            return "No: this contact is not among those chosen" if answer.contact else "No: no contact is chosen"
    return _WHY_NOT[rule]


_WHY_NOT = {
    Rule.OWN: "Yes: it is their own mail",
    Rule.PRIVATE: "No: its owner reads it alone",
    Rule.EXCLUDED: "No: the address is ours, or the admin keeps it out",
    Rule.CONTACT_KEPT_BACK: "No: this contact is kept back",
    Rule.MAIL_KEPT_BACK: "No: this mail is kept back",
    Rule.NOT_CONNECTED: "No: Gmail is not connected",
    Rule.PARKED: "No: the mailbox is parked",
    Rule.OTHER_ORG: "No: another organisation",
    Rule.CANNOT_OPEN: "No: the CRM does not show the contact",
}


def _ask(answer: WhoCouldRead, frame: Frame) -> Section | None:
    """The same question after a change; where the admin has fixed the sharing, a change has no effect, and the answer says so."""
    ids = {**(ids_of(answer.contact.record) if answer.contact else {}), "owner": answer.owner}
    buttons = [
        button(said, frame.run(Path.WHO_COULD_READ, **ids, sharing=sharing.value, **{IN_PLACE: IN_PLACE_YES}))
        for sharing, said in (
            (Sharing.PRIVATE, "Only me"),
            (Sharing.CUSTOM, "Chosen contacts"),
            (Sharing.PUBLIC, "All with access"),
        )
        if sharing is not answer.now.sharing
    ]
    return section([button_list(*buttons)], "And if it were shared otherwise?")
