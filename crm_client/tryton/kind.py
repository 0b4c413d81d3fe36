"""Tryton as a kind of CRM."""

from datetime import UTC, datetime
from functools import partial

from crm_client.kind import CrmKind, CrmMeans
from crm_client.tryton.client import TrytonClient
from crm_client.tryton.crm import CAPABILITIES
from crm_client.tryton.server import TRYTON, TrytonServer
from crm_client.tryton.sign_in import TrytonSignIn
from mailmagnet.crm import CrmClient
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmSignIn


def _server(means: CrmMeans, choice: CrmChoice) -> TrytonServer:
    return TrytonServer(means.session_of(choice.origin), choice.origin, means.seconds)


def _sign_in(means: CrmMeans, choice: CrmChoice) -> CrmSignIn:
    return TrytonSignIn(_server(means, choice), partial(datetime.now, UTC))


def _client(means: CrmMeans, choice: CrmChoice) -> CrmClient:
    return TrytonClient(_server(means, choice), means.renewal_of(choice))


TRYTON_KIND = CrmKind(TRYTON.name, CAPABILITIES, _sign_in, _client, has_origin=True)
