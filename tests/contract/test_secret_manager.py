"""What the vault on Secret Manager must do beside its contract: others delete meanwhile, calls fail, a secret is not what it should be."""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailmagnet.errors import BadAnswer, Unavailable
from mailmagnet.vault import Connection
from tests.contract.secret_manager import SecretManagerDesk, secret_manager
from tests.contract.test_vault import ADA, BOB, ORG, connection
from token_vault.connection_facts import WHO
from token_vault.secret_manager import SecretManagerVault

OLD, NEW = connection(), replace(connection(), own_domains=frozenset({"new.example"}))
Change = Callable[[SecretManagerVault], Awaitable[object]]
CHANGES: dict[str, Change] = {
    "keep": lambda vault: vault.keep(NEW),
    "keep webhook": lambda vault: vault.keep_webhook(ORG, ADA, "https://chat.example"),
    "forget": lambda vault: vault.forget(ORG, ADA),
}


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[SecretManagerDesk]:
    async with secret_manager(tmp_path) as desk:
        yield desk


class Disturbed:
    """A vault's calls; at one of them (counted from 0) something happens, before its effect or after it."""

    def __init__(self, vault: SecretManagerVault, at: int, happens: Callable[[], Awaitable[None]], *, after: bool) -> None:
        self._ask = vault._ask
        self.calls, self._at, self._happens, self._after = 0, at, happens, after
        vault._ask = self.ask  # type: ignore[method-assign]

    @property
    def happened(self) -> bool:
        return self.calls > self._at

    async def ask(self, *call: Any) -> dict[str, Any]:
        here = self.calls == self._at
        self.calls += 1
        if here and not self._after:
            await self._happens()
        answer = await self._ask(*call)
        if here and self._after:
            await self._happens()
        return answer


@pytest.mark.parametrize("change", CHANGES)
async def test_a_user_who_is_deleted_meanwhile_is_no_error(there: SecretManagerDesk, change: str) -> None:
    async def deleted() -> None:
        other = there.vault()
        await other.forget(ORG, ADA)
        for token in await other.leaving():
            await other.revoked(token)

    at, happened = 0, True
    while happened:
        await there.vault().keep(OLD)
        vault = there.vault()
        disturbed = Disturbed(vault, at, deleted, after=True)
        await CHANGES[change](vault)
        happened = disturbed.happened
        at += 1
    assert at > 3


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("change", CHANGES)
async def test_a_call_that_fails_leaves_the_old_or_the_new_and_again_makes_it_good(
    there: SecretManagerDesk, change: str, after: bool
) -> None:
    async def fails() -> None:
        raise Unavailable(WHO, "no answer")

    async def kept() -> Connection | None:
        return await there.vault().connection(ORG, ADA)

    at, happened = 0, True
    while happened:
        await there.vault().forget(ORG, ADA)
        await there.vault().keep(OLD)
        vault = there.vault()
        disturbed = Disturbed(vault, at, fails, after=after)
        try:
            await CHANGES[change](vault)
        except Unavailable:
            half_done = await kept()
            await CHANGES[change](there.vault())
            assert half_done in (OLD, await kept())
        happened = disturbed.happened
        wanted = {"keep": NEW, "keep webhook": replace(OLD, webhook="https://chat.example"), "forget": None}
        assert await kept() == wanted[change]
        versions = (await there.vault()._ask("GET", f"/{await _only_name(there)}/versions?filter=state:ENABLED"))["versions"]
        assert len(versions) == 1, "only the version that counts is left"
        at += 1
    assert at > 3


@pytest.mark.parametrize("spoilt", ["no JSON", "another user's"])
async def test_a_secret_that_cannot_be_read_is_told_and_keeps_no_other_token_from_being_revoked(
    there: SecretManagerDesk, spoilt: str
) -> None:
    vault = there.vault()
    await vault.keep(connection(user=ADA))
    await vault.forget(ORG, ADA)
    name = await _only_name(there)
    await vault.keep(connection(user=BOB))
    await vault.forget(ORG, BOB)
    payload = b"{" if spoilt == "no JSON" else json.dumps({"org": ORG, "user": BOB, "facts": {"gmail_token": "x"}}).encode()
    added = await vault._ask("POST", f"/{name}:addVersion", {"payload": {"data": base64.b64encode(payload).decode()}})
    pointed = {"versionAliases": {"current": added["name"].rpartition("/")[2]}}
    await vault._ask("PATCH", f"/{name}?updateMask=versionAliases", pointed)
    with pytest.raises(BadAnswer):
        await vault.connection(ORG, ADA)
    assert [token.user for token in await vault.leaving()] == [BOB]


async def _only_name(there: SecretManagerDesk) -> str:
    (secret,) = (await there.vault()._ask("GET", "?pageSize=9"))["secrets"]
    return str(secret["name"]).rpartition("/")[2]
