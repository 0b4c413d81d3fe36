"""Access to a CRM with a token that is good: renewed once for all who ask at once, whatever fails and whoever else renews."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from crm_client import renewal
from crm_client.renewal import MARGIN, Renewal
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmTokens, SignInField
from mailmagnet.errors import BadAnswer, NotAuthorised, RateLimited, Service, Side, SignInNeeded, Unavailable
from mailmagnet.vault import CRM_ACCOUNT, Connection
from metadata_store.sqlite import SqliteStore
from tests.token_server import token_server
from token_vault.encrypted_file import EncryptedFileVault

CRM = Service(Side.CRM, "Zoho CRM")
VAULT, STORE = Service(Side.OURS, "the vault"), Service(Side.OURS, "the store")
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ORG, USER = "corp.example", "101"


class SignIn:
    """A CRM's sign-in: it gives access tokens "1", "2", ..., takes its time, and may fail before or after it has given one."""

    name = CRM.name
    fields: Sequence[SignInField] = ()

    def __init__(self) -> None:
        self.given = 0
        self.before: Exception | None = None
        self.after: Exception | None = None
        self.good = {"0"}
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def sign_in(self, org: str, user: str, typed: Mapping[str, str]) -> CrmTokens:
        raise AssertionError("nobody signs in here")

    async def sign_out(self, tokens: CrmTokens) -> None:
        raise AssertionError("nobody signs out here")

    async def renewed(self, tokens: CrmTokens) -> CrmTokens:
        await asyncio.sleep(0.01)
        if self.before:
            raise self.before
        self.given += 1
        self.good.add(str(self.given))
        if self.meanwhile:
            await self.meanwhile()
        if self.after:
            raise self.after
        return replace(tokens, access=str(self.given), expires_at=NOW + HOUR)


class World:
    """A vault with one connection, a CRM's sign-in, and the CRM, which says whether a token is good."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file, self.key = folder, folder / "vault", Fernet.generate_key().decode()
        self.vault = EncryptedFileVault(self.file, self.key)
        self.sign_in = SignIn()
        self.now = NOW
        self.store = SqliteStore(folder / "store.db")
        self.renewal = Renewal(self.sign_in, self.vault, lambda: self.store, lambda: self.now)
        self.asked: Counter[str] = Counter()

    async def signed_in(self, expires_in: timedelta = HOUR) -> Connection:
        tokens = CrmTokens("7", "Ada Byron", "0", "refresh", NOW + expires_in)
        connection = Connection(ORG, USER, "ada@corp.example", crm=tokens)
        await self.vault.sign_in(connection)
        return connection

    async def call(self, token: str) -> str:
        self.asked[token] += 1
        if token not in self.sign_in.good:
            raise NotAuthorised(CRM)
        return token

    async def ask(self, connection: Connection) -> str:
        return await self.renewal.access_of(connection).ask(self.call)

    def other_process(self) -> Renewal:
        store = SqliteStore(self.folder / "store.db")
        return Renewal(self.sign_in, EncryptedFileVault(self.file, self.key), lambda: store, lambda: self.now)

    async def kept(self) -> str:
        connection = await self.vault.connection(ORG, USER)
        assert connection
        assert connection.crm
        return connection.crm.access


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_a_token_that_is_good_is_used_and_the_vault_is_not_asked(world: World) -> None:
    connection = await world.signed_in()
    world.file.unlink()
    assert await world.ask(connection) == "0"
    assert world.sign_in.given == 0


@pytest.mark.parametrize("left", [-HOUR, timedelta(), MARGIN / 2, MARGIN])
async def test_a_token_that_is_over_or_will_be_soon_is_renewed_and_kept(world: World, left: timedelta) -> None:
    connection = await world.signed_in(left)
    access = world.renewal.access_of(connection)
    assert [await access.ask(world.call) for _ in range(3)] == ["1", "1", "1"]
    assert (world.sign_in.given, await world.kept()) == (1, "1")


@pytest.mark.parametrize("left", [-HOUR, HOUR])
@pytest.mark.parametrize("before", [True, False])
async def test_who_signs_in_to_another_crm_meanwhile_has_its_tokens_sent_to_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch, left: timedelta, before: bool
) -> None:
    """The call began while the old sign-in was kept."""
    connection = await world.signed_in(left)
    assert connection.crm
    elsewhere = replace(connection.crm, access="new", refresh="new", crm=CrmChoice("odoo", "https://crm.example"))
    renewed_with = []
    renewed = world.sign_in.renewed

    async def sign_in_there() -> None:
        await world.vault.sign_in(replace(connection, crm=replace(elsewhere, expires_at=NOW + left)))

    async def renew(tokens: CrmTokens) -> CrmTokens:
        renewed_with.append(tokens.access)
        return await renewed(tokens)

    monkeypatch.setattr(world.sign_in, "renewed", renew)
    world.sign_in.good = set()
    if before:
        await sign_in_there()
    world.sign_in.meanwhile = sign_in_there
    with pytest.raises(SignInNeeded):
        await world.ask(connection)
    assert "new" not in world.asked
    assert "new" not in renewed_with
    assert await world.kept() == "new"


async def test_a_crm_that_refuses_the_old_tokens_is_not_shown_the_new_ones_of_another(world: World) -> None:
    connection = await world.signed_in()
    assert connection.crm
    elsewhere = replace(connection.crm, access="new", crm=CrmChoice("odoo", "https://crm.example"))

    async def signed_in_there_and_refused() -> None:
        await world.vault.sign_in(replace(connection, crm=elsewhere))
        raise NotAuthorised(CRM)

    world.sign_in.good, world.sign_in.meanwhile = set(), signed_in_there_and_refused
    with pytest.raises(SignInNeeded):
        await world.ask(connection)
    assert set(world.asked) == {"0"}


async def test_a_token_that_the_crm_refuses_is_renewed_once(world: World) -> None:
    connection = await world.signed_in()
    world.sign_in.good.clear()
    assert await world.ask(connection) == "1"
    assert world.asked == {"0": 1, "1": 1}
    world.sign_in.good.clear()

    async def refused(token: str) -> str:
        world.asked[token] += 1
        raise NotAuthorised(CRM)

    with pytest.raises(SignInNeeded) as needed:
        await world.renewal.access_of(connection).ask(refused)
    assert (needed.value.ended, needed.value.who) == (True, CRM)
    assert sum(world.asked.values()) == 4


@pytest.mark.parametrize("expired", [True, False], ids=["expired", "refused by the CRM"])
async def test_twenty_callers_at_once_renew_once(world: World, expired: bool) -> None:
    connection = await world.signed_in(-HOUR if expired else HOUR)
    world.sign_in.good.clear()
    assert await asyncio.gather(*(world.ask(connection) for _ in range(20))) == ["1"] * 20
    assert world.sign_in.given == 1


async def test_accounts_are_renewed_each_for_itself(world: World) -> None:
    await world.signed_in(-HOUR)
    other = Connection(ORG, "102", "kim@corp.example", crm=CrmTokens("8", "Kim", "x", "kim's", NOW))
    await world.vault.sign_in(other)
    connection = await world.vault.connection(ORG, USER)
    assert connection
    assert sorted(await asyncio.gather(world.ask(connection), world.ask(other))) == ["1", "2"]


async def test_who_comes_with_an_old_copy_of_the_connection_uses_what_was_renewed_since(world: World) -> None:
    connection = await world.signed_in(-HOUR)
    assert await world.ask(connection) == "1"
    assert await world.ask(connection) == "1"
    assert world.sign_in.given == 1


async def test_of_two_processes_both_use_what_was_kept_first(world: World) -> None:
    connection = await world.signed_in(-HOUR)
    other = world.other_process()
    askers = [world.renewal, other] * 10
    told = await asyncio.gather(*(each.access_of(connection).ask(world.call) for each in askers))
    assert (set(told), world.sign_in.given) == ({"1"}, 1)


async def test_a_turn_is_given_back_when_the_vault_has_the_new_token_and_not_before(world: World) -> None:
    connection = await world.signed_in(-HOUR)
    kept_at: list[str] = []

    class WatchedStore(SqliteStore):
        async def end_use(self, org: str, name: str, until: datetime) -> None:
            kept_at.append(await world.kept())
            await super().end_use(org, name, until)

    store = WatchedStore(world.folder / "store.db")
    watched = Renewal(world.sign_in, world.vault, lambda: store, lambda: NOW)
    assert await watched.access_of(connection).ask(world.call) == "1"
    assert kept_at == ["1"]
    world.sign_in.good.clear()
    assert await world.other_process().access_of(connection).ask(world.call) == "2"


async def test_one_who_died_during_its_turn_is_waited_for_no_longer_than_a_turn_lasts(world: World) -> None:
    connection = await world.signed_in(-HOUR)
    assert await world.store.use_once(ORG, f"renewal of {USER}", world.now + renewal.LEASE, world.now)
    asking = asyncio.create_task(world.ask(connection))
    await asyncio.sleep(3 * renewal.SECONDS_BETWEEN_LOOKS)
    assert (asking.done(), world.sign_in.given) == (False, 0)
    world.now += renewal.LEASE + timedelta(microseconds=1)
    assert await asking == "1"


async def test_a_turn_taken_by_a_clock_that_has_gone_back_since_keeps_nobody_out_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await world.signed_in(-HOUR)
    assert await world.store.use_once(ORG, f"renewal of {USER}", world.now + 24 * HOUR, world.now)
    monkeypatch.setattr(renewal, "LEASE", timedelta(seconds=0.3))
    assert await world.ask(connection) == "1"


@pytest.mark.parametrize(("failing", "given"), [("use_once", 0), ("end_use", 1)])
async def test_a_store_that_fails_keeps_no_new_token_from_its_caller(world: World, failing: str, given: int) -> None:
    connection = await world.signed_in(-HOUR)

    async def fails(*_: object) -> None:
        raise Unavailable(STORE)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.store, failing, fails)
        if given:
            assert await world.ask(connection) == "1"
        else:
            with pytest.raises(Unavailable):
                await world.ask(connection)
    assert world.sign_in.given == given
    assert await world.ask(connection) == "1"


async def test_a_refusal_is_none_when_another_process_has_renewed_meanwhile(world: World) -> None:
    """A CRM that gives a new refresh token each time refuses the one before."""
    connection = await world.signed_in(-HOUR)
    assert connection.crm
    others = replace(connection.crm, access="others", refresh="new", expires_at=NOW + HOUR)
    world.sign_in.good.add("others")

    async def other_process() -> None:
        assert connection.crm
        await EncryptedFileVault(world.file, world.key).renew(ORG, USER, connection.crm, others)

    world.sign_in.meanwhile, world.sign_in.after = other_process, NotAuthorised(CRM)
    assert await world.ask(connection) == "others"


# What fails


async def test_without_a_sign_in_nothing_is_asked(world: World) -> None:
    with pytest.raises(SignInNeeded) as needed:
        await world.ask(Connection(ORG, USER, "ada@corp.example"))
    assert (needed.value.ended, needed.value.who) == (False, CRM)
    assert not world.file.exists()


async def test_a_refused_renewal_asks_for_sign_in_again(world: World) -> None:
    connection = await world.signed_in(-HOUR)
    world.sign_in.before = NotAuthorised(CRM)
    for _ in range(2):
        with pytest.raises(SignInNeeded) as needed:
            await world.ask(connection)
        assert needed.value.ended
    assert await world.kept() == "0"


@pytest.mark.parametrize("when", ["before the renewal", "during it"])
async def test_who_has_signed_out_meanwhile_is_not_signed_in_again(world: World, when: str) -> None:
    connection = await world.signed_in(-HOUR)
    if when == "during it":
        world.sign_in.meanwhile = lambda: world.vault.sign_out(ORG, USER)
    else:
        await world.vault.sign_out(ORG, USER)
    with pytest.raises(SignInNeeded) as needed:
        await world.ask(connection)
    assert not needed.value.ended
    kept = await world.vault.connection(ORG, USER)
    assert kept
    assert kept.crm is None


@pytest.mark.parametrize(
    "problem", [Unavailable(CRM), RateLimited(CRM, 30), BadAnswer(CRM)], ids=lambda problem: type(problem).__name__
)
@pytest.mark.parametrize("effect", ["before", "after"])
async def test_a_renewal_that_fails_before_or_after_its_effect_is_done_by_the_next_call(
    world: World, problem: Exception, effect: str
) -> None:
    connection = await world.signed_in(-HOUR)
    setattr(world.sign_in, effect, problem)
    with pytest.raises(type(problem)):
        await world.ask(connection)
    assert await world.kept() == "0"
    setattr(world.sign_in, effect, None)
    assert await world.ask(connection) == await world.kept()


class FailingVault(EncryptedFileVault):
    """It keeps new tokens, or fails before or after that."""

    fails = ""

    async def renew(self, org: str, user: str, old: CrmTokens, new: CrmTokens) -> CrmTokens:
        if self.fails == "before":
            raise Unavailable(VAULT)
        stands = await super().renew(org, user, old, new)
        if self.fails == "after":
            raise Unavailable(VAULT)
        return stands


@pytest.mark.parametrize("effect", ["before", "after"])
async def test_a_vault_that_fails_before_or_after_it_has_kept_a_token_costs_at_most_one_more(world: World, effect: str) -> None:
    connection = await world.signed_in(-HOUR)
    vault = FailingVault(world.file, world.key)
    vault.fails = effect
    renewing = Renewal(world.sign_in, vault, lambda: world.store, lambda: NOW)
    with pytest.raises(Unavailable) as failed:
        await renewing.access_of(connection).ask(world.call)
    assert failed.value.who == VAULT
    vault.fails = ""
    assert await renewing.access_of(connection).ask(world.call) == await world.kept()
    assert world.sign_in.given == (2 if effect == "before" else 1)


async def test_while_the_crm_gives_no_new_token_the_old_one_serves_until_its_end(world: World) -> None:
    connection = await world.signed_in(MARGIN / 2)
    world.sign_in.before = Unavailable(CRM)
    assert await world.ask(connection) == "0"
    world.now += MARGIN
    with pytest.raises(Unavailable):
        await world.ask(connection)


async def test_a_caller_that_gives_up_loses_no_token(world: World) -> None:
    connection = await world.signed_in(-HOUR)
    caller = asyncio.create_task(world.ask(connection))
    await asyncio.sleep(0.005)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await asyncio.gather(*world.renewal._under_way)
    assert (world.sign_in.given, await world.kept()) == (1, "1")
    assert await world.ask(connection) == "1"
    assert world.sign_in.given == 1


async def test_a_call_that_fails_otherwise_is_not_made_again(world: World) -> None:
    connection = await world.signed_in()
    calls = 0

    async def down(_: str) -> None:
        nonlocal calls
        calls += 1
        raise Unavailable(CRM)

    with pytest.raises(Unavailable):
        await world.renewal.access_of(connection).ask(down)
    assert (calls, world.sign_in.given) == (1, 0)


_PROCESS = """
import asyncio, json, sys
from pathlib import Path
from crm_client.embedded.crm import EmbeddedCrm
from crm_client.embedded.sign_in import EmbeddedSignIn
from crm_client.renewal import Renewal
from metadata_store.sqlite import SqliteStore
from tests.crm_signed_in import machine_time
from token_vault.encrypted_file import EncryptedFileVault

async def main() -> None:
    database, vault = Path(sys.argv[1]), EncryptedFileVault(Path(sys.argv[2]), sys.argv[3])
    store = SqliteStore(Path(sys.argv[6]))
    renewal = Renewal(EmbeddedSignIn(database, machine_time), vault, lambda: store, machine_time)
    connection = await vault.connection(sys.argv[4], sys.argv[5])
    sys.stdin.readline()
    crms = [EmbeddedCrm(database, renewal.access_of(connection)) for _ in range(20)]
    users = await asyncio.gather(*(crm.me() for crm in crms))
    print(json.dumps([user.name for user in users]))

asyncio.run(main())
"""


async def test_two_real_processes_of_twenty_callers_each_all_get_in(world: World, tmp_path: Path) -> None:
    from crm_client.embedded import administration, sessions
    from crm_client.embedded.database import close_idle, reading, writing
    from mailmagnet.crm import Organisation
    from tests.crm_signed_in import machine_time

    database = tmp_path / "crm.db"
    administration.create(database, Organisation("Corp", "UTC", "EUR"), ORG)
    user_id = administration.add_user(database, "Ada Byron", "ada@corp.example", administration.ADMINISTRATOR)
    with writing(database) as opened:
        tokens = sessions.begin(opened, user_id, ORG, USER, machine_time() - 2 * HOUR)
    await world.vault.sign_in(Connection(ORG, USER, "ada@corp.example", crm=tokens))
    words = (str(database), str(world.file), world.key, ORG, USER, str(world.folder / "store.db"))
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _PROCESS, *words),
            cwd=Path(__file__).parents[2],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(2)
    ]
    told = await asyncio.gather(*(process.communicate(b"\n") for process in processes))
    assert [json.loads(said) for said, _ in told] == [["Ada Byron"] * 20] * 2
    with reading(database) as opened:
        assert 1 <= opened.execute("SELECT count(*) FROM access_tokens").fetchone()[0] <= 2
    close_idle(database)


_SINGLE_USE = """
import asyncio, json, sys
from datetime import UTC, datetime
from dataclasses import replace
from functools import partial
from pathlib import Path
from crm_client.authorization_code import AuthorizationCode
from crm_client.renewal import Renewal
from http_session.session import HttpSession
from metadata_store.sqlite import SqliteStore
from tests.oauth_crm import CRM, HERE, SignIn, TestCrms
from tests.token_server import CLIENT, TokenServer
from token_vault.encrypted_file import EncryptedFileVault

class Means:
    client = CLIENT
    def __init__(self, session):
        self.session_of = lambda _: session

async def main() -> None:
    file, key, org, user, store_file, origin = sys.argv[1:]
    session = HttpSession({origin})
    vault, store = EncryptedFileVault(Path(file), key), SqliteStore(Path(store_file))
    renewal = Renewal(SignIn(TestCrms(TokenServer(origin)), Means(session), None), vault, lambda: store, partial(datetime.now, UTC))
    connection = await vault.connection(org, user)
    async def me(token):
        answer = await session.request(CRM, "GET", origin + "/me", seconds=2, headers={"Authorization": "Bearer " + token})
        if answer.status != 200:
            from mailmagnet.errors import NotAuthorised
            raise NotAuthorised(CRM)
        return json.loads(answer.body)["name"]
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(await asyncio.gather(*(renewal.access_of(connection).ask(me) for _ in range(20)))))
    await session.close()

asyncio.run(main())
"""
"""A CRM whose refresh tokens are good once: whoever renews with one that is spent is signed out."""


@pytest.mark.parametrize("account", [USER, CRM_ACCOUNT])
async def test_two_real_processes_spend_a_refresh_token_that_is_good_once_no_more_than_once(tmp_path: Path, account: str) -> None:
    key, vault_file, store_file = Fernet.generate_key().decode(), tmp_path / "vault", tmp_path / "store.db"
    vault = EncryptedFileVault(vault_file, key)
    async with token_server() as server:
        server.seconds = 0.3
        server.refresh.add("refresh-0")
        spent = CrmTokens("7", "Ada Byron", "spent", "refresh-0", datetime.now(UTC) - HOUR)
        await vault.sign_in(Connection(ORG, account, "ada@corp.example", crm=spent))
        words = (str(vault_file), key, ORG, account, str(store_file), server.origin)
        processes = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", _SINGLE_USE, *words),
                cwd=Path(__file__).parents[2],
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            for _ in range(2)
        ]
        for process in processes:
            assert process.stdout
            assert await process.stdout.readline() == b"ready\n"
        told = await asyncio.gather(*(process.communicate(b"\n") for process in processes))
        assert [json.loads(said) for said, _ in told] == [["Ada Byron"] * 20] * 2
        assert (server.renewals, len(server.forms), server.refresh) == (1, 1, {"refresh-1"})
    kept = await vault.connection(ORG, account)
    assert kept
    assert kept.crm
    assert (kept.crm.access, kept.crm.refresh) == ("access-1", "refresh-1")
