"""Who may use a CRM whose account an admin has connected: proposed, confirmed, mapped, let out; and whoever tries otherwise."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from functions.crms import KINDS
from functions.wiring import CRM_CALLBACK, Process
from http_session.pkce import challenge_of
from mailmagnet.administration import administration
from mailmagnet.caller import Caller, crm_of
from mailmagnet.choose_crm import choose_crm
from mailmagnet.crm import User, service_of
from mailmagnet.crm_account import connect_account
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmTokens, Sees
from mailmagnet.crm_users import (
    A_PAGE,
    NOBODY_THERE,
    SEVERAL_THERE,
    CrmUsers,
    Person,
    ask_to_be_let_in,
    disconnect_account,
    let_in,
    let_out,
    map_person,
    save_sees,
    see_crm_users,
    see_person,
)
from mailmagnet.daily_chores import daily_chores
from mailmagnet.disconnect_mailbox import disconnect_mailbox
from mailmagnet.errors import AnotherCompany, Forbidden, NotFound, NotKept, NotListed, SignInNeeded, Unavailable, Upstream
from mailmagnet.homepage import homepage
from mailmagnet.identity import Identity
from mailmagnet.permission import check_permitted, who_can_permit
from mailmagnet.removal import remove_organisation
from mailmagnet.sign_in_to_crm import sign_in_by_browser
from mailmagnet.store import Policy
from mailmagnet.vault import CRM_ACCOUNT
from sandbox.demo.sandbox_process import process_in
from tests.oauth_crm import ADMINISTRATOR, REP, SINGLE, WHOLE, TestCrms
from tests.scenario.addon_process import settings_of
from tests.scenario.desk import Desk, desk_in
from tests.token_server import CLIENT, TokenServer, token_server

ORG, OTHER_ORG = "corp.example", "other.example"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
ADA = Identity(ORG, "101", "ada@corp.example", ORG)
BOB = Identity(ORG, "102", "bob@corp.example", ORG)
KIM = Identity(ORG, "103", "kim@corp.example", ORG)
MALLORY = Identity(OTHER_ORG, "901", "mallory@other.example", OTHER_ORG)
CONSUMER = Identity("55", "55", "ada@corp.example", "")
CRM_ADA = User("7", "Ada Byron", "Ada@corp.example", ADMINISTRATOR)
CRM_BOB = User("8", "Bob Rossi", "bob@corp.example", REP)


class World:
    """The product's process with a CRM whose account is connected by one admin, Ada."""

    def __init__(self, process: Process, crms: TestCrms, kind: str) -> None:
        self.process, self.crms, self.crm = process, crms, CrmChoice(kind)

    @property
    def server(self) -> TokenServer:
        return self.crms.server

    def caller(self, who: Identity) -> Caller:
        return Caller(who, self.process.now(), asyncio.get_running_loop().time() + 5)

    async def connect(self, account: str = "portal 1", admin: Identity = ADA) -> Upstream | None:
        self.crms.account = account
        answer = {"code": self.server.new_code(challenge_of(VERIFIER))}
        _, problem = await connect_account(admin, self.crm, answer, VERIFIER, self.process)
        return problem

    async def ask(self, *who: Identity) -> None:
        for each in who:
            await ask_to_be_let_in(each, self.process)

    async def list(self, after: str = "", as_: Identity = ADA) -> CrmUsers:
        return await see_crm_users(after, self.caller(as_), self.process)

    async def person(self, who: Identity) -> Person:
        [person] = (await see_person(who.user, self.caller(ADA), self.process)).people
        return person

    async def let_in(self, *pairs: tuple[Identity, str]) -> CrmUsers:
        return await let_in({who.user: crm_user for who, crm_user in pairs}, "", self.caller(ADA), self.process)

    async def is_let_in(self, who: Identity) -> bool:
        try:
            await check_permitted(await crm_of(self.caller(who), self.process))
        except (NotListed, SignInNeeded):
            return False
        return True

    async def ready(self, sees: Sees | None = Sees.OWN) -> None:
        """Connected, with Bob let in."""
        await self.connect()
        await self.process.vault.let_see(ORG, sees)
        await self.ask(BOB)
        await self.let_in((BOB, "8"))

    async def link(self, org: str = ORG) -> CrmTokens | None:
        connection = await self.process.vault.connection(org, CRM_ACCOUNT)
        return connection.crm if connection else None


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_in(tmp_path) as made:
        yield made


async def made(desk: Desk, monkeypatch: pytest.MonkeyPatch, kind: str) -> AsyncIterator[World]:
    async with token_server() as server:
        crms = TestCrms(server, users=[CRM_ADA, CRM_BOB])
        for each, how in crms.kinds().items():
            monkeypatch.setitem(KINDS.makers, each, partial(lambda kind: kind, how))
        environment = {
            **settings_of(desk, "https://addon.example"),
            "MAILMAGNET_CRM": kind,
            "MAILMAGNET_CRM_CLIENT_ID": CLIENT.client_id,
            "MAILMAGNET_CRM_CLIENT_SECRET": CLIENT.client_secret,
            "MAILMAGNET_CRM_PRIVATE": "true",
            "MAILMAGNET_ADMINS": ADA.address,
        }
        process = process_in(environment)
        server.redirect_uri = f"{process.settings.pages_url}{CRM_CALLBACK}"
        yield World(process, crms, kind)
        await process.close()


@pytest.fixture
async def world(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    async for each in made(desk, monkeypatch, WHOLE):
        yield each


@pytest.fixture
async def single(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A CRM to which each user signs in, without a permission of its own."""
    async for each in made(desk, monkeypatch, SINGLE):
        yield each


# Proposed, confirmed, and no more


async def test_equal_addresses_are_proposed_and_let_nobody_in(world: World) -> None:
    await world.connect()
    await world.process.vault.let_see(ORG, Sees.OWN)
    await world.ask(BOB, KIM)
    seen = await world.list()
    assert {person.user: person.proposed for person in seen.people} == {"101": CRM_ADA, "102": CRM_BOB, "103": None}
    assert not [person for person in seen.people if person.let_in]
    assert not await world.is_let_in(BOB)


async def test_an_admin_confirms_once_and_the_user_is_that_crm_user_from_then_on(world: World) -> None:
    await world.ready()
    assert await world.is_let_in(BOB)
    assert world.crms.asked_as == ["8"]
    person = await world.person(BOB)
    assert (person.crm_name, person.let_in, person.proposed) == ("Bob Rossi", True, None)
    mailbox = await world.process.store.mailbox(ORG, BOB.user)
    assert mailbox
    assert (mailbox.presence.crm_user, mailbox.mailmagnet, mailbox.labelling) == ("8", False, False)
    again = await world.let_in((BOB, "8"))
    assert [each.let_in for each in again.people if each.user == BOB.user] == [True]
    world.crms.users = [CRM_ADA, replace(CRM_BOB, email="robert@corp.example")]
    assert await world.is_let_in(BOB)


@pytest.mark.parametrize(
    "email",
    [
        "bob@corp.example.attacker.example",
        "bob+x@corp.example",
        "b.ob@corp.example",
        "bοb@corp.example",
        "bob@corp.exаmple",
        "bob",
    ],
)
async def test_an_address_that_looks_alike_is_not_proposed(world: World, email: str) -> None:
    await world.connect()
    await world.ask(BOB)
    world.crms.users = [CRM_ADA, replace(CRM_BOB, email=email)]
    assert (await world.person(BOB)).proposed is None


async def test_neither_of_two_users_with_one_address_nor_one_who_has_left_is_proposed(world: World) -> None:
    await world.connect()
    await world.ask(BOB)
    world.crms.users = [CRM_ADA, CRM_BOB, replace(CRM_BOB, id="9")]
    assert (await world.person(BOB)).proposed is None
    wrong = await map_person(BOB.user, "bob@corp.example", world.caller(ADA), world.process)
    assert wrong.fault == SEVERAL_THERE
    world.crms.users = [CRM_ADA, replace(CRM_BOB, active=False)]
    assert (await world.person(BOB)).proposed is None
    assert not [person for person in (await world.let_in((BOB, "8"))).people if person.let_in]


async def test_an_admin_maps_by_an_address_of_the_crms(world: World) -> None:
    await world.connect()
    await world.process.vault.let_see(ORG, Sees.OWN)
    await world.ask(KIM)
    wrong = await map_person(KIM.user, "nobody@corp.example", world.caller(ADA), world.process)
    assert (wrong.fault, wrong.people[0].let_in) == (NOBODY_THERE, False)
    right = await map_person(KIM.user, " BOB@corp.example ", world.caller(ADA), world.process)
    assert (right.fault, right.people[0].let_in, right.people[0].crm_name) == ("", True, "Bob Rossi")
    assert await world.is_let_in(KIM)


async def test_whoever_is_let_out_sees_nothing_at_once(world: World) -> None:
    await world.ready()
    assert await world.is_let_in(BOB)
    for _ in range(2):
        await let_out(BOB.user, world.caller(ADA), world.process)
        assert not await world.is_let_in(BOB)
    assert (await world.person(BOB)).proposed == CRM_BOB
    assert world.server.revoked == []


async def test_a_mapped_user_who_left_the_crm_is_let_in_no_more_and_the_admin_sees_it(world: World) -> None:
    await world.ready()
    world.crms.users = [CRM_ADA, replace(CRM_BOB, active=False)]
    with pytest.raises(Upstream):
        await world.is_let_in(BOB)
    person = await world.person(BOB)
    assert (person.let_in, person.gone) == (True, True)


async def test_more_people_than_a_page_are_read_page_by_page(world: World) -> None:
    await world.connect()
    people = [Identity(ORG, f"2{number:02}", f"user{number}@corp.example", ORG) for number in range(A_PAGE + 5)]
    await world.ask(*people)
    first = await world.list()
    second = await world.list(first.after)
    assert (len(first.people), len(second.people), first.first, second.first, second.after) == (A_PAGE, 6, True, False, "")
    assert len({person.user for person in (*first.people, *second.people)}) == A_PAGE + 6


# What users see


async def test_until_an_admin_has_chosen_nobody_sees_anything(world: World) -> None:
    await world.ready(sees=None)
    assert not await world.is_let_in(BOB)
    saved = await save_sees(Sees.TEAM, world.caller(ADA), world.process)
    assert saved.sees is Sees.TEAM
    assert await world.is_let_in(BOB)


# Who may do any of this


@pytest.mark.parametrize("who", [BOB, KIM, CONSUMER])
async def test_nobody_but_an_admin_says_who_is_let_in(world: World, who: Identity) -> None:
    await world.ready()
    caller = world.caller(who)
    for call in (
        see_crm_users("", caller, world.process),
        let_in({KIM.user: "7"}, "", caller, world.process),
        see_person(BOB.user, caller, world.process),
        map_person(KIM.user, "ada@corp.example", caller, world.process),
        let_out(BOB.user, caller, world.process),
        save_sees(Sees.EVERYONE, caller, world.process),
        disconnect_account(caller, world.process),
    ):
        with pytest.raises((Forbidden, NotListed)):
            await call
    assert await world.is_let_in(BOB)
    link = await world.process.vault.connection(ORG, CRM_ACCOUNT)
    assert link
    assert link.sees is Sees.OWN


async def test_the_crms_administrator_who_is_let_in_is_an_admin_for_as_long_as_the_crm_says_so(world: World) -> None:
    await world.ready()
    await world.ask(KIM)
    await world.let_in((KIM, "7"))
    assert (await world.list(as_=KIM)).people
    world.crms.users = [replace(CRM_ADA, profile=REP), CRM_BOB]
    with pytest.raises(Forbidden):
        await world.list(as_=KIM)


async def test_another_organisations_admin_reaches_nobody_here(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.ready()
    monkeypatch.setattr(type(world.process), "admins", (ADA.address, MALLORY.address))
    caller = world.caller(MALLORY)
    assert (await see_crm_users("", caller, world.process)).account == ""
    await let_in({BOB.user: "7", KIM.user: "7"}, "", caller, world.process)
    for call in (
        map_person(BOB.user, "ada@corp.example", caller, world.process),
        let_out(BOB.user, caller, world.process),
    ):
        with pytest.raises(NotFound):
            await call
    await save_sees(Sees.EVERYONE, caller, world.process)
    await disconnect_account(caller, world.process)
    assert (await world.person(BOB)).crm_name == "Bob Rossi"
    link = await world.process.vault.connection(ORG, CRM_ACCOUNT)
    assert link
    assert (link.sees, world.server.revoked) == (Sees.OWN, [])
    assert await world.process.vault.connection(OTHER_ORG, CRM_ACCOUNT) is None


async def test_who_is_not_here_is_let_in_by_nobody(world: World) -> None:
    await world.connect()
    before = await world.process.vault.users(ORG)
    await world.let_in((KIM, "8"), (MALLORY, "8"), (Identity(ORG, CRM_ACCOUNT, "", ORG), "8"))
    assert await world.process.vault.users(ORG) == before
    link = await world.link()
    assert link
    assert link.refresh == "refresh-1"


# Connecting again, another account, another CRM


async def test_connecting_the_same_account_again_lets_nobody_out(world: World) -> None:
    await world.ready()
    assert await world.connect() is None
    assert await world.is_let_in(BOB)
    assert world.server.revoked == []


async def test_another_account_lets_everybody_out_and_shows_nothing_before_it_is_chosen_anew(world: World) -> None:
    await world.ready(Sees.EVERYONE)
    assert await world.connect("portal 2") is None
    assert world.server.revoked == ["refresh-1"]
    assert not await world.is_let_in(BOB)
    seen = await world.list()
    assert seen.sees is None
    assert not [person for person in seen.people if person.let_in]


async def test_an_account_before_that_could_not_be_ended_is_told_of(world: World) -> None:
    await world.ready()
    world.crms.account = "portal 2"
    code = world.server.new_code(challenge_of(VERIFIER))
    sign_in = world.process.crm_sign_in_of(world.crm)
    assert sign_in.name

    async def down(*_: object) -> None:
        raise Unavailable(world.process.renewal_of(world.crm).crm)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(sign_in), "sign_out", down)
        link, problem = await connect_account(ADA, world.crm, {"code": code}, VERIFIER, world.process)
    assert (link.account, isinstance(problem, Unavailable)) == ("portal 2", True)
    assert not await world.is_let_in(BOB)


@pytest.mark.parametrize("earlier", [False, True])
async def test_a_link_that_cannot_be_kept_is_ended_unless_the_one_before_stands_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch, earlier: bool
) -> None:
    if earlier:
        await world.connect()

    async def down(*_: object) -> None:
        raise Unavailable(world.process.renewal_of(world.crm).crm)

    monkeypatch.setattr(type(world.process.vault), "sign_in", down)
    with pytest.raises(NotKept) as problem:
        await world.connect()
    assert problem.value.ended
    assert world.server.revoked == ([] if earlier else ["refresh-1"])


async def test_disconnecting_ends_it_there_and_here_for_everybody(world: World) -> None:
    await world.ready()
    for _ in range(2):
        seen = await disconnect_account(world.caller(ADA), world.process)
        assert (seen.account, await world.link()) == ("", None)
    assert world.server.revoked == ["refresh-1"]
    assert not await world.is_let_in(BOB)
    connection = await world.process.vault.connection(ORG, BOB.user)
    assert connection
    assert connection.crm is None


async def test_while_the_crm_cannot_be_told_nothing_is_disconnected(world: World) -> None:
    await world.ready()
    world.server.fail(503)
    with pytest.raises(Unavailable):
        await disconnect_account(world.caller(ADA), world.process)
    assert await world.is_let_in(BOB)
    assert (await disconnect_account(world.caller(ADA), world.process)).account == ""


async def test_a_link_that_the_crm_refuses_leaves_a_way_to_connect_it_again(world: World) -> None:
    await world.ready()
    world.server.access.clear()
    world.server.refresh.clear()
    seen = await world.list()
    assert (seen.account, seen.ended, seen.by_account) == ("", True, True)
    assert not await world.is_let_in(BOB)
    await world.connect()
    assert await world.is_let_in(BOB)


@pytest.mark.parametrize("fails", [False, True])
async def test_another_crm_ends_the_accounts_link_at_the_latest_with_the_days_chores(world: World, fails: bool) -> None:
    await world.ready()
    if fails:
        world.server.fail(503)
    await choose_crm(ORG, "odoo", "https://crm.example", world.process)
    assert (await world.link() is not None) == fails
    await daily_chores(ORG, world.process)
    assert (await world.link(), world.server.revoked) == (None, ["refresh-1"])
    kept = await world.process.vault.connection(ORG, BOB.user)
    assert kept
    assert kept.crm is None


# Leaving


async def test_a_user_who_leaves_takes_the_own_mapping_along_and_nobody_elses_link(world: World) -> None:
    await world.ready()
    await disconnect_mailbox(ORG, BOB.user, world.process)
    assert await world.process.vault.connection(ORG, BOB.user) is None
    assert (await world.link() is not None, world.server.revoked) == (True, [])
    with pytest.raises(NotFound):
        await world.person(BOB)
    await world.ask(BOB)
    assert not await world.is_let_in(BOB)


async def test_with_the_last_user_of_an_organisation_the_link_goes_too(world: World) -> None:
    await world.ready()
    for who in (BOB, ADA):
        await disconnect_mailbox(ORG, who.user, world.process)
    assert (await world.link(), world.server.revoked) == (None, ["refresh-1"])


async def test_an_organisation_that_is_removed_leaves_nothing(world: World) -> None:
    await world.ready()
    assert await remove_organisation(ORG, world.process) == 0
    assert (await world.link(), world.server.revoked) == (None, ["refresh-1"])
    assert list(await world.process.vault.users(ORG)) == []
    assert await world.process.store.policy(ORG) == Policy()


async def test_a_crm_that_is_down_holds_a_removal_up_for_a_day_at_most(world: World, desk: Desk) -> None:
    await world.ready()
    world.server.fail(503, times=1000)
    for who in (BOB, ADA):
        if who is ADA:
            with pytest.raises(Unavailable):
                await disconnect_mailbox(ORG, who.user, world.process)
        else:
            await disconnect_mailbox(ORG, who.user, world.process)
    assert await world.link()
    desk.clock.now += timedelta(days=1, minutes=1)
    settings_of(desk, "https://addon.example")
    await disconnect_mailbox(ORG, ADA.user, world.process)
    assert await world.link() is None


# A CRM to which each user signs in, and which has no permission for MailMagnet


async def signed_in(world: World, who: Identity, account: str, name: str) -> None:
    world.crms.account, world.crms.name = account, name
    answer = {"code": world.server.new_code(challenge_of(VERIFIER))}
    await sign_in_by_browser(who, world.crm, answer, VERIFIER, world.process)


async def test_who_has_signed_in_is_let_in_by_the_admins_list(single: World) -> None:
    await signed_in(single, ADA, "7", "Ada Byron")
    await signed_in(single, BOB, "8", "Bob Rossi")
    assert not await single.is_let_in(BOB)
    await single.ask(BOB)
    seen = await single.list()
    assert [(person.user, person.crm_name, person.let_in) for person in seen.people] == [("102", "Bob Rossi", False)]
    assert (seen.by_account, seen.has_permission, seen.company) == (False, False, "eu.testcrm.example")
    await single.let_in((BOB, ""))
    assert await single.is_let_in(BOB)
    await let_out(BOB.user, single.caller(ADA), single.process)
    assert not await single.is_let_in(BOB)
    await map_person(BOB.user, "", single.caller(ADA), single.process)
    assert await single.is_let_in(BOB)


async def test_another_company_is_shown_by_the_next_admin_who_signs_in_once_the_one_before_is_let_go(single: World) -> None:
    await signed_in(single, ADA, "7", "Ada Byron")
    await signed_in(single, BOB, "8", "Bob Rossi")
    await single.ask(ADA, BOB)
    await single.let_in((BOB, ""), (ADA, ""))
    single.crms.company = "portal 2"
    with pytest.raises(AnotherCompany):
        await signed_in(single, ADA, "7", "Ada Byron")
    for _ in range(2):
        assert (await disconnect_account(single.caller(ADA), single.process)).company == ""
    assert await single.link() is None
    for who in (ADA, BOB):
        kept = await single.process.vault.connection(ORG, who.user)
        assert kept
        assert kept.crm is None
    with pytest.raises(AnotherCompany) as first:
        await signed_in(single, BOB, "8", "Bob Rossi")
    assert first.value.none_yet
    await signed_in(single, ADA, "7", "Ada Byron")
    link = await single.link()
    assert link
    assert link.account == "portal 2"


async def test_no_users_sign_in_becomes_an_accounts_link(single: World) -> None:
    from mailmagnet.errors import BadRequest

    with pytest.raises(BadRequest):
        await single.connect()
    assert single.server.given == 0


async def test_an_admin_whom_nobody_has_let_in_yet_finds_the_way_to_connect_the_account(world: World) -> None:
    """Else nobody could ever be let in."""
    home = await homepage(world.caller(ADA), world.process)
    assert home.is_admin
    assert any(isinstance(problem, NotListed) for problem in home.problems)
    assert (await administration(world.caller(ADA), world.process)).org == ORG
    assert ((await world.list()).by_account, (await world.list()).account) == (True, "")
    with pytest.raises(NotListed):
        await administration(world.caller(BOB), world.process)
    told = await who_can_permit(
        [NotListed(service_of(await crm_of(world.caller(BOB), world.process)))], world.caller(BOB), world.process
    )
    assert told == (ADA.address,)


async def test_a_link_of_another_crm_that_could_not_be_ended_is_ended_before_a_company_takes_its_place(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.ready()
    monkeypatch.setattr(type(world.process), "default_crm", CrmChoice(SINGLE))
    single = World(world.process, world.crms, SINGLE)

    async def down(*_: object) -> None:
        raise Unavailable(world.process.renewal_of(world.crm).crm)

    with monkeypatch.context() as patch:
        patch.setattr(type(world.process.crm_sign_in_of(world.crm)), "sign_out", down)
        with pytest.raises(NotKept):
            await signed_in(single, ADA, "7", "Ada Byron")
    assert await world.link() is not None
    await signed_in(single, ADA, "7", "Ada Byron")
    link = await world.link()
    assert link
    assert (link.crm.kind, link.account, "refresh-1" in world.server.revoked) == (SINGLE, "portal 1", True)
