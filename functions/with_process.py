"""How a command of the command line is given a process's parts, and lets go of them at its end."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from functions.wiring import Process

Result = TypeVar("Result")


def with_process(work: Callable[["Process"], Awaitable[Result]]) -> Result:
    """The work's result. Whoever runs this command line with parts of its own gives click their maker as the context's object."""
    make_process: Callable[[], Process] = click.get_current_context().obj or _process

    async def run() -> Result:
        process = make_process()
        try:
            return await work(process)
        finally:
            await process.close()

    return asyncio.run(run())


def _process() -> "Process":
    from functions.settings import read_settings
    from functions.wiring import Process

    return Process(read_settings(os.environ))
