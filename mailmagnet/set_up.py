"""The use case "set up": how a user's mailbox is set up, what a change of it would do, and Save, which keeps all of it or nothing."""

import asyncio
from dataclasses import dataclass, replace
from datetime import time, timedelta
from enum import StrEnum

from mailmagnet.caller import Caller, connection_of, unconnected
from mailmagnet.connect_mailbox import connect_mailbox
from mailmagnet.consent import Grant, allows
from mailmagnet.crm import Crm, Rights, service_of
from mailmagnet.crm_sign_in import Sees
from mailmagnet.deadline import in_time, in_time_or_problem
from mailmagnet.errors import (
    MAILMAGNET,
    LeaseLost,
    LeaseTaken,
    MailMagnetError,
    NotAuthorised,
    NotPermitted,
    Paused,
    Side,
    Upstream,
)
from mailmagnet.gmail import GMAIL
from mailmagnet.parts import Parts
from mailmagnet.pause import check_not_paused
from mailmagnet.permission import check_permitted, is_named_admin
from mailmagnet.preview import Newest, begin_preview, is_being_counted, newest_preview
from mailmagnet.store import Choices, Defaults, Mailbox, Notice, Notify, Policy, SetUpBy, Sharing
from mailmagnet.switch_mailbox import LONGEST_BACKFILL, switch_off, switch_on
from mailmagnet.vault import CRM_ACCOUNT, Connection, gmail_connection

MOST_LISTED = 500
"""As many mails as are listed to say how many a backfill looks at: one page, 5 units."""

LOOKS_AGAIN, SECONDS_BETWEEN_LOOKS = 6, 0.25
"""How often, after another call has taken the mailbox over, it is looked whether that one has saved the same."""


DELEGATED = frozenset({Grant.SORT})
"""What an admin lets MailMagnet do in the mailboxes of all."""


@dataclass(frozen=True, slots=True)
class Form:
    """What stands in the set-up card's fields, as chosen and typed; "" where there is no such field. `time_zone` is the reader's."""

    mailmagnet: bool = False
    labelling: bool = False
    backfill_days: str = ""
    sharing: str = ""
    notify: str = ""
    daily_at: str = ""
    quiet_from: str = ""
    quiet_until: str = ""
    time_zone: str = "UTC"


class Refusal(StrEnum):
    """Why what stands in the form is not saved."""

    NOT_CONNECTED = "not_connected"
    LABELS_WITHOUT_MAILMAGNET = "labels_without_mailmagnet"
    WRONG_DAYS = "wrong_days"
    SORT_NOT_GRANTED = "sort_not_granted"
    NO_WEBHOOK = "no_webhook"
    CANNOT_BE_READ = "cannot_be_read"


@dataclass(frozen=True, slots=True)
class Consequence:
    """What Save will do that cannot be taken back, and has to be said before.

    Either it `deletes` so many mail records, MailMagnet being turned off, or it sorts the mail of the last `sorts_days`: so many `mails`
    if they are `counted`, else of so many those that are customers', and of `more` that were not listed.
    """

    deletes: int = 0
    sorts_days: int = 0
    mails: int = 0
    counted: bool = False
    more: bool = False

    @property
    def key(self) -> str:
        """Names it in the click that confirms it: a form that was changed since has another consequence, which is said first too."""
        return f"sort-{self.sorts_days}" if self.sorts_days else "delete"


@dataclass(frozen=True, slots=True)
class SetUp:
    """How the mailbox is set up, and what stands in the form: what is kept, or what was typed.

    Without a connection to Gmail `grants` is empty. `delegated`: the admin connects everybody's, so nobody is asked. `crm_user` is the
    name of the CRM user as whom the reader is signed in, `sees` what an admin lets the reader see where the CRM itself does not say it,
    None elsewhere; `is_admin` whether the reader is an admin. `webhook` is whether an address for
    notices is kept. `mailbox` is None where there is none yet. `newest` counts what would be sorted, None where nobody asked or it could
    not be told in time. `refusal`, `consequence` and `problem` say why Save has not saved; `saved` that it has; `counting` that the mail
    is being counted. `defaults` are the admin's, with which the form of a mailbox that nobody has set up begins. `policy` is None where
    what is kept could not be told: then the form and the problem are all that is known.
    """

    crm_name: str
    address: str
    form: Form
    grants: frozenset[Grant] = frozenset()
    delegated: bool = False
    crm_user: str = ""
    sees: Sees | None = None
    is_admin: bool = False
    webhook: bool = False
    mailbox: Mailbox | None = None
    policy: Policy | None = None
    defaults: Defaults | None = None
    newest: Newest | None = None
    refusal: Refusal | None = None
    consequence: Consequence | None = None
    saved: bool = False
    counting: bool = False
    problem: MailMagnetError | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a connection to Gmail."""
        return bool(self.grants)

    @property
    def may_sort(self) -> bool:
        """Whether the consent that was given allows MailMagnet."""
        return allows(self.grants, Grant.SORT)

    @property
    def problems(self) -> tuple[MailMagnetError, ...]:
        """What is missing, and why."""
        return (self.problem,) if self.problem else ()


@dataclass(frozen=True, slots=True)
class _Wish:
    """The form, read: what its user wants."""

    mailmagnet: bool
    labelling: bool
    sharing: Sharing
    backfill_days: int
    notice: Notice

    def chosen(self, before: Choices) -> Choices:
        """The choices with these in them; what is chosen elsewhere stays."""
        return replace(before, sharing=self.sharing, backfill_days=self.backfill_days, notice=self.notice, set_up_by=SetUpBy.USER)


async def open_set_up(time_zone: str, caller: Caller, parts: Parts) -> SetUp:
    """The set-up as it is kept, and what would be sorted of the newest mail, as far as that can be counted in time.

    Raises NotPermitted without the permission, NotAuthorised without a sign-in to the CRM, TimedOut, and what the CRM, the store and the
    vault raise.
    """
    connection, set_up = await _as_kept(time_zone, caller, parts)
    if not set_up.may_sort or not set_up.mailbox or not set_up.policy or set_up.mailbox.labelling:
        return set_up
    preview = set_up.mailbox.preview
    if preview and (preview.done or is_being_counted(preview, preview.days, caller.now)):
        return set_up
    newest = await in_time_or_problem(GMAIL, caller.by, newest_preview(connection, set_up.policy, caller.now, parts))
    return replace(set_up, problem=newest) if isinstance(newest, Upstream) else replace(set_up, newest=newest)


async def save_set_up(form: Form, confirmed: str, caller: Caller, parts: Parts) -> SetUp:
    """Keep what stands in the form, in one write; `confirmed` is the key of the consequence that its user was told of, "" for none.

    What keeps it from being saved is told in the answer, with the form as it was typed. Raises NotPermitted without the permission,
    NotAuthorised without a sign-in to the CRM.
    """
    typed = await _begun(form, caller, parts)
    if typed.problem:
        return typed
    wish = _wish(form, typed)
    if isinstance(wish, Refusal) or not typed.mailbox:
        return replace(typed, refusal=wish if isinstance(wish, Refusal) else Refusal.NOT_CONNECTED)
    consequence: Consequence | None = None
    try:
        consequence = await in_time(GMAIL, caller.by, _consequence(wish, confirmed, typed.mailbox, caller, parts))
        if consequence and consequence.key != confirmed:
            return replace(typed, consequence=consequence)
        days = consequence.sorts_days if consequence else 0
        await in_time(MAILMAGNET, caller.by, _keep(wish, days, typed.mailbox, parts))
    except (Upstream, LeaseTaken, LeaseLost) as problem:
        # What its user has confirmed stays to be confirmed: to do it again comes to the same, whatever was done before the failure.
        if not isinstance(problem, LeaseLost) or not await _is_kept(wish, typed.mailbox, caller, parts):
            return replace(typed, consequence=consequence, problem=problem)
    mailbox = await in_time_or_problem(MAILMAGNET, caller.by, parts.store.mailbox(typed.mailbox.org, typed.mailbox.user))
    if isinstance(mailbox, Upstream):
        return replace(typed, saved=True)
    return replace(typed, mailbox=mailbox, form=form_of(mailbox, form.time_zone), defaults=None, saved=True)


async def count_set_up(form: Form, caller: Caller, parts: Parts) -> SetUp:
    """Have the mail of the days in the form counted by tasks. Answers and raises as `save_set_up` does."""
    typed = await _begun(form, caller, parts)
    if typed.problem:
        return typed
    days = days_of(form.backfill_days)
    if not typed.mailbox:
        return replace(typed, refusal=Refusal.NOT_CONNECTED)
    if not days:
        return replace(typed, refusal=Refusal.WRONG_DAYS)
    if not typed.may_sort:
        return replace(typed, refusal=Refusal.SORT_NOT_GRANTED)
    try:
        check_not_paused(typed.policy or Policy())
        await in_time(MAILMAGNET, caller.by, begin_preview(typed.mailbox, days, caller.now, parts))
    except (Upstream, Paused) as problem:
        return replace(typed, problem=problem)
    return replace(typed, counting=True)


def days_of(typed: str) -> int | None:
    """The days of a backfill as typed, 0 for none; None when these are no days that there can be."""
    days = int(typed) if typed.isascii() and typed.isdecimal() and len(typed) <= 3 else None  # noqa: PLR2004
    return days if days is not None and days <= LONGEST_BACKFILL.days else None


def form_of(mailbox: Mailbox | None, time_zone: str, defaults: Defaults | None = None) -> Form:
    """What is kept, as it stands in the form; before there is a mailbox, what nobody has chosen yet. `defaults` stand in its place."""
    choices = mailbox.choices if mailbox else Choices()
    begins = defaults or Defaults(
        bool(mailbox and mailbox.mailmagnet), bool(mailbox and mailbox.labelling), choices.backfill_days, choices.sharing
    )
    return Form(
        mailmagnet=begins.mailmagnet,
        labelling=begins.labelling,
        backfill_days=str(begins.backfill_days),
        sharing=begins.sharing,
        notify=choices.notice.notify,
        daily_at=str(choices.notice.daily_at.hour),
        quiet_from=str(choices.notice.quiet_from.hour),
        quiet_until=str(choices.notice.quiet_until.hour),
        time_zone=time_zone,
    )


async def _as_kept(time_zone: str, caller: Caller, parts: Parts) -> tuple[Connection, SetUp]:
    """The set-up as it is kept; the permission is asked for beside it."""
    identity, by, store = caller.identity, caller.by, parts.store
    connection = await connection_of(caller, parts)
    crm = parts.crm_of(connection)
    user, mailbox, policy, sees = await asyncio.gather(
        in_time(service_of(crm), by, check_permitted(crm)),
        in_time(MAILMAGNET, by, store.mailbox(identity.org, identity.user)),
        in_time(MAILMAGNET, by, store.policy(identity.org)),
        in_time(MAILMAGNET, by, _sees(connection, crm, parts)),
    )
    defaults = None if mailbox and mailbox.is_set_up else policy.defaults_for(user.profile.id)
    delegated = connection.delegated or (parts.lets_in(identity.org) and bool(identity.domain) and not connection.connected)
    return connection, SetUp(
        crm_name=crm.name,
        address=identity.address,
        form=form_of(mailbox, time_zone, defaults),
        grants=DELEGATED if delegated else connection.grants,
        delegated=delegated,
        crm_user=user.name or user.email,
        sees=sees,
        is_admin=is_named_admin(identity, parts) or user.profile.administrator,
        webhook=bool(connection.webhook),
        mailbox=mailbox,
        policy=policy,
        defaults=defaults,
    )


async def _sees(connection: Connection, crm: Crm, parts: Parts) -> Sees | None:
    """What an admin lets the user see, where the CRM's token sees everything."""
    if crm.capabilities.rights is Rights.USER:
        return None
    link = await parts.vault.connection(connection.org, CRM_ACCOUNT)
    return link.sees if link else None


async def _begun(form: Form, caller: Caller, parts: Parts) -> SetUp:
    """The set-up with what was typed. Where the admin connects everybody's Gmail, this is when it is done for this user."""
    typed = await _typed(form, caller, parts)
    if typed.problem or typed.mailbox or not typed.delegated:
        return typed
    try:
        await in_time(GMAIL, caller.by, connect_mailbox(replace(unconnected(caller.identity), grants=DELEGATED), parts))
    except Upstream as problem:
        return replace(typed, problem=problem)
    return await _typed(form, caller, parts)


async def _typed(form: Form, caller: Caller, parts: Parts) -> SetUp:
    """The set-up as it is kept, with what was typed in the form; where that cannot be told, the form and the problem alone."""
    try:
        _, kept = await _as_kept(form.time_zone, caller, parts)
    except Upstream as problem:
        if isinstance(problem, NotPermitted | NotAuthorised) and problem.who.side is Side.CRM:
            raise
        crm = parts.crm_of(unconnected(caller.identity))
        return SetUp(crm.name, caller.identity.address, form, problem=problem)
    return replace(kept, form=form)


def _wish(form: Form, kept: SetUp) -> _Wish | Refusal:
    """The form, read, or why it is not saved. What the admin has fixed is no wish: what the user chose before stays beneath it."""
    days = days_of(form.backfill_days)
    refused = {
        Refusal.NOT_CONNECTED: not (kept.mailbox and kept.connected),
        Refusal.LABELS_WITHOUT_MAILMAGNET: form.labelling and not form.mailmagnet,
        Refusal.WRONG_DAYS: days is None,
        Refusal.SORT_NOT_GRANTED: form.mailmagnet and not kept.may_sort,
        Refusal.NO_WEBHOOK: form.notify not in ("", Notify.NEVER) and not kept.webhook,
    }
    if first := next((refusal for refusal, holds in refused.items() if holds), None):
        return first
    before = kept.mailbox.choices if kept.mailbox else Choices()
    fixed = kept.policy is not None and kept.policy.sharing is not None
    try:
        sharing = before.sharing if fixed else Sharing(form.sharing)
        return _Wish(form.mailmagnet, form.labelling, sharing, days or 0, _notice(form, before.notice))
    except ValueError:
        return Refusal.CANNOT_BE_READ


def _notice(form: Form, before: Notice) -> Notice:
    """Raises ValueError for what cannot be chosen in the card. Hours that the card does not show stay as they are."""

    def hour(typed: str, kept: time) -> time:
        return time(int(typed)) if typed else kept

    return Notice(
        Notify(form.notify) if form.notify else before.notify,
        form.time_zone,
        hour(form.daily_at, before.daily_at),
        hour(form.quiet_from, before.quiet_from),
        hour(form.quiet_until, before.quiet_until),
    )


async def _consequence(wish: _Wish, confirmed: str, mailbox: Mailbox, caller: Caller, parts: Parts) -> Consequence | None:
    """What Save would do that has to be said first, None for nothing."""
    if mailbox.mailmagnet and not wish.mailmagnet:
        records, _, _ = await parts.store.count_mails(mailbox.org, mailbox.user)
        return Consequence(deletes=records) if records else None
    days = wish.backfill_days
    if not wish.labelling or not days:
        return None
    sorts = Consequence(sorts_days=days)
    if confirmed == sorts.key:
        return sorts
    if mailbox.labelling and mailbox.choices.backfill_days == days:
        return None
    if (preview := mailbox.preview) and preview.done and preview.days == days:
        return replace(sorts, mails=sum(preview.sorted.values()), counted=True)
    connection = await gmail_connection(mailbox.org, mailbox.user, parts.vault)
    listed = await parts.gmail_of(connection).mails_between(caller.now - timedelta(days=days), None, MOST_LISTED)
    return replace(sorts, mails=len(listed.mail_ids), more=listed.more)


async def _keep(wish: _Wish, days: int, mailbox: Mailbox, parts: Parts) -> None:
    """Keep it in one write; `days` are those of the backfill that begins with it, 0 for none."""
    org, user = mailbox.org, mailbox.user
    # Who saves "off" for the first time is to stay off: the admin's defaults may be on their way, and lose their lease with switch_off.
    stays_off = not wish.mailmagnet and mailbox.choices.set_up_by is not SetUpBy.USER
    if (wish.mailmagnet, wish.labelling) == (mailbox.mailmagnet, mailbox.labelling) and not days and not stays_off:
        await parts.store.change_choices(org, user, wish.chosen)
    elif wish.mailmagnet:
        backfill = timedelta(days=days) if days else None
        await switch_on(org, user, parts, labelling=wish.labelling, backfill=backfill, change=wish.chosen)
    else:
        await switch_off(org, user, parts, wish.chosen(mailbox.choices))


async def _is_kept(wish: _Wish, mailbox: Mailbox, caller: Caller, parts: Parts) -> bool:
    """Whether another call, as a second click makes one, has kept just this, or does so in a moment."""
    for _ in range(LOOKS_AGAIN):
        kept = await in_time_or_problem(MAILMAGNET, caller.by, parts.store.mailbox(mailbox.org, mailbox.user))
        if not isinstance(kept, Mailbox):
            return False
        switches = (kept.mailmagnet, kept.labelling) == (wish.mailmagnet, wish.labelling)
        if switches and kept.choices == wish.chosen(kept.choices):
            return True
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    return False
