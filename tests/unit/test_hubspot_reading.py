"""What HubSpot is asked for one answer: each company once, whoever wants it at the same time."""

import asyncio
from collections.abc import Collection, Sequence
from typing import cast

import pytest

from crm_client.fields import Record
from crm_client.hubspot.addresses import HUBSPOT
from crm_client.hubspot.questions import COMPANIES, Questions
from crm_client.hubspot.reading import Reading
from crm_client.hubspot.records import Viewer
from mailmagnet.errors import Unavailable


class Slow:
    """HubSpot, which answers when it is told to. It knows every company, and nothing that hangs on one."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.fails = False
        self.asked: list[list[str]] = []

    async def records(self, kind: str, ids: Collection[str]) -> list[Record]:
        if kind != COMPANIES or not ids:
            return []
        self.asked.append(sorted(ids))
        await self.answers.wait()
        if self.fails:
            raise Unavailable(HUBSPOT, "down")
        return [{"id": each, "properties": {}} for each in ids]

    async def associated(self, *_: object) -> dict[str, tuple[str, ...]]:
        return {}


async def _nobody() -> Sequence[Viewer]:
    return []


def _reading(hubspot: Slow) -> Reading:
    return Reading(cast(Questions, hubspot), _nobody)


async def test_a_company_that_is_on_its_way_is_not_asked_for_again_and_who_gives_up_takes_it_from_nobody() -> None:
    hubspot = Slow()
    reading = _reading(hubspot)
    first, second = asyncio.create_task(reading.company("1")), asyncio.create_task(reading.company("1"))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0.01)
    hubspot.answers.set()
    await second
    assert hubspot.asked == [["1"]]
    assert first.cancelled()
    assert set(reading.gathered.companies) == {"1"}


async def test_a_company_that_could_not_be_had_is_asked_for_again() -> None:
    hubspot = Slow()
    reading = _reading(hubspot)
    hubspot.answers.set()
    hubspot.fails = True
    with pytest.raises(Unavailable):
        await reading.company("1")
    hubspot.fails = False
    await reading.company("1")
    assert hubspot.asked == [["1"], ["1"]]
    assert set(reading.gathered.companies) == {"1"}
