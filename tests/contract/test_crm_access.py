"""Who gets into the embedded CRM: Google accounts that were bound to a user, exactly, and nobody who only looks like one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_client.embedded import access, administration
from crm_client.embedded.crm import EmbeddedCrm
from crm_client.embedded.database import close_idle
from mailmagnet.crm import Organisation
from mailmagnet.errors import BadRequest, NotBound, NotFound
from tests.crm_rows import rows_of

ORG = "corp.example"
ADA, KIM = "ada@corp.example", "kim@corp.example"
ADA_SUB, KIM_SUB, STRANGER = "103156417899512345678", "203156417899512345678", "303156417899512345678"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "crm.db"
    administration.create(file, Organisation("Corp", "Europe/Vienna", "EUR"), ORG)
    administration.add_user(file, "Ada Byron", ADA, administration.ADMINISTRATOR)
    administration.add_user(file, "Kim Park", KIM, administration.STANDARD)
    access.bind(file, ADA, ORG, ADA_SUB)
    access.bind(file, KIM, ORG, KIM_SUB)
    yield file
    close_idle(file)


async def _who(database: Path, org: str, user: str) -> str:
    """Who the CRM takes the account for; "" for nobody. All that it answers is refused alike."""
    crm = EmbeddedCrm(database, org, user)
    try:
        name = (await crm.me()).name
    except NotBound as refused:
        assert (refused.org, refused.user) == (org, user)
        assert not {org, user} & set(str(refused).split())
        for call in (crm.search("a", 1), crm.look_up([ADA], [ORG]), crm.organisation(), crm.users(), crm.add_account("Mine")):
            with pytest.raises(NotBound):
                await call
        return ""
    return name


async def test_a_bound_account_is_its_user(database: Path) -> None:
    assert await _who(database, ORG, ADA_SUB) == "Ada Byron"
    assert await _who(database, ORG, KIM_SUB) == "Kim Park"


@pytest.mark.parametrize(
    ("org", "user"),
    [
        pytest.param("other.example", ADA_SUB, id="the same id, verified by another organisation"),
        pytest.param(ADA_SUB, ADA_SUB, id="the same id, of no organisation"),
        pytest.param("", ADA_SUB, id="no organisation at all"),
        pytest.param(ORG, STRANGER, id="another id of the organisation"),
        pytest.param(ORG, ADA, id="the address in place of the id"),
        pytest.param(ADA, ADA, id="the address in both places"),
        pytest.param(ORG, "", id="no id"),
        pytest.param("Corp.Example", ADA_SUB, id="other case"),
        pytest.param("CORP.EXAMPLE", ADA_SUB, id="upper case"),
        pytest.param(f"{ORG}.", ADA_SUB, id="a dot at the end"),
        pytest.param(f" {ORG}", ADA_SUB, id="a space before"),
        pytest.param(ORG, f"{ADA_SUB} ", id="a space after"),
        pytest.param(ORG, f"{ADA_SUB}\0", id="NUL after"),
        pytest.param(f"{ORG}\0", ADA_SUB, id="NUL after the organisation"),
        pytest.param(ORG, f"0{ADA_SUB}", id="a nought before"),
        pytest.param(ORG, f"{ADA_SUB}.0", id="as a number"),
        pytest.param("c\u043erp.example", ADA_SUB, id="a Cyrillic letter that looks alike"),
        pytest.param("corp\u3002example", ADA_SUB, id="an ideographic dot"),
        pytest.param("corp\u200b.example", ADA_SUB, id="a letter without width"),
        pytest.param(ORG, "１" + ADA_SUB[1:], id="a full-width digit"),
        pytest.param(ORG, "%", id="a pattern"),
        pytest.param("%", "%", id="patterns"),
        pytest.param(ORG, KIM_SUB[:-1], id="a shorter id"),
        pytest.param(KIM_SUB, ORG, id="changed about"),
    ],
)
async def test_what_looks_like_a_bound_account_gets_nothing(database: Path, org: str, user: str) -> None:
    assert await _who(database, org, user) == ""


async def test_a_text_that_no_database_holds_is_refused(database: Path) -> None:
    with pytest.raises(BadRequest):
        await EmbeddedCrm(database, ORG, "\ud800").me()


async def test_an_unbound_account_gets_nothing_and_the_others_of_its_user_stay(database: Path) -> None:
    access.bind(database, ADA, STRANGER, STRANGER)
    assert await _who(database, STRANGER, STRANGER) == "Ada Byron"
    access.unbind(database, ORG, ADA_SUB)
    assert await _who(database, ORG, ADA_SUB) == ""
    assert await _who(database, STRANGER, STRANGER) == "Ada Byron"


async def test_whoever_gets_a_leavers_address_gets_nothing_of_the_leaver(database: Path) -> None:
    """The address comes with a new Google account; the old account may still be signed in somewhere."""
    administration.deactivate(database, ADA)
    assert await _who(database, ORG, ADA_SUB) == ""
    assert await _who(database, ORG, STRANGER) == ""
    administration.add_user(database, "Adam New", ADA, administration.ADMINISTRATOR)
    assert await _who(database, ORG, ADA_SUB) == ""
    assert await _who(database, ORG, STRANGER) == ""
    access.bind(database, ADA, ORG, STRANGER)
    assert await _who(database, ORG, STRANGER) == "Adam New"
    assert await _who(database, ORG, ADA_SUB) == ""


async def test_an_account_is_one_users_until_it_is_unbound(database: Path) -> None:
    with pytest.raises(BadRequest, match="another user's"):
        access.bind(database, KIM, ORG, ADA_SUB)
    assert await _who(database, ORG, ADA_SUB) == "Ada Byron"
    access.unbind(database, ORG, ADA_SUB)
    access.bind(database, KIM, ORG, ADA_SUB)
    assert await _who(database, ORG, ADA_SUB) == "Kim Park"


def test_binding_twice_is_binding_once(database: Path) -> None:
    before = rows_of(database)
    access.bind(database, "Ada@Corp.Example", ORG, ADA_SUB)
    assert rows_of(database) == before


@pytest.mark.parametrize(
    ("org", "user", "why"),
    [
        ("other.example", STRANGER, "another organisation's"),
        ("sub.corp.example", STRANGER, "another organisation's"),
        (KIM_SUB, STRANGER, "another organisation's"),
        ("Corp.Example", STRANGER, "in lower case"),
        (" corp.example", STRANGER, "in lower case"),
        ("corp.example.", STRANGER, "in lower case"),
        ("c\u043erp.example", STRANGER, "in ASCII"),
        ("corp", STRANGER, "its domain"),
        ("", STRANGER, "its domain"),
        (ADA, STRANGER, "its domain"),
        (ORG, ADA, "not its address"),
        (ORG, "", "not its address"),
        (ORG, f"{STRANGER} ", "not its address"),
        (ORG, "１２３", "not its address"),
    ],
)
def test_what_is_no_account_of_the_crms_organisation_is_not_bound(database: Path, org: str, user: str, why: str) -> None:
    before = rows_of(database)
    with pytest.raises(BadRequest, match=why):
        access.bind(database, ADA, org, user)
    assert rows_of(database) == before


def test_only_an_active_user_is_bound(database: Path) -> None:
    with pytest.raises(NotFound):
        access.bind(database, "nobody@corp.example", ORG, STRANGER)
    administration.deactivate(database, KIM)
    with pytest.raises(BadRequest, match="not active"):
        access.bind(database, KIM, ORG, STRANGER)


def test_a_slip_when_unbinding_is_told(database: Path) -> None:
    before = rows_of(database)
    for org, user in ((ORG, STRANGER), ("other.example", ADA_SUB), (ADA_SUB, ADA_SUB)):
        with pytest.raises(NotFound):
            access.unbind(database, org, user)
    assert rows_of(database) == before


def test_users_are_listed_with_their_accounts(database: Path) -> None:
    access.bind(database, ADA, STRANGER, STRANGER)
    administration.deactivate(database, KIM)
    assert access.users(database) == [
        {
            "name": "Ada Byron",
            "address": ADA,
            "profile": "Administrator",
            "active": True,
            "google_accounts": [{"org": STRANGER, "user": STRANGER}, {"org": ORG, "user": ADA_SUB}],
        },
        {"name": "Kim Park", "address": KIM, "profile": "Standard", "active": False, "google_accounts": []},
    ]


def test_a_crm_is_one_organisations_for_good(database: Path) -> None:
    before = rows_of(database)
    administration.create(database, Organisation("Corp", "Europe/Vienna", "EUR"), ORG)
    with pytest.raises(BadRequest, match="another organisation's"):
        administration.create(database, Organisation("Corp", "Europe/Vienna", "EUR"), "other.example")
    assert rows_of(database) == before


async def test_a_team_of_consumer_accounts_has_a_crm_of_its_own(tmp_path: Path) -> None:
    database = tmp_path / "crm.db"
    administration.create(database, Organisation("Duo", "Europe/Vienna", "EUR"), STRANGER)
    administration.add_user(database, "Ada", "ada@free.example", administration.ADMINISTRATOR)
    administration.add_user(database, "Kim", "kim@free.example", administration.STANDARD)
    access.bind(database, "ada@free.example", STRANGER, STRANGER)
    access.bind(database, "kim@free.example", KIM_SUB, KIM_SUB)
    assert await _who(database, STRANGER, STRANGER) == "Ada"
    assert await _who(database, KIM_SUB, KIM_SUB) == "Kim"
    assert await _who(database, STRANGER, KIM_SUB) == ""
    close_idle(database)
