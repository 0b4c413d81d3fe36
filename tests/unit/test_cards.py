"""Every card in every state: the words a rep reads, held against Google's schema, and nothing that mail or CRM can break."""

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from textwrap import dedent
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cards import answers, widgets, words
from cards.account_card import account_card
from cards.contact_card import contact_card
from cards.customers_mail_card import customers_mail_card
from cards.error_card import error_card, failed_search_card
from cards.frame import Frame, Path
from cards.home_card import home_card
from cards.lead_card import lead_card
from cards.message_card import message_card, person_card
from cards.search_card import search_card
from mailmagnet.categories import Category, decide
from mailmagnet.consent import Grant
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
from mailmagnet.customers_mail import CustomerMail, CustomersMail
from mailmagnet.errors import (
    BadAnswer,
    BadRequest,
    Forbidden,
    GrantMissing,
    LeaseTaken,
    MailMagnetError,
    NotAuthorised,
    NotFound,
    NotPermitted,
    NotVerified,
    RateLimited,
    ScopesMissing,
    Service,
    Side,
    SignInNeeded,
    TimedOut,
    Unavailable,
    Upstream,
)
from mailmagnet.gmail import GMAIL
from mailmagnet.homepage import Homepage
from mailmagnet.identity import Locale
from mailmagnet.open_message import OpenMessage, PersonInCrm
from mailmagnet.open_record import Opened, OpenedLead
from mailmagnet.people import About, MailPeople, Person
from mailmagnet.standing import ContactStanding
from mailmagnet.store import DayCounts, Mailbox, Progress, Reason, RunCounts, Trouble
from sandbox.cards.card_check import answer_faults, card_faults

Card = dict[str, Any]

CRM = "Zoho CRM"
ZOHO = Service(Side.CRM, CRM)
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
TODAY = date(2026, 11, 20)
FRAME = Frame(
    Locale("en-GB", "Europe/Paris"),
    NOW,
    "https://addon.example",
    Path.HOME,
    lambda page, ids: f"https://pages.example{page}?link={'-'.join(ids.values())}",
    reference="7f3a",
)
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


def seen(contact: Contact) -> ContactStanding:
    return ContactStanding(contact, decide(contact.deals, TODAY))


def known(person: Person, *contacts: Contact) -> PersonInCrm:
    return PersonInCrm(person, tuple(seen(contact) for contact in contacts))


def opened(*people: PersonInCrm, problem: Upstream | None = None) -> OpenMessage:
    """As if the first of them had written the mail."""
    mail = MailPeople(About.PEOPLE, tuple(each.person for each in people), sender=people[0].person if people else None)
    return OpenMessage(mail, people, CRM, None if problem else TODAY, problem)


def nobody(about: About, list_name: str = "", sender: Person | None = None) -> OpenMessage:
    return OpenMessage(MailPeople(about, (), list_name, sender), (), CRM, TODAY, home="corp.example")


def message(answer: OpenMessage, frame: Frame = FRAME) -> Card:
    return message_card(answer, replace(frame, path=Path.MESSAGE, ids={"message_id": MESSAGE_ID}))


Record = TypeVar("Record")


def of(record: Record, crm_name: str = CRM) -> Opened[Record]:
    return Opened(record, crm_name, TODAY)


def pressed(path: str, **parameters: str) -> dict[str, Any]:
    """The action of a button that calls a path of ours."""
    named = [{"key": key, "value": value} for key, value in parameters.items()]
    return {"function": f"https://addon.example{path}", "parameters": named}


# A card as lines: a click is ">", what is folded is "…" below the button that unfolds it; colours and bold are left out.


def as_text(card: Card) -> str:
    header = card.get("header", {})
    lines = [f"# {header['title']}", *([header["subtitle"]] if "subtitle" in header else [])] if header else []
    for section in card["sections"]:
        lines.append(f"--- {read(section.get('header', ''))}".rstrip())
        folds_after = section["uncollapsibleWidgetsCount"] if section.get("collapsible") else len(section["widgets"])
        for place, widget in enumerate(section["widgets"]):
            if place == folds_after:
                lines.append(f"v {section['collapseControl']['expandButton']['text']}")
            lines.append(("  … " if place >= folds_after else "") + widget_line(widget))
    return "\n".join(lines)


def widget_line(widget: dict[str, Any]) -> str:
    ((kind, content),) = widget.items()
    match kind:
        case "textParagraph":
            return read(content["text"])
        case "buttonList":
            return " ".join(f"[{button['text']}]" for button in content["buttons"])
        case "selectionInput":
            return f"({content['label']})"
        case "textInput":
            return f"[{content['label']}: {content.get('value', '')}]"
    below = f" / {content['bottomLabel']}" if "bottomLabel" in content else ""
    button = f" [{content['button']['text']}]" if "button" in content else ""
    return f"{read(content['text'])}{button}{below}{' >' if 'onClick' in content else ''}"


def read(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


def expect(card: Card, text: str) -> None:
    assert card_faults(card) == []
    assert as_text(card) == dedent(text).strip()


# Message opened


def test_a_known_contact() -> None:
    expect(
        message(opened(known(ADA_PERSON, ADA), known(Person("", "bob@analytical.example"), BARE))),
        """
        # Ada Lovelace
        Analytical Ltd
        ---
        ● Closes 30 Nov · Renewal 2027 · €36,000 / Negotiation · 1 more overdue, €12,000 >
        → Call with Ada, tomorrow 10:00
        “Wants invoice in two parts, the first in January.” Kim, 3 days ago
        Head of Procurement · Kim’s
        [Open in Zoho CRM] [Call]
        Reply to Ada Lovelace >
        Mail with Ada Lovelace >
        ---
        Pilot Lyon · €12,000 / 17 days late · Proposal
        Training / 1 Feb 2027 · Qualification
        Someday · US$4,999.50 / Qualification
        ---
        v Closed: 1 won, 1 lost
          … Renewal 2026 · €30,000 / won 28 Nov 2025
          … Pilot Nice / lost
        ---
        v 1 earlier meeting
          … Meeting: Kick-off, 1 Oct
        --- In this mail · Ada Lovelace wrote it
        Bob Ross >
        """,
    )


def test_with_one_deal_there_is_the_headline_and_no_list() -> None:
    call = replace(ADA.activities[1], subject="")
    contact = replace(ADA, deals=(RENEWAL,), activities=(call,), mine=True)
    expect(
        message(opened(known(ADA_PERSON, contact))),
        """
        # Ada Lovelace
        Analytical Ltd
        ---
        ● Closes 30 Nov · Renewal 2027 · €36,000 / Negotiation >
        → Call tomorrow 10:00
        “Wants invoice in two parts, the first in January.” Kim, 3 days ago
        Head of Procurement · yours
        [Open in Zoho CRM] [Call]
        Reply to Ada Lovelace >
        Mail with Ada Lovelace >
        """,
    )


def test_nothing_of_a_deal_is_said_twice() -> None:
    text = as_text(message(opened(known(ADA_PERSON, ADA))))
    assert [text.count(deal.name) for deal in ADA.deals] == [1] * len(ADA.deals)
    assert "ada@analytical.example" not in text


def test_a_contact_with_nothing_but_a_name_has_no_empty_heading() -> None:
    expect(
        message(opened(known(Person("", "bob@analytical.example"), replace(BARE, addresses=())))),
        """
        # Bob Ross
        ---
        No deals in Zoho CRM
        Reply to Bob Ross >
        Mail with Bob Ross >
        """,
    )


@pytest.mark.parametrize(
    ("deals", "said"),
    [
        ((RENEWAL,), "● Closes 30 Nov · Renewal 2027 · €36,000 / Negotiation >"),
        ((replace(RENEWAL, closing=TODAY),), "● Closes today · Renewal 2027 · €36,000 / Negotiation >"),
        ((replace(RENEWAL, closing=date(2026, 11, 21)),), "● Closes tomorrow · Renewal 2027 · €36,000 / Negotiation >"),
        ((replace(RENEWAL, closing=date(2026, 11, 26)),), "● Closes Thu (6 days) · Renewal 2027 · €36,000 / Negotiation >"),
        ((replace(RENEWAL, closing=date(2026, 11, 19)),), "● 1 day late · Renewal 2027 · €36,000 / Negotiation >"),
        ((replace(RENEWAL, closing=date(2025, 11, 19)),), "● 366 days late · Renewal 2027 · €36,000 / Negotiation >"),
        ((RENEWAL, replace(PILOT, amount=None)), "● Closes 30 Nov · Renewal 2027 · €36,000 / Negotiation · 1 more overdue >"),
        ((LATER,), "Closes 1 Feb 2027 · Training / Qualification"),
        ((UNDATED,), "No closing date · Someday · US$4,999.50 / Qualification"),
        ((replace(UNDATED, amount=euros(0), name=""),), "No closing date · Deal · €0 / Qualification"),
        ((WON,), "Customer · won Renewal 2026, 28 Nov 2025"),
        ((WON, LOST), "Customer · won Renewal 2026, 28 Nov 2025"),
        ((replace(WON, closing=date(2026, 7, 10)),), "Customer · won Renewal 2026, 10 Jul"),
        ((replace(WON, closing=None),), "Customer · won Renewal 2026"),
        ((LOST,), "No open deals"),
        ((), "No deals in Zoho CRM"),
    ],
)
def test_the_one_line_that_matters(deals: tuple[Deal, ...], said: str) -> None:
    assert as_text(contact_card(of(seen(replace(ADA, deals=deals))), FRAME)).splitlines()[3] == said


@pytest.mark.parametrize(
    ("deal", "colour"),
    [
        (replace(RENEWAL, closing=TODAY - timedelta(days=1)), widgets.RED),
        (replace(RENEWAL, closing=TODAY), widgets.AMBER),
        (RENEWAL, widgets.AMBER),
        (LATER, ""),
        (UNDATED, ""),
        (WON, ""),
    ],
)
def test_colour_is_for_what_is_urgent(deal: Deal, colour: str) -> None:
    card = contact_card(of(seen(replace(ADA, deals=(deal,), activities=()))), FRAME)
    colours = re.findall('color="(#[0-9a-f]{6})', " ".join(html_fields(card)))
    assert [each for each in colours if each != widgets.GREY] == [colour] * bool(colour)


def test_the_overdue_one_that_decides_the_label_leads_though_others_are_later_still() -> None:
    older = replace(PILOT, id="d9", name="Rollout", closing=date(2026, 9, 1))
    lines = as_text(contact_card(of(seen(replace(ADA, deals=(older, PILOT)))), FRAME)).splitlines()
    assert lines[3] == "● 17 days late · Pilot Lyon · €12,000 / Proposal · 1 more overdue, €12,000"
    assert "Rollout · €12,000 / 80 days late · Proposal" in lines


def test_closed_deals_alone_are_folded_under_their_counts() -> None:
    expect(
        contact_card(of(seen(replace(BARE, deals=(LOST,)))), FRAME),
        """
        # Bob Ross
        ---
        No open deals
        Write to Bob Ross >
        Mail with Bob Ross >
        ---
        v Closed: 1 lost
          … Pilot Nice / lost
        ---
        bob@analytical.example >
        """,
    )
    more = tuple(replace(WON, id=str(number), name=f"Won {number}", closing=date(2024, 1, number)) for number in (1, 2))
    assert "v Also closed: 2 won, 1 lost" in as_text(contact_card(of(seen(replace(BARE, deals=(WON, LOST, *more)))), FRAME))


def test_many_open_deals_are_folded_after_the_headline_and_five() -> None:
    many = tuple(replace(RENEWAL, id=str(day), name=f"Deal {day}", closing=date(2026, 12, day)) for day in range(1, 10))
    text = as_text(contact_card(of(seen(replace(BARE, deals=many))), FRAME))
    assert text.count("\nDeal ") == 5
    assert "v 3 more open deals\n  … Deal 7 · €36,000" in text
    assert "v 1 more open deal\n" in as_text(contact_card(of(seen(replace(BARE, deals=many[:7]))), FRAME))


def test_the_past_is_folded_under_the_name_of_what_it_is() -> None:
    noted = tuple(Note(str(day), f"Note {day}", datetime(2026, 10, day, 9, tzinfo=UTC)) for day in range(1, 4))
    called = Activity("t9", ActivityKind.CALL, "", datetime(2026, 9, 30, 9, tzinfo=UTC), True)
    names = {
        "v 2 earlier notes": replace(BARE, notes=noted),
        "v 3 earlier notes and calls": replace(BARE, notes=noted, activities=(called,)),
        "v 4 earlier notes, calls and meetings": replace(BARE, notes=noted, activities=(called, ADA.activities[2])),
        "v 1 call": replace(BARE, activities=(called,)),
        "v 8 earlier notes": replace(BARE, notes=noted * 4),
    }
    for name, contact in names.items():
        assert name in as_text(contact_card(of(seen(contact)), FRAME)).splitlines()


def test_of_several_contacts_with_one_address_the_one_that_decides_the_label_leads_and_it_says_through_whom() -> None:
    deciding = replace(ADA, id="c9", name="Ada L.", title="Purchasing", deals=(WON, LATER), notes=(), activities=(), phone="")
    also = replace(BARE, account=HOPPER, deals=(WON,))
    expect(
        message(opened(replace(known(ADA_PERSON, deciding, also), leads=(LEAD,)))),
        """
        # Ada L.
        Analytical Ltd
        ---
        Closes 1 Feb 2027 · Training / Qualification · through Ada L.
        Purchasing · Kim’s
        [Open in Zoho CRM]
        Reply to Ada L. >
        Mail with Ada L. >
        ---
        v Closed: 1 won
          … Renewal 2026 · €30,000 / won 28 Nov 2025
        --- Also with this address
        Bob Ross / Hopper Inc · Customer >
        Carl Gauss / Lead · Qualified · Professor · Göttingen >
        """,
    )
    text = as_text(message(opened(known(ADA_PERSON, replace(deciding, deals=(WON,)), BARE))))
    assert "Customer · won Renewal 2026, 28 Nov 2025 / through Ada L." in text


def test_a_lead_is_shown_as_a_lead() -> None:
    expect(
        message(opened(PersonInCrm(Person("", "carl@goettingen.example"), leads=(LEAD,)))),
        """
        # Carl Gauss
        Göttingen
        ---
        Lead · Qualified
        Professor · Kim’s
        [Open in Zoho CRM]
        Reply to Carl Gauss >
        Mail with Carl Gauss >
        """,
    )


def test_nobody_known_but_the_company_is() -> None:
    grace = Contact("c5", "Grace Hopper", ("g@hopper.example",), "Admiral", HOPPER)
    known_there = KnownAccount(replace(HOPPER, owner="Kim"), (grace,), 3, (replace(PILOT, amount=euros(9000)), RENEWAL))
    answer = opened(PersonInCrm(GRACE_PERSON, account=known_there, perhaps=(grace,)))
    expect(
        message(answer),
        """
        # Grace Hopper
        grace@hopper.example
        ---
        New at Hopper Inc / 3 contacts there, €45,000 open, Kim’s >
        Perhaps a second address of Grace Hopper: same name and company. >
        """,
    )
    assert as_text(message(answer)).count("grace@hopper.example") == 1


@pytest.mark.parametrize(
    ("company", "said"),
    [
        (KnownAccount(HOPPER, (), 0, ()), "Nobody known there, no open deals"),
        (KnownAccount(replace(HOPPER, owner="Kim", mine=True), (BARE,), 1, (LATER,)), "1 contact there, 1 deal open, yours"),
        (
            KnownAccount(HOPPER, (BARE,), 1200, (UNDATED, replace(RENEWAL, amount=Money(Decimal(4800000), "JPY")))),
            "1,200 contacts there, US$5,000 and JP¥4.8M open",
        ),
    ],
)
def test_what_we_have_with_a_company(company: KnownAccount, said: str) -> None:
    text = as_text(message(opened(PersonInCrm(GRACE_PERSON, account=company))))
    assert text.splitlines()[3] == f"New at Hopper Inc / {said} >"


def test_nothing_known() -> None:
    others = (PersonInCrm(Person("", f"{name}@free.example")) for name in ("joe", "zoë"))
    known_company = PersonInCrm(Person("Sam", "sam@hopper.example"), account=KnownAccount(HOPPER, (), 0, ()))
    expect(
        message(opened(PersonInCrm(Person("", "who@xn--mnchen-3ya.example")), *others, known_company, known(ADA_PERSON, BARE))),
        """
        # who@münchen.example
        ---
        Not in Zoho CRM.
        --- In this mail · who@münchen.example wrote it
        Bob Ross >
        v 3 unknown
          … joe@free.example
          … zoë@free.example
          … Sam / sam@hopper.example · Hopper Inc >
        """,
    )


YEN = Money(Decimal(4800000), "JPY")


def test_the_others_in_a_mail_have_their_stakes() -> None:
    bob = replace(BARE, account=HOPPER, deals=(replace(RENEWAL, amount=YEN), replace(LATER, amount=None)))
    sigrid = Contact("c3", "Sigrid", ("sigrid@analytical.example",), account=ANALYTICAL, deals=(PILOT, UNDATED))
    dan = Contact("c4", "Dan", ("dan@analytical.example",), account=ANALYTICAL, deals=(LATER, replace(LATER, id="x")))
    zuri = Contact("c6", "Zuri", ("zuri@analytical.example",), account=ANALYTICAL, deals=(WON,))
    people = [known(Person("", contact.addresses[0]), contact) for contact in (bob, sigrid, dan, zuri)]
    people.append(PersonInCrm(Person("", "carl@goettingen.example"), leads=(LEAD,)))
    text = as_text(message(opened(known(ADA_PERSON, replace(ADA, deals=(), notes=(), activities=())), *people)))
    assert text.split("wrote it\n")[1].splitlines() == [
        "Bob Ross ● JP¥4.8M / Hopper Inc · closes 30 Nov >",
        "Sigrid ● €12,000 and US$5,000 / 17 days late >",
        "Dan · 2 open deals / closes 1 Feb 2027 >",
        "Zuri / Customer >",
        "Carl Gauss / Lead · Qualified · Professor · Göttingen >",
    ]


def test_a_name_from_right_to_left_with_what_is_at_stake_stands_in_a_line_from_left_to_right() -> None:
    shira = replace(BARE, name="שירה לוי", deals=(PILOT,))
    text = as_text(message(opened(known(ADA_PERSON, BARE), known(GRACE_PERSON, shira))))
    assert "\n\u200e\u2068שירה לוי\u2069 ● €12,000 / " in text


def test_whatever_runs_from_right_to_left_does_not_turn_the_line_that_it_begins() -> None:
    """The first letter that has a direction gives a line its own: a mark that is not seen stands before it (UAX 9)."""
    call = Activity("t", ActivityKind.CALL, "שיחה call", datetime(2026, 11, 21, 9, tzinfo=UTC), False)
    shira = replace(BARE, name="שירה לוי", title="סמנכ״לית רכש", owner="Kim", activities=(call,), notes=(Note("n", "הערה", NOW),))
    card = contact_card(of(seen(shira)), FRAME)
    mail = home_card(replace(HOME, mails=replace(LISTED, mails=(replace(MAILS[0], from_name="שירה לוי"),))), FRAME)
    lines = [line for line in (*as_text(card).splitlines(), *as_text(mail).splitlines()) if re.search("[א-ת]", line)]
    assert lines == [
        "# \u2068שירה לוי\u2069",
        "→ \u200e\u2068שיחה call\u2069, tomorrow 10:00",
        "“\u200e\u2068הערה\u2069” today",
        "\u200e\u2068סמנכ״לית רכש\u2069 · Kim’s",
        "Write to \u2068שירה לוי\u2069 >",
        "Mail with \u2068שירה לוי\u2069 >",
        "● \u200e\u2068שירה לוי\u2069 [Done] / Re: invoice · Analytical Ltd · Open deals · 1 hr ago >",
    ]


def test_whom_the_crm_was_not_asked_for_is_looked_up_on_a_click_by_a_place_and_no_address() -> None:
    zoe = PersonInCrm(Person("Zoë Bell", "zoe@bell.example"), asked=False)
    answer = opened(known(ADA_PERSON, BARE), PersonInCrm(GRACE_PERSON), zoe)
    card = message(answer)
    assert "Zoë Bell / zoe@bell.example · Look up in Zoho CRM >" in as_text(card).splitlines()
    (click,) = [each for each in _clicks(card) if each["function"].endswith(Path.PERSON)]
    assert [(each["key"], each["value"]) for each in click["parameters"]] == [("place", "2")]
    on_top = as_text(person_card(replace(answer, front=2), replace(FRAME, path=Path.PERSON, ids={"place": "2"})))
    assert on_top.splitlines() == ["# Zoë Bell", "zoe@bell.example", "---", "Not in Zoho CRM."]


def test_where_the_crm_has_more_deals_than_it_told_no_total_is_said() -> None:
    many = replace(BARE, deals=(PILOT, LATER), more_deals=True)
    lines = as_text(message(opened(known(ADA_PERSON, many), known(GRACE_PERSON, many)))).splitlines()
    assert "  … There are more deals in Zoho CRM" in lines or "There are more deals in Zoho CRM" in lines
    company = KnownAccount(HOPPER, (), 0, (LATER,), more_deals=True)
    text = as_text(message(opened(PersonInCrm(GRACE_PERSON, account=company))))
    assert "Nobody known there, more than 1 deal open" in text
    assert "US$5,000" not in text


def _clicks(card: object) -> list[Any]:
    if isinstance(card, dict):
        return [card] if "function" in card else [click for each in card.values() for click in _clicks(each)]
    return [click for each in card for click in _clicks(each)] if isinstance(card, list) else []


def test_of_many_people_the_first_are_in_sight_and_the_others_counted() -> None:
    many = [known(Person("", f"p{n}@analytical.example"), Contact(f"p{n}", f"Person {n}", ())) for n in range(8)]
    strangers = [PersonInCrm(Person("", f"s{n}@free.example")) for n in range(2)]
    lines = as_text(message(opened(known(ADA_PERSON, BARE), *many, *strangers))).splitlines()
    at = lines.index("v 3 more, 2 unknown")
    assert (lines[at - 1], lines[at + 1], lines[-1]) == ("Person 4 >", "  … Person 5 >", "  … s1@free.example")


@pytest.mark.parametrize(
    ("sender", "home", "said"),
    [
        (ADA_PERSON, "corp.example", "Bob Ross wrote it"),
        (Person("Kim", "kim@corp.example"), "corp.example", "Bob Ross is the first outside corp.example"),
        (Person("Kim", "kim@free.example"), "", "Bob Ross comes first in it"),
        (None, "", "Bob Ross comes first in it"),
    ],
)
def test_it_says_why_the_first_of_several_was_chosen(sender: Person | None, home: str, said: str) -> None:
    people = (known(ADA_PERSON, BARE), PersonInCrm(GRACE_PERSON))
    mail = MailPeople(About.PEOPLE, tuple(each.person for each in people), sender=sender)
    assert f"--- In this mail · {said}" in as_text(message(OpenMessage(mail, people, CRM, TODAY, home=home))).splitlines()


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
        (TimedOut(ZOHO, 4), "Zoho CRM did not answer within 4\u00a0s. [Retry] / Reference 7f3a"),
        (TimedOut(ZOHO, 0), "Zoho CRM did not answer in time. [Retry] / Reference 7f3a"),
        (Unavailable(ZOHO), "Zoho CRM cannot be reached now. [Retry] / Reference 7f3a"),
        (RateLimited(ZOHO, 30), "Zoho CRM was asked too often. [Retry] / It answers again in 30 seconds. · Reference 7f3a"),
        (
            BadAnswer(ZOHO),
            "Zoho CRM sent an answer that MailMagnet cannot read. [Retry] / If it stays so, tell your admin. · Reference 7f3a",
        ),
        (NotAuthorised(ZOHO), "MailMagnet has no access to your Zoho CRM. / Ask your admin to connect it. · Reference 7f3a"),
        (
            SignInNeeded(ZOHO),
            "You are not signed in to Zoho CRM. / MailMagnet shows you what Zoho CRM shows you: sign in once. · Reference 7f3a"
            "\n        [Sign in] [Continue]",
        ),
        (
            SignInNeeded(ZOHO, ended=True),
            "Zoho CRM has ended your sign-in. / Sign in again to see it here. · Reference 7f3a\n        [Sign in] [Continue]",
        ),
        (
            NotPermitted(ZOHO, permission="Mail Integration"),
            "Your profile in Zoho CRM lacks the permission “Mail Integration”. [Retry]"
            " / An admin of Zoho CRM can give it. · Reference 7f3a",
        ),
        (
            NotPermitted(ZOHO, "no words of a message are searched", permission="Mail Integration"),
            "Your profile in Zoho CRM lacks the permission “Mail Integration”. [Retry]"
            " / An admin of Zoho CRM can give it. · Reference 7f3a",
        ),
        (
            NotPermitted(ZOHO, permission="Read <b>Contacts</b>"),
            "Your profile in Zoho CRM lacks the permission “Read <b>Contacts</b>”. [Retry]"
            " / An admin of Zoho CRM can give it. · Reference 7f3a",
        ),
        (
            NotPermitted(ZOHO, "no right to read contacts"),
            "Your profile in Zoho CRM does not allow this. / An admin of Zoho CRM can change it. · Reference 7f3a",
        ),
        (
            NotPermitted(ZOHO, "nothing is said of Mail Integration"),
            "Your profile in Zoho CRM does not allow this. / An admin of Zoho CRM can change it. · Reference 7f3a",
        ),
        (NotFound(ZOHO), "This is not in Zoho CRM any more. / Reference 7f3a"),
    ],
)
def test_the_crm_does_not_answer(problem: Upstream, said: str) -> None:
    answer = opened(PersonInCrm(Person("Ada Lovelace", "ada@analytical.example")), PersonInCrm(GRACE_PERSON), problem=problem)
    expect(
        message(answer),
        f"""
        # Ada Lovelace
        ada@analytical.example
        ---
        {said}
        --- In this mail · Ada Lovelace wrote it
        Grace Hopper / grace@hopper.example
        """,
    )


def test_when_the_deadline_comes_there_is_one_card_with_the_name_the_address_and_retry() -> None:
    expect(
        message(opened(PersonInCrm(Person("Ada Lovelace", "ada@analytical.example")), problem=TimedOut(ZOHO, 4))),
        """
        # Ada Lovelace
        ada@analytical.example
        ---
        Zoho CRM did not answer within 4\u00a0s. [Retry] / Reference 7f3a
        """,
    )


def test_retry_opens_the_same_message_again() -> None:
    (button,) = [each for each in clicks(message(opened(PersonInCrm(ADA_PERSON), problem=TimedOut(ZOHO, 4)))) if "action" in each]
    assert button["action"] == pressed("/message", message_id=MESSAGE_ID, in_place="1")


def test_an_activity_that_should_have_been_done_is_days_late_when_nothing_is_planned() -> None:
    late = Activity("t1", ActivityKind.TASK, "Send offer", date(2026, 11, 10), False)
    text = as_text(contact_card(of(seen(replace(BARE, activities=(late,)))), FRAME))
    assert "\n→ Task: Send offer · 10 days late\n" in text


def test_a_number_that_cannot_be_called_is_shown_and_one_that_can_is_read_aloud() -> None:
    shown = as_text(contact_card(of(seen(replace(BARE, phone="ask the porter"))), FRAME))
    assert "\nask the porter\n" in shown
    assert "[Call]" not in shown
    (button,) = buttons(contact_card(of(seen(replace(BARE, phone="+33 1 23"))), FRAME))
    assert (button["text"], button["altText"], button["onClick"]) == (
        "Call",
        "Call +33 1 23",
        {"openLink": {"url": "tel:+33123"}},
    )


def test_the_way_to_the_crm_is_in_the_first_section() -> None:
    for card in (
        message(opened(known(ADA_PERSON, ADA))),
        contact_card(of(seen(ADA)), FRAME),
        account_card(of(KnownAccount(ANALYTICAL, (ADA,), 1, (RENEWAL,))), FRAME),
        lead_card(OpenedLead(LEAD, CRM), FRAME),
    ):
        first = [widget for widget in card["sections"][0]["widgets"] if "buttonList" in widget]
        assert [button["text"] for each in first for button in each["buttonList"]["buttons"]][:1] == ["Open in Zoho CRM"]


def test_the_same_card_in_german_numbers_and_dates() -> None:
    text = as_text(message(opened(known(ADA_PERSON, ADA)), replace(FRAME, locale=Locale("de-DE", "Europe/Berlin"))))
    assert "● Closes 30. Nov. · Renewal 2027 · 36.000\u00a0€ / Negotiation · 1 more overdue, 12.000\u00a0€ >" in text
    assert "Someday · 4.999,50\u00a0$ / Qualification" in text


# One record


def test_a_contact_from_a_list_has_its_addresses() -> None:
    assert as_text(contact_card(of(seen(ADA)), FRAME)).splitlines()[-4:] == [
        "---",
        "ada@analytical.example >",
        "v 1 more address",
        "  … ada@lovelace.example >",
    ]


def test_an_account() -> None:
    contacts = (ADA, BARE, *(Contact(f"c{n}", f"Colleague {n}", ()) for n in range(3, 8)))
    expect(
        account_card(of(KnownAccount(ANALYTICAL, contacts, 12, (RENEWAL, PILOT))), FRAME),
        """
        # Analytical Ltd
        analytical.example
        ---
        2 open deals, €48,000
        Kim’s
        [Open in Zoho CRM] [Call]
        Mail with Analytical Ltd >
        ---
        Renewal 2027 · €36,000 / 30 Nov · Negotiation >
        Pilot Lyon · €12,000 / 17 days late · Proposal
        --- Contacts · 12
        Ada Lovelace / Head of Procurement >
        Bob Ross >
        Colleague 3 >
        Colleague 4 >
        Colleague 5 >
        v 2 more contacts
          … Colleague 6 >
          … Colleague 7 >
          … and 5 more in Zoho CRM
        """,
    )


def test_an_account_with_nothing() -> None:
    expect(
        account_card(of(KnownAccount(Account("a9", ""), (), 0, ())), FRAME),
        """
        # Account
        ---
        No open deals in Zoho CRM
        Mail with this account >
        """,
    )


def test_a_lead_with_nothing() -> None:
    expect(
        lead_card(OpenedLead(Lead("l9", "", ("x@y.example",)), CRM), FRAME),
        "# x@y.example\n---\nLead\nWrite to this lead >\nMail with this lead >\n---\nx@y.example >",
    )


# Search


def test_a_search() -> None:
    expect(
        search_card(of(Found((ADA,), (ANALYTICAL, HOPPER), (PILOT, LATER, WON), (LEAD,))), replace(FRAME, words="anal")),
        """
        ---
        [Search people, firms, deals: anal]
        [Search]
        --- Contacts · 1
        Ada Lovelace / Head of Procurement · Analytical Ltd >
        --- Leads · 1
        Carl Gauss / Lead · Qualified · Professor · Göttingen >
        --- Accounts · 2
        Analytical Ltd / analytical.example >
        Hopper Inc / hopper.example >
        --- Deals · 3
        Pilot Lyon · €12,000 / Analytical Ltd · 17 days late · Proposal >
        Training / 1 Feb 2027 · Qualification >
        Renewal 2026 · €30,000 / won 28 Nov 2025 · Closed Won >
        """,
    )


def test_a_search_that_is_cut_says_so_of_each_kind() -> None:
    ten = tuple(Contact(str(n), f"Ada {n}", ()) for n in range(10))
    text = as_text(search_card(of(Found(ten, leads=(LEAD,), more=frozenset({"contacts"}))), replace(FRAME, words="ada")))
    assert "--- 10 contacts of more: add a word\nAda 0 >" in text
    assert "v 5 more contacts\n  … Ada 5 >" in text
    assert "--- Leads · 1\n" in text
    six = as_text(search_card(of(Found(deals=(LATER,) * 6)), replace(FRAME, words="ada")))
    assert "--- Deals · 6\n" in six
    assert "v 1 more deal\n" in six


def test_a_search_that_finds_nothing_keeps_the_words() -> None:
    expect(
        search_card(of(Found()), replace(FRAME, words="x & <y>")),
        """
        ---
        [Search people, firms, deals: x & <y>]
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
    RunCounts(
        NOW - timedelta(minutes=4),
        looked_at=40,
        sorted={Category.CUSTOMER: 2},
        remaining=30,
        day=DayCounts(TODAY, {Category.CLOSING_THIS_MONTH: 3, Category.OPEN_DEALS: 0, Category.CUSTOMER: 9}),
    ),
    mailmagnet_since=NOW - timedelta(days=9),
    labelling_since=NOW - timedelta(days=9),
    progress=Progress("1"),
)


def _in_trouble(reason: Reason, who: str) -> Mailbox:
    return replace(MAILBOX, trouble=Trouble(reason, who, NOW - timedelta(hours=3), 2, None))


MAILS = (
    CustomerMail(
        *("19a", "ada@analytical.example", NOW - timedelta(hours=1), "Re: invoice", "Ada Lovelace", True, "<a+1/2@mail.example>"),
        company="Analytical Ltd",
        category=Category.OPEN_DEALS,
    ),
    CustomerMail("19b", "bob@analytical.example", NOW - timedelta(days=1), "", "Bob Ross"),
    CustomerMail("19c", "carl@analytical.example", NOW - timedelta(days=30), "Hello"),
)
TODAYS = replace(RENEWAL, id="d7", name="Prüfstand 2", amount=euros(9400), closing=TODAY)
ROLLOUT = replace(RENEWAL, id="d8", name="Rollout", amount=YEN, closing=date(2026, 11, 28))
LISTED = CustomersMail(MAILS, MAILBOX.address)
HOME = Homepage(CRM, TODAY, (PILOT, TODAYS, ROLLOUT, RENEWAL), LISTED, MAILBOX)


def test_the_homepage() -> None:
    expect(
        home_card(HOME, FRAME),
        """
        ---
        [Search people, firms, deals: ]
        [Search]
        --- Today · 1 deal closes · 1 overdue
        Pilot Lyon · €12,000 / Analytical Ltd · 17 days late >
        Prüfstand 2 · €9,400 / Analytical Ltd · today >
        --- Need an answer · 1 customer’s mail unread
        ● Ada Lovelace [Done] / Re: invoice · Analytical Ltd · Open deals · 1 hr ago >
        Bob Ross / (no subject) · yesterday >
        carl@analytical.example / Hello · 21 Oct >
        ---
        v Rest of November: 2 deals, JP¥4.8M and €36,000
          … Rollout · JP¥4,800,000 / Analytical Ltd · 28 Nov >
          … Renewal 2027 · €36,000 / Analytical Ltd · 30 Nov >
        ---
        Sorted 12 mails today, 4 min ago [See which] / Closing this month 3 · Customer 9 · 30 more to come
        [Sort now, preview first] [Settings]
        """,
    )


def test_overdue_deals_of_any_month_come_first_the_latest_to_slip_and_some_of_todays_stay_in_sight_beside_many() -> None:
    overdue = tuple(replace(PILOT, id=f"o{n}", name=f"Old {n}", closing=date(2025 - n, 1, 1)) for n in reversed(range(5)))
    todays = tuple(replace(TODAYS, id=f"t{n}", name=f"Now {n}") for n in range(5))
    lines = as_text(home_card(replace(HOME, closing=(*overdue, *todays)), FRAME)).splitlines()
    at = lines.index("--- Today · 5 deals close · 5 overdue")
    names = [line.removeprefix("  … ").split(" · ")[0] for line in lines[at + 1 : at + 12]]
    assert names == ["Old 0", "Old 1", "Old 2", "Now 0", "Now 1", "Now 2", "v 4 more deals", "Old 3", "Old 4", "Now 3", "Now 4"]
    assert lines[at + 1] == "Old 0 · €12,000 / Analytical Ltd · 688 days late >"


def test_of_thousands_of_deals_no_more_are_drawn_than_anybody_unfolds(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Money | None] = []

    def counted(amount: Money | None, locale: Locale) -> str:
        drawn.append(amount)
        return "€1"

    monkeypatch.setattr(words, "money", counted)
    many = tuple(replace(PILOT, id=f"o{n}") for n in range(5000)) + tuple(replace(RENEWAL, id=f"r{n}") for n in range(3000))
    home = as_text(home_card(replace(HOME, closing=many), FRAME))
    assert "--- Today · 5,000 overdue\n" in home
    assert "\nv 4,997 more deals\n" in home
    assert "\n  … and 4,960 more in Zoho CRM\n" in home
    assert "\nv Rest of November: 3,000 deals, €108M\n" in home
    assert "\n  … and 2,960 more in Zoho CRM\n" in home
    account = as_text(account_card(of(KnownAccount(ANALYTICAL, (), 0, many)), FRAME))
    assert "\nv 7,995 more open deals\n" in account
    assert "\n  … and 7,960 more in Zoho CRM" in account
    assert len(drawn) == 3 * 40


@pytest.mark.parametrize(
    ("closing", "said"),
    [
        ((), ["---", "No deal closes this month, and none is overdue."]),
        ((RENEWAL,), ["---", "No deal closes today, and none is overdue."]),
        ((TODAYS,), ["--- Today · 1 deal closes", "Prüfstand 2 · €9,400 / Analytical Ltd · today >"]),
        ((PILOT,), ["--- Today · 1 overdue", "Pilot Lyon · €12,000 / Analytical Ltd · 17 days late >"]),
    ],
)
def test_what_is_due(closing: tuple[Deal, ...], said: list[str]) -> None:
    assert as_text(home_card(replace(HOME, closing=closing), FRAME)).splitlines()[3:5] == said


@pytest.mark.parametrize(
    ("unread", "older", "header"),
    [
        (0, True, "--- Mail from customers"),
        (1, True, "--- Need an answer · 1 customer’s mail unread"),
        (4, True, "--- Need an answer · 4 customers’ mails unread"),
        (5, False, "--- Need an answer · 5 customers’ mails unread"),
        (5, True, "--- Need an answer · 5+ customers’ mails unread"),
    ],
)
def test_of_the_latest_mails_the_unread_ones_are_counted(unread: int, older: bool, header: str) -> None:
    mails = tuple(replace(MAILS[0], mail_id=str(number), unread=number < unread) for number in range(5))
    lines = as_text(home_card(replace(HOME, mails=replace(LISTED, mails=mails, older=older)), FRAME)).splitlines()
    assert header in lines
    assert ("[Older mail]" in lines) is older


def test_a_mail_just_marked_as_done_can_be_taken_back_where_it_was_marked() -> None:
    page = CustomersMail(MAILS, MAILBOX.address, skipped=10, older=True, just_read="19b")
    expect(
        customers_mail_card(page, FRAME),
        """
        # Mail from customers
        --- Need an answer · 1 customer’s mail unread
        ● Ada Lovelace [Done] / Re: invoice · Analytical Ltd · Open deals · 1 hr ago >
        Bob Ross [Undo] / (no subject) · yesterday >
        carl@analytical.example / Hello · 21 Oct >
        [Older mail]
        """,
    )
    actions = [click["action"] for click in clicks(customers_mail_card(page, FRAME)) if "action" in click]
    assert actions == [
        pressed("/mark-read", id="19a", skip="10"),
        pressed("/mark-unread", id="19b", skip="10"),
        pressed("/customers-mail", skip="13"),
    ]
    at_home = [click["action"] for click in clicks(home_card(HOME, FRAME)) if "action" in click]
    assert pressed("/mark-read", id="19a") in at_home


def test_a_list_that_is_at_its_end_says_so() -> None:
    assert "No older mail from customers." in as_text(customers_mail_card(CustomersMail((), "x", skipped=10), FRAME))
    assert "No mail from customers." in as_text(customers_mail_card(CustomersMail((), "x"), FRAME))


def links_to_mail(*mails: CustomerMail) -> list[str]:
    card = home_card(replace(HOME, closing=(), mails=replace(LISTED, mails=mails)), FRAME)
    return [click["openLink"]["url"] for click in clicks(card) if "openLink" in click]


OF_ITS_OWNER = f"https://mail.google.com/mail/?authuser={MAILBOX.address}#"


def test_a_customers_mail_is_found_by_its_message_id_in_its_owners_account_so_that_a_cold_tab_opens_it() -> None:
    assert links_to_mail(*MAILS) == [
        f"{OF_ITS_OWNER}search/rfc822msgid:a%2B1%2F2@mail.example",
        f"{OF_ITS_OWNER}all/19b",
        f"{OF_ITS_OWNER}all/19c",
    ]


@pytest.mark.parametrize(
    ("message_id", "place"),
    [
        ("<CAF=x_1.y-z@mail.example>", "search/rfc822msgid:CAF%3Dx_1.y-z@mail.example"),
        ("  bare@mail.example ", "search/rfc822msgid:bare@mail.example"),
        ("<grüße@mail.example>", "search/rfc822msgid:gr%C3%BC%C3%9Fe@mail.example"),
        ("<100%25#&?@mail.example>", "search/rfc822msgid:100%2525%23%26%3F@mail.example"),
        ("<a@b.example> OR in:anywhere", "all/19a"),
        ("<a b@c.example>", "all/19a"),
        ("<(a@b.example)>", "all/19a"),
        ("<a|subject:x@b.example>", "all/19a"),
        ('<"a"@b.example>', "all/19a"),
        ("<no-at-sign>", "all/19a"),
        ("<\ud800@b.example>", "all/19a"),
        ("<a@b.example>\n<c@d.example>", "all/19a"),
        (f"<{'x' * 3000}@b.example>", "all/19a"),
        ("", "all/19a"),
    ],
)
def test_a_message_id_that_is_more_than_one_word_to_search_for_is_no_link(message_id: str, place: str) -> None:
    assert links_to_mail(replace(MAILS[0], rfc822_message_id=message_id)) == [OF_ITS_OWNER + place]


def test_the_message_id_is_in_the_link_alone() -> None:
    card = json.dumps(home_card(HOME, FRAME))
    assert card.count("mail.example") == 1
    assert "mail.example" not in json.dumps([click.get("action") for click in clicks(home_card(HOME, FRAME))])


NO_MAIL = CustomersMail((), MAILBOX.address)
NOTHING_SORTED = dict.fromkeys(Category, 0)


def test_before_the_first_run_it_says_when_that_comes_and_not_that_there_is_no_mail() -> None:
    new = replace(MAILBOX, last_run=RunCounts(NOW))
    expect(
        home_card(Homepage(CRM, TODAY, (), NO_MAIL, new), FRAME),
        """
        ---
        [Search people, firms, deals: ]
        [Search]
        ---
        No deal closes this month, and none is overdue.
        ---
        Your mail has not been sorted yet. / The first run comes within 10 minutes.
        [Sort now, preview first] [Settings]
        """,
    )


def test_after_a_run_that_found_nothing_it_says_so() -> None:
    mailbox = replace(MAILBOX, last_run=RunCounts(NOW, sorted=NOTHING_SORTED))
    text = as_text(home_card(Homepage(CRM, TODAY, (), NO_MAIL, mailbox), FRAME))
    assert "\n---\nNothing new from customers.\n---\nNothing sorted yet today, looked just now" in text


@pytest.mark.parametrize(
    ("mailbox", "said"),
    [
        (None, "MailMagnet is not set up. / It tells you of customers’ mail, and sorts it if you like.\n[Set up MailMagnet]"),
        (
            _in_trouble(Reason.CONSENT, "Gmail"),
            "Sorting needs your consent. / Gmail stopped letting MailMagnet in. Nothing is sorted until you allow it again.\n"
            "[Allow sorting] [Continue] [Settings]",
        ),
        (
            _in_trouble(Reason.GMAIL_REFUSES, "Gmail"),
            "Gmail does not let MailMagnet sort your mail. / Ask your Google admin to allow it · first 3 hr ago\n[Settings]",
        ),
        (
            _in_trouble(Reason.CRM_SIGN_IN, CRM),
            f"Sorting needs you to sign in to {CRM}. / {CRM} does not let MailMagnet in · first 3 hr ago\n"
            f"[Sign in to {CRM}] [Settings]",
        ),
        (
            _in_trouble(Reason.CRM_PERMISSION, CRM),
            f"Your profile in {CRM} does not allow sorting. / "
            "Ask your admin for the permission Mail Integration · first 3 hr ago\n[Settings]",
        ),
        (
            _in_trouble(Reason.CRM_LIST, CRM),
            f"You are not let in to {CRM} yet. / An admin of MailMagnet can let you in · first 3 hr ago\n[Settings]",
        ),
        (
            replace(
                _in_trouble(Reason.CRM_DAY_LIMIT, CRM),
                trouble=Trouble(Reason.CRM_DAY_LIMIT, CRM, NOW, 1, NOW.replace(hour=23, minute=50)),
            ),
            f"{CRM} takes no more questions from your organisation today. / "
            "Sorted again tomorrow 00:50 · No mail is lost\n[Settings]",
        ),
        (
            replace(MAILBOX, last_run=RunCounts(NOW, sorted=NOTHING_SORTED, sparing=True)),
            f"Nothing sorted yet today, looked just now / Less often for now: {CRM} takes few more questions today\n"
            "[Sort now, preview first] [Settings]",
        ),
        (
            _in_trouble(Reason.FAILING, CRM),
            f"Sorting does not work now: {CRM} failed. / "
            "It is tried again by itself, and no mail is lost · first 3 hr ago\n[Settings]",
        ),
        (
            replace(MAILBOX, labelling_since=None),
            "Customers’ mail is listed here, and stays where it is. / Labels can be turned on in the settings.\n[Settings]",
        ),
        (
            replace(MAILBOX, mailmagnet_since=None, labelling_since=None, progress=None),
            "MailMagnet is off. / It tells you of customers’ mail, and sorts it if you like.\n[Turn on]",
        ),
        (
            replace(
                MAILBOX,
                last_run=RunCounts(NOW - timedelta(hours=2), sorted=NOTHING_SORTED, day=DayCounts(TODAY, {Category.CUSTOMER: 1})),
            ),
            "Sorted 1 mail today, 2 hr ago [See which] / Customer 1\n[Sort now, preview first] [Settings]",
        ),
        (
            replace(
                MAILBOX,
                last_run=RunCounts(
                    NOW - timedelta(days=2),
                    looked_at=1,
                    sorted={Category.CUSTOMER: 1},
                    remaining=4,
                    day=DayCounts(TODAY - timedelta(days=2), {Category.CUSTOMER: 1}),
                ),
            ),
            "Nothing sorted yet today, looked 2 days ago / 4 more to come\n[Sort now, preview first] [Settings]",
        ),
    ],
)
def test_how_sorting_goes_and_what_can_be_done_about_it(mailbox: Mailbox | None, said: str) -> None:
    card = home_card(replace(HOME, mails=None, mailbox=mailbox), FRAME)
    assert card_faults(card) == []
    assert as_text(card).splitlines()[-2:] == said.splitlines()


def test_the_homepage_with_everything_down() -> None:
    down = Homepage(CRM, None, None, None, None, crm_problem=Unavailable(ZOHO), mail_problem=TimedOut(GMAIL, 2.5))
    expect(
        home_card(down, FRAME),
        """
        ---
        [Search people, firms, deals: ]
        [Search]
        --- Today
        Zoho CRM cannot be reached now. [Retry]
        --- Mail from customers
        Gmail did not answer within 2.5\u00a0s. [Retry] / Reference 7f3a
        """,
    )
    only_deals = replace(down, mail_problem=None)
    assert "--- Today\nZoho CRM cannot be reached now. [Retry] / Reference 7f3a" in as_text(home_card(only_deals, FRAME))


def test_a_key_that_will_end_is_told_with_what_to_do() -> None:
    ends = datetime(2026, 11, 26, 22, tzinfo=UTC)
    lines = as_text(home_card(replace(HOME, crm_name="Odoo", sign_in_ends=ends), FRAME)).splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("Your key for Odoo ends"))
    assert lines[place : place + 2] == [
        "Your key for Odoo ends Thu (6 days). / Make a new one in Odoo, and sign in with it.",
        "[Sign in to Odoo]",
    ]


def test_the_homepages_retry_asks_again_in_place() -> None:
    down = Homepage(CRM, None, None, NO_MAIL, MAILBOX, crm_problem=Unavailable(ZOHO))
    actions = [click["action"] for click in clicks(home_card(down, FRAME))]
    assert actions[1] == pressed("/home", in_place="1")


# Errors

OF_A_CONTACT = replace(FRAME, path=Path.CONTACT, ids={"id": "c1"}, reference="7F3A")
A_CRM_CALLED_GMAIL = Service(Side.CRM, "Gmail")
OUR_STORE, OUR_VAULT = Service(Side.OURS, "Firestore"), Service(Side.OURS, "the vault")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TimedOut(GMAIL, 4), "Gmail did not answer within 4\u00a0s. [Retry] / Reference 7F3A"),
        (
            NotAuthorised(GMAIL),
            "Gmail has stopped letting MailMagnet in. / Connect it again: what you have set up stays as it is. · Reference 7F3A"
            "\n[Connect] [Continue]",
        ),
        (
            GrantMissing(GMAIL, Grant.READ),
            "MailMagnet may not read your mail yet. / It has to, to list mail with this contact. · Reference 7F3A"
            "\n[Allow] [Continue]",
        ),
        (
            GrantMissing(GMAIL, Grant.SORT),
            "MailMagnet may not sort your mail yet. / It has to, to record and sort customers’ mail. · Reference 7F3A"
            "\n[Allow] [Continue]",
        ),
        (
            GrantMissing(GMAIL, Grant.SEND),
            "MailMagnet may not write mail for you yet. / It has to, to write drafts and send them. · Reference 7F3A"
            "\n[Allow] [Continue]",
        ),
        (NotPermitted(GMAIL), "Gmail does not let MailMagnet read this mail. / Ask your admin to allow it. · Reference 7F3A"),
        (NotFound(ZOHO), "This is not in Zoho CRM any more. / Reference 7F3A"),
        (
            NotFound(GMAIL),
            "Gmail does not find this mail. / Drafts, mail you wrote and deleted mail are not shown: open another. · Reference 7F3A",
        ),
        (Upstream(GMAIL), "Gmail did not do what it was asked. [Retry] / Reference 7F3A"),
        (NotFound(A_CRM_CALLED_GMAIL), "This is not in Gmail any more. / Reference 7F3A"),
        (
            NotPermitted(A_CRM_CALLED_GMAIL),
            "Your profile in Gmail does not allow this. / An admin of Gmail can change it. · Reference 7F3A",
        ),
        (
            NotPermitted(Service(Side.GMAIL, "Post")),
            "Gmail does not let MailMagnet read this mail. / Ask your admin to allow it. · Reference 7F3A",
        ),
        (TimedOut(OUR_STORE, 4), "MailMagnet did not answer within 4\u00a0s. [Retry] / Reference 7F3A"),
        (Unavailable(OUR_VAULT), "MailMagnet cannot be reached now. [Retry] / Reference 7F3A"),
        (NotAuthorised(OUR_STORE), "MailMagnet has no access to its own data. / Tell your admin. · Reference 7F3A"),
        (NotPermitted(OUR_STORE), "MailMagnet has no access to its own data. / Tell your admin. · Reference 7F3A"),
        (NotFound(OUR_STORE), "This is not in MailMagnet any more. / Reference 7F3A"),
        (
            BadAnswer(OUR_VAULT),
            "MailMagnet cannot read its own data. [Retry] / If it stays so, tell your admin. · Reference 7F3A",
        ),
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
    card = error_card(error, OF_A_CONTACT)
    expect(card, f"---\n{said}")
    again = pressed("/contact", id="c1", in_place="1")
    assert [click["action"] for click in clicks(card) if "action" in click] == [again] * (
        "[Retry]" in said or "[Continue]" in said
    )


@pytest.mark.parametrize(
    ("error", "page"),
    [
        (SignInNeeded(ZOHO), "/sign-in?link="),
        (GrantMissing(GMAIL, Grant.READ), "/connect?link=read"),
        (GrantMissing(GMAIL, Grant.SEND), "/connect?link=send"),
        (NotAuthorised(GMAIL), "/connect?link=again"),
    ],
)
def test_what_is_missing_is_one_click_away_over_gmail(error: MailMagnetError, page: str) -> None:
    """The link carries a step's name, and neither a right nor an address."""
    [link] = [click["openLink"] for click in clicks(error_card(error, FRAME)) if "openLink" in click]
    assert link == {"url": f"https://pages.example{page}", "openAs": "OVERLAY", "onClose": "RELOAD"}


@pytest.mark.parametrize(
    ("permitters", "said"),
    [
        ((), "An admin of Zoho CRM can give it."),
        (("Grace Hopper",), "Grace Hopper can give it."),
        (("Grace Hopper", "Kim Berg"), "Grace Hopper or Kim Berg can give it."),
        (("A", "B", "C", "D"), "A, B, C or 1 other can give it."),
        (("A", "B", "C", "D", "E"), "A, B, C or 2 others can give it."),
    ],
)
def test_who_can_give_a_permission_is_named(permitters: tuple[str, ...], said: str) -> None:
    card = error_card(NotPermitted(ZOHO, permission="Mail Integration"), replace(FRAME, permitters=permitters))
    assert said in json.dumps(card)


def test_what_an_error_says_for_the_log_is_not_shown() -> None:
    card = error_card(BadAnswer(ZOHO, "<html>secret"), OF_A_CONTACT)
    assert "secret" not in json.dumps(card)


def test_a_search_that_failed_keeps_the_words_for_retry_to_take() -> None:
    card = failed_search_card(TimedOut(ZOHO, 4), replace(FRAME, path=Path.SEARCH, words="x & <y>", reference="7F3A"))
    expect(
        card,
        """
        ---
        [Search people, firms, deals: x & <y>]
        [Search]
        ---
        Zoho CRM did not answer within 4\u00a0s. [Retry] / Reference 7F3A
        """,
    )
    assert [click["action"] for click in clicks(card)][1:] == [pressed("/search", in_place="1")]


@pytest.mark.parametrize("path", Path)
def test_every_path_is_asked_again_by_itself_with_what_it_was_asked_with_and_in_place(path: Path) -> None:
    (button,) = clicks(error_card(TimedOut(ZOHO, 4), replace(FRAME, path=path, ids={"id": "c1", "url": "x", "in_place": "no"})))
    assert button["action"] == pressed(path, id="c1", url="x", in_place="1")


# Envelopes


@pytest.mark.parametrize(
    "answer",
    [
        answers.show(home_card(HOME, FRAME)),
        answers.push_card(home_card(HOME, FRAME)),
        answers.update_card(home_card(HOME, FRAME)),
        answers.update_card(home_card(HOME, FRAME), "Saved."),
        answers.notify("Type a name to search for."),
        answers.requesting_google_scopes(["https://www.googleapis.com/auth/gmail.modify"]),
        answers.custom_authorization_prompt(home_card(HOME, FRAME)),
    ],
)
def test_every_envelope_is_one_of_googles(answer: dict[str, Any]) -> None:
    assert answer_faults(answer) == []


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


def buttons(card: Card) -> list[dict[str, Any]]:
    lists = [widget["buttonList"] for section in card["sections"] for widget in section["widgets"] if "buttonList" in widget]
    return [button for each in lists for button in each["buttons"]]


OUR_TAGS = re.compile(r'</?b>|<font color="#[0-9a-f]{6}">|</font>')


def assert_safe(card: Card) -> None:
    assert card_faults(card) == []
    for field in html_fields(card):
        bare = OUR_TAGS.sub("", field)
        assert not re.search(r"""[<>"']""", bare), field
        assert "&" not in re.sub(r"&(amp|lt|gt|quot|#x27);", "", bare), field
    for click in clicks(card):
        if "action" in click:
            assert click["action"]["function"].removeprefix(FRAME.addon_url) in set(Path)
            named = {each["key"]: each["value"] for each in click["action"].get("parameters", ())}
            assert set(named) <= {
                "id",
                "message_id",
                "in_place",
                "module",
                "older",
                "owner",
                "mail",
                "change",
                "sharing",
                "skip",
                "confirmed",
            }
            assert named.get("in_place", "1") == "1"
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
    made = widgets.card(
        [
            widgets.section(lines[:3]),
            widgets.section(lines, "Long", widgets.Fold(120, "More", "Fewer")),
            widgets.section(lines[:5], "Short"),
        ]
    )
    assert card_faults(made) == []
    assert [len(each["widgets"]) for each in made["sections"]] == [3, 92, 5]
    assert "and 59 more" in made["sections"][1]["widgets"][-1]["textParagraph"]["text"]
    assert made["sections"][1]["uncollapsibleWidgetsCount"] == 92
    assert "and 59 more" in as_text(made)


def test_over_100_sections_the_last_one_says_what_is_missing() -> None:
    made = widgets.card([widgets.section([widgets.text_paragraph(str(number))] * 2) for number in range(120)])
    assert card_faults(made) == []
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
    PersonInCrm,
    st.builds(Person, names, names.map(lambda text: f"{text}@x.example")),
    st.lists(contacts.map(seen), max_size=2).map(tuple),
    st.lists(leads, max_size=2).map(tuple),
    st.none() | known_accounts,
    st.lists(contacts, max_size=1).map(tuple),
)
problems = st.sampled_from(
    [
        None,
        TimedOut(Service(Side.CRM, HOSTILE), 4),
        RateLimited(Service(Side.CRM, "עדה"), 90),
        NotPermitted(Service(Side.CRM, ""), "", HOSTILE),
        NotFound(ZOHO),
    ]
)
frames = st.builds(
    Frame,
    st.builds(
        Locale,
        st.sampled_from(["en", "de-AT", "he", "ar-EG", "ja", "hi", "xx", "zh-Hant-TW", ""]),
        st.sampled_from(["UTC", "Asia/Kathmandu", "Pacific/Kiritimati", "nowhere"]),
    ),
    st.just(NOW),
    st.just(FRAME.addon_url),
    st.sampled_from(Path),
)
slow = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)


@slow
@given(st.lists(people, max_size=4), problems, frames)
def test_any_open_message_makes_a_good_card(persons: list[PersonInCrm], problem: Upstream | None, frame: Frame) -> None:
    assert_safe(message(opened(*persons, problem=problem), frame))


@slow
@given(contacts, leads, known_accounts, frames)
def test_any_record_makes_a_good_card(contact: Contact, lead: Lead, known_account: KnownAccount, frame: Frame) -> None:
    assert_safe(contact_card(of(seen(contact), HOSTILE), frame))
    assert_safe(lead_card(OpenedLead(lead, HOSTILE), frame))
    assert_safe(account_card(of(known_account, HOSTILE), frame))


@slow
@given(
    st.builds(
        Found,
        st.lists(contacts, max_size=2).map(tuple),
        st.lists(accounts, max_size=2).map(tuple),
        some_deals,
        st.lists(leads, max_size=2).map(tuple),
        st.frozensets(st.sampled_from(["contacts", "leads", "accounts", "deals"])),
    ),
    names,
    frames,
)
def test_any_search_makes_a_good_card(found: Found, searched: str, frame: Frame) -> None:
    assert_safe(search_card(of(found, HOSTILE), replace(frame, words=searched)))


@slow
@given(
    st.lists(deals, max_size=150).map(tuple),
    st.lists(
        st.builds(
            *(CustomerMail, st.sampled_from(["19a", "19b"]), names, moments, names, names, st.booleans(), names, names),
            st.none() | st.sampled_from(Category),
        ),
        max_size=6,
    ).map(tuple),
    frames,
)
def test_any_homepage_makes_a_good_card(closing: tuple[Deal, ...], mails: tuple[CustomerMail, ...], frame: Frame) -> None:
    page = CustomersMail(mails, HOSTILE, 5, older=True, just_read=mails[0].mail_id if mails else "")
    assert_safe(home_card(Homepage(HOSTILE, TODAY, closing, page, MAILBOX), frame))
    assert_safe(customers_mail_card(page, frame))
