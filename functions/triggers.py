"""Every trigger and click of the sidebar, a line each: its path, its use case, the card that shows the answer, and the envelope."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Protocol, TypeVar

from cards.account_card import account_card
from cards.admin_card import admin_card, pause_card
from cards.answers import Answer, change_draft, notify, open_draft, push_card, show, update_card
from cards.compose_card import compose_card, template_card
from cards.contact_card import contact_card
from cards.crm_card import crm_card
from cards.crm_users_card import crm_person_card, crm_users_card
from cards.customers_mail_card import customers_mail_card
from cards.deal_card import deal_card
from cards.defaults_card import defaults_card, defaults_list_card
from cards.error_card import error_card, failed_search_card
from cards.frame import (
    CRM_ADDRESS,
    CRM_KIND,
    CRM_LET_IN,
    CRM_ORIGIN,
    CRM_SEES,
    CUSTOMER_ADDRESS,
    MAIL_TEMPLATE,
    ORGANISATION_TYPED,
    POLICY_EXCLUDED,
    POLICY_RETENTION,
    POLICY_SHARING,
    REPLY_YES,
    SEARCH_INPUT,
    Frame,
    Path,
)
from cards.home_card import home_card
from cards.kept_card import kept_card
from cards.lead_card import lead_card
from cards.leave_card import leave_card, left_card
from cards.mail_card import failed_mail_card, mail_card
from cards.mail_form_card import FAULTS, done_card, mail_form_card
from cards.mail_with_card import mail_with_card
from cards.message_card import message_card, person_card
from cards.my_sharing_card import my_sharing_card
from cards.people_card import people_card
from cards.policy_card import policy_card
from cards.problems import notice_of
from cards.removal_cards import customer_address_card, organisation_card, user_removal_card
from cards.search_card import search_card
from cards.set_up_card import set_up_card
from cards.sorting_cards import sorted_today_card, sorting_begun_card, sorting_preview_card
from cards.take_back_card import take_back_card
from cards.who_could_read_card import who_could_read_card
from cards.widgets import Card
from functions.event import SCOPE_COMPOSE, Event
from functions.forms import defaults_form, set_up_form, typed_mail
from functions.log import log_problems
from mailmagnet.administration import administration
from mailmagnet.caller import Caller
from mailmagnet.change_sharing import Change, change_contact, change_mail
from mailmagnet.choose_crm import crm_effect, save_crm, see_crm
from mailmagnet.connected_people import ConnectedPeople, connected_people, place_in
from mailmagnet.crm_sign_in import Sees
from mailmagnet.crm_users import disconnect_account, let_in, let_out, map_person, save_sees, see_crm_users, see_person
from mailmagnet.customer_address import remove_address_of, see_address
from mailmagnet.customers_mail import customers_mail, mark_as_done
from mailmagnet.defaults import defaults_effect, list_defaults, open_defaults, remove_defaults, save_defaults
from mailmagnet.errors import BadForm, BadRequest, MailMagnetError, NotAuthorised
from mailmagnet.everything_kept import everything_kept
from mailmagnet.homepage import homepage
from mailmagnet.leave import leave
from mailmagnet.mail_html import html_of_merged
from mailmagnet.mail_templates import Composing, compose, filled_template, recipient_of
from mailmagnet.mail_with import MailWith, mail_with
from mailmagnet.open_message import open_message
from mailmagnet.open_record import open_account, open_contact, open_deal, open_lead, search
from mailmagnet.parts import Parts
from mailmagnet.pause import pause_all, resume_all, see_pause
from mailmagnet.permission import who_can_permit
from mailmagnet.policy import WantedPolicy, change_policy, policy, policy_effect
from mailmagnet.read_mail import MailId, ReadMail, mail_id, read_mail
from mailmagnet.record_people import RecordId, record_id
from mailmagnet.removal import remove_organisation_of, remove_user, see_organisation, see_user
from mailmagnet.set_up import count_set_up, open_set_up, save_set_up
from mailmagnet.sharing_overview import sharing_overview
from mailmagnet.sorting import preview_sorting, sort_now, sorted_today
from mailmagnet.store import Sharing
from mailmagnet.take_back import hours_in, see_taking_back, take_back_all
from mailmagnet.who_could_read import WhoCouldRead, who_could_read
from mailmagnet.write_mail import Ending, Fault, FormId, MailForm, discard_mail, fill_in, reply_to, save_mail, send_mail, write_to


@dataclass(frozen=True, slots=True)
class SidebarCall:
    """A verified call of the sidebar: what Gmail told, who calls, and the parts to answer with."""

    event: Event
    caller: Caller
    parts: Parts


class _Reply(Protocol):
    """The answer of a use case: `problems` says why parts of it are missing."""

    @property
    def problems(self) -> Sequence[MailMagnetError]: ...


Reply = TypeVar("Reply", bound=_Reply)


@dataclass(frozen=True, slots=True)
class Trigger:
    """How a call is answered: the card, its envelope, and the card in its place when something fails."""

    card: Callable[[SidebarCall, Frame], Awaitable[Card]]
    envelope: Callable[[Card], Answer]
    failed: Callable[[MailMagnetError, Frame], Card]


async def framed(frame: Frame, problems: Sequence[MailMagnetError], call: SidebarCall) -> Frame:
    """The frame with what a card says of problems: their reference in the log, and who can give a permission that is missing."""
    permitters = await who_can_permit(problems, call.caller, call.parts)
    return replace(frame, reference=log_problems(*problems), permitters=permitters)


@dataclass(frozen=True, slots=True)
class Press:
    """A click that does something in Gmail: its whole answer. When it fails a notice says why, and the card stays, with what was typed
    into it."""

    answer: Callable[[SidebarCall, Frame], Awaitable[Answer]]

    def failed(self, error: MailMagnetError, frame: Frame) -> Answer:
        """What is missing is asked for by a card on top of it. That leads on to the homepage: only the form could be pressed again."""
        if isinstance(error, BadForm):
            return notify(FAULTS[Fault(error.fault)])
        if isinstance(error, NotAuthorised):
            return push_card(error_card(error, replace(frame, path=Path.HOME, ids={})))
        return notify(notice_of(error, frame))


def _trigger(
    use_case: Callable[[SidebarCall], Awaitable[Reply]],
    card_of: Callable[[Reply, Frame], Card],
    envelope: Callable[[Card], Answer],
    failed: Callable[[MailMagnetError, Frame], Card] = error_card,
) -> Trigger:
    async def card(call: SidebarCall, frame: Frame) -> Card:
        reply = await use_case(call)
        return card_of(reply, await framed(frame, reply.problems, call))

    return Trigger(card, envelope, failed)


# What a click of shared mail names, and what it does


def _record(call: SidebarCall) -> RecordId:
    return record_id(call.event.parameter("module"), call.event.id)


def _mail(call: SidebarCall) -> MailId:
    return mail_id(_record(call), call.event.parameter("owner"), call.event.parameter("mail"))


def _change(call: SidebarCall) -> Change:
    try:
        return Change(call.event.parameter("change"))
    except ValueError:
        raise BadRequest("the click names no change") from None


async def _mail_with(call: SidebarCall) -> MailWith:
    return await mail_with(_record(call), call.event.parameters.get("older", ""), call.caller, call.parts)


async def _change_contact(call: SidebarCall) -> MailWith:
    await change_contact(_record(call), _change(call), call.caller, call.parts)
    return await mail_with(_record(call), "", call.caller, call.parts)


async def _change_mail(call: SidebarCall) -> ReadMail:
    await change_mail(_mail(call), _change(call), call.caller, call.parts)
    return await read_mail(_mail(call), call.caller, call.parts)


async def _who_could_read(call: SidebarCall) -> WhoCouldRead:
    parameters = call.event.parameters
    record = _record(call) if parameters.get("id") else None
    sharing = parameters.get("sharing", "")
    if sharing not in {"", *Sharing}:
        raise BadRequest("the click names no sharing")
    changed_to = Sharing(sharing) if sharing else None
    return await who_could_read(parameters.get("owner", ""), record, changed_to, call.caller, call.parts)


def _policy(call: SidebarCall) -> WantedPolicy:
    typed = call.event.typed
    return WantedPolicy(typed(POLICY_SHARING), typed(POLICY_EXCLUDED), typed(POLICY_RETENTION))


async def _people(call: SidebarCall) -> ConnectedPeople:
    parameters = call.event.parameters
    place = place_in(parameters.get("after", ""), parameters.get("since", ""))
    return await connected_people(place, call.caller, call.parts)


def _after(call: SidebarCall) -> str:
    """Behind whom a page of people begins."""
    return call.event.parameters.get("after", "")


def _let_in(call: SidebarCall) -> dict[str, str]:
    """CRM users' ids by the Google ids that are ticked."""
    return {user: crm_user for user, _, crm_user in (value.partition(" ") for value in call.event.chosen(CRM_LET_IN))}


def _sees(call: SidebarCall) -> Sees | None:
    """What is chosen; None while nothing is."""
    chosen = call.event.typed(CRM_SEES)
    if chosen not in {"", *Sees}:
        raise BadRequest("the form names nothing to see")
    return Sees(chosen) if chosen else None


def _hours(call: SidebarCall) -> int:
    """How far back a click asks about; 0: nothing yet."""
    hours = call.event.parameters.get("hours", "")
    return hours_in(hours) if hours else 0


def _profile(call: SidebarCall) -> str:
    """The group of defaults that a click names; "" for everybody else."""
    return call.event.parameters.get("profile", "")


# Customers' mail


def _skip(call: SidebarCall) -> int:
    skip = call.event.parameters.get("skip", "0")
    if not (skip.isascii() and skip.isdecimal()):
        raise BadRequest("the click names no place in the list")
    return int(skip[:9])


def _mark(*, done: bool) -> Press:
    """A mail marked as done, or not done again: the list that was clicked in, anew."""

    async def answer(call: SidebarCall, frame: Frame) -> Answer:
        await mark_as_done(call.event.id, done, call.caller, call.parts)
        return update_card(await _listed_anew(call, call.event.id if done else "", frame), "Done" if done else "Unread again")

    return Press(answer)


async def _listed_anew(call: SidebarCall, just_read: str, frame: Frame) -> Card:
    if "skip" in call.event.parameters:
        page = await customers_mail(_skip(call), call.caller, call.parts)
        ids, reference = {"skip": str(page.skipped)}, log_problems(*page.problems)
        in_list = replace(frame, path=Path.CUSTOMERS_MAIL, ids=ids, reference=reference)
        return customers_mail_card(replace(page, just_read=just_read), in_list)
    home = await homepage(call.caller, call.parts)
    mails = home.mails and replace(home.mails, just_read=just_read)
    return home_card(replace(home, mails=mails), replace(frame, path=Path.HOME, ids={}, reference=log_problems(*home.problems)))


# What is put into a draft, and a mail that is written in a card


def _person(call: SidebarCall) -> RecordId | None:
    return _record(call) if call.event.parameters.get("id") else None


def _form_id(call: SidebarCall) -> FormId:
    return FormId(call.event.parameter("draft"), _person(call), call.event.parameters.get("reply") == REPLY_YES)


async def _compose(call: SidebarCall) -> Composing:
    call.event.require_scope(SCOPE_COMPOSE)
    return await compose(call.event.recipients, call.caller, call.parts, call.event.typed(SEARCH_INPUT))


async def _insert(call: SidebarCall, _: Frame) -> Answer:
    call.event.require_scope(SCOPE_COMPOSE)
    filled = await filled_template(call.event.id, call.event.recipients, call.caller, call.parts)
    subject = filled.subject.text if call.event.parameters.get("subject") else ""
    return change_draft(html=html_of_merged(filled.text), subject=" ".join(subject.split()))


async def _insert_field(call: SidebarCall, _: Frame) -> Answer:
    call.event.require_scope(SCOPE_COMPOSE)
    composing = await compose(call.event.recipients, call.caller, call.parts)
    value = composing.values.get(call.event.parameter("field"), "")
    return change_draft(html=escape(value)) if value else notify("There is nothing to put in any more.")


async def _add_recipient(call: SidebarCall, _: Frame) -> Answer:
    call.event.require_scope(SCOPE_COMPOSE)
    address = await recipient_of(_record(call), call.caller, call.parts)
    return (
        notify("Among the recipients already.")
        if address in call.event.recipients
        else change_draft(to=(*call.event.to, address))
    )


async def _reply(call: SidebarCall) -> MailForm:
    return await reply_to(*call.event.open_mail(), _person(call), call.caller, call.parts)


async def _fill_in(call: SidebarCall, frame: Frame) -> Answer:
    template, typed = call.event.typed(MAIL_TEMPLATE), typed_mail(call.event)
    return update_card(mail_form_card(await fill_in(_form_id(call), template, typed, call.caller, call.parts), frame))


async def _save_mail(call: SidebarCall, frame: Frame) -> Answer:
    call.event.require_scope(SCOPE_COMPOSE)
    done = await save_mail(call.event.parameter("draft"), typed_mail(call.event), call.caller, call.parts)
    saved = done.ending is Ending.SAVED
    return open_draft(done.draft, done_card(done, frame)) if saved else update_card(done_card(done, frame))


async def _send_mail(call: SidebarCall, frame: Frame) -> Answer:
    done = await send_mail(call.event.parameter("draft"), typed_mail(call.event), call.caller, call.parts)
    return update_card(done_card(done, frame), "Sent" if done.ending is Ending.SENT else "")


async def _discard_mail(call: SidebarCall, frame: Frame) -> Answer:
    return update_card(done_card(await discard_mail(call.event.parameter("draft"), call.caller, call.parts), frame))


TRIGGERS: Mapping[Path, Trigger | Press] = {
    Path.HOME: _trigger(lambda call: homepage(call.caller, call.parts), home_card, show),
    Path.MESSAGE: _trigger(lambda call: open_message(*call.event.open_mail(), call.caller, call.parts), message_card, show),
    Path.PERSON: _trigger(
        lambda call: open_message(*call.event.open_mail(), call.caller, call.parts, call.event.place), person_card, push_card
    ),
    # The homepage's card on top of what is open: of an open mail's panel it is one step back.
    Path.DEALS_AND_SEARCH: _trigger(lambda call: homepage(call.caller, call.parts), home_card, push_card),
    Path.CONTACT: _trigger(lambda call: open_contact(call.event.id, call.caller, call.parts), contact_card, push_card),
    Path.LEAD: _trigger(lambda call: open_lead(call.event.id, call.caller, call.parts), lead_card, push_card),
    Path.ACCOUNT: _trigger(lambda call: open_account(call.event.id, call.caller, call.parts), account_card, push_card),
    Path.DEAL: _trigger(lambda call: open_deal(call.event.id, call.caller, call.parts), deal_card, push_card),
    Path.SEARCH: _trigger(
        lambda call: search(call.event.words, call.caller, call.parts), search_card, push_card, failed_search_card
    ),
    Path.MAIL_WITH: _trigger(_mail_with, mail_with_card, push_card),
    Path.MAIL: _trigger(lambda call: read_mail(_mail(call), call.caller, call.parts), mail_card, push_card, failed_mail_card),
    Path.SHARE_CONTACT: _trigger(_change_contact, mail_with_card, update_card),
    Path.SHARE_MAIL: _trigger(_change_mail, mail_card, update_card),
    Path.MY_SHARING: _trigger(lambda call: sharing_overview(call.caller, call.parts), my_sharing_card, push_card),
    Path.WHO_COULD_READ: _trigger(_who_could_read, who_could_read_card, push_card),
    Path.ADMIN: _trigger(lambda call: administration(call.caller, call.parts), admin_card, push_card),
    Path.PEOPLE: _trigger(_people, people_card, push_card),
    Path.DEFAULTS: _trigger(lambda call: list_defaults(call.caller, call.parts), defaults_list_card, push_card),
    Path.DEFAULTS_OF: _trigger(lambda call: open_defaults(_profile(call), call.caller, call.parts), defaults_card, push_card),
    Path.DEFAULTS_EFFECT: _trigger(
        lambda call: defaults_effect(_profile(call), defaults_form(call.event), call.caller, call.parts),
        defaults_card,
        update_card,
    ),
    Path.SAVE_DEFAULTS: _trigger(
        lambda call: save_defaults(_profile(call), defaults_form(call.event), call.caller, call.parts), defaults_card, update_card
    ),
    Path.REMOVE_DEFAULTS: _trigger(
        lambda call: remove_defaults(_profile(call), call.caller, call.parts), defaults_list_card, update_card
    ),
    Path.TAKE_BACK: _trigger(lambda call: see_taking_back(_hours(call), call.caller, call.parts), take_back_card, push_card),
    Path.TAKE_BACK_ALL: _trigger(
        lambda call: take_back_all(hours_in(call.event.parameters.get("hours", "")), call.caller, call.parts),
        take_back_card,
        update_card,
    ),
    Path.CUSTOMER_ADDRESS: _trigger(lambda call: see_address("", call.caller, call.parts), customer_address_card, push_card),
    Path.CUSTOMER_ADDRESS_KEPT: _trigger(
        lambda call: see_address(call.event.typed(CUSTOMER_ADDRESS), call.caller, call.parts), customer_address_card, update_card
    ),
    Path.REMOVE_CUSTOMER_ADDRESS: _trigger(
        lambda call: remove_address_of(call.event.typed(CUSTOMER_ADDRESS), call.caller, call.parts),
        customer_address_card,
        update_card,
    ),
    Path.USER: _trigger(
        lambda call: see_user(call.event.parameter("user"), call.caller, call.parts), user_removal_card, push_card
    ),
    Path.REMOVE_USER: _trigger(
        lambda call: remove_user(call.event.parameter("user"), call.caller, call.parts), user_removal_card, update_card
    ),
    Path.ORGANISATION: _trigger(lambda call: see_organisation(call.caller, call.parts), organisation_card, push_card),
    Path.REMOVE_ORGANISATION: _trigger(
        lambda call: remove_organisation_of(call.event.typed(ORGANISATION_TYPED), call.caller, call.parts),
        organisation_card,
        update_card,
    ),
    Path.CRM: _trigger(lambda call: see_crm(call.caller, call.parts), crm_card, push_card),
    Path.CRM_EFFECT: _trigger(
        lambda call: crm_effect(call.event.typed(CRM_KIND), call.event.typed(CRM_ORIGIN), call.caller, call.parts),
        crm_card,
        update_card,
    ),
    Path.SAVE_CRM: _trigger(
        lambda call: save_crm(call.event.typed(CRM_KIND), call.event.typed(CRM_ORIGIN), call.caller, call.parts),
        crm_card,
        update_card,
    ),
    Path.CRM_USERS: _trigger(lambda call: see_crm_users(_after(call), call.caller, call.parts), crm_users_card, push_card),
    Path.LET_IN: _trigger(lambda call: let_in(_let_in(call), _after(call), call.caller, call.parts), crm_users_card, update_card),
    Path.CRM_PERSON: _trigger(
        lambda call: see_person(call.event.parameter("user"), call.caller, call.parts), crm_person_card, push_card
    ),
    Path.MAP_PERSON: _trigger(
        lambda call: map_person(call.event.parameter("user"), call.event.typed(CRM_ADDRESS), call.caller, call.parts),
        crm_person_card,
        update_card,
    ),
    Path.LET_OUT: _trigger(
        lambda call: let_out(call.event.parameter("user"), call.caller, call.parts), crm_person_card, update_card
    ),
    Path.SAVE_SEES: _trigger(lambda call: save_sees(_sees(call), call.caller, call.parts), crm_users_card, update_card),
    Path.DISCONNECT_ACCOUNT: _trigger(lambda call: disconnect_account(call.caller, call.parts), crm_users_card, update_card),
    Path.PAUSE: _trigger(lambda call: see_pause(call.caller, call.parts), pause_card, push_card),
    Path.PAUSE_ALL: _trigger(lambda call: pause_all(call.caller, call.parts), pause_card, update_card),
    Path.RESUME_ALL: _trigger(lambda call: resume_all(call.caller, call.parts), pause_card, update_card),
    Path.POLICY: _trigger(lambda call: policy(call.caller, call.parts), policy_card, push_card),
    Path.POLICY_EFFECT: _trigger(lambda call: policy_effect(_policy(call), call.caller, call.parts), policy_card, update_card),
    Path.SAVE_POLICY: _trigger(lambda call: change_policy(_policy(call), call.caller, call.parts), policy_card, update_card),
    Path.SET_UP: _trigger(lambda call: open_set_up(call.event.locale.time_zone, call.caller, call.parts), set_up_card, push_card),
    Path.SAVE_SET_UP: _trigger(
        lambda call: save_set_up(set_up_form(call.event), call.event.parameters.get("confirmed", ""), call.caller, call.parts),
        set_up_card,
        update_card,
    ),
    Path.COUNT_MAIL: _trigger(
        lambda call: count_set_up(set_up_form(call.event), call.caller, call.parts), set_up_card, update_card
    ),
    Path.CUSTOMERS_MAIL: _trigger(
        lambda call: customers_mail(_skip(call), call.caller, call.parts), customers_mail_card, push_card
    ),
    Path.MARK_READ: _mark(done=True),
    Path.MARK_UNREAD: _mark(done=False),
    Path.SORTED_TODAY: _trigger(lambda call: sorted_today(call.caller, call.parts), sorted_today_card, push_card),
    Path.PREVIEW_SORTING: _trigger(lambda call: preview_sorting(call.caller, call.parts), sorting_preview_card, push_card),
    Path.SORT_NOW: _trigger(lambda call: sort_now(call.caller, call.parts), sorting_begun_card, update_card),
    Path.COMPOSE: _trigger(_compose, compose_card, show),
    Path.TEMPLATE: _trigger(
        lambda call: filled_template(call.event.id, call.event.recipients, call.caller, call.parts), template_card, push_card
    ),
    Path.INSERT: Press(_insert),
    Path.INSERT_FIELD: Press(_insert_field),
    Path.ADD_RECIPIENT: Press(_add_recipient),
    Path.WRITE: _trigger(lambda call: write_to(_record(call), call.caller, call.parts), mail_form_card, push_card),
    Path.REPLY: _trigger(_reply, mail_form_card, push_card),
    Path.FILL_IN: Press(_fill_in),
    Path.SAVE_MAIL: Press(_save_mail),
    Path.SEND_MAIL: Press(_send_mail),
    Path.DISCARD_MAIL: Press(_discard_mail),
    Path.KEPT: _trigger(lambda call: everything_kept(call.caller, call.parts), kept_card, push_card),
    Path.DEACTIVATE: _trigger(lambda call: everything_kept(call.caller, call.parts), leave_card, push_card),
    Path.DEACTIVATED: _trigger(lambda call: leave(call.caller, call.parts), left_card, update_card),
}
"""Every path that is served, and the only audiences that a call may be meant for."""
