"""The contract's world in each stand-in for a vendor's CRM, by the word for its kind."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

from tests.contract.crm_installed import InstalledWorld
from tests.contract.hubspot_world import hubspot_world
from tests.contract.pipedrive_world import pipedrive_world
from tests.contract.salesforce_world import salesforce_world
from tests.contract.zoho_world import zoho_world

World = Callable[[], AbstractAsyncContextManager[InstalledWorld]]

WORLDS: Mapping[str, World] = {
    "salesforce": salesforce_world,
    "hubspot": hubspot_world,
    "zoho": zoho_world,
    "pipedrive": pipedrive_world,
}
