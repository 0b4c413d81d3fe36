"""The card "What I share": the contacts that colleagues may read mail with, those kept back, and who read what."""

from cards import words
from cards.customers_mail_card import in_gmail
from cards.frame import Frame, Path
from cards.problems import problem_section
from cards.record_lines import mail_with_line
from cards.widgets import (
    AMBER,
    GREY,
    Card,
    Fold,
    Section,
    Widget,
    button,
    button_list,
    card,
    coloured,
    decorated_text,
    open_link,
    section,
    text_paragraph,
)
from mailmagnet.addresses import shown
from mailmagnet.sharing_overview import NamedRecord, Reading, SharingOverview
from mailmagnet.store import Mailbox, Sharing

_IN_SIGHT = 5


def my_sharing_card(overview: SharingOverview, frame: Frame) -> Card:
    mailbox = overview.mailbox
    problems = [problem_section(problem, frame) for problem in overview.problems]
    if mailbox is None:
        nothing = section([text_paragraph("Your Gmail is not connected, so nothing of yours is shared and nothing is kept.")])
        return card([nothing, *problems], "What I share")
    who = button("Who could read this, and why", frame.run(Path.WHO_COULD_READ))
    return card(
        [
            section([*_ended(overview, frame), _now(overview), button_list(who)]),
            _records_section("Shared", overview.shared if overview.sharing is Sharing.CUSTOM else (), frame),
            _records_section("Kept back", overview.kept_back, frame),
            _mails_kept_back_section(mailbox, frame),
            *problems,
            _readings_section(overview, mailbox, frame),
        ],
        "What I share",
    )


def sharing_words(sharing: Sharing, crm_name: str) -> str:
    """What a sharing lets colleagues do."""
    crm = words.name(crm_name)
    match sharing:
        case Sharing.PUBLIC:
            return f"Colleagues can read your mail with every contact that {crm} shows them."
        case Sharing.CUSTOM:
            return f"Colleagues can read your mail with the contacts you choose, if {crm} shows them."
    return "Only you can read your mail."


def _now(overview: SharingOverview) -> Widget:
    below = "Fixed by your admin." if overview.fixed else ""
    return decorated_text(sharing_words(overview.sharing, overview.crm_name), below=below, wrap=True)


def _ended(overview: SharingOverview, frame: Frame) -> list[Widget]:
    if not overview.ended:
        return []
    contacts = words.counted(overview.ended, "contact", "contacts", frame.locale)
    said = f"Sharing has ended for {contacts}: merged or gone in {words.name(overview.crm_name)}."
    return [text_paragraph(coloured(said, AMBER))]


def _records_section(title: str, records: tuple[NamedRecord, ...], frame: Frame) -> Section | None:
    lines = [mail_with_line(each.record, each.name, frame) for each in records]
    more = words.counted(len(lines) - _IN_SIGHT, "more contact", "more contacts", frame.locale)
    return section(lines, words.facts(title, words.number(len(lines), frame.locale)), Fold(_IN_SIGHT, more, "Fewer contacts"))


def _mails_kept_back_section(mailbox: Mailbox, frame: Frame) -> Section | None:
    count = len(mailbox.choices.mails_kept_back)
    if not count:
        return None
    mails = words.counted(count, "mail", "mails", frame.locale)
    return section([text_paragraph(f"You keep {mails} back. Open one from its contact to change that.")])


def _readings_section(overview: SharingOverview, mailbox: Mailbox, frame: Frame) -> Section | None:
    if not overview.readings:
        return section([text_paragraph(coloured("No colleague has read your mail.", GREY))], "Who read my mail")
    lines = [_reading_line(each, mailbox, frame) for each in overview.readings]
    return section(lines, "Who read my mail", Fold(_IN_SIGHT, "Earlier", "Fewer"))


def _reading_line(reading: Reading, mailbox: Mailbox, frame: Frame) -> Widget:
    """Which mail it was is seen in Gmail: nothing of it is kept here."""
    reader = words.name(shown(reading.reader), 60) or "A colleague who has left"
    with_whom = f"mail with {words.name(reading.contact, 40)}" if reading.contact else "a mail"
    below = words.facts(with_whom, words.moment(reading.at, frame.now, frame.locale))
    return decorated_text(reader, below=below, on_click=open_link(in_gmail(reading.mail_id, "", mailbox.address)))
