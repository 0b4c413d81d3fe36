"""The job on the production store: a full run on the real Firestore emulator, and everything that is then kept in it, written out."""

import secrets
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from google.cloud.firestore import AsyncClient

from mailmagnet.categories import Category
from mailmagnet.connect_mailbox import connect_mailbox
from mailmagnet.consent import Grant
from mailmagnet.crm import DealState
from mailmagnet.daily_chores import daily_chores
from mailmagnet.disconnect_mailbox import disconnect_mailbox
from mailmagnet.store import MailReading, Policy
from mailmagnet.vault import Connection
from metadata_store.firestore import FirestoreStore
from tests.scenario.desk import Desk, desk_in


@pytest.fixture
async def project(firestore_emulator: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator)
    return f"run-{secrets.token_hex(4)}"


@pytest.fixture
async def desk_on_firestore(project: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_in(tmp_path, FirestoreStore(project)) as desk:
        await desk.connect()
        await desk.switch_on()
        yield desk


async def _documents(project: str) -> dict[str, dict[str, Any]]:
    """Every document there is, by its path."""
    client = AsyncClient(project=project)
    documents: dict[str, dict[str, Any]] = {}

    async def walk(collections: Any) -> None:
        async for collection in collections:
            async for reference in collection.list_documents():
                snapshot = await reference.get()
                documents[reference.path] = snapshot.to_dict() or {}
                await walk(reference.collections())

    await walk(client.collections())
    client.close()
    return documents


async def test_a_full_run_keeps_three_facts_of_a_customers_mail_and_nothing_else(desk_on_firestore: Desk, project: str) -> None:
    desk = desk_on_firestore
    await desk.contact("grace@a.example", (DealState.WON, date(2020, 1, 31)), name="Grace Brewster Hopper")
    subject = "Xylophone invoice"
    mail = desk.arrive("Grace Brewster Hopper <grace@a.example>", subject=subject, Cc="Recipient <copied@c.example>")
    desk.arrive("Stranger <stranger@b.example>", subject="Zeppelin offer")
    await desk.run()
    assert Category.CUSTOMER.label in await desk.labels_of(mail)
    documents = await _documents(project)
    user = desk.account.sub
    assert set(documents) >= {f"orgs/corp.example/mailboxes/{user}", f"orgs/corp.example/mails/{user}:{mail}"}
    assert set(documents[f"orgs/corp.example/mails/{user}:{mail}"]) == {"user", "from_address", "received_at"}
    assert all(path.startswith("orgs/corp.example") for path in documents)
    written = repr(documents)
    connection = await desk.vault.connection("corp.example", user)
    assert connection
    assert connection.gmail_token
    for word in (
        connection.gmail_token,
        "Xylophone",
        "Zeppelin",
        "nobody but Gmail",
        "Brewster",
        "copied@c.example",
        "stranger@b.example",
        "Deal 0",
    ):
        assert word not in written


async def test_what_the_user_moved_back_stays_also_after_a_full_resync(desk_on_firestore: Desk) -> None:
    desk = desk_on_firestore
    await desk.contact("grace@a.example", (DealState.WON, date(2020, 1, 31)))
    back = desk.arrive("grace@a.example")
    await desk.run()
    gmail = desk.world.mailbox(desk.account.address)
    gmail.modify([back], add=["INBOX"])
    gmail.expire_history()
    await desk.run()
    assert "INBOX" in await desk.labels_of(back)


async def test_a_consumer_account_that_leaves_takes_its_organisation_along(desk_on_firestore: Desk, project: str) -> None:
    """Its own id is the organisation's."""
    desk = desk_on_firestore
    zoe = desk.world.add_account("zoe@mail.example", "Zoe")
    token = desk.world.google.refresh_token(zoe)
    connection = Connection(zoe.sub, zoe.sub, zoe.address, gmail_token=token, grants=frozenset({Grant.SORT}))
    await connect_mailbox(connection, desk)
    await desk.store.set_policy(zoe.sub, Policy(retention_days=7))
    assert await daily_chores(zoe.sub, desk) == []
    await disconnect_mailbox(zoe.sub, zoe.sub, desk)
    assert zoe.sub not in repr(await _documents(project))
    # A tick that had listed the organisation before.
    desk.clock.turn(days=1)
    assert await daily_chores(zoe.sub, desk) == []
    assert zoe.sub not in repr(await _documents(project))


async def test_whoever_leaves_is_in_no_document_any_more(desk_on_firestore: Desk, project: str) -> None:
    desk, user = desk_on_firestore, desk_on_firestore.account.sub
    await desk.contact("grace@a.example", (DealState.WON, date(2020, 1, 31)))
    mail = desk.arrive("grace@a.example")
    await desk.run()
    await desk.store.keep_reading("corp.example", MailReading("2", user, mail, "c1", desk.now()))
    assert await daily_chores("corp.example", desk) == []
    assert user in repr(await _documents(project))
    await disconnect_mailbox("corp.example", user, desk)
    left = await _documents(project)
    assert {path.split("/")[-2] for path in left} <= {"orgs", "used_names"}
    assert user not in repr(left)
