"""The page `export`: everything kept about its user, as a JSON file to take along."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, time
from typing import Any

from starlette.responses import Response

from functions.pages.html import link_button, page_response, small
from functions.pages.visit import Visit
from functions.wiring import Process
from mailmagnet.everything_kept import Export, export
from mailmagnet.identity import Identity, identity_in

DOWNLOAD = "download"
"""The parameter with which the file itself is asked for."""

LEFT_OUT = "The connections’ tokens and the address for notices are left out: they are keys, and kept encrypted."


async def answer(visit: Visit) -> Response:
    """What the file holds, with a button; and the file. Raises what the store and the vault raise."""
    if DOWNLOAD in visit.request.query_params:
        return await _file(visit)
    return page_response(
        "Everything kept about you",
        "A JSON file with your settings, your connections, the mail id, sender and time of each mail record, and who read whose mail.",
        link_button("Download", f"{visit.url}&{DOWNLOAD}=1"),
        small(LEFT_OUT),
    )


async def _file(visit: Visit) -> Response:
    now, who = visit.process.now(), visit.identity
    text = json.dumps(
        as_json(await export(who.org, who.user, visit.process), who, now), default=plain, ensure_ascii=False, indent=1
    )
    disposition = f'attachment; filename="mailmagnet-{now.date().isoformat()}.json"'
    return Response(text, media_type="application/json", headers={"Content-Disposition": disposition})


async def exported_by_others(org: str, user: str, now: datetime, process: Process) -> Mapping[str, Any]:
    """Everything kept of a user, as their own file has it, for an admin. Raises what the store and the vault raise."""
    exported = await export(org, user, process)
    address = exported.mailbox.address if exported.mailbox else exported.connected.address if exported.connected else ""
    return as_json(exported, identity_in(org, user, address), now)


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


def plain(value: object) -> Any:
    """What JSON has no kind for: moments in ISO 8601, what has no order in one."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is no JSON")
