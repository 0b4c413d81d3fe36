"""The use cases that open one CRM record from a list, and the search."""

from datetime import datetime

from mailmagnet.categories import today_in
from mailmagnet.crm import Crm, Found
from mailmagnet.errors import BadRequest
from mailmagnet.open_message import ContactView, view_contacts

FOUND_MOST = 8
"""As many results of each kind as a rep looks through before searching again."""


async def open_contact(contact_id: str, crm: Crm, now: datetime) -> ContactView:
    """A contact with its category. Raises what `Crm` raises."""
    contact = await crm.contact(contact_id)
    today = today_in((await crm.organisation()).time_zone, now)
    return view_contacts([contact], today)[0]


async def search(words: str, crm: Crm) -> Found:
    """What the CRM has under these words. Raises BadRequest when there are none, and what `Crm` raises."""
    if not words.strip():
        raise BadRequest("Type a name, a company or an address to search for.")
    return await crm.search(words.strip(), FOUND_MOST)
