"""The embedded CRM's administration: making the database, its users, profiles, sharing, pipelines and currencies.

For the machine's owner (the command line), who needs no permission. All raise Unavailable and BadAnswer as the CRM does,
BadRequest for values it does not take, and NotFound for what is not there. Doing one twice leaves the same as doing it once.
"""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crm_client.embedded import passwords, sessions
from crm_client.embedded.access import check_is_of, check_org
from crm_client.embedded.database import CRM, create_file, reading, writing
from crm_client.embedded.rows import is_address, new_id, put_deal, read_deals
from crm_client.embedded.search import Module
from crm_client.fields import is_text
from mailmagnet.addresses import canonical
from mailmagnet.crm import MAIL_INTEGRATION, Currency, DealState, Money, Organisation
from mailmagnet.errors import BadRequest, NotFound

ADMINISTRATOR = "Administrator"
"""The profile, made with the database, that sees everyone's records, and whose users are administrators."""

STANDARD = "Standard"
"""The profile, made with the database, that sees its user's own records and those shared with the user."""

STANDARD_PIPELINE = "Standard"
"""The pipeline made with the database."""

_STANDARD_STAGES = (
    ("Qualification", DealState.OPEN),
    ("Proposal", DealState.OPEN),
    ("Negotiation", DealState.OPEN),
    ("Closed Won", DealState.WON),
    ("Closed Lost", DealState.LOST),
)


class Scope(StrEnum):
    """Whose records a profile's users see, besides those shared with them."""

    OWN = "own"
    EVERYONE = "everyone"


def create(database: Path, organisation: Organisation, org: str) -> None:
    """Make the database: the organisation, its home currency, a first pipeline and the two profiles. One that is there stays.

    `org` is the organisation as Google verifies it: its domain (hd), or a consumer account's own id. Raises BadRequest when the
    database that is there is another organisation's.
    """
    check_org(org)
    _check_time_zone(organisation.time_zone)
    create_file(database)
    with writing(database) as connection:
        if connection.execute("SELECT 1 FROM organisation").fetchone():
            check_is_of(connection, org)
            return
        _put_currency(connection, Currency(organisation.home_currency, organisation.home_currency, Decimal(1)))
        connection.execute(
            "INSERT INTO organisation (only_one, org, name, time_zone, home_currency) VALUES (1, ?, ?, ?, ?)",
            (org, organisation.name, organisation.time_zone, organisation.home_currency),
        )
        for name, state in _STANDARD_STAGES:
            _put_stage(connection, STANDARD_PIPELINE, name, state)
        _put_profile(connection, ADMINISTRATOR, {MAIL_INTEGRATION}, Scope.EVERYONE, administrator=True)
        _put_profile(connection, STANDARD, {MAIL_INTEGRATION}, Scope.OWN)


def add_currency(database: Path, currency: Currency) -> None:
    """Add a currency, or set the name and rate of one that is there."""
    with writing(database) as connection:
        _put_currency(connection, currency)


def add_stage(database: Path, pipeline: str, name: str, state: DealState) -> str:
    """Add a stage at the end of a pipeline (made when there is none of the name), or set the state of one; its id."""
    with writing(database) as connection:
        return _put_stage(connection, pipeline, name, state)


def add_profile(database: Path, name: str, permissions: Collection[str], scope: Scope, *, administrator: bool = False) -> str:
    """Add a profile, or set the permissions and scope of one of the name, and whether its users are administrators; its id."""
    with writing(database) as connection:
        return _put_profile(connection, name, permissions, scope, administrator=administrator)


def set_permission(database: Path, profile: str, permission: str, *, held: bool) -> None:
    """Give a profile (by name) a permission, or take it."""
    with writing(database) as connection:
        profile_id = _profile_id(connection, profile)
        if held:
            connection.execute(
                "INSERT OR IGNORE INTO permissions (profile_id, permission) VALUES (?, ?)", (profile_id, permission)
            )
        else:
            connection.execute("DELETE FROM permissions WHERE profile_id = ? AND permission = ?", (profile_id, permission))


def profiles(database: Path) -> Sequence[Mapping[str, object]]:
    """Every profile's name, its permissions, and the addresses of its active users."""
    with reading(database) as connection:
        held = connection.execute("SELECT name, permission FROM permissions JOIN profiles ON id = profile_id").fetchall()
        users = connection.execute(
            "SELECT profiles.name, email FROM users JOIN profiles ON profiles.id = profile_id WHERE active ORDER BY email"
        ).fetchall()
        return [
            {
                "name": row["name"],
                "permissions": sorted(one["permission"] for one in held if one["name"] == row["name"]),
                "users": [one["email"] for one in users if one["name"] == row["name"]],
            }
            for row in connection.execute("SELECT name FROM profiles ORDER BY name")
        ]


def stages(database: Path) -> Sequence[Mapping[str, str]]:
    """Every stage's name, pipeline and state, in the CRM's order."""
    with reading(database) as connection:
        rows = connection.execute(
            """
            SELECT stages.name, pipelines.name AS pipeline, state FROM stages JOIN pipelines ON pipelines.id = pipeline_id
            ORDER BY pipelines.position, stages.position
            """
        )
        return [dict(row) for row in rows]


def change_deal(
    database: Path, deal_id: str, stage: str | None = None, closing: date | None = None, amount: Decimal | None = None
) -> None:
    """Change a deal's stage (by name, of its own pipeline if that has one), its closing date, its amount (in its own currency,
    or the home currency when it has none). What is None stays."""
    with writing(database) as connection:
        deal = read_deals(connection, [deal_id]).get(deal_id)
        if deal is None:
            raise NotFound(CRM, "there is no such deal")
        if stage is not None:
            deal = replace(deal, stage_id=_stage_id(connection, stage, like=deal.stage_id))
        if closing is not None:
            deal = replace(deal, closing=closing)
        if amount is not None:
            home = connection.execute("SELECT home_currency FROM organisation").fetchone()["home_currency"]
            deal = replace(deal, amount=Money(amount, deal.amount.currency if deal.amount else home))
        put_deal(connection, deal)


def _stage_id(connection: sqlite3.Connection, name: str, like: str) -> str:
    row = connection.execute(
        """
        SELECT id FROM stages WHERE name = ?
        ORDER BY pipeline_id = (SELECT pipeline_id FROM stages WHERE id = ?) DESC, position
        """,
        (name, like),
    ).fetchone()
    if row is None:
        raise NotFound(CRM, "there is no stage of this name")
    return str(row["id"])


def add_user(database: Path, name: str, email: str, profile: str) -> str:
    """Add a user, or set the name and profile of the one with this address, and make it active (again); its id."""
    if not name.strip() or not is_address(email):
        raise BadRequest("a user needs a name and a mail address")
    with writing(database) as connection:
        connection.execute(
            """
            INSERT INTO users (id, name, email, profile_id, active) VALUES (?, ?, ?, ?, 1)
            ON CONFLICT (email) DO UPDATE SET name = excluded.name, profile_id = excluded.profile_id, active = 1
            """,
            (new_id(), name.strip(), canonical(email), _profile_id(connection, profile)),
        )
        return user_id(connection, email)


def deactivate(database: Path, email: str) -> None:
    """Shut a user out; the user's records stay. The user's password is forgotten and every session ended, so that whoever gets the
    address next, and is added under it, brings none of them back."""
    with writing(database) as connection:
        left = user_id(connection, email)
        _forget_password(connection, left)
        connection.execute("UPDATE users SET active = 0 WHERE id = ?", (left,))


def set_password(database: Path, email: str, password: str) -> None:
    """Give an active user a new password. Whoever is signed in as this user is signed out: that may be why there is a new one."""
    passwords.check_new(password, email)
    hashed = passwords.hash_of(password)
    with writing(database) as connection:
        owner = user_id(connection, email)
        if not connection.execute("SELECT 1 FROM users WHERE id = ? AND active", (owner,)).fetchone():
            raise BadRequest("the user is not active: add the user again first")
        _forget_password(connection, owner)
        connection.execute("INSERT INTO passwords (user_id, hash) VALUES (?, ?)", (owner, hashed))


def sign_out_user(database: Path, email: str) -> int:
    """End every session of a user; how many there were."""
    with writing(database) as connection:
        return sessions.end_of_user(connection, user_id(connection, email))


def sign_out_account(database: Path, org: str, user: str) -> int:
    """End the session of a Google account. Raises NotFound when there is none: a slip of the pen must not look like a locked door."""
    with writing(database) as connection:
        if not (ended := sessions.end_of_account(connection, org, user)):
            raise NotFound(CRM, "this Google account is not signed in")
        return ended


def _forget_password(connection: sqlite3.Connection, of_user: str) -> None:
    sessions.end_of_user(connection, of_user)
    connection.execute("DELETE FROM passwords WHERE user_id = ?", (of_user,))


def put_template(database: Path, name: str, subject: str, text: str) -> str:
    """Add a template for mail, or put one in place of that of the name; its id. Subject and text are plain, with merge fields."""
    if not name.strip() or not text.strip():
        raise BadRequest("a template needs a name and a text")
    if not all(map(is_text, (name, subject, text))) or "\n" in subject.strip():
        raise BadRequest("a template's subject is one line, and its text holds no signs that no text has")
    with writing(database) as connection:
        connection.execute(
            """
            INSERT INTO templates (id, name, subject, text) VALUES (?, ?, ?, ?)
            ON CONFLICT (name) DO UPDATE SET subject = excluded.subject, text = excluded.text
            """,
            (new_id(), name.strip(), subject.strip(), text.strip()),
        )
        row = connection.execute("SELECT id FROM templates WHERE name = ?", (name.strip(),)).fetchone()
        return str(row["id"])


def remove_template(database: Path, name: str) -> None:
    """Remove the template of a name. Raises NotFound."""
    with writing(database) as connection:
        if not connection.execute("DELETE FROM templates WHERE name = ?", (name.strip(),)).rowcount:
            raise NotFound(CRM, "there is no template of this name")


def templates(database: Path) -> Sequence[Mapping[str, str]]:
    """Every template's name, subject and text."""
    with reading(database) as connection:
        return [dict(row) for row in connection.execute("SELECT name, subject, text FROM templates ORDER BY name")]


def share(database: Path, module: Module, record_id: str, email: str) -> None:
    """Let a user see (and change) a record of somebody else."""
    with writing(database) as connection:
        connection.execute(
            "INSERT OR IGNORE INTO shares (module, record_id, user_id) VALUES (?, ?, ?)",
            (module, record_id, user_id(connection, email)),
        )


def put_contact_role(connection: sqlite3.Connection, deal_id: str, contact_id: str, role: str) -> None:
    """Give a contact a role in a deal, after the contacts it has; of one that has a role it is the new one.

    Raises NotFound without such a deal or contact.
    """
    if not connection.execute(
        "SELECT 1 FROM deals, contacts WHERE deals.id = ? AND contacts.id = ?", (deal_id, contact_id)
    ).fetchone():
        raise NotFound(CRM, "there is no such deal or contact")
    connection.execute(
        """
        INSERT INTO deal_contacts (deal_id, contact_id, position, role)
        VALUES (?1, ?2, (SELECT 1 + coalesce(max(position), 0) FROM deal_contacts WHERE deal_id = ?1), ?3)
        ON CONFLICT (deal_id, contact_id) DO UPDATE SET role = excluded.role
        """,
        (deal_id, contact_id, role),
    )


def user_id(connection: sqlite3.Connection, email: str) -> str:
    """The id of the user with this address, active or not. Raises NotFound."""
    row = connection.execute("SELECT id FROM users WHERE email = ?", (canonical(email),)).fetchone()
    if row is None:
        raise NotFound(CRM, "there is no user with this address")
    return str(row["id"])


def _put_currency(connection: sqlite3.Connection, currency: Currency) -> None:
    if not (len(currency.code) == len("EUR") and currency.code.isascii() and currency.code.isalpha() and currency.code.isupper()):
        raise BadRequest("a currency's code is three capital letters (ISO 4217)")
    if not currency.rate.is_finite() or currency.rate <= 0:
        raise BadRequest("a currency's rate is a number above zero")
    connection.execute(
        """
        INSERT INTO currencies (code, name, rate) VALUES (?, ?, ?)
        ON CONFLICT (code) DO UPDATE SET name = excluded.name, rate = excluded.rate
        """,
        (currency.code, currency.name, format(currency.rate, "f")),
    )


def _put_stage(connection: sqlite3.Connection, pipeline: str, name: str, state: DealState) -> str:
    if not pipeline.strip() or not name.strip():
        raise BadRequest("a stage needs a name and a pipeline's name")
    connection.execute(
        """
        INSERT INTO pipelines (id, name, position) VALUES (?, ?, (SELECT count(*) FROM pipelines)) ON CONFLICT (name) DO NOTHING
        """,
        (new_id(), pipeline.strip()),
    )
    pipeline_id = connection.execute("SELECT id FROM pipelines WHERE name = ?", (pipeline.strip(),)).fetchone()["id"]
    connection.execute(
        """
        INSERT INTO stages (id, pipeline_id, name, state, position)
        VALUES (?1, ?2, ?3, ?4, (SELECT count(*) FROM stages WHERE pipeline_id = ?2))
        ON CONFLICT (pipeline_id, name) DO UPDATE SET state = excluded.state
        """,
        (new_id(), pipeline_id, name.strip(), state),
    )
    row = connection.execute("SELECT id FROM stages WHERE pipeline_id = ? AND name = ?", (pipeline_id, name.strip())).fetchone()
    return str(row["id"])


def _put_profile(
    connection: sqlite3.Connection, name: str, permissions: Collection[str], scope: Scope, *, administrator: bool = False
) -> str:
    connection.execute(
        """
        INSERT INTO profiles (id, name, scope, administrator) VALUES (?, ?, ?, ?)
        ON CONFLICT (name) DO UPDATE SET scope = excluded.scope, administrator = excluded.administrator
        """,
        (new_id(), name, scope, administrator),
    )
    profile_id = _profile_id(connection, name)
    connection.execute("DELETE FROM permissions WHERE profile_id = ?", (profile_id,))
    connection.executemany(
        "INSERT INTO permissions (profile_id, permission) VALUES (?, ?)",
        [(profile_id, permission) for permission in sorted(set(permissions))],
    )
    return profile_id


def _profile_id(connection: sqlite3.Connection, name: str) -> str:
    row = connection.execute("SELECT id FROM profiles WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise NotFound(CRM, "there is no profile of this name")
    return str(row["id"])


def _check_time_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise BadRequest("the time zone is no IANA name, such as Europe/Vienna") from None
