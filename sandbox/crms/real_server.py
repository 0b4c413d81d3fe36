"""What the demo asks of a real CRM server on this machine: where it is served, and what its users type to sign in."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RealServer:
    """A running server. `kind` is the product's word for the CRM; `origin` is where it is served, `typed` what each user types into the
    one secret field of the sign-in page, by the user's address. `hint` says how to sign in to the server's own web page."""

    kind: str
    name: str
    origin: str
    typed: Mapping[str, str] = field(repr=False)
    hint: str = ""
