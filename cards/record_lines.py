"""A CRM record in a line that leads to its mail, as a button's parameters, and by its name."""

from cards import words
from cards.frame import Frame, Path
from cards.widgets import Widget, decorated_text
from mailmagnet.crm import Module
from mailmagnet.read_mail import MailId
from mailmagnet.record_people import OpenedRecord, RecordId

_NAME = 40
_KINDS = {Module.CONTACTS: "this contact", Module.LEADS: "this lead", Module.ACCOUNTS: "this account", Module.DEALS: "this deal"}


def mail_with_line(record: RecordId, name: str, frame: Frame) -> Widget:
    """A card's line that leads here."""
    said = f"Mail with {words.name(name, _NAME) or _KINDS[record.module]}"
    return decorated_text(said, icon="EMAIL", on_click=frame.run(Path.MAIL_WITH, **ids_of(record)))


def write_line(record: RecordId, name: str, frame: Frame, *, to_answer: bool) -> Widget:
    """A card's line that begins a mail to this contact or lead; beside an open mail an answer to that."""
    path, does = (Path.REPLY, "Reply to") if to_answer else (Path.WRITE, "Write to")
    said = f"{does} {words.name(name, _NAME) or _KINDS[record.module]}"
    return decorated_text(said, icon="EMAIL", on_click=frame.run(path, **ids_of(record)))


def my_sharing_line(frame: Frame) -> Widget:
    """The line that leads to what the reader shares, who could read it, and who has."""
    return decorated_text("What I share, and who read it", on_click=frame.run(Path.MY_SHARING))


def ids_of(record: RecordId) -> dict[str, str]:
    """A record as a button's parameters."""
    return {"module": record.module.value, "id": record.id}


def ids_of_mail(mail: MailId) -> dict[str, str]:
    """A mail with a record's people in its owner's mailbox, as a button's parameters."""
    return {**ids_of(mail.record), "owner": mail.owner, "mail": mail.mail_id}


def record_name(people: OpenedRecord) -> str:
    return words.name(people.name, _NAME) or _KINDS[people.record.module]
