"""The limit of one user's calls: what nobody clicks is refused, what everybody does is not, and memory stays bounded."""

from dataclasses import dataclass

import pytest

from functions.user_limit import MOST_USERS, UserLimit
from mailmagnet.errors import RateLimited
from mailmagnet.identity import Identity

ADA = Identity("corp.example", "1", "ada@corp.example")


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def made_of(limit: UserLimit, identity: Identity, calls: int) -> int:
    """How many of so many calls are let through."""
    through = 0
    for _ in range(calls):
        try:
            limit.count(identity)
        except RateLimited:
            continue
        through += 1
    return through


def test_a_minutes_calls_may_come_at_once_and_then_as_they_are_filled_up() -> None:
    clock = Clock()
    limit = UserLimit(120, clock)
    assert made_of(limit, ADA, 500) == 120
    clock.now += 1
    assert made_of(limit, ADA, 500) == 2
    clock.now += 3600
    assert made_of(limit, ADA, 500) == 120


def test_who_keeps_below_it_is_never_refused() -> None:
    clock = Clock()
    limit = UserLimit(120, clock)
    for _ in range(1000):
        clock.now += 0.51
        limit.count(ADA)


def test_it_is_said_when_the_next_call_may_come_and_then_it_may() -> None:
    clock = Clock()
    limit = UserLimit(6, clock)
    made_of(limit, ADA, 6)
    with pytest.raises(RateLimited) as refused:
        limit.count(ADA)
    assert refused.value.retry_after == pytest.approx(10)
    clock.now += 10.01
    limit.count(ADA)


def test_one_users_calls_are_no_others() -> None:
    limit = UserLimit(1, Clock())
    others = [Identity("corp.example", "2", "kim@corp.example"), Identity("other.example", "1", "ada@corp.example")]
    assert [made_of(limit, who, 5) for who in (ADA, *others)] == [1, 1, 1]


def test_so_many_users_are_counted_and_no_more() -> None:
    limit = UserLimit(1, Clock())
    limit.count(ADA)
    for number in range(MOST_USERS - 1):
        limit.count(Identity("corp.example", f"x{number}", ""))
    assert made_of(limit, ADA, 1) == 0
    for number in range(MOST_USERS):
        limit.count(Identity("corp.example", f"y{number}", ""))
    assert made_of(limit, ADA, 1) == 1
    assert len(limit._buckets) == MOST_USERS
