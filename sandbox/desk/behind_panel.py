"""What stood behind the last call of the panel: the event, the answer, and every call to Google and the CRM made for it."""

import json
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.google.calls import Call
from sandbox.google.world import Account, World

TOKENS = frozenset({"userOAuthToken", "systemIdToken", "userIdToken", "accessToken"})
SHOWN_OF_A_TOKEN = 8


@dataclass(frozen=True, slots=True)
class Watch:
    """A call of the panel that is under way: its trace (https://www.w3.org/TR/trace-context/), when it began (time.time), and how
    long the file of the CRM's calls was then."""

    trace: str
    began: float
    crm_told: int


@dataclass(frozen=True, slots=True)
class _Made:
    """A call made for an answer; `began` and `ended` are the machine's time (time.time)."""

    who: str
    name: str
    began: float
    ended: float
    how: str
    units: int = 0

    def beside(self, other: "_Made") -> bool:
        """Whether the two were under way at the same time."""
        return self is not other and self.began < other.ended and other.began < self.ended


class BehindPanel:
    """Keeps the last call of each account, in memory alone."""

    def __init__(self, world: World, crm_calls_file: Path) -> None:
        self._world = world
        self._crm_calls_file = crm_calls_file
        self._last: dict[str, dict[str, Any]] = {}

    def watch(self) -> Watch:
        """To be asked for before a call of the panel, whose trace is to go with it, and given to `keep` after it."""
        told = self._crm_calls_file.stat().st_size if self._crm_calls_file.exists() else 0
        return Watch(f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01", time.time(), told)

    def keep(self, account: Account, url: str, event: Mapping[str, Any], told: Mapping[str, Any], watch: Watch) -> None:
        """A call of the panel is over."""
        now = time.time()
        google = [_of_google(call, now) for call in self._world.calls.made_for(watch.trace)]
        calls = _in_order([*google, *self._of_crm(watch)], watch.began)
        at = self._world.clock().isoformat()
        self._last[account.sub] = {"at": at, "url": url, "event": without_tokens(event), **told, "calls": calls}

    def last(self, account: Account) -> Mapping[str, Any]:
        """The last call, {} before the first, and what the account's Gmail has spent in the last minute."""
        quota = self._world.quota
        spent = {"spent": quota.spent(account.address), "units_a_minute": quota.units_a_minute}
        return {"call": self._last.get(account.sub, {}), "quota": spent}

    def _of_crm(self, watch: Watch) -> Iterable[_Made]:
        if not self._crm_calls_file.exists():
            return
        with self._crm_calls_file.open("rb") as file:
            file.seek(watch.crm_told)
            lines = file.read().splitlines()
        for call in map(json.loads, lines):
            if call["trace"] == watch.trace:
                began = call["began"]
                yield _Made("CRM", call["name"], began, began + call["ms"] / 1000, call["problem"] or "answered")


def without_tokens(value: Any) -> Any:
    """The same JSON, with of each token the first few characters alone."""
    if isinstance(value, dict):
        return {key: _shortened(inner) if key in TOKENS else without_tokens(inner) for key, inner in value.items()}
    return [without_tokens(inner) for inner in value] if isinstance(value, list) else value


def _shortened(token: Any) -> str:
    return f"{str(token)[:SHOWN_OF_A_TOKEN]}…"


def _of_google(call: Call, now: float) -> _Made:
    """A call that is not over ends when the panel has its answer: nobody waits for it any more."""
    how = "no answer" if call.ms is None else " ".join(filter(None, (str(call.status or ""), call.problem)))
    ended = now if call.ms is None else call.began + call.ms / 1000
    return _Made("Gmail" if call.name.startswith("users.") else "Google", call.name, call.began, ended, how, call.units)


def _in_order(calls: Sequence[_Made], start: float) -> list[dict[str, Any]]:
    """As they began; `began` and `ms` in milliseconds, `beside` how many others were under way at the same time."""
    return [
        {
            "who": call.who,
            "name": call.name,
            "began": round((call.began - start) * 1000),
            "ms": round((call.ended - call.began) * 1000),
            "how": call.how,
            "units": call.units,
            "beside": sum(call.beside(other) for other in calls),
        }
        for call in sorted(calls, key=lambda call: call.began)
    ]
