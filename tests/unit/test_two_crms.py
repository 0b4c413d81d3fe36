"""Two organisations of one deployment, each with its own CRM: what one's user signs in with or asks never comes to the other's."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.fernet import Fernet

from crm_client.odoo.server import OdooServer
from functions.settings import read_settings
from functions.wiring import Process
from mailmagnet.choose_crm import choose_crm, chosen_crm, end_sign_in_to_another_crm
from mailmagnet.errors import BadSetting, NotAuthorised
from mailmagnet.sign_in_to_crm import sign_in_to_crm
from mailmagnet.vault import Connection
from tests.unit.test_settings import GOOD

ORGS = ("one.example", "two.example")
USER = "7"
"""The same Google id would be another user's in another organisation; the same CRM id is another person's in another CRM."""


@dataclass
class Odoo:
    """A CRM that knows one key, and notes each one that comes to it."""

    key: str
    keys: list[str] = field(default_factory=list)

    async def start(self) -> TestServer:
        app = web.Application()
        app.router.add_post("/json/2/{model}/{method}", self._answer)
        server = TestServer(app)
        await server.start_server()
        return server

    async def _answer(self, request: web.Request) -> web.Response:
        key = request.headers["Authorization"].removeprefix("bearer ")
        self.keys.append(key)
        if key != self.key:
            return web.Response(status=401)
        if request.match_info["method"] == "context_get":
            return web.json_response({"uid": 2})
        if request.match_info["method"] == "check_object_reference":
            return web.json_response(["res.groups", 4])
        return web.json_response({"records": [{"id": 2, "name": f"Ada of {self.key}"}], "length": 1})


@dataclass
class World:
    process: Process
    odoos: dict[str, Odoo]
    origins: dict[str, str]

    async def sign_in(self, org: str, key: str) -> Connection:
        crm = await chosen_crm(org, self.process)
        return await sign_in_to_crm(Connection(org, USER, f"ada@{org}"), crm, {"api_key": key}, self.process)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    odoos = {org: Odoo(f"keyof{org.partition('.')[0]}") for org in ORGS}
    servers = {org: await odoo.start() for org, odoo in odoos.items()}
    settings = read_settings(
        {
            **GOOD,
            "MAILMAGNET_CRM_PRIVATE": "true",
            "MAILMAGNET_VAULT_KEY": Fernet.generate_key().decode(),
            "MAILMAGNET_VAULT_FILE": str(tmp_path / "vault"),
            "MAILMAGNET_STORE_DATABASE": str(tmp_path / "store.sqlite"),
            "MAILMAGNET_CRM_DATABASE": str(tmp_path / "crm.sqlite"),
        }
    )
    process = Process(settings)
    origins = {org: f"http://127.0.0.1:{server.port}" for org, server in servers.items()}
    for org in ORGS:
        await choose_crm(org, "odoo", origins[org], process)
        await process.store.connect(org, USER, f"ada@{org}", datetime.now(UTC))
    yield World(process, odoos, origins)
    await process.close()
    for server in servers.values():
        await server.close()


async def test_each_organisations_keys_come_to_its_own_crm_alone(world: World) -> None:
    for org in ORGS:
        connection = await world.sign_in(org, world.odoos[org].key)
        assert connection.crm
        assert (connection.crm.crm.origin, connection.crm.name) == (world.origins[org], f"Ada of {world.odoos[org].key}")
        await world.process.crm_of(connection).me()
    for odoo in world.odoos.values():
        assert set(odoo.keys) == {odoo.key}


async def test_a_key_of_the_other_organisations_crm_signs_nobody_in(world: World) -> None:
    one, two = ORGS
    with pytest.raises(NotAuthorised):
        await world.sign_in(one, world.odoos[two].key)
    assert world.odoos[two].keys == []
    assert await world.process.vault.connection(one, USER) is None


async def test_a_change_in_one_organisation_leaves_the_others_sign_in_and_settings(world: World) -> None:
    one, two = ORGS
    for org in ORGS:
        await world.sign_in(org, world.odoos[org].key)
    before = await world.process.store.policy(two), await world.process.vault.connection(two, USER)
    mailbox = await world.process.store.mailbox(two, USER)
    await choose_crm(one, "", "", world.process)
    for org in ORGS:
        assert await end_sign_in_to_another_crm(org, USER, world.process) == (org == one)
    assert (await world.process.store.policy(two), await world.process.vault.connection(two, USER)) == before
    assert await world.process.store.mailbox(two, USER) == mailbox
    assert (await chosen_crm(one, world.process)).kind == "embedded"


async def test_one_crms_session_calls_no_other(world: World) -> None:
    one, two = ORGS
    session = world.process.crm_session_of(world.origins[one])
    with pytest.raises(BadSetting):
        await OdooServer(session, world.origins[two], 5).call(world.odoos[one].key, "res.users", "context_get", {})
    assert world.odoos[two].keys == []
