"""Users whom an admin lets in through a CRM account's one link: whose tokens are sent, what each sees, and who is let in no more."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from crm_client import account_links
from crm_client.renewal import Renewal
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmTokens, Sees, mapped_to
from mailmagnet.errors import NotAuthorised, NotListed, Service, Side, SignInNeeded, Unavailable
from mailmagnet.vault import CRM_ACCOUNT, Connection
from metadata_store.sqlite import SqliteStore
from token_vault.encrypted_file import EncryptedFileVault

CRM = Service(Side.CRM, "HubSpot")
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ORG, OTHER_ORG, ADA, BOB = "corp.example", "other.example", "101", "102"
CHOICE = CrmChoice("hubspot")


class WholeAccount:
    """A CRM whose token sees everything. It gives a new refresh token with each renewal, and takes each once."""

    name = CRM.name

    def __init__(self) -> None:
        self.renewals = 0
        self.good = {"0"}
        self.refresh = "refresh 0"

    def authorize_url(self, state: str, challenge: str) -> str:
        raise AssertionError("nobody is sent there")

    async def signed_in(self, answer: Mapping[str, str], verifier: str) -> CrmTokens:
        raise AssertionError("nobody comes from there")

    async def sign_out(self, tokens: CrmTokens) -> None:
        raise AssertionError("nobody signs out")

    async def renewed(self, tokens: CrmTokens) -> CrmTokens:
        await asyncio.sleep(0.01)
        if tokens.refresh != self.refresh:
            raise NotAuthorised(CRM)
        self.renewals += 1
        self.refresh = f"refresh {self.renewals}"
        self.good = {str(self.renewals)}
        return replace(tokens, access=str(self.renewals), refresh=self.refresh, expires_at=NOW + HOUR)

    async def tokens_for(self, account: CrmTokens, user: CrmTokens) -> CrmTokens:
        return account


class EachUser(WholeAccount):
    """A CRM whose link gives each user tokens of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.given: Counter[str] = Counter()
        self.life = HOUR

    async def tokens_for(self, account: CrmTokens, user: CrmTokens) -> CrmTokens:
        self.given[user.account] += 1
        access = f"{user.account} {self.given[user.account]}"
        self.good.add(access)
        return replace(user, access=access, expires_at=NOW + self.life)


class World:
    def __init__(self, folder: Path, sign_in: WholeAccount) -> None:
        self.folder, self.key = folder, Fernet.generate_key().decode()
        self.sign_in = sign_in
        self.vault = EncryptedFileVault(folder / "vault", self.key)
        self.renewal = self.process()
        self.asked: Counter[str] = Counter()

    def process(self) -> Renewal:
        store = SqliteStore(self.folder / "store.db")
        return Renewal(self.sign_in, EncryptedFileVault(self.folder / "vault", self.key), lambda: store, lambda: NOW)

    async def linked(
        self, org: str = ORG, account: str = "portal 1", sees: Sees | None = Sees.OWN, left: timedelta = HOUR
    ) -> CrmTokens:
        link = CrmTokens(account, "Corp", "0", "refresh 0", NOW + left, CHOICE, "https://eu.crm.example")
        await self.vault.sign_in(Connection(org, CRM_ACCOUNT, "", crm=link))
        await self.vault.let_see(org, sees)
        return link

    async def let_in(self, link: CrmTokens, user: str = ADA, crm_user: str = "7", org: str = ORG) -> Connection:
        await self.vault.sign_in(Connection(org, user, f"{user}@{org}", crm=mapped_to(crm_user, "Ada Byron", link)))
        connection = await self.vault.connection(org, user)
        assert connection
        return connection

    async def call(self, token: str) -> str:
        self.asked[token] += 1
        if token not in self.sign_in.good:
            raise NotAuthorised(CRM)
        return token

    async def ask(self, connection: Connection, renewal: Renewal | None = None) -> str:
        return await (renewal or self.renewal).access_of(connection).ask(self.call)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, WholeAccount())


@pytest.fixture
def each(tmp_path: Path) -> World:
    return World(tmp_path, EachUser())


async def test_a_mapped_user_asks_with_the_accounts_token_and_sees_what_an_admin_has_chosen(world: World) -> None:
    ada = await world.let_in(await world.linked(sees=Sees.TEAM))
    access = world.renewal.access_of(ada)
    assert (await access.ask(world.call), await access.sees(), access.listed) == ("0", Sees.TEAM, True)
    access.check_listed()


async def test_the_link_is_read_once_for_many_questions(world: World) -> None:
    ada = await world.let_in(await world.linked())
    assert await world.ask(ada) == "0"
    (world.folder / "vault").unlink()
    assert await world.ask(ada) == "0"


async def test_until_an_admin_has_chosen_what_users_see_nobody_sees_anything_and_then_at_once(world: World) -> None:
    ada = await world.let_in(await world.linked(sees=None))
    for refused in (world.ask(ada), world.renewal.access_of(ada).sees()):
        with pytest.raises(NotListed):
            await refused
    assert not world.asked
    await world.vault.let_see(ORG, Sees.EVERYONE)
    assert await world.ask(ada) == "0"


async def test_what_an_admin_narrows_holds_within_a_minute(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert account_links.SECONDS_OF_LINKS <= 60
    monkeypatch.setattr(account_links, "SECONDS_OF_LINKS", 0.05)
    ada, renewal = await world.let_in(await world.linked(sees=Sees.EVERYONE)), world.process()
    assert await renewal.access_of(ada).sees() is Sees.EVERYONE
    await world.vault.let_see(ORG, Sees.OWN)
    await asyncio.sleep(0.06)
    assert await renewal.access_of(ada).sees() is Sees.OWN


async def test_whom_nobody_has_mapped_is_not_let_in(world: World) -> None:
    await world.linked()
    stranger = Connection(ORG, BOB, "bob@corp.example")
    access = world.renewal.access_of(stranger)
    for refused in (access.ask(world.call), access.sees()):
        with pytest.raises(NotListed):
            await refused
    with pytest.raises(NotListed):
        access.check_listed()
    assert not world.asked


async def test_the_account_itself_is_asked_with_its_own_token(world: World) -> None:
    """So that an admin sees whom there is to let in."""
    await world.linked(sees=None)
    link = await world.vault.connection(ORG, CRM_ACCOUNT)
    assert link
    access = world.renewal.access_of(link)
    access.check_listed()
    assert await access.ask(world.call) == "0"


async def test_another_organisations_link_is_never_asked_with(world: World) -> None:
    link = await world.linked(OTHER_ORG)
    ada = await world.let_in(link, org=ORG)
    with pytest.raises(SignInNeeded):
        await world.ask(ada)
    assert not world.asked


async def test_after_another_account_is_linked_nobody_is_taken_for_whoever_has_the_same_id_there(world: World) -> None:
    ada = await world.let_in(await world.linked(account="portal 1"))
    assert await world.ask(ada) == "0"
    await world.linked(account="portal 2")
    with pytest.raises(NotListed):
        await world.ask(ada, world.process())


async def test_another_account_that_is_linked_during_a_renewal_is_not_asked_with(world: World) -> None:
    ada = await world.let_in(await world.linked())
    assert await world.ask(ada) == "0"
    await world.linked(account="portal 2")
    await world.vault.sign_in(
        Connection(ORG, CRM_ACCOUNT, "", crm=CrmTokens("portal 2", "Corp", "another", "r", NOW + HOUR, CHOICE))
    )
    world.sign_in.good = {"another"}
    with pytest.raises(NotListed):
        await world.ask(ada)
    assert "another" not in world.asked


async def test_without_a_link_any_more_an_admin_has_to_connect_the_account_again(world: World) -> None:
    ada = await world.let_in(await world.linked())
    assert await world.ask(ada) == "0"
    await world.vault.forget(ORG, CRM_ACCOUNT)
    world.sign_in.good = set()
    for _ in range(2):
        with pytest.raises(SignInNeeded) as needed:
            await world.ask(ada)
        assert needed.value.ended


async def test_twenty_callers_of_two_users_in_two_processes_renew_the_link_once(world: World) -> None:
    link = await world.linked(left=-HOUR)
    users = [await world.let_in(link, ADA), await world.let_in(link, BOB, "8")]
    renewals = [world.renewal, world.process()]
    told = await asyncio.gather(*(world.ask(users[n % 2], renewals[n // 2 % 2]) for n in range(20)))
    assert (set(told), world.sign_in.renewals) == ({"1"}, 1)
    kept = await world.vault.connection(ORG, CRM_ACCOUNT)
    assert kept
    assert kept.crm
    assert (kept.crm.access, kept.crm.refresh, kept.sees) == ("1", "refresh 1", Sees.OWN)


async def test_a_rotated_token_that_was_lost_ends_in_a_link_to_be_made_anew(world: World) -> None:
    ada = await world.let_in(await world.linked(left=-HOUR))
    world.sign_in.refresh = "another that never came"
    with pytest.raises(SignInNeeded) as needed:
        await world.ask(ada)
    assert needed.value.ended


async def test_a_token_that_the_crm_refuses_is_renewed_once_for_all(world: World) -> None:
    ada = await world.let_in(await world.linked())
    world.sign_in.good = set()
    assert await asyncio.gather(*(world.ask(ada) for _ in range(20))) == ["1"] * 20
    assert world.sign_in.renewals == 1


# Tokens of each user's own


async def test_each_user_has_tokens_of_their_own_and_no_choice_of_what_to_see_is_needed(each: World) -> None:
    link = await each.linked(sees=None)
    ada, bob = await each.let_in(link, ADA, "7"), await each.let_in(link, BOB, "8")
    assert await asyncio.gather(*(each.ask(one) for one in (ada, bob, ada))) == ["7 1", "8 1", "7 1"]
    kept = await each.vault.connection(ORG, ADA)
    assert kept
    assert kept.crm
    assert (kept.crm.access, kept.crm.refresh) == ("", "")


async def test_a_users_own_token_that_is_refused_or_over_is_asked_for_anew(each: World) -> None:
    ada = await each.let_in(await each.linked())
    assert await each.ask(ada) == "7 1"
    each.sign_in.good = {"0"}
    assert await each.ask(ada) == "7 2"
    assert isinstance(each.sign_in, EachUser)
    each.sign_in.life = -HOUR
    each.sign_in.good = {"0"}
    assert [await each.ask(ada) for _ in range(2)] == ["7 3", "7 4"]


async def test_a_crm_that_fails_for_one_user_fails_for_no_other(each: World, monkeypatch: pytest.MonkeyPatch) -> None:
    link = await each.linked()
    ada, bob = await each.let_in(link, ADA, "7"), await each.let_in(link, BOB, "8")
    given = each.sign_in.tokens_for

    async def not_for_ada(account: CrmTokens, user: CrmTokens) -> CrmTokens:
        if user.account == "7":
            raise Unavailable(CRM)
        return await given(account, user)

    with monkeypatch.context() as patch:
        patch.setattr(each.sign_in, "tokens_for", not_for_ada)
        with pytest.raises(Unavailable):
            await each.ask(ada)
        assert await each.ask(bob) == "8 1"
    assert await each.ask(ada) == "7 1"
