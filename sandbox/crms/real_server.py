"""What the demo asks of a real CRM server on this machine: where it is served, and what its users type to sign in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

ShowMail = Callable[[str, str, str], None]
"""Lets a CRM's own pages of its records show their mail: where the list is, for which organisation, and the secret that both know."""


def shows_none(_page: str, _org: str, _secret: str) -> None:
    """What a CRM does that has no place for it."""


@dataclass(frozen=True, slots=True)
class RealServer:
    """A running server. `kind` is the product's word for the CRM; `origin` is where it is served, `typed` what each user types into the
    one secret field of the sign-in page, by the user's address. `hint` says how to sign in to the server's own web page."""

    kind: str
    name: str
    origin: str
    typed: Mapping[str, str] = field(repr=False)
    hint: str = ""
    show_mail: ShowMail = shows_none
