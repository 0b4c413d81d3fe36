"""A cold `addon` in this process: one request read from standard input, its answer and the modules loaded when it was sent written out."""

import asyncio
import json
import sys
from typing import Any

from functions_framework.aio import create_asgi_app


async def _ask(app: Any, path: str, headers: dict[str, str], body: str) -> tuple[int, str, list[str]]:
    sent: list[Any] = []
    loaded: list[str] = []
    given = [{"type": "http.request", "body": body.encode(), "more_body": False}]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }

    async def receive() -> Any:
        return given.pop(0) if given else {"type": "http.disconnect"}

    async def send(part: Any) -> None:
        sent.append(part)
        loaded[:] = sorted(sys.modules)

    await app(scope, receive, send)
    return sent[0]["status"], b"".join(part.get("body", b"") for part in sent).decode(), loaded


def main() -> None:
    request = json.load(sys.stdin)
    app: Any = create_asgi_app("addon", request["source"], "http")
    status, text, modules = asyncio.run(_ask(app, request["path"], request["headers"], request["body"]))
    json.dump({"status": status, "text": text, "modules": modules}, sys.stderr)


if __name__ == "__main__":
    main()
