"""A visit to one of our pages by a browser whose user is proven: what every page is given."""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from cards.frame import Page
from functions.boundary import body_of
from functions.pages.browser import Browser, State
from functions.pages.html import Markup, hidden
from functions.wiring import Process
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.errors import BadRequest, NotVerified
from mailmagnet.identity import Identity

CSRF_FIELD = "csrf"
MOST_FIELDS = 50


@dataclass(frozen=True, slots=True)
class Visit:
    """`identity` is whom both the link and the browser's sign-in with Google name; `ids` are what the link is about.

    `now` (aware) is read once for the whole answer. `csrf` is what a form of ours carries, so that no other site can send it in this
    browser's name.
    """

    request: Request
    process: Process
    browser: Browser
    now: datetime
    page: Page
    identity: Identity
    ids: Mapping[str, str]
    csrf: str = field(repr=False)

    @property
    def url(self) -> str:
        """This page once more, about the same, with a link that is good from now on."""
        return self.url_of(self.page, **self.ids)

    def url_of(self, page: Page, /, **ids: str) -> str:
        """Another page, for the same user."""
        return self.process.page_url(self.identity.org, self.identity.user, self.now, page, ids)

    @property
    def csrf_field(self) -> Markup:
        """To be among the fields of every form."""
        return hidden(CSRF_FIELD, self.csrf)

    async def form(self) -> Mapping[str, str]:
        """What was typed into a form of this page. Raises NotVerified when it is not one that this browser was given, BadRequest, and
        BodyTooLarge."""
        try:
            fields = parse_qsl((await body_of(self.request)).decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
        except ValueError:
            raise BadRequest("the form cannot be read") from None
        typed = dict(fields)
        # Origin says nothing: under our Referrer-Policy browsers send "null".
        from_us = self.request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
        if not from_us or not hmac.compare_digest(typed.pop(CSRF_FIELD, "").encode(), self.csrf.encode()):
            raise NotVerified("the form is not one that this browser was given")
        return typed


@dataclass(frozen=True, slots=True)
class CameBack:
    """A browser that Google has sent back: its state, and a code, or an `error` as Google calls it. `again` is the page that sent it
    there."""

    state: State
    code: str = field(repr=False)
    error: str
    process: Process
    again: str


@dataclass(frozen=True, slots=True)
class FromCrm:
    """A browser that a CRM has sent back, whose user is proven: its state, and what the CRM's answer holds (`code`, or `error` as the CRM
    calls it). `answer_with` is what the page that sent it there does with a code."""

    state: State
    identity: Identity
    answer: Mapping[str, str] = field(repr=False)
    process: Process
    now: datetime
    again: str
    answer_with: "CrmAnswer"


CrmAnswer = Callable[[CrmChoice, FromCrm], Awaitable[Response]]
"""What a page answers whom the organisation's CRM has sent back with a code. It raises what the CRM and the vault raise."""
PageAnswer = Callable[[Visit], Awaitable[Response]]
"""What a page answers its proven visitor. Errors of the tree that it raises become a page that says what happened."""
