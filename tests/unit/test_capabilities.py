"""What each CRM has, as the README tells it: its table is made from the capabilities that the clients declare."""

import os
import re
from pathlib import Path

import pytest

from functions.crms import KINDS
from mailmagnet.crm import Capabilities, RecordPage, Rights
from mailmagnet.crm_choice import EMBEDDED

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
BEGIN, END = "<!-- what each CRM has: made by tests/unit/test_capabilities.py -->\n", "<!-- end -->\n"

HAS = {
    "leads": "Leads",
    "second_addresses": "Several addresses of a person",
    "roles": "Several contacts of a deal",
    "pipelines": "Several pipelines",
    "lost_stages": "Lost is a stage",
    "deal_currency": "A deal's own currency",
    "exact_money": "Amounts of any length, exact",
    "planned_activities": "What is planned",
    "activities": "Calls, meetings and tasks that are done",
    "notes": "Notes",
    "owners": "Whose a record is",
    "templates": "Its templates for mail",
    "merge_fields": "Merge fields in them",
    "permission": "Who may use MailMagnet is said there (else by the admin's list)",
    "search_inside_words": "Search finds the middle of a word",
    "accents_folded": "Search finds é with e",
    "ranked_search": "Search tells the best first",
    "pooled": "The job asks for many mailboxes at once",
    "writes": "Can be written to",
}
"""The capabilities that are there or not, as the table says them."""
RIGHTS = {Rights.USER: "the user's own", Rights.ACCOUNT: "the admin's choice: own, team's, or all"}
PAGE = {RecordPage.TAB: "tab", RecordPage.WIDGET: "widget", RecordPage.PANEL: "panel", RecordPage.LINK: "link"}


def table() -> str:
    """CRM by capability, in Markdown."""
    kinds = list(KINDS.values())
    rows = [
        ["", *(kind.name for kind in kinds)],
        ["---", *("---" for _ in kinds)],
        ["What a user sees", *(RIGHTS[kind.capabilities.rights] for kind in kinds)],
        *([said, *("yes" if getattr(kind.capabilities, name) else "·" for kind in kinds)] for name, said in HAS.items()),
        ["Letters that a search takes", *(str(kind.capabilities.search_from) for kind in kinds)],
        ["Addresses in one call", *(_addresses(kind.capabilities) for kind in kinds)],
        ["Where the page with a record's mail can stand", *(PAGE[kind.capabilities.record_page] for kind in kinds)],
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _addresses(capabilities: Capabilities) -> str:
    return f"{capabilities.addresses_a_call:,}" if capabilities.addresses_a_call < 1_000_000 else "any"


def test_the_readmes_table_is_what_the_clients_declare() -> None:
    readme = README.read_text()
    before, _, rest = readme.partition(BEGIN)
    kept, _, after = rest.partition(END)
    if os.environ.get("MAILMAGNET_NEW_TABLE") == "yes":
        README.write_text(before + BEGIN + table() + END + after)
        kept = table()
    assert kept == table(), "renew it: MAILMAGNET_NEW_TABLE=yes pytest tests/unit/test_capabilities.py"


def test_the_table_tells_every_capability() -> None:
    told = {*HAS, "rights", "record_page", "addresses_a_call", "search_from"}
    assert told == set(Capabilities.__dataclass_fields__)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {EMBEDDED}))
def test_each_crm_has_a_page_for_admins(kind: str) -> None:
    page = (ROOT / "docs" / "crms" / f"{kind}.md").read_text()
    assert "## What to create there" in page
    assert re.search(r"^## What is not possible", page, re.MULTILINE)
