"""COQL, read: the text of a query in, what it asks for out (https://www.zoho.com/crm/developer/docs/api/v8/COQL-Overview.html).

Stricter than Zoho where Zoho does not say: of two readings of a backslash neither may change what is asked, so one that is not doubled is
refused; and in brackets stand two conditions, never three.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.crms.zoho.refusals import clause_missing, over_limit, syntax_error

MOST_COLUMNS = 500
MOST_CRITERIA = 25
MOST_VALUES = 100
MOST_ORDERS = 10
MOST_ROWS = 2000
MOST_OFFSET = 100_000
DEFAULT_ROWS = 200

_TOKEN = re.compile(
    r"""\s+|(?P<text>'(?:[^'\\]|''|\\\\)*')|(?P<number>\d+(?:\.\d+)?(?!\w))|(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
    |(?P<sign>!=|>=|<=|[=<>(),])""",
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Criterion:
    """A column compared: `operator` as Zoho writes it in lower case ("in", "is not null"), and the values that it is compared with."""

    column: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """Two conditions, with "and" or "or" between them."""

    word: str
    left: "Condition"
    right: "Condition"


Condition = Criterion | Pair


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for; `orders` are columns, each with whether it goes down."""

    columns: tuple[str, ...]
    module: str
    where: Condition
    orders: tuple[tuple[str, bool], ...]
    limit: int
    offset: int

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """All criteria, in their order."""
        return tuple(_criteria(self.where))


def _criteria(condition: Condition) -> Iterator[Criterion]:
    if isinstance(condition, Criterion):
        yield condition
    else:
        yield from _criteria(condition.left)
        yield from _criteria(condition.right)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def read(query: str) -> Query:
    """The query. Raises Refused, as Zoho does."""
    return _Reader(query).query()


class _Reader:
    def __init__(self, query: str) -> None:
        self._tokens = [*_tokens(query), _Token("end", "", len(query))]
        self._next = 0
        self._criteria = 0

    def query(self) -> Query:
        self._word("select")
        columns = self._columns()
        self._word("from")
        module = self._name()
        if not self._has("where"):
            raise clause_missing("where")
        where = self._pair_or_one()
        orders = self._orders() if self._has("order") else ()
        limit = self._number("limit", MOST_ROWS) if self._has("limit") else DEFAULT_ROWS
        offset = self._number("offset", MOST_OFFSET) if self._has("offset") else 0
        if self._token.kind != "end":
            raise self._unexpected()
        return Query(columns, module, where, orders, limit, offset)

    def _columns(self) -> tuple[str, ...]:
        columns = [self._name()]
        while self._sign(","):
            columns.append(self._name())
        if len(columns) > MOST_COLUMNS:
            raise over_limit("select_column", MOST_COLUMNS)
        return tuple(columns)

    def _pair_or_one(self) -> Condition:
        left = self._operand()
        if self._token.text.lower() not in {"and", "or"} or self._token.kind != "name":
            return left
        word = self._take().text.lower()
        return Pair(word, left, self._operand())

    def _operand(self) -> Condition:
        if not self._sign("("):
            return self._criterion()
        inside = self._pair_or_one()
        self._must(")")
        return inside

    def _criterion(self) -> Criterion:
        self._criteria += 1
        if self._criteria > MOST_CRITERIA:
            raise over_limit("criteria", MOST_CRITERIA)
        column, operator = self._name(), self._operator()
        if operator in {"is null", "is not null"}:
            return Criterion(column, operator)
        if operator in {"in", "not in"}:
            return Criterion(column, operator, self._values())
        if operator in {"between", "not between"}:
            first = self._value()
            self._word("and")
            return Criterion(column, operator, (first, self._value()))
        return Criterion(column, operator, (self._value(),))

    def _operator(self) -> str:
        if self._token.kind == "sign" and self._token.text in {"=", "!=", ">=", ">", "<=", "<"}:
            return self._take().text
        if self._has("is"):
            negated = self._has("not")
            self._word("null")
            return "is not null" if negated else "is null"
        negated = self._has("not")
        for word in ("in", "like", "between"):
            if self._has(word):
                return f"not {word}" if negated else word
        raise self._unexpected()

    def _values(self) -> tuple[str, ...]:
        self._must("(")
        values = [self._value()]
        while self._sign(","):
            values.append(self._value())
        self._must(")")
        if len(values) > MOST_VALUES:
            raise over_limit("in", MOST_VALUES)
        return tuple(values)

    def _value(self) -> str:
        if self._token.kind == "number":
            return self._take().text
        if self._token.kind == "name" and self._token.text.lower() in {"true", "false"}:
            return self._take().text.lower()
        if self._token.kind != "text":
            raise self._unexpected()
        return self._take().text[1:-1].replace("''", "'").replace("\\\\", "\\")

    def _orders(self) -> tuple[tuple[str, bool], ...]:
        self._word("by")
        orders = [self._order()]
        while self._sign(","):
            orders.append(self._order())
        if len(orders) > MOST_ORDERS:
            raise over_limit("order_by", MOST_ORDERS)
        return tuple(orders)

    def _order(self) -> tuple[str, bool]:
        column = self._name()
        down = self._has("desc")
        if not down:
            self._has("asc")
        return column, down

    def _number(self, what: str, most: int) -> int:
        if self._token.kind != "number" or not self._token.text.isdigit():
            raise self._unexpected()
        number = int(self._take().text)
        if number > most or (what == "limit" and not number):
            raise over_limit(what, most)
        return number

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._token
        self._next += 1
        return token

    def _name(self) -> str:
        if self._token.kind != "name" or self._token.text.lower() in {"from", "where", "select", "and", "or", "limit", "order"}:
            raise self._unexpected()
        return self._take().text

    def _has(self, word: str) -> bool:
        """Whether this word is next; then it is passed."""
        if self._token.kind == "name" and self._token.text.lower() == word:
            self._next += 1
            return True
        return False

    def _word(self, word: str) -> None:
        if not self._has(word):
            raise self._unexpected()

    def _sign(self, sign: str) -> bool:
        if self._token.kind == "sign" and self._token.text == sign:
            self._next += 1
            return True
        return False

    def _must(self, sign: str) -> None:
        if not self._sign(sign):
            raise self._unexpected()

    def _unexpected(self) -> Exception:
        return syntax_error(self._token.text, self._token.at + 1)


def _tokens(query: str) -> Iterator[_Token]:
    at = 0
    while at < len(query):
        found = _TOKEN.match(query, at)
        if not found:
            raise syntax_error(query[at : at + 1], at + 1)
        if found.lastgroup:
            yield _Token(found.lastgroup, found[0], at)
        at = found.end()
