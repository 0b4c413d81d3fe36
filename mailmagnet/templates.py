"""Templates for mail, the CRM's or the admin's own: the record `Template`, and how merge fields in a text are filled in. Pure rules."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Template:
    """A mail to begin with. Subject and text are plain, with merge fields in them as CRMs write them: "${Contact.First Name}"."""

    id: str
    name: str
    subject: str
    text: str


_FIELD = re.compile(r"\$\{([^${}\n]{1,60})\}")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a merged text; `missing` marks a field that there is nothing for: then the text names it, in brackets."""

    text: str
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Merged:
    """A text with its merge fields filled in, plain. `missing` are the fields that there is nothing for, `unknown` those that do not
    exist: they stay in the text as they were written."""

    pieces: tuple[Piece, ...]
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


def merge(text: str, values: Mapping[str, str]) -> Merged:
    """Fill in the fields, once: what stands in a value is never a field.

    `values` has every field there is, "" where there is nothing for it.
    """
    by_name = {_key(name): name for name in values}
    pieces = tuple(_pieces(text, values, by_name))
    named = [found[1] for found in _FIELD.finditer(text)]
    missing = [by_name[_key(name)] for name in named if _key(name) in by_name and not values[by_name[_key(name)]]]
    unknown = [name for name in named if _key(name) not in by_name]
    return Merged(pieces, tuple(dict.fromkeys(missing)), tuple(dict.fromkeys(unknown)))


def _pieces(text: str, values: Mapping[str, str], by_name: Mapping[str, str]) -> Iterator[Piece]:
    end = 0
    for found in _FIELD.finditer(text):
        if found.start() > end:
            yield Piece(text[end : found.start()])
        name = by_name.get(_key(found[1]))
        if name is None:
            yield Piece(found[0])
        else:
            yield Piece(values[name]) if values[name] else Piece(f"[{name}]", missing=True)
        end = found.end()
    if end < len(text):
        yield Piece(text[end:])


def _key(name: str) -> str:
    return " ".join(name.replace(".", " . ").split()).casefold()
