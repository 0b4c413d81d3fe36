"""How every CRM's records are put together: their order, their owners, their people."""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_client.records import (
    MOST_CONTACTS,
    MOST_PEOPLE,
    by_address,
    domain_of_website,
    known_account,
    only,
    open_first,
    owners_of,
    people_of,
    soonest_first,
)
from crm_client.spelled import spelled
from mailmagnet.crm import Account, Contact, Deal, DealState, Lead, Owner
from mailmagnet.errors import NotFound, Service, Side

WHO = Service(Side.CRM, "CRM")
IDS = st.sampled_from("abcdef")
ACCOUNT = Account("firm", "Firm", owner="Kim", owner_id="2")
ACCOUNTS = st.sampled_from([None, ACCOUNT, Account("other", "Other")])
DEALS = st.builds(
    Deal,
    id=IDS,
    name=st.sampled_from(["A", "B"]),
    stage=st.just("S"),
    state=st.sampled_from(DealState),
    closing=st.none() | st.dates(date(2026, 1, 1), date(2026, 3, 1)),
    account=ACCOUNTS,
)
CONTACTS = st.builds(
    Contact,
    id=IDS,
    name=st.sampled_from(["Ada", "bob", "Öz"]),
    addresses=st.lists(st.sampled_from(["a@x.example", "b@x.example"])).map(tuple),
    deals=st.lists(DEALS, max_size=3).map(tuple),
)


def is_open(deal: Deal) -> bool:
    return deal.state is DealState.OPEN


@settings(deadline=None)
@given(st.lists(DEALS, unique_by=lambda deal: deal.id))
def test_open_deals_come_first_and_of_those_the_soonest(deals: list[Deal]) -> None:
    ordered = soonest_first(deals)
    assert sorted(ordered, key=id) == sorted(deals, key=id)
    for earlier, later in pairwise(ordered):
        assert is_open(earlier) >= is_open(later)
        if is_open(earlier) == is_open(later):
            assert (earlier.closing or date.max) <= (later.closing or date.max)
    assert soonest_first(reversed(ordered)) == ordered


@settings(deadline=None)
@given(st.lists(CONTACTS))
def test_who_has_an_open_deal_comes_first(contacts: list[Contact]) -> None:
    has_open = [any(map(is_open, contact.deals)) for contact in open_first(contacts)]
    assert has_open == sorted(has_open, reverse=True)
    names = [contact.name for contact in open_first(contacts) if not any(map(is_open, contact.deals))]
    assert names == sorted(names, key=str.casefold)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a@x.example", "b@x.example", "c@x.example"])), st.lists(CONTACTS))
def test_people_are_told_by_each_asked_address_that_they_have(asked: list[str], contacts: list[Contact]) -> None:
    found = by_address(asked, contacts)
    assert set(found) == {address for contact in contacts for address in contact.addresses} & set(asked)
    for address, people in found.items():
        assert list(people) == [contact for contact in contacts if address in contact.addresses]


@settings(deadline=None)
@given(st.lists(CONTACTS, max_size=20), st.lists(DEALS))
def test_of_an_account_all_people_are_counted_and_its_own_open_deals_told(contacts: list[Contact], deals: list[Deal]) -> None:
    known = known_account(ACCOUNT, contacts, deals)
    assert known.contact_count == len(contacts)
    assert known.contacts == open_first(contacts)[:MOST_CONTACTS]
    assert all(is_open(deal) and deal.account == ACCOUNT for deal in known.open_deals)
    assert len(known.open_deals) == sum(is_open(deal) and deal.account == ACCOUNT for deal in deals)


def test_owners_are_told_in_their_order_each_once() -> None:
    nameless, theirs = Contact("1", "Ada", (), owner_id="2"), Lead("2", "Bob", (), owner="Zed", owner_id="9")
    nobodys = Deal("3", "Deal", "Stage", DealState.OPEN)
    assert owners_of([None, theirs, nobodys, nameless, ACCOUNT, theirs]) == (Owner("9", "Zed"), Owner("2", "Kim"))


def test_of_many_people_the_first_are_told_and_all_counted() -> None:
    crowd = [Contact(str(n), f"Person {n}", (f"p{n}@x.example", "no address")) for n in range(MOST_PEOPLE + 5)]
    record = people_of("Crowd", crowd, ())
    assert (len(record.people), record.people_count) == (MOST_PEOPLE, MOST_PEOPLE + 5)
    assert record.people[0].addresses == ("p0@x.example",)
    assert people_of("Crowd", crowd[:3], (), count=700).people_count == 700
    assert people_of("Nobody", [], ()).people_count == 0


@pytest.mark.parametrize(
    ("website", "domain"),
    [
        ("https://www.analytical.example/about?x=y", "analytical.example"),
        ("analytical.example", "analytical.example"),
        ("WWW.Bücher.EXAMPLE", "xn--bcher-kva.example"),
        ("http://[::1", ""),
        ("no website", ""),
        ("", ""),
    ],
)
def test_a_companys_domain_is_its_websites(website: str, domain: str) -> None:
    assert domain_of_website(website) == domain


def test_an_id_stands_for_one_record_or_for_none() -> None:
    assert only(WHO, ["it"]) == "it"
    with pytest.raises(NotFound) as told:
        only(WHO, [])
    assert told.value.who == WHO


def test_both_spellings_are_asked_for_in_their_order() -> None:
    assert spelled(["ada@xn--bcher-kva.example", "a@x.example", "a@x.example"]) == [
        "ada@xn--bcher-kva.example",
        "ada@bücher.example",
        "a@x.example",
    ]
    assert spelled(["xn--bcher-kva.example"]) == ["xn--bcher-kva.example", "bücher.example"]
