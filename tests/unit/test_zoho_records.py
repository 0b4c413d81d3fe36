"""Zoho's rows as records: whatever stands in them, there is a record, or an error of ours."""

from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crm_client.zoho.people import Details, read
from crm_client.zoho.records import (
    CALL,
    CONTACT,
    DEAL_WITH_PERSON,
    EVENT,
    LEAD,
    TASK,
    Records,
    profile_of,
    user_of,
)
from crm_client.zoho.server import Reply
from crm_client.zoho.settings import ZohoSettings
from mailmagnet.crm import ActivityKind, CrmSettings, DealState, Money, Organisation
from mailmagnet.errors import Upstream

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SETTINGS = ZohoSettings(
    CrmSettings(organisation=Organisation("Corp", "Europe/Vienna", "EUR"), stages=(), currencies=()),
    "https://crm.zoho.com/crm/org1/tab",
    {"Open": DealState.OPEN, "Won": DealState.WON},
    0,
)
RECORDS = Records(SETTINGS, "7", NOW)
ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["1", "Open", "2026-11-30", "9999-12-31"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "name", "x"]), inner, max_size=3),
    max_leaves=4,
)


def _rows(columns: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    likely = st.sampled_from(
        ["1", "a@x.example", "Open", "2026-11-30", "2026-11-30T12:00:00+01:00", 12.5, {"id": "7"}, {"id": "9"}]
    )
    return st.dictionaries(st.sampled_from(columns), likely | ODD, max_size=len(columns)).map(lambda row: {"id": "5", **row})


@given(st.lists(_rows(CONTACT), max_size=3), st.lists(_rows(LEAD), max_size=2), st.lists(_rows(DEAL_WITH_PERSON), max_size=3))
def test_any_rows_are_people_or_no_answer(contacts: list[Any], leads: list[Any], deals: list[Any]) -> None:
    with suppress(Upstream):
        people = read(RECORDS, [{"contacts": contacts, "leads": leads, "accounts": contacts, "deals": deals}])
        people.known_at("x.example")
        for contact in people.contacts:
            assert contact.id
            assert all(deal.contact_ids == (contact.id,) for deal in contact.deals)


@given(
    st.lists(_rows(TASK), max_size=3),
    st.lists(_rows(EVENT), max_size=3),
    st.lists(_rows(CALL), max_size=3),
    st.lists(ODD, max_size=2),
)
def test_any_rows_are_activities_or_no_answer(tasks: list[Any], events: list[Any], calls: list[Any], notes: list[Any]) -> None:
    with suppress(Upstream):
        contact = RECORDS.contact({"id": "7"})
        details = Details(tasks, events, calls, {"7": [note for note in notes if isinstance(note, dict)]})
        found = details.put_to(contact, RECORDS)
        assert len([activity for activity in found.activities if activity.done]) <= 5


@given(ODD, ODD, ODD)
def test_any_user_or_profile_is_one_or_no_answer(name: Any, profile: Any, details: Any) -> None:
    row = {"id": "1", "full_name": name, "email": name, "profile": profile, "permissions_details": details, "name": name}
    with suppress(Upstream):
        user_of(row, {})
        assert not profile_of(row).permissions


@given(st.sampled_from([200, 204, 400, 401, 403, 404, 429, 500]), ODD)
def test_any_reply_has_rows_or_is_an_error(status: int, body: Any) -> None:
    reply = Reply(status, body)
    assert isinstance(reply.bad_column, str)
    with suppress(Upstream):
        assert all(isinstance(row, dict) for row in reply.rows)
        assert status in {200, 204}


def test_a_deal_has_the_amount_that_is_written() -> None:
    row = {"id": "1", "Deal_Name": "D", "Stage": "Open", "Amount": 4800000.1, "Currency": "JPY", "Closing_Date": "2026-11-30"}
    deal = RECORDS.deal(row)
    assert deal
    assert (deal.amount, deal.closing) == (Money(Decimal("4800000.1"), "JPY"), date(2026, 11, 30))
    assert RECORDS.deal({**row, "Stage": "Retired"}) is None
    without = RECORDS.deal({**row, "Amount": None, "Closing_Date": None, "Currency": None})
    assert without
    assert (without.amount, without.closing) == (None, None)
    for wrong in ("30.11.2026", "soon"):
        assert RECORDS.deal({**row, "Closing_Date": wrong}) is None, "a deal without its day would get another category"


def test_one_row_that_cannot_be_read_hides_no_other() -> None:
    good = {"id": "1", "Stage": "Open", "Deal_Name": "Good", "Contact_Name": {"id": "5"}}
    people = read(RECORDS, [{"contacts": [{"id": "5"}], "deals": [good, {**good, "id": "2", "Closing_Date": "soon"}]}])
    (contact,) = people.contacts
    assert ([deal.name for deal in contact.deals], contact.more_deals) == (["Good"], True)
    tasks = [
        {"id": "3", "Subject": "Good", "Due_Date": "2026-11-30"},
        {"id": "4", "Due_Date": "soon"},
        {"Due_Date": "2026-11-30"},
    ]
    assert [each.subject for each in RECORDS.activities(tasks, [], [])] == ["Good"]
    notes = [{"id": "1", "Note_Content": "Good", "Created_Time": "2026-11-30T12:00:00Z"}, {"id": "2", "Created_Time": "then"}]
    assert [note.text for note in RECORDS.notes(notes)] == ["Good"]


def test_a_meeting_is_over_when_its_end_is_and_a_call_that_came_in_was_made() -> None:
    owner = {"Owner.full_name": "Kim Park"}
    events = [
        {
            "id": "1",
            "Event_Title": "Past",
            "Start_DateTime": "2026-11-20T10:00:00+00:00",
            "End_DateTime": "2026-11-20T11:00:00Z",
            **owner,
        },
        {
            "id": "2",
            "Event_Title": "Now",
            "Start_DateTime": "2026-11-20T11:30:00+00:00",
            "End_DateTime": "2026-11-20T12:30:00Z",
            **owner,
        },
    ]
    calls: list[dict[str, Any]] = [
        {"id": "3", "Subject": "In", "Call_Start_Time": "2026-11-19T10:00:00Z", "Outgoing_Call_Status": None, **owner},
        {"id": "4", "Subject": "Out", "Call_Start_Time": "2026-11-25T10:00:00Z", "Outgoing_Call_Status": "Scheduled", **owner},
        {"id": "5", "Subject": "Made", "Call_Start_Time": "2026-11-18T10:00:00Z", "Outgoing_Call_Status": "Completed", **owner},
    ]
    tasks: list[dict[str, Any]] = [
        {"id": "6", "Subject": "Due", "Due_Date": "2026-11-20", "Status": "In Progress", **owner},
        {"id": "7", "Subject": "Without a day", "Due_Date": None, "Status": "In Progress", **owner},
    ]
    found = RECORDS.activities(tasks, events, calls)
    assert [(each.subject, each.kind, each.done) for each in found] == [
        ("Out", ActivityKind.CALL, False),
        ("Due", ActivityKind.TASK, False),
        ("Now", ActivityKind.MEETING, False),
        ("Past", ActivityKind.MEETING, True),
        ("In", ActivityKind.CALL, True),
        ("Made", ActivityKind.CALL, True),
    ]
    assert {each.owner for each in found} == {"Kim Park"}
    assert found[0].url == "https://crm.zoho.com/crm/org1/tab/Calls/4"


def test_the_permission_is_known_by_its_label_or_by_zohos_own_name() -> None:
    def permitted(**detail: Any) -> bool:
        return bool(profile_of({"id": "1", "name": "Sales", "permissions_details": [detail]}).permissions)

    assert permitted(display_label="Mail Integration", name="Crm_Implied_X", enabled=True)
    assert permitted(display_label="Integration des mails", name="Crm_Implied_Mail_Integration", enabled=True)
    assert not permitted(display_label="Mail Integration", enabled=False)
    assert not permitted(display_label="Mail Integration", enabled="true")
    assert not permitted(display_label="Mail Integrations", enabled=True)
    assert profile_of({"id": "1", "name": "Administrator"}).administrator
    assert not profile_of({"id": "1", "name": "Administrators"}).administrator
