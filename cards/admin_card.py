"""The admin's cards: the way to each part of the administration, and Pause."""

from dataclasses import dataclass

from cards import words
from cards.frame import Frame, Path
from cards.widgets import (
    GREEN,
    GREY,
    Card,
    Section,
    bold,
    button,
    button_list,
    card,
    coloured,
    decorated_text,
    section,
    text_paragraph,
)
from mailmagnet.administration import Administration
from mailmagnet.pause import PauseAnswer


@dataclass(frozen=True, slots=True)
class _Part:
    """One part of the administration: its name, what it is for, and where it is."""

    name: str
    what: str
    path: Path


_PARTS = (
    _Part("People", "Who is connected, and what is in trouble", Path.PEOPLE),
    _Part("Policy", "Sharing, what is never shared, how long mail ids are kept", Path.POLICY),
    _Part("CRM", "Which one your organisation has, and where", Path.CRM),
    _Part("Who may use the CRM", "Where it cannot say so itself", Path.CRM_USERS),
    _Part("Defaults", "What a new user’s set-up begins with", Path.DEFAULTS),
    _Part("Pause", "Stop sorting for everybody at once", Path.PAUSE),
    _Part("Take back", "Put back what the last runs have moved", Path.TAKE_BACK),
    _Part("A customer’s address", "What is kept of it, and its removal", Path.CUSTOMER_ADDRESS),
    _Part("Export and remove all", "Everything kept of your organisation", Path.ORGANISATION),
)


def admin_card(answer: Administration, frame: Frame) -> Card:
    lines = [decorated_text(part.name, below=part.what, wrap=True, on_click=frame.run(part.path)) for part in _PARTS]
    return card([_paused_section(answer, frame), section(lines)], "Administration", words.name(answer.org, 100))


def _paused_section(answer: Administration, frame: Frame) -> Section | None:
    if not answer.paused_since:
        return None
    since = words.moment(answer.paused_since, frame.now, frame.locale)
    said = decorated_text(bold(f"Paused since {since}"), below="Nobody’s mail is sorted.", wrap=True)
    return section([said, button_list(button("Resume", frame.run(Path.RESUME_ALL)))])


def pause_card(answer: PauseAnswer, frame: Frame) -> Card:
    """Before the button is pressed it says what it does."""
    if answer.since:
        since = words.moment(answer.since, frame.now, frame.locale)
        lines = [
            decorated_text(bold(f"Paused since {since}"), below="Every user’s homepage says so.", wrap=True),
            text_paragraph("After Resume all mail that came meanwhile is sorted. Nothing is lost, however long it takes."),
            button_list(button("Resume", frame.run(Path.RESUME_ALL))),
        ]
        return card([section(lines)], "Pause", "For everybody in your organisation")
    resumed = [section([decorated_text(coloured("✓ Sorting goes on", GREEN), below="The next runs come within 10 minutes.")])]
    lines = [
        text_paragraph("Pause stops sorting for everybody: no run, no sorting of earlier mail, no notice and no count begins."),
        text_paragraph("A run that is under way stops before it moves its next mails. New mail waits in the inbox until Resume."),
        text_paragraph(coloured("The panel beside an open mail goes on working. What was moved stays where it is.", GREY)),
        button_list(button("Pause for everybody", frame.run(Path.PAUSE_ALL))),
    ]
    after = resumed if frame.path is Path.RESUME_ALL else []
    return card([*after, section(lines)], "Pause", "For everybody in your organisation")
