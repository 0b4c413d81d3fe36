"""Open message: which of several contacts comes first, who an unknown sender may be, and what is shown when somebody does not answer."""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmagnet.addresses import spellings
from mailmagnet.caller import Caller
from mailmagnet.categories import decide_for_address
from mailmagnet.crm import Account, Contact, CrmSettings, Deal, DealState, KnownAccount, LookUp, Organisation
from mailmagnet.errors import MAILMAGNET, Service, Side, TimedOut
from mailmagnet.gmail import GMAIL, MailHeaders, OpenMailTokens
from mailmagnet.identity import Identity
from mailmagnet.open_message import OpenMessage, _in_crm, open_message
from mailmagnet.parts import Parts
from mailmagnet.people import Person
from mailmagnet.standing import standings_of

ZOHO = Service(Side.CRM, "Zoho CRM")
TODAY = date(2026, 11, 23)
CORP = Organisation("Corp", "Europe/Vienna", "EUR")
ACCOUNT = Account("1", "Hopper Inc", "hopper.example")
CLOSING = Deal("1", "Renewal", "Negotiation", DealState.OPEN, closing=date(2026, 11, 30))
LATER = Deal("2", "Pilot", "Proposal", DealState.OPEN, closing=date(2027, 1, 31))


def contact(name: str, *deals: Deal) -> Contact:
    return Contact(name, name, ("office@hopper.example",), account=ACCOUNT, deals=deals)


def names(contacts: list[Contact], written_as: str = "") -> list[str]:
    return [standing.contact.name for standing in standings_of(contacts, TODAY, written_as)]


def test_of_several_contacts_the_highest_category_comes_first_then_more_open_deals_then_the_name() -> None:
    contacts = [contact("Zoe"), contact("Bob"), contact("Ann", LATER), contact("Cid", LATER, LATER), contact("Dan", CLOSING)]
    assert names(contacts) == ["Dan", "Cid", "Ann", "Bob", "Zoe"]


def test_the_contact_that_decides_the_label_leads_whatever_name_the_mail_has() -> None:
    contacts = [contact("Ane Lie"), contact("Dan Lie", CLOSING), contact("Per Lie", LATER)]
    assert names(contacts, "Lie, Ane") == ["Dan Lie", "Ane Lie", "Per Lie"]


def test_among_contacts_that_decide_alike_and_among_the_others_the_one_whose_name_the_mail_has_comes_first() -> None:
    assert names([contact("Dan Lie", CLOSING), contact("Per Lie", CLOSING)], "Per Lie") == ["Per Lie", "Dan Lie"]
    assert names([contact("Dan Lie"), contact("Per Lie")], "Per Lie") == ["Per Lie", "Dan Lie"]


DEALS = st.builds(
    Deal,
    st.text("12", min_size=1, max_size=2),
    st.sampled_from(["Pilot", "Renewal"]),
    st.just("Stage"),
    st.sampled_from(DealState),
    closing=st.none() | st.dates(date(2026, 9, 1), date(2027, 1, 31)),
)
CONTACTS = st.lists(
    st.builds(contact, st.sampled_from(["Ann", "Bob", "Cid"])).flatmap(
        lambda made: st.lists(DEALS, max_size=3).map(lambda deals: replace(made, deals=tuple(deals)))
    ),
    min_size=1,
    max_size=4,
)


@given(CONTACTS, st.sampled_from(["", "Ann", "Cid"]))
def test_the_card_leads_with_the_very_category_that_the_job_labels_by(contacts: list[Contact], written_as: str) -> None:
    label = decide_for_address(contacts, TODAY)
    leading = standings_of(contacts, TODAY, written_as)[0].decision
    assert (leading and leading.category) == (label and label.category)


def test_an_unknown_sender_with_a_known_contacts_name_at_the_same_company_may_be_that_contact() -> None:
    grace, other = contact("Grace Hopper"), contact("Gordon Hopper")
    found = LookUp({}, {}, {"hopper.example": KnownAccount(ACCOUNT, (grace, other), 2, ())})
    view = _in_crm(Person("Hopper, Grace", "grace.h@mail.hopper.example"), found, TODAY)
    assert (view.known, view.perhaps, view.account and view.account.account) == (False, (grace,), ACCOUNT)
    assert _in_crm(Person("", "grace.h@hopper.example"), found, TODAY).perhaps == ()


def test_a_known_person_is_not_also_told_by_company() -> None:
    grace = contact("Grace Hopper")
    known = KnownAccount(ACCOUNT, (grace,), 1, ())
    found = LookUp({"grace@hopper.example": (grace,)}, {}, {"hopper.example": known})
    view = _in_crm(Person("Grace", "grace+news@hopper.example"), found, TODAY)
    assert [each.contact for each in view.contacts] == [grace]
    assert view.account is None


def test_every_address_is_asked_for_with_and_without_its_tag() -> None:
    assert spellings(["ada+x@a.example", "bob@b.example"]) == {"ada+x@a.example", "ada@a.example", "bob@b.example"}


MAIL = MailHeaders("1", "1", datetime(2026, 11, 23, tzinfo=UTC), frozenset(), (("From", "Grace Hopper <grace@hopper.example>"),))


class Outside:
    """A mail, a vault and a CRM, each as quick as it is asked to be."""

    name = "Zoho CRM"

    def __init__(self, gmail_seconds: float = 0, vault_seconds: float = 0, crm_seconds: float = 0) -> None:
        self.gmail_seconds = gmail_seconds
        self.vault_seconds = vault_seconds
        self.crm_seconds = crm_seconds
        self.look_ups = 0

    async def open_mail(self, message_id: str, tokens: OpenMailTokens) -> MailHeaders:
        await asyncio.sleep(self.gmail_seconds)
        return MAIL

    async def connection(self, org: str, user: str) -> None:
        await asyncio.sleep(self.vault_seconds)

    async def settings(self) -> CrmSettings:
        return CrmSettings(CORP)

    async def look_up(self, front: Collection[str], others: Collection[str], domains: Collection[str], by: float) -> LookUp:
        self.look_ups += 1
        await asyncio.sleep(self.crm_seconds)
        return LookUp({"grace@hopper.example": (contact("Grace Hopper"),)}, {}, {})

    async def open(self, seconds: float) -> OpenMessage:
        identity = Identity("corp.example", "1", "kim@corp.example", "corp.example")
        caller = Caller(identity, datetime(2026, 11, 23, tzinfo=UTC), asyncio.get_running_loop().time() + seconds)
        parts = SimpleNamespace(vault=self, reader=self, crm_of=lambda _: self)
        return await open_message("1", OpenMailTokens("user", "message"), caller, cast(Parts, parts))


async def test_the_crm_is_asked_once_for_all_people() -> None:
    parts = Outside()
    opened = await parts.open(60)
    assert (parts.look_ups, opened.problem, [view.contacts[0].contact.name for view in opened.people]) == (
        1,
        None,
        ["Grace Hopper"],
    )


@pytest.mark.parametrize(
    ("parts", "seconds", "who"),
    [
        (Outside(crm_seconds=60), 60.0, ZOHO),
        (Outside(crm_seconds=60), 0.1, ZOHO),
        (Outside(vault_seconds=60), 0.1, MAILMAGNET),
    ],
    ids=["a CRM has its own deadline", "or the answer's, when that is nearer", "a vault the answer's"],
)
async def test_who_does_not_answer_in_time_is_told_beside_who_wrote(
    parts: Outside, seconds: float, who: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmagnet.open_message.CRM_SECONDS", 0.2)
    opened = await parts.open(seconds)
    assert isinstance(opened.problem, TimedOut)
    assert opened.problem.who == who
    assert opened.problem.seconds <= min(seconds, 0.2)
    assert [(view.person.name, view.known) for view in opened.people] == [("Grace Hopper", False)]


async def test_without_the_mail_there_is_nothing_to_show_but_that_gmail_did_not_answer() -> None:
    with pytest.raises(TimedOut) as told:
        await Outside(gmail_seconds=60).open(0.1)
    assert told.value.who == GMAIL
    assert told.value.seconds <= 0.1
