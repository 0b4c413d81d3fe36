"""Leaving whole: marked first, finished by the tick wherever it broke off, with a colleague who stays and a CRM that may be down."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from mailmagnet.connect_mailbox import connect_mailbox
from mailmagnet.consent import Grant
from mailmagnet.crm import Crm, DealState
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.daily_chores import daily_chores
from mailmagnet.disconnect_mailbox import MOST_A_TICK, disconnect_mailbox, finish_leaving, revoke_forgotten
from mailmagnet.errors import BadAnswer, Forbidden, MailboxFailed, NotAuthorised, NotFound, Service, Side, Unavailable, Upstream
from mailmagnet.everything_kept import export
from mailmagnet.gmail import Gmail
from mailmagnet.parking import opened
from mailmagnet.store import MailReading, ParkedFor, Policy, Presence
from mailmagnet.vault import Connection
from sandbox.google.world import Account
from tests.scenario.desk import ADA, Desk, JobParts

ORG = "corp.example"
BOB = "bob@corp.example"
ZOHO = Service(Side.CRM, "Zoho CRM")
WON = (DealState.WON, date(2020, 1, 31))


@dataclass
class CrmDoor:
    """The CRM's sign-in: who is signed in there, by refresh token."""

    name: str = "Zoho CRM"
    signed_in: set[str] = field(default_factory=set)
    refuses: Upstream | None = None

    async def sign_out(self, tokens: CrmTokens) -> None:
        if self.refuses:
            raise self.refuses
        self.signed_in.discard(tokens.refresh)


@dataclass
class Watched:
    """A part whose calls are counted; at one of them the process dies, before its effect or after it."""

    name: str
    part: Any
    parts: "Office"

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*facts: Any, **named: Any) -> Any:
            return await self.parts.call(f"{self.name}.{name}", partial(getattr(self.part, name), *facts, **named))

        return call


@dataclass
class Office(JobParts):
    """The desk's parts with a CRM's sign-in; at one of its calls (counted from 0) the process dies."""

    desk: Desk
    door: CrmDoor = field(default_factory=CrmDoor)
    fails_at: int = -1
    after: bool = False
    calls: list[str] = field(default_factory=list)

    @property
    def store(self) -> Any:
        return Watched("store", self.desk.store, self)

    @property
    def vault(self) -> Any:
        return Watched("vault", self.desk.vault, self)

    def crm_sign_in_of(self, _: CrmChoice) -> Any:
        return Watched("crm", self.door, self)

    async def revoke(self, gmail_token: str) -> None:
        await self.call("google.revoke", partial(self.desk.revoke, gmail_token))

    async def call(self, name: str, real: Callable[[], Awaitable[Any]]) -> Any:
        fails = len(self.calls) == self.fails_at
        self.calls.append(name)
        if fails and not self.after:
            raise SystemExit("before its effect")
        answer = await real()
        if fails:
            raise SystemExit("after its effect")
        return answer

    def gmail_of(self, connection: Connection) -> Gmail:
        return self.desk.gmail_of(connection)

    def crm_of(self, connection: Connection) -> Crm:
        return self.desk.crm_of(connection)

    def now(self) -> Any:
        return self.desk.now()


CALLS = [
    "store.mailbox",
    "store.change_presence",
    "store.count_mails",
    "store.switch_off",
    "vault.connection",
    "crm.sign_out",
    "vault.sign_out",
    "store.mailbox",
    "store.mailboxes_by_user",
    "vault.forget",
    "store.delete_mailbox",
    "vault.leaving",
    "google.revoke",
    "vault.revoked",
]
MARKED, FORGOTTEN = CALLS.index("store.change_presence"), CALLS.index("vault.forget")
CALLS_OF_ONE_SIGNED_IN_ALONE = [
    "store.mailbox",
    "vault.connection",
    "store.change_presence",
    "vault.connection",
    "store.connect",
    "store.change_presence",
    *CALLS[MARKED + 1 : FORGOTTEN],
    "vault.connection",
    *CALLS[FORGOTTEN:-2],
]
"""Nothing is revoked at Google. Of the last one of an organisation it is asked whether the CRM's account is linked."""
ALONE_REFUSED, ALONE_MARKED = 2, 5
"""The call that finds no mailbox to mark, which has no effect; and the one that marks."""


async def connect(office: Office, account: Account) -> None:
    """As a user does: consent, sign-in to the CRM, an address for notices."""
    token = office.desk.world.google.refresh_token(account)
    consent = Connection(ORG, account.sub, account.address, gmail_token=token, grants=frozenset({Grant.SORT}))
    await connect_mailbox(consent, office)
    tokens = CrmTokens(f"crm-{account.sub}", account.address, f"a-{account.sub}", f"r-{account.sub}", office.now())
    await office.desk.vault.sign_in(replace(consent, crm=tokens))
    await office.desk.vault.keep_webhook(ORG, account.sub, "https://chat.googleapis.com/v1/spaces/x/messages?key=k")
    office.door.signed_in.add(tokens.refresh)


async def signed_in_alone(desk: Desk) -> Office:
    """Ada, with a sign-in to the CRM and no mailbox."""
    await disconnect_mailbox(ORG, desk.account.sub, desk)
    await desk.vault.sign_in(Connection(ORG, desk.account.sub, ADA, crm=CrmTokens("7", "Ada", "a", "r", desk.now())))
    return Office(desk, CrmDoor(signed_in={"r"}))


async def at_work(desk: Desk) -> tuple[Office, Account]:
    """Ada with a sorted mail, and her colleague Bob; each has read a mail of the other's."""
    office = Office(desk)
    bob = desk.world.add_account(BOB, "Bob", hosted_domain=ORG)
    for account in (desk.account, bob):
        await connect(office, account)
    await desk.switch_on()
    await desk.contact("grace@a.example", WON)
    desk.arrive("grace@a.example")
    await desk.run()
    for reader, owner in ((bob, desk.account), (desk.account, bob)):
        await desk.store.keep_reading(ORG, MailReading(reader.sub, owner.sub, "18f", "c1", desk.now()))
    office.calls.clear()
    return office, bob


async def what_is_here(office: Office, account: Account) -> tuple[object, ...]:
    """Of one user, here, at Google and at the CRM."""
    store, vault, user = office.desk.store, office.desk.vault, account.sub
    return (
        await store.mailbox(ORG, user),
        await store.latest_mails(ORG, user, 10),
        await store.readings(ORG, user, 10),
        await vault.connection(ORG, user),
        [token for token in await vault.leaving() if token.user == user],
        office.desk.world.google.has_consented(account.address),
        f"r-{user}" in office.door.signed_in,
    )


NOTHING: tuple[object, ...] = (None, [], [], None, [], False, False)


async def tick(office: Office) -> list[Upstream]:
    return [*await finish_leaving(ORG, office), *await revoke_forgotten(office)]


async def test_these_are_all_the_calls_of_a_leaving_and_a_colleague_notices_none(desk: Desk) -> None:
    office, bob = await at_work(desk)
    bobs = await what_is_here(office, bob)
    assert await disconnect_mailbox(ORG, desk.account.sub, office) == 1
    assert office.calls == CALLS
    assert await what_is_here(office, desk.account) == NOTHING
    assert await what_is_here(office, bob) == bobs
    assert await desk.store.readings_by(ORG, bob.sub, 10) == []
    (of_hers,) = await desk.store.readings_by(ORG, desk.account.sub, 10)
    assert of_hers.owner == bob.sub


@pytest.mark.parametrize("finished_by", ["the tick", "coming back"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", range(len(CALLS)), ids=lambda number: f"{number} {CALLS[number]}")
async def test_whichever_call_the_process_dies_at_the_rest_is_done(desk: Desk, call: int, after: bool, finished_by: str) -> None:
    office, bob = await at_work(desk)
    bobs, before = await what_is_here(office, bob), await what_is_here(office, desk.account)
    office.fails_at, office.after = call, after
    with pytest.raises(SystemExit):
        await disconnect_mailbox(ORG, desk.account.sub, office)
    office.fails_at = -1
    has_begun = call > MARKED or (call == MARKED and after)
    if finished_by == "coming back":
        await connect(office, desk.account)
        assert await tick(office) == []
        mailbox = await desk.mailbox()
        assert mailbox.presence.leaving_since is None
        assert mailbox.mailmagnet is not has_begun
        assert await desk.vault.connection(ORG, desk.account.sub)
        assert desk.world.google.has_consented(ADA)
    else:
        assert await tick(office) == []
        assert await what_is_here(office, desk.account) == (NOTHING if has_begun else before)
        with suppress(NotFound):
            await disconnect_mailbox(ORG, desk.account.sub, office)
        assert await what_is_here(office, desk.account) == NOTHING
    assert await what_is_here(office, bob) == bobs


async def test_a_run_of_the_job_does_nothing_once_the_user_is_leaving(desk: Desk) -> None:
    office, _ = await at_work(desk)
    office.fails_at, office.after = MARKED, True
    with pytest.raises(SystemExit):
        await disconnect_mailbox(ORG, desk.account.sub, office)
    desk.arrive("grace@a.example")
    with pytest.raises(Forbidden):
        await desk.run()
    assert await desk.store.due_mailboxes(ORG, desk.now() + timedelta(days=1), timedelta(minutes=10)) == []


async def test_a_crm_that_is_down_keeps_no_mail_record_here_and_holds_the_rest_up_for_a_day_at_most(desk: Desk) -> None:
    office, bob = await at_work(desk)
    bobs = await what_is_here(office, bob)
    office.door.refuses = Unavailable(ZOHO, "answered 503")
    with pytest.raises(Unavailable):
        await disconnect_mailbox(ORG, desk.account.sub, office)
    assert await desk.store.latest_mails(ORG, desk.account.sub, 10) == []
    desk.clock.turn(hours=23)
    assert [str(problem) for problem in await tick(office)] == ["Zoho CRM: answered 503"]
    assert await desk.vault.connection(ORG, desk.account.sub)
    desk.clock.turn(hours=1)
    assert await tick(office) == []
    assert (await what_is_here(office, desk.account))[:6] == NOTHING[:6]
    assert await what_is_here(office, bob) == bobs


async def test_a_vault_that_is_down_keeps_no_mail_record_here_either(desk: Desk) -> None:
    office, _ = await at_work(desk)
    (desk.folder / "vault").rename(desk.folder / "away")
    (desk.folder / "vault").write_bytes(b"damaged")
    with pytest.raises(BadAnswer):
        await disconnect_mailbox(ORG, desk.account.sub, office)
    assert await desk.store.latest_mails(ORG, desk.account.sub, 10) == []
    assert (await desk.mailbox()).presence.leaving_since
    (desk.folder / "away").rename(desk.folder / "vault")
    assert await tick(office) == []
    assert await what_is_here(office, desk.account) == NOTHING


async def test_leaving_by_hand_and_by_two_ticks_at_once_is_leaving_once(desk: Desk) -> None:
    office, bob = await at_work(desk)
    bobs = await what_is_here(office, bob)

    async def leave() -> None:
        with suppress(NotFound):
            await disconnect_mailbox(ORG, desk.account.sub, office)

    await asyncio.gather(leave(), leave(), tick(office), tick(office))
    assert await what_is_here(office, desk.account) == NOTHING
    assert await what_is_here(office, bob) == bobs


async def test_a_sign_in_that_the_crm_knows_no_more_is_no_obstacle(desk: Desk) -> None:
    office, _ = await at_work(desk)
    office.door.refuses = NotAuthorised(ZOHO)
    await disconnect_mailbox(ORG, desk.account.sub, office)
    assert (await what_is_here(office, desk.account))[:6] == NOTHING[:6]


async def test_who_has_signed_in_to_the_crm_alone_can_leave_too(desk: Desk) -> None:
    office = await signed_in_alone(desk)
    assert await disconnect_mailbox(ORG, desk.account.sub, office) == 0
    assert await desk.vault.connection(ORG, desk.account.sub) is None
    assert office.door.signed_in == set()
    with pytest.raises(NotFound):
        await disconnect_mailbox(ORG, desk.account.sub, office)


async def test_these_are_all_the_calls_of_who_has_signed_in_to_the_crm_alone(desk: Desk) -> None:
    office = await signed_in_alone(desk)
    await disconnect_mailbox(ORG, desk.account.sub, office)
    assert office.calls == CALLS_OF_ONE_SIGNED_IN_ALONE


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", [call for call in range(len(CALLS_OF_ONE_SIGNED_IN_ALONE)) if call != ALONE_REFUSED])
async def test_what_is_left_of_who_has_signed_in_to_the_crm_alone_is_seen_to_by_the_ticks(
    desk: Desk, call: int, after: bool
) -> None:
    office = await signed_in_alone(desk)
    office.fails_at, office.after = call, after
    with pytest.raises(SystemExit):
        await disconnect_mailbox(ORG, desk.account.sub, office)
    office.fails_at = -1
    begun = call > ALONE_MARKED or (call == ALONE_MARKED and after)
    await tick(office)
    left = (await desk.vault.connection(ORG, desk.account.sub) is None, office.door.signed_in == set())
    assert left == ((True, True) if begun else (False, False))
    if not begun:
        await disconnect_mailbox(ORG, desk.account.sub, office)
    assert await desk.vault.connection(ORG, desk.account.sub) is None
    assert await desk.store.mailbox(ORG, desk.account.sub) is None
    assert office.door.signed_in == set()


async def test_a_crm_that_is_down_holds_up_who_has_signed_in_to_it_alone_for_a_day_at_most(desk: Desk) -> None:
    office = await signed_in_alone(desk)
    office.door.refuses = Unavailable(ZOHO)
    with pytest.raises(Unavailable):
        await disconnect_mailbox(ORG, desk.account.sub, office)
    await tick(office)
    assert await desk.vault.connection(ORG, desk.account.sub)
    desk.clock.turn(days=1)
    await tick(office)
    assert await desk.vault.connection(ORG, desk.account.sub) is None
    assert await desk.store.mailbox(ORG, desk.account.sub) is None


async def test_one_whose_leaving_always_fails_holds_up_nobody(desk: Desk) -> None:
    """More than a tick finishes: those that fail are the first ones at no minute but their own."""
    office = Office(desk)
    people = [desk.world.add_account(f"user-{number}@corp.example", "User") for number in range(MOST_A_TICK * 2 + 3)]
    for person in people:
        await connect(office, person)
        await desk.store.change_presence(ORG, person.sub, lambda presence: replace(presence, leaving_since=desk.now()))
    first = sorted(person.sub for person in people)[: MOST_A_TICK + 1]

    class Poisoned(CrmDoor):
        async def sign_out(self, tokens: CrmTokens) -> None:
            if tokens.account.removeprefix("crm-") in first:
                raise KeyError("nobody foresaw this")
            await super().sign_out(tokens)

    office.door = Poisoned(signed_in=office.door.signed_in)
    for _ in range(4):
        desk.clock.turn(minutes=1)
        assert {str(problem) for problem in await finish_leaving(ORG, office)} <= {"MailMagnet: KeyError"}
    assert [mailbox.user for mailbox in await desk.store.leaving_mailboxes(ORG)] == first


# Who is gone, or comes to nothing any more


async def look(office: Office, **later: float) -> Presence | None:
    """The daily look, so much later, and the tick after it; the presence then, None once the mailbox is gone."""
    office.desk.clock.turn(**later)
    assert await daily_chores(ORG, office) == []
    assert await tick(office) == []
    mailbox = await office.desk.store.mailbox(ORG, office.desk.account.sub)
    return mailbox.presence if mailbox else None


async def test_a_deleted_account_is_parked_at_once_and_forgotten_after_thirty_days(desk: Desk) -> None:
    office, bob = await at_work(desk)

    desk.world.delete(ADA)
    with pytest.raises(MailboxFailed):
        await desk.run()
    mailbox = await desk.mailbox()
    assert mailbox.presence.parked
    assert mailbox.presence.parked.why is ParkedFor.GONE
    with pytest.raises(Forbidden):
        await desk.run()
    assert await look(office, days=29)
    assert await look(office, days=1, minutes=1) is None
    assert await what_is_here(office, desk.account) == NOTHING
    assert await desk.store.mailbox(ORG, bob.sub)


async def test_who_comes_back_while_parked_is_parked_no_more(desk: Desk) -> None:
    office, _ = await at_work(desk)
    await desk.store.change_presence(ORG, desk.account.sub, lambda presence: replace(presence, admin_told_at=desk.now()))
    presence = await look(office, days=90)
    assert presence
    assert presence.parked
    assert presence.parked.why is ParkedFor.NOT_OPENED
    desk.clock.turn(days=20)
    await desk.store.change_presence(ORG, desk.account.sub, partial(opened, now=desk.now()))
    assert await look(office, days=20)
    await desk.run()


async def test_what_nobody_opens_is_kept_until_the_admin_knows(desk: Desk) -> None:
    office, _ = await at_work(desk)
    for _ in range(20):
        presence = await look(office, days=20)
        assert presence
        assert presence.parked is None
    await desk.store.change_presence(ORG, desk.account.sub, lambda presence: replace(presence, admin_told_at=desk.now()))
    presence = await look(office, days=1)
    assert presence
    assert presence.parked
    assert await look(office, days=31) is None
    assert await what_is_here(office, desk.account) == NOTHING


async def test_the_daily_look_takes_old_records_and_readings_of_this_org_alone(desk: Desk) -> None:
    office, _ = await at_work(desk)
    await desk.store.connect("other.example", "1", "one@other.example", desk.now())
    await desk.store.keep_reading("other.example", MailReading("1", "2", "m", "c", desk.now()))
    await desk.store.set_policy(ORG, Policy(retention_days=30))
    assert await look(office, days=29)
    assert len(await desk.store.latest_mails(ORG, desk.account.sub, 9)) == 1
    assert await look(office, days=3)
    assert await desk.store.latest_mails(ORG, desk.account.sub, 9) == []
    assert await desk.store.readings(ORG, desk.account.sub, 9) == []
    assert len(await desk.store.readings("other.example", "2", 9)) == 1


async def test_the_export_holds_all_of_ones_own_and_no_token(desk: Desk) -> None:
    office, bob = await at_work(desk)
    exported = await export(ORG, desk.account.sub, office)
    assert [mail.from_address for mail in exported.mails] == ["grace@a.example"]
    assert [(reading.reader, reading.owner) for reading in exported.read_by_others] == [(bob.sub, desk.account.sub)]
    assert [(reading.reader, reading.owner) for reading in exported.read_by_user] == [(desk.account.sub, bob.sub)]
    assert exported.connected
    assert (exported.connected.crm_user, exported.connected.webhook) == (ADA, True)
    for secret in ("1//", f"r-{desk.account.sub}", f"a-{desk.account.sub}", "chat.googleapis.com"):
        assert secret not in repr(exported)
    assert (await export("other.example", desk.account.sub, office)).mailbox is None
