"""What one process remembers of Zoho: settings for 15 minutes, rights for one."""

from dataclasses import dataclass, field

from cachetools import TTLCache

from crm_client.memory import Memory
from crm_client.zoho.settings import ZohoSettings
from mailmagnet.crm import User

Who = tuple[str, str, str]
"""Who asks: the organisation and the user, ours, and the Zoho user as whom that one is signed in."""
SETTINGS_SECONDS, RIGHTS_SECONDS = 15 * 60.0, 60.0
MOST = 10_000
"""Connections."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """`hidden` are the columns ("Contacts.Phone") that a user may not see; `strange` are names of stages that are in no pipeline, so that
    the settings are not asked for anew because of them; `day_credits` are an organisation's of ours."""

    settings: Memory[Who, ZohoSettings] = field(default_factory=lambda: Memory(SETTINGS_SECONDS, MOST))
    users: Memory[Who, User] = field(default_factory=lambda: Memory(RIGHTS_SECONDS, MOST))
    hidden: TTLCache[Who, frozenset[str]] = field(default_factory=lambda: TTLCache(MOST, RIGHTS_SECONDS))
    strange: TTLCache[tuple[Who, str], bool] = field(default_factory=lambda: TTLCache(MOST, SETTINGS_SECONDS))
    day_credits: dict[str, int] = field(default_factory=dict)
