"""Who is an admin: the CRM's own administrators, asked anew at each click."""

from mailmagnet.caller import Caller
from mailmagnet.crm import Crm, service_of
from mailmagnet.deadline import in_time


async def is_admin(caller: Caller, crm: Crm) -> bool:
    """Whether the caller's own profile in the CRM is an administrator's. Raises what `Crm.me` raises."""
    me = await in_time(service_of(crm), caller.by, crm.me())
    return me.active and me.profile.administrator
