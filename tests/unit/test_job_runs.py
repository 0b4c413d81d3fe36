"""What the desk is told of a task's mailboxes: of one its own, of several each one's, also when nothing came of them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.desk.job_runs import answers_by_mailbox
from sandbox.google.cloud_tasks import Attempt

ONE, SEVERAL = {"org": "corp.example", "user": "1", "tick": None}, {"org": "corp.example", "users": ["1", "2"], "tick": "…"}


@pytest.mark.parametrize(
    ("sent", "answered", "told"),
    [
        (ONE, b'{"looked_at": 3}', {"1": {"looked_at": 3}}),
        (ONE, b"", {"1": None}),
        (SEVERAL, b'{"mailboxes": {"1": {"looked_at": 3}, "2": {"busy": true}}}', {"1": {"looked_at": 3}, "2": {"busy": True}}),
        (SEVERAL, b"", {"1": None, "2": None}),
        (SEVERAL, b'{"error": "the store is down"}', {each: {"error": "the store is down"} for each in "12"}),
    ],
)
def test_each_mailbox_of_a_task_has_its_own_answer(sent: Any, answered: bytes, told: Any) -> None:
    attempt = Attempt(datetime.now(UTC), "task", "url", 1, 200, True, json.dumps(sent).encode(), answered)
    assert answers_by_mailbox(attempt) == told
