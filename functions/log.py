"""The log: one JSON object a line, as Cloud Logging reads it. Nothing in it names a mail, an address or a person."""

import hmac
import json
import secrets
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Literal

from mailmagnet.errors import MailMagnetError

NAME_LENGTH = 12
"""Hexadecimal digits of an organisation's or a user's name in the log."""

requester: ContextVar[Mapping[str, str] | None] = ContextVar("requester", default=None)
"""Whose request is being answered, as `names` has it: told with every line that is written for it; None before that is verified."""


def log(severity: Literal["INFO", "WARNING", "ERROR"], message: str, **facts: str | int | float) -> None:
    """One line. `facts` are numbers and words of ours, never of a mail.

    https://cloud.google.com/logging/docs/structured-logging
    """
    _write({"severity": severity, "message": message, **(requester.get() or {}), **facts})


@cache
def log_once(message: str, **facts: str) -> None:
    """One line a process for each message with these facts: how things stand here, and not who asked."""
    _write({"severity": "INFO", "message": message, **facts})


@lru_cache(maxsize=1024)
def names(org: str, user: str, key: str) -> Mapping[str, str]:
    """An organisation and one of its users as the log names them: whoever has the key can tell who did what, and nobody else.

    `org` and `user` are verified ids; `key` is the setting `log_key`.
    """
    return {"org": _name(key, "org", org), "user": _name(key, "user", org, user)}


def log_problems(*problems: MailMagnetError) -> str:
    """Log the problems that a card shows; the reference that they share, "" when there are none."""
    reference = new_reference() if problems else ""
    for problem in problems:
        log("WARNING", "problem shown", error=type(problem).__name__, reason=str(problem), reference=reference)
    return reference


def new_reference() -> str:
    """A short reference that an error's card and its log line share."""
    return secrets.token_hex(4)


def where(error: BaseException) -> str:
    """File and line of the fault: its text could hold what came in."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""


def _write(line: Mapping[str, str | int | float]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _name(key: str, *ids: str) -> str:
    return hmac.digest(key.encode(), json.dumps(ids).encode(), "sha256").hex()[:NAME_LENGTH]
