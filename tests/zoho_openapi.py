"""Zoho's stand-in and client against Zoho's own OpenAPI description, wherever a copy of it is: `make test-zoho OPENAPI=path`.

The description (public repository zoho/crm-oas) names no licence, so no copy of it is kept here. Where it differs from Zoho's
documentation, the documentation is right: a composite request has `parallel_execution`, and of its parts only `uri` and `method` are
needed.
"""

import asyncio
import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from mailmagnet.crm import Module
from mailmagnet.errors import Upstream
from tests.contract.crm_installed import looked_up
from tests.contract.crm_world import ADA, FAY, KIM
from tests.contract.zoho import Exchange
from tests.contract.zoho_world import ZohoWorld, zoho_world

DOCUMENTED = tuple(
    map(
        re.compile,
        (
            r"/Notes: no parameter sort_(by|order) is described",
            r"/users: .*'(AllUsers|ActiveConfirmedAdmins)' is not one of",
            r"exchange_rate: '1\.0{9}' does not match",
            r"\.type: 'production' is not one of",
            r"\.time_zone: '[A-Za-z_/]+' is not ",
        ),
    )
)
"""Where the documentation says more than the description."""
COMPOSITE = "/crm/v8/__composite_requests"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the description: its path as a pattern, and the file that it stands in."""

    method: str
    path: re.Pattern[str]
    file: str
    described: Mapping[str, Any]


class Description:
    """All files of a folder."""

    def __init__(self, folder: Path) -> None:
        texts = {file.name: json.loads(file.read_text("utf-8")) for file in sorted(folder.glob("*.json"))}
        self._files: dict[str, Any] = {name: _as_json_schema(text) for name, text in texts.items()}
        resources = ((name, DRAFT202012.create_resource(contents)) for name, contents in self._files.items())
        self._registry: Registry[Any] = Registry().with_resources(resources)
        self._operations = [
            Operation(method, _pattern(path), name, described)
            for name, contents in self._files.items()
            for path, item in contents.get("paths", {}).items()
            for method, described in item.items()
            if isinstance(described, dict)
        ]

    def faults(self, exchange: Exchange) -> Iterator[str]:
        """What is not as it is described, each with its place."""
        if exchange.path == COMPOSITE:
            yield from self._faults_of_parts(exchange)
            return
        operation = self._operation(exchange)
        if operation is None:
            yield f"{exchange.method} {exchange.path}: there is no such operation"
            return
        for fault in self._faults_of_call(operation, exchange):
            told = f"{exchange.path}: {fault}"
            if not any(documented.search(told) for documented in DOCUMENTED):
                yield told

    def _faults_of_parts(self, exchange: Exchange) -> Iterator[str]:
        if exchange.status != 200:
            return
        for asked, answered in zip(exchange.body["__composite_requests"], exchange.answer["__composite_requests"], strict=True):
            response = answered["details"].get("response")
            if response:
                path = re.sub(r"@\{[^}]*\}", "1", asked["uri"])
                part = Exchange(
                    asked["method"], path, asked.get("params", {}), asked.get("body"), response["status_code"], response["body"]
                )
                yield from self.faults(part)

    def _operation(self, exchange: Exchange) -> Operation | None:
        """The most exact one: a path without a variable comes before those with some."""
        found = [
            each for each in self._operations if each.method == exchange.method.lower() and each.path.fullmatch(exchange.path)
        ]
        return min(found, key=lambda each: each.path.pattern.count("[^/]+"), default=None)

    def _faults_of_call(self, operation: Operation, exchange: Exchange) -> Iterator[str]:
        known = {each["name"]: (file, each) for file, each in self._parameters(operation) if each["in"] == "query"}
        yield from (f"no parameter {name} is described" for name in exchange.params if name not in known)
        for name, (file, parameter) in known.items():
            if name in exchange.params:
                yield from self._faults_of(file, _typed(exchange.params[name]), parameter.get("schema", {}))
            elif parameter.get("required"):
                yield f"the parameter {name} is missing"
        if exchange.body is not None:
            file, body = self._resolved(operation.file, operation.described["requestBody"])
            yield from self._faults_of(file, exchange.body, _schema(body))
        responses = operation.described["responses"]
        if exchange.status == 204 and exchange.answer is None:
            return
        if str(exchange.status) not in responses:
            yield f"no status {exchange.status} is described"
            return
        file, response = self._resolved(operation.file, responses[str(exchange.status)])
        yield from self._faults_of(file, exchange.answer, _schema(response))

    def _parameters(self, operation: Operation) -> Iterator[tuple[str, Any]]:
        """Each with the file that it stands in."""
        for each in operation.described.get("parameters", ()):
            yield self._resolved(operation.file, each)

    def _resolved(self, file: str, part: Any) -> tuple[str, Any]:
        """What a reference leads to, and the file that it stands in."""
        while "$ref" in part:
            there, _, pointer = part["$ref"].partition("#/")
            file = there or file
            part = self._files[file]
            for step in pointer.split("/"):
                part = part[step]
        return file, part

    def _faults_of(self, file: str, value: Any, schema: Any) -> Iterator[str]:
        validator = Draft202012Validator(_absolute(schema, file), registry=self._registry)
        for error in validator.iter_errors(value):
            told = error if not error.context else max(error.context, key=lambda each: len(each.absolute_path))
            yield f"{told.json_path}: {told.message[:200]}"


def _schema(part: Mapping[str, Any]) -> Any:
    return part.get("content", {}).get("application/json", {}).get("schema", {})


def _typed(text: str) -> Any:
    """A parameter as JSON: numbers are no texts."""
    return int(text) if text.isdigit() and len(text) < 9 else text


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path))


def _absolute(schema: Any, file: str) -> Any:
    """With the file's name before references within it."""
    if isinstance(schema, dict):
        return {
            name: f"{file}{value}" if name == "$ref" and value.startswith("#") else _absolute(value, file)
            for name, value in schema.items()
        }
    return [_absolute(each, file) for each in schema] if isinstance(schema, list) else schema


def _as_json_schema(part: Any) -> Any:
    """OpenAPI 3.0 in JSON Schema's words: what may be null says so, one of several may be any of them, and what is not named is wrong.

    What has to be there is not looked at: a stand-in leaves out what nobody reads, and a request is held to it by the stand-in itself.
    """
    if isinstance(part, list):
        return [_as_json_schema(each) for each in part]
    if not isinstance(part, dict):
        return part
    kept = {name: value for name, value in part.items() if name != "required" or not isinstance(value, list)}
    made = {"anyOf" if name == "oneOf" else name: _as_json_schema(value) for name, value in kept.items()}
    if isinstance(made.get("$ref"), str):
        made["$ref"] = made["$ref"].removeprefix("./")
    if made.get("type") == "object" and isinstance(made.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    if made.pop("nullable", None) is True:
        made = {"anyOf": [made, {"type": "null"}]}
    return made


async def asked_of(world: ZohoWorld) -> None:
    """All that the client asks, once: as somebody who sees all, somebody who sees little, and somebody from whom fields are hidden."""
    ids = {module: world.id_of(key) for module, key in _RECORDS.items()}
    for email in (ADA, KIM, FAY):
        crm = world.as_user(email)
        with suppress(Upstream):
            await looked_up(
                crm, ["h.lovell@analytical.example"], ["analytical.example", "many.example"], ["grace@hopfield.example"]
            )
        for call in (
            crm.senders([f"p{number}@many.example" for number in range(250)]),
            crm.senders(["o'brien@quoted.example", "henrietta@home.example", "twin@twin.example"]),
            crm.contact(ids[Module.CONTACTS]),
            crm.lead(ids[Module.LEADS]),
            crm.account(ids[Module.ACCOUNTS]),
            crm.deal(ids[Module.DEALS]),
            *(crm.record_people(module, record) for module, record in ids.items()),
            crm.search("lovell analytical", 5),
            crm.deals_closing(date(2026, 11, 1), date(2026, 11, 30)),
            crm.settings(),
            crm.users(),
            crm.profiles(),
            crm.administrators(),
        ):
            with suppress(Upstream):
                await call


_RECORDS = {
    Module.CONTACTS: "contact henrietta",
    Module.LEADS: "lead max",
    Module.ACCOUNTS: "account analytical",
    Module.DEALS: "deal renewal",
}


async def main(folder: Path) -> int:
    description = Description(folder)
    async with zoho_world() as world:
        await asked_of(world)
        exchanges = list(world.exchanges)
    faults = sorted({fault for exchange in exchanges for fault in description.faults(exchange)})
    print(f"{len(exchanges)} calls and answers against {folder}: {len(faults)} faults")  # noqa: T201
    for fault in faults:
        print(f"  {fault}")  # noqa: T201
    return 1 if faults or not exchanges else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]))))
