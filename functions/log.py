"""The log: one JSON object a line, as Cloud Logging reads it. Nothing in it names a mail, an address or a person."""

import json
import secrets
import sys
from typing import Literal


def log(severity: Literal["INFO", "WARNING", "ERROR"], message: str, **facts: str | int | float) -> None:
    """One line. `facts` are numbers and words of ours, never of a mail.

    https://cloud.google.com/logging/docs/structured-logging
    """
    sys.stdout.write(json.dumps({"severity": severity, "message": message, **facts}) + "\n")
    sys.stdout.flush()


def new_reference() -> str:
    """A short reference that an error's card and its log line share."""
    return secrets.token_hex(4)
