"""What a user looked up is remembered for a minute, for that user alone, and gone with the user's own write."""

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from crm_client.remembered import WRITES, LookUps
from mailmagnet.crm import Contact, Crm, Found, LookUp, NewContact, WritableCrm
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmTokens, Sees
from mailmagnet.errors import NotListed, Service, Side, Unavailable
from mailmagnet.vault import Connection

ODOO = CrmChoice("odoo", "https://odoo.example")


class Counted:
    """A CRM that counts what it is asked, and answers with how often that was."""

    name = "CRM"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails = False
        self.left_out: frozenset[str] = frozenset()

    async def look_up(self, front: Collection[str], others: Collection[str], domains: Collection[str], by: float) -> LookUp:
        self.asked.append("look_up")
        await asyncio.sleep(0)
        if self.fails:
            raise Unavailable(Service(Side.CRM, "CRM"))
        found = Contact(str(len(self.asked)), "Grace", tuple(front))
        return LookUp(dict.fromkeys(front, (found,)), {}, {}, self.left_out)

    async def contact(self, contact_id: str) -> Contact:
        self.asked.append("contact")
        return Contact(contact_id, str(len(self.asked)), ())

    async def search(self, words: str, most: int) -> Found:
        self.asked.append("search")
        return Found()

    async def add_contact(self, contact: NewContact) -> None:
        self.asked.append("add_contact")
        if self.fails:
            raise Unavailable(Service(Side.CRM, "CRM"))


class FilteredByAdmin(Counted):
    """A CRM whose token sees the whole account: an admin says what users see, None for nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.lets_see: Sees | None = Sees.EVERYONE

    async def sees(self) -> Sees:
        if self.lets_see is None:
            raise NotListed(Service(Side.CRM, "CRM"))
        return self.lets_see


def connection(
    user: str = "1",
    account: str = "7",
    org: str = "corp.example",
    choice: CrmChoice = ODOO,
    *,
    through: str = "",
    company: str = "",
    listed: bool = False,
) -> Connection:
    no_end = datetime(2100, 1, 1, tzinfo=UTC)
    tokens = CrmTokens(account, "", "access", "", no_end, choice, through=through, company=company)
    return Connection(org, user, "ada@corp.example", crm=tokens, listed=listed)


@pytest.fixture
def crm() -> Counted:
    return Counted()


def view(crm: Counted, look_ups: LookUps, whose: Connection) -> WritableCrm:
    return cast(WritableCrm, look_ups.remembering(cast(Crm, crm), whose))


async def _look_up(crm: Crm, *front: str, others: Collection[str] = ()) -> LookUp:
    return await crm.look_up(front, others, [], asyncio.get_running_loop().time() + 5)


async def test_a_mail_that_is_opened_again_costs_no_call(crm: Counted) -> None:
    look_ups = LookUps(60)
    first = await _look_up(view(crm, look_ups, connection()), "a@x.example", "b@x.example", others=["c@x.example"])
    again = await _look_up(view(crm, look_ups, connection()), "b@x.example", "a@x.example", others=["c@x.example"])
    assert again == first
    assert crm.asked == ["look_up"]
    for front, others in ((["a@x.example"], ["c@x.example"]), (["c@x.example"], ["a@x.example", "b@x.example"])):
        await _look_up(view(crm, look_ups, connection()), *front, others=others)
    assert crm.asked == ["look_up"] * 3
    ada = view(crm, look_ups, connection())
    assert await ada.contact("1") == await ada.contact("1") != await ada.contact("2")
    assert crm.asked[3:] == ["contact"] * 2


async def test_all_who_ask_at_once_ask_once(crm: Counted) -> None:
    look_ups = LookUps(60)
    await asyncio.gather(*(_look_up(view(crm, look_ups, connection()), "a@x.example") for _ in range(10)))
    assert crm.asked == ["look_up"]


@pytest.mark.parametrize(
    "another",
    [
        *(connection(user="2"), connection(account="8"), connection(org="other.example"), connection(choice=CrmChoice("zoho"))),
        *(connection(through="another account"), connection(company="another company"), connection(listed=True)),
    ],
)
async def test_nothing_is_told_to_another_user(crm: Counted, another: Connection) -> None:
    """Nor to the same Google user who has signed in as somebody else, to another CRM or company, or was put on the list or taken off."""
    look_ups = LookUps(60)
    await _look_up(view(crm, look_ups, connection()), "a@x.example")
    answer = await _look_up(view(crm, look_ups, another), "a@x.example")
    assert [contact.id for contact in answer.contacts["a@x.example"]] == ["2"]


async def test_what_an_admin_lets_users_see_no_more_is_not_told_from_memory() -> None:
    crm = FilteredByAdmin()
    ada = view(crm, LookUps(60), connection())
    for _ in range(2):
        await _look_up(ada, "a@x.example")
        await ada.contact("1")
    assert crm.asked == ["look_up", "contact"]
    crm.lets_see = Sees.OWN
    await _look_up(ada, "a@x.example")
    await ada.contact("1")
    assert crm.asked == ["look_up", "contact"] * 2
    crm.lets_see = None
    with pytest.raises(NotListed):
        await _look_up(ada, "a@x.example")
    with pytest.raises(NotListed):
        await ada.contact("1")


async def test_whoever_has_signed_out_is_asked_for_anew(crm: Counted) -> None:
    look_ups = LookUps(60)
    await _look_up(view(crm, look_ups, connection()), "a@x.example")
    await _look_up(view(crm, look_ups, Connection("corp.example", "1", "ada@corp.example")), "a@x.example")
    assert crm.asked == ["look_up"] * 2


@pytest.mark.parametrize("fails", [False, True])
async def test_the_users_own_write_makes_all_of_theirs_forgotten_and_nobody_elses(crm: Counted, fails: bool) -> None:
    """Be it done or not: an answer that did not come says nothing of what was done."""
    look_ups = LookUps(60)
    ada, kim = view(crm, look_ups, connection()), view(crm, look_ups, connection(user="2"))
    for each in (ada, kim):
        await _look_up(each, "a@x.example")
        await each.contact("1")
    crm.fails = fails
    try:
        await ada.add_contact(NewContact("New", ()))
    except Unavailable:
        assert fails
    crm.fails = False
    crm.asked.clear()
    for each in (ada, kim):
        await _look_up(each, "a@x.example")
        await each.contact("1")
    assert crm.asked == ["look_up", "contact"]


async def test_what_is_being_looked_up_while_the_user_writes_is_not_remembered(crm: Counted) -> None:
    look_ups = LookUps(60)
    ada = view(crm, look_ups, connection())
    looking = asyncio.create_task(_look_up(ada, "a@x.example"))
    for _ in range(2):
        await asyncio.sleep(0)
    await ada.add_contact(NewContact("New", ()))
    await looking
    await _look_up(ada, "a@x.example")
    assert crm.asked == ["look_up", "add_contact", "look_up"]


async def test_neither_a_failure_nor_an_answer_that_leaves_somebody_out_is_remembered(crm: Counted) -> None:
    look_ups = LookUps(60)
    ada = view(crm, look_ups, connection())
    crm.fails = True
    for _ in range(2):
        with pytest.raises(Unavailable):
            await _look_up(ada, "a@x.example")
    crm.fails, crm.left_out = False, frozenset({"b@x.example"})
    for _ in range(2):
        await _look_up(ada, "a@x.example", others=["b@x.example"])
    assert crm.asked == ["look_up"] * 4


async def test_it_is_forgotten_after_its_seconds(crm: Counted) -> None:
    look_ups = LookUps(0.05)
    ada = view(crm, look_ups, connection())
    await _look_up(ada, "a@x.example")
    await asyncio.sleep(0.06)
    await _look_up(ada, "a@x.example")
    assert crm.asked == ["look_up"] * 2


async def test_a_search_is_asked_each_time(crm: Counted) -> None:
    ada = view(crm, LookUps(60), connection())
    for _ in range(2):
        await ada.search("a", 1)
    assert (ada.name, crm.asked) == ("CRM", ["search"] * 2)


def test_what_writes_is_all_that_only_a_writable_crm_has() -> None:
    written: Any = {name for name in dir(WritableCrm) if not name.startswith("_")} - set(dir(Crm))
    assert written == WRITES
    assert "add_note" in WRITES
