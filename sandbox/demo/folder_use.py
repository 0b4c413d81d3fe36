"""Who uses a demo's folder: one demo at a time, as long as its process lives; whoever comes second is told where the first one is."""

import fcntl
import os
from pathlib import Path

LOCK = "in-use"
"""The file that the demo holds a lock on; it says the demo's address."""


class FolderInUse(Exception):
    """Another demo runs on this folder; `address` is where, "" while it starts."""

    def __init__(self, folder: Path, address: str) -> None:
        super().__init__(f"A demo runs on {folder} already{f': open {address}' if address else ', and is about to start'}.")
        self.address = address


class FolderUse:
    """This process's hold on a folder, from its making until `end`, or until the process is gone in whatever way.

    Raises FolderInUse.
    """

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            address = os.read(self._file, 1_000).decode()
            os.close(self._file)
            raise FolderInUse(folder, address) from None
        os.truncate(self._file, 0)

    def tell(self, address: str) -> None:
        """From now on whoever comes second is told this address."""
        os.pwrite(self._file, address.encode(), 0)

    def end(self) -> None:
        """Others may use the folder."""
        os.truncate(self._file, 0)
        os.close(self._file)


def require_free(folder: Path) -> None:
    """Raises FolderInUse."""
    if (folder / LOCK).exists():
        FolderUse(folder).end()
