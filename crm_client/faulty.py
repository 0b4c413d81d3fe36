"""The embedded CRM with something wrong, as a file says, and its calls told in another: for the sandbox, to see what a rep sees when a
CRM is down, and what was asked of it."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from crm_client.embedded.crm import EmbeddedCrm
from crm_client.embedded.database import CRM
from crm_client.embedded.user_records import UserRecords
from http_session.session import traceparent
from mailmagnet.errors import BadAnswer, NotAuthorised, RateLimited, Unavailable, Upstream

Result = TypeVar("Result")

SLOW_SECONDS = 20.0
"""Longer than any answer of the sidebar may take."""

RETRY_SECONDS = 30.0


class FaultyCrm(EmbeddedCrm):
    """As EmbeddedCrm; before each call it does what the file asks for: "slow" waits, the others raise. "" asks for nothing.

    Beside the file, in one that ends in .calls, each call made for a trace becomes a line of JSON when it is over:
    {trace, name, began (time.time), ms, problem ("" when it was answered)}; nothing of what was asked or answered.
    """

    def __init__(self, database: Path, org: str, user: str, record_url: str, fault_file: Path) -> None:
        super().__init__(database, org, user, record_url)
        self._fault_file = fault_file

    async def _see(self, ask: Callable[[UserRecords], Result]) -> Result:
        with self._told(ask):
            await self._meet()
            return await super()._see(ask)

    async def _change(self, change: Callable[[UserRecords], Result]) -> Result:
        with self._told(change):
            await self._meet()
            return await super()._change(change)

    @contextmanager
    def _told(self, call: Callable[[UserRecords], Result]) -> Iterator[None]:
        began, started, problem = time.time(), time.perf_counter(), ""
        try:
            yield
        except asyncio.CancelledError:
            problem = "given up"
            raise
        except Upstream as error:
            problem = error.what or type(error).__name__
            raise
        except Exception:
            problem = "failed"
            raise
        finally:
            if trace := traceparent.get():
                # The method's name, out of "EmbeddedCrm.look_up.<locals>.<lambda>" or "UserRecords.stages".
                name = call.__qualname__.split(".")[1]
                line = {"trace": trace, "name": name, "began": began, "ms": (time.perf_counter() - started) * 1000}
                with self._fault_file.with_suffix(".calls").open("a") as told:
                    told.write(json.dumps(line | {"problem": problem}) + "\n")

    async def _meet(self) -> None:
        fault = _asked_for(self._fault_file)
        if fault == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        elif fault:
            raise _problem(fault)


def _problem(fault: str) -> Upstream:
    match fault:
        case "limited":
            return RateLimited(CRM, RETRY_SECONDS)
        case "html":
            return BadAnswer(CRM, "the answer is HTML")
        case "signed out":
            return NotAuthorised(CRM, "the connection was revoked")
        case "dropping":
            return Unavailable(CRM, "the connection failed")
    return Unavailable(CRM, "answered 500")


def _asked_for(file: Path) -> str:
    try:
        return str(json.loads(file.read_text())["fault"])
    except FileNotFoundError:
        return ""
