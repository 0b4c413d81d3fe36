"""The real Odoo 19 under what of the contract of all CRMs it has a place for, and what is its own."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, cast

import pytest

from crm_client.odoo.client import OdooClient
from crm_client.odoo.server import OdooServer
from crm_client.odoo.sign_in import API_KEY, OdooSignIn
from crm_client.renewal import Renewal
from http_session.session import HttpSession
from mailmagnet.crm import MAIL_INTEGRATION, Crm, DealState, Module, Money
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.errors import NotAuthorised, NotFound, NotPermitted, SignInNeeded
from mailmagnet.store import Store
from mailmagnet.vault import Connection, Vault
from tests.contract.crm_contract import CrmContract
from tests.contract.crm_installed import looked_up
from tests.contract.crm_world import ADA, KIM, NOOR, OLD, ORGANISATION
from tests.crm_signed_in import OneConnection
from tests.servers.odoo_world import ORIGIN, odoo_with_the_world
from tests.told_at_the_end import COUNTED

ORG = "corp.example"


class OdooWorld:
    """The contract's world in the real Odoo, as its users' keys show it."""

    def __init__(self, told: dict[str, Any], session: HttpSession) -> None:
        self.told = told
        self.session = session
        self.server = OdooServer(session, ORIGIN, 20)
        self.sign_in = OdooSignIn(self.server, lambda: datetime.now(UTC))

    def as_user(self, email: str) -> Crm:
        return self.with_key(self.told["keys"].get(email, "nobodys"), str(self.told["users"].get(email, 0)))

    def with_key(self, key: str, uid: str) -> Crm:
        tokens = CrmTokens(uid, "", key, "", datetime(2100, 1, 1, tzinfo=UTC), CrmChoice("odoo", ORIGIN))
        connection = Connection(ORG, "103", ADA, crm=tokens)
        vault = cast(Vault, OneConnection(connection))
        renewal = Renewal(self.sign_in, vault, lambda: cast(Store, _NoStore()), lambda: datetime.now(UTC))
        return OdooClient(self.server, renewal).as_user(connection)

    def id_of(self, key: str) -> str:
        return str(self.told["ids"].get(key, "no-such-id"))


class _NoStore:
    """A store that gives every turn: one process alone renews here."""

    async def use_once(self, *_: object) -> bool:
        return True

    async def end_use(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, Any]]:
    with odoo_with_the_world() as told:
        yield told


@pytest.fixture
async def crm(told: dict[str, Any]) -> AsyncIterator[OdooWorld]:
    session = HttpSession({ORIGIN})
    yield OdooWorld(told, session)
    await session.close()


class TestOdooCrm(CrmContract):
    """The contract, as far as Odoo's capabilities go."""


async def test_a_sign_in_is_whose_key_it_is(crm: OdooWorld) -> None:
    tokens = await crm.sign_in.sign_in(ORG, "103", {API_KEY: f" {crm.told['keys'][KIM]} "})
    assert (tokens.account, tokens.name) == (str(crm.told["users"][KIM]), "Kim Park")
    for wrong in ("", "0" * 40, "a b", "é" * 40, crm.told["keys"][OLD]):
        with pytest.raises(NotAuthorised):
            await crm.sign_in.sign_in(ORG, "103", {API_KEY: wrong})


async def test_a_key_that_is_refused_asks_to_sign_in_again(crm: OdooWorld) -> None:
    with pytest.raises(SignInNeeded) as refused:
        await looked_up(crm.with_key("0" * 40, str(crm.told["users"][ADA])), ["sam@shaw.example"], [])
    assert refused.value.ended


async def test_one_person_comes_with_what_odoo_has(crm: OdooWorld) -> None:
    answer = await looked_up(crm.as_user(ADA), ["h.lovell@analytical.example"], ["analytical.example"])
    (contact,) = answer.contacts["h.lovell@analytical.example"]
    assert (await crm.as_user(ADA).settings()).organisation == ORGANISATION
    assert (contact.id, contact.name, contact.title) == (
        crm.id_of("contact henrietta"), "Henriëtta Lovell", "Head of Procurement"
    )  # fmt: skip
    assert contact.account
    assert (contact.account.name, contact.account.domain, contact.account.phone) == (
        "Analytical Ltd", "analytical.example", "+44 1632 960001"
    )  # fmt: skip
    assert {(deal.name, deal.state) for deal in contact.deals} == {
        ("Renewal 2027", DealState.OPEN), ("First order", DealState.WON)
    }  # fmt: skip
    assert {deal.name: deal.amount for deal in contact.deals}["First order"] == Money(Decimal("4800000.0"), "EUR")
    assert [activity.subject for activity in contact.activities] == ["Send the data sheet", "Demonstration"]
    assert (contact.owner, contact.mine, contact.addresses) == ("Ada Byron", True, ("h.lovell@analytical.example",))
    known = answer.accounts["analytical.example"]
    assert (known.contact_count, {deal.name for deal in known.open_deals}) == (
        4, {"Renewal 2027", "Pilot Lyon", "Undated"}
    )  # fmt: skip


async def test_the_state_is_odoos_whatever_the_stage_is_called(crm: OdooWorld) -> None:
    ada = crm.as_user(ADA)
    states = {key: (await ada.deal(crm.id_of(f"deal {key}"))).state for key in ("pilot", "first", "lost", "found")}
    assert states == {
        "pilot": DealState.OPEN, "first": DealState.WON, "lost": DealState.LOST, "found": DealState.OPEN
    }  # fmt: skip


async def test_who_looks_after_odoo_may_be_told_to_all(crm: OdooWorld) -> None:
    for email in (ADA, KIM, NOOR):
        assert [user.email for user in await crm.as_user(email).administrators()] == [ADA]
        me = await crm.as_user(email).me()
        assert (me.profile.administrator, MAIL_INTEGRATION in me.profile.permissions) == (email == ADA, email != NOOR)


async def test_without_the_permission_nothing_is_told(crm: OdooWorld) -> None:
    noor = crm.as_user(NOOR)
    for call in (
        looked_up(noor, ["h.lovell@analytical.example"], []), noor.senders([]), noor.search("a", 1), noor.settings(),
        noor.contact(crm.id_of("contact henrietta")), noor.users(), noor.templates(),
        noor.deals_closing(date(2026, 11, 1), date(2026, 11, 30)),
        noor.record_people(Module.CONTACTS, crm.id_of("contact henrietta")),
    ):  # fmt: skip
        with pytest.raises(NotPermitted) as refused:
            await call
        assert refused.value.permission == MAIL_INTEGRATION


async def test_each_users_rights_are_odoos(crm: OdooWorld) -> None:
    kim = crm.as_user(KIM)
    answer = await looked_up(
        kim,
        ["h.lovell@analytical.example", "grace@hopfield.example", "sam@shaw.example", "lea@lund.example", "max@lund.example"],
        ["hopfield.example", "crowd.example"],
    )
    assert set(answer.contacts) == {"grace@hopfield.example", "sam@shaw.example"}
    assert (set(answer.leads), set(answer.accounts)) == ({"max@lund.example"}, {"hopfield.example"})
    for call in (kim.contact(crm.id_of("contact henrietta")), kim.deal(crm.id_of("deal pilot")), kim.lead(crm.id_of("lead lea"))):
        with pytest.raises(NotFound):
            await call


NASTY = (
    "%", "_", "%@analytical.example", "h_lovell@analytical.example", "x'y@a.example", 'x"]]@a.example', "a@b.example') OR 1=1 --",
    "[('id','!=',0)]", "+tag@analytical.example", "ü@lm.example", "a" * 242 + "@long.example", "\\", "*",
)  # fmt: skip


async def test_an_address_is_compared_whole_and_is_never_a_part_of_the_question(crm: OdooWorld) -> None:
    ada = crm.as_user(ADA)
    answer = await looked_up(ada, NASTY, ["%", "_", "%.example", "x' OR 1=1", "analytical_example"])
    assert (answer.contacts, answer.leads, answer.accounts) == ({}, {}, {})
    for words in ("100%", "%", "_", "\\", "' OR 1=1 --", '"]', "  "):
        found = await ada.search(words, 10)
        assert (found.contacts, found.accounts, found.deals, found.leads) == ((), (), (), ()), words
    for nobody in ("no-such-id", "", "%", "0", "-1", "1 OR 1=1", "9" * 30, "１"):
        with pytest.raises(NotFound):
            await ada.contact(nobody)


@pytest.mark.parametrize("number", [0, 1, 20, 250, 5000])
async def test_however_many_are_asked_the_calls_stay_the_same(crm: OdooWorld, number: int, record_property: Any) -> None:
    addresses = [f"m{n}@crowd.example" for n in range(number)]
    crm.session.calls.clear()
    await looked_up(crm.as_user(ADA), addresses, ["crowd.example"])
    look_up = crm.session.calls["Odoo"]
    crm.session.calls.clear()
    found = await crm.as_user(ADA).senders(addresses)
    senders = crm.session.calls["Odoo"]
    assert len(found.contacts) == min(number, 12)
    assert (look_up, senders) == ((5, 3) if number else (3, 1))
    record_property(COUNTED, f"Odoo: {number} addresses: look_up {look_up} calls, senders {senders} calls, one round trip each")


async def test_many_at_once_get_their_own(crm: OdooWorld) -> None:
    async def names(email: str) -> set[str]:
        return set((await crm.as_user(email).senders(["h.lovell@analytical.example", "grace@hopfield.example"])).contacts)

    both = {"h.lovell@analytical.example", "grace@hopfield.example"}
    answers = await asyncio.gather(*(names(ADA if n % 2 else KIM) for n in range(20)))
    assert answers == [both if n % 2 else {"grace@hopfield.example"} for n in range(20)]
