"""What a process remembers of Salesforce for each user's sign-in: how the organisation is set up, and what of it the user may see."""

from dataclasses import dataclass

from crm_client.memory import Memory
from crm_client.salesforce.questions import Visible
from mailmagnet.crm import CrmSettings

SECONDS = 15 * 60.0
MOST = 10_000
"""Sign-ins that are remembered at once."""

SignedIn = tuple[str, str, str]
"""Organisation, user, and Salesforce's id of the user: as another one somebody is another one."""


@dataclass(frozen=True, slots=True)
class SetUp:
    """The organisation's settings, and which fields a user may see. The permission is none of it: it is asked for with every question."""

    see: Visible
    settings: CrmSettings


SetUps = Memory[SignedIn, SetUp]


def new_memory() -> SetUps:
    return Memory(SECONDS, MOST)
