"""The embedded CRM's sessions: which Google account is signed in as which CRM user, and the tokens that prove it.

A token is good for the one Google account that it was given to, and for nobody else who holds it. Only hashes of tokens are kept.
"""

import hashlib
import secrets
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from crm_client.embedded.database import CRM
from crm_client.embedded.rows import listed
from mailmagnet.crm import Profile, User
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.errors import NotAuthorised, SignInNeeded

ACCESS_TIME = timedelta(hours=1)
"""How long an access token is good."""

UNUSED_TIME = timedelta(days=90)
"""A session ends that was not used for so long. It is used when its access token is renewed."""

_USER = """
SELECT users.*, profiles.name AS profile, administrator, (
    SELECT json_group_array(permission) FROM permissions WHERE permissions.profile_id = profiles.id) AS permissions
FROM users JOIN profiles ON profiles.id = users.profile_id
"""


def begin(connection: sqlite3.Connection, user_id: str, org: str, user: str, now: datetime) -> CrmTokens:
    """Sign a Google account in as this CRM user; an earlier session of the account ends."""
    end_of_account(connection, org, user)
    refresh = secrets.token_urlsafe(32)
    connection.execute(
        "INSERT INTO sessions (org, user, user_id, refresh_sha256, began_at, used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
        (org, user, user_id, _sha256(refresh), _seconds(now)),
    )
    name = connection.execute("SELECT name FROM users WHERE id = ?", (user_id,)).fetchone()["name"]
    access, expires_at = _new_access_token(connection, org, user, now)
    return CrmTokens(user_id, name, access, refresh, expires_at)


def renewed(connection: sqlite3.Connection, tokens: CrmTokens, now: datetime) -> CrmTokens:
    """A new access token; those before it are good until their time. Raises NotAuthorised when the session has ended."""
    session = connection.execute(
        """
        SELECT sessions.*, name FROM sessions JOIN users ON users.id = user_id
        WHERE refresh_sha256 = ? AND active AND used_at > ?
        """,
        (_sha256(tokens.refresh), _seconds(now - UNUSED_TIME)),
    ).fetchone()
    if session is None:
        raise NotAuthorised(CRM, "the session has ended")
    account = (session["org"], session["user"])
    connection.execute("UPDATE sessions SET used_at = ? WHERE org = ? AND user = ?", (_seconds(now), *account))
    connection.execute("DELETE FROM access_tokens WHERE org = ? AND user = ? AND expires_at <= ?", (*account, _seconds(now)))
    access, expires_at = _new_access_token(connection, *account, now)
    return replace(tokens, account=session["user_id"], name=session["name"], access=access, expires_at=expires_at)


def end(connection: sqlite3.Connection, refresh: str) -> None:
    """End the session with this refresh token; without effect when it has ended already."""
    connection.execute("DELETE FROM sessions WHERE refresh_sha256 = ?", (_sha256(refresh),))


def end_of_account(connection: sqlite3.Connection, org: str, user: str) -> int:
    """End a Google account's session; how many there were."""
    return connection.execute("DELETE FROM sessions WHERE org = ? AND user = ?", (org, user)).rowcount


def end_of_user(connection: sqlite3.Connection, user_id: str) -> int:
    """End all sessions of a CRM user; how many there were."""
    return connection.execute("DELETE FROM sessions WHERE user_id = ?", (user_id,)).rowcount


def viewer_of(connection: sqlite3.Connection, access: str, org: str, user: str, now: datetime) -> User:
    """The active CRM user as whom this Google account is signed in. Raises NotAuthorised when its access token is not good: it has
    expired, its session has ended, it was given to another account. One that is good for longer than any was given by a clock that has
    gone back since."""
    row = connection.execute(
        f"""
        {_USER} JOIN sessions ON sessions.user_id = users.id JOIN access_tokens USING (org, user)
        WHERE sha256 = ? AND org = ? AND user = ? AND active AND expires_at > ? AND expires_at <= ?
        """,
        (_sha256(access), org, user, _seconds(now), _seconds(now + ACCESS_TIME)),
    ).fetchone()
    if row is None:
        raise NotAuthorised(CRM, "the access token is not good")
    return _user(row)


def user_of(connection: sqlite3.Connection, org: str, user: str) -> User:
    """The active CRM user as whom this Google account is signed in, without a proof of it. Raises SignInNeeded when there is none."""
    row = connection.execute(
        f"{_USER} JOIN sessions ON sessions.user_id = users.id WHERE org = ? AND user = ? AND active", (org, user)
    ).fetchone()
    if row is None:
        raise SignInNeeded(CRM)
    return _user(row)


def _new_access_token(connection: sqlite3.Connection, org: str, user: str, now: datetime) -> tuple[str, datetime]:
    access, expires_at = secrets.token_urlsafe(32), _seconds(now + ACCESS_TIME)
    connection.execute(
        "INSERT INTO access_tokens (sha256, org, user, expires_at) VALUES (?, ?, ?, ?)", (_sha256(access), org, user, expires_at)
    )
    return access, datetime.fromtimestamp(expires_at, UTC)


def _user(row: sqlite3.Row) -> User:
    permissions = frozenset(listed(row["permissions"]))
    profile = Profile(row["profile_id"], row["profile"], permissions, administrator=bool(row["administrator"]))
    return User(row["id"], row["name"], row["email"], profile)


def _sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
