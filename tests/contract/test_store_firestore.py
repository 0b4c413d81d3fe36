"""What Firestore alone must hold: its documents, its indexes, writes that meet others, refusals."""

import socket
import traceback
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from google.cloud.firestore_v1 import AsyncClient
from hypothesis import given, settings
from hypothesis import strategies as st

from mailmagnet.errors import BadRequest, LeaseLost, NotAuthorised, NotPermitted, Service, Side, Unavailable, Upstream
from mailmagnet.store import MOST_RECORDS, Lease, Policy, Progress, RunCounts, Store
from metadata_store.firestore import FirestoreStore
from tests.contract.firestore_queries import INDEXES, Index, index_for, queries_of
from tests.contract.mailboxes import (
    ADA,
    CUSTOMER,
    NOW,
    ORG,
    ORG_CALLS,
    TEN_MINUTES,
    USER_CALLS,
    begin,
    connect,
    connected,
    keep,
    mail_ids,
    mailbox,
    record,
    save,
    trouble,
)


@pytest.fixture
async def firestore(
    firestore_emulator: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[FirestoreStore, AsyncClient]]:
    """An empty Firestore store, and a client of its own to look at its documents."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator)
    project = f"test-{uuid.uuid4().hex}"
    opened, client = FirestoreStore(project), AsyncClient(project=project)
    yield opened, client
    await opened.close()
    await client._firestore_api.transport.close()


@contextmanager
def meeting(store: FirestoreStore, *others: Callable[[], Awaitable[object]]) -> Iterator[None]:
    """Lets others write between a change's reading and its writing: one before each of the first commits."""
    api: Any = store._client._firestore_api
    commit, waiting = api.commit, list(others)

    async def late(*request: Any, **options: Any) -> Any:
        if waiting:
            await waiting.pop(0)()
        return await commit(*request, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "commit", late)
        yield
    assert not waiting


class TestFirestore:
    async def test_documents_lie_where_the_design_says_and_hold_what_it_says(
        self, firestore: tuple[FirestoreStore, AsyncClient]
    ) -> None:
        store, client = firestore
        await store.set_policy(ORG, Policy(retention_days=7))
        await keep(store, [record(1)])
        documents = await all_documents(client)
        assert set(documents) == {f"orgs/{ORG}", f"orgs/{ORG}/mailboxes/{ADA}", f"orgs/{ORG}/mails/{ADA}:{record(1).mail_id}"}
        mail = documents[f"orgs/{ORG}/mails/{ADA}:{record(1).mail_id}"]
        assert mail == {"user": ADA, "from_address": CUSTOMER, "received_at": record(1).received_at}

    async def test_every_query_is_served_and_every_index_is_needed(self, firestore: tuple[FirestoreStore, AsyncClient]) -> None:
        store, _ = firestore
        with queries_of(store._client) as queries:
            await keep(store, [record(number) for number in range(MOST_RECORDS + 1)])
            for ask in ORG_CALLS.values():
                await ask(store, ORG)
            await store.forget_decisions(await begin(store), record(1).received_at)
            for name in ("latest_mails", "mails", "known_mails", "count_mails", "readings", "readings_by", "switch_off"):
                await USER_CALLS[name](store, ORG, ADA)
            await store.orgs()
            await store.delete_mailbox(ORG, ADA)
        needed = {index_for(query, INDEXES) for query in queries} - {None}
        assert (
            needed
            == INDEXES.composite
            == {
                Index("mails", (("from_address", "ASCENDING"), ("received_at", "DESCENDING"))),
                Index("mails", (("user", "ASCENDING"), ("received_at", "DESCENDING"))),
                Index("readings", (("owner", "ASCENDING"), ("at", "DESCENDING"))),
                Index("readings", (("reader", "ASCENDING"), ("at", "DESCENDING"))),
            }
        )

    async def test_what_a_run_saves_is_decided_anew_when_others_write_meanwhile(
        self, firestore: tuple[FirestoreStore, AsyncClient]
    ) -> None:
        store, client = firestore
        lease = await begin(store)
        other = FirestoreStore(client.project)
        renew = [lambda: other.connect(ORG, ADA, "one@x.example", NOW), lambda: other.connect(ORG, ADA, "two@x.example", NOW)]
        with meeting(store, *renew):
            await store.save_run(lease, Progress("2"), labels={}, records=[record(1)])
        assert await store.mailbox(ORG, ADA) == replace(mailbox(), address="two@x.example", progress=Progress("2"))
        with meeting(store, lambda: save(other, lease, [record(2)])):
            await store.save_run(lease, Progress("3"), labels={}, records=[record(1), record(2), record(3)])
        assert await store.latest_mails(ORG, ADA, 10) == [record(1), record(2), record(3)]
        await other.close()

    @pytest.mark.parametrize("takes", ["take_over", "switch_off", "delete_mailbox", "release"])
    @pytest.mark.parametrize("write", ["save_run", "save_trouble", "switch_on", "forget_decisions"])
    async def test_nothing_is_written_under_a_lease_that_is_lost_after_it_was_looked_at(
        self, firestore: tuple[FirestoreStore, AsyncClient], write: str, takes: str
    ) -> None:
        store, client = firestore
        lease = await begin(store)
        await save(store, lease, [record(9)])
        other = FirestoreStore(client.project)
        losses: dict[str, Callable[[], Awaitable[object]]] = {
            "take_over": lambda: other.take_lease(ORG, ADA, NOW, 600, take_over=True),
            "switch_off": lambda: other.switch_off(ORG, ADA),
            "delete_mailbox": lambda: other.delete_mailbox(ORG, ADA),
            "release": lambda: other.release_lease(lease),
        }
        writes: dict[str, Callable[[], Awaitable[object]]] = {
            "save_run": lambda: store.save_run(lease, Progress("666"), labels={}, records=[record(1)], counts=RunCounts(NOW, 6)),
            "save_trouble": lambda: store.save_trouble(lease, trouble()),
            "switch_on": lambda: begin_under(store, lease),
            "forget_decisions": lambda: store.forget_decisions(lease, record(10).received_at),
        }
        with meeting(store, losses[takes]), pytest.raises(LeaseLost):
            await writes[write]()
        stays = takes in ("take_over", "release")
        expected = {"switch_off": connected(), "delete_mailbox": None}.get(takes, mailbox())
        assert await store.mailbox(ORG, ADA) == expected
        assert await mail_ids(store) == ([record(9).mail_id] if stays else [])
        await other.close()

    async def test_decisions_are_forgotten_no_further_when_the_lease_is_lost_between_two_pages(
        self, firestore: tuple[FirestoreStore, AsyncClient]
    ) -> None:
        store, client = firestore
        lease = await begin(store)
        await save(store, lease, [record(number) for number in range(2 * MOST_RECORDS)])
        other = FirestoreStore(client.project)

        async def nothing() -> None:
            """Lets the first page through."""

        async def take_over() -> None:
            fresh = await other.take_lease(ORG, ADA, NOW, 600, take_over=True)
            await save(other, fresh, [record(500)])

        with meeting(store, nothing, take_over), pytest.raises(LeaseLost):
            await store.forget_decisions(lease, record(1_000).received_at)
        assert await mail_ids(store) == [record(number).mail_id for number in range(MOST_RECORDS, 2 * MOST_RECORDS)]
        await other.close()

    async def test_a_mailbox_connected_again_while_it_is_switched_on_is_due(
        self, firestore: tuple[FirestoreStore, AsyncClient]
    ) -> None:
        store, client = firestore
        await connect(store)
        other = FirestoreStore(client.project)
        with meeting(store, lambda: begin(other)):
            await store.connect(ORG, ADA, "new@x.example", NOW)
        on = replace(mailbox(), address="new@x.example")
        assert await store.due_mailboxes(ORG, NOW + TEN_MINUTES, TEN_MINUTES) == [on]
        await other.close()

    async def test_switched_off_while_a_run_writes_leaves_nothing_of_it(
        self, firestore: tuple[FirestoreStore, AsyncClient]
    ) -> None:
        store, client = firestore
        lease = await begin(store)
        other = FirestoreStore(client.project)
        with meeting(store, lambda: other.save_run(lease, Progress("2"), labels={}, records=[record(1)])):
            await store.switch_off(ORG, ADA)
        assert await store.mailbox(ORG, ADA) == connected()
        assert await mail_ids(store) == []
        await other.close()

    async def test_what_is_too_large_for_a_document_is_refused_whole(self, firestore: tuple[FirestoreStore, AsyncClient]) -> None:
        store, _ = firestore
        lease = await begin(store)
        too_many = Progress("2", waiting=tuple(f"19{number:014x}" for number in range(62_000)))
        with pytest.raises(Unavailable):
            await store.save_run(lease, too_many, labels={}, records=[record(1)], counts=RunCounts(NOW, 1))
        assert await store.mailbox(ORG, ADA) == mailbox()
        assert await mail_ids(store) == []

    @settings(max_examples=200, deadline=None)
    @given(org=st.text(max_size=40), user=st.text(max_size=40), mail=st.text(max_size=40))
    def test_no_path_leaves_its_org(self, org: str, user: str, mail: str) -> None:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
            store = FirestoreStore("test-paths")
        try:
            path = store._mail(org, user, mail).path
        except BadRequest:
            return
        assert path.split("/") == ["orgs", org, "mails", f"{user}:{mail}"]

    async def test_one_that_is_down_is_unavailable_within_the_deadline(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{taken.getsockname()[1]}")
            store = FirestoreStore("test-down")
            with pytest.raises(Unavailable) as down:
                await store.mailbox(ORG, ADA)
            await store.close()
        assert down.value.who == Service(Side.OURS, "Firestore")

    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (grpc.StatusCode.PERMISSION_DENIED, NotPermitted),
            (grpc.StatusCode.UNAUTHENTICATED, NotAuthorised),
            (grpc.StatusCode.INVALID_ARGUMENT, Unavailable),
            (grpc.StatusCode.DATA_LOSS, Unavailable),
        ],
    )
    async def test_a_refusal_is_an_error_of_the_tree_that_names_nobody(
        self, monkeypatch: pytest.MonkeyPatch, status: grpc.StatusCode, error: type[Upstream]
    ) -> None:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((refusing(status),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{port}")
        store = FirestoreStore("test-refused")
        calls: list[Awaitable[object]] = [
            store.orgs(),
            *(ask(store, ORG) for ask in ORG_CALLS.values()),
            *(ask(store, ORG, ADA) for ask in USER_CALLS.values()),
        ]
        try:
            for call in calls:
                with pytest.raises(error) as refused:
                    await call
                assert type(refused.value) is error
                assert ADA not in "".join(traceback.format_exception(refused.value)).replace(__file__, "")
        finally:
            await store.close()
            await server.stop(None)


async def begin_under(store: Store, lease: Lease) -> None:
    """Switch on anew under a lease that may be lost."""
    await store.switch_on(
        lease, mailmagnet_since=NOW, labelling_since=None, progress=Progress("666"), labels={}, last_run=RunCounts(NOW, 6)
    )


def refusing(status: grpc.StatusCode) -> Any:
    """Answers every call with one status, and a message that names a document, as Firestore's do."""

    async def refuse(_: object, context: Any) -> None:
        await context.abort(status, f"not this one: orgs/{ORG}/mailboxes/{ADA}")

    streams = dict.fromkeys(["BatchGetDocuments", "RunQuery"], grpc.unary_stream_rpc_method_handler(refuse))
    calls = dict.fromkeys(["Commit", "ListDocuments"], grpc.unary_unary_rpc_method_handler(refuse))
    return grpc.method_handlers_generic_handler("google.firestore.v1.Firestore", streams | calls)


async def all_documents(client: AsyncClient) -> dict[str, Any]:
    """Every document in the database, by path."""
    found: dict[str, Any] = {}
    collections = [collection async for collection in client.collections()]
    while collections:
        async for stored in collections.pop().list_documents():
            collections += [collection async for collection in stored.collections()]
            if (snapshot := await stored.get()).exists:
                found[stored.path] = snapshot.to_dict()
    return found
