"""The page and its own JSON API: a Gmail's lists and mails, the add-on's panel, the job's buttons. For this machine's browser alone."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import getaddresses
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.desk import mail_view
from sandbox.desk.behind_panel import BehindPanel
from sandbox.desk.compose_mail import RECIPIENTS
from sandbox.desk.desk_key import DeskKey
from sandbox.desk.desk_mail import mail_routes
from sandbox.desk.dials import CannotTurn
from sandbox.desk.job_runs import JobRuns, Run
from sandbox.desk.record_page import locale_of, record_page
from sandbox.desk.request_body import BadBody, body_of, json_object, text, texts
from sandbox.desk.safe_html import SafePage, pictures_of, safe_page
from sandbox.google import mail_parts
from sandbox.google.deployment import Deployment, Entry, deployment
from sandbox.google.event import Draft, Surroundings, addon_event
from sandbox.google.gmail_server import LARGEST_REQUEST
from sandbox.google.google_side import SIDEBAR_SCOPES
from sandbox.google.mail_folder import BadPageToken, InvalidLabel, LabelTaken, MailFolder, NoSuchLabel, NoSuchMail
from sandbox.google.mail_parts import Part
from sandbox.google.own_port import own_port
from sandbox.google.world import Account, NoSuchAccount, World

PAGE = Path(__file__).parent / "page"
ADDON_NAME = "MailMagnet"
DEPLOYMENT = Path(__file__).with_name("appsscript.json")
"""The product's own. In the source it is a link to it, so that the installed sandbox has it too."""

SECONDS_FOR_ADDON = 32
"""A little longer than Google waits, so that the panel can say that it was too long."""

MOST_THREADS = 100
MOST_PEOPLE_OF_A_DEAL = 5
MODULES = ("accounts", "contacts", "leads", "deals")
"""Of the CRM: those whose records have a page."""

_RECORD_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


def page_policy(framed: str = "'self'") -> str:
    """The policy of one of the page's files, or of a record's page; `framed` is what it may show in a frame."""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        f"frame-src {framed}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@dataclass(frozen=True, slots=True)
class Product:
    """Where the product is reached: the add-on's URL, how the job is run, how one CRM record is read (module, id, viewer), what is framed
    in its page (the same; a URL of the add-on's list of mail, "" for none), the time where the CRM's organisation is, the file in which
    the functions tell what they asked of the CRM, the URL below which its records' pages are, and that of the add-on's own pages."""

    addon_url: str
    job: JobRuns
    crm_record: Callable[[str, str, str], Awaitable[Mapping[str, Any]]]
    mail_frame: Callable[[str, str, str], Awaitable[str]]
    now: Callable[[], datetime]
    crm_calls_file: Path
    crm_url: str
    pages_url: str
    deployment: Path = DEPLOYMENT


class NoSuchRecord(LookupError):
    """The CRM has no such record, or none that this user may see."""


def desk_routes(world: World, product: Product) -> list[web.AbstractRouteDef]:
    """The page's routes."""
    desk = _Desk(world, product)
    account = "/desk/{account}"
    return [
        web.get("/", _page_file),
        web.get("/u/{number:[0-9]+}/", _page_file),
        web.get("/favicon.ico", _icon),
        web.get("/desk/start", desk.start),
        web.get(account + "/labels", desk.labels),
        *mail_routes(world),
        web.get(account + "/threads", desk.threads),
        web.get(account + "/threads/{thread}", desk.thread),
        web.get(account + "/mails/{mail}/body", desk.body),
        web.get(account + "/mails/{mail}/pictures/{part}", desk.picture),
        web.get(account + "/mails/{mail}/attachments/{part}", desk.attachment),
        web.post(account + "/panel", desk.panel),
        web.get(account + "/behind", desk.behind),
        web.post(account + "/scopes", desk.scopes),
        web.get(account + "/job", desk.job),
        web.post(account + "/job", desk.run_job),
        web.get(account + "/job/{number}", desk.moved),
        web.get("/crm/{module}/{id}", desk.record),
        web.get("/{file:[a-z_/]+\\.(?:js|css|svg)}", _page_file),
    ]


def desk_app(key: DeskKey, routes: Iterable[web.AbstractRouteDef], google: Sequence[web.RouteDef] = ()) -> web.Application:
    """An application that no other site's page may ask anything. Its `routes` are for whoever has the key; those of Google's side
    ask for tokens of their own."""
    keyless = frozenset(route.handler for route in google)
    app = web.Application(client_max_size=LARGEST_REQUEST, middlewares=[own_port, key.guard(keyless), _desk_answers])
    app.add_routes([*google, *routes])
    return app


@web.middleware
async def _desk_answers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The desk reads what its own page sends, and says as JSON what it cannot do."""
    if not request.path.startswith(("/desk/", "/crm/")):
        return await handler(request)
    # Neither type is one that another site's page may send without being asked about first.
    expected = "application/octet-stream" if request.path.endswith("/import") else "application/json"
    if request.method == "POST" and request.content_type != expected:
        return _refusal(415, f"The desk reads {expected} here.")
    answer = await _told_as_json(request, handler)
    # What mail says stays out of the browser's cache on disk.
    answer.headers.setdefault("Cache-Control", "no-store")
    answer.headers.setdefault("X-Content-Type-Options", "nosniff")
    return answer


async def _told_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (NoSuchAccount, NoSuchMail, NoSuchLabel, NoSuchRecord):
        return _refusal(404, "This is not there (any more).")
    except LabelTaken:
        return _refusal(409, "There is a label of that name already.")
    except (InvalidLabel, BadPageToken, BadBody, CannotTurn) as error:
        return _refusal(400, str(error) or "The desk cannot do this.")


def _refusal(status: int, words: str) -> web.Response:
    return web.json_response({"error": words}, status=status)


async def _icon(_: web.Request) -> web.StreamResponse:
    return web.FileResponse(PAGE / "icon.svg")


async def _page_file(request: web.Request) -> web.StreamResponse:
    return served(request.match_info.get("file", "index.html"))


def served(name: str) -> web.StreamResponse:
    """A file of the page, under the policy of the page."""
    file = PAGE / name
    if not file.is_file():
        raise web.HTTPNotFound
    headers = {
        "Content-Security-Policy": page_policy(),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }
    return web.FileResponse(file, headers=headers)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A mail that is read: whose and which (sub, id), and its own pictures by Content-ID."""

    of: tuple[str, str]
    mail: Part
    pictures: Mapping[str, Part]


class _Desk:
    """The answers. World's mailboxes block, so they are asked in threads."""

    def __init__(self, world: World, product: Product) -> None:
        self._world = world
        self._product = product
        self._scopes: dict[str, frozenset[str]] = {}
        self._last_reader = ""
        self._last_opened: _Opened | None = None
        self._behind = BehindPanel(world, product.crm_calls_file)

    async def start(self, request: web.Request) -> web.Response:
        accounts = [{"address": account.address, "name": account.name} for account in self._world.accounts()]
        deployed = self._deployment()
        return web.json_response(
            {
                "addon": ADDON_NAME,
                "accounts": accounts,
                "scopes": sorted(SIDEBAR_SCOPES),
                "compose_actions": [action.label for action in deployed.compose_actions],
                "universal_actions": [{"label": action.label, "link": action.link} for action in deployed.universal_actions],
                "open_link_prefixes": deployed.open_link_prefixes,
                "http_origins": sorted({self._product.crm_url, _origin(self._product.pages_url)}),
            }
        )

    async def labels(self, request: web.Request) -> web.Response:
        mailbox = self._mailbox(request)
        return web.json_response(await asyncio.to_thread(mail_view.labels, mailbox))

    async def threads(self, request: web.Request) -> web.Response:
        account, mailbox = self._account(request), self._mailbox(request)
        query = request.query
        most = min(MOST_THREADS, _positive(query.get("most", ""), 50))
        page = _positive(query.get("page", ""), 1)
        label = query.get("label", "")
        listed = await asyncio.to_thread(
            mail_view.threads, mailbox, account, label=label, q=query.get("q", ""), page=page, most=most
        )
        return web.json_response(listed)

    async def thread(self, request: web.Request) -> web.Response:
        account, mailbox = self._account(request), self._mailbox(request)
        return web.json_response(await asyncio.to_thread(mail_view.thread, mailbox, account, request.match_info["thread"]))

    async def body(self, request: web.Request) -> web.Response:
        """A mail's HTML for its frame: cleaned, and sent with a policy of its own that lets it run nothing and fetch only its pictures."""
        opened = await self._opened(request)
        pictures_at = _in_policy(f"{request.url.with_query(None).parent / 'pictures'}/")
        page = await asyncio.to_thread(_safe_body, opened, pictures_at, request.query.get("images") == "1")
        headers = {
            "Content-Security-Policy": page.policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "X-DNS-Prefetch-Control": "off",
        }
        return web.Response(text=page.text, content_type="text/html", headers=headers)

    async def picture(self, request: web.Request) -> web.Response:
        """A picture that the mail brings along, for its frame."""
        pictures = (await self._opened(request)).pictures
        wanted = request.match_info["part"]
        picture = next((one for one in pictures.values() if one.part_id == wanted), None)
        if not picture:
            raise NoSuchMail
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox", "Referrer-Policy": "no-referrer"}
        return web.Response(body=picture.content, content_type=picture.mime_type, headers=headers)

    async def _opened(self, request: web.Request) -> _Opened:
        """The mail that is asked for, read. The last one is kept: its pictures are asked for one by one."""
        account, mail_id = self._account(request), request.match_info["mail"]
        opened = self._last_opened
        if not opened or opened.of != (account.sub, mail_id):
            raw = await asyncio.to_thread(self._mailbox(request).raw, mail_id)
            opened = self._last_opened = await asyncio.to_thread(_open, (account.sub, mail_id), raw)
        return opened

    async def attachment(self, request: web.Request) -> web.Response:
        whole = (await self._opened(request)).mail
        wanted = next((part for part in whole.walk() if part.part_id == request.match_info["part"] and part.is_attachment), None)
        if not wanted:
            raise NoSuchMail
        name = quote(mail_view.file_name(wanted), safe="")
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox",
        }
        return web.Response(body=wanted.content, content_type="application/octet-stream", headers=headers)

    async def scopes(self, request: web.Request) -> web.Response:
        """What the user grants the add-on, and takes away again."""
        account, body = self._account(request), await body_of(request)
        granted = self._granted(account) | set(texts(body, "add"))
        self._scopes[account.sub] = frozenset(granted - set(texts(body, "remove")))
        return web.json_response({"scopes": sorted(self._scopes[account.sub])})

    async def panel(self, request: web.Request) -> web.Response:
        """Send a trigger or a click to the add-on, as Gmail does, and give its answer as it came."""
        account, body = self._account(request), await body_of(request)
        self._last_reader = account.address
        url = self._addon_url(body)
        mail_id = body.get("mail")
        around = Surroundings(
            account,
            locale=text(body, "locale", "en"),
            time_zone=text(body, "time_zone", "UTC"),
            offset=_whole_number(body, "offset"),
            scopes=self._granted(account),
            message=await asyncio.to_thread(self._mailbox(request).message, str(mail_id)) if mail_id else None,
            draft=self._draft(body),
        )
        event = addon_event(self._world.google, url, around, _named(body, "parameters"), _named(body, "form_inputs"))
        watch, started = self._behind.watch(), time.perf_counter()
        status, answer, problem = await self._call(url, event, watch.trace)
        seconds = time.perf_counter() - started
        told = {"status": status, "answer": answer, "problem": problem, "seconds": round(seconds, 3)}
        self._behind.keep(account, url, event, told, watch)
        return web.json_response(told)

    async def behind(self, request: web.Request) -> web.Response:
        """What stood behind the panel's last call."""
        return web.json_response(self._behind.last(self._account(request)))

    def _addon_url(self, body: Mapping[str, Any]) -> str:
        """The URL of a trigger or a click; only those below the add-on's own are called."""
        url = self._trigger_url(body) if "trigger" in body else text(body, "function")
        below = urlsplit(url)
        plain = not below.query and not below.fragment and ".." not in below.path and "%" not in below.path
        if not plain or not url.startswith(self._product.addon_url + "/"):
            raise BadBody("A button leads to a URL that is not below the add-on's.")
        return url

    def _trigger_url(self, body: Mapping[str, Any]) -> str:
        """What the deployment has called for a trigger."""
        deployed = self._deployment()
        if body["trigger"] == "compose":
            return _chosen(deployed.compose_actions, body.get("compose_action"), "compose action")
        if body["trigger"] == "universal action":
            return _chosen(deployed.universal_actions, body.get("universal_action"), "universal action")
        url = deployed.triggers.get(text(body, "trigger"))
        if not url:
            raise BadBody("There is no such trigger.")
        return url

    def _deployment(self) -> Deployment:
        return deployment(self._product.deployment, self._product.addon_url, self._product.crm_url, self._product.pages_url)

    def _draft(self, body: Mapping[str, Any]) -> Draft | None:
        """The draft that a compose event is about; its recipients only where the deployment asks for them."""
        draft = body.get("draft")
        if not isinstance(draft, dict):
            return None
        if self._deployment().draft_access != "METADATA":
            return Draft()
        return Draft(*(tuple(_addresses(text(draft, name))) for name in RECIPIENTS))

    async def _call(self, url: str, event: Mapping[str, Any], trace: str) -> tuple[int, Any, str]:
        """Status, answer and problem: one of the last two is empty."""
        token = self._world.google.system_token(url)
        headers = {"Authorization": f"Bearer {token}", "User-Agent": "Google-gsuiteaddons", "traceparent": trace}
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(SECONDS_FOR_ADDON)) as session,
                session.post(url, json=event, headers=headers, allow_redirects=False) as response,
            ):
                body = await response.read()
                if response.status != 200:  # noqa: PLR2004
                    return response.status, None, f"{ADDON_NAME} answered with status {response.status}."
        except TimeoutError:
            return 0, None, f"{ADDON_NAME} did not answer within {SECONDS_FOR_ADDON} s."
        except aiohttp.ClientError:
            return 0, None, f"{ADDON_NAME} could not be reached."
        answer = json_object(body)
        return 200, answer, "" if answer is not None else f"{ADDON_NAME} answered with something that is not a card."

    async def job(self, request: web.Request) -> web.Response:
        """How sorting stands: whether it has begun, and the last run."""
        run = self._product.job.last(self._account(request))
        return web.json_response({"begun": self._product.job.begun, "last": _run_as_json(run) if run else None})

    async def run_job(self, request: web.Request) -> web.Response:
        """Have the labelling function sort this mailbox, or tell what it would do."""
        account, body = self._account(request), await body_of(request)
        if body.get("dry_run"):
            return web.json_response(await self._product.job.preview(account))
        return web.json_response(_run_as_json(await self._product.job.run(account)))

    async def moved(self, request: web.Request) -> web.Response:
        """Which mails the last run put under a label."""
        number = _positive(request.match_info["number"], 0)
        return web.json_response({"moved": await self._product.job.moved(self._account(request), number)})

    async def record(self, request: web.Request) -> web.Response:
        """A CRM record as a page, so that the card's link leads somewhere."""
        viewer = self._last_reader or self._world.accounts()[0].address
        module, record_id = request.match_info["module"], request.match_info["id"]
        if module not in MODULES or not _RECORD_ID.fullmatch(record_id):
            raise NoSuchRecord
        of = (module, record_id, viewer)
        record, mail_frame = await asyncio.gather(self._product.crm_record(*of), self._product.mail_frame(*of))
        people = await self._people(record.get("contact_ids", [])[:MOST_PEOPLE_OF_A_DEAL], viewer)
        policy = page_policy(f"{self._product.pages_url}/") if mail_frame else page_policy()
        headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
        locale = locale_of(request.headers.get("Accept-Language", ""))
        page = record_page(module, record, people, locale, self._product.now(), mail_frame)
        return web.Response(text=page, content_type="text/html", headers=headers)

    async def _people(self, contact_ids: Sequence[str], viewer: str) -> list[Mapping[str, Any]]:
        """Those of these contacts that the viewer may see."""
        wanted = (self._product.crm_record("contacts", contact_id, viewer) for contact_id in contact_ids)
        found = await asyncio.gather(*wanted, return_exceptions=True)
        for problem in found:
            if isinstance(problem, BaseException) and not isinstance(problem, NoSuchRecord):
                raise problem
        return [one for one in found if isinstance(one, Mapping)]

    def _account(self, request: web.Request) -> Account:
        return self._world.account(request.match_info["account"])

    def _mailbox(self, request: web.Request) -> MailFolder:
        return self._world.mailbox(request.match_info["account"])

    def _granted(self, account: Account) -> frozenset[str]:
        return self._scopes.get(account.sub, SIDEBAR_SCOPES)


def _run_as_json(run: Run) -> dict[str, Any]:
    return {"number": run.number, "at": run.at.isoformat(), "by_clock": run.by_clock, **run.told}


def _chosen(entries: Sequence[Entry], number: Any, what: str) -> str:
    """The URL that one of the deployment's entries calls. Raises BadBody."""
    if not isinstance(number, int) or not 0 <= number < len(entries):
        raise BadBody(f"The add-on has no such {what}.")
    return entries[number].function


def _whole_number(body: Mapping[str, Any], name: str) -> int:
    number = body.get(name, 0)
    if not isinstance(number, int):
        raise BadBody(f"{name} should be a whole number.")
    return number


def _named(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    values = body.get(name) or {}
    if not isinstance(values, dict):
        raise BadBody(f"{name} should be an object.")
    return values


def _positive(typed: str, otherwise: int) -> int:
    """A number from an address; what is none is as if it were not there."""
    return int(typed) if re.fullmatch(r"[1-9][0-9]{0,8}", typed) else otherwise


def _addresses(typed: str) -> list[str]:
    """The recipients so far; what is not yet an address is none."""
    return [address for _, address in getaddresses([typed]) if "@" in address]


def _open(of: tuple[str, str], raw: bytes) -> _Opened:
    mail = mail_parts.read(raw)
    return _Opened(of, mail, pictures_of(mail))


def _safe_body(opened: _Opened, pictures_at: str, remote_images: bool) -> SafePage:
    return safe_page(mail_parts.html_text(opened.mail), opened.pictures, pictures_at=pictures_at, remote_images=remote_images)


def _in_policy(url: str) -> str:
    """A URL as a Content-Security-Policy may have it, where ";" and "," stand between sources."""
    return url.replace(";", "%3B").replace(",", "%2C")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
