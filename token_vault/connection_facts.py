"""One user's facts as each vault writes them, JSON's own types alone, and what becomes of them with each call."""

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from mailmagnet.consent import Grant
from mailmagnet.crm_choice import EMBEDDED, CrmChoice
from mailmagnet.crm_sign_in import CrmTokens, Sees
from mailmagnet.errors import BadAnswer, Service, Side, SignInNeeded
from mailmagnet.vault import Connection, Leaving

WHO = Service(Side.OURS, "the vault")

BESIDE_GMAIL = ("crm", "webhook", "listed", "sees")
"""What a new connection to Gmail leaves as it is."""
ACCOUNT_FACTS = ("gmail_token", "user", "address")
"""Each of them alone tells that two connections are one Google account's."""

LEAVING = "leaving"

Facts = dict[str, Any]
"""A connection's, or `{"leaving": ...}` of a forgotten one with an account's facts; a connection without a token may have both. Without
any its user is not there."""


def is_connection(facts: Facts) -> bool:
    """Whether there is more than a token that is leaving."""
    return bool(facts.keys() - {LEAVING})


def connection_in(org: str, user: str, facts: Facts) -> Connection | None:
    """The connection, None where there is none. Raises BadAnswer."""
    if not is_connection(facts):
        return None
    try:
        return Connection(
            org=org,
            user=user,
            address=facts["address"],
            own_addresses=frozenset(facts["own_addresses"]),
            own_domains=frozenset(facts["own_domains"]),
            gmail_token=facts["gmail_token"],
            grants=frozenset(map(Grant, facts["grants"])),
            crm=tokens_in(facts),
            webhook=facts.get("webhook", ""),
            listed=facts.get("listed", False),
            sees=Sees(facts["sees"]) if facts.get("sees") else None,
        )
    except (KeyError, TypeError, ValueError):
        raise BadAnswer(WHO, "a connection in it has not the facts it should have") from None


def tokens_in(facts: Facts) -> CrmTokens | None:
    """The sign-in to the CRM."""
    kept_tokens = facts.get("crm")
    if not kept_tokens:
        return None
    crm = kept_tokens.get("crm", {"kind": EMBEDDED})  # before there was a choice there was one CRM alone
    return CrmTokens(**kept_tokens | {"expires_at": datetime.fromisoformat(kept_tokens["expires_at"]), "crm": CrmChoice(**crm)})


def tokens_after(facts: Facts) -> CrmTokens:
    """The sign-in to the CRM after it was renewed. Raises SignInNeeded when there is none any more."""
    tokens = tokens_in(facts)
    if not tokens:
        raise SignInNeeded(WHO)
    return tokens


def account(user: str, facts: Facts) -> dict[str, str]:
    """What tells whose Google account it is."""
    return {name: str((facts | {"user": user}).get(name, "")) for name in ACCOUNT_FACTS}


def account_of(token: Leaving, address: str) -> dict[str, str]:
    """The same of a token that is of no use here."""
    return {"gmail_token": token.gmail_token, "user": token.user, "address": address}


# What becomes of a user's facts


def kept(facts: Facts, connection: Connection) -> Facts:
    """With this connection to Gmail."""
    stays = {name: facts[name] for name in BESIDE_GMAIL if name in facts}
    left = {} if connection.gmail_token else left_behind(connection.user, facts)
    return _of_gmail(connection) | stays | left


def signed_in(facts: Facts, connection: Connection) -> Facts:
    """With this sign-in to the CRM."""
    return _of_sidebar(facts, connection) | {"crm": _tokens_map(connection.crm)}


def put_on_list(facts: Facts, connection: Connection) -> Facts:
    """With the user on the list, or off it."""
    return _of_sidebar(facts, connection) | {"listed": connection.listed}


def let_see(facts: Facts, sees: Sees | None) -> Facts:
    """With what users see by this link, where there is one."""
    return facts | {"sees": sees} if facts.get("crm") else facts


def renewed(facts: Facts, old: CrmTokens, new: CrmTokens) -> Facts:
    """With new tokens, if the old ones are still there."""
    return facts | {"crm": _tokens_map(new)} if tokens_in(facts) == old else facts


def signed_out(facts: Facts) -> Facts:
    """Without a sign-in."""
    return facts | {"crm": None} if facts.get("crm") else facts


def with_webhook(facts: Facts, webhook: str) -> Facts:
    """With this address for notices, where there is a connection."""
    return facts | {"webhook": webhook} if is_connection(facts) else facts


def left_behind(user: str, facts: Facts) -> Facts:
    """What stays of a user whose connection ends: the token that is still to be revoked, if there is one."""
    if facts.get("gmail_token"):
        return {LEAVING: account(user, facts)}
    return {name: fact for name, fact in facts.items() if name == LEAVING}


def refused(facts: Facts, leaving: dict[str, str]) -> Facts:
    """With this account's token among those that are leaving."""
    return facts | {LEAVING: leaving}


def without_leaving(facts: Facts, token: Leaving) -> Facts:
    """Without this very token among those that are leaving."""
    if facts.get(LEAVING, {}).get("gmail_token") != token.gmail_token:
        return facts
    return {name: fact for name, fact in facts.items() if name != LEAVING}


def _of_gmail(connection: Connection) -> Facts:
    facts = asdict(connection)
    sets = {name: sorted(facts[name]) for name in ("own_addresses", "own_domains", "grants")}
    return {name: fact for name, fact in facts.items() if name not in {"org", "user", *BESIDE_GMAIL}} | sets


def _of_sidebar(facts: Facts, connection: Connection) -> Facts:
    """What is there, or a user's of the sidebar alone."""
    return facts if is_connection(facts) else _of_gmail(replace(connection, gmail_token="", grants=frozenset())) | facts


def _tokens_map(tokens: CrmTokens | None) -> dict[str, Any] | None:
    return asdict(tokens) | {"expires_at": tokens.expires_at.isoformat()} if tokens else None
