"""Mail that is with a shared contact and also with one whom its owner keeps back: the owner's own CRM says who is who."""

from collections.abc import Sequence

from mailmagnet.addresses import spellings
from mailmagnet.crm import Module, Senders
from mailmagnet.errors import NotAuthorised, NotPermitted
from mailmagnet.gmail import MailHeaders
from mailmagnet.parts import Parts
from mailmagnet.people import named_in
from mailmagnet.record_people import RecordId
from mailmagnet.store import Mailbox
from mailmagnet.vault import Connection


async def also_with_kept_back(
    mails: Sequence[MailHeaders], owner: Mailbox, connection: Connection, parts: Parts
) -> frozenset[str]:
    """The ids of those mails in which somebody stands whom the owner keeps back, by one question to the owner's CRM; and of those to
    so many that it cannot be told.

    Nothing is asked of it while the owner keeps nobody back. All of them, where that CRM does not let the owner in. Raises RateLimited,
    Unavailable, BadAnswer.
    """
    if not (mails and owner.choices.contacts_kept_back):
        return frozenset()
    read = {mail.mail_id: named_in(mail) for mail in mails}
    named = {mail_id: spellings(each.everybody) for mail_id, each in read.items()}
    try:
        found = await parts.crm_of(connection).senders(frozenset().union(*named.values()))
    except (NotAuthorised, NotPermitted):
        return frozenset(named)
    kept_back = _addresses_of(owner.choices.contacts_kept_back, found)
    return frozenset(mail_id for mail_id, addresses in named.items() if addresses & kept_back or not read[mail_id].whole)


def _addresses_of(kept_back: frozenset[str], found: Senders) -> frozenset[str]:
    people = [
        *((address, RecordId(Module.CONTACTS, each.id)) for address, contacts in found.contacts.items() for each in contacts),
        *((address, RecordId(Module.LEADS, each.id)) for address, leads in found.leads.items() for each in leads),
    ]
    return frozenset(address for address, record in people if record.choice in kept_back)
