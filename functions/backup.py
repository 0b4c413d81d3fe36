"""A backup of one machine's files, made while MailMagnet runs, and the way back.

All is copied while the vault is held still: so nobody connects, leaves or signs in between one copy and the next, and the vault's copy is
true of the store's. A restored mailbox whose connection was forgotten meanwhile would be harmless (it asks for consent); a token whose
mailbox is gone would not, as nobody would ever see or end it.
"""

import asyncio
import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from functions.machine_files import MachineFiles, held, machine_files, require_restored
from functions.settings import Settings
from mailmagnet.errors import BadSetting, MailMagnetError
from metadata_store.sqlite import SqliteStore
from token_vault.encrypted_file import EncryptedFileVault, held_still

STORE, CRM, VAULT, CONTENTS = "store.sqlite", "crm.sqlite", "vault", "backup.json"
"""A backup's files. The last one says when it was made, and the others' SHA-256."""

BUSY_SECONDS = 5.0
"""How long a copy waits for another's writing to end."""


def back_up(settings: Settings, folder: Path) -> None:
    """Copy all into `folder`, which is new or empty, for its owner alone; after a failure nothing is there.

    The vault's key is not in it. Raises BadSetting, and TimedOut or Unavailable of the vault's.
    """
    files = machine_files(settings)
    require_restored(files)
    if not files.store.exists():
        raise BadSetting(f"there is nothing to back up: the store's file {files.store} is not there")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadSetting(f"{folder} holds something already: name a new or an empty folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise _cannot_be_written(folder, error) from None
    try:
        _copy_all(files, unfinished)
        _check_vault(settings, unfinished / VAULT)
        _tell_contents(unfinished)
        unfinished.replace(folder)
        _sync(folder.parent)
    except (OSError, sqlite3.Error) as error:
        raise _cannot_be_written(folder, error) from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def put_back(settings: Settings, folder: Path, *, replacing: bool) -> datetime:
    """Put a backup's files where the settings have them; when it was made. Without `replacing` none may be there.

    Nothing is touched before all of the backup is proven whole, and readable by this MailMagnet with this key. A restore that did not
    come to its end keeps MailMagnet from starting until it is done again. Raises BadSetting also while MailMagnet serves from there.
    """
    files = machine_files(settings)
    made_at, names = _proven(folder)
    with held(files, "mailmagnet restore is under way"):
        there = [str(file) for file in (files.store, files.vault, files.crm) if file.exists()]
        if there and not replacing and not files.restoring.exists():
            raise BadSetting(f"{', '.join(there)}: there already; --replace puts the backup in place of what is there")
        try:
            prepared = _prepared(settings, files, folder, names)
            _swap(files, prepared)
        except (OSError, sqlite3.Error) as error:
            raise _cannot_be_written(files.store.parent, error) from None
    return made_at


def _copy_all(files: MachineFiles, to: Path) -> None:
    """As long as this takes, whoever connects or signs in waits."""
    with held_still(files.vault):
        if files.vault.exists():
            _write(to / VAULT, files.vault.read_bytes())
        _copy_database(files.store, to / STORE)
        if files.crm.exists():
            _copy_database(files.crm, to / CRM)


def _copy_database(database: Path, copy: Path) -> None:
    """One state of it, whatever is written meanwhile, without what was deleted; in WAL mode, as it is used."""
    _write(copy, b"")
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS)) as source:
        source.execute("VACUUM INTO ?", (str(copy),))
    with closing(sqlite3.connect(copy)) as copied:
        if copied.execute("PRAGMA quick_check").fetchall() != [("ok",)]:
            raise BadSetting(f"{database} is damaged: its copy does not hold together")
        copied.execute("PRAGMA journal_mode = WAL")


def _check_vault(settings: Settings, vault: Path) -> None:
    """Raises BadAnswer when it cannot be read with the settings' key: then no backup of it is worth anything."""
    asyncio.run(EncryptedFileVault(vault, settings.vault_key.get_secret_value()).leaving())
    vault.with_name(f"{vault.name}.lock").unlink(missing_ok=True)


def _tell_contents(folder: Path) -> None:
    contents = {"made_at": datetime.now(UTC).isoformat(timespec="seconds"), "files": _digests(folder)}
    _write(folder / CONTENTS, json.dumps(contents, indent=2).encode())
    for file in folder.iterdir():
        _sync(file)
    _sync(folder)


def _digests(folder: Path) -> Mapping[str, str]:
    there = (folder / name for name in (STORE, CRM, VAULT))
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in there if file.exists()}


def _proven(folder: Path) -> tuple[datetime, frozenset[str]]:
    """When the backup was made, and which files are in it. Raises BadSetting when it is none, or not as it was made."""
    try:
        contents = json.loads((folder / CONTENTS).read_text())
        made_at, expected = datetime.fromisoformat(contents["made_at"]), dict(contents["files"])
        found = _digests(folder)
    except (OSError, ValueError, KeyError, TypeError):
        raise BadSetting(f"{folder} is no backup of MailMagnet") from None
    if damaged := sorted({name for name, _ in found.items() ^ expected.items()}):
        raise BadSetting(f"the backup {folder} is not as it was made: {', '.join(damaged)}")
    if STORE not in found:
        raise BadSetting(f"the backup {folder} is not whole: {STORE} is missing")
    return made_at, frozenset(found)


def _prepared(settings: Settings, files: MachineFiles, folder: Path, names: frozenset[str]) -> Mapping[Path, Path]:
    """By the file that it is for, its copy beside that, proven readable; the store's is brought up to date."""
    targets = {STORE: files.store, CRM: files.crm, VAULT: files.vault}
    copies = {targets[name]: targets[name].with_name(f".{targets[name].name}.restored") for name in names}
    try:
        for name in names:
            copy = copies[targets[name]]
            copy.parent.mkdir(parents=True, exist_ok=True)
            _forget_database(copy)
            _write(copy, (folder / name).read_bytes())
        asyncio.run(SqliteStore(copies[files.store]).close())
        if files.vault in copies:
            _check_vault(settings, copies[files.vault])
        for copy in copies.values():
            _sync(copy)
    except (MailMagnetError, OSError, sqlite3.Error):
        for copy in copies.values():
            _forget_database(copy)
        raise
    return copies


def _swap(files: MachineFiles, prepared: Mapping[Path, Path]) -> None:
    """The copies in place of the files; `restoring` is there as long as they do not all belong together."""
    files.restoring.touch(mode=0o600)
    _sync(files.restoring.parent)
    with held_still(files.vault):
        if files.vault not in prepared:
            files.vault.unlink(missing_ok=True)
        for file, copy in prepared.items():
            # SQLite would write what the old file's log holds into the new one.
            _forget_log(file)
            copy.replace(file)
            _sync(file.parent)
    files.restoring.unlink()
    _sync(files.restoring.parent)


def _forget_database(database: Path) -> None:
    database.unlink(missing_ok=True)
    _forget_log(database)


def _forget_log(database: Path) -> None:
    for behind in ("-wal", "-shm"):
        database.with_name(f"{database.name}{behind}").unlink(missing_ok=True)


def _write(file: Path, content: bytes) -> None:
    """A new file, which its owner alone may read."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:
        new.write(content)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cannot_be_written(folder: Path, error: OSError | sqlite3.Error) -> BadSetting:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return BadSetting(f"{folder} cannot be written ({reason})")
