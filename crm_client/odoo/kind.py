"""Odoo as a kind of CRM."""

from datetime import UTC, datetime
from functools import partial

from crm_client.kind import CrmKind, CrmMeans
from crm_client.odoo.client import OdooClient
from crm_client.odoo.crm import CAPABILITIES
from crm_client.odoo.server import ODOO, OdooServer
from crm_client.odoo.sign_in import OdooSignIn
from mailmagnet.crm import CrmClient
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmSignIn


def _server(means: CrmMeans, choice: CrmChoice) -> OdooServer:
    return OdooServer(means.session_of(choice.origin), choice.origin, means.seconds)


def _sign_in(means: CrmMeans, choice: CrmChoice) -> CrmSignIn:
    return OdooSignIn(_server(means, choice), partial(datetime.now, UTC))


def _client(means: CrmMeans, choice: CrmChoice) -> CrmClient:
    return OdooClient(_server(means, choice), means.renewal_of(choice))


ODOO_KIND = CrmKind(ODOO.name, CAPABILITIES, _sign_in, _client, has_origin=True)
