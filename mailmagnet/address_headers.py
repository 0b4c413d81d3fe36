"""An address header's text in, its mailboxes out: two readings of RFC 5322 over the same tokens. Pure rules.

`certain_address` is the STRICT reading, for the job: what decides a category. It takes From as the RFC has it, and has no address where
two programs could read two. `mailboxes` is the LENIENT reading, for the panel alone: it also reads headers as they are broken in real
mail, so that a person sees who may be meant.

The standard library's parsers were measured first. `email.headerregistry` takes 155 µs an address, a second for 8 KB of comments,
raises on "<", and loses the second of two addresses without a comma between; `email.utils` recurses on brackets. This one reads
each character once (about 25 µs an address), never raises, and is held against them by its tests where they are right.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header
from itertools import islice
from typing import NamedTuple
from unicodedata import category, normalize

import idna

from mailmagnet.addresses import MAX_ADDRESS, addr_spec, is_address, is_atom, lower_case
from mailmagnet.visible_text import visible

MOST_TOKENS = 3_000
"""Words and signs that are read of one mail's address headers: those of some four hundred mailboxes."""
MOST_MAILBOXES = 300
MAX_NAME = 200
MAX_WRITTEN_NAME = 10 * MAX_NAME
"""Characters of a name as it is written that are read: encoded in Base64, a letter may take nine."""

ENCODED_WORD = r"=\?[^\s?]+\?[bBqQ]\?[^?]*\?="
"""https://www.rfc-editor.org/rfc/rfc2047#section-2, and spaces inside, as some write them."""


class Mailbox(NamedTuple):
    """A name to show (decoded, cleaned, may be "") and a canonical address with no spaces outside quotes."""

    name: str
    address: str


@dataclass(slots=True)
class Budget:
    """How much may still be read of one mail's address headers, all together: hostile mail is read no longer than honest mail."""

    tokens: int = MOST_TOKENS
    mailboxes: int = MOST_MAILBOXES


class _Token(NamedTuple):
    """`gap` is what stands before it: " " for white space, "(" for a comment alone, "" for nothing. `kind` "open" is a quote or
    bracket that is never closed."""

    kind: str
    text: str
    gap: str


# The strict reading


def certain_address(header: str) -> str:
    """The canonical address of a From or X-Original-From, when it is certain; else "". For the job: the STRICT reading.

    Certain is exactly one mailbox as RFC 5322 writes it. No address comes out of a display name, a comment, a quoted string or an
    encoded word (https://www.rfc-editor.org/rfc/rfc2047#section-5). There is none with several mailboxes, which Google tells senders
    to avoid (https://support.google.com/a/answer/81126), a group, a route, another address in the name, and what is never closed; nor
    with white space or an encoded word inside the address: Gmail's API decodes words, and what it made of them cannot be told.
    """
    tokens = list(islice(_tokens(header), MOST_TOKENS + 1))
    if len(tokens) > MOST_TOKENS or any(token.kind == "open" for token in tokens):
        return ""
    entries = [entry for entry in _cut_at_commas(_without_comments(tokens)) if entry]
    return _certain_address(entries[0]) if len(entries) == 1 else ""


def _cut_at_commas(tokens: Iterable[_Token]) -> Iterator[list[_Token]]:
    entry: list[_Token] = []
    for token in tokens:
        if _is(token, ","):
            yield entry
            entry = []
        else:
            entry.append(token)
    yield entry


def _certain_address(entry: list[_Token]) -> str:
    signs = [token.text for token in entry if token.kind == "special" and token.text != "@"]
    if not signs:
        return _certain_addr_spec(entry)
    if signs != ["<", ">"] or not _is(entry[-1], ">"):
        return ""
    angle = next(place for place, token in enumerate(entry) if _is(token, "<"))
    address, phrase = _certain_addr_spec(entry[angle + 1 : -1]), entry[:angle]
    names_another = any(_is(token, "@") for token in phrase) and _certain_addr_spec(phrase) != address
    return "" if names_another else address


def _certain_addr_spec(tokens: list[_Token]) -> str:
    if any(token.gap == " " for token in tokens[1:]) or any("=?" in token.text for token in tokens if token.kind != "quoted"):
        return ""
    words = list(_words(tokens))
    local, domain = _halves(words[0]) if len(words) == 1 else ([], [])
    if any(token.kind == "quoted" for token in domain) or not _is_domain_as_written("".join(token.text for token in domain)):
        return ""
    return _address(local, domain)


def _is_domain_as_written(domain: str) -> bool:
    """Whether a domain needs no guess: ASCII, or valid in its own script (https://www.rfc-editor.org/rfc/rfc6531#section-3.2)."""
    if domain.isascii():
        return not domain.endswith(".")
    try:
        return bool(idna.encode(lower_case(domain), strict=True))
    except idna.IDNAError:
        return False


# The lenient reading


def mailboxes(header: str, budget: Budget) -> list[Mailbox]:
    """The mailboxes of a From, Reply-To, To or Cc, in order, without what is not an address. For the panel: the LENIENT reading."""
    text = _repaired(header)
    tokens = _tokens_within(budget, text)
    found = _parsed(tokens, budget)
    if not found and not any(_is(token, "@") for token in tokens):
        # the whole of it stands in quotes, or was encoded, as some programs write it
        found = _parsed(_tokens_within(budget, decoded(text).replace('"', " ")), budget)
    return found


def list_identity(header: str) -> tuple[str, str]:
    """A List-Id's name to show and its id in lower case (https://www.rfc-editor.org/rfc/rfc2919#section-2), each may be ""."""
    phrase, bracket, rest = _repaired(header).rpartition("<")
    if not bracket:
        return "", rest.strip().lower()
    words = " ".join(token.text for token in _without_comments(islice(_tokens(phrase), MAX_NAME)))
    return cleaned(words), rest.partition(">")[0].strip().lower()


def decoded(text: str) -> str:
    """Text with its encoded words read; what cannot be read is shown as well as it can be."""
    return _ENCODED_WORDS.sub(lambda words: _decoded_words(words[0]), text) if "=?" in text else text


def cleaned(name: str) -> str:
    """A name as it may be shown: decoded, on one line, without what cannot be seen or turns the text around, not over-long."""
    name = decoded(name[:MAX_WRITTEN_NAME])
    if not (name.isascii() and name.isprintable()):
        name = normalize("NFC", visible("".join(_on_one_line(character) for character in name)))
    name = " ".join(name.split())
    if name[:1] == name[-1:] == "'":
        name = name[1:-1].strip()
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1].rstrip()}…"


def _repaired(header: str) -> str:
    """The text with its raw bytes read as what they most likely are."""
    if not _RAW_BYTES.search(header):
        return header
    try:
        return header.encode("utf-8", "surrogateescape").decode("utf-8")
    except ValueError:
        return header.translate(_RAW_LETTERS)


def _tokens_within(budget: Budget, text: str) -> list[_Token]:
    tokens = list(islice(_tokens(text), max(budget.tokens, 0)))
    budget.tokens -= len(tokens)
    return tokens


def _parsed(tokens: list[_Token], budget: Budget) -> list[Mailbox]:
    found: list[Mailbox] = []
    before: list[_Token] = []
    entries = list(_entries(token for token in tokens if token.kind != "open"))
    if budget.tokens <= 0:
        # the last may be half of one
        entries.pop()
    for entry in entries:
        here = list(islice(_mailboxes_of(entry, budget), max(budget.mailboxes, 0)))
        budget.mailboxes -= len(here)
        if here and here[0].name and (surname := _name_of(before, [])):
            # Doe, Jane <j@x.example> without the quotes it needs
            here[0] = Mailbox(f"{surname}, {here[0].name}", here[0].address)
        found += here
        before = [] if here or any(token.kind == "special" for token in entry) else entry
    return found


def _entries(tokens: Iterable[_Token]) -> Iterator[list[_Token]]:
    """The header cut at what separates mailboxes: commas, and semicolons as Outlook writes them; a group's name is left out."""
    entry: list[_Token] = []
    angle: int | None = None
    for token in tokens:
        sign = token.text if token.kind == "special" else ""
        in_route = angle is not None and angle < len(entry) and _is(entry[angle], "@")
        if sign in {",", ";"} and not in_route:
            yield entry
            entry, angle = [], None
            continue
        if sign == ":" and angle is None:
            entry = []
            continue
        entry.append(token)
        if sign == "<":
            angle = len(entry)
        elif sign == ">":
            angle = None
    yield entry


def _mailboxes_of(entry: list[_Token], budget: Budget) -> Iterator[Mailbox]:
    """An entry holds one mailbox; where a comma was forgotten, several."""
    if not any(_is(token, "@") for token in entry):
        return
    comments = [token.text for token in entry if token.kind == "comment"]
    pieces = _pieces(_without_comments(entry), budget)
    single = len(pieces) == 1
    for phrase, address in pieces:
        yield Mailbox(_name_of(phrase, comments if single else []), address)


def _pieces(entry: list[_Token], budget: Budget) -> list[tuple[list[_Token], str]]:
    """Each address of an entry with the words before it."""
    pieces: list[tuple[list[_Token], str]] = []
    phrase: list[_Token] = []
    angle: list[_Token] | None = None
    for token in [*entry, _Token("special", ">", "")]:
        sign = token.text if token.kind == "special" else ""
        if sign == "<":
            angle = []
        elif sign == ">" and angle is not None:
            address = _address_in_angle(angle, budget)
            if address:
                pieces.append((phrase, address))
            phrase, angle = [], None
        elif angle is not None:
            angle.append(token)
        elif sign != ">":
            phrase.append(token)
    return pieces + _bare_pieces(phrase, budget)


def _bare_pieces(tokens: list[_Token], budget: Budget) -> list[tuple[list[_Token], str]]:
    """Addresses that stand without angle brackets, each with the words before it."""
    pieces: list[tuple[list[_Token], str]] = []
    before: list[_Token] = []
    for word in _words(tokens):
        address = _likely_address(word, budget)
        if address:
            pieces.append((before, address))
            before = []
        elif len(before) < MAX_NAME:
            before = before + word
    return pieces


def _address_in_angle(tokens: list[_Token], budget: Budget) -> str:
    """The address of <…>, after a route (<@one,@two:ada@x.example>) or a "mailto:"."""
    colons = [place for place, token in enumerate(tokens) if _is(token, ":")]
    words = list(_words(tokens[colons[-1] + 1 :] if colons else tokens))
    return _likely_address(words[0], budget) if len(words) == 1 else ""


def _likely_address(word: list[_Token], budget: Budget) -> str:
    """The canonical address that a word most likely is, or "". One with a domain in another script costs as many tokens as letters."""
    local, domain = _halves(word)
    if local and local[0].text.startswith("'") and domain and domain[-1].text.endswith("'"):
        # Outlook's quotes
        local[0] = local[0]._replace(text=local[0].text[1:])
        domain[-1] = domain[-1]._replace(text=domain[-1].text[:-1])
    letters = sum(len(token.text) for token in domain if not token.text.isascii())
    if letters > MAX_ADDRESS:
        return ""
    budget.tokens -= letters
    return _address(local, domain) if budget.tokens >= 0 else ""


def _name_of(phrase: list[_Token], comments: list[str]) -> str:
    words = "".join(f"{' ' if token.gap else ''}{token.text}" for token in phrase)
    name = cleaned(words) or cleaned(" ".join(comments))
    return "" if _JUST_ADDRESS.fullmatch(name) else name


# What both readings share


def _comment(deeper: int) -> str:
    """A comment with others in it (https://www.rfc-editor.org/rfc/rfc5322#section-3.2.2); `deeper` is how far they may nest."""
    inner = f"|{_comment(deeper - 1)}" if deeper else ""
    return rf"\((?:[^()\\]|\\.{inner})*+\)"


_TOKEN = re.compile(
    rf"""(?P<space>[\s\x00]+)
       | (?P<encoded>{ENCODED_WORD})
       | (?P<quoted>"[^"\\]*+(?:\\.[^"\\]*+)*+")
       | (?P<comment>{_comment(deeper=8)})
       | (?P<commas>[,;](?:[\s\x00]*+[,;])*+)
       | (?P<special>[()<>@:"])
       | (?P<atom>[^\s\x00()<>@,;:"]+)
    """,
    re.VERBOSE | re.DOTALL,
)
_LITERAL = re.compile(r"\[[^\[\]\s]*\]")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ENCODED_WORDS = re.compile(rf"{ENCODED_WORD}(?:\s*{ENCODED_WORD})*+")
_RAW_BYTES = re.compile(r"[\udc80-\udcff]")
_RAW_LETTERS = {0xDC00 + byte: bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0x100)}
"""https://docs.python.org/3/library/codecs.html#error-handlers (surrogateescape)"""
_JUST_ADDRESS = re.compile(r"\S+@\S+")


def _tokens(text: str) -> Iterator[_Token]:
    """Quoted strings and comments come as their inner text; commas with nothing between them as one."""
    position, gap, after_at = 0, "", False
    while position < len(text):
        found = (after_at and _LITERAL.match(text, position)) or _TOKEN.match(text, position)
        if not found:  # pragma: no cover - the token kinds together match any character
            return
        kind, part = found.lastgroup or "atom", found[0]
        position = found.end()
        if kind == "space":
            gap = " "
            continue
        if part in {"(", '"'}:
            kind, text = "open", text[:position] + text[position:].replace(part, " ")
        elif kind == "commas":
            kind, part = "special", ";" if ";" in part else ","
        elif kind in {"quoted", "comment"}:
            part = _ESCAPED.sub(r"\1", part[1:-1])
        yield _Token(kind, part, gap)
        gap = (gap or "(") if kind == "comment" else " " if kind == "open" else ""
        after_at = kind == "special" and part == "@"


def _is(token: _Token, sign: str) -> bool:
    return token.kind == "special" and token.text == sign


def _without_comments(tokens: Iterable[_Token]) -> list[_Token]:
    return [token for token in tokens if token.kind != "comment"]


def _words(tokens: list[_Token]) -> Iterator[list[_Token]]:
    """Tokens that belong together; round "@" and "." the RFC once allowed spaces: ada @ x . example is one word."""
    word: list[_Token] = []
    for token in tokens:
        if word and not _belong_together(word[-1], token):
            yield word
            word = []
        word.append(token)
    if word:
        yield word


def _belong_together(one: _Token, next_one: _Token) -> bool:
    if _is(one, "@") or _is(next_one, "@"):
        return True
    if (one.kind != "quoted" and one.text.endswith(".")) or (next_one.kind != "quoted" and next_one.text.startswith(".")):
        return True
    return not next_one.gap and "quoted" not in {one.kind, next_one.kind}


def _halves(word: list[_Token]) -> tuple[list[_Token], list[_Token]]:
    """What stands before and after the one @ of a word; nothing without one, or with several."""
    ats = [place for place, token in enumerate(word) if _is(token, "@")]
    return (word[: ats[0]], word[ats[0] + 1 :]) if len(ats) == 1 else ([], [])


def _address(local: list[_Token], domain: list[_Token]) -> str:
    """The canonical address of these halves, or ""."""
    if not local or not all(token.kind == "quoted" or is_atom(token.text) for token in local):
        return ""
    local_part, host = "".join(token.text for token in local), "".join(token.text for token in domain)
    if len(local_part) + len(host) >= MAX_ADDRESS:
        return ""
    address = addr_spec(local_part, host)
    return address if is_address(address) else ""


def _on_one_line(character: str) -> str:
    kind = category(character)
    if kind in {"Cc", "Zl", "Zp", "Zs"}:
        return " "
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
