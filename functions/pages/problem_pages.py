"""The pages that say what went wrong: what happened, and the one thing to do. An error's own message is for the log alone."""

from http import HTTPStatus

from starlette.responses import Response

from functions.pages.html import NOBODY, link_button, page_response, small
from mailmagnet.errors import (
    BadRequest,
    Forbidden,
    LinkExpired,
    MailMagnetError,
    NotAuthorised,
    NotFound,
    NotPermitted,
    NotVerified,
    RateLimited,
    Side,
    Unavailable,
    Upstream,
)

TRY_AGAIN = "Try again"
FROM_THE_CRM = "Load the page in your CRM once more."
FROM_THE_PANEL = "Close this window, and press the button in Gmail’s panel once more."


def no_page() -> Response:
    return page_response("There is no page here", "MailMagnet works in Gmail: open its panel there.", status=HTTPStatus.NOT_FOUND)


def anothers_link_page(choose: str) -> Response:
    """`choose` leads to the choice among the browser's Google accounts."""
    return page_response(
        "This link is another user’s",
        "You are signed in to Google with another account than the one whose Gmail this link came from. Nothing was opened or changed.",
        link_button("Choose the right account", choose),
        status=HTTPStatus.FORBIDDEN,
    )


def not_signed_in_page(again: str) -> Response:
    return page_response(
        "You are not signed in",
        "Google did not sign you in, so nothing was opened or changed.",
        link_button(TRY_AGAIN, again),
        status=HTTPStatus.UNAUTHORIZED,
    )


def problem_page(error: MailMagnetError, reference: str, again: str = "", framed_by: str = NOBODY) -> Response:
    """`again` is where trying again begins, "" where that is in the panel, or in the CRM's page that frames this one."""
    title, to_do, status = _words(error)
    way_out = link_button(TRY_AGAIN, again) if again else FROM_THE_PANEL if framed_by == NOBODY else FROM_THE_CRM
    blocks = [*([to_do] if to_do else []), way_out, small(f"Reference {reference}")]
    return page_response(title, *blocks, status=status, framed_by=framed_by)


def status_of(error: MailMagnetError) -> int:
    """The page's status, for a page that says what went wrong in other words."""
    return _words(error)[2]


def failed_page(reference: str) -> Response:
    """For what nobody foresaw."""
    return page_response(
        "MailMagnet could not finish this",
        f"{FROM_THE_PANEL} If it stays so, tell your admin the reference.",
        small(f"Reference {reference}"),
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
    )


def _words(error: MailMagnetError) -> tuple[str, str, int]:
    """What happened, what to do beside trying again, and the status."""
    match error:
        case LinkExpired():
            return "This link is too old, or was used before", "Links and sign-ins are good once, and for a short while.", 401
        case NotVerified():
            return "This link does not hold", "It is damaged, or it was not opened from Gmail’s panel in this browser.", 401
        case Forbidden():
            return "You are not allowed to do this", "Ask your admin.", 403
        case BadRequest():
            return "This page was asked for in a way it cannot read", "", 400
        case Upstream():
            return _upstream_words(error)
    return "MailMagnet could not finish this", "If it stays so, tell your admin the reference.", 500


def _upstream_words(error: Upstream) -> tuple[str, str, int]:
    who = "Google" if error.who.side is Side.GMAIL else error.who.shown
    match error:
        case RateLimited():
            return f"{who} was asked too often", "Wait a minute.", 429
        case NotAuthorised():
            return f"{who} did not let you in", "What it answered was spent, or meant for another sign-in.", 401
        case NotPermitted():
            return f"{who} does not allow this", "Your admin can change it.", 403
        case NotFound():
            return f"This is not in {who} any more", "", 404
        case Unavailable():
            return f"{who} did not answer", "Nothing is lost.", 503
    return f"{who} sent an answer that MailMagnet cannot read", "If it stays so, tell your admin the reference.", 502
