"""The use case "label mail": one mailbox's run: lease -> history -> senders -> categories -> records -> labels -> cursor."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from mailmagnet.addresses import domain_of, without_tag
from mailmagnet.categories import LABEL_NAMES, Category, Decision, decide_for_address, today_in
from mailmagnet.crm import Contact, Crm
from mailmagnet.errors import CursorExpired, Forbidden, NotAuthorised, NotFound
from mailmagnet.gmail import INBOX, NAME, SENDER_HEADERS, UNTOUCHED, Arrival, Gmail, MailHeaders
from mailmagnet.open_message import spellings
from mailmagnet.parts import Parts
from mailmagnet.people import sender_of
from mailmagnet.store import Cursor, DayCounts, Mailbox, MailRecord, Policy, RunCounts, Store
from mailmagnet.vault import Connection, Vault

UNITS_A_RUN = 5_000
"""Of the 6,000 quota units a minute that Gmail grants a user, what one run may plan to spend; the rest is for the sidebar."""

UNITS_A_MAIL = 20
"""What reading one mail's headers costs (https://developers.google.com/workspace/gmail/api/reference/quota)."""

MAILS_A_RUN = (UNITS_A_RUN - 250) // UNITS_A_MAIL
"""How many mails a run looks at; 250 units are kept for history, labels and moves."""

HISTORY_MAILS = 10_000
"""How far ahead the history is read: 2 units for 500 mails, so that the run can tell how many are left."""

LEASE_SECONDS = 300.0
"""Longer than any run takes: a run whose process died is taken over after it."""

RESYNC_OVERLAP = timedelta(hours=1)
"""How much earlier than the last run a full resync begins: mail that Gmail was slow to deliver is not missed."""


@dataclass(frozen=True, slots=True)
class Move:
    """What is to be done with one mail and why: its decision's label added, INBOX removed."""

    mail_id: str
    from_address: str
    received_at: datetime
    decision: Decision
    in_inbox: bool


@dataclass(frozen=True, slots=True)
class LabelRun:
    """What a run did, or (dry) would do. `remaining` mails are left for the next run; `units` are Gmail quota units."""

    moves: tuple[Move, ...]
    looked_at: int
    remaining: int
    units: int
    crm_calls: int
    dry: bool = False

    @property
    def sorted(self) -> Mapping[Category, int]:
        """How many mails went under each label, every label named."""
        counted = Counter(move.decision.category for move in self.moves)
        return {category: counted[category] for category in Category}


@dataclass(frozen=True, slots=True)
class _Arrived:
    """The mails this run looks at, oldest first, and how many are left for the next run.

    `cursor` has them behind it; during a resync with mails left it is moved on to the newest of them once its moment is known.
    """

    mail_ids: tuple[str, ...]
    cursor: Cursor
    remaining: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is decided: a record for each contact's mail, a move for each that is in a category.

    `today` is the day in the CRM organisation's time zone, None when the CRM was not asked.
    """

    records: tuple[MailRecord, ...] = ()
    moves: tuple[Move, ...] = ()
    crm_calls: int = 0
    newest: datetime | None = None
    today: date | None = None


async def label_mail(org: str, user: str, parts: Parts) -> LabelRun:
    """Sort the mail that came to one mailbox since its cursor.

    At most MAILS_A_RUN mails are looked at; run again while `remaining` is not 0. Raises LeaseTaken, LeaseLost, NotFound (no such
    mailbox), Forbidden (labelling is off), and what Gmail, the CRM, the store and the vault raise: then the cursor stays where it
    was, and the next run does the same again. NotAuthorised by Gmail marks the mailbox "needs consent".
    """
    store, now = parts.store, parts.now()
    lease = await store.take_lease(org, user, now, LEASE_SECONDS)
    try:
        mailbox = await _labelling_mailbox(org, user, store)
        connection = await _connection(mailbox, parts.vault)
        gmail = parts.gmail_of(connection)
        arrived = await _arrived(mailbox, gmail, store, now)
        plan = await _plan(arrived, connection, await store.policy(org), gmail, parts.crm_of(connection), now)
        await store.add_mail_records(lease, plan.records)
        labels = await _put_under_labels(plan.moves, mailbox.labels, gmail)
        run = LabelRun(plan.moves, len(arrived.mail_ids), arrived.remaining, gmail.units, plan.crm_calls)
        day = _day_counts(mailbox.last_run.day, run.sorted, plan.today)
        counts = RunCounts(now, run.looked_at, run.sorted, run.remaining, day)
        await store.save_run(lease, _reached(arrived, plan), labels, counts)
    except NotAuthorised as refused:
        if refused.who == NAME:
            await store.mark_needs_consent(org, user)
        raise
    finally:
        await store.release_lease(lease)
    return run


async def plan_labels(org: str, user: str, parts: Parts) -> LabelRun:
    """The dry run: what `label_mail` would do now, and why. Changes nothing; takes no lease; raises the same."""
    store, now = parts.store, parts.now()
    mailbox = await _labelling_mailbox(org, user, store)
    connection = await _connection(mailbox, parts.vault)
    gmail = parts.gmail_of(connection)
    arrived = await _arrived(mailbox, gmail, store, now)
    plan = await _plan(arrived, connection, await store.policy(org), gmail, parts.crm_of(connection), now)
    return LabelRun(plan.moves, len(arrived.mail_ids), arrived.remaining, gmail.units, plan.crm_calls, dry=True)


async def _labelling_mailbox(org: str, user: str, store: Store) -> Mailbox:
    mailbox = await store.mailbox(org, user)
    if not mailbox:
        raise NotFound("MailMagnet", "this mailbox is not connected")
    if not (mailbox.mailmagnet and mailbox.labelling):
        raise Forbidden("labelling is turned off for this mailbox")
    return mailbox


async def _connection(mailbox: Mailbox, vault: Vault) -> Connection:
    connection = await vault.connection(mailbox.org, mailbox.user)
    if not connection or not connection.gmail_token:
        raise NotAuthorised(NAME, "this mailbox has no connection")
    return connection


async def _arrived(mailbox: Mailbox, gmail: Gmail, store: Store, now: datetime) -> _Arrived:
    if mailbox.cursor.resync_after:
        return await _arrived_after(mailbox.cursor.resync_after, mailbox.cursor.history_id, mailbox, gmail, store)
    try:
        return await _arrived_since(mailbox, gmail, store)
    except CursorExpired:
        # The newest history id is taken before the mails are listed: what comes meanwhile is in both, and in neither is lost.
        newest = (await gmail.profile()).history_id
        # The last run may lie in the future: the clock has gone back since.
        after = min(mailbox.last_run.at, now) - RESYNC_OVERLAP
        return await _arrived_after(after, newest, mailbox, gmail, store)


async def _arrived_since(mailbox: Mailbox, gmail: Gmail, store: Store) -> _Arrived:
    history = await gmail.history(mailbox.cursor.history_id, HISTORY_MAILS)
    looked_at = _whole_records(history.arrivals, MAILS_A_RUN)
    rest = len(history.arrivals) - len(looked_at)
    reached = looked_at[-1].history_id if rest else history.history_id
    return _Arrived(await _undecided(mailbox, looked_at, store), Cursor(reached), rest)


def _whole_records(arrivals: Sequence[Arrival], most: int) -> Sequence[Arrival]:
    """The first `most` arrivals and those that share the last one's history record: a cursor cannot stand inside a record."""
    last = arrivals[most - 1].history_id if len(arrivals) > most else ""
    return [arrival for place, arrival in enumerate(arrivals) if place < most or arrival.history_id == last]


async def _undecided(mailbox: Mailbox, arrivals: Sequence[Arrival], store: Store) -> tuple[str, ...]:
    """Arrivals to decide. One that has a record was decided before: again only if a run died before labelling it."""
    recorded = await store.known_mails(mailbox.org, mailbox.user, [arrival.mail_id for arrival in arrivals])
    ours = frozenset(mailbox.labels.values())
    return tuple(arrival.mail_id for arrival in arrivals if arrival.mail_id not in recorded or not arrival.labelled & ours)


async def _arrived_after(after: datetime, history_id: str, mailbox: Mailbox, gmail: Gmail, store: Store) -> _Arrived:
    """What a full resync has to look at: everything received since `after`, less what the mail records say was done."""
    listed = await gmail.mails_after(after)
    recorded = await store.known_mails(mailbox.org, mailbox.user, listed)
    undecided = [mail_id for mail_id in listed if mail_id not in recorded]
    looked_at = tuple(undecided[:MAILS_A_RUN])
    remaining = len(undecided) - len(looked_at)
    return _Arrived(looked_at, Cursor(history_id, after if remaining else None), remaining)


def _reached(arrived: _Arrived, plan: _Plan) -> Cursor:
    """Where the next run goes on: after the newest mail looked at, and at least a second on, so that every run gets further."""
    if not arrived.cursor.resync_after or not plan.newest:
        return arrived.cursor
    return replace(arrived.cursor, resync_after=max(plan.newest, arrived.cursor.resync_after + timedelta(seconds=1)))


async def _plan(arrived: _Arrived, connection: Connection, policy: Policy, gmail: Gmail, crm: Crm, now: datetime) -> _Plan:
    mails = await gmail.headers(arrived.mail_ids, SENDER_HEADERS)
    senders = {mail.mail_id: sender_of(mail, connection.own_domains) for mail in mails if not mail.label_ids & UNTOUCHED}
    outside = {sender for sender in senders.values() if sender and not _left_out(sender, connection, policy)}
    newest = max((mail.received_at for mail in mails), default=None)
    if not outside:
        return _Plan(newest=newest)
    known = await crm.senders(spellings(outside))
    today = today_in(known.organisation.time_zone, now)
    records, moves = _decided([mail for mail in mails if senders.get(mail.mail_id) in outside], senders, known.contacts, today)
    return _Plan(records, moves, 1, newest, today)


def _day_counts(earlier: DayCounts | None, sorted_now: Mapping[Category, int], today: date | None) -> DayCounts | None:
    """The day's counts with this run's added. A run that sorts nothing leaves them as they are, be they of an earlier day."""
    if today is None or not any(sorted_now.values()):
        return earlier
    before = earlier.sorted if earlier and earlier.day == today else {}
    return DayCounts(today, {category: before.get(category, 0) + count for category, count in sorted_now.items()})


def _left_out(sender: str, connection: Connection, policy: Policy) -> bool:
    own = spellings(connection.own_addresses)
    domains = {domain_of(sender), *_parents(domain_of(sender))}
    return bool({sender, without_tag(sender)} & (own | policy.excluded) or domains & (connection.own_domains | policy.excluded))


def _parents(domain: str) -> Iterable[str]:
    labels = domain.split(".")
    return (".".join(labels[start:]) for start in range(1, len(labels)))


def _decided(
    mails: Sequence[MailHeaders], senders: Mapping[str, str], contacts: Mapping[str, tuple[Contact, ...]], today: date
) -> tuple[tuple[MailRecord, ...], tuple[Move, ...]]:
    records, moves = [], []
    for mail in mails:
        sender = senders[mail.mail_id]
        found = contacts.get(sender) or contacts.get(without_tag(sender))
        if not found:
            continue
        records.append(MailRecord(mail.mail_id, sender, mail.received_at))
        if decision := decide_for_address(found, today):
            moves.append(Move(mail.mail_id, sender, mail.received_at, decision, INBOX in mail.label_ids))
    return tuple(records), tuple(moves)


async def _put_under_labels(moves: Sequence[Move], kept: Mapping[Category, str], gmail: Gmail) -> Mapping[Category, str]:
    if not moves:
        return kept
    labels = await ensure_labels(gmail, kept, {move.decision.category for move in moves})
    for category in Category:
        mail_ids = [move.mail_id for move in moves if move.decision.category is category]
        if mail_ids:
            await gmail.move(mail_ids, add=labels[category], remove=INBOX)
    return labels


async def ensure_labels(gmail: Gmail, kept: Mapping[Category, str], needed: Collection[Category]) -> Mapping[Category, str]:
    """The ids of our labels in Gmail, those needed made where they are missing.

    A label that the user renamed is still ours; one that the user deleted is made again; one of the same name is used.
    """
    there = await gmail.labels()
    ids = {label.id for label in there}
    by_name = {label.name.casefold(): label.id for label in there}
    labels = {category: label_id for category, label_id in kept.items() if label_id in ids}
    for category in needed:
        if category not in labels:
            name = LABEL_NAMES[category]
            labels[category] = by_name.get(name.casefold()) or (await gmail.create_label(name)).id
    return labels
