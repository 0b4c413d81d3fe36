"""The page of a CRM record: names instead of ids, money and days as the reader writes them, nothing raw and nothing unescaped."""

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sandbox.desk.record_page import locale_of, record_page

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC).astimezone(ZoneInfo("Europe/Vienna"))
ACCOUNT = {
    "id": "a 1",
    "name": "Analytical Works Ltd",
    "domain": "analytical.example",
    "owner": "Ada",
    "phone": "",
    "url": "http://x",
}
ADA = {"id": "c1", "name": "Ada Lovelace", "addresses": ["ada@analytical.example"], "title": "Head", "phone": "+44 1632 960001"}
DEAL: dict[str, Any] = {
    "id": "d1", "name": "Renewal", "stage": "Negotiation", "state": "open", "pipeline": "Standard",
    "amount": {"amount": "36000.00", "currency": "EUR"}, "closing": "2026-11-30", "account": ACCOUNT, "owner": "Kim",
    "contact_ids": ["c1", "c2"], "url": "http://x",
}  # fmt: skip


def words(page: str) -> str:
    """What a reader reads: one space between words."""
    assert "<script" not in page
    return " ".join(re.sub(r"<[^>]*>", " ", page[page.index("<body") :]).split())


def shown(
    module: str, record: dict[str, Any], language: str = "en-GB", contacts: tuple[dict[str, Any], ...] = (), mail_frame: str = ""
) -> str:
    return record_page(module, record, contacts, locale_of(language), NOW, mail_frame)


@pytest.mark.parametrize(
    ("language", "money", "day"),
    [
        ("en-GB", "€36,000.00", "Mon, 30 Nov 2026"),
        ("en-US,en;q=0.9", "€36,000.00", "Mon, Nov 30, 2026"),
        ("de-AT,de;q=0.9,en;q=0.8", "€ 36.000,00", "Mo., 30. Nov. 2026"),
        ("fr", "36 000,00 €", "lun. 30 nov. 2026"),
        ("tlh, fr;q=0.5", "36 000,00 €", "lun. 30 nov. 2026"),
        ("xx-nonsense", "€36,000.00", "Mon, Nov 30, 2026"),
        ("", "€36,000.00", "Mon, Nov 30, 2026"),
    ],
)
def test_money_and_days_are_the_readers(language: str, money: str, day: str) -> None:
    page = words(shown("deals", DEAL, language)).replace("\N{NARROW NO-BREAK SPACE}", " ").replace("\N{NO-BREAK SPACE}", " ")
    assert money in page
    assert day in page


def test_a_deal_names_its_account_and_its_people_and_links_to_them() -> None:
    page = shown("deals", DEAL, contacts=(ADA,))
    assert '<a href="/crm/accounts/a%201" dir="auto">Analytical Works Ltd</a>' in page
    assert '<a href="/crm/contacts/c1" dir="auto">Ada Lovelace</a>' in page
    read = words(page)
    assert "MailMagnet CRM · Deal" in read
    assert "Open · Negotiation" in read
    assert "6 days" in read
    for raw in ("contact_ids", "contact ids", "pipeline", "d1", "http://x", "open", "None", "2026-11-30"):
        assert raw not in read.split(), raw


@pytest.mark.parametrize(
    ("closing", "state", "said"),
    [
        ("2026-11-24", "open", "today"),
        ("2026-11-25", "open", "in 1 day"),
        ("2026-11-23", "open", "1 day late"),
        ("2026-10-31", "open", "24 days late"),
        ("2026-10-31", "won", ""),
    ],
)
def test_what_is_late_says_by_how_much(closing: str, state: str, said: str) -> None:
    page = words(shown("deals", {**DEAL, "closing": closing, "state": state}))
    assert said in page
    assert ("late" in page) == ("late" in said)


def test_a_deal_without_amount_date_account_and_people() -> None:
    bare = {**DEAL, "amount": None, "closing": None, "account": None, "contact_ids": [], "owner": "", "pipeline": ""}
    assert words(shown("deals", bare)) == "MailMagnet CRM · Deal Renewal Open · Negotiation"


def test_a_contact_with_deals_activities_and_notes() -> None:
    activities = [
        {"kind": "call", "subject": "Call about the offer", "at": "2026-11-25T12:15:00+00:00", "done": False, "owner": "Ada"},
        {"kind": "task", "subject": "Send it", "at": "2026-11-20", "done": True, "owner": ""},
    ]
    notes = [{"id": "n", "text": "Asked for\nreferences", "at": "2026-09-17T08:00:00+00:00", "author": "Kim"}]
    lost = {**DEAL, "id": "d2", "name": "Pilot", "state": "lost", "stage": "Closed Lost", "amount": None}
    contact = {
        **ADA,
        "account": ACCOUNT,
        "owner": "Ada",
        "url": "",
        "deals": [DEAL, lost],
        "activities": activities,
        "notes": notes,
    }
    page = shown("contacts", contact)
    assert '<a href="mailto:ada@analytical.example" dir="ltr">' in page
    assert '<a href="tel:+441632960001" dir="ltr">+44 1632 960001</a>' in page
    assert '<a href="/crm/deals/d1" dir="auto">Renewal</a>' in page
    read = words(page)
    assert "Head" in read
    assert "Call about the offer Call · Wed, 25 Nov 2026, 13:15 · Ada" in read
    assert "Send it Task, done · Fri, 20 Nov 2026" in read
    assert "Asked for references Thu, 17 Sept 2026, 10:00 · Kim" in read


def test_an_account_and_who_is_known_there() -> None:
    page = words(shown("accounts", {"account": ACCOUNT, "contacts": [ADA], "contact_count": 12, "open_deals": [DEAL]}))
    assert "MailMagnet CRM · Account Analytical Works Ltd" in page
    assert "Contacts, 1 of 12 Ada Lovelace Head" in page
    assert "Open deals Renewal" in page


def test_a_lead() -> None:
    lead = {"id": "l", "name": "Lea", "addresses": [], "title": "", "company": "Lund", "status": "New", "owner": "", "phone": ""}
    assert words(shown("leads", lead)) == "MailMagnet CRM · Lead Lea Company Lund Status New"


def test_every_text_is_escaped() -> None:
    bad = "<img src=x onerror=alert(1)>\"'"
    account = {**ACCOUNT, "id": "../x?y", "name": bad, "phone": bad}
    note = {"id": "n", "text": bad, "at": "2026-09-17T08:00:00+00:00", "author": bad}
    contact = {**ADA, "name": bad, "addresses": [f'{bad}@x"'], "title": bad, "account": account, "owner": bad, "phone": bad}
    page = shown("contacts", {**contact, "deals": [{**DEAL, "name": bad, "stage": bad}], "activities": [], "notes": [note]})
    assert "<img" not in page
    assert 'href="/crm/accounts/..%2Fx%3Fy"' in page
