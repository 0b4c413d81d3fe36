"""Who a mail is about: its headers in, the people outside the organisation out. Pure rules.

Here alone a mail's headers are read, and only as far as honest mail has any: anybody can send a megabyte of commas.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mailmagnet.address_headers import Budget, Mailbox, certain_address, cleaned, decoded, list_identity, mailboxes
from mailmagnet.addresses import is_among, without_tag
from mailmagnet.gmail import PEOPLE_HEADERS, SENDER_HEADERS, MailHeaders

MOST_PEOPLE = 50
"""People that one mail is about at most; a round mail to hundreds is about its first ones."""
MOST_CHARACTERS = 32 * 1024
"""Characters that are read of one mail's headers, all together: those of some eight hundred mailboxes."""
MOST_LINES = 1_000
"""Header lines of one mail that are looked at."""
MOST_OF_A_NAME = 5
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
    """Who a mail is about, for the panel. `own_addresses` and `own_domains` (canonical) are the user's and the organisation's: left
    out. From is read leniently: only `sender_of` may decide a category."""
    us = _Us(frozenset(map(without_tag, own_addresses)), tuple(own_domains))
    headers = _Headers(mail, PEOPLE_HEADERS)
    senders = headers.mailboxes("From")
    group = _group_of(headers, senders)
    writers = _writers(headers, senders, us, group)
    people = _people(_in_order(headers, senders, writers, us), headers, us, group)
    return MailPeople(
        about=About.PEOPLE if people else _about_nobody_outside(headers, writers, us, group),
        people=people,
        list_name=group.name,
        sender=Person(*senders[0]) if senders else None,
    )


def sender_of(mail: MailHeaders, own_domains: Collection[str]) -> str:
    """The canonical address whose mail this is, for the job, or "" when it is not certain: then the mail is in no category.

    It is From's; X-Original-From's when From is in the user's own domain ("Ada via Sales"). Sender and Reply-To do not count. Both are
    read strictly (`certain_address`); one that stands several times is not certain.
    """
    our_domains = _Us(frozenset(), tuple(own_domains))
    lines = _lines(mail, SENDER_HEADERS)
    length = sum(len(value) for values in lines.values() for value in values)
    if len(mail.headers) > MOST_LINES or length > MOST_CHARACTERS:
        return ""
    sender = _certain(lines["from"])
    if our_domains.have(sender):
        original = _certain(lines["x-original-from"])
        return original if original and not our_domains.have(original) else sender
    return sender


def in_a_list(mail: MailHeaders) -> tuple[str, str]:
    """The name of who wrote a mail and its subject, as a list of mails shows them; each may be ""."""
    headers = _Headers(mail, ("From", "Subject"))
    senders = headers.mailboxes("From")
    return (senders[0].name if senders else ""), decoded(headers.first("Subject")[:_LONGEST_SUBJECT])


_LONGEST_SUBJECT = 2_000


def sender_in(mail: MailHeaders) -> Person:
    """Who a mail says that it is from, to be shown; both name and address may be ""."""
    senders = _Headers(mail, ("From",)).mailboxes("From")
    return Person(*senders[0]) if senders else Person("", "")


@dataclass(frozen=True, slots=True)
class Named:
    """Who stands in a mail, by canonical addresses: its `correspondents`, with whom it is, and `everybody`, with Reply-To and Bcc.

    `whole` is whether that is all of them: of a round mail to hundreds the first ones are read.
    """

    correspondents: frozenset[str]
    everybody: frozenset[str]
    whole: bool


def named_in(mail: MailHeaders) -> Named:
    """Who stands in a mail of which NAMING_HEADERS were read."""
    headers = _Headers(mail, NAMING_HEADERS)
    by_name = {name: {mailbox.address for mailbox in headers.mailboxes(name)} for name in NAMING_HEADERS}
    correspondents = frozenset().union(*(by_name[name] for name in _CORRESPONDENT_HEADERS))
    return Named(correspondents, frozenset().union(*by_name.values()), headers.whole)


_CORRESPONDENT_HEADERS = ("From", "To", "Cc")
NAMING_HEADERS = (*_CORRESPONDENT_HEADERS, "Reply-To", "Bcc")
"""The headers that name people. Bcc stands in its own writer's copy."""


def _certain(values: Sequence[str]) -> str:
    return certain_address(values[0]) if len(values) == 1 else ""


def _lines(mail: MailHeaders, names: Iterable[str]) -> dict[str, list[str]]:
    """The values of the headers of these names, in the order of the names."""
    lines: dict[str, list[str]] = {name.lower(): [] for name in names}
    for name, value in mail.headers[:MOST_LINES]:
        values = lines.get(name.lower())
        if values is not None and len(values) < MOST_OF_A_NAME:
            values.append(value)
    return lines


class _Headers:
    """The headers of these names, as far as one mail's budget goes; those that may name hundreds are the last to get of it."""

    def __init__(self, mail: MailHeaders, names: Iterable[str]) -> None:
        lines = _lines(mail, sorted(names, key=_OF_MANY.__contains__))
        self._texts = _within_budget(lines)
        self._mailboxes: dict[str, list[Mailbox]] = {}
        self._budget = Budget()
        is_short = len(mail.headers) <= MOST_LINES and self._texts == lines
        self._has_all_lines = is_short and all(len(mail.all(name)) == len(values) for name, values in lines.items())

    @property
    def whole(self) -> bool:
        """Whether nothing of these headers is left out, of those whose mailboxes were asked for."""
        return self._has_all_lines and self._budget.tokens > 0 and self._budget.mailboxes > 0

    def first(self, name: str) -> str:
        """The first value of a header, or ""."""
        return next(iter(self._texts[name.lower()]), "")

    def mailboxes(self, name: str) -> list[Mailbox]:
        """Those of all headers of this name, parsed once."""
        if name not in self._mailboxes:
            self._mailboxes[name] = [mailbox for text in self._texts[name.lower()] for mailbox in mailboxes(text, self._budget)]
        return self._mailboxes[name]


_OF_MANY = frozenset({"To", "Cc", "Bcc", "Delivered-To"})


def _within_budget(lines: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The lines, MOST_CHARACTERS together; one that is too long is cut after a comma."""
    texts: dict[str, list[str]] = {}
    left = MOST_CHARACTERS
    for name, values in lines.items():
        texts[name] = []
        for value in values:
            text = value if len(value) <= left else value[: value.rfind(",", 0, left) + 1]
            texts[name].append(text)
            left -= len(text)
    return texts


@dataclass(frozen=True, slots=True)
class _Us:
    """The user's addresses, without their +tags, and the organisation's domains."""

    addresses: frozenset[str]
    domains: tuple[str, ...]

    def have(self, address: str) -> bool:
        """Whether an address is the user's or a colleague's; a domain's subdomains belong to it."""
        return is_among(address, self.addresses, self.domains)


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


def _group_of(headers: _Headers, senders: Sequence[Mailbox]) -> _Group:
    posts = [mailbox.address for mailbox in headers.mailboxes("List-Post")]
    name, list_id = list_identity(headers.first("List-Id"))
    is_list = bool(list_id or posts or _word(headers, "Precedence") == "list")
    delivered = {mailbox.address for mailbox in headers.mailboxes("Delivered-To")}
    if not is_list:
        # a forwarded mail may bear its own writer's mailbox there
        delivered -= {mailbox.address for mailbox in senders}
    short = list_id.partition(".")[0] or (posts[0].partition("@")[0] if posts else "")
    return _Group(is_list, name or cleaned(short), list_id, frozenset(posts) | delivered)


def _writers(headers: _Headers, senders: Sequence[Mailbox], us: _Us, group: _Group) -> list[Mailbox]:
    """Who wrote the mail: From, unless a group has put its own address there."""
    if not senders or not (us.have(senders[0].address) or group.has(senders[0].address)):
        return list(senders)
    via = _VIA.fullmatch(senders[0].name)
    originals = headers.mailboxes("X-Original-From") or headers.mailboxes("X-Original-Sender")
    if not originals and (via or group.is_list):
        originals = headers.mailboxes("Reply-To")
    originals = [original for original in originals if not us.have(original.address) and not group.has(original.address)]
    if not originals:
        return list(senders)
    name = originals[0].name or (cleaned(via[1]) if via else "")
    return [Mailbox(name, originals[0].address), *originals[1:]]


_VIA = re.compile(r"(.+?) via .+")


def _in_order(headers: _Headers, senders: Sequence[Mailbox], writers: Sequence[Mailbox], us: _Us) -> Iterable[Mailbox]:
    reply_to, recipients = headers.mailboxes("Reply-To"), headers.mailboxes("To") + headers.mailboxes("Cc")
    if writers and us.have(writers[0].address):
        return [*recipients, *reply_to, *senders]
    return [*writers, *reply_to, *recipients]


def _people(candidates: Iterable[Mailbox], headers: _Headers, us: _Us, group: _Group) -> tuple[Person, ...]:
    people: dict[str, Person] = {}
    for name, address in candidates:
        if address in people:
            people[address] = Person(people[address].name or name, address)
        elif len(people) < MOST_PEOPLE and not (us.have(address) or group.has(address) or _is_machine(address, headers)):
            people[address] = Person(name, address)
    return tuple(people.values())


def _about_nobody_outside(headers: _Headers, writers: Sequence[Mailbox], us: _Us, group: _Group) -> About:
    if any(us.have(writer.address) for writer in writers):
        return About.COLLEAGUES
    if group.is_list:
        return About.LIST
    if any(_is_machine(writer.address, headers) for writer in writers):
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


def _is_machine(address: str, headers: _Headers) -> bool:
    """Whether nobody can be behind an address. A person's out-of-office note is still that person's."""
    local, _, domain = address.rpartition("@")
    if _NO_REPLY.search(local) or _CALENDAR.search(domain):
        return True
    if not _OFFICE.match(local):
        return False
    in_bulk = _word(headers, "Precedence") in {"list", "bulk", "junk"}
    return in_bulk or _word(headers, "Auto-Submitted").startswith("auto-generated") or bool(headers.first("List-Id"))


def _word(headers: _Headers, name: str) -> str:
    return headers.first(name)[:_LONGEST_WORD].strip().lower()


_LONGEST_WORD = 100
