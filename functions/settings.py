"""The settings: one frozen, validated object, read once from the environment variables MAILMAGNET_..."""

import re
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator

from crm_client.embedded.database_file import CRM_DATABASE
from functions.crms import KINDS, checked_crm
from mailmagnet.addresses import canonical, canonical_domain, domain_of, is_address
from mailmagnet.crm_choice import EMBEDDED, CrmChoice
from mailmagnet.domains import is_free_mail, registered_domain
from mailmagnet.errors import BadRequest, BadSetting

PREFIX = "MAILMAGNET_"


_NOT_IN_A_URL = re.compile(r"[^\x21-\x7e]|\\|\.\.|%2e|%5c|%[01]|%7f", re.IGNORECASE)


def _split(url: str) -> SplitResult:
    """Raises ValueError if this is not a plain https URL, or an http URL of this machine."""
    if _NOT_IN_A_URL.search(url):
        raise ValueError(r"should be a URL in ASCII, without spaces, control characters, \ and ..")
    try:
        parts = urlsplit(url)
        on_this_machine = parts.scheme == "http" and parts.hostname == "127.0.0.1"
        good = (parts.scheme == "https" or on_this_machine) and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError("should be an https URL (http only for 127.0.0.1)")
    if "@" in parts.netloc:
        raise ValueError("should be a URL without a user's name")
    return parts


def _url(value: str) -> str:
    parts = _split(value)
    if parts.query or parts.fragment:
        raise ValueError("should be a URL without ? and #")
    return value.rstrip("/")


def _record_url(value: str) -> str:
    if not value:
        return value
    host, _, behind = value.partition("://")[2].partition("/")
    _split(value.replace("{module}", "").replace("{id}", ""))
    bare = behind.replace("{module}", "", 1).replace("{id}", "", 1)
    if len(bare) != len(behind) - len("{module}{id}") or re.search("[{}]", host + bare):
        raise ValueError("should be a URL with {module} and {id} behind its host, each once")
    return value


def _account(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9.+_-]+@[a-z0-9.-]+", value):
        raise ValueError("should be one service account's e-mail address, in lower case")
    return value


def _account_or_none(value: str) -> str:
    return _account(value) if value else value


def _off_or_given(value: object) -> object:
    return 0 if value in (False, "false") else value


def _file(value: Path) -> Path:
    if not str(value).isprintable():
        raise ValueError("should be a path without control characters")
    return value


def _domains(value: str) -> tuple[str, ...]:
    domains = tuple(canonical_domain(domain) for domain in value.split(",")) if value else ()
    if not all(map(registered_domain, domains)):
        raise ValueError("should be mail domains, comma separated")
    if any(map(is_free_mail, domains)):
        raise ValueError("should be the organisation's own domains: at one of these anybody can have an address")
    return domains


def _addresses(value: str) -> tuple[str, ...]:
    addresses = tuple(canonical(address) for address in value.split(",")) if value else ()
    if not all(map(is_address, addresses)):
        raise ValueError("should be mail addresses, comma separated")
    if any(is_free_mail(domain_of(address)) for address in addresses):
        raise ValueError("should be addresses in the organisation's own domains")
    return addresses


def _pem(value: SecretStr) -> SecretStr:
    """A private key's file, also in one line of base64: of some consoles a value is one line."""
    text = value.get_secret_value().strip()
    if text and not text.startswith("-----BEGIN"):
        try:
            text = b64decode(text, validate=True).decode().strip()
        except ValueError:
            text = ""
        if not text.startswith("-----BEGIN"):
            raise ValueError("should be a private key's file (PEM), whole or in one line of base64")
    return SecretStr(text)


Url = Annotated[str, AfterValidator(_url)]
Account = Annotated[str, AfterValidator(_account)]
File = Annotated[Path, AfterValidator(_file)]

CLIENT_ID = r"^[\x21-\x7e]+$"
PROJECT = r"[a-z0-9]+(?:(?:[.:]|-+)[a-z0-9]+)*"
"""https://cloud.google.com/resource-manager/docs/creating-managing-projects#before_you_begin (older ones have their domain in front)"""


MIN_EMBED_KEY = 32


class Settings(BaseModel):
    """Every setting, with its unit and its default. The variable's name is the field's in upper case behind MAILMAGNET_."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    addon_url: Url = Field(description="URL of the deployed function addon, without a path below it")
    pages_url: Url = Field(description="URL of the deployed function pages, without a path below it")
    link_key: SecretStr = Field(
        min_length=32,
        description="secret by which links to our pages and browsers' passes are signed, any text of at least 32 characters, as "
        "`mailmagnet vault-key` prints one; with another one links that are open now end",
    )
    addon_service_account: Account = Field(description="the add-on deployment's service account, which signs its calls")
    addon_client_id: str = Field(
        pattern=CLIENT_ID,
        description="OAuth client that Google made for the add-on, the audience of users' id tokens "
        "(`gcloud workspace-add-ons get-authorization` names it; it has no secret)",
    )
    internal_domains: Annotated[tuple[str, ...], BeforeValidator(_domains)] = Field(
        (),
        description="organisation's mail domains, comma separated, first the one that Google calls it by (hd): to be set only where "
        "the consent screen is Internal, so that Google lets nobody else in",
    )
    admins: Annotated[tuple[str, ...], BeforeValidator(_addresses)] = Field(
        (),
        description="addresses of the organisation's own admins in Google, comma separated, beside whoever has the CRM's administrator "
        "profile: each is an admin in that organisation alone",
    )
    org_install: bool = Field(
        False, description="true where an admin has installed MailMagnet for all and let it into their mailboxes: nobody is asked"
    )
    oauth_client_id: str = Field(
        pattern=CLIENT_ID, description="customer's own OAuth web client, to which users' refresh tokens belong"
    )
    oauth_client_secret: SecretStr = Field(min_length=1, description="secret of that web client")
    log_key: SecretStr = Field(
        min_length=32,
        description="secret by which the log names organisations and users, any text of at least 32 characters, as "
        "`mailmagnet vault-key` prints one; it should stay when the vault's key changes",
    )
    user_calls_a_minute: int = Field(
        120, ge=1, description="calls of the sidebar that one user may make a minute, in one process"
    )

    label_tick_url: Url = Field("http://127.0.0.1:8081", description="URL of the deployed function label_tick")
    label_mailbox_url: Url = Field("http://127.0.0.1:8082", description="URL of the deployed function label_mailbox")
    job_service_account: Annotated[str, AfterValidator(_account_or_none)] = Field(
        "", description="service account of Cloud Scheduler's and Cloud Tasks' calls; not needed on one machine"
    )
    tasks_queue: str = Field(
        "projects/mailmagnet/locations/local/queues/label-mailbox",
        pattern=rf"^projects/{PROJECT}/locations/[a-z0-9-]+/queues/[A-Za-z0-9-]+$",
        description="Cloud Tasks queue, projects/P/locations/L/queues/Q",
    )

    crm: str = Field(
        EMBEDDED, description=f"CRM of organisations that have chosen none: {', '.join(KINDS)}; {EMBEDDED} on one machine only"
    )
    crm_origin: str = Field("", description="where that CRM is served, https://host; empty for the embedded one")
    crm_private: bool = Field(
        False, description="true where a CRM may be served in a private network; else its name has to lead to a public address"
    )
    crm_memory: Annotated[float, BeforeValidator(_off_or_given)] = Field(
        60.0, ge=0, le=60, description="seconds for which what a user looked up in the CRM stays in memory; false for not at all"
    )
    crm_client_id: str = Field(
        "", pattern=rf"{CLIENT_ID}|^$", description="customer's own OAuth client at that CRM, where users sign in by one"
    )
    crm_client_secret: SecretStr = Field(SecretStr(""), description="secret of that OAuth client")
    crm_certificate_key: Annotated[SecretStr, AfterValidator(_pem)] = Field(
        SecretStr(""),
        description="private key (PEM) of the certificate by which Salesforce lets MailMagnet in for a whole organisation; empty: each "
        "user signs in",
    )
    crm_database: File = Field(CRM_DATABASE, description="file of the embedded CRM")
    embed_key: SecretStr = Field(
        SecretStr(""),
        description="secret under which the CRM's backend signs who looks at a record (HS256), any text of at least 32 characters; the "
        "CRM is the one at CRM_ORIGIN, or whose origin the link to a record has; empty: no CRM shows mail in its own pages",
    )
    embed_org: str = Field("", description="organisation of the CRM that has that secret, as Google calls it (hd)")
    crm_record_url: Annotated[str, AfterValidator(_record_url)] = Field(
        "", description="link to a record, with {module} and {id} in it; empty: records have no link"
    )
    store_database: File = Field(Path("mailmagnet-store.sqlite"), description="file of the embedded store")
    firestore_project: str = Field(
        "", pattern=rf"^({PROJECT})?$", description="Google Cloud project whose Firestore is the store; empty: the embedded store"
    )
    vault_file: File = Field(Path("mailmagnet-vault"), description="file of the encrypted vault")
    vault_key: SecretStr = Field(
        SecretStr(""),
        description="key of the vault's file, as `mailmagnet vault-key` prints it; or several, comma separated: the first writes, all read",
    )

    answer_seconds: float = Field(5.0, gt=1, le=30, description="seconds within which the sidebar gets its whole answer")
    gmail_seconds: float = Field(2.5, gt=0, le=30, description="seconds that one Gmail call of the sidebar may take")
    job_call_seconds: float = Field(20.0, gt=0, le=60, description="seconds that one outward call of the job may take")
    retention_days: int = Field(
        90, ge=1, le=3650, description="days that mail records are kept, in organisations whose admin has not chosen otherwise"
    )
    sort_every_minutes: int = Field(10, ge=1, le=60, description="minutes between two runs of a mailbox")

    @model_validator(mode="after")
    def _for_all_of_whom(self) -> Self:
        if self.org_install and not self.internal_domains:
            raise ValueError(
                f"{PREFIX}ORG_INSTALL: {PREFIX}INTERNAL_DOMAINS should be set beside it: into their mailboxes it leads"
            )
        return self

    @model_validator(mode="after")
    def _where_it_runs(self) -> Self:
        """In the cloud there is no disk that lasts, and the job is called from outside; on one machine the vault's file needs its key."""
        if self.firestore_project:
            files = [
                name for name in ("vault_file", "vault_key", "store_database", "crm_database") if name in self.model_fields_set
            ]
            if files:
                named = ", ".join(f"{PREFIX}{name.upper()}" for name in files)
                raise ValueError(
                    f"{named}: should be left unset beside {PREFIX}FIRESTORE_PROJECT: Cloud Run has no disk that lasts"
                )
        needed = "job_service_account" if self.firestore_project else "vault_key"
        if needed not in self.model_fields_set or not _text(getattr(self, needed)):
            raise ValueError(f"{PREFIX}{needed.upper()}: is not set (it is the {type(self).model_fields[needed].description})")
        return self

    @model_validator(mode="after")
    def _the_crm(self) -> Self:
        """In the cloud no disk lasts, so there the embedded CRM would begin anew with each instance."""
        try:
            choice = self.crm_choice
        except BadRequest as error:
            raise ValueError(f"{PREFIX}CRM and {PREFIX}CRM_ORIGIN: {error}") from None
        if self.firestore_project and choice.kind == EMBEDDED:
            raise ValueError(f"{PREFIX}CRM should be a CRM of its own beside {PREFIX}FIRESTORE_PROJECT: no file lasts there")
        if KINDS[choice.kind].has_client and not (self.crm_client_id and self.crm_client_secret.get_secret_value()):
            client = f"{PREFIX}CRM_CLIENT_ID and {PREFIX}CRM_CLIENT_SECRET"
            raise ValueError(f"{client} should be set beside {PREFIX}CRM: users sign in to it by an OAuth client of yours there")
        return self

    @property
    def crm_choice(self) -> CrmChoice:
        """The deployment's own CRM."""
        return checked_crm(self.crm, self.crm_origin, private=self.crm_private)

    @property
    def framed_by(self) -> str:
        """The one origin whose pages may show mail in a frame: the CRM's own, or that of the link to a record; "" for none."""
        parts = urlsplit(self.crm_origin or self.crm_record_url)
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""

    @model_validator(mode="after")
    def _embedding(self) -> Self:
        key = self.embed_key.get_secret_value()
        if key and (len(key) < MIN_EMBED_KEY or not self.embed_org or not self.framed_by):
            also = f"{PREFIX}EMBED_ORG and {PREFIX}CRM_ORIGIN or {PREFIX}CRM_RECORD_URL"
            raise ValueError(
                f"{PREFIX}EMBED_KEY should have at least {MIN_EMBED_KEY} characters, and {also} should be set beside it"
            )
        return self

    @model_validator(mode="after")
    def _a_secret_of_its_own(self) -> Self:
        """The CRM's backend knows this one: under the links' key it could sign a browser in as anybody."""
        names = ("link_key", "log_key", "vault_key", "oauth_client_secret")
        embed_key = self.embed_key.get_secret_value()
        same = [name for name in names if embed_key and embed_key in getattr(self, name).get_secret_value().split(",")]
        if same:
            raise ValueError(
                f"{PREFIX}EMBED_KEY should be another secret than {PREFIX}{same[0].upper()}: the CRM's backend knows it"
            )
        return self

    @model_validator(mode="after")
    def _two_clients(self) -> Self:
        if self.addon_client_id == self.oauth_client_id:
            ours = f"{PREFIX}ADDON_CLIENT_ID and {PREFIX}OAUTH_CLIENT_ID"
            raise ValueError(f"{ours} should be two clients: the one that Google made for the add-on, and your own web client")
        return self


def _text(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings from the environment. Raises BadSetting that names each wrong or missing variable and what it should be."""
    given = {name.removeprefix(PREFIX).lower(): value for name, value in environment.items() if name.startswith(PREFIX)}
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        raise BadSetting("\n".join(_complaint(problem["loc"], problem["msg"]) for problem in error.errors())) from None
    # Google's own libraries read these, whatever our settings say.
    emulators = sorted(name for name, value in environment.items() if name.endswith("_EMULATOR_HOST") and value)
    if emulators:
        raise BadSetting(f"{', '.join(emulators)} should be left unset: an emulator would stand in Google's place")
    return settings


def _complaint(location: tuple[int | str, ...], message: str) -> str:
    if not location:
        return message.removeprefix("Value error, ")
    name = str(location[0])
    if name not in Settings.model_fields:
        return f"{PREFIX}{name.upper()}: there is no such setting"
    meant = Settings.model_fields[name].description
    problem = message.removeprefix("Value error, ").replace("Field required", "is not set")
    return f"{PREFIX}{name.upper()}: {problem}" + (f" (it is the {meant})" if meant else "")
