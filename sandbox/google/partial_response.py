"""Partial responses: the `fields` parameter (https://developers.google.com/workspace/gmail/api/guides/performance#partial)."""

import re
from typing import Any

Tree = dict[str, "Tree"]
"""Field names to what is wanted inside each; an empty tree is all of it."""

_TOKEN = re.compile(r"[A-Za-z_*][A-Za-z0-9_-]*|[,/()]")


class BadFields(ValueError):
    """The selection cannot be read."""


def parse(fields: str) -> Tree:
    """`messages(id,threadId),nextPageToken` as a tree. Raises BadFields."""
    tokens = _TOKEN.findall(fields)
    if "".join(tokens) != re.sub(r"\s", "", fields):
        raise BadFields(f"Invalid field selection {fields}")
    tree, rest = _list(tokens)
    if rest:
        raise BadFields(f"Invalid field selection {fields}")
    return tree


def select(tree: Tree, value: Any) -> Any:
    """The wanted part of an answer."""
    if not tree:
        return value
    if isinstance(value, list):
        return [select(tree, item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: select(tree.get(name, tree.get("*", {})), inner) for name, inner in value.items() if name in tree or "*" in tree
    }


def _list(tokens: list[str]) -> tuple[Tree, list[str]]:
    tree: Tree = {}
    while True:
        tokens = _one(tokens, tree)
        if not tokens or tokens[0] != ",":
            return tree, tokens
        tokens = tokens[1:]


def _one(tokens: list[str], tree: Tree) -> list[str]:
    """Reads one field with what is inside it into `tree`; the tokens after it."""
    if not tokens or tokens[0] in ",/()":
        raise BadFields("Invalid field selection")
    inner = tree.setdefault(tokens[0], {})
    rest = tokens[1:]
    if rest[:1] == ["/"]:
        return _one(rest[1:], inner)
    if rest[:1] == ["("]:
        found, rest = _list(rest[1:])
        inner.update(found)
        if rest[:1] != [")"]:
            raise BadFields("Invalid field selection")
        return rest[1:]
    return rest
