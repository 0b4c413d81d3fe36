"""The real Tryton 8.2 under the contract of all CRMs, and what is its own."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from urllib.parse import unquote

import pytest

from crm_client.tryton.crm import TrytonCrm
from crm_client.tryton.questions import parties_with
from crm_client.tryton.sign_in import KEY
from mailmagnet.crm import MAIL_INTEGRATION, DealState, Module, Money
from mailmagnet.errors import NotAuthorised, NotFound, NotPermitted, SignInNeeded, Unavailable
from sandbox.crms.tryton.server import RunningTryton
from tests.contract.crm_contract import CrmContract
from tests.contract.crm_installed import SECONDS, looked_up
from tests.contract.crm_world import ADA, FAY, KIM, NOON, NOOR, OLD
from tests.servers.tryton_world import ORG, TrytonWorld, world_in

HENRIETTA, SAM = "h.lovell@analytical.example", "sam@shaw.example"


@pytest.fixture
async def crm(tryton: RunningTryton) -> AsyncIterator[TrytonWorld]:
    async with world_in(tryton) as world:
        yield world


class TestTrytonCrm(CrmContract):
    """The contract, as far as Tryton's capabilities go."""


def fresh(crm: TrytonWorld, email: str) -> TrytonCrm:
    """A view that remembers nothing yet."""
    return crm.client_within(SECONDS).as_user(crm.connection_of(email))


# Signing in and out


async def test_a_sign_in_is_whose_key_it_is(crm: TrytonWorld) -> None:
    sign_in = crm.sign_in_within(SECONDS)
    tokens = await sign_in.sign_in(ORG, "103", {KEY: f" {crm.tryton.keys[KIM]} "})
    assert (tokens.account, tokens.name, tokens.access) == (str(crm.tryton.users[KIM]), "Kim Park", crm.tryton.keys[KIM])
    for wrong in ("", "0" * 128, "a b", "é" * 128, "%", "x" * 300, crm.tryton.keys[OLD]):
        with pytest.raises(NotAuthorised):
            await sign_in.sign_in(ORG, "103", {KEY: wrong})
    with pytest.raises(NotAuthorised):
        await sign_in.renewed(tokens)


async def test_signing_out_ends_the_key_at_tryton(crm: TrytonWorld) -> None:
    with crm.made("res.user.application", {"user": crm.tryton.users[KIM], "application": "rest"}) as made:
        [application] = crm.read("res.user.application", [["id", "=", made]], ["key"])
        sign_in = crm.sign_in_within(SECONDS)
        tokens = await sign_in.sign_in(ORG, "103", {KEY: application["key"]})
        client = crm.client_within(SECONDS)
        assert (await client.as_user(crm.with_key(KIM, tokens.access)).me()).name == "Kim Park"
        await sign_in.sign_out(tokens)
        await sign_in.sign_out(tokens)
        with pytest.raises(NotAuthorised):
            await sign_in.sign_in(ORG, "103", {KEY: tokens.access})
        with pytest.raises(SignInNeeded) as refused:
            await crm.client_within(SECONDS).as_user(crm.connection_of("stranger@corp.example")).me()
        assert refused.value.ended
    assert (await fresh(crm, KIM).me()).name == "Kim Park", "another key of hers is as it was"


async def test_a_requested_key_is_none_until_its_user_confirms_it(crm: TrytonWorld) -> None:
    sign_in, key = crm.sign_in_within(SECONDS), crm.request_key(KIM)
    [application] = crm.read("res.user.application", [["key", "=", key]], ["state"])
    try:
        with pytest.raises(NotAuthorised):
            await sign_in.sign_in(ORG, "103", {KEY: key})
        crm.act(f"res.user.application/{application['id']}", "validate_", KIM)
        assert (await sign_in.sign_in(ORG, "103", {KEY: key})).name == "Kim Park"
    finally:
        crm.delete(f"res.user.application/{application['id']}")


async def test_the_key_of_a_user_who_is_not_active_opens_tryton_and_nothing_of_ours(crm: TrytonWorld) -> None:
    assert crm.read("res.user", [["id", "=", crm.tryton.users[ADA]]], ["login"], email=OLD)
    old = fresh(crm, OLD)
    for call in (old.me(), old.administrators(), old.settings(), old.senders([HENRIETTA]), old.search("lovell", 5)):
        with pytest.raises(NotAuthorised):
            await call


# Rights


async def test_the_permission_is_a_group_of_the_user_or_the_parent_of_one_and_an_administrators_anyway(crm: TrytonWorld) -> None:
    assert MAIL_INTEGRATION not in (await fresh(crm, NOOR).me()).profile.permissions
    [group] = crm.read("res.group", [["name", "=", MAIL_INTEGRATION]], ["name"])
    noor = f"res.user/{crm.tryton.users[NOOR]}"
    with (
        crm.made("res.group", {"name": "Inside sales", "parent": group["id"]}) as inside,
        crm.changed(noor, {"groups": [["add", [inside]]]}, {"groups": [["remove", [inside]]]}),
    ):
        assert MAIL_INTEGRATION in (await fresh(crm, NOOR).me()).profile.permissions
        assert set((await fresh(crm, NOOR).senders([HENRIETTA])).contacts) == {HENRIETTA}
    with crm.changed(noor, {"administrator": True}, {"administrator": False}):
        assert (await fresh(crm, NOOR).me()).profile.administrator
        assert set((await fresh(crm, NOOR).senders([HENRIETTA])).contacts) == {HENRIETTA}
    noor_now = fresh(crm, NOOR)
    for refused in (
        looked_up(noor_now, [HENRIETTA], ["analytical.example"]), noor_now.senders([]), noor_now.search("a", 1), noor_now.settings(),
        noor_now.contact(crm.id_of("contact henrietta")), noor_now.deal(crm.id_of("deal pilot")), noor_now.users(),
        noor_now.lead(crm.id_of("lead lea")), noor_now.account(crm.id_of("account analytical")), noor_now.profiles(),
        noor_now.templates(), noor_now.deals_closing(date(2026, 11, 1), date(2026, 11, 30)),
        noor_now.record_people(Module.CONTACTS, crm.id_of("contact henrietta")), noor_now.search("  ", 1),
    ):  # fmt: skip
        with pytest.raises(NotPermitted) as why:
            await refused
        assert why.value.permission == MAIL_INTEGRATION


async def test_without_the_sales_group_opportunities_are_refused_and_it_is_said(crm: TrytonWorld) -> None:
    [sales] = crm.read("res.group", [["name", "=", "Sales"]], ["name"])
    with crm.changed(
        f"res.user/{crm.tryton.users[FAY]}", {"groups": [["remove", [sales["id"]]]]}, {"groups": [["add", [sales["id"]]]]}
    ):
        fay = fresh(crm, FAY)
        for call in (
            looked_up(fay, [HENRIETTA]),
            fay.senders([HENRIETTA]),
            fay.deals_closing(date(2026, 1, 1), date(2026, 12, 1)),
        ):
            with pytest.raises(NotPermitted) as why:
                await call
            assert why.value.permission == ""


async def test_deals_seen_through_a_company_are_lost_with_it(crm: TrytonWorld) -> None:
    user = f"res.user/{crm.tryton.users[FAY]}"
    assert len((await fresh(crm, FAY).senders([HENRIETTA])).contacts[HENRIETTA][0].deals) == 2
    [was] = crm.read("res.user", [["id", "=", crm.tryton.users[FAY]]], ["company", "employee"])
    with crm.changed(user, {"company": None, "employee": None}, {"company": was["company"], "employee": was["employee"]}):
        (henrietta,) = (await fresh(crm, FAY).senders([HENRIETTA])).contacts[HENRIETTA]
        assert henrietta.deals == ()
        with pytest.raises(NotFound):
            await fresh(crm, FAY).deal(crm.id_of("deal renewal"))
    assert len((await fresh(crm, FAY).senders([HENRIETTA])).contacts[HENRIETTA][0].deals) == 2


async def test_of_a_visible_deal_the_parties_that_are_not_visible_are_left_out(crm: TrytonWorld) -> None:
    """Tryton would refuse all of an answer that leads to them."""
    deal = crm.tryton.ids["deal kim's"]
    [was] = crm.read("sale.opportunity", [["id", "=", deal]], ["party", "contact"])
    hidden = crm.tryton.ids["account analytical"]
    [theirs] = crm.read("party.contact_mechanism", [["value", "ilike", "petra@analytical.example"]], ["party"])
    with crm.changed(
        f"sale.opportunity/{deal}", {"party": hidden, "contact": theirs["id"]}, {"party": was["party"], "contact": was["contact"]}
    ):
        seen = await fresh(crm, KIM).deal(str(deal))
        assert (seen.name, seen.account, seen.contact_ids) == ("Kim's own", None, ())
        people = await fresh(crm, KIM).record_people(Module.DEALS, str(deal))
        assert (people.people, [owner.name for owner in people.owners]) == ((), ["Kim Park"])
        whole = await fresh(crm, ADA).deal(str(deal))
        assert whole.account
        assert (whole.account.name, whole.contact_ids) == ("Analytical Ltd", (crm.id_of("contact petra"),))


async def test_a_search_finds_nothing_by_a_name_that_the_user_may_not_see(crm: TrytonWorld) -> None:
    """Sam works for a company that Kim does not see; Ada sees it."""
    for words in ("analytical", "Analytical Ltd", "sam analytical", "h.lovell"):
        found = await fresh(crm, KIM).search(words, 10)
        assert (found.contacts, found.accounts, found.deals, found.leads) == ((), (), (), ()), words
    assert [contact.name for contact in (await fresh(crm, ADA).search("sam analytical", 10)).contacts] == ["Sam Shaw"]
    assert [deal.name for deal in (await fresh(crm, ADA).search("pilot analytical", 10)).deals] == ["Pilot Lyon"]


# What Tryton has


async def test_notes_are_the_last_ones_of_the_person_in_front(crm: TrytonWorld) -> None:
    ada = crm.as_user(ADA)
    answer = await looked_up(ada, ["henrietta@home.example"], others=["grace@hopfield.example"])
    (henrietta,) = answer.contacts["henrietta@home.example"]
    assert [(note.text, note.at, note.author) for note in henrietta.notes] == [
        (f"Note of day {days}\n<b>as it is</b>", NOON - timedelta(days=days), "Ada Byron") for days in (1, 2, 3)
    ]
    assert henrietta == await ada.contact(henrietta.id)


async def test_one_person_comes_with_what_tryton_has(crm: TrytonWorld) -> None:
    answer = await looked_up(crm.as_user(ADA), [HENRIETTA], ["analytical.example"])
    (henrietta,) = answer.contacts[HENRIETTA]
    assert henrietta.account
    assert (henrietta.name, henrietta.addresses, henrietta.phone, henrietta.account.name, henrietta.account.domain) == (
        "Henriëtta Lovell", (HENRIETTA, "henrietta@home.example"), "+44 1632 960002", "Analytical Ltd", "analytical.example"
    )  # fmt: skip
    assert [(deal.name, deal.stage, deal.state, deal.amount, deal.owner) for deal in henrietta.deals] == [
        ("Renewal 2027", "Opportunity", DealState.OPEN, Money(Decimal("12345678901234567.05"), "EUR"), "Ada Byron"),
        ("First order", "Won", DealState.WON, Money(Decimal(4800000), "JPY"), "Ada Byron"),
    ]
    assert {deal.owner_id for deal in henrietta.deals} == {str(crm.tryton.users[ADA])}
    assert henrietta.url.endswith(f"/#crm/model/party.party/{henrietta.id}")
    assert {deal.name for deal in answer.accounts["analytical.example"].open_deals} == {"Renewal 2027", "Pilot Lyon", "Undated"}


async def test_a_deal_is_found_through_its_contact_and_through_its_party(crm: TrytonWorld) -> None:
    """A company's own address brings all deals of the company; a person's those alone in which the person is the contact."""
    values = {"party": crm.tryton.ids["account analytical"], "type": "email", "value": "Info@Analytical.Example"}
    with crm.made("party.contact_mechanism", values):
        found = (await fresh(crm, ADA).senders(["info@analytical.example", SAM])).contacts
        (firm,), (sam,) = found["info@analytical.example"], found[SAM]
        assert {deal.name for deal in firm.deals} == {"Renewal 2027", "Pilot Lyon", "First order", "Undated"}
        assert [deal.name for deal in sam.deals] == ["Undated"]


async def test_somebody_at_a_companys_address_is_told_with_the_company(crm: TrytonWorld) -> None:
    """As many use Tryton: no party for each person, but a name at an address."""
    of_ulm = {"party": crm.tryton.ids["account ulm"], "type": "email"}
    with (
        crm.made("party.contact_mechanism", {**of_ulm, "value": "info@ulm.example"}),
        crm.made("party.contact_mechanism", {**of_ulm, "value": "buyer@ulm.example", "name": "Jo Buyer"}),
    ):
        for address, name in (("buyer@ulm.example", "Jo Buyer"), ("info@ulm.example", "")):
            (ulm,) = (await looked_up(fresh(crm, ADA), [address])).contacts[address]
            assert (ulm.name, ulm.title) == ("Ulm Optik", name)


async def test_a_converted_deal_is_open_and_a_cancelled_one_lost(crm: TrytonWorld) -> None:
    party = crm.tryton.ids["contact xena"]
    [like] = crm.read("sale.opportunity", [["id", "=", crm.tryton.ids["deal renewal"]]], ["company", "currency", "employee"])
    values = {"party": party, "description": "Quoted", **{name: like[name] for name in ("company", "currency", "employee")}}
    xena = "underxscore@quoted.example"
    with crm.made("sale.opportunity", values) as made:
        first = await fresh(crm, ADA).senders([xena])
        assert ([lead.name for lead in first.leads[xena]], first.contacts) == (["Xena Score"], {}), "nothing but a lead yet"
        crm.act(f"sale.opportunity/{made}", "opportunity")
        crm.act(f"sale.opportunity/{made}", "cancel")
        (contact,) = (await fresh(crm, ADA).senders([xena])).contacts[xena]
        assert [(deal.stage, deal.state) for deal in contact.deals] == [("Cancelled", DealState.LOST)]
        assert (await fresh(crm, ADA).senders([xena])).leads == {}


async def test_parties_that_are_not_active_are_not_told(crm: TrytonWorld) -> None:
    with crm.changed(f"party.party/{crm.tryton.ids['contact zoe']}", {"active": False}, {"active": True}):
        assert (await fresh(crm, ADA).senders(["zoe@accent.example"])).contacts == {}
        assert (await fresh(crm, ADA).search("Çelik", 5)).contacts == ()


# How it is asked


async def test_no_address_and_no_key_stands_in_a_url(crm: TrytonWorld) -> None:
    for email in (ADA, FAY):
        await looked_up(fresh(crm, email), [HENRIETTA], ["analytical.example"], ["wanda@win.example"])
        await fresh(crm, email).senders([HENRIETTA])
        await fresh(crm, email).search("Lovell", 5)
    assert crm.http
    paths = " ".join(unquote(asked.path) for asked in crm.http.asked)
    for secret in ("lovell", "analytical", "wanda", "@", crm.tryton.keys[ADA], crm.tryton.keys[FAY]):
        assert secret not in paths


async def test_words_of_a_pattern_stand_for_themselves(crm: TrytonWorld) -> None:
    """As an address may be stored that no mail comes from."""
    values = {"party": crm.tryton.ids["contact xena"], "type": "email", "value": r"100%_\Off@quoted.example"}
    asked = {r"100%_\off@quoted.example": 1, r"100xx\off@quoted.example": 0, "100%_yoff@quoted.example": 0, "%@quoted.example": 0}
    with crm.made("party.contact_mechanism", values):
        server, key = crm.server_within(SECONDS), crm.tryton.keys[ADA]
        assert {address: len(await server.search(key, parties_with([address]))) for address in asked} == asked


async def test_what_fails_in_tryton_is_no_answer(crm: TrytonWorld) -> None:
    """Its own errors, not made up: a field that is not there is 500, an order that is none too."""
    server, key = crm.server_within(SECONDS), crm.tryton.keys[ADA]
    for wrong in ({"domain": [], "fields_names": ["nope"]}, {"domain": [["nope", "=", 1]], "fields_names": ["name"]}):
        with pytest.raises(Unavailable):
            await server.call(key, "party.party", "search_read", wrong)
    with pytest.raises(NotPermitted):
        await server.call(key, "party.party", "no_such_action", {})
