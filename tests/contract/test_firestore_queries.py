"""The check of Firestore's queries against firestore.indexes.json: it refuses what the emulator lets through."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from google.cloud.firestore_v1 import AsyncClient, AsyncCollectionReference, AsyncQuery, FieldFilter, Or
from google.cloud.firestore_v1.types import StructuredQuery

from tests.contract.firestore_queries import FILE, INDEXES, Index, Indexes, NotServed, index_for, queries_of, read_indexes

NOW = datetime(2027, 3, 14, tzinfo=UTC)
BY_USER = Index("mails", (("user", "ASCENDING"), ("received_at", "DESCENDING")))


@pytest.fixture
async def client(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncClient]:
    """One whose queries are looked at, and not sent."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    client = AsyncClient(project="test-queries")
    yield client
    await client._firestore_api.transport.close()


@pytest.fixture
def mails(client: AsyncClient) -> AsyncCollectionReference:
    return client.collection("orgs", "a.example", "mails")


def where(query: AsyncCollectionReference | AsyncQuery, field: str, operator: str, value: object) -> AsyncQuery:
    return query.where(filter=FieldFilter(field, operator, value))


def as_sent(query: AsyncQuery) -> StructuredQuery:
    return query._to_protobuf()


def refused(mails: AsyncCollectionReference) -> Iterator[AsyncQuery]:
    """Queries that real Firestore refuses, or might."""
    ada = where(mails, "user", "==", "ada")
    of_ada = where(where(mails, "__name__", ">=", mails.document("ada:")), "__name__", "<", mails.document("ada;"))
    yield of_ada.order_by("received_at", direction="DESCENDING")
    yield ada.order_by("received_at")
    yield ada.order_by("from_address", direction="DESCENDING")
    yield ada.order_by("__name__", direction="DESCENDING")
    yield mails.order_by("__name__", direction="DESCENDING")
    yield mails.order_by("received_at").order_by("from_address")
    yield mails.order_by("received_at").order_by("__name__", direction="DESCENDING")
    yield where(ada, "received_at", ">=", NOW)
    yield where(ada, "received_at", ">=", NOW).order_by("from_address")
    yield where(ada, "from_address", "==", "grace@customer.example")
    yield where(mails, "user", "in", ["ada", "bob"])
    yield where(mails, "user", "!=", "ada")
    yield where(mails, "user", "==", None)
    yield mails.where(filter=Or([FieldFilter("user", "==", "ada"), FieldFilter("user", "==", "bob")]))


def test_a_query_that_no_index_serves_is_refused(mails: AsyncCollectionReference) -> None:
    for number, query in enumerate(refused(mails)):
        with pytest.raises(NotServed):
            index_for(as_sent(query), INDEXES)
            pytest.fail(f"number {number} was let through")


def test_a_range_of_names_ordered_by_the_time_is_refused_for_its_range(mails: AsyncCollectionReference) -> None:
    """This is how a mailbox's newest mails were asked for once; whatever index there is does not help."""
    of_ada = where(where(mails, "__name__", ">=", mails.document("ada:")), "__name__", "<", mails.document("ada;"))
    helped = Indexes(
        INDEXES.composite | {Index("mails", (("__name__", "ASCENDING"), ("received_at", "DESCENDING")))}, frozenset()
    )
    with pytest.raises(NotServed, match="range"):
        index_for(as_sent(of_ada.order_by("received_at", direction="DESCENDING")), helped)


def test_a_query_over_all_organisations_is_refused(client: AsyncClient) -> None:
    with pytest.raises(NotServed):
        index_for(as_sent(client.collection_group("mails").order_by("received_at")), INDEXES)


def test_a_query_on_a_field_without_an_index_is_refused(client: AsyncClient) -> None:
    mailboxes = client.collection("orgs", "a.example", "mailboxes")
    assert index_for(as_sent(where(mailboxes, "active", "==", True)), INDEXES) is None
    for field in ("progress", "progress.cursor"):
        with pytest.raises(NotServed, match="no index"):
            index_for(as_sent(where(mailboxes, field, "==", "1")), INDEXES)


def test_a_query_of_one_field_needs_no_index_of_its_own(mails: AsyncCollectionReference) -> None:
    for query in (
        mails.limit(1),
        where(mails, "user", "==", "ada").order_by("__name__").limit(1),
        where(mails, "received_at", "<", NOW).order_by("received_at").select(["received_at"]),
        where(mails, "received_at", "<", NOW).order_by("received_at").order_by("__name__"),
        mails.order_by("received_at", direction="DESCENDING"),
    ):
        assert index_for(as_sent(query), INDEXES) is None


def test_a_query_of_two_fields_needs_the_one_that_the_file_has(mails: AsyncCollectionReference) -> None:
    newest = where(mails, "user", "==", "ada").order_by("received_at", direction="DESCENDING")
    for query in (newest, where(newest, "received_at", ">=", NOW), newest.order_by("__name__", direction="DESCENDING")):
        assert index_for(as_sent(query), INDEXES) == BY_USER
        with pytest.raises(NotServed):
            index_for(as_sent(query), Indexes(INDEXES.composite - {BY_USER}, INDEXES.unindexed))


def test_what_a_client_asks_otherwise_than_by_a_query_is_refused(client: AsyncClient) -> None:
    with queries_of(client), pytest.raises(NotServed):
        client._firestore_api.run_aggregation_query()


def test_how_far_a_mailbox_is_has_no_index() -> None:
    """Its ids are one text of many thousand bytes, where an index takes 1,500, and its failures a map of as many entries as ids."""
    overrides = json.loads(FILE.read_text())["fieldOverrides"]
    assert {"collectionGroup": "mailboxes", "fieldPath": "progress", "indexes": []} in overrides


def test_the_file_says_nothing_that_the_check_passes_over(tmp_path: Path) -> None:
    stored = json.loads(FILE.read_text())
    assert set(stored) == {"indexes", "fieldOverrides"}
    assert len(INDEXES.composite) == len(stored["indexes"])
    assert len(INDEXES.unindexed) == len(stored["fieldOverrides"])
    stored["indexes"][0]["queryScope"] = "COLLECTION_GROUP"
    changed = tmp_path / "firestore.indexes.json"
    changed.write_text(json.dumps(stored))
    assert len(read_indexes(changed).composite) == len(INDEXES.composite) - 1
