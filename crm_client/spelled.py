"""How a CRM may have written an address or a domain, whichever way it was asked for. Pure."""

from collections.abc import Iterable

from mailmagnet.addresses import shown


def spelled(canonical: Iterable[str]) -> list[str]:
    """Addresses, or domains, in their order, each with its domain in ASCII (xn--) and in its own script; each spelling once."""
    return list(dict.fromkeys(spelling for each in canonical for spelling in (each, shown(each))))
