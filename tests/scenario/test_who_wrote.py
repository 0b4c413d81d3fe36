"""Whose mail it is, for the job, as mail comes in from outside: no stranger's mail gets a customer's label, and no customer's lacks it."""

from datetime import date

import pytest

from mailmagnet.crm import DealState
from tests.scenario.desk import ADA, Desk

CLOSING = "Deals Closing This Month (CTM)"
CONTACT = "contact@a.example"


async def labels_after_a_run(desk: Desk, address: str, *headers: str) -> set[str]:
    """Where a mail with these headers lies after the job ran, `address` being a contact's with a deal that closes this month."""
    await desk.contact(address, (DealState.OPEN, date(2026, 11, 30)))
    lines = [*headers, f"To: {ADA}", "Subject: Hello", "Date: Mon, 23 Nov 2026 09:00:00 +0000", "", "Hello"]
    mail = desk.world.mailbox(ADA).arrive("\r\n".join(lines).encode(), ("INBOX",))
    await desk.run()
    return await desk.labels_of(mail.id)


@pytest.mark.parametrize(
    ("address", "header"),
    [
        (CONTACT, f"From: {CONTACT}"),
        (CONTACT, f'From: "{CONTACT}" <{CONTACT}>'),
        (CONTACT, f"From: =?utf-8?q?evil=40b.example?= <{CONTACT}>"),
        (CONTACT, f'From: "evil@b.example" (evil@b.example) <{CONTACT}>'),
        (CONTACT, 'From: "Contact"@A.example'),
        ('"john doe"@a.example', 'From: "John Doe"@a.example'),
        ('"john doe"@a.example', 'From: John <"John Doe+news"@A.example>'),
        ('"doe, john@home"@a.example', 'From: John <"doe, john@home"@a.example>'),
        (r'"john \"jd\" doe"@a.example', r'From: =?utf-8?q?J=C3=B6hn?= <"John \"JD\" Doe"@a.example>'),
    ],
)
async def test_a_customers_mail_gets_its_label_however_it_is_written(desk: Desk, address: str, header: str) -> None:
    assert await labels_after_a_run(desk, address, header) == {CLOSING}


@pytest.mark.parametrize(
    "headers",
    [
        [f'From: "evil@b.example <{CONTACT}>"'],
        [f'From: "{CONTACT}" <evil@b.example>'],
        [f"From: {CONTACT} <evil@b.example>"],
        [f"From: evil@b.example ({CONTACT})"],
        ["From: =?utf-8?q?contact=40a.example?="],
        ["From: =?utf-8?q?contact=40a.example?= <evil@b.example>"],
        ["From: =?utf-8?b?PGNvbnRhY3RAYS5leGFtcGxlPg==?= <evil@b.example>"],
        ['From: "x =?utf-8?b?PGNvbnRhY3RAYS5leGFtcGxlPg==?="'],
        ["From: evil <=?utf-8?q?contact?=@a.example>"],
        ["From: evil <contact@=?utf-8?q?a.example?=>"],
        ["From: =?utf-8?q?contact?=@a.example"],
        ["From: contact@ =?utf-8?q?a?=.example"],
        [f"From: evil@b.example, {CONTACT}"],
        [f"From: {CONTACT}, evil@b.example"],
        [f"From: {CONTACT}", "From: evil@b.example"],
        ["From: evil@b.example", f"From: {CONTACT}"],
        [f"From: Team: {CONTACT};"],
        [f"Sender: {CONTACT}", f"Reply-To: {CONTACT}"],
        ["From: contact@ａ.example"],
        ["From: con\u200btact@a.example"],
        ["From: sales@corp.example", f'X-Original-From: "{CONTACT}"'],
        ["From: sales@corp.example", f"X-Original-From: {CONTACT} <evil@b.example>"],
        ["From: sales@corp.example", f"X-Original-From: {CONTACT}", "X-Original-From: evil@b.example"],
        [f"From: {',' * 40_000}{CONTACT}"],
    ],
    ids=lambda headers: " / ".join(headers)[:80].encode("ascii", "backslashreplace").decode(),
)
async def test_a_strangers_mail_never_gets_a_customers_label(desk: Desk, headers: list[str]) -> None:
    assert await labels_after_a_run(desk, CONTACT, *headers) == {"INBOX"}


async def test_a_customers_mail_over_our_group_gets_the_label(desk: Desk) -> None:
    headers = ("From: 'John Doe' via Sales <sales@corp.example>", 'X-Original-From: John Doe <"John Doe"@a.example>')
    assert await labels_after_a_run(desk, '"john doe"@a.example', *headers) == {CLOSING}
