"""The homepage's deals: which days the CRM is asked for, in one round trip, and which of its answer belong to this month."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from mailmagnet.caller import Caller
from mailmagnet.crm import CrmSettings, Deal, DealState, Organisation
from mailmagnet.crm_sign_in import NO_END, CrmTokens
from mailmagnet.homepage import Homepage, homepage
from mailmagnet.identity import Identity
from mailmagnet.parts import Parts
from mailmagnet.store import Policy
from mailmagnet.vault import Connection


def deal(closing: date) -> Deal:
    return Deal(closing.isoformat(), "Renewal", "Negotiation", DealState.OPEN, closing=closing)


class OnlyACrm:
    """A CRM that has a deal on each of some days, and waits to be asked both its questions; neither vault nor store has anything."""

    name = "Zoho CRM"

    def __init__(self, time_zone: str, days: Sequence[date], tokens: CrmTokens | None = None) -> None:
        self.time_zone = time_zone
        self.tokens = tokens
        self.days = days
        self.ranges: list[tuple[date, date]] = []
        self.both_asked = asyncio.Barrier(2)

    async def settings(self) -> CrmSettings:
        await self.both_asked.wait()
        return CrmSettings(Organisation("Corp", self.time_zone, "EUR"))

    async def deals_closing(self, first: date, last: date) -> list[Deal]:
        self.ranges.append((first, last))
        await self.both_asked.wait()
        return [deal(day) for day in self.days if first <= day <= last]

    async def connection(self, org: str, user: str) -> Connection | None:
        return Connection(org, user, "kim@corp.example", crm=self.tokens) if self.tokens else None

    async def mailbox(self, org: str, user: str) -> None:
        return None

    async def policy(self, org: str) -> Policy:
        return Policy(paused_since=PAUSED)

    async def open(self, now: datetime) -> Homepage:
        caller = Caller(KIM, now, asyncio.get_running_loop().time() + 5)
        parts = SimpleNamespace(vault=self, store=self, reader=self, crm_of=lambda _: self, admins=("kim@corp.example",))
        return await homepage(caller, cast(Parts, parts))


PAUSED = datetime(2026, 11, 20, 8, tzinfo=UTC)
KIM = Identity("corp.example", "1", "kim@corp.example", "corp.example")
YEARS_AGO, LAST_MONTH, FIRST, LAST = date(2019, 2, 28), date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 30)
NEXT_MONTH = date(2026, 12, 1)


async def test_overdue_deals_of_any_month_and_this_months_are_asked_for_beside_the_time_zone_in_one_call() -> None:
    crm = OnlyACrm("Europe/Vienna", [YEARS_AGO, LAST_MONTH, FIRST, LAST, NEXT_MONTH])
    answer = await crm.open(datetime(2026, 11, 20, 9, 30, tzinfo=UTC))
    assert answer.closing == tuple(map(deal, (YEARS_AGO, LAST_MONTH, FIRST, LAST)))
    assert len(crm.ranges) == 1
    assert (answer.paused_since, answer.is_admin) == (PAUSED, True)


@pytest.mark.parametrize(
    ("time_zone", "now", "today", "closing"),
    [
        ("Pacific/Kiritimati", datetime(2026, 11, 30, 11, tzinfo=UTC), NEXT_MONTH, (LAST, NEXT_MONTH)),
        ("Pacific/Pago_Pago", datetime(2026, 11, 30, 11, tzinfo=UTC), LAST, (LAST,)),
        ("Pacific/Pago_Pago", datetime(2026, 12, 1, 10, tzinfo=UTC), LAST, (LAST,)),
    ],
)
async def test_the_month_is_the_organisations_wherever_it_is(
    time_zone: str, now: datetime, today: date, closing: tuple[date, ...]
) -> None:
    answer = await OnlyACrm(time_zone, [LAST, NEXT_MONTH]).open(now)
    assert (answer.today, answer.closing) == (today, tuple(map(deal, closing)))


NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("refresh", "access", "ends", "told"),
    [
        ("", "key", NOON + timedelta(days=7), True),
        ("", "key", NOON + timedelta(days=7, seconds=1), False),
        ("", "key", NOON + timedelta(minutes=1), True),
        ("", "key", NOON, False),  # then it is over, and the panel asks for a new one
        ("", "key", NO_END, False),
        ("refresh", "token", NOON + timedelta(hours=1), False),
        ("", "", NO_END, False),
    ],
)
async def test_a_week_before_a_key_ends_its_user_is_told(refresh: str, access: str, ends: datetime, told: bool) -> None:
    tokens = CrmTokens("7", "Kim", access, refresh, ends)
    answer = await OnlyACrm("Europe/Vienna", [], tokens).open(NOON)
    assert answer.sign_in_ends == (ends if told else None)
