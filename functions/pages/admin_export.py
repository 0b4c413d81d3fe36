"""The page `admin-export`: everything kept of one user, or of the whole organisation, as a JSON file for an admin."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict

from starlette.responses import Response, StreamingResponse

from functions.pages.export import DOWNLOAD, LEFT_OUT, exported_by_others, plain
from functions.pages.html import link_button, page_response, small
from functions.pages.visit import Visit
from mailmagnet.caller import Caller
from mailmagnet.everything_kept import crm_account
from mailmagnet.permission import check_admin
from mailmagnet.removal import users_of

USER = "user"
"""Whose: without it, the whole organisation's."""


async def answer(visit: Visit) -> Response:
    """What the file holds, with a button; and the file. Raises Forbidden unless the visitor is an admin now, and what the CRM, the store
    and the vault raise."""
    by = asyncio.get_running_loop().time() + visit.process.settings.answer_seconds
    await check_admin(Caller(visit.identity, visit.now, by), visit.process)
    if DOWNLOAD in visit.request.query_params:
        return _file(visit)
    whose = "a user" if visit.ids.get(USER) else "your organisation"
    return page_response(
        f"Everything kept of {whose}",
        "A JSON file with settings, connections, the mail id, sender and time of each mail record, and who read whose mail.",
        link_button("Download", f"{visit.url}&{DOWNLOAD}=1"),
        small(LEFT_OUT),
    )


def _file(visit: Visit) -> Response:
    disposition = f'attachment; filename="mailmagnet-{visit.now.date().isoformat()}.json"'
    return StreamingResponse(_lines(visit), media_type="application/json", headers={"Content-Disposition": disposition})


async def _lines(visit: Visit) -> AsyncIterator[str]:
    """The file, user by user, each as their own export has it: an organisation may have many."""
    org, process = visit.identity.org, visit.process
    users = [visit.ids[USER]] if visit.ids.get(USER) else await users_of(org, process)
    policy, account = asdict(await process.store.policy(org)), await crm_account(org, process)
    of_all = {
        "organisation": org,
        "exported_at": visit.now,
        "policy": policy,
        "crm_account": asdict(account) if account else None,
    }
    yield _text(of_all)[:-1] + ', "users": ['
    for number, user in enumerate(users):
        yield ("," if number else "") + "\n" + _text(await exported_by_others(org, user, visit.now, process))
    yield "\n]}\n"


def _text(value: object) -> str:
    return json.dumps(value, default=plain, ensure_ascii=False)
