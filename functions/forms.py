"""What stands in the cards' forms, read from an event: whatever was sent, it becomes what the core takes as typed."""

from cards.frame import (
    DEFAULTS_DAYS,
    DEFAULTS_LABELLING,
    DEFAULTS_MAILMAGNET,
    DEFAULTS_SHARING,
    MAIL_FROM,
    MAIL_SUBJECT,
    MAIL_TEXT,
    MAIL_TO,
)
from cards.set_up_card import (
    DAILY_AT_INPUT,
    DAYS_INPUT,
    LABELLING_INPUT,
    MAILMAGNET_INPUT,
    NOTIFY_INPUT,
    QUIET_FROM_INPUT,
    QUIET_UNTIL_INPUT,
    SHARING_INPUT,
)
from functions.event import Event
from mailmagnet.defaults import WantedDefaults
from mailmagnet.set_up import Form
from mailmagnet.write_mail import Typed


def set_up_form(event: Event) -> Form:
    """The form of the set-up card."""
    return Form(
        mailmagnet=bool(event.chosen(MAILMAGNET_INPUT)),
        labelling=bool(event.chosen(LABELLING_INPUT)),
        backfill_days=event.typed(DAYS_INPUT),
        sharing=event.typed(SHARING_INPUT),
        notify=event.typed(NOTIFY_INPUT),
        daily_at=event.typed(DAILY_AT_INPUT),
        quiet_from=event.typed(QUIET_FROM_INPUT),
        quiet_until=event.typed(QUIET_UNTIL_INPUT),
        time_zone=event.locale.time_zone,
    )


def defaults_form(event: Event) -> WantedDefaults:
    """The form of an admin's defaults."""
    return WantedDefaults(
        mailmagnet=bool(event.chosen(DEFAULTS_MAILMAGNET)),
        labelling=bool(event.chosen(DEFAULTS_LABELLING)),
        backfill_days=event.typed(DEFAULTS_DAYS),
        sharing=event.typed(DEFAULTS_SHARING),
    )


def typed_mail(event: Event) -> Typed:
    """The form of a mail that is being written."""
    typed = event.typed
    return Typed(to=typed(MAIL_TO), sender=typed(MAIL_FROM), subject=typed(MAIL_SUBJECT), text=typed(MAIL_TEXT))
