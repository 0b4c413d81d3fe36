"""The world's dials on the whole demo: the month turns and the labels follow, permissions and deals change, and what is kept is shown."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from sandbox.processes import CommandFailed, Demo, running_demo

pytestmark = pytest.mark.asyncio(loop_scope="module")

GRACE = "Grace Hopper <grace@hopper.example>"
CTM, OPEN = "Deals Closing This Month (CTM)", "Open Deals"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    """Without mail; Grace Hopper's one deal closes on the 15th of next month."""

    async def fill(made: Demo) -> None:
        first = (made.today.replace(day=1) + timedelta(days=32)).replace(day=1)
        tables = {
            "contacts": "Name,Emails\nGrace Hopper,grace@hopper.example\n",
            "deals": f"Name,Stage,Closing date,Contacts\nCompiler,Negotiation,{first.replace(day=15)},grace@hopper.example\n",
        }
        for kind, table in tables.items():
            file = made.folder / f"{kind}.csv"
            file.write_text(table)
            await made.mailmagnet("crm", "import", kind, str(file), "--owner", made.user.address)

    async with running_demo(tmp_path_factory.mktemp("dials") / "demo", fill) as started:
        yield started


async def ask(demo: Demo, path: str, **body: Any) -> dict[str, Any]:
    """What the desk answers to the user's page."""
    async with aiohttp.ClientSession() as session:
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
    assert OPEN in await sorted_under(demo, "Before the month turned")
    assert "Before the month turned" in await homepage(demo)
    turned = await ask(demo, "dials/time", to="next month")
    assert 27 <= turned["turned"] / 86_400 <= 32
    assert CTM in await sorted_under(demo, "After the month turned")
    # The access token that the sidebar's function has kept ended an hour after it was given, on the world's clock.
    assert "After the month turned" in await homepage(demo)
    assert (await ask(demo, "dials/time", to="today"))["turned"] == 0
    assert OPEN in await sorted_under(demo, "Back in the old month")


async def test_a_wrong_date_is_refused_in_words(demo: Demo) -> None:
    with pytest.raises(AssertionError, match="not a date"):
        await ask(demo, "dials/time", to="someday")
    assert (await ask(demo, "dials"))["turned"] == 0


async def test_what_is_kept_is_three_facts_of_each_mail(demo: Demo) -> None:
    await sorted_under(demo, "A subject that nobody keeps")
    kept = await ask(demo, "kept")
    assert kept["mailbox"]["address"] == demo.user.address
    assert kept["mails"]
    assert all(set(mail) == {"mail_id", "from_address", "received_at"} for mail in kept["mails"])
    assert "A subject that nobody keeps" not in json.dumps(kept)
    assert json.loads(await demo.mailmagnet("kept", "--org", "corp.example", "--user", "nobody")) == {
        "mailbox": None,
        "mails": [],
    }


async def test_behind_the_panel_are_event_answer_and_gmails_calls(demo: Demo) -> None:
    mail = await ask(demo, "dials/mail", **{"from": GRACE, "subject": "Opened", "text": "Hello"})
    told = await ask(demo, "panel", trigger="message", mail=mail["id"])
    behind = await ask(demo, "behind")
    call = behind["call"]
    assert call["url"] == f"{demo.addon_url}/message"
    assert call["answer"] == told["answer"]
    assert [(one["method"], one["status"], one["units"]) for one in call["calls"]] == [("users.messages.get", 200, 20)]
    assert behind["quota"]["spent"] >= 20
    tokens = call["event"]["authorizationEventObject"]
    assert all(
        tokens[name].endswith("…") and len(tokens[name]) == 9 for name in ("userOAuthToken", "systemIdToken", "userIdToken")
    )
    assert call["event"]["gmail"]["accessToken"].endswith("…")


async def test_a_profile_loses_the_permission_and_has_it_back(demo: Demo) -> None:
    for held in (False, True):
        words = "--held" if held else "--not-held"
        await demo.mailmagnet("crm", "set-permission", "--profile", "Standard", "--permission", "Mail Integration", words)
        profiles = {profile["name"]: profile for profile in json.loads(await demo.mailmagnet("crm", "profiles"))}
        assert ("Mail Integration" in profiles["Standard"]["permissions"]) is held
        assert profiles["Standard"]["users"] == [demo.colleague.address]
    with pytest.raises(CommandFailed, match="no profile"):
        await demo.mailmagnet("crm", "set-permission", "--profile", "None", "--permission", "Mail Integration", "--held")


async def test_a_deal_is_changed_and_what_is_not_given_stays(demo: Demo) -> None:
    deals = (await ask(demo, "dials/crm"))["deals"]
    deal = next(deal for deal in deals if deal["name"] == "Compiler")
    await demo.mailmagnet("crm", "change-deal", deal["id"], "--stage", "Closed Won", "--amount", "1200.50")
    changed = json.loads(await demo.mailmagnet("crm", "show", "deals", deal["id"], "--user", demo.user.address))
    assert (changed["state"], changed["amount"]["amount"], changed["closing"]) == ("won", "1200.50", deal["closing"])
    await demo.mailmagnet("crm", "change-deal", deal["id"], "--stage", "Negotiation", "--closing", "2027-01-31")
    changed = json.loads(await demo.mailmagnet("crm", "show", "deals", deal["id"], "--user", demo.user.address))
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
        await demo.mailmagnet("crm", "change-deal", *words)


async def test_the_tick_tells_what_cloud_tasks_did(demo: Demo) -> None:
    assert (await ask(demo, "dials/time", to="tomorrow"))["turned"] == 86_400
    told = await ask(demo, "dials/tick", now=True)
    await ask(demo, "dials/time", to="today")
    assert told["tasks"] == 3
    assert [attempt["status"] for attempt in told["attempts"]] == [200, 200, 200]


async def test_the_folder_holds_how_far_the_time_is_turned(demo: Demo) -> None:
    await ask(demo, "dials/time", to="tomorrow")
    assert float((demo.folder / "clock").read_text()) == 86_400
    await ask(demo, "dials/time", to="today")
    assert float((demo.folder / "clock").read_text()) == 0
