"""HubSpot as a kind of CRM."""

from datetime import UTC, datetime
from functools import partial

from crm_client.authorization_code import AuthorizationCode
from crm_client.hubspot.addresses import HUBSPOT, HubSpotAddresses
from crm_client.hubspot.client import HubSpotClient
from crm_client.hubspot.crm import CAPABILITIES
from crm_client.hubspot.server import HubSpotServer
from crm_client.hubspot.sign_in import HubSpotSignIn
from crm_client.kind import CrmKind, CrmMeans
from mailmagnet.crm import CrmClient
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmSignIn


def hubspot_kind(addresses: HubSpotAddresses) -> CrmKind:
    """HubSpot at these addresses: one API for all accounts, so that a choice has no origin."""

    def server(means: CrmMeans) -> HubSpotServer:
        return HubSpotServer(means.session_of(addresses.api), addresses, means.seconds)

    def sign_in(means: CrmMeans, _: CrmChoice) -> CrmSignIn:
        flow = AuthorizationCode(HUBSPOT, means.client, means.session_of, means.seconds)
        return HubSpotSignIn(flow, server(means), partial(datetime.now, UTC))

    def client(means: CrmMeans, choice: CrmChoice) -> CrmClient:
        return HubSpotClient(server(means), means.renewal_of(choice))

    return CrmKind(HUBSPOT.name, CAPABILITIES, sign_in, client, has_client=True)


HUBSPOT_KIND = hubspot_kind(HubSpotAddresses())
