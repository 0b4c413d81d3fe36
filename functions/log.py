"""The log: one JSON object a line, as Cloud Logging reads it. Nothing in it names a mail, an address or a person."""

import asyncio
import hmac
import json
import secrets
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any, Literal

from mailmagnet.errors import MailMagnetError, Upstream

NAME_LENGTH = 12
"""Hexadecimal digits of an organisation's or a user's name in the log."""

MOST_FRAMES = 40
"""Of an unforeseen error's calls, the innermost."""

requester: ContextVar[Mapping[str, str] | None] = ContextVar("requester", default=None)
"""Whose request is being answered, as `names` has it: told with every line that is written for it; None before that is verified."""

trace: ContextVar[Mapping[str, str] | None] = ContextVar("trace", default=None)
"""The request's place in Google's traces, as `trace_fields` has it: Cloud Logging shows the lines of one request together by it."""


def log(severity: Literal["INFO", "WARNING", "ERROR"], message: str, **facts: str | int | float) -> None:
    """One line. `facts` are numbers and words of ours, never of a mail.

    https://cloud.google.com/logging/docs/structured-logging
    """
    _write({"severity": severity, "message": message, **(trace.get() or {}), **(requester.get() or {}), **facts})


@cache
def log_once(message: str, **facts: str) -> None:
    """One line a process for each message with these facts: how things stand here, and not who asked."""
    _write({"severity": "INFO", "message": message, **facts})


def log_unforeseen(message: str, error: BaseException, **facts: str | int | float) -> None:
    """The line of an error that nobody foresaw. Error Reporting groups by its calls: its text could hold what came in.

    https://cloud.google.com/error-reporting/docs/formatting-error-messages
    """
    log("ERROR", message, error=type(error).__name__, where=where(error), stack_trace=_calls(error), **facts)


def log_unwaited(_: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    """What the event loop tells of an error that nobody waited for: its own line would hold the error's text, and what calls were given.

    https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.call_exception_handler
    """
    if error := context.get("exception"):
        log_unforeseen("nobody waited for an error", error)
    else:
        log("ERROR", context["message"])


def problem_facts(error: MailMagnetError) -> Mapping[str, str]:
    """An error of the tree as a line tells it; `service` is what did not do what was asked, `side` whose part that is."""
    facts = {"error": type(error).__name__, "reason": str(error)}
    return {**facts, "service": error.who.name, "side": error.who.side.value} if isinstance(error, Upstream) else facts


@lru_cache(maxsize=1024)
def names(org: str, user: str, key: str) -> Mapping[str, str]:
    """An organisation and one of its users as the log names them: whoever has the key can tell who did what, and nobody else.

    `org` and `user` are verified ids; `key` is the setting `log_key`.
    """
    return {"org": _name(key, "org", org), "user": _name(key, "user", org, user)}


def trace_fields(traceparent: str, project: str) -> Mapping[str, str] | None:
    """Where a line belongs in the traces of this Google Cloud project; None without a trace, or outside of Google Cloud ("").

    https://cloud.google.com/logging/docs/structured-logging#structured_logging_special_fields
    """
    if not traceparent or not project:
        return None
    _, trace_id, span_id, _ = traceparent.split("-")
    return {"logging.googleapis.com/trace": f"projects/{project}/traces/{trace_id}", "logging.googleapis.com/spanId": span_id}


def log_problems(*problems: MailMagnetError) -> str:
    """Log the problems that a card shows; the reference that they share, "" when there are none."""
    reference = new_reference() if problems else ""
    for problem in problems:
        log("WARNING", "problem shown", reference=reference, **problem_facts(problem))
    return reference


def new_reference() -> str:
    """A short reference that an error's card and its log line share."""
    return secrets.token_hex(4)


def where(error: BaseException) -> str:
    """File and line of the fault: its text could hold what came in."""
    frames = _frames(error)
    return f"{frames[-1][0].rpartition('/')[2]}:{frames[-1][1]}" if frames else ""


def _calls(error: BaseException) -> str:
    """The calls that led to the fault, as Python prints them, but for the lines of code and the text. Folders are left out: on one
    machine they may have their owner's name."""
    calls = [f'  File "{file}", line {line}, in {function}' for file, line, function in _frames(error)[-MOST_FRAMES:]]
    return "\n".join(["Traceback (most recent call last):", *calls, type(error).__name__])


def _frames(error: BaseException) -> list[tuple[str, int, str]]:
    """Each call on the way to the fault: file below its folder, line, function."""
    frames, calls = [], error.__traceback__
    while calls:
        code = calls.tb_frame.f_code
        frames.append(("/".join(code.co_filename.split("/")[-2:]), calls.tb_lineno, code.co_name))
        calls = calls.tb_next
    return frames


def _write(line: Mapping[str, str | int | float]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _name(key: str, *ids: str) -> str:
    return hmac.digest(key.encode(), json.dumps(ids).encode(), "sha256").hex()[:NAME_LENGTH]
