"""SOQL as a parser that nobody here wrote reads it: npm's @jetstreamapp/soql-parser-js, and the texts that it finds between quotes."""

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.npm_packages import npm_packages

FOLDER = Path(__file__).parent / "soql"
_SECONDS = 60
_ESCAPED = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|([nNrRtTbBfF\"'\\]))")
_PLAIN = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


class NoSoql(Exception):
    """The parser does not take it; the message says why."""


def read_soql(questions: Sequence[str]) -> list[dict[str, Any]]:
    """Each question as the parser understands it. Raises NoSoql."""
    npm_packages(FOLDER)
    read = subprocess.run(
        ["node", "read.js"],
        cwd=FOLDER,
        input=json.dumps(list(questions)) + "\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=_SECONDS,
    )
    answers: list[dict[str, Any]] = json.loads(read.stdout)
    for question, answer in zip(questions, answers, strict=True):
        if "fault" in answer:
            raise NoSoql(f"{answer['fault']}: {question[:300]}")
    return [answer["query"] for answer in answers]


def texts_of(query: Any) -> Iterator[str]:
    """The texts that a question compares with, as its quotes and backslashes mean them, whatever its operators make of them."""
    if isinstance(query, list):
        for each in query:
            yield from texts_of(each)
    elif isinstance(query, dict):
        if query.get("literalType") == "STRING":
            values = query["value"] if isinstance(query["value"], list) else [query["value"]]
            yield from (unquoted(value) for value in values)
        for value in query.values():
            yield from texts_of(value)


def unquoted(literal: str) -> str:
    """What stands between quotes, by Salesforce's list of escapes
    (https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_quotedstringescapes.htm).

    `\\%` and `\\_` stay as they are: they mean something to LIKE alone. Raises NoSoql for every other backslash.
    """
    inside = literal[1:-1]
    rest = _ESCAPED.sub("", inside).replace("\\%", "").replace("\\_", "")
    if "\\" in rest or "'" in rest:
        raise NoSoql(f"a backslash or a quote that means nothing: {literal[:100]}")
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else _PLAIN.get(found[2].lower(), found[2]), inside)
