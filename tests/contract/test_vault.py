"""The vault's contract, held against each vault, and what the encrypted file must do beside it."""

import asyncio
import errno
import logging
import multiprocessing
import os
import stat
import traceback
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from mailmagnet.consent import Grant
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmTokens, Sees, mapped_to
from mailmagnet.errors import BadAnswer, BadSetting, SignInNeeded, Unavailable
from mailmagnet.vault import CRM_ACCOUNT, Connection, Leaving, Vault
from tests.contract.secret_manager import secret_manager
from token_vault.connection_facts import connection_in
from token_vault.encrypted_file import EncryptedFileVault

KEY = "bWFkZS11cC1rZXktb2YtY29udHJhY3QtdGVzdHMtLS0="
OLD_KEY = "bWFkZS11cC1rZXktYmVmb3JlLXRoaXMtb25lLS0tLS0="
TOKEN = "1//0g-made-up-refresh-token"
ORG, OTHER_ORG = "analytical.example", "hopper.example"
ADA, BOB = "100000000000000000001", "100000000000000000002"

Opened = Callable[[], Vault]


@pytest.fixture(params=["encrypted file", "secret manager"])
async def opened(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Opened]:
    """Opens the same vault anew, as another process would; it is empty at first."""
    if request.param == "encrypted file":
        yield lambda: EncryptedFileVault(tmp_path / "kept" / "vault", KEY)
    else:
        async with secret_manager(tmp_path) as there:
            yield there.vault


@pytest.fixture
def vault(opened: Opened) -> Vault:
    return opened()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "vault"


def connection(org: str = ORG, user: str = ADA) -> Connection:
    return Connection(
        org=org,
        user=user,
        address=f"{user}@{org}",
        own_addresses=frozenset({f"{user}@{org}", f"alias-{user}@{org}"}),
        own_domains=frozenset({org, f"alias.{org}"}),
        gmail_token=f"{TOKEN}-{org}-{user}",
        grants=frozenset({Grant.READ, Grant.SORT}),
    )


def tokens(number: int = 1) -> CrmTokens:
    return CrmTokens(
        "u1",
        "Ada",
        f"access-{number}",
        f"refresh-{number}",
        datetime(2027, 3, 14, 9, number, tzinfo=UTC),
        CrmChoice("odoo", "https://crm.example"),
    )


class TestSignIn:
    async def test_it_stands_beside_a_connection_to_gmail_and_outlives_a_new_consent(self, vault: Vault, opened: Opened) -> None:
        await vault.keep(connection())
        await vault.sign_in(replace(connection(), gmail_token="", own_domains=frozenset(), crm=tokens()))
        await vault.keep_webhook(ORG, ADA, "https://chat.example/1")
        both = replace(connection(), crm=tokens(), webhook="https://chat.example/1")
        assert await vault.connection(ORG, ADA) == both
        await vault.keep(replace(connection(), gmail_token="new", crm=None, webhook=""))
        assert await opened().connection(ORG, ADA) == replace(both, gmail_token="new")

    async def test_without_gmail_it_is_a_user_of_the_sidebar_alone(self, vault: Vault) -> None:
        await vault.sign_in(replace(connection(), crm=tokens()))
        bare = replace(connection(), gmail_token="", grants=frozenset(), crm=tokens())
        assert await vault.connection(ORG, ADA) == bare
        await vault.sign_in(replace(connection(), crm=tokens(2)))
        assert await vault.connection(ORG, ADA) == replace(bare, crm=tokens(2))

    async def test_a_token_that_is_leaving_goes_on_leaving(self, vault: Vault) -> None:
        await vault.keep(connection())
        await vault.forget(ORG, ADA)
        await vault.sign_in(replace(connection(), gmail_token="", crm=tokens()))
        assert [left.gmail_token for left in await vault.leaving()] == [connection().gmail_token]

    async def test_callers_that_renew_at_once_agree_on_one(self, vault: Vault, opened: Opened) -> None:
        await vault.sign_in(replace(connection(), crm=tokens()))
        vaults = [opened() for _ in range(8)]
        agreed = await asyncio.gather(*(each.renew(ORG, ADA, tokens(1), tokens(2 + n)) for n, each in enumerate(vaults)))
        assert len(set(agreed)) == 1
        stored = await vault.connection(ORG, ADA)
        assert stored
        assert stored.crm == agreed[0]

    async def test_who_has_signed_out_meanwhile_is_not_signed_in_again(self, vault: Vault) -> None:
        await vault.keep(connection())
        await vault.sign_in(replace(connection(), crm=tokens()))
        assert await vault.sign_out(ORG, ADA) == tokens()
        assert await vault.sign_out(ORG, ADA) is None
        for _ in range(2):
            with pytest.raises(SignInNeeded):
                await vault.renew(ORG, ADA, tokens(), tokens(2))
        assert await vault.connection(ORG, ADA) == connection()

    async def test_nobody_else_s_is_touched(self, vault: Vault) -> None:
        for one in (connection(), connection(user=BOB), connection(org=OTHER_ORG)):
            await vault.sign_in(replace(one, crm=tokens()))
        await vault.renew(ORG, ADA, tokens(), tokens(2))
        await vault.sign_out(ORG, BOB)
        others = [await vault.connection(*key) for key in ((ORG, BOB), (OTHER_ORG, ADA))]
        assert [other and other.crm for other in others] == [None, tokens()]

    async def test_a_webhook_without_a_connection_is_not_kept(self, vault: Vault) -> None:
        await vault.keep_webhook(ORG, ADA, "https://chat.example/1")
        assert await vault.connection(ORG, ADA) is None

    async def test_nothing_secret_is_shown(self) -> None:
        shown = repr(replace(connection(), crm=tokens(), webhook="https://chat.example/secret"))
        assert not [secret for secret in ("access-1", "refresh-1", "secret", TOKEN) if secret in shown]


LINK = CrmTokens(
    "portal 1", "Corp", "access", "refresh", datetime(2027, 3, 14, tzinfo=UTC), CrmChoice("hubspot"), "https://eu.example"
)


class TestAccount:
    """The link of a CRM's whole account, and whom an admin lets in."""

    async def test_a_mapped_user_has_no_token_and_where_the_account_is_comes_back(self, vault: Vault, opened: Opened) -> None:
        await vault.sign_in(Connection(ORG, CRM_ACCOUNT, "", crm=LINK))
        await vault.sign_in(Connection(ORG, ADA, f"{ADA}@{ORG}", crm=mapped_to("7", "Ada Byron", LINK)))
        link, ada = await opened().connection(ORG, CRM_ACCOUNT), await opened().connection(ORG, ADA)
        assert link
        assert ada
        assert ada.crm
        assert (link.crm, link.sees) == (LINK, None)
        assert (ada.crm.account, ada.crm.access, ada.crm.refresh, ada.crm.through) == ("7", "", "", "portal 1")
        assert (ada.crm.origin, ada.crm.through_account, LINK.through_account) == ("https://eu.example", True, False)

    async def test_the_account_is_no_user(self, vault: Vault) -> None:
        await vault.sign_in(Connection(ORG, CRM_ACCOUNT, "", crm=LINK))
        await vault.sign_in(Connection(ORG, ADA, f"{ADA}@{ORG}", crm=tokens()))
        assert list(await vault.users(ORG)) == [ADA]
        assert await vault.forget(ORG, CRM_ACCOUNT)
        assert await vault.connection(ORG, CRM_ACCOUNT) is None
        assert list(await vault.leaving()) == []

    async def test_what_users_see_stays_with_a_new_token_and_goes_with_the_link(self, vault: Vault, opened: Opened) -> None:
        await vault.let_see(ORG, Sees.EVERYONE)
        assert await vault.connection(ORG, CRM_ACCOUNT) is None
        await vault.sign_in(Connection(ORG, CRM_ACCOUNT, "", crm=LINK))
        await vault.let_see(ORG, Sees.TEAM)
        renewed = replace(LINK, access="new", refresh="newer")
        assert await vault.renew(ORG, CRM_ACCOUNT, LINK, renewed) == renewed
        link = await opened().connection(ORG, CRM_ACCOUNT)
        assert link
        assert (link.crm, link.sees) == (renewed, Sees.TEAM)
        await vault.let_see(ORG, None)
        await vault.let_see(OTHER_ORG, Sees.EVERYONE)
        link = await opened().connection(ORG, CRM_ACCOUNT)
        assert link
        assert link.sees is None
        await vault.forget(ORG, CRM_ACCOUNT)
        await vault.sign_in(Connection(ORG, CRM_ACCOUNT, "", crm=LINK))
        link = await opened().connection(ORG, CRM_ACCOUNT)
        assert link
        assert link.sees is None

    async def test_the_list_stays_with_a_new_consent_a_sign_in_and_a_sign_out_and_goes_with_the_user(
        self, vault: Vault, opened: Opened
    ) -> None:
        await vault.put_on_list(replace(connection(), listed=True))
        bare = replace(connection(), gmail_token="", grants=frozenset(), listed=True)
        assert await opened().connection(ORG, ADA) == bare
        await vault.keep(connection())
        await vault.sign_in(replace(connection(), crm=tokens()))
        await vault.keep_webhook(ORG, ADA, "https://chat.example/1")
        await vault.sign_out(ORG, ADA)
        assert await opened().connection(ORG, ADA) == replace(connection(), webhook="https://chat.example/1", listed=True)
        await vault.put_on_list(connection())
        assert await opened().connection(ORG, ADA) == replace(connection(), webhook="https://chat.example/1")
        await vault.put_on_list(replace(connection(), listed=True))
        await vault.forget(ORG, ADA)
        await vault.keep(connection())
        assert await opened().connection(ORG, ADA) == connection()


class TestVault:
    async def test_every_field_comes_back_also_to_another_process(self, vault: Vault, opened: Opened) -> None:
        await vault.keep(connection())
        assert await vault.connection(ORG, ADA) == connection()
        assert await opened().connection(ORG, ADA) == connection()

    async def test_one_of_the_sidebar_alone_has_no_token(self, vault: Vault) -> None:
        bare = Connection(ORG, ADA, "ada@analytical.example")
        await vault.keep(bare)
        assert await vault.connection(ORG, ADA) == bare

    async def test_what_is_not_there_is_none(self, vault: Vault) -> None:
        assert await vault.connection(ORG, ADA) is None
        await vault.keep(connection())
        assert await vault.connection(ORG, BOB) is None
        assert await vault.connection(OTHER_ORG, ADA) is None

    async def test_a_new_one_takes_the_place_of_the_user_s_earlier_one(self, vault: Vault) -> None:
        await vault.keep(connection())
        await vault.keep(connection(user=BOB))
        renewed = replace(connection(), gmail_token="another", own_addresses=frozenset())
        for _ in range(2):
            await vault.keep(renewed)
            assert await vault.connection(ORG, ADA) == renewed
        assert await vault.connection(ORG, BOB) == connection(user=BOB)

    async def test_what_another_process_did_is_seen(self, vault: Vault, opened: Opened) -> None:
        other = opened()
        await vault.keep(connection())
        assert await other.connection(ORG, ADA) == connection()
        for token in ("a", "b", "c"):
            await vault.keep(replace(connection(), gmail_token=token))
            assert await other.connection(ORG, ADA) == replace(connection(), gmail_token=token)
        await vault.forget(ORG, ADA)
        assert await other.connection(ORG, ADA) is None

    async def test_forgetting_ends_one_and_twice_is_no_mistake(self, vault: Vault, opened: Opened) -> None:
        others = [connection(user=BOB), connection(org=OTHER_ORG)]
        for stays in [connection(), *others]:
            await vault.keep(stays)
        for was_there in (True, False):
            assert await vault.forget(ORG, ADA) is was_there
            assert await vault.connection(ORG, ADA) is None
            assert await opened().connection(ORG, ADA) is None
        assert [await vault.connection(stays.org, stays.user) for stays in others] == others

    async def test_a_forgotten_token_is_there_until_it_is_revoked(self, vault: Vault, opened: Opened) -> None:
        await vault.keep(connection())
        await vault.keep(connection(user=BOB))
        assert await vault.leaving() == ()
        await vault.forget(ORG, ADA)
        await vault.forget(ORG, ADA)
        (ada,) = await opened().leaving()
        assert ada == Leaving(ORG, ADA, connection().gmail_token)
        await vault.forget(ORG, BOB)
        for _ in range(2):
            await vault.revoked(ada)
            assert await opened().leaving() == (Leaving(ORG, BOB, connection(user=BOB).gmail_token),)

    async def test_one_without_a_token_leaves_nothing_behind(self, vault: Vault) -> None:
        await vault.keep(Connection(ORG, ADA, "ada@analytical.example"))
        assert await vault.forget(ORG, ADA)
        assert not await vault.forget(ORG, BOB)
        assert await vault.leaving() == ()

    async def test_a_new_consent_takes_the_place_of_a_token_that_is_leaving(self, vault: Vault) -> None:
        """Google would end the new one together with the old."""
        await vault.keep(connection())
        await vault.forget(ORG, ADA)
        (old,) = await vault.leaving()
        renewed = replace(connection(), gmail_token="another")
        await vault.keep(renewed)
        assert await vault.leaving() == ()
        await vault.revoked(old)
        assert await vault.connection(ORG, ADA) == renewed

    async def test_a_token_that_left_again_meanwhile_is_not_taken_for_the_revoked_one(self, vault: Vault) -> None:
        await vault.keep(connection())
        await vault.forget(ORG, ADA)
        (old,) = await vault.leaving()
        await vault.keep(replace(connection(), gmail_token="another"))
        await vault.forget(ORG, ADA)
        await vault.revoked(old)
        assert await vault.leaving() == (Leaving(ORG, ADA, "another"),)

    async def test_the_sidebar_alone_loses_no_token_that_is_still_to_be_revoked(self, vault: Vault) -> None:
        await vault.keep(connection())
        bare = replace(connection(), gmail_token="")
        for _ in range(2):
            await vault.keep(bare)
            assert await vault.connection(ORG, ADA) == bare
            assert await vault.leaving() == (Leaving(ORG, ADA, connection().gmail_token),)
        await vault.revoked(Leaving(ORG, ADA, connection().gmail_token))
        assert await vault.leaving() == ()
        assert await vault.connection(ORG, ADA) == bare

    @pytest.mark.parametrize("fact", ["gmail_token", "user", "address"])
    async def test_a_token_of_an_account_that_is_connected_elsewhere_waits(self, vault: Vault, fact: str) -> None:
        same: dict[str, Any] = {fact: getattr(connection(), fact)}
        elsewhere = replace(connection(OTHER_ORG, BOB), **same)
        for stays in (connection(), elsewhere, connection(user="somebody-else")):
            await vault.keep(stays)
        await vault.forget(ORG, ADA)
        assert await vault.leaving() == ()
        await vault.forget(OTHER_ORG, elsewhere.user)
        assert {left.org for left in await vault.leaving()} == {ORG, OTHER_ORG}

    async def test_a_token_of_no_use_leaves_and_nothing_of_its_account_is_connected(self, vault: Vault) -> None:
        refused = Leaving(ORG, BOB, "of-no-use")
        assert await vault.refuse(refused, "bob@corp.example")
        assert await vault.connection(ORG, BOB) is None
        assert await vault.leaving() == (refused,)
        await vault.revoked(refused)
        assert await vault.leaving() == ()

    async def test_refusing_a_token_takes_nothing_from_who_uses_the_sidebar_alone(self, vault: Vault) -> None:
        await vault.sign_in(replace(connection(), gmail_token="", crm=tokens()))
        before = await vault.connection(ORG, ADA)
        await vault.refuse(Leaving(ORG, ADA, "of-no-use"), connection().address)
        assert await vault.connection(ORG, ADA) == before
        assert [left.gmail_token for left in await vault.leaving()] == ["of-no-use"]

    @pytest.mark.parametrize("org", [ORG, OTHER_ORG])
    @pytest.mark.parametrize("same", ["user", "address"])
    async def test_a_token_is_not_refused_where_its_account_is_connected_in_whatever_org(
        self, vault: Vault, org: str, same: str
    ) -> None:
        await vault.keep(connection(org))
        user, address = (ADA, "new@corp.example") if same == "user" else (BOB, connection(org).address)
        assert not await vault.refuse(Leaving(ORG, user, "of-no-use"), address)
        await vault.forget(org, ADA)
        assert "of-no-use" not in {left.gmail_token for left in await vault.leaving()}

    async def test_all_users_of_an_org_can_be_told_and_no_other_org_s(self, vault: Vault) -> None:
        assert await vault.users(ORG) == []
        await vault.keep(connection())
        await vault.sign_in(replace(connection(user=BOB), gmail_token="", crm=tokens()))
        await vault.keep(connection(org=OTHER_ORG, user="3"))
        await vault.refuse(Leaving(ORG, "4", "of-no-use"), "four@analytical.example")
        assert sorted(await vault.users(ORG)) == sorted([ADA, BOB, "4"])
        await vault.forget(ORG, BOB)
        assert sorted(await vault.users(ORG)) == sorted([ADA, "4"])

    async def test_ids_are_only_ids(self, vault: Vault) -> None:
        ids = ["a/b", "../vault", "", "ü", "a:b", "x" * 2_000, '"', "\\", "\udcff"]
        for org in ids:
            for user in ids:
                await vault.keep(Connection(org, user, f"{ids.index(org)}-{ids.index(user)}@x.example"))
        for org in ids:
            for user in ids:
                stored = await vault.connection(org, user)
                assert stored is not None
                assert stored.address == f"{ids.index(org)}-{ids.index(user)}@x.example"

    async def test_many_at_once_are_all_kept(self, vault: Vault, opened: Opened) -> None:
        users = [f"user-{number}" for number in range(30)]
        vaults = [vault, opened(), opened()]
        await asyncio.gather(*(vaults[number % 3].keep(connection(user=user)) for number, user in enumerate(users)))
        assert [await vault.connection(ORG, user) for user in users] == [connection(user=user) for user in users]

    async def test_no_token_is_shown(self, vault: Vault, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            await vault.keep(connection())
            stored = await vault.connection(ORG, ADA)
            await vault.forget(ORG, ADA)
            left = await vault.leaving()
        assert left
        assert TOKEN not in f"{vault!r} {stored!r} {left!r} {caplog.text}"


def keep_and_forget(file: Path, who: str) -> None:
    """What one of several processes does: keeps twenty, forgets every second one."""

    async def work() -> None:
        vault = EncryptedFileVault(file, KEY_OF_ALL)
        for number in range(20):
            await vault.keep(connection(org=who, user=f"user-{number}"))
        for number in range(0, 20, 2):
            await vault.forget(who, f"user-{number}")

    asyncio.run(work())


KEY_OF_ALL = "bWFkZS11cC1rZXktZm9yLXNldmVyYWwtcHJvY2Vzc2U="


class TestEncryptedFile:
    async def test_several_processes_lose_nothing_of_each_other(self, file: Path) -> None:
        orgs = ["a.example", "b.example", "c.example"]
        with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as processes:
            list(processes.map(keep_and_forget, [file] * 3, orgs))
        vault = EncryptedFileVault(file, KEY_OF_ALL)
        for org in orgs:
            stored = [await vault.connection(org, f"user-{number}") for number in range(20)]
            assert stored == [connection(org, f"user-{number}") if number % 2 else None for number in range(20)]

    async def test_the_file_holds_no_word_of_it_and_is_its_owner_s_alone(self, file: Path) -> None:
        vault = EncryptedFileVault(file, KEY)
        await vault.keep(connection())
        await vault.keep(connection(user=BOB))
        found = files_in(file.parent)
        assert set(found) == {"vault", "vault.lock"}
        assert {mode for mode, _ in found.values()} == {0o600}
        for word in (TOKEN, ADA, ORG, "gmail_token"):
            assert word.encode() not in found["vault"][1]

    async def test_an_unchanged_file_is_not_read_again(self, file: Path) -> None:
        vault = EncryptedFileVault(file, KEY)
        await vault.keep(connection())
        assert await vault.connection(ORG, ADA) == connection()
        overwrite_unnoticed(file)
        assert await vault.connection(ORG, ADA) == connection()
        with pytest.raises(BadAnswer):
            await EncryptedFileVault(file, KEY).connection(ORG, ADA)

    async def test_keeping_the_same_again_leaves_the_file(self, file: Path) -> None:
        vault = EncryptedFileVault(file, KEY)
        await vault.keep(connection())
        before = files_in(file.parent)["vault"]
        await vault.keep(connection())
        await vault.forget(ORG, BOB)
        assert files_in(file.parent)["vault"] == before

    @pytest.mark.parametrize(
        "damage",
        [
            lambda content: content[:-1],
            lambda content: content[:40] + (b"A" if content[40:41] != b"A" else b"B") + content[41:],
            lambda content: b"",
            lambda content: b"<html>not a vault</html>",
            lambda content: content + content,
            lambda content: Fernet(Fernet.generate_key()).encrypt(b"{}"),
            lambda content: Fernet(KEY).encrypt(b"not JSON"),
        ],
        ids=["cut short", "a letter changed", "empty", "something else", "twice", "another key's", "no JSON"],
    )
    async def test_a_damaged_file_is_a_bad_answer_and_is_left_as_it_is(
        self, file: Path, damage: Callable[[bytes], bytes]
    ) -> None:
        vault = EncryptedFileVault(file, KEY)
        await vault.keep(connection())
        damaged = overwrite(file, damage)
        for attempt in (
            vault.connection(ORG, ADA),
            vault.keep(connection(user=BOB)),
            vault.forget(ORG, ADA),
            vault.leaving(),
            vault.rotate(),
            EncryptedFileVault(file, KEY).connection(ORG, ADA),
        ):
            with pytest.raises(BadAnswer) as refused:
                await attempt
            assert TOKEN not in "".join(traceback.format_exception(refused.value))
            assert "MAILMAGNET_VAULT_KEY" in str(refused.value)
        assert {name: content for name, (_, content) in files_in(file.parent).items()} == {"vault": damaged, "vault.lock": b""}

    async def test_another_key_reads_nothing_and_overwrites_nothing(self, file: Path) -> None:
        await EncryptedFileVault(file, KEY).keep(connection())
        before = files_in(file.parent)["vault"]
        stranger = EncryptedFileVault(file, Fernet.generate_key().decode())
        with pytest.raises(BadAnswer):
            await stranger.connection(ORG, ADA)
        with pytest.raises(BadAnswer):
            await stranger.keep(connection(user=BOB))
        assert files_in(file.parent)["vault"] == before

    @pytest.mark.parametrize(
        "key",
        [
            "",
            "secret",
            KEY[:-4],
            KEY[:-1],
            KEY + "=",
            KEY + "\n",
            f" {KEY}",
            f"{KEY[:20]}\n{KEY[20:]}",
            f"{KEY[:20]}!{KEY[20:]}",
            "A" * 44,
            "ü" * 44,
            "=" * 44,
            "+/" * 21 + "A=",
            "A" * 42 + "B=",
        ],
    )
    @pytest.mark.parametrize("before", ["", f"{OLD_KEY},"], ids=["alone", "second"])
    def test_a_key_that_is_none_stops_the_start_and_says_how_to_make_one(self, file: Path, before: str, key: str) -> None:
        with pytest.raises(BadSetting, match=r"^MAILMAGNET_VAULT_KEY: .*`mailmagnet vault-key`") as refused:
            EncryptedFileVault(file, before + key)
        assert not key or key.strip() not in str(refused.value)
        assert OLD_KEY not in str(refused.value)

    @pytest.mark.parametrize("keys", [f"{KEY},", f",{KEY}", f"{KEY},,{OLD_KEY}", f"{KEY}, {OLD_KEY}", f"{KEY};{OLD_KEY}", ","])
    def test_keys_are_told_apart_by_a_comma_alone(self, file: Path, keys: str) -> None:
        with pytest.raises(BadSetting, match=r"^MAILMAGNET_VAULT_KEY: .*comma") as refused:
            EncryptedFileVault(file, keys)
        assert KEY not in str(refused.value)

    def test_a_key_that_stands_twice_is_a_mistake(self, file: Path) -> None:
        with pytest.raises(BadSetting, match="key 3 of 3 is key 1 again") as refused:
            EncryptedFileVault(file, f"{KEY},{OLD_KEY},{KEY}")
        assert KEY not in str(refused.value)

    async def test_every_key_reads_and_the_first_one_writes(self, file: Path) -> None:
        await EncryptedFileVault(file, OLD_KEY).keep(connection())
        before = files_in(file.parent)["vault"]
        vault = EncryptedFileVault(file, f"{KEY},{OLD_KEY}")
        assert await vault.connection(ORG, ADA) == connection()
        assert files_in(file.parent)["vault"] == before
        await vault.keep(connection(user=BOB))
        alone = EncryptedFileVault(file, KEY)
        assert [await alone.connection(ORG, user) for user in (ADA, BOB)] == [connection(), connection(user=BOB)]
        with pytest.raises(BadAnswer):
            await EncryptedFileVault(file, OLD_KEY).connection(ORG, ADA)
        assert await EncryptedFileVault(file, f"{OLD_KEY},{KEY}").connection(ORG, ADA) == connection()

    async def test_after_a_rotation_the_old_key_may_be_dropped(self, file: Path) -> None:
        old = EncryptedFileVault(file, OLD_KEY)
        await old.keep(connection())
        await old.keep(connection(user=BOB))
        await old.forget(ORG, BOB)
        running = EncryptedFileVault(file, f"{OLD_KEY},{KEY}")
        assert await running.connection(ORG, ADA) == connection()
        assert await EncryptedFileVault(file, f"{KEY},{OLD_KEY}").rotate()
        for vault in (running, EncryptedFileVault(file, KEY)):
            assert await vault.connection(ORG, ADA) == connection()
            assert await vault.leaving() == (Leaving(ORG, BOB, connection(user=BOB).gmail_token),)
        with pytest.raises(BadAnswer):
            await EncryptedFileVault(file, OLD_KEY).connection(ORG, ADA)
        assert {mode for mode, _ in files_in(file.parent).values()} == {0o600}

    async def test_a_rotation_that_is_done_does_nothing_and_one_of_no_vault_makes_none(self, file: Path) -> None:
        vault = EncryptedFileVault(file, f"{KEY},{OLD_KEY}")
        assert not await vault.rotate()
        assert not file.exists()
        await vault.keep(connection())
        before = files_in(file.parent)["vault"]
        assert not await vault.rotate()
        assert files_in(file.parent)["vault"] == before

    @pytest.mark.parametrize("fails_at", ["os.fsync", "pathlib.Path.replace", "token_vault.encrypted_file._sync_folder"])
    async def test_a_rotation_that_fails_loses_nothing_and_is_done_again(
        self, file: Path, monkeypatch: pytest.MonkeyPatch, fails_at: str
    ) -> None:
        await EncryptedFileVault(file, OLD_KEY).keep(connection())
        vault = EncryptedFileVault(file, f"{KEY},{OLD_KEY}")
        with monkeypatch.context() as broken:
            broken.setattr(fails_at, _no_space)
            with pytest.raises(Unavailable):
                await vault.rotate()
        assert set(files_in(file.parent)) == {"vault", "vault.lock"}
        assert await vault.connection(ORG, ADA) == connection()
        await vault.rotate()
        assert await EncryptedFileVault(file, KEY).connection(ORG, ADA) == connection()

    async def test_a_place_that_cannot_be_written_is_unavailable(self, tmp_path: Path) -> None:
        in_the_way = tmp_path / "in-the-way"
        in_the_way.write_text("a file where the folder should be")
        vault = EncryptedFileVault(in_the_way / "vault", KEY)
        with pytest.raises(Unavailable):
            await vault.keep(connection())
        with pytest.raises(Unavailable):
            await vault.connection(ORG, ADA)


def _no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, "no space left on device")


def files_in(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Each file's mode and content, by name."""
    return {file.name: (stat.S_IMODE(file.stat().st_mode), file.read_bytes()) for file in folder.iterdir()}


def overwrite(file: Path, damage: Callable[[bytes], bytes]) -> bytes:
    """Damage a file in place; what is in it then."""
    damaged = damage(file.read_bytes())
    file.write_bytes(damaged)
    return damaged


def overwrite_unnoticed(file: Path) -> None:
    """Damage a file so that neither its size, its inode nor its time changes."""
    before = file.stat()
    file.write_bytes(b"x" * before.st_size)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_what_was_kept_before_there_were_accounts_and_lists_is_read_as_before() -> None:
    tokens_then = {"account": "u1", "name": "Ada", "access": "a", "refresh": "r", "expires_at": "2027-03-14T09:00:00+00:00"}
    then = {"address": "a@b.example", "own_addresses": [], "own_domains": [], "gmail_token": "", "grants": [], "crm": tokens_then}
    read = connection_in(ORG, ADA, then)
    assert read
    assert read.crm
    assert (read.listed, read.sees, read.crm.origin, read.crm.through_account) == (False, None, "", False)
    assert read.crm.crm == CrmChoice("embedded")


@pytest.mark.parametrize("wrong", [{"sees": "all"}, {"crm": {"account": "1"}}, {"crm": {"unknown": 1}}])
def test_what_nobody_here_has_written_is_not_believed(wrong: dict[str, Any]) -> None:
    facts = {"address": "a@b.example", "own_addresses": [], "own_domains": [], "gmail_token": "", "grants": []}
    with pytest.raises(BadAnswer):
        connection_in(ORG, ADA, {**facts, **wrong})
