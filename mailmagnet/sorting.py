"""The use cases of who wants to see sorting: which mails were sorted today, what a run would do now, and a run at once."""

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from mailmagnet.caller import Caller
from mailmagnet.categories import Category, today_in
from mailmagnet.crm import service_of
from mailmagnet.customers_mail import SHOWN_HEADERS, permitted_mailbox
from mailmagnet.deadline import in_time
from mailmagnet.errors import MAILMAGNET, Upstream
from mailmagnet.gmail import GMAIL, MailHeaders
from mailmagnet.label_mail import LabelRun, plan_labels
from mailmagnet.parts import Parts
from mailmagnet.pause import check_not_paused
from mailmagnet.people import in_a_list
from mailmagnet.store import DayCounts, Mailbox, MailRecord
from mailmagnet.tasks import MailboxTask

MOST_SHOWN = 25
"""Mails of today that are read, each for 20 Gmail quota units."""


@dataclass(frozen=True, slots=True)
class SortedMail:
    """A mail under one of our labels now, with what has just been read of it ("" where it has none). `rfc822_message_id` may only ever
    become part of a link."""

    record: MailRecord
    category: Category
    subject: str
    from_name: str
    rfc822_message_id: str


@dataclass(frozen=True, slots=True)
class SortedToday:
    """Mail that came today and stands under our labels, newest first. `day` are the day's counts, which count earlier mail sorted today
    too; `more` is whether more came today than are read. `owner` is whose mail it is, an address."""

    mails: tuple[SortedMail, ...]
    owner: str
    today: date
    day: DayCounts | None
    more: bool
    problems: ClassVar[tuple[Upstream, ...]] = ()


@dataclass(frozen=True, slots=True)
class SortingPreview:
    """What a run would do now. `owner` is whose mail it is, an address."""

    run: LabelRun
    owner: str
    crm_name: str
    problems: ClassVar[tuple[Upstream, ...]] = ()


@dataclass(frozen=True, slots=True)
class SortingBegun:
    """A run is asked for; `already` where it had been a moment ago."""

    already: bool
    problems: ClassVar[tuple[Upstream, ...]] = ()


async def sorted_today(caller: Caller, parts: Parts) -> SortedToday:
    """Which mails were sorted. Raises NotFound while MailMagnet is off, NotPermitted, NotAuthorised, TimedOut, and what Gmail, the CRM,
    the store and the vault raise."""
    connection, mailbox, crm = await permitted_mailbox(caller, parts)
    settings, found = await asyncio.gather(
        in_time(service_of(crm), caller.by, crm.settings()),
        in_time(MAILMAGNET, caller.by, parts.store.latest_mails(mailbox.org, mailbox.user, MOST_SHOWN + 1)),
    )
    today = today_in(settings.organisation.time_zone, caller.now)
    todays = [record for record in found if today_in(settings.organisation.time_zone, record.received_at) == today]
    shown = todays[:MOST_SHOWN]
    mail_ids = [record.mail_id for record in shown]
    headers = await in_time(GMAIL, caller.by, parts.mail_of(connection).headers(mail_ids, SHOWN_HEADERS)) if shown else ()
    by_id = {mail.mail_id: mail for mail in headers}
    mails = [
        _sorted_mail(record, by_id[record.mail_id], category)
        for record in shown
        if record.mail_id in by_id and (category := _under(by_id[record.mail_id], mailbox))
    ]
    day = mailbox.last_run.day if mailbox.last_run.day and mailbox.last_run.day.day == today else None
    return SortedToday(tuple(mails), mailbox.address, today, day, len(todays) > MOST_SHOWN)


async def preview_sorting(caller: Caller, parts: Parts) -> SortingPreview:
    """What a run would do now with the newest mail, changing nothing. Raises as `sorted_today` does, and Forbidden."""
    _, mailbox, crm = await permitted_mailbox(caller, parts)
    run = await in_time(GMAIL, caller.by, plan_labels(mailbox.org, mailbox.user, parts))
    return SortingPreview(run, mailbox.address, crm.name)


async def sort_now(caller: Caller, parts: Parts) -> SortingBegun:
    """Have a run begin now: within a minute any number of clicks are one. Raises Paused, as `sorted_today` does, and what the task queue
    raises."""
    _, mailbox, _ = await permitted_mailbox(caller, parts)
    check_not_paused(await in_time(MAILMAGNET, caller.by, parts.store.policy(mailbox.org)))
    slot = caller.now.replace(second=0, microsecond=0)
    new = await in_time(MAILMAGNET, caller.by, parts.tasks.enqueue(MailboxTask(mailbox.org, mailbox.user, slot, tick=None)))
    return SortingBegun(already=not new)


def _under(mail: MailHeaders, mailbox: Mailbox) -> Category | None:
    """The label of ours that a mail bears now, whatever it was called since."""
    return next((category for category in Category if mailbox.labels.get(category) in mail.label_ids), None)


def _sorted_mail(record: MailRecord, mail: MailHeaders, category: Category) -> SortedMail:
    name, subject = in_a_list(mail)
    return SortedMail(record, category, subject, name, mail.first("Message-ID"))
