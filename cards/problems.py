"""What went wrong, for the rep: what happened, the one thing to do next, and a Retry button where trying again is worth it."""

from dataclasses import dataclass

from cards import words
from cards.frame import Frame
from cards.widgets import Section, button, decorated_text, section
from mailmagnet.errors import (
    BadAnswer,
    BadRequest,
    Forbidden,
    LeaseLost,
    LeaseTaken,
    MailMagnetError,
    NotAuthorised,
    NotFound,
    NotPermitted,
    NotVerified,
    RateLimited,
    ScopesMissing,
    Side,
    SignInNeeded,
    TimedOut,
    Unavailable,
    Upstream,
)
from mailmagnet.identity import Locale


@dataclass(frozen=True, slots=True)
class Problem:
    """`to_do` is "" when trying again is all there is to do: then the button says it."""

    happened: str
    to_do: str = ""
    again: bool = False


def problem_of(error: MailMagnetError, locale: Locale) -> Problem:
    """The error in plain words. Nothing of its message is shown: messages are for the log."""
    if not isinstance(error, Upstream):
        return _own_problem(error)
    return _problem_with_our_data(error, locale) if error.who.side is Side.OURS else _upstream_problem(error, locale)


def problem_section(error: MailMagnetError, frame: Frame, header: str = "") -> Section | None:
    """The problem, with a Retry button where that may help, and the frame's reference."""
    problem = problem_of(error, frame.locale)
    again = button("Retry", frame.again) if problem.again else None
    below = words.facts(problem.to_do, f"Reference {frame.reference}" if frame.reference else "")
    return section([decorated_text(problem.happened, below=below, wrap=True, at_its_end=again)], header)


def _upstream_problem(error: Upstream, locale: Locale) -> Problem:
    who = words.name(error.who.name)
    match error:
        case NotAuthorised():
            return _not_authorised(error, who)
        case NotPermitted():
            return _not_permitted(error, who)
        case NotFound() if error.who.side is Side.GMAIL:
            return Problem(
                "Gmail does not find this mail.", "Drafts, mail you wrote and deleted mail are not shown: open another."
            )
        case NotFound():
            return Problem(f"This is not in {who} any more.")
    return _passing_problem(error, who, locale)


def _problem_with_our_data(error: Upstream, locale: Locale) -> Problem:
    """The store and the vault are MailMagnet to a rep, who has no profile in them."""
    match error:
        case NotAuthorised() | NotPermitted():
            return Problem("MailMagnet has no access to its own data.", "Tell your admin.")
        case NotFound():
            return Problem("This is not in MailMagnet any more.")
        case BadAnswer():
            return Problem("MailMagnet cannot read its own data.", "If it stays so, tell your admin.", again=True)
    return _passing_problem(error, error.who.shown, locale)


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


def _not_authorised(error: NotAuthorised, who: str) -> Problem:
    match error:
        case SignInNeeded(ended=True):
            return Problem(f"Your sign-in to {who} has ended.", "Sign in again.")
        case SignInNeeded():
            return Problem(f"You are not signed in to {who}.", "Sign in first.")
    return Problem(f"MailMagnet has no access to your {who}.", "Ask your admin to connect it.")


def _not_permitted(error: NotPermitted, who: str) -> Problem:
    if error.who.side is Side.GMAIL:
        return Problem("Gmail does not let MailMagnet read this mail.", "Ask your admin to allow it.")
    if error.permission:
        return Problem(
            f"Your profile in {who} lacks the permission “{words.name(error.permission, 60)}”.", f"An admin of {who} can give it."
        )
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
