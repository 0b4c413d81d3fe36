"""Text from outside as it may be shown: without characters that nobody sees, and without those that turn the line. Pure rules."""

import re
from unicodedata import category, combining

import idna

UNSEEN = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    r"\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""The inside of a regular expression's [ ]: the characters that leave no mark of their own, so that two texts look the same with
and without them, or that set the writing's direction (Default_Ignorable_Code_Point of https://www.unicode.org/reports/tr44/)."""

_UNSEEN_RUN = re.compile(f"[{UNSEEN}]+")
_REACH = 8
"""Characters before and after that are looked at: a letter with its vowel signs."""

_NON_JOINER, _JOINER = "\u200c", "\u200d"
_VIRAMA = 9
"""The combining class of the signs that join Indic letters (https://www.unicode.org/reports/tr44/#Canonical_Combining_Class)."""

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_MONGOLIAN = re.compile(r"[\u1820-\u18aa]")
_PICTURE = re.compile(r"[\U0001f000-\U0001faff]")
_KEYCAP = "\u20e3"
_BLACK_FLAG = "\U0001f3f4"
_NATIONS = tuple(
    "".join(chr(0xE0000 + ord(letter)) for letter in nation) + "\U000e007f" for nation in ("gbeng", "gbsct", "gbwls")
)
"""What makes a black flag that of England, Scotland or Wales: the only tags that an emoji has
(https://www.unicode.org/reports/tr51/#Emoji_Tag_Sequences)."""


def visible(text: str, own_marks: str = "") -> str:
    """The text without characters that cannot be seen, and without overrides, embeddings and isolates of the writing's direction.

    What runs from right to left by its letters still does. A character stays where the text would look otherwise without it: joiners
    in Persian and Indic words and between emoji, selectors of an emoji's or a Chinese character's form, flags of nations. `own_marks`
    are marks of direction that the caller has put there itself: they stay.
    """
    if text.isascii() or not _UNSEEN_RUN.search(text):
        return text
    return _UNSEEN_RUN.sub(lambda run: _what_shows(run, own_marks), text)


def _what_shows(run: re.Match[str], own_marks: str) -> str:
    """Those of a run of unseen characters that change what stands beside it."""
    before, after = run.string[max(run.start() - _REACH, 0) : run.start()], run.string[run.end() : run.end() + _REACH]
    if before.endswith(_BLACK_FLAG) and run[0].startswith(_NATIONS):
        return run[0][: len(_NATIONS[0])]
    shown = ""
    for character in run[0]:
        if character in own_marks or _changes(character, (before + shown)[-_REACH:], after):
            shown += character
    return shown


def _changes(character: str, before: str, after: str) -> bool:
    """Whether a character changes how what stands before or after it is drawn."""
    if character in (_NON_JOINER, _JOINER):
        return _joins_emoji(character, before, after) or _joins_letters(character, before, after)
    if "\u180b" <= character <= "\u180f":
        return bool(_MONGOLIAN.match(before[-1:]))
    if "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef":
        return _selects_a_form(character, before[-1:], after[:1])
    return False


def _joins_emoji(character: str, before: str, after: str) -> bool:
    return character == _JOINER and _is_symbol(before.removesuffix("\ufe0f")[-1:]) and _is_symbol(after[:1])


def _joins_letters(character: str, before: str, after: str) -> bool:
    """As domain names may have it (https://www.rfc-editor.org/rfc/rfc5892#appendix-A.1), and before a virama, as Bengali has it."""
    if not before or not before[-1].isprintable():
        return False
    if after and combining(after[0]) == _VIRAMA:
        return before[-1] not in (_NON_JOINER, _JOINER)
    return idna.valid_contextj(f"{before}{character}{after}", len(before))


def _selects_a_form(character: str, before: str, after: str) -> bool:
    """As https://www.unicode.org/reports/tr51/#Emoji_Presentation and https://www.unicode.org/reports/tr37/ have it."""
    if character in ("\ufe0e", "\ufe0f"):
        return _is_symbol(before) or (after == _KEYCAP and before in set("0123456789#*"))
    return bool(_HAN.match(before))


def _is_symbol(character: str) -> bool:
    """Whether it is a sign that may be drawn as an emoji, and no letter."""
    if not character or character.isascii():
        return False
    return category(character)[0] == "S" or category(character) in ("Po", "Pd") or bool(_PICTURE.match(character))
