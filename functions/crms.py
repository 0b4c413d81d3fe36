"""The closed list of CRMs, by what each kind is called in the settings; and which of them was typed."""

from collections.abc import Mapping

from crm_client.embedded.kind import EMBEDDED_KIND
from crm_client.hubspot.kind import HUBSPOT_KIND
from crm_client.kind import CrmKind
from crm_client.odoo.kind import ODOO_KIND
from crm_client.pipedrive.kind import PIPEDRIVE_KIND
from crm_client.salesforce.kind import SALESFORCE_KIND
from crm_client.tryton.kind import TRYTON_KIND
from crm_client.zoho.kind import ZOHO_KIND
from mailmagnet.crm_choice import EMBEDDED, CrmChoice, origin_of
from mailmagnet.errors import BadRequest

KINDS: Mapping[str, CrmKind] = {
    "salesforce": SALESFORCE_KIND,
    "hubspot": HUBSPOT_KIND,
    "zoho": ZOHO_KIND,
    "pipedrive": PIPEDRIVE_KIND,
    "odoo": ODOO_KIND,
    "tryton": TRYTON_KIND,
    EMBEDDED: EMBEDDED_KIND,
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
