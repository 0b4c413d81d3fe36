"""Addresses and domains are written one way: the same address compares equal however it was written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailmagnet.addresses import canonical, canonical_domain, domain_of, exclusion, is_address, shown, without_tag
from mailmagnet.errors import BadRequest

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
        ('"Ada"@X.example', "ada@x.example"),
        (' "Ada Lovelace"@X.example ', '"ada lovelace"@x.example'),
        (r'"a\da"@x.example', "ada@x.example"),
        (r'"a\"da\\"@x.example', r'"a\"da\\"@x.example'),
        ('""@x.example', '""@x.example'),
        ("ada..l@x.example", '"ada..l"@x.example'),
        ("\u212aim@x.example", "\u212aim@x.example"),
        ("ΑΣ@x.example", "ασ@x.example"),
        ("ada l@x.example", "ada l@x.example"),
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
        ('"ada l+news"@x.example', '"ada l"@x.example'),
        ('"ada+my news"@x.example', "ada@x.example"),
        ('"+my news"@x.example', '"+my news"@x.example'),
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


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("ada@x.example", True),
        ('"ada l"@x.example', True),
        ("ada@[192.0.2.1]", True),
        ("jörg@xn--bcher-kva.example", True),
        ("ada l@x.example", False),
        ("ada@home@x.example", False),
        ("ada@x..example", False),
        ("ad\u200ba@x.example", False),
        ('"ad\u00ada l"@x.example', False),
        ('"ada\nl"@x.example', False),
        ("ada@", False),
        ("@x.example", False),
        ("ada", False),
        ("", False),
        (f"{'a' * 320}@x.example", False),
    ],
)
def test_what_an_address_is(text: str, is_one: bool) -> None:
    assert is_address(canonical(text)) is is_one


@pytest.mark.parametrize(
    ("entry", "one_way"),
    [
        ("A.Example", "a.example"),
        (" a.example. ", "a.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("@a.example", "a.example"),
        ("*.A.example", "a.example"),
        ("*@a.example", "a.example"),
        (".a.example", "a.example"),
        ("*.bücher.example", "xn--bcher-kva.example"),
        ("a.example\ufeff", "a.example"),
        ("mail.a_b.co.example", "mail.a_b.co.example"),
        ("Ada@X.example", "ada@x.example"),
        ("\tAda+News@X.example\n", "ada+news@x.example"),
        ("jörg@BÜCHER.example", "jörg@xn--bcher-kva.example"),
        ('"Ada"@x.example', "ada@x.example"),
        ('"Ada Lovelace"@x.example', '"ada lovelace"@x.example'),
        ("root@localhost", "root@localhost"),
    ],
)
def test_what_is_excluded_is_written_one_way(entry: str, one_way: str) -> None:
    assert exclusion(entry) == one_way
    assert exclusion(one_way) == one_way


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("", "is empty"),
        (" ", "is empty"),
        ("@", "is empty"),
        ("*.", "is empty"),
        ("Ada Lovelace", "has a space in it"),
        ("ada @x.example", "has a space in it"),
        ("a.example, b.example", "has a space in it"),
        ("a.example,b.example", "is more than one"),
        ("ada@x.example;bob@x.example", "is more than one"),
        ("ad\u200ba@x.example", "has a character in it that cannot be seen"),
        ("\u202eelpmaxe.a", "has a character in it that cannot be seen"),
        ("ada@x@y.example", "is no mail address"),
        ("Ada<ada@x.example>", "is no mail address"),
        ("ada@-bü-.example", "is no mail address"),
        ("@ada@", "is no mail address"),
        ("localhost", "has no dot"),
        ("*", "has no dot"),
        ("https://x.example/", "is no domain"),
        ("a..example", "is no domain"),
        ("-a.example", "is no domain"),
        ("192.0.2.1", "is no domain"),
        ("*.*.example", "is no domain"),
        (f"{'a' * 64}.example", "is no domain"),
    ],
)
def test_what_is_neither_address_nor_domain_is_refused_with_the_reason(entry: str, fault: str) -> None:
    with pytest.raises(BadRequest, match=f"^an excluded entry {fault}: ") as refused:
        exclusion(entry)
    assert len(entry.strip()) < 2 or entry.strip() not in str(refused.value)


@settings(deadline=None)
@given(TEXTS)
def test_any_entry_is_written_one_way_or_refused(text: str) -> None:
    try:
        one_way = exclusion(text)
    except BadRequest:
        return
    assert exclusion(one_way) == one_way == canonical(one_way)
    assert domain_of(one_way).isascii()
