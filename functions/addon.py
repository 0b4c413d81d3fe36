"""The function `addon`: every trigger and click of the sidebar, told apart by path: verify -> parse -> core -> card."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cards.account_card import account_card
from cards.answers import Answer, notify, push_card, requesting_google_scopes, show, update_card
from cards.contact_card import contact_card
from cards.error_card import error_card, failed_search_card
from cards.frame import SEARCH_INPUT, Frame, Path
from cards.home_card import home_card
from cards.lead_card import lead_card
from cards.message_card import message_card
from cards.search_card import search_card
from cards.widgets import Card
from functions.boundary import body_of
from functions.event import Event, event_of, object_of, system_token_of, user_token_of
from functions.log import log, log_once, names, new_reference, requester
from functions.verify import bearer_of, signature_is_removed
from functions.wiring import Process
from mailmagnet.crm import Crm
from mailmagnet.deadline import in_time
from mailmagnet.errors import MailMagnetError, ScopesMissing, TimedOut
from mailmagnet.homepage import homepage
from mailmagnet.identity import Identity
from mailmagnet.open_message import connection_of, open_message
from mailmagnet.open_record import open_account, open_contact, search

CARD_SECONDS = 0.4
"""Kept back from the answer's time for making the card and sending it."""

Trigger = Callable[["Asked"], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A verified request: who asks for what, how they read, and by when (the loop's time, in seconds) the core must answer."""

    event: Event
    identity: Identity
    process: Process
    frame: Frame
    by: float


async def answer(request: Request, process: Process) -> Response:
    """The answer to one trigger or click, within the settings' `answer_seconds`. Raises what is no user's to see."""
    started = asyncio.get_running_loop().time()
    if request.url.path not in TRIGGERS:
        return Response(status_code=404)
    if request.method != "POST":
        return Response(status_code=405)
    path = Path(request.url.path)
    body = await _from_google(request, process, process.settings.addon_url + path)
    try:
        identity = await _user(body, process)
    except ScopesMissing as missing:
        return JSONResponse(requesting_google_scopes(missing.scopes))
    requester.set(names(identity.org, identity.user, process.settings.log_key.get_secret_value()))
    event = event_of(body)
    seconds = process.settings.answer_seconds - CARD_SECONDS
    frame = Frame(event.locale, process.now(), process.settings.addon_url)
    asked = Asked(event, identity, process, frame, started + seconds)
    return JSONResponse(await _in_time(asked, path, seconds))


async def _from_google(request: Request, process: Process, audience: str) -> Mapping[str, Any]:
    """The body, which the add-on's account has sent to exactly this endpoint.

    The Authorization header's token proves it, before anything of the body is read. Where Cloud Run has taken that token's signature
    away, the token in the body has to prove the same, and nothing else of the body is looked at before.
    """
    token, account = bearer_of(request.headers.get("authorization", "")), process.settings.addon_service_account
    removed = signature_is_removed(token)
    if not removed:
        await process.verifier.service(token, audience=audience, service_account=account)
    body = object_of(await body_of(request))
    if removed:
        await process.verifier.service(system_token_of(body), audience=audience, service_account=account)
    log_once("Google's calls", verified_by="the event's token" if removed else "the header's token")
    return body


async def _user(body: Mapping[str, Any], process: Process) -> Identity:
    client, domains = process.settings.addon_client_id, process.settings.internal_domains
    return await process.verifier.user(user_token_of(body), client_id=client, internal_domains=domains)


async def _in_time(asked: Asked, path: Path, seconds: float) -> Answer:
    try:
        asked.process.user_limit.count(asked.identity)
        # The core keeps to `by` itself and shows what has come; this is for what does not.
        async with asyncio.timeout_at(asked.by + CARD_SECONDS / 2):
            return await TRIGGERS[path](asked)
    except ScopesMissing as missing:
        return requesting_google_scopes(missing.scopes)
    except TimeoutError:
        return _sorry(TimedOut("MailMagnet", round(seconds, 1)), asked, path)
    except MailMagnetError as error:
        return _sorry(error, asked, path)


def _sorry(error: MailMagnetError, asked: Asked, path: Path) -> Answer:
    reference = _reference_of(error)
    if path.again is Path.RETRY_SEARCH:
        card = failed_search_card(error, reference, asked.event.form_text(SEARCH_INPUT), asked.frame)
    else:
        card = error_card(error, reference, asked.frame, (path.again, _ids(path, asked.event)))
    if path in (Path.HOME, Path.MESSAGE):
        return show(card)
    return update_card(card) if path is path.again else push_card(card)


def _ids(path: Path, event: Event) -> dict[str, str]:
    """What the click that asks once more has to carry."""
    return {"message_id": event.gmail.message_id} if path is Path.MESSAGE and event.gmail else dict(event.parameters)


def _reference_of(*problems: MailMagnetError | None) -> str:
    """The reference under which the problems that an answer shows are in the log; "" when there is none."""
    told = [problem for problem in problems if problem]
    reference = new_reference() if told else ""
    for problem in told:
        log("WARNING", "problem shown", error=type(problem).__name__, reason=str(problem), reference=reference)
    return reference


async def _home(asked: Asked) -> Card:
    answer = await homepage(
        asked.identity,
        vault=asked.process.vault,
        store=asked.process.store,
        reader=asked.process.reader,
        crm_of=asked.process.crm_of,
        now=asked.process.now(),
        by=asked.by,
    )
    return home_card(answer, asked.frame, _reference_of(answer.crm_problem, answer.mail_problem))


async def _message(asked: Asked) -> Card:
    message_id, tokens = asked.event.open_mail()
    answer = await open_message(
        message_id,
        tokens,
        asked.identity,
        reader=asked.process.reader,
        vault=asked.process.vault,
        crm_of=asked.process.crm_of,
        now=asked.process.now(),
        by=asked.by,
    )
    return message_card(answer, asked.frame, message_id, _reference_of(answer.problem))


async def _contact(asked: Asked) -> Card:
    crm = await _crm(asked)
    opened = await in_time(crm.name, asked.by, open_contact(asked.event.parameter("id"), crm, asked.process.now()))
    return contact_card(opened.record, crm.name, opened.today, asked.frame)


async def _lead(asked: Asked) -> Card:
    crm = await _crm(asked)
    return lead_card(await in_time(crm.name, asked.by, crm.lead(asked.event.parameter("id"))), crm.name)


async def _account(asked: Asked) -> Card:
    crm = await _crm(asked)
    opened = await in_time(crm.name, asked.by, open_account(asked.event.parameter("id"), crm, asked.process.now()))
    return account_card(opened.record, crm.name, opened.today, asked.frame)


async def _search(asked: Asked) -> Card:
    words = asked.event.form_text(SEARCH_INPUT).strip()
    crm = await _crm(asked)
    opened = await in_time(crm.name, asked.by, search(words, crm, asked.process.now()))
    return search_card(opened.record, words, crm.name, opened.today, asked.frame)


async def _crm(asked: Asked) -> Crm:
    """The CRM as this user sees it: asked again at each click."""
    kept = await asked.process.vault.connection(asked.identity.org, asked.identity.user)
    return asked.process.crm_of(kept or connection_of(asked.identity))


def _in(envelope: Callable[[Card], Answer], card: Callable[[Asked], Awaitable[Card]]) -> Trigger:
    async def trigger(asked: Asked) -> Answer:
        return envelope(await card(asked))

    return trigger


def _with_words(search: Trigger) -> Trigger:
    async def click(asked: Asked) -> Answer:
        if not asked.event.form_text(SEARCH_INPUT).strip():
            return notify("Type a name, a company or an address to search for.")
        return await search(asked)

    return click


TRIGGERS: dict[Path, Trigger] = {
    Path.HOME: _in(show, _home),
    Path.MESSAGE: _in(show, _message),
    # The homepage's card on top of what is open: of an open mail's panel it is one step back.
    Path.DEALS_AND_SEARCH: _in(push_card, _home),
    Path.CONTACT: _in(push_card, _contact),
    Path.LEAD: _in(push_card, _lead),
    Path.ACCOUNT: _in(push_card, _account),
    Path.SEARCH: _with_words(_in(push_card, _search)),
    Path.RETRY_HOME: _in(update_card, _home),
    Path.RETRY_MESSAGE: _in(update_card, _message),
    Path.RETRY_CONTACT: _in(update_card, _contact),
    Path.RETRY_LEAD: _in(update_card, _lead),
    Path.RETRY_ACCOUNT: _in(update_card, _account),
    Path.RETRY_SEARCH: _with_words(_in(update_card, _search)),
}
"""Every path that is served, and the only audiences that a call may be meant for."""
