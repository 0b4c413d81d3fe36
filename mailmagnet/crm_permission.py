"""The permission without which nobody sees the CRM from Gmail, asked at each click that asks the CRM for nothing else."""

from mailmagnet.crm import MAIL_INTEGRATION, Crm, service_of
from mailmagnet.errors import NotPermitted


async def permitted(crm: Crm) -> None:
    """Raises NotPermitted when the user's profile does not hold the permission, and what `Crm.me` raises."""
    user = await crm.me()
    if MAIL_INTEGRATION not in user.profile.permissions:
        raise NotPermitted(service_of(crm), permission=MAIL_INTEGRATION)
