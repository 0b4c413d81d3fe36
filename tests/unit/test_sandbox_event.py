"""The events that the desk sends to the add-on, and the tables it makes of a mailbox's senders."""

import csv
import io
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from google.auth import jwt

from sandbox.demo.frequent_senders import Sender, contacts_table, deals_table, frequent_senders
from sandbox.google.event import EMAIL_SCOPE, LOCALE_SCOPE, MESSAGE_SCOPES, Draft, Surroundings, addon_event
from sandbox.google.google_side import SIDEBAR_SCOPES
from sandbox.google.world import World

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
URL = "http://127.0.0.1:1/message"


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path, lambda: NOW)
    made.add_account("ada@corp.example", "Ada Byron", hosted_domain="corp.example")
    return made


def mail_from(sender: str) -> bytes:
    return f"From: {sender}\r\nTo: ada@corp.example\r\nSubject: Hello\r\n\r\nHello.\r\n".encode()


def test_an_event_for_an_open_mail_is_as_google_sends_it(world: World) -> None:
    account = world.account("ada@corp.example")
    message = world.mailbox(account.address).arrive(mail_from("grace@hopper.example"))
    around = Surroundings(account, "de-AT", "Europe/Vienna", 3_600_000, SIDEBAR_SCOPES, message)
    event = addon_event(world.google, URL, around, {"id": "7"}, {"words": {"stringInputs": {"value": ["x"]}}})
    assert event["commonEventObject"] == {
        "hostApp": "GMAIL",
        "platform": "WEB",
        "userLocale": "de-AT",
        "timeZone": {"id": "Europe/Vienna", "offset": "3600000"},
        "parameters": {"id": "7"},
        "formInputs": {"words": {"stringInputs": {"value": ["x"]}}},
    }
    assert event["gmail"]["messageId"] == f"msg-f:{int(message.id, 16)}"
    assert world.google.opens(event["gmail"]["accessToken"], account.address, message.id)
    tokens = event["authorizationEventObject"]
    certificates = world.google.certificates()
    assert jwt.decode(tokens["systemIdToken"], certs=certificates)["aud"] == URL
    claims = jwt.decode(tokens["userIdToken"], certs=certificates)
    assert (claims["aud"], claims["sub"], claims["hd"]) == (world.google.addon_client_id, account.sub, "corp.example")
    assert world.google.addon_client_id != world.google.client_id
    assert event["gmail"]["threadId"] == f"thread-f:{int(message.thread_id, 16)}"
    assert set(tokens["authorizedScopes"]) == SIDEBAR_SCOPES


def test_without_the_address_scope_there_is_no_user_token(world: World) -> None:
    around = Surroundings(world.account("ada@corp.example"), scopes=SIDEBAR_SCOPES - {EMAIL_SCOPE})
    assert "userIdToken" not in addon_event(world.google, URL, around)["authorizationEventObject"]


def test_on_the_homepage_there_is_a_gmail_with_nothing_in_it(world: World) -> None:
    around = Surroundings(world.account("ada@corp.example"), scopes=SIDEBAR_SCOPES)
    assert addon_event(world.google, URL, around)["gmail"] == {}


def test_without_the_messages_scope_the_open_mail_has_no_token(world: World) -> None:
    account = world.account("ada@corp.example")
    message = world.mailbox(account.address).arrive(mail_from("grace@hopper.example"))
    around = Surroundings(account, scopes=SIDEBAR_SCOPES - MESSAGE_SCOPES, message=message)
    assert set(addon_event(world.google, URL, around)["gmail"]) == {"messageId", "threadId"}


def test_without_the_locales_scope_google_does_not_tell_how_the_user_reads(world: World) -> None:
    around = Surroundings(world.account("ada@corp.example"), scopes=SIDEBAR_SCOPES - {LOCALE_SCOPE})
    assert addon_event(world.google, URL, around)["commonEventObject"] == {"hostApp": "GMAIL", "platform": "WEB"}


@pytest.mark.parametrize("labels", [("SENT",), ("DRAFT",), ("SENT", "INBOX", "UNREAD")])
def test_mail_that_the_user_wrote_has_an_id_that_tells_nobody_the_apis(world: World, labels: tuple[str, ...]) -> None:
    account = world.account("ada@corp.example")
    mailbox = world.mailbox(account.address)
    ours, other = (mailbox.arrive(mail_from("ada@corp.example"), labels) for _ in range(2))
    event = addon_event(world.google, URL, Surroundings(account, scopes=SIDEBAR_SCOPES, message=ours))
    own_id = event["gmail"]["messageId"]
    assert re.fullmatch(r"msg-a:r-?[0-9]{1,19}", own_id)
    assert event["gmail"]["threadId"].startswith("thread-a:r")
    assert ours.id not in own_id
    assert str(int(ours.id, 16)) not in own_id
    token = event["gmail"]["accessToken"]
    # Gmail takes the event's own id for mail that was sent; a draft it does not have yet.
    asked_for = world.google.message_told_as(token, account.address, own_id)
    assert asked_for == (own_id if "DRAFT" in labels else ours.id)
    assert world.google.opens(token, account.address, asked_for)
    assert world.google.message_told_as(token, "eve@corp.example", own_id) == own_id
    assert world.google.message_told_as("msg.another", account.address, own_id) == own_id
    around = Surroundings(account, scopes=SIDEBAR_SCOPES, message=other)
    assert addon_event(world.google, URL, around)["gmail"]["messageId"] != own_id


def test_parameters_are_texts_whatever_the_card_had(world: World) -> None:
    around = Surroundings(world.account("ada@corp.example"), scopes=SIDEBAR_SCOPES)
    event = addon_event(world.google, URL, around, {"id": 7, "no": None, "yes": True})
    assert event["commonEventObject"]["parameters"] == {"id": "7", "no": "", "yes": "true"}


def test_a_draft_tells_its_recipients_and_no_message(world: World) -> None:
    around = Surroundings(world.account("ada@corp.example"), scopes=SIDEBAR_SCOPES, draft=Draft(to=("grace@hopper.example",)))
    assert addon_event(world.google, URL, around)["gmail"] == {"toRecipients": ["grace@hopper.example"]}


def test_both_clients_are_the_same_when_a_world_is_opened_again(world: World) -> None:
    reopened = World(world.folder, lambda: NOW)
    assert (reopened.google.client_id, reopened.google.client_secret) == (world.google.client_id, world.google.client_secret)
    assert reopened.google.addon_client_id == world.google.addon_client_id


def test_the_most_frequent_senders_are_counted_by_address(world: World) -> None:
    mailbox = world.mailbox("ada@corp.example")
    for sender in (
        "Bob <bob@b.example>",
        "BOB@B.example",
        "Grace <grace@hopper.example>",
        "Bob <bob@b.example>",
        "ada@corp.example",
        "nobody",
    ):
        mailbox.arrive(mail_from(sender))
    assert frequent_senders(mailbox, ("ada@corp.example",), 5) == [
        Sender("bob@b.example", "Bob", 3),
        Sender("grace@hopper.example", "Grace", 1),
    ]


def test_three_in_four_senders_get_a_deal_one_closing_this_month() -> None:
    senders = [Sender(f"p{number}@x.example", f"P {number}", 1) for number in range(4)]
    deals = list(csv.DictReader(io.StringIO(deals_table(senders, date(2026, 11, 23)).decode())))
    assert [(deal["Contacts"], deal["Stage"], deal["Closing date"]) for deal in deals] == [
        ("p0@x.example", "Negotiation", "2026-11-30"),
        ("p1@x.example", "Proposal", "2027-02-06"),
        ("p2@x.example", "Closed Won", "2026-10-14"),
    ]
    contacts = list(csv.DictReader(io.StringIO(contacts_table(senders).decode())))
    assert contacts[3] == {"Name": "P 3", "Emails": "p3@x.example", "Account": "x.example"}
