"""A kind of CRM: what it is called and has, and how its sign-in and its client are made. A constant of each CRM's folder."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from crm_client.authorization_code import OAuthClient
from crm_client.renewal import Renewal
from http_session.session import HttpSession
from mailmagnet.crm import Capabilities, CrmClient
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmSignIn


@dataclass(frozen=True, slots=True)
class CrmMeans:
    """What a CRM's parts are made from: the embedded CRM's file and link to a record, the seconds that one call may take, the session that
    calls one origin alone, and what renews the tokens of one CRM. `client` is the customer's own OAuth client at the vendor,
    `certificate_key` the PEM of the key by which an organisation's tokens are asked for, "" for none."""

    database: Path
    record_url: str
    seconds: float
    session_of: Callable[[str], HttpSession]
    renewal_of: Callable[[CrmChoice], Renewal]
    client: OAuthClient
    certificate_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CrmKind:
    """What is the same of all CRMs of a kind. Its parts are made once a process and choice, and nothing is called yet.

    `name` is what its users call it, to show. A choice has an origin where `has_origin` says so; `has_client`: its sign-in goes through an
    OAuth client of the customer's.
    """

    name: str
    capabilities: Capabilities
    sign_in: Callable[[CrmMeans, CrmChoice], CrmSignIn]
    client: Callable[[CrmMeans, CrmChoice], CrmClient]
    has_origin: bool = False
    has_client: bool = False
