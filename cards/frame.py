"""Who a card is drawn for, when, and where its buttons lead: the record `Frame`, and the closed list of paths."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from cards.words import zone_of
from mailmagnet.identity import Locale


class Path(StrEnum):
    """What the sidebar's triggers and clicks call, and the parameters each takes."""

    HOME = "/home"
    MESSAGE = "/message"
    DEALS_AND_SEARCH = "/deals-and-search"
    CONTACT = "/contact"  # id
    LEAD = "/lead"  # id
    ACCOUNT = "/account"  # id
    SEARCH = "/search"  # form input SEARCH_INPUT
    RETRY_HOME = "/retry-home"
    RETRY_MESSAGE = "/retry-message"  # message_id
    RETRY_CONTACT = "/retry-contact"  # id
    RETRY_LEAD = "/retry-lead"  # id
    RETRY_ACCOUNT = "/retry-account"  # id
    RETRY_SEARCH = "/retry-search"  # form input SEARCH_INPUT

    @property
    def again(self) -> "Path":
        """What Retry calls: the same, its answer in place of the card that has the button."""
        return _AGAIN.get(self, self)


_AGAIN = {
    Path.HOME: Path.RETRY_HOME,
    Path.MESSAGE: Path.RETRY_MESSAGE,
    Path.DEALS_AND_SEARCH: Path.RETRY_HOME,
    Path.CONTACT: Path.RETRY_CONTACT,
    Path.LEAD: Path.RETRY_LEAD,
    Path.ACCOUNT: Path.RETRY_ACCOUNT,
    Path.SEARCH: Path.RETRY_SEARCH,
}


SEARCH_INPUT = "words"
"""The name of the search field in the form inputs of an event."""


@dataclass(frozen=True, slots=True)
class Frame:
    """`now` is aware; `addon_url` is the public address of the `addon` function, without a slash at its end."""

    locale: Locale
    now: datetime
    addon_url: str

    @property
    def today(self) -> date:
        """The reader's own day."""
        return self.now.astimezone(zone_of(self.locale)).date()
