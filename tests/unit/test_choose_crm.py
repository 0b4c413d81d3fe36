"""The choice of a CRM: what ends with the old one, done twice; the job and the sidebar do not use its sign-in any more."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from cryptography.fernet import Fernet

from functions.crms import checked_crm
from mailmagnet.caller import Caller
from mailmagnet.change_sharing import Change, change_contact
from mailmagnet.choose_crm import check_chosen, choose_crm, chosen_crm, end_sign_in_to_another_crm
from mailmagnet.connect_mailbox import connect_mailbox
from mailmagnet.crm import Crm, Module
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.errors import BadRequest, SignInNeeded
from mailmagnet.identity import Identity
from mailmagnet.parts import Parts
from mailmagnet.pause import pause
from mailmagnet.record_people import RecordId
from mailmagnet.store import Choices, Mailbox, Policy, Sharing
from mailmagnet.vault import Connection
from metadata_store.sqlite import SqliteStore
from token_vault.encrypted_file import EncryptedFileVault

ORG, USER, OTHER_ORG = "corp.example", "103", "other.example"
NOW = datetime(2026, 11, 30, tzinfo=UTC)
OLD, NEW = CrmChoice("odoo", "https://old.example"), CrmChoice("odoo", "https://new.example")


class World:
    """One store and one vault; each sign-out is told with the CRM that it went to."""

    def __init__(self, folder: Path) -> None:
        self.store = SqliteStore(folder / "store.sqlite")
        self.vault = EncryptedFileVault(folder / "vault", Fernet.generate_key().decode())
        self.signed_out: list[tuple[CrmChoice, str]] = []

        def sign_in_of(choice: CrmChoice) -> object:
            async def sign_out(tokens: CrmTokens) -> None:
                self.signed_out.append((choice, tokens.access))

            return SimpleNamespace(name="Odoo", sign_out=sign_out)

        def gmail_of(connection: Connection) -> object:
            async def profile() -> object:
                return SimpleNamespace(address=connection.address)

            return SimpleNamespace(profile=profile)

        self.parts = cast(
            Parts,
            SimpleNamespace(
                store=self.store,
                vault=self.vault,
                default_crm=OLD,
                checked_crm=lambda kind, origin: checked_crm(kind, origin, private=False),
                crm_sign_in_of=sign_in_of,
                crm_of=lambda _: SimpleNamespace(name="Odoo"),
                gmail_of=gmail_of,
                now=lambda: NOW,
            ),
        )


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    for org in (ORG, OTHER_ORG):
        tokens = CrmTokens("7", "Ada", f"key of {org}", "", NOW, OLD)
        await world.vault.sign_in(Connection(org, USER, f"ada@{org}", crm=tokens))
        await world.store.connect(org, USER, f"ada@{org}", NOW)
        await world.store.change_presence(org, USER, lambda presence: replace(presence, crm_user="7"))
        await world.store.change_choices(
            org,
            USER,
            lambda choices: replace(
                choices,
                shared_contacts=frozenset({"17"}),
                contacts_kept_back=frozenset({"18"}),
                sharing=Sharing.PUBLIC,
                mails_kept_back=frozenset({"m1"}),
            ),
        )
    yield world
    await world.store.close()


async def test_with_another_crm_all_that_is_about_its_ids_ends_in_that_organisation_alone(world: World) -> None:
    for time in range(2):
        assert await choose_crm(ORG, "odoo", "https://NEW.example/", world.parts) == NEW
        assert await end_sign_in_to_another_crm(ORG, USER, world.parts) == (time == 0)
    mailbox, others = await world.store.mailbox(ORG, USER), await world.store.mailbox(OTHER_ORG, USER)
    assert mailbox
    assert others
    assert (mailbox.choices.shared_contacts, mailbox.choices.contacts_kept_back) == (frozenset(), frozenset())
    assert (mailbox.choices.mails_kept_back, mailbox.presence.crm_user) == (frozenset({"m1"}), "")
    assert mailbox.choices.sharing is Sharing.PRIVATE, "in the new CRM nobody is kept back yet"
    assert (others.choices.shared_contacts, others.presence.crm_user) == (frozenset({"17"}), "7")
    assert world.signed_out == [(OLD, f"key of {ORG}")]
    assert not await end_sign_in_to_another_crm(OTHER_ORG, USER, world.parts)
    assert (await chosen_crm(ORG, world.parts), await chosen_crm(OTHER_ORG, world.parts)) == (NEW, OLD)


async def test_the_same_crm_chosen_again_ends_nothing(world: World) -> None:
    await choose_crm(ORG, "odoo", "https://old.example", world.parts)
    await choose_crm(ORG, "", "", world.parts)
    mailbox = await world.store.mailbox(ORG, USER)
    assert mailbox
    assert mailbox.choices.shared_contacts == {"17"}
    assert (await world.store.policy(ORG)).crm is None


async def test_a_wrong_choice_changes_nothing(world: World) -> None:
    for kind, origin in (("odoo", "https://10.0.0.1"), ("odoo", "new.example"), ("zoho", "https://new.example")):
        with pytest.raises(BadRequest):
            await choose_crm(ORG, kind, origin, world.parts)
    assert (await world.store.policy(ORG)).crm is None


async def test_a_sign_in_to_another_crm_counts_no_more(world: World) -> None:
    connection, policy = await world.vault.connection(ORG, USER), await world.store.policy(ORG)
    assert connection
    crm = cast(Crm, SimpleNamespace(name="Odoo"))
    check_chosen(connection, policy, crm, world.parts)
    with pytest.raises(SignInNeeded) as told:
        check_chosen(connection, replace(policy, crm=NEW), crm, world.parts)
    assert told.value.ended


async def test_what_another_admin_changes_meanwhile_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = world.store.mailboxes

    async def paused_meanwhile(org: str) -> Sequence[Mailbox]:
        await pause(org, NOW, world.store)
        return await everybody(org)

    monkeypatch.setattr(world.store, "mailboxes", paused_meanwhile)
    await choose_crm(ORG, "odoo", NEW.origin, world.parts)
    policy = await world.store.policy(ORG)
    assert (policy.paused_since, policy.crm) == (NOW, NEW)


async def test_what_a_user_shares_of_the_old_crm_meanwhile_ends_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    change_policy = world.store.change_policy

    async def shared_meanwhile(org: str, change: Callable[[Policy], Policy]) -> Policy:
        await world.store.change_choices(org, USER, lambda choices: replace(choices, shared_contacts=frozenset({"19"})))
        return await change_policy(org, change)

    monkeypatch.setattr(world.store, "change_policy", shared_meanwhile)
    await choose_crm(ORG, "odoo", NEW.origin, world.parts)
    mailbox = await world.store.mailbox(ORG, USER)
    assert mailbox
    assert mailbox.choices.shared_contacts == frozenset()


async def test_what_two_admins_choose_at_once_leaves_nothing_of_the_one_that_was_in_between(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One goes back to the CRM that both have seen, the other's choice came first, and somebody has shared in it."""
    change_policy = world.store.change_policy

    async def chosen_meanwhile(org: str, change: Callable[[Policy], Policy]) -> Policy:
        await change_policy(org, lambda policy: replace(policy, crm=NEW))
        await world.store.change_choices(org, USER, lambda choices: replace(choices, shared_contacts=frozenset({"19"})))
        return await change_policy(org, change)

    monkeypatch.setattr(world.store, "change_policy", chosen_meanwhile)
    assert await choose_crm(ORG, "", "", world.parts) == OLD
    mailbox = await world.store.mailbox(ORG, USER)
    assert mailbox
    assert mailbox.choices.shared_contacts == frozenset()


async def test_who_is_signed_in_to_the_old_crm_shares_none_of_the_new_ones_contacts(world: World) -> None:
    """A card that was open before still names the old one's contact: in the new one the same id may be anybody."""
    await choose_crm(ORG, "odoo", NEW.origin, world.parts)
    caller = Caller(Identity(ORG, USER, f"ada@{ORG}", ORG), NOW, asyncio.get_running_loop().time() + 5)
    for change in Change:
        with pytest.raises(SignInNeeded):
            await change_contact(RecordId(Module.CONTACTS, "17"), change, caller, world.parts)
    mailbox = await world.store.mailbox(ORG, USER)
    assert mailbox
    assert mailbox.choices == Choices(mails_kept_back=frozenset({"m1"}))


async def test_who_connects_gmail_anew_is_not_the_new_crms_user_with_the_same_id(world: World) -> None:
    await choose_crm(ORG, "odoo", NEW.origin, world.parts)
    for org, crm_user in ((ORG, ""), (OTHER_ORG, "7")):
        await connect_mailbox(Connection(org, USER, f"ada@{org}", gmail_token="new"), world.parts)
        mailbox = await world.store.mailbox(org, USER)
        assert mailbox
        assert mailbox.presence.crm_user == crm_user
