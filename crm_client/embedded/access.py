"""Who may use the embedded CRM: accounts of its organisation whose user is signed in, and the permission asked for at each call.

Who is who comes from the sign-in (`sign_in`, `sessions`): an address says nothing, for it can be given to somebody else, and anybody
can make a Google account on it.
"""

import re
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from crm_client.embedded.database import CRM, reading
from mailmagnet.crm import MAIL_INTEGRATION, User
from mailmagnet.errors import BadRequest, NotPermitted

_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*", re.ASCII)
_ID = re.compile(r"[0-9]{1,255}", re.ASCII)


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


def check_is_of(connection: sqlite3.Connection, org: str) -> None:
    """Raises BadRequest when the CRM that is there is not this organisation's."""
    if _org_of(connection) != org:
        raise BadRequest("the CRM that is there is another organisation's")


def is_let_in(connection: sqlite3.Connection, org: str, user: str) -> bool:
    """Whether a Google account (verified ids) may sign in at all: one of the CRM's organisation, or a consumer's, which is of none."""
    return org in (_org_of(connection), user)


def users(database: Path) -> Sequence[Mapping[str, object]]:
    """Every user's id, name, address, profile, whether it is active and has a password, and the Google accounts signed in as it."""
    with reading(database) as connection:
        sessions = connection.execute("SELECT user_id, org, user FROM sessions ORDER BY org, user").fetchall()
        rows = connection.execute(
            """
            SELECT users.*, profiles.name AS profile, EXISTS (SELECT 1 FROM passwords WHERE user_id = users.id) AS has_password
            FROM users JOIN profiles ON profiles.id = profile_id ORDER BY email
            """
        )
        return [
            {
                "id": row["id"],
                "name": row["name"],
                "address": row["email"],
                "profile": row["profile"],
                "active": bool(row["active"]),
                "has_password": bool(row["has_password"]),
                "signed_in": [
                    {"org": session["org"], "user": session["user"]} for session in sessions if session["user_id"] == row["id"]
                ],
            }
            for row in rows
        ]


def _org_of(connection: sqlite3.Connection) -> str:
    return str(connection.execute("SELECT org FROM organisation").fetchone()["org"])
