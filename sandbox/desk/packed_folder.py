"""A folder of mail as the page sends it, in one stream: of each file a line of JSON with its path and size, then its bytes."""

import json
from pathlib import Path
from typing import BinaryIO

from sandbox.desk.request_body import BadBody

LONGEST_LINE = 100_000
_TOGETHER = 1 << 20


def unpack(packed: Path, into: Path) -> None:
    """Write the files below `into`; no path leads out of it. Raises BadBody."""
    with packed.open("rb") as stream:
        while line := stream.readline(LONGEST_LINE):
            path, size = _announced(line)
            target = into.joinpath(*(part for part in path.split("/") if part not in ("", ".", "..")))
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as file:
                    _copy(stream, file, size)
            except OSError as failed:
                raise BadBody("A file of the folder could not be kept.") from failed


def _announced(line: bytes) -> tuple[str, int]:
    try:
        said = json.loads(line)
        path, size = said["path"], said["size"]
    except (ValueError, KeyError, TypeError):
        path, size = None, None
    if not isinstance(path, str) or not isinstance(size, int) or "\0" in path or not path.strip("./") or size < 0:
        raise BadBody("A folder comes as its files, each after a line that names its path and size.")
    return path, size


def _copy(stream: BinaryIO, file: BinaryIO, size: int) -> None:
    while size:
        some = stream.read(min(size, _TOGETHER))
        if not some:
            raise BadBody("The folder's last file is not whole.")
        file.write(some)
        size -= len(some)
