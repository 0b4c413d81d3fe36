"""What Pipedrive's refusals mean, and whom a token is sent to."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from crm_client.pipedrive.addresses import PIPEDRIVE, PipedriveAddresses
from crm_client.pipedrive.server import BLOCKED_WAIT, DAY_WAIT, NotVisible, refusal_of
from http_session.session import HttpAnswer
from mailmagnet.errors import (
    BadAnswer,
    DayLimitReached,
    NotAuthorised,
    NotFound,
    NotPermitted,
    RateLimited,
    Unavailable,
    Upstream,
)

CLOUDFLARE = b"<!DOCTYPE html><html><body>Error 1015: this error is produced by Cloudflare</body></html>"


def _refused(status: int, body: bytes = b'{"success": false}', **headers: str) -> Upstream:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return refusal_of(HttpAnswer(PIPEDRIVE, status, CIMultiDict(named), body))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, NotAuthorised), (402, NotPermitted), (404, NotFound), (410, NotFound), (500, Unavailable), (503, Unavailable),
     (400, BadAnswer), (302, BadAnswer), (422, BadAnswer)],
)  # fmt: skip
def test_a_status_is_an_error_of_ours(status: int, kind: type[Upstream]) -> None:
    assert type(_refused(status)) is kind


def test_a_burst_a_day_and_abuse_are_told_apart() -> None:
    burst = _refused(429, x_ratelimit_reset="2", x_daily_ratelimit_token_remaining="5000")
    assert (type(burst), getattr(burst, "retry_after", 0)) == (RateLimited, 2)
    without_headers = _refused(429)
    assert type(without_headers) is RateLimited
    for left in ("0", "19"):
        day = _refused(429, x_ratelimit_reset="2", x_daily_ratelimit_token_remaining=left)
        assert (type(day), getattr(day, "retry_after", 0)) == (DayLimitReached, DAY_WAIT)
    blocked = _refused(403, CLOUDFLARE)
    assert (type(blocked), getattr(blocked, "retry_after", 0)) == (RateLimited, BLOCKED_WAIT)


def test_what_the_server_says_of_waiting_counts_before_what_is_guessed() -> None:
    assert getattr(_refused(429, Retry_After="7", x_ratelimit_reset="2"), "retry_after", 0) == 7
    assert getattr(_refused(429, Retry_After="7000", x_daily_ratelimit_token_remaining="0"), "retry_after", 0) == 7000
    assert getattr(_refused(429, x_ratelimit_reset="99999999"), "retry_after", 0) == DAY_WAIT
    assert getattr(_refused(429, x_ratelimit_reset="0"), "retry_after", 0) == 1


def test_a_missing_scope_is_the_apps_and_not_the_users() -> None:
    assert type(_refused(403, b'{"success": false, "error": "Scope and URL mismatch"}')) is NotPermitted
    assert type(_refused(403, b'{"success": false, "error": "You do not have permission"}')) is NotVisible
    for of_somebody_else in (b"{}", b"", b"<html>Forbidden</html>", b"[7]", b'"cloudflare"'):
        assert type(_refused(403, of_somebody_else)) is NotPermitted


@pytest.mark.parametrize(
    "told", ["https://corp.pipedrive.com", "https://corp-12g53f.pipedrive.com", "https://corp.pipedrive.com/"]
)
def test_a_companys_address_is_one_of_pipedrives(told: str) -> None:
    assert PipedriveAddresses().company(told) == told.removesuffix("/")


@pytest.mark.parametrize(
    "told",
    [
        None,
        7,
        "",
        "http://corp.pipedrive.com",
        "https://pipedrive.com",
        "https://corp.pipedrive.com.evil.example",
        "https://evil.example/.pipedrive.com",
        "https://evil.example#.pipedrive.com",
        "https://user@corp.pipedrive.com",
        "https://corp.pipedrive.com:8443",
        "https://corp.pipedrive.com/api",
        "https://a.b.pipedrive.com",
        "https://-.pipedrive.com",
        "https://corp.pipedrive.com\n",
        "https://CORP.pipedrive.com",
        "https://corp.pipedrive.com//",
    ],
)
def test_any_other_address_is_refused(told: object) -> None:
    with pytest.raises(BadAnswer):
        PipedriveAddresses().company(told)


@settings(max_examples=50)
@given(st.text())
def test_what_is_let_through_is_a_host_right_below_pipedrives(told: str) -> None:
    try:
        origin = PipedriveAddresses().company(told)
    except BadAnswer:
        return
    assert origin.startswith("https://")
    assert origin.endswith(".pipedrive.com")
    assert origin.removeprefix("https://").count(".") == 2
