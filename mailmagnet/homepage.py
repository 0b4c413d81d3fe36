"""The use case "homepage": without an open mail, what closes this month, the latest mail from customers, and how sorting goes."""

from dataclasses import dataclass
from datetime import date, datetime

from mailmagnet.crm import Deal
from mailmagnet.errors import MailMagnetError
from mailmagnet.store import Mailbox


@dataclass(frozen=True, slots=True)
class CustomerMail:
    """A mail of a customer: what is kept of it, and its subject and sender's name as just read from Gmail ("" when not readable)."""

    mail_id: str
    from_address: str
    received_at: datetime
    subject: str = ""
    from_name: str = ""
    unread: bool = False


@dataclass(frozen=True, slots=True)
class Homepage:
    """The answer. Each part stands alone: `closing` or `mails` is None when it could not be had, and its problem says why.

    `today` is the day in the CRM organisation's time zone. `mailbox` is None when this user's mail is not connected.
    """

    crm_name: str
    today: date | None
    closing: tuple[Deal, ...] | None
    mails: tuple[CustomerMail, ...] | None
    mailbox: Mailbox | None
    crm_problem: MailMagnetError | None = None
    mail_problem: MailMagnetError | None = None
