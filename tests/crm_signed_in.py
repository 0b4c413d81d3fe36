"""Google accounts signed in to an embedded CRM without a password typed, for tests that are not about the sign-in."""

import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast

from crm_client.embedded import sessions
from crm_client.embedded.administration import user_id
from crm_client.embedded.crm import EmbeddedCrm
from crm_client.embedded.database import writing
from crm_client.embedded.sign_in import EmbeddedSignIn
from crm_client.renewal import Renewal
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.errors import NotAuthorised, Service, Side
from mailmagnet.store import Store
from mailmagnet.vault import Connection, Vault

machine_time = partial(datetime.now, UTC)


class OneConnection:
    """The vault's part in a sign-in, for one connection."""

    def __init__(self, connection: Connection | None) -> None:
        self.kept = connection

    async def connection(self, org: str, user: str) -> Connection | None:
        return self.kept if self.kept and (self.kept.org, self.kept.user) == (org, user) else None

    async def renew(self, org: str, user: str, old: CrmTokens, new: CrmTokens) -> CrmTokens:
        connection = await self.connection(org, user)
        if not connection or not connection.crm:
            raise NotAuthorised(Service(Side.CRM, "CRM"))
        if connection.crm == old:
            self.kept = replace(connection, crm=new)
        return new if connection.crm == old else connection.crm


class SomeConnections:
    """The vault's part in the sign-ins of several users."""

    def __init__(self, connections: Iterable[Connection]) -> None:
        self._kept = {(each.org, each.user): OneConnection(each) for each in connections}

    async def connection(self, org: str, user: str) -> Connection | None:
        return await self._of(org, user).connection(org, user)

    async def renew(self, org: str, user: str, old: CrmTokens, new: CrmTokens) -> CrmTokens:
        return await self._of(org, user).renew(org, user, old, new)

    def _of(self, org: str, user: str) -> OneConnection:
        return self._kept.get((org, user), OneConnection(None))


class NoTurns:
    """The store's part in a renewal, where there is one process alone."""

    async def use_once(self, org: str, name: str, until: datetime, now: datetime) -> bool:
        return True

    async def end_use(self, org: str, name: str, until: datetime) -> None:
        """Nothing to give back."""


def tokens_for(database: Path, address: str, org: str, user: str) -> CrmTokens:
    """Sign a Google account in as the CRM user with this address."""
    with writing(database) as connection:
        return sessions.begin(connection, user_id(connection, address), org, user, machine_time())


def crm_with(database: Path, tokens: CrmTokens | None, org: str, user: str, record_url: str = "") -> EmbeddedCrm:
    """The CRM, asked with these tokens for this Google account."""
    connection = Connection(org, user, "somebody@corp.example", crm=tokens)
    renewal = Renewal(
        EmbeddedSignIn(database, machine_time),
        cast(Vault, OneConnection(connection)),
        lambda: cast(Store, NoTurns()),
        machine_time,
    )
    return EmbeddedCrm(database, renewal.access_of(connection), record_url)


def crm_as(database: Path, address: str, org: str = "corp.example") -> EmbeddedCrm:
    """The CRM as the CRM user with this address sees it, who signs in with one more Google account."""
    user = str(secrets.randbits(60))
    return crm_with(database, tokens_for(database, address, org, user), org, user)
