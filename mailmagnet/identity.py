"""Who asks: the verified user, and how this user reads money, dates and numbers."""

from dataclasses import dataclass

from mailmagnet.addresses import canonical_domain


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified user. `user` is the token's `sub`, `org` its `hd`.

    Without `hd` the user is an organisation of their own, `org` being the user's id, unless the deployment admits one organisation
    alone. `domain` is the organisation's, "" for a user who is one of their own.
    """

    org: str
    user: str
    address: str
    domain: str = ""


def identity_in(org: str, user: str, address: str) -> Identity:
    """A verified user of an organisation as `Identity` has it, from their verified ids."""
    return Identity(org, user, address, "" if org == user else canonical_domain(org))


@dataclass(frozen=True, slots=True)
class Locale:
    """How the user reads: a language ("de-AT", as Google sends it) and an IANA time zone."""

    language: str = "en"
    time_zone: str = "UTC"
