"""The permission `Mail Integration`, taken away and given again: the mailbox stops, costs no task, and goes on when its user comes."""

import asyncio
from datetime import timedelta

import pytest

from crm_client.embedded.administration import ADMINISTRATOR, STANDARD, add_user, set_permission
from mailmagnet.caller import Caller
from mailmagnet.crm import MAIL_INTEGRATION
from mailmagnet.errors import MailboxFailed, Service, Side, Unavailable
from mailmagnet.identity import Identity, identity_in
from mailmagnet.permission import is_admin, look_again
from mailmagnet.store import Reason
from tests.crm_signed_in import crm_as
from tests.scenario.addon_process import sidebar_at
from tests.scenario.desk import ADA, Desk

TEN_MINUTES = timedelta(minutes=10)


def hold(desk: Desk, *, held: bool) -> None:
    set_permission(desk.crm_database, ADMINISTRATOR, MAIL_INTEGRATION, held=held)


async def is_due(desk: Desk) -> bool:
    return bool(await desk.store.due_mailboxes("corp.example", desk.clock.now, TEN_MINUTES))


def ada(desk: Desk) -> Identity:
    return identity_in("corp.example", desk.account.sub, ADA)


async def stopped(desk: Desk) -> None:
    """The permission is taken away, and the next run, with no mail to look up, has met that."""
    hold(desk, held=False)
    with pytest.raises(MailboxFailed):
        await desk.run()


async def test_it_is_asked_for_at_each_run_also_when_no_mail_has_come(desk: Desk) -> None:
    await stopped(desk)
    trouble = (await desk.mailbox()).trouble
    assert trouble
    assert (trouble.reason, trouble.again_at) == (Reason.CRM_PERMISSION, desk.clock.now + timedelta(days=1))


async def test_without_it_a_mailbox_costs_no_task_but_one_a_day(desk: Desk) -> None:
    await stopped(desk)
    for _ in range(23):
        desk.clock.turn(hours=1)
        assert not await is_due(desk)
    desk.clock.turn(hours=1)
    assert await is_due(desk)


async def test_given_again_the_mailbox_goes_on_once_its_user_opens_the_panel(desk: Desk) -> None:
    await stopped(desk)
    await look_again(ada(desk), desk)
    assert (await desk.mailbox()).trouble
    hold(desk, held=True)
    desk.clock.turn(minutes=11)
    assert not await is_due(desk)
    async with sidebar_at(desk) as sidebar:
        await sidebar.ask("/home")
        await sidebar.logged("answered", 1)
        for _ in range(100):
            if not (await desk.mailbox()).trouble:
                break
            await asyncio.sleep(0.05)
    assert await is_due(desk)
    await desk.run()
    assert not (await desk.mailbox()).trouble


async def test_trouble_that_is_not_the_crms_is_none_of_its_business(desk: Desk) -> None:
    desk.world.google.revoke_all(ADA)
    with pytest.raises(MailboxFailed):
        await desk.run()
    await look_again(ada(desk), desk)
    assert (await desk.mailbox()).needs_consent


async def test_a_crm_that_is_down_stops_no_run_without_mail(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def down(_: object) -> None:
        raise Unavailable(Service(Side.CRM, "CRM"))

    monkeypatch.setattr("mailmagnet.label_mail.check_permitted", down)
    assert (await desk.run()).looked_at == 0
    assert not (await desk.mailbox()).trouble


async def test_whoever_lacks_it_reads_who_can_give_it(desk: Desk) -> None:
    add_user(desk.crm_database, "Grete Admin", "grete@corp.example", ADMINISTRATOR)
    add_user(desk.crm_database, "Sam Standard", "sam@corp.example", STANDARD)
    hold(desk, held=False)
    async with sidebar_at(desk, MAILMAGNET_ADMINS="it@corp.example,it@other.example") as sidebar:
        for answered in (await sidebar.ask("/home"), await sidebar.ask("/set-up")):
            assert "lacks the permission “Mail Integration”" in answered.card
            assert "Ada Corp, Grete Admin or it@corp.example can give it" in answered.card
            assert "Sam" not in answered.card


# Who is an admin


class Named(Desk):
    """With admins whom the deployment names."""

    @property
    def admins(self) -> tuple[str, ...]:
        return ("it@corp.example",)


@pytest.mark.parametrize(
    ("identity", "admin"),
    [
        (Identity("corp.example", "1", "it@corp.example", "corp.example"), True),
        # A consumer account that somebody has made on the admin's address.
        (Identity("1", "1", "it@corp.example", ""), False),
        (Identity("corp.example", "1", "sam@corp.example", "corp.example"), False),
    ],
)
async def test_the_deployments_admin_is_known_by_an_address_that_an_organisation_has_given(
    desk: Desk, identity: Identity, *, admin: bool
) -> None:
    add_user(desk.crm_database, "Sam Standard", "sam@corp.example", STANDARD)
    named = Named(**{name: getattr(desk, name) for name in Desk.__dataclass_fields__})
    crm = crm_as(desk.crm_database, "sam@corp.example")
    assert await is_admin(Caller(identity, desk.clock.now, by()), crm, named) is admin


async def test_the_crms_administrator_is_one_as_long_as_the_profile_says_so(desk: Desk) -> None:
    assert await is_admin(Caller(ada(desk), desk.clock.now, by()), desk.crm, desk)


def by() -> float:
    return asyncio.get_running_loop().time() + 5
