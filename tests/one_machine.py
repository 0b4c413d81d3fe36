"""The command line `mailmagnet` with the product's own `serve`, queue and all, before a desk's Google and at its time."""

import os

from functions.command_line import mailmagnet
from functions.one_machine import OneMachineProcess
from functions.settings import read_settings
from sandbox.demo.sandbox_process import SandboxProcess, read_sandbox_settings


class DeskMachine(OneMachineProcess, SandboxProcess):
    """The process of one machine, but for who Google is and what time it is."""


def _machine() -> DeskMachine:
    return DeskMachine(read_settings(os.environ), read_sandbox_settings(os.environ))


if __name__ == "__main__":
    mailmagnet(obj=_machine)
