"""What a run of the tests tells at its end: the time that each folder took, what a test has counted, and what this machine lacks."""

from collections import defaultdict

import pytest

from tests.contract.firestore_emulator import HOW_TO_GET_IT, MISSING

COUNTED = "counted"
"""The property (`record_property`) by which a test tells what it has counted."""


class ToldAtTheEnd:
    """A plugin of the process that the results come to, be it the only one or the one above the workers."""

    def __init__(self) -> None:
        self._spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self._cases: dict[str, set[str]] = defaultdict(set)
        self._counted: list[str] = []
        self._lacks_emulator = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        folder = report.nodeid.split("/")[1]
        self._spans[folder].append((report.start, report.stop))
        self._cases[folder].add(report.nodeid)
        if report.when == "teardown":
            self._counted += [str(what) for name, what in report.user_properties if name == COUNTED]
        self._lacks_emulator |= report.failed and MISSING in report.longreprtext

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        everything = [span for spans in self._spans.values() for span in spans]
        if not everything:
            return
        terminalreporter.section("time by folder")
        terminalreporter.line(_line("", "cases", "wall", "sum"))
        for folder, spans in sorted(self._spans.items()):
            terminalreporter.line(_line(folder, str(len(self._cases[folder])), _clock(wall(spans)), _clock(total(spans))))
        cases = sum(map(len, self._cases.values()))
        terminalreporter.line(_line("together", str(cases), _clock(wall(everything)), _clock(total(everything))))
        for counted in self._counted:
            terminalreporter.line(counted)

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        if self._lacks_emulator:
            config.get_terminal_writer().line(f"{MISSING}, so its tests failed. {HOW_TO_GET_IT}", red=True)


def total(spans: list[tuple[float, float]]) -> float:
    """Seconds of all tests, also of those that ran side by side."""
    return sum(stop - start for start, stop in spans)


def wall(spans: list[tuple[float, float]]) -> float:
    """Seconds during which at least one of the tests ran."""
    seconds, reached = 0.0, 0.0
    for start, stop in sorted(spans):
        seconds += max(stop - max(start, reached), 0.0)
        reached = max(reached, stop)
    return seconds


def _line(folder: str, *columns: str) -> str:
    return f"{folder:<10}" + "".join(f"{column:>8}" for column in columns)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
