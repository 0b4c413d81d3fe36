"""The card of one mail to read: its text without anything remote, its attachments by name, and what its owner can do with it."""

from cards import words
from cards.customers_mail_card import in_gmail
from cards.error_card import error_card
from cards.frame import Frame, Page, Path
from cards.mail_with_card import whose
from cards.record_lines import ids_of_mail, record_name
from cards.widgets import (
    GREY,
    Button,
    Card,
    Section,
    Widget,
    bold,
    button,
    button_list,
    card,
    coloured,
    decorated_text,
    open_link,
    reading,
    section,
    text_paragraph,
)
from mailmagnet.addresses import shown
from mailmagnet.change_sharing import Change
from mailmagnet.errors import MailMagnetError, NotFound, Side
from mailmagnet.read_mail import ReadMail
from mailmagnet.user_mail import Attachment

_PARAGRAPHS = 60
_ATTACHMENTS = 20


def mail_card(read: ReadMail, frame: Frame) -> Card:
    return card(
        [
            section([_from_line(read, frame), *_text(read), *_buttons(read, frame)]),
            _attachments_section(read, frame),
        ],
        words.name(read.subject) or "(no subject)",
        f"Mail with {record_name(read.people)}",
    )


def failed_mail_card(error: MailMagnetError, frame: Frame) -> Card:
    """One answer for what is gone and what is not shared: it does not tell which."""
    if not (isinstance(error, NotFound) and error.who.side is Side.GMAIL):
        return error_card(error, frame)
    said = "It is gone, its owner shares it no longer, or has disconnected Gmail."
    return card([section([decorated_text("This mail cannot be read here.", below=said, wrap=True)])])


def _from_line(read: ReadMail, frame: Frame) -> Widget:
    sender = words.name(read.sender.name or shown(read.sender.address), 60) or "No sender"
    received = words.moment(read.mail.mail.received_at, frame.now, frame.locale)
    address = words.name(shown(read.sender.address)) if read.sender.name else ""
    below = words.facts(address, received, f"in {whose(read.owner_name, mine=read.mine)} mailbox" if not read.mine else "")
    return decorated_text(bold(sender), below=below, wrap=True)


def _text(read: ReadMail) -> list[Widget]:
    paragraphs = reading(read.mail.text, _PARAGRAPHS)
    return paragraphs or [text_paragraph(coloured("This mail has no text.", GREY))]


def _buttons(read: ReadMail, frame: Frame) -> list[Widget]:
    if not read.mine:
        name = words.name(shown(read.owner_name), 40) or "Its owner"
        return [text_paragraph(coloured(f"{name} can see that you have read this.", GREY))]
    made = [*_open_button(read), _keep_back_button(read, frame)]
    said = [text_paragraph(coloured("You keep this mail back: only you can read it.", GREY))] if read.kept_back else []
    return [*said, button_list(*made)]


def _open_button(read: ReadMail) -> list[Button]:
    mail = read.mail.mail
    on_click = open_link(in_gmail(mail.mail_id, mail.first("Message-ID"), read.owner_address))
    return [button("Open in Gmail", on_click)] if on_click else []


def _keep_back_button(read: ReadMail, frame: Frame) -> Button:
    said, change = ("Stop keeping back", Change.GIVE_BACK) if read.kept_back else ("Keep this mail back", Change.KEEP_BACK)
    return button(said, frame.run(Path.SHARE_MAIL, **ids_of_mail(read.id), change=change.value))


def _attachments_section(read: ReadMail, frame: Frame) -> Section | None:
    """Each by name and size; nothing of it is fetched before it is clicked."""
    lines = [_attachment_line(attachment, read, frame) for attachment in read.mail.attachments[:_ATTACHMENTS]]
    if (more := len(read.mail.attachments) - len(lines)) > 0:
        lines.append(text_paragraph(coloured(f"and {words.number(more, frame.locale)} more", GREY)))
    return section(lines, words.facts("Attachments", words.number(len(read.mail.attachments), frame.locale)))


def _attachment_line(attachment: Attachment, read: ReadMail, frame: Frame) -> Widget:
    name = words.name(attachment.name, 80) or "Attachment"
    return decorated_text(
        name,
        below=words.size(attachment.size, frame.locale),
        on_click=frame.page(Page.ATTACHMENT, **ids_of_mail(read.id), part=attachment.part),
    )
