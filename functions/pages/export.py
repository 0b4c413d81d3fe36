"""The page `export`: everything kept about its user, as a JSON file to take along."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, time
from typing import Any

from starlette.responses import Response

from functions.pages.visit import Visit
from mailmagnet.everything_kept import Export, export
from mailmagnet.identity import Identity

LEFT_OUT = "The tokens of these connections and the address for notices are kept encrypted, and are left out here: they are keys."


async def answer(visit: Visit) -> Response:
    """The file. Raises what the store and the vault raise."""
    now, who = visit.process.now(), visit.identity
    text = json.dumps(
        as_json(await export(who.org, who.user, visit.process), who, now), default=_plain, ensure_ascii=False, indent=1
    )
    disposition = f'attachment; filename="mailmagnet-{now.date().isoformat()}.json"'
    return Response(text, media_type="application/json", headers={"Content-Disposition": disposition})


def as_json(exported: Export, who: Identity, now: datetime) -> Mapping[str, Any]:
    """All of it under plain names. Of a mail there are the three facts, for no more are kept."""
    connected = {**asdict(exported.connected), "left_out": LEFT_OUT} if exported.connected else None
    return {
        "exported_at": now,
        "you": {"organisation": who.org, "user": who.user, "address": who.address},
        "mailbox": asdict(exported.mailbox) if exported.mailbox else None,
        "connections": connected,
        "mail_records": [asdict(mail) for mail in exported.mails],
        "readings_of_your_mail": [asdict(reading) for reading in exported.read_by_others],
        "your_readings_of_colleagues_mail": [asdict(reading) for reading in exported.read_by_user],
    }


def _plain(value: object) -> Any:
    """What JSON has no kind for: moments in ISO 8601, what has no order in one."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is no JSON")
