"""The closed list of CRMs: what each kind is called in the settings, whether it has an origin, and how its parts are made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from crm_client.embedded.client import EmbeddedClient
from crm_client.embedded.sign_in import EmbeddedSignIn
from crm_client.odoo.client import OdooClient
from crm_client.odoo.server import OdooServer
from crm_client.odoo.sign_in import OdooSignIn
from crm_client.renewal import Renewal
from http_session.session import HttpSession
from mailmagnet.crm import CrmClient
from mailmagnet.crm_choice import EMBEDDED, CrmChoice, origin_of
from mailmagnet.crm_sign_in import CrmSignIn
from mailmagnet.errors import BadRequest


@dataclass(frozen=True, slots=True)
class CrmMeans:
    """What a CRM's parts are made from: the embedded CRM's file and link to a record, the seconds that one call may take, the session that
    calls one origin alone, and what renews the tokens of one CRM."""

    database: Path
    record_url: str
    seconds: float
    session_of: Callable[[str], HttpSession]
    renewal_of: Callable[[CrmChoice], Renewal]


@dataclass(frozen=True, slots=True)
class CrmKind:
    """How a CRM's parts are made, each once a process and choice, and nothing is called yet; a choice has an origin where `has_origin` says
    so."""

    has_origin: bool
    sign_in: Callable[[CrmMeans, CrmChoice], CrmSignIn]
    client: Callable[[CrmMeans, CrmChoice], CrmClient]


def _embedded_sign_in(means: CrmMeans, _: CrmChoice) -> CrmSignIn:
    """Its tokens' times are the machine's, whatever time `now` tells."""
    return EmbeddedSignIn(means.database, partial(datetime.now, UTC))


def _embedded_client(means: CrmMeans, choice: CrmChoice) -> CrmClient:
    return EmbeddedClient(means.database, means.renewal_of(choice), means.record_url)


def _odoo_server(means: CrmMeans, choice: CrmChoice) -> OdooServer:
    return OdooServer(means.session_of(choice.origin), choice.origin, means.seconds)


def _odoo_sign_in(means: CrmMeans, choice: CrmChoice) -> CrmSignIn:
    return OdooSignIn(_odoo_server(means, choice), partial(datetime.now, UTC))


def _odoo_client(means: CrmMeans, choice: CrmChoice) -> CrmClient:
    return OdooClient(_odoo_server(means, choice), means.renewal_of(choice))


KINDS: Mapping[str, CrmKind] = {
    EMBEDDED: CrmKind(has_origin=False, sign_in=_embedded_sign_in, client=_embedded_client),
    "odoo": CrmKind(has_origin=True, sign_in=_odoo_sign_in, client=_odoo_client),
}
"""By the word for the kind: what MAILMAGNET_CRM, deployment.yaml and an organisation's policy may say."""


def checked_crm(kind: str, origin: str, *, private: bool) -> CrmChoice:
    """A CRM as it was typed. `private`: it may be served in a private network. Raises BadRequest, in words to show."""
    if kind not in KINDS:
        raise BadRequest(f"CRM: one of {', '.join(KINDS)}")
    if not KINDS[kind].has_origin:
        if origin.strip():
            raise BadRequest("address: this CRM has none")
        return CrmChoice(kind)
    return CrmChoice(kind, origin_of(origin, private=private))
