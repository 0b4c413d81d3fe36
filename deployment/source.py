"""The source that the image is made of: what .gcloudignore lets through, and the tag that names it."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path


def uploaded(folder: Path) -> Iterator[Path]:
    """Each file that is uploaded, below the folder. .gcloudignore leaves all out but the names behind `!/`."""
    for line in (folder / ".gcloudignore").read_text("utf-8").splitlines():
        if line.startswith("!/"):
            path = folder / line.removeprefix("!/")
            files = path.rglob("*") if path.is_dir() else [path]
            yield from sorted(file for file in files if file.is_file() and "__pycache__" not in file.parts)


def image_tag(folder: Path) -> str:
    """The same for the same files, so that an image is built once."""
    digest = sha256()
    for file in uploaded(folder):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]
