"""Mail addresses and domains: one way to write each, so that two that are the same compare equal. Pure rules."""

import re

import idna

_END = re.compile(r"(?<![\s.\u3002\uff0e\uff61])[\s.\u3002\uff0e\uff61]+\Z")
"""A final dot, in any of the scripts that IDNA reads as one (https://www.rfc-editor.org/rfc/rfc3490#section-3.1), and spaces round it."""


def canonical(address: str) -> str:
    """An address in lower case, its domain in ASCII (IDNA); what cannot be put so stays in lower case."""
    local, at, domain = address.strip().rpartition("@")
    return f"{local.lower()}{at}{canonical_domain(domain)}"


def canonical_domain(domain: str) -> str:
    """A domain in lower case ASCII, without a final dot."""
    domain = _END.sub("", domain.strip().lower())
    try:
        return _END.sub("", idna.encode(domain, uts46=True).decode("ascii")) if not domain.isascii() else domain
    except idna.IDNAError:
        return domain


def domain_of(address: str) -> str:
    """The part after the last @, or ""."""
    return address.rpartition("@")[2] if "@" in address else ""


def without_tag(address: str) -> str:
    """The address without its +tag: ada+news@x.example is ada@x.example."""
    local, at, domain = address.rpartition("@")
    bare = local.split("+", 1)[0]
    return f"{bare or local}{at}{domain}"


def shown(address: str) -> str:
    """An address as a person reads it: the domain in its own script."""
    local, at, domain = address.rpartition("@")
    try:
        return f"{local}{at}{idna.decode(domain)}" if "xn--" in domain else address
    except idna.IDNAError:
        return address
