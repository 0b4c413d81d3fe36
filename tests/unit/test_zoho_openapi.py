"""What holds Zoho's stand-in against an OpenAPI description sees what is wrong; the description here is made up."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.zoho import Exchange
from tests.zoho_openapi import COMPOSITE, Description

THING = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "size": {"type": "integer", "nullable": True},
        "kind": {"$ref": "./kinds.json#/components/schemas/Kind"},
    },
    "required": ["id", "size"],
}
THINGS = {
    "paths": {
        "/crm/v8/things/{id}": {
            "get": {
                "parameters": [{"$ref": "./kinds.json#/components/parameters/which"}],
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"oneOf": [{"$ref": "#/components/schemas/Thing"}]}}}}
                },
            }
        },
        "/crm/v8/things": {
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
                "responses": {"200": {"content": {"application/json": {"schema": {"type": "object"}}}}},
            }
        },
    },
    "components": {"schemas": {"Thing": THING}},
}
KINDS = {
    "components": {
        "schemas": {"Kind": {"type": "string", "enum": ["large", "small"]}},
        "parameters": {"which": {"name": "which", "in": "query", "required": True, "schema": {"type": "string"}}},
    }
}


@pytest.fixture
def description(tmp_path: Path) -> Description:
    (tmp_path / "things.json").write_text(json.dumps(THINGS))
    (tmp_path / "kinds.json").write_text(json.dumps(KINDS))
    return Description(tmp_path)


def _got(answer: Any, status: int = 200, path: str = "/crm/v8/things/1", **params: str) -> Exchange:
    return Exchange("GET", path, params or {"which": "all"}, None, status, answer)


def _posted(body: Any) -> Exchange:
    return Exchange("POST", "/crm/v8/things", {}, body, 200, {})


@pytest.mark.parametrize(
    "exchange",
    [
        _got({"id": "1", "size": 2, "kind": "large"}),
        _got({"id": "1", "size": None}),
        _got(None, 204),
        _posted({"id": "1"}),
        Exchange("POST", COMPOSITE, {}, {}, 400, {}),
    ],
)
def test_what_is_described_is_right(description: Description, exchange: Exchange) -> None:
    assert list(description.faults(exchange)) == []


@pytest.mark.parametrize(
    ("exchange", "fault"),
    [
        (_got({"id": "1", "sise": 2}), "'sise' was unexpected"),
        (_got({"id": 1}), "1 is not of type 'string'"),
        (_got({"id": "1", "kind": "huge"}), "'huge' is not one of"),
        (_got([]), "is not of type 'object'"),
        (_got({}, 201), "no status 201 is described"),
        (_got({}, which="all", fields="id"), "no parameter fields is described"),
        (_got({}, other="x"), "the parameter which is missing"),
        (_got({}, path="/crm/v8/other"), "there is no such operation"),
        (_posted({"id": "1", "extra": True}), "'extra' was unexpected"),
    ],
)
def test_what_is_not_described_is_seen(description: Description, exchange: Exchange, fault: str) -> None:
    assert any(fault in found for found in description.faults(exchange)), list(description.faults(exchange))


def test_each_part_of_a_composite_request_is_looked_at(description: Description) -> None:
    asked = {"method": "GET", "uri": "/crm/v8/things/@{other:$.data[0].id}", "params": {"which": "all"}}
    answered = {"details": {"response": {"status_code": 200, "body": {"id": 1}}}}
    whole = Exchange("POST", COMPOSITE, {}, {"__composite_requests": [asked]}, 200, {"__composite_requests": [answered]})
    (fault,) = description.faults(whole)
    assert fault.startswith("/crm/v8/things/1: ")
