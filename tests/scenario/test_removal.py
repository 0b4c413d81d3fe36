"""An organisation is removed: whichever call fails, and whoever cannot leave, the ticks do the rest, and another one notices nothing."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.disconnect_mailbox import finish_leaving, revoke_forgotten
from mailmagnet.errors import MAILMAGNET, Unavailable, Upstream
from mailmagnet.pause import resume
from mailmagnet.removal import MOST_AT_ONE_TIME, finish_removal, remove_organisation, users_of
from mailmagnet.store import Policy, Sharing
from mailmagnet.vault import Connection
from tests.scenario.desk import Desk
from tests.scenario.test_leaving import ORG, Office, at_work, connect

OTHER_ORG = "other.example"
OTHERS = Policy(retention_days=7)


@dataclass
class Failing(Office):
    """An office in which the call number `fails_at` fails, before its effect or after it, and each call that `refuses` names."""

    refuses: Callable[[str, Sequence[Any]], bool] = lambda *_: False

    async def call(self, name: str, real: Callable[[], Awaitable[Any]]) -> Any:
        fails = len(self.calls) == self.fails_at
        self.calls.append(name)
        if (fails and not self.after) or self.refuses(name, getattr(real, "args", ())):
            raise Unavailable(MAILMAGNET, name)
        answer = await real()
        if fails:
            raise Unavailable(MAILMAGNET, name)
        return answer


async def of_another_organisation(desk: Desk) -> None:
    """Somebody with the same Google id, signed in to the same CRM, in an organisation with a policy of its own."""
    tokens = CrmTokens("7", "Ada", "a", "r of another", desk.now())
    await desk.vault.sign_in(Connection(OTHER_ORG, desk.account.sub, "ada@other.example", crm=tokens))
    await desk.store.connect(OTHER_ORG, desk.account.sub, "ada@other.example", desk.now())
    await desk.store.set_policy(OTHER_ORG, OTHERS)


async def tick(office: Office) -> Sequence[Upstream]:
    return [*await finish_leaving(ORG, office), *await finish_removal(ORG, office), *await revoke_forgotten(office)]


async def check_removed(desk: Desk) -> None:
    assert ORG not in await desk.store.orgs()
    assert await users_of(ORG, desk) == []
    assert await users_of(OTHER_ORG, desk) == [desk.account.sub]
    assert await desk.store.policy(OTHER_ORG) == OTHERS
    others = await desk.vault.connection(OTHER_ORG, desk.account.sub)
    assert others
    assert others.crm


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_whichever_call_fails_the_ticks_do_the_rest(desk: Desk, after: bool) -> None:
    working, bob = await at_work(desk)
    await of_another_organisation(desk)
    fails_at, failed = 0, True
    while failed:
        await desk.store.set_policy(ORG, Policy(sharing=Sharing.PRIVATE))
        office = Failing(desk, working.door, fails_at, after)
        with suppress(Unavailable):
            await remove_organisation(ORG, office)
        failed, office.fails_at = len(office.calls) > fails_at, -1
        if (await desk.store.policy(ORG)).leaving_since is None and ORG in await desk.store.orgs():
            await remove_organisation(ORG, office)
        assert await tick(office) == []
        await check_removed(desk)
        for account in (desk.account, bob):
            await connect(working, account)
        fails_at += 1
    assert fails_at > 30


async def test_users_who_cannot_leave_hold_up_nobody_and_are_told_of(desk: Desk) -> None:
    """As many as leave at one time, and first of all in order."""
    poisoned = [f"0{number:03}" for number in range(MOST_AT_ONE_TIME)]
    for user in (*poisoned, "900", "901"):
        await desk.store.connect(ORG, user, f"{user}@{ORG}", desk.now())
    office = Failing(desk, refuses=lambda name, args: name == "store.change_presence" and args[1] in poisoned)
    await remove_organisation(ORG, office)
    for _ in range(3):
        desk.clock.turn(minutes=1)
        assert await finish_removal(ORG, office)
    assert await users_of(ORG, desk) == poisoned
    office.refuses = lambda *_: False
    desk.clock.turn(minutes=1)
    assert await tick(office) == []
    assert ORG not in await desk.store.orgs()


async def test_a_vault_that_cannot_tell_its_users_keeps_no_mail_record_here(desk: Desk) -> None:
    working, bob = await at_work(desk)
    await of_another_organisation(desk)
    office = Failing(desk, working.door, refuses=lambda name, _: name == "vault.users")
    with pytest.raises(Unavailable):
        await remove_organisation(ORG, office)
    for account in (desk.account, bob):
        assert await desk.store.mailbox(ORG, account.sub) is None
    assert [problem.what for problem in await finish_removal(ORG, office)] == ["vault.users"]
    assert (await desk.store.policy(ORG)).leaving_since
    office.refuses = lambda *_: False
    assert await tick(office) == []
    await check_removed(desk)


async def test_an_organisation_that_is_leaving_stays_paused(desk: Desk) -> None:
    office = Failing(desk, refuses=lambda name, _: name == "store.switch_off")
    await desk.store.connect(ORG, "900", f"900@{ORG}", desk.now())
    await remove_organisation(ORG, office)
    assert not await resume(ORG, desk.store)
    assert (await desk.store.policy(ORG)).paused_since
