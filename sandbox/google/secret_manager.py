"""Secret Manager on this machine: secrets with numbered versions, aliases, labels and etags, in memory
(https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets).

Only what a program without a disk needs is served; every request and every answer is held against Google's own description. What is
changed with an old etag, or is not in a state to be changed, is refused with FAILED_PRECONDITION and status 400
(https://cloud.google.com/secret-manager/docs/etags).
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from sandbox.google.api_description import BadParameter, secret_manager

LARGEST_PAYLOAD = 64 * 1024
MOST_LABELS, MOST_ALIASES = 64, 50
LARGEST_PAGE = 25_000

_SECRET_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_LABEL_KEY, _LABEL_VALUE = re.compile(r"[a-z][a-z0-9_-]{0,62}"), re.compile(r"[a-z0-9_-]{0,63}")
_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_ONE_CONDITION = re.compile(r"(labels\.[a-z][a-z0-9_-]*|state)[=:]([A-Za-z0-9_-]+)")

_CODES = {
    400: "INVALID_ARGUMENT",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
}


class SecretRefused(Exception):
    """Secret Manager does not do it: `code` is the HTTP status, `status` Google's word for it."""

    def __init__(self, code: int, message: str, status: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.status = status or _CODES[code]


@dataclass(slots=True)
class _Version:
    number: int
    created: datetime
    payload: bytes = field(repr=False)
    state: str = "ENABLED"
    etag: str = ""


@dataclass(slots=True)
class _Secret:
    project: str
    id: str
    created: datetime
    replication: Mapping[str, Any]
    etag: str
    labels: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    versions: dict[int, _Version] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"projects/{self.project}/secrets/{self.id}"


class SecretManager:
    """The secrets of all projects. `seen` names the methods that were asked for, in order."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._secrets: dict[tuple[str, str], _Secret] = {}
        self._etags = count(1)
        self.seen: list[str] = []

    def method_of(self, verb: str, path: str) -> str:
        """The name of the method that a request is for, "" for none."""
        found = secret_manager().find(verb, path)
        return found[0].name if found else ""

    def answer(self, verb: str, path: str, query: Iterable[tuple[str, str]], body: bytes) -> dict[str, Any]:
        """Answer one call. Raises SecretRefused."""
        found = secret_manager().find(verb, path)
        if not found or found[0].name not in _METHODS:
            raise SecretRefused(404, f"Method not found: {verb} {path}")
        method, of = found
        self.seen.append(method.name)
        try:
            parameters = secret_manager().parameters(method, query)
            sent = json.loads(body) if method.request and body.strip() else {}
            if method.request:
                secret_manager().check_body(method.request, sent)
        except (BadParameter, ValueError, RecursionError) as bad:
            raise SecretRefused(400, str(bad) if isinstance(bad, BadParameter) else "Invalid JSON payload received.") from None
        answered = _METHODS[method.name](self, of, parameters, sent)
        secret_manager().check_body(method.response, answered)
        return answered

    # The methods

    def _create(self, of: Mapping[str, str], parameters: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
        secret_id = parameters.get("secretId", "")
        if not _SECRET_ID.fullmatch(secret_id):
            raise SecretRefused(400, f"The provided Secret ID [{secret_id}] does not match the expected format.")
        if (of["projectsId"], secret_id) in self._secrets:
            raise SecretRefused(409, f"Secret [{secret_id}] already exists.")
        if len(sent.get("replication", {})) != 1:
            raise SecretRefused(400, "Secret.replication must be specified.")
        secret = _Secret(of["projectsId"], secret_id, self._clock(), sent["replication"], self._etag())
        self._put(secret, sent)
        self._secrets[secret.project, secret.id] = secret
        return _as_json(secret)

    def _get(self, of: Mapping[str, str], parameters: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
        return _as_json(self._secret(of))

    def _patch(self, of: Mapping[str, str], parameters: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
        secret = self._secret(of)
        mask = parameters.get("updateMask", "").split(",")
        if not parameters.get("updateMask") or set(mask) - {"labels", "versionAliases", "annotations", "topics", "ttl"}:
            raise SecretRefused(400, "The update mask is empty or names fields that cannot be updated.")
        _check_etag(secret.etag, sent.get("etag", ""))
        wanted = {name: sent.get(name, {}) for name in mask}
        self._put(secret, wanted)
        secret.etag = self._etag()
        return _as_json(secret)

    def _delete(self, of: Mapping[str, str], parameters: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
        secret = self._secret(of)
        _check_etag(secret.etag, parameters.get("etag", ""))
        del self._secrets[secret.project, secret.id]
        return {}

    def _list(self, of: Mapping[str, str], parameters: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
        fits = _filter(parameters.get("filter", ""))
        theirs = [secret for secret in self._secrets.values() if secret.project == of["projectsId"]]
        newest_first = sorted(theirs, key=lambda secret: (secret.created, secret.id), reverse=True)
        found = [
            _as_json(secret) for secret in newest_first if fits({f"labels.{key}": value for key, value in secret.labels.items()})
        ]
        return _page("secrets", found, parameters)

    def _add_version(self, of: Mapping[str, str], parameters: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
        secret = self._secret(of)
        try:
            payload = base64.b64decode(sent["payload"]["data"], validate=True)
        except (KeyError, TypeError, binascii.Error):
            raise SecretRefused(400, "Invalid value at 'payload.data'") from None
        if len(payload) > LARGEST_PAYLOAD:
            raise SecretRefused(400, f"The payload is larger than {LARGEST_PAYLOAD} bytes.")
        number = max(secret.versions, default=0) + 1
        secret.versions[number] = _Version(number, self._clock(), payload, etag=self._etag())
        return _version_as_json(secret, secret.versions[number])

    def _access(self, of: Mapping[str, str], parameters: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
        secret = self._secret(of)
        version = self._version(secret, of["versionsId"])
        if version.state != "ENABLED":
            name = _version_as_json(secret, version)["name"]
            raise SecretRefused(400, f"Secret Version [{name}] is in {version.state} state.", "FAILED_PRECONDITION")
        payload = {"data": base64.b64encode(version.payload).decode()}
        return {"name": _version_as_json(secret, version)["name"], "payload": payload}

    def _list_versions(self, of: Mapping[str, str], parameters: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
        secret, fits = self._secret(of), _filter(parameters.get("filter", ""))
        newest_first = [secret.versions[number] for number in sorted(secret.versions, reverse=True)]
        found = [_version_as_json(secret, version) for version in newest_first if fits({"state": version.state})]
        return _page("versions", found, parameters)

    def _destroy(self, of: Mapping[str, str], parameters: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
        secret = self._secret(of)
        version = self._version(secret, of["versionsId"])
        _check_etag(version.etag, sent.get("etag", ""))
        if version.state == "DESTROYED":
            raise SecretRefused(400, "The secret version is already destroyed.", "FAILED_PRECONDITION")
        version.state, version.payload, version.etag = "DESTROYED", b"", self._etag()
        return _version_as_json(secret, version)

    # What they share

    def _etag(self) -> str:
        return f'"{next(self._etags):x}"'

    def _secret(self, of: Mapping[str, str]) -> _Secret:
        found = self._secrets.get((of["projectsId"], of["secretsId"]))
        if not found:
            raise SecretRefused(404, f"Secret [projects/{of['projectsId']}/secrets/{of['secretsId']}] not found.")
        return found

    def _version(self, secret: _Secret, which: str) -> _Version:
        number = int(which) if which.isdecimal() else secret.aliases.get(which, 0)
        if which == "latest":
            number = max(secret.versions, default=0)
        if number not in secret.versions:
            raise SecretRefused(404, f"Secret Version [{secret.name}/versions/{which}] not found.")
        return secret.versions[number]

    def _put(self, secret: _Secret, wanted: Mapping[str, Any]) -> None:
        """Labels and aliases in place of those that are there."""
        labels, aliases = wanted.get("labels"), wanted.get("versionAliases")
        if labels is not None:
            if len(labels) > MOST_LABELS or not all(
                _LABEL_KEY.fullmatch(key) and _LABEL_VALUE.fullmatch(value) for key, value in labels.items()
            ):
                raise SecretRefused(400, "Labels are too many, or one does not match the expected format.")
            secret.labels = dict(labels)
        if aliases is not None:
            numbers = {alias: int(number) for alias, number in aliases.items() if str(number).isdecimal()}
            good = len(numbers) == len(aliases) <= MOST_ALIASES and all(map(_is_alias, aliases))
            if not good or set(numbers.values()) - set(secret.versions):
                raise SecretRefused(400, "An alias is not one, or its version does not exist.")
            secret.aliases = numbers


_METHODS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "projects.secrets.create": SecretManager._create,
    "projects.secrets.get": SecretManager._get,
    "projects.secrets.patch": SecretManager._patch,
    "projects.secrets.delete": SecretManager._delete,
    "projects.secrets.list": SecretManager._list,
    "projects.secrets.addVersion": SecretManager._add_version,
    "projects.secrets.versions.access": SecretManager._access,
    "projects.secrets.versions.list": SecretManager._list_versions,
    "projects.secrets.versions.destroy": SecretManager._destroy,
}


def _is_alias(alias: str) -> bool:
    return bool(_ALIAS.fullmatch(alias)) and alias not in {"latest", "NEW"}


def _check_etag(stands: str, given: str) -> None:
    if given and given != stands:
        raise SecretRefused(400, "The provided etag does not match the current one.", "FAILED_PRECONDITION")


def _filter(text: str) -> Callable[[Mapping[str, str]], bool]:
    """Conditions joined by OR; of Google's language no more is understood (https://cloud.google.com/secret-manager/docs/filtering)."""
    if not text:
        return lambda _: True
    conditions = [_ONE_CONDITION.fullmatch(each.strip()) for each in text.split(" OR ")]
    if not all(conditions):
        raise SecretRefused(400, f"Invalid filter: {text}")
    wanted = [(condition[1], condition[2]) for condition in conditions if condition]
    return lambda facts: any(facts.get(name) == value for name, value in wanted)


def _page(kind: str, found: list[dict[str, Any]], parameters: Mapping[str, Any]) -> dict[str, Any]:
    size = min(parameters.get("pageSize") or LARGEST_PAGE, LARGEST_PAGE)
    token = parameters.get("pageToken", "")
    if token and not re.fullmatch(r"after-\d{1,9}", token):
        raise SecretRefused(400, "Invalid page token.")
    start = int(token.removeprefix("after-")) if token else 0
    more = {"nextPageToken": f"after-{start + size}"} if start + size < len(found) else {}
    # As Google does: what is empty is left out.
    return ({kind: found[start : start + size]} if found[start : start + size] else {}) | more


def _as_json(secret: _Secret) -> dict[str, Any]:
    optional = {
        "labels": dict(secret.labels),
        "versionAliases": {alias: str(number) for alias, number in secret.aliases.items()},
    }
    shown = {name: value for name, value in optional.items() if value}
    created = secret.created.astimezone(UTC).isoformat()
    return {"name": secret.name, "createTime": created, "replication": secret.replication, "etag": secret.etag} | shown


def _version_as_json(secret: _Secret, version: _Version) -> dict[str, Any]:
    created = version.created.astimezone(UTC).isoformat()
    return {
        "name": f"{secret.name}/versions/{version.number}",
        "createTime": created,
        "state": version.state,
        "etag": version.etag,
    }
