"""The sidebar's table: every path has a line, each is answered with one reading of the clock, and with Retry that leads back to it."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from cryptography.fernet import Fernet
from starlette.requests import Request

from cards.frame import Path as Served
from crm_client.embedded.administration import ADMINISTRATOR, STANDARD, add_user, create
from crm_client.embedded.crm import CAPABILITIES
from functions.addon import answer
from functions.crms import checked_crm
from functions.triggers import TRIGGERS, Press
from functions.user_limit import UserLimit
from functions.wiring import Process
from mailmagnet.crm import Lead, NewContact, NewDeal, Organisation
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.errors import MAILMAGNET, Unavailable
from mailmagnet.gmail import MailHeaders
from mailmagnet.identity import Identity
from mailmagnet.store import Defaults, Policy, Sharing
from metadata_store.sqlite import SqliteStore
from sandbox.cards.card_check import answer_faults
from tests.crm_signed_in import crm_as
from token_vault.encrypted_file import EncryptedFileVault

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
CLICKED_IN_PLACE = {
    Served.DEACTIVATED,
    Served.SHARE_CONTACT,
    Served.SHARE_MAIL,
    Served.POLICY_EFFECT,
    Served.SAVE_POLICY,
    Served.SAVE_SET_UP,
    Served.COUNT_MAIL,
    Served.SORT_NOW,
    Served.DEFAULTS_EFFECT,
    Served.SAVE_DEFAULTS,
    Served.REMOVE_DEFAULTS,
    Served.PAUSE_ALL,
    Served.RESUME_ALL,
    Served.TAKE_BACK_ALL,
    Served.CUSTOMER_ADDRESS_KEPT,
    Served.REMOVE_CUSTOMER_ADDRESS,
    Served.REMOVE_USER,
    Served.REMOVE_ORGANISATION,
    Served.CRM_EFFECT,
    Served.SAVE_CRM,
    Served.LET_IN,
    Served.MAP_PERSON,
    Served.LET_OUT,
    Served.SAVE_SEES,
    Served.DISCONNECT_ACCOUNT,
}
"""Paths whose first answer takes the place of the card clicked in already."""
ADA = Identity("corp.example", "1", "ada@corp.example", "corp.example")
MAIL = MailHeaders("1", "1", NOW, frozenset(), (("From", "Grace Hopper <grace@a.example>"),))


class Door(SimpleNamespace):
    """The process's parts, real but for Google's: who calls is believed, one mail is open. Its clock goes on at each reading. `form` is
    what is typed into the card."""

    readings = 0
    form: Mapping[str, str] = {}

    def now(self) -> datetime:
        self.readings += 1
        return NOW + timedelta(days=self.readings)

    async def service(self, token: str, **_: str) -> None: ...

    async def user(self, token: str, **_: Any) -> Identity:
        return cast(Identity, self.identity)

    async def open_mail(self, *_: Any) -> MailHeaders:
        return MAIL

    async def call(self, path: Served, **parameters: str) -> Any:
        inputs = {name: {"stringInputs": {"value": [value]}} for name, value in {"words": "grace", **self.form}.items()}
        body = {
            "commonEventObject": {"parameters": parameters, "formInputs": inputs},
            "authorizationEventObject": {"userIdToken": "a", "userOAuthToken": "b"},
            "gmail": {"messageId": "open", "accessToken": "c"},
        }

        async def receive() -> Any:
            return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "headers": [(b"authorization", b"Bearer a.b.c")],
            "query_string": b"",
        }
        reply = await answer(Request(scope, receive), cast(Process, self))
        assert reply.status_code == 200
        found = json.loads(bytes(reply.body))
        assert answer_faults(found) == []
        return found


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    database = tmp_path / "crm.sqlite"
    create(database, Organisation("Corp", "Europe/Vienna", "EUR"), "corp.example")
    add_user(database, "Ada", "ada@corp.example", ADMINISTRATOR)
    store = SqliteStore(tmp_path / "store.sqlite")
    key = Fernet.generate_key().decode()
    settings = SimpleNamespace(
        addon_url="https://addon.example",
        addon_service_account="a@b.example",
        addon_client_id="c",
        internal_domains=(),
        answer_seconds=20.0,
        log_key=SimpleNamespace(get_secret_value=lambda: "k" * 32),
    )
    crm = crm_as(database, "ada@corp.example")
    made = Door(
        settings=settings, store=store, vault=EncryptedFileVault(tmp_path / "vault", key), user_limit=UserLimit(1000), crm=crm
    )
    made.page_url = lambda org, user, now, page, ids: f"https://pages.example{page}?link={org}.{user}"
    made.verifier = made.reader = made
    made.default_crm = CrmChoice("zoho")
    made.crm_sign_in_of = lambda _: SimpleNamespace(name="Zoho CRM")
    made.crm_of = lambda _: made.crm
    made.admins, made.lets_in, made.retention_days = (), lambda org: False, 90
    made.checked_crm = partial(checked_crm, private=False)
    made.identity, made.database = ADA, database
    yield made
    await store.close()


def test_every_path_that_a_card_may_name_has_its_line() -> None:
    assert set(TRIGGERS) == set(Served)


async def ids_of(door: Door) -> dict[Served, str]:
    contact = await door.crm.add_contact(NewContact("Grace Hopper", ("grace@a.example",)))
    lead = await door.crm.add_lead(Lead("", "Grace Lead", ("lead@b.example",)))
    account = await door.crm.add_account("Grace Ltd")
    stage, *_ = (await door.crm.settings()).stages
    deal = await door.crm.add_deal(NewDeal("Grace's deal", stage.id, contacts=(contact.id,)))
    return {Served.CONTACT: contact.id, Served.LEAD: lead.id, Served.ACCOUNT: account.id, Served.DEAL: deal.id}


RECORDS = (Served.CONTACT, Served.LEAD, Served.ACCOUNT, Served.DEAL)
SHARED_MAIL = (
    Served.MAIL_WITH,
    Served.MAIL,
    Served.SHARE_CONTACT,
    Served.SHARE_MAIL,
    Served.MY_SHARING,
    Served.WHO_COULD_READ,
    Served.POLICY,
    Served.POLICY_EFFECT,
    Served.SAVE_POLICY,
)
CRM_USERS = (
    Served.CRM_USERS,
    Served.LET_IN,
    Served.CRM_PERSON,
    Served.MAP_PERSON,
    Served.LET_OUT,
    Served.SAVE_SEES,
    Served.DISCONNECT_ACCOUNT,
)
ADMINS_ALONE = (
    Served.ADMIN,
    Served.PEOPLE,
    Served.DEFAULTS,
    Served.DEFAULTS_OF,
    Served.DEFAULTS_EFFECT,
    Served.SAVE_DEFAULTS,
    Served.REMOVE_DEFAULTS,
    Served.PAUSE,
    Served.PAUSE_ALL,
    Served.RESUME_ALL,
    Served.TAKE_BACK,
    Served.TAKE_BACK_ALL,
    Served.CUSTOMER_ADDRESS,
    Served.CUSTOMER_ADDRESS_KEPT,
    Served.REMOVE_CUSTOMER_ADDRESS,
    Served.USER,
    Served.REMOVE_USER,
    Served.ORGANISATION,
    Served.REMOVE_ORGANISATION,
    Served.CRM,
    Served.CRM_EFFECT,
    Served.SAVE_CRM,
    *CRM_USERS,
    Served.POLICY,
    Served.POLICY_EFFECT,
    Served.SAVE_POLICY,
)
OF_A_USER = (Served.USER, Served.REMOVE_USER, Served.CRM_PERSON, Served.MAP_PERSON, Served.LET_OUT)
ADMINS_IDS = {Served.TAKE_BACK_ALL: {"hours": "1"}, **{path: {"user": "7"} for path in OF_A_USER}}
"""What a click of the administration must name, besides what any may."""
MAIL_IDS = {"module": "contacts", "owner": "1", "mail": "18f", "change": "keep_back"}


@pytest.mark.parametrize("path", Served)
async def test_the_clock_is_read_once_for_an_answer(door: Door, path: Served) -> None:
    ids = await ids_of(door)
    await door.call(path, id=ids.get(path, "7"), **MAIL_IDS)
    assert door.readings == 1


@pytest.mark.parametrize("path", [*RECORDS, Served.MESSAGE, Served.SEARCH])
async def test_a_record_is_shown_without_a_problem(door: Door, path: Served) -> None:
    ids = await ids_of(door)
    card = json.dumps(await door.call(path, **({"id": ids[path]} if path in ids else {})))
    assert ("Grace" in card, "Reference" in card) == (True, False)


async def attacked(door: Door, path: Served) -> str:
    """What the caller is told; nothing of Ada's organisation is changed by it."""
    kept = Policy(retention_days=30, paused_since=NOW, defaults={"": Defaults(mailmagnet=True)})
    await door.store.set_policy(ADA.org, kept)
    door.form = {
        "policy_retention": "7",
        "policy_sharing": "public",
        "defaults_days": "3",
        "defaults_sharing": "public",
        "customer_address": "grace@a.example",
        "organisation_typed": ADA.org,
        "crm_kind": "odoo",
        "crm_origin": "https://evil.example",
    }
    told = json.dumps(await door.call(path, user="7", hours="1", **MAIL_IDS), ensure_ascii=False)
    assert await door.store.policy(ADA.org) == kept
    return told


@pytest.mark.parametrize("path", ADMINS_ALONE)
async def test_who_is_no_admin_now_is_refused_each_part_of_the_administration(door: Door, path: Served) -> None:
    add_user(door.database, "Kim", "kim@corp.example", STANDARD)
    door.crm = crm_as(door.database, "kim@corp.example")
    assert "You are not allowed to do this." in await attacked(door, path)


@pytest.mark.parametrize("path", ADMINS_ALONE)
async def test_another_organisations_admin_reaches_nothing_of_this_one(door: Door, path: Served) -> None:
    await door.store.connect(ADA.org, "7", "victim@corp.example", NOW)
    door.identity = Identity("other.example", "9", "mallory@other.example", "other.example")
    door.admins = ("mallory@other.example",)
    told = await attacked(door, path)
    assert "You are not allowed" not in told
    assert "victim" not in told


@pytest.mark.parametrize("path", ADMINS_ALONE)
async def test_a_consumer_account_on_an_admins_address_is_no_admin(door: Door, path: Served) -> None:
    """Anybody can make one, verified and without a domain."""
    add_user(door.database, "Kim", "kim@corp.example", STANDARD)
    door.crm = crm_as(door.database, "kim@corp.example")
    door.identity = Identity("55", "55", "ada@corp.example", "")
    door.admins = ("ada@corp.example",)
    assert "You are not allowed to do this." in await attacked(door, path)


async def test_an_admin_pauses_sets_defaults_and_resumes_and_each_twice_is_as_once(door: Door) -> None:
    for _ in range(2):
        await door.call(Served.PAUSE_ALL)
    paused = await door.store.policy(ADA.org)
    assert paused.paused_since is not None
    assert paused.paused_since < NOW + timedelta(days=2)
    door.form = {"defaults_mailmagnet": "on", "defaults_labelling": "on", "defaults_days": "7", "defaults_sharing": "custom"}
    seen = json.dumps(await door.call(Served.DEFAULTS_EFFECT), ensure_ascii=False)
    assert "For 1 user who has not set up yet." in seen
    assert (await door.store.policy(ADA.org)).defaults == {}
    for _ in range(2):
        await door.call(Served.SAVE_DEFAULTS)
    wanted = Defaults(mailmagnet=True, labelling=True, backfill_days=7, sharing=Sharing.CUSTOM)
    assert await door.store.policy(ADA.org) == replace(paused, defaults={"": wanted})
    refused = json.dumps(await door.call(Served.SAVE_DEFAULTS, profile="no-such-profile"))
    assert "no-such-profile" not in (await door.store.policy(ADA.org)).defaults
    assert "not in" in refused
    for _ in range(2):
        await door.call(Served.RESUME_ALL)
        await door.call(Served.REMOVE_DEFAULTS)
    assert await door.store.policy(ADA.org) == Policy()


PRESSES = [path for path, trigger in TRIGGERS.items() if isinstance(trigger, Press)]


@pytest.mark.parametrize("path", PRESSES)
async def test_a_press_that_fails_leaves_the_card_as_it_was_typed(door: Door, path: Served) -> None:
    answered = await door.call(path, id="7", draft="r1", field="Contact.Title", **MAIL_IDS)
    action = answered["renderActions"]["action"]
    assert set(action) == {"notification"} or "pushCard" in action["navigations"][0]


@pytest.mark.parametrize("path", [path for path in Served if path not in PRESSES])
async def test_what_fails_is_asked_for_again_by_the_same_path_in_place(door: Door, path: Served) -> None:
    class Down:
        name = "Zoho CRM"
        capabilities = CAPABILITIES

        def __getattr__(self, _: str) -> Any:
            async def down(*_: Any) -> Any:
                raise Unavailable(MAILMAGNET)

            return down

    door.crm = door.store = Down()
    parameters = {
        "id": "7",
        **({"place": "0"} if path is Served.PERSON else {}),
        **ADMINS_IDS.get(path, {}),
        **(MAIL_IDS if path in (*SHARED_MAIL, Served.WRITE, Served.REPLY) else {}),
    }
    failed = json.dumps(await door.call(path, **parameters))
    sent = {"message_id": "open"} if path is Served.MESSAGE else parameters
    if path in {Served.REPLY, Served.PERSON}:
        sent = {**parameters, "message_id": "open"}
    retry = [{"key": key, "value": value} for key, value in sent.items()]
    retry.append({"key": "in_place", "value": "1"})
    assert json.dumps({"function": f"https://addon.example{path}", "parameters": retry}) in failed
    assert ("updateCard" if path in CLICKED_IN_PLACE else "pushCard") in failed
    again = json.dumps(await door.call(path, **{each["key"]: each["value"] for each in retry}))
    assert "updateCard" in again
    assert json.dumps(retry) in again
