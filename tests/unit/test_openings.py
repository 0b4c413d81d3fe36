"""That a user was here is noted after the answer: once a day, never in the way, and what fails is logged and tried again."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from functions import openings
from functions.openings import Openings
from mailmagnet.caller import Caller
from mailmagnet.errors import MAILMAGNET, NotFound, Unavailable
from mailmagnet.identity import Identity
from mailmagnet.parts import Parts

NOW = datetime(2026, 11, 30, 9, 25, tzinfo=UTC)
ADA = Identity("corp.example", "1", "ada@corp.example", "corp.example")
BOB = Identity("other.example", "1", "bob@other.example", "other.example")


@dataclass
class Noting:
    """The store, as far as noting goes."""

    fails: BaseException | None = None
    noted: list[tuple[str, str]] = field(default_factory=list)

    async def change_presence(self, org: str, user: str, _: Any) -> None:
        if self.fails:
            raise self.fails
        self.noted.append((org, user))

    async def mailbox(self, *_: str) -> None:
        """None whose trouble with the CRM could be over."""

    @property
    def parts(self) -> Parts:
        return cast(Parts, SimpleNamespace(store=self, vault=self, lets_in=lambda _: False))

    async def connection(self, *_: str) -> None:
        """None: the vault knows no sign-in to a CRM."""


def caller(identity: Identity = ADA, later: timedelta = timedelta()) -> Caller:
    return Caller(identity, NOW + later, 0.0)


async def test_it_is_noted_once_a_day_and_for_each_user() -> None:
    store, process = Noting(), Openings()
    for each in (caller(), caller(), caller(BOB), caller(later=timedelta(hours=14)), caller(later=timedelta(hours=15))):
        await process.note(each, store.parts)
    assert store.noted == [("corp.example", "1"), ("other.example", "1"), ("corp.example", "1")]


@pytest.mark.parametrize(
    "problem", [Unavailable(MAILMAGNET, "down"), KeyError("ada@corp.example")], ids=lambda each: type(each).__name__
)
async def test_what_fails_is_logged_without_a_name_and_tried_again(
    problem: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    store, process = Noting(problem), Openings()
    await process.note(caller(), store.parts)
    logged = capsys.readouterr().out
    assert '"opening not noted"' in logged
    assert type(problem).__name__ in logged
    assert "ada" not in logged
    store.fails = None
    await process.note(caller(), store.parts)
    assert len(store.noted) == 1


async def test_who_has_no_mailbox_is_asked_for_once_a_day_too(capsys: pytest.CaptureFixture[str]) -> None:
    store, process = Noting(NotFound(MAILMAGNET)), Openings()
    await process.note(caller(), store.parts)
    store.fails = None
    await process.note(caller(), store.parts)
    assert (store.noted, capsys.readouterr().out) == ([], "")


async def test_a_store_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(openings, "SECONDS", 0.05)

    class Hanging(Noting):
        async def change_presence(self, org: str, user: str, _: Any) -> None:
            await asyncio.sleep(60)

    await asyncio.wait_for(Openings().note(caller(), Hanging().parts), 5)
    assert "TimeoutError" in capsys.readouterr().out
