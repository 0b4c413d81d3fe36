"""What stood behind the last call of the panel: the event, the answer, and the Gmail calls made for it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.quota import RecentCall
from sandbox.world import Account, World

TOKENS = frozenset({"userOAuthToken", "systemIdToken", "userIdToken", "accessToken"})
SHOWN_OF_A_TOKEN = 8


class BehindPanel:
    """Keeps the last call of each account, in memory alone."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._last: dict[str, dict[str, Any]] = {}

    def mark(self) -> RecentCall | None:
        """Where the list of Gmail's calls ends now: to be asked for before a call of the panel, and given to `keep` after it."""
        return self._world.quota.calls[-1] if self._world.quota.calls else None

    def keep(
        self, account: Account, url: str, event: Mapping[str, Any], told: Mapping[str, Any], since: RecentCall | None
    ) -> None:
        """A call of the panel is over. Calls to the account's Gmail in that time are taken to be made for it."""
        calls = [_shown(call) for call in self._calls_since(since) if call.address == account.address]
        at = self._world.clock().isoformat()
        self._last[account.sub] = {"at": at, "url": url, "event": without_tokens(event), **told, "calls": calls}

    def last(self, account: Account) -> Mapping[str, Any]:
        """The last call, {} before the first, and what the account's Gmail has spent in the last minute."""
        quota = self._world.quota
        spent = {"spent": quota.spent(account.address), "units_a_minute": quota.units_a_minute}
        return {"call": self._last.get(account.sub, {}), "quota": spent}

    def _calls_since(self, since: RecentCall | None) -> Sequence[RecentCall]:
        calls = list(self._world.quota.calls)
        start = next((place + 1 for place in range(len(calls) - 1, -1, -1) if calls[place] is since), 0)
        return calls[start:]


def without_tokens(value: Any) -> Any:
    """The same JSON, with of each token the first few characters alone."""
    if isinstance(value, dict):
        return {key: _shortened(inner) if key in TOKENS else without_tokens(inner) for key, inner in value.items()}
    return [without_tokens(inner) for inner in value] if isinstance(value, list) else value


def _shortened(token: Any) -> str:
    return f"{str(token)[:SHOWN_OF_A_TOKEN]}…"


def _shown(call: RecentCall) -> dict[str, Any]:
    return {"method": call.method, "ms": round(call.ms), "status": call.status, "units": call.units}
