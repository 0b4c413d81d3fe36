"""Pipedrive as a kind of CRM."""

from datetime import UTC, datetime
from functools import partial

from crm_client.authorization_code import AuthorizationCode
from crm_client.kind import CrmKind, CrmMeans
from crm_client.pipedrive.addresses import PIPEDRIVE, PipedriveAddresses
from crm_client.pipedrive.client import PipedriveClient
from crm_client.pipedrive.crm import CAPABILITIES
from crm_client.pipedrive.server import PipedriveServer
from crm_client.pipedrive.sign_in import PipedriveSignIn
from mailmagnet.crm import CrmClient
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmSignIn


def pipedrive_kind(addresses: PipedriveAddresses) -> CrmKind:
    """Pipedrive at these addresses: production has Pipedrive's own."""

    def server(means: CrmMeans) -> PipedriveServer:
        return PipedriveServer(means.session_of, addresses, means.seconds)

    def sign_in(means: CrmMeans, _: CrmChoice) -> CrmSignIn:
        flow = AuthorizationCode(PIPEDRIVE, means.client, means.session_of, means.seconds, secret_in_header=True)
        return PipedriveSignIn(flow, server(means), partial(datetime.now, UTC))

    def client(means: CrmMeans, choice: CrmChoice) -> CrmClient:
        return PipedriveClient(server(means), means.renewal_of(choice))

    return CrmKind(PIPEDRIVE.name, CAPABILITIES, sign_in, client, has_client=True)


PIPEDRIVE_KIND = pipedrive_kind(PipedriveAddresses())
