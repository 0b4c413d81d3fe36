"""A mail's bytes, read: headers, decoded words, parts, text. Takes any bytes whatever and never raises for what is in them."""

import binascii
import codecs
import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime

DEEPEST = 20
"""Parts nested deeper than this are left as they are: nobody wrote them."""

EARLIEST_YEAR, LATEST_YEAR = 1970, 2100

LONGEST_PARAMETERS = 4_000
"""Characters of a Content-Type or Content-Disposition that are read."""

_ADDRESS = re.compile(r"[^\s<>,;:\"()\[\]@]{1,64}@[^\s<>,;:\"()\[\]@]{1,255}")
_HEADER = re.compile(rb"^([!-9;-~]+)[ \t]*:[ \t]*(.*)$", re.DOTALL)
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_LINE_END = re.compile(rb"\r?\n")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_WORD = re.compile(r"=\?([A-Za-z0-9_.:+-]+)(?:\*[A-Za-z-]+)?\?([BbQq])\?([^?\s]*(?: [^?\s]*)*)\?=")
_WORDS = re.compile(rf"{_WORD.pattern}(?:\s+{_WORD.pattern})*")
_ADDRESS_PIECES = re.compile(
    r"<[^<>]*>"
    r'|"(?P<quoted>(?:[^"\\]|\\.)*+)(?:"(?P<local_part>\s*@)?|\Z)'
    rf"|(?<![^\s(),;:])(?<!@\s)(?P<words>{_WORDS.pattern})(?![^\s(),;:<]|\s*@)",
    re.DOTALL,
)
_TAG = re.compile(r"(<[^<>]*>|<!--)")
_HIDDEN_ELEMENT = re.compile(r"<(script|style|title)\b")
_WITHIN_A_LINE = re.compile(r"</?(?:a|b|i|u|em|strong|span|font|small|sub|sup|code|abbr|mark)\b")
_ADDRESS_HEADERS = frozenset(
    (
        "from",
        "to",
        "cc",
        "bcc",
        "reply-to",
        "sender",
        "delivered-to",
        "x-original-from",
        "x-original-sender",
        "resent-from",
        "resent-to",
    )
)
_SPECIALS = re.compile(r'[()<>\[\]:;@\\,."]')
# Labels that in mail mean more than they say; plain ASCII is named so that its 8-bit bytes are guessed at.
_SUPERSETS = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso-8859-1": "cp1252",
    "latin-1": "cp1252",
    "us-ascii": "ascii-or-so",
    "ascii": "ascii-or-so",
    "ks_c_5601-1987": "cp949",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A mail or a part of one. `headers` are decoded and unfolded, in order; `mime_type` is lower case; `content` is what it says
    once its transfer encoding is undone (b"" when it only holds `parts`); `part_id` is Gmail's ("" the whole, "0", "1.0")."""

    part_id: str
    headers: tuple[tuple[str, str], ...]
    mime_type: str
    charset: str
    filename: str
    content: bytes
    parts: tuple["Part", ...] = ()

    def first(self, name: str) -> str:
        """The first value of a header, or ""; its name is compared without case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def walk(self) -> Iterator["Part"]:
        """This part and all in it, in the order of the mail."""
        yield self
        for part in self.parts:
            yield from part.walk()

    @property
    def text(self) -> str:
        """The content of a text part."""
        return decoded(self.content, self.charset)

    @property
    def is_attachment(self) -> bool:
        """Whether Gmail would list it as a file."""
        return bool(self.filename) or (not self.parts and not self.mime_type.startswith("text/") and bool(self.part_id))


def read(raw: bytes) -> Part:
    """The whole mail."""
    return _part(raw, "", 0)


def split(raw: bytes) -> tuple[bytes, bytes]:
    """The header block with the empty line that ends it, and the rest; together they are `raw`."""
    if raw[:1] == b"\n" or raw[:2] == b"\r\n":
        at = raw.index(b"\n") + 1
        return raw[:at], raw[at:]
    end = _END_OF_HEAD.search(raw)
    return (raw[: end.end()], raw[end.end() :]) if end else (raw, b"")


def multipart(content_type: str, body: bytes) -> list[tuple[tuple[tuple[str, str], ...], bytes]]:
    """The parts of a multipart HTTP body: the headers of each, and what follows them, as it came."""
    *_, boundary = _content_facts([("Content-Type", content_type)])
    parts = [split(piece) for piece in _pieces(body, boundary)] if boundary else []
    return [(headers_of(head), content) for head, content in parts]


def headers_of(head: bytes) -> tuple[tuple[str, str], ...]:
    """Name and value of each header line: unfolded, encoded words decoded as Gmail's API gives them; other lines are left out.

    A decoded name that would no longer read as one ("Doe, Jane") is put in quotes.
    """
    headers = []
    for line in _LINE_END.split(_FOLD.sub(b"", head)):
        if found := _HEADER.match(line):
            name = found[1].decode("ascii")
            headers.append((name, _value(name, found[2])))
    return tuple(headers)


def decoded_words(text: str) -> str:
    """RFC 2047 encoded words decoded, in any charset; what is broken stays as it is."""
    return _WORDS.sub(lambda run: _decoded_run(run[0]), text) if "=?" in text else text


def decoded(content: bytes, charset: str) -> str:
    """Text in a charset; when that is unknown or wrong, UTF-8 if it is, else Windows-1252."""
    charset = charset.lower().strip("'\" ")
    known = _SUPERSETS.get(charset, charset)
    for name in (known, "utf-8"):
        try:
            if _is_known(name):
                return _storable(content.decode(name))
        except (UnicodeError, ValueError):
            continue
    return _storable(content.decode(known if _is_known(known) else "cp1252", "replace"))


def plain_text(mail: Part, longest: int = 100_000) -> str:
    """What a person reads in it: the plain text, else the HTML's; `longest` in characters."""
    texts = [part for part in mail.walk() if part.mime_type.startswith("text/") and not part.filename and not part.parts]
    chosen = [part for part in texts if part.mime_type == "text/plain"] or texts
    pieces, length = [], 0
    for part in chosen:
        text = decoded(part.content[: longest * 4], part.charset)
        pieces.append(text_of_html(text) if part.mime_type == "text/html" else text)
        length += len(pieces[-1])
        if length >= longest:
            break
    return "\n".join(pieces)[:longest]


def addresses_in(value: str) -> set[str]:
    """All mail addresses in an address header, in lower case. Takes whatever looks like one, in names and comments too."""
    return {address.lower() for address in _ADDRESS.findall(value)}


def date_of(raw: bytes) -> datetime | None:
    """What the Date header says, in UTC; None when it is missing, cannot be read, or lies outside 1970 to 2100."""
    value = next((value for name, value in headers_of(split(raw)[0]) if name.lower() == "date"), "")
    return parsed_date(value)


def parsed_date(value: str) -> datetime | None:
    """A date as mail has it, in UTC; as `date_of`."""
    try:
        moment = parsedate_to_datetime(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return moment if EARLIEST_YEAR <= moment.year <= LATEST_YEAR else None


def html_text(mail: Part) -> str:
    """The HTML of the mail, or "" when it has none."""
    return next((part.text for part in mail.walk() if part.mime_type == "text/html" and not part.filename), "")


def snippet(text: str) -> str:
    """The beginning of a mail's text on one line, as a list shows it; at most 200 characters."""
    return " ".join(text[:2000].split())[:200].rstrip()


def _part(raw: bytes, part_id: str, depth: int) -> Part:
    head, body = split(raw)
    headers = headers_of(head)
    mime_type, charset, filename, boundary = _content_facts(headers)
    parts: tuple[Part, ...] = ()
    if depth < DEEPEST and boundary and mime_type.startswith("multipart/"):
        prefix = f"{part_id}." if part_id else ""
        parts = tuple(_part(piece, f"{prefix}{number}", depth + 1) for number, piece in enumerate(_pieces(body, boundary)))
    elif depth < DEEPEST and mime_type == "message/rfc822":
        parts = (_part(body, f"{part_id}.0" if part_id else "0", depth + 1),)
    content = b"" if parts else _decoded_body(body, headers)
    return Part(part_id, headers, mime_type, charset, filename, content, parts)


def _content_facts(headers: Sequence[tuple[str, str]]) -> tuple[str, str, str, bytes]:
    """MIME type, charset, file name, boundary."""
    found = Message()
    for name, value in headers:
        if name.lower() in ("content-type", "content-disposition") and name not in found:
            found[name] = value[:LONGEST_PARAMETERS]
    mime_type = found.get_content_type()
    if len(found.items()) == 0:
        return "text/plain", "", "", b""
    try:
        filename = decoded_words(found.get_filename("") or "")
        charset = found.get_content_charset("") or ""
        boundary = (found.get_boundary("") or "").encode("utf-8", "replace")
    except (LookupError, ValueError, TypeError, IndexError):
        return mime_type, "", "", b""
    return mime_type, charset, filename, boundary


def _pieces(body: bytes, boundary: bytes) -> list[bytes]:
    """What stands between the boundary's lines."""
    delimiter = b"--" + boundary
    pieces, start, at = [], -1, body.find(delimiter)
    while at >= 0:
        line_end = body.find(b"\n", at)
        line_end = len(body) if line_end < 0 else line_end
        rest = body[at + len(delimiter) : line_end].strip()
        if (at == 0 or body[at - 1 : at] == b"\n") and rest in (b"", b"--"):
            if start >= 0:
                pieces.append(body[start:at].removesuffix(b"\n").removesuffix(b"\r"))
            if rest:
                return pieces
            start = min(line_end + 1, len(body))
        at = body.find(delimiter, at + 1)
    if start >= 0:
        pieces.append(body[start:])
    return pieces


def _decoded_body(body: bytes, headers: Sequence[tuple[str, str]]) -> bytes:
    encoding = next((value for name, value in headers if name.lower() == "content-transfer-encoding"), "").strip().lower()
    if encoding == "base64":
        return _from_base64(body)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    return body


def _from_base64(body: bytes) -> bytes:
    """As much as can be read."""
    clean = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
    whole = clean[: len(clean) - (len(clean) % 4 == 1)]
    return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))


def _value(name: str, value: bytes) -> str:
    try:
        text = value.decode("ascii")
    except UnicodeDecodeError:
        text = decoded(value, "")
    text = text.strip()
    if "=?" not in text:
        return text
    if name.lower() not in _ADDRESS_HEADERS:
        return decoded_words(text)
    return _ADDRESS_PIECES.sub(_decoded_piece, text)


def _decoded_piece(found: re.Match[str]) -> str:
    """A piece of an address header; what is part of an address stays as it is (https://www.rfc-editor.org/rfc/rfc2047#section-5)."""
    quoted, words = found["quoted"], found["words"]
    if words:
        return _as_phrase(words)
    if not quoted or found["local_part"]:
        return found[0]
    if _WORDS.fullmatch(quoted.strip()):
        return _as_phrase(quoted.strip())
    return _WORDS.sub(lambda run: _escaped(_decoded_run(run[0])), found[0])


def _as_phrase(run: str) -> str:
    """A run of encoded words as a name in an address header."""
    name = " ".join(_decoded_run(run).split())
    if name == run or not _SPECIALS.search(name):
        return name
    return f'"{_escaped(name)}"'


def _escaped(text: str) -> str:
    """Text for between quotes."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _decoded_run(run: str) -> str:
    """Adjacent encoded words; a character may be split over two of the same charset."""
    pieces: list[tuple[str, bytes]] = []
    for charset, kind, encoded in (found.groups() for found in _WORD.finditer(run)):
        content = _from_base64(encoded.encode("ascii", "replace")) if kind in "Bb" else _from_q(encoded)
        if pieces and pieces[-1][0] == charset.lower():
            pieces[-1] = (charset.lower(), pieces[-1][1] + content)
        else:
            pieces.append((charset.lower(), content))
    if not all(_is_known(charset) or charset in _SUPERSETS for charset, _ in pieces):
        return run
    return (
        "".join(decoded(content, charset) for charset, content in pieces).replace("\r", "").replace("\n", " ").replace("\0", "")
    )


def _storable(text: str) -> str:
    """Without halves of characters and without NUL."""
    return text if text.isascii() and "\0" not in text else text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def _is_known(charset: str) -> bool:
    """Whether it is a charset; what Python has for its own use may raise whatever it is told to do with errors."""
    try:
        return (
            charset.lower().replace("-", "_") not in ("punycode", "idna", "undefined")
            and codecs.lookup(charset)._is_text_encoding
        )
    except (LookupError, ValueError):
        return False


def _from_q(encoded: str) -> bytes:
    return binascii.a2b_qp(encoded.replace(" ", "_").encode("utf-8", "replace"), header=True)


def text_of_html(text: str) -> str:
    """The text between the tags; scripts, styles, titles and comments left out. Takes time in proportion to the text."""
    pieces, hidden_until = [], ""
    for piece in _TAG.split(text):
        tag = piece.lower() if piece.startswith("<") else ""
        if hidden_until:
            if hidden_until in piece.lower():
                hidden_until = ""
        elif not tag:
            pieces.append(html.unescape(piece))
        elif tag.startswith("<!--"):
            hidden_until = "" if "-->" in tag else "-->"
        elif found := _HIDDEN_ELEMENT.match(tag):
            hidden_until = f"</{found[1]}"
        elif not _WITHIN_A_LINE.match(tag):
            pieces.append(" ")
    return "".join(pieces)
