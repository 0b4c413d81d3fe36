"""The world's dials on the whole demo: the month turns and the labels follow, permissions and deals change, and what is kept is shown."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from sandbox.demo import __main__ as clock_of_the_demo
from sandbox.demo.processes import CommandFailed, Demo, running_demo
from sandbox.desk.job_runs import JobRuns
from sandbox.google.faults import Fault

pytestmark = pytest.mark.asyncio(loop_scope="module")

GRACE = "Grace Hopper <grace@hopper.example>"
CTM, OPEN = "Deals Closing This Month (CTM)", "Open Deals"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    """Without mail; Grace Hopper's one deal closes on 15 June 2031."""

    async def fill(made: Demo) -> None:
        tables = {
            "contacts": "Name,Emails\nGrace Hopper,grace@hopper.example\n",
            "deals": "Name,Stage,Closing date,Contacts\nCompiler,Negotiation,2031-06-15,grace@hopper.example\n",
        }
        for kind, table in tables.items():
            file = made.folder / f"{kind}.csv"
            file.write_text(table)
            await made.embedded_crm("import", kind, str(file), "--owner", made.user.address)

    async with running_demo(tmp_path_factory.mktemp("dials") / "demo", fill) as started:
        # From here on the function has Google's certificates.
        await ask(started, "panel", trigger="homepage")
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(tmp_path: Path) -> AsyncIterator[Demo]:
    """A demo in which nothing has been asked yet."""

    async def fill(made: Demo) -> None:
        table = tmp_path / "contacts.csv"
        table.write_text("Name,Emails\nGrace Hopper,grace@hopper.example\n")
        await made.embedded_crm("import", "contacts", str(table), "--owner", made.user.address)

    async with running_demo(tmp_path / "demo", fill) as started:
        yield started


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def as_before(demo: Demo) -> AsyncIterator[None]:
    """After each test the world's time is the machine's, and all is well."""
    yield
    demo.clock.turn_back()
    demo.crm_fault_file.unlink(missing_ok=True)
    for who in ("gmail", "crm"):
        await ask(demo, "dials/fault", who=who, fault="")


async def ask(demo: Demo, path: str, **body: Any) -> dict[str, Any]:
    """What the desk answers to the user's page."""
    async with aiohttp.ClientSession(cookies=demo.key.cookies) as session:
        url = f"{demo.address}/desk/{demo.user.address}/{path}"
        request = session.post(url, json=body) if body else session.get(url)
        async with request as answer:
            told: dict[str, Any] = await answer.json()
            assert answer.status == 200, told
            return told


async def sorted_under(demo: Demo, subject: str) -> set[str]:
    """Let a mail of Grace's arrive, run the job, and look under which labels it is."""
    mail = await ask(demo, "dials/mail", **{"from": GRACE, "subject": subject, "text": "Hello"})
    told = await ask(demo, "job", dry_run=False)
    assert "result" in told, told
    mailbox = demo.world.mailbox(demo.user.address)
    names = {label.id: label.name for label in mailbox.labels()}
    return {names[label] for label in mailbox.message(mail["id"]).label_ids}


async def homepage(demo: Demo) -> str:
    told = await ask(demo, "panel", trigger="homepage")
    assert told["status"] == 200
    return json.dumps(told["answer"])


async def test_the_month_turns_and_the_labels_follow(demo: Demo) -> None:
    await ask(demo, "dials/time", to="2031-05-15T10:30+00:00")
    assert OPEN in await sorted_under(demo, "Before the month turned")
    assert "Before the month turned" in await homepage(demo)
    assert (await ask(demo, "dials/time", to="next month"))["now"].startswith("2031-06-15T")
    assert CTM in await sorted_under(demo, "After the month turned")
    # The access token that the sidebar's function has kept ended an hour after it was given, on the world's clock.
    assert "After the month turned" in await homepage(demo)
    await ask(demo, "dials/time", to="2031-05-16T10:30+00:00")
    assert OPEN in await sorted_under(demo, "Back in the old month")
    assert (await ask(demo, "dials/time", to="today"))["turned"] == 0


@pytest.mark.parametrize(
    ("day", "next_month"),
    [("2031-01-31", "2031-02-28"), ("2032-01-31", "2032-02-29"), ("2031-11-30", "2031-12-30"), ("2031-12-01", "2032-01-01")],
)
async def test_the_next_month_has_this_day_or_its_last(demo: Demo, day: str, next_month: str) -> None:
    await ask(demo, "dials/time", to=f"{day}T12:00+00:00")
    assert (await ask(demo, "dials/time", to="next month"))["now"].startswith(f"{next_month}T")


@pytest.mark.parametrize(
    ("to", "why"),
    [("someday", "not a date"), ("2031-05-15T10:00", "needs its time zone"), ("2131-05-15T10:00+00:00", "20 years at most")],
)
async def test_a_wrong_date_is_refused_in_words(demo: Demo, to: str, why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        await ask(demo, "dials/time", to=to)
    assert (await ask(demo, "dials"))["turned"] == 0


async def test_what_is_kept_is_three_facts_of_each_mail(demo: Demo) -> None:
    await sorted_under(demo, "A subject that nobody keeps")
    stored = await ask(demo, "stored")
    assert stored["mailbox"]["address"] == demo.user.address
    assert stored["mails"]
    assert all(set(mail) == {"mail_id", "from_address", "received_at"} for mail in stored["mails"])
    assert "A subject that nobody keeps" not in json.dumps(stored)
    assert json.loads(await demo.mailmagnet("stored", "--org", "corp.example", "--user", "nobody")) == {
        "mailbox": None,
        "mails": [],
    }


async def opened(demo: Demo) -> dict[str, Any]:
    """A mail of Grace's arrives and is opened; what the panel was told."""
    mail = await ask(demo, "dials/mail", **{"from": GRACE, "subject": "Opened", "text": "Hello"})
    return await ask(demo, "panel", trigger="message", mail=mail["id"])


async def calls_of(demo: Demo) -> list[dict[str, Any]]:
    """The calls behind the panel's last answer."""
    calls: list[dict[str, Any]] = (await ask(demo, "behind"))["call"]["calls"]
    assert [call["began"] for call in calls] == sorted(call["began"] for call in calls)
    return calls


async def test_behind_the_panel_are_event_answer_and_calls(demo: Demo) -> None:
    told = await opened(demo)
    behind = await ask(demo, "behind")
    call = behind["call"]
    assert call["url"] == f"{demo.addon_url}/message"
    assert call["answer"] == told["answer"]
    assert [(one["who"], one["name"], one["how"], one["units"], one["beside"]) for one in call["calls"]] == [
        ("Gmail", "users.messages.get", "200", 20, 0),
        ("CRM", "look_up", "answered", 0, 1),
        ("CRM", "settings", "answered", 0, 1),
    ]
    assert behind["quota"]["spent"] >= 20
    tokens = call["event"]["authorizationEventObject"]
    assert all(
        tokens[name].endswith("…") and len(tokens[name]) == 9 for name in ("userOAuthToken", "systemIdToken", "userIdToken")
    )
    assert call["event"]["gmail"]["accessToken"].endswith("…")


async def test_the_first_answer_of_all_has_googles_certificates_behind_it_and_the_first_that_reads_mail_a_token(
    fresh: Demo,
) -> None:
    await homepage(fresh)
    first, *_ = await calls_of(fresh)
    assert (first["name"], first["how"]) == ("certificates", "200")
    await sorted_under(fresh, "To be read by the homepage")
    await homepage(fresh)
    calls = await calls_of(fresh)
    assert {call["name"]: call["how"] for call in calls} == {
        "settings": "answered",
        "deals_closing": "answered",
        "senders": "answered",
        "token": "200",
        "users.messages.get": "200",
    }
    names = [call["name"] for call in calls]
    assert names.index("token") < names.index("users.messages.get")


async def test_calls_side_by_side_are_told_as_such(demo: Demo) -> None:
    for number in range(2):
        await sorted_under(demo, f"Side by side {number}")
    demo.world.faults.add(Fault("gmail", "users.messages.get", latency_ms=300))
    await homepage(demo)
    read = [call for call in await calls_of(demo) if call["name"] == "users.messages.get"]
    assert len(read) > 1
    assert read[0]["beside"] >= 1
    assert read[1]["beside"] >= 1
    assert all(call["ms"] >= 300 for call in read)


FAULTS_OF_GMAIL = {
    "slow": "no answer",
    "failing": "500",
    "limited": "429",
    "dropping": "connection dropped",
    "html": "502 HTML",
}
FAULTS_OF_THE_CRM = {
    "slow": "given up",
    "failing": "answered 500",
    "limited": "rate limited, come back in 30 s",
    "dropping": "the connection failed",
    "html": "the answer is HTML",
    "signed out": "the sign-in has ended",
}


@pytest.mark.parametrize(("fault", "how"), FAULTS_OF_GMAIL.items())
async def test_a_call_of_gmails_that_failed_is_told_with_how(demo: Demo, fault: str, how: str) -> None:
    await ask(demo, "dials/fault", who="gmail", fault=fault)
    await opened(demo)
    calls = await calls_of(demo)
    assert calls
    assert {(call["name"], call["how"], call["units"]) for call in calls} == {("users.messages.get", how, 0)}


async def test_a_slow_gmail_is_slow_and_nothing_else_however_often_one_tries(demo: Demo) -> None:
    """More at once than the five requests that Gmail lets one user have, and again while the first are still on their way."""
    for number in range(5):
        await sorted_under(demo, f"Slow {number}")
    spent, began = demo.world.quota.total(demo.user.address), len(demo.world.calls.recent)
    await ask(demo, "dials/fault", who="gmail", fault="slow")
    for _ in range(2):
        answers = await asyncio.gather(homepage(demo), homepage(demo), opened(demo), opened(demo))
        assert all("did not answer" in json.dumps(answer) for answer in answers)
    made = [call for call in list(demo.world.calls.recent)[began:] if call.name == "users.messages.get"]
    assert len(made) > 10
    assert {call.status for call in made} == {0}
    assert demo.world.quota.total(demo.user.address) == spent


@pytest.mark.parametrize(("fault", "how"), FAULTS_OF_THE_CRM.items())
async def test_a_call_of_the_crms_that_failed_is_told_with_how(demo: Demo, fault: str, how: str) -> None:
    await ask(demo, "dials/fault", who="crm", fault=fault)
    await opened(demo)
    assert [(call["name"], call["how"]) for call in await calls_of(demo)] == [
        ("users.messages.get", "200"),
        ("look_up", how),
        ("settings", how),
    ]


async def test_what_the_job_calls_meanwhile_is_not_told_as_the_panels(demo: Demo) -> None:
    await ask(demo, "dials/mail", **{"from": GRACE, "subject": "For the job", "text": "Hello"})
    demo.world.faults.add(Fault("gmail", latency_ms=300))
    before = len(demo.world.calls.recent)
    job = asyncio.create_task(ask(demo, "job", dry_run=False))
    await opened(demo)
    assert (await job)["result"]["looked_at"] >= 1
    assert [call["name"] for call in await calls_of(demo)] == ["users.messages.get", "look_up", "settings"]
    assert len(demo.world.calls.recent) - before > 2


async def test_of_two_answers_made_at_once_each_has_its_own_calls(demo: Demo) -> None:
    demo.world.faults.add(Fault("gmail", latency_ms=300))
    await asyncio.gather(opened(demo), opened(demo))
    assert [call["name"] for call in await calls_of(demo)] == ["users.messages.get", "look_up", "settings"]


async def test_a_profile_loses_the_permission_and_has_it_back(demo: Demo) -> None:
    for held in (False, True):
        words = "--held" if held else "--not-held"
        await demo.embedded_crm("set-permission", "--profile", "Standard", "--permission", "Mail Integration", words)
        profiles = {profile["name"]: profile for profile in json.loads(await demo.embedded_crm("profiles"))}
        assert ("Mail Integration" in profiles["Standard"]["permissions"]) is held
        assert profiles["Standard"]["users"] == [demo.colleague.address]
    with pytest.raises(CommandFailed, match="no profile"):
        await demo.embedded_crm("set-permission", "--profile", "None", "--permission", "Mail Integration", "--held")


async def test_a_deal_is_changed_and_what_is_not_given_stays(demo: Demo) -> None:
    deals = (await ask(demo, "dials/crm"))["deals"]
    deal = next(deal for deal in deals if deal["name"] == "Compiler")
    await demo.embedded_crm("change-deal", deal["id"], "--stage", "Closed Won", "--amount", "1200.50")
    changed = await demo.crm_record("deals", deal["id"], demo.user.address)
    assert (changed["state"], changed["amount"]["amount"], changed["closing"]) == ("won", "1200.50", deal["closing"])
    await demo.embedded_crm("change-deal", deal["id"], "--stage", "Negotiation", "--closing", "2027-01-31")
    changed = await demo.crm_record("deals", deal["id"], demo.user.address)
    assert (changed["state"], changed["amount"]["amount"], changed["closing"]) == ("open", "1200.50", "2027-01-31")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("nothing", "--stage", "Negotiation"), "no such deal"),
        (("nothing", "--amount", "many"), "should be a number"),
        (("nothing", "--closing", "soon"), "does not match"),
    ],
)
async def test_a_change_that_cannot_be_is_refused(demo: Demo, words: tuple[str, ...], why: str) -> None:
    with pytest.raises(CommandFailed, match=why):
        await demo.embedded_crm("change-deal", *words)


@pytest.mark.parametrize("odd", ["zero \0", "half \ud800", "much " * 60_000])
async def test_no_odd_text_breaks_a_command(demo: Demo, odd: str) -> None:
    for path, change in (
        ("deal", {"id": odd, "stage": "Negotiation"}),
        ("deal", {"id": "x", "stage": odd}),
        ("permission", {"profile": odd}),
    ):
        with pytest.raises(AssertionError, match="error"):
            await ask(demo, f"dials/{path}", **change)


async def test_a_record_has_a_page_and_no_odd_id_breaks_it(demo: Demo) -> None:
    deal = next(deal for deal in (await ask(demo, "dials/crm"))["deals"] if deal["name"] == "Compiler")
    statuses = {}
    async with aiohttp.ClientSession(cookies=demo.key.cookies) as session:
        for record_id in (deal["id"], "0000000000000000", "a%00b", "--help", "-1", "%ff", "x" * 5_000):
            async with session.get(URL(f"{demo.address}/crm/deals/{record_id}", encoded=True)) as page:
                statuses[record_id] = page.status
    assert statuses.pop(deal["id"]) == 200
    assert set(statuses.values()) == {404}


async def test_the_tick_tells_what_cloud_tasks_did(demo: Demo) -> None:
    assert (await ask(demo, "dials/time", to="tomorrow"))["turned"] == 86_400
    told = await ask(demo, "dials/tick", now=True)
    assert told["tasks"] == 3
    assert [attempt["status"] for attempt in told["attempts"][:3]] == [200, 200, 200]
    await ask(demo, "dials/time", to="today")
    told = await ask(demo, "dials/tick", now=True)
    # Their last run lies in the future. Noa's lacked the permission, and is tried again a day later.
    assert told["tasks"] == 2
    assert (await ask(demo, "dials/tick", now=True))["tasks"] == 0


async def test_the_folder_holds_how_far_the_time_is_turned(demo: Demo) -> None:
    await ask(demo, "dials/time", to="tomorrow")
    assert float((demo.folder / "clock").read_text()) == 86_400
    await ask(demo, "dials/time", to="today")
    assert float((demo.folder / "clock").read_text()) == 0


# The job by the button and by the clock


async def eventually(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110  it has no event
            await asyncio.sleep(0.05)


async def test_the_first_run_is_the_users_and_then_the_clock_goes_on(fresh: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks: list[int] = []

    async def tick(_: JobRuns) -> int:
        ticks.append(1)
        return 0

    monkeypatch.setattr(clock_of_the_demo, "SECONDS_BETWEEN_TICKS", 0)
    monkeypatch.setattr(JobRuns, "tick", tick)
    assert not await fresh.was_sorted()
    clock = asyncio.create_task(clock_of_the_demo._sort_by_the_clock(fresh))
    assert await ask(fresh, "job") == {"begun": False, "last": None}
    await ask(fresh, "job", dry_run=True)
    assert (await ask(fresh, "job"))["begun"] is False
    assert ticks == []
    assert (await ask(fresh, "job", dry_run=False))["by_clock"] is False
    await eventually(lambda: ticks)
    clock.cancel()
    assert await fresh.was_sorted()
    fresh.job.begun = False
    again = asyncio.create_task(clock_of_the_demo._sort_by_the_clock(fresh))
    ticks.clear()
    await eventually(lambda: ticks)
    again.cancel()


async def test_what_a_run_moved_is_told_by_gmails_own_history(demo: Demo) -> None:
    mailbox = demo.world.mailbox(demo.user.address)
    (customer,) = [label.id for label in mailbox.labels() if label.name == "Customer"]
    arrived = [await ask(demo, "dials/mail", **{"from": GRACE, "subject": f"Told {number}", "text": "x"}) for number in range(3)]
    stranger = await ask(demo, "dials/mail", **{"from": "Zed <zed@new.example>", "subject": "By hand", "text": "x"})
    mailbox.modify([stranger["id"]], [customer], ["INBOX"])
    mailbox.modify([arrived[2]["id"]], [], ["INBOX"])
    run = await ask(demo, "job", dry_run=False)
    assert sum(run["result"]["sorted"].values()) == 3
    mailbox.delete([arrived[1]["id"]])
    moved = (await ask(demo, f"job/{run['number']}"))["moved"]
    told = {mail["subject"]: (mail["left_inbox"], mail["from_name"], mail["from_address"]) for mail in moved}
    assert told == {
        "Told 0": (True, "Grace Hopper", "grace@hopper.example"),
        "Told 2": (False, "Grace Hopper", "grace@hopper.example"),
    }
    assert {mail["thread_id"] for mail in moved} == {arrived[0]["thread_id"], arrived[2]["thread_id"]}
    names = {label.id: label.name for label in mailbox.labels()}
    assert {mail["label"] for mail in moved} <= {names[label] for label in mailbox.message(arrived[0]["id"]).label_ids}
    with pytest.raises(AssertionError, match="not there"):
        await ask(demo, f"job/{run['number'] - 1}")


async def test_a_run_by_the_clock_is_told_as_one_by_the_button_is(demo: Demo) -> None:
    await ask(demo, "job", dry_run=False)
    before = (await ask(demo, "job"))["last"]
    await ask(demo, "dials/mail", **{"from": GRACE, "subject": "By the clock", "text": "x"})
    demo.clock.turn_to(demo.now() + timedelta(minutes=11))
    assert await demo.job.tick() >= 1
    state = await ask(demo, "job")
    assert (state["begun"], state["last"]["by_clock"], state["last"]["number"]) == (True, True, before["number"] + 1)
    assert sum(state["last"]["result"]["sorted"].values()) == 1
    moved = (await ask(demo, f"job/{state['last']['number']}"))["moved"]
    assert [mail["subject"] for mail in moved] == ["By the clock"]
    # Another user's mailbox has a run of its own, and no word of this one.
    assert demo.job.last(demo.colleague) is None or demo.job.last(demo.colleague) != demo.job.last(demo.user)


async def test_a_run_by_the_clock_that_fails_is_told_in_words(demo: Demo) -> None:
    demo.crm_fault_file.write_text('{"fault": "failing"}')
    demo.clock.turn_to(demo.now() + timedelta(minutes=33))
    await ask(demo, "dials/mail", **{"from": GRACE, "subject": "While it failed", "text": "x"})
    assert await demo.job.tick() >= 1
    last = (await ask(demo, "job"))["last"]
    assert last["problem"].startswith("The job could not run: MailMagnet CRM: ")
    assert last["problem"].endswith(". It is tried again by itself, and no mail is lost.")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("gmail", status=429), "Gmail's quota for this minute is spent: it can go on in"),
        (Fault("gmail", status=503), "The job could not run: Gmail:"),
        (Fault("gmail", status=403, reason="domainPolicy"), "The job could not run: Gmail:"),
        (Fault("google", "token", status=400), "The job could not run: Gmail:"),
    ],
)
async def test_a_dry_run_tells_what_is_wrong_as_a_run_does(demo: Demo, fault: Fault, said: str) -> None:
    demo.world.faults.add(fault)
    told = await ask(demo, "job", dry_run=True)
    assert told["problem"].startswith(said)


async def test_a_dry_run_without_consent_says_so(fresh: Demo) -> None:
    fresh.world.google.revoke_all(fresh.user.address)
    assert (await ask(fresh, "job", dry_run=True))["problem"].startswith("The job could not run: Gmail:")


async def test_a_dry_run_of_a_mailbox_that_is_off_says_so(fresh: Demo) -> None:
    await fresh.mailmagnet("switch", "--org", "corp.example", "--user", fresh.user.sub, "--off")
    for dry_run in (True, False):
        assert (await ask(fresh, "job", dry_run=dry_run))["problem"] == "Sorting is turned off for this mailbox."
