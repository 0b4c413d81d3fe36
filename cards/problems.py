"""What went wrong, for the rep: what happened, the one thing to do next, and the button that does it: a page of ours, or Retry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cards import words
from cards.frame import Frame, Page
from cards.widgets import Section, button, button_list, decorated_text, section
from mailmagnet.consent import Grant
from mailmagnet.errors import (
    BadAnswer,
    BadRequest,
    DayLimitReached,
    Forbidden,
    GrantMissing,
    LeaseLost,
    LeaseTaken,
    MailMagnetError,
    NotAuthorised,
    NotDelegated,
    NotFound,
    NotListed,
    NotPermitted,
    NotSupported,
    NotVerified,
    Paused,
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
    """`to_do` is "" when trying again is all there is to do: then the button says it. `page` is where the rep can do it at once, `ids`
    go with it, and `button` is what its button says."""

    happened: str
    to_do: str = ""
    again: bool = False
    page: Page | None = None
    ids: Mapping[str, str] = field(default_factory=dict)
    button: str = ""


def problem_of(error: MailMagnetError, locale: Locale, permitters: Sequence[str] = ()) -> Problem:
    """The error in plain words; `permitters` can give the permission that is missing. Nothing of its message is shown: messages are
    for the log."""
    if not isinstance(error, Upstream):
        return _own_problem(error)
    if error.who.side is Side.OURS:
        return _problem_with_our_data(error, locale)
    return _upstream_problem(error, locale, permitters)


def problem_section(error: MailMagnetError, frame: Frame, header: str = "") -> Section | None:
    """The problem, with the button that helps, and the frame's reference.

    Beside a page stands Continue: Gmail does not notice each closing of a window.
    """
    problem = problem_of(error, frame.locale, frame.permitters)
    again = button("Retry", frame.again) if problem.again else None
    below = words.facts(problem.to_do, f"Reference {frame.reference}" if frame.reference else "")
    line = decorated_text(problem.happened, below=below, wrap=True, at_its_end=again)
    if not problem.page:
        return section([line], header)
    opens = button(problem.button, frame.page(problem.page, **problem.ids))
    return section([line, button_list(opens, button("Continue", frame.again))], header)


def notice_of(error: MailMagnetError, frame: Frame) -> str:
    """The problem in a notice at the foot of Gmail's window: the card stays, with all that was typed into it."""
    problem = problem_of(error, frame.locale, frame.permitters)
    to_do = problem.to_do or ("Nothing is lost: try again." if problem.again else "")
    return " ".join(filter(None, (problem.happened, to_do, f"Reference {frame.reference}." if frame.reference else "")))


def _upstream_problem(error: Upstream, locale: Locale, permitters: Sequence[str]) -> Problem:
    who = words.name(error.who.name)
    match error:
        case NotAuthorised():
            return _not_authorised(error, who)
        case NotPermitted():
            return _not_permitted(error, who, permitters)
        case NotFound() if error.who.side is Side.GMAIL:
            return Problem(
                "Gmail does not find this mail.", "Drafts, mail you wrote and deleted mail are not shown: open another."
            )
        case NotFound():
            return Problem(f"This is not in {who} any more.")
        case NotSupported():
            return Problem(f"{who} has no such thing.")
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
        case DayLimitReached(retry_after=seconds):
            happened = f"{who} takes no more questions from your organisation today."
            return Problem(happened, f"It answers again in {words.for_long(seconds)}.", again=True)
        case RateLimited(retry_after=seconds):
            return Problem(f"{who} was asked too often.", f"It answers again in {words.for_long(seconds)}.", again=True)
        case BadAnswer():
            return Problem(f"{who} sent an answer that MailMagnet cannot read.", "If it stays so, tell your admin.", again=True)
    return Problem(f"{who} did not do what it was asked.", again=True)


def _not_authorised(error: NotAuthorised, who: str) -> Problem:
    match error:
        case SignInNeeded(ended=True):
            return Problem(f"{who} has ended your sign-in.", "Sign in again to see it here.", page=Page.SIGN_IN, button="Sign in")
        case SignInNeeded():
            why = f"MailMagnet shows you what {who} shows you: sign in once."
            return Problem(f"You are not signed in to {who}.", why, page=Page.SIGN_IN, button="Sign in")
        case GrantMissing(grant=grant):
            return Problem(*_FOR_WANT_OF[Grant(grant)], page=Page.CONNECT, ids={"grant": grant}, button="Allow")
    if error.who.side is Side.GMAIL:
        lost = "Connect it again: what you have set up stays as it is."
        return Problem("Gmail has stopped letting MailMagnet in.", lost, page=Page.CONNECT, ids=CONNECT_AGAIN, button="Connect")
    return Problem(f"MailMagnet has no access to your {who}.", "Ask your admin to connect it.")


CONNECT_AGAIN = {"grant": "again"}
"""The ids of the page that asks for what was granted before."""

_FOR_WANT_OF = {
    Grant.READ: ("MailMagnet may not read your mail yet.", "It has to, to list mail with this contact."),
    Grant.SORT: ("MailMagnet may not sort your mail yet.", "It has to, to record and sort customers’ mail."),
    Grant.SEND: ("MailMagnet may not write mail for you yet.", "It has to, to write drafts and send them."),
}
"""What is missing without each grant, and why it is asked for."""

_MOST_PERMITTERS = 3


def _not_permitted(error: NotPermitted, who: str, permitters: Sequence[str]) -> Problem:
    if isinstance(error, NotDelegated):
        return Problem(
            "Your organisation does not let MailMagnet into your Gmail.",
            f"Your Google admin can: {words.DELEGATION_PAGE}.",
            again=True,
        )
    if isinstance(error, NotListed):
        return Problem(
            f"You are not let in to {who} yet.",
            f"{_one_of(permitters) or 'An admin of MailMagnet'} can let you in.",
            again=True,
            page=Page.SIGN_IN,
            button="Ask to be let in",
        )
    if error.who.side is Side.GMAIL:
        return Problem("Gmail does not let MailMagnet read this mail.", "Ask your admin to allow it.")
    if error.permission:
        lacks = f"Your profile in {who} lacks the permission “{words.name(error.permission, 60)}”."
        return Problem(lacks, f"{_one_of(permitters) or f'An admin of {who}'} can give it.", again=True)
    return Problem(f"Your profile in {who} does not allow this.", f"An admin of {who} can change it.")


def _own_problem(error: MailMagnetError) -> Problem:
    match error:
        case ScopesMissing():
            return Problem("MailMagnet needs your consent for this.", "Open it again and allow what it asks for.")
        case Forbidden():
            return _forbidden(error)
        case NotVerified():
            return Problem("MailMagnet could not make sure who you are.", "Close the panel and open it again.")
        case BadRequest():
            return Problem("MailMagnet could not read what Gmail sent.", "Close the panel and open it again.")
        case LeaseTaken() | LeaseLost():
            return Problem("Your mail is being sorted right now.", "Come back in a minute.", again=True)
    return Problem("MailMagnet could not finish this.", "If it stays so, tell your admin the reference.", again=True)


def _forbidden(error: Forbidden) -> Problem:
    if isinstance(error, Paused):
        return Problem("Your admin has paused sorting.", "New mail waits, and is sorted when your admin resumes.")
    return Problem("You are not allowed to do this.", "Ask your admin.")


def _one_of(names: Sequence[str]) -> str:
    """Some names in a row: "Grace Hopper, Kim Berg or 2 others"; "" without any."""
    shown = [words.name(name, 40) for name in names[:_MOST_PERMITTERS]]
    others = len(names) - len(shown)
    if others:
        shown.append(f"{others} others" if others > 1 else "1 other")
    *first, last = shown or [""]
    return f"{', '.join(first)} or {last}" if first else last
