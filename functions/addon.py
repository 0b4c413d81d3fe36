"""The function `addon`: every trigger and click of the sidebar: verify -> parse -> its line in functions.triggers -> envelope."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cards.answers import Answer, custom_authorization_prompt, notify, requesting_google_scopes, update_card
from cards.frame import SEARCH_INPUT, Frame, Path
from cards.search_card import too_little_typed
from functions.boundary import body_of
from functions.event import Event, event_of, object_of, system_token_of, user_token_of
from functions.log import log_once, names, requester
from functions.triggers import TRIGGERS, Press, SidebarCall, Trigger, framed
from functions.user_limit import UserLimit
from functions.verify import bearer_of, signature_is_removed
from functions.wiring import Process
from mailmagnet.caller import Caller
from mailmagnet.errors import MAILMAGNET, MailMagnetError, NothingTyped, ScopesMissing, SignInNeeded, TimedOut
from mailmagnet.identity import Identity

CARD_SECONDS = 0.4
"""Kept back from the answer's time for making the card and sending it."""


async def answer(request: Request, process: Process) -> Response:
    """The answer to one trigger or click, within the settings' `answer_seconds`. Raises errors that must not reach the user."""
    started = asyncio.get_running_loop().time()
    if request.scope["path"] not in TRIGGERS:
        return Response(status_code=404)
    if request.method != "POST":
        return Response(status_code=405)
    path = Path(request.scope["path"])
    body = await _from_google(request, process, process.settings.addon_url + path)
    try:
        identity = await _user(body, process)
    except ScopesMissing as missing:
        return JSONResponse(requesting_google_scopes(missing.scopes))
    requester.set(names(identity.org, identity.user, process.settings.log_key.get_secret_value()))
    event = event_of(body)
    seconds = process.settings.answer_seconds - CARD_SECONDS
    caller = Caller(identity, process.now(), started + seconds)
    frame = Frame(
        event.locale,
        caller.now,
        process.settings.addon_url,
        path,
        partial(process.page_url, identity.org, identity.user, caller.now),
        _ids(path, event),
        event.typed(SEARCH_INPUT),
    )
    answered = await _answered(TRIGGERS[path], SidebarCall(event, caller, process), frame, process.user_limit, seconds)
    return JSONResponse(answered, background=BackgroundTask(_note_opening, caller, process))


async def _note_opening(caller: Caller, process: Process) -> None:
    await process.openings.note(caller, process)


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


def _ids(path: Path, event: Event) -> Mapping[str, str]:
    """What the same call carries when it is made again."""
    if path in {Path.REPLY, Path.PERSON}:
        return {**event.parameters, "message_id": event.message_id}
    return {"message_id": event.message_id} if path is Path.MESSAGE else event.parameters


async def _answered(trigger: Trigger | Press, call: SidebarCall, frame: Frame, user_limit: UserLimit, seconds: float) -> Answer:
    """The trigger's card, or in its place what went wrong. `seconds` is how long the core had."""
    envelope = update_card if call.event.in_place or isinstance(trigger, Press) else trigger.envelope
    try:
        user_limit.count(call.caller.identity)
        # The core keeps to the caller's `by` itself and shows what has come; this is for what does not.
        async with asyncio.timeout_at(call.caller.by + CARD_SECONDS / 2):
            return await trigger.answer(call, frame) if isinstance(trigger, Press) else envelope(await trigger.card(call, frame))
    except ScopesMissing as missing:
        return requesting_google_scopes(missing.scopes)
    except NothingTyped as nothing:
        return notify(too_little_typed(nothing.letters))
    except TimeoutError:
        error: MailMagnetError = TimedOut(MAILMAGNET, round(seconds, 1))
    except MailMagnetError as problem:
        error = problem
    drawn_in = await framed(frame, [error], call)
    if isinstance(trigger, Press):
        return trigger.failed(error, drawn_in)
    card = trigger.failed(error, drawn_in)
    # Where nothing can be shown before a sign-in, the card is the way to it.
    return custom_authorization_prompt(card) if isinstance(error, SignInNeeded) else envelope(card)
