"""The contract's world in a real Tryton 8.2, as its users' keys show it."""

import base64
import json
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any, cast

from crm_client.renewal import Renewal
from crm_client.tryton.client import TrytonClient
from crm_client.tryton.server import TrytonServer
from crm_client.tryton.sign_in import TrytonSignIn
from http_session.session import HttpSession
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.store import Store
from mailmagnet.vault import Connection, Vault
from sandbox.crms.tryton.server import DATABASE, RunningTryton, tryton_with
from tests.contract.crm_installed import SECONDS, InstalledWorld
from tests.contract.crm_world import ADA, crm_world
from tests.crm_round_trips import Cost
from tests.crm_signed_in import NoTurns, SomeConnections
from tests.http_faults import HttpFaults

ORG = "corp.example"
_COSTS = {
    0: (Cost(0, 0), Cost(0, 0)),
    1: (Cost(7, 2), Cost(2, 1)),
    20: (Cost(7, 2), Cost(2, 1)),
    100: (Cost(7 + 3 * 2 + 1, 3), Cost(4 * 2, 1)),
    250: (Cost(7 + 9 * 2 + 1, 4), Cost(10 * 2, 1)),
}
"""People, their opportunities, and who is at a domain; then the parties behind them, the notes of the one in front, the company's people
and its deals. For each 25 people more than the first, two calls, then one for them all: these may end before the first ones begin anew,
and more than 20 calls at once wait for each other."""


_WITH_INACTIVE = base64.urlsafe_b64encode(b'{"active_test": false}').decode()


class TrytonWorld(InstalledWorld):
    """The contract's world in a running Tryton."""

    costs = _COSTS
    hides_fields = True
    renews = False
    tells_rates = True

    def __init__(self, tryton: RunningTryton, session: HttpSession, http: HttpFaults) -> None:
        self.tryton = tryton
        self.http = http
        self._session = session
        self._unshared: list[tuple[int, int]] = []

    def server_within(self, seconds: float) -> TrytonServer:
        return TrytonServer(self._session, self.http.origin if self.http else self.tryton.origin, seconds)

    def sign_in_within(self, seconds: float) -> TrytonSignIn:
        return TrytonSignIn(self.server_within(seconds), lambda: datetime.now(UTC))

    def client_within(self, seconds: float) -> TrytonClient:
        vault = SomeConnections(self.connection_of(email) for email in (*self.tryton.users, "stranger@corp.example", ""))
        renewal = Renewal(
            self.sign_in_within(seconds), cast(Vault, vault), lambda: cast(Store, NoTurns()), lambda: datetime.now(UTC)
        )
        return TrytonClient(self.server_within(seconds), renewal)

    def connection_of(self, email: str) -> Connection:
        return self.with_key(email, self.tryton.keys.get(email, "0" * 128))

    def with_key(self, email: str, key: str) -> Connection:
        uid = str(self.tryton.users.get(email, 0))
        return Connection(ORG, f"10{uid}", email, crm=CrmTokens(uid, "", key, "", datetime(2100, 1, 1, tzinfo=UTC)))

    def id_of(self, key: str) -> str:
        return str(self.tryton.ids.get(key, "no-such-id"))

    async def unshare(self, key: str, email: str) -> None:
        party = int(self.id_of(key))
        [category] = self.read("party.category", [["name", "=", f"Seen by {email}"]], ["name"])
        self.write(f"party.party/{party}", {"categories": [["remove", [category["id"]]]]})
        self._unshared.append((party, category["id"]))

    def share_again(self) -> None:
        """The world as it was."""
        while self._unshared:
            party, category = self._unshared.pop()
            self.write(f"party.party/{party}", {"categories": [["add", [category]]]})

    # What its administrator does in Tryton, beside the client

    def read(self, model: str, domain: list[Any], fields: list[str], email: str = ADA) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask("POST", f"{model}/search_read", {"domain": domain, "fields_names": fields}, email)
        return found

    def write(self, record: str, values: Mapping[str, Any]) -> None:
        self._ask("PUT", record, values)

    def act(self, record: str, action: str, email: str = ADA) -> None:
        self._ask("POST", f"{record}/{action}", {}, email)

    def request_key(self, login: str) -> str:
        """What Tryton answers to whoever asks for a key of this user, without any proof."""
        url = f"{self.tryton.origin}/{DATABASE}/r/user/application/"
        body = json.dumps({"user": login, "application": "rest"}).encode()
        asked = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")
        with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
            key: str = json.load(answer)
        return key

    def delete(self, record: str) -> None:
        self._ask("DELETE", record, None)

    @contextmanager
    def made(self, model: str, values: Mapping[str, Any], email: str = ADA) -> Iterator[int]:
        """A record that is there while it lasts."""
        made = self._ask("POST", model, values, email)["id"]
        try:
            yield made
        finally:
            self.delete(f"{model}/{made}")

    @contextmanager
    def changed(self, record: str, now: Mapping[str, Any], later: Mapping[str, Any]) -> Iterator[None]:
        """A record that is another one while it lasts."""
        self.write(record, now)
        try:
            yield
        finally:
            self.write(record, later)

    def _ask(self, method: str, path: str, body: Any, email: str = ADA) -> Any:
        asked = urllib.request.Request(
            f"{self.tryton.origin}/{DATABASE}/rest/model/{path}",
            json.dumps(body).encode() if body is not None else None,
            {
                "Authorization": f"Bearer {self.tryton.keys[email]}",
                "Content-Type": "application/json",
                "X-Tryton-Context": _WITH_INACTIVE,
            },
            method=method,
        )
        with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
            return json.loads(answer.read() or b"null")


@asynccontextmanager
async def world_in(tryton: RunningTryton) -> AsyncIterator[TrytonWorld]:
    async with HttpFaults(tryton.origin).serving() as http:
        session = HttpSession({http.origin, tryton.origin})
        world = TrytonWorld(tryton, session, http)
        try:
            yield world
        finally:
            world.share_again()
            await session.close()


@asynccontextmanager
async def tryton_world() -> AsyncIterator[InstalledWorld]:
    """The contract's world in a Tryton of its own, which runs while it lasts."""
    with tryton_with(crm_world(), "bench") as tryton:
        async with world_in(tryton) as world:
            yield world
