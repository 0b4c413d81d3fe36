"""The contract's cases about a CRM that is asked over HTTP: what its answers cost, and what becomes of those that go wrong."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from datetime import date
from typing import Any

import pytest

from mailmagnet.crm import Asked, Contact, Crm, Lead, LookUp, Senders
from mailmagnet.errors import (
    BadAnswer,
    DayLimitReached,
    NotAuthorised,
    NotPermitted,
    RateLimited,
    SignInNeeded,
    TimedOut,
    Unavailable,
    Upstream,
)
from tests.contract.crm_installed import SECONDS, InstalledWorld, looked_up
from tests.contract.crm_world import ADA, KIM
from tests.crm_round_trips import measured
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
from tests.told_at_the_end import COUNTED

KNOWN = "h.lovell@analytical.example"
OTHERS = ("grace@hopfield.example", "wanda@win.example", "bo@busy.example", "nobody@nowhere.example")
FAULTS: dict[str, tuple[Fault, type[Upstream]]] = {
    "401": (answering(401, "{}"), NotAuthorised),
    "403": (answering(403, "{}"), NotPermitted),
    "403 HTML": (html(403), NotPermitted),
    "429": (rate_limited(), RateLimited),
    "500": (answering(500, "{}"), Unavailable),
    "502 HTML": (html(502), Unavailable),
    "503": (answering(503, "", {"Retry-After": "5"}), Unavailable),
    "504": (answering(504), Unavailable),
    "HTML": (html(200), BadAnswer),
    "half": (half, BadAnswer),
    "cut off": (cut_off, Unavailable),
    "10 MB": (ten_megabytes, BadAnswer),
    "gzip bomb": (gzip_bomb, BadAnswer),
    "no gzip": (no_gzip, Unavailable),
    "closed": (closed, Unavailable),
    "deep": (deep_json, BadAnswer),
    "null": (answering(200, "null"), BadAnswer),
    "number": (answering(200, "7"), BadAnswer),
    "text": (answering(200, '"text"'), BadAnswer),
    "numbers": (answering(200, "[7]"), BadAnswer),
    "empty": (answering(200), BadAnswer),
    "not UTF-8": (answering(200, b'{"\xff\xfe": 1}'), BadAnswer),
}
RETRY_AFTER: dict[str, tuple[str | float | None, float, float]] = {
    "none": (None, 1, 3600),
    "seconds": ("7", 7, 7),
    "date": (90.0, 60, 91),
    "date past": (-90.0, 0, 3600),
    "word": ("soon", 1, 3600),
    "negative": ("-5", 0, 3600),
    "huge": ("9" * 30, 60, 86_400),
    "other digits": ("１２", 1, 3600),
    "fraction": ("7.5", 1, 3600),
}
"""What a Retry-After says, a float being a date so many seconds from now, and how long may be waited at least and at most."""
ONE_CALL_FAULTS: dict[str, Fault] = {
    "closed": closed,
    "503": answering(503, "{}"),
    "HTML": html(200),
    "429": rate_limited("60"),
    "403": answering(403, "{}"),
}
"""What may happen to one call among several."""


def calls_of(crm: Crm) -> dict[str, Callable[[], Awaitable[Any]]]:
    """Questions that no client has an answer to without a call."""
    return {
        "look_up": lambda: looked_up(crm, [KNOWN], ["analytical.example"], OTHERS),
        "senders": lambda: crm.senders([KNOWN, *OTHERS]),
        "search": lambda: crm.search("Lovell", 5),
        "deals_closing": lambda: crm.deals_closing(date(2026, 11, 1), date(2026, 11, 30)),
    }


class OverHttp:
    """Cases for which something stands between the client and its CRM; those that are not asked over HTTP have none."""

    @pytest.fixture
    def http(self, crm: InstalledWorld) -> HttpFaults:
        if crm.http is None:
            pytest.skip("this CRM is not asked over HTTP")
        crm.http.mend()
        return crm.http

    # What it costs

    @pytest.mark.parametrize("number", [0, 1, 20, 100, 250])
    async def test_calls_and_round_trips_are_those_of_the_table(
        self, crm: InstalledWorld, http: HttpFaults, number: int, record_property: Callable[[str, object], None]
    ) -> None:
        people = [f"p{n}@many.example" for n in range(number)]
        ada = crm.as_user(ADA)
        await asyncio.gather(
            looked_up(ada, ["sam@shaw.example"], ["shaw.example"]), ada.senders(["sam@shaw.example"]), ada.settings()
        )
        http.latency_seconds = 0.02
        with measured() as look_up:
            answer = await looked_up(ada, people[:1], ["many.example"] if people else [], people[1:])
        with measured() as senders:
            found = await ada.senders(people)
        assert set(answer.contacts) == set(people) - answer.not_asked
        assert set(people[:1]) <= set(answer.contacts)
        assert set(found.contacts) == set(people)
        name = crm.client.name
        record_property(
            COUNTED,
            f"{name}: {number} people: look-up {look_up.cost.calls} calls in {look_up.cost.round_trips} round trips, "
            f"senders {senders.cost.calls} in {senders.cost.round_trips}",
        )
        assert crm.costs is not None, "a CRM that is asked over HTTP tells what it costs"
        for cost, told in zip((look_up.cost, senders.cost), crm.costs[number], strict=True):
            assert cost.calls == told.calls
            # Of many that follow each other in several rows, one row may end before another begins: then fewer are one after another.
            assert cost.round_trips == told.round_trips or (number > 20 and cost.round_trips <= told.round_trips)

    async def test_settings_are_asked_for_once_by_all_who_ask_at_once_and_remembered(
        self, crm: InstalledWorld, http: HttpFaults
    ) -> None:
        connection = crm.connection_of(ADA)
        with measured() as alone:
            await crm.client_within(SECONDS).as_user(connection).settings()
        client = crm.client_within(SECONDS)
        with measured() as together:
            await asyncio.gather(*(client.as_user(connection).settings() for _ in range(10)))
        with measured() as again:
            await client.as_user(connection).settings()
        assert 0 < alone.cost.calls == together.cost.calls
        assert again.cost.calls == 0

    # What goes wrong

    @pytest.mark.parametrize("name", FAULTS)
    async def test_what_goes_wrong_is_an_error_of_the_tree(
        self, crm: InstalledWorld, http: HttpFaults, name: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        fault, error = FAULTS[name]
        caplog.set_level(logging.DEBUG)
        ada = crm.as_user(ADA)
        await looked_up(ada, ["sam@shaw.example"])
        secrets = _secrets(http)
        http.happen(fault)
        for question, ask in calls_of(ada).items():
            async with asyncio.timeout(SECONDS):
                with pytest.raises(error) as told:
                    await ask()
            assert not isinstance(told.value, DayLimitReached)
            assert told.value.who.name == ada.name, question
            _tells_nothing(str(told.value), secrets)
        _tells_nothing(caplog.text, secrets)
        http.mend()
        assert set((await crm.as_user(ADA).senders([KNOWN])).contacts) == {KNOWN}

    async def test_a_redirect_takes_no_token_to_another_host(self, crm: InstalledWorld, http: HttpFaults) -> None:
        ada = crm.as_user(ADA)
        await looked_up(ada, ["sam@shaw.example"])
        async with HttpFaults().serving() as elsewhere:
            for status in (301, 302, 303, 307, 308):
                http.happen(redirect(elsewhere.origin, status))
                for question, ask in calls_of(ada).items():
                    with pytest.raises(BadAnswer):
                        await ask()
                    assert elsewhere.asked == [], (question, status)

    async def test_a_rate_limit_says_how_long_to_wait(self, crm: InstalledWorld, http: HttpFaults) -> None:
        ada = crm.as_user(ADA)
        await looked_up(ada, ["sam@shaw.example"])
        for said, (retry_after, least, most) in RETRY_AFTER.items():
            http.happen(rate_limited(http_date(retry_after) if isinstance(retry_after, float) else retry_after))
            with pytest.raises(RateLimited) as told:
                await ada.senders([KNOWN])
            assert least <= told.value.retry_after <= most, said

    async def test_a_burst_and_the_days_end_are_told_apart(self, crm: InstalledWorld, http: HttpFaults) -> None:
        ada = crm.as_user(ADA)
        await looked_up(ada, ["sam@shaw.example"])
        if crm.burst:
            http.happen(crm.burst)
            with pytest.raises(RateLimited) as burst:
                await ada.senders([KNOWN])
            assert not isinstance(burst.value, DayLimitReached)
            assert 0 < burst.value.retry_after <= 3600
        if crm.day_limit:
            http.happen(crm.day_limit)
            for ask in calls_of(ada).values():
                with pytest.raises(DayLimitReached) as day:
                    await ask()
                assert 0 < day.value.retry_after <= 86_400
        if not (crm.burst or crm.day_limit):
            pytest.skip("this CRM has no words of its own for either")

    async def test_the_days_budget_is_read(self, crm: InstalledWorld, http: HttpFaults) -> None:
        client, connection = crm.client_within(SECONDS), crm.connection_of(ADA)
        assert client.budget(connection) is None
        await client.as_user(connection).senders([KNOWN])
        budget = client.budget(connection)
        if not crm.tells_budget:
            assert budget is None
            return
        assert budget
        assert 0 <= budget.left <= budget.of
        assert 0.0 <= budget.share_left <= 1.0

    async def test_a_refused_token_is_renewed_once_or_asks_to_sign_in(self, crm: InstalledWorld, http: HttpFaults) -> None:
        ada = crm.as_user(ADA)
        await looked_up(ada, ["sam@shaw.example"])
        http.happen(answering(401, "{}"), call=1)
        if crm.renews:
            assert set((await ada.senders([KNOWN])).contacts) == {KNOWN}
        else:
            with pytest.raises(SignInNeeded) as refused:
                await ada.senders([KNOWN])
            assert refused.value.ended

    # Deadlines

    @pytest.mark.parametrize("fault", [slow(30), dripping(30)], ids=["slow", "dripping"])
    @pytest.mark.parametrize("seconds", [0.0, 0.4])
    async def test_a_look_up_ends_when_it_is_due(
        self, crm: InstalledWorld, http: HttpFaults, fault: Fault, seconds: float
    ) -> None:
        ada = crm.as_user(ADA)
        await looked_up(ada, ["sam@shaw.example"])
        http.happen(fault)
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await ada.look_up([KNOWN], OTHERS, ["analytical.example"], asyncio.get_running_loop().time() + seconds)
        assert time.monotonic() - began < seconds + 1

    async def test_any_other_call_ends_within_its_seconds(self, crm: InstalledWorld, http: HttpFaults) -> None:
        client = crm.client_within(0.5)
        ada = client.as_user(crm.connection_of(ADA))
        await ada.settings()
        http.happen(slow(30))
        for ask in (lambda: ada.senders([KNOWN]), lambda: ada.search("Lovell", 5)):
            began = time.monotonic()
            with pytest.raises(TimedOut):
                await ask()
            assert time.monotonic() - began < 3

    # What is missing is told

    @pytest.mark.parametrize("fault", ONE_CALL_FAULTS.values(), ids=ONE_CALL_FAULTS)
    async def test_a_call_that_fails_leaves_nobody_out_in_silence(
        self, crm: InstalledWorld, http: HttpFaults, fault: Fault
    ) -> None:
        """Whichever call of a look-up it is: it is raised, or those whom nobody could ask for are told."""
        ada = crm.as_user(ADA)
        whole = await looked_up(ada, [KNOWN], ["analytical.example"], OTHERS)
        with measured() as found:
            await looked_up(ada, [KNOWN], ["analytical.example"], OTHERS)
        for call in range(1, found.cost.calls + 1):
            http.mend()
            http.happen(fault, call=call)
            try:
                answer = await looked_up(crm.as_user(ADA), [KNOWN], ["analytical.example"], OTHERS)
            except Upstream:
                continue
            _says_no_lie(answer, whole)

    @pytest.mark.parametrize("fault", ONE_CALL_FAULTS.values(), ids=ONE_CALL_FAULTS)
    async def test_senders_come_whole_or_not_at_all(self, crm: InstalledWorld, http: HttpFaults, fault: Fault) -> None:
        ada = crm.as_user(ADA)
        people = [KNOWN, *OTHERS, *(f"p{number}@many.example" for number in range(120))]
        whole = await ada.senders(people)
        with measured() as found:
            await ada.senders(people)
        last = found.cost.calls
        for call in sorted({1, 2, last // 2, last - 1, last} & set(range(1, last + 1))):
            http.mend()
            http.happen(fault, call=call)
            try:
                answer = await crm.as_user(ADA).senders(people)
            except Upstream:
                continue
            assert answer == whole

    async def test_what_fails_for_the_job_fails_for_each_mailbox_by_itself(self, crm: InstalledWorld, http: HttpFaults) -> None:
        asked = [Asked(crm.connection_of(email), frozenset({"grace@hopfield.example"})) for email in (ADA, KIM, ADA)]
        await crm.client.senders_of(asked)
        http.happen(answering(503, "{}"))
        assert all(isinstance(answer, Unavailable) for answer in await crm.client.senders_of(asked))
        http.mend()
        http.happen(closed, call=1)
        answers = await crm.client.senders_of(asked)
        for answer in answers:
            assert isinstance(answer, Upstream) or _names(answer) == {"Grace Hopfield"}

    async def test_when_nobody_is_there_it_is_unavailable(self, crm: InstalledWorld, http: HttpFaults) -> None:
        ada = crm.as_user(ADA)
        await looked_up(ada, ["sam@shaw.example"])
        http.happen(closed)
        for ask in calls_of(ada).values():
            with pytest.raises(Unavailable):
                await ask()

    async def test_a_token_stands_in_no_url(self, crm: InstalledWorld, http: HttpFaults) -> None:
        await looked_up(crm.as_user(ADA), ["sam@shaw.example"], ["analytical.example"])
        secrets = _secrets(http)
        assert secrets
        assert not any(secret in asked.path for asked in http.asked for secret in secrets)


def _secrets(http: HttpFaults) -> Collection[str]:
    """The tokens that calls were made with."""
    words = {word for asked in http.asked for name in ("Authorization", "x-api-token") if (word := asked.headers.get(name, ""))}
    return {word.split()[-1] for word in words}


def _tells_nothing(text: str, secrets: Collection[str]) -> None:
    for secret in (*secrets, KNOWN, *OTHERS, "Henriëtta", "Lovell"):
        assert secret not in text


def _names(answer: Senders) -> set[str]:
    return {contact.name for contacts in answer.contacts.values() for contact in contacts}


def _says_no_lie(answer: LookUp, whole: LookUp) -> None:
    """Each person is as in the whole answer, or told of as not asked for; the one in front is never missing."""
    assert KNOWN not in answer.not_asked
    assert _of(answer, KNOWN) == _of(whole, KNOWN)
    for address in OTHERS:
        theirs = ((), ()) if address in answer.not_asked else _of(whole, address)
        assert _of(answer, address) == theirs, address
    assert answer.accounts.items() <= whole.accounts.items()


def _of(answer: LookUp, address: str) -> tuple[tuple[Contact, ...], tuple[Lead, ...]]:
    return answer.contacts.get(address, ()), answer.leads.get(address, ())
