"""Who may ask a port of this machine: its programs, and pages that came from this very port; no page of another site, under no name."""

from aiohttp import web
from aiohttp.typedefs import Handler

_NAMES = ("127.0.0.1", "localhost")
_HTTP_PORT = 80
AUTHORIZATION_PATH = "/o/oauth2/v2/auth"
"""The one page that other sites lead to: Google's, where a browser is sent to sign in and to consent."""


@web.middleware
async def own_port(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses what is addressed to another name than this machine's (DNS rebinding), and what another site's page sends."""
    if not _is_addressed_here(request):
        return _refusal("This machine answers to http://127.0.0.1 and http://localhost with this port alone.")
    if _is_from_another_site(request) and not _is_sent_to_google(request):
        return _refusal("Only a page from this very address may ask this: type the address yourself.")
    return await handler(request)


def is_from_a_browser(request: web.Request) -> bool:
    """Whether a page, of whatever site, sent it: browsers say so, programs do not."""
    return "Origin" in request.headers or "Sec-Fetch-Site" in request.headers


def _is_addressed_here(request: web.Request) -> bool:
    """The Host is exactly this port's (aiohttp refuses two), and the target has no host of its own, as only proxies are sent."""
    sockname = request.transport.get_extra_info("sockname") if request.transport else None
    if not sockname:
        return False
    port = sockname[1]
    hosts = {f"{name}:{port}" for name in _NAMES} | (set(_NAMES) if port == _HTTP_PORT else set())
    return request.headers.get("Host") in hosts and request.raw_path.startswith("/")


def _is_from_another_site(request: web.Request) -> bool:
    origins, sites = request.headers.getall("Origin", []), request.headers.getall("Sec-Fetch-Site", [])
    is_own = all(origin == f"http://{request.host}" for origin in origins)
    return not (is_own and all(site in ("same-origin", "none") for site in sites))


def _is_sent_to_google(request: web.Request) -> bool:
    """A whole page is opened there, by a link or a redirect; in no frame, and nothing is posted."""
    sent = (request.method, request.path, request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest"))
    return sent == ("GET", AUTHORIZATION_PATH, "navigate", "document")


def _refusal(words: str) -> web.Response:
    return web.json_response({"error": words}, status=403)
