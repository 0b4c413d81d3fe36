"""Who may use MailMagnet, and who is an admin."""

from mailmagnet.caller import Caller
from mailmagnet.crm import MAIL_INTEGRATION, Crm, service_of
from mailmagnet.errors import NotPermitted
from mailmagnet.parts import Parts


async def check_permitted(crm: Crm) -> None:
    """Raises NotPermitted when the profile of the user whose view this is does not hold the permission, and what `Crm.me` raises."""
    user = await crm.me()
    if MAIL_INTEGRATION not in user.profile.permissions:
        raise NotPermitted(service_of(crm), permission=MAIL_INTEGRATION)


async def is_admin(caller: Caller, crm: Crm, parts: Parts) -> bool:
    """Asked anew at each click."""
    raise NotImplementedError
