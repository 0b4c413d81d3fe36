"""Connections' tokens in Google's Secret Manager, over its REST API: a secret for each user.

Which version of a secret counts is named on the secret itself, by the alias "current": a version is added first, and nothing changes for
anybody; then the alias is moved by a patch that Secret Manager takes only if the secret is as it was read (its etag). Who comes too late
destroys the version it has added, and begins anew. Then the versions before are destroyed. A user without any facts has no secret.

Labels say whose Google account is connected, and where a token is leaving, so that neither has to be looked for in all secrets. They hold
hashes: labels are seen in bills.

Reference: https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets, etags:
https://cloud.google.com/secret-manager/docs/etags, what is consistent at once (versions by number), and what within minutes (the rest):
https://cloud.google.com/secret-manager/docs/reference/consistency
"""

import base64
import binascii
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_random_exponential

from http_session.session import HttpAnswer, HttpSession
from mailmagnet.crm_sign_in import CrmTokens, Sees
from mailmagnet.errors import BadAnswer, NotFound, Unavailable
from mailmagnet.vault import CRM_ACCOUNT, Connection, Leaving
from token_vault.connection_facts import (
    LEAVING,
    WHO,
    Facts,
    account,
    account_of,
    connection_in,
    is_connection,
    kept,
    left_behind,
    let_see,
    put_on_list,
    refused,
    renewed,
    signed_in,
    signed_out,
    tokens_after,
    tokens_in,
    with_webhook,
    without_leaving,
)

SECONDS = 5.0
"""The deadline of one call, and how long a change is tried again while others change the same."""
CURRENT = "current"
PAGE = 1000
NAME_LENGTH = 40
"""Hexadecimal digits of a hash in a name or a label, where 63 characters are taken."""


class _Changed(Unavailable):
    """Somebody else has changed the secret since it was read, or it is not yet as it was last written."""


_again_when_changed = retry(
    retry=retry_if_exception_type(_Changed),
    wait=wait_random_exponential(0.05, max=1),
    stop=stop_after_delay(SECONDS),
    reraise=True,
)


@dataclass(frozen=True, slots=True)
class _Secret:
    """A secret as it was read: `current` is the number of the version that counts, "" for none."""

    etag: str
    current: str


class SecretManagerVault:
    """`mailmagnet.vault.Vault` in one project's Secret Manager. A connection is read with one call, and nothing is remembered: what
    another process did is seen."""

    def __init__(self, session: HttpSession, origin: str, project: str, access_token: Callable[[], Awaitable[str]]) -> None:
        """`origin` is "https://secretmanager.googleapis.com". `access_token` gives a fresh OAuth token with the scope cloud-platform, whose
        account may create, change, read and delete secrets."""
        self._session = session
        self._secrets_url = f"{origin}/v1/projects/{project}/secrets"
        self._access_token = access_token

    async def connection(self, org: str, user: str) -> Connection | None:
        try:
            return connection_in(org, user, (await self._current(_name(org, user)))["facts"])
        except NotFound:
            return None

    async def users(self, org: str) -> Sequence[str]:
        found = []
        async for name in self._names(f"labels.org={_hashed('org', org)}"):
            with suppress(NotFound):  # it was deleted meanwhile
                found.append(str((await self._current(name))["user"]))
        return [user for user in found if user != CRM_ACCOUNT]

    async def keep(self, connection: Connection) -> None:
        await self._change(connection.org, connection.user, lambda facts: kept(facts, connection))

    async def sign_in(self, connection: Connection) -> None:
        await self._change(connection.org, connection.user, lambda facts: signed_in(facts, connection))

    async def renew(self, org: str, user: str, old: CrmTokens, new: CrmTokens) -> CrmTokens:
        _, after = await self._change(org, user, lambda facts: renewed(facts, old, new))
        return tokens_after(after)

    async def sign_out(self, org: str, user: str) -> CrmTokens | None:
        before, _ = await self._change(org, user, signed_out)
        return tokens_in(before)

    async def keep_webhook(self, org: str, user: str, webhook: str) -> None:
        await self._change(org, user, lambda facts: with_webhook(facts, webhook))

    async def put_on_list(self, connection: Connection) -> None:
        await self._change(connection.org, connection.user, lambda facts: put_on_list(facts, connection))

    async def let_see(self, org: str, sees: Sees | None) -> None:
        await self._change(org, CRM_ACCOUNT, lambda facts: let_see(facts, sees))

    async def forget(self, org: str, user: str) -> bool:
        before, _ = await self._change(org, user, lambda facts: left_behind(user, facts))
        return is_connection(before)

    async def leaving(self) -> Sequence[Leaving]:
        """One secret that cannot be read keeps no other token from being revoked: it is told of when there is nothing else."""
        left, unread = [], None
        async for name in self._names("labels.leaving=yes"):
            try:
                stored = await self._current(name)
            except NotFound:
                continue  # it was deleted meanwhile
            except BadAnswer as problem:
                unread = problem
                continue
            of = stored["facts"].get(LEAVING)
            if of and not await self._is_connected(of):
                left.append(Leaving(stored["org"], stored["user"], of["gmail_token"]))
        if unread and not left:
            raise unread
        return tuple(left)

    async def refuse(self, token: Leaving, address: str) -> bool:
        leaving = account_of(token, address)
        if await self._is_connected(leaving):
            return False
        await self._change(token.org, token.user, lambda facts: refused(facts, leaving))
        return True

    async def revoked(self, token: Leaving) -> None:
        await self._change(token.org, token.user, lambda facts: without_leaving(facts, token))

    async def _is_connected(self, of: Mapping[str, str]) -> bool:
        """Whether a mailbox of this Google account is connected, in whatever org."""
        same = " OR ".join(f"labels.{label}={value}" for label, value in _account_labels(of).items())
        async for _ in self._names(same):
            return True
        return False

    # One user's facts

    @_again_when_changed
    async def _change(self, org: str, user: str, change: Callable[[Facts], Facts]) -> tuple[Facts, Facts]:
        """Read one user's facts, and put what becomes of them in their place; both. Where somebody deletes the secret meanwhile, all begins
        anew."""
        try:
            return await self._changed_once(org, user, change)
        except NotFound:
            raise _Changed(WHO, "the secret is gone") from None

    async def _changed_once(self, org: str, user: str, change: Callable[[Facts], Facts]) -> tuple[Facts, Facts]:
        name = _name(org, user)
        secret = await self._secret(name)
        before: Facts = (await self._stored(name, secret.current))["facts"] if secret and secret.current else {}
        after = change(before)
        if after == before:
            if secret and secret.current:
                await self._destroy_before(name, secret.current)
        elif not after and secret:
            with suppress(NotFound):  # it is gone: an answer that was lost is asked for again by HTTP itself
                await self._ask("DELETE", f"/{name}?etag={quote(secret.etag)}")
        else:
            await self._put(name, secret or await self._created(name), {"org": org, "user": user, "facts": after})
        return before, after

    async def _put(self, name: str, secret: _Secret, stored: Mapping[str, Any]) -> None:
        added = await self._added(name, json.dumps(stored).encode())
        version = _number(added)
        try:
            await self._point_to(name, secret, version, _labels(stored["org"], stored["user"], stored["facts"]))
        except _Changed:
            await self._destroy(name, added)
            raise
        await self._destroy_before(name, version)

    @_again_when_changed
    async def _current(self, name: str) -> Mapping[str, Any]:
        """What the version holds that counts. One that is destroyed counts no more: then it is asked for again."""
        return await self._stored(name, CURRENT)

    async def _stored(self, name: str, version: str) -> Mapping[str, Any]:
        answer = await self._ask("GET", f"/{name}/versions/{version}:access")
        try:
            stored: Mapping[str, Any] = json.loads(base64.b64decode(answer["payload"]["data"], validate=True))
            if _name(stored["org"], stored["user"]) == name and isinstance(stored["facts"], dict):
                return stored
        except (KeyError, TypeError, ValueError, binascii.Error):
            pass
        raise BadAnswer(WHO, "a secret in it has not the facts it should have")

    # Secret Manager's calls

    async def _secret(self, name: str) -> _Secret | None:
        try:
            return _secret_in(await self._ask("GET", f"/{name}"))
        except NotFound:
            return None

    async def _created(self, name: str) -> _Secret:
        return _secret_in(await self._ask("POST", f"?secretId={name}", {"replication": {"automatic": {}}}))

    async def _added(self, name: str, payload: bytes) -> Mapping[str, Any]:
        """A new version."""
        return await self._ask("POST", f"/{name}:addVersion", {"payload": {"data": base64.b64encode(payload).decode()}})

    async def _point_to(self, name: str, secret: _Secret, version: str, labels: Mapping[str, str]) -> None:
        wanted = {"etag": secret.etag, "versionAliases": {CURRENT: version}, "labels": labels}
        await self._ask("PATCH", f"/{name}?updateMask=versionAliases,labels", wanted)

    async def _destroy_before(self, name: str, current: str) -> None:
        """Destroy the versions that count no more. What comes in between has a higher number."""
        async for version in self._listed(f"/{name}/versions", "versions", "state:ENABLED"):
            if int(_number(version)) < int(current):
                await self._destroy(name, version)

    async def _destroy(self, name: str, version: Mapping[str, Any]) -> None:
        """Under its own etag: in a secret that was deleted and made anew, another's version has the same number."""
        try:
            await self._ask("POST", f"/{name}/versions/{_number(version)}:destroy", {"etag": version.get("etag", "")})
        except (_Changed, NotFound):
            return  # somebody else has destroyed it, or the secret with it

    async def _names(self, which: str) -> AsyncIterator[str]:
        async for secret in self._listed("", "secrets", which):
            yield str(secret["name"]).rpartition("/")[2]

    async def _listed(self, path: str, kind: str, which: str) -> AsyncIterator[Mapping[str, Any]]:
        page = ""
        while True:
            after = f"&pageToken={quote(page)}" if page else ""
            answer = await self._ask("GET", f"{path}?filter={quote(which)}&pageSize={PAGE}{after}")
            for one in answer.get(kind, ()):
                yield one
            if not (page := answer.get("nextPageToken", "")):
                return

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {await self._access_token()}", "Content-Type": "application/json"}
        answer = await self._session.request(
            WHO,
            method,
            f"{self._secrets_url}{path}",
            seconds=SECONDS,
            headers=headers,
            body=json.dumps(body).encode() if body is not None else None,
        )
        _check(answer)
        told = answer.json()
        if not isinstance(told, dict):
            raise BadAnswer(WHO, "the answer is no object")
        return told


def _check(answer: HttpAnswer) -> None:
    """Raises what a refusal means. Google's own messages are not passed on."""
    match answer.status:
        case HTTPStatus.OK:
            return
        case HTTPStatus.NOT_FOUND:
            raise NotFound(WHO, "there is no such secret")
        case HTTPStatus.CONFLICT | HTTPStatus.PRECONDITION_FAILED:
            raise _Changed(WHO, "somebody else has changed a secret")
        case HTTPStatus.BAD_REQUEST if _status(answer) == "FAILED_PRECONDITION":
            raise _Changed(WHO, "a secret is not as it was")
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            raise Unavailable(WHO, f"this service's account may not use Secret Manager (status {answer.status})")
        case HTTPStatus.TOO_MANY_REQUESTS:
            raise Unavailable(WHO, "Secret Manager was asked too often")
        case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unavailable(WHO, f"Secret Manager answered {status}")
        case status:
            raise BadAnswer(WHO, f"Secret Manager answered {status}")


def _status(answer: HttpAnswer) -> str:
    told = answer.json()
    error = told.get("error") if isinstance(told, dict) else None
    return str(error.get("status", "")) if isinstance(error, dict) else ""


def _secret_in(answer: Mapping[str, Any]) -> _Secret:
    try:
        return _Secret(str(answer["etag"]), str(answer.get("versionAliases", {}).get(CURRENT, "")))
    except (KeyError, AttributeError):
        raise BadAnswer(WHO, "a secret in it is not as it should be") from None


def _number(version: Mapping[str, Any]) -> str:
    number = str(version.get("name", "")).rpartition("/")[2]
    if not number.isdecimal():
        raise BadAnswer(WHO, "a version in it has no number")
    return number


def _name(org: str, user: str) -> str:
    """A user's secret's: ids may be any text, a secret's name may not."""
    return f"connection-{_hashed(org, user)}"


def _labels(org: str, user: str, facts: Facts) -> dict[str, str]:
    connected = _account_labels(account(user, facts)) if facts.get("gmail_token") else {}
    return {"org": _hashed("org", org)} | connected | ({"leaving": "yes"} if LEAVING in facts else {})


def _account_labels(of: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): _hashed(name, value) for name, value in of.items()}


def _hashed(*texts: str) -> str:
    return sha256(json.dumps(texts).encode()).hexdigest()[:NAME_LENGTH]
