"""What is decided about mail, whoever asks: whose it is, whether a customer wrote it, and which label is its own. Nothing is changed."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from mailmagnet.addresses import domain_of, spellings, without_tag
from mailmagnet.categories import Category, Decision, decide_for_address, today_in
from mailmagnet.crm import Contact, Crm, Lead, Senders
from mailmagnet.gmail import INBOX, UNTOUCHED, MailHeaders
from mailmagnet.people import sender_of
from mailmagnet.pooled_senders import PooledSenders
from mailmagnet.store import MailRecord, Policy
from mailmagnet.vault import Connection


@dataclass(frozen=True, slots=True)
class Move:
    """What is to be done with one mail and why: its decision's label added, INBOX removed."""

    mail_id: str
    from_address: str
    received_at: datetime
    decision: Decision
    in_inbox: bool


@dataclass(frozen=True, slots=True)
class Decided:
    """A record for each mail of a contact or a lead, and a move for each that is in a category: leads have none.

    `categories` are those of the mails in any, by mail id, also of mail that is not to be moved. `today` is the day in the CRM
    organisation's time zone, None when the CRM was not asked.
    """

    records: tuple[MailRecord, ...] = ()
    moves: tuple[Move, ...] = ()
    categories: Mapping[str, Category] = field(default_factory=dict)
    today: date | None = None


async def decide_mail(
    mails: Sequence[MailHeaders],
    connection: Connection,
    policy: Policy,
    crm: Crm,
    now: datetime,
    pool: PooledSenders | None = None,
) -> Decided:
    """What the CRM says of mail in this connection's mailbox (its SENDER_HEADERS); the CRM is asked for all at once, and not for nobody.

    Raises what `Crm.senders` and `Crm.settings` raise.
    """
    senders = {
        mail.mail_id: sender
        for mail in mails
        if not mail.label_ids & UNTOUCHED
        and (sender := sender_of(mail, connection.own_domains))
        and not _left_out(sender, connection, policy)
    }
    if not senders:
        return Decided()
    addresses = spellings(set(senders.values()))
    asked = pool.senders(connection, addresses) if pool else crm.senders(addresses)
    known, settings = await asyncio.gather(asked, crm.settings())
    today = today_in(settings.organisation.time_zone, now)
    records, moves = _decided([mail for mail in mails if mail.mail_id in senders], senders, known, today)
    return Decided(records, moves, {move.mail_id: move.decision.category for move in moves}, today)


def known_as(sender: str, known: Senders) -> tuple[tuple[Contact, ...], tuple[Lead, ...]]:
    """The contacts and the leads behind a sender: of each those with the very address, else with the address without its +tag."""
    bare = without_tag(sender)
    contacts = known.contacts.get(sender) or known.contacts.get(bare) or ()
    return contacts, known.leads.get(sender) or known.leads.get(bare) or ()


def _left_out(sender: str, connection: Connection, policy: Policy) -> bool:
    own = spellings(connection.own_addresses)
    domains = {domain_of(sender), *_parents(domain_of(sender))}
    return bool({sender, without_tag(sender)} & (own | policy.excluded) or domains & (connection.own_domains | policy.excluded))


def _parents(domain: str) -> Iterable[str]:
    labels = domain.split(".")
    return (".".join(labels[start:]) for start in range(1, len(labels)))


def _decided(
    mails: Sequence[MailHeaders], senders: Mapping[str, str], known: Senders, today: date
) -> tuple[tuple[MailRecord, ...], tuple[Move, ...]]:
    records, moves = [], []
    for mail in mails:
        sender = senders[mail.mail_id]
        contacts, leads = known_as(sender, known)
        if not (contacts or leads):
            continue
        records.append(MailRecord(mail.mail_id, sender, mail.received_at))
        if decision := decide_for_address(contacts, today):
            moves.append(Move(mail.mail_id, sender, mail.received_at, decision, INBOX in mail.label_ids))
    return tuple(records), tuple(moves)
