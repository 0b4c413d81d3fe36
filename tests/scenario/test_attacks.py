"""Attacks on shared mail: hostile and odd mail, guessed ids and neighbouring addresses, as a colleague's card and page would show them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cards.frame import Path as Served
from crm_client.embedded.administration import share
from mailmagnet.store import Policy, Sharing
from tests.scenario.addon_process import sidebar_at
from tests.scenario.desk import ADA
from tests.scenario.office import BODY, GRACE, KIM, ORG, Office, office_in

EVERYBODY = ", ".join(f"person{number}@round.example" for number in range(400))


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with office_in(tmp_path) as made, sidebar_at(made.desk) as sidebar:
        made.sidebar = sidebar
        await made.choose(sharing=Sharing.PUBLIC)
        yield made


async def test_who_may_open_one_address_behind_a_tag_reads_no_mail_with_another_behind_it(office: Office) -> None:
    """Both are of one mailbox at a provider; they are two contacts, and Kim is shown one of them."""
    mine = await office.desk.contact("help+acme@desk.example", name="Acme Help")
    await office.desk.contact("help+bolt@desk.example", name="Bolt Help")
    share(office.desk.crm_database, "contacts", mine, KIM)
    theirs = office.mail(sender="help+bolt@desk.example", subject="About Bolt")
    office.mail(sender="help+acme@desk.example", subject="About Acme")
    card = await office.listed(id=mine)
    assert ("About Acme" in card, "About Bolt" in card) == (True, False)
    assert BODY not in await office.read(theirs, id=mine)
    assert await office.readings() == []


async def test_a_tag_in_a_mail_is_no_other_person(office: Office) -> None:
    mail = office.mail(sender="Grace <grace+travel@a.example>", subject="On the way")
    assert BODY in await office.read(mail)
    assert BODY in await office.read(mail, ADA)


async def test_gmails_search_by_words_brings_nobody_else_into_ones_own_list(office: Office) -> None:
    office.mail(sender=f"Mary <mary.{GRACE}>", subject="From Mary")
    office.mail(subject="From Grace herself")
    card = await office.listed(ADA)
    assert ("From Grace herself" in card, "From Mary" in card) == (True, False)


@pytest.mark.parametrize("header", ["To", "Cc"])
async def test_who_is_kept_out_is_so_also_as_the_last_of_hundreds(office: Office, header: str) -> None:
    await office.desk.store.set_policy(ORG, Policy(excluded=frozenset({"law.example"})))
    mail = office.mail(subject="To hundreds", **{"To": ADA, header: f"{ADA}, {EVERYBODY}, lawyer@law.example"})
    assert "To hundreds" not in await office.listed()
    assert BODY not in await office.read(mail)
    assert BODY in await office.read(mail, ADA)


async def test_who_is_kept_back_is_so_also_as_the_last_of_hundreds(office: Office) -> None:
    bob = await office.desk.contact("bob@b.example", name="Bob Ross")
    await office.choose(sharing=Sharing.PUBLIC, contacts_kept_back=frozenset({bob}))
    mail = office.mail(subject="To hundreds", To=f"{ADA}, {EVERYBODY}, bob@b.example")
    assert "To hundreds" not in await office.listed()
    assert BODY not in await office.read(mail)


async def test_who_is_kept_out_is_so_also_as_a_blind_copy_of_the_owners_own_mail(office: Office) -> None:
    await office.desk.store.set_policy(ORG, Policy(excluded=frozenset({"law.example"})))
    raw = f"From: {ADA}\r\nTo: {GRACE}\r\nBcc: lawyer@law.example\r\nSubject: To both\r\n\r\n{BODY}\r\n"
    mail = office.desk.world.mailbox(ADA).arrive(raw.encode(), ("SENT",)).id
    assert "To both" not in await office.listed()
    assert BODY not in await office.read(mail)


async def test_a_list_of_exclusions_that_gmail_would_cut_is_not_saved(office: Office) -> None:
    """What is cut off it would be shared from then on."""
    before = Policy(excluded=frozenset({"law.example"}))
    await office.desk.store.set_policy(ORG, before)
    office.sidebar.address = ADA
    entries = [f"{'firm' * 8}{number:03}.example" for number in range(700)]
    typed = {"policy_sharing": "", "policy_excluded": "\n".join(entries), "policy_retention": "365"}
    event = await office.sidebar.event(Served.SAVE_POLICY)
    event["commonEventObject"]["formInputs"] = {name: {"stringInputs": {"value": [text]}} for name, text in typed.items()}
    assert "Not saved. The list is too long" in (await office.sidebar.send(Served.SAVE_POLICY, event)).card
    assert await office.desk.store.policy(ORG) == before


LAWYER = (
    "To: friends: lawyer@law.example;, kim@corp.example",
    "To: LAWYER@LAW.EXAMPLE",
    "To: Ann (lawyer) <@relay.example:lawyer@law.example>",
    "To: lawyer@sub.law.example",
    "To: lawyer+case7@law.example",
    "To: x@y.example; lawyer@law.example",
    "To: a@y.example\r\nTo: lawyer@law.example",
    "TO:\r\n lawyer @ law . example",
    'Cc: "lawyer"@law.example',
    "Cc: 'lawyer@law.example'",
    "Cc: <lawyer@law.example",
    "Cc: lawyer@law.example.",
    'Cc: "=?utf-8?Q?never_closed <lawyer@law.example>',
    "Cc: =?utf-8?Q?Law?= =?utf-8?Q?yer?= <lawyer@law.example>",
    "Cc: lawyer@law。example",
    "Reply-To: lawyer@law.example",
)


def arrived(office: Office, sender: str, line: str = "X-Odd: none") -> str:
    """A mail as it is written, byte by byte."""
    raw = f"From: {sender}\r\nSubject: As written\r\n{line}\r\n\r\n{BODY}\r\n"
    return office.desk.world.mailbox(ADA).arrive(raw.encode(), ("INBOX",)).id


async def test_who_is_kept_out_is_so_however_the_mail_writes_it(office: Office) -> None:
    mails = {line: arrived(office, GRACE, line) for line in LAWYER}
    assert "As written" in await office.listed()
    assert {line for line, mail in mails.items() if BODY not in await office.read(mail)} == set()
    await office.desk.store.set_policy(ORG, Policy(excluded=frozenset({"law.example"})))
    assert "As written" not in await office.listed()
    assert {line for line, mail in mails.items() if BODY in await office.read(mail)} == set()


async def test_an_address_in_another_script_or_case_is_the_same_and_one_that_looks_alike_is_not(office: Office) -> None:
    lotte = await office.desk.contact("lotte@bücher.example", name="Lotte")
    share(office.desk.crm_database, "contacts", lotte, KIM)
    senders = {
        "Lotte@xn--bcher-kva.example": True,
        "LOTTE@BÜCHER.example": True,
        "lotte@bucher.example": False,
        "lott\N{CYRILLIC SMALL LETTER IE}@bücher.example": False,
        "lotte@bücher.example.evil.example": False,
        "Lotte <evil@evil.example> (lotte@bücher.example)": False,
        '"lotte@bücher.example" <evil@evil.example>': False,
    }
    read = {sender: BODY in await office.read(arrived(office, sender), id=lotte) for sender in senders}
    assert read == senders
