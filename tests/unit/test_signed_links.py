"""Signed links: what was signed comes back, for its purpose and in its time; nothing else is taken for one."""

import base64
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.signed_links import LONGEST_TOKEN, SignedLinks
from mailmagnet.errors import LinkExpired, NotVerified

NOW = datetime(2026, 11, 23, 9, 0, 0, 500_000, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
LINKS = SignedLinks("k" * 32)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(TEXT, TEXT, TEXT, st.dictionaries(TEXT, TEXT, max_size=4))
def test_what_was_signed_comes_back(purpose: str, org: str, user: str, ids: dict[str, str]) -> None:
    signed = LINKS.read(LINKS.sign(purpose, org, user, ids, LATER), NOW, "another", purpose)
    assert (signed.purpose, signed.org, signed.user, signed.ids) == (purpose, org, user, ids)
    assert signed.until == LATER.replace(microsecond=0)


@given(st.text(max_size=200))
def test_nothing_else_is_a_link(token: str) -> None:
    with pytest.raises(NotVerified):
        LINKS.read(token, NOW, "page")


@given(st.integers(0, 10_000), st.characters(min_codepoint=33, max_codepoint=126))
def test_a_link_with_one_character_changed_is_none(place: int, character: str) -> None:
    """But for the spare bits at the end of the signature, which say nothing."""
    token = LINKS.sign("page", "corp.example", "1", {"grant": "read"}, LATER)
    place %= len(token) - 1
    changed = token[:place] + character + token[place + 1 :]
    if changed != token:
        with pytest.raises(NotVerified):
            LINKS.read(changed, NOW, "page")


def test_each_is_new() -> None:
    assert len({LINKS.sign("page", "o", "u", {}, LATER) for _ in range(100)}) == 100


def test_it_holds_to_the_second_and_no_longer() -> None:
    token = LINKS.sign("page", "o", "u", {}, LATER)
    LINKS.read(token, LATER - timedelta(seconds=1), "page")
    for late in (LATER, LATER + timedelta(days=1000)):
        with pytest.raises(LinkExpired):
            LINKS.read(token, late, "page")


def test_one_purpose_is_not_another() -> None:
    token = LINKS.sign("page", "o", "u", {}, LATER)
    with pytest.raises(NotVerified) as refused:
        LINKS.read(token, LATER, "state", "session")
    assert not isinstance(refused.value, LinkExpired)


def test_another_key_signs_nothing_here() -> None:
    with pytest.raises(NotVerified):
        LINKS.read(SignedLinks("x" * 32).sign("page", "o", "u", {}, LATER), NOW, "page")


CLAIMS = {"aud": "page", "org": "o", "sub": "u", "ids": {}, "jti": "n", "exp": int(LATER.timestamp())}


@pytest.mark.parametrize("algorithm", ["none", "HS384", "HS512"])
def test_one_algorithm_alone_counts(algorithm: str) -> None:
    key = "" if algorithm == "none" else "k" * 64
    with pytest.raises(NotVerified):
        SignedLinks("k" * 64).read(jwt.encode(CLAIMS, key, algorithm), NOW, "page")


def test_a_link_too_long_is_not_even_looked_at() -> None:
    with pytest.raises(NotVerified, match="too long"):
        LINKS.read(LINKS.sign("page", "o", "u", {"id": "x" * LONGEST_TOKEN}, LATER), NOW, "page")


def test_it_carries_what_was_given_and_nothing_more() -> None:
    token = LINKS.sign("page", "corp.example", "1", {"grant": "read"}, LATER)
    body = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    assert set(claims) == {"aud", "org", "sub", "ids", "jti", "exp"}
