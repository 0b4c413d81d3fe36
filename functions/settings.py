"""The settings: one frozen, validated object, read once from the environment variables MAILMAGNET_..."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from functions.crm_database import CRM_DATABASE
from mailmagnet.errors import BadSetting

PREFIX = "MAILMAGNET_"


class Profile(StrEnum):
    """Where this process stands: before real users, or on a desk with the sandbox for Google."""

    PRODUCTION = "production"
    SANDBOX = "sandbox"


def _url(value: str) -> str:
    parts = urlsplit(value)
    on_this_machine = parts.scheme == "http" and parts.hostname == "127.0.0.1"
    if not (parts.scheme == "https" or on_this_machine) or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("should be an https URL (http only for 127.0.0.1), without ? and #")
    return value.rstrip("/")


def _account(value: str) -> str:
    if value.count("@") != 1 or value != value.strip().lower():
        raise ValueError("should be one service account's e-mail address, in lower case")
    return value


Url = Annotated[str, AfterValidator(_url)]
Account = Annotated[str, AfterValidator(_account)]

GOOGLE = {
    "certificates_url": "https://www.googleapis.com/oauth2/v1/certs",
    "gmail_url": "https://gmail.googleapis.com",
    "token_url": "https://oauth2.googleapis.com/token",
    "revoke_url": "https://oauth2.googleapis.com/revoke",
    "tasks_url": "https://cloudtasks.googleapis.com",
    "metadata_token_url": "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token",
}
"""Google's own addresses: the only ones that production may be started with."""

SANDBOX_ONLY = ("clock_file", "crm_fault_file")
"""What the sandbox turns, and production refuses."""


class Settings(BaseModel):
    """Every setting, with its unit and its default. The variable's name is the field's in upper case behind MAILMAGNET_."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    profile: Profile = Profile.PRODUCTION

    addon_url: Url = Field(description="URL of the deployed function addon, without a path below it")
    addon_service_account: Account = Field(description="the add-on deployment's service account, which signs its calls")
    oauth_client_id: str = Field(min_length=1, description="OAuth client id: the audience of users' id tokens")
    oauth_client_secret: SecretStr = Field(min_length=1, description="secret of that OAuth client")

    label_tick_url: Url = Field("http://127.0.0.1:8081", description="URL of the deployed function label_tick")
    label_mailbox_url: Url = Field("http://127.0.0.1:8082", description="URL of the deployed function label_mailbox")
    job_service_account: Account = Field(description="the service account of Cloud Scheduler's and Cloud Tasks' calls")
    tasks_queue: str = Field(
        "projects/mailmagnet/locations/local/queues/label-mailbox",
        pattern=r"^projects/[^/]+/locations/[^/]+/queues/[^/]+$",
        description="Cloud Tasks queue, projects/P/locations/L/queues/Q",
    )

    certificates_url: Url = GOOGLE["certificates_url"]
    gmail_url: Url = GOOGLE["gmail_url"]
    token_url: Url = GOOGLE["token_url"]
    revoke_url: Url = GOOGLE["revoke_url"]
    tasks_url: Url = GOOGLE["tasks_url"]
    metadata_token_url: str = GOOGLE["metadata_token_url"]

    crm_database: Path = Field(CRM_DATABASE, description="file of the embedded CRM")
    crm_record_url: str = Field("", description="link to a record, with {module} and {id} in it; empty: records have no link")
    store_database: Path = Field(Path("mailmagnet-store.sqlite"), description="file of the embedded store")
    firestore_project: str = Field("", description="Google Cloud project whose Firestore is the store; empty: the embedded store")
    vault_file: Path = Field(Path("mailmagnet-vault"), description="file of the encrypted vault")
    vault_key: SecretStr = Field(
        min_length=1,
        description="key of the vault, as `mailmagnet vault-key` prints it; or several, comma separated: the first writes, all read",
    )

    answer_seconds: float = Field(5.0, gt=1, le=30, description="seconds within which the sidebar gets its whole answer")
    gmail_seconds: float = Field(2.5, gt=0, le=30, description="seconds that one Gmail call of the sidebar may take")
    job_call_seconds: float = Field(20.0, gt=0, le=60, description="seconds that one outward call of the job may take")
    sort_every_minutes: int = Field(10, ge=1, le=60, description="minutes between two runs of a mailbox")

    clock_file: str = Field(
        "", description="file with the seconds by which the sandbox has turned the time; for the sandbox alone"
    )
    crm_fault_file: str = Field("", description="file that says what is wrong with the embedded CRM; for the sandbox alone")

    @model_validator(mode="after")
    def _google_alone_in_production(self) -> Self:
        if self.profile is Profile.PRODUCTION:
            wrong = [PREFIX + name.upper() for name, address in GOOGLE.items() if getattr(self, name) != address]
            if wrong:
                raise ValueError(f"{', '.join(wrong)} should be left unset: production trusts Google's own addresses alone")
            turned = [PREFIX + name.upper() for name in SANDBOX_ONLY if getattr(self, name)]
            if turned:
                raise ValueError(f"{', '.join(turned)} should be left unset: time and faults are made in the sandbox alone")
        return self


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings from the environment. Raises BadSetting that names each wrong or missing variable and what it should be."""
    given = {name.removeprefix(PREFIX).lower(): value for name, value in environment.items() if name.startswith(PREFIX)}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise BadSetting("\n".join(_complaint(problem["loc"], problem["msg"]) for problem in error.errors())) from None


def _complaint(location: tuple[int | str, ...], message: str) -> str:
    if not location:
        return message.removeprefix("Value error, ")
    name = str(location[0])
    if name not in Settings.model_fields:
        return f"{PREFIX}{name.upper()}: there is no such setting"
    meant = Settings.model_fields[name].description
    problem = message.removeprefix("Value error, ").replace("Field required", "is not set")
    return f"{PREFIX}{name.upper()}: {problem}" + (f" (it is the {meant})" if meant else "")
