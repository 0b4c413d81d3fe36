"""What Google would refuse, drop or strip in a card or in an add-on's answer: in words, each with the place where it is."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from html import unescape
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, ValidationError, validators
from jsonschema.protocols import Validator

from sandbox.cards.answer_format import ANSWER_FORMAT
from sandbox.cards.card_rules import OPENS, card_rules
from sandbox.cards.open_links import OpenLinks, links_of

Json = dict[str, Any]
Errors = Iterator[ValidationError]


def refused(found: Any, *, to_trigger: bool = False, open_links: OpenLinks | None = None) -> list[str]:
    """The faults of a card or of an add-on's answer, whichever it is. The rest is as in `answer_faults`."""
    if not isinstance(found, dict):
        return ["it should be an object: a card, or an add-on's answer"]
    if is_answer(found):
        return answer_faults(found, to_trigger=to_trigger, open_links=open_links)
    return card_faults(found, open_links=open_links)


def is_answer(found: Json) -> bool:
    """Whether it is one of the forms that an add-on answers in; else it is read as a card."""
    return not ANSWER_FORMAT["Answer"]["properties"].keys().isdisjoint(found)


def card_faults(card: Any, *, open_links: OpenLinks | None = None) -> list[str]:
    """The faults of a single card, none twice. `open_links`: what the deployment lets be opened, where there is one."""
    return _faults(card, "Card", "card", open_links)


def answer_faults(answer: Any, *, to_trigger: bool = False, open_links: OpenLinks | None = None) -> list[str]:
    """The faults of an add-on's answer, and of the cards in it, none twice. `to_trigger`: what the answer is to, where that is known;
    `open_links`: what the deployment lets be opened, where there is one."""
    faults = _faults(answer, "Answer", "", open_links)
    if to_trigger and isinstance(answer, dict) and "renderActions" in answer:
        faults.append("renderActions is the form of an answer to a click: to a trigger, Gmail looks for action")
    return faults


def _faults(value: Any, kind: str, root: str, open_links: OpenLinks | None) -> list[str]:
    try:
        found = [words for error in _errors(value, kind) for words in _in_words(error, root)]
        return list(dict.fromkeys([*found, *(_uncovered(value, root, open_links) if open_links else ())]))
    except RecursionError:
        return ["it is nested too deeply"]


def _errors(value: Any, kind: str) -> list[ValidationError]:
    """What is of another type than it should be has no other error."""
    errors = list(_validator(kind).iter_errors(value))
    of_other_type = {error.json_path for error in errors if error.validator == "type"}
    return [error for error in errors if error.validator == "type" or error.json_path not in of_other_type]


def _uncovered(value: Any, root: str, open_links: OpenLinks) -> Iterator[str]:
    for place, url in links_of(value, root):
        if not open_links.cover(url):
            yield f"{place} is “{url}”: none of the deployment's openLinkUrlPrefixes covers it"


@cache
def _validator(kind: str) -> Validator:
    made: Validator = _WITH_OWN_KEYWORDS({"$ref": f"#/$defs/{kind}", "$defs": definitions()})
    return made


@cache
def definitions() -> dict[str, Json]:
    """JSON Schemas by type ("Card", "Widget", ..., "Answer"): Google's description and the rules beside it."""
    card_format = json.loads(files("sandbox.cards").joinpath("card_format.json").read_text("utf-8"))
    rules = {kind: {"allOf": of_kind} for kind, of_kind in card_rules(card_format).items()}
    return {kind: described | rules.get(kind, {}) for kind, described in card_format.items()} | ANSWER_FORMAT


def _in_words(error: ValidationError, root: str) -> Iterator[str]:
    """What an error says. `root` is how the whole is called, or ""."""
    place = root
    for step in error.absolute_path:
        place += f"[{step}]" if isinstance(step, int) else f".{step}" if place else step
    broken = Broken(place or "it", error.instance, error.validator_value, error.schema)
    if "words" in broken.schema:
        yield broken.in_its_own_words()
    elif error.validator in WORDS:
        yield from WORDS[error.validator](broken)
    else:
        yield f"{place}{error.message}"


@dataclass(frozen=True, slots=True)
class Broken:
    """A keyword's `rule` of a `schema` that the value at a place breaks."""

    place: str
    value: Any
    rule: Any
    schema: Any

    def in_its_own_words(self) -> str:
        words: str = self.schema["words"]
        return words.format(place=self.place, value=self.value, given=" and ".join(self._given()) or "none")

    def _given(self) -> list[str]:
        """Which fields the object has of those that the rule names."""
        rule = json.dumps(self.rule)
        return [name for name in self.value if json.dumps(name) in rule] if isinstance(self.value, dict) else []


def _unknown(broken: Broken) -> Iterator[str]:
    for name in (name for name in broken.value if name not in broken.schema["properties"]):
        place = name if broken.place == "it" else f"{broken.place}.{name}"
        if elsewhere := broken.schema.get("elsewhere", {}).get(name):
            yield f"{place} is for {elsewhere['only']} alone: Gmail does not have it"
        else:
            yield f"{place} is no field of Google's {broken.schema['title']}"


def _missing(broken: Broken) -> Iterator[str]:
    yield from (f"{broken.place} needs {name}" for name in broken.rule if name not in broken.value)


def _of_other_type(broken: Broken) -> Iterator[str]:
    expected = broken.schema.get("format", broken.rule)
    yield f"{broken.place} should be {TYPES.get(expected, f'of type {expected}')}"


def _too_many(broken: Broken) -> Iterator[str]:
    yield f"{broken.place} has {len(broken.value)} items: Google allows {broken.rule}"


def _none_of_its_values(broken: Broken) -> Iterator[str]:
    yield f"{broken.place} is “{broken.value}”: it may be {', '.join(broken.rule)}"


def _other_value(broken: Broken) -> Iterator[str]:
    yield f"{broken.place} may only be {json.dumps(broken.rule)}"


def _empty(broken: Broken) -> Iterator[str]:
    yield f"{broken.place} is empty"


TYPES = {"object": "an object", "array": "a list"}
WORDS: dict[Any, Callable[[Broken], Iterator[str]]] = {
    "additionalProperties": _unknown,
    "const": _other_value,
    "enum": _none_of_its_values,
    "maxItems": _too_many,
    "minItems": _empty,
    "minLength": _empty,
    "minProperties": _empty,
    "pattern": _of_other_type,
    "required": _missing,
    "type": _of_other_type,
}
"""What is said where a rule has no words of its own, by JSON Schema's keyword."""


def _most_widgets(_: Validator, most: int, card: Any, __: Json) -> Errors:
    sections = [section for section in _list(_of(card, "sections")) if isinstance(section, dict)]
    widgets = sum(len(_list(section.get("widgets"))) for section in sections)
    if widgets > most:
        yield ValidationError(f" has {widgets} widgets: Google drops the section that goes over {most}, and all that follow")


def _character_limit(_: Validator, __: bool, text_input: Any, ___: Json) -> Errors:
    most, value = _of(_of(text_input, "validation"), "characterLimit"), _of(text_input, "value")
    if isinstance(most, int) and isinstance(value, str) and 0 < most < len(value):
        yield ValidationError(f" has {len(value)} characters: its characterLimit is {most}", path=["value"])


_NOT_PUBLIC = re.compile(r"[^.]*|.*\.(local|internal)|.*\.[0-9]+")
"""A host's name without a dot, or in a domain that is nobody's; a number in its place (https://url.spec.whatwg.org/#host-parsing)."""


def _public_address(_: Validator, __: bool, address: Any, ___: Json) -> Errors:
    """Google fetches pictures itself: from this machine or this network it cannot."""
    if isinstance(address, str) and address and not _is_public(address):
        yield ValidationError(" should be an https address that is public")


def _is_public(address: str) -> bool:
    try:
        url = urlsplit(address)
    except ValueError:
        return False
    return url.scheme == "https" and not url.username and not _NOT_PUBLIC.fullmatch(url.hostname or "")


_TAG = re.compile(r"<!--.*?-->|<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>", re.DOTALL)
_HREF = re.compile(r"href\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.IGNORECASE)


def _tags(_: Validator, tags: list[str], text: Any, __: Json) -> Errors:
    for found in _TAG.finditer(text) if isinstance(text, str) else ():
        name = (found[2] or "").lower()
        if name and name not in tags:
            yield ValidationError(f": <{name}> is not part of a card's text, and is left out")
        href = _HREF.search(found[3] or "") if name == "a" and not found[1] else None
        if href and not re.match(OPENS, unescape(href[1] or href[2] or href[3] or "")):
            yield ValidationError(": a link in a text leads nowhere Gmail would open")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _of(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


_WITH_OWN_KEYWORDS = validators.extend(
    Draft202012Validator,
    {
        "characterLimit": _character_limit,
        "mostWidgets": _most_widgets,
        "publicAddress": _public_address,
        "tags": _tags,
    },
)
"""JSON Schema, and what it cannot say."""
