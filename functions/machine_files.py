"""The files of one machine: which they are, who serves from them, and whether this MailMagnet can read them."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from functions.settings import Settings
from mailmagnet.crm_choice import EMBEDDED
from mailmagnet.errors import BadSetting

FIRESTORE = "MAILMAGNET_FIRESTORE_PROJECT is set: what is kept is in Google Cloud, and not in files of this machine"


@dataclass(frozen=True, slots=True)
class MachineFiles:
    """Where they are: the store's, the vault's, and the embedded CRM's."""

    store: Path
    vault: Path
    crm: Path

    @property
    def in_use(self) -> Path:
        """Held by whoever serves from these files, or restores them; it stays, as one that was deleted could be held twice."""
        return self.store.with_name(f"{self.store.name}.in-use")

    @property
    def restoring(self) -> Path:
        """There while a restore is under way, and until one has come to its end."""
        return self.store.with_name(f"{self.store.name}.restoring")


def machine_files(settings: Settings) -> MachineFiles:
    """Raises BadSetting when the settings are of a deployment in the cloud."""
    if settings.firestore_project:
        raise BadSetting(FIRESTORE)
    return MachineFiles(settings.store_database, settings.vault_file, settings.crm_database)


@contextmanager
def held(files: MachineFiles, what: str) -> Iterator[None]:
    """Nobody else serves from these files or restores them meanwhile; `what` is what others are told of it.

    The system lets go of a dead process's hold. Raises BadSetting when somebody has them.
    """
    try:
        files.in_use.parent.mkdir(parents=True, exist_ok=True)
        holder = os.open(files.in_use, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise BadSetting(f"the folder {files.in_use.parent.absolute()} cannot be used ({error.strerror})") from None
    try:
        try:
            fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = os.read(holder, 1_000).decode(errors="replace")
            raise BadSetting(
                f"{files.in_use.parent.absolute()} is in use: {other or 'another MailMagnet starts there'}"
            ) from None
        os.truncate(holder, 0)
        os.pwrite(holder, what.encode(), 0)
        yield
        os.truncate(holder, 0)
    finally:
        os.close(holder)


def require_restored(files: MachineFiles) -> None:
    """They belong together. Raises BadSetting after a restore that did not come to its end."""
    if files.restoring.exists():
        raise BadSetting(f"a restore into {files.store.parent.absolute()} did not come to its end: call mailmagnet restore again")


async def check_files(settings: Settings) -> None:
    """This MailMagnet can read them all: the store's file is made or brought up to date, the vault's opens with its key, the CRM's is of
    this version. Raises what names the file and what to do: BadSetting, BadAnswer, Unavailable.
    """
    from crm_client.embedded.database import close_idle, reading
    from metadata_store.sqlite import SqliteStore
    from token_vault.encrypted_file import EncryptedFileVault

    files = machine_files(settings)
    require_restored(files)
    await EncryptedFileVault(files.vault, settings.vault_key.get_secret_value()).leaving()
    if settings.crm == EMBEDDED and not files.crm.exists():
        raise BadSetting(
            f"the CRM's file {files.crm} is not there: make it with mailmagnet crm create (or set MAILMAGNET_CRM_DATABASE)"
        )
    if files.crm.exists():
        with reading(files.crm):
            pass
        close_idle(files.crm)
    await SqliteStore(files.store).close()
