"""A plan as a shell script that does the same: for whoever wants to read it first, or to run it by hand."""

import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import chain
from textwrap import wrap

from deployment.carry_out import VALUE
from deployment.plan import Plan
from deployment.step import Command, Learn, Step

WIDTH = 110
"""Characters of a line in the script, where its words allow it."""
HEAD = """#!/usr/bin/env bash
# What `mailmagnet deploy` does, from deployment.yaml. Each step looks first whether it is done; run it again as often as you like.
set -euo pipefail
FILES="$(mktemp -d)"
export FILES
trap 'rm -rf "$FILES"' EXIT
"""
HEAD_BACK = """#!/usr/bin/env bash
# What `mailmagnet destroy` does, from deployment.yaml: the last step first. Each looks first whether there is anything to take back.
set -euo pipefail
"""


def script(plan: Plan) -> str:
    """The plan, for bash."""
    return "\n".join([HEAD, *(_text(number, step) for number, step in enumerate(plan, 1))])


def script_back(plan: Plan, *, data: bool) -> str:
    """Taking the plan back, for bash."""
    undone = [step for step in reversed(plan) if isinstance(step, Step) and step.undo and (data or not step.data)]
    commands = "\n".join(map(_undone, undone))
    learnt = [step for step in plan if isinstance(step, Learn) and f"${{{step.name}}}" in commands]
    values = [f'{step.name}="$({_line(step.command)} 2>/dev/null || true)"\n' for step in learnt]
    return "\n".join([HEAD_BACK, *values, commands])


def _text(number: int, step: Step | Learn) -> str:
    return "\n".join(_learnt(number, step) if isinstance(step, Learn) else _made(number, step)) + "\n"


def _learnt(number: int, learn: Learn) -> Iterator[str]:
    yield from _comment(f"{number}. {learn.name}: {learn.why}")
    yield f'{learn.name}="$({_line(learn.command)})"'
    yield f'[ -n "${learn.name}" ] || {{ echo {shlex.quote(learn.missing)} >&2; exit 1; }}'


def _made(number: int, step: Step) -> Iterator[str]:
    yield from _comment(f"{number}. {step.title}: {step.why}")
    for name, text in step.files.items():
        yield f'cat > "$FILES/{name}" <<EOF\n{_escaped(text.rstrip())}\nEOF'
    yield f'if [ "$({_line(step.look)} 2>/dev/null || true)" != {_word(step.wanted)} ]; then'
    yield from chain.from_iterable(_given(command) for command in step.make)
    yield "fi"


def _undone(step: Step) -> str:
    commands = "\n".join(f"    {_line(command)}" for command in step.undo)
    return f'# {step.title}\nif [ -n "$({_line(step.look)} 2>/dev/null || true)" ]; then\n{commands}\nfi\n'


def _given(command: Command) -> Iterator[str]:
    if not command.secret:
        yield f"    {_line(command)}"
    elif command.secret == "new":  # noqa: S105
        yield f"    openssl rand -hex 32 | tr -d '\\n' | {_line(command)}"
    else:
        yield f"    read -r -s -p {shlex.quote(command.secret + ': ')} ANSWER"
        yield f"    printf '%s' \"$ANSWER\" | {_line(command)}"


def _comment(text: str) -> Iterator[str]:
    yield from (f"# {line}" for line in wrap(text, 126, break_long_words=False, break_on_hyphens=False))


def _line(command: Command) -> str:
    """The command, a long one over several lines."""
    words = [_word(word) for word in command.words]
    line = " ".join(words)
    return line if len(line) <= WIDTH else " \\\n        ".join(_filled(words))


def _filled(words: Sequence[str]) -> Iterator[str]:
    line = words[0]
    for word in words[1:]:
        if len(line) + len(word) < WIDTH:
            line = f"{line} {word}"
        else:
            yield line
            line = word
    yield line


def _word(word: str) -> str:
    """A word as bash reads it; only `${NAME}` is left for it to fill in."""
    if not VALUE.search(word):
        return shlex.quote(word)
    return f'"{_escaped(word, chr(34))}"'


def _escaped(text: str, also: str = "") -> str:
    parts = re.split(r"(\$\{[A-Z_]+\})", text)
    return "".join(part if VALUE.fullmatch(part) else re.sub(rf"([\\$`{also}])", r"\\\1", part) for part in parts)
