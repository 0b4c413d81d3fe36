"""What Salesforce answers to a question of SOQL: the records that the user may see, in pages, or its refusal."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cmp_to_key
from itertools import count
from typing import Any

from sandbox.crms.salesforce.objects import TYPES, Objects, Row, is_id
from sandbox.crms.salesforce.soql import Condition, Day, Group, Order, Pattern, Query, Refused

DATA = "/services/data/v67.0"
MOST_ROWS = 2000
"""Records in one page, those within records counted on their own here."""
ID_TYPES = {"id", "reference"}
NOT_FILTERED = {"textarea"}
MOST_SEMI_JOINS = 2


@dataclass(slots=True)
class Answers:
    """The organisation's records, asked by one user after another. `page` is how many records come at once."""

    objects: Objects
    page: int = MOST_ROWS
    _kept: dict[str, tuple[str, list[Row]]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    def query(self, user: Row, query: Query) -> Row:
        """The first page. Raises Refused."""
        return self._answer(user, query, self._object(user, query.source), None)

    def more(self, user: Row, locator: str) -> Row:
        """A further page of an answer to this user. Raises Refused."""
        whose, rows = self._kept.pop(locator, ("", []))
        if whose != user["Id"]:
            raise Refused(404, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._paged(user, rows)

    def describe(self, user: Row, name: str) -> Row:
        """https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_describe.htm"""
        if name not in TYPES or not self.objects.has(user, name):
            raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
        ways = {lookup.key: way for way, lookup in TYPES[name].parents.items()}
        fields = [
            {"name": each, "type": kind, "relationshipName": ways.get(each), "filterable": kind not in NOT_FILTERED}
            for each, kind in self.objects.fields(user, name).items()
        ]
        children = [
            {"childSObject": child, "field": key, "relationshipName": way} for way, (child, key) in TYPES[name].children.items()
        ]
        return {"name": name, "queryable": True, "fields": fields, "childRelationships": children}

    def row(self, user: Row, name: str, row_id: str, fields: Sequence[str]) -> Row:
        """https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_retrieve_get.htm"""
        known = self._object(user, name)
        row = self.objects.rows[known].get(row_id)
        if not row or not self.objects.sees(user, known, row):
            raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
        for each in fields:
            self._check_field(user, known, each)
        return _told(known, row) | {each: self.objects.value(user, known, row, each) for each in fields}

    # Selecting

    def _object(self, user: Row, name: str) -> str:
        if name not in TYPES or not self.objects.has(user, name):
            raise Refused(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")
        return name

    def _answer(self, user: Row, query: Query, name: str, within: tuple[str, str] | None) -> Row:
        self._check(user, query, name)
        fits = self._fitting(user, name, query.where)
        found = [row for row in self._rows(user, name, within) if fits(row)]
        for order in reversed(query.orders):
            found.sort(key=cmp_to_key(lambda one, other, by=order: self._compare(user, name, one, other, by)))  # type: ignore[misc]
        total = found[: query.limit] if query.limit is not None else found
        return self._paged(user, [self._shown(user, name, row, query) for row in total])

    def _rows(self, user: Row, name: str, within: tuple[str, str] | None) -> Iterator[Row]:
        for row in self.objects.rows[name].values():
            if (not within or row[within[0]] == within[1]) and self.objects.sees(user, name, row):
                yield row

    def _paged(self, user: Row, rows: list[Row]) -> Row:
        answer: Row = {"totalSize": len(rows), "done": len(rows) <= self.page, "records": rows[: self.page]}
        if not answer["done"]:
            locator = f"0r8xx{next(self._numbers):010d}AAA-{self.page}"
            self._kept[locator] = (user["Id"], rows[self.page :])
            answer["nextRecordsUrl"] = f"{DATA}/query/{locator}"
        return answer

    def _shown(self, user: Row, name: str, row: Row, query: Query) -> Row:
        shown = _told(name, row)
        for path in query.paths:
            self._show(user, name, row, path.split("."), shown)
        for child in query.children:
            child_name, key = TYPES[name].children[child.source]
            answer = self._answer(user, child, child_name, (key, row["Id"]))
            shown[child.source] = answer if answer["totalSize"] else None
        return shown

    def _show(self, user: Row, name: str, row: Row, path: list[str], shown: Row) -> None:
        if len(path) == 1:
            shown[path[0]] = self.objects.value(user, name, row, path[0])
            return
        parent_name, parent = self.objects.parent(user, name, row, path[0])
        if parent is None:
            shown[path[0]] = None
            return
        if not isinstance(shown.get(path[0]), dict):
            shown[path[0]] = _told(parent_name, parent)
        self._show(user, parent_name, parent, path[1:], shown[path[0]])

    # Conditions

    def _fitting(self, user: Row, name: str, where: Condition | Group | None) -> Callable[[Row], bool]:
        """Whether a row is as the conditions say; a semi-join is asked once for all."""
        if where is None:
            return lambda _: True
        if isinstance(where, Group):
            members = [self._fitting(user, name, member) for member in where.members]
            join = all if where.word == "AND" else any
            return lambda row: join(fits(row) for fits in members)
        path = where.path.split(".")
        if where.inner:
            among = self._inner(user, where.inner)
            return lambda row: self._at(user, name, row, path) in among
        return lambda row: _holds(self._at(user, name, row, path), where)

    def _at(self, user: Row, name: str, row: Row, path: list[str]) -> Any:
        if len(path) == 1:
            return self.objects.value(user, name, row, path[0])
        parent_name, parent = self.objects.parent(user, name, row, path[0])
        return None if parent is None else self._at(user, parent_name, parent, path[1:])

    def _inner(self, user: Row, inner: Query) -> set[str]:
        """The ids that a semi-join selects."""
        fits = self._fitting(user, inner.source, inner.where)
        return {row[inner.paths[0]] for row in self._rows(user, inner.source, None) if fits(row)} - {None}

    def _compare(self, user: Row, name: str, one: Row, other: Row, order: Order) -> int:
        """Nothing comes first, also where the greatest come first it comes last."""
        values = [self._at(user, name, row, order.path.split(".")) for row in (one, other)]
        keys = [(value is not None, value.casefold() if isinstance(value, str) else value or 0) for value in values]
        sign = (keys[0] > keys[1]) - (keys[0] < keys[1])
        return -sign if order.descending else sign

    # What may be asked

    def _check(self, user: Row, query: Query, name: str) -> None:
        for path in [*query.paths, *(order.path for order in query.orders)]:
            self._type_of(user, name, path.split("."))
        for child in query.children:
            if child.source not in TYPES[name].children:
                raise Refused(400, "INVALID_TYPE", f"Didn't understand relationship '{child.source}' in FROM part of query call.")
            child_name = self._object(user, TYPES[name].children[child.source][0])
            self._check(user, child, child_name)
        if query.where is None:
            if name == "ContentDocumentLink":
                raise Refused(400, "MALFORMED_QUERY", _LINKS)
            return
        if self._check_where(user, name, query.where, top=True) > MOST_SEMI_JOINS:
            raise Refused(400, "MALFORMED_QUERY", "maximum 2 semi join sub-selects are allowed")
        if name == "ContentDocumentLink" and not any(
            condition.path in {"LinkedEntityId", "ContentDocumentId"}
            and condition.inner is None
            and condition.operator in {"=", "IN"}
            for condition in _ands(query.where)
        ):
            raise Refused(400, "MALFORMED_QUERY", _LINKS)

    def _check_where(self, user: Row, name: str, where: Condition | Group, *, top: bool) -> int:
        """How many semi-joins there are."""
        if isinstance(where, Group):
            inside = top and where.word == "AND"
            return sum(self._check_where(user, name, member, top=inside) for member in where.members)
        kind = self._type_of(user, name, where.path.split("."))
        if kind in NOT_FILTERED:
            raise Refused(400, "INVALID_FIELD", f"field '{where.path}' can not be filtered in a query call")
        if where.inner:
            self._check_semi_join(user, where, kind, top)
            return 1
        _check_value(where, kind)
        return 0

    def _check_semi_join(self, user: Row, where: Condition, kind: str, top: bool) -> None:
        inner = where.inner
        if not inner or not top:
            raise Refused(
                400,
                "MALFORMED_QUERY",
                "Semi join sub-selects are only allowed at the top level WHERE expressions and not in nested WHERE expressions.",
            )
        if inner.source == "ContentDocumentLink":
            raise Refused(400, "MALFORMED_QUERY", "Entity 'ContentDocumentLink' is not supported for semi join inner selects")
        name = self._object(user, inner.source)
        selected = self._type_of(user, name, [inner.paths[0]])
        if kind not in ID_TYPES or selected not in ID_TYPES:
            raise Refused(
                400, "MALFORMED_QUERY", f"semi join sub-selects can only query id fields, cannot use: '{inner.paths[0]}'"
            )
        if inner.where and self._check_where(user, name, inner.where, top=False):
            raise Refused(400, "MALFORMED_QUERY", "Nesting of semi join sub-selects is not supported")

    def _type_of(self, user: Row, name: str, path: list[str]) -> str:
        if len(path) == 1:
            return self._check_field(user, name, path[0])
        way = TYPES[name].parents.get(path[0])
        if not way or not self.objects.has(user, f"{name}.{way.key}"):
            raise Refused(400, "INVALID_FIELD", f"Didn't understand relationship '{path[0]}' in field path.")
        return self._type_of(user, self._object(user, way.object_name), path[1:])

    def _check_field(self, user: Row, name: str, field_name: str) -> str:
        known = self.objects.fields(user, name)
        if field_name not in known:
            raise Refused(
                400,
                "INVALID_FIELD",
                f"No such column '{field_name}' on entity '{name}'. If you are attempting to use a custom field, be sure to append "
                "the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.",
            )
        return known[field_name]


_LINKS = (
    "Implementation restriction: ContentDocumentLink requires a filter by a single Id on ContentDocumentId or LinkedEntityId using "
    "the equals operator or multiple Id's using the IN operator."
)


def _told(name: str, row: Row) -> Row:
    return {"attributes": {"type": name, "url": f"{DATA}/sobjects/{name}/{row['Id']}"}}


def _ands(where: Condition | Group) -> Iterator[Condition]:
    """The conditions that all have to hold."""
    if isinstance(where, Condition):
        yield where
    elif where.word == "AND":
        for member in where.members:
            yield from _ands(member)


def _check_value(where: Condition, kind: str) -> None:
    values = where.value if isinstance(where.value, tuple) else (where.value,)
    if kind in ID_TYPES and any(isinstance(value, str) and value and not is_id(value) for value in values):
        raise Refused(400, "INVALID_QUERY_FILTER_OPERATOR", f"{where.path}: invalid ID field")
    wanted: tuple[type, ...] = {"boolean": (bool,), "date": (Day,)}.get(kind, (str, Pattern))
    if any(value is not None and not isinstance(value, wanted) for value in values):
        raise Refused(400, "INVALID_FIELD", f"value of filter criterion for field '{where.path}' must be of type {kind}")
    if where.operator == "LIKE" and kind in {*ID_TYPES, "boolean", "date", "picklist"}:
        raise Refused(400, "INVALID_QUERY_FILTER_OPERATOR", f"invalid operator on {kind} field")


def _holds(value: Any, where: Condition) -> bool:
    asked = where.value
    if isinstance(asked, Pattern):
        return isinstance(value, str) and _is_like(value.casefold(), asked.parts)
    if isinstance(asked, tuple):
        return isinstance(value, str) and any(_is_same(value, each) for each in asked)
    if where.operator in {"=", "!="}:
        same = value is None if asked is None else _is_same(value, asked)
        return same == (where.operator == "=")
    if not isinstance(asked, Day) or value is None:
        return False
    return bool(value >= asked.written) if where.operator == ">=" else bool(value <= asked.written)


def _is_same(value: Any, asked: Any) -> bool:
    """Texts are compared without case; ids of 15 characters are those of 18."""
    if isinstance(value, str) and isinstance(asked, str):
        if len(asked) in {15, 18} and is_id(value) and is_id(asked):
            return value[:15] == asked[:15]
        return value.casefold() == asked.casefold()
    return bool(value == (asked.written if isinstance(asked, Day) else asked))


def _is_like(text: str, parts: Sequence[str | None]) -> bool:
    """Whether a text is as a pattern says: by the places of the text that each part can have reached."""
    reached = {0}
    for part in parts:
        if part is None:
            reached = set(range(min(reached), len(text) + 1)) if reached else set()
        elif not part:
            reached = {at + 1 for at in reached if at < len(text)}
        else:
            small = part.casefold()
            reached = {at + len(small) for at in reached if text.startswith(small, at)}
    return len(text) in reached
