"""Signing in to the CRM and out: whatever fails, before or after its effect, doing it again reaches the same end."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from cryptography.fernet import Fernet

from crm_client.embedded import access, administration, passwords
from crm_client.embedded.database import close_idle
from crm_client.embedded.sign_in import PASSWORD, USER_NAME, EmbeddedSignIn
from mailmagnet.consent import Grant
from mailmagnet.crm import Organisation
from mailmagnet.crm_choice import EMBEDDED, CrmChoice
from mailmagnet.errors import MAILMAGNET, NotAuthorised, Unavailable
from mailmagnet.parts import Parts
from mailmagnet.sign_in_to_crm import sign_in_to_crm, sign_out_of_crm
from mailmagnet.vault import Connection
from metadata_store.sqlite import SqliteStore
from tests.crm_signed_in import crm_with, machine_time
from token_vault.encrypted_file import EncryptedFileVault

ORG, USER, ADA = "corp.example", "101", "ada@corp.example"
TYPED = {USER_NAME: ADA, PASSWORD: "correct horse battery"}
NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
GMAIL = Connection(ORG, USER, ADA, frozenset({ADA}), gmail_token="gmail's", grants=frozenset({Grant.SORT}))


class Broken:
    """One of the outside's parts, which fails in one of its calls: before it has done anything, or after."""

    def __init__(self, part: Any, breaks: "Breaks") -> None:
        self._part, self._breaks = part, breaks

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._part, name)

        async def made(*arguments: Any) -> Any:
            self._breaks.calls += 1
            here = self._breaks.calls == self._breaks.at
            if here and not self._breaks.after:
                raise Unavailable(MAILMAGNET)
            done = await call(*arguments)
            if here:
                raise Unavailable(MAILMAGNET)
            return done

        return made if callable(call) else call


class Breaks(SimpleNamespace):
    """The call, counted from one, that fails."""

    calls, at, after = 0, 0, False


CRM = CrmChoice(EMBEDDED)


class World:
    def __init__(self, folder: Path) -> None:
        self.crm_file, self.breaks = folder / "crm.db", Breaks()
        administration.create(self.crm_file, Organisation("Corp", "UTC", "EUR"), ORG)
        administration.add_user(self.crm_file, "Ada Byron", ADA, administration.ADMINISTRATOR)
        administration.set_password(self.crm_file, ADA, TYPED[PASSWORD])
        self.vault = EncryptedFileVault(folder / "vault", Fernet.generate_key().decode())
        self.store = SqliteStore(folder / "store.sqlite")
        sign_in = EmbeddedSignIn(self.crm_file, machine_time)
        self.parts = cast(
            Parts,
            SimpleNamespace(
                vault=Broken(self.vault, self.breaks),
                store=Broken(self.store, self.breaks),
                crm_sign_in_of=lambda _: Broken(sign_in, self.breaks),
                now=lambda: NOW,
            ),
        )

    def sessions(self) -> object:
        return access.users(self.crm_file)[0]["signed_in"]

    async def sign_in(self) -> None:
        await sign_in_to_crm(replace(GMAIL, gmail_token="", grants=frozenset()), CRM, TYPED, self.parts)

    async def sign_out(self) -> None:
        await sign_out_of_crm(ORG, USER, self.parts)

    async def crm_user(self) -> str:
        mailbox = await self.store.mailbox(ORG, USER)
        assert mailbox
        return mailbox.presence.crm_user


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Ada's mailbox is connected."""
    monkeypatch.setattr(passwords, "COST", passwords.Cost(4, 8, 1))
    made = World(tmp_path)
    await made.vault.keep(GMAIL)
    await made.store.connect(ORG, USER, ADA, NOW)
    yield made
    await made.store.close()
    close_idle(made.crm_file)


async def _with_a_failure(world: World, at: int, work: Callable[[], Any], *, after: bool) -> bool:
    """Whether the work has a call of this number; it has failed then."""
    world.breaks.calls, world.breaks.at, world.breaks.after = 0, at, after
    try:
        await work()
    except Unavailable:
        world.breaks.at = 0
        return True
    world.breaks.at = 0
    return False


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_sign_in_that_failed_anywhere_is_done_by_signing_in_again(world: World, after: bool) -> None:
    steps = 0
    while await _with_a_failure(world, steps + 1, world.sign_in, after=after):
        steps += 1
        await world.sign_in()
        kept = await world.vault.connection(ORG, USER)
        assert kept
        assert kept.crm
        assert (kept.gmail_token, kept.grants) == (GMAIL.gmail_token, GMAIL.grants)
        assert (await crm_with(world.crm_file, kept.crm, ORG, USER).me()).id == await world.crm_user()
        assert world.sessions() == [{"org": ORG, "user": USER}]
        await world.sign_out()
    assert steps >= 3


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_sign_out_that_failed_anywhere_is_done_by_signing_out_again(world: World, after: bool) -> None:
    steps = 0
    await world.sign_in()
    while await _with_a_failure(world, steps + 1, world.sign_out, after=after):
        steps += 1
        await world.sign_out()
        kept = await world.vault.connection(ORG, USER)
        assert kept
        assert (kept.crm, kept.gmail_token) == (None, GMAIL.gmail_token)
        assert (world.sessions(), await world.crm_user()) == ([], "")
        await world.sign_in()
    assert steps >= 3


async def test_a_wrong_password_leaves_the_sign_in_that_is_there(world: World) -> None:
    await world.sign_in()
    before = await world.vault.connection(ORG, USER)
    with pytest.raises(NotAuthorised):
        await sign_in_to_crm(GMAIL, CRM, TYPED | {PASSWORD: "wrong horse"}, world.parts)
    assert await world.vault.connection(ORG, USER) == before
    assert before
    assert (await crm_with(world.crm_file, before.crm, ORG, USER).me()).name == "Ada Byron"
