"""A real Odoo 19 with the contract's world in it: started afresh, asked over HTTP by clients of its users."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mailmagnet.crm import Activity
from tests.contract.crm_world import ACCOUNTS, CONTACTS, DEALS, LEADS, ORGANISATION, STAGES, USERS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".servers" / "odoo"
ORIGIN = f"http://127.0.0.1:{os.environ.get('MAILMAGNET_TEST_ODOO_PORT', '18069')}"
_SCRIPT = Path(__file__).with_name("odoo.sh")


@contextmanager
def odoo_with_the_world() -> Iterator[dict[str, Any]]:
    """While it lasts an Odoo runs at ORIGIN. `keys` are its users' API keys and `users` their ids, by address; `ids` are by key of the
    world ("contact sam")."""
    fill = FOLDER / "fill.py"
    fill.write_text(f"world = {_world()!r}\n" + Path(__file__).with_name("fill_odoo.py").read_text())
    subprocess.run(["sh", _SCRIPT, "start", fill], check=True, timeout=180)
    try:
        yield json.loads((FOLDER / "world.json").read_text())
    finally:
        subprocess.run(["sh", _SCRIPT, "stop"], check=True, timeout=60)


def _world() -> dict[str, Any]:
    """What Odoo has a place for: one address a person, planned activities, one contact a deal, no currency but the company's."""
    return {
        "organisation": {
            "name": ORGANISATION.name,
            "time_zone": ORGANISATION.time_zone,
            "currency": ORGANISATION.home_currency,
        },
        "users": [
            {name: getattr(user, name) for name in ("email", "name", "sees_all", "permitted", "active", "administrator")}
            for user in USERS
        ],
        "stages": [{"key": stage.key, "name": stage.name, "state": str(stage.state)} for stage in STAGES],
        "accounts": [{name: getattr(each, name) for name in ("key", "name", "owner", "domain", "phone")} for each in ACCOUNTS],
        "contacts": [
            {
                **{name: getattr(each, name) for name in ("key", "name", "owner", "account", "title", "phone", "shared")},
                "address": each.addresses[0],
                "planned": [_planned(activity) for activity in each.activities if not activity.done],
            }
            for each in CONTACTS
        ],
        "leads": [
            {**{name: getattr(each, name) for name in ("key", "name", "owner", "company")}, "address": each.addresses[0]}
            for each in LEADS
        ],
        "deals": [
            {
                **{name: getattr(each, name) for name in ("key", "name", "owner", "stage", "account", "primary")},
                "amount": str(each.amount.amount) if each.amount else None,
                "closing": each.closing.isoformat() if each.closing else None,
            }
            for each in DEALS
        ],
    }


def _planned(activity: Activity) -> dict[str, str]:
    return {"kind": str(activity.kind), "subject": activity.subject, "on": activity.at.isoformat()[:10]}
