"""What every CRM must do: the cases that hold any `Crm` against the described world (crm_world.py).

A CRM comes under the contract by a test class that inherits `CrmContract` and gives the fixture `crm`: the world put into that
CRM, as `InstalledWorld` says.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from mailmagnet.crm import (
    MAIL_INTEGRATION,
    Activity,
    ActivityKind,
    Contact,
    DealState,
    Lead,
    Module,
    Money,
    NewContact,
    NewDeal,
    Rights,
)
from mailmagnet.errors import NotAuthorised, NotFound, NotPermitted, NotSupported, Service, Side
from tests.contract.crm_installed import InstalledWorld, looked_up, needs, only_with, writer
from tests.contract.crm_over_http import OverHttp
from tests.contract.crm_questions import Questions
from tests.contract.crm_world import (
    ADA,
    CURRENCIES,
    KIM,
    NOON,
    NOOR,
    OLD,
    ORGANISATION,
    STAGES,
    TEMPLATES,
    USERS,
    WorldStage,
)


def _names(contacts: tuple[Contact, ...]) -> list[str]:
    return [contact.name for contact in contacts]


class CrmContract(Questions, OverHttp):
    """The tests. Each gets the world afresh; those that write have a CRM that is written to."""

    @pytest.fixture(autouse=True)
    def _only_what_the_crm_has(self, request: pytest.FixtureRequest, crm: InstalledWorld) -> None:
        marker = request.node.get_closest_marker("needs")
        has = crm.as_user(ADA).capabilities
        lacking = [name for name in (marker.args if marker else ()) if not getattr(has, name)]
        if lacking:
            pytest.skip(f"this CRM has no {', '.join(lacking)}")

    @needs("second_addresses", "roles")
    async def test_a_known_person_comes_with_all_the_crm_has(self, crm: InstalledWorld) -> None:
        answer = await looked_up(crm.as_user(ADA), ["h.lovell@analytical.example"], [])
        (contact,) = answer.contacts["h.lovell@analytical.example"]
        assert contact.id == crm.id_of("contact henrietta")
        assert (contact.name, contact.title, contact.phone, contact.owner) == (
            "Henriëtta Lovell",
            "Head of Procurement",
            "+44 1632 960002",
            "Ada Byron",
        )
        assert contact.addresses == ("h.lovell@analytical.example", "henrietta@home.example")
        assert contact.account is not None
        assert (contact.account.name, contact.account.domain, contact.account.phone) == (
            "Analytical Ltd",
            "analytical.example",
            "+44 1632 960001",
        )
        assert {deal.name for deal in contact.deals} == {"Renewal 2027", "First order", "Kim's own"}

    @needs("owners")
    async def test_each_user_is_told_which_records_are_their_own(self, crm: InstalledWorld) -> None:
        for email, mine in ((ADA, True), (KIM, False)):
            found = await looked_up(crm.as_user(email), ["sam@shaw.example"], [])
            assert [contact.mine for contact in found.contacts["sam@shaw.example"]] == [mine]
        found = await looked_up(crm.as_user(ADA), [], ["analytical.example"])
        assert found.accounts["analytical.example"].account.mine
        grace = await crm.as_user(ADA).contact(crm.id_of("contact grace"))
        assert not grace.mine
        assert grace.account
        assert not grace.account.mine

    @needs("leads")
    async def test_a_lead_names_its_owner(self, crm: InstalledWorld) -> None:
        ada = crm.as_user(ADA)
        ids = {user.email: user.id for user in await ada.users()}
        lea, theirs = await ada.lead(crm.id_of("lead lea")), await ada.lead(crm.id_of("lead max"))
        assert [(lead.owner_id, lead.mine) for lead in (lea, theirs)] == [(ids[ADA], True), (ids[KIM], False)]
        people = await ada.record_people(Module.LEADS, crm.id_of("lead max"))
        assert [(owner.id, owner.name) for owner in people.owners] == [(ids[KIM], "Kim Park")]

    @needs("owners")
    async def test_records_name_their_owner(self, crm: InstalledWorld) -> None:
        ada = crm.as_user(ADA)
        ids = {user.email: user.id for user in await ada.users()}
        grace, sam = await ada.contact(crm.id_of("contact grace")), await ada.contact(crm.id_of("contact sam"))
        kims_own = await ada.deal(crm.id_of("deal kim's"))
        assert grace.account
        for record, owner in ((grace, KIM), (grace.account, KIM), (sam, ADA), (kims_own, KIM)):
            assert record.owner_id == ids[owner]
            assert record.owner_id != record.owner

    @needs("second_addresses", "roles", "owners")
    async def test_the_people_of_a_record_come_with_all_their_addresses_and_who_owns_what_belongs_to_it(
        self, crm: InstalledWorld
    ) -> None:
        ada = crm.as_user(ADA)
        ids = {user.email: user.id for user in await ada.users()}
        for module, key, name, people, owners in (
            (Module.CONTACTS, "contact henrietta", "Henriëtta Lovell", ["henrietta"], [ADA, KIM]),
            (Module.CONTACTS, "contact grace", "Grace Hopfield", ["grace"], [KIM]),
            (Module.ACCOUNTS, "account analytical", "Analytical Ltd", ["henrietta", "jonas", "petra", "sam"], [ADA]),
            (Module.DEALS, "deal renewal", "Renewal 2027", ["henrietta", "jonas"], [ADA]),
        ):
            found = await ada.record_people(module, crm.id_of(key))
            assert (found.name, found.people_count) == (name, len(people))
            assert {person.id for person in found.people} == {crm.id_of(f"contact {person}") for person in people}
            assert {owner.id for owner in found.owners} == {ids[email] for email in owners}, key
            assert len(found.owners) == len(owners)
            assert found.owners[0].id == (ids[KIM] if key == "contact grace" else ids[ADA])
            for person in found.people:
                assert person.addresses == (await ada.contact(person.id)).addresses

    @needs("leads")
    async def test_the_person_of_a_leads_record_is_the_lead(self, crm: InstalledWorld) -> None:
        lead = await crm.as_user(ADA).record_people(Module.LEADS, crm.id_of("lead max"))
        assert [(person.id, person.name, person.addresses) for person in lead.people] == [
            (crm.id_of("lead max"), "Max Lund", ("max@lund.example",))
        ]

    async def test_of_a_records_people_and_owners_a_user_gets_what_the_user_sees(self, crm: InstalledWorld) -> None:
        kim = crm.as_user(KIM)
        me = (await kim.me()).id
        sam = await kim.record_people(Module.CONTACTS, crm.id_of("contact sam"))
        assert [person.addresses for person in sam.people] == [("sam@shaw.example",)]
        assert [owner.name for owner in sam.owners] == (["Ada Byron"] if crm.client.capabilities.owners else [])
        own = await kim.record_people(Module.DEALS, crm.id_of("deal kim's"))
        assert [person.id for person in own.people] == [crm.id_of("contact grace")]
        assert own.people_count == 1
        assert [owner.id for owner in own.owners] in ([[me]] if crm.client.capabilities.owners else [[me], []])
        for module, key in (
            (Module.CONTACTS, "contact henrietta"),
            (Module.LEADS, "lead lea"),
            (Module.ACCOUNTS, "account analytical"),
            (Module.DEALS, "deal renewal"),
        ):
            is_known = crm.client.capabilities.leads or module is not Module.LEADS
            not_there = NotFound if is_known else (NotFound, NotSupported)
            with pytest.raises(not_there):
                await kim.record_people(module, crm.id_of(key))
            for nobody in ("no-such-id", "", "%"):
                with pytest.raises(not_there):
                    await crm.as_user(ADA).record_people(module, nobody)

    @needs("second_addresses")
    async def test_a_contact_is_found_by_each_of_its_addresses(self, crm: InstalledWorld) -> None:
        addresses = ["h.lovell@analytical.example", "henrietta@home.example"]
        answer = await looked_up(crm.as_user(ADA), addresses, [])
        assert [contacts[0].id for contacts in answer.contacts.values()] == [crm.id_of("contact henrietta")] * 2
        assert set(answer.contacts) == set(addresses)
        for address in addresses:
            for contacts in (
                (await looked_up(crm.as_user(ADA), [address])).contacts,
                (await crm.as_user(ADA).senders([address, "sam@shaw.example"])).contacts,
            ):
                assert [contact.id for contact in contacts[address]] == [crm.id_of("contact henrietta")]

    @needs("roles", "second_addresses")
    async def test_several_contacts_with_one_address_all_come_those_with_open_deals_first(self, crm: InstalledWorld) -> None:
        only_with(crm, "contact ines")
        for answer in (
            await looked_up(crm.as_user(ADA), ["office@analytical.example"], []),
            await crm.as_user(ADA).senders(["office@analytical.example"]),
        ):
            assert sorted(_names(answer.contacts["office@analytical.example"])) == ["Jonas Ekdahl", "Petra Quist"]
        assert all(contact.deals for contact in answer.contacts["office@analytical.example"])

    async def test_nothing_known_is_no_entry(self, crm: InstalledWorld) -> None:
        answer = await looked_up(
            crm.as_user(ADA), ["nobody@nowhere.example", "%@analytical.example"], ["nowhere.example", "example"]
        )
        assert (answer.contacts, answer.leads) == ({}, {})
        assert "nowhere.example" not in answer.accounts

    async def test_asking_for_nobody_answers_with_nothing(self, crm: InstalledWorld) -> None:
        answer = await looked_up(crm.as_user(ADA), [], [])
        assert (answer.contacts, answer.leads, answer.accounts) == ({}, {}, {})
        assert (await crm.as_user(ADA).senders([])).contacts == {}

    @needs("activities", "notes")
    async def test_activities_are_the_last_ones_and_all_planned_newest_first_and_notes_the_last(
        self, crm: InstalledWorld
    ) -> None:
        answer = await looked_up(crm.as_user(ADA), ["h.lovell@analytical.example"], [])
        (contact,) = answer.contacts["h.lovell@analytical.example"]
        assert [activity.subject for activity in contact.activities[:3]] == [
            "Send the data sheet",
            "Demonstration",
            "Call 1 days ago",
        ]
        assert len([activity for activity in contact.activities if activity.done]) == 5
        assert contact.activities[0].at == date(2026, 12, 1)
        assert contact.activities[1].at in (NOON + timedelta(days=3), (NOON + timedelta(days=3)).date())
        assert [note.at for note in contact.notes] == [NOON - timedelta(days=days) for days in (1, 2, 3)]
        assert contact.notes[0].text == "Note of day 1\n<b>as it is</b>"
        assert contact.notes[0].author == "Ada Byron"

    @needs("planned_activities")
    async def test_all_planned_activities_come_however_many(self, crm: InstalledWorld) -> None:
        uli = await crm.as_user(ADA).contact(crm.id_of("contact uli"))
        assert [activity.subject for activity in uli.activities] == [f"Task {n}" for n in range(8, 0, -1)]

    @needs("roles")
    async def test_the_job_gets_deals_but_neither_activities_nor_notes(self, crm: InstalledWorld) -> None:
        answer = await crm.as_user(ADA).senders(["h.lovell@analytical.example"])
        (contact,) = answer.contacts["h.lovell@analytical.example"]
        assert {deal.name for deal in contact.deals} == {"Renewal 2027", "First order", "Kim's own"}
        assert (contact.activities, contact.notes) == ((), ())

    @needs("roles", "second_addresses")
    async def test_a_deal_belongs_to_its_primary_contact_and_to_those_with_a_role(self, crm: InstalledWorld) -> None:
        only_with(crm, "contact ines")
        answer = await crm.as_user(ADA).senders(["h.lovell@analytical.example", "office@analytical.example"])
        jonas = next(contact for contact in answer.contacts["office@analytical.example"] if contact.name == "Jonas Ekdahl")
        (renewal,) = jonas.deals
        assert renewal.contact_ids == (crm.id_of("contact henrietta"), crm.id_of("contact jonas"))
        assert renewal in answer.contacts["h.lovell@analytical.example"][0].deals

    @pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.key)
    @needs("writes", "pipelines")
    async def test_a_deals_state_is_what_the_crm_says_of_its_stage(self, crm: InstalledWorld, stage: WorldStage) -> None:
        deal = await writer(crm, ADA).move_deal(crm.id_of("deal renewal"), crm.id_of(f"stage {stage.key}"))
        assert (deal.stage, deal.pipeline, deal.state) == (stage.name, stage.pipeline, stage.state)
        (contact,) = (await writer(crm, ADA).senders(["h.lovell@analytical.example"])).contacts["h.lovell@analytical.example"]
        assert deal in contact.deals

    @needs("exact_money", "deal_currency")
    async def test_money_is_exact_and_in_the_deals_own_currency(self, crm: InstalledWorld) -> None:
        answer = await crm.as_user(ADA).senders(["h.lovell@analytical.example", "petra@analytical.example"])
        amounts = {deal.name: deal.amount for contacts in answer.contacts.values() for deal in contacts[0].deals}
        assert amounts.pop("Kim's own", None) is None
        assert amounts == {
            "Renewal 2027": Money(Decimal("12345678901234567.05"), "EUR"),
            "First order": Money(Decimal(4800000), "JPY"),
            "Pilot Lyon": Money(Decimal("0.10"), "USD"),
        }

    async def test_a_deal_may_have_neither_amount_nor_date(self, crm: InstalledWorld) -> None:
        (sam,) = (await crm.as_user(ADA).senders(["sam@shaw.example"])).contacts["sam@shaw.example"]
        (deal,) = sam.deals
        assert (deal.amount, deal.closing, deal.state) == (None, None, DealState.OPEN)

    @needs("leads", "second_addresses")
    async def test_leads_are_leads(self, crm: InstalledWorld) -> None:
        answer = await looked_up(crm.as_user(ADA), ["lea@home.example", "max@lund.example"], ["lund.example"])
        (lea,) = answer.leads["lea@home.example"]
        assert (lea.name, lea.company, lea.addresses) == ("Lea Lund", "Lund AB", ("lea@lund.example", "lea@home.example"))
        assert answer.leads["max@lund.example"][0].id == crm.id_of("lead max")
        assert (answer.contacts, answer.accounts) == ({}, {})
        assert await crm.as_user(ADA).lead(lea.id) == lea

    @needs("leads", "second_addresses")
    async def test_the_job_is_told_of_leads_too(self, crm: InstalledWorld) -> None:
        answer = await crm.as_user(ADA).senders(["lea@home.example", "h.lovell@analytical.example", "nobody@nowhere.example"])
        assert [(address, lead.name) for address, (lead,) in answer.leads.items()] == [("lea@home.example", "Lea Lund")]
        assert set(answer.contacts) == {"h.lovell@analytical.example"}

    @needs("roles")
    async def test_a_deal_is_read_as_it_is_among_its_contacts(self, crm: InstalledWorld) -> None:
        ada = crm.as_user(ADA)
        [henrietta] = (await looked_up(ada, ["h.lovell@analytical.example"], [])).contacts["h.lovell@analytical.example"]
        assert len(henrietta.deals) == 3
        for deal in henrietta.deals:
            assert await ada.deal(deal.id) == deal

    async def test_an_account_is_known_by_its_domain_with_its_people_and_open_deals(self, crm: InstalledWorld) -> None:
        known = (await looked_up(crm.as_user(ADA), [], ["analytical.example"])).accounts["analytical.example"]
        assert known.account.id == crm.id_of("account analytical")
        assert known.contact_count == 4
        assert {contact.name for contact in known.contacts} == {"Henriëtta Lovell", "Jonas Ekdahl", "Petra Quist", "Sam Shaw"}
        assert {deal.name for deal in known.open_deals} == {"Renewal 2027", "Pilot Lyon", "Undated"}
        assert await crm.as_user(ADA).account(crm.id_of("account analytical")) == known

    async def test_an_account_without_a_domain_is_known_by_its_contacts_domain(self, crm: InstalledWorld) -> None:
        accounts = (await looked_up(crm.as_user(ADA), [], ["xn--lm-xka.example", "lm.example"])).accounts
        assert {domain: known.account.name for domain, known in accounts.items()} == {"xn--lm-xka.example": "Ulm Optik"}

    @needs("roles")
    async def test_of_many_contacts_ten_are_told_those_with_open_deals_first(self, crm: InstalledWorld) -> None:
        known = (await looked_up(crm.as_user(ADA), [], ["crowd.example"])).accounts["crowd.example"]
        assert (len(known.contacts), known.contact_count) == (10, 12)
        assert known.contacts[0].name == "Member 11"

    async def test_a_user_sees_own_and_shared_records_as_if_there_were_no_others(self, crm: InstalledWorld) -> None:
        kim = crm.as_user(KIM)
        answer = await looked_up(
            kim,
            ["h.lovell@analytical.example", "grace@hopfield.example", "sam@shaw.example", "lea@lund.example", "max@lund.example"],
        )
        assert set(answer.contacts) == {"grace@hopfield.example", "sam@shaw.example"}
        assert set(answer.leads) == ({"max@lund.example"} if crm.client.capabilities.leads else set())
        accounts = (
            await looked_up(kim, [], ["analytical.example", "hopfield.example", "crowd.example", "xn--lm-xka.example"])
        ).accounts
        assert {domain: known.account.name for domain, known in accounts.items()} == {"hopfield.example": "Hopfield Inc"}

    async def test_what_hangs_on_a_visible_record_is_seen_only_if_it_is_visible_itself(self, crm: InstalledWorld) -> None:
        answer = await crm.as_user(KIM).senders(["sam@shaw.example", "grace@hopfield.example"])
        (sam,) = answer.contacts["sam@shaw.example"]
        assert (sam.account, sam.deals, sam.owner) == (None, (), "Ada Byron" if crm.client.capabilities.owners else "")
        (grace,) = answer.contacts["grace@hopfield.example"]
        assert {deal.name for deal in grace.deals} == {"Second site", "Kim's own"}
        assert all(deal.contact_ids == (crm.id_of("contact grace"),) for deal in grace.deals)

    async def test_searches_and_lists_keep_to_what_the_user_sees(self, crm: InstalledWorld) -> None:
        kim = crm.as_user(KIM)
        for words, names in (
            ("grace", ["Grace Hopfield"]),
            ("sam", ["Sam Shaw"]),
            ("henri", []),
            ("number", []),
            ("analytical", []),
        ):
            assert _names((await kim.search(words, 100)).contacts) == names, words
        deals = await kim.deals_closing(date(2026, 1, 1), date(2027, 12, 31))
        assert [deal.name for deal in deals] == ["Kim's own"]

    async def test_what_the_user_may_not_see_is_not_found(self, crm: InstalledWorld) -> None:
        kim = crm.as_user(KIM)
        for call in (
            kim.contact(crm.id_of("contact henrietta")),
            kim.account(crm.id_of("account analytical")),
            kim.deal(crm.id_of("deal pilot")),
        ):
            with pytest.raises(NotFound):
                await call

    @needs("writes")
    async def test_a_record_that_is_not_visible_is_not_there(self, crm: InstalledWorld) -> None:
        kim = writer(crm, KIM)
        note = Activity("", ActivityKind.CALL, "Call", NOON, done=True)
        for call in (
            kim.contact(crm.id_of("contact henrietta")),
            kim.contact("no-such-id"),
            kim.account(crm.id_of("account analytical")),
            kim.account(""),
            kim.lead(crm.id_of("lead lea")),
            kim.deal(crm.id_of("deal pilot")),
            kim.move_deal(crm.id_of("deal renewal"), crm.id_of("stage closed won")),
            kim.add_note(crm.id_of("contact henrietta"), "Hello"),
            kim.add_activity(crm.id_of("contact henrietta"), note),
            kim.add_contact(NewContact("New", (), account=crm.id_of("account analytical"))),
            kim.add_deal(NewDeal("New", crm.id_of("stage signed"), contacts=(crm.id_of("contact henrietta"),))),
            kim.add_deal(NewDeal("New", "no-such-stage")),
            kim.move_deal(crm.id_of("deal kim's"), "no-such-stage"),
        ):
            with pytest.raises(NotFound):
                await call
        (contact,) = (await writer(crm, ADA).senders(["h.lovell@analytical.example"])).contacts["h.lovell@analytical.example"]
        assert {deal.state for deal in contact.deals if deal.name == "Renewal 2027"} == {DealState.OPEN}

    @needs("writes")
    async def test_without_the_permission_a_user_may_only_ask_who_it_is_and_who_can_give_it(self, crm: InstalledWorld) -> None:
        noor = writer(crm, NOOR)
        me = await noor.me()
        assert (me.name, me.email, MAIL_INTEGRATION in me.profile.permissions) == ("Noor Aziz", NOOR, False)
        for call in (
            looked_up(noor, ["h.lovell@analytical.example"], []),
            noor.senders([]),
            noor.contact(crm.id_of("contact henrietta")),
            noor.account(crm.id_of("account analytical")),
            noor.lead(crm.id_of("lead lea")),
            noor.deal(crm.id_of("deal pilot")),
            noor.search("a", 1),
            noor.deals_closing(date(2026, 11, 1), date(2026, 11, 30)),
            noor.settings(),
            noor.users(),
            noor.profiles(),
            noor.templates(),
            noor.record_people(Module.CONTACTS, crm.id_of("contact henrietta")),
            noor.add_account("New"),
            noor.add_contact(NewContact("New", ())),
            noor.add_lead(Lead("", "New", ())),
            noor.add_deal(NewDeal("New", crm.id_of("stage signed"))),
            noor.move_deal(crm.id_of("deal renewal"), crm.id_of("stage signed")),
            noor.add_note(crm.id_of("contact henrietta"), "Hello"),
        ):
            with pytest.raises(NotPermitted) as refused:
                await call
            assert (refused.value.permission, refused.value.who) == (MAIL_INTEGRATION, Service(Side.CRM, noor.name))

    async def test_everybody_is_told_who_looks_after_the_crm(self, crm: InstalledWorld) -> None:
        for email in (ADA, KIM, NOOR) if crm.client.capabilities.rights is Rights.USER else (ADA, KIM):
            administrators = await crm.as_user(email).administrators()
            assert [(user.email, user.active, user.profile.administrator) for user in administrators] == [(ADA, True, True)]
            assert (await crm.as_user(email).me()).profile.administrator == (email == ADA)

    @needs("templates")
    async def test_templates_are_plain_text_by_name_with_their_merge_fields(self, crm: InstalledWorld) -> None:
        for email in (ADA, KIM):
            templates = await crm.as_user(email).templates()
            assert tuple((template.name, template.subject, template.text) for template in templates) == TEMPLATES
            assert len({template.id for template in templates}) == len(TEMPLATES)

    @pytest.mark.parametrize("email", [OLD, "stranger@corp.example", ""])
    async def test_an_inactive_or_unknown_user_is_not_authorised(self, crm: InstalledWorld, email: str) -> None:
        with pytest.raises(NotAuthorised):
            await crm.as_user(email).me()
        with pytest.raises(NotAuthorised):
            await crm.as_user(email).administrators()
        with pytest.raises(NotAuthorised):
            await looked_up(crm.as_user(email), ["h.lovell@analytical.example"], [])

    async def test_the_crms_own_users_and_their_profiles(self, crm: InstalledWorld) -> None:
        ada = crm.as_user(ADA)
        assert {user.email: user.active for user in await ada.users()} == {user.email: user.active for user in USERS}
        profiles = {profile.id: profile for profile in await ada.profiles()}
        assert all(profiles[user.profile.id] == user.profile for user in await ada.users())

    async def test_the_organisation_is_the_crms(self, crm: InstalledWorld) -> None:
        """Of one whose CRM tells no name of it, it is ""."""
        organisation = (await crm.as_user(ADA).settings()).organisation
        assert organisation in (ORGANISATION, replace(ORGANISATION, name=""))

    @needs("pipelines")
    async def test_stages_are_the_crms_own_in_its_order(self, crm: InstalledWorld) -> None:
        """Where a deal is won or lost whatever stage it stands in, such stages need not be there."""
        told = [(stage.pipeline, stage.name, stage.state) for stage in (await crm.as_user(ADA).settings()).stages]
        needed = [
            (stage.pipeline, stage.name, stage.state)
            for stage in STAGES
            if stage.state is DealState.OPEN or crm.client.capabilities.lost_stages
        ]
        assert [stage for stage in told if stage in needed] == needed

    async def test_the_home_currency_is_the_crms_and_so_are_rates_where_it_tells_any(self, crm: InstalledWorld) -> None:
        currencies = (await crm.as_user(ADA).settings()).currencies
        assert [currency.code for currency in currencies if currency.home] == [ORGANISATION.home_currency]
        others = {currency.code: currency for currency in CURRENCIES}
        assert all(currency.rate == others[currency.code].rate for currency in currencies if currency.code in others)
        if crm.tells_rates:
            assert set(CURRENCIES) <= set(currencies)

    @pytest.mark.parametrize(
        ("words", "contacts", "accounts", "deals", "leads"),
        [
            ("henrietta", ["Henriëtta Lovell"], [], [], []),
            ("LOVELL henri", ["Henriëtta Lovell"], [], [], []),
            ("home.example", ["Henriëtta Lovell"], [], [], ["Lea Lund"]),
            ("hopfield", ["Grace Hopfield"], ["Hopfield Inc"], ["Kim's own", "Second site"], []),
            ("grace hopfield.example", ["Grace Hopfield"], [], [], []),
            ("pilot", [], [], ["Pilot Lyon"], []),
            ("sam analytical", ["Sam Shaw"], [], [], []),
            ("sam hopfield", [], [], [], []),
            ("lund", [], [], [], ["Lea Lund", "Max Lund"]),
            ("max lund.example", [], [], [], ["Max Lund"]),
            ("lund ab", [], [], [], ["Lea Lund", "Max Lund"]),
            ("100%", [], [], [], []),
            ("  ", [], [], [], []),
        ],
    )
    @needs("second_addresses", "ranked_search", "accents_folded", "leads")
    async def test_search_finds_what_holds_every_word(
        self, crm: InstalledWorld, words: str, contacts: list[str], accounts: list[str], deals: list[str], leads: list[str]
    ) -> None:
        found = await crm.as_user(ADA).search(words, 10)
        assert _names(found.contacts) == contacts
        assert [account.name for account in found.accounts] == accounts
        assert [deal.name for deal in found.deals] == deals
        assert [lead.name for lead in found.leads] == leads
        assert found.more == frozenset()

    @needs("leads")
    async def test_a_lead_is_found_as_it_is_by_those_who_may_see_it(self, crm: InstalledWorld) -> None:
        kim = crm.as_user(KIM)
        (found,) = (await kim.search("lund", 10)).leads
        assert found == await kim.lead(crm.id_of("lead max"))

    @needs("ranked_search", "leads")
    async def test_a_search_says_of_which_kinds_there_is_more(self, crm: InstalledWorld) -> None:
        ada = crm.as_user(ADA)
        found = await ada.search("crowd", 2)
        assert (len(found.contacts), len(found.accounts), len(found.deals), found.more) == (2, 1, 1, frozenset({"contacts"}))
        assert (await ada.search("member", 11)).more == {"contacts"}
        assert (await ada.search("member", 12)).more == frozenset()
        found = await ada.search("lund", 1)
        assert (len(found.leads), found.more) == (1, frozenset({"leads"}))
        found = await ada.search("analytical", 2)
        assert (len(found.deals), found.more) == (2, frozenset({"contacts", "deals"}))
        assert (await ada.search("ulm", 1)).more == frozenset()
        assert (await ada.search("example", 1)).more >= {"contacts", "leads"}

    @needs("leads")
    async def test_there_is_not_more_than_the_user_may_see(self, crm: InstalledWorld) -> None:
        found = await crm.as_user(KIM).search("lund", 1)
        assert (len(found.leads), found.more) == (1, frozenset())

    @needs("ranked_search")
    async def test_search_is_best_first_and_no_more_than_asked(self, crm: InstalledWorld) -> None:
        inside = _names((await crm.as_user(ADA).search("ha", 10)).contacts)
        assert inside == (["Sam Shaw"] if crm.client.capabilities.search_inside_words else [])
        assert _names((await crm.as_user(ADA).search("l", 3)).contacts)[0] == "Henriëtta Lovell"
        found = await crm.as_user(ADA).search("m", 3)
        assert _names(found.contacts) == ["Member 00", "Member 01", "Member 02"]

    async def test_deals_closing_are_the_open_ones_between_both_days_included(self, crm: InstalledWorld) -> None:
        ada = crm.as_user(ADA)
        month = await ada.deals_closing(date(2026, 11, 1), date(2026, 11, 30))
        assert [deal.name for deal in month] == ["Pilot Lyon", "Kim's own", "Renewal 2027"]
        assert await ada.deals_closing(date(2026, 11, 2), date(2026, 11, 9)) == ()
        assert [deal.name for deal in await ada.deals_closing(date(2026, 12, 1), date(2026, 12, 1))] == ["Crowd deal"]

    @needs("writes")
    async def test_an_added_account_and_contact_are_found_and_belong_to_who_added_them(self, crm: InstalledWorld) -> None:
        kim = writer(crm, KIM)
        account = await kim.add_account("New Firm", "new-firm.example", "+44 1632 960003")
        contact = await kim.add_contact(
            NewContact("Nele New", ("Nele@New-Firm.example", "nele@home.example"), "Buyer", account.id, "+44 1632 960004")
        )
        assert contact.addresses == ("nele@new-firm.example", "nele@home.example")
        assert (contact.owner, contact.account) == ("Kim Park", account)
        assert await kim.contact(contact.id) == contact
        answer = await looked_up(writer(crm, ADA), ["nele@home.example"], ["new-firm.example"])
        for_ada = replace(account, mine=False)
        assert answer.contacts["nele@home.example"] == (replace(contact, account=for_ada, mine=False),)
        assert answer.accounts["new-firm.example"].account == for_ada

    @needs("writes")
    async def test_an_added_lead_is_found(self, crm: InstalledWorld) -> None:
        given = Lead("ignored", "Lou Lead", ("lou@new.example",), "CEO", "New AB", "New", "ignored", "+44 1632 960005", "ignored")
        lead = await writer(crm, KIM).add_lead(given)
        assert (lead.name, lead.title, lead.company, lead.owner) == ("Lou Lead", "CEO", "New AB", "Kim Park")
        assert (lead.id != "ignored", lead.mine) == (True, True)
        found = await looked_up(writer(crm, ADA), ["lou@new.example"], [])
        assert found.leads["lou@new.example"] == (replace(lead, mine=False),)

    @needs("writes")
    async def test_an_added_deal_is_its_contacts(self, crm: InstalledWorld) -> None:
        contacts = (crm.id_of("contact uli"), crm.id_of("contact jonas"))
        given = NewDeal(
            "Lenses",
            crm.id_of("stage won over"),
            Money(Decimal("1234.567"), "JPY"),
            date(2026, 2, 28),
            crm.id_of("account ulm"),
            contacts,
        )
        deal = await writer(crm, ADA).add_deal(given)
        assert (deal.name, deal.stage, deal.state, deal.closing) == ("Lenses", "Won over", DealState.OPEN, date(2026, 2, 28))
        assert (deal.amount, deal.contact_ids, deal.owner) == (Money(Decimal("1234.567"), "JPY"), contacts, "Ada Byron")
        for contact_id in contacts:
            assert deal in (await writer(crm, ADA).contact(contact_id)).deals

    @needs("writes")
    async def test_added_activities_and_notes_are_seen_by_all_who_see_the_contact(self, crm: InstalledWorld) -> None:
        kim, sam = writer(crm, KIM), crm.id_of("contact sam")
        at = datetime(2026, 11, 21, 9, 30, tzinfo=timezone(timedelta(hours=9)))
        call = await kim.add_activity(sam, Activity("ignored", ActivityKind.CALL, "Call back", at, done=False))
        task = await kim.add_activity(sam, Activity("", ActivityKind.TASK, "Write", date(2026, 11, 20), done=True))
        note = await kim.add_note(sam, "Rang twice.\n=1+1")
        contact = await writer(crm, ADA).contact(sam)
        assert contact.activities == (call, task)
        assert (call.at, call.owner, task.at) == (at, "Kim Park", date(2026, 11, 20))
        assert contact.notes == (note,)
        assert (note.text, note.author) == ("Rang twice.\n=1+1", "Kim Park")
