"""Connecting an organisation's HubSpot account: a super admin lets MailMagnet in, once and for all its users.

https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/oauth/working-with-oauth
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from crm_client.authorization_code import AuthorizationCode, Granted
from crm_client.fields import Record, inner, text
from crm_client.hubspot.addresses import HUBSPOT, HubSpotAddresses
from crm_client.hubspot.questions import MOST_USERS_A_PAGE, VERSION, id_of
from crm_client.hubspot.server import HubSpotServer
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.errors import BadAnswer, NotPermitted

OAUTH_VERSION = "2026-03"
SCOPES = (
    "oauth",
    "crm.objects.companies.read",
    "crm.objects.contacts.read",
    "crm.objects.deals.read",
    "crm.objects.owners.read",
    "settings.currencies.read",
    "settings.users.read",
)
"""What the app has to be given: reading alone."""
TOKEN_LIFE = timedelta(minutes=30)
