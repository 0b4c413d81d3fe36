"""Which origins a CRM may have, which settings name one, and that nothing of ours leads into a private network."""

from unittest.mock import patch

import pytest

from functions.crms import checked_crm
from http_session.public_addresses import PublicAddresses
from http_session.session import HttpSession
from mailmagnet.crm_choice import CrmChoice, origin_of
from mailmagnet.errors import BadRequest, Service, Side, Unavailable


@pytest.mark.parametrize(
    ("typed", "origin"),
    [
        ("https://crm.example", "https://crm.example"),
        (" https://CRM.Example/ ", "https://crm.example"),
        ("https://crm.example:8443", "https://crm.example:8443"),
        ("https://crm.example:443", "https://crm.example"),
        ("https://crm.example.", "https://crm.example"),
        ("https://1.1.1.1", "https://1.1.1.1"),
    ],
)
def test_an_origin_is_written_in_one_way(typed: str, origin: str) -> None:
    assert origin_of(typed, private=False) == origin


WRONG = [
    "", "crm.example", "http://crm.example", "ftp://crm.example", "https://", "https://crm.example/path", "https://crm.example?x",
    "https://crm.example#x", "https://user@crm.example", "https://user:word@crm.example", "https://crm.example\\@evil.example",
    "https://crm example", "https://crm.example:0", "https://crm.example:99999", "https://crm.example%2eevil", "https://ümlaut.example",
    "https://[::1", "javascript:alert(1)", "https://crm.example\n.evil.example",
]  # fmt: skip
PRIVATE = [
    "https://127.0.0.1", "https://10.0.0.1", "https://192.168.1.1", "https://169.254.169.254", "https://[::1]", "https://[fd00::1]",
    "https://localhost", "https://crm", "https://metadata.google.internal", "https://crm.local", "https://0x7f000001", "https://2130706433",
    "https://127.1", "https://0177.0.0.1", "https://[::ffff:10.0.0.1]", "https://x.localhost", "https://100.64.0.1",
]  # fmt: skip


@pytest.mark.parametrize("typed", WRONG)
@pytest.mark.parametrize("private", [False, True])
def test_what_is_no_origin_is_refused(typed: str, private: bool) -> None:
    with pytest.raises(BadRequest):
        origin_of(typed, private=private)


@pytest.mark.parametrize("typed", PRIVATE)
def test_a_private_network_is_only_reached_where_the_deployment_allows_it(typed: str) -> None:
    with pytest.raises(BadRequest):
        origin_of(typed, private=False)
    assert origin_of(typed, private=True)


def test_the_kinds_are_a_closed_list() -> None:
    assert checked_crm("odoo", "https://crm.example", private=False) == CrmChoice("odoo", "https://crm.example")
    assert checked_crm("embedded", "", private=False) == CrmChoice("embedded")
    for kind, origin in (("salesforce", "https://crm.example"), ("", ""), ("odoo", ""), ("embedded", "https://crm.example")):
        with pytest.raises(BadRequest):
            checked_crm(kind, origin, private=False)


async def test_a_name_that_leads_into_a_private_network_is_not_called() -> None:
    for address in ("10.0.0.1", "127.0.0.1", "169.254.169.254", "fd00::1"):
        found = [
            {"hostname": "crm.example", "host": each, "port": 443, "family": 2, "proto": 0, "flags": 0}
            for each in ("1.1.1.1", address)
        ]

        async def leads_there(*_: object, found: list[dict[str, int | str]] = found) -> list[dict[str, int | str]]:
            return found

        resolver = PublicAddresses()
        with patch.object(resolver._resolver, "resolve", leads_there), pytest.raises(OSError, match="private"):
            await resolver.resolve("crm.example", 443)
        await resolver.close()


async def test_a_session_for_public_addresses_refuses_this_machines_name() -> None:
    session = HttpSession({"https://localhost:9"}, public=True)
    with pytest.raises(Unavailable):
        await session.request(Service(Side.CRM, "Odoo"), "GET", "https://localhost:9/", seconds=5)
    await session.close()
