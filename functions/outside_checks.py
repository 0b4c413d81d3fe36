"""What `mailmagnet doctor` finds from the admin's machine over HTTP: what is reached by whom, and what a service says of itself."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from deployment.carry_out import VALUE, Run
from deployment.deployment_file import Deployment
from deployment.doctor import findings_of, line
from deployment.finding import Finding, State
from deployment.services import ADDON, JOB, LABEL_MAILBOX, LABEL_TICK, PAGES, SERVICES, Service, account, url
from deployment.step import Command, gcloud
from functions.google import Google
from functions.inside_checks import SECONDS, clock_finding, crm_finding, health_finding
from functions.jobs import DOCTOR
from http_session.session import HttpAnswer, HttpSession
from mailmagnet.errors import MailMagnetError, Side
from mailmagnet.errors import Service as Answering

INSIDE_SECONDS = 30.0
"""The deadline of what a service finds of itself: its own checks take no more than 10, its start some more."""


async def outside_findings(deployment: Deployment, values: Mapping[str, str], run: Run, google: Google) -> Sequence[Finding]:
    """In the order to mend; `values` are those that Google's command line told. What fails hides nothing else."""
    if "PROJECT_NUMBER" not in values:
        unknown = "the services' URLs are not known without PROJECT_NUMBER"
        return [
            await _found("Clock of this machine", _clock(google), "look at this machine's way to the Internet"),
            Finding("Services", State.UNKNOWN, unknown),
        ]
    urls = {service: VALUE.sub(lambda found: values[found[1]], url(deployment, service)) for service in SERVICES}
    own = (
        (service.name, _private(service, urls[service]), _logs(service, deployment))
        for service in (ADDON, LABEL_TICK, LABEL_MAILBOX)
    )
    found = await asyncio.gather(
        _found("Clock of this machine", _clock(google), "look at this machine's way to the Internet"),
        _found("The CRM's address", _crm(deployment.crm.origin), f"curl -i {deployment.crm.origin}"),
        *(_found(f"Strangers may not call {name}", check, mend) for name, check, mend in own),
        _found("Pages answer", health_finding("Pages answer", urls[PAGES]), _logs(PAGES, deployment)),
    )
    return [*found, *await _inside(deployment, urls[LABEL_TICK], run)]


async def _found(title: str, check: Awaitable[Finding], mend: str) -> Finding:
    try:
        return await check
    except MailMagnetError as error:
        return Finding(title, State.WRONG, str(error), mend)
    except Exception as error:  # nobody foresaw it: the other checks are told all the same
        return Finding(title, State.UNKNOWN, type(error).__name__, mend)


def _logs(service: Service, deployment: Deployment) -> str:
    return line(gcloud(f"run services logs read {service.name} --region={deployment.region} --project={deployment.project}"))


async def _clock(google: Google) -> Finding:
    session = _session_to(google.certificates_url)
    try:
        return await clock_finding("Clock of this machine", session, google.certificates_url)
    finally:
        await session.close()


async def _crm(origin: str) -> Finding:
    return crm_finding("The CRM's address", origin, await _asked(origin, f"{origin}/", {}, SECONDS))


async def _private(service: Service, its_url: str) -> Finding:
    """Cloud Run itself refuses who has no token: it never comes to MailMagnet."""
    title = f"Strangers may not call {service.name}"
    answer = await _asked(its_url, f"{its_url}/health", {}, SECONDS)
    match answer.status:
        case HTTPStatus.FORBIDDEN | HTTPStatus.UNAUTHORIZED:
            return Finding(title, State.FINE)
        case HTTPStatus.OK:
            return Finding(
                title, State.WRONG, "everybody may call it; MailMagnet refuses them, at your cost", "mailmagnet deploy"
            )
        case HTTPStatus.NOT_FOUND:
            return Finding(title, State.WRONG, "there is no service at its URL", "mailmagnet deploy")
        case status:
            return Finding(title, State.UNKNOWN, f"it answers {status}")


async def _inside(deployment: Deployment, tick: str, run: Run) -> Sequence[Finding]:
    """A call with the job's own token, through the real URL: its role, its audience and MailMagnet's own proof of it are tried at once."""
    title, job = "A signed call", account(deployment, JOB)
    asked = gcloud("auth print-identity-token", f"--impersonate-service-account={job}", f"--audiences={tick}", "--include-email")
    try:
        said = await asyncio.to_thread(run, asked.words, "")
    except MailMagnetError as error:
        return [Finding(title, State.UNKNOWN, str(error))]
    if said.code or not said.out.strip():
        return [
            Finding(title, State.UNKNOWN, f"you may not sign as {job}; it is only for this look", _let_me_sign(job, deployment))
        ]
    try:
        answer = await _asked(tick, f"{tick}{DOCTOR}", {"Authorization": f"Bearer {said.out.strip()}"}, INSIDE_SECONDS)
        if answer.status != HTTPStatus.OK:
            return [
                Finding(
                    title,
                    State.WRONG,
                    _refused(answer.status),
                    f"mailmagnet deploy; if it stays: {_logs(LABEL_TICK, deployment)}",
                )
            ]
        inside = [Finding(f"Inside: {each.title}", each.state, each.what, each.mend) for each in findings_of(answer.json())]
    except MailMagnetError as error:
        return [Finding(title, State.WRONG, str(error), _logs(LABEL_TICK, deployment))]
    except ValueError:
        return [Finding(title, State.WRONG, f"{tick}{DOCTOR} does not answer as MailMagnet does", "mailmagnet deploy")]
    return [Finding(title, State.FINE), *inside]


def _refused(status: int) -> str:
    match status:
        case HTTPStatus.FORBIDDEN:
            return "403: the job's account may not call label_tick, or it expects another audience or account"
        case HTTPStatus.UNAUTHORIZED:
            return "401: the token is not taken: another audience, or the service's clock is wrong"
        case HTTPStatus.NOT_FOUND:
            return "404: there is no service at its URL"
    return f"it answers {status}"


def _let_me_sign(job: str, deployment: Deployment) -> str:
    """`$(...)` is for the admin's shell."""
    may = gcloud(f"iam service-accounts add-iam-policy-binding {job} --project={deployment.project}")
    role = Command((*may.words, "--role=roles/iam.serviceAccountOpenIdTokenCreator"))
    return f'{line(role)} --member="user:$(gcloud config get account)"'


async def _asked(origin: str, its_url: str, headers: Mapping[str, str], seconds: float) -> HttpAnswer:
    session = _session_to(origin)
    try:
        return await session.request(
            Answering(Side.OURS, urlsplit(origin).netloc), "GET", its_url, seconds=seconds, headers=headers
        )
    finally:
        await session.close()


def _session_to(its_url: str) -> HttpSession:
    parts = urlsplit(its_url)
    return HttpSession({f"{parts.scheme}://{parts.netloc}"})
