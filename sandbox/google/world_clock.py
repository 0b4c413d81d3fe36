"""The world's time: the machine's, turned by as much as somebody wished. What it is turned by stands in a file that others read."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path


class TurnedClock:
    """Called, it gives the world's aware time. `file` holds the seconds by which it is turned; without one it is not."""

    def __init__(self, file: Path, clock: Callable[[], datetime]) -> None:
        self.file = file
        self._clock = clock
        self.turned = timedelta(seconds=float(file.read_text())) if file.exists() else timedelta()

    def __call__(self) -> datetime:
        return self._clock() + self.turned

    def turn_to(self, moment: datetime) -> None:
        """From now on it is this moment, and time goes on from there."""
        self._keep(moment - self._clock())

    def turn_back(self) -> None:
        """To the machine's own time."""
        self._keep(timedelta())

    def _keep(self, turned: timedelta) -> None:
        self.turned = timedelta(seconds=round(turned.total_seconds()))
        whole = self.file.with_suffix(".new")
        whole.write_text(str(self.turned.total_seconds()))
        whole.replace(self.file)
