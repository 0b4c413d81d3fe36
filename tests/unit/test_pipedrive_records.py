"""Pipedrive's records as the core's, however odd what is sent may be."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_client.fields import Record
from crm_client.pipedrive.people import items_of, of_kind, spellings
from crm_client.pipedrive.records import Records, emails_of, id_of, organisation_of, phone_of, stages_of, user_of
from crm_client.records import is_at
from mailmagnet.addresses import canonical
from mailmagnet.crm import MAIL_INTEGRATION, ActivityKind, DealState, Money, Stage
from mailmagnet.errors import BadAnswer, Upstream

ORIGIN = "https://corp.pipedrive.com"
STAGES = {"1": Stage("1", "Demo", "Sales", DealState.OPEN, 0)}
RECORDS = Records(ORIGIN, "7", {"7": "Ada Byron"}, STAGES)

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = (
    "id", "name", "title", "emails", "phones", "owner_id", "owner", "org_id", "organization", "person_id", "stage_id", "status", "value",
    "currency", "expected_close_date", "website", "due_date", "due_time", "type", "done", "content",
    "add_time", "user", "subject", "access",
)  # fmt: skip
_ODD = st.fixed_dictionaries({}, optional=dict.fromkeys(_FIELDS, _JSON))


@settings(max_examples=50)
@given(_ODD)
def test_odd_records_are_records_or_bad_answers_and_nothing_else(odd: dict[str, Any]) -> None:
    for make in (
        RECORDS.organization,
        lambda record: RECORDS.deal(record, {}),
        lambda record: RECORDS.contact(record, {}),
        lambda record: RECORDS.lead(record, record, ""),
        RECORDS.activity,
        RECORDS.note,
        user_of,
        organisation_of,
        lambda record: stages_of([record], [record]),
    ):
        try:
            make(odd)
        except Upstream as refused:
            assert isinstance(refused, BadAnswer)


@settings(max_examples=50)
@given(_JSON)
def test_an_odd_answer_of_a_search_has_no_items(odd: object) -> None:
    answer: Record = {"data": odd} if not isinstance(odd, dict) else odd
    assert all(isinstance(item, dict) for item in items_of(answer, "items"))


@settings(max_examples=50)
@given(st.lists(st.emails(), max_size=4))
def test_a_persons_addresses_are_the_same_in_a_record_and_in_a_search(addresses: list[str]) -> None:
    written = [{"value": address, "primary": place == 0} for place, address in enumerate(addresses)]
    assert emails_of({"emails": written}) == emails_of({"emails": addresses})
    assert set(emails_of({"emails": addresses})) == set(map(canonical, addresses))


def test_the_main_address_and_phone_come_first_wherever_they_stand() -> None:
    person = {
        "emails": [{"value": "Old@X.example", "primary": False}, {"value": "New@X.example", "primary": True}, {"value": ""}],
        "phones": [{"value": "1", "primary": False}, {"value": "2", "primary": True}],
    }
    assert emails_of(person) == ("new@x.example", "old@x.example")
    assert phone_of(person) == "2"
    assert phone_of({"phones": ["3"]}) == "3"


def test_a_deals_state_is_its_own_and_its_stage_a_name() -> None:
    deal = {
        "id": 3,
        "title": "Renewal",
        "stage_id": 1,
        "status": "lost",
        "value": 12.5,
        "currency": "eur",
        "person_id": 4,
        "owner_id": 7,
    }
    read = RECORDS.deal(deal, {})
    assert (read.state, read.stage, read.pipeline, read.amount) == (
        DealState.LOST,
        "Demo",
        "Sales",
        Money(Decimal("12.5"), "EUR"),
    )
    assert (read.contact_ids, read.owner, read.url) == (("4",), "Ada Byron", f"{ORIGIN}/deal/3")
    for status in ("", "deleted", None, 7):
        with pytest.raises(BadAnswer):
            RECORDS.deal({**deal, "status": status}, {})


def test_a_deal_of_the_amount_0_has_none_and_one_without_a_day_none() -> None:
    deal = RECORDS.deal({"id": 3, "status": "open", "value": 0, "currency": "EUR", "expected_close_date": None}, {})
    assert (deal.amount, deal.closing) == (None, None)
    with pytest.raises(BadAnswer):
        RECORDS.deal({"id": 3, "status": "open", "expected_close_date": "soon"}, {})


@pytest.mark.parametrize(
    ("due", "at"),
    [
        ({"due_date": "2026-12-01", "due_time": ""}, date(2026, 12, 1)),
        ({"due_date": "2026-12-01", "due_time": None}, date(2026, 12, 1)),
        ({"due_date": "2026-12-01", "due_time": "15:30:00"}, datetime(2026, 12, 1, 15, 30, tzinfo=UTC)),
        ({"due_date": "2026-12-01", "due_time": "15:30"}, datetime(2026, 12, 1, 15, 30, tzinfo=UTC)),
        ({"due_date": None, "add_time": "2026-11-01T10:00:00Z"}, date(2026, 11, 1)),
    ],
)
def test_an_activity_has_a_day_and_at_times_a_time(due: dict[str, Any], at: date | datetime) -> None:
    assert RECORDS.activity({"id": 1, "type": "call", **due}).at == at


def test_types_of_a_companys_own_are_things_to_do() -> None:
    kinds = {
        kind: RECORDS.activity({"id": 1, "type": kind, "due_date": "2026-12-01"}).kind
        for kind in ("call", "meeting", "lunch", "x")
    }
    assert kinds == {
        "call": ActivityKind.CALL,
        "meeting": ActivityKind.MEETING,
        "lunch": ActivityKind.TASK,
        "x": ActivityKind.TASK,
    }


def test_notes_are_html_and_read_as_text() -> None:
    note = {"id": 1, "content": "<p>One &amp; two</p><script>x</script><p>&lt;b&gt;</p>", "add_time": "2026-11-20 12:00:00"}
    read = RECORDS.note(note)
    assert (read.text, read.at) == ("One & two\n<b>", datetime(2026, 11, 20, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    ("website", "domain"),
    [
        ("https://www.analytical.example/about", "analytical.example"),
        ("analytical.example", "analytical.example"),
        ("HTTP://Analytical.Example:8080", "analytical.example"),
        ("", ""),
        ("http://[", ""),
        ("not a site", ""),
    ],
)
def test_a_companys_domain_is_its_websites(website: str, domain: str) -> None:
    assert RECORDS.organization({"id": 5, "website": website}).domain == domain


def test_an_admin_looks_after_the_whole_company_and_the_list_stands_for_the_permission() -> None:
    def user(**access: Any) -> Any:
        return user_of({"id": 7, "access": [access]})

    assert user(app="account_settings", admin=True).profile.administrator
    assert user(app="global", admin=True).profile.administrator
    assert not user(app="sales", admin=True).profile.administrator
    assert not user(app="global", admin=False).profile.administrator
    assert user_of({"id": 7}).profile.permissions == {MAIL_INTEGRATION}
    assert user_of({"id": 7}, listed=False).profile.permissions == frozenset()


def test_stages_are_in_their_pipelines_order_and_none_is_won_or_lost() -> None:
    pipelines = [{"id": 2, "name": "Partners", "order_nr": 2}, {"id": 1, "name": "Sales", "order_nr": 1}]
    stages = [
        {"id": 20, "name": "Signed", "pipeline_id": 2, "order_nr": 1},
        {"id": 11, "name": "Closed Won", "pipeline_id": 1, "order_nr": 2},
        {"id": 10, "name": "Demo", "pipeline_id": 1, "order_nr": 1},
        {"id": 30, "name": "Of a pipeline that the user may not see", "pipeline_id": 3, "order_nr": 1},
    ]
    told = [(stage.pipeline, stage.name, stage.state, stage.position) for stage in stages_of(stages, pipelines)]
    assert told == [
        ("Sales", "Demo", DealState.OPEN, 0),
        ("Sales", "Closed Won", DealState.OPEN, 1),
        ("Partners", "Signed", DealState.OPEN, 2),
    ]


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("a@x.example", ("a@x.example",)),
        ("a@xn--bro-hoa.example", ("a@xn--bro-hoa.example", "a@büro.example")),
        ("xn--bro-hoa.example", ("xn--bro-hoa.example", "büro.example")),
        ("a@xn--\u00ff.example", ("a@xn--\u00ff.example",)),
    ],
)
def test_each_spelling_of_a_domain_is_asked_for(address: str, asked: tuple[str, ...]) -> None:
    assert spellings(address) == asked


def test_an_address_is_at_its_domain_and_at_those_above_it() -> None:
    assert is_at("a@mail.x.example", "x.example")
    assert is_at("a@x.example", "x.example")
    assert not is_at("a@notx.example", "x.example")
    assert not is_at("x.example", "x.example")


def test_what_is_archived_is_not_told() -> None:
    assert of_kind("lead", [{"type": "lead", "is_archived": True}, {"type": "deal"}, {"type": "lead", "id": "1"}]) == [
        {"type": "lead", "id": "1"}
    ]
    assert id_of({"id": True}) == ""
