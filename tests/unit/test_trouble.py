"""Trouble: what a failed run means for its mailbox is told by whose refusal it is, never by a name."""

from datetime import UTC, datetime

import pytest

from mailmagnet.errors import MAILMAGNET, NotAuthorised, NotFound, NotPermitted, Service, Side, Unavailable, Upstream
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


def test_the_log_still_names_what_failed() -> None:
    assert str(Unavailable(FIRESTORE, "down")) == "Firestore: down"
