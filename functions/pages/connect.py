"""The page `connect`: on to Google's consent screen for one grant, and what is said when the browser comes back from there."""

from collections.abc import Collection, Mapping
from http import HTTPStatus

from starlette.responses import Response

from functions.log import log_problems
from functions.pages.browser import CONSENT
from functions.pages.html import Markup, bullets, element, link_button, page_response, small
from functions.pages.problem_pages import TRY_AGAIN, problem_page
from functions.pages.visit import CameBack, Visit
from functions.wiring import Process
from mailmagnet.connect_mailbox import connect_by_consent
from mailmagnet.consent import Grant
from mailmagnet.errors import AnotherAccount, BadRequest, MailMagnetError, NotAuthorised, NotKept

GRANT, AGAIN = "grant", "again"
"""The id that the page takes: which step of the ladder it is about, or AGAIN for what was granted before."""

WHAT_FOR: Mapping[Grant, tuple[str, str]] = {
    Grant.READ: ("Read your mail", "to list your mail with a contact, and to show it to colleagues where you share it"),
    Grant.SORT: ("Read and change your mail", "to find customers’ mail and put it under MailMagnet’s labels"),
    Grant.SEND: ("Manage drafts and send mail", "to write drafts for you, and to send them when you say so"),
}
"""Each grant in the words of Google's screen, and what MailMagnet wants it for."""

GOOGLE_ACCOUNT = "https://myaccount.google.com/connections"
"""Where a user sees and ends what was consented to."""

_ANSWER_OF_A_REFUSAL = "access_denied"
_LONGEST_NAME = 40


async def answer(visit: Visit) -> Response:
    """On to Google. Raises BadRequest when the link is about no grant, and what the vault raises."""
    who = visit.identity
    grants = await _wanted(visit.ids, who.org, who.user, visit.process)
    state = visit.browser.new_state(CONSENT, visit.page, who.org, who.user, visit.ids)
    url = visit.process.consent.url(grants, state=state.token, verifier=state.verifier, address=who.address)
    return visit.browser.led_to(url)


async def consented(came: CameBack) -> Response:
    """Back from Google's consent screen."""
    state = came.state
    try:
        wanted = await _wanted(state.ids, state.org, state.user, came.process)
        if not came.code:
            return _refused_page(wanted, came)
        # Certificates first: what cannot be checked is not fetched.
        await came.process.verifier.ready()
        missing = await connect_by_consent(state.org, state.user, wanted, came.code, state.verifier, came.process)
    except AnotherAccount as error:
        return _another_account_page(came.again, log_problems(error))
    except NotKept as error:
        return _not_kept_page(error, came.again, log_problems(error))
    except NotAuthorised as error:
        return _spent_page(came.again, log_problems(error))
    except MailMagnetError as error:
        return problem_page(error, log_problems(error), came.again)
    return _missing_page(missing, _again_for(missing, wanted, came)) if missing else _connected_page()


def _again_for(missing: Collection[Grant], wanted: Collection[Grant], came: CameBack) -> str:
    """Where what is missing is asked for; what was granted before, and is not any more, is no part of this step of the ladder."""
    gone = [grant for grant in Grant if grant in missing and grant not in wanted]
    if not gone:
        return came.again
    state, process = came.state, came.process
    return process.page_url(state.org, state.user, process.now(), state.page, {GRANT: gone[-1].value})


async def _wanted(ids: Mapping[str, str], org: str, user: str, process: Process) -> Collection[Grant]:
    if ids.get(GRANT) == AGAIN:
        connection = await process.vault.connection(org, user)
        return (connection.grants if connection else None) or {Grant.READ}
    try:
        return {Grant(ids.get(GRANT, ""))}
    except ValueError:
        raise BadRequest("the link is about no grant") from None


def _connected_page() -> Response:
    return page_response("Gmail is connected", "Close this window: the panel goes on by itself, or with Continue.", closes=True)


def _missing_page(missing: Collection[Grant], again: str) -> Response:
    """What was granted beside it is kept."""
    return page_response(
        "Something is not allowed yet",
        "On Google’s screen this was left without a tick:",
        bullets(_what_for(missing)),
        "What else you allowed is kept. Try again and tick it, or close this window and go on without.",
        link_button(TRY_AGAIN, again),
    )


def _refused_page(wanted: Collection[Grant], came: CameBack) -> Response:
    if came.error != _ANSWER_OF_A_REFUSAL:
        return page_response(
            "Google did not ask for your consent",
            "It sent you back with an error, and nothing was connected. If it stays so, tell your admin what it said.",
            link_button(TRY_AGAIN, came.again),
            small(f"Google said: {as_it_is_called(came.error)}"),
            status=HTTPStatus.BAD_GATEWAY,
        )
    return page_response(
        "You did not allow it",
        "Nothing was connected, and nothing has changed. MailMagnet asks for this:",
        bullets(_what_for(wanted)),
        link_button(TRY_AGAIN, came.again),
        "Or close this window and go on without.",
    )


def _another_account_page(again: str, reference: str) -> Response:
    return page_response(
        "That was another account",
        "You consented with another Google account than the one whose Gmail you came from. Nothing of it was kept.",
        "Try again, and choose the account of this mailbox on Google’s screen.",
        link_button(TRY_AGAIN, again),
        small(f"Reference {reference}"),
        status=HTTPStatus.FORBIDDEN,
    )


def _not_kept_page(error: NotKept, again: str, reference: str) -> Response:
    taken_back = element("a", "your Google Account", href=GOOGLE_ACCOUNT)
    left = Markup(f"If you do not want to try again, take MailMagnet’s access back in {taken_back}.")
    return page_response(
        "MailMagnet could not keep your consent",
        "Google gave it, and MailMagnet’s own data could not be reached then. Nothing was connected.",
        *([] if error.ended else [element("p", left)]),
        link_button(TRY_AGAIN, again),
        small(f"Reference {reference}"),
        status=HTTPStatus.SERVICE_UNAVAILABLE,
    )


def _spent_page(again: str, reference: str) -> Response:
    return page_response(
        "This consent was used already",
        "Google takes its answer once. If Gmail is connected, the panel shows it: close this window. If not, try again.",
        link_button(TRY_AGAIN, again),
        small(f"Reference {reference}"),
        status=HTTPStatus.UNAUTHORIZED,
    )


def _what_for(grants: Collection[Grant]) -> list[str]:
    return [f"“{name}”: {why}." for name, why in (WHAT_FOR[grant] for grant in Grant if grant in grants)]


def as_it_is_called(error: str) -> str:
    """What stands in an address could be anybody's words: only what looks like one of OAuth's names
    (https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1) is shown."""
    return error if error.replace("_", "").isalpha() and error.isascii() and len(error) <= _LONGEST_NAME else "nothing more"
