"""`mailmagnet admin`: what it prints for a person and as JSON, its exit codes, and that a dry run changes nothing."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.fernet import Fernet

from functions.command_line import mailmagnet
from functions.crms import checked_crm
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.store import Defaults, Policy, Progress, Reason, RunCounts, Sharing, Store, Trouble
from metadata_store.sqlite import SqliteStore
from token_vault.encrypted_file import EncryptedFileVault

ORG = "corp.example"
NOW = datetime(2026, 11, 30, 9, 25, tzinfo=UTC)


@dataclass
class Process:
    """What a command is given, each time anew."""

    store: SqliteStore
    vault: EncryptedFileVault
    retention_days: int = 90
    default_crm = CrmChoice("embedded")

    def checked_crm(self, kind: str, origin: str) -> CrmChoice:
        return checked_crm(kind, origin, private=False)

    def lets_in(self, _: str) -> bool:
        return False

    def now(self) -> datetime:
        return NOW

    async def close(self) -> None:
        await self.store.close()


@dataclass
class Machine:
    """An operator's shell."""

    database: Path

    def type(self, *words: str, code: int = 0) -> str:
        vault = EncryptedFileVault(self.database.with_name("vault"), Fernet.generate_key().decode())
        told = CliRunner().invoke(mailmagnet, ["admin", *words], obj=lambda: Process(SqliteStore(self.database), vault))
        assert told.exit_code == code, told.output
        assert "Traceback" not in told.output
        return told.output

    def json(self, *words: str) -> Any:
        return json.loads(self.type(*words, "--org", ORG, "--json"))

    def store(self, work: Callable[[Store], Any]) -> Any:
        async def opened() -> Any:
            store = SqliteStore(self.database)
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(opened())

    @property
    def policy(self) -> Policy:
        found: Policy = self.store(lambda store: store.policy(ORG))
        return found


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "store.sqlite")


async def three_people(store: Store) -> None:
    """Ada works, Bob is in trouble, Cy is not set up; somebody else is in another organisation."""
    for user in ("ada", "bob", "cy"):
        await store.connect(ORG, user, f"{user}@{ORG}", NOW)
    await store.connect("other.example", "eve", "eve@other.example", NOW)
    for user in ("ada", "bob"):
        lease = await store.take_lease(ORG, user, NOW, 300)
        run = RunCounts(NOW - timedelta(minutes=4), sorted={})
        await store.switch_on(lease, mailmagnet_since=NOW, labelling_since=NOW, progress=Progress("1"), labels={}, last_run=run)
        if user == "bob":
            await store.save_trouble(lease, Trouble(Reason.CRM_PERMISSION, "Zoho CRM", NOW, 2, NOW + timedelta(days=1)))
        await store.release_lease(lease)
    await store.change_presence(ORG, "ada", lambda presence: replace(presence, crm_user="u1"))


def test_people_what_is_in_trouble_first(machine: Machine) -> None:
    assert machine.json("people") == {"org": ORG, "people": []}
    assert machine.type("people", "--org", ORG) == "Nobody has connected Gmail.\n"
    machine.store(three_people)
    bob, ada, cy = machine.json("people")["people"]
    assert bob == {
        "user": "bob",
        "address": "bob@corp.example",
        "condition": "in_trouble",
        "next_step": "crm_admin",
        "connected": True,
        "signed_in": False,
        "mailmagnet": True,
        "labels": True,
        "set_up_by": None,
        "last_run": None,
        "last_opened": None,
        "trouble": {
            "reason": "crm_permission",
            "who": "Zoho CRM",
            "since": NOW.isoformat(),
            "failures": 2,
            "again_at": (NOW + timedelta(days=1)).isoformat(),
        },
        "parked": None,
    }
    assert [(each["user"], each["condition"], each["next_step"], each["trouble"]) for each in (ada, cy)] == [
        ("ada", "working", "nobody", None),
        ("cy", "not_set_up", "user", None),
    ]
    table = machine.type("people", "--org", ORG)
    assert "bob@corp.example" in table
    assert "eve" not in table


def test_pause_and_resume_each_twice(machine: Machine) -> None:
    for _ in range(2):
        assert machine.json("pause") == {"org": ORG, "paused_since": NOW.isoformat()}
    assert machine.policy == Policy(paused_since=NOW)
    assert machine.json("policy", "show")["paused_since"] == NOW.isoformat()
    assert machine.json("resume") == {"org": ORG, "paused_since": None, "was_paused": True}
    assert machine.json("resume")["was_paused"] is False
    assert machine.policy == Policy()
    assert machine.type("pause", "--org", ORG).startswith("Paused since 2026-11-30T09:25")
    assert machine.type("resume", "--org", ORG) == "Sorting goes on within 10 minutes.\n"
    assert machine.type("resume", "--org", ORG) == "It was not paused.\n"


def test_the_policy_is_shown_and_changed_and_says_what_it_does(machine: Machine) -> None:
    machine.store(three_people)
    machine.json("pause")
    words = ("policy", "set", "--sharing", "public", "--exclude", "@Law.example", "--retention-days", "30")
    would = machine.json(*words, "--dry-run")
    assert would == {
        "org": ORG,
        "sharing": "public",
        "excluded": ["law.example"],
        "retention_days": 30,
        "paused_since": NOW.isoformat(),
        "effect": {
            "mailboxes": 3,
            "wider": 3,
            "narrower": 0,
            "newly_excluded": 1,
            "no_longer_excluded": 0,
            "shorter_retention": True,
        },
        "saved": False,
    }
    assert machine.policy == Policy(paused_since=NOW)
    assert machine.json(*words)["saved"]
    assert machine.policy == Policy(Sharing.PUBLIC, frozenset({"law.example"}), 30, paused_since=NOW)
    assert "Of 3 connected users 0 share more, 3 share less." in machine.type(
        "policy", "set", "--org", ORG, "--sharing", "users-choice", "--share-again", "LAW.example"
    )
    assert machine.policy == Policy(retention_days=30, paused_since=NOW)
    assert "retention_days: 30" in machine.type("policy", "show", "--org", ORG)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("policy", "set", "--org", ORG, "--exclude", "no@t@one"), 1, "Error: an excluded entry"),
        (("policy", "set", "--org", ORG, "--retention-days", "0"), 1, "Error: days: a number from 1 to 3650"),
        (("policy", "set", "--org", ORG, "--sharing", "all"), 2, "Error: Invalid value"),
        (("defaults", "set", "--org", ORG, "--labels"), 1, "Error: labels need MailMagnet"),
        (("defaults", "set", "--org", ORG, "--mailmagnet", "--backfill-days", "999"), 1, "Error: days: a number from 0 to 365"),
        (("people",), 2, "Error: Missing option '--org'"),
        (("people", "--org", "a/b"), 1, "Error: "),
    ],
)
def test_what_is_wrong_is_told_in_plain_words_and_nothing_is_changed(
    machine: Machine, words: tuple[str, ...], code: int, said: str
) -> None:
    assert said in machine.type(*words, code=code)
    assert machine.policy == Policy()


def test_defaults_are_listed_set_and_removed(machine: Machine) -> None:
    machine.store(three_people)
    assert machine.json("defaults", "list") == {"org": ORG, "groups": [], "not_set_up": 1, "set_up": 2}
    words = ("defaults", "set", "--profile", "p1", "--mailmagnet", "--labels", "--backfill-days", "7", "--sharing", "custom")
    group = {"profile": "p1", "mailmagnet": True, "labels": True, "backfill_days": 7, "sharing": "custom"}
    would = machine.json(*words, "--dry-run")
    assert would == {"org": ORG, **group, "not_set_up": 1, "set_up": 2, "saved": False}
    assert machine.policy == Policy()
    for _ in range(2):
        assert machine.json(*words)["saved"]
    assert machine.policy == Policy(defaults={"p1": Defaults(True, True, 7, Sharing.CUSTOM)})
    assert machine.json("defaults", "list")["groups"] == [group]
    assert machine.type("defaults", "list", "--org", ORG).splitlines() == [
        "Profile p1: mailmagnet on, labels on, 7 days back, sharing custom.",
        "1 connected users have not set up yet, 2 have.",
    ]
    for _ in range(2):
        assert machine.json("defaults", "remove", "--profile", "p1")["removed"]
    assert machine.policy == Policy()


def test_the_crm_is_changed_with_what_that_does_said_first(machine: Machine) -> None:
    machine.store(three_people)
    machine.store(
        lambda store: store.change_choices(ORG, "ada", lambda choices: replace(choices, shared_contacts=frozenset({"17"})))
    )
    as_deployed = {"org": ORG, "kind": "embedded", "origin": "", "as_deployed": True}
    assert machine.json("crm", "show") == as_deployed
    to_odoo = ("crm", "set", "--org", ORG, "--kind", "odoo", "--origin", "https://crm.example")
    told = machine.type(*to_odoo, "--dry-run")
    assert "1 users have to sign in anew.\nContacts that users share or keep back are forgotten" in told
    assert "Nothing is changed" in told
    assert machine.json("crm", "show") == as_deployed
    assert json.loads(machine.type(*to_odoo, "--json"))["sign_in_anew"] == 1
    assert machine.policy.crm == CrmChoice("odoo", "https://crm.example")
    assert machine.type("crm", "show", "--org", ORG) == "odoo https://crm.example, chosen by an admin\n"
    ada = machine.store(lambda store: store.mailbox(ORG, "ada"))
    assert (ada.choices.shared_contacts, ada.presence.crm_user) == (frozenset(), "")
    assert "It is that one already." in machine.type(*to_odoo)
    assert json.loads(machine.type("crm", "set", "--org", ORG, "--kind", "default", "--json"))["saved"]
    assert machine.json("crm", "show") == as_deployed


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["--kind", "odoo", "--origin", "https://10.0.0.1"], 1, "private network"),
        (["--kind", "odoo"], 1, "address: type it as"),
        (["--kind", "sugar", "--origin", "https://crm.example"], 1, "CRM: one of"),
        (["--kind", "default", "--origin", "https://crm.example"], 2, "--origin"),
    ],
)
def test_a_crm_that_cannot_be_is_refused_with_the_reason(machine: Machine, words: list[str], code: int, why: str) -> None:
    assert why in machine.type("crm", "set", "--org", ORG, *words, code=code)
    assert machine.policy == Policy()
