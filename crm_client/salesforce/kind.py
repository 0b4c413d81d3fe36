"""Salesforce as a kind of CRM."""

from datetime import UTC, datetime
from functools import partial

from crm_client.authorization_code import AuthorizationCode
from crm_client.kind import CrmKind, CrmMeans
from crm_client.salesforce.addresses import OWN, SALESFORCE, SalesforceAddresses
from crm_client.salesforce.client import SalesforceClient
from crm_client.salesforce.crm import CAPABILITIES
from crm_client.salesforce.server import SalesforceServer
from crm_client.salesforce.sign_in import DEAD, SalesforceCertificateSignIn, SalesforceSignIn
from mailmagnet.crm import CrmClient
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmSignIn

_now = partial(datetime.now, UTC)


def salesforce_kind(addresses: SalesforceAddresses) -> CrmKind:
    """Salesforce at these addresses."""

    def server(means: CrmMeans) -> SalesforceServer:
        return SalesforceServer(addresses, means.session_of, means.seconds)

    def sign_in(means: CrmMeans, _: CrmChoice) -> CrmSignIn:
        """With a certificate an administrator lets MailMagnet in for all; without, each user signs in."""
        flow = AuthorizationCode(SALESFORCE, means.client, means.session_of, means.seconds, dead=DEAD)
        if means.certificate_key:
            return SalesforceCertificateSignIn(addresses, flow, server(means), _now, means.certificate_key)
        return SalesforceSignIn(addresses, flow, server(means), _now)

    def client(means: CrmMeans, choice: CrmChoice) -> CrmClient:
        return SalesforceClient(server(means), means.renewal_of(choice), _now)

    return CrmKind(SALESFORCE.name, CAPABILITIES, sign_in, client, has_client=True)


SALESFORCE_KIND = salesforce_kind(OWN)
