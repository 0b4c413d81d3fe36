"""The other side of the benchmark: Google's certificates, one Gmail message and one CRM answer, each after a fixed delay."""

import asyncio
import json
import sys
from pathlib import Path

from aiohttp import web

GMAIL_ANSWER = {
    "id": "18c0000000000001",
    "threadId": "18c0000000000001",
    "labelIds": ["INBOX", "UNREAD"],
    "internalDate": "1795000000000",
    "payload": {
        "headers": [
            {"name": "From", "value": "Ada Lovelace <ada@analytical.example>"},
            {"name": "To", "value": "Kim Rep <kim@corp.example>"},
            {"name": "Cc", "value": "Bob Ross <bob@analytical.example>, Unknown <who@else.example>"},
        ]
    },
}


def app(certificates: dict[str, str], delay_seconds: float) -> web.Application:
    """The stub. The certificates come at once: a warm instance has them."""

    async def certs(_: web.Request) -> web.Response:
        return web.json_response(certificates, headers={"Cache-Control": "public, max-age=20000"})

    async def message(_: web.Request) -> web.Response:
        await asyncio.sleep(delay_seconds)
        return web.json_response(GMAIL_ANSWER)

    async def crm(request: web.Request) -> web.Response:
        addresses = await request.json()
        await asyncio.sleep(delay_seconds)
        return web.json_response({"known": [address for address in addresses if address.endswith("@analytical.example")]})

    stub = web.Application()
    stub.router.add_get("/oauth2/v1/certs", certs)
    stub.router.add_get("/gmail/v1/users/me/messages/{id}", message)
    stub.router.add_post("/crm", crm)
    return stub


if __name__ == "__main__":
    port, delay, certificates_file = int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])
    web.run_app(app(json.loads(certificates_file.read_text()), delay), host="127.0.0.1", port=port, print=None, access_log=None)
