"""The error tree: everything that MailMagnet raises on purpose, drawn whole at the head of this file.

MailMagnetError
    BadRequest            what came in cannot be read; says what is wrong with it
        NothingTyped      the field that a click needs is empty, or holds too little; `.letters` says how many it takes
        BadForm           what was typed into a form cannot be used; `.fault` says what is wrong with it
    NotVerified           the sender could not prove who it is (401)
        LinkExpired       a link or a sign-in of ours was made too long ago, or was used before
    Forbidden             the sender is known and may not do this (403)
        AnotherAccount    another Google account consented than the one that is being connected
        Paused            an admin has paused the organisation: nobody's mail is looked at by the job
    ScopesMissing         the user has not granted what this feature needs
    BadSetting            the process cannot start: which setting, and what it should be
    StepFailed            a step of the deployment failed; says which, in Google's words, and what to do
    Upstream              Gmail, the CRM, or what MailMagnet itself runs on did not do what was asked; `.who` says which
        NotAuthorised     the connection is missing, expired or revoked: consent is needed
            SignInNeeded  the user is not signed in to the CRM, or not any more; `.ended` says which
            GrantMissing  Gmail's connection is good, and does not allow this; `.grant` says what it has to
            UserGone      Google says that the account is deleted
        NotPermitted      the connection is good, its user may not do this; `.permission` says which permission is missing
            NotDelegated  the organisation's admin does not let MailMagnet into this mailbox, as it does for all
            AnotherCompany  the sign-in is to another company's account of the CRM than the organisation's; `.none_yet`: it has none yet
            NotListed     the CRM has no such permission, and the user is not on the list by which an admin gives it
        NotFound          what was asked for is not there
        NotSupported      the CRM has no such thing
        RateLimited       asked too often in a short time; `.retry_after` says how long to wait, in seconds
            DayLimitReached  all that may be asked in a day has been asked
        Unavailable       down, unreachable, or slower than the deadline
            TimedOut      slower than the deadline; `.seconds` says what the deadline was
        BadAnswer         answered with something that is not an answer
        NotKept           a consent was given at Google or a CRM, and could not be kept; `.ended` says whether it stands there
    CursorExpired         Gmail no longer has the history since the cursor: a full resync is due
    MailboxFailed         one mailbox's run failed, and why is kept with the mailbox; `.reason` and `.who` say so
    LeaseTaken            another run works on this mailbox now
    LeaseLost             another run has taken this mailbox since: nothing may be written any more
    BadTable              a CSV table cannot be read at all (its bad lines are reported, not raised)

No message holds a name, an address or a word of a mail: messages are logged. What a caller decides by is a field, never a message and
never a name that is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """Whose part in an answer something is."""

    GMAIL = "gmail"
    CRM = "crm"
    OURS = "ours"


@dataclass(frozen=True, slots=True)
class Service:
    """Something that is asked for an answer: `side` decides, `name` is only shown and logged ("Gmail", "Zoho CRM", "Firestore")."""

    side: Side
    name: str

    @property
    def shown(self) -> str:
        """The name by which a rep knows it: what MailMagnet runs on is MailMagnet."""
        return MAILMAGNET.name if self.side is Side.OURS else self.name


MAILMAGNET = Service(Side.OURS, "MailMagnet")


class MailMagnetError(Exception):
    """The root of the tree."""


class BadRequest(MailMagnetError):
    """What came in cannot be read."""


class NothingTyped(BadRequest):
    """The field that a click needs is empty, or holds fewer than so many letters."""

    def __init__(self, letters: int = 1) -> None:
        super().__init__("the field is empty" if letters <= 1 else f"fewer than {letters} letters are typed")
        self.letters = letters


class BadForm(BadRequest):
    """What was typed into a form cannot be used: `fault` is one of the form's own words for what may be wrong."""

    def __init__(self, fault: str) -> None:
        super().__init__(f"the form cannot be used: {fault}")
        self.fault = fault


class NotVerified(MailMagnetError):
    """The sender could not prove who it is."""


class LinkExpired(NotVerified):
    """A link or a sign-in of ours was made too long ago, or was used before: it is to be begun anew."""


class Forbidden(MailMagnetError):
    """The sender is known and may not do this."""


class AnotherAccount(Forbidden):
    """Another Google account consented than the one that is being connected."""


class Paused(Forbidden):
    """An admin has paused the organisation: nobody's mail is looked at by the job until an admin resumes it."""


class ScopesMissing(MailMagnetError):
    """The user has not granted `scopes` (full scope URLs), which the feature asked for needs."""

    def __init__(self, scopes: Sequence[str]) -> None:
        super().__init__(f"{len(scopes)} scopes are not granted")
        self.scopes = tuple(scopes)


class BadSetting(MailMagnetError):
    """The process cannot start: the message names each wrong setting and says what it should be."""


class StepFailed(MailMagnetError):
    """A step of the deployment failed. The message is for the admin's screen: which step, what Google said, what to do."""


class Upstream(MailMagnetError):
    """`who` did not do what was asked; `what` is for the log."""

    def __init__(self, who: Service, what: str = "") -> None:
        super().__init__(f"{who.name}: {what or type(self).__name__}")
        self.who = who
        self.what = what


class NotAuthorised(Upstream):
    """The connection is missing, expired or revoked: nothing is retried until consent is given."""


class SignInNeeded(NotAuthorised):
    """The user is not signed in to the CRM; `ended` where a sign-in was there and the CRM refuses it now."""

    def __init__(self, who: Service, *, ended: bool = False) -> None:
        super().__init__(who, "the sign-in has ended" if ended else "the user is not signed in")
        self.ended = ended


class GrantMissing(NotAuthorised):
    """Gmail's consent is given, and not for this: `grant` (a mailmagnet.consent.Grant) is what is to be asked for."""

    def __init__(self, who: Service, grant: str) -> None:
        super().__init__(who, f"the consent does not allow to {grant}")
        self.grant = grant


class UserGone(NotAuthorised):
    """Google says that the account is deleted. A consent that has merely ended is NotAuthorised: its user may still be there."""


class NotPermitted(Upstream):
    """The connection is good, its user may not do this: `permission` is the one that is missing, "" when that is not known."""

    def __init__(self, who: Service, what: str = "", permission: str = "") -> None:
        super().__init__(who, what or (f"the user does not hold the permission {permission}" if permission else ""))
        self.permission = permission


class NotDelegated(NotPermitted):
    """The organisation's admin does not let MailMagnet into this mailbox: domain-wide delegation is missing, or does not go so far."""


class AnotherCompany(NotPermitted):
    """The sign-in is good, and to another company's account of the CRM than the organisation's. `none_yet`: which one that is, an admin has
    to show first."""

    def __init__(self, who: Service, *, none_yet: bool = False) -> None:
        super().__init__(who, "no admin has signed in yet" if none_yet else "the sign-in is to another company's account")
        self.none_yet = none_yet


class NotListed(NotPermitted):
    """The CRM itself does not say who may use MailMagnet, so an admin does, by a list, and the user is not on it."""


class NotFound(Upstream):
    """What was asked for is not there (any more)."""


class RateLimited(Upstream):
    """Asked too often; worth trying again after `retry_after` seconds."""

    def __init__(self, who: Service, retry_after: float, what: str = "") -> None:
        super().__init__(who, what or f"rate limited, come back in {retry_after:g} s")
        self.retry_after = retry_after


class DayLimitReached(RateLimited):
    """All that may be asked in a day has been asked: `retry_after` is hours away."""


class NotSupported(Upstream):
    """The CRM has no such thing: nothing that is tried again, or permitted, will change it."""


class Unavailable(Upstream):
    """Down, unreachable, or slower than the deadline: worth trying again."""


class TimedOut(Unavailable):
    """Did not answer within `seconds`."""

    def __init__(self, who: Service, seconds: float) -> None:
        super().__init__(who, f"did not answer within {seconds:g} s")
        self.seconds = seconds


class BadAnswer(Upstream):
    """Answered with something that is not an answer (HTML, broken JSON, too many bytes)."""


class NotKept(Upstream):
    """A consent was given at Google or a CRM, and `who` could not keep it; unless it is `ended`, it stands there, for nobody's use."""

    def __init__(self, who: Service, *, ended: bool) -> None:
        super().__init__(
            who, f"a consent could not be kept; {'it stands for nothing' if ended else 'it could not be ended either'}"
        )
        self.ended = ended


class CursorExpired(MailMagnetError):
    """Gmail no longer has the history since the cursor."""


class MailboxFailed(MailMagnetError):
    """One mailbox's run failed, as `why` says: `reason` (a mailmagnet.store.Reason) and `who` (as shown) are kept with the mailbox."""

    def __init__(self, reason: str, who: str, failures: int, why: str) -> None:
        super().__init__(f"{why} ({reason}, failure {failures} in a row)")
        self.reason = reason
        self.who = who
        self.failures = failures
        self.why = why


class LeaseTaken(MailMagnetError):
    """Another run works on this mailbox now."""


class LeaseLost(MailMagnetError):
    """Another run has taken this mailbox since."""


class BadTable(MailMagnetError):
    """A CSV table cannot be read at all; the message says why and what to do."""
