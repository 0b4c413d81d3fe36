#!/usr/bin/env python3
"""A stand-in for gcloud, written from its reference: it keeps its own state in a file, and refuses what Google would refuse.

Each command has its flags, each needs what must be there before it (an API that is on, an account, a secret with a version, an image).
Where gcloud creates what exists, or describes what does not, it fails. Run as a program it takes GCLOUD_STATE, the file of its state.
"""

import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT, NUMBER = "example-mailmagnet", "123456789012"
ADDONS_OWN = f"service-{NUMBER}@gcp-sa-gsuiteaddons.iam.gserviceaccount.com"
COMPUTE = f"{NUMBER}-compute@developer.gserviceaccount.com"
WIDE = {"project", "quiet", "format", "filter", "flatten"}
MUTATING = {"create", "update", "delete", "enable", "add", "deploy", "submit", "replace", "resume", "add-iam-policy-binding"}
MUTATING |= {"remove-iam-policy-binding", "http"}


class RefusedError(Exception):
    """What gcloud would say."""


def resources() -> dict[str, Any]:
    """A new project: with billing, and nothing in it."""
    return {"apis": [], "policies": {}, "things": {}, "calls": []}


@dataclass
class Gcloud:
    """`state` is all that it knows. `fail_at`: the number of the changing command that fails, before or after its effect."""

    state: dict[str, Any] = field(default_factory=resources)
    fail_at: int = -1
    after: bool = False
    changes: int = 0

    def run(self, words: Sequence[str], given: str = "") -> tuple[int, str, str]:
        """Code, output, and what stands on the error stream."""
        try:
            command, positional, flags = parsed(words)
            found = self._done(command, positional, flags, given)
        except RefusedError as refused:
            return 1, "", f"ERROR: (gcloud) {refused}\n"
        return 0, printed(found, flags), ""

    def _done(self, command: tuple[str, ...], positional: list[str], flags: dict[str, list[str]], given: str) -> Any:
        if not set(command) & MUTATING:
            return COMMANDS[command](self, positional, flags, given)
        failing = self.changes == self.fail_at
        self.changes += 1
        self.state["calls"].append(" ".join((*command, *positional[:1])))
        if failing and not self.after:
            raise RefusedError("INTERNAL: try again")
        found = COMMANDS[command](self, positional, flags, given)
        if failing:
            raise RefusedError("UNAVAILABLE: the connection was lost")
        return found

    def needs(self, api: str) -> None:
        if f"{api}.googleapis.com" not in self.state["apis"]:
            raise RefusedError(f"PERMISSION_DENIED: {api} API has not been used in project {PROJECT} before or it is disabled.")

    def thing(self, kind: str, name: str) -> Any:
        found = self.state["things"].get(f"{kind}/{name}")
        if found is None:
            raise RefusedError(f"NOT_FOUND: {kind} {name}")
        return found

    def has(self, kind: str, name: str) -> bool:
        return f"{kind}/{name}" in self.state["things"]

    def make(self, kind: str, name: str, what: Any) -> None:
        if self.has(kind, name):
            raise RefusedError(f"ALREADY_EXISTS: {kind} {name}")
        self.state["things"][f"{kind}/{name}"] = what

    def remove(self, kind: str, name: str) -> None:
        self.thing(kind, name)
        del self.state["things"][f"{kind}/{name}"]
        self.state["policies"].pop(f"{kind}/{name}", None)

    def all_of(self, kind: str) -> list[Any]:
        return [what for name, what in self.state["things"].items() if name.startswith(f"{kind}/")]

    def member(self, member: str) -> None:
        """A role goes only to an account that is there."""
        address = member.removeprefix("serviceAccount:")
        if member == address:
            raise RefusedError(f"INVALID_ARGUMENT: {member}")
        if address not in (ADDONS_OWN, COMPUTE) and not self.has("account", address):
            raise RefusedError(f"INVALID_ARGUMENT: Service account {address} does not exist.")

    def policy(self, on: str) -> Any:
        roles = self.state["policies"].get(on, {})
        return {"bindings": [{"role": role, "members": members} for role, members in roles.items()]}

    def bind(self, on: str, flags: dict[str, list[str]]) -> None:
        (role,), (member,) = flags["role"], flags["member"]
        self.member(member)
        if "/roles/" in role and not self.has("role", role.rpartition("/")[2]):
            raise RefusedError(f"INVALID_ARGUMENT: Role {role} does not exist")
        members = self.state["policies"].setdefault(on, {}).setdefault(role, [])
        if member not in members:
            members.append(member)

    def unbind(self, on: str, flags: dict[str, list[str]]) -> None:
        (role,), (member,) = flags["role"], flags["member"]
        roles = self.state["policies"].get(on, {})
        if member not in roles.get(role, []):
            raise RefusedError("Policy binding with the specified principal, role, and condition not found!")
        roles[role].remove(member)
        if not roles[role]:
            del roles[role]

    def may(self, on: str, role: str, address: str) -> bool:
        return f"serviceAccount:{address}" in self.state["policies"].get(on, {}).get(role, [])


Handler = Callable[[Gcloud, Sequence[str], dict[str, list[str]], str], Any]
COMMANDS: dict[tuple[str, ...], Handler] = {}
FLAGS: dict[tuple[str, ...], tuple[set[str], set[str], int]] = {}


def command(line: str, needed: str = "", allowed: str = "", positional: int = 0) -> Callable[[Handler], Handler]:
    """A command of that name, with the flags that it must and may have."""

    def known(handler: Handler) -> Handler:
        words = tuple(line.split())
        COMMANDS[words] = handler
        FLAGS[words] = set(needed.split()), set(allowed.split()), positional
        return handler

    return known


def parsed(words: Sequence[str]) -> tuple[tuple[str, ...], list[str], dict[str, list[str]]]:
    """The command, its positional words, its flags. Raises RefusedError as gcloud does for what it does not know."""
    if words[0] != "gcloud":
        raise RefusedError(f"{words[0]} is no gcloud")
    plain = [word for word in words[1:] if not word.startswith("-")]
    name = next((tuple(plain[:length]) for length in range(len(plain), 0, -1) if tuple(plain[:length]) in COMMANDS), None)
    if name is None:
        raise RefusedError(f"Invalid choice: {' '.join(plain)}")
    positional = plain[len(name) :]
    flags: dict[str, list[str]] = {}
    for word in words[1:]:
        if word.startswith("-"):
            flag, _, value = word.removeprefix("--").partition("=")
            flags.setdefault(flag, []).append(value)
    needed, allowed, count = FLAGS[name]
    if strange := set(flags) - needed - allowed - WIDE:
        raise RefusedError(f"unrecognized arguments: {sorted(strange)}")
    if missing := needed - set(flags):
        raise RefusedError(f"argument {sorted(missing)}: Must be specified.")
    if count >= 0 and len(positional) != count:
        raise RefusedError(f"unrecognized arguments: {positional}")
    if "quiet" not in flags:
        raise RefusedError("This prompt could not be answered because you are not in an interactive session")
    if flags.get("project", [PROJECT]) != [PROJECT]:
        raise RefusedError(f"PERMISSION_DENIED: {flags['project']}")
    return name, positional, flags


# Filters and formats, as far as the plan has them; test_gcloud_looks.py holds them against gcloud's own.


def printed(found: Any, flags: dict[str, list[str]]) -> str:
    """What is printed of a resource, or of each in a list."""
    rows = found if isinstance(found, list) else [] if found is None else [found]
    if flatten := flags.get("flatten"):
        path = flatten[0].replace("[]", "")
        rows = [flat for row in rows for flat in _flattened(row, path.split("."))]
    if wanted := flags.get("filter"):
        rows = [row for row in rows if all(_holds(row, term) for term in wanted[0].split(" AND "))]
    if limit := flags.get("limit"):
        rows = rows[: int(limit[0])]
    if "format" not in flags:
        return ""
    shape = re.fullmatch(r"(value|csv)(?:\[(.*?)\])?\((.*)\)", flags["format"][0])
    if not shape:
        raise RefusedError(f"unknown format {flags['format'][0]}")
    kind, how, keys = shape.groups()
    between = "," if kind == "csv" else how.removeprefix("separator=") if how else "\t"
    return "".join(between.join(_shown(row, key) for key in re.split(r",(?![^()]*\))", keys)) + "\n" for row in rows)


def _flattened(row: Any, path: list[str]) -> list[Any]:
    """`bindings.members` flattened: one row for each member."""
    outer, inner = path
    return [{outer: {**each, inner: one}} for each in row.get(outer, []) for one in each[inner]]


def _holds(row: Any, term: str) -> bool:
    key, operator, value = re.fullmatch(r"([\w.\[\]]+)([=:])(.*)", term, re.DOTALL).groups()  # type: ignore[union-attr]
    found, value = _value(row, key), value.strip('"')
    if value.startswith("("):
        return str(found) in value.strip("()").split()
    return str(found) == value if operator == "=" else value in str(found)


def _value(row: Any, key: str) -> Any:
    for name in re.findall(r"[^.\[\]]+", key):
        if isinstance(row, list):
            row = row[int(name)] if int(name) < len(row) else None
        else:
            row = row.get(name) if isinstance(row, dict) else None
    return row


def _shown(row: Any, key: str) -> str:
    if key.endswith(".basename()"):
        return str(_value(row, key.removesuffix(".basename()"))).rpartition("/")[2]
    if key.endswith(".list()"):
        return ",".join(_value(row, key.removesuffix(".list()")) or [])
    found = _value(row, key)
    return "" if found is None else str(found)


# The commands.


@command("services list", allowed="enabled sort-by")
def services_list(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    return [{"config": {"name": name}} for name in sorted(g.state["apis"])]


@command("services enable", positional=-1)
def services_enable(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    if wrong := [name for name in positional if not re.fullmatch(r"[a-z-]+\.googleapis\.com", name)]:
        raise RefusedError(f"NOT_FOUND: {wrong}")
    g.state["apis"] = sorted({*g.state["apis"], *positional})


@command("projects describe", positional=1)
def projects_describe(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("cloudresourcemanager")
    return {"projectId": PROJECT, "projectNumber": NUMBER}


@command("projects get-iam-policy", positional=1)
def projects_policy(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    return g.policy("project")


@command("projects add-iam-policy-binding", "member role condition", positional=1)
def projects_bind(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.bind("project", flags)


@command("projects remove-iam-policy-binding", "member role condition", positional=1)
def projects_unbind(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.unbind("project", flags)


@command("firestore databases describe", allowed="database")
def database_describe(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("firestore")
    return g.thing("database", *flags["database"])


@command("firestore databases create", "location", "database type delete-protection")
def database_create(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("firestore")
    protection = "DELETE_PROTECTION_ENABLED" if "delete-protection" in flags else "DELETE_PROTECTION_DISABLED"
    made = {"type": flags["type"][0].upper().replace("-", "_"), "locationId": flags["location"][0]}
    g.make("database", flags["database"][0], {**made, "deleteProtectionState": protection})


@command("firestore databases update", allowed="database no-delete-protection")
def database_update(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.thing("database", *flags["database"])["deleteProtectionState"] = "DELETE_PROTECTION_DISABLED"


@command("firestore databases delete", "database")
def database_delete(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    if g.thing("database", *flags["database"])["deleteProtectionState"] == "DELETE_PROTECTION_ENABLED":
        raise RefusedError("FAILED_PRECONDITION: the database is protected against deletion")
    g.remove("database", *flags["database"])
    for name in [name for name in g.state["things"] if name.startswith(("index/", "field/"))]:
        del g.state["things"][name]


@command("firestore indexes composite list", allowed="database")
def indexes(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.thing("database", *flags["database"])
    return g.all_of("index")


@command("firestore indexes composite create", "collection-group field-config", "database query-scope")
def index_create(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.thing("database", *flags["database"])
    fields = [dict(part.split("=") for part in config.split(",")) for config in flags["field-config"]]
    group = flags["collection-group"][0]
    path = f"projects/{PROJECT}/databases/(default)/collectionGroups/{group}/indexes/CI{len(g.all_of('index'))}"
    described = [{"fieldPath": one["field-path"], "order": one["order"].upper()} for one in fields]
    hidden = {"fieldPath": "__name__", "order": described[-1]["order"]}
    g.make("index", f"{group}:{json.dumps(fields)}", {"name": path, "fields": [*described, hidden], "state": "READY"})


@command("firestore indexes fields list", allowed="database collection-group")
def fields_list(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.thing("database", *flags["database"])
    return g.all_of("field")


@command("firestore indexes fields update", "collection-group", "database disable-indexes", positional=1)
def fields_update(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.thing("database", *flags["database"])
    name = f"projects/{PROJECT}/databases/(default)/collectionGroups/{flags['collection-group'][0]}/fields/{positional[0]}"
    g.state["things"][f"field/{name}"] = {"name": name, "indexConfig": {}}


def queue(flags: Any, positional: Sequence[str]) -> str:
    return f"projects/{PROJECT}/locations/{flags['location'][0]}/queues/{positional[0]}"


@command("tasks queues describe", "location", positional=1)
def queue_describe(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("cloudtasks")
    return g.thing("queue", queue(flags, positional))


@command("tasks queues create", "location", positional=1)
def queue_create(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("cloudtasks")
    name = queue(flags, positional)
    if name in g.state.get("deleted_queues", []):
        raise RefusedError(
            "FAILED_PRECONDITION: The queue cannot be created because a queue with this name existed too recently."
        )
    rates = {"maxDispatchesPerSecond": 500.0, "maxConcurrentDispatches": 1000}
    g.make("queue", name, {"name": name, "rateLimits": rates, "retryConfig": {"maxAttempts": 100}})


@command(
    "tasks queues update",
    "location",
    "max-dispatches-per-second max-concurrent-dispatches max-attempts min-backoff",
    positional=1,
)
def queue_update(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    found = g.thing("queue", queue(flags, positional))
    rates = found["rateLimits"]
    rates["maxDispatchesPerSecond"] = float(flags["max-dispatches-per-second"][0])
    rates["maxConcurrentDispatches"] = int(flags["max-concurrent-dispatches"][0])
    found["retryConfig"]["maxAttempts"] = int(flags["max-attempts"][0])


@command("tasks queues delete", "location", positional=1)
def queue_delete(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.remove("queue", queue(flags, positional))
    g.state.setdefault("deleted_queues", []).append(queue(flags, positional))


@command("tasks queues get-iam-policy", "location", positional=1)
def queue_policy(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.thing("queue", queue(flags, positional))
    return g.policy(f"queue/{queue(flags, positional)}")


@command("tasks queues add-iam-policy-binding", "member role location", positional=1)
def queue_bind(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.thing("queue", queue(flags, positional))
    g.bind(f"queue/{queue(flags, positional)}", flags)


@command("iam service-accounts describe", positional=1)
def account_describe(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("iam")
    return g.thing("account", positional[0])


@command("iam service-accounts create", allowed="display-name", positional=1)
def account_create(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("iam")
    if not re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", positional[0]):
        raise RefusedError("INVALID_ARGUMENT")
    address = f"{positional[0]}@{PROJECT}.iam.gserviceaccount.com"
    g.make("account", address, {"email": address})


@command("iam service-accounts delete", positional=1)
def account_delete(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.remove("account", positional[0])


@command("iam service-accounts get-iam-policy", positional=1)
def account_policy(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.thing("account", positional[0])
    return g.policy(f"account/{positional[0]}")


@command("iam service-accounts add-iam-policy-binding", "member role", positional=1)
def account_bind(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.thing("account", positional[0])
    g.bind(f"account/{positional[0]}", flags)


@command("iam roles describe", "project", positional=1)
def role_describe(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("iam")
    return g.thing("role", positional[0])


@command("iam roles create", "project permissions", "title", positional=1)
def role_create(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("iam")
    name = f"projects/{PROJECT}/roles/{positional[0]}"
    g.make("role", positional[0], {"name": name, "includedPermissions": sorted(flags["permissions"][0].split(","))})


@command("iam roles update", "project permissions", positional=1)
def role_update(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.thing("role", positional[0])["includedPermissions"] = sorted(flags["permissions"][0].split(","))


@command("secrets describe", positional=1)
def secret_describe(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("secretmanager")
    return g.thing("secret", positional[0])


@command("secrets create", "replication-policy locations", positional=1)
def secret_create(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("secretmanager")
    name = f"projects/{NUMBER}/secrets/{positional[0]}"
    g.make("secret", positional[0], {"name": name, "locations": flags["locations"][0], "versions": []})


@command("secrets delete", positional=1)
def secret_delete(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.remove("secret", positional[0])


@command("secrets versions list", allowed="limit", positional=1)
def versions(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    return [{"state": "ENABLED"} for _ in g.thing("secret", positional[0])["versions"]]


@command("secrets versions add", "data-file", positional=1)
def version_add(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    if flags["data-file"] != ["-"] or not given:
        raise RefusedError("INVALID_ARGUMENT: The secret's value is empty")
    g.thing("secret", positional[0])["versions"].append(given)


@command("secrets get-iam-policy", positional=1)
def secret_policy(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.thing("secret", positional[0])
    return g.policy(f"secret/{positional[0]}")


@command("secrets add-iam-policy-binding", "member role", positional=1)
def secret_bind(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.thing("secret", positional[0])
    g.bind(f"secret/{positional[0]}", flags)


@command("workspace-add-ons get-authorization")
def authorization(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("gsuiteaddons")
    client = f"{NUMBER}-addon.apps.googleusercontent.com"
    return {"name": f"projects/{PROJECT}/authorization", "serviceAccountEmail": ADDONS_OWN, "oauthClientId": client}


@command("workspace-add-ons deployments describe", positional=1)
def addon_describe(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("gsuiteaddons")
    return g.thing("addon", positional[0])


@command("workspace-add-ons deployments create", "deployment-file", positional=1)
def addon_create(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("gsuiteaddons")
    g.make("addon", positional[0], told(positional[0], flags))


@command("workspace-add-ons deployments replace", "deployment-file", positional=1)
def addon_replace(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.thing("addon", positional[0])
    g.state["things"][f"addon/{positional[0]}"] = told(positional[0], flags)


@command("workspace-add-ons deployments delete", positional=1)
def addon_delete(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.remove("addon", positional[0])


def told(name: str, flags: Any) -> Any:
    """The deployment that the file holds. Every placeholder in it must be filled in."""
    text = Path(flags["deployment-file"][0]).read_text("utf-8")
    if "$" in text or "_URL" in text:
        raise RefusedError("INVALID_ARGUMENT: not a URL")
    return {"name": f"projects/{PROJECT}/deployments/{name}", **json.loads(text)}


@command("artifacts repositories describe", "location", positional=1)
def repository_describe(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("artifactregistry")
    return g.thing("repository", positional[0])


@command("artifacts repositories create", "location repository-format", positional=1)
def repository_create(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("artifactregistry")
    name = f"projects/{PROJECT}/locations/{flags['location'][0]}/repositories/{positional[0]}"
    g.make("repository", positional[0], {"name": name, "format": flags["repository-format"][0].upper()})


@command("artifacts repositories delete", "location", positional=1)
def repository_delete(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.remove("repository", positional[0])
    for name in [name for name in g.state["things"] if name.startswith("image/")]:
        del g.state["things"][name]


@command("artifacts tags list", "package repository location")
def tags(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.thing("repository", flags["repository"][0])
    return g.all_of("image")


@command("builds submit", "pack region", positional=1)
def build(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("cloudbuild")
    if not g.may("project", "roles/run.builder", COMPUTE):
        raise RefusedError(f"PERMISSION_DENIED: {COMPUTE} may not write logs")
    pack = dict(part.split("=", 1) for part in flags["pack"][0].split(","))
    if set(pack) - {"image", "builder", "env"}:
        raise RefusedError(f"valid keys are [builder, env, image]; received: {pack}")
    where = re.fullmatch(r"[a-z0-9-]+-docker\.pkg\.dev/([^/]+)/([^/]+)/[^:]+:(\w+)", pack["image"])
    if not where or where[1] != PROJECT:
        raise RefusedError("INVALID_ARGUMENT: no such registry")
    g.thing("repository", where[2])
    image = {"name": f"projects/{PROJECT}/repositories/{where[2]}/packages/mailmagnet/tags/{where[3]}", "image": pack["image"]}
    g.state["things"][f"image/{where[3]}"] = image


SHAPE = (
    "image service-account concurrency timeout cpu memory min-instances max-instances cpu-throttling no-cpu-throttling cpu-boost"
)
SHAPE += " invoker-iam-check no-invoker-iam-check set-secrets env-vars-file labels"


@command("run deploy", "region", SHAPE, positional=1)
def deploy(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("run")
    own = flags["service-account"][0]
    g.thing("account", own)
    if flags["image"][0] not in [image["image"] for image in g.all_of("image")]:
        raise RefusedError("NOT_FOUND: Image not found")
    for pair in flags["set-secrets"][0].split(","):
        secret = pair.split("=")[1].split(":")[0]
        if not g.thing("secret", secret)["versions"]:
            raise RefusedError(f"Secret {secret}/versions/latest was not found")
        if not g.may(f"secret/{secret}", "roles/secretmanager.secretAccessor", own):
            raise RefusedError(f"Permission denied on secret {secret} for Revision service account {own}.")
    environment = Path(flags["env-vars-file"][0]).read_text("utf-8")
    if "$" in environment:
        raise RefusedError("what is it?")
    kept = {name: values[0] for name, values in flags.items() if name not in ("env-vars-file", "quiet")}
    template = {"spec": {"containers": [{"image": flags["image"][0], "env": environment}]}}
    g.state["things"][f"service/{positional[0]}"] = {
        "metadata": {"name": positional[0], "labels": dict([flags["labels"][0].split("=")])},
        "spec": {"template": template},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
        "flags": kept,
    }


@command("run services describe", "region", positional=1)
def service_describe(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("run")
    return g.thing("service", positional[0])


@command("run services delete", "region", positional=1)
def service_delete(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.remove("service", positional[0])


@command("run services get-iam-policy", "region", positional=1)
def service_policy(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.thing("service", positional[0])
    return g.policy(f"service/{positional[0]}")


@command("run services add-iam-policy-binding", "member role region", positional=1)
def service_bind(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.thing("service", positional[0])
    g.bind(f"service/{positional[0]}", flags)


JOB_FLAGS = "http-method attempt-deadline max-retry-attempts"
JOB_NEEDS = "location schedule uri oidc-service-account-email oidc-token-audience"


def job(g: Gcloud, name: str, flags: Any, state: str) -> Any:
    g.needs("cloudscheduler")
    g.thing("account", flags["oidc-service-account-email"][0])
    token = {"serviceAccountEmail": flags["oidc-service-account-email"][0], "audience": flags["oidc-token-audience"][0]}
    target = {"uri": flags["uri"][0], "oidcToken": token}
    path = f"projects/{PROJECT}/locations/{flags['location'][0]}/jobs/{name}"
    return {"name": path, "schedule": flags["schedule"][0], "httpTarget": target, "state": state}


@command("scheduler jobs describe", "location", positional=1)
def job_describe(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("cloudscheduler")
    return g.thing("job", positional[0])


@command("scheduler jobs create http", JOB_NEEDS, JOB_FLAGS, positional=1)
def job_create(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.make("job", positional[0], job(g, positional[0], flags, "ENABLED"))


@command("scheduler jobs update http", JOB_NEEDS, JOB_FLAGS, positional=1)
def job_update(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    state = g.thing("job", positional[0])["state"]
    g.state["things"][f"job/{positional[0]}"] = job(g, positional[0], flags, state)


@command("scheduler jobs resume", "location", positional=1)
def job_resume(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.thing("job", positional[0])["state"] = "ENABLED"


@command("scheduler jobs delete", "location", positional=1)
def job_delete(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.remove("job", positional[0])


@command("billing projects describe", positional=1)
def billing(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("cloudbilling")
    return {"billingAccountName": "billingAccounts/01ABCD-234567-89EFAB", "billingEnabled": True}


@command("billing budgets list", "billing-account")
def budgets(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("billingbudgets")
    if flags["billing-account"] != ["01ABCD-234567-89EFAB"]:
        raise RefusedError("PERMISSION_DENIED")
    return g.all_of("budget")


def amount(flags: Any) -> Any:
    units, currency = re.fullmatch(r"(\d+)([A-Z]{3})", flags["budget-amount"][0]).groups()  # type: ignore[union-attr]
    if currency != "EUR":
        raise RefusedError("INVALID_ARGUMENT: the currency is not the billing account's")
    return {"specifiedAmount": {"units": units, "currencyCode": currency}}


@command("billing budgets create", "billing-account display-name budget-amount", "filter-projects threshold-rule")
def budget_create(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("billingbudgets")
    name = "billingAccounts/01ABCD-234567-89EFAB/budgets/" + f"b{len(g.all_of('budget'))}"
    g.make("budget", name, {"name": name, "displayName": flags["display-name"][0], "amount": amount(flags)})


@command("billing budgets update", "billing-account budget-amount", positional=1)
def budget_update(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.thing("budget", f"billingAccounts/01ABCD-234567-89EFAB/budgets/{positional[0]}")["amount"] = amount(flags)


@command("billing budgets delete", "billing-account", positional=1)
def budget_delete(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.remove("budget", f"billingAccounts/01ABCD-234567-89EFAB/budgets/{positional[0]}")


def written(flags: Any, flag: str) -> Any:
    """What stands in a file that a command is given."""
    return json.loads(Path(flags[flag][0]).read_text("utf-8"))


@command("logging metrics describe", positional=1)
def metric_describe(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("logging")
    return g.thing("metric", positional[0])


@command("logging metrics create", "config-from-file", positional=1)
def metric_create(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("logging")
    g.make("metric", positional[0], {"name": positional[0], **written(flags, "config-from-file")})


@command("logging metrics update", "config-from-file", positional=1)
def metric_update(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.thing("metric", positional[0]).update(written(flags, "config-from-file"))


@command("logging metrics delete", positional=1)
def metric_delete(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.remove("metric", positional[0])


def numbered(g: Gcloud, kind: str, place: str) -> str:
    """A name as Google gives one: nobody chooses it."""
    taken = [int(what["name"].rpartition("/")[2]) for what in g.all_of(kind)]
    return f"projects/{PROJECT}/{place}/{max(taken, default=100) + 1}"


def own_name(positional: Sequence[str]) -> str:
    return positional[0].rpartition("/")[2]


@command("beta monitoring channels list", allowed="limit")
def channels(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("monitoring")
    return g.all_of("channel")


@command("beta monitoring channels create", "type", "display-name channel-labels")
def channel_create(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("monitoring")
    name = numbered(g, "channel", "notificationChannels")
    labels = dict(label.split("=", 1) for label in flags["channel-labels"])
    g.make("channel", name, {"name": name, "type": flags["type"][0], "labels": labels})


@command("beta monitoring channels delete", allowed="force", positional=1)
def channel_delete(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    if "force" not in flags and any(positional[0] in policy["notificationChannels"] for policy in g.all_of("alert")):
        raise RefusedError("FAILED_PRECONDITION: the channel is in use")
    g.remove("channel", positional[0])


@command("alpha monitoring policies list", allowed="limit")
def alerts(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("monitoring")
    return g.all_of("alert")


@command("alpha monitoring policies create", "policy-from-file", "notification-channels")
def alert_create(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("monitoring")
    for channel in flags["notification-channels"]:
        g.thing("channel", channel)
    name, wanted = numbered(g, "alert", "alertPolicies"), written(flags, "policy-from-file")
    known = {"name": name, "display_name": wanted["displayName"], "notificationChannels": flags["notification-channels"]}
    g.make("alert", name, {**wanted, **known})


@command("alpha monitoring policies delete", positional=1)
def alert_delete(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.remove("alert", positional[0])


@command("monitoring dashboards list", allowed="limit")
def dashboards(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("monitoring")
    return g.all_of("dashboard")


@command("monitoring dashboards create", "config-from-file")
def dashboard_create(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.needs("monitoring")
    name, wanted = numbered(g, "dashboard", "dashboards"), written(flags, "config-from-file")
    g.make("dashboard", name, {**wanted, "name": name, "display_name": wanted["displayName"]})


@command("monitoring dashboards delete", positional=1)
def dashboard_delete(g: Gcloud, positional: Sequence[str], flags: Any, given: str) -> Any:
    g.remove("dashboard", positional[0])


EITHER = re.compile(r"if (gcloud .*?) >/dev/null 2>&1; then verb=(\w+); else verb=(\w+); fi; (.*)")
EACH = re.compile(r"for name in \$\((.*?)\); do (.*?) \"\$name\" (.*?) \|\| exit; done")


def commands_in(line: str) -> list[list[str]]:
    """The gcloud commands of a line for sh, each as it may be run."""
    if either := EITHER.fullmatch(line):
        look, there, missing, doing = either.groups()
        doings = [doing.replace('"$verb"', verb) for verb in (there, missing)]
        return [shlex.split(each) for each in (look, *doings)]
    found, doing, after = EACH.fullmatch(line).groups()  # type: ignore[union-attr]
    return [shlex.split(found), [*shlex.split(doing), "NAME", *shlex.split(after)]]


def in_shell(g: Gcloud, line: str) -> tuple[int, str, str]:
    """A line for sh as the plan has them, without a process: one of two verbs, or the same for each that is listed."""
    if either := EITHER.fullmatch(line):
        look, there, missing, doing = either.groups()
        verb = missing if g.run(shlex.split(look))[0] else there
        return g.run(shlex.split(doing.replace('"$verb"', verb)))
    found, doing, after = EACH.fullmatch(line).groups()  # type: ignore[union-attr]
    code, listed, said = g.run(shlex.split(found))
    for name in listed.split():
        code, _, said = g.run([*shlex.split(doing), name, *shlex.split(after)])
        if code:
            break
    return code, "", said


def main() -> int:
    """As a program."""
    file = Path(os.environ["GCLOUD_STATE"])
    gcloud = Gcloud(json.loads(file.read_text()) if file.exists() else resources())
    words = ["gcloud", *sys.argv[1:]]
    given = sys.stdin.read() if "--data-file=-" in words else ""
    code, out, err = gcloud.run(words, given)
    file.write_text(json.dumps(gcloud.state))
    sys.stdout.write(out)
    sys.stderr.write(err)
    return code


if __name__ == "__main__":
    sys.exit(main())
