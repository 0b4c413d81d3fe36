"""Who a mail is about: its headers in, the people outside the organisation out. Pure rules."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mailmagnet.address_headers import Mailbox, cleaned, list_identity, mailboxes
from mailmagnet.addresses import domain_of, without_tag
from mailmagnet.gmail import MailHeaders

MOST_PEOPLE = 50
"""People that one mail is about at most; a round mail to hundreds is about its first ones."""
MOST_HEADERS = 5
"""Headers of one name that are read; most may stand only once (https://www.rfc-editor.org/rfc/rfc5322#section-3.6)."""


class About(StrEnum):
    """What a mail is to the user: about people outside, among colleagues, from a list with nobody on it, from a machine."""

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


def people_of(mail: MailHeaders, own_addresses: Collection[str], own_domains: Collection[str]) -> MailPeople:
    """Who a mail is about. `own_addresses` and `own_domains` (canonical) are the user's and the organisation's: left out."""
    us = _Us(frozenset(map(without_tag, own_addresses)), tuple(own_domains))
    senders = _mailboxes(mail, "From")
    group = _group_of(mail, senders)
    writers = _writers(mail, senders, us, group)
    people = _people(_in_order(mail, senders, writers, us), mail, us, group)
    return MailPeople(
        about=About.PEOPLE if people else _about_nobody_outside(mail, writers, us, group),
        people=people,
        list_name=group.name,
        sender=Person(*senders[0]) if senders else None,
    )


def sender_of(mail: MailHeaders, own_domains: Collection[str]) -> str:
    """The canonical address whose mail this is, for the job, or "".

    It is From's; X-Original-From's when From is in the user's own domain ("Ada via Sales"). Sender and Reply-To do not count.
    """
    our_domains = _Us(frozenset(), tuple(own_domains))
    sender = next((mailbox.address for mailbox in _mailboxes(mail, "From")), "")
    if our_domains.have(sender):
        originals = (mailbox.address for mailbox in _mailboxes(mail, "X-Original-From"))
        return next((address for address in originals if not our_domains.have(address)), sender)
    return sender


@dataclass(frozen=True, slots=True)
class _Us:
    """The user's addresses, without their +tags, and the organisation's domains."""

    addresses: frozenset[str]
    domains: tuple[str, ...]

    def have(self, address: str) -> bool:
        """Whether an address is the user's or a colleague's; a domain's subdomains belong to it."""
        host = domain_of(address)
        return without_tag(address) in self.addresses or any(
            host == domain or host.endswith(f".{domain}") for domain in self.domains if domain
        )


@dataclass(frozen=True, slots=True)
class _Group:
    """The list or group that a mail came over: its name, its id (https://www.rfc-editor.org/rfc/rfc2919), its addresses."""

    is_list: bool
    name: str
    id: str
    addresses: frozenset[str]

    def has(self, address: str) -> bool:
        """Whether an address is the group's own, or one of those that lists keep beside it (python-list-request@…)."""
        local, _, domain = address.rpartition("@")
        bare = f"{_LIST_OFFICE.sub('', local)}@{domain}"
        return bool({address, bare} & self.addresses) or bool(self.id and bare.replace("@", ".") == self.id)


_LIST_OFFICE = re.compile(r"^owner-|-(?:request|owner|admin|bounces?|help|join|leave|subscribe|unsubscribe|confirm)(?:\+.*)?$")


def _mailboxes(mail: MailHeaders, name: str) -> list[Mailbox]:
    return [mailbox for value in mail.all(name)[:MOST_HEADERS] for mailbox in mailboxes(value)]


def _group_of(mail: MailHeaders, senders: Sequence[Mailbox]) -> _Group:
    posts = [mailbox.address for mailbox in _mailboxes(mail, "List-Post")]
    name, list_id = list_identity(mail.first("List-Id"))
    is_list = bool(list_id or posts or _word(mail, "Precedence") == "list")
    delivered = {mailbox.address for mailbox in _mailboxes(mail, "Delivered-To")}
    if not is_list:
        # a forwarded mail may bear its own writer's mailbox there
        delivered -= {mailbox.address for mailbox in senders}
    short = list_id.partition(".")[0] or (posts[0].partition("@")[0] if posts else "")
    return _Group(is_list, name or cleaned(short), list_id, frozenset(posts) | delivered)


def _writers(mail: MailHeaders, senders: Sequence[Mailbox], us: _Us, group: _Group) -> list[Mailbox]:
    """Who wrote the mail: From, unless a group has put its own address there."""
    if not senders or not (us.have(senders[0].address) or group.has(senders[0].address)):
        return list(senders)
    via = _VIA.fullmatch(senders[0].name)
    originals = _mailboxes(mail, "X-Original-From") or _mailboxes(mail, "X-Original-Sender")
    if not originals and (via or group.is_list):
        originals = _mailboxes(mail, "Reply-To")
    originals = [original for original in originals if not us.have(original.address) and not group.has(original.address)]
    if not originals:
        return list(senders)
    name = originals[0].name or (cleaned(via[1]) if via else "")
    return [Mailbox(name, originals[0].address), *originals[1:]]


_VIA = re.compile(r"(.+?) via .+")


def _in_order(mail: MailHeaders, senders: Sequence[Mailbox], writers: Sequence[Mailbox], us: _Us) -> Iterable[Mailbox]:
    reply_to, recipients = _mailboxes(mail, "Reply-To"), _mailboxes(mail, "To") + _mailboxes(mail, "Cc")
    if writers and us.have(writers[0].address):
        return [*recipients, *reply_to, *senders]
    return [*writers, *reply_to, *recipients]


def _people(candidates: Iterable[Mailbox], mail: MailHeaders, us: _Us, group: _Group) -> tuple[Person, ...]:
    people: dict[str, Person] = {}
    for name, address in candidates:
        if address in people:
            people[address] = Person(people[address].name or name, address)
        elif len(people) < MOST_PEOPLE and not (us.have(address) or group.has(address) or _is_machine(address, mail)):
            people[address] = Person(name, address)
    return tuple(people.values())


def _about_nobody_outside(mail: MailHeaders, writers: Sequence[Mailbox], us: _Us, group: _Group) -> About:
    if any(us.have(writer.address) for writer in writers):
        return About.COLLEAGUES
    if group.is_list:
        return About.LIST
    if any(_is_machine(writer.address, mail) for writer in writers):
        return About.NO_REPLY
    return About.NOBODY


_NO_REPLY = re.compile(
    r"""(?:^|[^a-z])(?:no|do[-_.]?not|dont|never)[-_.]?repl(?:y|ies)
      | (?:^|[^a-z])(?:nicht[-_.]?antworten|keine[-_.]?antwort|ne[-_.]?pas[-_.]?repondre)
      | (?:^|[^a-z])(?:no[-_.]?responder|nao[-_.]?responda|non[-_.]?rispondere)
      | ^(?:mailer|mail)[-_.]?daemon$
      | ^(?:postmaster|nobody)$
      | ^bounces?(?:$|[-_.+=])
      | -bounces?(?:$|[+=])
      | ^(?:reply|replies)\+
      | ^(?:calendar[-_.]?(?:notification|server)s?|unknownorganizer)$
    """,
    re.VERBOSE,
)
_CALENDAR = re.compile(r"(?:^|\.)calendar\.google\.com$")
"""Where Google keeps group calendars and rooms: …@group.calendar.google.com, …@resource.calendar.google.com."""

_OFFICE = re.compile(
    r"""^(?:alerts?|announce(?:ments?)?|automail(?:er)?|bot|cron|daemon|digest|mailings?|marketing|news|newsletters?
          |notif(?:y|ications?|ier)|robot|root|system|updates?)(?:$|[-_.+])""",
    re.VERBOSE,
)
"""Local parts behind which a person may sit, but not when the mail also says that it was sent by a program or in bulk."""


def _is_machine(address: str, mail: MailHeaders) -> bool:
    """Whether nobody can be behind an address. A person's out-of-office note is still that person's."""
    local, _, domain = address.rpartition("@")
    if _NO_REPLY.search(local) or _CALENDAR.search(domain):
        return True
    automatic = _word(mail, "Auto-Submitted").startswith("auto-generated") or _word(mail, "Precedence") in {
        "list",
        "bulk",
        "junk",
    }
    return bool(_OFFICE.match(local)) and (automatic or bool(mail.first("List-Id")))


def _word(mail: MailHeaders, name: str) -> str:
    return mail.first(name).strip().lower()
