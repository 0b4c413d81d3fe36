"""HubSpot over HTTP: one question in, its JSON out, its refusals as errors of ours, and no more searches than it answers.

https://developers.hubspot.com/docs/api-reference/latest/error-handling,
https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines
"""

import asyncio
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from crm_client.answers import check, retry_after
from crm_client.authorization_code import OAuthClient
from crm_client.fields import Record
from crm_client.hubspot.addresses import HUBSPOT, HubSpotAddresses
from http_session.session import HttpAnswer, HttpSession
from mailmagnet.crm import Budget
from mailmagnet.errors import BadAnswer, DayLimitReached, RateLimited, Unavailable

OAUTH_VERSION = "2026-03"
SEARCHES_A_SECOND = 4
"""HubSpot answers five a second for the whole account, whoever asks: one is left for others."""
MOST_AT_ONCE = 20
"""Calls of one process for one organisation: the job asks for thousands of senders at once, and HubSpot counts calls in ten seconds."""
MOST_ORGANISATIONS = 10_000
MIGRATING = 477
"""The account moves from one data centre to another."""
LOCKED = 423
LOCKED_SECONDS = 2.0
A_SECOND = 1.0
WAITS = {"SECONDLY": A_SECOND, "TEN_SECONDLY_ROLLING": 10.0}
"""How long the limits of a burst last, in seconds, by the names that HubSpot has for them: it sends no Retry-After with them."""
_DAY, _LEFT = "X-HubSpot-RateLimit-Daily", "X-HubSpot-RateLimit-Daily-Remaining"
MOST_BYTES = 8 * 1024 * 1024
"""A hundred records with long notes fit, and a thousand records' associations."""


class HubSpotServer:
    """HubSpot's API. An organisation (`org`) has one account there: its calls and searches wait for their turn, its budget is noted."""

    def __init__(self, session: HttpSession, addresses: HubSpotAddresses, seconds: float) -> None:
        """`seconds` is what one call may take."""
        self._session = session
        self.addresses = addresses
        self._seconds = seconds
        self._calls: dict[str, asyncio.Semaphore] = {}
        self._searches: dict[str, asyncio.Semaphore] = {}
        self._budgets: dict[str, Budget] = {}

    def budget(self, org: str) -> Budget | None:
        """What HubSpot said last of the day's calls. Apps that are for several accounts are told nothing."""
        return self._budgets.get(org)

    async def get(self, org: str, token: str, path: str, params: Mapping[str, str]) -> Record:
        """What is at a path. Raises NotAuthorised for the token, NotPermitted, NotFound, RateLimited, DayLimitReached, Unavailable,
        BadAnswer."""
        return await self._asked(org, token, "GET", path, params, None)

    async def post(self, org: str, token: str, path: str, body: Mapping[str, Any]) -> Record:
        """What a batch or a search answers; parts of a batch may be missing in it. Raises what `get` raises."""
        if not path.endswith("/search"):
            return await self._posted(org, token, path, body)
        try:
            return await self._searched(org, token, path, body)
        except RateLimited as limited:
            if limited.retry_after > A_SECOND:
                raise
            await asyncio.sleep(A_SECOND)  # other processes search too
            return await self._searched(org, token, path, body)

    async def about_token(self, client: OAuthClient, token: str) -> Record:
        """Whose an access token is, and of which account. Raises what `get` raises."""
        form = {
            "client_id": client.client_id,
            "client_secret": client.client_secret,
            "token": token,
            "token_type_hint": "access_token",
        }
        answer = await self._session.request(
            HUBSPOT,
            "POST",
            f"{self.addresses.api}/oauth/{OAUTH_VERSION}/token/introspect",
            seconds=self._seconds,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode(form).encode(),
        )
        return _told(answer)

    async def _searched(self, org: str, token: str, path: str, body: Mapping[str, Any]) -> Record:
        """A search when it is its turn. Its place is free a second after it was answered, and so in none of HubSpot's own seconds too many
        come in, however long each is on its way."""
        places = self._searches.setdefault(org, asyncio.Semaphore(SEARCHES_A_SECOND))
        self._forget_some(self._searches)
        await places.acquire()
        try:
            return await self._posted(org, token, path, body)
        finally:
            asyncio.get_running_loop().call_later(A_SECOND, places.release)

    async def _posted(self, org: str, token: str, path: str, body: Mapping[str, Any]) -> Record:
        return await self._asked(org, token, "POST", path, {}, json.dumps(body, separators=(",", ":")).encode())

    async def _asked(self, org: str, token: str, method: str, path: str, params: Mapping[str, str], body: bytes | None) -> Record:
        places = self._calls.setdefault(org, asyncio.Semaphore(MOST_AT_ONCE))
        self._forget_some(self._calls)
        async with places:
            answer = await self._session.request(
                HUBSPOT,
                method,
                f"{self.addresses.api}{path}",
                seconds=self._seconds,
                headers={"Authorization": f"Bearer {token}", **({"Content-Type": "application/json"} if body else {})},
                params=params,
                body=body,
                most_bytes=MOST_BYTES,
            )
        self._note_budget(org, answer)
        return _told(answer)

    def _note_budget(self, org: str, answer: HttpAnswer) -> None:
        of, left = answer.headers.get(_DAY, ""), answer.headers.get(_LEFT, "")
        if of.isdecimal() and left.isdecimal():
            self._budgets[org] = Budget(int(left), int(of))
            self._forget_some(self._budgets)

    def _forget_some(self, by_org: dict[str, Any]) -> None:
        while len(by_org) > MOST_ORGANISATIONS:
            del by_org[next(iter(by_org))]


def _told(answer: HttpAnswer) -> Record:
    _check(answer)
    told = answer.json()
    if not isinstance(told, dict):
        raise BadAnswer(HUBSPOT, "the answer is no object")
    return told


def _check(answer: HttpAnswer) -> None:
    """Raises what the answer says, where it is no success."""
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise _over_the_limit(answer)
    if answer.status == LOCKED:
        raise RateLimited(HUBSPOT, LOCKED_SECONDS, "the account is locked for a moment")
    if answer.status == MIGRATING:
        raise Unavailable(HUBSPOT, "the account is being moved between data centres")
    check(answer)


def _over_the_limit(answer: HttpAnswer) -> RateLimited:
    """A burst, or the day's: the body's `policyName` tells them apart, and may be missing."""
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        told = None
    policy = told.get("policyName") if isinstance(told, dict) else None
    if policy == "DAILY":
        return DayLimitReached(HUBSPOT, retry_after(answer.headers) if _says_when(answer) else DAY_SECONDS)
    wait = WAITS.get(policy) if isinstance(policy, str) and not _says_when(answer) else None
    return RateLimited(HUBSPOT, wait or retry_after(answer.headers))


DAY_SECONDS = 3600.0
"""Worth another try in an hour: the day begins at midnight in the account's time zone."""


def _says_when(answer: HttpAnswer) -> bool:
    return bool(answer.headers.get("Retry-After", "").strip())
