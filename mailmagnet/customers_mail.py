"""The use case "customers' mail": the mail that MailMagnet has recorded, read live, page by page; and marked as done, which is read."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from mailmagnet.addresses import spellings
from mailmagnet.caller import Caller
from mailmagnet.categories import Category, decide_for_address, today_in
from mailmagnet.consent import Grant
from mailmagnet.crm import Crm, CrmSettings, Senders, service_of
from mailmagnet.deadline import in_time, in_time_or_problem
from mailmagnet.decide_mail import known_as
from mailmagnet.errors import MAILMAGNET, NotFound, Upstream
from mailmagnet.gmail import GMAIL, UNREAD, MailHeaders
from mailmagnet.parts import Parts
from mailmagnet.people import in_a_list
from mailmagnet.permission import check_permitted
from mailmagnet.store import NOBODY, Mailbox, MailRecord
from mailmagnet.vault import Connection, gmail_connection

MAILS_A_PAGE = 10
"""Each costs 20 Gmail quota units to show."""

MOST_SKIPPED = 1_000
"""As far back as anybody turns pages: Gmail's own search goes further."""

SHOWN_HEADERS = ("From", "Subject", "Message-ID")
"""What is read of a customer's mail to show it and to link to it; nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class CustomerMail:
    """A mail of a customer: what is kept of it, what has just been read from Gmail ("" where the mail has none), and from the CRM.

    Of Gmail that is its subject, its sender's name, and the header Message-ID as it stands, which may only ever become part of a link; of
    the CRM the sender's company, and the category that the sender is in now (None for none, and where the CRM did not say).
    """

    mail_id: str
    from_address: str
    received_at: datetime
    subject: str = ""
    from_name: str = ""
    unread: bool = False
    rfc822_message_id: str = ""
    company: str = ""
    category: Category | None = None


@dataclass(frozen=True, slots=True)
class CustomersMail:
    """A page of customers' mail, newest first, behind the newest `skipped`; `older` is whether there are more. `owner` is whose mail it
    is, an address.

    `crm_problem` says why companies and categories are missing. `just_read` is the mail that was marked as done by this call, "" for none.
    """

    mails: tuple[CustomerMail, ...]
    owner: str
    skipped: int = 0
    older: bool = False
    just_read: str = ""
    crm_problem: Upstream | None = None

    @property
    def problems(self) -> tuple[Upstream, ...]:
        """What is missing, and why."""
        return (self.crm_problem,) if self.crm_problem else ()


async def customers_mail(skip: int, caller: Caller, parts: Parts) -> CustomersMail:
    """A page of MAILS_A_PAGE mails. Raises NotFound while MailMagnet is off, NotPermitted, NotAuthorised, TimedOut, and what Gmail, the
    store and the vault raise."""
    connection, mailbox, crm = await permitted_mailbox(caller, parts)
    return await read_customers_mail(connection, mailbox, crm, min(max(skip, 0), MOST_SKIPPED), MAILS_A_PAGE, caller, parts)


async def read_customers_mail(
    connection: Connection, mailbox: Mailbox, crm: Crm, skip: int, most: int, caller: Caller, parts: Parts
) -> CustomersMail:
    """So many mails behind the newest `skip`: Gmail and the CRM are asked side by side. Raises TimedOut, and what Gmail and the store
    raise."""
    found = await in_time(MAILMAGNET, caller.by, parts.store.latest_mails(mailbox.org, mailbox.user, skip + most + 1))
    records = found[skip : skip + most]
    if not records:
        return CustomersMail((), mailbox.address, skip)
    senders = spellings({record.from_address for record in records} - {NOBODY})
    headers, answered = await asyncio.gather(
        in_time(GMAIL, caller.by, parts.mail_of(connection).headers([record.mail_id for record in records], SHOWN_HEADERS)),
        in_time_or_problem(service_of(crm), caller.by, asyncio.gather(crm.senders(senders), crm.settings())),
    )
    known, settings = (None, None) if isinstance(answered, Upstream) else answered
    return CustomersMail(
        _mails(records, headers, known, settings, caller.now),
        mailbox.address,
        skip,
        older=len(found) > skip + most and skip + most <= MOST_SKIPPED,
        crm_problem=answered if isinstance(answered, Upstream) else None,
    )


async def mark_as_done(mail_id: str, done: bool, caller: Caller, parts: Parts) -> None:
    """Mark a customer's mail as read in Gmail, or as unread again: nothing is kept here, and doing it twice is as doing it once.

    Raises NotFound for a mail that is no customer's or not in this mailbox, NotPermitted, NotAuthorised, TimedOut, and what Gmail, the
    store and the vault raise.
    """
    connection, mailbox, _ = await permitted_mailbox(caller, parts)
    recorded = await in_time(MAILMAGNET, caller.by, parts.store.known_mails(mailbox.org, mailbox.user, [mail_id]))
    if mail_id not in recorded:
        raise NotFound(GMAIL, "this is no customer's mail of this mailbox")
    mail = parts.mail_of(connection)
    await in_time(GMAIL, caller.by, mail.mark_read([mail_id]) if done else mail.mark_unread([mail_id]))


async def permitted_mailbox(caller: Caller, parts: Parts) -> tuple[Connection, Mailbox, Crm]:
    """The caller's connection and mailbox, with MailMagnet on; the permission is asked for beside it.

    Raises NotFound while MailMagnet is off, NotPermitted, NotAuthorised, TimedOut, and what the CRM, the store and the vault raise.
    """
    org, user, by = caller.identity.org, caller.identity.user, caller.by
    connection = await in_time(MAILMAGNET, by, gmail_connection(org, user, parts.vault, Grant.SORT))
    crm = parts.crm_of(connection)
    _, mailbox = await asyncio.gather(
        in_time(service_of(crm), by, check_permitted(crm)), in_time(MAILMAGNET, by, parts.store.mailbox(org, user))
    )
    if not mailbox or not mailbox.mailmagnet:
        raise NotFound(MAILMAGNET, "MailMagnet is off")
    return connection, mailbox, crm


def _mails(
    records: Sequence[MailRecord],
    read: Sequence[MailHeaders],
    known: Senders | None,
    settings: CrmSettings | None,
    now: datetime,
) -> tuple[CustomerMail, ...]:
    """Those that are still in the mailbox, and not on their way out of it."""
    by_id = {mail.mail_id: mail for mail in read if not mail.label_ids & {"SPAM", "TRASH"}}
    today = today_in(settings.organisation.time_zone, now) if settings else None
    mails = [_as_gmail_has_it(record, by_id[record.mail_id]) for record in records if record.mail_id in by_id]
    return tuple(_as_the_crm_has_it(mail, known, today) if known and today else mail for mail in mails)


def _as_gmail_has_it(record: MailRecord, mail: MailHeaders) -> CustomerMail:
    name, subject = in_a_list(mail)
    return CustomerMail(
        record.mail_id,
        record.from_address,
        record.received_at,
        subject=subject,
        from_name=name,
        unread=UNREAD in mail.label_ids,
        rfc822_message_id=mail.first("Message-ID"),
    )


def _as_the_crm_has_it(mail: CustomerMail, known: Senders, today: date) -> CustomerMail:
    contacts, leads = known_as(mail.from_address, known)
    decision = decide_for_address(contacts, today)
    companies = [contact.account.name for contact in contacts if contact.account] + [lead.company for lead in leads]
    company = next(filter(None, companies), "")
    return replace(mail, company=company, category=decision.category if decision else None)
