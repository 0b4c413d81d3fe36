"""`mailmagnet backup` and `restore`: what is copied while MailMagnet works belongs together, and is put back whole or not at all."""

import asyncio
import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.fernet import Fernet

from crm_client.embedded.administration import ADMINISTRATOR, add_user, create
from crm_client.embedded.database import close_idle, reading
from functions import backup
from functions.backup import CONTENTS, CRM, STORE, VAULT, back_up, put_back
from functions.command_line import mailmagnet
from functions.machine_files import check_files, held, machine_files
from functions.settings import Settings, read_settings
from mailmagnet.crm import Organisation
from mailmagnet.errors import BadAnswer, BadSetting
from mailmagnet.vault import Connection
from metadata_store.sqlite import VERSION, SqliteStore
from tests.unit.test_settings import GOOD
from token_vault.encrypted_file import EncryptedFileVault

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ORG = "corp.example"
KEY = Fernet.generate_key().decode()


def machine(folder: Path, key: str = KEY, **more: str) -> Settings:
    """The settings of a machine whose files are in this folder."""
    files = {"STORE_DATABASE": "store.sqlite", "CRM_DATABASE": "crm.sqlite", "VAULT_FILE": "vault"}
    here = {f"MAILMAGNET_{name}": str(folder / file) for name, file in files.items()}
    return read_settings(GOOD | here | {"MAILMAGNET_VAULT_KEY": key} | more)


async def connect(settings: Settings, user: str) -> None:
    """As the product does it: the token first, then the mailbox."""
    vault = EncryptedFileVault(settings.vault_file, settings.vault_key.get_secret_value())
    await vault.keep(Connection(ORG, user, f"{user}@corp.example", gmail_token=f"token of {user}"))
    store = SqliteStore(settings.store_database)
    await store.connect(ORG, user, f"{user}@corp.example", NOW)
    await store.close()


async def kept(settings: Settings) -> tuple[set[str], set[str]]:
    """Whose mailboxes the store has, and whose tokens the vault."""
    store = SqliteStore(settings.store_database)
    mailboxes = {mailbox.user for mailbox in await store.mailboxes(ORG)}
    await store.close()
    vault = EncryptedFileVault(settings.vault_file, settings.vault_key.get_secret_value())
    users = {user for org, users in (await vault._contents()).items() for user in users if org == ORG}
    return mailboxes, users


def crm_users(database: Path) -> list[str]:
    with reading(database) as connection:
        return sorted(email for (email,) in connection.execute("SELECT email FROM users"))


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """A machine with two users."""
    made = machine(tmp_path / "machine")
    for user in ("ada", "kim"):
        asyncio.run(connect(made, user))
    create(made.crm_database, Organisation("Corp", "UTC", "EUR"), ORG)
    add_user(made.crm_database, "Ada", "ada@corp.example", ADMINISTRATOR)
    yield made
    close_idle(made.crm_database)


def everything_in(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.is_file()}


def test_what_was_backed_up_comes_back_in_an_empty_place(settings: Settings, tmp_path: Path) -> None:
    back_up(settings, tmp_path / "backup")
    assert {file.name for file in (tmp_path / "backup").iterdir()} == {STORE, CRM, VAULT, CONTENTS}
    there = machine(tmp_path / "there")
    made_at = put_back(there, tmp_path / "backup", replacing=False)
    assert timedelta() <= datetime.now(UTC) - made_at < timedelta(minutes=1)
    assert asyncio.run(kept(there)) == ({"ada", "kim"}, {"ada", "kim"})
    assert crm_users(there.crm_database) == ["ada@corp.example"]
    close_idle(there.crm_database)
    asyncio.run(check_files(there))


def test_it_is_its_owners_alone_and_holds_no_deleted_row_and_no_key(settings: Settings, tmp_path: Path) -> None:
    with closing(sqlite3.connect(settings.store_database)) as store:
        store.execute("PRAGMA secure_delete = OFF")
        store.execute("INSERT INTO mails VALUES ('corp.example', 'ada', 'm1', 'unmentionable@a.example', 1)")
        store.execute("COMMIT")
        store.execute("DELETE FROM mails")
        store.execute("COMMIT")
    before = os.umask(0)
    try:
        back_up(settings, tmp_path / "backup")
    finally:
        os.umask(before)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "backup").iterdir()}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((tmp_path / "backup").stat().st_mode) == 0o700
    written = b"".join(everything_in(tmp_path / "backup").values())
    assert b"unmentionable" not in written
    assert KEY.encode() not in written
    assert b"token of ada" not in written


def test_nothing_is_overwritten_and_nothing_is_no_backup(settings: Settings, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "letter").write_text("mine")
    with pytest.raises(BadSetting, match=r"full holds something already"):
        back_up(settings, full)
    with pytest.raises(BadSetting, match=r"letter holds something already"):
        back_up(settings, full / "letter")
    assert everything_in(full) == {"letter": b"mine"}
    with pytest.raises(BadSetting, match="nothing to back up"):
        back_up(machine(tmp_path / "empty"), tmp_path / "backup")
    (tmp_path / "backup").mkdir()
    back_up(settings, tmp_path / "backup")


def test_a_vault_that_the_key_does_not_open_is_no_backup(settings: Settings, tmp_path: Path) -> None:
    other = machine(settings.vault_file.parent, key=Fernet.generate_key().decode())
    with pytest.raises(BadAnswer, match="MAILMAGNET_VAULT_KEY"):
        back_up(other, tmp_path / "backup")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["machine"]


STEPS_OF_A_BACKUP = ["_write", "_copy_database", "_check_vault", "_tell_contents", "_sync"]


@pytest.mark.parametrize("step", STEPS_OF_A_BACKUP)
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_a_backup_that_fails_anywhere_leaves_nothing_half_done(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    monkeypatch.setattr(backup, step, failing_once(getattr(backup, step), after=after))
    with pytest.raises(BadSetting, match="cannot be written"):
        back_up(settings, tmp_path / "backup")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["machine"]
    back_up(settings, tmp_path / "backup")


def failing_once(step: Callable[..., Any], *, after: bool, skip: int = 0) -> Callable[..., Any]:
    """The step, but for its first call behind so many, which fails as a full disk does."""
    calls = iter(range(1_000_000))

    def fails(*words: Any) -> Any:
        if next(calls) != skip:
            return step(*words)
        if after:
            step(*words)
        raise OSError(28, "No space left on device")

    return fails


def test_a_restore_replaces_nothing_unless_it_is_told_to(settings: Settings, tmp_path: Path) -> None:
    back_up(settings, tmp_path / "backup")
    asyncio.run(connect(settings, "noa"))
    before = everything_in(tmp_path / "machine")
    with pytest.raises(BadSetting, match=r"store\.sqlite.*there already; --replace"):
        put_back(settings, tmp_path / "backup", replacing=False)
    assert {name: content for name, content in everything_in(tmp_path / "machine").items() if "in-use" not in name} == before
    put_back(settings, tmp_path / "backup", replacing=True)
    assert asyncio.run(kept(settings)) == ({"ada", "kim"}, {"ada", "kim"})


def test_what_the_old_files_log_holds_is_not_written_into_the_restored_one(settings: Settings, tmp_path: Path) -> None:
    """As after a crash: SQLite's log beside the file has what the file has not."""
    back_up(settings, tmp_path / "backup")
    store = SqliteStore(settings.store_database)
    asyncio.run(store.connect(ORG, "noa", "noa@corp.example", NOW))
    log = settings.store_database.with_name("store.sqlite-wal")
    assert b"noa@corp.example" in log.read_bytes()
    left = log.read_bytes()
    asyncio.run(store.close())
    log.write_bytes(left)
    put_back(settings, tmp_path / "backup", replacing=True)
    assert asyncio.run(kept(settings))[0] == {"ada", "kim"}


def test_a_restore_waits_for_nobody_who_serves(settings: Settings, tmp_path: Path) -> None:
    back_up(settings, tmp_path / "backup")
    with (
        held(machine_files(settings), "mailmagnet serve listens at http://127.0.0.1:8080"),
        pytest.raises(BadSetting, match="is in use: mailmagnet serve listens"),
    ):
        put_back(settings, tmp_path / "backup", replacing=True)
    with (
        held(machine_files(settings), ""),
        pytest.raises(BadSetting, match="in use: another MailMagnet starts there"),
        held(machine_files(settings), "second"),
    ):
        pass


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda folder: (folder / STORE).write_bytes(b"x"), "is not as it was made: store.sqlite"),
        (lambda folder: (folder / VAULT).unlink(), "is not as it was made: vault"),
        (lambda folder: (folder / CRM).write_bytes((folder / CRM).read_bytes()[:-1]), "is not as it was made: crm.sqlite"),
        (lambda folder: (folder / CONTENTS).unlink(), "is no backup of MailMagnet"),
        (lambda folder: (folder / CONTENTS).write_text("[]"), "is no backup of MailMagnet"),
        (lambda folder: (folder / CONTENTS).write_text('{"made_at": "soon", "files": {}}'), "is no backup of MailMagnet"),
        (shutil.rmtree, "is no backup of MailMagnet"),
    ],
)
def test_a_backup_that_is_not_whole_touches_nothing(
    settings: Settings, tmp_path: Path, spoil: Callable[[Path], object], why: str
) -> None:
    back_up(settings, tmp_path / "backup")
    spoil(tmp_path / "backup")
    before = everything_in(tmp_path / "machine")
    with pytest.raises(BadSetting, match=why):
        put_back(settings, tmp_path / "backup", replacing=True)
    assert everything_in(tmp_path / "machine") == before


def test_one_that_this_machine_could_not_read_touches_nothing(settings: Settings, tmp_path: Path) -> None:
    with closing(sqlite3.connect(settings.store_database)) as store:
        store.execute(f"PRAGMA user_version = {VERSION + 1}")
    back_up(settings, tmp_path / "newer")
    with closing(sqlite3.connect(settings.store_database)) as store:
        store.execute(f"PRAGMA user_version = {VERSION}")
    back_up(settings, tmp_path / "backup")
    before = everything_in(tmp_path / "machine")
    with pytest.raises(BadSetting, match=f"version {VERSION + 1}"):
        put_back(settings, tmp_path / "newer", replacing=True)
    other = machine(tmp_path / "machine", key=Fernet.generate_key().decode())
    with pytest.raises(BadAnswer, match="MAILMAGNET_VAULT_KEY"):
        put_back(other, tmp_path / "backup", replacing=True)
    after = {name: content for name, content in everything_in(tmp_path / "machine").items() if "in-use" not in name}
    assert after == before


@pytest.mark.parametrize("skip", range(12))
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_a_restore_that_stops_anywhere_starts_nothing_until_it_is_done(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skip: int, after: bool
) -> None:
    """At whichever of its writes the machine went off: all is as it was, or MailMagnet does not start; and it can be done again."""
    back_up(settings, tmp_path / "backup")
    asyncio.run(connect(settings, "noa"))
    monkeypatch.setattr(backup, "_sync", failing_once(backup._sync, after=after, skip=skip))
    try:
        put_back(settings, tmp_path / "backup", replacing=True)
    except BadSetting:
        try:
            asyncio.run(check_files(settings))
        except BadSetting as refused:
            assert "call mailmagnet restore again" in str(refused)
            with pytest.raises(BadSetting, match="restore again"):
                back_up(settings, tmp_path / "another")
        else:
            whose, tokens = asyncio.run(kept(settings))
            assert whose == tokens
    monkeypatch.undo()
    put_back(settings, tmp_path / "backup", replacing=machine_files(settings).restoring.exists() is False)
    assert asyncio.run(kept(settings)) == ({"ada", "kim"}, {"ada", "kim"})
    asyncio.run(check_files(settings))
    assert not [file.name for file in (tmp_path / "machine").iterdir() if file.name.startswith(".")]


def test_backups_under_load_belong_together_and_nobody_is_kept_waiting_long(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four users connect all the while, one after the other; between the copies time is left for everybody to write."""
    copied = backup._copy_database

    def slowly(database: Path, copy: Path) -> None:
        time.sleep(0.1)
        copied(database, copy)
        time.sleep(0.1)

    monkeypatch.setattr(backup, "_copy_database", slowly)
    stop, waited, connected = Event(), [0.0], [0]

    def keep_connecting(writer: int) -> None:
        number = 0
        while not stop.is_set():
            started = time.monotonic()
            asyncio.run(connect(settings, f"user-{writer}-{number}"))
            waited[0] = max(waited[0], time.monotonic() - started)
            number += 1
            connected[0] += 1

    writers = [Thread(target=keep_connecting, args=[writer]) for writer in range(4)]
    for writer in writers:
        writer.start()
    try:
        for number in range(3):
            wait_for_more(connected, 4)
            back_up(settings, tmp_path / f"backup-{number}")
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert connected[0] > 10
    assert waited[0] < 5
    before = 0
    for number in range(3):
        there = machine(tmp_path / f"there-{number}")
        put_back(there, tmp_path / f"backup-{number}", replacing=False)
        mailboxes, tokens = asyncio.run(kept(there))
        assert mailboxes <= tokens
        assert len(tokens - mailboxes) <= len(writers)  # each is in the middle of connecting one at most
        assert len(mailboxes) > before
        before = len(mailboxes)
        asyncio.run(check_files(there))


def wait_for_more(count: list[int], more: int) -> None:
    until, enough = time.monotonic() + 30, count[0] + more
    while count[0] < enough:
        assert time.monotonic() < until
        time.sleep(0.005)


def test_the_command_lines_say_what_to_know(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    for name in ("STORE_DATABASE", "CRM_DATABASE", "VAULT_FILE"):
        monkeypatch.setenv(f"MAILMAGNET_{name}", str(getattr(settings, name.lower())))
    monkeypatch.setenv("MAILMAGNET_VAULT_KEY", KEY)
    made = CliRunner().invoke(mailmagnet, ["backup", "mine"])
    assert (made.exit_code, "MAILMAGNET_VAULT_KEY, which is not in it" in made.output) == (0, True)
    again = CliRunner().invoke(mailmagnet, ["backup", "mine"])
    assert (again.exit_code, "holds something already" in again.output) == (1, True)
    refused = CliRunner().invoke(mailmagnet, ["restore", "mine"])
    assert (refused.exit_code, "--replace" in refused.output) == (1, True)
    restored = CliRunner().invoke(mailmagnet, ["restore", "mine", "--replace"])
    assert (restored.exit_code, "All is as it was on" in restored.output) == (0, True)
