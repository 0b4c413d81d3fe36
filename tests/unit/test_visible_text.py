"""What of a text may be shown: nothing that hides or turns the line, and all that a language or an emoji needs."""

import re
from unicodedata import bidirectional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmagnet.visible_text import UNSEEN, visible

HIDING = {
    "zero width space": "Ada\u200bLovelace",
    "zero width joiner": "A\u200dda Lovelace\u200d",
    "zero width non-joiner": "Ada\u200c\u200c Lovelace",
    "word joiner": "\u2060Ada Love\u2060lace",
    "byte order mark": "\ufeffAda Lovelace\ufeff",
    "soft hyphen": "Ada Love\u00adlace",
    "tags": "Ada\U000e0001\U000e0065\U000e0076\U000e0069\U000e006c\U000e007f Lovelace",
    "tags after a flag": "\U0001f3f4\U000e0065\U000e0076\U000e0069\U000e006c\U000e007f",
    "selectors after letters": "Ada\ufe0f L\ufe00ovelace\U000e0100",
    "a selector after a digit": "1\ufe0f 2",
    "grapheme joiner": "Ada\u034f Lovelace",
    "filling letters": "\u3164Ada\u115f\u1160\uffa0 Lovelace",
    "override": "\u202eAda\u202c Lovelace",
    "embedding": "\u202bAda\u202c \u202aLovelace\u202c",
    "isolates": "\u2066Ada\u2069 \u2067Lovelace\u2069\u2068\u2069",
    "direction marks": "Ada\u200e\u200f\u061c Lovelace",
    "a joiner that joins nothing in Arabic": "دا\u200cر",
    "a joiner that joins nothing in Hindi": "रा\u200dम",
    "a Chinese character's selector with nothing before it": "\U000e0100葛",
    "a vowel separator outside Mongolian": "Ada\u180e Lovelace",
}


@pytest.mark.parametrize("text", HIDING.values(), ids=HIDING)
def test_what_cannot_be_seen_is_not_shown(text: str) -> None:
    assert visible(text) == re.sub(f"[{UNSEEN}]", "", text) != text


SAME = {
    "Hebrew": "שרה כהן",
    "Arabic with vowel signs": "مُحَمَّد",
    "Persian": "علی‌رضا می‌خواهم",
    "Persian with vowel signs": "نِمیِ\u200cخواهم",
    "Marathi": "क्‍ष क्‌ष",
    "Hindi's open virama": "राम्‌",
    "Sinhala": "ශ්‍රී ලංකා",
    "Malayalam": "നന്‍",
    "Bengali": "র‍্যাচেল",
    "Japanese variant": "葛\U000e0100城",
    "Mongolian": "ᠮᠣᠩᠭᠣᠯ\u180eᠠ",
    "profession": "Ada 👩‍💻",
    "profession with a skin": "Ada 👩🏽‍⚕️",
    "heart on fire": "❤️‍🔥",
    "family": "👨‍👩‍👧‍👦",
    "couple": "👩‍❤️‍👨",
    "rainbow flag": "🏳️‍🌈",
    "pirates": "🏴‍☠️",
    "Scotland": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "an emoji newer than this Python": "🧑‍\U0001fabe",
    "keycap": "1\ufe0f\u20e3",
    "sign as an emoji": "© ©\ufe0f ‼\ufe0f ☎\ufe0e",
    "combining": "A\u0301da",
    "plain": "Ada Lovelace",
}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_what_a_language_or_an_emoji_needs_is_shown(text: str) -> None:
    assert visible(text) == text


def test_of_two_joiners_one_is_enough() -> None:
    assert visible("می\u200c\u200cخواهم") == "می\u200cخواهم"


def test_marks_that_the_caller_has_put_there_stay() -> None:
    assert visible("\u2068שרה\u202e\u200b\u2069", own_marks="\u2068\u2069") == "\u2068שרה\u2069"


SEEN = re.compile(f"[{UNSEEN}]")
UNSEEN_ONES = st.sampled_from(
    [chr(code) for code in (*range(0x20000), *range(0xE0000, 0xE0080), 0xE0100, 0xE01EF) if SEEN.match(chr(code))]
)
TURNS = frozenset(("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"))
PIECES = st.sampled_from(
    ["ی", "خ", "र", "्", "র", "🏴", "👩", "💻", "\u20e3", "葛", "ᠮ", "A", "1", " ", "שרה", "\u0378", "\ud800", "é"]
)


@given(st.lists(UNSEEN_ONES | PIECES | st.text(max_size=3), max_size=20).map("".join))
def test_of_any_text_all_that_is_seen_stays_and_nothing_turns_it(text: str) -> None:
    shown = visible(text)
    assert SEEN.sub("", shown) == SEEN.sub("", text)
    assert not {bidirectional(character) for character in shown} & TURNS
    assert visible(shown) == shown


@given(st.lists(UNSEEN_ONES | st.characters(categories=["Lu", "Ll", "Nd", "Zs"], max_codepoint=0xFFFF), max_size=20).map("".join))
def test_between_letters_that_do_not_join_nothing_unseen_stays(text: str) -> None:
    assert visible(text) == SEEN.sub("", text)
