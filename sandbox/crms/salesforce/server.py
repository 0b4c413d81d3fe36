"""One Salesforce organisation over HTTP: REST API v67.0, OAuth and pages as routes; everything that MailMagnet does not ask is refused
(https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/)."""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from sandbox.crms.salesforce import pages, soql
from sandbox.crms.salesforce.answers import DATA, MOST_ROWS, Answers
from sandbox.crms.salesforce.oauth import BadGrant, ClientApp, OAuth
from sandbox.crms.salesforce.objects import Objects, Row
from sandbox.crms.salesforce.soql import Refused
from sandbox.crms.world import CrmWorld

CALLS_A_DAY, CALLS_A_USER = 100_000, 1_000
MOST_SUBREQUESTS, MOST_QUERIES = 25, 5
LARGEST_REQUEST = 16 * 1024 * 1024
_REFERENCE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]*")
_ROW = re.compile(rf"{re.escape(DATA)}/sobjects/(User|Organization)/([0-9A-Za-z]{{15,18}})")
_DESCRIBE = re.compile(rf"{re.escape(DATA)}/sobjects/([A-Za-z]+)/describe")


@dataclass(slots=True)
class Salesforce:
    """One organisation with its records, its sessions and the calls of its day. `asked` holds every SOQL text, in order; `page` is how many
    records come at once."""

    world: CrmWorld
    app: ClientApp
    multi_currency: bool = True
    page: int = MOST_ROWS
    calls: int = 0
    calls_a_day: int = 0
    asked: list[str] = field(default_factory=list)
    objects: Objects = field(init=False)
    answers: Answers = field(init=False)
    oauth: OAuth = field(init=False)

    def __post_init__(self) -> None:
        self.objects = Objects(self.world, self.multi_currency)
        self.answers = Answers(self.objects, self.page)
        users = self.objects.rows["User"]
        self.calls_a_day = self.calls_a_day or CALLS_A_DAY + CALLS_A_USER * len(users)
        names = {user["Username"]: user_id for user_id, user in users.items()}
        self.oauth = OAuth(
            self.app, self.objects.organisation_id, names.get, lambda user_id: bool(users.get(user_id, {}).get("IsActive"))
        )

    def token_of(self, email: str) -> str:
        """An access token of the user with this address, as a sign-in gives one; of nobody it is one that is refused."""
        return self.oauth.give_access(self.objects.ids.get(f"user {email}", ""))

    def routes(self) -> list[web.RouteDef]:
        """All that is served, to be added to an aiohttp application that takes requests as large as LARGEST_REQUEST."""
        return [
            web.post(f"{DATA}/composite", self._data(self._composite)),
            web.get(f"{DATA}/composite", self._data(_no_such_resource)),
            web.get(f"{DATA}/connect/organization", self._data(self._organisation)),
            web.get(f"{DATA}/query/{{locator}}", self._data(self._more)),
            web.route("*", "/services/data/{rest:.*}", self._data(_no_such_resource)),
            web.get("/id/{organisation}/{user}", self._identity),
            web.get("/services/oauth2/authorize", self._consent),
            web.post("/services/oauth2/authorize", self._decided),
            web.post("/services/oauth2/token", self._token),
            web.post("/services/oauth2/revoke", self._revoke),
            web.get("/lightning/r/{object}/{id}/view", self._record_page),
        ]

    def make_app(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST_REQUEST)
        app.add_routes(self.routes())
        return app

    # The REST API

    def _data(self, answer: "_Answer") -> Callable[[web.Request], Awaitable[web.Response]]:
        """The same for one whose session is good, counted, with Salesforce's own form of refusal."""

        async def serve(request: web.Request) -> web.Response:
            scheme, _, token = request.headers.get("Authorization", "").partition(" ")
            user_id = self.oauth.user_of(token) if scheme in {"Bearer", "OAuth"} else None
            if not user_id:
                return _errors(Refused(401, "INVALID_SESSION_ID", "Session expired or invalid"))
            if self.calls >= self.calls_a_day:
                return _errors(Refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."))
            self.calls += 1
            try:
                response = web.json_response(await answer(request, self.objects.user(user_id)))
            except Refused as refused:
                response = _errors(refused)
            response.headers["Sforce-Limit-Info"] = f"api-usage={self.calls}/{self.calls_a_day}"
            return response

        return serve

    async def _composite(self, request: web.Request, user: Row) -> Row:
        """https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_composite_post.htm"""
        if request.content_type != "application/json":
            raise Refused(415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type must be application/json")
        subrequests = _subrequests(await request.read())
        answered = []
        for each in subrequests:
            try:
                status, body = 200, self._subanswer(user, each["url"])
            except Refused as refused:
                status, body = refused.status, _error_list(refused)
            answered.append({"body": body, "httpHeaders": {}, "httpStatusCode": status, "referenceId": each["referenceId"]})
        return {"compositeResponse": answered}

    def _subanswer(self, user: Row, url: str) -> Any:
        parts = urlsplit(url)
        parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
        if "@{" in url or any("@{" in value for value in parameters.values()):
            raise Refused(400, "PROCESSING_HALTED", "Invalid reference specified. No value for reference found.")
        if _is_query(parts.path) and set(parameters) == {"q"}:
            self.asked.append(parameters["q"])
            return self.answers.query(user, soql.read(parameters["q"]))
        if found := _DESCRIBE.fullmatch(parts.path):
            return self.answers.describe(user, found[1])
        if (found := _ROW.fullmatch(parts.path)) and set(parameters) == {"fields"}:
            return self.answers.row(user, found[1], found[2], parameters["fields"].split(","))
        raise _nothing_there()

    async def _more(self, request: web.Request, user: Row) -> Row:
        return self.answers.more(user, request.match_info["locator"])

    async def _organisation(self, _: web.Request, user: Row) -> Row:
        """https://developer.salesforce.com/docs/atlas.en-us.chatterapi.meta/chatterapi/connect_responses_features.htm"""
        organisation = self.world["organisation"]
        currency = {} if self.multi_currency else {"defaultCurrencyIsoCode": organisation["currency"]}
        features = {"multiCurrency": self.multi_currency, "chatter": True, **currency}
        return {"name": organisation["name"], "orgId": self.objects.organisation_id, "features": features}

    # OAuth and pages

    async def _token(self, request: web.Request) -> web.Response:
        try:
            return web.json_response(self.oauth.tokens(await _form(request), f"{request.scheme}://{request.host}"))
        except BadGrant as bad:
            return web.json_response({"error": bad.error, "error_description": str(bad)}, status=400)

    async def _revoke(self, request: web.Request) -> web.Response:
        try:
            self.oauth.revoke((await _form(request)).get("token", ""))
        except BadGrant as bad:
            return web.json_response({"error": bad.error, "error_description": str(bad)}, status=400)
        return web.Response()

    async def _identity(self, request: web.Request) -> web.Response:
        """https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_using_openid.htm"""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        user_id = self.oauth.user_of(token)
        if not user_id:
            return web.Response(text="Bad_OAuth_Token", status=403)
        if request.match_info["organisation"] != self.objects.organisation_id or request.match_info["user"] != user_id:
            return web.Response(text="Wrong_Org", status=403)
        user = self.objects.user(user_id)
        told = {
            "id": str(request.url),
            "asserted_user": True,
            "user_id": user_id,
            "organization_id": self.objects.organisation_id,
            "username": user["Username"],
            "display_name": user["Name"],
            "email": user["Email"],
            "active": True,
            "user_type": "STANDARD",
        }
        return web.json_response(told)

    async def _consent(self, request: web.Request) -> web.Response:
        users = [user for user in self.objects.rows["User"].values() if user["IsActive"]]
        return pages.consent(self.oauth, dict(request.query), users)

    async def _decided(self, request: web.Request) -> web.Response:
        return pages.decided(self.oauth, await _form(request))

    async def _record_page(self, request: web.Request) -> web.Response:
        """What stands there is the demo's own: whoever runs this organisation may read it all."""
        rows = self.objects.rows.get(request.match_info["object"], {})
        return pages.record(request.match_info["object"], rows.get(request.match_info["id"]))


_Answer = Callable[[web.Request, Row], Awaitable[Row]]


async def _no_such_resource(_: web.Request, __: Row) -> Row:
    raise _nothing_there()


def _nothing_there() -> Refused:
    return Refused(404, "NOT_FOUND", "The requested resource does not exist")


def _is_query(path: str) -> bool:
    return path in {f"{DATA}/query", f"{DATA}/query/"}


def _subrequests(body: bytes) -> list[dict[str, str]]:
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "JSON_PARSER_ERROR", "Unexpected character in the body") from None
    subrequests = sent.get("compositeRequest") if isinstance(sent, dict) else None
    if not isinstance(subrequests, list) or not subrequests or set(sent) - {"compositeRequest", "allOrNone"}:
        raise Refused(400, "JSON_PARSER_ERROR", "Unrecognized field, or no composite request")
    if sent.get("allOrNone", False) is not False:
        raise Refused(400, "INVALID_INPUT", "allOrNone is only for what is written")
    if any(not isinstance(each, dict) or set(each) != {"method", "url", "referenceId"} for each in subrequests):
        raise Refused(400, "JSON_PARSER_ERROR", "a subrequest has a method, a url and a referenceId")
    names = [each["referenceId"] for each in subrequests]
    if len(set(names)) != len(names) or not all(isinstance(name, str) and _REFERENCE_ID.fullmatch(name) for name in names):
        raise Refused(400, "INVALID_INPUT", "reference ids are unique, of letters, digits and underscores")
    if any(each["method"] != "GET" or not str(each["url"]).startswith(f"{DATA}/") for each in subrequests):
        raise Refused(400, "INVALID_INPUT", "only GET, and only of this version")
    queries = sum(_is_query(urlsplit(each["url"]).path) for each in subrequests)
    if len(subrequests) > MOST_SUBREQUESTS or queries > MOST_QUERIES:
        raise Refused(400, "LIMIT_EXCEEDED", f"at most {MOST_SUBREQUESTS} subrequests, of them {MOST_QUERIES} queries")
    return subrequests


def _error_list(refused: Refused) -> list[dict[str, str]]:
    return [{"message": str(refused), "errorCode": refused.code}]


def _errors(refused: Refused) -> web.Response:
    return web.json_response(_error_list(refused), status=refused.status)


async def _form(request: web.Request) -> dict[str, str]:
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
