"""What Zoho itself says of its API v8: the classes and fields in its own SDK for Python (zohocrmsdk8-0), read as data and never run.

Where SDK and documentation differ, the documentation is right: identifiers are text, and a choice is written in small letters too.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_PACKAGE = "zohocrmsdk.src.com.zoho.crm.api."
_LOOKUPS = {"Account_Name": "Accounts", "Contact_Name": "Contacts", "Who_Id": "Contacts", "Owner": "users"}
_WRAPPERS = (
    (r"/coql", "coql.ResponseWrapper"),
    (r"/users", "users.ResponseWrapper"),
    (r"/org", "org.ResponseWrapper"),
    (r"/org/currencies", "currencies.ResponseWrapper"),
    (r"/settings/profiles(/\d+)?", "profiles.ResponseWrapper"),
    (r"/settings/layouts", "layouts.ResponseWrapper"),
    (r"/settings/pipeline", "pipeline.BodyWrapper"),
    (r"/Contacts/\d+/Notes", "notes.ResponseWrapper"),
    (r"/Deals/\d+/Contact_Roles", "deal_contact_roles.ResponseWrapper"),
)
_ERROR = {"code", "details", "message", "status"}
_FROM = re.compile(r"\sfrom\s+(\w+)\s", re.IGNORECASE)
_COLUMNS = re.compile(r"select\s+(.+?)\s+from\s", re.IGNORECASE | re.DOTALL)
_COMPARED = re.compile(r"([A-Za-z_][\w.]*)\s+(?:=|!=|[<>]=?|in\s*\(|not |like |between |is )", re.IGNORECASE)
_QUOTED = re.compile(r"'(?:[^'\\]|''|\\\\)*'")


def faults_of_call(path: str, body: Any, answer: Any) -> Iterator[str]:
    """What is wrong with a call's body or its answer; `path` is its whole path, without the question."""
    path = path.removeprefix("/crm/v8")
    if isinstance(answer, dict) and set(answer) == _ERROR:
        return
    if path == "/__composite_requests":
        for asked, answered in zip(body["__composite_requests"], answer["__composite_requests"], strict=True):
            response = answered["details"].get("response", {})
            yield from faults_of_call(_uri(asked["uri"]), asked.get("body"), response.get("body"))
        return
    if path == "/coql":
        yield from faults_of_query(body["select_query"])
    wrapper = next((name for pattern, name in _WRAPPERS if re.fullmatch(pattern, path)), None)
    if wrapper is None:
        yield f"{path}: no such call is known"
        return
    if answer is not None:
        roles = "Contacts" if path.endswith("/Contact_Roles") else ""  # whatever fields of the contacts are asked for
        module = _module_of(body["select_query"]) if path == "/coql" else roles
        yield from _faults(_classes()[_PACKAGE + wrapper], answer, path, module)


def faults_of_query(query: str) -> Iterator[str]:
    """The columns of a query that Zoho's module does not have."""
    module = _module_of(query)
    columns = _COLUMNS.match(query)
    if not columns:
        yield f"{query}: no query"
        return
    compared = _COMPARED.findall(_QUOTED.sub("''", query).partition(" where ")[2])
    for column in {*(each.strip() for each in columns[1].split(",")), *compared}:
        if not _has_column(module, column):
            yield f"{module} has no column {column}"


def _uri(uri: str) -> str:
    """With a number in the place of a reference."""
    return re.sub(r"@\{[^}]*\}", "1", uri)


def _module_of(query: str) -> str:
    found = _FROM.search(query)
    return found[1] if found else ""


def _has_column(module: str, column: str) -> bool:
    if (module, column) == ("Contacts", "Contact_Role"):
        return True
    *lookups, last = column.split(".")
    for lookup in lookups:
        if lookup not in _fields_of(module) or lookup not in _LOOKUPS:
            return False
        module = _LOOKUPS[lookup]
    return last in _fields_of(module)


def _faults(fields: Mapping[str, Any], value: Any, path: str, module: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: is no object"
        return
    known = {field["name"]: field for field in fields.values() if isinstance(field, dict)}
    for name, inner in value.items():
        if module and name == "data":
            for record in inner:
                yield from (f"{path}: {module} has no column {column}" for column in record if not _has_column(module, column))
        elif name not in known:
            yield f"{path}.{name}: no such field"
        elif inner is not None:
            yield from _faults_of_field(known[name], inner, f"{path}.{name}")


def _faults_of_field(field: Mapping[str, Any], value: Any, path: str) -> Iterator[str]:
    kind, structure = field["type"], field.get("structure_name", "")
    if kind == "List":
        if not isinstance(value, list):
            yield f"{path}: is no list"
        elif structure:
            for each in value:
                yield from _faults(_class(structure), each, path, "")
    elif kind.endswith("util.Choice"):
        choices = {str(choice).lower() for choice in field.get("values", ())}
        if choices and str(value).lower() not in choices:
            yield f"{path}: {value} is none of the choices"
    elif structure:
        yield from _faults(_class(structure), value, path, "")
    elif kind in _IS and not _IS[kind](value):
        yield f"{path}: {value!r} is no {kind}"


def _is_moment(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _is_day(value: Any) -> bool:
    try:
        return bool(date.fromisoformat(value))
    except (TypeError, ValueError):
        return False


_IS = {
    "String": lambda value: isinstance(value, str),
    "TimeZone": lambda value: isinstance(value, str),
    "Long": lambda value: isinstance(value, str) and value.isdigit(),
    "Integer": lambda value: type(value) is int,
    "Double": lambda value: isinstance(value, int | float),
    "Boolean": lambda value: isinstance(value, bool),
    "DateTime": _is_moment,
    "Date": _is_day,
}


def _class(name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = _classes()[name]
    return found


@cache
def _classes() -> Mapping[str, Any]:
    described: Mapping[str, Any] = json.loads((_folder() / "src" / "json_details.json").read_text("utf-8"))
    return described


@cache
def _fields_of(module: str) -> frozenset[str]:
    """The fields of a module, with those that every record has; of users, those of their class."""
    if module == "users":
        return frozenset(field["name"] for field in _classes()[f"{_PACKAGE}users.Users"].values())
    tree = ast.parse((_folder() / "src" / "com" / "zoho" / "crm" / "api" / "record" / "field.py").read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == module:
            calls = (each for each in ast.walk(node) if isinstance(each, ast.Call))
            return frozenset(str(call.args[0].value) for call in calls if call.args and isinstance(call.args[0], ast.Constant))
    return frozenset()


def _folder() -> Path:
    spec = find_spec("zohocrmsdk")
    assert spec
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


def data_centres() -> frozenset[tuple[str, str]]:
    """Accounts server and API of each data centre that the SDK knows."""
    texts = [
        file.read_text("utf-8") for file in (_folder() / "src" / "com" / "zoho" / "crm" / "api" / "dc").glob("*_data_center.py")
    ]
    found = (
        (re.search(r'"(https://accounts\.[^"/]+)/', text), re.search(r'"(https://www\.zohoapis\.[^"/]+)"', text))
        for text in texts
    )
    return frozenset((accounts[1], api[1]) for accounts, api in found if accounts and api)
