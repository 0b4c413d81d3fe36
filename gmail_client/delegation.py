"""Access tokens for the mailboxes that an organisation's admin lets MailMagnet into, without a key: a service account signs as the user."""

import json
import time
from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus

from gmail_client.answers import Grant, refusal
from gmail_client.consent import SCOPES
from gmail_client.token_endpoint import exchanged_for
from http_session.own_token import OwnToken
from http_session.session import HttpAnswer, HttpSession
from mailmagnet.addresses import domain_of
from mailmagnet.errors import BadAnswer, NotAuthorised, NotDelegated, NotPermitted, UserGone
from mailmagnet.gmail import GMAIL
from mailmagnet.vault import Connection

LIFE = 3600
"""Seconds for which a signed claim may be exchanged: an hour at most
(https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests)."""
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def scopes_of(connection: Connection) -> tuple[str, ...]:
    """Exactly those of what the connection is for, in order."""
    return tuple(sorted(SCOPES[grant] for grant in connection.grants))


@dataclass(frozen=True, slots=True)
class Delegation:
    """`service_account` (an address) is the one to which the admin has delegated; this service's own account may sign for it.

    `domains` are the organisation's, first the one that Google calls it by: nobody else's mailbox is ever asked for. `own_token` gives
    this service's OAuth token; `iam_url` is "https://iamcredentials.googleapis.com"; `seconds` is the deadline of each call.
    """

    session: HttpSession
    own_token: OwnToken
    iam_url: str
    token_url: str
    service_account: str
    domains: Collection[str]
    seconds: float

    async def granted(self, connection: Connection) -> Grant:
        """An access token for this connection's mailbox, with its scopes alone.

        Raises NotDelegated when the admin has not let MailMagnet in (so far), the account is suspended, or this service may not sign;
        UserGone, RateLimited, Unavailable, BadAnswer.
        """
        if connection.org not in self.domains or domain_of(connection.address) not in self.domains or not connection.grants:
            raise NotDelegated(GMAIL, "this organisation's mailboxes are not delegated to this deployment")
        fields = {"grant_type": JWT_BEARER, "assertion": await self._signed(connection)}
        try:
            return await exchanged_for(Grant, self.session, self.token_url, fields, self.seconds)
        except UserGone:
            raise
        except (NotAuthorised, NotPermitted) as refused:
            scopes = ", ".join(scopes_of(connection))
            what = f"{refused.what}: domain-wide delegation of the scopes {scopes} to the client id of {self.service_account}"
            raise NotDelegated(GMAIL, what) from None

    async def _signed(self, connection: Connection) -> str:
        """https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signJwt"""
        now = int(time.time())
        claims = {
            "iss": self.service_account,
            "sub": connection.address,
            "scope": " ".join(scopes_of(connection)),
            "aud": self.token_url,
            "iat": now,
            "exp": now + LIFE,
        }
        body = json.dumps({"payload": json.dumps(claims)}).encode()
        token = await self.own_token()
        answer = await self._asked(body, token)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            answer = await self._asked(body, await self.own_token(token))
        if answer.status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
            what = f"this service may not sign for {self.service_account} (status {answer.status}): it needs the role"
            raise NotDelegated(GMAIL, f"{what} roles/iam.serviceAccountTokenCreator on that account")
        if answer.status != HTTPStatus.OK:
            raise refusal(answer.status, answer.headers, answer.body)
        signed = answer.json()
        if not isinstance(signed, dict) or not isinstance(signed.get("signedJwt"), str):
            raise BadAnswer(GMAIL, "the answer is not a signed claim")
        return str(signed["signedJwt"])

    async def _asked(self, body: bytes, token: str) -> HttpAnswer:
        return await self.session.request(
            GMAIL,
            "POST",
            f"{self.iam_url}/v1/projects/-/serviceAccounts/{self.service_account}:signJwt",
            seconds=self.seconds,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            body=body,
        )
