"""What a process remembers of one Tryton, for each user's sign-in: settings, who is which employee, and the user's rights."""

from crm_client.fields import Record
from crm_client.memory import Memory
from crm_client.tryton.records import Owners
from mailmagnet.crm import CrmSettings

SETTINGS_SECONDS = 15 * 60.0
RIGHTS_SECONDS = 60.0
MOST = 10_000
"""Sign-ins that are remembered at once."""

SignedIn = tuple[str, str, str]
"""Organisation, user, and Tryton's id of the user: as another one somebody is another one."""


class TrytonMemory:
    """No record of the CRM is among it."""

    def __init__(self) -> None:
        self.users: Memory[SignedIn, Record] = Memory(RIGHTS_SECONDS, MOST)
        """Who asks, with the groups that decide what the user may."""
        self.readable: Memory[tuple[SignedIn, str], frozenset[str] | None] = Memory(RIGHTS_SECONDS, MOST)
        """Fields by model, for those from whom Tryton hides some."""
        self.settings: Memory[SignedIn, CrmSettings] = Memory(SETTINGS_SECONDS, MOST)
        self.owners: Memory[SignedIn, Owners] = Memory(SETTINGS_SECONDS, MOST)
