"""The queue of mailboxes to label, in Google Cloud Tasks, over its REST API.

Reference: https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create
"""

import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from datetime import UTC
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from http_session.session import HttpAnswer, HttpSession
from mailmagnet.errors import BadAnswer, NotAuthorised, NotFound, NotPermitted, RateLimited, Service, Side, Unavailable
from mailmagnet.tasks import MailboxesTask, MailboxTask, TakeBackTask, Task

WHO = Service(Side.OURS, "Cloud Tasks")
SECONDS = 10.0
"""The deadline of one call."""

SECONDS_TO_COME_BACK = 10.0
"""When Cloud Tasks refuses for its rate and does not say when to come back."""


class CloudTasks:
    """`mailmagnet.tasks.Tasks` in one queue of Cloud Tasks, whose tasks call `label_mailbox`."""

    def __init__(
        self,
        session: HttpSession,
        origin: str,
        queue: str,
        url: str,
        service_account: str,
        access_token: Callable[[], Awaitable[str]],
    ) -> None:
        """`origin` is "https://cloudtasks.googleapis.com", `queue` "projects/P/locations/L/queues/Q".

        Each task is a POST to `url` signed for `service_account` (an address), with `url` as its audience. `access_token` gives a
        fresh OAuth token with the scope cloud-platform.
        """
        self._session = session
        self._tasks_url = f"{origin}/v2/{queue}/tasks"
        self._queue = queue
        self._url = url
        self._service_account = service_account
        self._access_token = access_token

    async def enqueue(self, task: Task) -> bool:
        wanted = self._wanted(task)
        answer = await self._session.request(
            WHO,
            "POST",
            self._tasks_url,
            seconds=SECONDS,
            headers={"Authorization": f"Bearer {await self._access_token()}", "Content-Type": "application/json"},
            body=json.dumps({"task": wanted}).encode(),
        )
        if answer.status == HTTPStatus.CONFLICT:
            return False
        _check(answer, wanted["name"])
        return True

    def _wanted(self, task: Task) -> dict[str, Any]:
        """The task as Cloud Tasks reads it."""
        wanted = {
            "name": f"{self._queue}/tasks/{_name(task)}",
            "httpRequest": {
                "url": self._url,
                "httpMethod": "POST",
                "headers": {"Content-Type": "application/json"},
                "body": b64encode(json.dumps(_payload(task)).encode()).decode(),
                "oidcToken": {"serviceAccountEmail": self._service_account, "audience": self._url},
            },
        }
        if not isinstance(task, MailboxTask | MailboxesTask) and task.not_before:
            wanted["scheduleTime"] = task.not_before.astimezone(UTC).isoformat()
        return wanted


def _payload(task: Task) -> dict[str, Any]:
    """Ids, times and counts: `label_mailbox` looks everything else up."""
    if isinstance(task, MailboxesTask):
        return {"org": task.org, "users": [user for user, _ in task.slots], "tick": task.tick.isoformat()}
    whose = {"org": task.org, "user": task.user}
    if isinstance(task, MailboxTask):
        return {**whose, "tick": task.tick.isoformat() if task.tick else None}
    if isinstance(task, TakeBackTask):
        asked = {"asked": task.asked.isoformat(), "since": task.since.isoformat(), "failures": task.failures}
        return {**whose, "take_back": asked}
    facts = {"begun": task.begun.isoformat(), "days": task.days, "looked_at": task.looked_at, "failures": task.failures}
    return {**whose, "preview": facts}


def _name(task: Task) -> str:
    """A task's name, the same for the same task. Hashed: Cloud Tasks slows down on names that begin alike or in sequence."""
    if isinstance(task, MailboxTask):
        facts: list[Any] = [task.org, task.user, task.slot.astimezone(UTC).isoformat()]
    elif isinstance(task, MailboxesTask):
        facts = [task.org, [[user, slot.astimezone(UTC).isoformat()] for user, slot in task.slots]]
    elif isinstance(task, TakeBackTask):
        times = (task.asked, task.since)
        facts = [task.org, task.user, "take back", *(time.astimezone(UTC).isoformat() for time in times), task.failures]
    else:
        facts = [task.org, task.user, task.begun.astimezone(UTC).isoformat(), task.days, task.looked_at, task.failures]
    return sha256(json.dumps(facts).encode()).hexdigest()


def _check(answer: HttpAnswer, name: str) -> None:
    """Raises what a refusal means. Google's own messages are not passed on."""
    match answer.status:
        case HTTPStatus.OK:
            made = answer.json()
            if not isinstance(made, dict) or made.get("name") != name:
                raise BadAnswer(WHO, "the answer is not the task that was put in the queue")
        case HTTPStatus.UNAUTHORIZED:
            raise NotAuthorised(WHO)
        case HTTPStatus.FORBIDDEN:
            raise NotPermitted(WHO, "its account may not put tasks in this queue, or may not sign for the other")
        case HTTPStatus.NOT_FOUND:
            raise NotFound(WHO, "there is no such queue")
        case HTTPStatus.TOO_MANY_REQUESTS:
            raise RateLimited(WHO, _come_back(answer))
        case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unavailable(WHO, f"status {status}")
        case status:
            raise BadAnswer(WHO, f"status {status}")


def _come_back(answer: HttpAnswer) -> float:
    """The seconds in Retry-After."""
    seconds = answer.headers.get("Retry-After", "")
    return float(seconds) if seconds.isdecimal() else SECONDS_TO_COME_BACK
