"""What went wrong, for the rep: what happened, the one thing to do next, and a Retry button where trying again is worth it."""

from dataclasses import dataclass

from cards import words
from cards.frame import Frame
from cards.widgets import OnClick, Section, button, decorated_text, section
from mailmagnet.crm import MAIL_INTEGRATION
from mailmagnet.errors import (
    BadAnswer,
    BadRequest,
    Forbidden,
    LeaseLost,
    LeaseTaken,
    MailMagnetError,
    NotAuthorised,
    NotBound,
    NotFound,
    NotPermitted,
    NotVerified,
    RateLimited,
    ScopesMissing,
    TimedOut,
    Unavailable,
    Upstream,
)
from mailmagnet.gmail import GMAIL
from mailmagnet.identity import Locale


@dataclass(frozen=True, slots=True)
class Problem:
    """`to_do` is "" when trying again is all there is to do: then the button says it."""

    happened: str
    to_do: str = ""
    again: bool = False


def problem_of(error: MailMagnetError, locale: Locale) -> Problem:
    """The error in plain words. Nothing of its message is shown: messages are for the log."""
    return _upstream_problem(error, locale) if isinstance(error, Upstream) else _own_problem(error)


def problem_section(
    error: MailMagnetError, reference: str, frame: Frame, retry: OnClick | None, header: str = ""
) -> Section | None:
    """The problem; `retry` is what its button does, left out where it would not help; `reference` (also in the log) may be ""."""
    problem = problem_of(error, frame.locale)
    again = button("Retry", retry) if problem.again and retry else None
    below = words.facts(problem.to_do, f"Reference {reference}" if reference else "")
    return section([decorated_text(problem.happened, below=below, wrap=True, at_its_end=again)], header)


def _upstream_problem(error: Upstream, locale: Locale) -> Problem:
    who = words.name(f"{error.who[:1].upper()}{error.who[1:]}")
    match error:
        case NotBound():
            account = words.name(f"account {error.user} of {error.org}", 120)
            return Problem(f"{who} has no user for your Google account.", f"An admin of {who} can add you: {account}.")
        case NotAuthorised():
            return Problem(f"MailMagnet has no access to your {who}.", "Ask your admin to connect it.")
        case NotPermitted():
            return _not_permitted(error, who)
        case NotFound() if error.who == GMAIL:
            return Problem(
                "Gmail does not find this mail.", "Drafts, mail you wrote and deleted mail are not shown: open another."
            )
        case NotFound():
            return Problem(f"This is not in {who} any more.")
    return _passing_problem(error, who, locale)


def _passing_problem(error: Upstream, who: str, locale: Locale) -> Problem:
    match error:
        case TimedOut(seconds=seconds):
            within = f"within {words.number(seconds, locale)}\u00a0s" if seconds > 0 else "in time"
            return Problem(f"{who} did not answer {within}.", again=True)
        case Unavailable():
            return Problem(f"{who} cannot be reached now.", again=True)
        case RateLimited(retry_after=seconds):
            return Problem(f"{who} was asked too often.", f"It answers again in {words.for_long(seconds)}.", again=True)
        case BadAnswer():
            return Problem(f"{who} sent an answer that MailMagnet cannot read.", "If it stays so, tell your admin.", again=True)
    return Problem(f"{who} did not do what it was asked.", again=True)


def _not_permitted(error: NotPermitted, who: str) -> Problem:
    if error.who == GMAIL:
        return Problem("Gmail does not let MailMagnet read this mail.", "Ask your admin to allow it.")
    if not error.what or MAIL_INTEGRATION in error.what:
        return Problem(f"Your profile in {who} lacks the permission “{MAIL_INTEGRATION}”.", f"An admin of {who} can give it.")
    return Problem(f"Your profile in {who} does not allow this.", f"An admin of {who} can change it.")


def _own_problem(error: MailMagnetError) -> Problem:
    match error:
        case ScopesMissing():
            return Problem("MailMagnet needs your consent for this.", "Open it again and allow what it asks for.")
        case Forbidden():
            return Problem("You are not allowed to do this.", "Ask your admin.")
        case NotVerified():
            return Problem("MailMagnet could not make sure who you are.", "Close the panel and open it again.")
        case BadRequest():
            return Problem("MailMagnet could not read what Gmail sent.", "Close the panel and open it again.")
        case LeaseTaken() | LeaseLost():
            return Problem("Your mail is being sorted right now.", "Come back in a minute.", again=True)
    return Problem("MailMagnet could not finish this.", "If it stays so, tell your admin the reference.", again=True)
