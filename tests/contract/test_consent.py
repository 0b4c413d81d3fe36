"""Google's consent against its stand-in: what a code stands for, and how each thing that can go wrong with it is told."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from yarl import URL

from functions.certificates import Certificates
from functions.verify import Verifier
from gmail_client.consent import SCOPES, GoogleConsent
from gmail_client.web_client import WebClient
from http_session.session import HttpSession
from mailmagnet.consent import Grant
from mailmagnet.errors import (
    BadAnswer,
    Forbidden,
    MailMagnetError,
    NotAuthorised,
    NotPermitted,
    NotVerified,
    RateLimited,
    Unavailable,
)
from sandbox.google.authorization import read
from sandbox.google.faults import Fault
from sandbox.google.gmail_server import make_app
from sandbox.google.world import Account, World

REDIRECT, VERIFIER = "https://pages.example/callback", "v" * 43


class Google:
    """The stand-in, and a consent in front of it."""

    def __init__(self, world: World, account: Account, consent: GoogleConsent, verifier: Verifier) -> None:
        self.world, self.account, self.consent, self.verifier = world, account, consent, verifier

    def code(self, *scopes: str, refreshes: bool = True) -> str:
        """What comes back when the account has consented to these scopes of what the consent's own URL asks for."""
        url = self.consent.url([Grant.READ, Grant.SEND], state="s", verifier=VERIFIER, address=self.account.address)
        asked = read(self.world.google, URL(url).query)
        granted = frozenset({"openid", "https://www.googleapis.com/auth/userinfo.email", *scopes})
        return self.world.codes.give(asked, self.account, granted, refreshes=refreshes)


@pytest.fixture
async def google(tmp_path: Path) -> AsyncIterator[Google]:
    world = World(tmp_path / "world", lambda: datetime.now(UTC))
    account = world.add_account("ada@corp.example", "Ada", hosted_domain="corp.example")
    world.google.redirect_uris.add(REDIRECT)
    runner = web.AppRunner(make_app(world), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    session = HttpSession({origin})
    verifier = Verifier(Certificates(session, f"{origin}/oauth2/v1/certs"))

    async def account_of(id_token: str) -> tuple[str, str]:
        identity = await verifier.user(id_token, client_id=world.google.client_id)
        return identity.user, identity.address

    client = WebClient(
        session,
        authorize_url=f"{origin}/o/oauth2/v2/auth",
        token_url=f"{origin}/token",
        client_id=world.google.client_id,
        client_secret=world.google.client_secret,
        redirect_uri=REDIRECT,
        seconds=2,
    )
    yield Google(world, account, GoogleConsent(client, account_of), verifier)
    await session.close()
    await runner.cleanup()
    world.close()


def test_each_grant_is_one_scope_of_gmails_and_none_can_do_more_than_it_says() -> None:
    assert {grant: scope.rpartition("/")[2] for grant, scope in SCOPES.items()} == {
        Grant.READ: "gmail.readonly",
        Grant.SORT: "gmail.modify",
        Grant.SEND: "gmail.compose",
    }


async def test_a_code_stands_for_the_account_and_for_what_it_has_granted(google: Google) -> None:
    consented = await google.consent.consented(google.code(SCOPES[Grant.SEND]), VERIFIER)
    assert (consented.user, consented.address) == (google.account.sub, "ada@corp.example")
    assert consented.grants == {Grant.SEND}
    assert google.world.google.grant(consented.gmail_token).address == "ada@corp.example"
    assert consented.gmail_token not in repr(consented)


async def test_who_ticks_nothing_has_granted_nothing(google: Google) -> None:
    assert (await google.consent.consented(google.code(), VERIFIER)).grants == frozenset()


async def test_the_url_names_the_account_and_hides_the_verifier(google: Google) -> None:
    url = google.consent.url([Grant.SORT], state="s t/a+te", verifier=VERIFIER, address="ada+x@corp.example")
    asked = parse_qs(urlsplit(url).query)
    assert (asked["login_hint"], asked["state"], asked["redirect_uri"]) == (["ada+x@corp.example"], ["s t/a+te"], [REDIRECT])
    assert VERIFIER not in url
    assert google.world.google.client_secret not in url


async def test_a_code_is_spent_by_its_first_use(google: Google) -> None:
    code = google.code(SCOPES[Grant.READ])
    await google.consent.consented(code, VERIFIER)
    with pytest.raises(NotAuthorised):
        await google.consent.consented(code, VERIFIER)


@pytest.mark.parametrize("verifier", ["w" * 43, ""])
async def test_a_code_that_another_verifier_was_promised_for_is_refused(google: Google, verifier: str) -> None:
    with pytest.raises(NotAuthorised):
        await google.consent.consented(google.code(SCOPES[Grant.READ]), verifier)


async def test_a_client_that_google_refuses_is_the_admins_trouble_and_not_the_users(google: Google) -> None:
    wrong = replace(google.consent, client=replace(google.consent.client, client_secret="wrong"))
    with pytest.raises(NotPermitted):
        await wrong.consented(google.code(SCOPES[Grant.READ]), VERIFIER)


async def test_a_consent_without_a_refresh_token_is_no_answer(google: Google) -> None:
    with pytest.raises(BadAnswer):
        await google.consent.consented(google.code(SCOPES[Grant.READ], refreshes=False), VERIFIER)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("google", "token", status=503), Unavailable),
        (Fault("google", "token", status=429), RateLimited),
        (Fault("google", "token", drop=True), Unavailable),
        (Fault("google", "token", html=True), Unavailable),
        (Fault("google", "token", half=True), BadAnswer),
    ],
    ids=["503", "429", "dropped", "html", "half"],
)
async def test_what_fails_at_google_is_told_as_what_it_is(
    google: Google, fault: Fault, error: type[MailMagnetError], after: bool
) -> None:
    google.world.faults.add(replace(fault, after=after))
    with pytest.raises(error):
        await google.consent.consented(google.code(SCOPES[Grant.READ]), VERIFIER)


async def test_a_slow_google_is_given_up(google: Google) -> None:
    quick = replace(google.consent, client=replace(google.consent.client, seconds=0.1))
    google.world.faults.add(Fault("google", "token", latency_ms=500))
    with pytest.raises(Unavailable):
        await quick.consented(google.code(SCOPES[Grant.READ]), VERIFIER)


async def test_a_browsers_token_answers_the_sign_in_that_asked_for_it(google: Google) -> None:
    side = google.world.google
    token = side.client_id_token(google.account, {"openid", "https://www.googleapis.com/auth/userinfo.email"}, "access", "asked")
    identity = await google.verifier.user(token, client_id=side.client_id, nonce="asked")
    assert identity.user == google.account.sub
    for client_id, nonce in ((side.client_id, "another"), (side.addon_client_id, "asked")):
        with pytest.raises((NotVerified, Forbidden)):
            await google.verifier.user(token, client_id=client_id, nonce=nonce)
