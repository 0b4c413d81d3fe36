"""Addresses and domains are written one way: the same address compares equal however it was written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailmagnet.addresses import canonical, canonical_domain, domain_of, shown, without_tag

TEXTS = st.text(st.characters() | st.sampled_from("@.+-xn \r\u3002\uff61⒈ß１"), max_size=40)


@pytest.mark.parametrize(
    ("written", "one_way"),
    [
        ("Ada@X.Example", "ada@x.example"),
        (" ada@x.example. ", "ada@x.example"),
        ("ada@x.example\r.", "ada@x.example"),
        ("ada@x.example \u3002 .", "ada@x.example"),
        ("ada@bücher.example\uff61", "ada@xn--bcher-kva.example"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("JÖRG@bücher.example", "jörg@xn--bcher-kva.example"),
        ("ada@ｘ．example", "ada@x.example"),
        ("ada@-bü-.example", "ada@-bü-.example"),
        ('"Ada@Home"@x.example', '"ada@home"@x.example'),
        ("ada", "ada"),
        ("", ""),
    ],
)
def test_an_address_is_written_one_way(written: str, one_way: str) -> None:
    assert canonical(written) == one_way


@pytest.mark.parametrize(
    ("address", "bare"),
    [
        ("ada+news@x.example", "ada@x.example"),
        ("ada+news+old@x.example", "ada@x.example"),
        ("+news@x.example", "+news@x.example"),
        ("ada@x+y.example", "ada@x+y.example"),
        ("ada@x.example", "ada@x.example"),
    ],
)
def test_a_tag_is_left_out(address: str, bare: str) -> None:
    assert without_tag(address) == bare


def test_an_address_is_shown_in_its_own_script() -> None:
    assert shown("ada@xn--bcher-kva.example") == "ada@bücher.example"
    assert shown("ada@x.example") == "ada@x.example"
    assert shown("ada@xn--a.example") == "ada@xn--a.example"


def test_a_domain_is_what_follows_the_last_at() -> None:
    assert domain_of('"a@b"@x.example') == "x.example"
    assert domain_of("ada") == ""


@settings(deadline=None)
@given(TEXTS)
def test_writing_it_again_changes_nothing(text: str) -> None:
    once = canonical(text)
    assert canonical(once) == once
    assert canonical_domain(canonical_domain(text)) == canonical_domain(text)
    assert without_tag(without_tag(once)) == without_tag(once)


@settings(deadline=None)
@given(TEXTS)
def test_case_makes_no_difference_in_plain_letters(text: str) -> None:
    plain = text.encode("ascii", "ignore").decode()
    assert canonical(plain.upper()) == canonical(plain.lower())


@settings(deadline=None)
@given(TEXTS)
def test_any_text_can_be_shown(text: str) -> None:
    address = canonical(text)
    assert shown(address).rpartition("@")[0] == address.rpartition("@")[0]
