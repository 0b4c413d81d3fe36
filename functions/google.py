"""Google's own addresses: constants, so that production cannot be pointed at anybody else."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Google:
    """Where Google is called, each a URL. `certificates_url` serves the certificates by which Google's tokens are verified. To
    `authorize_url` a browser is sent, and `token_url` and `revoke_url` go with it
    (https://developers.google.com/identity/protocols/oauth2/web-server). `gmail_url`, `secrets_url`, `iam_url` and `tasks_url`
    are the APIs' roots, `chat_url` is the place of webhooks, `metadata_token_url` gives this service its own token."""

    certificates_url: str = "https://www.googleapis.com/oauth2/v1/certs"
    authorize_url: str = "https://accounts.google.com/o/oauth2/v2/auth"
    gmail_url: str = "https://gmail.googleapis.com"
    token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105  an address, not a password
    revoke_url: str = "https://oauth2.googleapis.com/revoke"
    secrets_url: str = "https://secretmanager.googleapis.com"
    iam_url: str = "https://iamcredentials.googleapis.com"
    tasks_url: str = "https://cloudtasks.googleapis.com"
    chat_url: str = "https://chat.googleapis.com"
    metadata_token_url: str = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"  # noqa: S105
