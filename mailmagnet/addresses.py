"""Mail addresses and domains: one way to write each, so that two that are the same compare equal. Pure rules."""

import re
from collections.abc import Collection, Iterable

import idna

from mailmagnet.errors import BadRequest
from mailmagnet.visible_text import UNSEEN

MAX_ADDRESS = 320
"""Characters: 64 for the local part, 255 for the domain (https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1)."""

_NEVER = rf"\x00-\x1f\x7f-\x9f\ud800-\udfff{UNSEEN}"
_UNFIT = rf"""\s{_NEVER}"(),:;<>@\\\[\]"""
_ATOM = rf"[^{_UNFIT}.]+"
_LABEL = rf"(?:[a-z0-9_-]|[^{_UNFIT}\x21-\x7e])+"
_BARE = re.compile(rf"[^{_UNFIT}]+")
_DOT_STRING = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_TO_ESCAPE = re.compile(r'["\\]')
_LOCAL_PART = rf'(?:{_DOT_STRING.pattern}|"(?: |[^\s{_NEVER}"\\]|\\["\\])*")'
_ADDRESS = re.compile(rf"{_LOCAL_PART}@(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-z.:]+\])")

_END = re.compile(r"(?<![\s.\u3002\uff0e\uff61])[\s.\u3002\uff0e\uff61]+\Z")
"""A final dot, in any of the scripts that IDNA reads as one (https://www.rfc-editor.org/rfc/rfc3490#section-3.1), and spaces round it."""


def canonical(address: str) -> str:
    """An address in lower case, its domain in ASCII (IDNA), its local part in quotes only where it needs them.

    "John"@X.example is john@x.example; "john doe"@x.example keeps its quotes, and john..doe@x.example gets some
    (https://www.rfc-editor.org/rfc/rfc5321#section-4.1.2). What cannot be put so stays as it is, in lower case.
    """
    local, at, domain = address.strip().rpartition("@")
    if _is_local_part(local):
        return addr_spec(unquoted(local), domain)
    return f"{lower_case(local)}{at}{canonical_domain(domain)}"


def addr_spec(local_part: str, domain: str) -> str:
    """The canonical address of a local part as it is meant: without the quotes and backslashes that it is written with."""
    return f"{_written(lower_case(local_part))}@{canonical_domain(domain)}"


def canonical_domain(domain: str) -> str:
    """A domain in lower case ASCII, without a final dot."""
    domain = _END.sub("", domain.strip().lower())
    try:
        return _END.sub("", idna.encode(domain, uts46=True).decode("ascii")) if not domain.isascii() else domain
    except idna.IDNAError:
        return domain


def lower_case(text: str) -> str:
    """In lower case. What is no letter's capital stays: the Kelvin sign is not a k, and its address is another one."""
    if text.isascii():
        return text.lower()
    return "".join(letter.lower() if letter.lower().upper() == letter else letter for letter in text)


def is_address(address: str) -> bool:
    """Whether a text, written as `canonical` does it, is a mail address."""
    return len(address) <= MAX_ADDRESS and bool(_ADDRESS.fullmatch(address))


def is_atom(text: str) -> bool:
    """Whether a text may stand in a local part without quotes. Dots count as letters: some providers have ada..l@x.example."""
    return bool(_BARE.fullmatch(text))


def domain_of(address: str) -> str:
    """The part after the last @, or ""."""
    return address.rpartition("@")[2] if "@" in address else ""


def without_tag(address: str) -> str:
    """The address without its +tag: ada+news@x.example is ada@x.example."""
    local, at, domain = address.rpartition("@")
    bare = unquoted(local).split("+", 1)[0]
    return f"{_written(bare)}{at}{domain}" if "+" in local and bare and _is_local_part(local) else address


def is_among(address: str, addresses: Collection[str], domains: Collection[str]) -> bool:
    """Whether an address, its +tag left out, is one of these (which have none), or in one of these domains or below it."""
    host = domain_of(address)
    return without_tag(address) in addresses or any(host == domain or host.endswith(f".{domain}") for domain in domains if domain)


def unquoted(local_part: str) -> str:
    """A local part as it is meant: without quotes, and without the backslashes between them."""
    quoted = _QUOTED.fullmatch(local_part)
    return _ESCAPED.sub(r"\1", quoted[1]) if quoted else local_part


def shown(address: str) -> str:
    """An address as a person reads it: the domain in its own script."""
    local, at, domain = address.rpartition("@")
    try:
        return f"{local}{at}{idna.decode(domain)}" if "xn--" in domain else address
    except idna.IDNAError:
        return address


def _is_local_part(text: str) -> bool:
    return bool(_BARE.fullmatch(text) or _QUOTED.fullmatch(text))


def _written(meant: str) -> str:
    """A local part with quotes if it needs them."""
    return meant if _DOT_STRING.fullmatch(meant) else '"' + _TO_ESCAPE.sub(r"\\\g<0>", meant) + '"'


# What an admin excludes

_HOST_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_HOST = re.compile(rf"(?=.{{1,253}}\Z)(?:{_HOST_LABEL}\.)+(?!\d+\Z){_HOST_LABEL}")
_ALL_OF = re.compile(r"\A(?:\*?@|\*?\.)")
_FAULTS = (
    (re.compile(rf"[{_NEVER}]"), "has a character in it that cannot be seen"),
    (re.compile(r"\A\Z"), "is empty"),
    (re.compile(r"\s"), "has a space in it"),
    (re.compile(r"[,;]"), "is more than one"),
    (re.compile(r"@"), "is no mail address"),
    (re.compile(r"\A[^.]*\Z"), "has no dot"),
    (re.compile(r""), "is no domain"),
)


def exclusion(entry: str) -> str:
    """An excluded address or domain, canonical, from what a person writes: "Ada@X.example", "*.bücher.example", "@x.example".

    A domain stands for those below it too. Raises BadRequest, which says what is wrong and does not repeat the entry.
    """
    text = _ALL_OF.sub("", entry.strip())
    one_way = canonical(text)
    if _HOST.fullmatch(one_way) or (is_address(one_way) and domain_of(one_way).isascii()):
        return one_way
    fault = next(fault for sign, fault in _FAULTS if sign.search(text))
    raise BadRequest(f"an excluded entry {fault}: each is one address (ada@corp.example) or one domain (corp.example)")


def spellings(addresses: Iterable[str]) -> frozenset[str]:
    """What to ask the CRM for: each address, and each without its +tag."""
    return frozenset(spelling for address in addresses for spelling in (address, without_tag(address)))
