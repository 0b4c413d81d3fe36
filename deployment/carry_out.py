"""Carrying a plan out, and taking it back, step by step. Whoever starts it again goes on where it stopped."""

import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

from deployment.plan import Plan
from deployment.step import Command, Learn, Step
from mailmagnet.errors import StepFailed

SECONDS = 1800
"""The deadline of one command: a build takes the longest."""
VALUE = re.compile(r"\$\{([A-Z_]+)\}")


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said: `code` is 0 where it did what it was told to."""

    code: int
    out: str
    err: str


class Done(StrEnum):
    """What became of a step."""

    THERE = "there already"
    MADE = "done"
    LEARNT = "known"
    GONE = "gone already"
    UNDONE = "taken back"
    KEPT = "kept"


Run = Callable[[Sequence[str], str], Said]
"""Runs words with a text on standard input."""
Ask = Callable[[str], str]
"""Asks a person for a secret."""
Begun = Callable[[str], None]
"""Told of a step that begins: its title."""
Told = Callable[[str, Done], None]
"""Told of a step that is over: its title, and what became of it."""


def run(words: Sequence[str], given: str) -> Said:
    """The command, as a process. Raises StepFailed if it is not on this machine, or takes longer than half an hour."""
    try:
        done = subprocess.run(words, input=given, capture_output=True, text=True, check=False, timeout=SECONDS)  # noqa: S603 (the plan's own words)
    except FileNotFoundError:
        raise StepFailed(f"{words[0]} is not installed here: https://cloud.google.com/sdk/docs/install") from None
    except subprocess.TimeoutExpired:
        raise StepFailed(f"{' '.join(words[:4])} took longer than half an hour. Call this again: it goes on here") from None
    return Said(done.returncode, done.stdout, done.stderr)


def carry_out(plan: Plan, run: Run, ask: Ask, begun: Begun, told: Told) -> Mapping[str, str]:
    """Make all of it so; the values learnt. Raises StepFailed, which says where it stopped and what to do."""
    with TemporaryDirectory(prefix="mailmagnet-") as files:
        work = _Work(run, ask, {"FILES": files})
        for number, step in enumerate(plan, 1):
            begun(step.title if isinstance(step, Step) else step.name)
            try:
                told(*work.make(step))
            except StepFailed as failed:
                title = step.title if isinstance(step, Step) else step.name
                raise StepFailed(f"Step {number} of {len(plan)}, {title}, failed.\n{failed}") from None
        return work.values


def take_back(plan: Plan, run: Run, begun: Begun, told: Told, *, data: bool) -> None:
    """Take all of it back, the last first; what users have kept only if `data`. Raises StepFailed as `carry_out`."""
    work = _Work(run, _nobody, {})
    for step in plan:
        if isinstance(step, Learn):
            work.learn_if_there(step)
    for step in reversed(plan):
        if isinstance(step, Step) and step.undo:
            begun(step.title)
            told(step.title, Done.KEPT if step.data and not data else work.undo(step))


def _nobody(question: str) -> str:
    raise StepFailed(question)


class _Work:
    def __init__(self, run: Run, ask: Ask, values: dict[str, str]) -> None:
        self._run, self._ask, self.values = run, ask, values

    def make(self, step: Step | Learn) -> tuple[str, Done]:
        if isinstance(step, Learn):
            self._learn(step)
            return step.name, Done.LEARNT
        if self._there(step):
            return step.title, Done.THERE
        for name, text in step.files.items():
            (Path(self.values["FILES"]) / name).write_text(self._filled(text), "utf-8")
        for command in step.make:
            self._must(command, step.help)
        return step.title, Done.MADE

    def undo(self, step: Step) -> Done:
        known = {name for command in (step.look, *step.undo) for word in command.words for name in VALUE.findall(word)}
        if not known <= set(self.values):
            return Done.GONE
        said = self._said(step.look)
        if said.code or not said.out.strip():
            return Done.GONE
        for command in step.undo:
            self._must(command, step.help)
        return Done.UNDONE

    def learn_if_there(self, learn: Learn) -> None:
        if all(name in self.values for word in learn.command.words for name in VALUE.findall(word)):
            said = self._said(learn.command)
            if not said.code and said.out.strip():
                self.values[learn.name] = said.out.strip()

    def _learn(self, learn: Learn) -> None:
        said = self._must(learn.command, learn.missing)
        if not said.out.strip():
            raise StepFailed(f"{_shown(learn.command)}\nprinted nothing.\nWhat to do: {learn.missing}")
        self.values[learn.name] = said.out.strip()

    def _there(self, step: Step) -> bool:
        said = self._said(step.look)
        return said.code == 0 and said.out.strip() == self._filled(step.wanted)

    def _must(self, command: Command, otherwise: str) -> Said:
        said = self._said(command)
        if said.code:
            advice = f"What to do: {otherwise}\n" if otherwise else ""
            raise StepFailed(f"{_shown(command)}\n{said.err.strip()}\n{advice}Then call this again: it goes on here.")
        return said

    def _said(self, command: Command) -> Said:
        given = ""
        if command.secret:
            given = token_hex(32) if command.secret == "new" else self._ask(command.secret)  # noqa: S105
        return self._run([self._filled(word) for word in command.words], given)

    def _filled(self, text: str) -> str:
        return VALUE.sub(lambda found: self.values[found[1]], text)


def _shown(command: Command) -> str:
    """The command's beginning: enough to know it by."""
    return " ".join(word for word in command.words if not word.startswith("-"))
