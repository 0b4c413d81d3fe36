"""What a viewer may see of one owner's mailbox: which of a record's people, and which single mails with them. Pure rules."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from mailmagnet.addresses import spellings
from mailmagnet.gmail import UNTOUCHED, MailHeaders
from mailmagnet.people import Named, named_in
from mailmagnet.record_people import CrmPerson
from mailmagnet.sharing import Ours, Rule, Viewer, is_kept_out, rule_for, shareable
from mailmagnet.store import Mailbox, Policy

NEVER_SHARED = UNTOUCHED - {"SENT"}
"""Spam, trash, drafts and chats are nobody's mail with a contact."""


@dataclass(frozen=True, slots=True)
class SharedMailbox:
    """The rule for each of a record's people, and the policy that a single mail is held against as well."""

    rules: Mapping[CrmPerson, Rule]
    policy: Policy
    own: Ours

    @property
    def people(self) -> tuple[CrmPerson, ...]:
        """Those with whom the viewer may read mail."""
        return tuple(person for person, rule in self.rules.items() if rule.lets_in)

    @property
    def addresses(self) -> frozenset[str]:
        """What to search this mailbox for."""
        return frozenset(address for person in self.people for address in self._addresses_of(person))

    def person_of(self, mail: MailHeaders) -> CrmPerson | None:
        """Whose mail this is, of those with whom the viewer may read mail; None when it is nobody's, or must not be shown.

        A mail is not shown in which an address stands that the admin keeps out, or with a person of the record who is kept back; nor one
        of which it cannot be told, to hundreds.
        """
        if mail.label_ids & NEVER_SHARED:
            return None
        named = named_in(mail)
        if self._is_kept_out(named):
            return None
        return next((person for person in self.people if are_among(self._addresses_of(person), named.correspondents)), None)

    def _is_kept_out(self, named: Named) -> bool:
        kept_back = [person for person, rule in self.rules.items() if rule is Rule.CONTACT_KEPT_BACK]
        if not named.whole:
            return bool(self.policy.excluded or kept_back)
        everybody = spellings(named.everybody)
        return any(is_kept_out(address, self.policy) for address in everybody) or any(
            everybody & spellings(person.addresses) for person in kept_back
        )

    def _addresses_of(self, person: CrmPerson) -> frozenset[str]:
        own = self.rules[person] is Rule.OWN
        return frozenset(person.addresses) if own else shareable(person.addresses, self.policy, self.own)


def shared_mailbox(
    people: Collection[CrmPerson],
    owner: Mailbox,
    viewer: Viewer,
    policy: Policy,
    own: Ours,
    *,
    connected: bool = True,
    mail_id: str = "",
) -> SharedMailbox:
    """What the viewer, who can open these people in the CRM, may see in the owner's mailbox, or of this one mail."""
    rules = {
        person: rule_for(
            viewer,
            owner,
            policy,
            person.choice,
            connected=connected,
            excluded=not shareable(person.addresses, policy, own),
            mail_id=mail_id,
        )
        for person in people
    }
    return SharedMailbox(rules, policy, own)


def are_among(addresses: Collection[str], named: Collection[str]) -> bool:
    """Whether one of a person's addresses is among those that a mail names, whose +tags count for nothing.

    The person's own +tag counts: behind one address of a provider there may be several people.
    """
    return bool(spellings(named).intersection(addresses))
