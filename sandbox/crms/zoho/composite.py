"""A composite request: up to five calls in one, of which one may use what another answered
(https://www.zoho.com/crm/developer/docs/api/v8/composite-api.html)."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.crms.zoho.api import Call, ZohoApi
from sandbox.crms.zoho.refusals import Refused, bad_data

MOST_SUB_REQUESTS = 5
PLACES = 5
"""How many of the calls that may be under way at once a composite request counts for, however few are in it."""
_SCOPE = "ZohoCRM.composite_requests.CUSTOM"
_KEYS = frozenset({"sub_request_id", "method", "uri", "params", "body", "headers"})
_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_]*")
_URI = re.compile(r"/crm(/.*)?/v[0-9]+([.][0-9]+)?/.*")
_REFERENCE = re.compile(r"@\{([a-zA-Z0-9_]+):(\$(?:\.\w+|\[\d+\])+)\}")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


def answer(api: ZohoApi, call: Call) -> Mapping[str, Any]:
    """The answers of all, in their order. Raises Refused where the whole is none."""
    if _SCOPE not in call.scopes:
        raise Refused(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL")
    requests = _requests(call.body)
    bodies: dict[str, Any] = {}
    answers: dict[int, Mapping[str, Any]] = {}
    waiting = list(enumerate(requests))
    while waiting:
        ready = [(number, each) for number, each in waiting if _refers_to(each) <= bodies.keys()]
        if not ready:
            for number, _ in waiting:
                answers[number] = _not_run("INVALID_REFERENCE", "the reference leads nowhere")
            break
        for number, each in ready:
            waiting.remove((number, each))
            answers[number] = _one(api, call, each, bodies)
            name = each.get("sub_request_id", "")
            if name:
                bodies[name] = answers[number].get("details", {}).get("response", {}).get("body")
    return {"__composite_requests": [answers[number] for number in sorted(answers)]}


def query_count(body: Any) -> int:
    """How many COQL queries a composite request has: each takes a place of its own among these."""
    requests = body.get("__composite_requests") if isinstance(body, dict) else None
    return sum(isinstance(each, dict) and str(each.get("uri", "")).endswith("/coql") for each in requests or ())


def _requests(body: Any) -> list[dict[str, Any]]:
    if not isinstance(body, dict) or body.keys() - {"__composite_requests", "rollback_on_fail", "parallel_execution"}:
        raise bad_data("body", "$")
    requests = body.get("__composite_requests")
    if not isinstance(requests, list) or not requests:
        raise Refused(
            400, "MANDATORY_NOT_FOUND", "required field not found", {"api_name": "__composite_requests", "json_path": "$"}
        )
    if len(requests) > MOST_SUB_REQUESTS:
        details = {"api_name": "__composite_requests", "json_path": "$.__composite_requests", "maximum_length": MOST_SUB_REQUESTS}
        raise Refused(400, "INVALID_DATA", "invalid data", details)
    if body.get("rollback_on_fail") and body.get("parallel_execution", False):
        raise Refused(400, "AMBIGUITY_DURING_PROCESSING", "ambiguity while processing the request")
    ids = [each.get("sub_request_id") for each in requests if isinstance(each, dict) and each.get("sub_request_id")]
    if len(set(ids)) < len(ids):
        raise Refused(400, "DUPLICATE_DATA", "duplicate data", {"api_name": "sub_request_id", "json_path": "$"})
    for number, each in enumerate(requests):
        _check(number, each)
    return requests


def _check(number: int, request: Any) -> None:
    path = f"$.__composite_requests[{number}]"
    if not isinstance(request, dict) or request.keys() - _KEYS:
        raise bad_data("__composite_requests", path)
    if not _URI.fullmatch(str(request.get("uri", ""))) or "?" in request["uri"]:
        raise bad_data("uri", f"{path}.uri")
    if request.get("method") not in {"GET", "POST", "PUT", "PATCH", "DELETE"}:
        raise bad_data("method", f"{path}.method")
    if not _ID.fullmatch(request.get("sub_request_id", "x")):
        raise bad_data("sub_request_id", f"{path}.sub_request_id")
    params = request.get("params", {})
    if not isinstance(params, dict) or not all(isinstance(value, str) for value in params.values()):
        raise bad_data("params", f"{path}.params")


def _refers_to(request: Mapping[str, Any]) -> set[str]:
    return {name for name, _ in _REFERENCE.findall(json.dumps(request))}


def _one(api: ZohoApi, call: Call, request: Mapping[str, Any], bodies: Mapping[str, Any]) -> dict[str, Any]:
    try:
        uri = _filled(request["uri"], bodies)
        params = {name: _filled(value, bodies) for name, value in request.get("params", {}).items()}
    except LookupError:
        return _not_run("INVALID_REFERENCE", "the reference leads nowhere")
    inner = Call(request["method"], uri, call.user, call.scopes, params, request.get("body"), inside=True)
    try:
        answered = api.answer(inner)
        status, body = answered.status, answered.body
    except Refused as refused:
        status, body = refused.status, refused.body
    response = {"headers": {"content-type": "application/json;charset=utf-8"}, "status_code": status, "body": body}
    return {
        "code": "SUCCESS",
        "details": {"response": response},
        "message": "composite sub request executed successfully",
        "status": "success",
    }


def _filled(text: str, bodies: Mapping[str, Any]) -> str:
    """With what others answered in the place of references. Raises LookupError where there is nothing of that kind."""
    return _REFERENCE.sub(lambda found: str(_at(bodies[found[1]], _STEP.findall(found[2]))), text)


def _at(body: Any, steps: Iterable[tuple[str, str]]) -> Any:
    for name, number in steps:
        if body is None:
            raise LookupError
        body = body[name] if name else body[int(number)]
    return body


def _not_run(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "details": {}, "message": message, "status": "error"}
