"""What a CRM's HTTP answers mean, whichever CRM it is: pure rules."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_client.answers import LONGEST_WAIT, SHORTEST_WAIT, UNSTATED_WAIT, check, refusal, retry_after
from http_session.session import HttpAnswer
from mailmagnet.errors import BadAnswer, NotAuthorised, NotFound, NotPermitted, RateLimited, Service, Side, Unavailable, Upstream

WHO = Service(Side.CRM, "A CRM")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, BadAnswer), (302, BadAnswer), (400, BadAnswer), (401, NotAuthorised), (403, NotPermitted), (404, NotFound),
        (408, Unavailable), (410, NotFound), (418, BadAnswer), (422, BadAnswer), (429, RateLimited), (500, Unavailable),
        (502, Unavailable), (503, Unavailable), (504, Unavailable), (599, Unavailable),
    ],
)  # fmt: skip
def test_a_status_is_an_error_that_says_nothing_of_the_body(status: int, error: type[Upstream]) -> None:
    with pytest.raises(Upstream) as raised:
        check(HttpAnswer(WHO, status, {}, b"<html>ada@corp.example</html>"))
    assert type(raised.value) is error
    assert "ada" not in str(raised.value)


@pytest.mark.parametrize("status", [200, 201, 204, 207])
def test_a_success_is_none(status: int) -> None:
    check(HttpAnswer(WHO, status, {}, b""))


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [
        ("7", 7), (" 7 ", 7), ("0", SHORTEST_WAIT), ("9" * 30, LONGEST_WAIT), ("90000", LONGEST_WAIT), ("soon", UNSTATED_WAIT),
        ("", UNSTATED_WAIT), ("-5", UNSTATED_WAIT), ("1.5", UNSTATED_WAIT), ("７", UNSTATED_WAIT),
        ("Fri, 20 Nov 2026 12:00:30 GMT", 30), ("Fri, 20 Nov 2026 11:00:00 GMT", SHORTEST_WAIT),
        ("Fri, 20 Nov 2026 14:00:30 +0200", 30), ("Fri, 99 Nov 2026 12:00:30 GMT", UNSTATED_WAIT),
    ],
)  # fmt: skip
def test_how_long_to_wait_is_a_number_or_a_moment(stated: str, seconds: float) -> None:
    limited = refusal(WHO, 429, {"date": format_datetime(NOON, usegmt=True), "retry-after": stated})
    assert isinstance(limited, RateLimited)
    assert limited.retry_after == seconds


def test_a_moment_without_the_answers_own_date_says_nothing() -> None:
    assert retry_after({"Retry-After": format_datetime(NOON + timedelta(hours=3), usegmt=True)}) == UNSTATED_WAIT
    assert (
        retry_after({"Retry-After": "Fri, 20 Nov 2026 12:00:30 -0000", "Date": "Fri, 20 Nov 2026 12:00:00 GMT"}) == UNSTATED_WAIT
    )


@settings(deadline=None)
@given(st.text(), st.text())
def test_whatever_the_headers_say_there_is_a_wait(stated: str, date: str) -> None:
    assert SHORTEST_WAIT <= retry_after({"Retry-After": stated, "Date": date}) <= LONGEST_WAIT


@settings(deadline=None)
@given(st.integers(0, 80_000))
def test_both_forms_say_the_same(seconds: int) -> None:
    moment = format_datetime(NOON + timedelta(seconds=seconds), usegmt=True)
    assert retry_after({"Retry-After": moment, "Date": format_datetime(NOON, usegmt=True)}) == retry_after(
        {"retry-after": str(seconds)}
    )
