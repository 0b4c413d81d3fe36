"""The use case "homepage": without an open mail, what is overdue or closes this month, customers' latest mail, and how sorting goes."""

import asyncio
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from mailmagnet.begin_with_defaults import what_admin_has_set
from mailmagnet.caller import Caller, connection_of
from mailmagnet.categories import month_of, today_in
from mailmagnet.crm import Crm, Deal, service_of
from mailmagnet.customers_mail import CustomersMail, read_customers_mail
from mailmagnet.deadline import in_time_or_problem
from mailmagnet.errors import MAILMAGNET, NotAuthorised, NotPermitted, Upstream
from mailmagnet.gmail import GMAIL
from mailmagnet.parts import Parts
from mailmagnet.permission import is_named_admin
from mailmagnet.store import Defaults, Mailbox, Policy
from mailmagnet.vault import Connection

LATEST_MAILS = 5
"""As many customers' mails as a rep takes in at a glance; each costs 20 Gmail quota units to show."""

FAR_BACK = date(1970, 1, 1)
"""Before any day on which a deal was to close: what is overdue of any month is asked for."""

REMINDED_BEFORE = timedelta(days=7)
"""So long before a sign-in to the CRM ends its user is told."""

_DAYS_BEGIN_HERE = timezone(timedelta(hours=14))
"""The furthest zone ahead: no organisation's month ends after its month."""


@dataclass(frozen=True, slots=True)
class Homepage:
    """The answer. Each part stands alone: `closing` or `mails` is None when it could not be had, and its problem says why.

    `closing` are the open deals that close by the end of this month: those that are overdue, of whatever month, are among them.

    `today` is the day in the CRM organisation's time zone. `mailbox` is None when this user's mail is not connected, or when
    `mails` is None because the store did not answer. `mails` is None, without a problem, while MailMagnet is off and when the CRM does
    not let this user in: who its customers are is the CRM's to tell. `connected` is whether there is a connection to Gmail.
    `sign_in_ends` is when the user has to sign in to the CRM anew, where that is within a week: a key of the user's own ends.
    `paused_since` is since when an admin has paused the organisation. `is_admin` is whether the deployment names the reader as an admin:
    whom the CRM calls one, the settings lead on, without a question to the CRM each time that anybody opens the homepage.
    """

    crm_name: str
    today: date | None
    closing: tuple[Deal, ...] | None
    mails: CustomersMail | None
    mailbox: Mailbox | None
    crm_problem: Upstream | None = None
    mail_problem: Upstream | None = None
    connected: bool = True
    paused_since: datetime | None = None
    is_admin: bool = False
    sign_in_ends: datetime | None = None

    @property
    def set_by_admin(self) -> Defaults | None:
        """What an admin's defaults have begun in this mailbox, until its user saves the set-up."""
        return what_admin_has_set(self.mailbox)

    @property
    def problems(self) -> tuple[Upstream, ...]:
        """What is missing, and why."""
        return tuple(problem for problem in (self.crm_problem, self.mail_problem) if problem)


@dataclass(frozen=True, slots=True)
class _Closing:
    today: date
    deals: tuple[Deal, ...]


async def homepage(caller: Caller, parts: Parts) -> Homepage:
    """Deals and mail, asked for side by side.

    What fails is told in the answer, beside the other. Raises TimedOut, and what `Vault.connection` raises.
    """
    connection = await connection_of(caller, parts)
    crm = parts.crm_of(connection)
    closing, (mailbox, mails), policy = await asyncio.gather(
        in_time_or_problem(service_of(crm), caller.by, _closing_this_month(crm, caller.now)),
        _mailbox_and_mails(connection, crm, caller, parts),
        in_time_or_problem(MAILMAGNET, caller.by, parts.store.policy(connection.org)),
    )
    let_in = not isinstance(closing, NotAuthorised | NotPermitted)
    return Homepage(
        crm_name=crm.name,
        today=closing.today if isinstance(closing, _Closing) else None,
        closing=closing.deals if isinstance(closing, _Closing) else None,
        mails=mails if let_in and isinstance(mails, CustomersMail) else None,
        mailbox=mailbox,
        crm_problem=closing if isinstance(closing, Upstream) else None,
        mail_problem=mails if isinstance(mails, Upstream) else None,
        connected=connection.connected,
        # A store that does not tell it does not tell the mailbox either: that problem is said.
        paused_since=policy.paused_since if isinstance(policy, Policy) else None,
        is_admin=is_named_admin(caller.identity, parts),
        sign_in_ends=_sign_in_ends(connection, caller.now),
    )


def _sign_in_ends(connection: Connection, now: datetime) -> datetime | None:
    ends = connection.crm.ends_at if connection.crm else None
    return ends if ends and now < ends <= now + REMINDED_BEFORE else None


async def _closing_this_month(crm: Crm, now: datetime) -> _Closing:
    """What closes this month or is overdue. The CRM is asked for it beside the organisation's time zone, not after it.

    So it is asked up to the last day that may be the organisation's month's, and the answer is cut.
    """
    latest = month_of(now.astimezone(_DAYS_BEGIN_HERE).date())[1]
    settings, deals = await asyncio.gather(crm.settings(), crm.deals_closing(FAR_BACK, latest))
    today = today_in(settings.organisation.time_zone, now)
    last = month_of(today)[1]
    return _Closing(today, tuple(deal for deal in deals if deal.closing and deal.closing <= last))


async def _mailbox_and_mails(
    connection: Connection, crm: Crm, caller: Caller, parts: Parts
) -> tuple[Mailbox | None, CustomersMail | Upstream | None]:
    """How sorting goes is known without Gmail, and told also when Gmail fails. Mails are None while MailMagnet is off."""
    mailbox = await in_time_or_problem(MAILMAGNET, caller.by, parts.store.mailbox(connection.org, connection.user))
    if isinstance(mailbox, Upstream):
        return None, mailbox
    if not mailbox or not mailbox.mailmagnet or mailbox.needs_consent:
        return mailbox, None
    if not connection.connected:
        return mailbox, NotAuthorised(GMAIL, "the mailbox has no connection")
    try:
        return mailbox, await read_customers_mail(connection, mailbox, crm, 0, LATEST_MAILS, caller, parts)
    except Upstream as problem:
        return mailbox, problem
