"""COQL, written: the questions that Zoho's query API is asked, and the one place where a value becomes a part of one
(https://www.zoho.com/crm/developer/docs/api/v8/COQL-Overview.html)."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

MOST_VALUES = 100
"""Values that one `in` takes."""
MOST_CRITERIA = 25
MOST_IN_COMPOSITE = 25
"""Rows of one question within a composite request."""
CHEAPEST = 200
"""So many rows cost one credit."""
MOST_ROWS = 2000


@dataclass(frozen=True, slots=True)
class Question:
    """Rows of a module: the columns, under what condition, in what order. Columns in `hidden` are not asked for."""

    module: str
    columns: tuple[str, ...]
    where: "Condition"
    order: str = "id"

    @property
    def is_any(self) -> bool:
        """Whether there is anything to ask: a question without a condition finds nothing."""
        return bool(self.where.text)

    def text(self, limit: int, offset: int = 0) -> str:
        """In COQL, so many rows from one on."""
        start = f" offset {offset}" if offset else ""
        columns, order = ", ".join(self.columns), self.order
        where = self.where.text
        return f"select {columns} from {self.module} where {where} order by {order} limit {limit}{start}"  # noqa: S608 - all is quoted

    def named(self, column: str) -> frozenset[str]:
        """Those of its columns that are meant by a name of Zoho's, which may be the name behind a lookup alone."""
        columns = {*self.columns, *self.where.columns, self.order.split(" ")[0]}
        return frozenset(each for each in columns if each == column or each.endswith(f".{column}"))

    def without(self, hidden: Collection[str]) -> "Question":
        """The same without columns that the user may not see."""
        kept = tuple(column for column in self.columns if column not in hidden)
        order = self.order if self.order.split(" ")[0] not in hidden else "id"
        return replace(self, columns=kept, where=self.where.without(hidden), order=order)


@dataclass(frozen=True, slots=True)
class Condition:
    """What rows have to be like: one `comparison` of a column, or several conditions with "and" or "or" between them, or nothing at all."""

    column: str = ""
    comparison: str = ""
    word: str = "or"
    parts: tuple["Condition", ...] = ()

    @property
    def text(self) -> str:
        """In COQL; "" where nothing is compared."""
        return self.comparison or _in_pairs(self.word, [text for part in self.parts if (text := part.text)])

    @property
    def criteria(self) -> int:
        """How many comparisons are in it."""
        return bool(self.comparison) + sum(part.criteria for part in self.parts)

    @property
    def columns(self) -> frozenset[str]:
        """What is compared in it."""
        return frozenset([self.column] if self.column else []).union(*(part.columns for part in self.parts))

    def without(self, hidden: Collection[str]) -> "Condition":
        """The same without what compares one of these columns."""
        if self.column in hidden:
            return Condition()
        return replace(self, parts=tuple(part.without(hidden) for part in self.parts))


def either(*conditions: Condition) -> Condition:
    """One of them at the least."""
    return Condition(word="or", parts=conditions)


def both(*conditions: Condition) -> Condition:
    """All of them."""
    return Condition(word="and", parts=conditions)


def among(column: str, values: Collection[str]) -> Condition:
    """The column holds one of these values, whatever their letters' case; at most MOST_VALUES."""
    return Condition(column, f"{column} in ({', '.join(map(quoted, values))})") if values else Condition()


def holds(column: str, text: str) -> Condition:
    """The column holds this text somewhere in it; a percent sign in it stands for anything, so what comes is to be looked at again."""
    return Condition(column, f"{column} like {quoted(f'%{text}%')}")


def ends_with(column: str, text: str) -> Condition:
    """The column ends with this text; the same is true of a percent sign."""
    return Condition(column, f"{column} like {quoted(f'%{text}')}")


def between(column: str, first: str, last: str) -> Condition:
    """The column is one of these or something in between."""
    return Condition(column, f"{column} between {quoted(first)} and {quoted(last)}")


def quoted(text: str) -> str:
    """A value, as COQL writes it: in quotes, in which a quote is written twice.

    Zoho does not say what a backslash is. Written twice, it ends no value, whether it stands for itself there or for the sign behind it.
    No sign that is none to be seen goes through.
    """
    visible = "".join(letter for letter in text if letter.isprintable())
    return "'" + visible.replace("\\", "\\\\").replace("'", "''") + "'"


def portions(values: Iterable[str], most: int) -> Iterator[tuple[str, ...]]:
    """The values, in portions of at most so many."""
    each = iter(values)
    while portion := tuple(islice(each, most)):
        yield portion


def _in_pairs(word: str, texts: Sequence[str]) -> str:
    """((a or b) or c): three beside each other are none to COQL."""
    if len(texts) <= 1:
        return texts[0] if texts else ""
    middle = len(texts) // 2
    return f"({_in_pairs(word, texts[:middle])} {word} {_in_pairs(word, texts[middle:])})"
