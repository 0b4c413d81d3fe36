"""One deal, activity or note that cannot be read hides no other and fails nothing, in every CRM; a card says that there are more deals."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crm_client.fields import Record, day, moment, zone
from crm_client.hubspot.addresses import HUBSPOT
from crm_client.hubspot.questions import CALLS, associated_ids
from crm_client.hubspot.records import Gathered, HubSpotOwner, HubSpotSettings, Viewer
from crm_client.hubspot.records import Records as HubSpot
from crm_client.odoo.records import Records as Odoo
from crm_client.pipedrive.people import _Around, _contact
from crm_client.pipedrive.records import Records as Pipedrive
from crm_client.records import readable
from crm_client.salesforce.records import Shown as Salesforce
from crm_client.salesforce.records import settings_of as salesforce_settings
from crm_client.salesforce.server import Records as Answer
from crm_client.tryton.records import Parties
from crm_client.tryton.records import Records as Tryton
from crm_client.zoho.people import read
from crm_client.zoho.records import Records as Zoho
from crm_client.zoho.settings import ZohoSettings
from crm_client.zoho.settings import _read as zoho_settings
from mailmagnet.crm import Contact, CrmSettings, DealState, Organisation
from mailmagnet.crm_sign_in import Sees
from mailmagnet.errors import BadAnswer

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
EAST = ZoneInfo("Pacific/Kiritimati")
SETTINGS = CrmSettings(Organisation("Corp", "UTC", "EUR"))
Make = Callable[..., Contact]


def salesforce(*deals: dict[str, Any]) -> Contact:
    told = [
        {"IsClosed": False, "IsWon": False, "OpportunityContactRoles": {"records": [{"Contact": {"Id": "7"}}]}, **deal}
        for deal in deals
    ]
    tasks = {"records": [{"Id": "t", "ActivityDate": "soon"}, {"Id": "u", "ActivityDate": "2026-11-20"}]}
    (contact,) = Salesforce("https://x", "1", "EUR", NOW).contacts(_answer({}, {"Id": "7", "Tasks": tasks}), _answer(*told))
    return contact


def _answer(*records: dict[str, Any]) -> Answer:
    return Answer(list(records), len(records))


def hubspot(*deals: dict[str, Any]) -> Contact:
    me = HubSpotOwner("1", "2", "Ada", "", True, frozenset())
    records = HubSpot(HubSpotSettings(SETTINGS, EAST, {}, ""), {}, Viewer(me, Sees.EVERYONE))
    calls: list[tuple[str, Record]] = [
        (CALLS, {"id": "1", "properties": {"hs_timestamp": at}}) for at in ("soon", "2026-11-20T12:00:00Z")
    ]
    told: dict[str, Record] = {deal["id"]: {"id": deal["id"], "properties": {"hs_is_closed": "false", **deal}} for deal in deals}
    gathered = Gathered(deals=told, deals_of={"7": tuple(told)}, activities_of={"7": calls})
    return records.contact({"id": "7"}, gathered)


def odoo(*deals: dict[str, Any]) -> Contact:
    activities = [{"id": n, "date_deadline": at} for n, at in enumerate(("soon", "2026-11-20"))]
    told = [{"won_status": "pending", **deal} for deal in deals]
    return Odoo("https://x", "1").contact({"id": 7, "opportunity_ids": told, "activity_ids": activities})


def pipedrive(*deals: dict[str, Any]) -> Contact:
    activities = [{"id": n, "due_date": at} for n, at in enumerate(("soon", "2026-11-20"))]
    told = [{"status": "open", **deal} for deal in deals]
    return _contact(Pipedrive("https://x", "1"), {"id": 7}, _Around(told, False, None, activities, []), {})


def tryton(*deals: dict[str, Any]) -> Contact:
    told = [{"state": "opportunity", "party": 7, **deal} for deal in deals]
    return Tryton("https://x", "crm", "1", {}).contact({"id": 7}, told, Parties())


def zoho(*deals: dict[str, Any]) -> Contact:
    records = Zoho(ZohoSettings(SETTINGS, "https://x", {"Open": DealState.OPEN}, 0), "1", NOW)
    rows = [{"Stage": "Open", "Contact_Name": {"id": "7"}, **deal} for deal in deals]
    (contact,) = read(records, [{"contacts": [{"id": None}, {"id": "7"}], "deals": rows}]).contacts
    return contact


ODD: list[tuple[Make, Any, dict[str, Any]]] = [
    (salesforce, str, {"CloseDate": "soon"}),
    (salesforce, str, {"IsClosed": None}),
    (salesforce, str, {"Id": None}),
    (hubspot, str, {"closedate": "soon"}),
    (hubspot, str, {"hs_is_closed": None, "dealstage": "unknown"}),
    (odoo, int, {"date_deadline": "soon"}),
    (odoo, int, {"won_status": "perhaps"}),
    (odoo, int, {"id": None}),
    (pipedrive, int, {"expected_close_date": "soon"}),
    (pipedrive, int, {"status": "unknown"}),
    (tryton, int, {"state": "unknown"}),
    (tryton, int, {"id": None}),
    (zoho, str, {"Closing_Date": "soon"}),
    (zoho, str, {"Stage": "unknown"}),
]


@pytest.mark.parametrize(("crm", "as_id", "odd"), ODD, ids=lambda each: getattr(each, "__name__", str(each)))
def test_a_deal_that_cannot_be_read_hides_no_other(crm: Make, as_id: Callable[[int], Any], odd: dict[str, Any]) -> None:
    name = "Id" if crm is salesforce else "id"
    good, bad = {name: as_id(1)}, {name: as_id(2), **odd}
    contact = crm(good, bad)
    assert ([deal.id for deal in contact.deals], contact.more_deals) == (["1"], True)
    assert not crm(good).more_deals


@pytest.mark.parametrize("crm", [salesforce, hubspot, odoo, pipedrive])
def test_nor_does_an_activity(crm: Make) -> None:
    assert len(crm().activities) == 1


def test_a_deal_that_never_closes_is_one_in_every_zone() -> None:
    """People type the last day that there is."""
    (deal,) = hubspot({"id": "1", "closedate": "9999-12-31T23:59:59.999Z"}).deals
    assert deal.closing == date(9999, 12, 30)
    for written in ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"):
        at = moment(HUBSPOT, {"at": written}, "at")
        assert at
        assert [at.astimezone(ZoneInfo(zone)) for zone in ("Pacific/Kiritimati", "Etc/GMT+12")] == [at, at]


def test_a_day_begins_in_every_zone() -> None:
    for written in ("0001-01-01", "9999-12-31"):
        on = day(HUBSPOT, {"on": written}, "on")
        assert on
        for zone_name in ("Asia/Tokyo", "Etc/GMT+12"):
            datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(zone_name)).astimezone(UTC)


def test_what_is_associated_without_an_id_is_nothing() -> None:
    found = associated_ids({"associations": {"deals": {"results": [{"id": None}, {"id": "x"}, {"id": 7}]}}}, "deals")
    assert found == (("7",), False)


@pytest.mark.parametrize("amount", ["1E+999999", "1e-999999", "0E+999999", 1e300, "NaN", "Infinity", "9" * 41])
def test_an_amount_that_nobody_could_write_out_is_none(amount: Any) -> None:
    (deal,) = hubspot({"id": "1", "amount": amount, "deal_currency_code": "EUR"}).deals
    assert deal.amount is None


def test_a_stage_of_which_nothing_is_said_hides_no_other() -> None:
    maps = [{"display_value": name, "forecast_type": means} for name, means in (("Odd", "perhaps"), ("Open", "Open"))]
    zoho = zoho_settings({"zgid": "1", "time_zone": ""}, [], [{"maps": maps}], "https://x")
    stages = _answer(
        *({"MasterLabel": name, "IsClosed": closed, "IsWon": False} for name, closed in (("Odd", None), ("Open", False)))
    )
    salesforce = salesforce_settings(_answer({"TimeZoneSidKey": "America"}), stages, _answer(), "EUR")
    for settings in (zoho.crm, salesforce):
        assert ([stage.name for stage in settings.stages], settings.organisation.time_zone) == (["Open"], "UTC")
    assert zoho.states == {"Open": DealState.OPEN}


@pytest.mark.parametrize("name", ["", "Mars/Phobos", "America", "../etc/passwd", "x" * 5000, "a\0b", "\ud800", None, 7])
def test_a_time_zone_that_nobody_knows_is_utc(name: Any) -> None:
    """Else nobody's mail would be sorted."""
    assert zone({"zone": name}, "zone").key == "UTC"
    assert zone({"zone": "Europe/Vienna"}, "zone").key == "Europe/Vienna"


def test_only_what_cannot_be_read_is_left_out() -> None:
    def half(number: int) -> int | None:
        if number % 2:
            raise BadAnswer(HUBSPOT)
        return number // 2 or None

    assert readable(half, [0, 1, 2, 3, 4]) == [1, 2]
    with pytest.raises(ZeroDivisionError):
        readable(lambda number: 1 // number, [0])
