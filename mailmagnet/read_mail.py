"""The use case "read a mail with a record's people": the viewer's right is asked anew, its reading is kept, and only then is it shown."""

import asyncio
import re
from dataclasses import dataclass, replace

from mailmagnet.caller import Caller, connection_of
from mailmagnet.choose_crm import check_chosen
from mailmagnet.colleagues import Colleagues, colleagues_about, names_in, ours_of, some_colleagues
from mailmagnet.consent import Grant
from mailmagnet.crm import service_of
from mailmagnet.deadline import in_time, in_time_or_problem
from mailmagnet.errors import MAILMAGNET, BadRequest, NotAuthorised, NotFound, Upstream
from mailmagnet.gmail import GMAIL, MailHeaders
from mailmagnet.kept_back import also_with_kept_back
from mailmagnet.parts import Parts
from mailmagnet.people import NAMING_HEADERS, Person, in_a_list, sender_in
from mailmagnet.record_people import OpenedRecord, RecordId, record_people
from mailmagnet.shared_mailbox import SharedMailbox, shared_mailbox
from mailmagnet.sharing import Viewer
from mailmagnet.store import Mailbox, MailReading
from mailmagnet.user_mail import Attachment, MailText, UserMail
from mailmagnet.vault import Connection, gmail_connection

_ID = re.compile(r"[0-9a-f]{1,32}", re.ASCII)
_PART = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){0,20}", re.ASCII)


@dataclass(frozen=True, slots=True)
class MailId:
    """Which mail: of whose mailbox, and as mail with which record's people it is asked for. Each part is an id."""

    record: RecordId
    owner: str
    mail_id: str


@dataclass(frozen=True, slots=True)
class ReadMail:
    """A mail to read. `owner_name` may be ""; `kept_back` is whether the viewer, as its owner, keeps it back; nothing of it is kept."""

    id: MailId
    people: OpenedRecord
    mail: MailText
    sender: Person
    subject: str
    owner_name: str
    owner_address: str
    mine: bool
    kept_back: bool
    problems: tuple[Upstream, ...] = ()


def mail_id(record: RecordId, owner: str, of: str) -> MailId:
    """Raises BadRequest for what can be no mail's id."""
    if not owner or not _ID.fullmatch(of):
        raise BadRequest("the click names no mail")
    return MailId(record, owner, of)


async def read_mail(asked: MailId, caller: Caller, parts: Parts) -> ReadMail:
    """The mail, if the viewer may read it now. A colleague's is shown only after its reading has been kept.

    Raises NotFound by Gmail for a mail that the viewer may not read, as for one that is not there; and what the CRM, the store, the
    vault and the owner's Gmail raise.
    """
    opened = await _opened(asked, caller, parts)
    mail = await in_time(GMAIL, caller.by, opened.gmail.text(asked.mail_id))
    await _allow(opened, mail.mail, asked, caller, parts)
    _, subject = in_a_list(mail.mail)
    return ReadMail(
        asked,
        opened.people,
        mail,
        sender_in(mail.mail),
        subject,
        opened.colleagues.name(asked.owner),
        opened.owner.address,
        mine=opened.mine,
        kept_back=asked.mail_id in opened.owner.choices.mails_kept_back,
    )


async def read_attachment(asked: MailId, part: str, caller: Caller, parts: Parts) -> tuple[Attachment, bytes]:
    """One attachment of a mail that the viewer may read now, and its content. Raises what `read_mail` raises."""
    if not _PART.fullmatch(part):
        raise BadRequest("the click names no attachment")
    opened = await _opened(asked, caller, parts)
    found = await in_time(GMAIL, caller.by, opened.gmail.headers([asked.mail_id], NAMING_HEADERS))
    if not found:
        raise NotFound(GMAIL, "there is no such mail")
    await _allow(opened, found[0], asked, caller, parts)
    return await in_time(GMAIL, caller.by, opened.gmail.attachment(asked.mail_id, part))


@dataclass(frozen=True, slots=True)
class _Opened:
    """The mailbox that a viewer wants to read in, its owner's connection, and what the rules say there."""

    people: OpenedRecord
    colleagues: Colleagues
    owner: Mailbox
    connection: Connection
    gmail: UserMail
    shared: SharedMailbox
    mine: bool


async def _opened(asked: MailId, caller: Caller, parts: Parts) -> _Opened:
    """Asks the CRM, the store and the vault at each click: what was allowed before may not be now."""
    org, user = caller.identity.org, caller.identity.user
    connection = await connection_of(caller, parts)
    crm = parts.crm_of(connection)
    people, colleagues, names = await asyncio.gather(
        in_time(service_of(crm), caller.by, record_people(asked.record, crm)),
        in_time(MAILMAGNET, caller.by, some_colleagues(org, [asked.owner], parts)),
        in_time_or_problem(service_of(crm), caller.by, names_in(crm)),
    )
    if not isinstance(names, Upstream):
        colleagues = replace(colleagues, names=names)
    check_chosen(connection, colleagues.policy, crm, parts)
    owner = colleagues.mailboxes.get(asked.owner)
    if owner is None:
        raise _nothing_to_read()
    mine = asked.owner == user
    colleagues = await in_time(MAILMAGNET, caller.by, colleagues_about(people, colleagues, org, parts))
    owners = await _connection_to(owner, parts, caller, mine=mine)
    own = ours_of([connection, owners], colleagues.mailboxes.values())
    shared = shared_mailbox(people.people, owner, Viewer(org, user), colleagues.policy, own, mail_id=asked.mail_id)
    if not shared.people:
        raise _nothing_to_read()
    return _Opened(people, colleagues, owner, owners, parts.mail_of(owners), shared, mine)


async def _connection_to(owner: Mailbox, parts: Parts, caller: Caller, *, mine: bool) -> Connection:
    """Raises NotAuthorised for one's own mailbox; a colleague's without a connection is as if the mail were not there."""
    try:
        return await in_time(MAILMAGNET, caller.by, gmail_connection(owner.org, owner.user, parts.vault, Grant.READ))
    except NotAuthorised:
        if mine:
            raise
        raise _nothing_to_read() from None


async def _allow(opened: _Opened, mail: MailHeaders, asked: MailId, caller: Caller, parts: Parts) -> None:
    """Hold the very mail against the rules, and keep that a colleague reads it. Raises NotFound, and what the store raises."""
    if opened.mine:
        return
    person = opened.shared.person_of(mail)
    if not person:
        raise _nothing_to_read()
    owners_crm = service_of(parts.crm_of(opened.connection))
    if await in_time(owners_crm, caller.by, also_with_kept_back([mail], opened.owner, opened.connection, parts)):
        raise _nothing_to_read()
    reading = MailReading(caller.identity.user, asked.owner, asked.mail_id, person.choice, caller.now)
    await in_time(MAILMAGNET, caller.by, parts.store.keep_reading(caller.identity.org, reading))


def _nothing_to_read() -> NotFound:
    """One answer to all who may not read: it does not tell why."""
    return NotFound(GMAIL, "there is no such mail for this viewer")
