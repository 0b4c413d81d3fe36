"""A CRM record as a plain page, so that "Open in MailMagnet CRM" leads somewhere."""

from collections.abc import Mapping
from html import escape
from typing import Any

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name} · MailMagnet CRM</title><link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/page.css"><link rel="stylesheet" href="/record.css"></head>
<body class="record"><main><p class="quiet">MailMagnet CRM · {module}</p><h1 dir="auto">{name}</h1>{facts}</main></body></html>
"""


def record_page(module: str, record: Mapping[str, Any]) -> str:
    """The page of one record, as `mailmagnet crm show` prints it; every text in it is escaped."""
    facts = {key: value for key, value in record.items() if key not in ("name", "id", "url")}
    return _PAGE.format(name=escape(_name(record)), module=escape(module), facts=_shown(facts))


def _name(record: Mapping[str, Any]) -> str:
    return str(record.get("name") or record.get("account", {}).get("name") or "Record")


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return _money(value) if set(value) == {"amount", "currency"} else _facts(value)
    if isinstance(value, list):
        return "".join(f"<div class='one'>{_shown(inner)}</div>" for inner in value)
    return escape(str(value))


def _money(value: Mapping[str, Any]) -> str:
    return escape(f"{value['amount']} {value['currency']}")


def _facts(value: Mapping[str, Any]) -> str:
    told = {
        key: inner for key, inner in value.items() if inner not in (None, "", [], {}) and not key.endswith(("id", "ids", "url"))
    }
    rows = (
        f"<div><dt>{escape(key.replace('_', ' '))}</dt><dd dir='auto'>{_shown(inner)}</dd></div>" for key, inner in told.items()
    )
    return f"<dl>{''.join(rows)}</dl>"
