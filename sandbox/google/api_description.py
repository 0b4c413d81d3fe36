"""Google's own descriptions of its APIs (in google-api-python-client), which a request is held against: methods, parameters, scopes, and
the fields of each resource (https://developers.google.com/discovery/v1/reference/apis)."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


class BadParameter(ValueError):
    """A parameter or a field of the body that Google would not take; the message is in Google's manner."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method: its name as in the reference ("users.messages.get"), verb, path, the scopes of which one is needed, and whether
    a mail may be uploaded with it. `request` and `response` name schemas, "" for none."""

    name: str
    verb: str
    path: re.Pattern[str]
    parameters: Mapping[str, Mapping[str, Any]]
    scopes: frozenset[str]
    request: str
    response: str
    takes_upload: bool


class ApiDescription:
    """One API's description, as it is named there ("gmail.v1")."""

    def __init__(self, name: str) -> None:
        source = files("googleapiclient.discovery_cache") / "documents" / f"{name}.json"
        self.whole: Mapping[str, Any] = json.loads(source.read_text(encoding="utf-8"))
        # Those with fewer placeholders first, and of those the longest: so the first whose path fits is meant.
        found = list(_methods_in(self.whole, ""))
        self.methods = sorted(found, key=lambda each: (each.path.pattern.count("(?P<"), -len(each.path.pattern)))

    def find(self, verb: str, path: str) -> tuple[Method, dict[str, str]] | None:
        """The method of a request (path without a leading /upload) and the parameters in its path."""
        for method in self.methods:
            if method.verb == verb and (fits := method.path.fullmatch(path)):
                return method, fits.groupdict()
        return None

    def parameters(self, method: Method, query: Iterable[tuple[str, str]]) -> dict[str, Any]:
        """The query's parameters, typed, defaults filled in (a repeated one is a list). Raises BadParameter."""
        values: dict[str, Any] = {name: [] for name, about in method.parameters.items() if about.get("repeated")}
        for name, text in query:
            about = method.parameters.get(name) or self.whole["parameters"].get(name)
            if not about or about.get("location") == "path":
                raise BadParameter(
                    f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter.'
                    f" Field '{name}' could not be found in request message."
                )
            value = _typed(name, text, about)
            if about.get("repeated"):
                values[name].append(value)
            else:
                values[name] = value
        for name, about in method.parameters.items():
            if "default" in about and about.get("location") == "query":
                values.setdefault(name, _typed(name, about["default"], about))
        return values

    def check_body(self, schema: str, body: object, where: str = "") -> None:
        """Raises BadParameter for a body with a field that the schema does not have, or of another type."""
        if not isinstance(body, dict):
            raise BadParameter(f"Invalid value at '{where or 'body'}': not an object")
        properties = self.whole["schemas"][schema].get("properties", {})
        for name, value in body.items():
            if name not in properties:
                raise BadParameter(
                    f'Invalid JSON payload received. Unknown name "{name}"{f" at {where!r}" if where else ""}: Cannot find field.'
                )
            if value is not None:
                self._check_value(properties[name], value, f"{where}.{name}" if where else name)

    def check_fields(self, schema: str, tree: Mapping[str, Any]) -> None:
        """Raises BadParameter for a partial response's field that the schema does not have."""
        properties = self.whole["schemas"][schema]["properties"] if schema else {}
        for name, inner in tree.items():
            if name == "*":
                continue
            if name not in properties:
                raise BadParameter(f"Invalid field selection {name}")
            about = properties[name].get("items", properties[name])
            if inner:
                self.check_fields(about.get("$ref", ""), inner)

    def _check_value(self, about: Mapping[str, Any], value: object, where: str) -> None:
        if "$ref" in about:
            self.check_body(about["$ref"], value, where)
        elif about["type"] == "array":
            if not isinstance(value, list):
                raise BadParameter(f"Invalid value at '{where}': not a list")
            for number, item in enumerate(value):
                self._check_value(about["items"], item, f"{where}[{number}]")
        elif about["type"] == "object":
            if not isinstance(value, dict):
                raise BadParameter(f"Invalid value at '{where}': not an object")
            for name, item in value.items():
                self._check_value(about["additionalProperties"], item, f"{where}.{name}")
        elif about["type"] == "string" and not isinstance(value, (str, int)):
            raise BadParameter(f"Invalid value at '{where}': not a string")


@cache
def gmail() -> ApiDescription:
    """Gmail's."""
    return ApiDescription("gmail.v1")


@cache
def secret_manager() -> ApiDescription:
    """Secret Manager's."""
    return ApiDescription("secretmanager.v1")


def _methods_in(resource: Mapping[str, Any], prefix: str) -> "Iterable[Method]":
    for name, about in resource.get("methods", {}).items():
        # In the path alone a name with slashes is one placeholder.
        template = re.escape(about.get("flatPath", about["path"]))
        path = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", template)
        yield Method(
            prefix + name,
            about["httpMethod"],
            re.compile("/" + path),
            about.get("parameters", {}),
            frozenset(about.get("scopes", ())),
            about.get("request", {}).get("$ref", ""),
            about.get("response", {}).get("$ref", ""),
            "mediaUpload" in about,
        )
    for name, inner in resource.get("resources", {}).items():
        yield from _methods_in(inner, f"{prefix}{name}.")


def _typed(name: str, text: str, about: Mapping[str, Any]) -> Any:
    refused = BadParameter(f"Invalid value at '{name}', \"{text}\"")
    if about.get("type") == "integer" or about.get("format") in ("uint64", "int64"):
        if not re.fullmatch(r"-?\d{1,20}", text) or (text.startswith("-") and about.get("format", "").startswith("u")):
            raise refused
        return int(text)
    if about.get("type") == "boolean":
        if text.lower() not in ("true", "false", "1", "0"):
            raise refused
        return text.lower() in ("true", "1")
    if "enum" in about and text not in about["enum"] and text.lower() not in about["enum"]:
        raise refused
    return text if text in about.get("enum", [text]) else text.lower()
