"""Zoho CRM as a kind of CRM."""

from datetime import UTC, datetime
from functools import partial

from crm_client.kind import CrmKind, CrmMeans
from crm_client.zoho.addresses import ZohoAddresses
from crm_client.zoho.client import ZohoClient
from crm_client.zoho.crm import CAPABILITIES
from crm_client.zoho.server import ZohoServer
from crm_client.zoho.sign_in import ZohoSignIn
from crm_client.zoho.zoho import ZOHO
from mailmagnet.crm import CrmClient
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmSignIn

_now = partial(datetime.now, UTC)


def zoho_kind(addresses: ZohoAddresses) -> CrmKind:
    """Zoho at these addresses: production has Zoho's own."""

    def server(means: CrmMeans) -> ZohoServer:
        return ZohoServer(addresses, means.session_of, means.seconds)

    def sign_in(means: CrmMeans, _: CrmChoice) -> CrmSignIn:
        return ZohoSignIn(server(means), means.client, means.session_of, means.seconds, _now)

    def client(means: CrmMeans, choice: CrmChoice) -> CrmClient:
        return ZohoClient(server(means), means.renewal_of(choice), _now)

    return CrmKind(ZOHO.name, CAPABILITIES, sign_in, client, has_client=True)


ZOHO_KIND = zoho_kind(ZohoAddresses())
