"""A COQL query, answered for one user: the rows that it finds, with the columns that it names."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

from sandbox.crms.zoho.coql import Condition, Criterion, Query
from sandbox.crms.zoho.fields import COMPARISONS, USER_FIELDS, Field, Kind, fields_of
from sandbox.crms.zoho.organisation import Record, ZohoOrganisation, ZohoUser
from sandbox.crms.zoho.refusals import bad_column, bad_module, bad_value, over_limit

MOST_SELECT_JOINS = 15
MOST_BASE_JOINS = 5

_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, other: bool(one == other),
    ">": lambda one, other: bool(one > other),
    ">=": lambda one, other: bool(one >= other),
    "<": lambda one, other: bool(one < other),
    "<=": lambda one, other: bool(one <= other),
}


class Rows:
    """The rows that one query finds for one user."""

    def __init__(self, organisation: ZohoOrganisation, user: ZohoUser, query: Query) -> None:
        """Raises Refused where the query asks for what is not there, or the user's profile does not show."""
        if query.module not in organisation.modules:
            raise bad_module(query.module)
        self._organisation = organisation
        self._user = user
        self._query = query
        for column in (*query.columns, *(column for column, _ in query.orders)):
            self._field(column)
        for criterion in query.criteria:
            self._check(criterion)
        _check_joins(query)

    def answer(self) -> dict[str, Any] | None:
        """The body of the answer; None where nothing is found."""
        query = self._query
        found = [row for row in self._organisation.seen(self._user, query.module) if self._holds(query.where, row)]
        for column, down in reversed(query.orders):
            found.sort(key=partial(self._sort_key, column), reverse=down)
        rows = found[query.offset : query.offset + query.limit]
        if not rows:
            return None
        more = len(found) > query.offset + len(rows)
        return {"data": [self._row(row) for row in rows], "info": {"count": len(rows), "more_records": more}}

    def _row(self, record: Record) -> dict[str, Any]:
        columns = dict.fromkeys((*self._query.columns, "id"))
        return {column: self._shown(column, record) for column in columns}

    def _shown(self, column: str, record: Record) -> Any:
        value = self._value(column, record)
        return {"id": value} if value is not None and self._field(column).kind is Kind.LOOKUP else value

    def _value(self, column: str, record: Record | None) -> Any:
        """What stands there. Behind a lookup to a record that the user is not shown there is nothing."""
        module, here = self._query.module, record
        *lookups, last = column.split(".")
        for lookup in lookups:
            to = fields_of(module)[lookup].to
            here, module = self._behind(to, here[lookup]) if here else None, to
        return here[last] if here else None

    def _behind(self, module: str, record_id: str | None) -> Record | None:
        if module == "users":
            user = self._organisation.user(record_id or "")
            return {name: getattr(user, name) for name in USER_FIELDS} if user else None
        record = self._organisation.records[module].get(record_id or "")
        return record if record and self._organisation.sees(self._user, module, record) else None

    def _field(self, column: str) -> Field:
        module = self._query.module
        *lookups, last = column.split(".")
        for name in lookups:
            lookup = fields_of(module).get(name)
            if not lookup or lookup.kind is not Kind.LOOKUP or self._is_hidden(module, name):
                raise bad_column(column)
            module = lookup.to
        field = fields_of(module).get(last)
        if not field or self._is_hidden(module, last):
            raise bad_column(column)
        return field

    def _is_hidden(self, module: str, field: str) -> bool:
        return f"{module}.{field}" in self._user.profile.hidden or (field == "Currency" and not self._organisation.currencies)

    def _check(self, criterion: Criterion) -> None:
        kind = self._field(criterion.column).kind
        if criterion.operator not in COMPARISONS[kind]:
            raise bad_value(criterion.column, criterion.operator)
        for value in criterion.values:
            if _read(kind, value) is None:
                raise bad_value(criterion.column, criterion.operator)

    def _holds(self, condition: Condition, record: Record) -> bool:
        if isinstance(condition, Criterion):
            return self._is_met(condition, record)
        sides = (self._holds(side, record) for side in (condition.left, condition.right))
        return all(sides) if condition.word == "and" else any(sides)

    def _is_met(self, criterion: Criterion, record: Record) -> bool:
        kind, value = self._field(criterion.column).kind, self._value(criterion.column, record)
        operator = criterion.operator
        if operator in {"is null", "is not null"}:
            return (value is None) is (operator == "is null")
        if value is None:
            return operator in {"!=", "not in", "not like", "not between"}
        kept, given = _read(kind, str(value).lower()), [_read(kind, each) for each in criterion.values]
        if operator in {"!=", "not in", "not like", "not between"}:
            return not _compares(operator.removeprefix("not ").replace("!=", "="), kept, given)
        return _compares(operator, kept, given)

    def _sort_key(self, column: str, record: Record) -> tuple[bool, Any]:
        value = self._value(column, record)
        kind = self._field(column).kind
        return value is not None, _read(kind, str(value)) if value is not None else ""


def _compares(operator: str, kept: Any, given: list[Any]) -> bool:
    if operator == "in":
        return kept in given
    if operator == "like":
        return _is_like(str(kept), str(given[0]))
    if operator == "between":
        return bool(given[0] <= kept <= given[1])
    return _COMPARED[operator](kept, given[0])


def _is_like(text: str, pattern: str) -> bool:
    """A percent sign stands for anything, wherever it is: there is no way to ask for the sign itself."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("%"))), text, re.DOTALL) is not None


def _read(kind: Kind, value: str) -> Any:
    """A value as it is compared, whatever its letters' case; None where it is none of its kind."""
    try:
        return _READ.get(kind, str.lower)(value)
    except (ValueError, InvalidOperation):
        return None


def _number(value: str) -> str | None:
    return value if value.isascii() and value.isdigit() else None


def _moment(value: str) -> datetime | None:
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else None


_READ: Mapping[Kind, Callable[[str], Any]] = {
    Kind.ID: _number,
    Kind.LOOKUP: _number,
    Kind.NUMBER: Decimal,
    Kind.DATE: date.fromisoformat,
    Kind.DATETIME: _moment,
    Kind.BOOLEAN: lambda value: {"true": True, "false": False}.get(value.lower()),
}


def _check_joins(query: Query) -> None:
    base = (*(criterion.column for criterion in query.criteria), *(column for column, _ in query.orders))
    for what, columns, most in (("join", query.columns, MOST_SELECT_JOINS), ("base_join", base, MOST_BASE_JOINS)):
        if len(set(_lookups(columns))) > most:
            raise over_limit(what, most)


def _lookups(columns: tuple[str, ...]) -> Iterator[str]:
    for column in columns:
        way = column.split(".")[:-1]
        yield from (".".join(way[: number + 1]) for number in range(len(way)))
