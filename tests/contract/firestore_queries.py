"""Which index real Firestore needs for a query, held against firestore.indexes.json: the emulator serves every query.

Strict, for what this project asks: equality on one field or none, then the order of one field, and a range only on that field.
References: https://firebase.google.com/docs/firestore/query-data/index-overview and
https://firebase.google.com/docs/firestore/query-data/order-limit-data#limitations
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.cloud.firestore_v1 import AsyncClient
from google.cloud.firestore_v1.types import StructuredQuery

NAME = "__name__"
FILE = Path(__file__).parents[2] / "firestore.indexes.json"

_RANGES = frozenset({"LESS_THAN", "LESS_THAN_OR_EQUAL", "GREATER_THAN", "GREATER_THAN_OR_EQUAL"})
_OTHER_WAYS_TO_ASK = ("run_aggregation_query", "partition_query", "execute_pipeline", "listen", "list_collection_ids")


class NotServed(Exception):
    """Real Firestore may refuse this query; the message says why."""


@dataclass(frozen=True, slots=True)
class Index:
    """A composite index of one collection: its fields, each with ASCENDING or DESCENDING."""

    collection: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Indexes:
    """What firestore.indexes.json says: composite indexes, and fields (collection, name) that have no index of their own."""

    composite: frozenset[Index]
    unindexed: frozenset[tuple[str, str]]


def read_indexes(file: Path = FILE) -> Indexes:
    """https://firebase.google.com/docs/reference/firestore/indexes"""
    stored = json.loads(file.read_text())
    composite = {
        Index(index["collectionGroup"], tuple((field["fieldPath"], field["order"]) for field in index["fields"]))
        for index in stored["indexes"]
        if index["queryScope"] == "COLLECTION"
    }
    unindexed = {(field["collectionGroup"], field["fieldPath"]) for field in stored["fieldOverrides"] if not field["indexes"]}
    return Indexes(frozenset(composite), frozenset(unindexed))


INDEXES = read_indexes()


def index_for(query: StructuredQuery, indexes: Indexes) -> Index | None:
    """The composite index that a query needs, None when the indexes that every field has do. Raises NotServed."""
    collection = _collection(query)
    equal, ranges = _filters(query.where)
    order = _order(query, ranges)
    for field in {*equal, *ranges, order[0]}:
        if (collection, field.partition(".")[0]) in indexes.unindexed:
            raise NotServed(f"{field} has no index")
    if not equal or order == (NAME, "ASCENDING"):
        return None
    needed = Index(collection, ((equal[0], "ASCENDING"), order))
    if needed not in indexes.composite:
        raise NotServed(f"there is no index {needed}")
    return needed


def _collection(query: StructuredQuery) -> str:
    [source] = query.from_
    if source.all_descendants:
        raise NotServed("it asks every collection of a name, whoever's it is")
    return str(source.collection_id)


def _filters(where: StructuredQuery.Filter) -> tuple[list[str], list[str]]:
    """The fields that must be equal to something, and those that must lie in a range."""
    if where.composite_filter.filters:
        if where.composite_filter.op.name != "AND":
            raise NotServed("its filters are not all to hold")
        conditions = [inner.field_filter for inner in where.composite_filter.filters]
    else:
        conditions = [where.field_filter] if where.field_filter else []
    equal = [condition.field.field_path for condition in conditions if condition.op.name == "EQUAL"]
    ranges = [condition.field.field_path for condition in conditions if condition.op.name in _RANGES]
    if len(equal) + len(ranges) < len(conditions) or where.unary_filter or len(equal) > 1:
        raise NotServed("it asks for more than equality on one field and a range")
    return equal, ranges


def _order(query: StructuredQuery, ranges: list[str]) -> tuple[str, str]:
    """The one field that the query is ordered by; each index ends with the document's name, in the direction of what is before."""
    orders = [(order.field.field_path, order.direction.name) for order in query.order_by]
    if len(orders) > 1 and orders[-1] == (NAME, orders[-2][1]):
        orders.pop()
    if len(orders) > 1:
        raise NotServed("it is ordered by several fields")
    if not orders:
        orders = [(ranges[0] if ranges else NAME, "ASCENDING")]
    if {*ranges} - {orders[0][0]}:
        raise NotServed("its range is on another field than its order")
    if orders[0] == (NAME, "DESCENDING"):
        raise NotServed("names go upwards, without an index of its own")
    return orders[0]


@contextmanager
def queries_of(client: AsyncClient) -> Iterator[list[StructuredQuery]]:
    """Every query that a client sends meanwhile, as it is sent. Other ways to ask than a query are refused."""
    sent: list[StructuredQuery] = []
    api: Any = client._firestore_api
    run_query = api.run_query

    async def recording(request: dict[str, Any], **options: Any) -> Any:
        sent.append(request["structured_query"])
        return await run_query(request=request, **options)

    def refused(*_: object, **__: object) -> Any:
        raise NotServed("nobody holds this way of asking against the indexes")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "run_query", recording)
        for way in _OTHER_WAYS_TO_ASK:
            patch.setattr(api, way, refused, raising=False)
        yield sent
