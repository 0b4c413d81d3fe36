"""What the vault on Secret Manager must do beside the contract, and its stand-in held against the API's own description."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailmagnet.errors import BadAnswer, Unavailable, Upstream
from mailmagnet.vault import Leaving, Vault
from sandbox.google.api_description import BadParameter
from sandbox.google.api_description import secret_manager as description
from sandbox.google.faults import Fault
from sandbox.google.secret_manager import SecretRefused
from tests.contract.secret_manager import PROJECT, SecretManagerDesk, secret_manager
from tests.contract.test_vault import ADA, BOB, ORG, OTHER_ORG, connection, tokens

PARENT = f"/v1/projects/{PROJECT}"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[SecretManagerDesk]:
    async with secret_manager(tmp_path) as made:
        yield made


def calls(desk: SecretManagerDesk) -> list[str]:
    """The methods that were called since the last time, by their last word."""
    seen = [name.removeprefix("projects.secrets.") for name in desk.world.secrets.seen]
    desk.world.secrets.seen.clear()
    return seen


def readable(desk: SecretManagerDesk) -> int:
    """How many versions hold something."""
    secrets = desk.world.secrets._secrets.values()
    return sum(version.state == "ENABLED" for secret in secrets for version in secret.versions.values())


async def test_a_reading_is_one_call_and_a_change_leaves_one_version(desk: SecretManagerDesk) -> None:
    vault = desk.vault()
    await vault.keep(connection())
    calls(desk)
    assert await vault.connection(ORG, ADA)
    assert calls(desk) == ["versions.access"]
    await vault.keep(replace(connection(), gmail_token="another"))
    assert calls(desk) == ["get", "versions.access", "addVersion", "patch", "versions.list", "versions.destroy"]
    assert readable(desk) == 1
    await vault.keep(replace(connection(), gmail_token="another"))
    assert calls(desk) == ["get", "versions.access", "versions.list"]
    assert await vault.leaving() == ()
    assert calls(desk) == ["list"]


async def test_a_secrets_name_and_labels_tell_nobody(desk: SecretManagerDesk) -> None:
    await desk.vault().keep(connection())
    await desk.vault().forget(ORG, ADA)
    await desk.vault().keep(connection(user=BOB))
    shown = json.dumps(desk.world.secrets.answer("GET", f"{PARENT}/secrets", [], b""))
    assert "labels" in shown
    assert not [word for word in (ADA, BOB, ORG, "1//", "@") if word in shown]


async def test_who_is_slower_decides_again_and_what_lost_is_destroyed(desk: SecretManagerDesk) -> None:
    await desk.vault().sign_in(replace(connection(), crm=tokens()))
    webhooks = [desk.vault().keep_webhook(ORG, ADA, f"https://chat.example/{number}") for number in range(5)]
    await asyncio.gather(*webhooks, desk.vault().renew(ORG, ADA, tokens(1), tokens(2)), desk.vault().keep(connection()))
    kept = await desk.vault().connection(ORG, ADA)
    assert kept
    assert (kept.crm, kept.gmail_token, bool(kept.webhook)) == (tokens(2), connection().gmail_token, True)
    assert readable(desk) == 1


async def test_a_version_that_is_destroyed_when_it_is_read_is_read_anew(desk: SecretManagerDesk) -> None:
    """An alias may lag behind: reading by it is not consistent at once."""
    vault = desk.vault()
    await vault.keep(connection())
    await vault.keep(replace(connection(), gmail_token="another"))
    (secret,) = desk.world.secrets._secrets.values()
    stands, secret.aliases = secret.aliases, {"current": 1}
    reading = asyncio.create_task(vault.connection(ORG, ADA))
    await asyncio.sleep(0.05)
    secret.aliases = stands
    found = await reading
    assert found
    assert found.gmail_token == "another"


CHANGES: dict[str, Callable[[Vault], Awaitable[object]]] = {
    "keep": lambda vault: vault.keep(replace(connection(), gmail_token="new")),
    "first keep": lambda vault: vault.keep(connection(user=BOB)),
    "renew": lambda vault: vault.renew(ORG, ADA, tokens(1), tokens(2)),
    "sign out": lambda vault: vault.sign_out(ORG, ADA),
    "forget": lambda vault: vault.forget(ORG, ADA),
    "revoked": lambda vault: vault.revoked(Leaving(OTHER_ORG, "gone", connection(OTHER_ORG, "gone").gmail_token)),
    "refuse": lambda vault: vault.refuse(Leaving(ORG, "zed", "of-no-use"), "zed@corp.example"),
    "leaving": lambda vault: vault.leaving(),
}
FAULTS: dict[str, Any] = {
    "dropped": {"drop": True},
    "unavailable": {"status": 503},
    "html": {"html": True},
    "dropped after": {"drop": True, "after": True},
    "cut short": {"half": True, "after": True},
}


async def begun(desk: SecretManagerDesk) -> Vault:
    vault = desk.vault()
    await vault.keep(connection())
    await vault.sign_in(replace(connection(), crm=tokens()))
    await vault.keep(connection(OTHER_ORG, "gone"))
    await vault.forget(OTHER_ORG, "gone")
    calls(desk)
    return vault


def facts_kept(desk: SecretManagerDesk) -> set[bytes]:
    """What the secrets' versions hold that count."""
    secrets = [secret for secret in desk.world.secrets._secrets.values() if secret.aliases]
    return {secret.versions[secret.aliases["current"]].payload for secret in secrets}


@pytest.mark.parametrize("what", CHANGES)
async def test_whatever_call_fails_before_or_after_its_effect_doing_it_again_makes_it_good(tmp_path: Path, what: str) -> None:
    change = CHANGES[what]
    async with secret_manager(tmp_path / "good") as desk:
        await change(await begun(desk))
        number_of_calls, good = len(calls(desk)), facts_kept(desk)
    async with secret_manager(tmp_path / "faulty") as desk:
        for number in range(number_of_calls):
            for fault in FAULTS.values():
                desk.world.secrets._secrets.clear()
                vault = await begun(desk)
                desk.world.faults.add(Fault("secrets", "*", skip=number, times=1, **fault))
                failed: Exception | None = None
                try:
                    await change(vault)
                except Upstream as problem:
                    failed = problem
                desk.world.faults.clear()
                assert failed is None or isinstance(failed, Unavailable | BadAnswer), (number, fault)
                if failed:
                    await change(desk.vault())
                assert facts_kept(desk) == good, (number, fault)
                assert not [word for word in (ADA, ORG, "1//") if failed and word in str(failed)]
                # The next change takes away whatever stayed.
                for org, user in ((ORG, ADA), (ORG, BOB), (OTHER_ORG, "gone"), (ORG, "zed")):
                    await vault.keep(replace(connection(org, user), gmail_token="last"))
                assert readable(desk) == len(desk.world.secrets._secrets), (number, fault)


@pytest.mark.parametrize("status", [401, 403, 429, 500, 400])
async def test_a_refusal_is_an_error_that_says_nothing_of_anybodys_consent(desk: SecretManagerDesk, status: int) -> None:
    vault = await begun(desk)
    desk.world.faults.add(Fault("secrets", "*", status=status))
    for call in (vault.connection(ORG, ADA), vault.keep(connection(user=BOB)), vault.leaving(), vault.forget(ORG, ADA)):
        with pytest.raises((Unavailable, BadAnswer)):
            await call


async def test_a_secret_that_holds_anothers_connection_is_no_answer(desk: SecretManagerDesk) -> None:
    vault = await begun(desk)
    ada = next(iter(desk.world.secrets._secrets.values()))
    await vault.keep(connection(user="eve"))
    eve = list(desk.world.secrets._secrets.values())[-1]
    eve.versions[1].payload = ada.versions[ada.aliases["current"]].payload
    with pytest.raises(BadAnswer):
        await vault.connection(ORG, "eve")


async def test_one_secret_that_cannot_be_read_keeps_no_other_token_from_being_revoked(desk: SecretManagerDesk) -> None:
    vault = await begun(desk)
    await vault.forget(ORG, ADA)
    poisoned = next(iter(desk.world.secrets._secrets.values()))
    poisoned.versions[poisoned.aliases["current"]].payload = b"\xff no JSON"
    (left,) = await vault.leaving()
    assert left.user == "gone"
    await vault.revoked(left)
    with pytest.raises(BadAnswer):
        await vault.leaving()


async def test_all_who_leave_are_found_over_several_pages(desk: SecretManagerDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("token_vault.secret_manager.PAGE", 3)
    vault = desk.vault()
    for number in range(8):
        await vault.keep(connection(user=f"u{number}"))
        await vault.forget(ORG, f"u{number}")
    assert {left.user for left in await vault.leaving()} == {f"u{number}" for number in range(8)}


class TestStandIn:
    """The stand-in alone: each request and answer as the description has it, and what the real one refuses."""

    def ask(self, desk: SecretManagerDesk, verb: str, path: str, body: Any = None, **query: str) -> Any:
        sent = json.dumps(body).encode() if body is not None else b""
        return desk.world.secrets.answer(verb, f"{PARENT}{path}", list(query.items()), sent)

    def refused(self, desk: SecretManagerDesk, verb: str, path: str, body: Any = None, **query: str) -> tuple[int, str]:
        with pytest.raises(SecretRefused) as refused:
            self.ask(desk, verb, path, body, **query)
        return refused.value.code, refused.value.status

    async def test_versions_aliases_and_etags_are_as_the_reference_has_them(self, desk: SecretManagerDesk) -> None:
        made = self.ask(desk, "POST", "/secrets", {"replication": {"automatic": {}}}, secretId="s")
        data = base64.b64encode(b"x").decode()
        for _ in range(2):
            self.ask(desk, "POST", "/secrets/s:addVersion", {"payload": {"data": data}})
        assert self.ask(desk, "GET", "/secrets/s")["etag"] == made["etag"], "a version does not touch its secret's etag"
        body = {"etag": made["etag"], "labels": {"a": "b"}, "versionAliases": {"current": "2"}}
        patched = self.ask(desk, "PATCH", "/secrets/s", body, updateMask="labels,versionAliases")
        assert self.refused(desk, "PATCH", "/secrets/s", body, updateMask="labels") == (400, "FAILED_PRECONDITION")
        assert self.ask(desk, "GET", "/secrets/s/versions/current:access")["name"].endswith("/secrets/s/versions/2")
        self.ask(desk, "POST", "/secrets/s/versions/1:destroy", {})
        states = [version["state"] for version in self.ask(desk, "GET", "/secrets/s/versions")["versions"]]
        assert states == ["ENABLED", "DESTROYED"]
        assert self.refused(desk, "GET", "/secrets/s/versions/1:access") == (400, "FAILED_PRECONDITION")
        assert self.refused(desk, "POST", "/secrets/s/versions/1:destroy", {}) == (400, "FAILED_PRECONDITION")
        assert [each["name"][-2:] for each in self.ask(desk, "GET", "/secrets", filter="labels.a=b")["secrets"]] == ["/s"]
        assert self.refused(desk, "DELETE", "/secrets/s", etag=made["etag"]) == (400, "FAILED_PRECONDITION")
        assert self.ask(desk, "DELETE", "/secrets/s", etag=patched["etag"]) == {}

    def test_a_misspelt_field_of_an_answer_is_seen(self) -> None:
        with pytest.raises(BadParameter):
            description().check_body("Secret", {"name": "x", "versionAlias": {}})

    @pytest.mark.parametrize(
        ("verb", "path", "body", "query", "code"),
        [
            ("POST", "/secrets", {"replication": {"automatic": {}}}, {"secretId": "a.b"}, 400),
            ("POST", "/secrets", {"replication": {"automatic": {}}}, {"secretId": "x" * 256}, 400),
            ("POST", "/secrets", {}, {"secretId": "b"}, 400),
            ("POST", "/secrets", {"replication": {"automatic": {}}}, {"secretId": "a"}, 409),
            ("POST", "/secrets", {"replication": {"automatic": {}}, "label": {}}, {"secretId": "b"}, 400),
            ("GET", "/secrets", None, {"filter": "labels.a~b"}, 400),
            ("GET", "/secrets", None, {"pageToken": "x"}, 400),
            ("GET", "/secrets", None, {"page": "1"}, 400),
            ("GET", "/secrets/b", None, {}, 404),
            ("GET", "/secrets/a/versions/7:access", None, {}, 404),
            ("GET", "/secrets/a/versions/current:access", None, {}, 404),
            ("POST", "/secrets/a:addVersion", {"payload": {"data": "!"}}, {}, 400),
            ("POST", "/secrets/a:addVersion", {"payload": {"data": "AAAA" * 30_000}}, {}, 400),
            ("PATCH", "/secrets/a", {"labels": {"A": "b"}}, {"updateMask": "labels"}, 400),
            ("PATCH", "/secrets/a", {"labels": {"a": "x" * 64}}, {"updateMask": "labels"}, 400),
            ("PATCH", "/secrets/a", {"versionAliases": {"latest": "1"}}, {"updateMask": "versionAliases"}, 400),
            ("PATCH", "/secrets/a", {"versionAliases": {"now": "9"}}, {"updateMask": "versionAliases"}, 400),
            ("PATCH", "/secrets/a", {"labels": {}}, {}, 400),
            ("PUT", "/secrets/a", {}, {}, 404),
        ],
    )
    async def test_what_the_real_one_refuses_is_refused(
        self, desk: SecretManagerDesk, verb: str, path: str, body: Any, query: dict[str, str], code: int
    ) -> None:
        self.ask(desk, "POST", "/secrets", {"replication": {"automatic": {}}}, secretId="a")
        assert self.refused(desk, verb, path, body, **query)[0] == code


class Meanwhile:
    """A vault in which the user is deleted by another process once so many of its calls are answered."""

    def __init__(self, desk: SecretManagerDesk, answered: int) -> None:
        self.vault, self._other = desk.vault(), desk.vault()
        self._ask, self._answered, self.calls = self.vault._ask, answered, 0
        setattr(self.vault, "_ask", self.ask)  # noqa: B010 - mypy takes no method for another

    async def ask(self, *call: Any) -> dict[str, Any]:
        answer = await self._ask(*call)
        self.calls += 1
        if self.calls == self._answered:
            await self._other.forget(ORG, ADA)
            for token in await self._other.leaving():
                await self._other.revoked(token)
        return answer


@pytest.mark.parametrize("what", ["keep", "keep_webhook", "forget"])
async def test_a_user_who_is_deleted_meanwhile_is_no_error(desk: SecretManagerDesk, what: str) -> None:
    facts = {"keep": (connection(),), "keep_webhook": (ORG, ADA, "https://chat.example"), "forget": (ORG, ADA)}[what]
    for answered in range(1, 8):
        await desk.vault().keep(replace(connection(), own_domains=frozenset({"old.example"})))
        meanwhile = Meanwhile(desk, answered)
        await getattr(meanwhile.vault, what)(*facts)
