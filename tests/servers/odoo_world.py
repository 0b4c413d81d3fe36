"""A real Odoo 19 with a world in it: started afresh, asked over HTTP by clients of its users."""

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from crm_client.odoo.client import OdooClient
from crm_client.odoo.server import OdooServer
from crm_client.odoo.sign_in import OdooSignIn
from crm_client.renewal import Renewal
from http_session.session import HttpSession
from mailmagnet.crm import Crm
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.store import Store
from mailmagnet.vault import Connection, Vault
from sandbox.crms.world import CrmWorld
from tests.contract.crm_contract import ADA
from tests.crm_signed_in import NoTurns

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".servers" / "odoo"
ORIGIN = f"http://127.0.0.1:{os.environ.get('MAILMAGNET_TEST_ODOO_PORT', '18069')}"
SECONDS = 20.0
"""In which it answers, however busy the machine is."""
ORG = "corp.example"
_SCRIPT = Path(__file__).with_name("odoo.sh")


@contextmanager
def odoo_with(world: CrmWorld) -> Iterator[dict[str, Any]]:
    """While it lasts an Odoo runs at ORIGIN. `keys` are its users' API keys and `users` their ids, by address, who log in with their
    address as password; `ids` are by key of the world ("contact sam"), `teams` by name."""
    fill = FOLDER / "fill.py"
    fill.write_text(f"world = {world!r}\n" + Path(__file__).with_name("fill_odoo.py").read_text())
    subprocess.run(["sh", _SCRIPT, "start", fill], check=True, timeout=180)
    try:
        yield json.loads((FOLDER / "world.json").read_text())
    finally:
        subprocess.run(["sh", _SCRIPT, "stop"], check=True, timeout=60)


class OdooWorld:
    """The contract's world in the real Odoo, as its users' keys show it."""

    def __init__(self, told: dict[str, Any], session: HttpSession) -> None:
        self.told = told
        self.session = session
        self.server = OdooServer(session, ORIGIN, SECONDS)
        self.sign_in = OdooSignIn(self.server, lambda: datetime.now(UTC))
        self._vault = _Connections()
        renewal = Renewal(self.sign_in, cast(Vault, self._vault), lambda: cast(Store, NoTurns()), lambda: datetime.now(UTC))
        self.client = OdooClient(self.server, renewal)

    def as_user(self, email: str) -> Crm:
        return self.client.as_user(self.connection(email))

    def connection(self, email: str) -> Connection:
        return self.with_key(self.told["keys"].get(email, "nobodys"), str(self.told["users"].get(email, 0)))

    def with_key(self, key: str, uid: str) -> Connection:
        tokens = CrmTokens(uid, "", key, "", datetime(2100, 1, 1, tzinfo=UTC), CrmChoice("odoo", ORIGIN))
        connection = Connection(ORG, f"10{uid}", ADA, crm=tokens)
        self._vault.kept[connection.user] = connection
        return connection

    def id_of(self, key: str) -> str:
        return str(self.told["ids"].get(key, "no-such-id"))

    def write(self, model: str, method: str, **arguments: Any) -> Any:
        """What its administrator does in Odoo, beside the client."""
        asked = urllib.request.Request(
            f"{ORIGIN}/json/2/{model}/{method}",
            json.dumps(arguments).encode(),
            {"Authorization": f"bearer {self.told['keys'][ADA]}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
            return json.load(answer)


class _Connections:
    """The vault's part in a sign-in, for all who ask."""

    def __init__(self) -> None:
        self.kept: dict[str, Connection] = {}

    async def connection(self, _: str, user: str) -> Connection | None:
        return self.kept.get(user)

    async def renew(self, _: str, user: str, __: CrmTokens, new: CrmTokens) -> CrmTokens:
        self.kept[user] = replace(self.kept[user], crm=new)
        return new
