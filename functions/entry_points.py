"""The four functions that are deployed. The settings are read here, at import, so that a wrong one stops the start."""

import os
from functools import partial

from functions import addon as sidebar
from functions import jobs
from functions.boundary import entry_point
from functions.pages import endpoint as browser_pages
from functions.settings import read_settings
from functions.wiring import Process

_make_process = partial(Process, read_settings(os.environ))

addon = entry_point("addon", _make_process, sidebar.answer)
label_tick = entry_point("label_tick", _make_process, jobs.answer_tick)
label_mailbox = entry_point("label_mailbox", _make_process, jobs.answer_mailbox)
pages = entry_point("pages", _make_process, browser_pages.answer)
