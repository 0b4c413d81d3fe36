"""Zoho's API v8: one call in, its answer out. Calls within a composite request are answered here too."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sandbox.crms.world import CrmCurrency
from sandbox.crms.zoho.coql import read
from sandbox.crms.zoho.fields import MODULES
from sandbox.crms.zoho.organisation import ZGID, Record, ZohoOrganisation, ZohoProfile, ZohoUser
from sandbox.crms.zoho.query import Rows
from sandbox.crms.zoho.refusals import (
    bad_data,
    bad_method,
    bad_param,
    bad_path,
    no_permission,
    over_limit,
    param_missing,
    scope_missing,
)

Item = TypeVar("Item")

SCOPES = frozenset(
    {
        *(f"ZohoCRM.modules.{module.lower()}.READ" for module in (*MODULES, "Notes")),
        *(f"ZohoCRM.settings.{part}.READ" for part in ("profiles", "layouts", "pipeline", "currencies")),
        *("ZohoCRM.coql.READ", "ZohoCRM.composite_requests.CUSTOM", "ZohoCRM.users.READ", "ZohoCRM.org.READ"),
    }
)
"""All that a consent may give here."""
MOST_IN_COMPOSITE = 25
MOST_A_PAGE = 200
_NOTE_FIELDS = ("Note_Title", "Note_Content", "Created_Time", "Created_By")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a user who holds these scopes. `body` is JSON; `inside` a composite request stricter limits hold."""

    method: str
    path: str
    user: ZohoUser
    scopes: frozenset[str]
    params: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    inside: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer: without a body there is nothing to tell (204)."""

    body: Mapping[str, Any] | None
    status: int = 200


class ZohoApi:
    """What may be asked of one organisation. Each method raises Refused."""

    def __init__(self, organisation: ZohoOrganisation) -> None:
        self._organisation = organisation
        self._served: list[tuple[str, re.Pattern[str], str, frozenset[str], Callable[..., Mapping[str, Any] | None]]] = [
            _route("POST", "/coql", "coql.READ", "", self._coql),
            _route("GET", "/users", "users.READ", "type page per_page", self._users),
            _route("GET", "/org", "org.READ", "", self._org),
            _route("GET", "/org/currencies", "settings.currencies.READ", "", self._currencies),
            _route("GET", "/settings/profiles", "settings.profiles.READ", "", self._profiles),
            _route("GET", "/settings/profiles/([0-9]+)", "settings.profiles.READ", "", self._profile),
            _route("GET", "/settings/layouts", "settings.layouts.READ", "module", self._layouts),
            _route("GET", "/settings/pipeline", "settings.pipeline.READ", "layout_id", self._pipelines),
            _route(
                "GET", "/Contacts/([0-9]+)/Notes", "modules.notes.READ", "fields sort_by sort_order page per_page", self._notes
            ),
            _route("GET", "/Deals/([0-9]+)/Contact_Roles", "modules.deals.READ", "fields", self._contact_roles),
        ]

    def answer(self, call: Call) -> Answered:
        """The answer to a call, raised as Refused where Zoho refuses it."""
        is_there = False
        for method, path, scope, params, answer in self._served:
            found = path.fullmatch(call.path)
            if not found:
                continue
            is_there = True
            if method != call.method:
                continue
            if scope not in call.scopes:
                raise scope_missing()
            for name in call.params:
                if name not in params:
                    raise bad_param(name)
            body = answer(call, *found.groups())
            return Answered(body, 200 if body else 204)
        raise bad_method() if is_there else bad_path()

    def _coql(self, call: Call) -> Mapping[str, Any] | None:
        body = call.body
        if not isinstance(body, dict) or set(body) != {"select_query"} or not isinstance(body["select_query"], str):
            raise bad_data("select_query", "$.select_query")
        query = read(body["select_query"])
        if call.inside and query.limit > MOST_IN_COMPOSITE:
            raise over_limit("limit", MOST_IN_COMPOSITE)
        if f"ZohoCRM.modules.{query.module.lower()}.READ" not in call.scopes:
            raise scope_missing()
        return Rows(self._organisation, call.user, query).answer()

    def _users(self, call: Call) -> Mapping[str, Any] | None:
        which = call.params.get("type", "AllUsers")
        everybody = list(self._organisation.users.values())
        chosen = {
            "AllUsers": everybody,
            "CurrentUser": [call.user],
            "ActiveUsers": [user for user in everybody if user.active],
            "AdminUsers": [user for user in everybody if _is_administrator(user)],
            "ActiveConfirmedAdmins": [user for user in everybody if user.active and _is_administrator(user)],
        }.get(which)
        if chosen is None:
            raise bad_param("type")
        users, info = _page(call, chosen)
        return {"users": [_user(user) for user in users], "info": info} if users else None

    def _org(self, _: Call) -> Mapping[str, Any]:
        organisation = self._organisation
        return {
            "org": [
                {
                    "id": "5725767000000020005",
                    "company_name": organisation.name,
                    "time_zone": organisation.time_zone,
                    "iso_code": organisation.home_currency,
                    "currency_locale": organisation.home_currency,
                    "mc_status": bool(organisation.currencies),
                    "zgid": ZGID,
                    "domain_name": f"org{ZGID}",
                    "type": "production",
                    "license_details": {
                        "paid": True,
                        "paid_type": "enterprise",
                        "users_license_purchased": len(organisation.users),
                        "trial_expiry": None,
                    },
                }
            ]
        }

    def _currencies(self, _: Call) -> Mapping[str, Any] | None:
        organisation = self._organisation
        if not organisation.currencies:
            return None
        home: CrmCurrency = {"code": organisation.home_currency, "name": organisation.home_currency, "rate": "1"}
        return {
            "currencies": [
                {
                    "id": str(5725767000000780002 + number),
                    "iso_code": currency["code"],
                    "name": f"{currency['name']} - {currency['code']}",
                    "symbol": currency["code"],
                    "exchange_rate": f"{float(currency['rate']):.9f}",
                    "is_base": number == 0,
                    "is_active": True,
                    "prefix_symbol": True,
                }
                for number, currency in enumerate([home, *organisation.currencies])
            ]
        }

    def _profiles(self, _: Call) -> Mapping[str, Any]:
        return {"profiles": [_profile_names(profile) for profile in self._organisation.profiles]}

    def _profile(self, _: Call, profile_id: str) -> Mapping[str, Any]:
        for profile in self._organisation.profiles:
            if profile.id == profile_id:
                details = [
                    {
                        "id": f"{profile.id}{number}",
                        "display_label": name,
                        "name": f"Crm_Implied_{name.replace(' ', '_')}",
                        "enabled": enabled,
                    }
                    for number, (name, enabled) in enumerate(profile.permissions.items())
                ]
                return {"profiles": [{**_profile_names(profile), "permissions_details": details}]}
        raise bad_param("id")

    def _layouts(self, call: Call) -> Mapping[str, Any]:
        if call.params.get("module") != "Deals":
            raise bad_param("module")
        layouts = self._organisation.layouts
        return {"layouts": [{"id": each, "name": each, "display_label": each, "visible": True} for each in layouts]}

    def _pipelines(self, call: Call) -> Mapping[str, Any]:
        if "layout_id" not in call.params:
            raise param_missing("layout_id")
        if call.params["layout_id"] not in self._organisation.layouts:
            raise bad_param("layout_id")
        names = self._organisation.layouts[call.params["layout_id"]]
        pipelines: dict[str, list[dict[str, Any]]] = {}
        for stage in (stage for stage in self._organisation.stages if stage.pipeline in names):
            maps = pipelines.setdefault(stage.pipeline, [])
            maps.append(
                {
                    "id": stage.id,
                    "display_value": stage.name,
                    "actual_value": stage.name,
                    "sequence_number": len(maps) + 1,
                    "forecast_type": stage.forecast_type,
                    "forecast_category": {"name": "Pipeline", "id": "5725767000000006787"},
                }
            )
        return {
            "pipeline": [
                {
                    "id": str(5725767000003097007 + number),
                    "display_value": name,
                    "actual_value": name,
                    "default": number == 0,
                    "maps": maps,
                }
                for number, (name, maps) in enumerate(pipelines.items())
            ]
        }

    def _notes(self, call: Call, contact_id: str) -> Mapping[str, Any] | None:
        _seen(self._organisation, call.user, "Contacts", contact_id)
        if not self._organisation.notes_in_layout:
            raise bad_param("related_list_api_name")
        fields = _fields(call, _NOTE_FIELDS)
        by = call.params.get("sort_by", "id")
        if by not in {"id", "Created_Time", "Modified_Time"} or call.params.get("sort_order", "desc") not in {"asc", "desc"}:
            raise bad_param("sort_by")
        notes = sorted(self._organisation.notes.get(contact_id, []), key=lambda note: str(note[by]))
        if call.params.get("sort_order", "desc") == "desc":
            notes.reverse()
        page, info = _page(call, notes)
        data = [{**{name: self._named(name, note) for name in fields}, "id": note["id"]} for note in page]
        return {"data": data, "info": info} if data else None

    def _named(self, field: str, record: Record) -> Any:
        """What stands in a field, a user with name and address."""
        user = self._organisation.user(record[field]) if field in {"Created_By", "Owner"} else None
        return {"id": user.id, "name": user.full_name, "email": user.email} if user else record[field]

    def _contact_roles(self, call: Call, deal_id: str) -> Mapping[str, Any] | None:
        _seen(self._organisation, call.user, "Deals", deal_id)
        fields = _fields(call, ("Full_Name", "Email", "Secondary_Email", "Owner"))
        contacts = [self._organisation.records["Contacts"][each] for each in self._organisation.roles.get(deal_id, [])]
        role = {"id": "5725767000000006881", "name": "Decision Maker"}
        data = [
            {**{name: self._named(name, contact) for name in fields}, "id": contact["id"], "Contact_Role": role}
            for contact in contacts
            if self._organisation.sees(call.user, "Contacts", contact)
        ]
        _, info = _page(call, data)
        return {"data": data, "info": info} if data else None


def _route(
    method: str, path: str, scope: str, params: str, answer: Callable[..., Mapping[str, Any] | None]
) -> tuple[str, re.Pattern[str], str, frozenset[str], Callable[..., Mapping[str, Any] | None]]:
    return method, re.compile(f"/crm/v8{path}"), f"ZohoCRM.{scope}", frozenset(params.split()), answer


def _seen(organisation: ZohoOrganisation, user: ZohoUser, module: str, record_id: str) -> Record:
    record = organisation.records[module].get(record_id)
    if not record:
        raise bad_param("id")
    if not organisation.sees(user, module, record):
        raise no_permission(f"Crm_Implied_View_{module}")
    return record


def _fields(call: Call, known: tuple[str, ...]) -> list[str]:
    if "fields" not in call.params:
        raise param_missing("fields")
    fields = call.params["fields"].split(",")
    for name in fields:
        if name not in known:
            raise bad_param("fields")
    return fields


def _page(call: Call, items: list[Item]) -> tuple[list[Item], dict[str, Any]]:
    most = MOST_IN_COMPOSITE if call.inside else MOST_A_PAGE
    page, per_page = _number(call, "page", 1), _number(call, "per_page", most)
    if per_page > most:
        raise over_limit("per_page", most)
    shown = items[(page - 1) * per_page : page * per_page]
    return shown, {"page": page, "per_page": per_page, "count": len(shown), "more_records": len(items) > page * per_page}


def _number(call: Call, name: str, default: int) -> int:
    text = call.params.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not int(text):
        raise bad_param(name)
    return int(text)


def _is_administrator(user: ZohoUser) -> bool:
    return user.profile.name.startswith("Administrator")


def _user(user: ZohoUser) -> dict[str, Any]:
    return {
        "id": user.id,
        "full_name": user.full_name,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "status": "active" if user.active else "disabled",
        "confirm": True,
        "profile": {"id": user.profile.id, "name": user.profile.name},
        "role": {"id": "5725767000000026005", "name": "CEO" if user.sees_all else "Sales"},
        "time_zone": "America/Los_Angeles",
    }


def _profile_names(profile: ZohoProfile) -> dict[str, Any]:
    return {"id": profile.id, "name": profile.name, "display_label": profile.name, "custom": " " in profile.name}
