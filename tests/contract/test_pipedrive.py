"""Pipedrive's client against the stand-in: the contract of all CRMs, and what is Pipedrive's own."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from mailmagnet.crm import Contact, DealState
from mailmagnet.errors import BadAnswer, DayLimitReached, NotAuthorised, NotListed, NotPermitted, NotSupported, RateLimited
from sandbox.crms.pipedrive.company import Deal, Lead
from sandbox.crms.pipedrive.limits import REFUSALS_BEFORE_BLOCK
from sandbox.crms.pipedrive.sign_in import SCOPES
from tests.contract.crm_contract import CrmContract
from tests.contract.crm_installed import looked_up
from tests.contract.crm_world import ADA, KIM, NOOR
from tests.contract.pipedrive_world import CALLBACK, PipedriveWorld, pipedrive_world
from tests.crm_round_trips import Cost, measured
from tests.http_faults import answering

SAM, HENRIETTA = "sam@shaw.example", "h.lovell@analytical.example"


@pytest.fixture
async def crm() -> AsyncIterator[PipedriveWorld]:
    async with pipedrive_world() as world:
        yield world


class TestPipedriveCrm(CrmContract):
    """The contract, as far as Pipedrive's capabilities go."""


# Signing in


async def _allowed(crm: PipedriveWorld, decision: str = "allow") -> dict[str, str]:
    """What comes back with a browser that has been at the consent page as Kim."""
    url = crm.sign_in_within(5).authorize_url("state-1", "challenge")
    async with aiohttp.ClientSession() as browser:
        async with browser.get(url) as page:
            html = await page.text()
        visit = re.findall(r'name="visit" value="([^"]+)"', html)[0]
        form = {"visit": visit, "decision": decision, "user": crm.id_of(f"user {KIM}")}
        async with browser.post(url.partition("?")[0], data=form, allow_redirects=False) as sent_back:
            location = sent_back.headers["Location"]
    assert location.startswith(f"{CALLBACK}?")
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


async def test_whoever_allows_it_is_signed_in_as_that_user_of_that_company(crm: PipedriveWorld) -> None:
    answer = await _allowed(crm)
    assert answer["state"] == "state-1"
    sign_in = crm.sign_in_within(5)
    tokens = await sign_in.signed_in(answer, "verifier")
    assert (tokens.account, tokens.name, tokens.origin) == (crm.id_of(f"user {KIM}"), "Kim Park", crm.http.origin)
    assert tokens.refresh
    assert 3500 < (tokens.expires_at - datetime.now(UTC)).total_seconds() < 3700
    with pytest.raises(NotAuthorised):
        await sign_in.signed_in(answer, "verifier")


async def test_whoever_declines_is_not_signed_in(crm: PipedriveWorld) -> None:
    answer = await _allowed(crm, "cancel")
    assert answer == {"error": "user_denied", "state": "state-1"}
    with pytest.raises(NotAuthorised):
        await crm.sign_in_within(5).signed_in(answer, "verifier")


@pytest.mark.parametrize("told", ["https://evil.example", "", "http://127.0.0.1:1", "https://corp.pipedrive.com.evil.example"])
async def test_a_company_elsewhere_is_not_kept_and_its_tokens_end(crm: PipedriveWorld, told: str) -> None:
    answer = await _allowed(crm)
    crm.pipedrive.sign_in.api_domain = told
    with pytest.raises(BadAnswer):
        await crm.sign_in_within(5).signed_in(answer, "verifier")
    assert crm.pipedrive.sign_in.signed_in_users() == set()


async def test_an_app_with_fewer_scopes_signs_nobody_in(crm: PipedriveWorld) -> None:
    answer = await _allowed(crm)
    crm.pipedrive.sign_in.app = replace(crm.pipedrive.sign_in.app, scopes=SCOPES - {"leads:read"})
    with pytest.raises(NotPermitted):
        await crm.sign_in_within(5).signed_in(answer, "verifier")
    assert crm.pipedrive.sign_in.signed_in_users() == set()


async def test_a_renewal_tells_the_company_anew_and_its_refresh_token_is_the_last_one(crm: PipedriveWorld) -> None:
    sign_in = crm.sign_in_within(5)
    first = await sign_in.signed_in(await _allowed(crm), "verifier")
    second = await sign_in.renewed(first)
    assert (second.account, second.name, second.origin) == (first.account, first.name, crm.http.origin)
    assert second.access != first.access
    with pytest.raises(NotAuthorised):
        await sign_in.renewed(first)
    crm.pipedrive.sign_in.api_domain = "https://evil.example"
    with pytest.raises(BadAnswer):
        await sign_in.renewed(second)


async def test_signing_out_ends_the_tokens_there_and_may_be_done_twice(crm: PipedriveWorld) -> None:
    sign_in = crm.sign_in_within(5)
    tokens = await sign_in.signed_in(await _allowed(crm), "verifier")
    for _ in range(2):
        await sign_in.sign_out(tokens)
    assert crm.pipedrive.sign_in.signed_in_users() == set()


async def test_an_origin_that_is_none_of_pipedrives_is_asked_for_nothing(crm: PipedriveWorld) -> None:
    connection = crm.connection_of(ADA)
    assert connection.crm
    elsewhere = replace(connection, crm=replace(connection.crm, origin="https://evil.example"))
    with pytest.raises(BadAnswer):
        await crm.client.as_user(elsewhere).senders([SAM])
    with pytest.raises(BadAnswer):
        await crm.client.as_user(elsewhere).me()
    assert crm.http.asked == []


async def test_whoever_is_not_on_the_list_is_asked_nothing_for_but_who_it_is(crm: PipedriveWorld) -> None:
    noor = crm.as_user(NOOR)
    assert (await noor.me()).profile.permissions == frozenset()
    crm.http.asked.clear()
    for call in (noor.senders([SAM]), noor.settings(), noor.search("sam", 3), looked_up(noor, [SAM])):
        with pytest.raises(NotListed):
            await call
    assert crm.http.asked == []


# How often


async def test_searches_wait_for_their_turns_and_nobody_is_ever_refused() -> None:
    """In real time, with the stand-in's own windows: ten searches in two seconds, and more than that are asked for."""
    async with pipedrive_world(waits=True) as crm:
        began = asyncio.get_running_loop().time()
        ada = crm.as_user(ADA)
        people = [f"p{number}@many.example" for number in range(13)]
        answer = await looked_up(ada, people[:1], [], people[1:])
        assert set(answer.contacts) == set(people)
        assert 2 <= asyncio.get_running_loop().time() - began < 8
        assert {call.status for call in crm.pipedrive.seen} == {200}


async def test_the_front_comes_and_whom_there_is_no_turn_for_in_time_is_told() -> None:
    async with pipedrive_world(waits=True) as crm:
        ada = crm.as_user(ADA)
        people = [f"p{number}@many.example" for number in range(20)]
        by = asyncio.get_running_loop().time() + 1.5
        answer = await ada.look_up(people[:1], people[1:], ["many.example"], by)
        assert asyncio.get_running_loop().time() < by + 0.2
        assert people[0] in answer.contacts
        assert len(answer.not_asked) == 13
        assert set(answer.contacts) == set(people) - answer.not_asked


async def test_whoever_goes_from_mail_to_mail_waits_for_the_others_of_none() -> None:
    async with pipedrive_world(waits=True) as crm:
        ada = crm.as_user(ADA)
        await ada.settings()
        loop = asyncio.get_running_loop()
        others = [f"p{number}@many.example" for number in range(30)]
        first = asyncio.create_task(ada.look_up([SAM], others, [], loop.time() + 3.5))
        await asyncio.sleep(0.3)
        began = loop.time()
        assert (await ada.look_up([HENRIETTA], [], [], began + 3.5)).contacts
        assert loop.time() - began < 1
        assert SAM in (await first).contacts
        assert {call.status for call in crm.pipedrive.seen} == {200}


async def test_the_job_leaves_some_of_a_users_searches_to_whoever_opens_a_mail() -> None:
    async with pipedrive_world(waits=True) as crm:
        ada = crm.as_user(ADA)
        await ada.settings()
        crm.pipedrive.seen.clear()
        job = asyncio.create_task(ada.senders([f"p{number}@many.example" for number in range(9)]))
        await asyncio.sleep(0.5)
        searches = [call for call in crm.pipedrive.seen if call.question == "itemSearch"]
        assert len(searches) == 7
        # Another process opens a mail meanwhile, with the same user's token.
        assert (await looked_up(crm.client_within(5).as_user(crm.connection_of(ADA)), [SAM])).contacts
        assert len((await job).contacts) == 9
        assert {call.status for call in crm.pipedrive.seen} == {200}


async def test_a_burst_a_spent_day_and_a_block_are_three_things() -> None:
    async with pipedrive_world() as crm:
        ada = crm.as_user(ADA)
        await ada.settings()
        crm.pipedrive.limits.count_windows = True
        with pytest.raises(RateLimited) as burst:
            await ada.senders([f"p{number}@many.example" for number in range(30)])
        assert (type(burst.value), burst.value.retry_after) == (RateLimited, 2)
        crm.pipedrive.limits.count_windows = False
        crm.pipedrive.limits.tokens_left = 5
        with pytest.raises(DayLimitReached):
            await ada.senders([SAM])
        budget = crm.client.budget(crm.connection_of(ADA))
        assert budget
        assert (budget.left, budget.of) == (5, crm.pipedrive.limits.tokens_a_day)
        for _ in range(REFUSALS_BEFORE_BLOCK):
            with pytest.raises(RateLimited):
                await ada.senders([SAM])
        with pytest.raises(RateLimited) as blocked:
            await ada.senders([SAM])
        assert (type(blocked.value), blocked.value.retry_after) == (RateLimited, 600)


# What there is


async def test_whoever_nobody_knows_is_told_with_the_company_in_three_round_trips(crm: PipedriveWorld) -> None:
    ada = crm.as_user(ADA)
    await looked_up(ada, [SAM])
    crm.http.latency_seconds = 0.02
    before = crm.pipedrive.limits.tokens_left
    with measured() as found:
        answer = await looked_up(ada, ["new@hopfield.example"], ["hopfield.example"])
    assert answer.accounts["hopfield.example"].account.name == "Hopfield Inc"
    assert found.cost == Cost(5, 3)
    assert before - crm.pipedrive.limits.tokens_left == 61


async def test_what_one_mail_costs_is_as_the_documentation_says(crm: PipedriveWorld) -> None:
    ada = crm.as_user(ADA)
    await ada.settings()
    await looked_up(ada, ["nobody@nowhere.example"])
    before = crm.pipedrive.limits.tokens_left
    await looked_up(ada, [SAM])
    assert before - crm.pipedrive.limits.tokens_left == 72
    before = crm.pipedrive.limits.tokens_left
    await ada.senders([SAM, "nobody@nowhere.example"])
    assert before - crm.pipedrive.limits.tokens_left == 51


async def test_more_deals_than_a_page_come_and_more_than_are_read_are_said(crm: PipedriveWorld) -> None:
    company = crm.pipedrive.company
    sam = next(person for person in company.persons if SAM in person.emails)
    ada = sam.owner
    deals = [
        Deal(90_000 + n, ada, title=f"Deal {n}", stage=company.stages[0], person=sam, status="open" if n == 700 else "lost")
        for n in range(1100)
    ]
    company.deals += deals[:900]
    contact = await _only(crm)
    assert len(contact.deals) == 901
    assert not contact.more_deals
    assert any(deal.name == "Deal 700" and deal.state is DealState.OPEN for deal in contact.deals)
    company.deals += deals[900:]
    contact = await _only(crm)
    assert (len(contact.deals), contact.more_deals) == (1000, True)


async def test_too_many_open_deals_for_a_span_of_days_are_said_and_not_left_out(crm: PipedriveWorld) -> None:
    company = crm.pipedrive.company
    company.deals += [Deal(90_000 + n, company.users[0], title="Deal", stage=company.stages[0]) for n in range(5001)]
    with pytest.raises(NotSupported):
        await crm.as_user(ADA).deals_closing(date(2026, 11, 1), date(2026, 11, 30))


async def test_a_person_with_a_lead_and_a_deal_is_both_and_an_archived_lead_is_none(crm: PipedriveWorld) -> None:
    company = crm.pipedrive.company
    sam = next(person for person in company.persons if SAM in person.emails)
    company.leads.append(Lead(77, sam.owner, title="Second site", person=sam))
    found = await looked_up(crm.as_user(ADA), [SAM])
    assert [contact.name for contact in found.contacts[SAM]] == ["Sam Shaw"]
    assert [(lead.name, lead.status) for lead in found.leads[SAM]] == [("Sam Shaw", "Second site")]
    lea = company.leads[0]
    assert lea.person
    lea.archived = True
    found = await looked_up(crm.as_user(ADA), ["lea@lund.example"])
    assert [contact.name for contact in found.contacts["lea@lund.example"]] == ["Lea Lund"]
    assert found.leads == {}


async def test_a_deal_of_another_organisation_than_its_persons_names_that_one(crm: PipedriveWorld) -> None:
    company = crm.pipedrive.company
    sam = next(person for person in company.persons if SAM in person.emails)
    crowd = next(organization for organization in company.organizations if organization.name == "Crowd & Co")
    company.deals.append(Deal(91_000, sam.owner, title="For others", stage=company.stages[0], person=sam, organization=crowd))
    contact = await _only(crm)
    assert {deal.name: deal.account.name for deal in contact.deals if deal.account} == {
        "Undated": "Analytical Ltd",
        "For others": "Crowd & Co",
    }


@pytest.mark.parametrize(
    "answer",
    [
        '{"success": true}',
        '{"success": true, "data": {}}',
        '{"success": true, "data": null}',
        '{"success": true, "data": [7]}',
        '{"success": true, "data": {"items": 7}}',
        '{"success": false, "data": []}',
        '{"data": []}',
    ],
)
async def test_an_answer_without_its_records_is_none_and_not_an_empty_one(crm: PipedriveWorld, answer: str) -> None:
    ada = crm.as_user(ADA)
    await looked_up(ada, [SAM])
    crm.http.happen(answering(200, answer))
    for call in (ada.senders([SAM]), ada.search("sam", 3), ada.contact(crm.id_of("contact sam")), looked_up(ada, [SAM])):
        with pytest.raises(BadAnswer):
            await call
    crm.http.mend()
    for place in (1, 2):
        crm.http.happen(answering(200, answer), call=place)
        with pytest.raises(BadAnswer):
            await ada.senders([SAM])


async def _only(crm: PipedriveWorld) -> Contact:
    answer = await crm.as_user(ADA).senders([SAM])
    (contact,) = answer.contacts[SAM]
    return contact
