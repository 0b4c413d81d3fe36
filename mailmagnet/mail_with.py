"""The use case "mail with a record's people": the viewer's own and colleagues', searched live, merged, newest first, page by page."""

import asyncio
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain

from mailmagnet.addresses import spellings
from mailmagnet.caller import Caller, connection_of
from mailmagnet.choose_crm import check_chosen
from mailmagnet.colleagues import Colleagues, colleagues_about, names_in, ours_of, some_colleagues
from mailmagnet.consent import Grant
from mailmagnet.crm import service_of
from mailmagnet.deadline import in_time, in_time_or_problem
from mailmagnet.errors import MAILMAGNET, BadRequest, NotAuthorised, Upstream
from mailmagnet.gmail import GMAIL, MailHeaders
from mailmagnet.kept_back import also_with_kept_back
from mailmagnet.parts import Parts
from mailmagnet.people import NAMING_HEADERS, in_a_list, named_in, sender_in
from mailmagnet.record_people import OpenedRecord, RecordId, record_people
from mailmagnet.shared_mailbox import SharedMailbox, are_among, shared_mailbox
from mailmagnet.sharing import Ours, Rule, Viewer, shareable, sharing_of
from mailmagnet.store import Choices, Mailbox, Sharing
from mailmagnet.user_mail import UserMail
from mailmagnet.vault import Connection, gmail_connection

MOST_COLLEAGUES = 20
"""Colleagues' mailboxes that are searched side by side for one answer."""
PAGE = 10
"""Mails of one page. One more is read of each mailbox, to end the page well: each costs 20 of its owner's Gmail quota units."""
MOST_KEPT_BACK = 100
"""Mails kept back that are searched past; of an owner who keeps back more, a page may be short."""
RECORDS_NAMING = 50
"""Mail records of one address that are looked through for colleagues who had mail from it."""
LIST_HEADERS = (*NAMING_HEADERS, "Subject", "Message-ID")
"""What is read of a mail to list it. Nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class ListedMail:
    """A mail in somebody's mailbox, read live: `owner` is the user's verified id."""

    owner: str
    owner_name: str
    mine: bool
    mail_id: str
    received_at: datetime
    from_name: str
    from_address: str
    subject: str
    sent: bool = False
    kept_back: bool = False


class NotAsked(StrEnum):
    """Why a colleague's mailbox is not in the answer. Who keeps something back is not told: that looks as if there were no mail."""

    TOO_MANY = "too_many"
    NOT_CONNECTED = "not_connected"
    NOT_SHARED = "not_shared"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Missing:
    """A colleague whose mail is not in the answer; `name` may be ""."""

    name: str
    why: NotAsked
    problem: Upstream | None = None


@dataclass(frozen=True, slots=True)
class OwnSharing:
    """What the viewer as an owner has chosen for this very contact or lead, and what counts for all of the viewer's mail."""

    sharing: Sharing
    fixed: bool
    chosen: bool
    kept_back: bool


@dataclass(frozen=True, slots=True)
class MailWith:
    """The answer. `older` asks for the next page, "" when there is none: it is a moment, in seconds, and nothing else.

    `mine_problem` says why the viewer's own mail is not in it, `problem` why no colleague's is; `own` is None for an account or deal,
    and when the viewer has no mailbox. `excluded`: an admin keeps all of these addresses out, so that only one's own mail is shown.
    `to_set_up` is whether the viewer has not connected Gmail.
    """

    record: OpenedRecord
    crm_name: str
    mails: tuple[ListedMail, ...]
    older: str = ""
    missing: tuple[Missing, ...] = ()
    mine_problem: Upstream | None = None
    problem: Upstream | None = None
    own: OwnSharing | None = None
    excluded: bool = False
    to_set_up: bool = False

    @property
    def problems(self) -> tuple[Upstream, ...]:
        """What is missing, and why."""
        of_colleagues = (missing.problem for missing in self.missing)
        return tuple(problem for problem in (self.mine_problem, self.problem, *of_colleagues) if problem)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A mail that a search has found; `shown` is None for one that must not be. `same` tells copies of one mail, "" none."""

    received_at: datetime
    shown: ListedMail | None
    same: str


@dataclass(frozen=True, slots=True)
class _Found:
    """What is in one mailbox, newest first; `more` is older."""

    entries: tuple[_Entry, ...]
    more: bool = False


async def mail_with(record: RecordId, older: str, caller: Caller, parts: Parts) -> MailWith:
    """Mail from, to or copied to the record's people. What one mailbox fails to say is told beside the others' mail.

    Raises what the vault raises, BadRequest for a page that is none, and what the CRM raises: NotFound when the viewer may not open
    the record.
    """
    before = _moment(older)
    connection = await connection_of(caller, parts)
    crm = parts.crm_of(connection)
    crm_service = service_of(crm)
    org, user = caller.identity.org, caller.identity.user
    people, known, names = await asyncio.gather(
        in_time(crm_service, caller.by, record_people(record, crm)),
        in_time_or_problem(MAILMAGNET, caller.by, some_colleagues(org, [user], parts)),
        in_time_or_problem(crm_service, caller.by, names_in(crm)),
    )
    colleagues = known
    if not isinstance(known, Upstream):
        check_chosen(connection, known.policy, crm, parts)
        colleagues = await in_time_or_problem(MAILMAGNET, caller.by, colleagues_about(people, known, org, parts))
    if isinstance(colleagues, Upstream):
        choices = _choices_of(user, known)
        mine = await in_time_or_problem(GMAIL, caller.by, _my_mail(people, choices, caller, before, parts))
        answer = _answer(people, crm.name, {user: mine}, (), caller, problem=colleagues)
    else:
        named = colleagues if isinstance(names, Upstream) else replace(colleagues, names=names)
        answer = await _Asking(people, connection, named, before, caller, parts).answer(crm.name)
    return replace(answer, to_set_up=not connection.connected)


def _choices_of(user: str, known: Colleagues | Upstream) -> Choices:
    mailbox = None if isinstance(known, Upstream) else known.mailboxes.get(user)
    return mailbox.choices if mailbox else Choices()


@dataclass(frozen=True, slots=True)
class _Asking:
    """One answer's question to all mailboxes."""

    people: OpenedRecord
    connection: Connection
    colleagues: Colleagues
    before: datetime | None
    caller: Caller
    parts: Parts

    async def answer(self, crm_name: str) -> MailWith:
        me = self.colleagues.mailboxes.get(self.caller.identity.user)
        choices = _choices_of(self.caller.identity.user, self.colleagues)
        named_by_records = await in_time_or_problem(MAILMAGNET, self.caller.by, self._named_by_records())
        mailboxes, missing = self._candidates([] if isinstance(named_by_records, Upstream) else named_by_records)
        to_ask = mailboxes[:MOST_COLLEAGUES]
        missing += [Missing(self._name(mailbox), NotAsked.TOO_MANY) for mailbox in mailboxes[MOST_COLLEAGUES:]]
        by = self.caller.by
        mine, *theirs = await asyncio.gather(
            in_time_or_problem(GMAIL, by, _my_mail(self.people, choices, self.caller, self.before, self.parts)),
            *(in_time_or_problem(GMAIL, by, self._their_mail(mailbox)) for mailbox in to_ask),
        )
        found = {self.caller.identity.user: mine}
        for mailbox, answered in zip(to_ask, theirs, strict=True):
            if isinstance(answered, NotAuthorised):
                missing.append(Missing(self._name(mailbox), NotAsked.NOT_CONNECTED))
            elif isinstance(answered, Upstream):
                missing.append(Missing(self._name(mailbox), NotAsked.FAILED, answered))
            else:
                found[mailbox.user] = answered
        problem = named_by_records if isinstance(named_by_records, Upstream) else None
        return _answer(self.people, crm_name, found, missing, self.caller, problem, self._own_sharing(me), self._excluded())

    async def _named_by_records(self) -> list[Mailbox]:
        """The mailboxes of those whom mail records name, who had the latest mail first. Raises what the store raises."""
        org, store = self.caller.identity.org, self.parts.store
        addresses = sorted(spellings(shareable(self.people.addresses, self.colleagues.policy, self._ours())))
        found = await asyncio.gather(*(store.mails_from(org, address, RECORDS_NAMING) for address in addresses))
        latest_first = sorted(chain.from_iterable(found), key=lambda each: each[1].received_at, reverse=True)
        named = dict.fromkeys(user for user, _ in latest_first)
        mailboxes = await asyncio.gather(*map(self._mailbox, named))
        return [mailbox for mailbox in mailboxes if mailbox]

    async def _mailbox(self, user: str) -> Mailbox | None:
        return self.colleagues.mailboxes.get(user) or await self.parts.store.mailbox(self.caller.identity.org, user)

    def _candidates(self, named_by_records: Sequence[Mailbox]) -> tuple[list[Mailbox], list[Missing]]:
        """Whose mailbox to ask, owners of the records first, and who of them is not asked."""
        missing: list[Missing] = []
        mailboxes: dict[str, Mailbox] = {}
        for owner in self.people.owners:
            owners = self.colleagues.of_crm_user(owner.id)
            if not owners and owner.id != self._own_crm_user():
                missing.append(Missing(self.colleagues.names.get(owner.id, owner.name), NotAsked.NOT_CONNECTED))
            mailboxes |= {mailbox.user: mailbox for mailbox in owners}
        mailboxes |= {mailbox.user: mailbox for mailbox in named_by_records}
        mailboxes.pop(self.caller.identity.user, None)
        to_ask = []
        for mailbox in mailboxes.values():
            rules = set(self._shared(mailbox, self._ours()).rules.values())
            if any(rule.lets_in for rule in rules):
                to_ask.append(mailbox)
            elif rules and rules <= {Rule.PRIVATE, Rule.NOT_CHOSEN}:
                missing.append(Missing(self._name(mailbox), NotAsked.NOT_SHARED))
            elif rules & {Rule.NOT_CONNECTED, Rule.PARKED}:
                missing.append(Missing(self._name(mailbox), NotAsked.NOT_CONNECTED))
        return to_ask, missing

    async def _their_mail(self, mailbox: Mailbox) -> _Found:
        """Raises what the vault and Gmail raise, NotAuthorised among it."""
        connection = await gmail_connection(mailbox.org, mailbox.user, self.parts.vault, Grant.READ)
        shared = self._shared(mailbox, self._ours(connection))
        mail = self.parts.mail_of(connection)
        found, more = await _searched(mail, shared.addresses, self.before, mailbox.choices.mails_kept_back)
        hidden = await also_with_kept_back(found, mailbox, connection, self.parts)
        name = self._name(mailbox)

        def shown(mail: MailHeaders) -> ListedMail | None:
            return _listed(mail, mailbox.user, name) if mail.mail_id not in hidden and shared.person_of(mail) else None

        return _Found(tuple(_Entry(each.received_at, shown(each), _same(each)) for each in found), more)

    def _shared(self, mailbox: Mailbox, own: Ours) -> SharedMailbox:
        viewer = Viewer(self.caller.identity.org, self.caller.identity.user)
        return shared_mailbox(self.people.people, mailbox, viewer, self.colleagues.policy, own)

    def _ours(self, *owner: Connection) -> Ours:
        return ours_of([self.connection, *owner], self.colleagues.mailboxes.values())

    def _name(self, mailbox: Mailbox) -> str:
        return self.colleagues.name_of(mailbox)

    def _own_crm_user(self) -> str:
        return self.connection.crm.account if self.connection.crm else ""

    def _excluded(self) -> bool:
        return bool(self.people.addresses) and not shareable(self.people.addresses, self.colleagues.policy, self._ours())

    def _own_sharing(self, me: Mailbox | None) -> OwnSharing | None:
        if me is None or len(self.people.people) != 1 or self.people.people[0].choice != self.people.record.choice:
            return None
        choice, policy = self.people.record.choice, self.colleagues.policy
        return OwnSharing(
            sharing_of(me.choices, policy),
            policy.sharing is not None,
            choice in me.choices.shared_contacts,
            choice in me.choices.contacts_kept_back,
        )


async def _my_mail(people: OpenedRecord, choices: Choices, caller: Caller, before: datetime | None, parts: Parts) -> _Found:
    """Raises NotAuthorised without a connection, GrantMissing, and what the vault and Gmail raise."""
    identity = caller.identity
    connection = await gmail_connection(identity.org, identity.user, parts.vault, Grant.READ)

    def shown(mail: MailHeaders) -> ListedMail | None:
        named = named_in(mail)
        if named.whole and not are_among(people.addresses, named.everybody):
            return None  # Gmail compares words
        listed = _listed(mail, identity.user, "")
        return replace(listed, mine=True, kept_back=mail.mail_id in choices.mails_kept_back)

    found, more = await _searched(parts.mail_of(connection), people.addresses, before, frozenset())
    return _Found(tuple(_Entry(each.received_at, shown(each), _same(each)) for each in found), more)


async def _searched(
    mail: UserMail, addresses: Collection[str], before: datetime | None, kept_back: Collection[str]
) -> tuple[Sequence[MailHeaders], bool]:
    """The newest mails of one mailbox, and whether there is more. What is kept back is passed over before anything of it is read."""
    if not addresses:
        return (), False
    listed = await mail.mail_with(spellings(addresses), PAGE + 1 + min(len(kept_back), MOST_KEPT_BACK), before)
    mail_ids = [mail_id for mail_id in listed.mail_ids if mail_id not in kept_back]
    headers = await mail.headers(mail_ids[: PAGE + 1], LIST_HEADERS) if mail_ids else ()
    newest_first = sorted(headers, key=lambda each: each.received_at, reverse=True)
    return newest_first, listed.more or len(mail_ids) > PAGE + 1


def _listed(mail: MailHeaders, owner: str, owner_name: str) -> ListedMail:
    sender, (_, subject) = sender_in(mail), in_a_list(mail)
    return ListedMail(
        owner,
        owner_name,
        mine=False,
        mail_id=mail.mail_id,
        received_at=mail.received_at,
        from_name=sender.name,
        from_address=sender.address,
        subject=subject,
        sent="SENT" in mail.label_ids,
    )


def _same(mail: MailHeaders) -> str:
    """What copies of one mail have in common. The sender is part of it: a Message-ID is whatever its writer likes."""
    message_id = mail.first("Message-ID").strip()
    return f"{message_id} {sender_in(mail).address}" if message_id else ""


# One page of several mailboxes


def _answer(
    people: OpenedRecord,
    crm_name: str,
    found: Mapping[str, _Found | Upstream],
    missing: Sequence[Missing],
    caller: Caller,
    problem: Upstream | None = None,
    own: OwnSharing | None = None,
    excluded: bool = False,
) -> MailWith:
    mine = found[caller.identity.user]
    answered = [each for each in found.values() if not isinstance(each, Upstream)]
    mails, older = page_of(answered)
    return MailWith(
        people,
        crm_name,
        mails,
        older,
        tuple(missing),
        mine_problem=mine if isinstance(mine, Upstream) else None,
        problem=problem,
        own=own,
        excluded=excluded,
    )


def page_of(found: Sequence[_Found]) -> tuple[tuple[ListedMail, ...], str]:
    """The newest mails of all mailboxes, each mail once, and the moment before which the next page begins ("" for the last page).

    A page ends between two seconds, because Gmail searches to the second, and not beyond what is read of each mailbox.
    """
    of_mine = {entry.same for each in found for entry in each.entries if entry.shown and entry.shown.mine} - {""}
    unread = [_second(each.entries[-1]) for each in found if each.more and each.entries]
    known_from = max(unread) + 1 if unread else 0
    page: list[ListedMail] = []
    copies: set[str] = set()
    last = 0
    for entry in sorted(chain.from_iterable(each.entries for each in found), key=lambda entry: entry.received_at, reverse=True):
        second = _second(entry)
        if not last:
            known_from = min(known_from, second)  # one second may hold more than is read of it
        elif second != last and (second < known_from or len(page) >= PAGE):
            return tuple(page), str(last)
        last = second
        if entry.shown and entry.same not in copies and (entry.shown.mine or entry.same not in of_mine):
            page.append(entry.shown)
            copies |= {entry.same} - {""}
    return tuple(page), str(last) if unread else ""


def _second(entry: _Entry) -> int:
    return int(entry.received_at.timestamp())


def _moment(older: str) -> datetime | None:
    """The moment before which a page's mail was received. Raises BadRequest."""
    if not older:
        return None
    if not re.fullmatch(r"[0-9]{1,10}", older, re.ASCII):
        raise BadRequest("the click names no page")
    return datetime.fromtimestamp(int(older), UTC)
