"""The use case "who could read this, and why": the connected colleagues whom the rules admit to an owner's mail, now and after a change."""

import asyncio
from dataclasses import dataclass, replace

from mailmagnet.caller import Caller, connection_of
from mailmagnet.colleagues import Colleagues, colleagues_of, names_in, ours_of
from mailmagnet.crm import Crm, service_of
from mailmagnet.deadline import in_time, in_time_or_problem
from mailmagnet.errors import MAILMAGNET, Forbidden, NotFound, Upstream
from mailmagnet.parts import Parts
from mailmagnet.permission import is_admin
from mailmagnet.record_people import OpenedRecord, RecordId, record_people
from mailmagnet.sharing import Rule, Viewer, rule_for, shareable, sharing_of
from mailmagnet.store import Choices, Mailbox, Policy, Sharing
from mailmagnet.vault import Connection


@dataclass(frozen=True, slots=True)
class Decided:
    """What the rules say of each colleague, by name, if the CRM shows that colleague the contact; and the sharing that counts."""

    sharing: Sharing
    fixed: bool
    rules: tuple[tuple[str, Rule], ...]

    @property
    def let_in(self) -> tuple[str, ...]:
        """The colleagues who could read, by name."""
        return tuple(name for name, rule in self.rules if rule.lets_in)


@dataclass(frozen=True, slots=True)
class WhoCouldRead:
    """The answer. `contact` is None where the question is about any contact; `after` is None where no change is asked about.

    `chosen` counts the contacts that the owner shares, for custom sharing. `owner_name` is "" for the caller's own mail.
    """

    owner_name: str
    owner: str
    contact: OpenedRecord | None
    crm_name: str
    chosen: int
    now: Decided
    after: Decided | None = None
    problems: tuple[Upstream, ...] = ()


async def who_could_read(
    owner: str, record: RecordId | None, sharing: Sharing | None, caller: Caller, parts: Parts
) -> WhoCouldRead:
    """About the caller's own mail (`owner` ""), or, asked by an admin, about anybody's. `sharing` is what it might be changed to.

    Raises Forbidden for another's mail unless the caller is an admin, NotFound for an owner without a mailbox, and what the CRM, the
    store and the vault raise.
    """
    org, user = caller.identity.org, caller.identity.user
    connection = await connection_of(caller, parts)
    crm = parts.crm_of(connection)
    if owner and owner != user and not await is_admin(caller, crm, parts):
        raise Forbidden("only an admin asks about another's mail")
    colleagues, people, names = await asyncio.gather(
        in_time(MAILMAGNET, caller.by, colleagues_of(org, parts)),
        in_time(service_of(crm), caller.by, _contact(record, crm)),
        in_time_or_problem(service_of(crm), caller.by, names_in(crm)),
    )
    if not isinstance(names, Upstream):
        colleagues = replace(colleagues, names=names)
    mailbox = colleagues.mailboxes.get(owner or user)
    if mailbox is None:
        raise NotFound(MAILMAGNET, "the owner has no mailbox here")
    connected = await in_time(MAILMAGNET, caller.by, parts.vault.connection(org, mailbox.user))
    question = _Question(mailbox, colleagues, people, connection, connected)
    return WhoCouldRead(
        owner_name=colleagues.name(mailbox.user) if mailbox.user != user else "",
        owner=mailbox.user,
        contact=people,
        crm_name=crm.name,
        chosen=len(mailbox.choices.shared_contacts),
        now=question.decided(mailbox.choices, colleagues.policy),
        after=question.decided(replace(mailbox.choices, sharing=sharing), colleagues.policy) if sharing else None,
        problems=(names,) if isinstance(names, Upstream) else (),
    )


async def _contact(record: RecordId | None, crm: Crm) -> OpenedRecord | None:
    return await record_people(record, crm) if record else None


@dataclass(frozen=True, slots=True)
class _Question:
    owner: Mailbox
    colleagues: Colleagues
    people: OpenedRecord | None
    asking: Connection
    owners: Connection | None

    def decided(self, choices: Choices, policy: Policy) -> Decided:
        owner = replace(self.owner, choices=choices)
        others = (each for each in self.colleagues.mailboxes.values() if each.user != owner.user)
        rules = [(self.colleagues.name(each.user), self._rule(each, owner, policy)) for each in others]
        by_name = tuple(sorted(rules, key=lambda each: each[0].casefold()))
        return Decided(sharing_of(choices, policy), policy.sharing is not None, by_name)

    def _rule(self, viewer: Mailbox, owner: Mailbox, policy: Policy) -> Rule:
        """For any contact of custom sharing: for those that are chosen."""
        connections = [self.asking, *([self.owners] if self.owners else [])]
        own = ours_of(connections, self.colleagues.mailboxes.values())
        choice = self.people.people[0].choice if self.people and self.people.people else _any_chosen(owner.choices)
        excluded = bool(self.people) and not shareable(self.people.addresses if self.people else (), policy, own)
        connected = bool(self.owners and self.owners.connected)
        return rule_for(Viewer(viewer.org, viewer.user), owner, policy, choice, connected=connected, excluded=excluded)


def _any_chosen(choices: Choices) -> str:
    return next(iter(choices.shared_contacts - choices.contacts_kept_back), "")
