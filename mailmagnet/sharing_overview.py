"""The use case "what I share": an owner's contacts that are shared and kept back, and which colleague read what, when."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from mailmagnet.caller import Caller, connection_of
from mailmagnet.colleagues import Colleagues, names_in, some_colleagues
from mailmagnet.crm import service_of
from mailmagnet.deadline import in_time, in_time_or_problem
from mailmagnet.ended_sharing import MOST_LOOKED_UP, names_of, without
from mailmagnet.errors import MAILMAGNET, Upstream
from mailmagnet.parts import Parts
from mailmagnet.record_people import RecordId, record_of_choice
from mailmagnet.sharing import sharing_of
from mailmagnet.store import Choices, Mailbox, MailReading, Sharing

MOST_READINGS = 30


@dataclass(frozen=True, slots=True)
class Reading:
    """That a colleague read a mail of the caller's. `reader` and `contact` may be "": who has left, and what the CRM shows no more."""

    reader: str
    contact: str
    mail_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class NamedRecord:
    """A contact or lead of the owner's choices; `name` is "" while the CRM did not tell."""

    record: RecordId
    name: str


@dataclass(frozen=True, slots=True)
class SharingOverview:
    """The answer. `mailbox` is None for who has none; `ended` counts what was shared and is merged or gone in the CRM, and so has ended.

    `more` contacts are shared or kept back beside those that are listed.
    """

    crm_name: str
    mailbox: Mailbox | None
    sharing: Sharing
    fixed: bool
    shared: tuple[NamedRecord, ...] = ()
    kept_back: tuple[NamedRecord, ...] = ()
    readings: tuple[Reading, ...] = ()
    more: int = 0
    ended: int = 0
    problems: tuple[Upstream, ...] = ()


async def sharing_overview(caller: Caller, parts: Parts) -> SharingOverview:
    """Sharing of a contact that is merged or gone in the CRM ends here, and the answer says so.

    Raises what the vault and the store raise.
    """
    org, user = caller.identity.org, caller.identity.user
    crm = parts.crm_of(await connection_of(caller, parts))
    readings = await in_time(MAILMAGNET, caller.by, parts.store.readings(org, user, MOST_READINGS))
    concerned = [user, *(reading.reader for reading in readings)]
    colleagues, names = await asyncio.gather(
        in_time(MAILMAGNET, caller.by, some_colleagues(org, concerned, parts)),
        in_time_or_problem(service_of(crm), caller.by, names_in(crm)),
    )
    problem = names if isinstance(names, Upstream) else None
    if not isinstance(names, Upstream):
        colleagues = replace(colleagues, names=names)
    mailbox = colleagues.mailboxes.get(user)
    choices = mailbox.choices if mailbox else Choices()
    looked_up = await names_of(_to_look_up(choices, readings), crm, caller)
    gone = {choice for choice, found in looked_up.items() if found is None}
    ended = without(choices, gone).sharing_ended
    if ended or gone & choices.contacts_kept_back:
        seen = parts.store.change_choices(org, user, lambda now: replace(without(now, gone), sharing_ended=0))
        choices = await in_time(MAILMAGNET, caller.by, seen)
    return SharingOverview(
        crm.name,
        mailbox,
        sharing_of(choices, colleagues.policy),
        colleagues.policy.sharing is not None,
        shared=_named(choices.shared_contacts, looked_up),
        kept_back=_named(choices.contacts_kept_back, looked_up),
        readings=tuple(_reading(each, colleagues, looked_up) for each in readings),
        more=len((choices.shared_contacts | choices.contacts_kept_back) - looked_up.keys()),
        ended=ended,
        problems=(problem,) if problem else (),
    )


def _to_look_up(choices: Choices, readings: Collection[MailReading]) -> list[str]:
    """What is shared first, then what is kept back, then what was read."""
    wanted = [*sorted(choices.shared_contacts), *sorted(choices.contacts_kept_back), *(reading.contact for reading in readings)]
    return list(dict.fromkeys(wanted))[:MOST_LOOKED_UP]


def _named(choices: Collection[str], names: Mapping[str, str | None]) -> tuple[NamedRecord, ...]:
    found = [NamedRecord(record_of_choice(choice), names.get(choice) or "") for choice in choices if choice in names]
    return tuple(sorted(found, key=lambda each: (each.name.casefold(), each.record.id)))


def _reading(reading: MailReading, colleagues: Colleagues, names: Mapping[str, str | None]) -> Reading:
    return Reading(colleagues.name(reading.reader), names.get(reading.contact) or "", reading.mail_id, reading.at)
