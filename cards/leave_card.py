"""The cards of leaving: what will be deleted and what stays, with the one question; and that it is done, and how to begin anew."""

from cards import words
from cards.frame import Frame, Path
from cards.problems import problem_of
from cards.widgets import Card, Widget, button, button_list, card, decorated_text, section, text_paragraph
from mailmagnet.everything_kept import MOST_READINGS, Kept
from mailmagnet.leave import Left

TITLE = "Deactivate MailMagnet"


def leave_card(kept: Kept, frame: Frame) -> Card:
    """The question; who has left is told so."""
    if kept.nothing:
        return _over("MailMagnet is not active for you.", "There is nothing to delete.", frame)
    return card(
        [
            section(_deleted_lines(kept, frame), "Will be deleted"),
            section(_staying_lines(kept), "Stays"),
            section([button_list(button("Deactivate and delete", frame.run(Path.DEACTIVATED)))]),
        ],
        TITLE,
        _address(kept),
    )


def left_card(left: Left, frame: Frame) -> Card:
    """What became of it."""
    if left.was_gone:
        return _over("MailMagnet was deactivated before.", "There was nothing left to delete.", frame)
    if left.problem:
        happened = problem_of(left.problem, frame.locale).happened
        below = words.facts(happened, "The rest is deleted within minutes; you need do nothing")
        return _over("MailMagnet is off. Not everything is deleted yet.", below, frame)
    records = words.counted(left.mails, "mail record", "mail records", frame.locale)
    crm = words.name(left.crm_name, 40)
    return _over(
        "MailMagnet is deactivated.", f"Deleted: {records}, your settings, and the connections to Gmail and {crm}.", frame
    )


def _over(said: str, below: str, frame: Frame) -> Card:
    how = text_paragraph("To begin anew, set MailMagnet up again. To take the panel out of Gmail, uninstall the add-on there.")
    begin_anew = button_list(button("Set up MailMagnet", frame.run(Path.SET_UP)))
    return card([section([decorated_text(said, below=below, wrap=True)]), section([how, begin_anew])], TITLE)


def _deleted_lines(kept: Kept, frame: Frame) -> list[Widget]:
    """Each with its count; the connections end where they were given, not only here."""
    connected, lines = kept.connected, []
    if kept.mails:
        lines.append(decorated_text(words.counted(kept.mails, "mail record", "mail records", frame.locale)))
    if connected and connected.gmail:
        lines.append(decorated_text("The connection to Gmail", below="Ended at Google too"))
    if connected and connected.crm_user:
        crm = words.name(kept.crm_name, 40)
        lines.append(decorated_text(f"Your sign-in to {crm}", below=f"As {words.name(connected.crm_user, 60)}; ended there too"))
    if connected and connected.webhook:
        lines.append(decorated_text("The address for notices"))
    if kept.mailbox:
        lines.append(decorated_text("Your settings and choices", below="Sorting and sharing end at once"))
    if kept.read_by_others:
        lines.append(decorated_text("The log of who read your mail", below=_entries(kept.read_by_others, frame)))
    return lines


def _entries(count: int, frame: Frame) -> str:
    entries = words.counted(count, "entry", "entries", frame.locale)
    return f"At least {entries}" if count >= MOST_READINGS else entries


def _staying_lines(kept: Kept) -> list[Widget]:
    crm = words.name(kept.crm_name, 40)
    lines = [
        decorated_text("Your mail and its labels in Gmail"),
        decorated_text(f"All records in {crm}"),
    ]
    if kept.read_by_user:
        below = "In the log of those whose mail you read: ids alone, until they are too old"
        lines.append(decorated_text("That you read colleagues’ mail", below=below, wrap=True))
    return lines


def _address(kept: Kept) -> str:
    if kept.mailbox:
        return kept.mailbox.address
    return kept.connected.address if kept.connected else ""
