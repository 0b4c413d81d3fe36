"""Shared mail: two users and a third of another organisation, signed events in, whole cards out; and what is kept and logged of it."""

import asyncio
import re
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from cards.frame import Path as Served
from crm_client.embedded.administration import share
from mailmagnet.caller import Caller
from mailmagnet.crm import Lead, Module, NewContact, NewDeal
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.identity import identity_in
from mailmagnet.mail_with import PAGE, mail_with
from mailmagnet.read_mail import mail_id, read_mail
from mailmagnet.record_people import RecordId
from mailmagnet.store import Choices, Policy, Sharing, Store
from sandbox.demo.sandbox_process import process_in
from sandbox.google.faults import Fault
from tests.scenario.addon_process import settings_of, sidebar_at
from tests.scenario.desk import ADA
from tests.scenario.office import BODY, GRACE, KIM, MALLORY, ORG, SUBJECT, Office, office_in


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with office_in(tmp_path) as made, sidebar_at(made.desk) as sidebar:
        made.sidebar = sidebar
        yield made


async def test_private_then_custom_then_public_and_back_each_at_once(office: Office) -> None:
    mail = office.mail()
    for choices, shown in (
        ({}, False),
        ({"sharing": Sharing.CUSTOM}, False),
        ({"sharing": Sharing.CUSTOM, "shared_contacts": frozenset({office.grace})}, True),
        ({"sharing": Sharing.PUBLIC}, True),
        ({"sharing": Sharing.PUBLIC, "contacts_kept_back": frozenset({office.grace})}, False),
        ({"sharing": Sharing.PUBLIC, "mails_kept_back": frozenset({mail})}, False),
        ({"sharing": Sharing.PRIVATE}, False),
    ):
        await office.choose(**choices)
        card, read = await office.listed(), await office.read(mail)
        assert (SUBJECT in card, SUBJECT in read, BODY in read) == (shown, shown, shown), choices
        assert SUBJECT in await office.listed(ADA)
        assert BODY in await office.read(mail, ADA)
        assert ("Ada Corp does not share mail with Grace Hopper" in card) == (
            choices.get("sharing", Sharing.PRIVATE) is not Sharing.PUBLIC and not shown
        )
        assert "keep" not in card
    assert await office.readings() == [(office.kim.sub, mail)] * 2


async def test_the_owner_sees_who_read_and_only_ids_are_kept_of_it(office: Office) -> None:
    mail = office.mail()
    await office.choose(sharing=Sharing.PUBLIC)
    read = await office.read(mail)
    assert "Ada Corp can see that you have read this." in read
    assert "offer.html" in read
    assert "alert(1)" not in read
    mine = (await office.ask(ADA, Served.MY_SHARING)).card
    assert "Who read my mail" in mine
    assert "Kim Corp" in mine
    assert f"#all/{mail}" in mine
    assert SUBJECT not in mine
    everything = b"".join(file.read_bytes() for file in office.desk.folder.glob("store.sqlite*")) + bytes(office.sidebar.log)
    assert not [word for word in (SUBJECT, BODY, "offer.html", "zeppelin") if word.encode() in everything]
    assert (office.kim.sub.encode() in everything, KIM.encode() in bytes(office.sidebar.log)) == (True, False)


async def test_without_access_to_the_contact_in_the_crm_nothing_is_read(office: Office) -> None:
    mail = office.mail()
    await office.choose(sharing=Sharing.PUBLIC)
    hidden = await office.desk.contact("secret@a.example", name="Hidden One")
    theirs = office.mail(sender="secret@a.example", subject="Hidden zeppelin")
    for card in (await office.listed(id=hidden), await office.read(theirs, id=hidden)):
        assert "zeppelin" not in card
        assert "This is not in MailMagnet CRM any more." in card
    assert BODY in await office.read(mail)


async def test_guessing_ids_opens_no_mail_that_is_not_with_that_contact(office: Office) -> None:
    await office.choose(sharing=Sharing.PUBLIC)
    others = [
        office.mail(sender="bank@other.example", subject="Salary"),
        office.mail(sender=f"<{GRACE}.evil@x.example>", subject="Salary"),
        office.mail(sender=f'"{GRACE}" <bank@other.example>', subject="Salary"),
        office.mail(sender="bank@other.example", subject="Salary", Reply_To=GRACE),
    ]
    for mail in others:
        assert "Salary" not in await office.read(mail)
    ids = {"module": "contacts", "id": office.grace, "owner": office.ada}
    for parameters in ({**ids, "mail": "../x"}, {**ids, "mail": ""}, {**ids, "mail": "1", "module": "users"}, {"mail": "1"}):
        answered = await office.ask(KIM, Served.MAIL, **parameters)
        assert "could not read what Gmail sent" in answered.card
    assert "Salary" not in await office.listed()
    assert await office.readings() == []


async def test_nothing_crosses_organisations(office: Office) -> None:
    mail = office.mail()
    await office.choose(sharing=Sharing.PUBLIC)
    for card in (await office.listed(MALLORY), await office.read(mail, MALLORY)):
        assert "zeppelin" not in card
        assert "Ada" not in card
    assert await office.readings() == []


async def test_nobody_reads_by_the_rights_of_a_crm_that_is_the_organisations_no_more(office: Office) -> None:
    """There the same id may be another contact. That a sign-in has ended is noted only after an answer."""
    mail = office.mail()
    await office.choose(sharing=Sharing.PUBLIC)
    assert SUBJECT in await office.listed()
    await office.desk.store.set_policy(ORG, Policy(crm=CrmChoice("odoo", "https://crm.example")))
    for card in (await office.listed(), await office.read(mail), await office.listed(ADA)):
        assert SUBJECT not in card
        assert BODY not in card
    assert await office.readings() == []


async def test_what_the_admin_fixes_and_excludes_holds_at_once(office: Office) -> None:
    mail = office.mail()
    copied = office.mail(subject="With the lawyer zeppelin", Cc="lawyer@law.example")
    await office.choose(sharing=Sharing.PRIVATE)
    await office.desk.store.set_policy(ORG, Policy(Sharing.PUBLIC, frozenset({"law.example"})))
    card = await office.listed()
    assert (SUBJECT in card, "lawyer" in card) == (True, False)
    assert "lawyer" not in await office.read(copied)
    await office.choose(contacts_kept_back=frozenset({office.grace}))
    assert SUBJECT not in await office.listed()
    await office.choose(sharing=Sharing.PUBLIC)
    await office.desk.store.set_policy(ORG, Policy(Sharing.PRIVATE))
    assert SUBJECT not in await office.listed()
    await office.desk.store.set_policy(ORG, Policy(None, frozenset({"a.example"})))
    card = await office.listed()
    assert SUBJECT not in card
    assert "Mail with these addresses is not shared" in card
    assert SUBJECT not in await office.read(mail)
    assert SUBJECT in await office.listed(ADA)


async def test_who_is_kept_back_is_so_also_in_mail_with_somebody_else(office: Office) -> None:
    """Kim does not even see the one who is kept back in the CRM."""
    bob = await office.desk.contact("bob@b.example", name="Bob Ross")
    both = office.mail(subject="To both zeppelin", Cc="Bob <bob+work@b.example>")
    alone = office.mail(subject="Alone zeppelin")
    await office.choose(sharing=Sharing.PUBLIC, contacts_kept_back=frozenset({bob}))
    card = await office.listed()
    assert ("To both" in card, "Alone" in card) == (False, True)
    assert "zeppelin" not in await office.read(both)
    assert BODY in await office.read(alone)
    connection = await office.desk.vault.sign_out(ORG, office.ada)
    assert connection
    assert "Alone" not in await office.listed()
    assert BODY not in await office.read(alone)


async def test_mail_among_colleagues_is_no_contacts(office: Office) -> None:
    """A contact with a colleague's address opens nobody's mailbox."""
    await office.choose(sharing=Sharing.PUBLIC)
    boss = await office.desk.contact("boss@corp.example", name="The Boss")
    share(office.desk.crm_database, "contacts", boss, KIM)
    mail = office.mail(sender="boss@corp.example", subject="About Kim")
    assert "About Kim" not in await office.listed(id=boss)
    assert "About Kim" not in await office.read(mail, id=boss)


async def test_when_the_owner_has_deactivated_there_is_nothing_and_it_says_so(office: Office) -> None:
    mail = office.mail()
    await office.choose(sharing=Sharing.PUBLIC)
    assert SUBJECT in await office.listed()
    await office.desk.vault.forget(ORG, office.ada)
    await office.desk.store.delete_mailbox(ORG, office.ada)
    card = await office.listed()
    assert SUBJECT not in card
    assert "Ada Corp has not connected Gmail, so there is nothing of theirs to read." in card
    assert SUBJECT not in await office.read(mail)


async def test_a_reading_that_cannot_be_kept_is_not_shown(office: Office) -> None:
    mail = office.mail()
    await office.choose(sharing=Sharing.PUBLIC)
    database = office.desk.folder / "store.sqlite"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TRIGGER no_readings BEFORE INSERT ON readings BEGIN SELECT RAISE(ABORT, 'full'); END")
    read = await office.read(mail)
    assert BODY not in read
    assert SUBJECT not in read


async def test_one_failing_mailbox_does_not_stop_the_others(office: Office) -> None:
    theirs = office.mail()
    office.mail(KIM, subject="Mine zeppelin")
    await office.choose(sharing=Sharing.PUBLIC)
    card = await office.listed()
    assert ("Mine zeppelin" in card, SUBJECT in card, "yours" in card, "Ada Corp’s" in card) == (True, True, True, True)
    office.desk.world.faults.add(Fault("gmail", "users.messages.get", mail_id=theirs, status=503))
    answered = await office.ask(KIM, Served.MAIL_WITH, module="contacts", id=office.grace)
    assert ("Mine zeppelin" in answered.card, SUBJECT in answered.card) == (True, False)
    assert "Ada Corp’s mail" in answered.card
    assert "Gmail cannot be reached now." in answered.card
    [retry] = [each for each in buttons_in(answered.json) if each["text"] == "Retry"]
    office.desk.world.faults.clear()
    parameters = {each["key"]: each["value"] for each in retry["onClick"]["action"]["parameters"]}
    assert SUBJECT in (await office.ask(KIM, Served.MAIL_WITH, **parameters)).card


async def test_who_has_not_connected_gmail_reads_what_is_shared_and_is_led_to_connecting(office: Office) -> None:
    office.mail()
    await office.choose(sharing=Sharing.PUBLIC)
    await office.desk.vault.forget(ORG, office.kim.sub)
    await office.desk.sign_in(office.kim, KIM)
    card = await office.listed()
    assert SUBJECT in card
    assert "Your mail" in card
    assert "No mail with" not in card


async def test_sharing_of_a_contact_that_is_gone_in_the_crm_ends_and_its_owner_is_told(office: Office) -> None:
    await office.choose(sharing=Sharing.CUSTOM, shared_contacts=frozenset({office.grace, "gone"}))
    assert "Sharing has ended for 1 contact: merged or gone in MailMagnet CRM." in (await office.ask(ADA, Served.MY_SHARING)).card
    assert (await office.desk.mailbox()).choices.shared_contacts == {office.grace}
    assert "Sharing has ended" not in (await office.ask(ADA, Served.MY_SHARING)).card


async def test_an_owner_is_told_of_it_on_the_homepage_until_they_have_looked(office: Office) -> None:
    await office.choose(sharing=Sharing.CUSTOM, shared_contacts=frozenset({office.grace, "gone", "merged"}))
    told = "Sharing has ended for 2 contacts."
    assert told not in (await office.ask(ADA, Served.HOME)).card
    async with asyncio.timeout(10):
        while (await office.desk.mailbox()).choices.shared_contacts != {office.grace}:  # noqa: ASYNC110  it follows the answer
            await asyncio.sleep(0.05)
    assert told in (await office.ask(ADA, Served.HOME)).card
    assert told in (await office.ask(ADA, Served.HOME)).card
    seen = (await office.ask(ADA, Served.MY_SHARING)).card
    assert "Sharing has ended for 2 contacts: merged or gone in MailMagnet CRM." in seen
    assert told not in (await office.ask(ADA, Served.HOME)).card


async def test_a_crm_that_does_not_answer_ends_no_sharing(office: Office) -> None:
    await office.choose(sharing=Sharing.CUSTOM, shared_contacts=frozenset({office.grace}))
    office.desk.crm_fault_file.write_text('{"fault": "failing"}')
    assert "Sharing has ended" not in (await office.ask(ADA, Served.MY_SHARING)).card
    assert (await office.desk.mailbox()).choices.shared_contacts == {office.grace}


async def test_a_leads_sharing_is_not_that_of_a_contact_with_the_same_id(office: Office) -> None:
    lead = await office.desk.crm.add_lead(Lead("", "Lena Lead", ("lena@b.example",)))
    share(office.desk.crm_database, "leads", lead.id, KIM)
    office.mail(sender="lena@b.example", subject="From a lead zeppelin")
    await office.choose(sharing=Sharing.CUSTOM, shared_contacts=frozenset({lead.id}))
    assert "zeppelin" not in await office.listed(module="leads", id=lead.id)
    await office.ask(ADA, Served.SHARE_CONTACT, module="leads", id=lead.id, change="share")
    assert "zeppelin" in await office.listed(module="leads", id=lead.id)


async def test_a_poisoned_mail_among_good_ones_harms_none(office: Office) -> None:
    await office.choose(sharing=Sharing.PUBLIC)
    office.mail(subject="Good one zeppelin")
    raws = (
        b"From: grace@a.example\r\n\r\n",
        b"From: grace@a.example\r\nTo: " + b"x@y.example, " * 4000 + b"\r\nSubject: \xff\xfe<b>\x00\r\n\r\nx",
        b"From: grace@a.example\r\nMessage-ID: <same@x>\r\nSubject: <img src=//evil.example>&zeppelin\r\nContent-Type: text/html\r\n\r\n"
        b"<img src=https://evil.example/pixel><script>alert(1)</script>",
    )
    for raw in raws:
        office.desk.clock.turn(seconds=5)
        poisoned = office.desk.world.mailbox(ADA).arrive(raw, ("INBOX",)).id
    card = await office.listed()
    assert "Good one zeppelin" in card
    assert "<img" not in card.replace('"bottomLabel": "<img', "")
    read = await office.read(poisoned)
    assert not re.search("evil.example/pixel|alert", read)


async def test_one_mail_in_two_mailboxes_is_shown_once_and_mine_first(office: Office) -> None:
    await office.choose(sharing=Sharing.PUBLIC)
    office.mail(KIM, subject="To both zeppelin", To=f"{ADA}, {KIM}", Message_ID="<one@a.example>")
    office.mail(ADA, subject="To both zeppelin", To=f"{ADA}, {KIM}", Message_ID="<one@a.example>")
    for who in (KIM, ADA):
        card = await office.listed(who)
        assert (card.count("To both zeppelin"), "yours" in card) == (1, True)


async def test_pages_over_several_mailboxes_have_each_mail_once_newest_first(office: Office) -> None:
    await office.choose(sharing=Sharing.PUBLIC)
    wanted = [f"Number {number:02}" for number in range(2 * PAGE + 5)]
    for number, subject in enumerate(wanted):
        office.mail(ADA if number % 3 else KIM, subject=subject)
    seen: list[str] = []
    older: dict[str, str] = {}
    for _ in range(6):
        answered = await office.ask(KIM, Served.MAIL_WITH, module="contacts", id=office.grace, **older)
        seen += re.findall(r"Number \d\d", answered.card)
        button = next((each for each in buttons_in(answered.json) if each["text"] == "Older mail"), None)
        if not button:
            break
        older = {each["key"]: each["value"] for each in button["onClick"]["action"]["parameters"] if each["key"] == "older"}
        assert re.fullmatch("[0-9]+", older["older"])
    assert seen == wanted[::-1]


class CountingStore:
    """A store whose calls are counted by name."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        self.calls[name] += 1
        return getattr(self._store, name)


async def test_of_a_thousand_mailboxes_only_those_that_matter_are_read(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    mail = office.mail()
    await office.choose(sharing=Sharing.PUBLIC)
    for number in range(1_000):
        await office.desk.store.connect(ORG, f"{number + 10**20}", f"user{number}@corp.example", office.desk.clock())
    process = process_in(settings_of(office.desk, "http://127.0.0.1:1"))
    store = CountingStore(process.store)
    monkeypatch.setattr(process, "store", store)
    grace = RecordId(Module.CONTACTS, office.grace)

    def caller() -> Caller:
        kim = identity_in(ORG, office.kim.sub, KIM)
        return Caller(kim, office.desk.clock(), asyncio.get_running_loop().time() + 30)

    listed = await mail_with(grace, "", caller(), process)
    assert [(each.mail_id, each.owner) for each in listed.mails] == [(mail, office.ada)]
    assert store.calls == {"mailbox": 1, "policy": 1, "mailboxes_of": 1, "mailboxes_at": 1, "mails_from": 1}
    store.calls.clear()
    await read_mail(mail_id(grace, office.ada, mail), caller(), process)
    assert store.calls == {"mailbox": 1, "policy": 1, "mailboxes_of": 1, "mailboxes_at": 1, "keep_reading": 1}
    await process.close()


async def test_the_owners_buttons_share_and_keep_back_and_undo_it(office: Office) -> None:
    mail = office.mail()
    ids = {"module": "contacts", "id": office.grace}
    await office.choose(sharing=Sharing.CUSTOM)
    assert "Share mail with this contact" in await office.listed(ADA)
    card = (await office.ask(ADA, Served.SHARE_CONTACT, **ids, change="share")).card
    assert "Stop sharing" in card
    assert SUBJECT in await office.listed()
    kept = (await office.ask(ADA, Served.SHARE_MAIL, **ids, owner=office.ada, mail=mail, change="keep_back")).card
    assert "You keep this mail back" in kept
    assert SUBJECT not in await office.listed()
    await office.ask(ADA, Served.SHARE_MAIL, **ids, owner=office.ada, mail=mail, change="give_back")
    assert SUBJECT in await office.listed()
    await office.ask(ADA, Served.SHARE_CONTACT, **ids, change="stop_sharing")
    assert SUBJECT not in await office.listed()
    refused = (await office.ask(KIM, Served.SHARE_MAIL, **ids, owner=office.ada, mail=mail, change="give_back")).card
    assert "You are not allowed to do this." in refused


async def test_who_could_read_this_and_why_before_and_after_a_change(office: Office) -> None:
    now = (await office.ask(ADA, Served.WHO_COULD_READ, module="contacts", id=office.grace)).card
    assert "No colleague could read" in now
    assert "Kim Corp" in now
    after = (await office.ask(ADA, Served.WHO_COULD_READ, module="contacts", id=office.grace, sharing="public")).card
    assert "1 colleague could read" in after
    assert "After the change" in after
    assert (await office.desk.mailbox()).choices == Choices()
    refused = (await office.ask(KIM, Served.WHO_COULD_READ, owner=office.ada)).card
    assert "You are not allowed to do this." in refused
    asked_by_admin = (await office.ask(ADA, Served.WHO_COULD_READ, owner=office.kim.sub)).card
    assert "Kim Corp’s mail" in asked_by_admin


async def test_the_policy_is_an_admins_and_says_first_what_it_does(office: Office) -> None:
    async def click(who: str, path: Served, **typed: str) -> str:
        office.sidebar.address = who
        event = await office.sidebar.event(path)
        event["commonEventObject"]["formInputs"] = {name: {"stringInputs": {"value": [text]}} for name, text in typed.items()}
        return (await office.sidebar.send(path, event)).card

    typed = {"policy_sharing": "public", "policy_excluded": "Law.example\nada@bank.example", "policy_retention": "30"}
    for path in (Served.POLICY, Served.POLICY_EFFECT, Served.SAVE_POLICY):
        assert "You are not allowed to do this." in await click(KIM, path, **typed)
    effect = await click(ADA, Served.POLICY_EFFECT, **typed)
    assert "Of 2 connected users, 2 would share more." in effect
    assert await office.desk.store.policy(ORG) == Policy()
    assert "is no mail address" in await click(ADA, Served.SAVE_POLICY, **{**typed, "policy_excluded": "not@an@address"})
    assert "Days" in await click(ADA, Served.SAVE_POLICY, **{**typed, "policy_retention": "0"})
    assert await office.desk.store.policy(ORG) == Policy()
    assert "Saved" in await click(ADA, Served.SAVE_POLICY, **typed)
    assert await office.desk.store.policy(ORG) == Policy(Sharing.PUBLIC, frozenset({"law.example", "ada@bank.example"}), 30)


async def test_a_deals_mail_is_that_of_its_contacts(office: Office) -> None:
    office.mail()
    stage, *_ = (await office.desk.crm.settings()).stages
    deal = await office.desk.crm.add_deal(NewDeal("Airship", stage.id, contacts=(office.grace,)))
    card = (await office.ask(ADA, Served.MAIL_WITH, module="deals", id=deal.id)).card
    assert SUBJECT in card
    assert "Mail with Airship" in card
    assert "Share mail" not in card
    opened = (await office.ask(ADA, Served.DEAL, id=deal.id)).card
    assert "Mail with Airship" in opened


async def test_of_an_account_with_many_contacts_the_first_are_searched_and_it_says_so(office: Office) -> None:
    account = await office.desk.crm.add_account("Zeppelin Works")
    for number in range(12):
        await office.desk.crm.add_contact(NewContact(f"Person {number:02}", (f"p{number}@z.example",), account=account.id))
    office.mail(sender="p1@z.example", subject="From one of them")
    card = (await office.ask(ADA, Served.MAIL_WITH, module="accounts", id=account.id)).card
    assert "2 more people are in MailMagnet CRM" in card
    assert "From one of them" in card


def buttons_in(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if "onClick" in part and "text" in part and "button" not in part:
            yield part
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from buttons_in(inner)
