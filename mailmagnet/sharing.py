"""Who may read whose mail with a contact: the rule, and which part of it lets a viewer in or keeps one out. Pure rules."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from mailmagnet.addresses import is_among, without_tag
from mailmagnet.store import Choices, Mailbox, Policy, Sharing


class Rule(StrEnum):
    """What decides. The first three let a viewer in, all others keep one out."""

    OWN = "own"
    """The mail is the viewer's own."""
    CHOSEN = "chosen"
    """Its owner shares mail with this contact."""
    PUBLIC = "public"
    """Its owner shares mail with every contact."""
    OTHER_ORG = "other_org"
    NOT_CONNECTED = "not_connected"
    """Its owner never connected a mailbox, or has left: there is nothing to read."""
    PARKED = "parked"
    """Nothing is done for the mailbox until its owner comes back."""
    PRIVATE = "private"
    """Its owner reads it alone."""
    NOT_CHOSEN = "not_chosen"
    """Its owner shares mail with some contacts, and this is none of them."""
    EXCLUDED = "excluded"
    """An admin keeps these addresses out, or they are the organisation's own."""
    CONTACT_KEPT_BACK = "contact_kept_back"
    MAIL_KEPT_BACK = "mail_kept_back"
    CANNOT_OPEN = "cannot_open"
    """The CRM does not show the viewer this contact."""

    @property
    def lets_in(self) -> bool:
        """Whether the viewer may read."""
        return self in (Rule.OWN, Rule.CHOSEN, Rule.PUBLIC)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who wants to read, by verified ids; `can_open` is whether the CRM shows this user the contact, through the user's own sign-in."""

    org: str
    user: str
    can_open: bool = True


def rule_for(
    viewer: Viewer,
    owner: Mailbox,
    policy: Policy,
    contact: str,
    *,
    connected: bool = True,
    excluded: bool = False,
    mail_id: str = "",
) -> Rule:
    """The rule that decides whether the viewer may read the owner's mail with a contact, or this one mail.

    `contact` is its key in the owner's choices, `connected` whether the owner's mailbox has a connection, `excluded` whether an address
    is that `is_excluded` names. MailMagnet, on or off, makes no difference. What keeps back stands behind what does not share, so that
    who keeps something back looks as others do.
    """
    before_sharing = _before_sharing(viewer, owner, connected=connected)
    if before_sharing:
        return before_sharing
    shared = _shared(owner.choices, policy, contact)
    if not shared.lets_in:
        return shared
    kept_out = _kept_out(owner.choices, contact, mail_id, excluded=excluded)
    return kept_out or (shared if viewer.can_open else Rule.CANNOT_OPEN)


def _before_sharing(viewer: Viewer, owner: Mailbox, *, connected: bool) -> Rule | None:
    """What decides whatever the owner shares."""
    if viewer.org != owner.org:
        return Rule.OTHER_ORG
    if not connected or owner.presence.leaving_since:
        return Rule.NOT_CONNECTED
    if viewer.user == owner.user:
        return Rule.OWN
    return Rule.PARKED if owner.presence.parked else None


def _kept_out(choices: Choices, contact: str, mail_id: str, *, excluded: bool) -> Rule | None:
    if excluded:
        return Rule.EXCLUDED
    if contact in choices.contacts_kept_back:
        return Rule.CONTACT_KEPT_BACK
    return Rule.MAIL_KEPT_BACK if mail_id in choices.mails_kept_back else None


def sharing_of(choices: Choices, policy: Policy) -> Sharing:
    """The sharing that counts: what the admin fixed for all, else what the user chose."""
    return policy.sharing or choices.sharing


def _shared(choices: Choices, policy: Policy, contact: str) -> Rule:
    match sharing_of(choices, policy):
        case Sharing.PUBLIC:
            return Rule.PUBLIC
        case Sharing.CUSTOM:
            return Rule.CHOSEN if contact in choices.shared_contacts else Rule.NOT_CHOSEN
    return Rule.PRIVATE


@dataclass(frozen=True, slots=True)
class Ours:
    """Addresses (without +tags) and domains of the users and of their organisation: mail among ourselves is no contact's."""

    addresses: frozenset[str]
    domains: frozenset[str]


def ours(addresses: Iterable[str], domains: Iterable[str]) -> Ours:
    return Ours(frozenset(map(without_tag, addresses)), frozenset(domain for domain in domains if domain))


def is_excluded(address: str, policy: Policy, own: Ours) -> bool:
    """Whether mail with an address is never shared: it is ours, or the admin keeps it or its domain out."""
    return is_among(address, own.addresses, own.domains) or is_kept_out(address, policy)


def is_kept_out(address: str, policy: Policy) -> bool:
    """Whether the admin keeps an address or its domain out: then no mail is shared in which it stands."""
    return address in policy.excluded or is_among(address, policy.excluded, policy.excluded)


def shareable(addresses: Collection[str], policy: Policy, own: Ours) -> frozenset[str]:
    """Those of a contact's addresses whose mail may be shared at all."""
    return frozenset(address for address in addresses if not is_excluded(address, policy, own))
