"""What an admin removes, by signed clicks: one customer's address, a user, the organisation; nobody else can, whatever fails goes on."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from cards.frame import CUSTOMER_ADDRESS, ORGANISATION_TYPED, Page
from cards.frame import Path as Served
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import NO_END, CrmTokens, Sees
from mailmagnet.disconnect_mailbox import finish_leaving, revoke_forgotten
from mailmagnet.errors import MAILMAGNET, Unavailable
from mailmagnet.pause import resume
from mailmagnet.removal import MOST_AT_ONE_TIME, finish_removal, remove_organisation, users_of
from mailmagnet.store import Lease, MailRecord, Policy, Progress
from mailmagnet.vault import CRM_ACCOUNT, Connection
from sandbox.google.faults import Fault
from tests.scenario.addon_process import Answered, settings_of, sidebar_at
from tests.scenario.desk import ADA, Desk, desk_in
from tests.scenario.office import GRACE, KIM, MALLORY, ORG, Office, connected, office_in
from tests.scenario.pages_process import pages_at
from tests.scenario.test_command_line import typed
from tests.scenario.test_leaving import Office as Leaver
from tests.scenario.test_unfinished_runs import HOW, Outside, Watch, _outcome

OTHER_ORG = "other.example"


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with office_in(tmp_path) as made:
        for org, user in ((ORG, made.ada), (ORG, made.kim.sub), (OTHER_ORG, made.desk.world.account(MALLORY).sub)):
            await _with_records(made.desk, org, user)
        yield made


async def _with_records(desk: Desk, org: str, user: str) -> None:
    lease: Lease = await desk.store.take_lease(org, user, desk.now(), 300)
    mailbox = await desk.store.mailbox(org, user)
    assert mailbox
    await desk.store.switch_on(
        lease, mailmagnet_since=desk.now(), labelling_since=None, progress=Progress("1"), labels={}, last_run=mailbox.last_run
    )
    records = [MailRecord(f"18f{number}", sender, desk.now()) for number, sender in enumerate([GRACE, "bob@b.example"])]
    await desk.store.save_run(lease, Progress("1"), labels={}, records=records)
    await desk.store.release_lease(lease)


async def pressed(office: Office, who: str, path: Served, form: dict[str, str], **parameters: str) -> Answered:
    """A button's click, with what stands in the form."""
    office.sidebar.address = who
    event = await office.sidebar.event(path, **parameters)
    event["commonEventObject"]["formInputs"] = {name: {"stringInputs": {"value": [text]}} for name, text in form.items()}
    return await office.sidebar.send(path, event)


async def addresses(desk: Desk, org: str = ORG) -> int:
    return len(await desk.store.mails_from(org, GRACE, 10))


async def test_an_admin_sees_and_removes_and_nobody_else_does(office: Office) -> None:
    desk = office.desk
    consumer = desk.world.add_account("carol@gmail.example", "Carol")
    kim, ada = office.kim.sub, office.ada
    clicks: tuple[tuple[Served, dict[str, str], dict[str, str]], ...] = (
        (Served.CUSTOMER_ADDRESS, {}, {}),
        (Served.CUSTOMER_ADDRESS_KEPT, {CUSTOMER_ADDRESS: GRACE}, {}),
        (Served.REMOVE_CUSTOMER_ADDRESS, {CUSTOMER_ADDRESS: GRACE}, {}),
        (Served.USER, {}, {"user": ada}),
        (Served.REMOVE_USER, {}, {"user": ada}),
        (Served.ORGANISATION, {}, {}),
        (Served.REMOVE_ORGANISATION, {ORGANISATION_TYPED: ORG}, {}),
        (Served.TAKE_BACK, {}, {}),
        (Served.TAKE_BACK_ALL, {}, {"hours": "1"}),
    )
    async with sidebar_at(desk) as office.sidebar:
        for who, (path, form, parameters) in product((KIM, MALLORY, consumer.address), clicks):
            answer = await pressed(office, who, path, form, **parameters)
            assert "record" not in answer.body.decode(), (who, path)
        assert (await addresses(desk), await addresses(desk, OTHER_ORG)) == (2, 1)
        assert [await desk.store.policy(org) for org in (ORG, OTHER_ORG)] == [Policy(), Policy()]
        assert len(await users_of(ORG, desk)) == 2
        # The admin herself.
        unknown = await pressed(office, ADA, Served.USER, {}, user=desk.world.account(MALLORY).sub)
        assert MALLORY not in unknown.body.decode(), "another organisation's user is nobody here"
        await pressed(office, ADA, Served.REMOVE_USER, {}, user=desk.world.account(MALLORY).sub)
        assert await desk.store.mailbox(OTHER_ORG, desk.world.account(MALLORY).sub)
        kept = (await pressed(office, ADA, Served.CUSTOMER_ADDRESS_KEPT, {CUSTOMER_ADDRESS: f" {GRACE.upper()} "})).card
        assert "2 records" in kept
        assert KIM in kept
        assert (
            "Type one mail address"
            in (await pressed(office, ADA, Served.CUSTOMER_ADDRESS_KEPT, {CUSTOMER_ADDRESS: "a.example"})).card
        )
        for counted in ("2 records", "0 records"):
            removed = await pressed(office, ADA, Served.REMOVE_CUSTOMER_ADDRESS, {CUSTOMER_ADDRESS: GRACE})
            assert f"Removed from {counted}" in removed.card
        assert (await addresses(desk), await addresses(desk, OTHER_ORG)) == (0, 1)
        assert KIM in (await pressed(office, ADA, Served.USER, {}, user=kim)).card
        assert "✓ Removed" in (await pressed(office, ADA, Served.REMOVE_USER, {}, user=kim)).card
        assert "✓ Removed" in (await pressed(office, ADA, Served.REMOVE_USER, {}, user=kim)).card
        assert await users_of(ORG, desk) == [ada]
        wrong = await pressed(office, ADA, Served.REMOVE_ORGANISATION, {ORGANISATION_TYPED: "corp"})
        assert "Nothing was removed." in wrong.card
        assert await desk.store.policy(ORG) == Policy()
        assert "is being removed" in (await pressed(office, ADA, Served.REMOVE_ORGANISATION, {ORGANISATION_TYPED: ORG})).card
        log = office.sidebar.log.decode()
    assert (await desk.store.policy(ORG)).leaving_since
    assert await finish_removal(ORG, desk) == []
    assert await users_of(ORG, desk) == []
    assert await desk.store.policy(ORG) == Policy()
    assert await addresses(desk, OTHER_ORG) == 1
    for word in (GRACE, ADA, KIM, MALLORY, ada):
        assert word not in log


async def test_the_export_s_page_is_an_admin_s(office: Office) -> None:
    desk = office.desk
    link = CrmTokens("portal 1", "Corp", "the-access", "the-refresh", NO_END, CrmChoice("hubspot"))
    await desk.vault.sign_in(Connection(ORG, CRM_ACCOUNT, "", crm=link))
    await desk.vault.let_see(ORG, Sees.TEAM)
    async with pages_at(desk) as pages:
        browser = pages.browser()
        shown = await pages.opened(browser, pages.link(Page.ADMIN_EXPORT))
        whole = json.loads((await browser.open(shown.link("Download"))).body)
        assert (whole["organisation"], len(whole["users"])) == (ORG, 2)
        assert whole["crm_account"] == {"account": "portal 1", "name": "Corp", "sees": "team"}
        assert not [word for word in ("refresh", "the-access") if word in json.dumps(whole).lower()]
        for account in (office.kim, desk.world.account(MALLORY)):
            refused = await pages.opened(pages.browser(), pages.link(Page.ADMIN_EXPORT, account), account)
            assert "Download" not in refused.body
            assert GRACE not in refused.body


async def test_each_call_of_an_organisation_s_removal_fails_and_the_ticks_finish_it(tmp_path: Path) -> None:
    async def begun(folder: Path) -> Any:
        folder.mkdir()
        return desk_in(folder)

    clean, at = 0, 0
    for how in HOW:
        at = 0
        while True:
            async with await begun(tmp_path / f"{how}-{at}") as desk:
                await desk.connect()
                await _with_records(desk, ORG, desk.account.sub)
                await desk.store.set_policy(ORG, Policy(retention_days=30))
                watch = Watch(at, how)
                await _outcome(remove_organisation(ORG, Outside(desk, watch)))
                if len(watch.calls) <= at:
                    break
                # Before its mark nothing has begun: the admin presses again.
                if not (await desk.store.policy(ORG)).leaving_since and await users_of(ORG, desk):
                    await remove_organisation(ORG, desk)
                for _ in range(3):
                    await finish_leaving(ORG, desk)
                    await finish_removal(ORG, desk)
                    await revoke_forgotten(desk)
                left = (await users_of(ORG, desk), await desk.store.orgs(), await desk.vault.leaving())
                assert left == ([], [], ()), (how, watch.calls)
                assert not desk.world.google.has_consented(ADA), (how, watch.calls)
            at += 1
        clean = at
    assert clean > 8


async def test_a_user_who_cannot_leave_holds_up_nobody(office: Office) -> None:
    desk = office.desk
    people = [await connected(desk, f"user{number}@corp.example", "User") for number in range(7)]
    desk.world.faults.add(Fault("google", "revoke", status=503, times=1))
    await remove_organisation(ORG, desk)
    assert len(await users_of(ORG, desk)) == 1, "one whose consent could not be ended"
    assert (await desk.store.policy(ORG)).leaving_since, "not all of it is done"
    await revoke_forgotten(desk)
    assert await finish_removal(ORG, desk) == []
    assert ORG not in await desk.store.orgs()
    assert [desk.world.google.has_consented(person.address) for person in people] == [False] * 7


async def test_what_the_commands_tell_as_json(office: Office) -> None:
    desk = office.desk
    environment = settings_of(desk, "http://127.0.0.1:1")

    async def told(*words: str) -> Any:
        code, said, complained = await typed("admin", *words, "--org", ORG, **environment)
        assert code == 0, complained
        return json.loads(said)

    assert (await told("remove", "address", "--address", GRACE, "--dry-run", "--json"))["mail_records"] == 2
    assert (await told("remove", "address", "--address", GRACE, "--json"))["mail_records"] == 2
    exported = await told("export", "address", "--address", "bob@b.example")
    assert {each["user"] for each in exported["mail_records"]} == {office.ada, office.kim.sub}
    whole = await told("export", "organisation")
    assert len(whole["users"]) == 2
    assert MALLORY not in json.dumps(whole)
    back = await told("take-back", "--hours", "1", "--dry-run", "--json")
    assert [each["mails"] for each in back["mailboxes"]] == [0, 0]
    assert (await told("remove", "user", "--user", office.kim.sub, "--json"))["deleted_mail_records"] == 2
    assert (await typed("admin", "remove", "organisation", "--org", ORG, "--confirm", "corp", **environment))[0] == 1
    assert (await told("remove", "organisation", "--confirm", ORG, "--json"))["users_left"] == 0
    assert await addresses(desk, OTHER_ORG) == 1


@dataclass
class Refusing(Leaver):
    """An office in which the calls that `refuses` names fail."""

    refuses: Callable[[str, Sequence[Any]], bool] = lambda *_: False

    async def call(self, name: str, real: Callable[[], Awaitable[Any]]) -> Any:
        if self.refuses(name, getattr(real, "args", ())):
            raise Unavailable(MAILMAGNET, name)
        return await real()


async def test_more_who_cannot_leave_than_leave_at_one_time_hold_up_nobody_and_are_told_of(office: Office) -> None:
    desk = office.desk
    poisoned = [f"0{number:03}" for number in range(MOST_AT_ONE_TIME)]
    for user in poisoned:
        await desk.store.connect(ORG, user, f"{user}@{ORG}", desk.now())
    refusing = Refusing(desk, refuses=lambda name, facts: name == "store.change_presence" and facts[1] in poisoned)
    await remove_organisation(ORG, refusing)
    for _ in range(3):
        desk.clock.turn(minutes=1)
        assert await finish_removal(ORG, refusing)
    assert await users_of(ORG, desk) == poisoned
    desk.clock.turn(minutes=1)
    assert await finish_removal(ORG, desk) == []
    assert ORG not in await desk.store.orgs()


async def test_a_vault_that_cannot_tell_its_users_keeps_no_mail_record_here(office: Office) -> None:
    desk = office.desk
    refusing = Refusing(desk, refuses=lambda name, _: name == "vault.users")
    with pytest.raises(Unavailable):
        await remove_organisation(ORG, refusing)
    assert (await addresses(desk), await addresses(desk, OTHER_ORG)) == (0, 1)
    assert [problem.what for problem in await finish_removal(ORG, refusing)] == ["vault.users"]
    assert (await desk.store.policy(ORG)).leaving_since
    assert await finish_removal(ORG, desk) == []
    assert ORG not in await desk.store.orgs()


async def test_an_organisation_that_is_leaving_stays_paused(office: Office) -> None:
    refusing = Refusing(office.desk, refuses=lambda name, _: name == "store.switch_off")
    await remove_organisation(ORG, refusing)
    assert not await resume(ORG, office.desk.store)
    assert (await office.desk.store.policy(ORG)).paused_since
