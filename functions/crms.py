"""The closed list of CRMs: what each kind is called in the settings, whether it has an origin, and how its parts are made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from crm_client.embedded.crm import EmbeddedCrm
from crm_client.embedded.sign_in import EmbeddedSignIn
from crm_client.odoo.crm import OdooCrm
from crm_client.odoo.server import OdooServer
from crm_client.odoo.sign_in import OdooSignIn
from mailmagnet.crm import Crm
from mailmagnet.crm_choice import EMBEDDED, CrmChoice, origin_of
from mailmagnet.crm_sign_in import CrmSignIn
from mailmagnet.errors import BadRequest
from mailmagnet.vault import Connection

if TYPE_CHECKING:
    from functions.wiring import Process


@dataclass(frozen=True, slots=True)
class CrmKind:
    """How a CRM's parts are made, from the process's and the CRM's origin, "" where `has_origin` is false. Nothing is called yet."""

    has_origin: bool
    sign_in: Callable[["Process", CrmChoice], CrmSignIn]
    crm: Callable[["Process", CrmChoice, Connection], Crm]


def _embedded_sign_in(process: "Process", _: CrmChoice) -> CrmSignIn:
    """Its tokens' times are the machine's, whatever time `now` tells."""
    return EmbeddedSignIn(process.settings.crm_database, partial(datetime.now, UTC))


def _embedded(process: "Process", choice: CrmChoice, connection: Connection) -> Crm:
    access = process.renewal_of(choice).access_of(connection)
    return EmbeddedCrm(process.settings.crm_database, access, process.settings.crm_record_url)


def _odoo_server(process: "Process", choice: CrmChoice) -> OdooServer:
    return OdooServer(process.crm_session_of(choice.origin), choice.origin, process.settings.job_call_seconds)


def _odoo_sign_in(process: "Process", choice: CrmChoice) -> CrmSignIn:
    return OdooSignIn(_odoo_server(process, choice), partial(datetime.now, UTC))


def _odoo(process: "Process", choice: CrmChoice, connection: Connection) -> Crm:
    uid = connection.crm.account if connection.crm else ""
    return OdooCrm(_odoo_server(process, choice), process.renewal_of(choice).access_of(connection), uid)


KINDS: Mapping[str, CrmKind] = {
    EMBEDDED: CrmKind(has_origin=False, sign_in=_embedded_sign_in, crm=_embedded),
    "odoo": CrmKind(has_origin=True, sign_in=_odoo_sign_in, crm=_odoo),
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
