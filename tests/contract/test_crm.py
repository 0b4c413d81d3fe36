"""The embedded CRM under the contract of all CRMs, and what only a database of its own can do: break, be locked, be shared."""

import asyncio
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from copy import copy
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Self, cast

import pytest

from crm_client.embedded import administration
from crm_client.embedded.administration import Scope
from crm_client.embedded.client import EmbeddedClient
from crm_client.embedded.database import close_idle, reading, writing
from crm_client.embedded.rows import (
    AccountRow,
    ActivityRow,
    ContactRow,
    DealRow,
    LeadRow,
    NoteRow,
    put_account,
    put_activity,
    put_contact,
    put_deal,
    put_lead,
    put_note,
)
from crm_client.embedded.sign_in import EmbeddedSignIn
from crm_client.renewal import Renewal
from mailmagnet.crm import (
    MAIL_INTEGRATION,
    Currency,
    DealState,
    Module,
    Money,
    NewContact,
    NewDeal,
    Organisation,
    WritableCrm,
)
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.errors import (
    BadAnswer,
    BadRequest,
    NotAuthorised,
    NotFound,
    NotPermitted,
    SignInNeeded,
    Unavailable,
)
from mailmagnet.store import Store
from mailmagnet.vault import Connection, Vault
from tests.contract.crm_contract import CrmContract
from tests.contract.crm_installed import SECONDS, InstalledWorld, looked_up
from tests.contract.crm_world import (
    ACCOUNTS,
    ADA,
    CONTACTS,
    CURRENCIES,
    DEALS,
    KIM,
    LEADS,
    ORGANISATION,
    STAGES,
    TEMPLATES,
    USERS,
)
from tests.crm_signed_in import NoTurns, SomeConnections, crm_as, crm_with, machine_time, tokens_for

RECORD_URL = "http://crm.example/crm/{module}/{id}"


ORG = "corp.example"
SUBS = {user.email: f"{number}03156417899512345678" for number, user in enumerate(USERS, start=1)}
"""The Google account of each user, by address."""

SOME_TOKENS = CrmTokens("1", "Ada Byron", "access", "refresh", machine_time() + timedelta(hours=1))


class EmbeddedWorld(InstalledWorld):
    """The contract's world in an embedded CRM's database. A record's id is its key with the spaces taken out."""

    tells_rates = True

    def __init__(self, database: Path) -> None:
        self.database = database
        administration.create(database, ORGANISATION, ORG)
        for currency in CURRENCIES:
            administration.add_currency(database, currency)
        self._stages = {
            stage.key: administration.add_stage(database, stage.pipeline, stage.name, stage.state) for stage in STAGES
        }
        self._users: dict[str, str] = {}
        self._tokens: dict[str, CrmTokens] = {}
        for user in USERS:
            profile = f"Profile of {user.name}"
            permissions = {MAIL_INTEGRATION} if user.permitted else set()
            scope = Scope.EVERYONE if user.sees_all else Scope.OWN
            administration.add_profile(database, profile, permissions, scope, administrator=user.administrator)
            self._users[user.email] = administration.add_user(database, user.name, user.email, profile)
            self._tokens[user.email] = tokens_for(database, user.email, ORG, SUBS[user.email])
            if not user.active:
                administration.deactivate(database, user.email)
        with writing(database) as connection:
            self._put_records(connection)
            for deal in DEALS:
                for contact in deal.roles:
                    administration.put_contact_role(
                        connection, self.id_of(f"deal {deal.key}"), self.id_of(f"contact {contact}"), "Decision maker"
                    )
        for template in reversed(TEMPLATES):
            administration.put_template(database, *template)
        for contact_of_world in CONTACTS:
            for email in contact_of_world.shared:
                administration.share(database, "contacts", self.id_of(f"contact {contact_of_world.key}"), email)

    def moved_to(self, database: Path) -> Self:
        """The same world, in a copy of its file."""
        with closing(sqlite3.connect(self.database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy2(self.database, database)
        other = copy(self)
        other.database = database
        return other

    def client_within(self, seconds: float) -> EmbeddedClient:
        vault = SomeConnections(self.connection_of(user.email) for user in USERS)
        sign_in = EmbeddedSignIn(self.database, machine_time)
        renewal = Renewal(sign_in, cast(Vault, vault), lambda: cast(Store, NoTurns()), machine_time)
        return EmbeddedClient(self.database, renewal, RECORD_URL)

    def connection_of(self, email: str) -> Connection:
        return Connection(ORG, SUBS.get(email, "999"), email, crm=self._tokens.get(email))

    def as_user(self, email: str) -> WritableCrm:
        return self.client_within(SECONDS).as_user(self.connection_of(email))

    async def unshare(self, key: str, email: str) -> None:
        module, _, _ = key.partition(" ")
        with writing(self.database) as connection:
            shares = (f"{module}s", self.id_of(key), self._users[email])
            connection.execute("DELETE FROM shares WHERE module = ? AND record_id = ? AND user_id = ?", shares)

    def id_of(self, key: str) -> str:
        kind, _, name = key.partition(" ")
        return self._stages[name] if kind == "stage" else key.replace(" ", "-")

    def _put_records(self, connection: sqlite3.Connection) -> None:
        for account in ACCOUNTS:
            put_account(
                connection,
                AccountRow(
                    self.id_of(f"account {account.key}"), account.name, self._users[account.owner], account.domain, account.phone
                ),
            )
        for contact in CONTACTS:
            contact_id, owner = self.id_of(f"contact {contact.key}"), self._users[contact.owner]
            account_id = self.id_of(f"account {contact.account}") if contact.account else None
            put_contact(
                connection,
                ContactRow(contact_id, contact.name, owner, contact.addresses, contact.title, account_id, contact.phone),
            )
            for n, activity in enumerate(contact.activities):
                put_activity(
                    connection,
                    ActivityRow(
                        f"{contact_id}-{n}", contact_id, activity.kind, activity.subject, activity.at, activity.done, owner
                    ),
                )
            for n, (text, at) in enumerate(contact.notes):
                put_note(connection, NoteRow(f"{contact_id}-{n}", contact_id, text, at, owner))
        for lead in LEADS:
            put_lead(
                connection,
                LeadRow(self.id_of(f"lead {lead.key}"), lead.name, self._users[lead.owner], lead.addresses, company=lead.company),
            )
        for deal in DEALS:
            put_deal(
                connection,
                DealRow(
                    self.id_of(f"deal {deal.key}"),
                    deal.name,
                    self._stages[deal.stage],
                    self._users[deal.owner],
                    self.id_of(f"account {deal.account}") if deal.account else None,
                    deal.amount,
                    deal.closing,
                    (self.id_of(f"contact {deal.primary}"),) if deal.primary else (),
                ),
            )


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedWorld:
    database = tmp_path_factory.mktemp("crm") / "crm.db"
    world = EmbeddedWorld(database)
    close_idle(database)
    return world


@pytest.fixture
def crm(filled: EmbeddedWorld, tmp_path: Path) -> Iterator[EmbeddedWorld]:
    world = filled.moved_to(tmp_path / "crm.db")
    yield world
    close_idle(world.database)


class TestEmbeddedCrm(CrmContract):
    """The contract."""


async def _statements_of_a_look_up(world: EmbeddedWorld, addresses: list[str], domains: list[str]) -> tuple[list[str], list[str]]:
    looking_up: list[str] = []
    sending: list[str] = []
    view = world.as_user(ADA)
    with reading(world.database) as connection:
        connection.set_trace_callback(looking_up.append)
    await looked_up(view, addresses, domains)
    with reading(world.database) as connection:
        connection.set_trace_callback(sending.append)
    await view.senders(addresses)
    with reading(world.database) as connection:
        connection.set_trace_callback(None)
    return looking_up, sending


async def test_the_number_of_statements_does_not_depend_on_how_much_is_asked(crm: EmbeddedWorld) -> None:
    with writing(crm.database) as connection:
        for n in range(1200):
            put_account(connection, AccountRow(f"a{n}", f"Firm {n}", crm._users[ADA], f"firm{n}.example"))
            put_contact(
                connection, ContactRow(f"c{n}", f"Person {n}", crm._users[ADA], (f"p{n}@firm{n}.example",), account_id=f"a{n}")
            )
            stage = crm.id_of("stage qualification")
            put_deal(connection, DealRow(f"d{n}", f"Deal {n}", stage, crm._users[ADA], f"a{n}", contact_ids=(f"c{n}",)))
            put_lead(connection, LeadRow(f"l{n}", f"Lead {n}", crm._users[ADA], (f"p{n}@firm{n}.example",)))
    few = await _statements_of_a_look_up(crm, ["p1@firm1.example"], ["firm1.example"])
    many = await _statements_of_a_look_up(
        crm, [f"p{n}@firm{n}.example" for n in range(1200)], [f"firm{n}.example" for n in range(1200)]
    )
    assert [len(statements) for statements in many] == [len(statements) for statements in few]
    assert 0 < len(many[0]) <= 30
    assert 0 < len(many[1]) <= 20


async def test_a_look_up_reads_no_table_whole(crm: EmbeddedWorld) -> None:
    addresses, domains = ["office@analytical.example"], ["analytical.example", "xn--lm-xka.example"]
    looking_up, _ = await _statements_of_a_look_up(crm, addresses, domains)
    tables = {
        "accounts",
        "contacts",
        "contact_addresses",
        "leads",
        "lead_addresses",
        "deals",
        "deal_contacts",
        "activities",
        "notes",
    }
    scans = set()
    with reading(crm.database) as connection:
        for statement in looking_up:
            if not statement.startswith(("BEGIN", "COMMIT")):
                plan = [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
                scans |= {
                    detail for detail in plan if detail.startswith("SCAN") and detail.split()[1] in {*tables, "record", "known"}
                }
                scans |= {detail for detail in plan if "AUTOMATIC" in detail}
    assert scans == set()


async def test_a_record_links_to_its_page(crm: EmbeddedWorld) -> None:
    answer = await looked_up(crm.as_user(ADA), ["sam@shaw.example", "lea@lund.example"], [])
    (sam,) = answer.contacts["sam@shaw.example"]
    assert sam.url == "http://crm.example/crm/contacts/contact-sam"
    assert sam.deals[0].url == "http://crm.example/crm/deals/deal-found"
    assert sam.account is not None
    assert sam.account.url == "http://crm.example/crm/accounts/account-analytical"
    assert answer.leads["lea@lund.example"][0].url == "http://crm.example/crm/leads/lead-lea"
    without = await crm_as(crm.database, ADA).contact("contact-sam")
    assert (without.url, without.deals[0].url) == ("", "")


async def test_the_people_of_a_record_are_told_though_something_beside_them_cannot_be_read(crm: EmbeddedWorld) -> None:
    with writing(crm.database) as connection:
        connection.execute("UPDATE deals SET amount = '1.2.3-4' WHERE amount IS NOT NULL")
        for position, address in enumerate(
            ("in:anywhere", "", "a b@analytical.example", 'x"@analytical.example', "a@b.example OR c")
        ):
            connection.execute(
                "INSERT INTO contact_addresses (contact_id, address, reversed_domain, position) VALUES ('contact-jonas', ?, '', ?)",
                (address, position + 5),
            )
        connection.execute("DELETE FROM contact_addresses WHERE contact_id = 'contact-sam'")
    found = await crm.as_user(ADA).record_people(Module.ACCOUNTS, "account-analytical")
    assert {person.id: person.addresses for person in found.people} == {
        "contact-henrietta": ("h.lovell@analytical.example", "henrietta@home.example"),
        "contact-jonas": ("office@analytical.example",),
        "contact-petra": ("office@analytical.example", "petra@analytical.example"),
        "contact-sam": (),
    }


async def test_of_the_people_of_a_large_account_fifty_are_told_and_all_counted(crm: EmbeddedWorld) -> None:
    with writing(crm.database) as connection:
        for n in range(100):
            row = ContactRow(f"c{n}", f"Person {n:03}", crm._users[ADA], (f"p{n}@crowd.example",), account_id="account-crowd")
            put_contact(connection, row)
    found = await crm.as_user(ADA).record_people(Module.ACCOUNTS, "account-crowd")
    assert (len(found.people), found.people_count) == (50, 112)


def test_templates_are_put_replaced_and_removed(crm: EmbeddedWorld) -> None:
    one = administration.put_template(crm.database, "Offer ", " New subject ", "\nNew text\n")
    assert administration.put_template(crm.database, "Offer", "New subject", "New text") == one
    listed = [template for template in administration.templates(crm.database) if template["name"] == "Offer"]
    assert listed == [{"name": "Offer", "subject": "New subject", "text": "New text"}]
    for wrong in (("", "S", "T"), ("N", "S", " "), ("N", "S\nBcc: x", "T"), ("N\0", "S", "T"), ("N", "S", "\ud800")):
        with pytest.raises(BadRequest):
            administration.put_template(crm.database, *wrong)
    administration.remove_template(crm.database, "Offer")
    with pytest.raises(NotFound):
        administration.remove_template(crm.database, "Offer")
    assert len(administration.templates(crm.database)) == len(TEMPLATES) - 1


async def test_rights_follow_the_administration_at_once(crm: EmbeddedWorld) -> None:
    kim = crm.as_user(KIM)
    administration.share(crm.database, "contacts", "contact-henrietta", KIM)
    assert (await kim.contact("contact-henrietta")).name == "Henriëtta Lovell"
    with writing(crm.database) as connection:
        connection.execute("DELETE FROM shares WHERE module = 'contacts' AND record_id = 'contact-henrietta'")
    with pytest.raises(NotFound):
        await kim.contact("contact-henrietta")
    administration.set_permission(crm.database, "Profile of Kim Park", MAIL_INTEGRATION, held=False)
    with pytest.raises(NotPermitted):
        await kim.settings()
    administration.set_permission(crm.database, "Profile of Kim Park", MAIL_INTEGRATION, held=True)
    assert await kim.settings()
    administration.deactivate(crm.database, KIM)
    with pytest.raises(NotAuthorised):
        await kim.settings()


async def test_administration_done_twice_is_done_once(tmp_path: Path) -> None:
    database = tmp_path / "crm.db"

    async def everything() -> tuple[object, ...]:
        administration.create(database, ORGANISATION, ORG)
        administration.add_user(database, "Ada Byron", ADA, administration.ADMINISTRATOR)
        administration.add_user(database, "Kim Park", KIM, administration.STANDARD)
        administration.add_stage(database, "Partners", "Signed", DealState.WON)
        administration.add_currency(database, Currency("USD", "US Dollar", Decimal("1.09")))
        administration.share(database, "contacts", "any", KIM)
        crm = crm_as(database, ADA)
        return await crm.users(), await crm.profiles(), await crm.settings()

    assert await everything() == await everything()
    kim = await crm_as(database, KIM).me()
    assert kim.profile.permissions == {MAIL_INTEGRATION}


def test_administration_refuses_what_is_wrong_and_what_is_not_there(crm: EmbeddedWorld) -> None:
    for wrong in ("eur", "EURO", "", "E1R"):
        with pytest.raises(BadRequest):
            administration.add_currency(crm.database, Currency(wrong, "?", Decimal(1)))
    with pytest.raises(BadRequest):
        administration.add_currency(crm.database, Currency("CHF", "Franc", Decimal(0)))
    with pytest.raises(BadRequest):
        administration.add_user(crm.database, "Nobody", "no address", "Profile of Kim Park")
    with pytest.raises(BadRequest):
        administration.create(crm.database.with_name("other.db"), Organisation("Corp", "Atlantis/Middle", "EUR"), ORG)
    with pytest.raises(NotFound):
        administration.add_user(crm.database, "Nobody", "nobody@corp.example", "No profile")
    with pytest.raises(NotFound):
        administration.deactivate(crm.database, "nobody@corp.example")
    with pytest.raises(NotFound), writing(crm.database) as connection:
        administration.put_contact_role(connection, "deal-renewal", "no-such-contact", "Signs")


async def test_values_that_the_crm_does_not_take_are_refused_and_nothing_is_written(crm: EmbeddedWorld) -> None:
    ada, stage = crm.as_user(ADA), crm.id_of("stage signed")
    for call in (
        ada.add_account("  "),
        ada.add_contact(NewContact("Bad", ("no address",))),
        ada.add_contact(NewContact("B\0d", ())),
        ada.add_contact(NewContact("B\ud800d", ())),
        ada.add_deal(NewDeal("Bad", stage, Money(Decimal(1), "XXX"))),
        ada.add_deal(NewDeal("Bad", stage, Money(Decimal("NaN"), "EUR"))),
        ada.add_note("contact-sam", "\n"),
    ):
        with pytest.raises(BadRequest):
            await call
    with reading(crm.database) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("accounts", "contacts", "deals", "notes")
        ]
    assert counts == [len(ACCOUNTS), len(CONTACTS), len(DEALS), sum(len(contact.notes) for contact in CONTACTS)]


async def test_a_missing_database_is_unavailable_and_is_not_made(tmp_path: Path) -> None:
    missing = tmp_path / "none.db"
    with pytest.raises(Unavailable):
        await looked_up(crm_with(missing, SOME_TOKENS, ORG, SUBS[ADA]), [], [])
    assert not missing.exists()
    with pytest.raises(Unavailable):
        administration.create(tmp_path / "no" / "such" / "folder.db", ORGANISATION, ORG)


@pytest.mark.parametrize("content", [b"", b"this is no database, whatever its name says " * 100], ids=["empty", "text"])
async def test_a_file_that_is_no_database_of_ours_is_a_bad_answer(tmp_path: Path, content: bytes) -> None:
    database = tmp_path / "crm.db"
    database.write_bytes(content)
    with pytest.raises(BadAnswer):
        await looked_up(crm_with(database, SOME_TOKENS, ORG, SUBS[ADA]), [], [])
    assert database.read_bytes() == content


async def test_another_programs_database_is_a_bad_answer_and_is_left_alone(tmp_path: Path) -> None:
    database = tmp_path / "other.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE users (email TEXT)")
    with pytest.raises(BadAnswer):
        await crm_with(database, SOME_TOKENS, ORG, SUBS[ADA]).me()
    with pytest.raises(BadAnswer):
        administration.create(database, ORGANISATION, ORG)
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("users",)]


async def test_a_damaged_database_is_a_bad_answer(crm: EmbeddedWorld) -> None:
    with closing(sqlite3.connect(crm.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    close_idle(crm.database)
    whole = crm.database.read_bytes()
    crm.database.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(BadAnswer):
        await looked_up(crm.as_user(ADA), ["sam@shaw.example"], [])


async def test_a_database_put_in_the_place_of_another_is_read_anew(crm: EmbeddedWorld, tmp_path: Path) -> None:
    assert (await crm.as_user(ADA).settings()).organisation.name == "Corp Ltd"
    other = tmp_path / "other.db"
    administration.create(other, Organisation("Other Ltd", "UTC", "USD"), ORG)
    administration.add_user(other, "Ada", ADA, administration.ADMINISTRATOR)
    tokens = tokens_for(other, ADA, ORG, SUBS[ADA])
    close_idle(other)
    for suffix in ("", "-wal", "-shm"):
        crm.database.with_name(f"crm.db{suffix}").unlink()
    other.rename(crm.database)
    assert (await crm_with(crm.database, tokens, ORG, SUBS[ADA]).settings()).organisation.name == "Other Ltd"
    with pytest.raises(SignInNeeded):
        await crm.as_user(ADA).settings()


async def test_while_another_writes_for_long_reading_goes_on_and_writing_is_unavailable(crm: EmbeddedWorld) -> None:
    with closing(sqlite3.connect(crm.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert (await crm.as_user(ADA).contact("contact-sam")).name == "Sam Shaw"
        with pytest.raises(Unavailable):
            await crm.as_user(ADA).add_note("contact-sam", "Hello")
    await crm.as_user(ADA).add_note("contact-sam", "Hello")
    assert [note.text for note in (await crm.as_user(ADA).contact("contact-sam")).notes] == ["Hello"]


async def test_many_at_once_lose_nothing(crm: EmbeddedWorld) -> None:
    async def add(n: int) -> None:
        view = crm.as_user(ADA if n % 2 else KIM)
        await view.add_contact(NewContact(f"Crowd {n}", ("crowd@many.example",)))
        await view.senders(["crowd@many.example"])

    await asyncio.gather(*(add(n) for n in range(60)))
    answer = await crm.as_user(ADA).senders(["crowd@many.example"])
    assert {contact.name for contact in answer.contacts["crowd@many.example"]} == {f"Crowd {n}" for n in range(60)}


_WRITING_PROCESS = """
import asyncio, sys
from pathlib import Path
from mailmagnet.crm import NewContact
from tests.crm_signed_in import crm_as

async def write() -> None:
    crm = crm_as(Path(sys.argv[1]), sys.argv[2])
    for n in range(40):
        await crm.add_contact(NewContact(f"{sys.argv[3]} {n}", ("crowd@many.example",)))

asyncio.run(write())
"""


async def test_several_processes_write_at_once(crm: EmbeddedWorld) -> None:
    root = Path(__file__).parents[2]
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", _WRITING_PROCESS, str(crm.database), ADA, name, cwd=root)
        for name in ("One", "Two", "Three")
    ]
    assert [await process.wait() for process in processes] == [0, 0, 0]
    answer = await crm.as_user(ADA).senders(["crowd@many.example"])
    assert {contact.name for contact in answer.contacts["crowd@many.example"]} == {
        f"{name} {n}" for name in ("One", "Two", "Three") for n in range(40)
    }


def test_only_the_owner_of_the_machines_account_reads_the_file(crm: EmbeddedWorld) -> None:
    assert {file.stat().st_mode & 0o777 for file in crm.database.parent.glob("crm.db*")} == {0o600}


async def test_the_same_deal_keeps_its_contacts_and_roles_when_it_moves(crm: EmbeddedWorld) -> None:
    await crm.as_user(ADA).move_deal("deal-renewal", crm.id_of("stage signed"))
    with reading(crm.database) as connection:
        rows = connection.execute("SELECT contact_id, role FROM deal_contacts WHERE deal_id = 'deal-renewal' ORDER BY position")
        assert [tuple(row) for row in rows] == [("contact-henrietta", ""), ("contact-jonas", "Decision maker")]
    assert await crm.as_user(ADA).deals_closing(date(2026, 11, 30), date(2026, 11, 30)) == ()
