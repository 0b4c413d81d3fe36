"""The embedded CRM as a kind of CRM."""

from datetime import UTC, datetime
from functools import partial

from crm_client.embedded.client import EmbeddedClient
from crm_client.embedded.crm import CAPABILITIES
from crm_client.embedded.database import CRM
from crm_client.embedded.sign_in import EmbeddedSignIn
from crm_client.kind import CrmKind, CrmMeans
from mailmagnet.crm import CrmClient
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmSignIn


def _sign_in(means: CrmMeans, _: CrmChoice) -> CrmSignIn:
    """Its tokens' times are the machine's, whatever time the process tells."""
    return EmbeddedSignIn(means.database, partial(datetime.now, UTC))


def _client(means: CrmMeans, choice: CrmChoice) -> CrmClient:
    return EmbeddedClient(means.database, means.renewal_of(choice), means.record_url)


EMBEDDED_KIND = CrmKind(CRM.name, CAPABILITIES, _sign_in, _client)
