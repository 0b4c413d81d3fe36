"""The desk's key: whoever opens the address that the terminal printed may use the desk, and nobody else on this machine."""

import hmac
import secrets
from collections.abc import Collection

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

_IN_ADDRESS = "key"
_REFUSED = "Open the address that the terminal printed when this desk started: its key opens the desk."
_REFUSAL_PAGE = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>The desk is locked</title>
<style>body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 34em; margin: 15vh auto; padding: 0 16px }}</style></head>
<body><main><h1>The desk is locked</h1><p>{_REFUSED}</p><p>Each start makes a new key, so an address from an earlier start
does not open it.</p></main></body></html>
"""


class DeskKey:
    """A secret for one start of a desk. Browsers send a cookie to every port of a host, so the cookie's name has the port in it."""

    def __init__(self, port: int) -> None:
        self._secret = secrets.token_urlsafe(16)
        self._cookie = f"desk_key_{port}"

    @property
    def cookies(self) -> dict[str, str]:
        """What a browser sends once it has opened `entrance`."""
        return {self._cookie: self._secret}

    def entrance(self, page: str) -> str:
        """The address of a page, with the key."""
        return f"{page}?{_IN_ADDRESS}={self._secret}"

    def guard(self, open_to_all: Collection[object] = ()) -> Middleware:
        """Lets nobody without the key to any handler but these."""

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.match_info.handler in open_to_all:
                return await handler(request)
            if self._opens(request.query.get(_IN_ADDRESS, "")) and _is_page(request):
                return self._let_in(request)
            if self._opens(request.cookies.get(self._cookie, "")):
                return await handler(request)
            return _refusal(request)

        return guard

    def _opens(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._secret.encode())

    def _let_in(self, request: web.Request) -> web.Response:
        """The key goes from the address, where others may see it, into a cookie that no script reads and no other site sends."""
        page = "/" + request.rel_url.raw_path.lstrip("/")
        answer = web.Response(
            status=303, headers={"Location": page, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        )
        answer.set_cookie(self._cookie, self._secret, httponly=True, samesite="Strict")
        return answer


def _is_page(request: web.Request) -> bool:
    return request.method == "GET" and request.match_info.http_exception is None and not request.path.startswith("/desk/")


def _refusal(request: web.Request) -> web.Response:
    if request.path.startswith("/desk/"):
        return web.json_response({"error": _REFUSED}, status=403)
    headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", "Cache-Control": "no-store"}
    return web.Response(text=_REFUSAL_PAGE, content_type="text/html", status=403, headers=headers)
