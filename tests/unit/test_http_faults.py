"""What the tests put between a client and its upstream does what it says, and the HTTP session takes none of it for an answer."""

import asyncio
import resource
import time
from collections.abc import AsyncIterator
from itertools import combinations

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_session.session import HttpSession
from mailmagnet.errors import BadAnswer, Service, Side, TimedOut, Unavailable, Upstream
from tests.crm_round_trips import Cost, longest_chain, measured
from tests.http_faults import (
    Fault,
    HttpFaults,
    answering,
    closed,
    cut_off,
    deep_json,
    dripping,
    gzip_bomb,
    half,
    html,
    http_date,
    no_gzip,
    rate_limited,
    redirect,
    slow,
    ten_megabytes,
)

CRM = Service(Side.CRM, "CRM")


@pytest.fixture
async def behind() -> AsyncIterator[HttpFaults]:
    async with HttpFaults().serving() as server:
        yield server


@pytest.fixture
async def between(behind: HttpFaults) -> AsyncIterator[HttpFaults]:
    async with HttpFaults(behind.origin).serving() as server:
        yield server


@pytest.fixture
async def session(between: HttpFaults) -> AsyncIterator[HttpSession]:
    session = HttpSession({between.origin})
    yield session
    await session.close()


async def _status(session: HttpSession, origin: str, seconds: float = 5) -> int:
    answer = await session.request(CRM, "POST", f"{origin}/a%20b?c=d%26", seconds=seconds, headers={"X-A": "b"}, body=b"body")
    answer.json()
    return answer.status


async def test_what_is_asked_goes_on_as_it_is_and_so_does_the_answer(
    behind: HttpFaults, between: HttpFaults, session: HttpSession
) -> None:
    behind.happen(answering(207, '{"ü": 1}', {"X-Left": "3"}))
    answer = await session.request(CRM, "POST", f"{between.origin}/a%20b?c=d%26", seconds=5, headers={"X-A": "b"}, body=b"body")
    assert (answer.status, answer.headers["X-Left"], answer.json()) == (207, "3", {"ü": 1})
    (asked,) = behind.asked
    assert (asked.method, asked.path, asked.headers["X-A"], asked.body) == ("POST", "/a%20b?c=d%26", "b", b"body")
    assert asked.headers["Host"] == between.origin.removeprefix("http://")
    assert asked.holds("body")
    assert not asked.holds("token")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (html(200), BadAnswer),
        (cut_off, Unavailable),
        (half, BadAnswer),
        (ten_megabytes, BadAnswer),
        (gzip_bomb, BadAnswer),
        (no_gzip, Unavailable),
        (closed, Unavailable),
        (deep_json, BadAnswer),
        (slow(5), TimedOut),
        (dripping(5), TimedOut),
    ],
    ids=lambda each: getattr(each, "__qualname__", "").split(".")[0],
)
async def test_no_fault_is_an_answer(between: HttpFaults, session: HttpSession, fault: Fault, error: type[Upstream]) -> None:
    between.happen(fault)
    began, most = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(error):
        await _status(session, between.origin, 0.5)
    assert time.monotonic() - began < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most < 60 * 1024
    between.mend()
    assert await _status(session, between.origin) == 200


async def test_statuses_and_headers_are_told(between: HttpFaults, session: HttpSession) -> None:
    for fault, status in ((answering(401), 401), (html(503), 503), (rate_limited("7"), 429), (rate_limited(http_date(60)), 429)):
        between.happen(fault)
        answer = await session.request(CRM, "GET", between.origin, seconds=5)
        assert answer.status == status


async def test_a_redirect_is_not_followed(behind: HttpFaults, between: HttpFaults, session: HttpSession) -> None:
    between.happen(redirect(behind.origin))
    answer = await session.request(CRM, "GET", f"{between.origin}/x", seconds=5)
    assert (answer.status, answer.headers["Location"], behind.asked) == (302, f"{behind.origin}/x", [])
    async with aiohttp.ClientSession() as other, other.get(f"{between.origin}/x") as followed:
        assert followed.status == 200
    assert [asked.path for asked in behind.asked] == ["/x"]


async def test_a_fault_may_be_for_one_call_alone(behind: HttpFaults, between: HttpFaults, session: HttpSession) -> None:
    await _status(session, between.origin)
    between.happen(closed, call=2)
    assert await _status(session, between.origin) == 200
    with pytest.raises(Unavailable):
        await _status(session, between.origin)
    between.happen(between.lose_answer, call=1)
    with pytest.raises(Unavailable):
        await _status(session, between.origin)
    assert await _status(session, between.origin) == 200
    assert (len(between.asked), len(behind.asked)) == (5, 4)


async def test_calls_and_round_trips_are_measured(between: HttpFaults, session: HttpSession) -> None:
    between.latency_seconds = 0.05
    with measured() as found:
        await asyncio.gather(*(_status(session, between.origin) for _ in range(3)))
        await _status(session, between.origin)
        await asyncio.gather(*(_status(session, between.origin) for _ in range(2)))
        assert found.cost == Cost(6, 3)
    await _status(session, between.origin)
    assert found.cost == Cost(6, 3)
    assert Cost(0, 0) == Cost(0, longest_chain([]))


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6)).map(lambda span: (span[0], span[0] + span[1] + 1)), max_size=8))
def test_no_chain_is_longer(spans: list[tuple[float, float]]) -> None:
    def follow(chosen: tuple[tuple[float, float], ...]) -> bool:
        return all(first[1] <= second[0] or second[1] <= first[0] for first, second in combinations(chosen, 2))

    chains = (number for number in range(len(spans), -1, -1) if any(map(follow, combinations(spans, number))))
    assert longest_chain(spans) == next(chains)
