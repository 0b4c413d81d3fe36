"""Who a mail is about: its headers in, the people outside the organisation out. Pure rules."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from mailmagnet.gmail import MailHeaders


class About(StrEnum):
    """What a mail is, seen from the user: about people outside, among colleagues, from a list with nobody on it, from a machine."""

    PEOPLE = "people"
    COLLEAGUES = "colleagues"
    LIST = "list"
    NO_REPLY = "no_reply"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Person:
    """A counterpart: `name` as the mail has it (decoded, may be ""), `address` canonical."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class MailPeople:
    """Who a mail is about, the main one first, each address once.

    `people` is empty unless `about` is PEOPLE. `list_name` is the list's name when the mail came over one, else "".
    `sender` is who wrote it as From has it, also when there is nobody to look up (None without a readable From).
    """

    about: About
    people: tuple[Person, ...] = ()
    list_name: str = ""
    sender: Person | None = None


def people_of(
    mail: MailHeaders, own_addresses: Collection[str], own_domains: Collection[str]
) -> MailPeople:
    """Who a mail is about. `own_addresses` and `own_domains` (canonical) are the user's and the organisation's: left out."""
    raise NotImplementedError


def sender_of(mail: MailHeaders, own_domains: Collection[str]) -> str:
    """The canonical address whose mail this is, for the job, or "".

    It is From's; X-Original-From's when From is in the user's own domain ("Ada via Sales"). Sender and Reply-To do not count.
    """
    raise NotImplementedError
