"""Delegation without keys: tokens for the mailboxes of the organisation's own users, each for that user and those scopes alone."""

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web

from gmail_client.access_tokens import AccessTokens
from gmail_client.consent import SCOPES
from gmail_client.delegation import Delegation
from http_session.own_token import OwnToken
from http_session.session import HttpSession
from mailmagnet.consent import Grant
from mailmagnet.errors import NotDelegated, Upstream, UserGone
from mailmagnet.vault import Connection
from sandbox.google.authorization import BadGrant
from sandbox.google.faults import Fault
from sandbox.google.gmail_server import make_app
from sandbox.google.world import World

ORG, JOB = "corp.example", "mailmagnet-job@project.iam.gserviceaccount.com"
METADATA = "/computeMetadata/v1/instance/service-accounts/default/token"
MODIFY = SCOPES[Grant.SORT]


@dataclass
class Desk:
    """A world in which one organisation's admin has delegated to JOB, and the process that uses it."""

    world: World
    origin: str
    session: HttpSession

    def tokens(self, domains: tuple[str, ...] = (ORG,), job: str = JOB) -> AccessTokens:
        url, own_token = f"{self.origin}/token", OwnToken(self.session, f"{self.origin}{METADATA}")
        delegation = Delegation(self.session, own_token, self.origin, url, job, domains, 5)
        return AccessTokens(self.session, "client", "secret", url, 5, delegation)

    def connection(self, name: str, org: str = ORG, grant: Grant = Grant.SORT) -> Connection:
        account = self.world.account(f"{name}@{org}")
        return Connection(org, account.sub, account.address, grants=frozenset({grant}))

    def calls(self) -> list[str]:
        """Those made since it was asked last."""
        names = [call.name for call in self.world.calls.recent]
        self.world.calls.recent.clear()
        return names


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    world = World(tmp_path, partial(datetime.now, UTC))
    for name in ("ada", "bob"):
        world.add_account(f"{name}@{ORG}", name, hosted_domain=ORG)
    world.add_account("eve@hopper.example", "Eve", hosted_domain="hopper.example")
    world.add_account("consumer@corp.example", "No member")
    world.delegation.signers.add(JOB)
    world.delegation.delegated[JOB, ORG] = frozenset({MODIFY})
    runner = web.AppRunner(make_app(world), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    session = HttpSession({origin})
    yield Desk(world, origin, session)
    await session.close()
    await runner.cleanup()
    world.close()


async def token_of(tokens: AccessTokens, connection: Connection) -> str:
    return await tokens.token(tokens.access(connection), connection)


async def test_a_token_is_its_user_s_alone_with_the_scopes_wanted_and_is_remembered(desk: Desk) -> None:
    tokens = desk.tokens()
    calls = []
    for name in ("ada", "ada", "bob"):
        access = desk.world.google.access(await token_of(tokens, desk.connection(name)))
        assert (access.address, access.scopes) == (f"{name}@{ORG}", frozenset({MODIFY}))
        calls.append(desk.calls())
    assert calls == [["own token", "signJwt", "token"], [], ["signJwt", "token"]]


async def test_nobody_ever_gets_another_s_token(desk: Desk) -> None:
    """All who are delegated have the same refresh token: none."""
    tokens, ada = desk.tokens(), desk.connection("ada")
    others = [
        desk.connection("bob"),
        replace(ada, org="hopper.example"),
        replace(ada, address="bob@corp.example"),
        replace(ada, grants=frozenset({Grant.READ})),
        replace(ada, grants=frozenset({Grant.READ, Grant.SORT})),
        replace(ada, gmail_token="1//own"),
    ]
    accesses = [tokens.access(each) for each in (ada, *others)]
    assert len({id(access) for access in accesses}) == len(accesses)
    assert tokens.access(replace(ada)) is accesses[0]


@pytest.mark.parametrize(
    ("name", "org", "domains"),
    [("eve", "hopper.example", (ORG,)), ("consumer", ORG, (ORG,)), ("ada", ORG, ("other.example",)), ("ada", ORG, ())],
)
async def test_another_organisation_s_and_a_consumer_s_mailbox_is_not_even_asked_for(
    desk: Desk, name: str, org: str, domains: tuple[str, ...]
) -> None:
    connection = desk.connection(name, org)
    if name == "consumer":
        connection = replace(connection, org=connection.user)
    with pytest.raises(NotDelegated):
        await token_of(desk.tokens(domains), connection)
    assert desk.calls() == []


async def test_whatever_is_refused_says_what_the_admin_has_to_do(desk: Desk) -> None:
    with pytest.raises(NotDelegated, match=f"scopes {SCOPES[Grant.READ]} to the client id of {JOB}") as refused:
        await token_of(desk.tokens(), desk.connection("ada", grant=Grant.READ))
    assert ORG not in str(refused.value)
    desk.world.suspend(f"bob@{ORG}")
    with pytest.raises(NotDelegated):
        await token_of(desk.tokens(), desk.connection("bob"))
    with pytest.raises(NotDelegated, match="serviceAccountTokenCreator"):
        await token_of(desk.tokens(job="nobody@project.iam.gserviceaccount.com"), desk.connection("ada"))
    ada = desk.connection("ada")
    desk.world.delete(ada.address)
    with pytest.raises(UserGone):
        await token_of(desk.tokens(), ada)


@pytest.mark.parametrize(
    "fault", [Fault("", drop=True), Fault("", status=503), Fault("", html=True), Fault("", drop=True, after=True)]
)
@pytest.mark.parametrize(("upstream", "method"), [("iam", "signJwt"), ("google", "token")])
async def test_a_call_that_fails_leaves_nothing_remembered(desk: Desk, upstream: str, method: str, fault: Fault) -> None:
    tokens, ada = desk.tokens(), desk.connection("ada")
    desk.world.faults.add(replace(fault, upstream=upstream, method=method, times=1))
    with pytest.raises(Upstream) as failed:
        await token_of(tokens, ada)
    assert not isinstance(failed.value, NotDelegated)
    assert desk.world.google.access(await token_of(tokens, ada)).address == ada.address


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"aud": "https://elsewhere.example/token"}, "invalid_grant"),
        ({"sub": "nobody@corp.example"}, "invalid_grant"),
        ({"sub": "eve@hopper.example"}, "unauthorized_client"),
        ({"sub": "consumer@corp.example"}, "unauthorized_client"),
        ({"scope": SCOPES[Grant.SEND]}, "unauthorized_client"),
        ({"scope": f"{MODIFY} {SCOPES[Grant.SEND]}"}, "unauthorized_client"),
        ({"scope": ""}, "invalid_scope"),
        ({"iss": "other@project.iam.gserviceaccount.com"}, "invalid_grant"),
        ({"iat": int(time.time()) - 7200}, "invalid_grant"),
        ({"exp": int(time.time()) + 7200}, "invalid_grant"),
    ],
)
async def test_the_stand_in_is_as_strict_as_google(desk: Desk, claims: dict[str, object], error: str) -> None:
    now, audiences = int(time.time()), {f"{desk.origin}/token"}
    good = {"iss": JOB, "sub": f"ada@{ORG}", "scope": MODIFY, "aud": f"{desk.origin}/token", "iat": now, "exp": now + 3600}
    signed = desk.world.delegation.sign(JOB, {"payload": json.dumps(good)})["signedJwt"]
    assert desk.world.delegation.exchange(signed, audiences)["scope"] == MODIFY
    bad = desk.world.delegation.sign(JOB, {"payload": json.dumps(good | claims)})["signedJwt"]
    for refused_claim, why in ((bad, error), (signed[:-8] + "AAAAAAAA", "invalid_grant")):
        with pytest.raises(BadGrant) as refused:
            desk.world.delegation.exchange(refused_claim, audiences)
        assert refused.value.error == why
