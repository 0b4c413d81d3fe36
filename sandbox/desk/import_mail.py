"""Mail from files into a mailbox: mbox of every kind, single mails, Maildir, folders of .eml. Every mail goes in, its bytes kept
exactly, but what an earlier import has brought; what was odd is counted by kind."""

import asyncio
import mmap
import re
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from sandbox.google import mail_parts
from sandbox.google.mail_folder import Label, LabelTaken, MailFolder, NewMail, digest

TOGETHER = 400
"""Mails written in one transaction."""

LATEST = 2 * 86_400
"""Seconds after now up to which a Date is believed."""

_FROM_LINE = re.compile(rb"^From (?:\S.*)?[0-9]{4}[^\n]*\r?\n", re.MULTILINE)
_BARE_FROM_LINE = re.compile(rb"^From [^\n]*\r?\n", re.MULTILINE)
_FROM_LINE_DATE = re.compile(r"[A-Z][a-z]{2} +[A-Z][a-z]{2} +\d{1,2} +\d{1,2}:\d{2}(?::\d{2})?.*?\d{4}(?: *[+-]\d{4})?")
_ESCAPED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)
_HEADER_FOLLOWS = re.compile(rb"[!-9;-~]+[ \t]*:|>From ")
_BLANK_LINE = re.compile(rb"\n\r?\n")
_CONTENT_LENGTH = re.compile(rb"^Content-Length:[ \t]*([0-9]{1,12})[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_TAKEOUT_SYSTEM = {
    "inbox": "INBOX",
    "unread": "UNREAD",
    "starred": "STARRED",
    "important": "IMPORTANT",
    "sent": "SENT",
    "spam": "SPAM",
    "trash": "TRASH",
    "category personal": "CATEGORY_PERSONAL",
    "category social": "CATEGORY_SOCIAL",
    "category promotions": "CATEGORY_PROMOTIONS",
    "category updates": "CATEGORY_UPDATES",
    "category forums": "CATEGORY_FORUMS",
}
_TAKEOUT_NOTHING = frozenset(("opened", "archived", "chat", "draft", "drafts"))


class NoMail(ValueError):
    """There is no mail at this path; the message says what is there instead."""


class _StoppedError(Exception):
    """Nobody waits for the import any more."""


@dataclass(slots=True)
class Imported:
    """What an import did: mails found, those of them that were in the mailbox already, and how many of the new ones were odd in which
    way (a mail may be odd in several); files without mail, too."""

    mails: int = 0
    already: int = 0
    odd: Counter[str] = field(default_factory=Counter)

    @property
    def new(self) -> int:
        """Mails that came in."""
        return self.mails - self.already


@dataclass(frozen=True, slots=True)
class _Found:
    """One mail of a file: its bytes, when its From_ line says it came, and how far into all the bytes it ends."""

    raw: bytes
    from_line_date: datetime | None
    read_to: int


async def import_in_thread(
    path: Path,
    folder: MailFolder,
    now: datetime,
    own_addresses: Collection[str] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Imported:
    """`import_mail` beside the event loop, `progress` told from its thread. When this is cancelled, it ends with the mails at hand."""
    is_stopped = threading.Event()

    def unless_stopped(done: int, total: int) -> None:
        if is_stopped.is_set():
            raise _StoppedError
        progress(done, total)

    try:
        return await asyncio.to_thread(import_mail, path, folder, now, own_addresses, unless_stopped)
    finally:
        is_stopped.set()


def import_mail(
    path: Path,
    folder: MailFolder,
    now: datetime,
    own_addresses: Collection[str] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Imported:
    """Import a file or folder of mail; `progress` is told of bytes done and bytes in all, some hundred mails apart.

    New mail is unread in the inbox; mail from one of `own_addresses` is sent mail; Google Takeout's labels are kept. A mail whose
    very bytes were there before stays as it is; one that is twice in the file comes in twice, the first time.
    Received is what Date says, else the From_ line, else the mail before, else now. Raises NoMail, OSError.
    """
    total = size_of(path)
    imported = Imported()
    dates, here, labels = _Dates(now), _Here(folder), _Labels(folder, own_addresses)
    mails = _mails_in(path, imported.odd)
    while some := list(islice(mails, TOGETHER)):
        added = folder.add(_new_mails(some, dates, here, labels, imported.odd))
        imported.mails += len(some)
        imported.already += len(some) - len(added)
        progress(min(some[-1].read_to, total), total)
    if not imported.mails:
        raise NoMail(f"No mail in {path.name}: neither a mailbox file, nor a mail, nor a folder of them.")
    progress(total, total)
    return imported


def size_of(path: Path) -> int:
    """Bytes of the file, or of all in the folder. Raises NoMail when there is neither."""
    if not path.exists():
        raise NoMail(f"There is no file or folder {path.name}.")
    return path.stat().st_size if path.is_file() else sum(file.stat().st_size for file in _files(path))


def _new_mails(some: Sequence[_Found], dates: "_Dates", here: "_Here", labels: "_Labels", odd: Counter[str]) -> list[NewMail]:
    """Those that are not here; every mail's date counts for the one after it."""
    new = []
    for found in some:
        is_here = here.holds(found.raw)
        headers = mail_parts.headers_of(mail_parts.split(found.raw)[0])
        first = {name.lower(): value for name, value in reversed(headers)}
        oddities: Counter[str] = Counter()
        received = dates.received(first.get("date", ""), found.from_line_date, oddities)
        oddities.update(_oddities(found.raw, headers, first))
        if not is_here:
            odd.update(oddities)
            new.append(NewMail(found.raw, received, labels.of(first)))
    return new


def _oddities(raw: bytes, headers: Sequence[tuple[str, str]], first: dict[str, str]) -> Iterator[str]:
    names = Counter(name.lower() for name, _ in headers)
    if not headers:
        yield "without headers"
    if not first.get("from", "").strip():
        yield "without From"
    elif "@" not in first["from"]:
        yield "From without an address"
    if names["from"] > 1:
        yield "several From"
    if not first.get("message-id"):
        yield "without Message-ID"
    if not mail_parts.split(raw)[0].isascii():
        yield "8-bit headers"
    if b"\0" in raw:
        yield "with NUL bytes"
    if any("=?" in value for _, value in headers):
        yield "broken encoded words"


class _Here:
    """Which mails of a file were in the folder before it: of the same bytes as many as there were."""

    def __init__(self, folder: MailFolder) -> None:
        self._folder = folder
        self._left: dict[bytes, int] = {}

    def holds(self, raw: bytes) -> bool:
        """To be asked for each mail of the file before it is added."""
        mail = digest(raw)
        left = self._left[mail] if mail in self._left else self._folder.copies(raw)
        self._left[mail] = max(0, left - 1)
        return left > 0


class _Dates:
    """When each mail was received, one after the other."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._before: datetime | None = None

    def received(self, date: str, from_line_date: datetime | None, odd: Counter[str]) -> datetime:
        said = mail_parts.parsed_date(date) if date else None
        if said and said.timestamp() <= self._now.timestamp() + LATEST:
            self._before = said
            return said
        odd["without Date" if not date.strip() else "Date not to be believed"] += 1
        self._before = from_line_date or self._before or self._now
        return self._before


class _Labels:
    """Which labels a mail gets; Takeout's own ones are made as they come up."""

    def __init__(self, folder: MailFolder, own_addresses: Collection[str]) -> None:
        self._folder = folder
        self._own = {address.lower() for address in own_addresses}
        self._known = {label.name.casefold(): label.id for label in folder.labels()}

    def of(self, first: dict[str, str]) -> tuple[str, ...]:
        if "x-gmail-labels" in first:
            names = [name.strip().strip('"') for name in first["x-gmail-labels"].split(",")]
            return tuple(dict.fromkeys(label for name in names if (label := self._takeout(name))))
        if self._is_own(first.get("from", "")):
            to_self = self._is_own(first.get("to", "")) or self._is_own(first.get("cc", ""))
            return ("SENT", "INBOX", "UNREAD") if to_self else ("SENT",)
        return ("INBOX", "UNREAD")

    def _is_own(self, value: str) -> bool:
        return not self._own.isdisjoint(mail_parts.addresses_in(value))

    def _takeout(self, name: str) -> str:
        plain = name.casefold()
        if plain in _TAKEOUT_NOTHING or not plain:
            return ""
        label = _TAKEOUT_SYSTEM.get(plain) or self._known.get(plain)
        if not label:
            label = self._known[plain] = self._made(name)
        return label

    def _made(self, name: str) -> str:
        try:
            return self._folder.create_label(Label("", name[:200].strip("/").replace("//", "/") or "-")).id
        except LabelTaken:
            return next(label.id for label in self._folder.labels() if label.name.casefold() == name.casefold())


def _mails_in(path: Path, odd: Counter[str]) -> Iterator[_Found]:
    done = 0
    for file in [path] if path.is_file() else _files(path):
        size = file.stat().st_size
        is_mail = False
        for found in _mails_of_file(file) if size else ():
            is_mail = True
            yield _Found(found.raw, found.from_line_date, done + found.read_to)
        if not is_mail:
            odd["files without mail"] += 1
        done += size


def _files(folder: Path) -> list[Path]:
    """The mails of a folder in the order of their names, folders within it too; a Maildir's unfinished ones (tmp) left out."""
    found = [file for file in folder.rglob("*") if file.is_file() and not file.name.startswith((".", "dovecot", "maildir"))]
    return sorted(file for file in found if file.parent.name != "tmp" or not (file.parent.parent / "cur").is_dir())


def _mails_of_file(file: Path) -> Iterator[_Found]:
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        start = _start_of(content)
        pattern = next((line for line in (_FROM_LINE, _BARE_FROM_LINE) if line.match(content, start)), None)
        if pattern:
            yield from _mails_of_mbox(content, start, pattern)
        elif _HEADER_FOLLOWS.match(content, start):
            yield _Found(content[start:], None, len(content))


def _start_of(content: mmap.mmap) -> int:
    """Past a byte order mark and empty lines."""
    found = re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]*").match(content)
    return found.end() if found else 0


def _mails_of_mbox(content: mmap.mmap, start: int, pattern: re.Pattern[bytes]) -> Iterator[_Found]:
    """A From_ line begins a mail where a header follows; Content-Length (mboxcl) is believed where a From_ line is at its end."""
    line = pattern.match(content, start)
    while line:
        end = _end_by_length(content, line.end(), pattern)
        following = pattern.match(content, end) if end else _next_from_line(content, line.end(), pattern)
        end = following.start() if following else len(content)
        yield _Found(_unescaped(content[line.end() : end]), _date_of(line[0]), end)
        line = following


def _next_from_line(content: mmap.mmap, at: int, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
    for line in pattern.finditer(content, at):
        after_blank = content[max(0, line.start() - 2) : line.start()] in (b"\n\n", b"\r\n") or line.start() == at
        if _HEADER_FOLLOWS.match(content, line.end()) and (after_blank or _FROM_LINE_DATE.search(line[0].decode("latin-1"))):
            return line
    return None


def _end_by_length(content: mmap.mmap, at: int, pattern: re.Pattern[bytes]) -> int:
    """Where Content-Length says that the mail ends, if a From_ line or the end of the file is there; else 0."""
    blank = _BLANK_LINE.search(content, at)
    length = _CONTENT_LENGTH.search(content, at, blank.end()) if blank else None
    if not blank or not length:
        return 0
    end = blank.end() + int(length[1])
    while content[end : end + 1] in (b"\n", b"\r"):
        end += 1
    at_line = end < len(content) and content[end - 1 : end] == b"\n" and pattern.match(content, end)
    return end if at_line or end == len(content) else 0


def _unescaped(raw: bytes) -> bytes:
    """Without the empty line before the next From_ line, and with mboxrd's >From as it was."""
    raw = raw.removesuffix(b"\r\n") if raw.endswith(b"\r\n\r\n") else raw.removesuffix(b"\n") if raw.endswith(b"\n\n") else raw
    return _ESCAPED_FROM.sub(rb"\1", raw)


def _date_of(from_line: bytes) -> datetime | None:
    """The time in a From_ line, as UTC where it names no zone."""
    found = _FROM_LINE_DATE.search(from_line.decode("latin-1"))
    if not found:
        return None
    words = found[0].split()
    clock = words[3] if words[3].count(":") > 1 else f"{words[3]}:00"
    year = next(word for word in words[4:] if re.fullmatch(r"\d{4}", word))
    try:
        return datetime.strptime(f"{words[1]} {words[2]} {clock} {year}", "%b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    except ValueError:
        return None
