"""The command `mailmagnet`, typed as a person types it, in a process of its own."""

import asyncio
import csv
import io
import json
import os
import sqlite3
import sys
from contextlib import closing
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mailmagnet.categories import Category
from mailmagnet.crm import DealState
from tests.scenario.addon_process import HOUSE, settings_of
from tests.scenario.desk import ADA, Desk, desk_in

CUSTOMER = Category.CUSTOMER.label


async def typed(*words: str, given: str = "", **environment: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error. With a desk's settings it is typed before the desk's Google."""
    program = "sandbox.demo.sandbox_process" if "SANDBOX_GOOGLE_URL" in environment else "functions.command_line"
    return await run(program, *words, given=given, **environment)


async def run(program: str, *words: str, given: str = "", **environment: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", program, *words),
        cwd=HOUSE,
        env={"PATH": os.environ["PATH"], "COLUMNS": "200", **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await asyncio.wait_for(process.communicate(given.encode()), 60)
    return process.returncode or 0, said.decode(), complained.decode()


def of(desk: Desk) -> tuple[str, ...]:
    return ("--org", "corp.example", "--user", desk.account.sub)


async def test_a_mailbox_is_connected_dry_run_and_sorted_by_hand(tmp_path: Path) -> None:
    async with desk_in(tmp_path) as desk:
        environment = settings_of(desk, "http://127.0.0.1:1")
        token = desk.world.google.refresh_token(desk.account)
        words = ("connect", *of(desk), "--address", ADA, "--own-domain", "corp.example")
        code, said, _ = await typed(*words, given=token, **environment)
        assert (code, said) == (0, "Connected. Turn MailMagnet on: mailmagnet switch --on --labels\n")
        code, _, complained = await typed("label", *of(desk), **environment)
        assert (code, "turned off" in complained) == (1, True)
        code, said, _ = await typed("switch", *of(desk), "--on", "--labels", **environment)
        assert (code, said) == (0, "On. Customers' mail is recorded and sorted.\n")
        await desk.contact("grace@a.example", (DealState.WON, date(2020, 1, 31)))
        mail = desk.arrive("grace@a.example")
        code, dry, _ = await typed("label", *of(desk), "--dry-run", **environment)
        assert code == 0
        for fact in (mail, "grace@a.example", CUSTOMER, "Deal 0 of grace@a.example", "1 of 1 new mails would be sorted"):
            assert fact in dry
        assert await desk.labels_of(mail) == {"INBOX", "UNREAD"}
        assert "1 of 1 new mails sorted" in (await typed("label", *of(desk), **environment))[1]
        assert await desk.labels_of(mail) == {CUSTOMER, "UNREAD"}
        code, said, _ = await typed("switch", *of(desk), "--off", **environment)
        assert (code, said.startswith("Off.")) == (0, True)
        assert await desk.store.latest_mails("corp.example", desk.account.sub, 10) == []


async def test_what_goes_wrong_is_told_in_one_line(desk: Desk) -> None:
    environment = settings_of(desk, "http://127.0.0.1:1")
    code, _, complained = await typed("label", "--org", "corp.example", "--user", "42", **environment)
    assert (code, complained.count("\n")) == (1, 1)
    assert "not connected" in complained or "no such mailbox" in complained.lower()
    code, _, complained = await typed("connect", *of(desk), "--address", ADA, **environment)
    assert code == 2
    assert "standard input" in complained
    code, _, complained = await typed("label", *of(desk))
    assert code == 1
    assert "MAILMAGNET_ADDON_URL: is not set" in complained


async def test_a_token_of_another_account_connects_nothing(desk: Desk) -> None:
    other = desk.world.add_account("kim@corp.example", "Kim", hosted_domain="corp.example")
    token = desk.world.google.refresh_token(other)
    environment = settings_of(desk, "http://127.0.0.1:1")
    code, _, complained = await typed("connect", *of(desk), "--address", ADA, given=token, **environment)
    assert code == 1
    assert "not the account" in complained


async def test_a_small_team_starts_its_crm_with_nothing_but_a_file(tmp_path: Path) -> None:
    environment = {"MAILMAGNET_CRM_DATABASE": str(tmp_path / "crm.sqlite")}
    table = tmp_path / "contacts.csv"
    table.write_text("Name;E-mail;Company;Shoe size\nGrace Hopper;grace@a.example;Hopper Inc;38\nNobody;no address;;\n")
    start = ("crm", "create", "--org", "corp.example", "--name", "Corp", "--time-zone", "Europe/Vienna", "--currency", "EUR")
    assert (await typed(*start, **environment))[0] == 0
    user = ("crm", "add-user", "--name", "Ada", "--address", ADA, "--sees", "everyone")
    assert (await typed(*user, **environment))[0] == 0
    importing = ("crm", "import", "contacts", str(table), "--owner", ADA)
    _, dry, complained = await typed(*importing, "--dry-run", **environment)
    assert "1 would be added" in dry
    assert complained.startswith("line 3: ")
    assert "column Shoe size: passed over" in complained
    assert "1 account named there would be added too" in dry
    assert "1 added" in (await typed(*importing, **environment))[1]
    assert "0 added, 0 changed, 1 unchanged" in (await typed(*importing, **environment))[1]
    exported = (await typed("crm", "export", "contacts", **environment))[1]
    assert "Grace Hopper" in exported


async def test_who_gets_in_is_told_by_hand(tmp_path: Path) -> None:
    environment = {"MAILMAGNET_CRM_DATABASE": str(tmp_path / "crm.sqlite")}
    start = ("--name", "Corp", "--time-zone", "Europe/Vienna", "--currency", "EUR")
    assert (await typed("crm", "create", *start, "--org", "corp.example", **environment))[0] == 0
    _, _, complained = await typed("crm", "create", *start, "--org", "other.example", **environment)
    assert "another organisation's" in complained
    await typed("crm", "add-user", "--name", "Ada", "--address", ADA, "--sees", "own", **environment)
    password = ("crm", "password", "--address", ADA)
    for given, why in (("", "standard input"), ("too short\n", "at least 10 characters"), (f"{ADA}\n", "not the user's address")):
        code, _, complained = await typed(*password, given=given, **environment)
        assert code != 0
        assert why in complained
    assert await typed(*password, given="correct horse battery\n", **environment) == (0, "The password is set.\n", "")
    (ada,) = json.loads((await typed("crm", "users", **environment))[1])
    assert (ada["address"], ada["has_password"], ada["signed_in"]) == (ADA, True, [])
    assert (await typed("crm", "deactivate-user", "--address", ADA, **environment))[0] == 0
    (ada,) = json.loads((await typed("crm", "users", **environment))[1])
    assert (ada["active"], ada["has_password"]) == (False, False)


async def test_a_user_signs_in_and_is_signed_out_by_hand(desk: Desk) -> None:
    environment = settings_of(desk, "http://127.0.0.1:1")
    await typed("crm", "password", "--address", ADA, given="correct horse battery", **environment)
    signing_in = ("sign-in", *of(desk), "--address", ADA, "--crm-user", ADA)
    code, _, complained = await typed(*signing_in, given="wrong horse battery", **environment)
    assert (code, complained) == (1, "Error: MailMagnet CRM: the user name or the password is wrong\n")
    contact = await desk.contact("grace@a.example")
    showing = ("crm", "show", "contacts", contact, *of(desk))
    code, shown, complained = await typed(*showing, **environment)
    assert (code, shown, "not signed in" in complained) == (1, "", True)
    assert (await typed(*signing_in, given="correct horse battery", **environment))[:2] == (0, "Signed in.\n")
    assert json.loads((await typed(*showing, **environment))[1])["name"] == "Grace Hopper"
    (ada,) = json.loads((await typed("crm", "users", **environment))[1])
    account = {"org": "corp.example", "user": desk.account.sub}
    assert account in ada["signed_in"]
    kept = await desk.vault.connection("corp.example", desk.account.sub)
    assert kept
    assert kept.crm
    assert (kept.crm.name, bool(kept.gmail_token)) == ("Ada Corp", True)
    assert (await typed("crm", "sign-out", *of(desk), **environment))[1] == "1 session has ended.\n"
    assert (await typed("crm", "sign-out", *of(desk), **environment))[0] == 1
    assert (await typed("crm", "sign-out", *of(desk), "--address", ADA, **environment))[0] == 2
    desk.arrive("grace@a.example")
    code, _, complained = await typed("label", *of(desk), **environment)
    assert (code, "the sign-in has ended" in complained) == (1, True)
    assert "ha" in (await typed("crm", "sign-out", "--address", ADA, **environment))[1]
    (ada,) = json.loads((await typed("crm", "users", **environment))[1])
    assert ada["signed_in"] == []


async def test_an_organisations_own_templates_are_looked_after_by_hand(desk: Desk, tmp_path: Path) -> None:
    environment = settings_of(desk, "http://127.0.0.1:1")
    file = tmp_path / "thanks.txt"
    adding = ("template", "add", "Thanks", str(file), "--org", "corp.example", "--subject", "Thank you")
    for text in ("Hello", "Hello ${Contact.Name}\n\nThank you."):
        file.write_text(text)
        assert await typed(*adding, **environment) == (0, "The template is there.\n", "")
    (own,) = (await desk.store.policy("corp.example")).templates
    assert (own.name, own.subject, own.text) == ("Thanks", "Thank you", "Hello ${Contact.Name}\n\nThank you.")
    assert json.loads((await typed("template", "list", "--org", "corp.example", **environment))[1]) == [asdict(own)]
    assert json.loads((await typed("template", "list", "--org", "other.example", **environment))[1]) == []
    for wrong in ("", "x" * 10_001):
        file.write_text(wrong)
        assert (await typed(*adding, **environment))[0] == 1
    for code in (0, 1):
        removed = await typed("template", "remove", "Thanks", "--org", "corp.example", **environment)
        assert (removed[0], "no template of this name" in removed[2]) == (code, bool(code))
    assert (await desk.store.policy("corp.example")).templates == ()


async def test_templates_are_looked_after_by_hand(desk: Desk, tmp_path: Path) -> None:
    environment = settings_of(desk, "http://127.0.0.1:1")
    file = tmp_path / "offer.txt"
    file.write_text("Grüß Gott ${Contact.First Name},\n\nhere is our offer.\n")
    adding = ("crm", "template", "add", "Offer", str(file), "--subject", "Our offer for ${Deal.Name}")
    for _ in range(2):
        assert await typed(*adding, **environment) == (0, "The template is there.\n", "")
    (offer,) = await desk.crm.templates()
    text = "Grüß Gott ${Contact.First Name},\n\nhere is our offer."
    assert (offer.name, offer.subject, offer.text) == ("Offer", "Our offer for ${Deal.Name}", text)
    listed = json.loads((await typed("crm", "template", "list", **environment))[1])
    assert listed == [{"name": "Offer", "subject": "Our offer for ${Deal.Name}", "text": text}]
    assert (await typed("crm", "template", "remove", "Offer", **environment))[0] == 0
    code, _, complained = await typed("crm", "template", "remove", "Offer", **environment)
    assert (code, "no template of this name" in complained) == (1, True)
    assert await desk.crm.templates() == ()


async def test_a_crm_of_an_earlier_version_is_upgraded_by_hand(tmp_path: Path) -> None:
    database = tmp_path / "crm.sqlite"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript((HOUSE / "tests" / "unit" / "crm_version_1.sql").read_text())
    environment = {"MAILMAGNET_CRM_DATABASE": str(database)}
    code, _, complained = await typed("crm", "users", **environment)
    assert (code, "mailmagnet crm upgrade" in complained) == (1, True)
    assert "mailmagnet crm password" in (await typed("crm", "upgrade", "--org", "corp.example", **environment))[1]
    assert (await typed("crm", "upgrade", "--org", "corp.example", **environment))[1] == "The CRM is up to date.\n"
    assert "Jürgen Weiß" in (await typed("crm", "export", "contacts", **environment))[1]


async def test_dates_that_do_not_tell_day_from_month_are_asked_about(tmp_path: Path) -> None:
    environment = {"MAILMAGNET_CRM_DATABASE": str(tmp_path / "crm.sqlite")}
    people = ("--user", ADA, "--colleague", "kim@corp.example")
    await run("sandbox.demo.crm_data", "--org", "corp.example", *people, **environment)
    table = tmp_path / "deals.csv"
    table.write_text("Name,Stage,Close date\nLathe,Proposal,03/04/2026\n")
    importing = ("crm", "import", "deals", str(table), "--owner", ADA)
    code, _, complained = await typed(*importing, **environment)
    assert (code, complained) == (
        1,
        "Error: Does the day or the month come first in line 2 ('03/04/2026')? Say --dates day-first or --dates month-first.\n",
    )
    assert "1 added" in (await typed(*importing, "--dates", "month-first", **environment))[1]
    assert ",2026-03-04," in (await typed("crm", "export", "deals", **environment))[1]


@pytest.mark.parametrize("typed_at", ["Pacific/Kiritimati", "Etc/GMT+12"])
async def test_demo_data_is_dated_around_the_day_where_the_organisation_is(tmp_path: Path, typed_at: str) -> None:
    """At any moment one of the two places has another day than Vienna."""
    environment = {"MAILMAGNET_CRM_DATABASE": str(tmp_path / "crm.sqlite"), "TZ": typed_at}
    people = ("--user", ADA, "--colleague", "kim@corp.example")
    before = datetime.now(ZoneInfo("Europe/Vienna")).date()
    assert (await run("sandbox.demo.crm_data", "--org", "corp.example", *people, **environment))[0] == 0
    after = datetime.now(ZoneInfo("Europe/Vienna")).date()
    exported = (await typed("crm", "export", "deals", **environment))[1]
    (closes_today,) = (deal for deal in csv.DictReader(io.StringIO(exported.lstrip("\ufeff"))) if deal["Name"] == "Prüfstand 2")
    assert date.fromisoformat(closes_today["Closing date"]) in {before, after}
