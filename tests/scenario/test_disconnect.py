"""A user leaves: what is deleted here, what ends at Google, and that nothing is lost or half done when a call fails."""

from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from mailmagnet.connect_mailbox import connect_mailbox
from mailmagnet.consent import Grant
from mailmagnet.crm import DealState
from mailmagnet.disconnect_mailbox import disconnect_mailbox, revoke_forgotten
from mailmagnet.errors import BadAnswer, NotAuthorised, NotFound, Unavailable
from mailmagnet.gmail import GMAIL
from mailmagnet.parts import Parts
from mailmagnet.vault import Connection
from sandbox.google.faults import Fault
from sandbox.google.world import Account
from tests.scenario.addon_process import settings_of
from tests.scenario.desk import ADA, OURS, Desk, desk_in
from tests.scenario.test_command_line import of, typed
from tests.scenario.test_job_functions import job_at

ORG = "corp.example"
WON = (DealState.WON, date(2020, 1, 31))


async def leave(desk: Desk, org: str = ORG) -> int:
    return await disconnect_mailbox(org, desk.account.sub, desk)


async def connect(desk: Desk, org: str, account: Account, token: str = "") -> None:
    given = token or desk.world.google.refresh_token(account)
    await connect_mailbox(Connection(org, account.sub, account.address, gmail_token=given, grants=frozenset({Grant.SORT})), desk)


async def sorted_mail(desk: Desk) -> str:
    """The id of a mail that was recorded and sorted."""
    await desk.contact("grace@a.example", WON)
    mail = desk.arrive("grace@a.example")
    await desk.run()
    assert await desk.store.known_mails(ORG, desk.account.sub, [mail])
    return mail


async def what_is_left(desk: Desk) -> tuple[object, ...]:
    """Of the mailbox, here and at Google."""
    user = desk.account.sub
    return (
        await desk.store.mailbox(ORG, user),
        await desk.store.latest_mails(ORG, user, 10),
        await desk.vault.connection(ORG, user),
        await desk.vault.leaving(),
        desk.world.google.has_consented(ADA),
    )


NOTHING: tuple[object, ...] = (None, [], None, (), False)


async def test_nothing_stays_but_what_is_in_gmail(desk: Desk) -> None:
    mail = await sorted_mail(desk)
    bob = desk.world.add_account("bob@corp.example", "Bob", hosted_domain=ORG)
    await connect(desk, ORG, bob)
    labels = desk.world.mailbox(ADA).message(mail).label_ids
    assert await leave(desk) == 1
    assert await what_is_left(desk) == NOTHING
    assert desk.world.mailbox(ADA).message(mail).label_ids == labels
    assert {label.name for label in desk.world.mailbox(ADA).labels()} >= set(OURS.values())
    assert await desk.vault.connection(ORG, bob.sub)
    assert await desk.store.mailbox(ORG, bob.sub)
    assert desk.world.google.has_consented(bob.address)


async def test_what_is_not_connected_is_said_to_be_so_and_another_organisations_is_not_touched(desk: Desk) -> None:
    with pytest.raises(NotFound, match="not connected"):
        await leave(desk, org="other.example")
    assert await desk.vault.connection(ORG, desk.account.sub)
    await leave(desk)
    with pytest.raises(NotFound, match="not connected"):
        await leave(desk)
    assert await what_is_left(desk) == NOTHING


async def test_a_token_that_cannot_be_revoked_does_not_hold_up_the_others(desk: Desk) -> None:
    people = [desk.world.add_account(f"user-{number}@corp.example", "User") for number in range(7)]
    for person in people:
        await connect(desk, ORG, person)
        await desk.vault.forget(ORG, person.sub)
    poisoned = (await desk.vault.leaving())[0]

    async def revoke(gmail_token: str) -> None:
        if gmail_token == poisoned.gmail_token:
            raise BadAnswer(GMAIL, "answered 400 (no reason given)")
        await desk.revoke(gmail_token)

    parts = cast(Parts, SimpleNamespace(vault=desk.vault, revoke=revoke))
    for _ in range(2):
        (problem,) = await revoke_forgotten(parts)
        assert str(problem) == "Gmail: answered 400 (no reason given)"
        assert await desk.vault.leaving() == (poisoned,)
    assert [desk.world.google.has_consented(person.address) for person in people] == [True] + [False] * 6


async def test_the_tick_revokes_what_could_not_be_revoked_and_sorts_meanwhile(desk: Desk) -> None:
    bob = desk.world.add_account("bob@corp.example", "Bob", hosted_domain=ORG)
    await connect(desk, ORG, bob)
    desk.world.faults.add(Fault("google", "revoke", status=503))
    with pytest.raises(Unavailable):
        await disconnect_mailbox(ORG, bob.sub, desk)
    (token,) = await desk.vault.leaving()
    async with job_at(desk) as job:
        assert (await job.call(job.tick_url, {}))[0] == 200
        assert await desk.vault.leaving() == (token,)
        desk.world.faults.clear()
        assert (await job.call(job.tick_url, {}))[0] == 200
        assert await desk.vault.leaving() == ()
        assert not desk.world.google.has_consented(bob.address)
    log = job.log.decode()
    assert log.count('"message": "not revoked yet", "error": "Unavailable", "reason": "Gmail: answered 503') == 1
    for secret in (token.gmail_token, bob.sub, bob.address):
        assert secret not in log


async def test_an_account_that_is_connected_elsewhere_keeps_its_consent_until_it_leaves_there_too(desk: Desk) -> None:
    """A Google account that moved to another domain: to revoke the old token would end the new one."""
    await connect(desk, "new.example", desk.account)
    await leave(desk)
    assert await revoke_forgotten(desk) == []
    assert desk.world.google.has_consented(ADA)
    connection = await desk.vault.connection("new.example", desk.account.sub)
    assert connection
    await desk.gmail_of(connection).labels()
    await leave(desk, org="new.example")
    assert await revoke_forgotten(desk) == []
    assert await what_is_left(desk) == NOTHING


async def test_who_comes_back_before_google_was_told_stays(desk: Desk) -> None:
    desk.world.faults.add(Fault("google", "revoke", status=503))
    with pytest.raises(Unavailable):
        await leave(desk)
    desk.world.faults.clear()
    await desk.connect()
    assert await revoke_forgotten(desk) == []
    await desk.switch_on()
    await desk.run()


async def test_an_old_vault_file_put_back_revives_nothing_that_google_would_take(desk: Desk) -> None:
    backup = (desk.folder / "vault").read_bytes()
    await leave(desk)
    (desk.folder / "vault").write_bytes(backup)
    await desk.store.connect(ORG, desk.account.sub, desk.account.address, desk.now())
    assert await desk.vault.connection(ORG, desk.account.sub)
    with pytest.raises(NotAuthorised):
        await desk.switch_on()
    later = desk.clock.now + timedelta(days=1)
    assert await desk.store.due_mailboxes(ORG, later, timedelta(minutes=10)) == []
    await leave(desk)
    assert await what_is_left(desk) == NOTHING


async def test_the_command_says_what_it_did_and_goes_on_where_it_stopped(desk: Desk) -> None:
    await sorted_mail(desk)
    environment = settings_of(desk, "http://127.0.0.1:1")
    (connection,) = [await desk.vault.connection(ORG, desk.account.sub)]
    assert connection
    desk.world.faults.add(Fault("google", "revoke", status=503, times=1))
    code, said, complained = await typed("disconnect", *of(desk), **environment)
    assert (code, said) == (1, "")
    assert complained == "Error: Gmail: answered 503 (no reason given). What is done stays done; call this again for the rest.\n"
    assert (await desk.store.mailbox(ORG, desk.account.sub), len(await desk.vault.leaving())) == (None, 1)
    code, said, complained = await typed("disconnect", *of(desk), **environment)
    assert (code, complained) == (0, "")
    assert said.startswith("Disconnected. 0 mail records are deleted, and the consent has ended at Google.")
    assert await what_is_left(desk) == NOTHING
    code, _, complained = await typed("disconnect", *of(desk), **environment)
    assert (code, complained) == (1, "Error: MailMagnet: this mailbox is not connected\n")
    assert connection.gmail_token not in said + complained


async def test_the_command_counts_the_records(desk: Desk) -> None:
    await sorted_mail(desk)
    said = (await typed("disconnect", *of(desk), **settings_of(desk, "http://127.0.0.1:1")))[1]
    assert said.startswith("Disconnected. 1 mail record is deleted,")


async def test_the_vaults_key_is_changed_by_hand(tmp_path: Path) -> None:
    async with desk_in(tmp_path) as desk:
        await desk.connect()
        await desk.switch_on()
        environment = settings_of(desk, "http://127.0.0.1:1")
        old, new = desk.vault_key, (await typed("vault-key"))[1].strip()

        async def with_keys(keys: str, *words: str) -> tuple[int, str, str]:
            return await typed(*words, **{**environment, "MAILMAGNET_VAULT_KEY": keys})

        run = ("label", *of(desk))
        assert (await with_keys(f"{old},{new}", *run))[0] == 0
        assert (await with_keys(new, *run))[0] == 1
        code, said, _ = await with_keys(f"{new},{old}", "vault-rotate")
        assert (code, said) == (0, "The vault is written anew with the first key. The other keys may be left out now.\n")
        desk.clock.turn(minutes=1)
        assert (await with_keys(new, *run))[0] == 0
        code, _, complained = await with_keys(old, *run)
        assert (code, "MAILMAGNET_VAULT_KEY lacks the key" in complained) == (1, True)
        assert (await with_keys(new, "vault-rotate"))[1].startswith("There was nothing to do")
        for keys in (f"{new}, {old}", f"{new},{old},{new}", f"{new},", new[:-1]):
            code, said, complained = await with_keys(keys, "vault-rotate")
            assert (code, said, complained.count("\n")) == (1, "", 1)
            assert complained.startswith("Error: MAILMAGNET_VAULT_KEY: ")
            assert new not in complained
            assert old not in complained
