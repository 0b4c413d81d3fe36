"""How the contract asks a CRM: what each gives of itself and of its world, and how cases choose themselves by it."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import cast

import pytest

from mailmagnet.crm import Crm, CrmClient, LookUp, WritableCrm
from mailmagnet.vault import Connection
from tests.crm_round_trips import Cost
from tests.http_faults import Fault, HttpFaults

SECONDS = 20.0
"""In which a CRM answers here, however busy the machine is."""


class InstalledWorld(ABC):
    """The world as it is in one CRM. A CRM gives what has no default, and of the rest what it is or has."""

    http: HttpFaults | None = None
    """What stands between its client and it; None where it is not asked over HTTP."""
    costs: Mapping[int, tuple[Cost, Cost]] | None = None
    """What a look-up and the senders of a run cost, by how many known people of one company are asked for: 0, 1, 20, 100 and 250, when
    settings, rights and tokens are there already. A look-up asks for the company too. None where nothing is asked over HTTP."""
    burst: Fault | None = None
    """How it says in its own words that it was asked too often in a short time, where that is not a 429."""
    day_limit: Fault | None = None
    """How it says in its own words that the day's calls are used up."""
    tells_budget = False
    """Whether its answers say how many calls of the day are left."""
    tells_rates = False
    """Whether it tells all currencies, with every digit of their rates."""
    renews = True
    """Whether it gives a new access token in place of one that it refuses."""
    hides_fields = False
    """Whether it hides single fields from users (`WorldUser.hidden`)."""
    lacks: frozenset[str] = frozenset()
    """What of the world it could not be filled with: "contact ines", where it keeps an address with one contact only."""

    @abstractmethod
    def client_within(self, seconds: float) -> CrmClient:
        """A client made afresh, as in a new process: it remembers nothing. Each of its calls may take so long."""

    @abstractmethod
    def connection_of(self, email: str) -> Connection:
        """The connection of the user with this address; of one whom nobody knows, one that is not signed in or is refused."""

    @abstractmethod
    def id_of(self, key: str) -> str:
        """The CRM's id of a stage, account, contact, lead or deal ("deal renewal", "contact sam", ...), "no-such-id" of another."""

    async def unshare(self, key: str, email: str) -> None:
        """End what lets a user see another's record: a share, a team's, a territory's. From then on a new client is asked."""
        raise NotImplementedError

    @cached_property
    def client(self) -> CrmClient:
        return self.client_within(SECONDS)

    def as_user(self, email: str) -> Crm:
        """This user's view."""
        return self.client.as_user(self.connection_of(email))


def writer(crm: InstalledWorld, email: str) -> WritableCrm:
    """The same view, of a CRM that is written to."""
    return cast(WritableCrm, crm.as_user(email))


async def looked_up(crm: Crm, addresses: Collection[str], domains: Collection[str] = (), others: Collection[str] = ()) -> LookUp:
    """All that the CRM has, the `addresses` in front, in good time."""
    return await crm.look_up(addresses, others, domains, asyncio.get_running_loop().time() + SECONDS)


def needs(*capabilities: str) -> pytest.MarkDecorator:
    """A case about what not every CRM has: only those with all of these `Capabilities` are held to it."""
    return pytest.mark.needs(*capabilities)


def only_with(crm: InstalledWorld, *keys: str) -> None:
    """Skip the case where the CRM could not be filled with these records."""
    if missing := crm.lacks.intersection(keys):
        pytest.skip(f"this CRM cannot hold {', '.join(sorted(missing))}")
