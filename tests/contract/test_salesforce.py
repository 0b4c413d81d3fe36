"""Salesforce's client under the contract of all CRMs, on the stand-in, and what is its own."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from crm_client.salesforce.addresses import SALESFORCE
from crm_client.salesforce.questions import DOMAINS_A_CALL, LONGEST_ADDRESS, PERMISSION_FIELD
from mailmagnet.crm import MAIL_INTEGRATION, Budget, Module, Money
from mailmagnet.errors import BadAnswer, NotFound, NotPermitted, RateLimited, Unavailable
from tests.contract.crm_contract import CrmContract
from tests.contract.crm_installed import looked_up
from tests.contract.crm_world import ADA, KIM, NOOR, USERS
from tests.contract.salesforce_world import SalesforceWorld, salesforce_world
from tests.http_faults import answering
from tests.soql_parser import NoSoql, read_soql, texts_of
from tests.told_at_the_end import COUNTED


@pytest.fixture
async def crm() -> AsyncIterator[SalesforceWorld]:
    async with salesforce_world() as world:
        yield world


class TestSalesforceCrm(CrmContract):
    """The contract, as far as Salesforce's capabilities go."""


KNOWN = "h.lovell@analytical.example"
HOSTILE = ("o'brien+news@quoted.example", "a\\b@x.example", "%@analytical.example", "under_score@quoted.example", '"a b"@x.example',
           "x' or email != '@x.example", "ü@büro.example", "@{r0.body}@x.example", "line\nbreak@x.example", "a" * 64 + "@x.example",
           "b" * 242 + "@long.example")  # fmt: skip
WORDS = ("100%", "_", "\\", "' OR Name != '", "O'Brien", "@{r1.body}", "Çelik", "a\\' b")


async def _ask_everything(crm: SalesforceWorld) -> None:
    """Each question that the client has, with hostile words."""
    ada = crm.as_user(ADA)
    await ada.settings()
    await looked_up(ada, [KNOWN, HOSTILE[0]], ["analytical.example", "x' or name != 'y", "xn--lm-xka.example"], HOSTILE)
    await ada.senders([*HOSTILE, KNOWN])
    for words in WORDS:
        await ada.search(words, 5)
    await ada.deals_closing(date(2026, 11, 1), date(2026, 11, 30))
    for module, key in (
        (Module.CONTACTS, "contact henrietta"), (Module.LEADS, "lead lea"), (Module.ACCOUNTS, "account analytical"),
        (Module.DEALS, "deal renewal"),
    ):  # fmt: skip
        await ada.record_people(module, crm.id_of(key))
    await ada.account(crm.id_of("account many"))
    await asyncio.gather(ada.me(), ada.administrators(), ada.users(), ada.profiles(), ada.templates())


async def test_every_question_is_soql_to_a_parser_that_nobody_here_wrote(crm: SalesforceWorld) -> None:
    await _ask_everything(crm)
    asked = crm.salesforce.asked
    assert len(asked) > 50
    understood = read_soql(asked)
    texts = {text for query in understood for text in texts_of(query)}
    assert {address for address in HOSTILE if len(address) <= LONGEST_ADDRESS} <= texts
    held = {text[1:-1].replace("\\%", "%").replace("\\_", "_") for text in texts}
    assert {part for words in WORDS for part in words.split()} <= held
    objects = {query.get("sObject") for query in understood}
    assert objects >= {
        "Contact",
        "Lead",
        "Account",
        "Opportunity",
        "User",
        "Organization",
        "OpportunityStage",
        "ContentDocumentLink",
    }


async def test_a_wrong_question_is_none_to_that_parser() -> None:
    with pytest.raises(NoSoql):
        read_soql([f"SELECT Id FROM Contact WHERE Email = '{HOSTILE[0]}'"])
    with pytest.raises(NoSoql):
        list(texts_of(read_soql(["SELECT Id FROM Contact WHERE Email = 'a\\q'"])))


async def test_a_mail_and_a_job_cost_one_call_each_and_say_what_is_asked(
    crm: SalesforceWorld, record_property: Callable[[str, object], None]
) -> None:
    ada = crm.as_user(ADA)
    await ada.settings()
    for title, ask in (
        ("open mail", lambda: looked_up(ada, [KNOWN], ["analytical.example"], ["grace@hopfield.example"])),
        ("job", lambda: ada.senders([KNOWN, "grace@hopfield.example"])),
    ):
        crm.http.mend()
        crm.salesforce.asked.clear()
        await ask()
        calls = [f"{each.method} {each.path}" for each in crm.http.asked]
        asked = [query["sObject"] for query in read_soql(crm.salesforce.asked)]
        record_property(COUNTED, f"Salesforce: {title}: {', '.join(calls)}; queries of {', '.join(asked)}")
        assert len(calls) == (3 if title == "open mail" else 1)


async def test_who_has_no_permission_may_only_ask_who_it_is_and_who_can_give_it(crm: SalesforceWorld) -> None:
    noor = crm.as_user(NOOR)
    me = await noor.me()
    assert (me.name, me.email, MAIL_INTEGRATION in me.profile.permissions) == ("Noor Aziz", NOOR, False)
    assert [user.email for user in await noor.administrators()] == [ADA]
    for ask in (
        looked_up(noor, [KNOWN]), noor.senders([]), noor.senders([KNOWN]), noor.search("a", 1), noor.settings(), noor.users(),
        noor.contact(crm.id_of("contact henrietta")), noor.profiles(), noor.templates(), noor.search(" ", 1),
        noor.deals_closing(date(2026, 11, 1), date(2026, 11, 30)), noor.deal(crm.id_of("deal pilot")),
        noor.lead(crm.id_of("lead lea")), noor.account(crm.id_of("account many")),
        *(noor.record_people(module, crm.id_of("contact henrietta")) for module in Module),
    ):  # fmt: skip
        with pytest.raises(NotPermitted) as refused:
            await ask
        assert (refused.value.permission, refused.value.who) == (MAIL_INTEGRATION, SALESFORCE)


async def test_the_permission_is_lost_with_the_next_question(crm: SalesforceWorld) -> None:
    kim = crm.as_user(KIM)
    assert (await kim.senders(["sam@shaw.example"])).contacts
    next(user for user in crm.salesforce.world["users"] if user["email"] == KIM)["permitted"] = False
    with pytest.raises(NotPermitted):
        await kim.senders(["sam@shaw.example"])


async def test_an_organisation_without_the_formula_lets_nobody_in(crm: SalesforceWorld) -> None:
    crm.salesforce.objects.hidden[ADA] = {f"User.{PERMISSION_FIELD}"}
    with pytest.raises(NotPermitted) as refused:
        await crm.as_user(ADA).senders([KNOWN])
    assert refused.value.permission == MAIL_INTEGRATION


async def test_who_may_use_it_is_told_to_who_looks_after_it(crm: SalesforceWorld) -> None:
    told = {user.email: MAIL_INTEGRATION in user.profile.permissions for user in await crm.as_user(ADA).users()}
    assert told == {user.email: user.permitted for user in USERS}
    assert {user.email for user in await crm.as_user(KIM).users() if user.profile.permissions} == {KIM}
    names = [profile.name for profile in await crm.as_user(ADA).profiles()]
    assert sorted(names) == ["Standard User", "Standard User, without Mail Integration", "System Administrator"]


@pytest.mark.parametrize(
    "hidden", ["Lead", "Task", "Event", "Account", "Opportunity", "Contact.Title", "Profile", "CurrencyType", "OpportunityStage"]
)
async def test_what_is_hidden_later_is_left_out_from_then_on(crm: SalesforceWorld, hidden: str) -> None:
    """What a user may see is remembered for a quarter of an hour: a question that is refused meanwhile is put anew."""
    ada = crm.as_user(ADA)
    whole = await looked_up(ada, [KNOWN], ["analytical.example"])
    crm.salesforce.objects.hidden[ADA] = {hidden}
    less = await looked_up(ada, [KNOWN], ["analytical.example"])
    assert set(less.contacts) == set(whole.contacts)
    (contact,) = less.contacts[KNOWN]
    assert contact.name == "Henriëtta Lovell"
    assert (await ada.me()).email == ADA
    if hidden == "Opportunity":
        assert contact.deals == ()
    if hidden == "Account":
        assert (contact.account, less.accounts) == (None, {})


async def test_a_lead_that_has_become_a_contact_is_none_any_more(crm: SalesforceWorld) -> None:
    ada, lars = crm.as_user(ADA), crm.id_of("lead lars")
    assert (await ada.senders(["lars@cased.example"])).leads
    crm.salesforce.objects.rows["Lead"][lars]["IsConverted"] = True
    assert (await ada.senders(["lars@cased.example"])).leads == {}
    assert (await ada.search("Lars", 5)).leads == ()
    with pytest.raises(NotFound):
        await ada.lead(lars)


async def test_an_organisation_with_one_currency_says_which(crm: SalesforceWorld) -> None:
    crm.salesforce.multi_currency = crm.salesforce.objects.multi_currency = False
    ada = crm.as_user(ADA)
    settings = await ada.settings()
    assert ([currency.code for currency in settings.currencies], settings.organisation.home_currency) == (["EUR"], "EUR")
    (wanda,) = (await ada.senders(["wanda@win.example"])).contacts["wanda@win.example"]
    assert {deal.amount for deal in wanda.deals} == {Money(Decimal("1000.0"), "EUR"), Money(Decimal("2000.0"), "EUR")}


async def test_every_page_is_read_also_of_the_roles_in_a_deal(crm: SalesforceWorld) -> None:
    people = [f"p{number}@many.example" for number in range(250)]
    whole = await crm.as_user(ADA).senders([KNOWN, *people])
    crm.salesforce.answers.page = 1
    assert await crm.as_user(ADA).senders([KNOWN, "bo@busy.example"])
    crm.salesforce.answers.page = 60
    assert await crm.as_user(ADA).senders([KNOWN, *people]) == whole
    crm.salesforce.answers.page = 1
    (henrietta,) = (await crm.as_user(ADA).senders([KNOWN])).contacts[KNOWN]
    assert next(deal for deal in henrietta.deals if deal.name == "Renewal 2027").contact_ids == (
        crm.id_of("contact henrietta"),
        crm.id_of("contact jonas"),
    )


async def test_accounts_at_many_domains_are_asked_for_in_several_calls_side_by_side(crm: SalesforceWorld) -> None:
    ada = crm.as_user(ADA)
    await ada.settings()
    crm.http.mend()
    domains = {"analytical.example", "xn--lm-xka.example", *(f"d{number}.example" for number in range(2 * DOMAINS_A_CALL))}
    found = await looked_up(ada, [KNOWN], domains)
    assert {domain: known.account.name for domain, known in found.accounts.items()} == {
        "analytical.example": "Analytical Ltd",
        "xn--lm-xka.example": "Ulm Optik",
    }
    assert len(crm.http.asked) == 4  # three for domains, of which one asks for the person too, and one for notes


async def test_an_organisation_is_called_at_none_but_salesforces_own_places(crm: SalesforceWorld) -> None:
    client = crm.client_within(20)
    for place in ("https://evil.example", "", f"{crm.http.origin}.evil.example", f"{crm.http.origin}/x"):
        connection = crm.connection_of(ADA)
        assert connection.crm
        crm.http.mend()
        elsewhere = replace(connection, crm=replace(connection.crm, origin=place))
        with pytest.raises(BadAnswer):
            await client.as_user(elsewhere).senders([KNOWN])
        assert crm.http.asked == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({}, BadAnswer),
        ({"compositeResponse": None}, BadAnswer),
        ({"compositeResponse": [{"referenceId": "r0", "httpStatusCode": 200, "body": {}}]}, BadAnswer),
        ({"compositeResponse": [{"referenceId": f"r{n}", "httpStatusCode": 200, "body": {"a": 1}} for n in range(9)]}, BadAnswer),
        ({"compositeResponse": [{"referenceId": f"r{n}", "httpStatusCode": 200, "body": []} for n in range(9)]}, BadAnswer),
        ({"compositeResponse": [{"referenceId": f"r{n}", "httpStatusCode": "200", "body": {}} for n in range(9)]}, BadAnswer),
        (("QUERY_TIMEOUT", 400), Unavailable),
        (("REQUEST_LIMIT_EXCEEDED", 403), RateLimited),
        (("INSUFFICIENT_ACCESS", 403), NotPermitted),
        (("MALFORMED_QUERY", 400), BadAnswer),
        (("UNKNOWN_EXCEPTION", 500), Unavailable),
    ],
)
async def test_an_odd_answer_is_an_error_of_the_tree(
    crm: SalesforceWorld, answer: dict[str, object] | tuple[str, int], error: type[Exception]
) -> None:
    ada = crm.as_user(ADA)
    await ada.settings()
    if isinstance(answer, tuple):
        code, status = answer
        good = {"referenceId": "r0", "httpStatusCode": 200, "body": {PERMISSION_FIELD: True}}
        fault = [{"errorCode": code, "message": "h.lovell@analytical.example"}]
        bad = [{"referenceId": f"r{n}", "httpStatusCode": status, "body": fault} for n in range(1, 9)]
        answer = {"compositeResponse": [good, *bad]}
    crm.http.happen(answering(200, json.dumps(answer)))
    with pytest.raises(error) as told:
        await ada.senders([KNOWN])
    assert "h.lovell" not in str(told.value)


@pytest.mark.parametrize(
    ("header", "left", "of"),
    [("api-usage=25/5000", 4975, 5000), ("per-app-api-usage=17/250(app=x); api-usage=25/5000", 4975, 5000),
     ("api-usage=6000/5000", 0, 5000)],
)  # fmt: skip
async def test_what_is_left_of_the_day_is_the_organisations(crm: SalesforceWorld, header: str, left: int, of: int) -> None:
    client, connection = crm.client_within(20), crm.connection_of(ADA)
    crm.http.happen(answering(503, "[]", {"Sforce-Limit-Info": header}))
    with pytest.raises(Unavailable):
        await client.as_user(connection).settings()
    with pytest.raises(Unavailable):
        await client.as_user(crm.connection_of(KIM)).senders([KNOWN])
    assert client.budget(connection) is None or client.budget(connection) == Budget(left, of)
    crm.http.mend()
    await client.as_user(connection).senders([])
    crm.http.happen(answering(503, "[]", {"Sforce-Limit-Info": header}))
    with pytest.raises(Unavailable):
        await client.as_user(connection).senders([KNOWN])
    assert client.budget(crm.connection_of(KIM)) == Budget(left, of)


async def test_who_may_see_no_deals_gets_people_all_the_same(crm: SalesforceWorld) -> None:
    crm.salesforce.objects.hidden[ADA] = {"Opportunity", "OpportunityContactRole", "OpportunityStage", "CurrencyType"}
    ada = crm.as_user(ADA)
    (contact,) = (await looked_up(ada, [KNOWN], ["analytical.example"])).contacts[KNOWN]
    assert (contact.name, contact.deals, len(contact.notes)) == ("Henriëtta Lovell", (), 3)
    assert (await ada.settings()).stages == ()
    assert await ada.deals_closing(date(2026, 11, 1), date(2026, 11, 30)) == ()
    assert (await ada.search("Renewal", 5)).deals == ()
    with pytest.raises(NotFound):
        await ada.deal(crm.id_of("deal renewal"))
