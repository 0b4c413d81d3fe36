"""Zoho's client under the contract of all CRMs, on the stand-in, and what is Zoho's own."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from mailmagnet.crm import DealState, Module, Money
from mailmagnet.errors import BadAnswer, DayLimitReached, NotAuthorised, NotPermitted, RateLimited, Unavailable
from tests.contract.crm_contract import CrmContract
from tests.contract.crm_installed import looked_up
from tests.contract.crm_world import ADA, KIM, STAGES
from tests.contract.zoho_world import ZohoWorld, zoho_world
from tests.crm_round_trips import Cost, measured
from tests.http_faults import answering


@pytest.fixture
async def crm() -> AsyncIterator[ZohoWorld]:
    async with zoho_world() as world:
        yield world


class TestZohoCrm(CrmContract):
    """The contract, as far as Zoho's capabilities go."""


async def _cost(world: ZohoWorld, people: Sequence[str], domains: Sequence[str] = ()) -> Cost:
    """What a second look-up costs: settings and rights are there already."""
    ada = world.as_user(ADA)
    await ada.settings()
    assert world.http
    world.http.latency_seconds = 0.02
    with measured() as found:
        await looked_up(ada, people[:1], domains, people[1:])
    return found.cost


async def test_a_mail_is_answered_in_one_round_trip_up_to_25_rows_and_in_two_beyond(crm: ZohoWorld) -> None:
    assert await _cost(crm, ["h.lovell@analytical.example"], ["analytical.example"]) == Cost(2, 1)
    assert await _cost(crm, [f"m{number}@crowd.example" for number in range(20)], ["crowd.example"]) == Cost(2, 1)
    assert await _cost(crm, ["bo@busy.example"]) == Cost(3, 2)


async def test_the_first_mail_costs_one_round_trip_more_than_the_next(crm: ZohoWorld) -> None:
    """Rights and settings are asked for beside it, and there are ten places: two composite requests at a time."""
    assert crm.http
    crm.http.latency_seconds = 0.02
    with measured() as first:
        await looked_up(crm.as_user(ADA), ["h.lovell@analytical.example"], ["analytical.example"])
    assert first.cost == Cost(4, 2)


async def test_several_contacts_of_the_person_in_front_come_with_their_own_notes(crm: ZohoWorld) -> None:
    organisation = crm.zoho.organisation
    jonas, petra = crm.id_of("contact jonas"), crm.id_of("contact petra")
    for contact in (jonas, petra):
        note = {"id": f"{contact}1", "Note_Title": "Of", "Note_Content": contact, "Created_By": crm.id_of(f"user {ADA}")}
        organisation.notes[contact] = [{**note, "Created_Time": "2026-11-19T12:00:00+00:00"}]
    found = (await looked_up(crm.as_user(ADA), ["office@analytical.example"])).contacts["office@analytical.example"]
    assert {contact.id: [note.text for note in contact.notes] for contact in found} == {
        jonas: [f"Of\n{jonas}"],
        petra: [f"Of\n{petra}"],
    }


async def test_who_is_asked_for_by_a_second_address_comes_with_the_deals(crm: ZohoWorld) -> None:
    ada, address = crm.as_user(ADA), "henrietta@home.example"
    for answer in (await looked_up(ada, [address]), await ada.senders([address])):
        (henrietta,) = answer.contacts[address]
        assert {deal.name for deal in henrietta.deals} == {"Renewal 2027", "First order"}


async def test_a_deals_people_are_its_contact_and_those_with_a_role(crm: ZohoWorld) -> None:
    ada = crm.as_user(ADA)
    for key, people in (("renewal", ["henrietta", "jonas"]), ("crowd", ["crowd 11"]), ("pilot", ["petra"])):
        found = await ada.record_people(Module.DEALS, crm.id_of(f"deal {key}"))
        assert [person.id for person in found.people] == [crm.id_of(f"contact {person}") for person in people]
        assert found.owners[0].id == crm.id_of(f"user {ADA}")


async def test_notes_that_may_not_be_seen_hide_nobody(crm: ZohoWorld) -> None:
    crm.zoho.organisation.notes_in_layout = False
    for address in ("office@analytical.example", "h.lovell@analytical.example"):
        found = (await looked_up(crm.as_user(ADA), [address])).contacts[address]
        assert [contact.notes for contact in found] == [()] * len(found)


async def test_only_the_person_in_front_comes_with_details(crm: ZohoWorld) -> None:
    answer = await looked_up(crm.as_user(ADA), ["sam@shaw.example"], [], ["h.lovell@analytical.example"])
    (henrietta,) = answer.contacts["h.lovell@analytical.example"]
    assert (henrietta.activities, henrietta.notes) == ((), ())


async def test_a_record_seen_through_a_territory_is_lost_with_it(crm: ZohoWorld) -> None:
    organisation, lovell = crm.zoho.organisation, crm.id_of("contact henrietta")
    organisation.territories[lovell] = {"north"}
    kim = crm.as_user(KIM)
    for territories, seen in ((set[str](), False), ({"north"}, True), ({"south"}, False)):
        organisation.users[KIM].territories = territories
        found = await looked_up(kim, ["h.lovell@analytical.example"])
        assert bool(found.contacts) == seen
        assert bool((await kim.senders(["henrietta@home.example"])).contacts) == seen
        assert bool((await kim.search("lovell", 5)).contacts) == seen


async def test_a_new_stage_is_asked_for_and_a_deal_in_none_is_told_of(crm: ZohoWorld) -> None:
    organisation, ada = crm.zoho.organisation, crm.as_user(ADA)
    deal = organisation.records["Deals"][crm.id_of("deal found")]
    await ada.settings()
    organisation.stages.append(replace(organisation.stages[0], id="1", name="Brand new", pipeline="Partners"))
    deal["Stage"] = "Brand new"
    (sam,) = (await ada.senders(["sam@shaw.example"])).contacts["sam@shaw.example"]
    assert [(each.stage, each.state) for each in sam.deals] == [("Brand new", DealState.OPEN)]
    deal["Stage"] = "Retired"
    for _ in range(2):
        (sam,) = (await ada.senders(["sam@shaw.example"])).contacts["sam@shaw.example"]
        assert (sam.deals, sam.more_deals) == ((), True)
    with measured() as found:
        await ada.senders(["sam@shaw.example"])
    assert found.cost.calls == 3, "the settings are not asked for again and again because of it"
    with pytest.raises(BadAnswer):
        await ada.deal(crm.id_of("deal found"))


async def test_the_pipelines_of_all_layouts_count(crm: ZohoWorld) -> None:
    organisation = crm.zoho.organisation
    organisation.layouts = {"11": ["Sales"], "12": ["Partners"], "13": ["Partners"]}
    settings = await crm.as_user(ADA).settings()
    assert [(stage.pipeline, stage.name) for stage in settings.stages] == [(stage.pipeline, stage.name) for stage in STAGES]


async def test_without_several_currencies_amounts_are_in_the_organisations_own(crm: ZohoWorld) -> None:
    crm.zoho.organisation.currencies = []
    ada = crm.as_user(ADA)
    assert [(each.code, each.home) for each in (await ada.settings()).currencies] == [("EUR", True)]
    (petra,) = (await looked_up(ada, ["petra@analytical.example"])).contacts["petra@analytical.example"]
    assert [deal.amount for deal in petra.deals] == [Money(Decimal("0.1"), "EUR")]
    with measured() as found:
        await ada.senders(["petra@analytical.example"])
    assert found.cost.calls == 3, "a column that is not there is known for a while"


async def test_modules_that_are_switched_off_hold_nothing_and_others_are_missed(crm: ZohoWorld) -> None:
    crm.zoho.organisation.modules -= {"Leads", "Calls", "Events"}
    ada = crm.as_user(ADA)
    answer = await looked_up(ada, ["twin@twin.example"])
    assert (answer.leads, len(answer.contacts)) == ({}, 1)
    (henrietta,) = (await looked_up(ada, ["h.lovell@analytical.example"])).contacts["h.lovell@analytical.example"]
    assert [activity.subject for activity in henrietta.activities] == ["Send the data sheet"]
    assert (await ada.senders(["twin@twin.example"])).leads == {}
    crm.zoho.organisation.modules -= {"Deals"}
    for call in (looked_up(ada, ["twin@twin.example"]), ada.senders(["twin@twin.example"])):
        with pytest.raises(NotPermitted):
            await call


@pytest.mark.parametrize("hidden", ["Contacts.Email", "Deals.Stage"])
async def test_without_what_decides_nothing_is_told(crm: ZohoWorld, hidden: str) -> None:
    crm.zoho.organisation.hide(ADA, hidden)
    ada = crm.as_user(ADA)
    for call in (looked_up(ada, ["sam@shaw.example"]), ada.senders(["sam@shaw.example"])):
        with pytest.raises(NotPermitted) as refused:
            await call
        assert refused.value.permission == ""


async def test_many_look_ups_at_once_wait_for_their_places(crm: ZohoWorld) -> None:
    crm.zoho.latency_seconds = 0.01
    ada, kim = crm.as_user(ADA), crm.as_user(KIM)
    answers = await asyncio.gather(*(looked_up(user, ["grace@hopfield.example"]) for user in (ada, kim) for _ in range(15)))
    assert all(len(answer.contacts) == 1 for answer in answers)


async def test_credits_left_are_told_of_the_edition_and_forgotten_when_there_are_more(crm: ZohoWorld) -> None:
    connection = crm.connection_of(ADA)
    ada = crm.client.as_user(connection)
    crm.zoho.credits_left = 10_000
    await ada.senders(["sam@shaw.example"])
    budget = crm.client.budget(connection)
    assert budget
    assert (budget.of, budget.left < 10_000) == (crm.zoho.day_credits, True)
    crm.zoho.credits_left = crm.zoho.day_credits
    await ada.senders(["sam@shaw.example"])
    assert crm.client.budget(connection) is None
    crm.zoho.credits_left = 0
    with pytest.raises(DayLimitReached):
        await ada.senders(["sam@shaw.example"])


async def test_one_part_that_fails_is_not_passed_over(crm: ZohoWorld) -> None:
    """A composite request succeeds whatever becomes of its parts."""
    ada = crm.as_user(ADA)
    await ada.settings()
    assert crm.http
    for status, error in ((429, RateLimited), (500, Unavailable), (401, NotAuthorised), (403, NotPermitted), (400, BadAnswer)):
        part = {"code": "SUCCESS", "details": {"response": {"headers": {}, "status_code": status, "body": {"code": "X"}}}}
        crm.http.happen(answering(200, json.dumps({"__composite_requests": [part] * 4})))
        with pytest.raises(error):
            await ada.search("sam", 5)
    broken: tuple[list[Any], ...] = (
        [],
        [{}] * 4,
        [{"details": {"response": {"status_code": "200"}}}] * 4,
        [{"details": {"response": {"status_code": 200, "body": {"data": [7]}}}}] * 4,
    )
    for answer in broken:
        crm.http.happen(answering(200, json.dumps({"__composite_requests": answer})))
        with pytest.raises(BadAnswer):
            await ada.search("sam", 5)
    slow = [{"code": "REQUEST_TIMEOUT", "details": {}, "status": "error"}] * 4
    crm.http.happen(answering(200, json.dumps({"__composite_requests": slow})))
    with pytest.raises(Unavailable):
        await ada.search("sam", 5)


async def test_a_link_leads_to_the_records_own_page(crm: ZohoWorld) -> None:
    ada = crm.as_user(ADA)
    account, deal = crm.id_of("account analytical"), crm.id_of("deal pilot")
    for record in (await ada.contact(crm.id_of("contact sam")), (await ada.account(account)).account, await ada.deal(deal)):
        async with aiohttp.ClientSession() as browser, browser.get(record.url) as page:
            assert page.status == 200
            assert record.name in await page.text()
