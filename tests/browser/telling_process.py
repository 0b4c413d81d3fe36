"""An `addon` that tells too much: it logs each of its answers. The story's search has to notice."""

import os
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from functions import addon as sidebar
from functions.boundary import entry_point
from functions.log import log
from functions.wiring import Process
from sandbox.demo.sandbox_process import process_in


async def _telling(request: Request, process: Process) -> Response:
    response = await sidebar.answer(request, process)
    log("INFO", "told", answer=bytes(response.body).decode())
    return response


addon = entry_point("addon", partial(process_in, os.environ), _telling)
