"""What tests use of npm, installed from the lock file beside it when it is not there."""

import fcntl
import subprocess
from pathlib import Path

SECONDS = 240


def npm_packages(folder: Path) -> Path:
    """The folder's node_modules, whole: of several processes that want them one installs, and the others wait."""
    modules = folder / "node_modules"
    with (folder / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (modules / ".package-lock.json").is_file():  # npm's own, written last
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, check=True, timeout=SECONDS)
    return modules
