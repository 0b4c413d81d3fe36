"""Trouble: what a failed run means for its mailbox is told by whose refusal it is, never by a name."""

from datetime import UTC, datetime, timedelta

import pytest

from mailmagnet.errors import (
    MAILMAGNET,
    DayLimitReached,
    NotAuthorised,
    NotFound,
    NotListed,
    NotPermitted,
    RateLimited,
    Service,
    Side,
    Unavailable,
    Upstream,
)
from mailmagnet.gmail import GMAIL
from mailmagnet.store import Reason
from mailmagnet.trouble import trouble_after

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
CRM_CALLED_GMAIL, GMAIL_RENAMED = Service(Side.CRM, "Gmail"), Service(Side.GMAIL, "Google Mail")
FIRESTORE, VAULT = Service(Side.OURS, "Firestore"), Service(Side.OURS, "the vault")


@pytest.mark.parametrize(
    ("error", "reason", "who"),
    [
        (NotAuthorised(GMAIL), Reason.CONSENT, "Gmail"),
        (NotAuthorised(GMAIL_RENAMED), Reason.CONSENT, "Google Mail"),
        (NotPermitted(GMAIL), Reason.GMAIL_REFUSES, "Gmail"),
        (NotPermitted(GMAIL_RENAMED), Reason.GMAIL_REFUSES, "Google Mail"),
        (NotAuthorised(CRM_CALLED_GMAIL), Reason.CRM_SIGN_IN, "Gmail"),
        (NotPermitted(CRM_CALLED_GMAIL), Reason.CRM_PERMISSION, "Gmail"),
        (NotListed(CRM_CALLED_GMAIL), Reason.CRM_LIST, "Gmail"),
        (DayLimitReached(CRM_CALLED_GMAIL, 600), Reason.CRM_DAY_LIMIT, "Gmail"),
        (RateLimited(CRM_CALLED_GMAIL, 600), Reason.FAILING, "Gmail"),
        (DayLimitReached(GMAIL, 600), Reason.FAILING, "Gmail"),
        (NotAuthorised(FIRESTORE), Reason.FAILING, "MailMagnet"),
        (NotPermitted(VAULT), Reason.FAILING, "MailMagnet"),
        (Unavailable(MAILMAGNET), Reason.FAILING, "MailMagnet"),
        (NotFound(GMAIL), Reason.FAILING, "Gmail"),
    ],
)
def test_whose_refusal_it_is_tells_what_is_to_be_done(error: Upstream, reason: Reason, who: str) -> None:
    trouble = trouble_after(None, error, NOW)
    assert (trouble.reason, trouble.who) == (reason, who)
    assert (trouble.again_at is None) == (reason is Reason.CONSENT)


def test_when_the_days_calls_are_used_up_it_is_tried_when_the_crm_says_however_often_that_was() -> None:
    trouble = None
    for hours in [*range(1, 24)] * 3:
        trouble = trouble_after(trouble, DayLimitReached(CRM_CALLED_GMAIL, hours * 3600), NOW)
        assert trouble.again_at == NOW + timedelta(hours=hours)
    for seconds, wait in ((0, timedelta(minutes=10)), (-1, timedelta(minutes=10)), (10**9, timedelta(days=1))):
        assert trouble_after(None, DayLimitReached(CRM_CALLED_GMAIL, seconds), NOW).again_at == NOW + wait


def test_the_log_still_names_what_failed() -> None:
    assert str(Unavailable(FIRESTORE, "down")) == "Firestore: down"
