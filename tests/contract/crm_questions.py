"""The contract's cases about questions of every kind: hostile words, odd addresses, many records, many who ask, what a CRM lacks."""

import asyncio
from datetime import date

import pytest

from mailmagnet.addresses import canonical, is_address
from mailmagnet.crm import Asked, DealState, Found, Module, Senders
from mailmagnet.errors import NotAuthorised, NotFound, NotPermitted, NotSupported, Upstream
from tests.contract.crm_installed import InstalledWorld, looked_up, needs, only_with
from tests.contract.crm_world import ADA, DEALS, FAY, KIM, MANY_CONTACTS, MANY_DEALS, NOOR, OLD, ORGANISATION, STAGES

HOSTILE_ADDRESSES = tuple(
    map(
        canonical,
        (
            "%@analytical.example",
            "_@analytical.example",
            "h_lovell@analytical.example",
            "h%@analytical.example",
            "*@analytical.example",
            "h*@analytical.example",
            "?.lovell@analytical.example",
            "+tag@analytical.example",
            "x'y@quoted.example",
            "x''y@quoted.example",
            "'@quoted.example",
            '"a b"@quoted.example',
            "\"x' or email like '%\"@quoted.example",
            "\"x') or (id != '\"@quoted.example",
            "\"x\\\\' or id != '\"@quoted.example",
            '"x\') or (email is not null) limit 0, 200 --"@quoted.example',
            '"]]"@quoted.example',
            '"\\", [\\"id\\", \\"!=\\", 0], \\""@quoted.example',
            "\"[('id','!=',0)]\"@quoted.example",
            '"{\\"$ne\\": \\"\\"}"@quoted.example',
            '"\\",\\"operator\\":\\"HAS_PROPERTY\\",\\"x\\":\\""@quoted.example',
            "{x}@quoted.example",
            "`id`@quoted.example",
            "$x@quoted.example",
            "a&fields=all@quoted.example",
            "a#b@quoted.example",
            "a?b=c@quoted.example",
            "a/../b@quoted.example",
            '"../../users"@quoted.example',
            "a=b|c~d^e@quoted.example",
            "null@quoted.example",
            "x@[127.0.0.1]",
            "ü@ölm.example",
            "ß@quoted.example",
            "İ@quoted.example",
            "🦊@quoted.example",
            "نور@quoted.example",
            "x@xn--zzz.example",
            f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 59}.example",
        ),
    )
)
"""Addresses as a mail may bring them, which nobody has. The last has 254 characters."""

HOSTILE_DOMAINS = (
    "com",
    "analytical",
    "analytical_example",
    "_.example",
    "xn--zzz.example",
    "[127.0.0.1]",
    "localhost",
    "nalytical.example",
    "analytical.example.org",
    f"{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.example",
)
HOSTILE_WORDS = (
    "%",
    "*",
    "100%",
    "\\",
    '"',
    "' OR 1=1 --",
    "%' OR Id != '",
    "x') OR (Name like '%",
    '"]',
    "}} {{",
    "{!sandbox}",
    "? & | ! { } [ ] ( ) ^ ~ * : \\ \" ' + -",
    "(((",
    "name:*",
    "&fields=*",
    "../../x",
    "\x00",
    "a\r\nX-Evil: 1",
    "\ud800",
    "\u200b",
    "\u202e",
    "🦊",
    "x" * 1000,
    "  ",
    "",
)
"""What finds nothing, and breaks nothing."""

NO_IDS = (
    "no-such-id",
    "",
    "%",
    "*",
    "0",
    "-1",
    "1 OR 1=1",
    "' OR Id != '",
    "9" * 30,
    "１",
    "../users",
    "a/b?c=d#e",
    "\x00",
)


class Questions:
    """Cases that any CRM takes, whatever its query language."""

    async def test_an_address_is_never_a_part_of_the_question(self, crm: InstalledWorld) -> None:
        """Each by itself: one that breaks a question may be mended by another."""
        ada = crm.as_user(ADA)
        for address in HOSTILE_ADDRESSES:
            assert is_address(address), address
            answer = await looked_up(ada, [address])
            assert (answer.contacts, answer.leads, answer.accounts) == ({}, {}, {}), address
            found = await ada.senders([address])
            assert (found.contacts, found.leads) == ({}, {}), address

    async def test_among_hostile_addresses_the_known_are_found(self, crm: InstalledWorld) -> None:
        ada, known = crm.as_user(ADA), "sam@shaw.example"
        answer = await looked_up(ada, [known], HOSTILE_DOMAINS, HOSTILE_ADDRESSES)
        assert (set(answer.contacts), answer.leads, answer.accounts) == ({known}, {}, {})
        found = await ada.senders([known, *HOSTILE_ADDRESSES])
        assert (set(found.contacts), found.leads) == ({known}, {})

    async def test_a_search_for_anything_is_answered(self, crm: InstalledWorld) -> None:
        ada = crm.as_user(ADA)
        for words in HOSTILE_WORDS:
            assert await ada.search(words, 10) == Found(), words

    async def test_an_id_that_is_none_is_not_found(self, crm: InstalledWorld) -> None:
        ada = crm.as_user(ADA)
        for record_id in NO_IDS:
            for call in (ada.contact(record_id), ada.deal(record_id), ada.account(record_id)):
                with pytest.raises(NotFound):
                    await call
            with pytest.raises((NotFound, NotSupported)):
                await ada.lead(record_id)

    @pytest.mark.parametrize(
        ("address", "name"),
        [
            ("o'brien+news@quoted.example", "Sean O'Brien"),
            ("under_score@quoted.example", "Una Score"),
            ("underxscore@quoted.example", "Xena Score"),
            ("cora.cased@cased.example", "Cora Cased"),
            ("ola@xn--bro-hoa.example", "Ola Nord"),
        ],
    )
    async def test_an_address_is_found_however_the_crm_writes_it(self, crm: InstalledWorld, address: str, name: str) -> None:
        """In capitals, as Unicode, with an apostrophe; and found whole: an underscore stands for itself alone."""
        only_with(crm, f"contact {name.split(maxsplit=1)[0].lower()}")
        ada = crm.as_user(ADA)
        for contacts in ((await looked_up(ada, [address])).contacts, (await ada.senders([address])).contacts):
            assert {found: [contact.name for contact in there] for found, there in contacts.items()} == {address: [name]}
            assert contacts[address][0].addresses == (address,)

    @needs("leads")
    async def test_a_lead_is_found_however_the_crm_writes_its_address(self, crm: InstalledWorld) -> None:
        ada, address = crm.as_user(ADA), "lars@cased.example"
        for leads in ((await looked_up(ada, [address])).leads, (await ada.senders([address])).leads):
            assert [(found, lead.name, lead.addresses) for found, (lead,) in leads.items()] == [
                (address, "Lars Cased", (address,))
            ]

    async def test_several_contacts_with_one_address_all_come(self, crm: InstalledWorld) -> None:
        only_with(crm, "contact ines")
        ada, address = crm.as_user(ADA), "info@inbox.example"
        for contacts in ((await looked_up(ada, [address])).contacts, (await ada.senders([address])).contacts):
            assert sorted(contact.name for contact in contacts[address]) == ["Ida Inbox", "Ines Inbox"]

    @needs("leads")
    async def test_a_contact_and_a_lead_with_one_address_both_come(self, crm: InstalledWorld) -> None:
        ada, address = crm.as_user(ADA), "twin@twin.example"
        for answer in (await looked_up(ada, [address]), await ada.senders([address])):
            assert [contact.name for contact in answer.contacts[address]] == ["Tina Twin"]
            assert [lead.name for lead in answer.leads[address]] == ["Tim Twin"]

    async def test_open_won_and_lost_are_the_crms_own_whatever_a_stage_is_called(self, crm: InstalledWorld) -> None:
        ada = crm.as_user(ADA)
        states = {stage.key: stage.state for stage in STAGES}
        for deal in DEALS:
            if not deal.key.startswith(("part", "busy")) and f"deal {deal.key}" not in crm.lacks:
                assert (await ada.deal(crm.id_of(f"deal {deal.key}"))).state is states[deal.stage], deal.name
        (wanda,) = (await ada.senders(["wanda@win.example"])).contacts["wanda@win.example"]
        assert {deal.name: deal.state for deal in wanda.deals} == {
            "Lost in name only": DealState.WON,
            "Won in name only": DealState.LOST,
        }

    @needs("pipelines")
    async def test_a_stage_is_told_with_its_pipeline(self, crm: InstalledWorld) -> None:
        deal = await crm.as_user(ADA).deal(crm.id_of("deal pilot"))
        assert (deal.pipeline, deal.stage) == ("Partners", "Won over")

    async def test_overdue_deals_come_and_neither_closed_ones_nor_those_without_a_day(self, crm: InstalledWorld) -> None:
        deals = await crm.as_user(ADA).deals_closing(date(1970, 1, 1), date(2026, 11, 30))
        assert [deal.name for deal in deals] == ["Late", "Pilot Lyon", "Kim's own", "Renewal 2027"]
        assert {deal.state for deal in deals} == {DealState.OPEN}

    # More than one page of anything

    async def test_of_many_deals_the_open_one_comes_and_it_is_told_whether_there_are_more(self, crm: InstalledWorld) -> None:
        """The category is decided by it, wherever among the others it stands."""
        ada, address = crm.as_user(ADA), "bo@busy.example"
        for (bo,) in (
            (await looked_up(ada, [address])).contacts[address],
            (await ada.senders([address])).contacts[address],
            (await ada.contact(crm.id_of("contact bo")),),
        ):
            assert (bo.deals[0].name, bo.deals[0].state) == ("Busy 13", DealState.OPEN)
            assert len({deal.id for deal in bo.deals}) == len(bo.deals)
            assert len(bo.deals) == 26 or (bo.more_deals and len(bo.deals) >= 10)
            assert bo.more_deals == (len(bo.deals) < 26)
            assert [deal.state for deal in bo.deals if deal.name == "Busy 20"] in ([DealState.WON], [])

    async def test_a_won_deal_is_seen_among_many_that_are_lost(self, crm: InstalledWorld) -> None:
        """Without its open deal this contact is a customer: what is won must come before what is lost."""
        (bo,) = (await crm.as_user(ADA).senders(["bo@busy.example"])).contacts["bo@busy.example"]
        assert "Busy 20" in {deal.name for deal in bo.deals}

    async def test_of_a_large_account_all_are_counted_and_some_are_told(self, crm: InstalledWorld) -> None:
        ada = crm.as_user(ADA)
        by_domain = (await looked_up(ada, [], ["many.example"])).accounts["many.example"]
        for known in (by_domain, await ada.account(crm.id_of("account many"))):
            assert (known.contact_count, len(known.contacts)) == (MANY_CONTACTS, 10)
            assert len(known.open_deals) == MANY_DEALS or (known.more_deals and len(known.open_deals) >= 10)
            assert known.more_deals == (len(known.open_deals) < MANY_DEALS)

    async def test_all_deals_of_a_month_come_soonest_first(self, crm: InstalledWorld) -> None:
        deals = await crm.as_user(ADA).deals_closing(date(2028, 3, 1), date(2028, 3, 31))
        assert {deal.name for deal in deals} == {f"Part {number:03}" for number in range(MANY_DEALS)}
        days = [deal.closing for deal in deals if deal.closing]
        assert (len(deals), days) == (MANY_DEALS, sorted(days))

    async def test_of_a_large_accounts_people_all_are_counted(self, crm: InstalledWorld) -> None:
        found = await crm.as_user(ADA).record_people(Module.ACCOUNTS, crm.id_of("account many"))
        assert (found.name, found.people_count) == ("Many Parts", MANY_CONTACTS)
        assert 10 <= len({person.id for person in found.people}) <= MANY_CONTACTS
        assert all(person.addresses and person.addresses[0].endswith("@many.example") for person in found.people)

    async def test_each_deal_of_a_runs_senders_comes(self, crm: InstalledWorld) -> None:
        people = [f"p{number}@many.example" for number in range(MANY_CONTACTS)]
        found = (await crm.as_user(ADA).senders(people)).contacts
        deals = {address: [deal.name for contact in contacts for deal in contact.deals] for address, contacts in found.items()}
        assert deals == {
            f"p{number}@many.example": [f"Part {number:03}"] if number < MANY_DEALS else [] for number in range(MANY_CONTACTS)
        }

    # Searches

    async def test_a_search_is_by_the_beginnings_of_words(self, crm: InstalledWorld) -> None:
        ada = crm.as_user(ADA)
        first = max(2, crm.client.capabilities.search_from)
        for words in ("Sam"[:first], "Shaw"[:first], "SAM SHAW"):
            assert "Sam Shaw" in {contact.name for contact in (await ada.search(words, 50)).contacts}, words
        assert {account.name for account in (await ada.search("Hopfield", 10)).accounts} == {"Hopfield Inc"}
        assert {deal.name for deal in (await ada.search("Renewal", 10)).deals} == {"Renewal 2027"}
        assert [contact.name for contact in (await ada.search("O'Brien", 10)).contacts] == ["Sean O'Brien"]
        assert (await ada.search("Sam Hopfield", 10)).contacts == ()
        inside = {contact.name for contact in (await ada.search("ovell", 10)).contacts}
        assert inside == ({"Henriëtta Lovell"} if crm.client.capabilities.search_inside_words else set())

    async def test_a_search_for_less_than_the_crm_takes_finds_nothing(self, crm: InstalledWorld) -> None:
        shortest = crm.client.capabilities.search_from
        assert await crm.as_user(ADA).search("S" * (shortest - 1), 10) == Found()

    async def test_a_search_finds_names_with_accents_as_they_are_and_without_where_the_crm_folds_them(
        self, crm: InstalledWorld
    ) -> None:
        ada = crm.as_user(ADA)
        assert [contact.name for contact in (await ada.search("Çelik", 10)).contacts] == ["Zoë Çelik"]
        folded = [contact.name for contact in (await ada.search("celik", 10)).contacts]
        assert folded == (["Zoë Çelik"] if crm.client.capabilities.accents_folded else [])

    async def test_of_many_found_there_are_more(self, crm: InstalledWorld) -> None:
        found = await crm.as_user(ADA).search("Number", 9)
        assert (len(found.contacts), found.more) == (9, frozenset({"contacts"}))

    # Rights

    async def test_a_record_seen_through_a_share_is_lost_with_it(self, crm: InstalledWorld) -> None:
        """Be it a share, a team's or a territory's."""
        sam = crm.id_of("contact sam")
        kim = crm.as_user(KIM)
        assert (await kim.contact(sam)).name == "Sam Shaw"
        try:
            await crm.unshare("contact sam", KIM)
        except NotImplementedError:
            pytest.skip("this CRM's shares stay as they are")
        kim = crm.client_within(20).as_user(crm.connection_of(KIM))
        assert (await looked_up(kim, ["sam@shaw.example"])).contacts == {}
        assert (await kim.senders(["sam@shaw.example"])).contacts == {}
        assert (await kim.search("sam", 10)).contacts == ()
        for call in (kim.contact(sam), kim.record_people(Module.CONTACTS, sam)):
            with pytest.raises(NotFound):
                await call
        assert (await crm.as_user(ADA).contact(sam)).name == "Sam Shaw"

    async def test_a_field_that_a_user_may_not_see_is_left_out(self, crm: InstalledWorld) -> None:
        if not crm.hides_fields:
            pytest.skip("this CRM hides whole records alone")
        for email, phone, amounts in ((ADA, "+44 1632 960009", 2), (FAY, "", 0)):
            view = crm.as_user(email)
            (wanda,) = (await looked_up(view, ["wanda@win.example"])).contacts["wanda@win.example"]
            assert (wanda.name, wanda.phone) == ("Wanda Win", phone)
            assert [len(wanda.deals), sum(deal.amount is not None for deal in wanda.deals)] == [2, amounts]
            (sender,) = (await view.senders(["wanda@win.example"])).contacts["wanda@win.example"]
            assert {deal.state for deal in sender.deals} == {DealState.WON, DealState.LOST}

    # Many who ask

    async def test_many_at_once_get_their_own(self, crm: InstalledWorld) -> None:
        asked = ["henrietta@home.example", "h.lovell@analytical.example", "grace@hopfield.example"]

        async def names(email: str) -> set[str]:
            found = await crm.as_user(email).senders(asked[1:])
            return {contact.name for contacts in found.contacts.values() for contact in contacts}

        theirs = await asyncio.gather(*(names(ADA if number % 2 else KIM) for number in range(20)))
        assert theirs == [{"Henriëtta Lovell", "Grace Hopfield"} if number % 2 else {"Grace Hopfield"} for number in range(20)]

    async def test_each_mailbox_is_answered_by_what_its_user_may_see(self, crm: InstalledWorld) -> None:
        addresses = frozenset({"h.lovell@analytical.example", "grace@hopfield.example", "nobody@nowhere.example"})
        asked = [
            Asked(crm.connection_of(ADA), addresses),
            Asked(crm.connection_of(KIM), addresses),
            Asked(crm.connection_of(ADA), frozenset()),
            Asked(crm.connection_of(KIM), frozenset({"sam@shaw.example"})),
            Asked(crm.connection_of(ADA), frozenset({"wanda@win.example"})),
        ]
        answers = await crm.client.senders_of(asked)
        assert [_found(answer) for answer in answers] == [
            {"h.lovell@analytical.example": "Henriëtta Lovell", "grace@hopfield.example": "Grace Hopfield"},
            {"grace@hopfield.example": "Grace Hopfield"},
            {},
            {"sam@shaw.example": "Sam Shaw"},
            {"wanda@win.example": "Wanda Win"},
        ]
        for each, answer in zip(asked, answers, strict=True):
            assert answer == await crm.client.as_user(each.connection).senders(each.addresses)
        assert await crm.client.senders_of([]) in ([], ())

    async def test_one_mailbox_that_is_refused_stops_no_other(self, crm: InstalledWorld) -> None:
        known = frozenset({"grace@hopfield.example"})
        emails = (ADA, OLD, KIM, "stranger@corp.example", NOOR, ADA)
        answers = await crm.client.senders_of([Asked(crm.connection_of(email), known) for email in emails])
        refused = {number: answer for number, answer in enumerate(answers) if isinstance(answer, Upstream)}
        assert [_found(answer) for answer in answers if not isinstance(answer, Upstream)] == [
            {"grace@hopfield.example": "Grace Hopfield"}
        ] * 3
        assert set(refused) == {1, 3, 4}
        assert isinstance(refused[1], NotAuthorised)
        assert isinstance(refused[3], NotAuthorised)
        assert isinstance(refused[4], NotPermitted)

    # What a CRM does not have

    async def test_what_the_crm_does_not_have_is_left_out(self, crm: InstalledWorld) -> None:
        ada, has = crm.as_user(ADA), crm.client.capabilities
        (henrietta,) = (await looked_up(ada, ["h.lovell@analytical.example"])).contacts["h.lovell@analytical.example"]
        if not has.notes:
            assert henrietta.notes == ()
        if not has.activities:
            assert not any(activity.done for activity in henrietta.activities)
        if not (has.activities or has.planned_activities):
            assert henrietta.activities == ()
        if not has.owners:
            assert (henrietta.owner, henrietta.owner_id) == ("", "")
        if not has.templates:
            assert list(await ada.templates()) == []
        if not has.pipelines:
            assert len({stage.pipeline for stage in (await ada.settings()).stages}) <= 1
        if not has.deal_currency:
            assert {deal.amount.currency for deal in henrietta.deals if deal.amount} <= {ORGANISATION.home_currency}

    async def test_leads_of_a_crm_without_them_are_no_error(self, crm: InstalledWorld) -> None:
        if crm.client.capabilities.leads:
            pytest.skip("this CRM has leads")
        ada = crm.as_user(ADA)
        assert (await looked_up(ada, ["lea@lund.example"])).leads == {}
        assert (await ada.senders(["lea@lund.example"])).leads == {}
        assert (await ada.search("lund", 10)).leads == ()
        for call in (ada.lead("1"), ada.record_people(Module.LEADS, "1")):
            with pytest.raises(NotSupported):
                await call

    async def test_details_come_for_the_person_in_front_alone(self, crm: InstalledWorld) -> None:
        """And nobody who was asked for is missing without being told of."""
        ada, front, other = crm.as_user(ADA), "uli@mail.xn--lm-xka.example", "h.lovell@analytical.example"
        answer = await looked_up(ada, [front], others=[other])
        has = crm.client.capabilities
        assert bool(answer.contacts[front][0].activities) == (has.activities or has.planned_activities)
        assert set(answer.contacts) | answer.not_asked == {front, other}
        assert front not in answer.not_asked
        for contact in answer.contacts.get(other, ()):
            assert (contact.activities, contact.notes) == ((), ())


def _found(answer: Senders | Upstream) -> dict[str, str]:
    """The contact behind each address."""
    assert not isinstance(answer, Upstream), answer
    return {address: contact.name for address, (contact,) in answer.contacts.items()}
