"""The page `sign-in`: what the CRM wants typed, kept as a sign-in; and its end. What is typed is in no URL and no log."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

from cards.words import for_long
from functions.log import log_problems
from functions.pages.html import element, form, hidden, page_response, small, text_field
from functions.pages.visit import Visit
from mailmagnet.caller import connected_or_not
from mailmagnet.choose_crm import chosen_crm
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmTokens, TypedSignIn
from mailmagnet.errors import NotAuthorised, RateLimited
from mailmagnet.sign_in_to_crm import sign_in_to_crm, sign_out_of_crm

_ACTION, _SIGN_IN, _SIGN_OUT = "action", "sign-in", "sign-out"
_CRM = "crm"
"""The field that says for which CRM the form was shown: what is typed is sent to no other."""
_CLOSE = "Close this window: the panel goes on by itself, or with Continue."


async def answer(visit: Visit) -> Response:
    """The form; or what came of it. Raises what the CRM and the vault raise, but for what a user may type otherwise."""
    if visit.request.method == "GET":
        return await _sign_in_page(visit)
    typed = dict(await visit.form())
    if typed.pop(_ACTION, "") == _SIGN_OUT:
        return await _signed_out(visit)
    return await _signed_in(visit, typed)


async def _signed_in(visit: Visit, typed: Mapping[str, str]) -> Response:
    crm = await chosen_crm(visit.identity.org, visit.process)
    name = visit.process.crm_sign_in_of(crm).name
    if typed.get(_CRM) != _named(crm):
        changed = f"Your organisation has chosen another CRM meanwhile: {name}. Nothing was sent to it."
        return await _sign_in_page(visit, problem=changed, status=HTTPStatus.CONFLICT)
    connection = await connected_or_not(visit.identity, visit.process)
    try:
        signed_in = await sign_in_to_crm(connection, crm, typed, visit.process)
    except RateLimited as error:
        wait = f"That were too many tries. {name} takes the next one in {for_long(error.retry_after)}."
        return await _sign_in_page(visit, typed, wait, log_problems(error), HTTPStatus.TOO_MANY_REQUESTS)
    except NotAuthorised as error:
        wrong = f"{name} did not let you in with this. Check each line, and try again."
        return await _sign_in_page(visit, typed, wrong, log_problems(error), HTTPStatus.UNAUTHORIZED)
    as_whom = f"As {signed_in.crm.name}. " if signed_in.crm else ""
    return page_response(f"You are signed in to {name}", as_whom + _CLOSE, closes=True)


async def _signed_out(visit: Visit) -> Response:
    connection = await connected_or_not(visit.identity, visit.process)
    crm = connection.crm.crm if connection.crm else await chosen_crm(visit.identity.org, visit.process)
    await sign_out_of_crm(visit.identity.org, visit.identity.user, visit.process)
    return page_response(
        f"You are signed out of {visit.process.crm_sign_in_of(crm).name}",
        "MailMagnet shows nothing of it any more.",
        _CLOSE,
        closes=True,
    )


async def _sign_in_page(
    visit: Visit,
    typed: Mapping[str, str] | None = None,
    problem: str = "",
    reference: str = "",
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    """What was typed stands there again, but for what is secret."""
    crm = await chosen_crm(visit.identity.org, visit.process)
    crm_sign_in = visit.process.crm_sign_in_of(crm)
    fields = [
        text_field(each.name, each.label, secret=each.secret, value=(typed or {}).get(each.name, ""))
        for each in (crm_sign_in.fields if isinstance(crm_sign_in, TypedSignIn) else ())
    ]
    connection = await connected_or_not(visit.identity, visit.process)
    return page_response(
        f"Sign in to {crm_sign_in.name}",
        *([element("p", problem, role="alert")] if problem else []),
        f"MailMagnet then shows you in Gmail ({visit.identity.address}) what {crm_sign_in.name} shows you, and nothing else.",
        form(visit.url, "Sign in", visit.csrf_field, hidden(_ACTION, _SIGN_IN), hidden(_CRM, _named(crm)), *fields),
        *(_sign_out_form(visit, connection.crm) if connection.crm else []),
        *([small(f"Reference {reference}")] if reference else []),
        status=status,
    )


def _named(crm: CrmChoice) -> str:
    return f"{crm.kind} {crm.origin}"


def _sign_out_form(visit: Visit, tokens: CrmTokens) -> tuple[str, ...]:
    return (
        element("p", f"You are signed in now as {tokens.name}."),
        form(visit.url, "Sign out", visit.csrf_field, hidden(_ACTION, _SIGN_OUT)),
    )
