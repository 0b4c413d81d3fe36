"""The page `sign-in`: what the CRM wants typed, or the way to the CRM's own consent; kept as a sign-in; and its end.

What is typed is in no URL and no log.
"""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

from cards.words import for_long
from functions.log import log_problems
from functions.pages.crm_consent import CLOSE, named, to_crm
from functions.pages.html import element, form, hidden, link_button, page_response, small, text_field
from functions.pages.visit import FromCrm, Visit
from mailmagnet.caller import connected_or_not
from mailmagnet.choose_crm import chosen_crm
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import AccountSignIn, BrowserSignIn, CrmTokens, TypedSignIn
from mailmagnet.crm_users import ask_to_be_let_in
from mailmagnet.errors import NotAuthorised, RateLimited
from mailmagnet.sign_in_to_crm import sign_in_by_browser, sign_in_to_crm, sign_out_of_crm
from mailmagnet.vault import Connection

_ACTION, _SIGN_IN, _SIGN_OUT, _ASK = "action", "sign-in", "sign-out", "ask"
_CRM = "crm"
"""The field that says for which CRM the form was shown: what is typed is sent to no other."""
_ANEW = "anew"
"""The parameter with which somebody who is signed in signs in once more, in the browser."""


async def answer(visit: Visit) -> Response:
    """The form, or the way to the CRM; or what came of it. Raises what the CRM and the vault raise, but for what a user may type
    otherwise."""
    if visit.request.method == "GET":
        return await _sign_in_page(visit)
    typed = dict(await visit.form())
    action = typed.pop(_ACTION, "")
    if action == _SIGN_OUT:
        return await _signed_out(visit)
    return await (_asked(visit) if action == _ASK else _signed_in(visit, typed))


async def signed_in(crm: CrmChoice, came: FromCrm) -> Response:
    """Back from the CRM's own consent. Raises what the CRM and the vault raise."""
    process = came.process
    connection = await sign_in_by_browser(came.identity, crm, came.answer, came.state.verifier, process)
    return _signed_in_page(process.crm_sign_in_of(crm).name, connection)


async def _signed_in(visit: Visit, typed: Mapping[str, str]) -> Response:
    crm = await chosen_crm(visit.identity.org, visit.process)
    name = visit.process.crm_sign_in_of(crm).name
    if typed.get(_CRM) != named(crm):
        changed = f"Your organisation has chosen another CRM meanwhile: {name}. Nothing was sent to it."
        return await _sign_in_page(visit, problem=changed, status=HTTPStatus.CONFLICT)
    connection = await connected_or_not(visit.identity, visit.process)
    try:
        connection = await sign_in_to_crm(connection, crm, typed, visit.process)
    except RateLimited as error:
        wait = f"That were too many tries. {name} takes the next one in {for_long(error.retry_after)}."
        return await _sign_in_page(visit, typed, wait, log_problems(error), HTTPStatus.TOO_MANY_REQUESTS)
    except NotAuthorised as error:
        wrong = f"{name} did not let you in with this. Check each line, and try again."
        return await _sign_in_page(visit, typed, wrong, log_problems(error), HTTPStatus.UNAUTHORIZED)
    return _signed_in_page(name, connection)


def _signed_in_page(name: str, connection: Connection) -> Response:
    as_whom = f"As {connection.crm.name}. " if connection.crm else ""
    return page_response(f"You are signed in to {name}", as_whom + CLOSE, closes=True)


async def _signed_out(visit: Visit) -> Response:
    connection = await connected_or_not(visit.identity, visit.process)
    crm = connection.crm.crm if connection.crm else await chosen_crm(visit.identity.org, visit.process)
    await sign_out_of_crm(visit.identity.org, visit.identity.user, visit.process)
    return page_response(
        f"You are signed out of {visit.process.crm_sign_in_of(crm).name}",
        "MailMagnet shows nothing of it any more.",
        CLOSE,
        closes=True,
    )


async def _asked(visit: Visit) -> Response:
    """Whom nobody has let in yet is on the admin's list from now on."""
    crm = await chosen_crm(visit.identity.org, visit.process)
    await ask_to_be_let_in(visit.identity, visit.process)
    return page_response(
        "Your admins see that you wait",
        f"Nobody is told by mail: say it to one of them. Once you are let in to {visit.process.crm_sign_in_of(crm).name}, the panel "
        "shows it.",
        "Close this window.",
        closes=True,
    )


async def _sign_in_page(
    visit: Visit,
    typed: Mapping[str, str] | None = None,
    problem: str = "",
    reference: str = "",
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    """What was typed stands there again, but for what is secret. Whoever signs in at the CRM itself goes there at once."""
    crm = await chosen_crm(visit.identity.org, visit.process)
    sign_in = visit.process.crm_sign_in_of(crm)
    connection = await connected_or_not(visit.identity, visit.process)
    if isinstance(sign_in, AccountSignIn):
        return await _let_in_page(visit, sign_in.name, connection, crm)
    if isinstance(sign_in, BrowserSignIn) and not problem and (not connection.crm or _ANEW in visit.request.query_params):
        return to_crm(visit, crm, sign_in)
    return page_response(
        f"Sign in to {sign_in.name}",
        *([element("p", problem, role="alert")] if problem else []),
        f"MailMagnet then shows you in Gmail ({visit.identity.address}) what {sign_in.name} shows you, and nothing else.",
        _typed_form(visit, crm, sign_in, typed or {})
        if isinstance(sign_in, TypedSignIn)
        else link_button("Sign in", f"{visit.url}&{_ANEW}=1"),
        *(_sign_out_form(visit, connection.crm) if connection.crm else []),
        *_ask_form(visit, sign_in.name, connection, crm),
        *([small(f"Reference {reference}")] if reference else []),
        status=status,
    )


def _typed_form(visit: Visit, crm: CrmChoice, sign_in: TypedSignIn, typed: Mapping[str, str]) -> str:
    fields = [text_field(each.name, each.label, secret=each.secret, value=typed.get(each.name, "")) for each in sign_in.fields]
    return form(visit.url, "Sign in", visit.csrf_field, hidden(_ACTION, _SIGN_IN), hidden(_CRM, named(crm)), *fields)


def _sign_out_form(visit: Visit, tokens: CrmTokens) -> tuple[str, ...]:
    return (
        element("p", f"You are signed in now as {tokens.name}."),
        form(visit.url, "Sign out", visit.csrf_field, hidden(_ACTION, _SIGN_OUT)),
    )


async def _let_in_page(visit: Visit, name: str, connection: Connection, crm: CrmChoice) -> Response:
    """Where an admin lets users in through the account, nobody signs in."""
    let_in = bool(connection.crm and connection.crm.crm == crm and connection.crm.through_account)
    return page_response(
        f"An admin lets you in to {name}",
        f"Nobody signs in to {name} for MailMagnet: an admin of MailMagnet has connected it for everybody, and says who may use it.",
        *(_let_out_form(visit, connection.crm) if let_in and connection.crm else _ask_form(visit, name, connection, crm)),
    )


def _let_out_form(visit: Visit, tokens: CrmTokens) -> tuple[str, ...]:
    return (
        element("p", f"You are let in as {tokens.name}. Ended here, only an admin can let you in again."),
        form(visit.url, "End it", visit.csrf_field, hidden(_ACTION, _SIGN_OUT)),
    )


def _ask_form(visit: Visit, name: str, connection: Connection, crm: CrmChoice) -> tuple[str, ...]:
    """For whom an admin's list has not, where the CRM itself has no permission for MailMagnet."""
    if visit.process.crm_client_of(crm).capabilities.permission or connection.listed:
        return ()
    return (
        element("p", f"An admin of MailMagnet has to let you in to {name} first."),
        form(visit.url, "Ask to be let in", visit.csrf_field, hidden(_ACTION, _ASK)),
    )
