"""HubSpot's client under the contract of all CRMs, on the stand-in, and what is HubSpot's own: who sees what by the account's one token,
the job's one question for many mailboxes, and no more searches than HubSpot answers."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from mailmagnet.calls import counted_calls
from mailmagnet.crm import Asked, Crm, DealState, Module, Senders
from mailmagnet.crm_sign_in import Sees
from mailmagnet.errors import BadAnswer, NotAuthorised, NotFound, NotListed, NotPermitted, RateLimited, SignInNeeded
from mailmagnet.vault import Connection
from sandbox.crms.hubspot import questions
from sandbox.crms.hubspot.server import Fault
from tests.contract.crm_contract import CrmContract
from tests.contract.crm_installed import SECONDS, looked_up
from tests.contract.crm_world import ADA, KIM, OLD
from tests.contract.hubspot_world import ORG, HubSpotWorld, hubspot_world
from tests.told_at_the_end import COUNTED

HENRIETTA, GRACE, SAM = "h.lovell@analytical.example", "grace@hopfield.example", "sam@shaw.example"
MONTH = (date(2026, 11, 1), date(2026, 11, 30))


@pytest.fixture
async def crm() -> AsyncIterator[HubSpotWorld]:
    async with hubspot_world() as world:
        yield world


class TestHubSpot(CrmContract):
    """The contract's cases."""


# Who sees what: HubSpot's token sees everything, so that it is all decided here


async def _names(crm: Crm, world: HubSpotWorld) -> dict[str, list[str]]:
    """Whatever a user is shown, by the question; each asked with everything that there is."""
    ids = world.hubspot.portal.ids
    people = ("contact henrietta", "contact grace", "contact sam")
    found = await looked_up(crm, [HENRIETTA], others=[GRACE, SAM])
    by_domain = await looked_up(crm, [], ["analytical.example", "hopfield.example"])
    senders = await crm.senders([HENRIETTA, GRACE, SAM])
    searched = await crm.search("renewal", 10), await crm.search("kim's", 10)

    async def there(ask: Awaitable[Any]) -> bool:
        try:
            await ask
        except NotFound:
            return False
        return True

    return {
        "look_up": sorted(contact.name for contacts in found.contacts.values() for contact in contacts),
        "accounts": sorted(known.account.name for known in by_domain.accounts.values()),
        "senders": sorted(contact.name for contacts in senders.contacts.values() for contact in contacts),
        "contact": [key for key in people if await there(crm.contact(ids[key]))],
        "deal": [key for key in ("deal renewal", "deal kim's") if await there(crm.deal(ids[key]))],
        "account": [key for key in ("account analytical", "account hopfield") if await there(crm.account(ids[key]))],
        "search": [deal.name for each in searched for deal in each.deals],
        "deals_closing": [deal.name for deal in await crm.deals_closing(*MONTH)],
        "record_people": [key for key in people if await there(crm.record_people(Module.CONTACTS, ids[key]))],
        "deal's people": [
            key for key in ("deal renewal", "deal kim's") if await there(crm.record_people(Module.DEALS, ids[key]))
        ],
        "account's people": [
            key for key in ("account analytical", "account hopfield") if await there(crm.record_people(Module.ACCOUNTS, ids[key]))
        ],
        "templates": [template.name for template in await crm.templates()],
    }


EVERYTHING = {
    "look_up": ["Grace Hopfield", "Henriëtta Lovell", "Sam Shaw"],
    "accounts": ["Analytical Ltd", "Hopfield Inc"],
    "senders": ["Grace Hopfield", "Henriëtta Lovell", "Sam Shaw"],
    "contact": ["contact henrietta", "contact grace", "contact sam"],
    "deal": ["deal renewal", "deal kim's"],
    "account": ["account analytical", "account hopfield"],
    "search": ["Renewal 2027", "Kim's own"],
    "deals_closing": ["Pilot Lyon", "Kim's own", "Renewal 2027"],
    "record_people": ["contact henrietta", "contact grace", "contact sam"],
    "deal's people": ["deal renewal", "deal kim's"],
    "account's people": ["account analytical", "account hopfield"],
    "templates": [],
}
HER_OWN_AND_WHAT_IS_SHARED = {
    "look_up": ["Grace Hopfield", "Sam Shaw"],
    "accounts": ["Hopfield Inc"],
    "senders": ["Grace Hopfield", "Sam Shaw"],
    "contact": ["contact grace", "contact sam"],
    "deal": ["deal kim's"],
    "account": ["account hopfield"],
    "search": ["Kim's own"],
    "deals_closing": ["Kim's own"],
    "record_people": ["contact grace", "contact sam"],
    "deal's people": ["deal kim's"],
    "account's people": ["account hopfield"],
    "templates": [],
}


@pytest.mark.parametrize(
    ("sees", "kims_teams", "shown"),
    [
        (Sees.EVERYONE, [], EVERYTHING),
        (Sees.OWN, ["Team of Ada Byron"], HER_OWN_AND_WHAT_IS_SHARED),
        (Sees.TEAM, [], HER_OWN_AND_WHAT_IS_SHARED),
        (Sees.TEAM, ["Kim's alone"], HER_OWN_AND_WHAT_IS_SHARED),
        (Sees.TEAM, ["Kim's alone", "Team of Ada Byron"], EVERYTHING),
    ],
)
async def test_every_question_is_answered_by_what_the_admin_lets_users_see(
    sees: Sees, kims_teams: list[str], shown: dict[str, list[str]]
) -> None:
    async with hubspot_world(sees) as world:
        world.hubspot.portal.put_in_teams(KIM, kims_teams)
        assert await _names(world.as_user(KIM), world) == shown


async def test_until_the_admin_has_chosen_nothing_is_shown_to_anybody() -> None:
    async with hubspot_world(None) as world:
        for email in (ADA, KIM):
            crm = world.as_user(email)
            for ask in _all_questions(crm, world).values():
                with pytest.raises(NotListed, match="no admin has said yet what users see"):
                    await ask()
        (answer,) = await world.client.senders_of([Asked(world.connection_of(KIM), frozenset([GRACE]))])
        assert isinstance(answer, NotListed)


def _all_questions(crm: Crm, world: HubSpotWorld) -> dict[str, Callable[[], Awaitable[Any]]]:
    ids = world.hubspot.portal.ids
    return {
        "look_up": lambda: looked_up(crm, [HENRIETTA]),
        "senders": lambda: crm.senders([HENRIETTA]),
        "contact": lambda: crm.contact(ids["contact henrietta"]),
        "deal": lambda: crm.deal(ids["deal renewal"]),
        "account": lambda: crm.account(ids["account analytical"]),
        "search": lambda: crm.search("renewal", 5),
        "deals_closing": lambda: crm.deals_closing(*MONTH),
        "record_people": lambda: crm.record_people(Module.CONTACTS, ids["contact henrietta"]),
        "templates": crm.templates,
        "settings": crm.settings,
        "users": crm.users,
        "profiles": crm.profiles,
    }


@asynccontextmanager
async def _mapped_to(owner_id: str, sees: Sees = Sees.EVERYONE) -> AsyncIterator[tuple[HubSpotWorld, Crm]]:
    async with hubspot_world(sees) as world:
        connection = world.connection_of(KIM)
        assert connection.crm
        mapped = replace(connection, crm=replace(connection.crm, account=owner_id or world.hubspot.portal.ids["contact sam"]))
        yield world, world.client.as_user(mapped)


@pytest.mark.parametrize("owner_id", ["", "1", "no number"])
async def test_a_user_mapped_to_no_owner_is_shown_nothing(owner_id: str) -> None:
    async with _mapped_to(owner_id) as (world, crm):
        questions_ = _all_questions(crm, world)
        for name in questions_.keys() - {"settings"}:
            with pytest.raises(NotAuthorised):
                await questions_[name]()
        with pytest.raises(NotAuthorised):
            await crm.me()


async def test_a_user_who_leaves_hubspot_sees_nothing_though_everybody_sees_everything() -> None:
    async with hubspot_world(Sees.EVERYONE) as world:
        assert (await world.as_user(KIM).contact(world.id_of("contact grace"))).owner == "Kim Park"
        world.hubspot.portal.deactivate(KIM)
        later = world.client_within(SECONDS).as_user(world.connection_of(KIM))
        with pytest.raises(NotAuthorised):
            await later.contact(world.id_of("contact grace"))
        grace = await world.client_within(SECONDS).as_user(world.connection_of(ADA)).contact(world.id_of("contact grace"))
        assert (grace.owner, grace.mine) == ("Kim Park", False)


async def test_what_belongs_to_nobody_is_seen_by_those_who_see_everything() -> None:
    for sees, seen in ((Sees.EVERYONE, True), (Sees.TEAM, False), (Sees.OWN, False)):
        async with hubspot_world(sees) as world:
            for key in ("contact wanda", "deal win"):
                world.hubspot.portal.give(key, "")
            answer = await world.as_user(ADA).senders(["wanda@win.example"])
            assert bool(answer.contacts) == seen
            if seen:
                (wanda,) = answer.contacts["wanda@win.example"]
                assert (wanda.owner, wanda.owner_id, wanda.mine) == ("", "", False)
                assert {deal.owner_id for deal in wanda.deals} == {"", (await world.as_user(ADA).me()).id}


async def test_a_record_of_an_owner_who_is_gone_belongs_to_no_team_but_the_owners_last() -> None:
    async with hubspot_world(Sees.TEAM) as world:
        world.hubspot.portal.give("contact wanda", OLD)
        (wanda,) = (await world.as_user(ADA).senders(["wanda@win.example"])).contacts["wanda@win.example"]
        assert wanda.owner == "Olga Dahl"
        assert (await world.as_user(KIM).senders(["wanda@win.example"])).contacts == {}


async def test_what_a_team_sees_is_lost_with_the_team() -> None:
    async with hubspot_world(Sees.TEAM) as world:
        portal = world.hubspot.portal
        portal.share_with_teams("contact wanda", ["Team of Kim Park"])
        assert (await world.as_user(KIM).senders(["wanda@win.example"])).contacts
        portal.put_in_teams(KIM, ["Another"])
        later = world.client_within(SECONDS).as_user(world.connection_of(KIM))
        assert (await later.senders(["wanda@win.example"])).contacts == {}


async def test_of_what_hangs_on_a_record_only_what_is_seen_itself_is_there() -> None:
    async with hubspot_world(Sees.OWN) as world:
        portal = world.hubspot.portal
        portal.associate("deal kim's", "contact wanda", "Decision maker")
        portal.change("deal kim's", hs_primary_associated_company=world.id_of("account analytical"))
        kim = world.as_user(KIM)
        deal = await kim.deal(world.id_of("deal kim's"))
        assert (deal.contact_ids, deal.account) == ((world.id_of("contact grace"),), None)
        people = await kim.record_people(Module.DEALS, world.id_of("deal kim's"))
        assert ([person.name for person in people.people], people.people_count) == (["Grace Hopfield"], 1)
        known = await kim.account(world.id_of("account hopfield"))
        assert ([contact.name for contact in known.contacts], known.contact_count) == (["Grace Hopfield"], 1)


async def test_a_company_is_not_told_because_somebody_who_is_seen_works_there() -> None:
    async with hubspot_world(Sees.OWN) as world:
        kim = world.as_user(KIM)
        assert (await looked_up(kim, [], ["shaw.example"])).accounts == {}
        assert (await looked_up(kim, ["zed@shaw.example"], ["shaw.example"])).accounts == {}
        world.hubspot.portal.share("account analytical", [KIM])
        (known,) = (await looked_up(kim, [], ["shaw.example"])).accounts.values()
        assert (known.account.name, [contact.name for contact in known.contacts]) == ("Analytical Ltd", ["Sam Shaw"])
        assert (known.contact_count, known.open_deals) == (1, ())


# The job's question


async def test_many_mailboxes_are_one_question_and_each_is_answered_by_what_its_user_sees(crm: HubSpotWorld) -> None:
    client = crm.client_within(SECONDS)
    addresses = frozenset([HENRIETTA, GRACE, SAM, "henrietta@home.example", "nobody@nowhere.example"])
    one = Asked(crm.connection_of(ADA), addresses)
    await client.senders_of([one])
    with counted_calls() as for_one:
        await client.senders_of([one])
    asked = [Asked(crm.connection_of((ADA, KIM)[n % 2]), addresses) for n in range(40)]
    crm.hubspot.calls.clear()
    with counted_calls() as for_forty:
        answers = await client.senders_of(asked)
    assert for_forty.total() == for_one.total() <= 12
    assert len([call for call in crm.hubspot.calls if call.endswith("/search")]) == 1
    for number, answer in enumerate(answers):
        assert isinstance(answer, Senders)
        assert set(answer.contacts) == ({GRACE, SAM} if number % 2 else {HENRIETTA, GRACE, SAM, "henrietta@home.example"})


KNOWN_PERSON = [
    "GET /crm/objects/2026-09/contacts/*",
    "POST /crm/associations/2026-09/deals/contacts/batch/read",
    "POST /crm/objects/2026-09/calls/batch/read",
    "POST /crm/objects/2026-09/companies/batch/read",
    "POST /crm/objects/2026-09/companies/batch/read",
    "POST /crm/objects/2026-09/contacts/batch/read",
    "POST /crm/objects/2026-09/deals/batch/read",
    "POST /crm/objects/2026-09/meetings/batch/read",
    "POST /crm/objects/2026-09/notes/batch/read",
    "POST /crm/objects/2026-09/tasks/batch/read",
]
"""Henrietta: with each kind of activity, and a deal of another company's and of other people."""


async def test_the_calls_of_a_mail_and_of_the_job(crm: HubSpotWorld, record_property: Callable[[str, object], None]) -> None:
    """Each is a list by itself: which of those side by side comes first says nothing."""
    ada, calls = crm.as_user(ADA), crm.hubspot.calls
    await ada.senders([SAM])
    asked = [Asked(crm.connection_of(email), frozenset([HENRIETTA, GRACE, "nobody@nowhere.example"])) for email in (ADA, KIM)]
    for what, ask, expected in (
        ("open mail -> card", lambda: looked_up(ada, [HENRIETTA], ["analytical.example"]), KNOWN_PERSON),
        (
            "open mail of a stranger -> card",
            lambda: looked_up(ada, ["zed@nowhere.example"], ["nowhere.example"]),
            [
                "GET /crm/objects/2026-09/contacts/*",
                "POST /crm/objects/2026-09/companies/search",
                "POST /crm/objects/2026-09/contacts/search",
                "POST /crm/objects/2026-09/contacts/search",
            ],
        ),
        (
            "job of two mailboxes -> labels",
            lambda: crm.client.senders_of(asked),
            [
                "POST /crm/associations/2026-09/contacts/deals/batch/read",
                "POST /crm/associations/2026-09/deals/contacts/batch/read",
                "POST /crm/objects/2026-09/companies/batch/read",
                "POST /crm/objects/2026-09/contacts/batch/read",
                "POST /crm/objects/2026-09/contacts/batch/read",
                "POST /crm/objects/2026-09/contacts/search",
                "POST /crm/objects/2026-09/deals/batch/read",
            ],
        ),
    ):
        calls.clear()
        await ask()
        record_property(COUNTED, f"HubSpot, {what}: {len(calls)} calls: {', '.join(calls)}")
        assert sorted(calls) == expected, what


async def test_a_mailbox_is_told_of_its_own_senders_alone(crm: HubSpotWorld) -> None:
    asked = [Asked(crm.connection_of(ADA), frozenset([HENRIETTA])), Asked(crm.connection_of(ADA), frozenset([GRACE]))]
    first, second = await crm.client.senders_of(asked)
    assert isinstance(first, Senders)
    assert isinstance(second, Senders)
    assert (set(first.contacts), set(second.contacts)) == ({HENRIETTA}, {GRACE})


async def test_a_mailbox_or_an_organisation_that_is_refused_stops_no_other(crm: HubSpotWorld) -> None:
    ada, kim = crm.connection_of(ADA), crm.connection_of(KIM)
    assert kim.crm
    elsewhere = replace(kim, org="other.example")
    gone = replace(kim, crm=replace(kim.crm, account="1"))
    unmapped = Connection(ORG, "nobody", "nobody@corp.example")
    addresses = frozenset([GRACE])
    answers = await crm.client.senders_of([Asked(each, addresses) for each in (elsewhere, gone, unmapped, ada, kim)])
    assert [type(answer) for answer in answers] == [SignInNeeded, NotAuthorised, NotListed, Senders, Senders]


async def test_no_more_is_searched_than_hubspot_answers(crm: HubSpotWorld) -> None:
    ada, began = crm.as_user(ADA), time.monotonic()
    await asyncio.gather(*(ada.senders([f"nobody{n}@nowhere.example"]) for n in range(9)))
    assert time.monotonic() - began >= 2
    assert len([call for call in crm.hubspot.calls if call.endswith("/search")]) == 9


async def test_a_search_that_came_too_soon_for_others_is_asked_once_more(crm: HubSpotWorld) -> None:
    ada = crm.as_user(ADA)
    crm.hubspot.faults[:] = [Fault("*/search", status=429, policy="SECONDLY", times=1)]
    assert (await ada.senders(["henrietta@home.example"])).contacts
    crm.hubspot.faults[:] = [Fault("*/search", status=429, policy="SECONDLY")]
    with pytest.raises(RateLimited) as limited:
        await ada.senders(["henrietta@home.example"])
    assert limited.value.retry_after == 1
    crm.hubspot.calls.clear()
    crm.hubspot.faults[:] = [Fault("*/search", status=429, policy="TEN_SECONDLY_ROLLING")]
    with pytest.raises(RateLimited) as limited:
        await ada.senders(["henrietta@home.example"])
    assert limited.value.retry_after == 10
    assert len([call for call in crm.hubspot.calls if call.endswith("/search")]) == 1


async def test_where_hubspot_finds_second_addresses_in_a_batch_nothing_is_searched(crm: HubSpotWorld) -> None:
    crm.hubspot.questions.finds_second_addresses = True
    (contact,) = (await crm.as_user(ADA).senders(["henrietta@home.example"])).contacts["henrietta@home.example"]
    (same,) = (await looked_up(crm.as_user(ADA), ["henrietta@home.example"])).contacts["henrietta@home.example"]
    assert contact.name == same.name == "Henriëtta Lovell"
    assert not [call for call in crm.hubspot.calls if call.endswith("/search")]


# What HubSpot may send


async def test_more_than_a_page_of_associations_is_read(crm: HubSpotWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "ASSOCIATIONS_A_PAGE", 10)
    ada = crm.as_user(ADA)
    for contacts in ((await ada.senders(["bo@busy.example"])).contacts, (await looked_up(ada, ["bo@busy.example"])).contacts):
        (bo,) = contacts["bo@busy.example"]
        assert len(bo.deals) == 26
        assert [deal.state for deal in bo.deals].count(DealState.OPEN) == 1
    monkeypatch.setattr(questions, "ASSOCIATIONS_A_PAGE", 2)
    (henrietta,) = (await looked_up(ada, [HENRIETTA])).contacts[HENRIETTA]
    assert [note.text.partition("\n")[0] for note in henrietta.notes] == [f"Note of day {day}" for day in (1, 2, 3)]
    assert [activity.subject for activity in henrietta.activities if activity.done] == [f"Call {n} days ago" for n in range(1, 6)]


async def test_a_deals_state_is_its_own_or_its_stages_and_never_a_name(crm: HubSpotWorld) -> None:
    ada, portal = crm.as_user(ADA), crm.hubspot.portal
    for properties, state in (
        ({"hs_is_closed": "true", "hs_is_closed_won": "true"}, DealState.WON),
        ({"hs_is_closed": "true", "hs_is_closed_won": "false"}, DealState.LOST),
        ({"hs_is_closed": "true", "hs_is_closed_won": ""}, DealState.LOST),
        ({"hs_is_closed": "", "hs_is_closed_won": "", "dealstage": crm.id_of("stage signed")}, DealState.WON),
        ({"dealstage": crm.id_of("stage won over")}, DealState.OPEN),
        ({"dealstage": crm.id_of("stage gone quiet")}, DealState.LOST),
    ):
        portal.change("deal pilot", **properties)
        assert (await ada.deal(crm.id_of("deal pilot"))).state is state
    portal.change("deal pilot", dealstage="a stage that is gone")
    with pytest.raises(BadAnswer):
        await ada.deal(crm.id_of("deal pilot"))


async def test_odd_values_are_left_out_or_said_to_be_none(crm: HubSpotWorld) -> None:
    ada, portal = crm.as_user(ADA), crm.hubspot.portal
    portal.change("deal pilot", amount="no number", deal_currency_code="")
    assert (await ada.deal(crm.id_of("deal pilot"))).amount is None
    portal.change("deal pilot", amount="1.5E3")
    pilot = await ada.deal(crm.id_of("deal pilot"))
    assert pilot.amount
    assert (pilot.amount.amount, pilot.amount.currency) == (Decimal(1500), "EUR")
    portal.change("deal pilot", closedate="soon")
    with pytest.raises(BadAnswer):
        await ada.deal(crm.id_of("deal pilot"))
    portal.change("contact wanda", firstname="", lastname="", hubspot_owner_id="77", associatedcompanyid="no id")
    portal.share("contact wanda", [ADA])
    (wanda,) = (await ada.senders(["wanda@win.example"])).contacts["wanda@win.example"]
    assert (wanda.name, wanda.owner, wanda.account) == ("wanda@win.example", "", None)


async def test_a_closing_day_is_that_of_the_accounts_time_zone(crm: HubSpotWorld) -> None:
    ada, portal = crm.as_user(ADA), crm.hubspot.portal
    portal.change("deal renewal", closedate="2026-11-30T22:59:59.999Z")
    assert (await ada.deal(crm.id_of("deal renewal"))).closing == date(2026, 11, 30)
    assert "Renewal 2027" in [deal.name for deal in await ada.deals_closing(date(2026, 11, 30), date(2026, 11, 30))]
    portal.change("deal renewal", closedate="2026-11-30T23:00:00Z")
    assert (await ada.deal(crm.id_of("deal renewal"))).closing == date(2026, 12, 1)
    assert "Renewal 2027" not in [deal.name for deal in await ada.deals_closing(date(2026, 11, 30), date(2026, 11, 30))]


async def test_a_record_links_to_its_page_at_hubspot_and_nowhere_else(crm: HubSpotWorld) -> None:
    sam = await crm.as_user(ADA).contact(crm.id_of("contact sam"))
    account = crm.hubspot.portal.id
    assert sam.url == f"https://app.hubspot.com/contacts/{account}/record/0-1/{sam.id}"
    assert sam.account
    assert sam.account.url == f"https://app.hubspot.com/contacts/{account}/record/0-2/{sam.account.id}"
    assert sam.deals[0].url == f"https://app.hubspot.com/contacts/{account}/record/0-3/{sam.deals[0].id}"
    details = crm.hubspot.questions.details()
    for host, good in (
        ("app-eu1.hubspot.com", True),
        ("app.hubspot.com.evil.example", False),
        ("evil.example", False),
        ("", False),
    ):
        crm.hubspot.faults[:] = [Fault("/account-info/*", body={**details, "uiDomain": host})]
        later = crm.client_within(SECONDS).as_user(crm.connection_of(ADA))
        if good:
            assert (await later.contact(sam.id)).url.startswith(f"https://{host}/contacts/")
        else:
            with pytest.raises(BadAnswer):
                await later.contact(sam.id)


async def test_rates_have_as_many_digits_as_hubspot_knows(crm: HubSpotWorld) -> None:
    settings = await crm.as_user(ADA).settings()
    assert {each.code: (each.name, each.rate, each.home) for each in settings.currencies} == {
        "EUR": ("EUR", Decimal(1), True),
        "USD": ("US Dollar", Decimal("1.09"), False),
        "JPY": ("Yen", Decimal(163), False),
    }


async def test_a_cancelled_meeting_is_none_and_a_task_may_have_an_hour(crm: HubSpotWorld) -> None:
    for meeting in crm.hubspot.portal.things["meetings"].values():
        meeting.properties["hs_meeting_outcome"] = "CANCELED"
    for due in crm.hubspot.portal.things["tasks"].values():
        due.properties["hs_timestamp"] = "2026-12-01T07:00:00Z"
    henrietta = await crm.as_user(ADA).contact(crm.id_of("contact henrietta"))
    assert "Demonstration" not in [activity.subject for activity in henrietta.activities]
    (task,) = [activity for activity in henrietta.activities if activity.subject == "Send the data sheet"]
    assert str(task.at) == "2026-12-01 07:00:00+00:00"


async def test_a_scope_that_was_taken_away_is_not_permitted(crm: HubSpotWorld) -> None:
    crm.hubspot.sign_in.narrow(["oauth", "crm.objects.owners.read", "settings.currencies.read"])
    with pytest.raises(NotPermitted):
        await crm.as_user(ADA).contact(crm.id_of("contact sam"))
