"""Who may use the embedded CRM: the Google accounts that its users sign in with, and the permission asked for at each call.

A user is known by verified ids alone, compared exactly: an address says nothing, for it can be given to somebody else, and
anybody can make a Google account on it. Who is who is told by an administrator (the command line), never by who comes first.
"""

import re
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from crm_client.embedded.database import CRM, reading, writing
from crm_client.embedded.rows import listed
from mailmagnet.addresses import canonical
from mailmagnet.crm import MAIL_INTEGRATION, Profile, User
from mailmagnet.errors import BadRequest, NotBound, NotFound, NotPermitted

_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*", re.ASCII)
_ID = re.compile(r"[0-9]{1,255}", re.ASCII)


def viewer_of(connection: sqlite3.Connection, org: str, user: str) -> User:
    """The active user of the CRM that this Google account is bound to. Raises NotBound when there is none."""
    row = connection.execute(
        """
        SELECT users.*, profiles.name AS profile, (
            SELECT json_group_array(permission) FROM permissions WHERE permissions.profile_id = profiles.id) AS permissions
        FROM google_accounts JOIN users ON users.id = user_id JOIN profiles ON profiles.id = users.profile_id
        WHERE google_accounts.org = ? AND google_accounts.user = ? AND active
        """,
        (org, user),
    ).fetchone()
    if row is None:
        raise NotBound(CRM, org, user)
    return User(
        row["id"], row["name"], row["email"], Profile(row["profile_id"], row["profile"], frozenset(listed(row["permissions"])))
    )


def check_permitted(viewer: User) -> None:
    """Raises NotPermitted when the user's profile does not hold `Mail Integration`."""
    if MAIL_INTEGRATION not in viewer.profile.permissions:
        raise NotPermitted(CRM, permission=MAIL_INTEGRATION)


def check_org(org: str) -> None:
    """Raises BadRequest when this is no organisation as verified tokens have it."""
    if not (_DOMAIN.fullmatch(org) or _ID.fullmatch(org)):
        raise BadRequest(
            "an organisation is its domain as Google verified it (hd), in lower case and in ASCII; of a consumer account it is"
            " the account's own id (sub)"
        )


def bind(database: Path, address: str, org: str, user: str) -> None:
    """Let the CRM user with this address sign in with a Google account: of the CRM's organisation, or a consumer's, whose `org`
    is its own id. Raises BadRequest for any other, and for an account that is another CRM user's; NotFound without such a user."""
    check_org(org)
    if not _ID.fullmatch(user):
        raise BadRequest("a Google account is its id (sub), a number; not its address")
    with writing(database) as connection:
        if org not in (_org_of(connection), user):
            raise BadRequest("the CRM is another organisation's: each organisation has a CRM of its own")
        user_id = _active_user(connection, address)
        connection.execute("INSERT OR IGNORE INTO google_accounts (org, user, user_id) VALUES (?, ?, ?)", (org, user, user_id))
        if _bound_to(connection, org, user) != user_id:
            raise BadRequest("this Google account is another user's: unbind it there first")


def unbind(database: Path, org: str, user: str) -> None:
    """Shut a Google account out. Raises NotFound when it is not bound: a slip of the pen must not look like a locked door."""
    with writing(database) as connection:
        if _bound_to(connection, org, user) is None:
            raise NotFound(CRM, "no user is bound to this Google account")
        connection.execute("DELETE FROM google_accounts WHERE org = ? AND user = ?", (org, user))


def users(database: Path) -> Sequence[Mapping[str, object]]:
    """Every user's name, address, profile, whether it is active, and the Google accounts it signs in with."""
    with reading(database) as connection:
        accounts = connection.execute("SELECT user_id, org, user FROM google_accounts ORDER BY org, user").fetchall()
        rows = connection.execute(
            "SELECT users.*, profiles.name AS profile FROM users JOIN profiles ON profiles.id = profile_id ORDER BY email"
        )
        return [
            {
                "name": row["name"],
                "address": row["email"],
                "profile": row["profile"],
                "active": bool(row["active"]),
                "google_accounts": [
                    {"org": account["org"], "user": account["user"]} for account in accounts if account["user_id"] == row["id"]
                ],
            }
            for row in rows
        ]


def _org_of(connection: sqlite3.Connection) -> str:
    return str(connection.execute("SELECT org FROM organisation").fetchone()["org"])


def _active_user(connection: sqlite3.Connection, address: str) -> str:
    row = connection.execute("SELECT id, active FROM users WHERE email = ?", (canonical(address),)).fetchone()
    if row is None:
        raise NotFound(CRM, "there is no user with this address")
    if not row["active"]:
        raise BadRequest("the user is not active: add the user again first")
    return str(row["id"])


def _bound_to(connection: sqlite3.Connection, org: str, user: str) -> str | None:
    row = connection.execute("SELECT user_id FROM google_accounts WHERE org = ? AND user = ?", (org, user)).fetchone()
    return row and str(row["user_id"])
