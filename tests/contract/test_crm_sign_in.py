"""The embedded CRM's sign-in: passwords, tries, sessions; what is wrong is never told apart."""

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.contract.crm_sign_in_contract")

from crm_client.embedded import administration, passwords  # noqa: E402
from crm_client.embedded.database import close_idle, reading, writing  # noqa: E402
from crm_client.embedded.sessions import ACCESS_TIME, UNUSED_TIME  # noqa: E402
from crm_client.embedded.sign_in import PASSWORD, USER_NAME, EmbeddedSignIn  # noqa: E402
from crm_client.embedded.tries import FORGOTTEN_AFTER, NOT_HELD_UP_BY_OTHERS, OF_ACCOUNT, OF_NAME, count_try  # noqa: E402
from mailmagnet.crm import Organisation  # noqa: E402
from mailmagnet.crm_sign_in import CrmTokens, TypedSignIn  # noqa: E402
from mailmagnet.errors import BadRequest, NotAuthorised, NotFound, RateLimited, SignInNeeded, Unavailable  # noqa: E402
from tests.contract.crm_sign_in_contract import CrmSignInContract  # noqa: E402
from tests.crm_rows import rows_of  # noqa: E402
from tests.crm_signed_in import crm_with, machine_time  # noqa: E402

ORG = "corp.example"
ADA, KIM = "ada@corp.example", "kim@corp.example"
ADA_SUB, KIM_SUB, STRANGER = "103156417899512345678", "203156417899512345678", "303156417899512345678"
RIGHT, KIMS = "correct horse battery", "Päßwörter sind schön"
CHEAP = passwords.Cost(4, 8, 1)


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords cost nothing here, but where a test says so."""
    monkeypatch.setattr(passwords, "COST", CHEAP)


@dataclass
class Crm:
    """A CRM of two users, and its sign-in at a time that a test turns."""

    file: Path
    turned: timedelta = timedelta()

    def __post_init__(self) -> None:
        self.sign_in = EmbeddedSignIn(self.file, lambda: machine_time() + self.turned)

    async def typed(self, name: str, password: str, org: str = ORG, user: str = ADA_SUB) -> CrmTokens:
        return await self.sign_in.sign_in(org, user, {USER_NAME: name, PASSWORD: password})

    async def wrong(self, name: str = ADA, org: str = ORG, user: str = ADA_SUB) -> None:
        with pytest.raises(NotAuthorised):
            await self.typed(name, "wrong password", org, user)

    @property
    def typed_right(self) -> Mapping[str, str]:
        return {USER_NAME: ADA, PASSWORD: RIGHT}

    @property
    def typed_wrong(self) -> Sequence[Mapping[str, str]]:
        return {USER_NAME: ADA, PASSWORD: KIMS}, {USER_NAME: "nobody@corp.example", PASSWORD: RIGHT}, {USER_NAME: ADA}

    async def who(self, tokens: CrmTokens, org: str, user: str) -> str:
        return (await crm_with(self.file, tokens, org, user).me()).name

    async def deactivate(self) -> None:
        administration.deactivate(self.file, ADA)


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[Crm]:
    file = tmp_path / "crm.db"
    administration.create(file, Organisation("Corp", "Europe/Vienna", "EUR"), ORG)
    administration.add_user(file, "Ada Byron", ADA, administration.ADMINISTRATOR)
    administration.add_user(file, "Kim Park", KIM, administration.STANDARD)
    administration.set_password(file, ADA, RIGHT)
    administration.set_password(file, KIM, KIMS)
    yield Crm(file)
    close_idle(file)


@pytest.fixture
def world(crm: Crm) -> Crm:
    return crm


class TestEmbeddedSignIn(CrmSignInContract):
    """The contract."""


async def test_name_and_password_give_tokens_that_open_the_crm(crm: Crm) -> None:
    sign_in: TypedSignIn = crm.sign_in
    assert [(field.label, field.secret) for field in sign_in.fields] == [("User name", False), ("Password", True)]
    for name in (ADA, " Ada@Corp.EXAMPLE "):
        tokens = await crm.typed(name, RIGHT)
        assert tokens.name == "Ada Byron"
        assert abs(tokens.expires_at - machine_time() - ACCESS_TIME) < timedelta(minutes=1)
        assert (await crm_with(crm.file, tokens, ORG, ADA_SUB).me()).id == tokens.account
        assert not {tokens.access, tokens.refresh} & set(repr(tokens).split("'"))
    with reading(crm.file) as connection:
        assert connection.execute("SELECT count(*) FROM tries").fetchone()[0] == 0


async def test_a_password_is_the_same_however_a_keyboard_composes_it(crm: Crm) -> None:
    decomposed = "Pa\u0308\u00dfwo\u0308rter sind scho\u0308n"
    assert decomposed != KIMS
    assert (await crm.typed(KIM, decomposed, user=KIM_SUB)).name == "Kim Park"


WRONG = {
    "wrong password": (ADA, RIGHT + " ", ORG, ADA_SUB),
    "no password": (ADA, "", ORG, ADA_SUB),
    "a colleague's password": (ADA, KIMS, ORG, ADA_SUB),
    "unknown name": ("nobody@corp.example", RIGHT, ORG, ADA_SUB),
    "no name": ("", RIGHT, ORG, ADA_SUB),
    "no address": ("Ada Byron", RIGHT, ORG, ADA_SUB),
    "a pattern": ("%", RIGHT, ORG, ADA_SUB),
    "no text": ("\ud800\0@corp.example", "\ud800\0", ORG, ADA_SUB),
    "very long": ("a" * 100_000 + "@corp.example", "b" * 100_000, ORG, ADA_SUB),
    "another organisation's account": (ADA, RIGHT, "other.example", ADA_SUB),
    "an organisation that looks alike": (ADA, RIGHT, "Corp.Example", ADA_SUB),
    "without a password": ("noa@corp.example", RIGHT, ORG, ADA_SUB),
    "inactive": ("old@corp.example", RIGHT, ORG, ADA_SUB),
}


@pytest.fixture
def costs(monkeypatch: pytest.MonkeyPatch) -> list[passwords.Cost]:
    """The cost of each hash that is made from now on: time itself would be the machine's."""
    made: list[passwords.Cost] = []
    scrypt = passwords._scrypt

    def counted(password: str, cost: passwords.Cost, salt: bytes) -> bytes:
        made.append(cost)
        return scrypt(password, cost, salt)

    monkeypatch.setattr(passwords, "_scrypt", counted)
    return made


async def test_what_is_wrong_is_answered_alike_and_after_the_same_work(crm: Crm, costs: list[passwords.Cost]) -> None:
    administration.add_user(crm.file, "Noa Lund", "noa@corp.example", administration.STANDARD)
    administration.add_user(crm.file, "Olga Dahl", "old@corp.example", administration.STANDARD)
    administration.set_password(crm.file, "old@corp.example", RIGHT)
    administration.deactivate(crm.file, "old@corp.example")
    answers = {}
    for what, (name, password, org, user) in WRONG.items():
        costs.clear()
        crm.turned += timedelta(days=2)
        with pytest.raises(NotAuthorised) as refused:
            await crm.typed(name, password, org, user)
        answers[what] = (type(refused.value), str(refused.value), tuple(costs))
    assert set(answers.values()) == {(NotAuthorised, str(refused.value), (CHEAP,))}
    assert "user name or the password" in str(refused.value)


async def test_an_unknown_name_costs_as_much_as_a_wrong_password_at_todays_cost_too(
    crm: Crm, costs: list[passwords.Cost], monkeypatch: pytest.MonkeyPatch
) -> None:
    dear = passwords.Cost(5, 8, 2)
    monkeypatch.setattr(passwords, "COST", dear)
    administration.set_password(crm.file, ADA, RIGHT)
    later = Crm(crm.file)
    costs.clear()
    await later.wrong(ADA)
    await later.wrong("nobody@corp.example")
    assert costs == [dear, dear]


async def test_a_consumer_account_signs_in_too(crm: Crm) -> None:
    tokens = await crm.typed(ADA, RIGHT, STRANGER, STRANGER)
    assert (await crm_with(crm.file, tokens, STRANGER, STRANGER).me()).name == "Ada Byron"


# Passwords


@pytest.mark.parametrize("password", ["", "short", "123456789", ADA, "ADA@corp.example", " ada@corp.example "])
def test_what_is_no_password_is_refused_and_nothing_is_changed(crm: Crm, password: str) -> None:
    before = rows_of(crm.file)
    with pytest.raises(BadRequest, match="a password"):
        administration.set_password(crm.file, ADA, password)
    assert rows_of(crm.file) == before


def test_only_an_active_user_has_a_password(crm: Crm) -> None:
    with pytest.raises(NotFound):
        administration.set_password(crm.file, "nobody@corp.example", RIGHT)
    administration.deactivate(crm.file, KIM)
    with pytest.raises(BadRequest, match="not active"):
        administration.set_password(crm.file, KIM, RIGHT)


async def test_a_new_password_signs_out_and_a_leavers_opens_nothing_when_the_address_is_given_again(crm: Crm) -> None:
    tokens = await crm.typed(ADA, RIGHT)
    administration.set_password(crm.file, ADA, "another horse")
    with pytest.raises(SignInNeeded):
        await crm_with(crm.file, tokens, ORG, ADA_SUB).me()
    await crm.wrong()
    with pytest.raises(NotAuthorised):
        await crm.typed(ADA, RIGHT)
    administration.deactivate(crm.file, ADA)
    administration.add_user(crm.file, "Adam New", ADA, administration.ADMINISTRATOR)
    with pytest.raises(NotAuthorised):
        await crm.typed(ADA, "another horse")


def test_a_password_is_not_in_the_file_and_each_hash_has_its_own_salt(crm: Crm) -> None:
    administration.set_password(crm.file, KIM, RIGHT)
    with reading(crm.file) as connection:
        one, other = (row["hash"] for row in connection.execute("SELECT hash FROM passwords"))
    assert one != other
    assert one.split("$")[:4] == ["scrypt", "4", "8", "1"]
    close_idle(crm.file)
    kept = b"".join(file.read_bytes() for file in crm.file.parent.iterdir())
    assert RIGHT.encode() not in kept


def test_the_cost_is_one_of_owasps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert (passwords.COST.log_n, passwords.COST.r, passwords.COST.p) in {
        (17, 8, 1),
        (16, 8, 2),
        (15, 8, 3),
        (14, 8, 5),
        (13, 8, 10),
    }
    kept = passwords.hash_of(RIGHT)
    assert passwords.is_right(RIGHT, kept)
    assert not passwords.is_right(RIGHT + "!", kept)
    assert passwords.is_of_today(kept)
    assert passwords.is_of_today(passwords.hash_of_nobody())


async def test_a_hash_of_an_earlier_cost_is_good_and_grows_with_the_next_sign_in(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = passwords.Cost(5, 8, 2)
    monkeypatch.setattr(passwords, "COST", today)
    await crm.wrong()
    for _ in range(2):
        await crm.typed(ADA, RIGHT)
    with reading(crm.file) as connection:
        hashes = {row["email"]: row["hash"] for row in connection.execute("SELECT * FROM passwords JOIN users ON id = user_id")}
    assert passwords.is_of_today(hashes[ADA])
    assert not passwords.is_of_today(hashes[KIM])


async def test_a_password_changed_while_the_old_one_is_checked_signs_nobody_in(crm: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    is_right = passwords.is_right

    def changed_meanwhile(password: str, kept: str) -> bool:
        administration.set_password(crm.file, ADA, "another horse")
        return is_right(password, kept)

    monkeypatch.setattr(passwords, "is_right", changed_meanwhile)
    with pytest.raises(NotAuthorised):
        await crm.typed(ADA, RIGHT)


# Tries


async def _wait(crm: Crm, name: str = ADA, password: str = RIGHT, user: str = ADA_SUB) -> float:
    """For how long the CRM wants to be asked no more."""
    with pytest.raises(RateLimited) as limited:
        await crm.typed(name, password, user=user)
    return limited.value.retry_after


async def test_an_account_that_types_wrong_waits_longer_and_longer_and_then_gets_in(crm: Crm) -> None:
    for _ in range(OF_ACCOUNT.free):
        await crm.wrong()
    waits = []
    for _ in range(8):
        waits.append(round(await _wait(crm), -1))
        assert await _wait(crm, KIM, KIMS) == pytest.approx(waits[-1], abs=5)
        crm.turned += timedelta(seconds=waits[-1] + 5)
        await crm.wrong()
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    crm.turned += timedelta(hours=2)
    assert await crm.typed(ADA, RIGHT)
    crm.turned += FORGOTTEN_AFTER + timedelta(hours=1)
    for _ in range(OF_ACCOUNT.free):
        await crm.wrong()


async def test_many_tries_at_once_are_counted_each(crm: Crm) -> None:
    answers = await asyncio.gather(*(crm.typed(ADA, f"wrong {n}") for n in range(30)), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["NotAuthorised"] * 5 + ["RateLimited"] * 25


async def test_processes_count_tries_together(crm: Crm) -> None:
    for number in range(OF_ACCOUNT.free):
        await (Crm(crm.file) if number % 2 else crm).wrong()
    assert await _wait(Crm(crm.file)) > 0


async def test_a_right_password_of_ones_own_buys_no_guesses_at_anothers(crm: Crm) -> None:
    for _ in range(OF_ACCOUNT.free - 1):
        await crm.wrong(KIM)
        await crm.typed(ADA, RIGHT)
    await crm.wrong(KIM)
    assert await _wait(crm, KIM) > 0


async def test_strangers_tries_on_a_name_slow_strangers_and_not_its_owner(crm: Crm) -> None:
    for number in range(OF_NAME.free):
        await crm.wrong(user=str(number))
    for _ in range(NOT_HELD_UP_BY_OTHERS):
        await crm.wrong(user=STRANGER)
    assert 0 < await _wait(crm, user=STRANGER) <= OF_NAME.longest
    for _ in range(NOT_HELD_UP_BY_OTHERS - 1):
        await crm.wrong()
    assert (await crm.typed(ADA, RIGHT)).name == "Ada Byron"
    crm.turned += timedelta(seconds=OF_NAME.longest + 1)
    await crm.wrong(user=STRANGER)


async def test_a_name_that_nobody_has_is_throttled_as_any(crm: Crm) -> None:
    for number in range(OF_NAME.free):
        await crm.wrong("nobody@corp.example", user=str(number))
    for _ in range(NOT_HELD_UP_BY_OTHERS):
        await crm.wrong("nobody@corp.example", user=STRANGER)
    assert await _wait(crm, "nobody@corp.example", user=STRANGER) > 0


async def test_a_clock_that_goes_back_shuts_nobody_out(crm: Crm) -> None:
    crm.turned = timedelta(days=365)
    for _ in range(OF_ACCOUNT.free):
        await crm.wrong()
    crm.turned = timedelta()
    assert await crm.typed(ADA, RIGHT)


def test_what_was_typed_in_place_of_a_name_is_not_kept(crm: Crm) -> None:
    asyncio.run(crm.wrong("my secret password"))
    assert "my secret" not in str(rows_of(crm.file))
    with writing(crm.file) as connection:
        count_try(connection, "", ORG, ADA_SUB, machine_time() + timedelta(days=3))
        assert connection.execute("SELECT count(*) FROM tries").fetchone()[0] == 2


# Sessions


async def test_a_renewed_token_is_new_and_the_one_before_is_good_until_its_time(crm: Crm) -> None:
    first = await crm.typed(ADA, RIGHT)
    second = await crm.sign_in.renewed(first)
    assert (second.account, second.name, second.refresh) == (first.account, first.name, first.refresh)
    assert second.access != first.access
    for tokens in (first, second):
        assert await crm_with(crm.file, tokens, ORG, ADA_SUB).me()
    assert await crm.sign_in.renewed(first)


async def test_tokens_that_have_expired_do_not_pile_up(crm: Crm) -> None:
    tokens = await crm.typed(ADA, RIGHT)
    for _ in range(5):
        crm.turned += timedelta(hours=2)
        tokens = await crm.sign_in.renewed(tokens)
    with reading(crm.file) as connection:
        assert connection.execute("SELECT count(*) FROM access_tokens").fetchone()[0] == 1


async def test_a_session_that_is_not_used_for_90_days_ends_and_one_that_is_used_does_not(crm: Crm) -> None:
    tokens = await crm.typed(ADA, RIGHT)
    for _ in range(3):
        crm.turned += UNUSED_TIME - timedelta(hours=1)
        tokens = await crm.sign_in.renewed(tokens)
    crm.turned += UNUSED_TIME + timedelta(hours=1)
    with pytest.raises(NotAuthorised):
        await crm.sign_in.renewed(tokens)


async def test_a_clock_that_goes_back_ends_no_session(crm: Crm) -> None:
    crm.turned = timedelta(days=365)
    tokens = await crm.typed(ADA, RIGHT)
    crm.turned = timedelta()
    assert await crm_with(crm.file, tokens, ORG, ADA_SUB).me()


async def test_while_another_writes_for_long_and_without_a_file_it_is_unavailable(crm: Crm) -> None:
    tokens = await crm.typed(ADA, RIGHT)
    with closing(sqlite3.connect(crm.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for call in (crm.typed(ADA, RIGHT), crm.sign_in.renewed(tokens)):
            with pytest.raises(Unavailable):
                await call
    close_idle(crm.file)
    crm.file.unlink()
    for call in (crm.typed(ADA, RIGHT), crm.sign_in.renewed(tokens)):
        with pytest.raises(Unavailable):
            await call
    assert not crm.file.exists()
