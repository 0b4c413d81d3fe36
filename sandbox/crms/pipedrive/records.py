"""Records as Pipedrive's API writes them: version 2 with plain ids and RFC 3339 times, version 1 as it always was."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sandbox.crms.pipedrive.company import (
    Activity,
    Company,
    Deal,
    Lead,
    Note,
    Organization,
    Person,
    Pipeline,
    Record,
    Stage,
    User,
)

Json = dict[str, Any]
ADDED = "2026-01-02T03:04:05Z"
ADDED_V1 = "2026-01-02 03:04:05"
OWNER_AND_FOLLOWERS = 1
ADMIN_SET, REGULAR_SET = "62cc4d7f-4038-4352-abf3-a8c1c822b631", "f07d229d-088a-4144-a40f-1fe64295d180"


def person(each: Person) -> Json:
    first, _, last = each.name.partition(" ")
    # Contact sync, and with it the job title, is on.
    return _record(each) | {
        "name": each.name,
        "first_name": first,
        "last_name": last,
        "org_id": each.organization.id if each.organization else None,
        "emails": _labelled(each.emails),
        "phones": _labelled(each.phones),
        "picture_id": None,
        "job_title": each.job_title or None,
    }


def organization(each: Organization) -> Json:
    return _record(each) | {"name": each.name, "address": None, "website": each.website or None}


def deal(each: Deal) -> Json:
    closed = ADDED if each.status != "open" else None
    return _record(each) | {
        "title": each.title,
        "value": int(each.value) if each.value == int(each.value) else each.value,
        "currency": each.currency,
        "person_id": each.person.id if each.person else None,
        "org_id": each.organization.id if each.organization else None,
        "pipeline_id": each.stage.pipeline.id if each.stage else None,
        "stage_id": each.stage.id if each.stage else None,
        "status": each.status,
        "is_archived": each.archived,
        "stage_change_time": None,
        "probability": None,
        "lost_reason": None,
        "close_time": closed,
        "won_time": closed if each.status == "won" else None,
        "lost_time": closed if each.status == "lost" else None,
        "expected_close_date": each.expected_close_date.isoformat() if each.expected_close_date else None,
        "origin": "ManuallyCreated",
        "origin_id": None,
        "channel": None,
        "channel_id": None,
    }


def activity(each: Activity) -> Json:
    written = _common(each)
    at = each.at
    return written | {
        "subject": each.subject,
        "type": each.type,
        "creator_user_id": each.owner.id,
        "deal_id": None,
        "lead_id": None,
        "person_id": each.person.id if each.person else None,
        "org_id": None,
        "project_id": None,
        "due_date": at.isoformat()[:10],
        "due_time": at.strftime("%H:%M:%S") if isinstance(at, datetime) else "",
        "duration": "",
        "busy": False,
        "done": each.done,
        "marked_as_done_time": ADDED if each.done else None,
        "participants": [{"person_id": each.person.id, "primary": True}] if each.person else [],
        "note": None,
    }


def stage(each: Stage, order: int) -> Json:
    return {
        "id": each.id,
        "order_nr": order,
        "name": each.name,
        "is_deleted": False,
        "deal_probability": 100,
        "pipeline_id": each.pipeline.id,
        "is_deal_rot_enabled": False,
        "days_to_rotten": None,
        "add_time": ADDED,
        "update_time": ADDED,
    }


def pipeline(each: Pipeline, order: int) -> Json:
    return {
        "id": each.id,
        "name": each.name,
        "order_nr": order,
        "is_deleted": False,
        "is_deal_probability_enabled": False,
        "add_time": ADDED,
        "update_time": ADDED,
    }


# What a search gives


def person_item(each: Person) -> Json:
    return _item(each, "person") | {
        "name": each.name,
        "phones": list(each.phones),
        "emails": list(each.emails),
        "organization": _named(each.organization),
    }


def organization_item(each: Organization) -> Json:
    return _item(each, "organization") | {"name": each.name, "address": None}


def deal_item(each: Deal) -> Json:
    return _item(each, "deal") | {
        "title": each.title,
        "value": each.value,
        "currency": each.currency,
        "status": each.status,
        "stage": {"id": each.stage.id, "name": each.stage.name} if each.stage else None,
        "person": _named(each.person),
        "organization": _named(each.organization),
    }


def lead_item(each: Lead) -> Json:
    return _item(each, "lead") | {
        "id": each.uuid,
        "title": each.title,
        "person": _named(each.person),
        "organization": _named(each.organization),
        "phones": list(each.person.phones) if each.person else [],
        "emails": list(each.person.emails) if each.person else [],
        "value": None,
        "currency": None,
        "is_archived": each.archived,
    }


# Version 1


def lead(each: Lead, company: Company) -> Json:
    return {
        "id": each.uuid,
        "title": each.title,
        "owner_id": each.owner.id,
        "creator_id": each.owner.id,
        "label_ids": [],
        "person_id": each.person.id if each.person else None,
        "organization_id": each.organization.id if each.organization else None,
        "source_name": "Manually created",
        "origin": "ManuallyCreated",
        "origin_id": None,
        "channel": None,
        "channel_id": None,
        "source_deal_id": None,
        "is_archived": each.archived,
        "was_seen": True,
        "value": None,
        "expected_close_date": None,
        "next_activity_id": None,
        "add_time": "2026-01-02T03:04:05.678Z",
        "update_time": "2026-01-02T03:04:05.678Z",
        "visible_to": str(OWNER_AND_FOLLOWERS),
        "cc_email": f"{company.domain}+1+lead{each.id}@pipedrivemail.com",
    }


def note(each: Note, asked_by: User) -> Json:
    at = each.at.strftime("%Y-%m-%d %H:%M:%S")
    author = {"email": each.owner.email, "icon_url": None, "is_you": each.owner.id == asked_by.id, "name": each.owner.name}
    return {
        "id": each.id,
        "active_flag": True,
        "add_time": at,
        "content": each.content,
        "deal": None,
        "lead_id": None,
        "deal_id": None,
        "last_update_user_id": each.owner.id,
        "org_id": None,
        "organization": None,
        "person": {"name": each.person.name} if each.person else None,
        "person_id": each.person.id if each.person else None,
        "project_id": None,
        "project": None,
        "pinned_to_deal_flag": False,
        "pinned_to_organization_flag": False,
        "pinned_to_person_flag": False,
        "update_time": at,
        "user": author,
        "user_id": each.owner.id,
    }


def user(each: User, company: Company, asked_by: User) -> Json:
    permission_set = ADMIN_SET if each.admin else REGULAR_SET
    return {
        "id": each.id,
        "name": each.name,
        "default_currency": company.currency,
        "locale": "en_US",
        "lang": 1,
        "email": each.email,
        "phone": None,
        "activated": True,
        "last_login": ADDED_V1,
        "created": ADDED_V1,
        "modified": ADDED_V1,
        "has_created_company": each.admin,
        "access": [
            {"app": "sales", "admin": each.admin, "permission_set_id": permission_set},
            {"app": "account_settings", "admin": each.admin, "permission_set_id": permission_set},
        ],
        "active_flag": each.active,
        "timezone_name": company.time_zone,
        "timezone_offset": "+01:00",
        "role_id": 1,
        "icon_url": None,
        "is_you": each.id == asked_by.id,
        "is_deleted": False,
    }


def me(each: User, company: Company) -> Json:
    return user(each, company, each) | {
        "company_id": 54_235_233,
        "company_name": company.name,
        "company_domain": company.domain,
        "company_country": "AT",
        "company_industry": "IT Services",
        "language": {"language_code": "en", "country_code": "US"},
    }


def currency(code: str, name: str, number: int) -> Json:
    return {
        "id": number,
        "code": code,
        "name": name,
        "decimal_points": 0 if code == "JPY" else 2,
        "symbol": code,
        "active_flag": True,
        "is_custom_flag": False,
    }


def _common(each: Record) -> Json:
    return {"id": each.id, "owner_id": each.owner.id, "add_time": ADDED, "update_time": ADDED, "is_deleted": False}


def _record(each: Record) -> Json:
    return _common(each) | {"visible_to": OWNER_AND_FOLLOWERS, "label_ids": [], "custom_fields": {}}


def _item(each: Record, kind: str) -> Json:
    owner = {"id": each.owner.id}
    return {"id": each.id, "type": kind, "visible_to": OWNER_AND_FOLLOWERS, "owner": owner, "custom_fields": [], "notes": []}


def _named(each: Person | Organization | None) -> Mapping[str, Any] | None:
    return {"id": each.id, "name": each.name} if each else None


def _labelled(values: Sequence[str]) -> list[Json]:
    return [{"value": value, "primary": not place, "label": "work"} for place, value in enumerate(values)]
