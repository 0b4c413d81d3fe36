"""A step of a plan: why, how it is seen whether it is done, and what makes it so. The same words run here and in a shell script.

`${NAME}` in a word, a file or what is looked for is a value that an earlier `Learn` found out; `${FILES}` is the folder of a step's files.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Command:
    """`words` as a shell splits them. `secret`: what it is given on standard input, never written anywhere: "new", a random value;
    else the question by which it is asked for."""

    words: tuple[str, ...]
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Learn:
    """A value that Google knows: what the command prints, kept under the name. `missing`: what to do if it prints nothing."""

    name: str
    why: str
    command: Command
    missing: str


@dataclass(frozen=True, slots=True)
class Step:
    """Done when `look` prints `wanted` (white space at both ends aside); else, or where it fails, `make` is run, command by command.

    `files`: text by name, written into `${FILES}` first. `undo` takes the step back, for `mailmagnet destroy`; done when `look` prints
    nothing or fails (`gone`, if given, is looked at in its place). `data`: it holds what users have kept, and stays unless asked for.
    `help`: what to do when it fails.
    """

    title: str
    why: str
    look: Command
    wanted: str
    make: tuple[Command, ...]
    help: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    undo: tuple[Command, ...] = ()
    gone: Command | None = None
    data: bool = False


def gcloud(line: str, *further: str) -> Command:
    """A gcloud command: the line is split at its spaces, further words are taken as they are. It never asks back."""
    return Command(("gcloud", *line.split(), *further, "--quiet"))
