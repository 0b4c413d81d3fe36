"""An address header's text in, its mailboxes out: RFC 5322 as written, and as it is broken in real mail. Pure rules.

The standard library's parsers were measured first. `email.headerregistry` takes 155 µs an address, a second for 8 KB of comments,
raises on "<", and loses the second of two addresses without a comma between; `email.utils` recurses on brackets. This one reads
each character once (about 25 µs an address), never raises, and is held against them by its tests where they are right.
"""

import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from typing import NamedTuple
from unicodedata import category, normalize

from mailmagnet.addresses import canonical

MAX_HEADER = 16 * 1024
"""Characters of one header that are read: some hundreds of mailboxes."""
MAX_NAME = 200
MAX_ADDRESS = 320
"""64 for the local part, 255 for the domain (https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1)."""

ENCODED_WORD = r"=\?[^\s?]+\?[bBqQ]\?[^?]*\?="
"""https://www.rfc-editor.org/rfc/rfc2047#section-2, and spaces inside, as some write them."""


class Mailbox(NamedTuple):
    """A name to show (decoded, cleaned, may be "") and a canonical address with exactly one @ and no spaces."""

    name: str
    address: str


class _Token(NamedTuple):
    kind: str
    text: str
    spaced: bool


def mailboxes(header: str) -> list[Mailbox]:
    """The mailboxes of a From, Reply-To, To or Cc, in order; what is no address is left out."""
    text = _unfolded(header)
    found = _parsed(text)
    if not found and not any(_is_at(token) for token in _tokens(text)):
        # the whole of it stands in quotes, or was encoded, as some programs write it
        found = _parsed(decoded(text).replace('"', " "))
    return found


def list_identity(header: str) -> tuple[str, str]:
    """A List-Id's name to show and its id in lower case (https://www.rfc-editor.org/rfc/rfc2919#section-2), each may be ""."""
    phrase, bracket, rest = _unfolded(header).rpartition("<")
    if not bracket:
        return "", rest.strip().lower()
    words = " ".join(token.text for token in _tokens(phrase) if token.kind != "comment")
    return cleaned(words), rest.partition(">")[0].strip().lower()


def decoded(text: str) -> str:
    """Text with its encoded words read; what cannot be read is shown as well as it can be."""
    return _ENCODED_WORDS.sub(lambda words: _decoded_words(words[0]), text) if "=?" in text else text


def cleaned(name: str) -> str:
    """A name as it may be shown: decoded, on one line, without controls and marks that turn the text around, not over-long."""
    name = decoded(name)
    if not (name.isascii() and name.isprintable()):
        name = normalize("NFC", "".join(_visible(character) for character in name))
    name = " ".join(name.split())
    name = name.strip("\u200c\u200d ")
    if name[:1] == name[-1:] == "'":
        name = name[1:-1].strip()
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1].rstrip()}…"


def _unfolded(header: str) -> str:
    text = _RAW_BYTES.sub(lambda raw: _text_of(raw[0].encode("ascii", "surrogateescape"), ""), header[: MAX_HEADER + 1])
    if len(text) > MAX_HEADER:
        text = text[: text.rfind(",", 0, MAX_HEADER) + 1]
    return text


def _parsed(text: str) -> list[Mailbox]:
    found: list[Mailbox] = []
    surname = ""
    for entry in _entries(_tokens(text)):
        here = list(_mailboxes_of(entry))
        if here and surname and here[0].name:
            # Doe, Jane <j@x.example> without the quotes it needs
            here[0] = Mailbox(f"{surname}, {here[0].name}", here[0].address)
        found += here
        surname = "" if here or any(token.kind == "special" for token in entry) else _name_of(entry, [])
    return found


_TOKEN = re.compile(
    rf"""(?P<space>[\s\x00]+)
       | (?P<encoded>{ENCODED_WORD})
       | (?P<quoted>"[^"\\]*+(?:\\.[^"\\]*+)*+")
       | (?P<special>[()<>@,;:"])
       | (?P<atom>[^\s\x00()<>@,;:"]+)
    """,
    re.VERBOSE | re.DOTALL,
)
_LITERAL = re.compile(r"\[[^\[\]\s]*\]")
_BRACKET = re.compile(r"\\.|[()]", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ENCODED_WORDS = re.compile(rf"{ENCODED_WORD}(?:\s*{ENCODED_WORD})*+")
_RAW_BYTES = re.compile(r"[\udc80-\udcff]+")


def _tokens(text: str) -> Iterator[_Token]:
    """Quoted strings and comments come as their inner text. A quote or bracket that is never closed is left out."""
    position, spaced, after_at = 0, False, False
    while position < len(text):
        found = (after_at and _LITERAL.match(text, position)) or _TOKEN.match(text, position)
        if not found:  # pragma: no cover - the token kinds together match any character
            return
        kind, part = found.lastgroup or "atom", found[0]
        position = found.end()
        if kind == "space":
            spaced = True
            continue
        if part == "(":
            end = _comment_end(text, position)
            if end < 0:
                text = text[:position] + text[position:].replace("(", " ")
                continue
            kind, part, position = "comment", text[position : end - 1], end
        elif part == '"':
            text = text[:position] + text[position:].replace('"', " ")
            continue
        elif kind == "quoted":
            part = part[1:-1]
        yield _Token(kind, _ESCAPED.sub(r"\1", part) if kind in {"quoted", "comment"} else part, spaced)
        spaced, after_at = False, kind == "special" and part == "@"


def _comment_end(text: str, start: int) -> int:
    """Where a comment ends whose bracket opened before `start`; comments nest. -1 when it never does."""
    depth = 1
    for bracket in _BRACKET.finditer(text, start):
        depth += {"(": 1, ")": -1}.get(bracket[0], 0)
        if not depth:
            return bracket.end()
    return -1


def _entries(tokens: Iterator[_Token]) -> Iterator[list[_Token]]:
    """The header cut at what separates mailboxes: commas, and semicolons as Outlook writes them; a group's name is left out."""
    entry: list[_Token] = []
    angle: int | None = None
    for token in tokens:
        special = token.text if token.kind == "special" else ""
        in_route = angle is not None and angle < len(entry) and _is_at(entry[angle])
        if special in {",", ";"} and not in_route:
            yield entry
            entry, angle = [], None
            continue
        if special == ":" and angle is None:
            entry = []
            continue
        entry.append(token)
        if special == "<":
            angle = len(entry)
        elif special == ">":
            angle = None
    yield entry


def _is_at(token: _Token) -> bool:
    return token.kind == "special" and token.text == "@"


def _mailboxes_of(entry: list[_Token]) -> Iterator[Mailbox]:
    """An entry holds one mailbox; where a comma was forgotten, several."""
    comments = [token.text for token in entry if token.kind == "comment"]
    pieces = _pieces([token for token in entry if token.kind != "comment"])
    single = len(pieces) == 1
    for phrase, address in pieces:
        yield Mailbox(_name_of(phrase, comments if single else []), address)


def _pieces(entry: list[_Token]) -> list[tuple[list[_Token], str]]:
    """Each address of an entry with the words before it."""
    pieces: list[tuple[list[_Token], str]] = []
    phrase: list[_Token] = []
    angle: list[_Token] | None = None
    for token in [*entry, _Token("special", ">", False)]:
        special = token.text if token.kind == "special" else ""
        if special == "<":
            angle = []
        elif special == ">" and angle is not None:
            address = _address_in_angle(angle)
            if address:
                pieces.append((phrase, address))
            phrase, angle = [], None
        elif angle is not None:
            angle.append(token)
        elif special != ">":
            phrase.append(token)
    return pieces + _bare_pieces(phrase)


def _bare_pieces(tokens: list[_Token]) -> list[tuple[list[_Token], str]]:
    """Addresses that stand without angle brackets, each with the words before it."""
    pieces: list[tuple[list[_Token], str]] = []
    before: list[_Token] = []
    for word in _words(tokens):
        address = _address(word)
        if address:
            pieces.append((before, address))
            before = []
        else:
            before = before + word if len(before) < MAX_NAME else before
    return pieces


def _address_in_angle(tokens: list[_Token]) -> str:
    """The address of <…>, after a route (<@one,@two:ada@x.example>) or a "mailto:"."""
    colons = [index for index, token in enumerate(tokens) if token.kind == "special" and token.text == ":"]
    words = list(_words(tokens[colons[-1] + 1 :] if colons else tokens))
    return _address(words[0]) if len(words) == 1 else ""


def _words(tokens: list[_Token]) -> Iterator[list[_Token]]:
    """Tokens that belong together; round "@" and "." the RFC once allowed spaces: ada @ x . example is one word."""
    word: list[_Token] = []
    for token in tokens:
        if word and token.spaced and not (word[-1].text.endswith((".", "@")) or token.text.startswith((".", "@"))):
            yield word
            word = []
        word.append(token)
    if word:
        yield word


def _address(word: list[_Token]) -> str:
    """The canonical address that a word is, or ""."""
    ats = [index for index, token in enumerate(word) if _is_at(token)]
    if len(ats) != 1:
        return ""
    local = "".join(token.text for token in word[: ats[0]])
    domain = "".join(token.text for token in word[ats[0] + 1 :])
    if local.startswith("'"):
        local, domain = local[1:], domain.removesuffix("'")
    address = canonical(f"{local}@{domain}")
    return address if len(address) <= MAX_ADDRESS and _ADDRESS.fullmatch(address) else ""


_UNFIT = r"""\s\x00-\x20\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ud800-\udfff\ufeff"(),:;<>@\\"""
_LABEL = rf"(?:[a-z0-9_-]|[^{_UNFIT}\x21-\x7e])+"
_ADDRESS = re.compile(rf"[^{_UNFIT}\[\]]+@(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-z.:]+\])")
_JUST_ADDRESS = re.compile(r"\S+@\S+")


def _name_of(phrase: list[_Token], comments: list[str]) -> str:
    words = "".join(f"{' ' if token.spaced else ''}{token.text}" for token in phrase)
    name = cleaned(words) or cleaned(" ".join(comments))
    return "" if _JUST_ADDRESS.fullmatch(name) else name


def _visible(character: str) -> str:
    kind = category(character)
    if kind in {"Cc", "Zl", "Zp", "Zs"}:
        return " "
    if kind == "Cf" and character not in "\u200c\u200d":
        return ""
    return "\ufffd" if kind == "Cs" else character


def _decoded_words(words: str) -> str:
    try:
        parts = decode_header(words)
    except HeaderParseError:
        return " "
    return "".join(part if isinstance(part, str) else _text_of(part, charset or "ascii") for part, charset in parts)


def _text_of(raw: bytes, charset: str) -> str:
    """Bytes as text: in the charset named, else in the likeliest."""
    charset = charset.partition("*")[0].lower()
    if charset in _NO_CHARSETS:
        charset = "utf-8"
    for likely, errors in ((charset, "strict"), ("utf-8", "strict"), (charset, "replace"), ("cp1252", "replace")):
        try:
            return raw.decode(likely, errors)
        except (LookupError, ValueError):
            continue
    return ""  # pragma: no cover - cp1252 with replacement reads any bytes


_NO_CHARSETS = frozenset({"idna", "punycode", "unicode_escape", "unicode-escape", "raw_unicode_escape", "raw-unicode-escape"})
"""Codecs of Python that no mail means, and that are slow or warn."""
