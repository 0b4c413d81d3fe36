"""Gmail's search operators: `q` in, a tree out, and the tree as SQL over a mail folder
(https://support.google.com/mail/answer/7190). Nothing that a person may type is an error: what is not understood is words."""

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

WORD_COLUMNS = {
    "from": "sender",
    "to": "recipients",
    "cc": "copies",
    "bcc": "blind_copies",
    "subject": "subject",
    "filename": "filenames",
    "list": "list_id",
    "deliveredto": "delivered_to",
}
"""Operators over words, and the full-text column of each."""

MOST_TERMS = 300
"""Terms and brackets that are read; what comes after is passed over."""

DEEPEST = 30
"""Brackets within brackets that are read; deeper ones are passed over."""

OTHER_OPERATORS = frozenset(
    (
        "in",
        "label",
        "is",
        "has",
        "category",
        "after",
        "before",
        "newer",
        "older",
        "newer_than",
        "older_than",
        "larger",
        "smaller",
        "size",
        "rfc822msgid",
    )
)

FOLDERS = {
    "inbox": "INBOX",
    "sent": "SENT",
    "draft": "DRAFT",
    "drafts": "DRAFT",
    "trash": "TRASH",
    "spam": "SPAM",
    "chats": "CHAT",
    "chat": "CHAT",
    "unread": "UNREAD",
    "starred": "STARRED",
    "important": "IMPORTANT",
}
"""What people call the system labels."""

CATEGORIES = {
    "primary": "CATEGORY_PERSONAL",
    "personal": "CATEGORY_PERSONAL",
    "social": "CATEGORY_SOCIAL",
    "promotions": "CATEGORY_PROMOTIONS",
    "updates": "CATEGORY_UPDATES",
    "forums": "CATEGORY_FORUMS",
}


@dataclass(frozen=True, slots=True)
class Words:
    """These words, one after the other, under an operator of WORD_COLUMNS or anywhere ("")."""

    text: str
    operator: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """Any other operator with its value: `in:inbox`, `after:2026/01/31`."""

    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Around:
    """Two words or phrases at most `distance` words apart."""

    first: Words
    second: Words
    distance: int


@dataclass(frozen=True, slots=True)
class Not:
    """What does not fit the query inside."""

    query: "Query"


@dataclass(frozen=True, slots=True)
class All:
    """What fits every one; everything fits none of them."""

    queries: "tuple[Query, ...]"


@dataclass(frozen=True, slots=True)
class Either:
    """What fits at least one."""

    queries: "tuple[Query, ...]"


Query = Words | Fact | Around | Not | All | Either

_TOKEN = re.compile(
    r'(?P<open>[-+]?(?:[A-Za-z_0-9]+:)?[({])|(?P<close>[)}])|(?P<term>[-+]?(?:[A-Za-z_0-9]+:)?(?:"[^"]*"?|[^\s(){}"]+))|\s+|"'
)
_TERM = re.compile(r"(?P<minus>-?)\+?(?:(?P<operator>[A-Za-z_0-9]+):)?(?P<value>.*)", re.DOTALL)
_AROUND_DISTANCE = 10


def parse(q: str) -> Query:
    """The tree of a query. "OR" binds closer than the space between terms, as in Gmail; an open bracket closes at the end."""
    return _Reader(q).query("")


def written(query: Query) -> str:
    """A query that parses to this tree, as long as the tree is one that `parse` makes."""
    match query:
        case Words(text, operator):
            q = f'{operator}:"{text}"' if operator else f'"{text}"'
        case Fact(operator, value):
            q = f'{operator}:"{value}"' if " " in value else f"{operator}:{value}"
        case Around(first, second, distance):
            q = f"{written(first)} AROUND {distance} {written(second)}"
        case Not(Around() | Not() as inner):
            q = f"-({written(inner)})"
        case Not(inner):
            q = f"-{written(inner)}"
        case All(queries):
            q = "(" + " ".join(map(written, queries)) + ")"
        case Either(queries):
            q = "{" + " ".join(map(written, queries)) + "}"
    return q


def asks_for(query: Query, labels: Sequence[str]) -> bool:
    """Whether the query itself names one of these places (spam and trash are searched only then)."""
    match query:
        case Fact("in" | "label" | "is", value):
            return value.lower() == "anywhere" or FOLDERS.get(value.lower(), "") in labels
        case Not(inner):
            return asks_for(inner, labels)
        case All(queries) | Either(queries):
            return any(asks_for(inner, labels) for inner in queries)
        case _:
            return False


def normalised(text: str) -> str:
    """Text as its words, apart by one space: without case and accents; each Chinese, Japanese or Korean sign is a word."""
    if text.isascii():
        return " ".join(_ASCII_WORD.findall(text.lower()))
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    return " ".join(_WORD.findall(plain.casefold()))


def label_key(name: str) -> str:
    """A label's name as one writes it after `label:`."""
    return re.sub(r"[\s/()&|\"]", "-", name.lower())


@dataclass(frozen=True, slots=True)
class SearchContext:
    """What a query needs to know: the time, the zone of bare dates, and label ids by label_key of their names."""

    now: datetime
    days: tzinfo
    label_ids: Mapping[str, str]


def to_sql(query: Query, context: SearchContext) -> tuple[str, list[object]]:
    """A condition on a row `m` of a mail folder's table `messages`, and its parameters."""
    match query:
        case Words(text, operator):
            return _words_sql(text, operator)
        case Around(first, second, distance):
            return _around_sql(first, second, distance)
        case Fact():
            return _fact_sql(query, context)
        case Not(inner):
            condition, parameters = to_sql(inner, context)
            return f"NOT ({condition})", parameters
        case All(queries):
            return _joined(queries, " AND ", "1", context)
        case Either(queries):
            return _joined(queries, " OR ", "0", context)


_ASCII_WORD = re.compile(r"[a-z0-9]+")
_IDEOGRAPH = "\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = re.compile(rf"[{_IDEOGRAPH}]|[^\W_{_IDEOGRAPH}]+")
_DATE = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})$")
_AGE = re.compile(r"(\d{1,5})([dmyh])$", re.IGNORECASE)
_SIZE = re.compile(r"(\d{1,12})([kmg]?)b?$", re.IGNORECASE)


class _Reader:
    """Reads a query from left to right."""

    def __init__(self, q: str) -> None:
        self.tokens = [found for found in _TOKEN.finditer(q) if found["open"] or found["close"] or found["term"]][:MOST_TERMS]
        self.at = 0
        self.depth = 0

    def query(self, operator: str, either: bool = False) -> Query:
        """Up to the closing bracket; `operator` stands before the opening one and is meant for each term."""
        groups: list[list[Query]] = []
        joined = False
        for term in self._terms(operator):
            if term == "OR":
                joined = bool(groups)
            elif isinstance(term, str):
                self._read_around(term, groups, operator)
            elif joined:
                groups[-1].append(term)
                joined = False
            else:
                groups.append([term])
        queries = tuple(group[0] if len(group) == 1 else Either(tuple(group)) for group in groups)
        if len(queries) == 1:
            return queries[0]
        return Either(queries) if either else All(queries)

    def _terms(self, operator: str) -> "Iterator[Query | str]":
        """Each term, "OR", or "AROUND n" ("AND" says nothing)."""
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            if token["close"]:
                if self.depth:
                    return
            elif token["open"] and self.depth < DEEPEST:
                yield self._group(token["open"], operator)
            elif token["open"] or token["term"] == "AND":
                continue
            elif token["term"] in ("OR", "|"):
                yield "OR"
            elif token["term"] == "AROUND":
                yield f"AROUND {self._distance()}"
            elif term := _term(token["term"], operator):
                yield term

    def _group(self, opening: str, outer: str) -> Query:
        found = _TERM.match(opening[:-1])
        operator = (found["operator"] or "").lower() if found else ""
        known = operator in WORD_COLUMNS or operator in OTHER_OPERATORS
        self.depth += 1
        inner = self.query(operator if known else outer, either=opening.endswith("{"))
        self.depth -= 1
        if operator and not known:
            inner = All((Words(operator), inner))
        return Not(inner) if opening.startswith("-") else inner

    def _distance(self) -> int:
        following = self.tokens[self.at]["term"] if self.at < len(self.tokens) else None
        if following and following.isascii() and following.isdigit():
            self.at += 1
            return min(int(following), 1000)
        return _AROUND_DISTANCE

    def _read_around(self, term: str, groups: list[list[Query]], operator: str) -> None:
        """Joins the last term with the next; where there are not two plain words, AROUND is a word like any other."""
        following = self.tokens[self.at]["term"] if self.at < len(self.tokens) else None
        second = _term(following, operator) if following else None
        first = groups[-1][-1] if groups else None
        if isinstance(first, Words) and isinstance(second, Words) and following not in ("OR", "AND", "AROUND", "|"):
            self.at += 1
            groups[-1][-1] = Around(first, second, int(term.split()[1]))
        else:
            groups.append([Words("around")])


def _term(written_term: str, outer: str) -> Query | None:
    found = _TERM.match(written_term)
    if not found:
        return None
    operator, value = (found["operator"] or "").lower(), found["value"].replace('"', " ").strip()
    if operator in OTHER_OPERATORS or (not operator and outer in OTHER_OPERATORS):
        term: Query | None = Fact(operator or outer, value) if value else None
    elif operator in WORD_COLUMNS:
        term = _words(value, operator)
    else:
        term = _words(f"{operator} {value}", outer)
    return Not(term) if term and found["minus"] else term


def _words(value: str, operator: str) -> Words | None:
    text = normalised(value)
    return Words(text, operator) if text else None


def _joined(queries: Sequence[Query], between: str, empty: str, context: SearchContext) -> tuple[str, list[object]]:
    conditions, parameters = [], []
    for query in queries:
        condition, more = to_sql(query, context)
        conditions.append(f"({condition})")
        parameters += more
    return between.join(conditions) or empty, parameters


_MATCH = "m.id IN (SELECT rowid FROM words WHERE words MATCH ?)"


def _words_sql(text: str, operator: str) -> tuple[str, list[object]]:
    column = f"{WORD_COLUMNS[operator]} : " if operator else ""
    return _MATCH, [f'{column}"{text}"']


def _around_sql(first: Words, second: Words, distance: int) -> tuple[str, list[object]]:
    column = f"{WORD_COLUMNS[first.operator]} : " if first.operator else ""
    return _MATCH, [f'{column}NEAR("{first.text}" "{second.text}", {distance})']


def _fact_sql(fact: Fact, context: SearchContext) -> tuple[str, list[object]]:
    match fact.operator:
        case "in" | "label" | "is" | "category":
            sql = _place_sql(fact, context)
        case "has":
            sql = _has_sql(fact.value.lower())
        case "after" | "newer":
            sql = _time_sql(">=", _moment(fact.value, context))
        case "before" | "older":
            sql = _time_sql("<", _moment(fact.value, context))
        case "newer_than":
            sql = _time_sql(">=", _age(fact.value, context.now))
        case "older_than":
            sql = _time_sql("<", _age(fact.value, context.now))
        case "larger" | "size":
            sql = _size_sql(">=", fact.value)
        case "smaller":
            sql = _size_sql("<", fact.value)
        case _:
            sql = "m.rfc822_id = ?", [fact.value.strip("<> ")]
    return sql


_HAS_LABEL = "EXISTS (SELECT 1 FROM message_labels l WHERE l.message_id = m.id AND l.label_id = ?)"
_HAS_USER_LABEL = "EXISTS (SELECT 1 FROM message_labels l WHERE l.message_id = m.id AND l.label_id GLOB 'Label_*')"


def _place_sql(fact: Fact, context: SearchContext) -> tuple[str, list[object]]:
    value = fact.value.lower()
    if value == "anywhere" and fact.operator == "in":
        return "1", []
    if value == "read" and fact.operator == "is":
        return f"NOT {_HAS_LABEL}", ["UNREAD"]
    label = CATEGORIES.get(value) if fact.operator == "category" else FOLDERS.get(value)
    label = label or context.label_ids.get(label_key(fact.value))
    return (_HAS_LABEL, [label]) if label else ("0", [])


def _has_sql(value: str) -> tuple[str, list[object]]:
    match value:
        case "attachment":
            return "m.has_attachment", []
        case "userlabels":
            return _HAS_USER_LABEL, []
        case "nouserlabels":
            return f"NOT {_HAS_USER_LABEL}", []
    return "0", []


def _time_sql(comparison: str, moment: datetime | None) -> tuple[str, list[object]]:
    return (f"m.internal_date {comparison} ?", [int(moment.timestamp() * 1000)]) if moment else ("0", [])


def _moment(value: str, context: SearchContext) -> datetime | None:
    """Seconds since 1970, or a day's midnight in the zone of bare dates."""
    try:
        if found := _DATE.match(value):
            year, month, day = map(int, found.groups())
            return datetime(year, month, day, tzinfo=context.days)
        return datetime.fromtimestamp(int(value), context.days) if value.isdigit() else None
    except (ValueError, OverflowError, OSError):
        return None


def _age(value: str, now: datetime) -> datetime | None:
    """So many days, months or years before now."""
    found = _AGE.match(value)
    if not found:
        return None
    count, unit = int(found[1]), found[2].lower()
    try:
        if unit in "dh":
            return now - timedelta(**{"days" if unit == "d" else "hours": count})
        months = now.year * 12 + now.month - 1 - (count if unit == "m" else 12 * count)
        year, month = divmod(months, 12)
        return now.replace(year=year, month=month + 1, day=min(now.day, monthrange(year, month + 1)[1]))
    except (ValueError, OverflowError):
        return None


def _size_sql(comparison: str, value: str) -> tuple[str, list[object]]:
    found = _SIZE.match(value)
    if not found:
        return "0", []
    return f"m.size {comparison} ?", [int(found[1]) * {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}[found[2].lower()]]
