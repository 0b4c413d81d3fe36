"""Which file the embedded CRM is: looking after it by hand needs no other setting, and none of the libraries that read them."""

from collections.abc import Mapping
from pathlib import Path

CRM_DATABASE = Path("mailmagnet-crm.sqlite")
"""Unless MAILMAGNET_CRM_DATABASE is set."""


def crm_database_of(environment: Mapping[str, str]) -> Path:
    """The embedded CRM's file."""
    return Path(environment.get("MAILMAGNET_CRM_DATABASE") or CRM_DATABASE)
