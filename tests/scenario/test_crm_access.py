"""The embedded CRM before real signed tokens: whoever is not signed in as one of its users gets nothing, whatever the token looks like."""

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from crm_client.embedded.administration import ADMINISTRATOR, deactivate, set_permission, sign_out_account
from mailmagnet.crm import MAIL_INTEGRATION, DealState
from mailmagnet.errors import MailMagnetError
from sandbox.google.world import Account
from tests.scenario.addon_process import Sidebar, sidebar_at
from tests.scenario.desk import ADA, NOW, Desk

SECRETS = ("Grace Hopper", "Deal 0", "1,000", "Xylophone")
"""A contact's name, her deal, its amount, and the subject of her mail."""


@pytest.fixture
async def sidebar(desk: Desk) -> AsyncIterator[Sidebar]:
    """Of the desk's user, who has a contact, a deal with her and a sorted mail of hers."""
    await desk.contact("grace@a.example", (DealState.OPEN, NOW.date()))
    desk.arrive("Grace <grace@a.example>", subject="Xylophone invoice")
    await desk.run()
    async with sidebar_at(desk) as made:
        yield made


async def _all_that_is_answered(sidebar: Sidebar, account: Account) -> str:
    """Every card that the add-on gives this account, which Google verified: an open mail, the homepage, searches, a contact."""
    desk = sidebar.desk
    contact = (await desk.crm.search("hopper", 1)).contacts[0]
    mail = desk.arrive("grace@a.example", subject="Without a word")
    answers = []
    for path, opened, words, parameters in (
        ("/message", mail, "", {}),
        ("/home", "", "", {}),
        ("/search", "", "hopper", {}),
        ("/search", "", "deal", {}),
        ("/contact", "", "", {"id": contact.id}),
    ):
        event = await sidebar.event(path, opened, words, **parameters)
        event["authorizationEventObject"]["userIdToken"] = desk.world.google.user_id_token(account)
        answered = await sidebar.send(path, event)
        assert answered.status in (200, 401, 403), answered.body
        answers.append(answered.card if answered.status == 200 else "")
    return "\n".join(answers)


async def test_the_account_that_is_signed_in_sees_all_of_it(sidebar: Sidebar) -> None:
    told = await _all_that_is_answered(sidebar, sidebar.desk.account)
    assert [secret for secret in SECRETS if secret not in told] == []


OTHER_SUB = "118280000000000000042"
LOOK_ALIKES = {
    "another organisation": ("other.example", True),
    "no organisation": ("", True),
    "another id: the address was given to somebody else": ("corp.example", False),
    "a consumer account made on the address": ("", False),
    "another organisation with the address as an alias": ("other.example", False),
    "other case": ("Corp.Example", True),
    "a space after": ("corp.example ", True),
    "a letter that looks alike": ("c\u043erp.example", True),
    "a dot that looks alike": ("corp\u3002example", True),
}
"""Verified tokens with the user's address: their organisation (hd), and whether they have the user's id (sub)."""


async def test_the_users_address_alone_opens_nothing(sidebar: Sidebar) -> None:
    got: dict[str, list[str]] = {}
    for name, (domain, same_id) in LOOK_ALIKES.items():
        account = Account(sidebar.desk.account.sub if same_id else OTHER_SUB, ADA, "Ada Corp", hosted_domain=domain)
        told = await _all_that_is_answered(sidebar, account)
        got[name] = [secret for secret in SECRETS if secret in told]
    assert {name: secrets for name, secrets in got.items() if secrets} == {}
    assert got.keys() == LOOK_ALIKES.keys()


async def test_who_is_not_signed_in_is_told_so_and_may_sign_in_meanwhile(sidebar: Sidebar) -> None:
    desk = sidebar.desk
    successor = Account(OTHER_SUB, ADA, "Adam Corp", hosted_domain="corp.example")
    assert "MailMagnet CRM" in await _all_that_is_answered(sidebar, successor)
    await desk.sign_in(successor, ADA)
    assert "Grace Hopper" in await _all_that_is_answered(sidebar, successor)
    sign_out_account(desk.crm_database, "corp.example", successor.sub)
    told = await _all_that_is_answered(sidebar, successor)
    assert "Grace Hopper" not in told
    assert "MailMagnet CRM has ended your sign-in" in told


async def test_without_the_permission_not_even_customers_mail_is_shown(sidebar: Sidebar) -> None:
    set_permission(sidebar.desk.crm_database, ADMINISTRATOR, MAIL_INTEGRATION, held=False)
    home = (await sidebar.ask("/home")).card
    assert [secret for secret in SECRETS if secret in home] == []
    assert MAIL_INTEGRATION in home
    set_permission(sidebar.desk.crm_database, ADMINISTRATOR, MAIL_INTEGRATION, held=True)
    assert "Xylophone" in (await sidebar.ask("/home")).card


async def test_a_leaver_sees_nothing_more_and_no_mail_is_sorted_for_one(sidebar: Sidebar) -> None:
    desk = sidebar.desk
    mail = desk.arrive("grace@a.example", subject="After the last day")
    deactivate(desk.crm_database, ADA)
    with suppress(MailMagnetError):
        await desk.run()
    assert await desk.labels_of(mail) == {"INBOX", "UNREAD"}
    home = (await sidebar.ask("/home")).card
    assert [secret for secret in SECRETS if secret in home] == []


async def test_when_the_crm_does_not_answer_the_mails_are_still_shown(sidebar: Sidebar) -> None:
    sidebar.desk.crm_fault_file.write_text('{"fault": "failing"}')
    home = (await sidebar.ask("/home")).card
    assert "Xylophone" in home
    assert "MailMagnet CRM cannot be reached" in home
