"""The function `addon`: every trigger and click of the sidebar, told apart by path: verify -> parse -> core -> card."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cards.account_card import account_card
from cards.answers import Answer, notify, push_card, requesting_google_scopes, show, update_card
from cards.contact_card import contact_card
from cards.error_card import error_card
from cards.home_card import home_card
from cards.lead_card import lead_card
from cards.message_card import message_card
from cards.search_card import search_card
from cards.view import SEARCH_INPUT, Path, View
from cards.widgets import Card
from functions.boundary import body_of
from functions.event import SCOPE_OPEN_MAIL, Event, event_of, json_of, user_token_of
from functions.log import log, new_reference
from functions.wiring import Parts
from mailmagnet.crm import Crm
from mailmagnet.errors import BadRequest, MailMagnetError, ScopesMissing, TimedOut, Upstream
from mailmagnet.gmail import OpenMailTokens
from mailmagnet.homepage import homepage
from mailmagnet.identity import Identity
from mailmagnet.open_message import connection_of, open_message
from mailmagnet.open_record import open_account, open_contact, search

CARD_SECONDS = 0.4
"""Kept back from the answer's time for making the card and sending it."""

Result = TypeVar("Result")
Trigger = Callable[["Asked"], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A verified request: who asks for what, how they read, and by when (the loop's time, in seconds) the core must answer."""

    event: Event
    identity: Identity
    parts: Parts
    view: View
    by: float

    async def within(self, answer: Awaitable[Result], who: str) -> Result:
        """An answer of `who`, by `by`. Raises TimedOut."""
        seconds = self.by - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            raise TimedOut(who, max(round(seconds, 1), 0.0)) from None


async def answer(request: Request, parts: Parts) -> Response:
    """The answer to one trigger or click, within the settings' `answer_seconds`. Raises what is no user's to see."""
    started = asyncio.get_running_loop().time()
    path = request.url.path
    trigger = TRIGGERS.get(path)
    if request.method != "POST" or not trigger:
        return Response(status_code=404 if not trigger else 405)
    await parts.verifier.caller(
        request.headers.get("authorization", ""),
        audience=parts.settings.addon_url + path,
        service_account=parts.settings.addon_service_account,
    )
    body = json_of(await body_of(request))
    try:
        identity = await parts.verifier.user(user_token_of(body), client_id=parts.settings.oauth_client_id)
        event = event_of(body)
    except ScopesMissing as missing:
        return JSONResponse(requesting_google_scopes(missing.scopes))
    seconds = parts.settings.answer_seconds - CARD_SECONDS
    view = View(event.reader, parts.now(), parts.settings.addon_url)
    asked = Asked(event, identity, parts, view, started + seconds)
    return JSONResponse(await _in_time(trigger, asked, path, seconds))


async def _in_time(trigger: Trigger, asked: Asked, path: str, seconds: float) -> Answer:
    try:
        # The core keeps to `by` itself and shows what has come; this is for what does not.
        async with asyncio.timeout_at(asked.by + CARD_SECONDS / 2):
            return await trigger(asked)
    except ScopesMissing as missing:
        return requesting_google_scopes(missing.scopes)
    except TimeoutError:
        return _sorry(TimedOut("MailMagnet", round(seconds, 1)), asked, path)
    except Upstream as error:
        return _sorry(error, asked, path)


def _sorry(error: MailMagnetError, asked: Asked, path: str) -> Answer:
    reference = new_reference()
    log("WARNING", "problem shown", error=type(error).__name__, reason=str(error), reference=reference)
    retry, parameters = _again(asked.event, path)
    card = error_card(error, reference, asked.view, (retry, parameters))
    if path in (Path.HOME, Path.MESSAGE):
        return show(card)
    return update_card(card) if path in (Path.RETRY_HOME, Path.RETRY_MESSAGE) else push_card(card)


def _again(event: Event, path: str) -> tuple[Path, dict[str, str]]:
    """The click that asks once more for what has failed."""
    if path in (Path.HOME, Path.DEALS_AND_SEARCH):
        return Path.RETRY_HOME, {}
    if path == Path.MESSAGE and event.gmail:
        return Path.RETRY_MESSAGE, {"message_id": event.gmail.message_id}
    return Path(path), dict(event.common.parameters)


async def _home(asked: Asked) -> Card:
    answer = await homepage(
        asked.identity,
        vault=asked.parts.vault,
        store=asked.parts.store,
        reader=asked.parts.reader,
        crm_of=asked.parts.crm_of,
        now=asked.parts.now(),
        by=asked.by,
    )
    return home_card(answer, asked.view)


async def _message(asked: Asked) -> Card:
    gmail = asked.event.gmail
    if not gmail:
        raise BadRequest("gmail: Field required while a message is open")
    asked.event.require_scope(SCOPE_OPEN_MAIL)
    answer = await open_message(
        gmail.message_id,
        OpenMailTokens(asked.event.authorization.user_o_auth_token, gmail.access_token),
        asked.identity,
        reader=asked.parts.reader,
        vault=asked.parts.vault,
        crm_of=asked.parts.crm_of,
        now=asked.parts.now(),
        by=asked.by,
    )
    return message_card(answer, asked.view, gmail.message_id)


async def _contact(asked: Asked) -> Card:
    crm = await _crm(asked)
    opened = await asked.within(open_contact(asked.event.parameter("id"), crm, asked.parts.now()), crm.name)
    return contact_card(opened.record, crm.name, opened.today, asked.view)


async def _lead(asked: Asked) -> Card:
    crm = await _crm(asked)
    return lead_card(await asked.within(crm.lead(asked.event.parameter("id")), crm.name), crm.name)


async def _account(asked: Asked) -> Card:
    crm = await _crm(asked)
    opened = await asked.within(open_account(asked.event.parameter("id"), crm, asked.parts.now()), crm.name)
    return account_card(opened.record, crm.name, opened.today, asked.view)


async def _search(asked: Asked) -> Answer:
    words = asked.event.form_text(SEARCH_INPUT).strip()
    if not words:
        return notify("Type a name, a company or an address to search for.")
    crm = await _crm(asked)
    opened = await asked.within(search(words, crm, asked.parts.now()), crm.name)
    return push_card(search_card(opened.record, words, crm.name, opened.today, asked.view))


async def _crm(asked: Asked) -> Crm:
    """The CRM as this user sees it: asked again at each click."""
    kept = await asked.parts.vault.connection(asked.identity.org, asked.identity.user)
    return asked.parts.crm_of(kept or connection_of(asked.identity))


def _shown(card: Callable[[Asked], Awaitable[Card]]) -> Trigger:
    async def trigger(asked: Asked) -> Answer:
        return show(await card(asked))

    return trigger


def _pushed(card: Callable[[Asked], Awaitable[Card]]) -> Trigger:
    async def click(asked: Asked) -> Answer:
        return push_card(await card(asked))

    return click


def _updated(card: Callable[[Asked], Awaitable[Card]]) -> Trigger:
    async def click(asked: Asked) -> Answer:
        return update_card(await card(asked))

    return click


TRIGGERS: dict[str, Trigger] = {
    Path.HOME: _shown(_home),
    Path.MESSAGE: _shown(_message),
    # The homepage's card on top of what is open: of an open mail's panel it is one step back.
    Path.DEALS_AND_SEARCH: _pushed(_home),
    Path.RETRY_HOME: _updated(_home),
    Path.RETRY_MESSAGE: _updated(_message),
    Path.CONTACT: _pushed(_contact),
    Path.LEAD: _pushed(_lead),
    Path.ACCOUNT: _pushed(_account),
    Path.SEARCH: _search,
}
"""Every path that is served, and the only audiences that a call may be meant for."""
