"""One account's mail on disk (SQLite): messages, threads, labels, history, drafts. Knows nothing of HTTP.

Everything here blocks: call it from a thread (`await asyncio.to_thread(folder.messages, ...)`). It may be called from any thread;
writes wait for one another, readers wait for nobody.
"""
# ruff: noqa: S608  only column names and question marks are put into statements

import hashlib
import json
import re
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from sandbox.google import mail_parts, search_query

GOOGLE_DAYS = ZoneInfo("America/Los_Angeles")
"""The zone in which Gmail's API reads a bare date in `q` (https://developers.google.com/workspace/gmail/api/guides/filtering)."""


class NoSuchMail(LookupError):
    """There is no such message, thread, draft or attachment."""


class NoSuchLabel(LookupError):
    """There is no such label."""


class LabelTaken(ValueError):
    """Another label has this name already (compared without case)."""


class InvalidLabel(ValueError):
    """A label that cannot be made, changed, added or removed so; the message says why."""


class HistoryExpired(LookupError):
    """The history does not reach back to this id, or has never reached it."""


class BadPageToken(ValueError):
    """Not a page token of this folder."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a list shows it. Ids are 16 hexadecimal digits; `received_at` is Gmail's internalDate (UTC);
    `from_`, `to`, `cc` and `subject` are decoded header values, `snippet` is plain text (not HTML); `size` is in bytes."""

    id: str
    thread_id: str
    history_id: int
    received_at: datetime
    label_ids: tuple[str, ...]
    from_: str
    to: str
    cc: str
    subject: str
    snippet: str
    size: int
    has_attachment: bool


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation: its messages, oldest first."""

    id: str
    messages: tuple[Message, ...]

    @property
    def history_id(self) -> int:
        """That of its last change."""
        return max(message.history_id for message in self.messages)


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Messages, newest first. `estimate` is exact up to 200 and 201 for more; `next_page_token` is "" on the last page."""

    messages: tuple[Message, ...]
    estimate: int
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class ThreadPage:
    """Threads (whole), by their newest fitting message, newest first; otherwise as MessagePage."""

    threads: tuple[Thread, ...]
    estimate: int
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """A label. System labels' ids are their names; `name` has / for nesting. The visibilities and colours are Gmail's own words
    (https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.labels), "" when not set."""

    id: str
    name: str
    system: bool = False
    label_list: str = ""
    message_list: str = ""
    background: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages and threads have a label, and how many of these have an unread one of that label."""

    messages: int = 0
    unread_messages: int = 0
    threads: int = 0
    unread_threads: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft and its message (label DRAFT)."""

    id: str
    message: Message


@dataclass(frozen=True, slots=True)
class Change:
    """One history record. `kind` is "messageAdded", "messageDeleted", "labelAdded" or "labelRemoved"; `label_ids` those added or
    removed; `labels_now` those the message has now (empty when it is gone)."""

    id: int
    kind: str
    message_id: str
    thread_id: str
    label_ids: tuple[str, ...] = ()
    labels_now: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Changes in the order they happened, and the newest history id of the mailbox."""

    changes: tuple[Change, ...]
    history_id: int
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class NewMail:
    """A mail to put into a folder: its bytes (kept exactly), when it was received, and its labels' ids."""

    raw: bytes = field(repr=False)
    received_at: datetime
    label_ids: tuple[str, ...] = ("INBOX", "UNREAD")
    thread_id: str = ""


SYSTEM_LABELS = (
    "INBOX",
    "STARRED",
    "IMPORTANT",
    "SENT",
    "DRAFT",
    "SPAM",
    "TRASH",
    "UNREAD",
    "CHAT",
    "CATEGORY_PERSONAL",
    "CATEGORY_SOCIAL",
    "CATEGORY_PROMOTIONS",
    "CATEGORY_UPDATES",
    "CATEGORY_FORUMS",
)

LONGEST_LABEL = 225
"""Characters."""

COUNTED_EXACTLY = 200
"""Gmail's resultSizeEstimate is 201 for all that is more."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, thread_id INTEGER NOT NULL, internal_date INTEGER NOT NULL, history_id INTEGER NOT NULL,
    size INTEGER NOT NULL, rfc822_id TEXT NOT NULL, sender TEXT NOT NULL, recipients TEXT NOT NULL, copies TEXT NOT NULL,
    subject TEXT NOT NULL, snippet TEXT NOT NULL, has_attachment INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_by_date ON messages (internal_date, id);
CREATE INDEX IF NOT EXISTS messages_by_thread ON messages (thread_id, internal_date, id);
CREATE INDEX IF NOT EXISTS messages_by_rfc822_id ON messages (rfc822_id);
CREATE TABLE IF NOT EXISTS raws (id INTEGER PRIMARY KEY, head BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS digests (
    digest BLOB NOT NULL, message_id INTEGER NOT NULL, PRIMARY KEY (digest, message_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS message_labels (
    label_id TEXT NOT NULL, internal_date INTEGER NOT NULL, message_id INTEGER NOT NULL, thread_id INTEGER NOT NULL,
    PRIMARY KEY (label_id, internal_date, message_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS labels_by_message ON message_labels (message_id, label_id);
CREATE TABLE IF NOT EXISTS labels (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, plain_name TEXT NOT NULL UNIQUE, system INTEGER NOT NULL DEFAULT 0,
    label_list TEXT NOT NULL DEFAULT '', message_list TEXT NOT NULL DEFAULT '',
    background TEXT NOT NULL DEFAULT '', text TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS history (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, message_id INTEGER NOT NULL, thread_id INTEGER NOT NULL, label_ids TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS thread_references (
    reference TEXT NOT NULL, subject TEXT NOT NULL, thread_id INTEGER NOT NULL, PRIMARY KEY (reference, subject)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS drafts (id INTEGER PRIMARY KEY, message_id INTEGER NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT OR IGNORE INTO counters VALUES ('history', 1000), ('history_floor', 1000), ('message', 0), ('label', 0), ('draft', 0);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (
    sender, recipients, copies, blind_copies, subject, filenames, list_id, delivered_to, body,
    tokenize = "unicode61 remove_diacritics 0"
);
"""

_ANGLE_ID = re.compile(r"<([^<>\s]+)>")
_REPLY_PREFIX = re.compile(
    r"^\s*(?:(?:re|fwd?|aw|antw|wg|sv|vs|vb|tr|rv|ynt|odp|отв|ответ|回复|答复|转发)(?:\[\d+\])?\s*[:：]\s*)+", re.IGNORECASE
)
_ID = re.compile(r"[0-9a-fA-F]{1,16}")


class MailFolder:
    """One mailbox. Unknown message and thread ids raise NoSuchMail, unknown label ids NoSuchLabel."""

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        """Open (or make) the mailbox in the SQLite file `path`."""
        self._path = path
        self._clock = clock
        self._write_lock = threading.RLock()
        self._of_thread = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._counts: tuple[int, Mapping[str, Counts]] = (-1, {})
        with self._write_lock:
            db = self._db()
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(_SCHEMA)
            db.executemany(
                "INSERT OR IGNORE INTO labels (id, name, plain_name, system) VALUES (?, ?, ?, 1)",
                [(label, label, label.casefold()) for label in SYSTEM_LABELS],
            )

    def close(self) -> None:
        """Nothing may be asked of the folder afterwards."""
        with self._write_lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def totals(self) -> tuple[int, int, int]:
        """How many messages, how many threads, and the newest history id."""
        query = "SELECT (SELECT count(*) FROM messages), (SELECT count(DISTINCT thread_id) FROM messages), value FROM counters"
        messages, threads, history_id = self._db().execute(f"{query} WHERE name = 'history'").fetchone()
        return messages, threads, history_id

    def message(self, message_id: str) -> Message:
        """Raises NoSuchMail."""
        return self._messages([_number(message_id)])[0]

    def raw(self, message_id: str) -> bytes:
        """The mail exactly as it came. `sandbox.google.mail_parts.read(raw)` reads it."""
        head, body = self._raw(message_id)
        return head + body

    def head(self, message_id: str) -> bytes:
        """The header block alone, exactly as it came."""
        return self._raw(message_id)[0]

    def copies(self, raw: bytes) -> int:
        """How many messages are these very bytes."""
        return int(self._db().execute("SELECT count(*) FROM digests WHERE digest = ?", [digest(raw)]).fetchone()[0])

    def thread(self, thread_id: str) -> Thread:
        """Raises NoSuchMail."""
        return self._threads([_number(thread_id)])[0]

    def messages(
        self,
        q: str = "",
        label_ids: Sequence[str] = (),
        include_spam_trash: bool = False,
        most: int = 100,
        page_token: str = "",
        days: tzinfo = GOOGLE_DAYS,
    ) -> MessagePage:
        """Messages that fit `q` (see sandbox.google.search_query) and have all `label_ids`; bare dates are days in the zone `days`.

        Spam and trash are left out unless asked for. Raises BadPageToken, NoSuchLabel.
        """
        search = self._search(q, label_ids, include_spam_trash, days)
        before = _page_position(page_token)
        rows = list(self._fitting(search, before, most + 1))
        token = "-".join(map(str, rows[most - 1][:2])) if len(rows) > most else ""
        return MessagePage(self._messages([row[1] for row in rows[:most]]), self._estimate(search), token)

    def threads(
        self,
        q: str = "",
        label_ids: Sequence[str] = (),
        include_spam_trash: bool = False,
        most: int = 100,
        page_token: str = "",
        days: tzinfo = GOOGLE_DAYS,
    ) -> ThreadPage:
        """Threads with at least one message that fits; as `messages`."""
        if not page_token.isdigit() and page_token:
            raise BadPageToken(page_token)
        start = int(page_token or 0)
        search = self._search(q, label_ids, include_spam_trash, days)
        found: dict[int, None] = {}
        for _, _, thread_id in self._fitting(search, None, -1):
            found.setdefault(thread_id)
            if len(found) > max(start + most, COUNTED_EXACTLY):
                break
        page = list(found)[start : start + most]
        token = str(start + most) if len(found) > start + most else ""
        return ThreadPage(self._threads(page), min(len(found), COUNTED_EXACTLY + 1), token)

    def arrive(self, raw: bytes, label_ids: Sequence[str] = ("INBOX", "UNREAD")) -> Message:
        """A mail comes in now (on the clock)."""
        return self.message(self.add([NewMail(raw, self._clock(), tuple(label_ids))])[0])

    def add(self, mails: Iterable[NewMail]) -> list[str]:
        """Put mails in, in one transaction; their ids. Each finds its thread unless it names one; raises NoSuchMail for a
        thread that is not there, NoSuchLabel."""
        with self._writing() as writing:
            return [_hex(writing.add(mail)) for mail in mails]

    def modify(self, message_ids: Collection[str], add: Collection[str] = (), remove: Collection[str] = ()) -> None:
        """Add and remove labels; messages that are gone are passed over. Raises NoSuchLabel."""
        with self._writing() as writing:
            writing.require_labels([*add, *remove])
            for message_id in message_ids:
                writing.modify(_number_or_none(message_id), add, remove)

    def trash(self, message_ids: Collection[str]) -> None:
        """TRASH on, INBOX and SPAM off."""
        self.modify(message_ids, ["TRASH"], ["INBOX", "SPAM"])

    def untrash(self, message_ids: Collection[str]) -> None:
        """TRASH off."""
        self.modify(message_ids, [], ["TRASH"])

    def delete(self, message_ids: Collection[str]) -> None:
        """For good; messages that are gone are passed over."""
        with self._writing() as writing:
            for message_id in message_ids:
                writing.delete(_number_or_none(message_id))

    def labels(self) -> list[Label]:
        """System labels first, then the user's own by name."""
        rows = self._db().execute(f"SELECT {_LABEL_COLUMNS} FROM labels ORDER BY system DESC, system * rowid, plain_name")
        return [_label(row) for row in rows]

    def label(self, label_id: str) -> Label:
        """Raises NoSuchLabel."""
        row = self._db().execute(f"SELECT {_LABEL_COLUMNS} FROM labels WHERE id = ?", [label_id]).fetchone()
        if not row:
            raise NoSuchLabel(label_id)
        return _label(row)

    def counts(self) -> Mapping[str, Counts]:
        """Of every label that is on a message, by its id."""
        history_id = self.newest_history_id()
        if self._counts[0] != history_id:
            self._counts = history_id, self._counted()
        return self._counts[1]

    def create_label(self, label: Label) -> Label:
        """Make a user label (`label.id` is not looked at). Raises LabelTaken, InvalidLabel."""
        with self._writing() as writing:
            label_id = f"Label_{writing.next('label')}"
            writing.write_label(label, label_id)
        return self.label(label_id)

    def change_label(self, label: Label) -> Label:
        """Give the label with this id these properties. Raises NoSuchLabel, LabelTaken, InvalidLabel (a system label)."""
        if self.label(label.id).system:
            raise InvalidLabel("Invalid update request")
        with self._writing() as writing:
            writing.write_label(label, label.id)
        return self.label(label.id)

    def delete_label(self, label_id: str) -> None:
        """And take it off all messages. Raises NoSuchLabel, InvalidLabel (a system label)."""
        if self.label(label_id).system:
            raise InvalidLabel("Invalid delete request")
        with self._writing() as writing:
            for (message_id,) in writing.db.execute(
                "SELECT message_id FROM message_labels WHERE label_id = ?", [label_id]
            ).fetchall():
                writing.modify(message_id, [], [label_id])
            writing.db.execute("DELETE FROM labels WHERE id = ?", [label_id])

    def drafts(
        self, q: str = "", include_spam_trash: bool = False, most: int = 100, page_token: str = ""
    ) -> tuple[list[Draft], MessagePage]:
        """Drafts that fit, newest first, and the page of messages that they are."""
        page = self.messages(q, ["DRAFT"], include_spam_trash, most, page_token)
        draft_ids = dict(self._db().execute("SELECT message_id, id FROM drafts"))
        found = [(draft_ids.get(_number(message.id)), message) for message in page.messages]
        return [Draft(_draft_id(number), message) for number, message in found if number is not None], page

    def draft(self, draft_id: str) -> Draft:
        """Raises NoSuchMail."""
        number = int(draft_id[1:]) if re.fullmatch(r"r[0-9]{1,18}", draft_id) else -1
        row = self._db().execute("SELECT message_id FROM drafts WHERE id = ?", [number]).fetchone()
        if not row:
            raise NoSuchMail(draft_id)
        return Draft(draft_id, self.message(_hex(row[0])))

    def draft_of(self, message_id: str) -> Draft:
        """The draft that this message is. Raises NoSuchMail."""
        row = self._db().execute("SELECT id FROM drafts WHERE message_id = ?", [_number(message_id)]).fetchone()
        if not row:
            raise NoSuchMail(message_id)
        return self.draft(_draft_id(row[0]))

    def create_draft(self, raw: bytes, thread_id: str = "") -> Draft:
        """Raises NoSuchMail for a thread that is not there."""
        with self._writing() as writing:
            number = writing.next("draft")
            message_id = writing.add(NewMail(raw, self._clock(), ("DRAFT",), thread_id))
            writing.db.execute("INSERT INTO drafts VALUES (?, ?)", [number, message_id])
        return self.draft(_draft_id(number))

    def change_draft(self, draft_id: str, raw: bytes, thread_id: str = "") -> Draft:
        """The draft stays, its message is replaced by a new one with a new id in the same thread, as Gmail does it."""
        with self._writing() as writing:
            old = self.draft(draft_id).message
            mail = NewMail(raw, self._clock(), old.label_ids, thread_id or old.thread_id)
            writing.db.execute("UPDATE drafts SET message_id = ? WHERE id = ?", [writing.add(mail), int(draft_id[1:])])
            writing.delete(_number(old.id))
        return self.draft(draft_id)

    def delete_draft(self, draft_id: str) -> None:
        """With its message. Raises NoSuchMail."""
        self.delete([self.draft(draft_id).message.id])

    def history(
        self, since: int, kinds: Collection[str] = (), label_id: str = "", most: int = 100, page_token: str = ""
    ) -> HistoryPage:
        """What changed after history id `since`; only of these kinds, and only of messages that have the label, when given.

        Raises HistoryExpired, BadPageToken.
        """
        db = self._db()
        newest, floor = (
            db.execute("SELECT value FROM counters WHERE name = ?", [name]).fetchone()[0] for name in ("history", "history_floor")
        )
        if not floor <= since <= newest:
            raise HistoryExpired(since)
        if page_token and not page_token.isdigit():
            raise BadPageToken(page_token)
        condition, parameters = "id > ?", list[object]([max(since, int(page_token or 0))])
        if kinds:
            condition += f" AND kind IN ({_marks(kinds)})"
            parameters += [*kinds]
        if label_id:
            condition += " AND EXISTS (SELECT 1 FROM message_labels l WHERE l.message_id = history.message_id AND l.label_id = ?)"
            parameters.append(label_id)
        query = f"SELECT id, kind, message_id, thread_id, label_ids FROM history WHERE {condition} ORDER BY id LIMIT ?"
        rows = db.execute(query, [*parameters, most + 1]).fetchall()
        labels = self._labels_of([row[2] for row in rows])
        changes = tuple(
            Change(row[0], row[1], _hex(row[2]), _hex(row[3]), tuple(json.loads(row[4])), labels[row[2]]) for row in rows[:most]
        )
        return HistoryPage(changes, newest, str(changes[-1].id) if len(rows) > most else "")

    def expire_history(self) -> None:
        """Forget all history up to now."""
        with self._writing() as writing:
            writing.db.execute("DELETE FROM history")
            writing.db.execute("UPDATE counters SET value = ? WHERE name = 'history_floor'", [writing.counters["history"]])

    def newest_history_id(self) -> int:
        """The newest history id."""
        newest: int = self._db().execute("SELECT value FROM counters WHERE name = 'history'").fetchone()[0]
        return newest

    def _db(self) -> sqlite3.Connection:
        """This thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA synchronous = OFF")
            self._of_thread.connection = connection
            with self._write_lock:
                self._connections.append(connection)
        return connection

    @contextmanager
    def _writing(self) -> "Iterator[_Writing]":
        """One transaction: all of it or nothing."""
        with self._write_lock:
            db = self._db()
            db.execute("BEGIN IMMEDIATE")
            try:
                writing = _Writing(db, self._clock())
                yield writing
                writing.keep_counters()
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def _raw(self, message_id: str) -> tuple[bytes, bytes]:
        row = self._db().execute("SELECT head, body FROM raws WHERE id = ?", [_number(message_id)]).fetchone()
        if not row:
            raise NoSuchMail(message_id)
        return row[0], row[1]

    def _messages(self, numbers: Sequence[int]) -> tuple[Message, ...]:
        """In this order; all must be there."""
        found: dict[int, Message] = {}
        for some in _chunks(numbers):
            labels = self._labels_of(some)
            for row in self._db().execute(f"SELECT {_MESSAGE_COLUMNS} FROM messages WHERE id IN ({_marks(some)})", some):
                found[row[0]] = _message(row, labels[row[0]])
        if missing := [number for number in numbers if number not in found]:
            raise NoSuchMail(_hex(missing[0]))
        return tuple(found[number] for number in numbers)

    def _threads(self, numbers: Sequence[int]) -> tuple[Thread, ...]:
        messages: dict[int, list[int]] = {number: [] for number in numbers}
        for some in _chunks(numbers):
            query = f"SELECT thread_id, id FROM messages WHERE thread_id IN ({_marks(some)}) ORDER BY internal_date, id"
            for thread_id, message_id in self._db().execute(query, some):
                messages[thread_id].append(message_id)
        if missing := [number for number in numbers if not messages[number]]:
            raise NoSuchMail(_hex(missing[0]))
        all_messages = {message.id: message for message in self._messages([id_ for ids in messages.values() for id_ in ids])}
        return tuple(Thread(_hex(number), tuple(all_messages[_hex(id_)] for id_ in messages[number])) for number in numbers)

    def _labels_of(self, numbers: Sequence[int]) -> defaultdict[int, tuple[str, ...]]:
        labels: defaultdict[int, tuple[str, ...]] = defaultdict(tuple)
        for some in _chunks(numbers):
            query = f"SELECT message_id, label_id FROM message_labels WHERE message_id IN ({_marks(some)}) ORDER BY label_id"
            for message_id, label_id in self._db().execute(query, some):
                labels[message_id] += (label_id,)
        return labels

    def _search(self, q: str, label_ids: Sequence[str], include_spam_trash: bool, days: tzinfo) -> "_Search":
        labels = self.labels()
        known = {label.id for label in labels}
        for label_id in label_ids:
            if label_id not in known:
                raise NoSuchLabel(label_id)
        query = search_query.parse(q)
        keys = {search_query.label_key(label.name): label.id for label in labels}
        fits, parameters = search_query.to_sql(query, search_query.SearchContext(self._clock(), days, keys))
        condition = f"({fits})"
        for label_id in label_ids[1:]:
            condition += f" AND {_HAS_LABEL}"
            parameters.append(label_id)
        hidden = {"SPAM", "TRASH"}
        if not (include_spam_trash or hidden & set(label_ids) or search_query.asks_for(query, sorted(hidden))):
            condition += (
                " AND NOT EXISTS (SELECT 1 FROM message_labels h WHERE h.message_id = m.id AND h.label_id IN ('SPAM', 'TRASH'))"
            )
        if label_ids:
            source, condition = "message_labels d JOIN messages m ON m.id = d.message_id", f"d.label_id = ? AND {condition}"
            return _Search(source, "d.internal_date, d.message_id", condition, [label_ids[0], *parameters])
        return _Search("messages m", "m.internal_date, m.id", condition, parameters)

    def _fitting(self, search: "_Search", before: tuple[int, int] | None, most: int) -> Iterator[tuple[int, int, int]]:
        """Received, message and thread of what fits, newest first; `most` -1 is all."""
        condition, parameters = search.condition, search.parameters
        if before:
            condition += f" AND ({search.order}) < (?, ?)"
            parameters = [*parameters, *before]
        order = search.order.replace(",", " DESC,") + " DESC"
        query = f"SELECT {search.order}, m.thread_id FROM {search.source} WHERE {condition} ORDER BY {order} LIMIT ?"
        return self._db().execute(query, [*parameters, most])

    def _estimate(self, search: "_Search") -> int:
        inner = f"SELECT 1 FROM {search.source} WHERE {search.condition} LIMIT {COUNTED_EXACTLY + 1}"
        count: int = self._db().execute(f"SELECT count(*) FROM ({inner})", search.parameters).fetchone()[0]
        return count

    def _counted(self) -> dict[str, Counts]:
        everything = "SELECT label_id, count(*), count(DISTINCT thread_id) FROM message_labels GROUP BY label_id"
        unread = (
            "SELECT l.label_id, count(*), count(DISTINCT l.thread_id) FROM message_labels u"
            " JOIN message_labels l ON l.message_id = u.message_id WHERE u.label_id = 'UNREAD' GROUP BY l.label_id"
        )
        unread_of = {row[0]: (row[1], row[2]) for row in self._db().execute(unread)}
        counts = {}
        for label_id, messages, threads in self._db().execute(everything):
            unread_messages, unread_threads = unread_of.get(label_id, (0, 0))
            counts[label_id] = Counts(messages, unread_messages, threads, unread_threads)
        return counts


@dataclass(frozen=True, slots=True)
class _Search:
    """What to read from, in which columns newest is last, under which condition."""

    source: str
    order: str
    condition: str
    parameters: list[object]


class _Writing:
    """What one transaction writes."""

    def __init__(self, db: sqlite3.Connection, now: datetime) -> None:
        self.db = db
        self.counters: dict[str, int] = dict(db.execute("SELECT name, value FROM counters"))
        self.counters["message"] = max(self.counters["message"], int(now.timestamp() * 1000) << 20)

    def keep_counters(self) -> None:
        del self.counters["history_floor"]
        self.db.executemany(
            "UPDATE counters SET value = ? WHERE name = ?", [(value, name) for name, value in self.counters.items()]
        )

    def next(self, counter: str) -> int:
        self.counters[counter] += 1
        return self.counters[counter]

    def require_labels(self, label_ids: Iterable[str]) -> None:
        for label_id in label_ids:
            if not self.db.execute("SELECT 1 FROM labels WHERE id = ?", [label_id]).fetchone():
                raise NoSuchLabel(label_id)

    def add(self, mail: NewMail) -> int:
        """The new message's number."""
        self.require_labels(mail.label_ids)
        part = mail_parts.read(mail.raw)
        number = self.next("message")
        rfc822_id = _first_id(part.first("Message-ID"))
        thread_id = self._thread_of(mail, part, rfc822_id, number)
        received = (mail.received_at - _EPOCH) // timedelta(milliseconds=1)
        text = mail_parts.plain_text(part)
        row = (
            number,
            thread_id,
            received,
            self._record("messageAdded", number, thread_id, mail.label_ids),
            len(mail.raw),
            rfc822_id,
        )
        shown = (part.first("From"), part.first("To"), part.first("Cc"), part.first("Subject"), mail_parts.snippet(text))
        filenames = [inner.filename for inner in part.walk() if inner.filename]
        self.db.execute(f"INSERT INTO messages VALUES ({_marks(range(12))})", (*row, *shown, bool(filenames)))
        self.db.execute("INSERT INTO raws VALUES (?, ?, ?)", (number, *mail_parts.split(mail.raw)))
        self.db.execute("INSERT INTO digests VALUES (?, ?)", (digest(mail.raw), number))
        self._index(number, part, filenames, text)
        self.db.executemany(
            "INSERT INTO message_labels VALUES (?, ?, ?, ?)",
            [(label_id, received, number, thread_id) for label_id in sorted(set(mail.label_ids))],
        )
        return number

    def modify(self, number: int | None, add: Collection[str], remove: Collection[str]) -> None:
        row = self.db.execute("SELECT internal_date, thread_id FROM messages WHERE id = ?", [number]).fetchone()
        if not row or number is None:
            return
        received, thread_id = row
        present = {label for (label,) in self.db.execute("SELECT label_id FROM message_labels WHERE message_id = ?", [number])}
        added, removed = sorted(set(add) - present), sorted(set(remove) & present)
        self.db.executemany(
            "INSERT INTO message_labels VALUES (?, ?, ?, ?)", [(label_id, received, number, thread_id) for label_id in added]
        )
        self.db.executemany(
            "DELETE FROM message_labels WHERE label_id = ? AND internal_date = ? AND message_id = ?",
            [(label_id, received, number) for label_id in removed],
        )
        for kind, labels in (("labelAdded", added), ("labelRemoved", removed)):
            if labels:
                history_id = self._record(kind, number, thread_id, labels)
                self.db.execute("UPDATE messages SET history_id = ? WHERE id = ?", [history_id, number])

    def delete(self, number: int | None) -> None:
        row = self.db.execute("SELECT thread_id FROM messages WHERE id = ?", [number]).fetchone()
        if not row or number is None:
            return
        self._record("messageDeleted", number, row[0], ())
        head, body = self.db.execute("SELECT head, body FROM raws WHERE id = ?", [number]).fetchone()
        self.db.execute("DELETE FROM digests WHERE digest = ? AND message_id = ?", [digest(head + body), number])
        for table, column in (
            ("message_labels", "message_id"),
            ("raws", "id"),
            ("words", "rowid"),
            ("drafts", "message_id"),
            ("messages", "id"),
        ):
            self.db.execute(f"DELETE FROM {table} WHERE {column} = ?", [number])
        if not self.db.execute("SELECT 1 FROM messages WHERE thread_id = ?", row).fetchone():
            self.db.execute("DELETE FROM thread_references WHERE thread_id = ?", row)

    def write_label(self, label: Label, label_id: str) -> None:
        name = label.name.strip()
        if not name or len(name) > LONGEST_LABEL or name.startswith("/") or name.endswith("/") or "//" in name:
            raise InvalidLabel("Invalid label name")
        taken = self.db.execute("SELECT id, system FROM labels WHERE plain_name = ?", [name.casefold()]).fetchone()
        if taken and taken[1]:
            raise InvalidLabel("Invalid label name")
        if taken and taken[0] != label_id:
            raise LabelTaken("Label name exists or conflicts")
        values = (
            label_id,
            name,
            name.casefold(),
            label.label_list or "labelShow",
            label.message_list or "show",
            label.background,
            label.text,
        )
        columns = ("name", "plain_name", "label_list", "message_list", "background", "text")
        updates = ", ".join(f"{column} = excluded.{column}" for column in columns)
        self.db.execute(
            f"INSERT INTO labels (id, {', '.join(columns)}) VALUES ({_marks(values)}) ON CONFLICT (id) DO UPDATE SET {updates}",
            values,
        )

    def _record(self, kind: str, number: int, thread_id: int, label_ids: Collection[str]) -> int:
        history_id = self.next("history")
        self.db.execute(
            "INSERT INTO history VALUES (?, ?, ?, ?, ?)", (history_id, kind, number, thread_id, json.dumps(list(label_ids)))
        )
        return history_id

    def _thread_of(self, mail: NewMail, part: mail_parts.Part, rfc822_id: str, number: int) -> int:
        """The named one; else that of a mail of the same subject that this one refers to, or the other way; else a new one."""
        subject = base_subject(part.first("Subject"))
        references = [*_ANGLE_ID.findall(part.first("References")), *_ANGLE_ID.findall(part.first("In-Reply-To"))][-50:]
        related = [reference for reference in (*reversed(references), rfc822_id) if reference]
        if mail.thread_id:
            thread_id = _number(mail.thread_id)
            if not self.db.execute("SELECT 1 FROM messages WHERE thread_id = ?", [thread_id]).fetchone():
                raise NoSuchMail(mail.thread_id)
        else:
            thread_id = next((found for reference in related if (found := self._thread_with(reference, subject))), number)
        rows = [(reference, subject, thread_id) for reference in related]
        self.db.executemany("INSERT OR IGNORE INTO thread_references VALUES (?, ?, ?)", rows)
        return thread_id

    def _thread_with(self, reference: str, subject: str) -> int:
        query = "SELECT thread_id FROM thread_references WHERE reference = ? AND subject = ?"
        row = self.db.execute(query, [reference, subject]).fetchone()
        return row[0] if row else 0

    def _index(self, number: int, part: mail_parts.Part, filenames: Sequence[str], text: str) -> None:
        delivered = " ".join(value for name, value in part.headers if name.lower() == "delivered-to")
        columns = [
            *(part.first(name) for name in ("From", "To", "Cc", "Bcc", "Subject")),
            " ".join(filenames),
            part.first("List-Id"),
            delivered,
            text,
        ]
        self.db.execute(
            "INSERT INTO words"
            " (rowid, sender, recipients, copies, blind_copies, subject, filenames, list_id, delivered_to, body)"
            f" VALUES ({_marks(range(10))})",
            (number, *map(search_query.normalised, columns)),
        )


def base_subject(subject: str) -> str:
    """A subject without the marks of replies and forwarding, for comparing."""
    return " ".join(_REPLY_PREFIX.sub("", subject).split()).casefold()


_EPOCH = datetime.fromtimestamp(0, UTC)
_MESSAGE_COLUMNS = "id, thread_id, history_id, internal_date, sender, recipients, copies, subject, snippet, size, has_attachment"
_LABEL_COLUMNS = "id, name, system, label_list, message_list, background, text"
_HAS_LABEL = "EXISTS (SELECT 1 FROM message_labels l WHERE l.message_id = m.id AND l.label_id = ?)"


def _message(row: tuple[int, int, int, int, str, str, str, str, str, int, int], labels: tuple[str, ...]) -> Message:
    number, thread_id, history_id, received, sender, to, cc, subject, snippet, size, has_attachment = row
    received_at = _EPOCH + timedelta(milliseconds=received)
    return Message(
        _hex(number),
        _hex(thread_id),
        history_id,
        received_at,
        labels,
        sender,
        to,
        cc,
        subject,
        snippet,
        size,
        bool(has_attachment),
    )


def _label(row: tuple[str, str, int, str, str, str, str]) -> Label:
    return Label(row[0], row[1], bool(row[2]), *row[3:])


def _first_id(value: str) -> str:
    found = _ANGLE_ID.search(value)
    return found[1] if found else value.strip()


def digest(raw: bytes) -> bytes:
    """By which mails of the same bytes are known."""
    return hashlib.blake2b(raw, digest_size=16).digest()


def _hex(number: int) -> str:
    return f"{number:016x}"


def _number(hexadecimal: str) -> int:
    number = _number_or_none(hexadecimal)
    if number is None:
        raise NoSuchMail(hexadecimal)
    return number


def _number_or_none(hexadecimal: str) -> int | None:
    number = int(hexadecimal, 16) if _ID.fullmatch(hexadecimal) else -1
    return number if 0 <= number < 2**63 else None


def _draft_id(number: int) -> str:
    return f"r{number:018d}"


def _page_position(token: str) -> tuple[int, int] | None:
    if not token:
        return None
    found = re.fullmatch(r"(-?\d{1,18})-(\d{1,19})", token)
    if not found or int(found[2]) >= 2**63:
        raise BadPageToken(token)
    return int(found[1]), int(found[2])


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))


def _chunks(numbers: Sequence[int]) -> Iterator[list[int]]:
    """At most 500 each, as many as one statement takes well."""
    for start in range(0, len(numbers), 500):
        yield list(numbers[start : start + 500])
