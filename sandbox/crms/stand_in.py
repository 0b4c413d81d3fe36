"""What the demo asks of a stand-in for a CRM: to be served at one port, and to sign users in as their consent would."""

from dataclasses import dataclass
from typing import Protocol

from aiohttp import web


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What came of a user's consent, as the product keeps it: the CRM's id and name of the user, tokens, the moment (ISO, with a zone) at
    which `access` ends, and the origin at which the account is served ("" for the vendor's one).

    `through` is the account's own link, where an administrator has let the user in through it: then the user has no tokens.
    """

    account: str
    name: str
    access: str
    refresh: str
    expires_at: str
    origin: str = ""
    through: "SignedIn | None" = None


class StandIn(Protocol):
    """A CRM vendor on this machine, filled with a world. `kind` is the product's word for it ("zoho"), `name` the vendor's own;
    `client_id` and `client_secret` are of the one app that may ask for consent, and comes back to the redirect URI that it was made
    with."""

    kind: str
    name: str
    client_id: str
    client_secret: str

    def app(self, url: str) -> web.Application:
        """All of the vendor's servers in one application, which is served at this URL: its API, its consent page, pages of records."""
        ...

    def sign_in(self, email: str) -> SignedIn:
        """As this user, once the app is served: what the consent page and the code would have given."""
        ...
