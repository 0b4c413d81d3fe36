"""A page that shows one Card JSON file as Gmail's panel would, and the gallery of all widgets; nothing else of the product is needed."""

import asyncio
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox.cards.card_check import is_answer, refused
from sandbox.cards.gallery import gallery
from sandbox.cards.open_links import OpenLinks
from sandbox.desk.desk import desk_app, served
from sandbox.desk.desk_key import DeskKey

HOST = "127.0.0.1"
SECONDS_BETWEEN_LOOKS = 0.3
LOOKS_A_QUESTION = 60
"""How often the file is looked at before the page is told that it is as it was, and asks again."""


class NoCard(ValueError):
    """A file does not hold a card or an answer; the message says why."""


def card_in(file: Path) -> dict[str, Any]:
    """The card, or the answer, that the file holds, as it stands there. NoCard when it holds neither."""
    try:
        found = json.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        raise NoCard(f"{file.name} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise NoCard(f"{file.name} is not text in UTF-8.") from None
    except json.JSONDecodeError as error:
        raise NoCard(f"{file.name} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}.") from None
    except RecursionError:
        raise NoCard(f"{file.name} is nested too deeply.") from None
    if not isinstance(found, dict):
        raise NoCard(f"{file.name} should hold one JSON object: a card, or an add-on's answer.")
    return found


def gallery_routes() -> list[web.AbstractRouteDef]:
    """The gallery, and the check that every panel asks for."""
    return [
        web.get("/gallery", _page("gallery.html")),
        web.get("/desk/gallery", _gallery),
        web.post("/desk/check", _check),
    ]


async def serve(port: int, file: Path | None, tell: Callable[[str], None]) -> None:
    """Serve the gallery, and at the front the page of this file, until it is stopped; `tell` gets the address to open."""
    front = [web.get("/", _page("card.html")), web.get("/desk/card", _card_of(file))] if file else []
    listening = socket.create_server((HOST, port))
    own_port = listening.getsockname()[1]
    key = DeskKey(own_port)
    app = desk_app(key, [*front, *gallery_routes(), web.get("/{file:[a-z_/]+\\.(?:js|css|svg)}", _file)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    try:
        tell(key.entrance(f"http://{HOST}:{own_port}{'/' if file else '/gallery'}"))
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def _page(name: str) -> Callable[[web.Request], Any]:
    async def page(_: web.Request) -> web.StreamResponse:
        return served(name)

    return page


async def _file(request: web.Request) -> web.StreamResponse:
    return served(request.match_info["file"])


async def _gallery(_: web.Request) -> web.Response:
    return web.json_response(gallery())


async def _check(request: web.Request) -> web.Response:
    try:
        answer = json.loads(await request.read())
    except (ValueError, RecursionError):
        return web.json_response({"refused": ["it is not JSON"]})
    return web.json_response(
        {"refused": refused(answer, to_trigger=request.query.get("to") == "trigger", open_links=_links(request))}
    )


def _links(request: web.Request) -> OpenLinks | None:
    """What may be opened, as the page has it of the deployment; None where there is none, as in the gallery."""
    if "http_origin" not in request.query:
        return None
    return OpenLinks(request.query.getall("prefix", []), request.query.getall("http_origin"))


def _card_of(file: Path) -> Callable[[web.Request], Any]:
    async def card(request: web.Request) -> web.Response:
        """The file's answer, once it is another than the page has seen."""
        for _ in range(LOOKS_A_QUESTION):
            if _version(file) != request.query.get("seen"):
                break
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        about = {"name": file.name, "version": _version(file)}
        try:
            found = card_in(file)
        except NoCard as problem:
            return web.json_response({**about, "answer": None, "problem": str(problem), "refused": [str(problem)]})
        answer = found if is_answer(found) else {"action": {"navigations": [{"pushCard": found}]}}
        return web.json_response({**about, "answer": answer, "problem": "", "refused": refused(found)})

    return card


def _version(file: Path) -> str:
    try:
        return f"{file.stat().st_mtime_ns}-{file.stat().st_size}"
    except OSError:
        return "gone"
