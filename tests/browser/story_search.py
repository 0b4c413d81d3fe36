"""The search for what may never have been written: words in every coding in which they may lie, among all bytes that were."""

import base64
import html
import json
import quopri
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from sandbox.google.world import World

OWN_SECRETS = ("vault.key", "crm.password")
"""The demo's own two secrets, each in a file of its own: left out are these files, not what is in them."""
GOOGLES_SIDE = ("world", "letters")
"""The sandbox's Gmail and Google, and what its mail was imported from: folders that hold the mail, as Google does."""

PIECE, OVERLAP = 8_192, 2_048
"""Bytes. Of a file that grows, or of which a page changes, the rest is the same pieces again."""
BETWEEN = b"\n\xff\n"

_TOKEN_MAKERS = ("id_token", "access_token", "refresh_token", "message_token")


@dataclass
class Forbidden:
    """What may be found nowhere, each with what it is."""

    words: dict[str, str] = field(default_factory=dict)

    def add(self, what: str, *words: str) -> None:
        self.words.update(dict.fromkeys(filter(None, words), what))

    def watch(self, world: World) -> None:
        """From now on every token and code that this Google gives out is among them."""
        for maker in _TOKEN_MAKERS:
            setattr(world.google, maker, self._remembering(f"Google's {maker}", getattr(world.google, maker)))
        setattr(world.codes, "give", self._remembering("a code", world.codes.give))  # noqa: B010

    def _remembering(self, what: str, make: Callable[..., str]) -> Callable[..., str]:
        def made(*arguments: Any, **named: Any) -> str:
            token = make(*arguments, **named)
            # A signed token is known by its signature.
            self.add(what, token.rpartition(".")[2] if what.endswith("id_token") else token)
            return token

        return made


@dataclass
class Written:
    """Bytes that were written, in pieces that overlap, each once, by where it was first seen. `size` counts every file whenever it was
    looked at."""

    pieces: dict[bytes, str] = field(default_factory=dict)
    size: int = 0

    def add(self, when: str, where: str, content: bytes) -> None:
        self.size += len(content)
        for start in range(0, len(content), PIECE):
            self.pieces.setdefault(content[start : start + PIECE + OVERLAP], f"{where} {when}")

    def look(self, when: str, folder: Path, but: Iterable[str] = ()) -> None:
        """Every file in a folder, but those that have or lie in one of these names."""
        for file in sorted(folder.rglob("*")):
            if file.is_file() and not set(file.relative_to(folder).parts) & set(but):
                self.add(when, str(file.relative_to(folder)), file.read_bytes())

    @property
    def places(self) -> set[str]:
        """The names of what was looked at."""
        return {where.partition(" ")[0] for where in self.pieces.values()}

    def search(self, words: Mapping[str, str]) -> list[str]:
        """What of the words is there, as "what it is: the word, where"."""
        whole = BETWEEN.join(self.pieces)
        lower = whole.lower()
        told = []
        for word, what in words.items():
            caseless, exact = {coded.lower() for coded in _as_text(word)}, set(_as_base64(word))
            assert max(map(len, caseless | exact)) <= OVERLAP, "it could lie across two pieces"
            if any(coded in lower for coded in caseless) or any(coded in whole for coded in exact):
                where = {
                    place
                    for piece, place in self.pieces.items()
                    if any(coded in piece.lower() for coded in caseless) or any(coded in piece for coded in exact)
                }
                told.append(f"{what}: {word}, in {'; '.join(sorted(where))}")
        return told


def codings(word: str) -> set[bytes]:
    """All in which a word is looked for."""
    return {*_as_text(word), *_as_base64(word)}


def _as_text(word: str) -> Iterator[bytes]:
    """As it is, and in what JSON, HTML, URLs and mail make of it; case does not matter."""
    yield from (word.encode(), word.encode("utf-16-le"), word.encode("utf-16-be"))
    yield word.encode("latin-1", "backslashreplace")
    yield json.dumps(word)[1:-1].encode()
    yield json.dumps(json.dumps(word)[1:-1])[1:-1].encode()
    yield html.escape(word).encode()
    yield html.escape(word).encode("ascii", "xmlcharrefreplace")
    yield from (quote(word).encode(), quote(word, safe="").encode(), quote_plus(word).encode())
    yield quopri.encodestring(word.encode()).replace(b"=\n", b"")
    yield quopri.encodestring(word.encode(), header=True)
    yield word.encode().hex().encode()


def _as_base64(word: str) -> Iterator[bytes]:
    """At each of the three places at which a word can begin in it, without the signs that what stands beside it has a part in."""
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + word.encode())
        first, last = (0, 2, 3)[before], (len(word.encode()) + before) * 8 // 6
        yield coded[first:last]
        yield coded[first:last].translate(bytes.maketrans(b"+/", b"-_"))
