"""Connecting by consent when something fails: a fresh token is kept, ended, or told of, and never lost in silence."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from mailmagnet.connect_mailbox import connect_by_consent
from mailmagnet.consent import Consented, Grant
from mailmagnet.errors import MAILMAGNET, AnotherAccount, NotKept, Unavailable
from mailmagnet.parts import Parts
from mailmagnet.store import Presence
from mailmagnet.vault import Connection, Leaving

ORG, ADA, MALLORY = "corp.example", "1", "2"
EARLIER = Connection(ORG, ADA, "ada@corp.example", frozenset({"ada@corp.example", "sales@corp.example"}), gmail_token="earlier")


@dataclass
class World:
    """The outside of the use case: what it was told, in order; `down` are the calls that fail, `after` those that fail once done."""

    consented_user: str = ADA
    grants: frozenset[Grant] = frozenset({Grant.SORT})
    earlier: Connection | None = None
    others: frozenset[str] = frozenset()
    elsewhere: dict[str, Connection] = field(default_factory=dict)
    down: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()
    told: list[str] = field(default_factory=list)
    kept: Connection | None = None
    leaving: list[Leaving] = field(default_factory=list)

    def do(self, call: str, work: Callable[[], Any] = lambda: None) -> Any:
        if call in self.down:
            raise Unavailable(MAILMAGNET, call)
        self.told.append(call)
        done = work()
        if call in self.after:
            raise Unavailable(MAILMAGNET, call)
        return done

    @property
    def parts(self) -> Parts:
        return cast(Parts, _Parts(self))

    async def connect(self, *wanted: Grant) -> frozenset[Grant]:
        return await connect_by_consent(ORG, ADA, wanted or [Grant.SORT], "code", "verifier", self.parts)


class _Parts:
    """Every part is this one: their calls have different names."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.vault = self.store = self.consent = self

    def now(self) -> datetime:
        return datetime(2026, 11, 23, tzinfo=UTC)

    def gmail_of(self, _: Connection) -> "_Parts":
        return self

    async def mailbox(self, *_: str) -> None:
        return None

    async def orgs(self) -> list[str]:
        return [ORG, *self._world.elsewhere]

    async def connection(self, org: str, _: str) -> Connection | None:
        if org != ORG:
            return self._world.elsewhere.get(org)
        return cast(Connection | None, self._world.do("connection", lambda: self._world.kept or self._world.earlier))

    async def consented(self, *_: str) -> Consented:
        world = self._world
        return cast(
            Consented, world.do("exchange", lambda: Consented(world.consented_user, "x@corp.example", world.grants, "fresh"))
        )

    async def keep(self, connection: Connection) -> None:
        def keep() -> None:
            self._world.kept = connection

        self._world.do("keep", keep)

    async def refuse(self, token: Leaving, _: str) -> bool:
        def refuse() -> bool:
            if token.user in self._world.others:
                return False
            self._world.leaving.append(token)
            return True

        return bool(self._world.do("refuse", refuse))

    async def revoke(self, token: str) -> None:
        self._world.do(f"revoke {token}")

    async def revoked(self, token: Leaving) -> None:
        self._world.do("revoked", lambda: self._world.leaving.remove(token))

    async def connect(self, *_: Any) -> None:
        self._world.do("store")

    async def change_presence(self, *_: Any) -> Presence:
        return Presence()

    async def own_addresses(self) -> tuple[str, ...]:
        return cast(tuple[str, ...], self._world.do("aliases", lambda: ("ada@corp.example", "sales@corp.example")))


async def test_what_was_granted_is_kept_and_what_is_missing_told() -> None:
    world = World(grants=frozenset({Grant.READ}))
    assert await world.connect(Grant.READ, Grant.SEND) == {Grant.SEND}
    assert world.kept
    assert (world.kept.gmail_token, world.kept.grants) == ("fresh", frozenset({Grant.READ}))


@pytest.mark.parametrize(("grant", "asked"), [(Grant.READ, True), (Grant.SORT, True), (Grant.SEND, False)])
async def test_other_addresses_are_read_where_the_grant_shows_them(grant: Grant, asked: bool) -> None:
    world = World(grants=frozenset({grant}), earlier=None if asked else EARLIER)
    await world.connect(grant)
    assert ("aliases" in world.told) is asked
    assert world.kept
    assert "sales@corp.example" in world.kept.own_addresses


async def test_a_vault_that_is_down_at_first_leaves_the_code_unspent() -> None:
    world = World(down=frozenset({"connection"}))
    with pytest.raises(Unavailable):
        await world.connect()
    assert world.told == []


async def test_a_first_token_that_cannot_be_kept_is_ended_at_google() -> None:
    for world in (World(down=frozenset({"keep"})), World(after=frozenset({"keep"}))):
        with pytest.raises(NotKept) as failed:
            await world.connect()
        assert failed.value.ended
        assert world.told[-1] == "revoke fresh"


async def test_one_whose_account_is_connected_in_another_organisation_too_is_left_alone() -> None:
    """As the account was before its organisation had its domain: ending the new token would end that connection."""
    alone = replace(EARLIER, org=ADA)
    world = World(elsewhere={ADA: alone, "other.example": replace(alone, gmail_token="")}, down=frozenset({"keep"}))
    with pytest.raises(NotKept) as failed:
        await world.connect()
    assert failed.value.ended
    assert "revoke fresh" not in world.told
    world.elsewhere.pop(ADA)
    with pytest.raises(NotKept):
        await world.connect()
    assert "revoke fresh" in world.told


async def test_one_that_can_neither_be_kept_nor_ended_is_told_of() -> None:
    world = World(down=frozenset({"keep", "revoke fresh"}))
    with pytest.raises(NotKept) as failed:
        await world.connect()
    assert not failed.value.ended


async def test_a_renewal_that_cannot_be_kept_leaves_the_earlier_connection_alone() -> None:
    """Ending the new token would end the earlier one with it; and with the earlier one both will end."""
    world = World(earlier=EARLIER, down=frozenset({"keep"}))
    with pytest.raises(NotKept) as failed:
        await world.connect()
    assert failed.value.ended
    assert not any(call.startswith("revoke") for call in world.told)


@pytest.mark.parametrize("fails", ["store", "aliases"])
async def test_whatever_fails_after_the_token_is_kept_it_stays(fails: str) -> None:
    world = World(down=frozenset({fails}))
    with pytest.raises(Unavailable):
        await world.connect()
    assert world.kept
    assert world.kept.gmail_token == "fresh"
    assert not any(call.startswith("revoke") for call in world.told)


async def test_another_accounts_token_is_ended_and_not_kept() -> None:
    world = World(consented_user=MALLORY)
    with pytest.raises(AnotherAccount):
        await world.connect()
    assert (world.kept, world.leaving) == (None, [])
    assert "revoke fresh" in world.told


async def test_another_account_that_is_connected_here_is_left_alone() -> None:
    world = World(consented_user=MALLORY, others=frozenset({MALLORY}))
    with pytest.raises(AnotherAccount):
        await world.connect()
    assert (world.kept, world.leaving) == (None, [])
    assert not any(call.startswith("revoke") for call in world.told)


async def test_another_accounts_token_that_google_does_not_end_now_waits() -> None:
    world = World(consented_user=MALLORY, down=frozenset({"revoke fresh"}))
    with pytest.raises(AnotherAccount):
        await world.connect()
    assert [token.user for token in world.leaving] == [MALLORY]


async def test_another_accounts_token_that_the_vault_cannot_take_is_told_of() -> None:
    """Whether that account is connected here is not known then: ending its token could end a connection."""
    world = World(consented_user=MALLORY, down=frozenset({"refuse"}))
    with pytest.raises(NotKept) as failed:
        await world.connect()
    assert not failed.value.ended
    assert "revoke fresh" not in world.told


async def test_a_consent_to_less_than_before_says_what_is_missing_now() -> None:
    """The new token stands for what was granted with it, and for nothing else."""
    world = World(earlier=replace(EARLIER, grants=frozenset({Grant.SORT})), grants=frozenset({Grant.SEND}))
    assert await world.connect(Grant.SEND) == {Grant.SORT}
    assert world.kept
    assert world.kept.grants == {Grant.SEND}


async def test_who_ticks_nothing_keeps_what_was_there() -> None:
    world = World(earlier=EARLIER, grants=frozenset(), others=frozenset({ADA}))
    assert await world.connect() == {Grant.SORT}
    assert world.kept is None
