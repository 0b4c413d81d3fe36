"""Who gets into the embedded CRM: Google accounts that are signed in as one of its users, and nobody who only looks like one."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from crm_client.embedded import access, administration, sessions
from crm_client.embedded.database import close_idle, reading, writing
from mailmagnet.crm import MAIL_INTEGRATION, Organisation
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.errors import BadRequest, NotFound, NotPermitted, SignInNeeded
from tests.contract.crm_installed import looked_up
from tests.crm_rows import rows_of
from tests.crm_signed_in import crm_with, machine_time, tokens_for

ORG = "corp.example"
ADA, KIM = "ada@corp.example", "kim@corp.example"
ADA_SUB, KIM_SUB, STRANGER = "103156417899512345678", "203156417899512345678", "303156417899512345678"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "crm.db"
    administration.create(file, Organisation("Corp", "Europe/Vienna", "EUR"), ORG)
    administration.add_user(file, "Ada Byron", ADA, administration.ADMINISTRATOR)
    administration.add_user(file, "Kim Park", KIM, administration.STANDARD)
    yield file
    close_idle(file)


@pytest.fixture
def ada(database: Path) -> CrmTokens:
    return tokens_for(database, ADA, ORG, ADA_SUB)


@pytest.fixture
def kim(database: Path) -> CrmTokens:
    return tokens_for(database, KIM, ORG, KIM_SUB)


async def _who(database: Path, tokens: CrmTokens | None, org: str = ORG, user: str = ADA_SUB) -> str:
    """Who the CRM takes the account for; "" for nobody. All that it answers is refused alike."""
    crm = crm_with(database, tokens, org, user)
    try:
        name = (await crm.me()).name
    except SignInNeeded as refused:
        assert refused.ended == (tokens is not None)
        for call in (crm.search("a", 1), looked_up(crm, [ADA], [ORG]), crm.settings(), crm.users(), crm.add_account("Mine")):
            with pytest.raises(SignInNeeded):
                await call
        return ""
    return name


async def test_an_account_that_is_signed_in_is_its_user(database: Path, ada: CrmTokens, kim: CrmTokens) -> None:
    assert await _who(database, ada) == "Ada Byron"
    assert await _who(database, kim, user=KIM_SUB) == "Kim Park"
    assert await _who(database, None) == ""
    assert (kim.name, ada.account == kim.account) == ("Kim Park", False)


@pytest.mark.parametrize(
    ("org", "user"),
    [
        pytest.param("other.example", ADA_SUB, id="the same id, verified by another organisation"),
        pytest.param(ADA_SUB, ADA_SUB, id="the same id, of no organisation"),
        pytest.param("", ADA_SUB, id="no organisation at all"),
        pytest.param(ORG, STRANGER, id="another id of the organisation"),
        pytest.param(ORG, KIM_SUB, id="a colleague, who is signed in too"),
        pytest.param(ORG, ADA, id="the address in place of the id"),
        pytest.param(ORG, "", id="no id"),
        pytest.param("Corp.Example", ADA_SUB, id="other case"),
        pytest.param(f"{ORG}.", ADA_SUB, id="a dot at the end"),
        pytest.param(f" {ORG}", ADA_SUB, id="a space before"),
        pytest.param(ORG, f"{ADA_SUB} ", id="a space after"),
        pytest.param(ORG, f"{ADA_SUB}\0", id="NUL after"),
        pytest.param(ORG, f"0{ADA_SUB}", id="a nought before"),
        pytest.param(ORG, f"{ADA_SUB}.0", id="as a number"),
        pytest.param("c\u043erp.example", ADA_SUB, id="a Cyrillic letter that looks alike"),
        pytest.param("corp\u3002example", ADA_SUB, id="an ideographic dot"),
        pytest.param(ORG, "\uff11" + ADA_SUB[1:], id="a full-width digit"),
        pytest.param("%", "%", id="patterns"),
        pytest.param(ADA_SUB, ORG, id="changed about"),
    ],
)
async def test_a_token_is_good_for_the_account_it_was_given_to_and_no_other(
    database: Path, ada: CrmTokens, kim: CrmTokens, org: str, user: str
) -> None:
    assert await _who(database, ada, org, user) == ""
    assert await _who(database, replace(ada, refresh=""), org, user) == ""
    assert await _who(database, ada) == "Ada Byron"


@pytest.mark.parametrize(
    "change",
    [
        lambda ada, kim: replace(ada, access=kim.access, refresh=kim.refresh),
        lambda ada, kim: replace(ada, access=ada.refresh, refresh=ada.access),
        lambda ada, kim: replace(ada, access="", refresh=""),
        lambda ada, kim: replace(ada, access=ada.access[:-1], refresh=ada.refresh[:-1]),
        lambda ada, kim: replace(ada, access=ada.access.swapcase(), refresh=ada.refresh.swapcase()),
        lambda ada, kim: replace(ada, access="\ud800", refresh="\ud800"),
        lambda ada, kim: replace(ada, access="%", refresh="%"),
    ],
    ids=["a colleague's", "changed about", "empty", "cut short", "other case", "no text", "a pattern"],
)
async def test_what_looks_like_a_token_opens_nothing(database: Path, ada: CrmTokens, kim: CrmTokens, change: object) -> None:
    assert callable(change)
    assert await _who(database, change(ada, kim)) == ""


async def test_of_a_token_only_its_hash_is_kept(database: Path, ada: CrmTokens) -> None:
    close_idle(database)
    kept = b"".join(file.read_bytes() for file in database.parent.iterdir())
    for token in (ada.access, ada.refresh):
        assert len(token) >= 43
        assert token.encode() not in kept


async def test_several_accounts_are_signed_in_as_one_user_each_for_itself(database: Path, ada: CrmTokens) -> None:
    another = tokens_for(database, ADA, STRANGER, STRANGER)
    assert await _who(database, another, STRANGER, STRANGER) == "Ada Byron"
    administration.sign_out_account(database, ORG, ADA_SUB)
    assert await _who(database, ada) == ""
    assert await _who(database, another, STRANGER, STRANGER) == "Ada Byron"
    assert administration.sign_out_user(database, ADA) == 1
    assert await _who(database, another, STRANGER, STRANGER) == ""
    assert administration.sign_out_user(database, ADA) == 0


async def test_who_signs_in_anew_is_who_signed_in_last(database: Path, ada: CrmTokens) -> None:
    as_kim = tokens_for(database, KIM, ORG, ADA_SUB)
    assert await _who(database, as_kim) == "Kim Park"
    assert await _who(database, ada) == ""


async def test_whoever_gets_a_leavers_address_gets_nothing_of_the_leaver(database: Path, ada: CrmTokens) -> None:
    """The address comes with a new Google account; the old account may still be signed in somewhere."""
    administration.set_password(database, KIM, "correct horse battery")
    administration.deactivate(database, ADA)
    assert await _who(database, ada) == ""
    administration.add_user(database, "Adam New", ADA, administration.ADMINISTRATOR)
    assert await _who(database, ada) == ""
    adam = tokens_for(database, ADA, ORG, STRANGER)
    assert await _who(database, adam, user=STRANGER) == "Adam New"
    assert await _who(database, ada) == ""


async def test_an_inactive_user_gets_nothing_though_the_session_were_there(database: Path, ada: CrmTokens) -> None:
    with writing(database) as connection:
        connection.execute("UPDATE users SET active = 0")
    assert await _who(database, ada) == ""
    with writing(database) as connection:
        connection.execute("UPDATE users SET active = 1")
    assert await _who(database, ada) == "Ada Byron"


async def test_the_permission_is_asked_for_at_each_call(database: Path, ada: CrmTokens) -> None:
    crm = crm_with(database, ada, ORG, ADA_SUB)
    await crm.settings()
    administration.set_permission(database, administration.ADMINISTRATOR, MAIL_INTEGRATION, held=False)
    with pytest.raises(NotPermitted):
        await crm.settings()
    assert (await crm.me()).profile.administrator
    administration.set_permission(database, administration.ADMINISTRATOR, MAIL_INTEGRATION, held=True)
    await crm.settings()


@pytest.mark.parametrize("hours", [-30 * 24, -1.01, 1.01, 30 * 24])
async def test_a_token_of_another_time_is_renewed(database: Path, hours: float) -> None:
    """Given an hour ago or longer; or by a clock that has gone back since."""
    with writing(database) as connection:
        user_id = administration.user_id(connection, ADA)
        tokens = sessions.begin(connection, user_id, ORG, ADA_SUB, machine_time() + timedelta(hours=hours))
    with pytest.raises(SignInNeeded):
        await crm_with(database, replace(tokens, refresh=""), ORG, ADA_SUB).me()
    assert await _who(database, tokens) == "Ada Byron"


async def test_the_file_gone_and_back_is_no_sign_out(database: Path, ada: CrmTokens) -> None:
    from mailmagnet.errors import Unavailable

    crm = crm_with(database, ada, ORG, ADA_SUB)
    away = database.with_name("away.db")
    close_idle(database)
    database.rename(away)
    with pytest.raises(Unavailable):
        await crm.me()
    away.rename(database)
    assert (await crm.me()).name == "Ada Byron"


def test_a_slip_when_signing_out_is_told(database: Path, ada: CrmTokens) -> None:
    before = rows_of(database)
    for org, user in ((ORG, STRANGER), ("other.example", ADA_SUB), (ADA_SUB, ADA_SUB)):
        with pytest.raises(NotFound):
            administration.sign_out_account(database, org, user)
    with pytest.raises(NotFound):
        administration.sign_out_user(database, "nobody@corp.example")
    assert rows_of(database) == before


def user_id(database: Path, address: str) -> str:
    """The CRM's own id of a user."""
    with reading(database) as connection:
        return str(connection.execute("SELECT id FROM users WHERE email = ?", (address,)).fetchone()["id"])


def test_users_are_listed_with_who_is_signed_in(database: Path, ada: CrmTokens) -> None:
    tokens_for(database, ADA, STRANGER, STRANGER)
    administration.set_password(database, KIM, "correct horse battery")
    assert access.users(database) == [
        {
            "id": user_id(database, ADA),
            "name": "Ada Byron",
            "address": ADA,
            "profile": "Administrator",
            "active": True,
            "has_password": False,
            "signed_in": [{"org": STRANGER, "user": STRANGER}, {"org": ORG, "user": ADA_SUB}],
        },
        {
            "id": user_id(database, KIM),
            "name": "Kim Park",
            "address": KIM,
            "profile": "Standard",
            "active": True,
            "has_password": True,
            "signed_in": [],
        },
    ]


def test_a_crm_is_one_organisations_for_good(database: Path) -> None:
    before = rows_of(database)
    administration.create(database, Organisation("Corp", "Europe/Vienna", "EUR"), ORG)
    with pytest.raises(BadRequest, match="another organisation's"):
        administration.create(database, Organisation("Corp", "Europe/Vienna", "EUR"), "other.example")
    assert rows_of(database) == before


@pytest.mark.parametrize("org", ["Corp.Example", " corp.example", "corp.example.", "c\u043erp.example", "corp", "", ADA])
def test_an_organisation_is_what_a_verified_token_calls_it(tmp_path: Path, org: str) -> None:
    with pytest.raises(BadRequest):
        administration.create(tmp_path / "crm.db", Organisation("Corp", "Europe/Vienna", "EUR"), org)
    assert not (tmp_path / "crm.db").exists()
