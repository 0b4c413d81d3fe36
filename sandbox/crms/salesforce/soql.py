"""SOQL as far as MailMagnet asks it: a text in, a `Query` out. Every other form is refused in Salesforce's words
(https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql.htm)."""

import re
from dataclasses import dataclass
from typing import NoReturn

LONGEST_QUERY = 100_000
LONGEST_TEXT = 4_000
"""Characters of a text in a WHERE clause."""
LONGEST_SHOWN = 120


class Refused(Exception):
    """Salesforce does not do it: `status` is the HTTP status, `code` its errorCode."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Pattern:
    """What LIKE compares with: letters, and None for `%`, "" for `_`."""

    parts: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """A day, YYYY-MM-DD, without quotes."""

    written: str


Value = str | bool | int | None | Day | Pattern | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; `inner` is a semi-join's question."""

    path: str
    operator: str
    value: Value = None
    inner: "Query | None" = None


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions joined by AND or by OR, never by both."""

    word: str
    members: "tuple[Condition | Group, ...]"


@dataclass(frozen=True, slots=True)
class Order:
    """One field to sort by."""

    path: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A question. `source` is an object, or in a question within another's SELECT a child relationship."""

    paths: tuple[str, ...]
    children: "tuple[Query, ...]"
    source: str
    where: Condition | Group | None
    orders: tuple[Order, ...]
    limit: int | None


def read(text: str) -> Query:
    """Raises Refused for what is no SOQL, and for what MailMagnet never asks."""
    if len(text) > LONGEST_QUERY:
        raise Refused(400, "QUERY_TOO_COMPLICATED", "SOQL statements cannot be longer than 100000 characters.")
    return _Reader(text).whole()


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^'\\\x00-\x1f]|\\.)*')
      | (?P<day>\d{4}-\d\d-\d\d)(?![\w-])
      | (?P<number>\d+)(?![\w.])
      | (?P<name>[A-Za-z]\w*(?:\.[A-Za-z]\w*)*)
      | (?P<mark><=|>=|!=|[=(),])
    )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_KEYWORDS = {"SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "IN", "LIKE", "ORDER", "BY", "ASC", "DESC", "LIMIT"}


class _Reader:
    """Reads from left to right, a word at a time."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._kind, self._word = "", ""
        self._next()

    def whole(self) -> Query:
        query = self._query()
        if self._kind:
            self._refuse()
        return query

    def _next(self) -> None:
        if not self._text[self._at :].strip():
            self._kind, self._word = "", ""
            return
        found = _TOKEN.match(self._text, self._at)
        if not found:
            self._refuse()
        self._at = found.end()
        self._kind = found.lastgroup or ""
        self._word = found[self._kind]

    def _refuse(self, more: str = "") -> NoReturn:
        seen = self._word or self._text[self._at :].strip()[:20]
        raise Refused(400, "MALFORMED_QUERY", more or f"unexpected token: '{seen}' in {self._text[:LONGEST_SHOWN]}")

    def _is(self, *words: str) -> bool:
        return self._kind in {"name", "mark"} and self._word.upper() in words

    def _took(self, *words: str) -> str:
        """The word, when it is one of these; "" when it is not."""
        if not self._is(*words):
            return ""
        word = self._word.upper()
        self._next()
        return word

    def _take(self, *words: str) -> None:
        if not self._took(*words):
            self._refuse()

    def _path(self) -> str:
        if self._kind != "name" or self._word.upper() in _KEYWORDS:
            self._refuse()
        path = self._word
        self._next()
        return path

    def _query(self) -> Query:
        self._take("SELECT")
        paths: list[str] = []
        children: list[Query] = []
        while True:
            if self._took("("):
                children.append(self._query())
                self._take(")")
            else:
                paths.append(self._path())
            if not self._took(","):
                break
        self._take("FROM")
        source = self._path()
        where = self._conditions() if self._took("WHERE") else None
        orders = self._orders() if self._took("ORDER") else ()
        limit = self._limit() if self._took("LIMIT") else None
        if len(set(map(str.lower, paths))) != len(paths):
            self._refuse("duplicate field selected")
        return Query(tuple(paths), tuple(children), source, where, orders, limit)

    def _orders(self) -> tuple[Order, ...]:
        self._take("BY")
        orders = []
        while True:
            path = self._path()
            orders.append(Order(path, self._took("ASC", "DESC") == "DESC"))
            if not self._took(","):
                return tuple(orders)

    def _limit(self) -> int:
        if self._kind != "number":
            self._refuse()
        limit = int(self._word)
        self._next()
        return limit

    def _conditions(self) -> Condition | Group:
        members, word = [self._member()], ""
        while joined := self._took("AND", "OR"):
            if word and joined != word:
                self._refuse("AND and OR cannot be mixed without parentheses")
            word = joined
            members.append(self._member())
        return Group(word, tuple(members)) if word else members[0]

    def _member(self) -> Condition | Group:
        if self._took("("):
            inside = self._conditions()
            self._take(")")
            return inside
        path = self._path()
        operator = self._took("=", "!=", ">=", "<=", "IN", "LIKE")
        if operator == "IN":
            return self._among(path)
        if not operator:
            self._refuse()
        return Condition(path, operator, self._value(operator))

    def _among(self, path: str) -> Condition:
        self._take("(")
        if self._is("SELECT"):
            inner = self._query()
            self._take(")")
            if inner.children or inner.orders or inner.limit is not None or len(inner.paths) != 1 or "." in inner.paths[0]:
                self._refuse("The inner select of a semi join selects exactly one field of its own, without ORDER BY and LIMIT")
            return Condition(path, "IN", inner=inner)
        values = [self._quoted()]
        while self._took(","):
            values.append(self._quoted())
        self._take(")")
        return Condition(path, "IN", tuple(values))

    def _quoted(self) -> str:
        if self._kind != "text":
            self._refuse()
        value = "".join(part for part in _unescaped(self._word, pattern=False) if part is not None)
        self._next()
        return value

    def _value(self, operator: str) -> Value:
        kind, word = self._kind, self._word
        if operator == "LIKE":
            if kind != "text":
                self._refuse()
            self._next()
            return Pattern(_unescaped(word, pattern=True))
        if kind == "text":
            return self._quoted()
        if kind == "day":
            self._next()
            return Day(word)
        if word in {"true", "false", "null"}:
            self._next()
            return None if word == "null" else word == "true"
        return self._refuse()


def _unescaped(quoted: str, *, pattern: bool) -> tuple[str | None, ...]:
    """The letters of a text in quotes. In a pattern a bare `%` is None and a bare `_` is ""."""
    inside, at, parts = quoted[1:-1], 0, list[str | None]()
    if len(inside) > LONGEST_TEXT:
        raise Refused(400, "MALFORMED_QUERY", "The maximum length of a string in a WHERE clause is 4000 characters")
    while at < len(inside):
        letter = inside[at]
        if letter != "\\":
            parts.append({"%": None, "_": ""}.get(letter, letter) if pattern else letter)
            at += 1
            continue
        escaped = inside[at + 1]
        code = inside[at + 2 : at + 6]
        if escaped == "u" and re.fullmatch(r"[0-9A-Fa-f]{4}", code):
            parts.append(chr(int(code, 16)))
            at += 6
            continue
        plain = escaped if pattern and escaped in "%_" else _ESCAPES.get(escaped, "")
        if not plain:
            message = f"Invalid string literal. Illegal character sequence '\\{escaped}' in string literal."
            raise Refused(400, "MALFORMED_QUERY", message)
        parts.append(plain)
        at += 2
    return tuple(parts)
