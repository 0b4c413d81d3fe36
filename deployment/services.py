"""The four services on Cloud Run, from one image: what each is allowed and why, where it is reached, and its environment."""

from collections.abc import Mapping
from dataclasses import dataclass

from deployment.deployment_file import Deployment

RUN, JOB = "mailmagnet-run", "mailmagnet-job"
"""Our two service accounts: all services run as the first; Cloud Scheduler and Cloud Tasks call as the second."""
QUEUE = "label-mailbox"
SECRETS = {
    "MAILMAGNET_OAUTH_CLIENT_SECRET": "mailmagnet-oauth-client-secret",
    "MAILMAGNET_LINK_KEY": "mailmagnet-link-key",
    "MAILMAGNET_LOG_KEY": "mailmagnet-log-key",
}
"""Settings that are secrets, and their names in Secret Manager."""
CRM_CLIENT_SECRET, CRM_CERTIFICATE_KEY = "MAILMAGNET_CRM_CLIENT_SECRET", "MAILMAGNET_CRM_CERTIFICATE_KEY"
"""The same of some CRMs alone."""


@dataclass(frozen=True, slots=True)
class Service:
    """`concurrency`: requests at once in one instance. `always`: it keeps its CPU when no request is open. `least`: instances kept."""

    function: str
    why: str
    concurrency: int
    timeout_seconds: int
    memory: str
    least: int = 0
    always: bool = False

    @property
    def name(self) -> str:
        return f"mailmagnet-{self.function.replace('_', '-')}"


ADDON = Service(
    "addon",
    "The panel: one instance stays, so that nobody waits for a start; it notes who opened it after its answer is sent, so it keeps its "
    "CPU between requests.",
    concurrency=80,
    timeout_seconds=30,
    memory="1Gi",
    least=1,
    always=True,
)
LABEL_TICK = Service(
    "label_tick", "The tick: one at a time, over all mailboxes that are due.", concurrency=1, timeout_seconds=300, memory="512Mi"
)
LABEL_MAILBOX = Service(
    "label_mailbox",
    "One mailbox's run: it works on few at once, for it holds their mails' headers in memory.",
    concurrency=4,
    timeout_seconds=600,
    memory="512Mi",
)
PAGES = Service(
    "pages", "Pages for browsers: sign-in, consent, the record page.", concurrency=80, timeout_seconds=60, memory="512Mi"
)
SERVICES = (ADDON, LABEL_TICK, LABEL_MAILBOX, PAGES)


def url(deployment: Deployment, service: Service) -> str:
    """Where it is reached: known before it is there (https://cloud.google.com/run/docs/triggering/https-request#deterministic)."""
    return f"https://{service.name}-${{PROJECT_NUMBER}}.{deployment.region}.run.app"


def account(deployment: Deployment, name: str) -> str:
    """A service account's e-mail address."""
    return f"{name}@{deployment.project}.iam.gserviceaccount.com"


def queue(deployment: Deployment) -> str:
    """The queue's name, as Cloud Tasks has it."""
    return f"projects/{deployment.project}/locations/{deployment.region}/queues/{QUEUE}"


def secrets(deployment: Deployment) -> Mapping[str, str]:
    """The settings of this deployment that are secrets, and their names in Secret Manager."""
    client = {CRM_CLIENT_SECRET: "mailmagnet-crm-client-secret"} if deployment.crm.client_id else {}
    certificate = {CRM_CERTIFICATE_KEY: "mailmagnet-crm-certificate-key"} if deployment.crm.certificate else {}
    return {**SECRETS, **client, **certificate}


def environment(deployment: Deployment, service: Service) -> Mapping[str, str]:
    """A service's environment but for its secrets. `${...}` stands for what Google tells later."""
    return {
        "FUNCTION_TARGET": service.function,
        "FUNCTION_USE_ASGI": "true",
        "MAILMAGNET_ADDON_URL": url(deployment, ADDON),
        "MAILMAGNET_PAGES_URL": url(deployment, PAGES),
        "MAILMAGNET_LABEL_TICK_URL": url(deployment, LABEL_TICK),
        "MAILMAGNET_LABEL_MAILBOX_URL": url(deployment, LABEL_MAILBOX),
        "MAILMAGNET_ADDON_SERVICE_ACCOUNT": "${ADDON_SERVICE_ACCOUNT}",
        "MAILMAGNET_ADDON_CLIENT_ID": "${ADDON_CLIENT_ID}",
        "MAILMAGNET_JOB_SERVICE_ACCOUNT": account(deployment, JOB),
        "MAILMAGNET_TASKS_QUEUE": queue(deployment),
        "MAILMAGNET_FIRESTORE_PROJECT": deployment.project,
        "MAILMAGNET_OAUTH_CLIENT_ID": deployment.oauth_client_id,
        "MAILMAGNET_INTERNAL_DOMAINS": ",".join(deployment.domains),
        "MAILMAGNET_ADMINS": ",".join(deployment.admins),
        "MAILMAGNET_ORG_INSTALL": str(deployment.install == "organisation").lower(),
        "MAILMAGNET_RETENTION_DAYS": str(deployment.retention_days),
        "MAILMAGNET_USER_CALLS_A_MINUTE": str(deployment.limits.user_calls_a_minute),
        "MAILMAGNET_CRM": deployment.crm.kind,
        "MAILMAGNET_CRM_ORIGIN": deployment.crm.origin,
        **({"MAILMAGNET_CRM_CLIENT_ID": deployment.crm.client_id} if deployment.crm.client_id else {}),
    }
