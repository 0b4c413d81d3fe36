"""The real Odoo 19 under the contract of all CRMs, as far as it has a place for it, and what is its own."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from crm_client.odoo.sign_in import API_KEY
from mailmagnet.calls import counted_calls
from mailmagnet.crm import MAIL_INTEGRATION, Asked, Contact, DealState, Module, Money
from mailmagnet.errors import NotAuthorised, NotFound, NotPermitted, SignInNeeded
from tests.contract.crm_contract import CrmContract
from tests.contract.crm_installed import SECONDS, looked_up
from tests.contract.crm_world import ADA, KIM, NOON, NOOR, OLD, ORGANISATION, STAGES
from tests.servers.odoo_world import ORG, OdooWorld
from tests.told_at_the_end import COUNTED

HENRIETTA = "h.lovell@analytical.example"


class TestOdooCrm(CrmContract):
    """The contract, as far as Odoo's capabilities go."""


async def contact_of(crm: OdooWorld, address: str, email: str = ADA) -> Contact:
    [contact] = (await looked_up(crm.as_user(email), [address])).contacts[address]
    return contact


# Signing in


async def test_a_sign_in_is_whose_key_it_is_until_the_key_ends(crm: OdooWorld) -> None:
    tokens = await crm.sign_in_within(SECONDS).sign_in(ORG, "103", {API_KEY: f" {crm.running.keys[KIM]} "})
    assert (tokens.account, tokens.name) == (str(crm.running.users[KIM]), "Kim Park")
    assert timedelta(days=29) < tokens.expires_at - datetime.now(UTC) <= timedelta(days=30)
    assert await crm.sign_in_within(SECONDS).renewed(tokens) == tokens
    for wrong in ("", "0" * 40, "a b", "é" * 40, crm.running.keys[OLD]):
        with pytest.raises(NotAuthorised):
            await crm.sign_in_within(SECONDS).sign_in(ORG, "103", {API_KEY: wrong})


async def test_a_key_that_is_refused_asks_to_sign_in_again(crm: OdooWorld) -> None:
    stranger = crm.as_user("stranger@corp.example")
    with pytest.raises(SignInNeeded) as refused:
        await looked_up(stranger, ["sam@shaw.example"])
    assert refused.value.ended


# What one person comes with


async def test_one_person_comes_with_what_odoo_has(crm: OdooWorld) -> None:
    answer = await looked_up(crm.as_user(ADA), [HENRIETTA], ["analytical.example"])
    (contact,) = answer.contacts[HENRIETTA]
    assert (contact.id, contact.name, contact.title, contact.phone) == (
        crm.id_of("contact henrietta"), "Henriëtta Lovell", "Head of Procurement", "+44 1632 960002"
    )  # fmt: skip
    assert contact.account
    assert (contact.account.name, contact.account.domain, contact.account.phone) == (
        "Analytical Ltd", "analytical.example", "+44 1632 960001"
    )  # fmt: skip
    assert {(deal.name, deal.state, deal.pipeline) for deal in contact.deals} == {
        ("Renewal 2027", DealState.OPEN, "Sales"), ("First order", DealState.WON, "Partners")
    }  # fmt: skip
    assert {deal.name: deal.amount for deal in contact.deals}["First order"] == Money(Decimal("4800000.0"), "EUR")
    assert (contact.owner, contact.mine, contact.addresses, contact.more_deals) == ("Ada Byron", True, (HENRIETTA,), False)
    known = answer.accounts["analytical.example"]
    assert (known.contact_count, {deal.name for deal in known.open_deals}) == (
        4, {"Renewal 2027", "Pilot Lyon", "Undated"}
    )  # fmt: skip


async def test_activities_are_days_and_notes_are_text(crm: OdooWorld) -> None:
    contact = await contact_of(crm, HENRIETTA)
    assert [(each.subject, each.at, each.done) for each in contact.activities] == [
        ("Send the data sheet", date(2026, 12, 1), False),
        ("Demonstration", date(2026, 11, 23), False),
        *((f"Call {days} days ago", (NOON - timedelta(days=days)).date(), True) for days in range(1, 6)),
    ]
    assert [(note.text, note.at, note.author) for note in contact.notes] == [
        (f"Note of day {days}\n<b>as it is</b>", NOON - timedelta(days=days), "Ada Byron") for days in (1, 2, 3)
    ]
    [beside] = (await looked_up(crm.as_user(ADA), [], [], [HENRIETTA])).contacts[HENRIETTA]
    assert (beside.activities, beside.notes, len(beside.deals)) == ((), (), 2)


async def test_mail_and_tracking_in_the_chatter_are_no_notes(crm: OdooWorld) -> None:
    jonas = int(crm.id_of("contact jonas"))
    for n in range(12):
        _post(crm, jonas, f"To the customer {n}", "mail.mt_comment")
    _post(crm, jonas, "Kept for us", "mail.mt_note")
    for n in range(12):
        _post(crm, jonas, f"Later {n}", "mail.mt_comment")
    assert [each.text for each in (await crm.as_user(ADA).contact(str(jonas))).notes] == ["Kept for us"]


def _post(crm: OdooWorld, contact: int, body: str, subtype: str) -> None:
    crm.odoo.write("res.partner", "message_post", ids=[contact], body=body, message_type="comment", subtype_xmlid=subtype)


async def test_the_state_is_odoos_whatever_the_stage_is_called(crm: OdooWorld) -> None:
    ada = crm.as_user(ADA)
    deals = {key: await ada.deal(crm.id_of(f"deal {key}")) for key in ("pilot", "first", "lost", "found")}
    assert {key: (deal.state, deal.stage, deal.pipeline) for key, deal in deals.items()} == {
        "pilot": (DealState.OPEN, "Won over", "Partners"),
        "first": (DealState.WON, "Signed", "Partners"),
        "lost": (DealState.LOST, "Gone quiet", "Partners"),
        "found": (DealState.OPEN, "Lost and found", "Partners"),
    }


async def test_an_opportunity_that_was_put_away_undecided_is_no_deal(crm: OdooWorld) -> None:
    with crm.odoo.made(
        "crm.lead", [{"type": "opportunity", "name": "Put away", "partner_id": int(crm.id_of("contact grace"))}]
    ) as ids:
        crm.odoo.write("crm.lead", "write", ids=ids, vals={"active": False})
        contact = await crm.as_user(ADA).contact(crm.id_of("contact grace"))
    assert {deal.name for deal in contact.deals} == {"Kim's own", "Second site"}


async def test_settings_are_asked_together_and_remembered_but_rights_are_not_forgotten(crm: OdooWorld) -> None:
    settings = await crm.as_user(ADA).settings()
    assert settings.organisation == ORGANISATION
    ours = [(stage.pipeline, stage.name, stage.state) for stage in STAGES if stage.state is not DealState.LOST]
    named = [(stage.pipeline, stage.name, stage.state) for stage in settings.stages]
    assert named[: len(ours)] == ours
    assert ("", "Proposition", DealState.OPEN) in named  # Odoo's own, which are all teams'
    assert [(each.code, each.rate) for each in settings.currencies if not each.home][:1] == [("JPY", Decimal("163.0"))]
    assert [each.code for each in settings.currencies if each.home] == ["EUR"]
    with counted_calls() as calls:
        assert await crm.as_user(ADA).settings() == settings
    assert calls.total() == 0
    with pytest.raises(NotPermitted):
        await crm.as_user(NOOR).settings()


async def test_a_user_reads_in_their_own_language_from_the_first_answer_on(crm: OdooWorld) -> None:
    renewal, stage = crm.id_of("deal renewal"), int(crm.id_of("stage qualification"))
    crm.odoo.write("base.language.install", "lang_install", ids=_language_wizard(crm))
    crm.odoo.write("crm.stage", "update_field_translations", ids=[stage], field_name="name", translations={"de_DE": "Bewertung"})
    crm.odoo.write("res.users", "write", ids=[crm.running.users[ADA]], vals={"lang": "de_DE"})
    try:
        assert (await crm.as_user(ADA).deal(renewal)).stage == "Bewertung"
        assert [user.name for user in await crm.as_user(ADA).administrators()] == ["Ada Byron"]
        assert MAIL_INTEGRATION in (await crm.as_user(ADA).me()).profile.permissions
        with counted_calls() as calls:
            assert (await crm.as_user(ADA).deal(renewal)).stage == "Bewertung"
        assert calls.total() == 1
    finally:
        crm.odoo.write("res.users", "write", ids=[crm.running.users[ADA]], vals={"lang": "en_US"})


def _language_wizard(crm: OdooWorld) -> list[int]:
    [german] = crm.odoo.write("res.lang", "search", domain=[["code", "=", "de_DE"], ["active", "in", [True, False]]])
    made: list[int] = crm.odoo.write(
        "base.language.install", "create", vals_list=[{"lang_ids": [[6, 0, [german]]], "overwrite": False}]
    )
    return made


# Rights


async def test_who_looks_after_odoo_may_be_told_to_all_whatever_the_groups_are_called(crm: OdooWorld) -> None:
    system = crm.odoo.group("base.group_system")
    crm.odoo.write("res.groups", "write", ids=[system], vals={"name": "Chefs"})
    try:
        for email in (ADA, KIM, NOOR):
            assert [user.email for user in await crm.as_user(email).administrators()] == [ADA]
            me = await crm.as_user(email).me()
            assert (me.profile.administrator, MAIL_INTEGRATION in me.profile.permissions) == (email == ADA, email != NOOR)
    finally:
        crm.odoo.write("res.groups", "write", ids=[system], vals={"name": "Administrator"})


async def test_without_the_permission_nothing_is_told(crm: OdooWorld) -> None:
    noor = crm.as_user(NOOR)
    for call in (
        looked_up(noor, [HENRIETTA], []), looked_up(noor, [], [], [HENRIETTA]), noor.senders([]), noor.search("a", 1),
        noor.search("", 1), noor.settings(), noor.contact(crm.id_of("contact henrietta")), noor.users(), noor.templates(),
        noor.account(crm.id_of("account analytical")), noor.deal(crm.id_of("deal pilot")), noor.lead(crm.id_of("lead lea")),
        noor.profiles(), noor.deals_closing(date(2026, 11, 1), date(2026, 11, 30)),
        noor.record_people(Module.CONTACTS, crm.id_of("contact henrietta")),
    ):  # fmt: skip
        with pytest.raises(NotPermitted) as refused:
            await call
        assert refused.value.permission == MAIL_INTEGRATION


async def test_each_users_rights_are_odoos(crm: OdooWorld) -> None:
    kim = crm.as_user(KIM)
    answer = await looked_up(
        kim,
        [HENRIETTA, "grace@hopfield.example", "sam@shaw.example", "lea@lund.example", "max@lund.example"],
        ["hopfield.example", "crowd.example"],
    )
    assert set(answer.contacts) == {"grace@hopfield.example", "sam@shaw.example"}
    assert (set(answer.leads), set(answer.accounts)) == ({"max@lund.example"}, {"hopfield.example"})
    for call in (kim.contact(crm.id_of("contact henrietta")), kim.deal(crm.id_of("deal pilot")), kim.lead(crm.id_of("lead lea"))):
        with pytest.raises(NotFound):
            await call


async def test_what_is_seen_through_a_team_is_lost_with_it(crm: OdooWorld) -> None:
    pilot, partners, kim = crm.id_of("deal pilot"), crm.running.teams["Partners"], crm.running.users[KIM]
    salesman = crm.odoo.group("sales_team.group_sale_salesman")
    [model] = crm.odoo.write("ir.model", "search", domain=[["model", "=", "crm.lead"]])
    rule = {
        "name": "The team's",
        "model_id": model,
        "groups": [[6, 0, [salesman]]],
        "domain_force": "[('team_id.crm_team_member_ids.user_id', 'in', [user.id])]",
    }
    with crm.odoo.made("ir.rule", [rule]):
        with pytest.raises(NotFound):
            await crm.as_user(KIM).deal(pilot)
        with crm.odoo.made("crm.team.member", [{"user_id": kim, "crm_team_id": partners}]):
            assert (await crm.as_user(KIM).deal(pilot)).name == "Pilot Lyon"
        with pytest.raises(NotFound):
            await crm.as_user(KIM).deal(pilot)
        assert (await crm.as_user(KIM).deal(crm.id_of("deal kim's"))).name == "Kim's own"


async def test_several_companies_of_a_user_are_all_seen_and_each_deal_is_in_its_companys_currency(crm: OdooWorld) -> None:
    ada = crm.running.users[ADA]
    [dollar] = crm.odoo.write("res.currency", "search", domain=[["name", "=", "USD"]])
    [company] = crm.odoo.write("res.company", "create", vals_list=[{"name": "Corp Inc", "currency_id": dollar}])
    with crm.odoo.changed("res.users", ada, {"company_ids": [[4, company]]}, {"company_ids": [[3, company]]}):
        deal = {
            "type": "opportunity", "name": "Overseas", "partner_id": int(crm.id_of("contact jonas")), "company_id": company,
            "expected_revenue": 10.5, "user_id": ada,
        }  # fmt: skip
        with crm.odoo.made("crm.lead", [deal]):
            contact = await crm.as_user(ADA).contact(crm.id_of("contact jonas"))
            assert {(each.name, each.amount) for each in contact.deals} == {("Overseas", Money(Decimal("10.5"), "USD"))}
            assert (await crm.as_user(ADA).settings()).organisation == ORGANISATION
            crm.odoo.write("res.users", "write", ids=[ada], vals={"company_ids": [[3, company]]})
            assert (await crm.as_user(ADA).contact(crm.id_of("contact jonas"))).deals == ()
            crm.odoo.write("res.users", "write", ids=[ada], vals={"company_ids": [[4, company]]})


# What is asked is a value, never a part of the question

NASTY = (
    "%", "_", "%@analytical.example", "h_lovell@analytical.example", "x'y@a.example", 'x"]]@a.example', "a@b.example') OR 1=1 --",
    "[('id','!=',0)]", "+tag@analytical.example", "ü@lm.example", "%ü@analytical.example", "_ü%@a.example",
    "a" * 242 + "@long.example", "\\", "*", "'; DROP TABLE res_partner; --@a.example", "\u202e@a.example", '"quoted [x]"@a.example',
)  # fmt: skip


async def test_an_address_is_compared_whole_and_is_never_a_part_of_the_question(crm: OdooWorld) -> None:
    ada = crm.as_user(ADA)
    answer = await looked_up(ada, NASTY, ["%", "_", "%.example", "x' OR 1=1", "analytical_example", "\\", "a]b"])
    assert (answer.contacts, answer.leads, answer.accounts) == ({}, {}, {})
    assert [contact.name for contact in (await ada.search("_", 10)).contacts] == ["Una Score"]
    for words in ("100%", "%", "\\", "' OR 1=1 --", '"]', "  ", "\\%", "%%", "__", "_%"):
        found = await ada.search(words, 10)
        assert (found.contacts, found.accounts, found.deals, found.leads) == ((), (), (), ()), words
    for nobody in ("no-such-id", "", "%", "0", "-1", "1 OR 1=1", "9" * 30, "１", "1.0", " 1", "true"):
        for call in (ada.contact(nobody), ada.lead(nobody), ada.deal(nobody), ada.account(nobody)):
            with pytest.raises(NotFound):
                await call


ODD = (
    "o'brien@odd.example", 'say"hi"@odd.example', "a%b@odd.example", "a_b@odd.example", "plus+tag@odd.example", "[x]@odd.example",
    "back\\slash@odd.example", "MiXeD@ODD.example", "jürgen@odd.example", "JÜRGEN.GROSS@odd.example", "ada@bücher.example",
    "x" * 64 + "@" + "y" * 60 + "." + "z" * 60 + "." + "w" * 50 + ".example",
)  # fmt: skip


async def test_odd_addresses_are_found_however_odoo_writes_them(crm: OdooWorld) -> None:
    people = [{"name": f"Odd {n}", "email": address} for n, address in enumerate(ODD)]
    with crm.odoo.made("res.partner", people) as ids:
        stored = crm.odoo.write("res.partner", "read", ids=ids, fields=["email_normalized"])
        ada, missed = crm.as_user(ADA), []
        for partner in stored:
            if not partner["email_normalized"]:
                missed.append(partner["id"])
                continue
            address = (await ada.contact(str(partner["id"]))).addresses[0]
            found = await looked_up(ada, [address])
            assert [contact.id for contact in found.contacts[address]] == [str(partner["id"])]
            assert (await ada.senders([address])).contacts.keys() == {address}
        assert len(missed) <= 2  # what Odoo itself takes for no address
    assert (await looked_up(ada, ["ada@xn--bcher-kva.example"])).contacts == {}


async def test_several_with_one_address_all_come_and_a_lead_beside_them(crm: OdooWorld) -> None:
    people = [{"name": name, "email": "twice@several.example"} for name in ("Zoe", "Abe", "Mia")]
    lead = {
        "type": "lead",
        "name": "Lead",
        "contact_name": "Lee",
        "email_from": "Twice@several.example",
        "user_id": crm.running.users[ADA],
    }
    with crm.odoo.made("res.partner", people) as ids, crm.odoo.made("crm.lead", [lead]):
        deal = {"type": "opportunity", "name": "Open", "partner_id": ids[0]}
        with crm.odoo.made("crm.lead", [deal]):
            for answer in (
                await looked_up(crm.as_user(ADA), ["twice@several.example"]),
                await looked_up(crm.as_user(ADA), [], [], ["twice@several.example"]),
                await crm.as_user(ADA).senders(["twice@several.example"]),
            ):
                assert [each.name for each in answer.contacts["twice@several.example"]] == ["Zoe", "Abe", "Mia"]
                assert [each.name for each in answer.leads["twice@several.example"]] == ["Lee"]


# More than one page of anything


async def test_more_than_a_thousand_people_all_come(crm: OdooWorld, record_property: Any) -> None:
    people = [{"name": f"Page {n}", "email": f"page{n}@pages.example"} for n in range(1100)]
    with crm.odoo.made("res.partner", people):
        addresses = [f"page{n}@pages.example" for n in range(1100)]
        with counted_calls() as calls:
            found = await crm.as_user(ADA).senders(addresses)
        assert set(found.contacts) == set(addresses)
        record_property(COUNTED, f"Odoo: 1,100 people found among 1,100 senders: {calls.total()} calls")


async def test_twenty_six_deals_of_one_person_all_come_and_of_more_it_is_said(crm: OdooWorld) -> None:
    grace = int(crm.id_of("contact grace"))
    deals = [
        {"type": "opportunity", "name": f"Deal {n:03}", "partner_id": grace, "date_deadline": f"2031-01-{n % 28 + 1:02}"}
        for n in range(130)
    ]
    with crm.odoo.made("crm.lead", deals[:24]):
        contact = await contact_of(crm, "grace@hopfield.example")
        assert (len(contact.deals), contact.more_deals) == (26, False)
        with crm.odoo.made("crm.lead", deals[24:]):
            contact = await contact_of(crm, "grace@hopfield.example")
            assert (len(contact.deals), contact.more_deals) == (100, True)
            assert all(deal.state is DealState.OPEN for deal in contact.deals)
            [of_job] = (await crm.as_user(ADA).senders(["grace@hopfield.example"])).contacts["grace@hopfield.example"]
            assert (len(of_job.deals), of_job.more_deals) == (132, False)
            known = await crm.as_user(ADA).account(crm.id_of("account hopfield"))
            assert (len(known.open_deals), known.more_deals) == (100, True)


async def test_the_people_of_a_large_company_are_counted(crm: OdooWorld) -> None:
    crowd = int(crm.id_of("account crowd"))
    with crm.odoo.made("res.partner", [{"name": f"One more {n:03}", "parent_id": crowd} for n in range(320)]):
        known = await crm.as_user(ADA).account(str(crowd))
        assert (len(known.contacts), known.contact_count) == (10, 332)
        record = await crm.as_user(ADA).record_people(Module.ACCOUNTS, str(crowd))
        assert (len(record.people), record.people_count) == (50, 332)


# Calls and round trips


@pytest.mark.parametrize("number", [0, 1, 20, 100, 250, 5000])
async def test_however_many_are_asked_the_calls_stay_the_same(crm: OdooWorld, number: int, record_property: Any) -> None:
    addresses = [f"m{n}@crowd.example" for n in range(number)]
    ada = crm.as_user(ADA)
    with counted_calls() as first:
        await looked_up(ada, addresses[:1], ["crowd.example"], addresses[1:])
    with counted_calls() as look_up:
        await looked_up(ada, addresses[:1], ["crowd.example"], addresses[1:])
    with counted_calls() as senders:
        found = await ada.senders(addresses)
    assert len(found.contacts) == min(number, 12)
    assert (first.total() - look_up.total(), look_up.total(), senders.total()) == (
        3,
        {0: 2, 1: 4}.get(number, 6),
        2 if number else 0,
    )
    told = f"look_up {look_up.total()} calls (3 more at first), senders {senders.total()} calls, one round trip each"
    record_property(COUNTED, f"Odoo: {number} addresses: {told}")


async def test_the_job_costs_two_calls_for_each_mailbox_and_the_permissions_one(crm: OdooWorld) -> None:
    await crm.as_user(ADA).settings()
    both = {HENRIETTA, "grace@hopfield.example"}
    asked = [Asked(crm.connection_of(email), frozenset(both)) for email in (ADA, KIM, NOOR)]
    with counted_calls() as calls:
        of_ada, of_kim, of_noor = await crm.client.senders_of(asked)
    assert isinstance(of_noor, NotPermitted)
    assert not isinstance(of_ada, Exception)
    assert not isinstance(of_kim, Exception)
    assert (set(of_ada.contacts), set(of_kim.contacts)) == (both, {"grace@hopfield.example"})
    with counted_calls() as again:
        await crm.client.senders_of(asked[:1])
    assert again.total() == 2
    assert calls.total() <= 2 + (2 + 1 + 3 + 3) + (2 + 3)
