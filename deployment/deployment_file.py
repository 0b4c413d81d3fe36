"""deployment.yaml: the organisation's own values, read and validated. All else is derived from them (names.py)."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from mailmagnet.addresses import canonical, canonical_domain, domain_of, is_address
from mailmagnet.domains import is_free_mail, registered_domain
from mailmagnet.errors import BadSetting

WITH_ORIGIN = ("odoo", "tryton")
"""The CRMs that an organisation has at an address of its own."""
WITH_CLIENT = ("salesforce", "hubspot", "zoho", "pipedrive")
"""Those to which users sign in by an OAuth client of the organisation's."""
_RECORD_PAGES: Mapping[str, tuple[str, ...]] = {
    "salesforce": ("https://*.my.salesforce.com/",),
    "hubspot": ("https://*.hubspot.com/",),
    "zoho": (
        *(f"https://crm.zoho.{domain}/" for domain in ("com", "eu", "in", "com.au", "jp", "com.cn", "sa", "uk", "ae")),
        "https://crm.zohocloud.ca/",
    ),
    "pipedrive": ("https://*.pipedrive.com/",),
}
"""Where their vendors show records: only who signs in tells which of these places is the organisation's."""


def _origin(value: str) -> str:
    if not value:
        return value
    parts = urlsplit(value)
    bare = f"https://{parts.netloc}"
    if parts.scheme != "https" or not re.fullmatch(r"[a-z0-9.-]+(:\d+)?", parts.netloc) or value.rstrip("/") != bare:
        raise ValueError("write the CRM's address with https:// and without a path, as https://example.odoo.com")
    return bare


def _domain(value: str) -> str:
    domain = canonical_domain(value)
    if not registered_domain(domain) or is_free_mail(domain):
        raise ValueError("write domains of your own, as example.com")
    return domain


def _address(value: str) -> str:
    address = canonical(value)
    if not is_address(address):
        raise ValueError("write a mail address, as it@example.com")
    return address


def _own_address(value: str) -> str:
    address = _address(value)
    if is_free_mail(domain_of(address)):
        raise ValueError("write addresses in your own domains")
    return address


Address = Annotated[str, AfterValidator(_address)]
OwnAddress = Annotated[str, AfterValidator(_own_address)]
Domain = Annotated[str, AfterValidator(_domain)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Crm(_Part):
    """The CRM that an organisation has unless its admin chooses another: its `origin` or, at a vendor's, the `client_id` of the
    organisation's own OAuth client there. `certificate`: Salesforce lets MailMagnet in for all users, by a certificate."""

    kind: Literal["odoo", "tryton", "salesforce", "hubspot", "zoho", "pipedrive"]
    origin: Annotated[str, AfterValidator(_origin)] = ""
    client_id: Annotated[str, Field(pattern=r"^[\x21-\x2b\x2d-\x7e]*$", max_length=300)] = ""
    certificate: bool = False

    @property
    def record_pages(self) -> tuple[str, ...]:
        """The places at which links to the CRM's records may lead, as prefixes of URLs (`openLinkUrlPrefixes`)."""
        return _RECORD_PAGES.get(self.kind) or (f"{self.origin}/",)


class Limits(_Part):
    """`user_calls_a_minute`: of the sidebar. `instances`: copies of each service at most, which bounds what a flood can cost."""

    user_calls_a_minute: Annotated[int, Field(ge=1, le=10_000)]
    instances: Annotated[int, Field(ge=1, le=1000)]


class Deployment(_Part):
    """The file. `install`: "organisation", an admin lets MailMagnet into all mailboxes; "users", each user does.

    `budget`: an amount a month and its currency, the billing account's ("50 EUR"); empty for none. `domains`: first the organisation's
    primary one; to be given only where the consent screen is Internal.
    """

    project: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$")]
    region: Annotated[str, Field(pattern=r"^[a-z]+-[a-z]+\d+$")]
    name: Annotated[str, Field(min_length=1, max_length=50, pattern=r"^[^\x00-\x1f\"\\$`]+$")]
    crm: Crm
    install: Literal["organisation", "users"]
    domains: tuple[Domain, ...]
    admins: tuple[OwnAddress, ...]
    oauth_client_id: Annotated[str, Field(pattern=r"^\d+-[a-z0-9]+\.apps\.googleusercontent\.com$")]
    retention_days: Annotated[int, Field(ge=1, le=3650)]
    limits: Limits
    budget: Annotated[str, Field(pattern=r"^([1-9]\d* [A-Z]{3})?$")]
    alerts: Address

    @model_validator(mode="after")
    def _what_its_crm_needs(self) -> Self:
        kind = self.crm.kind
        if bool(self.crm.origin) != (kind in WITH_ORIGIN):
            needs = "write the CRM's address" if kind in WITH_ORIGIN else "take it out; this CRM is at its vendor's own address"
            raise ValueError(f"crm.origin: {needs}")
        if bool(self.crm.client_id) != (kind in WITH_CLIENT):
            needs = "write the id of your OAuth client there" if kind in WITH_CLIENT else "take it out; this CRM has none"
            raise ValueError(f"crm.client_id: {needs}")
        if self.crm.certificate and kind != "salesforce":
            raise ValueError("crm.certificate: take it out; it is Salesforce's alone")
        return self

    @model_validator(mode="after")
    def _whose_mailboxes(self) -> Self:
        if self.install == "organisation" and not self.domains:
            raise ValueError("domains: name the organisation's, for install: organisation")
        return self


_SHOULD_BE = {
    "project": "write the id of your Google Cloud project, as example-mailmagnet",
    "region": "write a Google Cloud region, as europe-west1",
    "name": "write the add-on's name, at most 50 letters",
    "oauth_client_id": "write the id of your OAuth web client, as 123456-abc.apps.googleusercontent.com",
    "budget": 'write an amount a month in your billing account\'s currency, as 50 EUR; or "" for none',
}


def read_deployment(file: Path) -> Deployment:
    """The file, validated. Raises BadSetting, which names each key that is wrong and what to write there."""
    try:
        found = yaml.safe_load(file.read_text("utf-8"))
    except OSError as error:
        raise BadSetting(f"{file}: cannot be read ({error.strerror}). Run this in MailMagnet's folder") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise BadSetting(f"{file}{line}: is not YAML: write one `key: value` a line") from None
    if not isinstance(found, dict):
        raise BadSetting(f"{file}: should hold lines of `key: value`")
    try:
        return Deployment.model_validate(found)
    except ValidationError as error:
        raise BadSetting("\n".join(f"{file}: {_complaint(each['loc'], each['msg'])}" for each in error.errors())) from None


def _complaint(location: tuple[int | str, ...], message: str) -> str:
    """The key, where it stands, and what to do."""
    plain = message.removeprefix("Value error, ")
    if not location:
        return plain
    key = ".".join(str(step) for step in location if isinstance(step, str))
    if message == "Extra inputs are not permitted":
        return f"{key}: there is no such key; take it out"
    if message == "Field required":
        return f"{key}: is missing; add it"
    return f"{key}: {_SHOULD_BE.get(key, plain[:1].lower() + plain[1:])}"
