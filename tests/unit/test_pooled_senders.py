"""Runs side by side ask the CRM as one: when all have asked or are over, each answered by its own, one's failure no other's."""

import asyncio
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mailmagnet import label_mail, pooled_senders
from mailmagnet.consent import Grant
from mailmagnet.crm import MAIL_INTEGRATION, Asked, Contact, CrmClient, Profile, Senders, User
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import NO_END, CrmTokens
from mailmagnet.errors import NotAuthorised, Service, Side, Upstream
from mailmagnet.parts import Parts
from mailmagnet.pooled_senders import PooledSenders
from mailmagnet.store import Policy
from mailmagnet.vault import Connection

CRM = Service(Side.CRM, "CRM")


class Client:
    """A CRM that has every address; who is `refused` gets nothing, and `broken` it fails as nobody foresaw."""

    def __init__(self) -> None:
        self.asked: list[dict[str, frozenset[str]]] = []
        self.refused = ""
        self.broken = False
        self.forgets_one = False

    async def senders_of(self, asked: Sequence[Asked]) -> Sequence[Senders | Upstream]:
        self.asked.append({each.connection.user: each.addresses for each in asked})
        await asyncio.sleep(0)
        if self.broken:
            raise KeyError("id")
        if self.forgets_one:
            asked = asked[1:]
        return [NotAuthorised(CRM) if each.connection.user == self.refused else found(each.addresses) for each in asked]


def found(addresses: Any) -> Senders:
    return Senders({address: (Contact(address, address, (address,)),) for address in addresses})


def connection(user: str) -> Connection:
    return Connection("corp.example", user, f"{user}@corp.example")


@pytest.fixture
def client() -> Client:
    return Client()


def pool_of(client: Client, *users: str) -> PooledSenders:
    return PooledSenders(cast(CrmClient, client), users)


async def ask(pool: PooledSenders, user: str, *addresses: str) -> Senders:
    try:
        return await pool.senders(connection(user), addresses)
    finally:
        pool.is_over(user)


async def test_all_ask_as_one_and_each_gets_its_own(client: Client) -> None:
    pool = pool_of(client, "1", "2", "3")
    answers = await asyncio.gather(ask(pool, "1", "a@x.example"), ask(pool, "2"), ask(pool, "3", "a@x.example", "b@x.example"))
    assert list(answers) == [found(["a@x.example"]), found([]), found(["a@x.example", "b@x.example"])]
    assert client.asked == [{"1": {"a@x.example"}, "2": frozenset(), "3": {"a@x.example", "b@x.example"}}]


async def test_nobody_waits_for_a_run_that_is_over_without_a_question(client: Client) -> None:
    pool = pool_of(client, "1", "2", "3")
    asking = asyncio.create_task(ask(pool, "1", "a@x.example"))
    await asyncio.sleep(0)
    pool.is_over("2")
    pool.is_over("2")
    await asyncio.sleep(0.01)
    assert client.asked == []
    pool.is_over("3")
    assert await asking == found(["a@x.example"])


async def test_one_that_is_refused_stops_no_other(client: Client) -> None:
    client.refused = "2"
    pool = pool_of(client, "1", "2")
    first, second = await asyncio.gather(ask(pool, "1", "a@x.example"), ask(pool, "2", "b@x.example"), return_exceptions=True)
    assert first == found(["a@x.example"])
    assert isinstance(second, NotAuthorised)


async def test_what_nobody_foresaw_is_told_to_each(client: Client) -> None:
    client.broken = True
    pool = pool_of(client, "1", "2")
    answers = await asyncio.gather(ask(pool, "1", "a@x.example"), ask(pool, "2", "b@x.example"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [KeyError, KeyError]


async def test_one_that_gives_up_takes_nothing_from_the_others(client: Client) -> None:
    pool = pool_of(client, "1", "2")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await ask(pool, "1", "a@x.example")
    assert await ask(pool, "2", "b@x.example") == found(["b@x.example"])


async def test_one_that_is_slow_holds_nobody_up_for_long(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooled_senders, "SECONDS_TO_WAIT", 0.05)
    pool = pool_of(client, "1", "slow")
    began = time.monotonic()
    assert await ask(pool, "1", "a@x.example") == found(["a@x.example"])
    assert 0.04 < time.monotonic() - began < 1
    assert await ask(pool, "slow", "b@x.example") == found(["b@x.example"])
    assert [set(each) for each in client.asked] == [{"1"}, {"slow"}]


async def test_a_pool_of_nobody_asks_nothing(client: Client) -> None:
    pool_of(client).is_over("1")
    await asyncio.sleep(0)
    assert client.asked == []


async def test_an_answer_that_leaves_a_mailbox_out_is_nobodys_and_nobody_waits_for_it(client: Client) -> None:
    client.forgets_one = True
    pool = pool_of(client, "1", "2")
    answers = await asyncio.wait_for(asyncio.gather(ask(pool, "1"), ask(pool, "2"), return_exceptions=True), 5)
    assert [type(answer) for answer in answers] == [ValueError, ValueError]


def test_it_asks_its_own_crm_alone(client: Client) -> None:
    pool = pool_of(client, "1")
    assert pool.asks(cast(CrmClient, client))
    assert not pool.asks(cast(CrmClient, Client()))


@pytest.mark.parametrize("chosen", ["hubspot", "zoho"])
async def test_a_run_of_an_organisation_that_has_changed_its_crm_asks_that_one_by_itself(client: Client, chosen: str) -> None:
    """Its user may have signed in there already: the token of one vendor is sent to no other."""
    clients = {"hubspot": client, "zoho": Client()}
    tokens = CrmTokens("7", "", "access", "", NO_END, CrmChoice(chosen))
    signed_in = Connection("corp.example", "1", "ada@corp.example", gmail_token="token", grants=frozenset(Grant), crm=tokens)

    async def kept(*_: str) -> Connection:
        return signed_in

    async def me() -> User:
        return User("7", "Ada", "", Profile("1", "User", frozenset({MAIL_INTEGRATION})))

    parts = SimpleNamespace(
        vault=SimpleNamespace(connection=kept),
        crm_of=lambda _: SimpleNamespace(name="CRM", me=me),
        crm_client_of=lambda choice: clients[choice.kind],
        gmail_of=lambda _: None,
        default_crm=CrmChoice("hubspot"),
        store=None,
        now=lambda: None,
    )
    pool = pool_of(client, "1")
    mailbox: Any = SimpleNamespace(org="corp.example", user="1")
    run = await label_mail._run_of(mailbox, Policy(crm=CrmChoice(chosen)), cast(Parts, parts), {}, pool)
    assert run.pool is (pool if chosen == "hubspot" else None)
