"""How a Zoho organisation is set up: its name and time zone, its pipelines with their stages, its currencies."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from crm_client.fields import Record, inner, inner_all, number, text, zone
from crm_client.records import readable
from crm_client.zoho.server import Reply, Request, ZohoLine
from crm_client.zoho.zoho import ZOHO
from mailmagnet.crm import CrmSettings, Currency, DealState, Organisation, Stage
from mailmagnet.errors import BadAnswer

_STATES = {"open": DealState.OPEN, "closed won": DealState.WON, "closed lost": DealState.LOST}
"""By a stage's forecast type: no stage's name says that."""
_ONE = Decimal(1)
_CREDITS = 50_000
_CREDITS_A_USER = {"standard": 250, "professional": 500, "enterprise": 1000, "zohoone": 1000, "ultimate": 2000, "crmplus": 2000}
_MOST_CREDITS = {"standard": 100_000, "professional": 3_000_000, "enterprise": 5_000_000, "zohoone": 5_000_000}
"""By edition (https://www.zoho.com/crm/developer/docs/api/v8/api-limits.html)."""


@dataclass(frozen=True, slots=True)
class ZohoSettings:
    """What is remembered of an organisation. `web` is where its records' pages are; `states` are those of stages, by the name that a deal
    has; `day_credits` are granted for a day, 0 where the edition is not known."""

    crm: CrmSettings
    web: str
    states: Mapping[str, DealState]
    day_credits: int


async def settings(line: ZohoLine, token: str) -> ZohoSettings:
    """Asked in one composite request; a second one where deals have more than one layout."""
    asked = {
        "org": Request("GET", "/org"),
        "currencies": Request("GET", "/org/currencies"),
        "layouts": Request("GET", "/settings/layouts", {"module": "Deals"}),
        "pipelines": Request("GET", "/settings/pipeline", {"layout_id": "@{layouts:$.layouts[0].id}"}),
    }
    replies = await line.ask_together(token, asked)
    others = [text(layout, "id") for layout in replies["layouts"].named("layouts")[1:]]
    pipelines = replies["pipelines"].named("pipeline")
    for start in range(0, len(others), 5):
        more = {
            f"layout{number}": Request("GET", "/settings/pipeline", {"layout_id": layout})
            for number, layout in enumerate(others[start : start + 5])
        }
        for reply in (await line.ask_together(token, more)).values():
            pipelines += reply.named("pipeline")
    return _read(_only(replies["org"]), _currencies(replies["currencies"]), pipelines, line.centre.web)


def _read(org: Record, currencies: list[Record], pipelines: list[Record], web: str) -> ZohoSettings:
    home = text(org, "iso_code")
    organisation = Organisation(text(org, "company_name"), zone(org, "time_zone").key, home)
    stages = tuple(_stages(pipelines))
    named = readable(_named, [stage for pipeline in pipelines for stage in inner_all(pipeline, "maps")])
    states = {name: state for names in named for name, state in names}
    told = tuple(_currency(each, home) for each in currencies) or ((Currency(home, home, _ONE, home=True),) if home else ())
    crm = CrmSettings(organisation=organisation, stages=stages, currencies=told)
    number = text(org, "zgid")
    if not number.isascii() or not number.isdigit():
        raise BadAnswer(ZOHO, "the organisation has no number")
    return ZohoSettings(crm, f"{web}/crm/org{number}/tab", states, _credits(inner(org, "license_details")))


def _stages(pipelines: Iterable[Record]) -> Iterable[Stage]:
    """Each stage of each pipeline once: several layouts may have the same pipeline. One of
    which Zoho does not say what it means is left out."""
    known = set()
    for pipeline in pipelines:
        in_order = sorted(inner_all(pipeline, "maps"), key=_sequence)
        for position, stage, state in readable(lambda each: (*each, _state(each[1])), enumerate(in_order)):
            key = (text(stage, "id"), text(pipeline, "display_value"))
            if key not in known:
                known.add(key)
                yield Stage(key[0], text(stage, "display_value"), key[1], state, position)


def _named(stage: Record) -> list[tuple[str, DealState]]:
    """A deal holds the name that is shown, or the one that was there before it was renamed."""
    return [(name, _state(stage)) for name in (text(stage, "actual_value"), text(stage, "display_value")) if name]


def _state(stage: Record) -> DealState:
    state = _STATES.get(text(stage, "forecast_type").lower())
    if not state:
        raise BadAnswer(ZOHO, "a stage is neither open, won nor lost")
    return state


def _sequence(stage: Record) -> int:
    position = stage.get("sequence_number")
    return position if isinstance(position, int) else 0


def _currencies(reply: Reply) -> list[Record]:
    """None where there is but one, or this edition has no more."""
    return (
        []
        if reply.code == "FEATURE_NOT_SUPPORTED"
        else [each for each in reply.named("currencies") if each.get("is_active") is not False]
    )


def _currency(currency: Record, home: str) -> Currency:
    code = text(currency, "iso_code")
    name = text(currency, "name").removesuffix(f" - {code}")
    return Currency(code, name, number(currency, "exchange_rate") or _ONE, home=code == home)


def _credits(licence: Record) -> int:
    edition, users = text(licence, "paid_type").lower(), licence.get("users_license_purchased")
    if edition not in _CREDITS_A_USER or type(users) is not int:
        return 0
    granted = _CREDITS + users * _CREDITS_A_USER[edition]
    return min(granted, _MOST_CREDITS.get(edition, granted))


def _only(reply: Reply) -> Record:
    org = reply.named("org")
    if not org:
        raise BadAnswer(ZOHO, "the answer names no organisation")
    return org[0]
