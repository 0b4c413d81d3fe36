"""What a process remembers of Salesforce for each user's sign-in: how the organisation is set up, and what of it the user may see."""

from dataclasses import dataclass

from cachetools import LRUCache

from crm_client.memory import Memory
from crm_client.salesforce.questions import Visible
from mailmagnet.crm import CrmSettings, User

SETTINGS_SECONDS = 15 * 60.0
RIGHTS_SECONDS = 60.0
MOST = 10_000
"""Sign-ins that are remembered at once."""

SignedIn = tuple[str, str, str]
"""Organisation, user, and Salesforce's id of the user: as another one somebody is another one."""


@dataclass(frozen=True, slots=True)
class SetUp:
    """The organisation's settings, and which fields a user may see."""

    see: Visible
    settings: CrmSettings


class SalesforceMemory:
    """No record of the CRM is among it. Whoever asks for records is asked for the permission in the same call, whatever is remembered."""

    def __init__(self) -> None:
        self.set_ups: Memory[SignedIn, SetUp] = Memory(SETTINGS_SECONDS, MOST)
        self.permitted: Memory[SignedIn, bool] = Memory(RIGHTS_SECONDS, MOST)
        self.users: Memory[SignedIn, User] = Memory(RIGHTS_SECONDS, MOST)
        """Who asks."""
        self.origins: LRUCache[str, str] = LRUCache(MOST)
        """Where each of our organisations was served when it asked last."""
