"""Who sees whose mail: every combination, held against the rule as docs/design.md says it, written down here once more."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import product
from typing import NamedTuple

import pytest

from mailmagnet.sharing import Rule, Viewer, is_excluded, is_kept_out, ours, rule_for, shareable
from mailmagnet.store import Choices, Mailbox, Parked, ParkedFor, Policy, Presence, RunCounts, Sharing
from tests.told_at_the_end import COUNTED

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
CONTACT, OTHER_CONTACT, MAIL, OTHER_MAIL = "c1", "c2", "18f", "190"
ADDRESSES = {
    "": "ada@analytical.example",
    "address": "legal@analytical.example",
    "domain": "ada@bank.example",
    "below it": "ada@mail.bank.example",
    "own domain": "boss@corp.example",
    "own address": "kim+private@home.example",
}
EXCLUDED = frozenset({"legal@analytical.example", "bank.example"})
OWN = ours(["kim@corp.example", "kim@home.example"], ["corp.example"])


class Combination(NamedTuple):
    """One of all."""

    viewer: str
    owner: str
    sharing: Sharing
    fixed: Sharing | None
    chosen: bool
    contact_kept_back: bool
    mail_kept_back: bool
    opens_contact: bool
    excluded: str
    mailmagnet: bool


EVERY = [
    Combination(*each)
    for each in product(
        ("the owner", "a colleague", "somebody of another organisation", "somebody there with the owner's id"),
        ("connected", "parked", "leaving", "deactivated"),
        Sharing,
        (None, *Sharing),
        *[(False, True)] * 4,
        ADDRESSES,
        (False, True),
    )
]


def may_read(case: Combination) -> bool:
    """The rule, as the design has it: in its order and its words."""
    # "nothing crosses organisations"; "when the owner has deactivated, there is nothing to read"
    if case.viewer not in ("the owner", "a colleague") or case.owner in ("leaving", "deactivated"):
        return False
    # "Private: the owner alone": whatever is shared or not, the owner reads
    if case.viewer == "the owner":
        return True
    allowed_to_all_by_owner_and_admin = {
        # "Custom: only mail of the contacts for which the owner turned sharing on. Public: mail of every contact."
        Sharing.PRIVATE: False,
        Sharing.CUSTOM: case.chosen,
        Sharing.PUBLIC: True,
    }[case.sharing if case.fixed is None else case.fixed]
    return all(
        [
            allowed_to_all_by_owner_and_admin,
            # "in the last two the viewer must be able to read that contact in the CRM"
            case.opens_contact,
            # "can exclude domains and addresses (the organisation's own domains always are)"
            case.excluded == "",
            # "whatever the admin fixes, an owner can keep a contact's or a single mail's sharing back"
            not (case.contact_kept_back or case.mail_kept_back),
            # a mailbox that is parked is not touched for others
            case.owner != "parked",
        ]
    )


def decided(case: Combination) -> Rule:
    """What the product says."""
    viewer = {
        "the owner": Viewer("corp.example", "1", case.opens_contact),
        "a colleague": Viewer("corp.example", "2", case.opens_contact),
        "somebody of another organisation": Viewer("other.example", "3", case.opens_contact),
        "somebody there with the owner's id": Viewer("other.example", "1", case.opens_contact),
    }[case.viewer]
    presence = Presence(
        parked=Parked(NOW, ParkedFor.GONE) if case.owner == "parked" else None,
        leaving_since=NOW if case.owner == "leaving" else None,
    )
    choices = Choices(
        case.sharing,
        frozenset({CONTACT} if case.chosen else {OTHER_CONTACT}),
        frozenset({CONTACT} if case.contact_kept_back else {OTHER_CONTACT}),
        frozenset({MAIL} if case.mail_kept_back else {OTHER_MAIL}),
    )
    since = NOW if case.mailmagnet else None
    owner = Mailbox("corp.example", "1", "kim@corp.example", RunCounts(NOW), since, since, choices=choices, presence=presence)
    policy = Policy(case.fixed, EXCLUDED)
    excluded = not shareable([ADDRESSES[case.excluded]], policy, OWN)
    connected = case.owner != "deactivated"
    return rule_for(viewer, owner, policy, CONTACT, connected=connected, excluded=excluded, mail_id=MAIL)


def test_every_combination_is_decided_as_the_design_says(record_property: Callable[[str, object], None]) -> None:
    wrong = [case for case in EVERY if decided(case).lets_in != may_read(case)]
    assert wrong == []
    let_in = sum(map(may_read, EVERY))
    assert 0 < let_in < len(EVERY)
    assert {decided(case) for case in EVERY} == set(Rule)
    record_property(COUNTED, f"who sees whose mail: {len(EVERY):,} combinations, {let_in:,} of them may read")


def test_whether_mailmagnet_is_on_makes_no_difference() -> None:
    assert all(decided(case) is decided(case._replace(mailmagnet=True)) for case in EVERY)


def test_who_keeps_something_back_looks_as_who_does_not_share() -> None:
    for case in EVERY:
        kept = decided(case._replace(contact_kept_back=True, mail_kept_back=True))
        if decided(case._replace(contact_kept_back=False, mail_kept_back=False)) in (Rule.PRIVATE, Rule.NOT_CHOSEN):
            assert kept in (Rule.PRIVATE, Rule.NOT_CHOSEN)


@pytest.mark.parametrize(("address", "out"), [(address, bool(kind)) for kind, address in ADDRESSES.items()])
def test_what_is_excluded(address: str, out: bool) -> None:
    assert is_excluded(address, Policy(excluded=EXCLUDED), OWN) == out


@pytest.mark.parametrize("address", ["ada@notbank.example", "ada@bank.example.org", "bank.example@a.example", "", "ada@", "@"])
def test_what_only_looks_like_it_is_not(address: str) -> None:
    assert not is_excluded(address, Policy(excluded=EXCLUDED), OWN)


def test_an_excluded_address_is_so_with_a_tag_too() -> None:
    assert is_kept_out("legal+x@analytical.example", Policy(excluded=EXCLUDED))
    assert is_kept_out("legal+x@analytical.example", Policy(excluded=frozenset({"legal+x@analytical.example"})))


def test_of_a_contact_with_several_addresses_the_others_stay() -> None:
    addresses = ("ada@analytical.example", "ada@bank.example", "kim@home.example")
    assert shareable(addresses, Policy(excluded=EXCLUDED), OWN) == {"ada@analytical.example"}
