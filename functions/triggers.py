"""Every trigger and click of the sidebar, a line each: its path, its use case, the card that shows the answer, and the envelope."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from cards.account_card import account_card
from cards.answers import Answer, push_card, show, update_card
from cards.contact_card import contact_card
from cards.error_card import error_card, failed_search_card
from cards.frame import Frame, Path
from cards.home_card import home_card
from cards.kept_card import kept_card
from cards.lead_card import lead_card
from cards.leave_card import leave_card, left_card
from cards.message_card import message_card
from cards.search_card import search_card
from cards.widgets import Card
from functions.event import Event
from functions.log import log_problems
from mailmagnet.caller import Caller
from mailmagnet.errors import MailMagnetError, Upstream
from mailmagnet.everything_kept import everything_kept
from mailmagnet.homepage import homepage
from mailmagnet.leave import leave
from mailmagnet.open_message import open_message
from mailmagnet.open_record import open_account, open_contact, open_lead, search
from mailmagnet.parts import Parts


@dataclass(frozen=True, slots=True)
class SidebarCall:
    """A verified call of the sidebar: what Gmail told, who calls, and the parts to answer with."""

    event: Event
    caller: Caller
    parts: Parts


class _Reply(Protocol):
    """The answer of a use case: `problems` says why parts of it are missing."""

    @property
    def problems(self) -> Sequence[Upstream]: ...


Reply = TypeVar("Reply", bound=_Reply)


@dataclass(frozen=True, slots=True)
class Trigger:
    """How a call is answered: the card, its envelope, and the card in its place when something fails."""

    card: Callable[[SidebarCall, Frame], Awaitable[Card]]
    envelope: Callable[[Card], Answer]
    failed: Callable[[MailMagnetError, Frame], Card]


def _trigger(
    use_case: Callable[[SidebarCall], Awaitable[Reply]],
    card_of: Callable[[Reply, Frame], Card],
    envelope: Callable[[Card], Answer],
    failed: Callable[[MailMagnetError, Frame], Card] = error_card,
) -> Trigger:
    async def card(call: SidebarCall, frame: Frame) -> Card:
        reply = await use_case(call)
        return card_of(reply, replace(frame, reference=log_problems(*reply.problems)))

    return Trigger(card, envelope, failed)


TRIGGERS: Mapping[Path, Trigger] = {
    Path.HOME: _trigger(lambda call: homepage(call.caller, call.parts), home_card, show),
    Path.MESSAGE: _trigger(lambda call: open_message(*call.event.open_mail(), call.caller, call.parts), message_card, show),
    # The homepage's card on top of what is open: of an open mail's panel it is one step back.
    Path.DEALS_AND_SEARCH: _trigger(lambda call: homepage(call.caller, call.parts), home_card, push_card),
    Path.CONTACT: _trigger(lambda call: open_contact(call.event.id, call.caller, call.parts), contact_card, push_card),
    Path.LEAD: _trigger(lambda call: open_lead(call.event.id, call.caller, call.parts), lead_card, push_card),
    Path.ACCOUNT: _trigger(lambda call: open_account(call.event.id, call.caller, call.parts), account_card, push_card),
    Path.SEARCH: _trigger(
        lambda call: search(call.event.words, call.caller, call.parts), search_card, push_card, failed_search_card
    ),
    Path.KEPT: _trigger(lambda call: everything_kept(call.caller, call.parts), kept_card, push_card),
    Path.DEACTIVATE: _trigger(lambda call: everything_kept(call.caller, call.parts), leave_card, push_card),
    Path.DEACTIVATED: _trigger(lambda call: leave(call.caller, call.parts), left_card, update_card),
}
"""Every path that is served, and the only audiences that a call may be meant for."""
