"""The contract's world in a real Odoo 19: started afresh, asked over HTTP by clients of its users."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any, cast

from crm_client.odoo.client import OdooClient
from crm_client.odoo.server import OdooServer
from crm_client.odoo.sign_in import OdooSignIn
from crm_client.renewal import Renewal
from http_session.session import HttpSession
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.store import Store
from mailmagnet.vault import Connection, Vault
from sandbox.crms.odoo.server import RunningOdoo, ask, odoo_with
from tests.contract.crm_installed import InstalledWorld
from tests.contract.crm_world import ADA, crm_world
from tests.crm_round_trips import Cost
from tests.crm_signed_in import NoTurns, SomeConnections
from tests.http_faults import HttpFaults

ORG = "corp.example"
_LOOK_UP, _OF_SEVERAL, _SENDERS = Cost(4, 1), Cost(6, 1), Cost(2, 1)
_COSTS = {
    0: (Cost(0, 0), Cost(0, 0)),
    1: (_LOOK_UP, _SENDERS),
    **dict.fromkeys((20, 100, 250), (_OF_SEVERAL, _SENDERS)),
}


class OdooBeside:
    """What its administrator does in a running Odoo, beside the client."""

    def __init__(self, odoo: RunningOdoo) -> None:
        self._odoo = odoo

    def write(self, model: str, method: str, **arguments: Any) -> Any:
        """Whatever a method of a model answers."""
        return ask(self._odoo, ADA, model, method, **arguments)

    @contextmanager
    def made(self, model: str, records: Sequence[dict[str, Any]]) -> Iterator[list[int]]:
        """Records that are there while it lasts."""
        ids: list[int] = self.write(model, "create", vals_list=records)
        try:
            yield ids
        finally:
            self.write(model, "unlink", ids=ids)

    @contextmanager
    def changed(self, model: str, record: int, now: dict[str, Any], later: dict[str, Any]) -> Iterator[None]:
        """A record that is another one while it lasts."""
        self.write(model, "write", ids=[record], vals=now)
        try:
            yield
        finally:
            self.write(model, "write", ids=[record], vals=later)

    def group(self, external_id: str) -> int:
        module, _, name = external_id.partition(".")
        found: int = self.write("ir.model.data", "check_object_reference", module=module, xml_id=name)[1]
        return found


class OdooWorld(InstalledWorld):
    """The contract's world in a running Odoo, as its users' keys show it."""

    costs = _COSTS
    hides_fields = True

    def __init__(self, odoo: RunningOdoo, session: HttpSession, http: HttpFaults) -> None:
        self.running = odoo
        self.odoo = OdooBeside(odoo)
        self.http = http
        self._session = session
        self._unshared: list[tuple[int, str]] = []

    def server_within(self, seconds: float) -> OdooServer:
        return OdooServer(self._session, self.http.origin if self.http else self.running.origin, seconds)

    def sign_in_within(self, seconds: float) -> OdooSignIn:
        return OdooSignIn(self.server_within(seconds), lambda: datetime.now(UTC))

    def client_within(self, seconds: float) -> OdooClient:
        vault = SomeConnections(self.connection_of(email) for email in (*self.running.users, "stranger@corp.example", ""))
        renewal = Renewal(
            self.sign_in_within(seconds), cast(Vault, vault), lambda: cast(Store, NoTurns()), lambda: datetime.now(UTC)
        )
        return OdooClient(self.server_within(seconds), renewal)

    def connection_of(self, email: str) -> Connection:
        uid = str(self.running.users.get(email, 0))
        tokens = CrmTokens(uid, "", self.running.keys.get(email, "0" * 40), "", datetime(2100, 1, 1, tzinfo=UTC))
        return Connection(ORG, f"10{uid}", email, crm=tokens)

    def id_of(self, key: str) -> str:
        return str(self.running.ids.get(key, "no-such-id"))

    async def unshare(self, key: str, email: str) -> None:
        [found] = self.odoo.write("res.partner", "read", ids=[int(self.id_of(key))], fields=["comment"])
        self._unshared.append((found["id"], found["comment"]))
        self._comment(found["id"], found["comment"].replace(f"shared with {email};", ""))

    def share_again(self) -> None:
        """The world as it was."""
        while self._unshared:
            self._comment(*self._unshared.pop())

    def _comment(self, contact: int, text: str) -> None:
        self.odoo.write("res.partner", "write", ids=[contact], vals={"comment": text})


@asynccontextmanager
async def world_in(odoo: RunningOdoo) -> AsyncIterator[OdooWorld]:
    async with HttpFaults(odoo.origin).serving() as http:
        session = HttpSession({http.origin})
        world = OdooWorld(odoo, session, http)
        try:
            yield world
        finally:
            world.share_again()
            await session.close()


@asynccontextmanager
async def odoo_world() -> AsyncIterator[InstalledWorld]:
    """The contract's world in an Odoo of its own, which runs while it lasts."""
    with odoo_with(crm_world(), "world") as odoo:
        async with world_in(odoo) as world:
            yield world
