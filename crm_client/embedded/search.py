"""The embedded CRM's search: what each record is found by, indexed by runs of letters, and the records that hold every word.

Any part of a word finds a record, in every script: an index of whole words would not. So each word is indexed as the runs of up to
three letters that begin at each of its letters: "shaw" as "sha", "haw", "aw", "w". A word asked for is held by those records only
that have all its runs; whether they hold it is then looked up in their text.
"""

import json
import sqlite3
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Module = Literal["accounts", "contacts", "leads", "deals"]
MODULES: tuple[Module, ...] = ("accounts", "contacts", "leads", "deals")

RUN = 3
"""Letters of the longest runs."""

MOST_WORDS = 20
"""Words of a search that are looked at, the first ones."""

MOST_RUNS = 40
"""Runs of a search that are looked up in the index; the records' texts decide about the rest."""

CONSIDERED = 2000
"""Records among which the best are chosen, besides those whose name begins with the first word: a search for what is in nearly all
of them ends all the same."""


@dataclass(frozen=True, slots=True)
class Findable:
    """What a record is found by: its name, its other words (addresses, domain, company), and its account's name."""

    module: Module
    id: str
    owner_id: str
    name: str
    others: Sequence[str] = ()
    account_id: str | None = None


def folded(text: str) -> str:
    """A text as it is searched and matched by: without case, accents, or more than single spaces."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return " ".join("".join(letter for letter in apart if not unicodedata.combining(letter)).split())


def make_findable(connection: sqlite3.Connection, record: Findable) -> None:
    """Put a record among those that are found, in place of what it was found by; of an account also those whose account it is.
    It is found once `learn_letters` was called."""
    named = connection.execute("SELECT folded_name FROM accounts WHERE id = ?", (record.account_id,)).fetchone()
    text, account_name = f" {folded(' '.join([record.name, *record.others]))}", named["folded_name"] if named else ""
    changed = connection.execute(
        "SELECT * FROM searchable WHERE module = ? AND id = ? AND (owner_id, text, account_name) <> (?, ?, ?)",
        (record.module, record.id, record.owner_id, text, account_name),
    )
    _forget_letters(connection, changed.fetchall())
    connection.execute(
        """
        INSERT INTO searchable (module, id, owner_id, account_id, name, text, account_name, learned) VALUES (?, ?, ?, ?, ?, ?, ?, 0)
        ON CONFLICT (module, id) DO UPDATE SET owner_id = excluded.owner_id, account_id = excluded.account_id,
            name = excluded.name, text = excluded.text, account_name = excluded.account_name
        """,
        (record.module, record.id, record.owner_id, record.account_id, folded(record.name), text, account_name),
    )
    if record.module == "accounts":
        _rename_account(connection, record.id, folded(record.name))


def learn_letters(connection: sqlite3.Connection) -> None:
    """Put what was made findable into the index. All that a transaction wrote at once, before its end: the index writes to disk
    each time that something else is written in between."""
    rows = connection.execute("SELECT * FROM searchable WHERE NOT learned").fetchall()
    connection.executemany("INSERT INTO letters (rowid, runs) VALUES (?, ?)", [(row["number"], _written(row)) for row in rows])
    connection.execute("UPDATE searchable SET learned = 1 WHERE NOT learned")


def find(connection: sqlite3.Connection, viewer_id: str, module: Module, words: Sequence[str], most: int) -> list[str]:
    """Ids of a module's records that the viewer may see and that hold every one of the folded words; at most `most`, best first:
    names that begin with the first word, then texts where all words begin words, then the others."""
    first_words = words[:MOST_WORDS]
    sees_all = connection.execute(
        "SELECT 1 FROM users JOIN profiles ON profiles.id = profile_id WHERE users.id = ? AND scope = 'everyone'", (viewer_id,)
    ).fetchone()
    rows = connection.execute(
        _FIND,
        {
            "viewer": viewer_id,
            "module": module,
            "words": json.dumps(first_words),
            "first": first_words[0],
            "runs": " AND ".join([module, *([] if sees_all else [_owned(viewer_id)]), *_holding(first_words)]),
            "most": most,
            "considered": max(CONSIDERED, most),
        },
    )
    return [row["id"] for row in rows]


def _rename_account(connection: sqlite3.Connection, account_id: str, name: str) -> None:
    changed = connection.execute("SELECT * FROM searchable WHERE account_id = ? AND account_name <> ?", (account_id, name))
    _forget_letters(connection, changed.fetchall())
    connection.execute("UPDATE searchable SET account_name = ?2 WHERE account_id = ?1 AND account_name <> ?2", (account_id, name))


def _forget_letters(connection: sqlite3.Connection, rows: Sequence[sqlite3.Row]) -> None:
    """The index holds no text, so it has to be told what to forget (https://www.sqlite.org/fts5.html#the_delete_command)."""
    learned = [(row["number"], _written(row)) for row in rows if row["learned"]]
    connection.executemany("INSERT INTO letters (letters, rowid, runs) VALUES ('delete', ?, ?)", learned)
    connection.executemany("UPDATE searchable SET learned = 0 WHERE number = ?", [(number,) for number, _ in learned])


def _written(row: sqlite3.Row) -> str:
    words = f"{row['text']} {row['account_name']}".split()
    return " ".join([row["module"], _owned(row["owner_id"]), *dict.fromkeys(run for word in words for run in _runs(word))])


def _owned(user_id: str) -> str:
    return f"of{user_id}"


def _holding(words: Iterable[str]) -> Sequence[str]:
    """The index's terms for records with all runs of the words; a word shorter than a run begins one."""
    runs = [run for word in words for run in _runs(word)[: max(1, len(word) - RUN + 1)]][:MOST_RUNS]
    return [f'"{run}"' if len(run) == RUN * _DIGITS else f'"{run}" *' for run in runs]


_DIGITS = 4
"""A letter (a unit of UTF-16) is written as so many hexadecimal digits, so that SQLite's tokenizer has no opinion on it."""


def _runs(word: str) -> Sequence[str]:
    """The runs that begin at each letter, written."""
    written = word.encode("utf-16-be").hex()
    return [written[at : at + RUN * _DIGITS] for at in range(0, len(written), _DIGITS)]


# A text begins with a space, so that a word after a space begins a word. Names that begin with the first word are read in their
# order until there are enough of them. A search's records come as the index has them, so many are considered and then put in order.
# Of a user who does not see everyone's records, the index has the user's own; those shared with the user are few, and read as well.
_FIND = """
WITH word AS MATERIALIZED (SELECT value FROM json_each(:words)),
begun AS (
    SELECT number FROM visible_searchable
    WHERE viewer_id = :viewer AND module = :module AND name >= :first AND name < :first || char(0x10ffff)
    AND NOT EXISTS (SELECT 1 FROM word WHERE instr(text, value) = 0)
    ORDER BY name, id LIMIT :most
),
indexed AS (
    SELECT number FROM letters CROSS JOIN visible_searchable ON number = letters.rowid
    WHERE letters MATCH :runs AND viewer_id = :viewer AND NOT EXISTS (SELECT 1 FROM word WHERE instr(text, value) = 0)
    LIMIT :considered
),
shared AS (
    SELECT number FROM shares CROSS JOIN searchable ON searchable.module = shares.module AND searchable.id = shares.record_id
    WHERE shares.user_id = :viewer AND shares.module = :module
)
SELECT id FROM visible_searchable
WHERE viewer_id = :viewer AND number IN (SELECT * FROM begun UNION SELECT * FROM indexed UNION SELECT * FROM shared)
AND NOT EXISTS (SELECT 1 FROM word WHERE instr(text, value) = 0)
ORDER BY instr(name, :first) <> 1, EXISTS (SELECT 1 FROM word WHERE instr(text, ' ' || value) = 0), name, id
LIMIT :most
"""
