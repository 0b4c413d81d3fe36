"""Every card in every state: the words a rep reads, held against Google's schema, and nothing that mail or CRM can break."""

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cards import answers, widgets
from cards.account_card import account_card
from cards.contact_card import contact_card
from cards.error_card import error_card, failed_search_card
from cards.home_card import home_card
from cards.lead_card import lead_card
from cards.message_card import message_card
from cards.search_card import search_card
from cards.view import Path, View
from mailmagnet.categories import Category, decide
from mailmagnet.crm import (
    Account,
    Activity,
    ActivityKind,
    Contact,
    Deal,
    DealState,
    Found,
    KnownAccount,
    Lead,
    Money,
    Note,
)
from mailmagnet.errors import (
    BadAnswer,
    BadRequest,
    Forbidden,
    LeaseTaken,
    MailMagnetError,
    NotAuthorised,
    NotFound,
    NotPermitted,
    NotVerified,
    RateLimited,
    ScopesMissing,
    TimedOut,
    Unavailable,
    Upstream,
)
from mailmagnet.homepage import CustomerMail, Homepage
from mailmagnet.identity import Reader
from mailmagnet.open_message import ContactView, OpenMessage, PersonView
from mailmagnet.people import About, MailPeople, Person
from mailmagnet.store import Cursor, DayCounts, Mailbox, RunCounts
from tests.card_schema import check_answer, check_card

Card = dict[str, Any]

CRM = "Zoho CRM"
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
TODAY = date(2026, 11, 20)
VIEW = View(Reader("en-GB", "Europe/Paris"), NOW, "https://addon.example")
MESSAGE_ID = "msg-f:1234567890"

ANALYTICAL = Account("a1", "Analytical Ltd", "analytical.example", "Kim", "+33 1 23 45 67 89", "https://crm.example/a1")
HOPPER = Account("a2", "Hopper Inc", "hopper.example")


def euros(amount: int | str) -> Money:
    return Money(Decimal(amount), "EUR")


RENEWAL = Deal(
    "d1",
    "Renewal 2027",
    "Negotiation",
    DealState.OPEN,
    amount=euros(36000),
    closing=date(2026, 11, 30),
    account=ANALYTICAL,
    url="https://crm.example/d1",
)
PILOT = Deal("d2", "Pilot Lyon", "Proposal", DealState.OPEN, amount=euros(12000), closing=date(2026, 11, 3), account=ANALYTICAL)
LATER = Deal("d3", "Training", "Qualification", DealState.OPEN, closing=date(2027, 2, 1), contact_ids=("c1",))
UNDATED = Deal("d4", "Someday", "Qualification", DealState.OPEN, amount=Money(Decimal("4999.50"), "USD"))
WON = Deal("d5", "Renewal 2026", "Closed Won", DealState.WON, amount=euros(30000), closing=date(2025, 11, 28))
LOST = Deal("d6", "Pilot Nice", "Closed Lost", DealState.LOST)

ADA = Contact(
    "c1",
    "Ada Lovelace",
    ("ada@analytical.example", "ada@lovelace.example"),
    "Head of Procurement",
    ANALYTICAL,
    "Kim",
    "+33 1 23 45 67 89 ext. 4",
    "https://crm.example/c1",
    (LATER, WON, RENEWAL, LOST, PILOT, UNDATED),
    (
        Activity("t1", ActivityKind.TASK, "Send the price list", date(2026, 12, 1), False),
        Activity("t2", ActivityKind.CALL, "Call with Ada", datetime(2026, 11, 21, 9, 0, tzinfo=UTC), False),
        Activity("t3", ActivityKind.MEETING, "Kick-off", datetime(2026, 10, 1, 9, 0, tzinfo=UTC), True),
    ),
    (Note("n1", "Wants invoice in two parts, the first\nin January.", datetime(2026, 11, 17, 8, 0, tzinfo=UTC), "Kim"),),
)
BARE = Contact("c2", "Bob Ross", ("bob@analytical.example",))
LEAD = Lead(
    "l1", "Carl Gauss", ("carl@goettingen.example",), "Professor", "Göttingen", "Qualified", "Kim", "", "https://crm.example/l1"
)

ADA_PERSON = Person("Ada", "ada@analytical.example")
GRACE_PERSON = Person("Grace Hopper", "grace@hopper.example")


def seen(contact: Contact) -> ContactView:
    return ContactView(contact, decide(contact.deals, TODAY))


def known(person: Person, *contacts: Contact) -> PersonView:
    return PersonView(person, tuple(seen(contact) for contact in contacts))


def opened(*people: PersonView, problem: Upstream | None = None) -> OpenMessage:
    mail = MailPeople(About.PEOPLE, tuple(each.person for each in people))
    return OpenMessage(mail, people, CRM, None if problem else TODAY, problem)


def nobody(about: About, list_name: str = "", sender: Person | None = None) -> OpenMessage:
    return OpenMessage(MailPeople(about, (), list_name, sender), (), CRM, TODAY, home="corp.example")


def message(answer: OpenMessage, view: View = VIEW) -> Card:
    return message_card(answer, view, MESSAGE_ID, "7f3a")


# A card as lines: a click is ">", a fold is "…", colours and bold are left out.


def as_text(card: Card) -> str:
    header = card.get("header", {})
    lines = [f"# {header['title']}", *([header["subtitle"]] if "subtitle" in header else [])] if header else []
    for section in card["sections"]:
        lines.append(f"--- {read(section.get('header', ''))}".rstrip())
        folds_after = section["uncollapsibleWidgetsCount"] if section.get("collapsible") else len(section["widgets"])
        for place, widget in enumerate(section["widgets"]):
            lines.append(("  … " if place >= folds_after else "") + widget_line(widget))
    return "\n".join(lines)


def widget_line(widget: dict[str, Any]) -> str:
    ((kind, content),) = widget.items()
    match kind:
        case "textParagraph":
            return read(content["text"])
        case "buttonList":
            return " ".join(f"[{button['text']}]" for button in content["buttons"])
        case "textInput":
            return f"[{content['label']}: {content.get('value', '')}]"
    below = f" / {content['bottomLabel']}" if "bottomLabel" in content else ""
    button = f" [{content['button']['text']}]" if "button" in content else ""
    return f"{read(content['text'])}{button}{below}{' >' if 'onClick' in content else ''}"


def read(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


def expect(card: Card, text: str) -> None:
    check_card(card)
    assert as_text(card) == dedent(text).strip()


# Message opened


def test_a_known_contact() -> None:
    expect(
        message(opened(known(ADA_PERSON, ADA), known(Person("", "bob@analytical.example"), BARE))),
        """
        # Ada Lovelace
        Head of Procurement · Analytical Ltd
        ---
        ● Closing this month “Renewal 2027” closes on Mon 30 Nov
        --- Deals · 4 open · €48,000 · US$5,000
        Renewal 2027 / Negotiation · €36,000 · 30 Nov >
        Pilot Lyon overdue / Proposal · €12,000 · 3 Nov
        Training / Qualification · 1 Feb 2027
        Someday / Qualification · US$4,999.50
        + 1 won, 1 lost
          … Renewal 2026 / Closed Won · €30,000 · 28 Nov 2025
          … Pilot Nice / Closed Lost
        ---
        Next Call with Ada, tomorrow 10:00
        Last Note by Kim, 3 days ago: “Wants invoice in two parts, the first in January.”
          … Meeting: Kick-off, 1 Oct
        ---
        +33 1 23 45 67 89 ext. 4 >
          … ada@analytical.example >
          … ada@lovelace.example >
          … Owner Kim
        --- Also in this mail
        Bob Ross >
        ---
        [Open in Zoho CRM]
        """,
    )


def test_a_contact_with_nothing_but_a_name_has_no_empty_heading() -> None:
    expect(
        message(opened(known(Person("", "bob@analytical.example"), replace(BARE, addresses=())))),
        """
        # Bob Ross
        ---
        No deals in Zoho CRM
        """,
    )


@pytest.mark.parametrize(
    ("deals", "said"),
    [
        ((RENEWAL,), "● Closing this month “Renewal 2027” closes on Mon 30 Nov"),
        ((replace(RENEWAL, closing=TODAY),), "● Closing this month “Renewal 2027” closes today"),
        ((replace(RENEWAL, closing=TODAY - timedelta(days=2)),), "● Closing this month “Renewal 2027” was to close 2 days ago"),
        ((LATER,), "● Open deals “Training” closes on 1 Feb 2027"),
        ((UNDATED,), "● Open deals “Someday” has no closing date"),
        ((WON,), "● Customer “Renewal 2026” won on 28 Nov 2025"),
        ((replace(WON, closing=None),), "● Customer “Renewal 2026” won"),
    ],
)
def test_the_category_and_why(deals: tuple[Deal, ...], said: str) -> None:
    assert as_text(contact_card(seen(replace(ADA, deals=deals)), CRM, TODAY, VIEW)).splitlines()[3] == said


def test_a_lost_deal_alone_is_folded_under_its_count() -> None:
    card = contact_card(seen(replace(BARE, deals=(LOST,))), CRM, TODAY, VIEW)
    expect(
        card,
        """
        # Bob Ross
        --- Deals · none open
        + 1 lost
          … Pilot Nice / Closed Lost
        ---
        bob@analytical.example >
        """,
    )


def test_many_open_deals_are_folded_after_five() -> None:
    many = tuple(replace(RENEWAL, id=str(day), name=f"Deal {day}", closing=date(2026, 12, day)) for day in range(1, 9))
    text = as_text(contact_card(seen(replace(BARE, deals=many)), CRM, TODAY, VIEW))
    assert "--- Deals · 8 open · €288,000\n" in text
    assert text.count("\nDeal ") == 5
    assert "+ 3 open\n  … Deal 6" in text


def test_several_contacts_with_one_address() -> None:
    other = replace(ADA, id="c9", name="Ada L.", title="Purchasing", deals=(WON, LATER), notes=(), activities=())
    expect(
        message(opened(replace(known(ADA_PERSON, replace(BARE, url="https://crm.example/c2"), other), leads=(LEAD,)))),
        """
        # Bob Ross
        ---
        No deals in Zoho CRM
        ---
        bob@analytical.example >
        --- Also with this address
        Ada L. / Purchasing · Analytical Ltd >
          … ● Open deals “Training” closes on 1 Feb 2027
          … Training / Qualification · 1 Feb 2027
        ---
        Carl Gauss / Lead · Qualified · Professor · Göttingen >
        ---
        [Open in Zoho CRM]
        """,
    )


def test_a_lead_is_shown_as_a_lead() -> None:
    expect(
        message(opened(PersonView(Person("", "carl@goettingen.example"), leads=(LEAD,)))),
        """
        # Carl Gauss
        Professor · Göttingen
        ---
        ● Lead Qualified
        ---
        carl@goettingen.example >
          … Owner Kim
        ---
        [Open in Zoho CRM]
        """,
    )


def test_nobody_known_but_the_company_is() -> None:
    grace = Contact("c5", "Grace Hopper", ("g@hopper.example",), "Admiral", HOPPER)
    others = tuple(Contact(f"c{place}", f"Colleague {place}", (), account=HOPPER) for place in range(6, 9))
    account = KnownAccount(HOPPER, (grace, *others), 4, (replace(PILOT, amount=euros(9000)),))
    expect(
        message(opened(PersonView(GRACE_PERSON, account=account, perhaps=(grace,)))),
        """
        # Grace Hopper
        grace@hopper.example
        ---
        grace@hopper.example is not in Zoho CRM
        Perhaps a second address of Grace Hopper? Same name and company. >
        ---
        Hopper Inc is: 4 contacts, 1 open deal (€9,000) >
        Grace Hopper / Admiral >
        Colleague 6 >
        Colleague 7 >
          … Colleague 8 >
        """,
    )


def test_nothing_known() -> None:
    others = (PersonView(Person("", f"{name}@free.example")) for name in ("joe", "zoë"))
    known_company = PersonView(Person("Sam", "sam@hopper.example"), account=KnownAccount(HOPPER, (), 0, ()))
    expect(
        message(opened(PersonView(Person("", "who@xn--mnchen-3ya.example")), *others, known_company, known(ADA_PERSON, BARE))),
        """
        # who@münchen.example
        ---
        who@münchen.example is not in Zoho CRM
        --- Also in this mail
        Bob Ross >
        + 3 unknown
          … joe@free.example
          … zoë@free.example
          … Sam / sam@hopper.example · Hopper Inc >
        """,
    )


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (
            nobody(About.COLLEAGUES, sender=Person("Kim", "kim@corp.example")),
            "# Kim\nkim@corp.example\n---\nNobody outside corp.example in this mail.",
        ),
        (
            nobody(About.LIST, "python-announce", Person("", "list@python.example")),
            "# list@python.example\n---\nA mailing list: python-announce. Nothing to look up.",
        ),
        (nobody(About.LIST), "---\nA mailing list. Nothing to look up."),
        (
            nobody(About.NO_REPLY, sender=Person("Shop", "no-reply@shop.example")),
            "# Shop\nno-reply@shop.example\n---\nSent by a machine. Nobody to look up.",
        ),
        (nobody(About.NOBODY), "---\nThis mail does not say who it is from. Nobody to look up."),
    ],
)
def test_nobody_to_look_up(answer: OpenMessage, text: str) -> None:
    expect(message(answer), text)


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (TimedOut(CRM, 4), "Zoho CRM did not answer within 4\u00a0s. [Retry] / Reference 7f3a"),
        (TimedOut(CRM, 0), "Zoho CRM did not answer in time. [Retry] / Reference 7f3a"),
        (Unavailable(CRM), "Zoho CRM cannot be reached now. [Retry] / Reference 7f3a"),
        (RateLimited(CRM, 30), "Zoho CRM was asked too often. [Retry] / It answers again in 30 seconds. · Reference 7f3a"),
        (
            BadAnswer(CRM),
            "Zoho CRM sent an answer that MailMagnet cannot read. [Retry] / If it stays so, tell your admin. · Reference 7f3a",
        ),
        (NotAuthorised(CRM), "MailMagnet has no access to your Zoho CRM. / Ask your admin to connect it. · Reference 7f3a"),
        (
            NotPermitted(CRM),
            "Your profile in Zoho CRM lacks the permission “Mail Integration”. / Ask your admin for it. · Reference 7f3a",
        ),
        (
            NotPermitted(CRM, "the profile lacks Mail Integration"),
            "Your profile in Zoho CRM lacks the permission “Mail Integration”. / Ask your admin for it. · Reference 7f3a",
        ),
        (
            NotPermitted(CRM, "no right to read contacts"),
            "Your profile in Zoho CRM does not allow this. / Ask your admin for it. · Reference 7f3a",
        ),
        (NotFound(CRM), "This is not in Zoho CRM any more. / Reference 7f3a"),
    ],
)
def test_the_crm_does_not_answer(problem: Upstream, said: str) -> None:
    answer = opened(PersonView(Person("Ada Lovelace", "ada@analytical.example")), PersonView(GRACE_PERSON), problem=problem)
    expect(
        message(answer),
        f"# Ada Lovelace\nada@analytical.example\n---\n{said}\n--- Also in this mail\nGrace Hopper / grace@hopper.example",
    )


def test_retry_opens_the_same_message_again() -> None:
    (button,) = [each for each in clicks(message(opened(PersonView(ADA_PERSON), problem=TimedOut(CRM, 4)))) if "action" in each]
    assert button["action"] == {
        "function": "https://addon.example/retry-message",
        "parameters": [{"key": "message_id", "value": MESSAGE_ID}],
    }


def test_overdue_activities_are_marked_when_nothing_is_planned() -> None:
    late = Activity("t1", ActivityKind.TASK, "Send offer", date(2026, 11, 10), False)
    text = as_text(contact_card(seen(replace(BARE, activities=(late,))), CRM, TODAY, VIEW))
    assert "\nNext Task: Send offer, 10 Nov overdue\n" in text


def test_the_same_card_in_german_numbers_and_dates() -> None:
    text = as_text(message(opened(known(ADA_PERSON, ADA)), replace(VIEW, reader=Reader("de-DE", "Europe/Berlin"))))
    assert "Renewal 2027 / Negotiation · 36.000\u00a0€ · 30. Nov. >" in text
    assert "Deals · 4 open · 48.000\u00a0€ · 5.000\u00a0$" in text


# One record


def test_an_account() -> None:
    expect(
        account_card(KnownAccount(ANALYTICAL, (ADA, BARE), 12, (RENEWAL, PILOT)), CRM, TODAY, VIEW),
        """
        # Analytical Ltd
        analytical.example
        --- Deals · 2 open · €48,000
        Renewal 2027 / Negotiation · €36,000 · 30 Nov >
        Pilot Lyon overdue / Proposal · €12,000 · 3 Nov
        --- Contacts · 12
        Ada Lovelace / Head of Procurement >
        Bob Ross >
        and 10 more
        ---
        +33 1 23 45 67 89 >
          … Owner Kim
        ---
        [Open in Zoho CRM]
        """,
    )


def test_an_account_with_nothing() -> None:
    expect(
        account_card(KnownAccount(Account("a9", ""), (), 0, ()), CRM, TODAY, VIEW),
        """
        # Account
        ---
        No open deals in Zoho CRM
        """,
    )


def test_a_lead_with_nothing() -> None:
    expect(lead_card(Lead("l9", "", ("x@y.example",)), CRM), "# x@y.example\n---\n● Lead\n---\nx@y.example >")


# Search


def test_a_search() -> None:
    expect(
        search_card(Found((ADA,), (ANALYTICAL, HOPPER), (RENEWAL, LATER)), "anal", CRM, TODAY, VIEW),
        """
        ---
        [Search contacts, accounts, deals: anal]
        [Search]
        --- Contacts · 1
        Ada Lovelace / Head of Procurement · Analytical Ltd >
        --- Accounts · 2
        Analytical Ltd / analytical.example >
        Hopper Inc / hopper.example >
        --- Deals · 2
        Renewal 2027 / Analytical Ltd · Negotiation · €36,000 · 30 Nov >
        Training / Qualification · 1 Feb 2027 >
        """,
    )


def test_a_search_that_finds_nothing_keeps_the_words() -> None:
    expect(
        search_card(Found(), "x & <y>", CRM, TODAY, VIEW),
        """
        ---
        [Search contacts, accounts, deals: x & <y>]
        [Search]
        ---
        Nothing in Zoho CRM under “x & <y>”.
        """,
    )


# Homepage

MAILBOX = Mailbox(
    "corp.example",
    "u1",
    "kim@corp.example",
    Cursor("1"),
    RunCounts(
        NOW - timedelta(minutes=4),
        40,
        {Category.CUSTOMER: 2},
        remaining=30,
        day=DayCounts(TODAY, {Category.CLOSING_THIS_MONTH: 3, Category.OPEN_DEALS: 0, Category.CUSTOMER: 9}),
    ),
)
MAILS = (
    CustomerMail("19a", "ada@analytical.example", NOW - timedelta(hours=1), "Re: invoice", "Ada Lovelace", True),
    CustomerMail("19b", "bob@analytical.example", NOW - timedelta(days=1), "", "Bob Ross"),
    CustomerMail("19c", "carl@analytical.example", NOW - timedelta(days=30)),
)
HOME = Homepage(CRM, TODAY, (PILOT, RENEWAL), MAILS, MAILBOX)


def test_the_homepage() -> None:
    expect(
        home_card(HOME, VIEW),
        """
        --- Closing this month · 2 deals · €48,000
        Renewal 2027 / Analytical Ltd · 30 Nov >
        Pilot Lyon overdue / Analytical Ltd · 3 Nov >
        --- New from customers · 1
        Ada Lovelace ● / Re: invoice · 09:30 >
        Bob Ross / (no subject) · yesterday >
        carl@analytical.example / Cannot be read now · 21 Oct >
        ---
        [Search contacts, accounts, deals: ]
        [Search]
        ---
        Sorting: 12 mails sorted today, last run 4 min ago / Closing this month 3 · Customer 9 · 30 more to come
        """,
    )


@pytest.mark.parametrize(
    ("unread", "header"), [(0, "--- New from customers"), (4, "--- New from customers · 4"), (5, "--- New from customers · 5+")]
)
def test_of_the_latest_mails_the_unread_ones_are_new(unread: int, header: str) -> None:
    mails = tuple(replace(MAILS[0], mail_id=str(number), unread=number < unread) for number in range(5))
    assert header in as_text(home_card(replace(HOME, mails=mails), VIEW)).splitlines()


def test_a_customers_mail_is_opened_by_its_id_alone_in_its_owners_account() -> None:
    opens = [click["openLink"]["url"] for click in clicks(home_card(replace(HOME, closing=()), VIEW)) if "openLink" in click]
    assert opens == [f"https://mail.google.com/mail/?authuser={MAILBOX.address}#all/{mail.mail_id}" for mail in MAILS]


NOTHING_SORTED = dict.fromkeys(Category, 0)


def test_the_homepage_of_somebody_new() -> None:
    new = replace(MAILBOX, last_run=RunCounts(NOW))
    expect(
        home_card(Homepage(CRM, TODAY, (), (), new), VIEW),
        """
        --- Closing this month
        No open deal closes this month.
        --- New from customers
        No mail from customers yet.
        ---
        [Search contacts, accounts, deals: ]
        [Search]
        ---
        Sorting: the first run is still to come
        """,
    )


@pytest.mark.parametrize(
    ("mailbox", "said"),
    [
        (None, "Sorting: your mailbox is not connected / Ask your admin to connect it."),
        (
            replace(MAILBOX, needs_consent=True),
            "Sorting: needs your consent / Gmail stopped letting MailMagnet in. Nothing is sorted until you connect it again.",
        ),
        (
            replace(MAILBOX, last_run=RunCounts(NOW, sorted=NOTHING_SORTED)),
            "Sorting: nothing sorted yet today, last run just now",
        ),
        (replace(MAILBOX, labelling=False), "Sorting: off"),
        (replace(MAILBOX, mailmagnet=False, labelling=False), "Sorting: off"),
        (
            replace(
                MAILBOX,
                last_run=RunCounts(NOW - timedelta(hours=2), sorted=NOTHING_SORTED, day=DayCounts(TODAY, {Category.CUSTOMER: 1})),
            ),
            "Sorting: 1 mail sorted today, last run 2 hr ago / Customer 1",
        ),
        (
            replace(
                MAILBOX,
                last_run=RunCounts(
                    NOW - timedelta(days=2),
                    1,
                    {Category.CUSTOMER: 1},
                    remaining=4,
                    day=DayCounts(TODAY - timedelta(days=2), {Category.CUSTOMER: 1}),
                ),
            ),
            "Sorting: nothing sorted yet today, last run 2 days ago / 4 more to come",
        ),
    ],
)
def test_how_sorting_goes(mailbox: Mailbox | None, said: str) -> None:
    card = home_card(replace(HOME, mails=(), mailbox=mailbox), VIEW)
    check_card(card)
    assert as_text(card).splitlines()[-1] == said


def test_the_homepage_with_everything_down() -> None:
    down = Homepage(CRM, None, None, None, None, crm_problem=Unavailable(CRM), mail_problem=TimedOut("Gmail", 2.5))
    expect(
        home_card(down, VIEW, "7f3a"),
        """
        --- Closing this month
        Zoho CRM cannot be reached now. [Retry] / Reference 7f3a
        --- New from customers
        Gmail did not answer within 2.5\u00a0s. [Retry] / Reference 7f3a
        ---
        [Search contacts, accounts, deals: ]
        [Search]
        """,
    )


def test_the_homepages_retry_asks_again_in_place() -> None:
    down = Homepage(CRM, None, None, (), MAILBOX, crm_problem=Unavailable(CRM))
    assert next(click["action"] for click in clicks(home_card(down, VIEW))) == {"function": "https://addon.example/retry-home"}


# Errors

RETRY_CONTACT = {"function": "https://addon.example/retry-contact", "parameters": [{"key": "id", "value": "c1"}]}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TimedOut("Gmail", 4), "Gmail did not answer within 4\u00a0s. [Retry] / Reference 7F3A"),
        (NotAuthorised("Gmail"), "MailMagnet has no access to your Gmail. / Ask your admin to connect it. · Reference 7F3A"),
        (NotPermitted("Gmail"), "Gmail does not let MailMagnet read this mail. / Ask your admin to allow it. · Reference 7F3A"),
        (NotFound(CRM), "This is not in Zoho CRM any more. / Reference 7F3A"),
        (
            NotFound("Gmail"),
            "Gmail does not find this mail. / Drafts, mail you wrote and deleted mail are not shown: open another. · Reference 7F3A",
        ),
        (Upstream("Gmail"), "Gmail did not do what it was asked. [Retry] / Reference 7F3A"),
        (Forbidden(), "You are not allowed to do this. / Ask your admin. · Reference 7F3A"),
        (NotVerified(), "MailMagnet could not make sure who you are. / Close the panel and open it again. · Reference 7F3A"),
        (BadRequest(), "MailMagnet could not read what Gmail sent. / Close the panel and open it again. · Reference 7F3A"),
        (
            ScopesMissing(["x"]),
            "MailMagnet needs your consent for this. / Open it again and allow what it asks for. · Reference 7F3A",
        ),
        (LeaseTaken(), "Your mail is being sorted right now. [Retry] / Come back in a minute. · Reference 7F3A"),
        (
            MailMagnetError(),
            "MailMagnet could not finish this. [Retry] / If it stays so, tell your admin the reference. · Reference 7F3A",
        ),
    ],
)
def test_errors_say_what_happened_and_what_to_do(error: MailMagnetError, said: str) -> None:
    card = error_card(error, "7F3A", VIEW, (Path.RETRY_CONTACT, {"id": "c1"}))
    expect(card, f"---\n{said}")
    assert [click["action"] for click in clicks(card)] == [RETRY_CONTACT] * ("[Retry]" in said)


def test_what_an_error_says_for_the_log_is_not_shown() -> None:
    card = error_card(BadAnswer(CRM, "<html>secret"), "7F3A", VIEW, (Path.RETRY_CONTACT, {}))
    assert "secret" not in json.dumps(card)


def test_a_search_that_failed_keeps_the_words_for_retry_to_take() -> None:
    card = failed_search_card(TimedOut(CRM, 4), "7F3A", "x & <y>", VIEW)
    expect(
        card,
        """
        ---
        [Search contacts, accounts, deals: x & <y>]
        [Search]
        ---
        Zoho CRM did not answer within 4\u00a0s. [Retry] / Reference 7F3A
        """,
    )
    assert [click["action"] for click in clicks(card)][1:] == [{"function": "https://addon.example/retry-search"}]


def test_every_path_has_one_that_asks_again_in_place() -> None:
    first = [path for path in Path if path.again is not path]
    assert {path.again for path in first} == set(Path) - set(first)


# Envelopes


@pytest.mark.parametrize(
    "answer",
    [
        answers.show(home_card(HOME, VIEW)),
        answers.push_card(home_card(HOME, VIEW)),
        answers.update_card(home_card(HOME, VIEW)),
        answers.update_card(home_card(HOME, VIEW), "Saved."),
        answers.notify("Type a name to search for."),
        answers.requesting_google_scopes(["https://www.googleapis.com/auth/gmail.modify"]),
        answers.custom_authorization_prompt(home_card(HOME, VIEW)),
    ],
)
def test_every_envelope_is_one_of_googles(answer: dict[str, Any]) -> None:
    check_answer(answer)


def test_a_form_is_answered_in_place_with_a_notice() -> None:
    answer = answers.update_card({"sections": []}, "Saved.")
    action = {"navigations": [{"updateCard": {"sections": []}}], "notification": {"text": "Saved."}}
    assert answer == {"renderActions": {"action": action}, "stateChanged": True}


# Nothing that a mail or the CRM says can break a card

HOSTILE = """<b>&"'</b><a href=javascript:alert(1)>x</a>"""


def html_fields(card: Card) -> Iterator[str]:
    for section in card["sections"]:
        yield section.get("header", "")
        for widget in section["widgets"]:
            for kind in ("textParagraph", "decoratedText"):
                yield widget.get(kind, {}).get("text", "")


def clicks(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield from [node["onClick"]] if "onClick" in node else []
        for value in node.values():
            yield from clicks(value)
    elif isinstance(node, list):
        for each in node:
            yield from clicks(each)


OUR_TAGS = re.compile(r'</?b>|<font color="#[0-9a-f]{6}">|</font>')


def assert_safe(card: Card) -> None:
    check_card(card)
    for field in html_fields(card):
        bare = OUR_TAGS.sub("", field)
        assert not re.search(r"""[<>"']""", bare), field
        assert "&" not in re.sub(r"&(amp|lt|gt|quot|#x27);", "", bare), field
    for click in clicks(card):
        if "action" in click:
            assert click["action"]["function"].removeprefix(VIEW.addon_url) in set(Path)
            assert {each["key"] for each in click["action"].get("parameters", ())} <= {"id", "message_id"}
    json.dumps(card, ensure_ascii=False).encode()
    shown = as_text(card)
    assert "None" not in shown
    assert not re.search(r"^ ?·|· ?$|· ·|  ·|/ ·", shown, re.MULTILINE), shown


def test_html_fields_are_escaped_and_plain_ones_are_not() -> None:
    line = widgets.decorated_text(HOSTILE, below=HOSTILE)["decoratedText"]
    assert line["text"] == "&lt;b&gt;&amp;&quot;&#x27;&lt;/b&gt;&lt;a href=javascript:alert(1)&gt;x&lt;/a&gt;"
    assert line["bottomLabel"] == HOSTILE
    assert widgets.text_paragraph(HOSTILE)["textParagraph"]["text"] == line["text"]
    made = widgets.card([widgets.section([widgets.text_paragraph("x")], HOSTILE)], HOSTILE, HOSTILE)
    assert made["sections"][0]["header"] == line["text"]
    assert made["header"] == {"title": HOSTILE, "subtitle": HOSTILE}
    assert widgets.button(HOSTILE, widgets.run("https://a.example"))["text"] == HOSTILE
    assert widgets.text_input("words", "Search", HOSTILE)["textInput"]["value"] == HOSTILE


def test_html_is_html_only_when_a_widget_function_made_it() -> None:
    assert widgets.html(widgets.bold("a<b")) == "<b>a&lt;b</b>"
    assert widgets.html(widgets.bold("x") + "<i>") == "&lt;b&gt;x&lt;/b&gt;&lt;i&gt;"
    assert type(widgets.text_paragraph(widgets.bold("x"))["textParagraph"]["text"]) is str


@pytest.mark.parametrize(
    ("url", "opens"),
    [
        ("https://crm.example/contacts/1?a=b#c", True),
        ("http://127.0.0.1:8080/contacts/1", True),
        ("http://crm.example/", False),
        ("http://127.0.0.1.evil.example/", False),
        ("javascript:alert(1)", False),
        ("javascript://crm.example/%0aalert(1)", False),
        ("data:text/html,x", False),
        ("https:///x", False),
        ("https://[::1", False),
        ("https://crm.example/\nx", False),
        ("https://crm.example/\ud800", False),
        ("https://crm.example/" + "x" * 3000, False),
        ("//crm.example", False),
        ("", False),
    ],
)
def test_only_web_pages_are_opened(url: str, opens: bool) -> None:
    assert widgets.open_link(url) == ({"openLink": {"url": url}} if opens else None)


@pytest.mark.parametrize(
    ("phone", "url"),
    [
        ("+33 (0)1 23-45", "tel:+33012345"),
        ("01234 / 56 x 78", "tel:0123456"),
        ("+49 89 1234;ext=5", "tel:+49891234"),
        ("*100#", "tel:*100%23"),
        ("call me", None),
        ("javascript:alert(1)", None),
        ("", None),
    ],
)
def test_phone_numbers_can_be_called(phone: str, url: str | None) -> None:
    assert widgets.call(phone) == ({"openLink": {"url": url}} if url else None)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("ada@analytical.example", "mailto:ada@analytical.example"),
        ("a?cc=b&d@x.example", "mailto:a%3Fcc%3Db%26d@x.example"),
        ("no address", None),
        ("\ud800@x.example", None),
        ("", None),
    ],
)
def test_addresses_can_be_written_to(address: str, url: str | None) -> None:
    assert widgets.write_to(address) == ({"openLink": {"url": url}} if url else None)


def test_over_100_widgets_every_section_stays_and_says_what_is_missing() -> None:
    lines = [widgets.text_paragraph(str(number)) for number in range(150)]
    made = widgets.card([widgets.section(lines[:3]), widgets.section(lines, "Long", 120), widgets.section(lines[:5], "Short")])
    check_card(made)
    assert [len(each["widgets"]) for each in made["sections"]] == [3, 92, 5]
    assert "and 59 more" in made["sections"][1]["widgets"][-1]["textParagraph"]["text"]
    assert made["sections"][1]["uncollapsibleWidgetsCount"] == 92
    assert "and 59 more" in as_text(made)


def test_over_100_sections_the_last_one_says_what_is_missing() -> None:
    made = widgets.card([widgets.section([widgets.text_paragraph(str(number))] * 2) for number in range(120)])
    check_card(made)
    assert as_text(made).splitlines()[-1] == "and 42 more"


# Our own mark between facts, and the word that a forgotten "if" would show, are looked for in the card: no name has them.
names = st.one_of(
    st.sampled_from(
        [HOSTILE, "", " ", "\u200f", "Ada", "עדה לאבלייס", "أدا \u202e", "👩\u200d💻 Ada 🇫🇷", "x" * 900, "a\nb", "\ud800"]
    ),
    st.text(max_size=40).filter(lambda text: not re.search("[·/]|None", text)),
)
addresses = st.lists(names | names.map(lambda text: f"{text}@x.example"), max_size=3).map(tuple)
money = st.none() | st.builds(
    Money, st.decimals(allow_nan=True, allow_infinity=True), st.sampled_from(["EUR", "JPY", "KWD", "XYZ"]) | names
)
days = st.none() | st.dates(date(1900, 1, 1), date(2200, 1, 1))
moments = st.integers(0, 4 * 10**9).map(lambda second: datetime.fromtimestamp(second, UTC))
urls = st.sampled_from(["", "javascript:alert(1)", "https://crm.example/x", "http://127.0.0.1:1/x"]) | names
accounts = st.builds(Account, st.text(max_size=5), names, names, names, names, urls)
deals = st.builds(
    Deal,
    id=st.text(max_size=5),
    name=names,
    stage=names,
    state=st.sampled_from(DealState),
    amount=money,
    closing=days,
    account=st.none() | accounts,
    contact_ids=st.tuples() | st.tuples(st.text(max_size=5)),
    url=urls,
)
some_deals = st.lists(deals, max_size=9).map(tuple)
activities = st.builds(
    Activity, st.just("t"), st.sampled_from(ActivityKind), names, moments | st.dates(date(1990, 1, 1)), st.booleans(), names
)
contacts = st.builds(
    Contact,
    st.text(max_size=5),
    names,
    addresses,
    names,
    st.none() | accounts,
    names,
    names,
    urls,
    some_deals,
    st.lists(activities, max_size=4).map(tuple),
    st.lists(st.builds(Note, st.just("n"), names, moments, names), max_size=4).map(tuple),
)
leads = st.builds(Lead, st.text(max_size=5), names, addresses, names, names, names, names, names, urls)
known_accounts = st.builds(KnownAccount, accounts, st.lists(contacts, max_size=3).map(tuple), st.integers(0, 5000), some_deals)
people = st.builds(
    PersonView,
    st.builds(Person, names, names.map(lambda text: f"{text}@x.example")),
    st.lists(contacts.map(seen), max_size=2).map(tuple),
    st.lists(leads, max_size=2).map(tuple),
    st.none() | known_accounts,
    st.lists(contacts, max_size=1).map(tuple),
)
problems = st.sampled_from([None, TimedOut(HOSTILE, 4), RateLimited("עדה", 90), NotPermitted("", ""), NotFound(CRM)])
views = st.builds(
    View,
    st.builds(
        Reader,
        st.sampled_from(["en", "de-AT", "he", "ar-EG", "ja", "hi", "xx", "zh-Hant-TW", ""]),
        st.sampled_from(["UTC", "Asia/Kathmandu", "Pacific/Kiritimati", "nowhere"]),
    ),
    st.just(NOW),
    st.just(VIEW.addon_url),
)
slow = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)


@slow
@given(st.lists(people, max_size=4), problems, views)
def test_any_open_message_makes_a_good_card(persons: list[PersonView], problem: Upstream | None, view: View) -> None:
    assert_safe(message(opened(*persons, problem=problem), view))


@slow
@given(contacts, leads, known_accounts, views)
def test_any_record_makes_a_good_card(contact: Contact, lead: Lead, known_account: KnownAccount, view: View) -> None:
    assert_safe(contact_card(seen(contact), HOSTILE, TODAY, view))
    assert_safe(lead_card(lead, HOSTILE))
    assert_safe(account_card(known_account, HOSTILE, TODAY, view))


@slow
@given(
    st.builds(
        Found,
        st.lists(contacts, max_size=2).map(tuple),
        st.lists(accounts, max_size=2).map(tuple),
        some_deals,
    ),
    names,
    views,
)
def test_any_search_makes_a_good_card(found: Found, searched: str, view: View) -> None:
    assert_safe(search_card(found, searched, HOSTILE, TODAY, view))


@slow
@given(
    st.lists(deals, max_size=150).map(tuple),
    st.lists(st.builds(CustomerMail, names, names, moments, names, names, st.booleans()), max_size=6).map(tuple),
    views,
)
def test_any_homepage_makes_a_good_card(closing: tuple[Deal, ...], mails: tuple[CustomerMail, ...], view: View) -> None:
    assert_safe(home_card(Homepage(HOSTILE, TODAY, closing, mails, MAILBOX), view))
