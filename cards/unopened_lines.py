"""Lines of the admin's card: mailboxes that nobody comes to, and what becomes of them."""

from collections.abc import Callable, Sequence

from cards import words
from cards.frame import Frame
from cards.widgets import GREY, Section, Widget, coloured, decorated_text, section, text_paragraph
from cards.words import zone_of
from mailmagnet.addresses import shown
from mailmagnet.parking import PARKED_FOR, UNOPENED_FOR, forgotten_at
from mailmagnet.store import Mailbox, ParkedFor
from mailmagnet.unopened import Unopened


def unopened_section(unopened: Unopened, frame: Frame) -> Section | None:
    """Nothing where everybody comes."""
    lines = [
        *_named(unopened.unopened, unopened.unopened_in_all, _last_opened, frame),
        *([text_paragraph(coloured(_what_comes(), GREY))] if unopened.unopened else []),
        *_named(unopened.parked, unopened.parked_in_all, _forgotten, frame),
    ]
    in_all = unopened.unopened_in_all + unopened.parked_in_all
    return section(lines, f"{words.counted(in_all, 'mailbox', 'mailboxes', frame.locale)} that nobody opens")


def _what_comes() -> str:
    return (
        f"Nothing was opened there for {UNOPENED_FOR.days} days. Unless their users open the panel, sorting stops within a day, and all "
        f"that is kept is deleted {PARKED_FOR.days} days later. Tell those who still want it."
    )


def _named(mailboxes: Sequence[Mailbox], in_all: int, said: Callable[[Mailbox, Frame], str], frame: Frame) -> list[Widget]:
    lines = [decorated_text(words.name(shown(mailbox.address)), below=said(mailbox, frame)) for mailbox in mailboxes]
    more = in_all - len(mailboxes)
    return [*lines, *([text_paragraph(coloured(f"and {words.number(more, frame.locale)} more", GREY))] if more else [])]


def _last_opened(mailbox: Mailbox, frame: Frame) -> str:
    opened_at = mailbox.presence.opened_at
    return f"Last opened {words.day(opened_at.date(), frame.today, frame.locale)}" if opened_at else ""


def _forgotten(mailbox: Mailbox, frame: Frame) -> str:
    parked = mailbox.presence.parked
    if not parked:
        return ""
    why = "Google knows the account no more" if parked.why is ParkedFor.GONE else "Not opened, and not sorted any more"
    day = forgotten_at(parked).astimezone(zone_of(frame.locale)).date()
    return words.facts(why, f"deleted {words.day(day, frame.today, frame.locale)}")
