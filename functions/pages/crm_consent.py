"""On to a CRM's own consent, and back from there: for a user's sign-in, and for the link of the CRM's whole account."""

from http import HTTPStatus

from starlette.responses import Response

from functions.log import log_problems
from functions.pages.browser import CRM_CONSENT
from functions.pages.connect import as_it_is_called
from functions.pages.html import link_button, page_response, small
from functions.pages.problem_pages import TRY_AGAIN, problem_page
from functions.pages.visit import FromCrm, Visit
from http_session.pkce import challenge_of
from mailmagnet.choose_crm import chosen_crm
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import BrowserSignIn
from mailmagnet.errors import AnotherCompany, MailMagnetError, NotAuthorised, NotKept, NotPermitted

_CRM = "crm"
"""What a state carries beside the page's ids: the CRM to which the browser was sent. No id of such a page is called so."""
_REFUSED = frozenset({"access_denied", "user_denied"})
"""What it is called that a user does not allow it: by RFC 6749, and at Pipedrive."""
CLOSE = "Close this window: the panel goes on by itself, or with Continue."


def named(crm: CrmChoice) -> str:
    """A CRM in a form's field or a state."""
    return f"{crm.kind} {crm.origin}"


def to_crm(visit: Visit, crm: CrmChoice, sign_in: BrowserSignIn) -> Response:
    """The browser on its way to the CRM."""
    who = visit.identity
    state = visit.browser.new_state(CRM_CONSENT, visit.page, who.org, who.user, {**visit.ids, _CRM: named(crm)})
    return visit.browser.led_to(sign_in.authorize_url(state.token, challenge_of(state.verifier)))


async def came_back(came: FromCrm) -> Response:
    """What the CRM's answer comes to. It is spent only on the CRM that the organisation has now."""
    crm = await chosen_crm(came.identity.org, came.process)
    name = came.process.crm_sign_in_of(crm).name
    if came.state.ids.get(_CRM) != named(crm):
        return _another_crm_page(name, came)
    if not came.answer.get("code"):
        return _refused_page(name, came)
    try:
        return await came.answer_with(crm, came)
    except MailMagnetError as error:
        return _failed_page(name, error, came, log_problems(error))


def _failed_page(name: str, error: MailMagnetError, came: FromCrm, reference: str) -> Response:
    match error:
        case NotKept():
            return _not_kept_page(name, error, came, reference)
        case AnotherCompany():
            return _another_company_page(name, error, came, reference)
        case NotPermitted():
            return _not_enough_page(name, came, reference)
        case NotAuthorised():
            return _spent_page(name, came, reference)
    return problem_page(error, reference, came.again)


def other_account_page(again: str) -> Response:
    """For a browser in which the user is not signed in with Google any more, or somebody else is."""
    return page_response(
        "This took too long",
        "You are not signed in to Google here any more as the user who began this, so nothing was kept.",
        link_button(TRY_AGAIN, again),
        status=HTTPStatus.UNAUTHORIZED,
    )


def _another_crm_page(name: str, came: FromCrm) -> Response:
    return page_response(
        "Your organisation has chosen another CRM meanwhile",
        f"It is {name} now. Nothing was kept of what you allowed.",
        link_button(TRY_AGAIN, came.again),
        status=HTTPStatus.CONFLICT,
    )


def _refused_page(name: str, came: FromCrm) -> Response:
    error = came.answer.get("error", "")
    if error and error not in _REFUSED:
        return page_response(
            f"{name} did not ask for your consent",
            "It sent you back with an error, and nothing was connected. If it stays so, tell your admin what it said.",
            link_button(TRY_AGAIN, came.again),
            small(f"{name} said: {as_it_is_called(error)}"),
            status=HTTPStatus.BAD_GATEWAY,
        )
    return page_response(
        "You did not allow it",
        f"Nothing of {name} was connected, and nothing has changed.",
        link_button(TRY_AGAIN, came.again),
        "Or close this window and go on without.",
    )


def _not_kept_page(name: str, error: NotKept, came: FromCrm, reference: str) -> Response:
    left = f"If you do not want to try again, take MailMagnet’s access back in your settings in {name}."
    return page_response(
        "MailMagnet could not keep your sign-in",
        f"{name} gave it, and MailMagnet’s own data could not be reached then. Nothing was connected.",
        *([] if error.ended else [left]),
        link_button(TRY_AGAIN, came.again),
        small(f"Reference {reference}"),
        status=HTTPStatus.SERVICE_UNAVAILABLE,
    )


def _another_company_page(name: str, error: AnotherCompany, came: FromCrm, reference: str) -> Response:
    if error.none_yet:
        title = "An admin signs in first"
        said = f"The first admin of MailMagnet who signs in to {name} shows which account there is your organisation’s. Nothing was kept."
    else:
        title = "That was another company’s account"
        said = f"You signed in to an account of {name} that is not your organisation’s. Nothing of it was kept."
    return page_response(
        title, said, link_button(TRY_AGAIN, came.again), small(f"Reference {reference}"), status=HTTPStatus.FORBIDDEN
    )


def _not_enough_page(name: str, came: FromCrm, reference: str) -> Response:
    return page_response(
        f"{name} does not allow this",
        f"What {name} grants you is not enough, or your admin there has not allowed MailMagnet. Nothing was kept.",
        link_button(TRY_AGAIN, came.again),
        small(f"Reference {reference}"),
        status=HTTPStatus.FORBIDDEN,
    )


def _spent_page(name: str, came: FromCrm, reference: str) -> Response:
    return page_response(
        f"{name} did not let you in",
        "Its answer is good once and for a short while. If you are signed in, the panel shows it: close this window. If not, try again.",
        link_button(TRY_AGAIN, came.again),
        small(f"Reference {reference}"),
        status=HTTPStatus.UNAUTHORIZED,
    )
