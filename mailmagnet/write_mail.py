"""The use cases of a mail that is written in a card: to somebody in the CRM, or as a reply.

The form is one Gmail draft. It is made when the form opens, its id stands in the form's buttons, and Send is Gmail's drafts.send: so
pressed twice, pressed again after an answer was lost, or sent again by Google, a mail goes out once. Nothing of it is anywhere but in
Gmail.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum

from mailmagnet.address_headers import Budget, Mailbox, certain_address, cleaned, decoded, mailboxes
from mailmagnet.caller import Caller
from mailmagnet.consent import Grant
from mailmagnet.crm import Contact, Crm, Lead, service_of
from mailmagnet.deadline import in_time, in_time_or_problem
from mailmagnet.errors import MAILMAGNET, BadForm, NotFound, NotPermitted, Upstream
from mailmagnet.gmail import GMAIL, MailHeaders, OpenMailTokens
from mailmagnet.mail_html import html_of_text, with_signature
from mailmagnet.mail_templates import person_of, standing_of, template_in, templates_of
from mailmagnet.merge_fields import FIELDS, values_of
from mailmagnet.parts import Parts
from mailmagnet.permission import check_permitted
from mailmagnet.record_people import RecordId
from mailmagnet.templates import Template, merge
from mailmagnet.user_mail import DraftMail, SendAs, UserMail
from mailmagnet.vault import Connection, gmail_connection

REPLY_HEADERS = ("From", "Reply-To", "To", "Subject", "Message-ID", "References", "In-Reply-To")
"""What is read of the open mail to answer it; nothing of it is kept."""
LONGEST_SUBJECT = 250
MOST_RECIPIENTS = 50
LONGEST_TEXT = 19_000
"""Characters: what Gmail hands over of a form is cut a little later."""

_IS_REPLY = re.compile(r"\s*re\s*(\[\d+\])?\s*[:：]", re.IGNORECASE)
_UNFILLED = re.compile(rf"\[({'|'.join(map(re.escape, FIELDS))})\]|\$\{{[^${{}}\n]{{1,60}}\}}")
_BETWEEN_COMMAS = re.compile(r'(?:"[^"]*"|[^,;\r\n])+')
_PLAIN_NAME = re.compile(r"[\w '-]+")
_ENDS_A_LINE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


class Fault(StrEnum):
    """What is wrong with what was typed."""

    NO_RECIPIENT = "no_recipient"
    NO_ADDRESS = "no_address"
    TOO_MANY = "too_many"
    NO_TEXT = "no_text"
    TOO_LONG = "too_long"
    UNFILLED = "unfilled"


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form: recipients as they are typed, the address to write from ("" for Gmail's default), subject, plain text."""

    to: str = field(repr=False)
    sender: str
    subject: str = field(repr=False)
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FormId:
    """Which mail is being written: Gmail's id of its draft, whom templates are filled in for (None for nobody known), and whether it
    answers one."""

    draft: str
    person: RecordId | None = None
    is_reply: bool = False


@dataclass(frozen=True, slots=True)
class MailForm:
    """A mail that is being written.

    `senders` are the addresses the user may write from, empty where the consent does not show them. `missing` and `unknown` are the
    merge fields that the template left empty, or that do not exist.
    """

    id: FormId
    typed: Typed
    senders: tuple[SendAs, ...]
    templates: tuple[Template, ...]
    person_name: str = ""
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    template_problem: Upstream | None = None

    @property
    def problems(self) -> tuple[Upstream, ...]:
        """What is missing, and why."""
        return (self.template_problem,) if self.template_problem else ()


class Ending(Enum):
    """What became of a draft. GONE: it is none any more, because it was sent or thrown away before."""

    SENT = "sent"
    SAVED = "saved"
    DISCARDED = "discarded"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Done:
    """What a press of the form's buttons has done with its draft."""

    ending: Ending
    draft: str
    problems: tuple[Upstream, ...] = ()


@dataclass(frozen=True, slots=True)
class _Desk:
    """What a mail is written with: the user's connection, the CRM and the mailbox behind it, and by when."""

    connection: Connection
    crm: Crm
    mail: UserMail
    caller: Caller
    parts: Parts


async def write_to(person: RecordId, caller: Caller, parts: Parts) -> MailForm:
    """A new mail to a contact or lead: its draft is made. Raises what the CRM, the vault and Gmail raise, GrantMissing among it."""
    desk = await _desk(caller, parts)
    found, senders, templates = await asyncio.gather(_person(desk, person), _senders(desk), _templates(desk))
    to = [Mailbox(cleaned(found.name), address) for address in found.addresses[:1]]
    empty = Typed(_as_typed(to), _default(senders), "", "")
    draft = await _create(desk, _first_draft(empty, senders))
    return _form(FormId(draft, person), empty, senders, templates, found)


async def reply_to(message_id: str, tokens: OpenMailTokens, person: RecordId | None, caller: Caller, parts: Parts) -> MailForm:
    """An answer to the open mail: its draft is made, in the same conversation. `person` is who it is from, as far as the CRM knows.

    The mail's headers are read by the add-on's own tokens for it: the consent to send does not allow to read. Raises as `write_to` does.
    """
    desk = await _desk(caller, parts)
    reading = in_time(GMAIL, caller.by, parts.reader.open_mail(message_id, tokens, REPLY_HEADERS))
    mail, found, senders, templates = await asyncio.gather(
        reading, _person(desk, person) if person else _permitted(desk), _senders(desk), _templates(desk)
    )
    typed = Typed(_as_typed(_answered(mail, desk.connection)), _default(senders), _subject_of_reply(mail), "")
    message_id_header = mail.first("Message-ID")
    references = f"{mail.first('References') or mail.first('In-Reply-To')} {message_id_header}"
    answer = replace(_first_draft(typed, senders), thread_id=mail.thread_id, in_reply_to=message_id_header, references=references)
    return _form(FormId(await _create(desk, answer), person, is_reply=True), typed, senders, templates, found)


async def fill_in(form: FormId, template: str, typed: Typed, caller: Caller, parts: Parts) -> MailForm:
    """The form with a template above what was typed; its subject stands where none was typed. The draft in Gmail stays as it is.

    Raises NotFound when there is no such template any more, and as `write_to` does.
    """
    desk = await _desk(caller, parts)
    crm, by = desk.crm, caller.by
    found, me, settings, senders, templates = await asyncio.gather(
        _person(desk, form.person) if form.person else _permitted(desk),
        in_time(service_of(crm), by, crm.me()),
        in_time(service_of(crm), by, crm.settings()),
        _senders(desk),
        _templates(desk),
    )
    if isinstance(templates, Upstream):
        raise templates
    chosen = template_in(templates, template)
    values = values_of(standing_of(found, settings.organisation, caller) if found else None, me)
    subject, text = merge(chosen.subject, values), merge(chosen.text, values)
    filled = replace(typed, subject=typed.subject or subject.text, text="\n\n".join(filter(None, (text.text, typed.text))))
    missing, unknown = (
        tuple(dict.fromkeys(each)) for each in ((*subject.missing, *text.missing), (*subject.unknown, *text.unknown))
    )
    return replace(_form(form, filled, senders, templates, found), missing=missing, unknown=unknown)


async def save_mail(draft: str, typed: Typed, caller: Caller, parts: Parts) -> Done:
    """Put what was typed into the draft. Raises BadForm for an address that is none, and as `write_to` does."""
    desk = await _desk(caller, parts)
    return await _written(desk, draft, typed) or Done(Ending.SAVED, draft)


async def send_mail(draft: str, typed: Typed, caller: Caller, parts: Parts) -> Done:
    """Put what was typed into the draft, and send it: once, however often this is asked.

    Raises BadForm for what cannot be sent, and as `write_to` does: then what was typed may be in the draft, and is not sent; only when
    Gmail did not answer in time it may be sent, and to ask again is right.
    """
    if not typed.text.strip():
        raise BadForm(Fault.NO_TEXT)
    if not typed.to.strip():
        raise BadForm(Fault.NO_RECIPIENT)
    if _UNFILLED.search(f"{typed.subject}\n{typed.text}"):
        raise BadForm(Fault.UNFILLED)
    desk = await _desk(caller, parts)
    gone = await _written(desk, draft, typed)
    if gone:
        return gone
    try:
        await in_time(GMAIL, caller.by, desk.mail.send_draft(draft))
    except NotFound:
        return Done(Ending.GONE, draft)
    return Done(Ending.SENT, draft)


async def discard_mail(draft: str, caller: Caller, parts: Parts) -> Done:
    """Throw the draft away; one that is gone is no error. Raises as `write_to` does."""
    desk = await _desk(caller, parts)
    await _permitted(desk)
    await in_time(GMAIL, caller.by, desk.mail.delete_draft(draft))
    return Done(Ending.DISCARDED, draft)


async def _desk(caller: Caller, parts: Parts) -> _Desk:
    identity = caller.identity
    connecting = gmail_connection(identity.org, identity.user, parts.vault, Grant.SEND)
    connection = await in_time(MAILMAGNET, caller.by, connecting)
    return _Desk(connection, parts.crm_of(connection), parts.mail_of(connection), caller, parts)


async def _written(desk: _Desk, draft: str, typed: Typed) -> Done | None:
    """What was typed, put into the draft, which stays in its conversation; Done when it is none any more."""
    wanted = _draft(typed, ())  # refuses what cannot be written before anything is asked
    by = desk.caller.by
    _, senders, kept = await asyncio.gather(
        _permitted(desk), _senders(desk), in_time_or_problem(GMAIL, by, desk.mail.draft(draft))
    )
    if isinstance(kept, NotFound):
        return Done(Ending.GONE, draft)
    if isinstance(kept, Upstream):
        raise kept
    answered = kept.first("In-Reply-To")
    wanted = replace(
        _draft(typed, senders),
        thread_id=kept.thread_id,
        in_reply_to=answered,
        references=kept.first("References"),
    )
    try:
        await in_time(GMAIL, by, desk.mail.update_draft(draft, wanted))
    except NotFound:
        return Done(Ending.GONE, draft)
    return None


async def _person(desk: _Desk, person: RecordId) -> Contact | Lead:
    return await in_time(service_of(desk.crm), desk.caller.by, person_of(desk.crm, person))


async def _permitted(desk: _Desk) -> None:
    await in_time(service_of(desk.crm), desk.caller.by, check_permitted(desk.crm))


async def _senders(desk: _Desk) -> tuple[SendAs, ...]:
    """None where the consent does not show them: to ask for more only for a signature would be too much."""
    try:
        return tuple(await in_time(GMAIL, desk.caller.by, desk.mail.send_as()))
    except NotPermitted:
        return ()


async def _templates(desk: _Desk) -> tuple[Template, ...] | Upstream:
    wanted = templates_of(desk.crm, desk.caller.identity.org, desk.parts)
    return await in_time_or_problem(service_of(desk.crm), desk.caller.by, wanted)


async def _create(desk: _Desk, draft: DraftMail) -> str:
    return await in_time(GMAIL, desk.caller.by, desk.mail.create_draft(draft))


def _form(
    form: FormId,
    typed: Typed,
    senders: tuple[SendAs, ...],
    templates: tuple[Template, ...] | Upstream,
    person: Contact | Lead | None,
) -> MailForm:
    problem = templates if isinstance(templates, Upstream) else None
    known = () if isinstance(templates, Upstream) else templates
    return MailForm(form, typed, senders, known, person.name if person else "", template_problem=problem)


def _draft(typed: Typed, senders: Sequence[SendAs]) -> DraftMail:
    """What was typed, as a mail, with the signature of the address that it is written from. Raises BadForm."""
    if len(typed.text) > LONGEST_TEXT or len(typed.subject) > LONGEST_SUBJECT:
        raise BadForm(Fault.TOO_LONG)
    sender = next((each for each in senders if each.address == typed.sender), None)
    html = with_signature(html_of_text(typed.text), sender.signature if sender else "")
    return DraftMail(_recipients(typed.to), _ENDS_A_LINE.sub(" ", typed.subject).strip(), html, sender=sender)


def _first_draft(typed: Typed, senders: Sequence[SendAs]) -> DraftMail:
    """As `_draft`. Recipients that nobody has typed, and that no mail can be sent to so, stand in the form alone: Send says what is
    wrong with them."""
    try:
        return _draft(typed, senders)
    except BadForm:
        return _draft(replace(typed, to=""), senders)


def _recipients(typed: str) -> tuple[Mailbox, ...]:
    """Whom it is to. Raises BadForm for too many, and when a piece of what was typed is no address for certain: nobody would know whom
    it names."""
    pieces = [piece.strip() for piece in _BETWEEN_COMMAS.findall(typed) if piece.strip()]
    if len(pieces) > MOST_RECIPIENTS:
        raise BadForm(Fault.TOO_MANY)
    if any(not certain_address(piece).isascii() or not certain_address(piece) for piece in pieces):
        raise BadForm(Fault.NO_ADDRESS)
    return tuple(mailbox for piece in pieces for mailbox in mailboxes(piece, Budget())[:1])


def _as_typed(people: Sequence[Mailbox]) -> str:
    """Recipients as a person types them."""
    return ", ".join(f"{_quoted(each.name)} <{each.address}>" if each.name else each.address for each in people)


def _quoted(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else '"' + name.replace("\\", "").replace('"', "'") + '"'


def _answered(mail: MailHeaders, connection: Connection) -> list[Mailbox]:
    """Whom an answer goes to: Reply-To, else From; of a mail that the user wrote, whom that went to."""
    sender = mailboxes(mail.first("From"), Budget())
    mine = "SENT" in mail.label_ids or any(each.address in connection.own_addresses for each in sender)
    if mine and (to := mailboxes(mail.first("To"), Budget())):
        return to
    return mailboxes(mail.first("Reply-To"), Budget()) or sender


def _subject_of_reply(mail: MailHeaders) -> str:
    """ "Re: Offer", the mark once."""
    subject = _ENDS_A_LINE.sub(" ", decoded(mail.first("Subject")[: LONGEST_SUBJECT * 4])).strip()
    return (subject if _IS_REPLY.match(subject) else f"Re: {subject}".strip())[:LONGEST_SUBJECT]


def _default(senders: Sequence[SendAs]) -> str:
    return next((each.address for each in senders if each.default), senders[0].address if senders else "")
