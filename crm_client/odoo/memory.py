"""What a process remembers of one Odoo, for each user's sign-in: settings, groups, which fields may be read, and the user's rights."""

from collections.abc import Collection, Mapping

from cachetools import TTLCache

from crm_client.fields import Record
from crm_client.memory import Memory
from crm_client.odoo.records import Groups
from mailmagnet.crm import CrmSettings

SETTINGS_SECONDS = 15 * 60.0
RIGHTS_SECONDS = 60.0
MOST = 10_000
"""Sign-ins that are remembered at once."""

SignedIn = tuple[str, str, str]
"""Organisation, user, and Odoo's id of the user: as another one somebody is another one."""


class OdooMemory:
    """No record of the CRM is among it."""

    def __init__(self) -> None:
        self.users: Memory[SignedIn, Record] = Memory(RIGHTS_SECONDS, MOST)
        """Who asks, with the groups that decide what the user may."""
        self.groups: Memory[SignedIn, Groups] = Memory(SETTINGS_SECONDS, MOST)
        self.settings: Memory[SignedIn, CrmSettings] = Memory(SETTINGS_SECONDS, MOST)
        self.readable: Memory[SignedIn, Mapping[str, Collection[str]]] = Memory(SETTINGS_SECONDS, MOST)
        """By model, of those whose fields an Odoo may hide."""
        self.languages: TTLCache[SignedIn, str] = TTLCache(MOST, SETTINGS_SECONDS)
