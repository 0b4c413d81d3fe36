"""The strict reading: the address that decides a category is the one that RFC 5322 says, or there is none."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mailmagnet.address_headers import MOST_TOKENS, Budget, certain_address, mailboxes
from mailmagnet.addresses import addr_spec, canonical, is_address, lower_case, without_tag
from mailmagnet.gmail import MailHeaders
from mailmagnet.people import MOST_CHARACTERS, MOST_LINES, sender_of

CONTACT = "contact@a.example"

CERTAIN = {
    "bare": CONTACT,
    "name and address": "Ada Lovelace <Contact@A.example>",
    "in brackets only": f"<{CONTACT}>",
    "folded": f"Ada\r\n Lovelace\r\n\t<{CONTACT}>\r\n",
    "name in a comment": f"{CONTACT} (Ada Lovelace)",
    "comments wherever they may be": "(a) Ada (b (c \\) d)) <(e)contact(f)@(g)a.example(h)> (i)",
    "quoted name": f'"Lovelace, Ada (\\"A\\")" <{CONTACT}>',
    "encoded name": f"=?utf-8?q?Ada?= =?utf-8?b?TG92ZWxhY2U=?= <{CONTACT}>",
    "name decoded by Gmail": f"Jörg Müller [Vertrieb] <{CONTACT}>",
    "dots in the name": f"A. Lovelace Jr. <{CONTACT}>",
    "name is the same address": f"Contact@a.example <{CONTACT}>",
    "name is the same address in quotes": f'"{CONTACT}" <{CONTACT}>',
    "empty entries": f", ,{CONTACT}, ,",
    "quotes that are not needed": '"contact"@a.example',
    "a backslash that is not needed": '"con\\tact"@a.example',
    "another address in quotes": f'"evil@b.example" <{CONTACT}>',
    "another address in a comment": f"(evil@b.example) <{CONTACT}> (<evil@b.example>)",
    "another address encoded": f"=?utf-8?q?evil=40b.example?= <{CONTACT}>",
}


@pytest.mark.parametrize("header", CERTAIN.values(), ids=CERTAIN)
def test_one_mailbox_as_the_rfc_writes_it_is_certain(header: str) -> None:
    assert certain_address(header) == CONTACT


UNCERTAIN = {
    "all in quotes": f'"evil@b.example <{CONTACT}>"',
    "all encoded": "=?utf-8?q?contact=40a.example?=",
    "all encoded with brackets": "=?utf-8?q?Ada_=3Ccontact=40a.example=3E?=",
    "all in a comment": f"({CONTACT})",
    "local part encoded": "evil <=?utf-8?q?contact?=@a.example>",
    "local part half encoded": "evil <con=?utf-8?q?tact?=@a.example>",
    "local part encoded in a bare address": "=?utf-8?q?contact?=@a.example",
    "domain encoded": "<contact@=?utf-8?q?a.example?=>",
    "domain half encoded": "<contact@a.=?utf-8?q?example?=>",
    "address encoded in brackets": "evil <=?utf-8?q?contact=40a.example?=>",
    "another address in the name": f"{CONTACT} <evil@b.example>",
    "another address in the name, the other way": f"evil@b.example <{CONTACT}>",
    "two addresses": f"{CONTACT}, evil@b.example",
    "two addresses without a comma": f"{CONTACT} evil@b.example",
    "two in brackets": f"<{CONTACT}> <evil@b.example>",
    "the same twice": f"{CONTACT}, {CONTACT}",
    "brackets twice": f"<<{CONTACT}>>",
    "more after the bracket": f"<{CONTACT}> evil",
    "a bracket never closed": f"Ada <{CONTACT}",
    "a bracket never opened": f"Ada {CONTACT}>",
    "a quote never closed": f'"Ada <{CONTACT}>',
    "a comment never closed": f"Ada ( <{CONTACT}>",
    "a comment never opened": f"Ada ) <{CONTACT}>",
    "a comment in the middle of a word": "con(x)tact@a.example",
    "a comma that should be in quotes": f"Lovelace, Ada <{CONTACT}>",
    "semicolons": f"{CONTACT}; evil@b.example",
    "a group": f"Team: {CONTACT};",
    "a route": f"<@b.example:{CONTACT}>",
    "a link": f"<mailto:{CONTACT}>",
    "words before it": f"Ada {CONTACT}",
    "spaces in it, as the RFC once had it": "contact @ a . example",
    "a space that may have been an encoded word's": "contact@ a.example",
    "a line within it": "contact@a.example\r\n .evil.example",
    "a space of another kind": "contact\u00a0@a.example",
    "a NUL within it": "contact\x00@a.example",
    "a zero width space within it": "con\u200btact@a.example",
    "a soft hyphen within it": "con\u00adtact@a.example",
    "a backslash outside quotes": "con\\tact@a.example",
    "square brackets": "[contact]@a.example",
    "quotes without a dot": '"con"tact@a.example',
    "domain in quotes": 'contact@"a.example"',
    "a final dot": "contact@a.example.",
    "a domain of wide letters": "contact@ａ.example",
    "a domain with a wide dot": "contact@a．example",
    "a domain with the Kelvin sign": "contact@\u212a.example",
    "a domain that is no domain": "contact@a..example",
    "two @": "contact@a.example@b.example",
    "no domain": "contact@",
    "no local part": "@a.example",
    "no address": "Ada Lovelace",
    "an empty group": "undisclosed-recipients:;",
    "null": "<>",
    "nothing": "",
}


@pytest.mark.parametrize("header", UNCERTAIN.values(), ids=UNCERTAIN)
def test_what_two_programs_could_read_as_two_is_nobody(header: str) -> None:
    assert certain_address(header) == ""


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ('"john doe"@x.example', '"john doe"@x.example'),
        ('John <"John Doe"@X.example>', '"john doe"@x.example'),
        ('"john@home"@x.example', '"john@home"@x.example'),
        ('"doe, john"@x.example', '"doe, john"@x.example'),
        (r'"john \"jd\" doe"@x.example', r'"john \"jd\" doe"@x.example'),
        (r'"john\\doe"@x.example', r'"john\\doe"@x.example'),
        (r'"john\ doe"@x.example', '"john doe"@x.example'),
        ('"<john>"@x.example', '"<john>"@x.example'),
        ('"=?utf-8?q?john?="@x.example', "=?utf-8?q?john?=@x.example"),
        ('""@x.example', '""@x.example'),
        ('"john".doe@x.example', "john.doe@x.example"),
        ('john."doe smith"@x.example', '"john.doe smith"@x.example'),
        ('"john."@x.example', '"john."@x.example'),
        ("john..doe@x.example", '"john..doe"@x.example'),
        ("o'hara@x.example", "o'hara@x.example"),
        ("jörg@bücher.example", "jörg@xn--bcher-kva.example"),
        ("jörg@BÜCHER.example", "jörg@xn--bcher-kva.example"),
        ("ada@[192.0.2.1]", "ada@[192.0.2.1]"),
    ],
)
def test_an_address_has_one_writing(written: str, address: str) -> None:
    assert certain_address(written) == address
    assert certain_address(address) in {address, ""}
    assert canonical(address) == address
    assert mailboxes(written, Budget())[0].address == address


# --- properties -------------------------------------------------------------------------------------------------------------

TEXTS = st.lists(
    st.sampled_from(
        [CONTACT, f"<{CONTACT}>", "evil@b.example", "<", ">", "@", ",", ";", ":", "(", ")", '"', "\\", "=?utf-8?q?a?=", " "]
    )
    | st.text(max_size=5),
    max_size=6,
).map("".join)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def comment(text: str) -> str:
    return "(" + text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)") + ")"


def encoded(text: str) -> str:
    return f"=?utf-8?b?{base64.b64encode(text.encode('utf-8', 'replace')).decode()}?="


HIDDEN = st.builds(lambda write, text: write(text), st.sampled_from([quoted, comment, encoded]), TEXTS)
NAMES = st.lists(HIDDEN | st.sampled_from(["Ada", "Lovelace", "A.", "Müller"]), max_size=5).map(" ".join)
COMMENTS = st.just("") | TEXTS.map(comment)


@given(NAMES, COMMENTS, COMMENTS, COMMENTS, COMMENTS)
def test_nothing_in_a_name_or_a_comment_changes_the_address(name: str, one: str, two: str, three: str, four: str) -> None:
    assert certain_address(f"{name} <{one}contact{two}@{three}a.example{four}> {one}") == CONTACT


FORMS = st.lists(
    st.sampled_from([quoted, comment, encoded])
    | st.sampled_from([" ", ",", ";", ":", "<", ">", "@", ".", '"', "(", "contact", "a.example", CONTACT, "evil@b.example"]),
    max_size=10,
)


@given(FORMS, st.lists(TEXTS, min_size=20, max_size=20))
@example(["contact", "@", "a.example", comment], [""] * 10 + ["x"] * 10)
@example(["<", comment, "contact@a.example", ">"], [""] * 10 + ["x"] * 10)
def test_what_stands_in_quotes_comments_and_encoded_words_is_never_read(forms: list[object], texts: list[str]) -> None:
    """A header and the same with other texts in them; quotes that are part of an address are left out by the space after them."""

    def header(texts: list[str]) -> str:
        return "".join(f"{form(text)} " if callable(form) else str(form) for form, text in zip(forms, texts, strict=False))

    assert certain_address(header(texts[:10])) == certain_address(header(texts[10:]))


LOCAL_PARTS = st.text(st.characters(min_codepoint=32, max_codepoint=126) | st.sampled_from("éÉж中ß"), max_size=30)


@given(LOCAL_PARTS, NAMES)
def test_any_address_survives_being_written_and_read(local_part: str, name: str) -> None:
    address = addr_spec(local_part, "x.example")
    assert is_address(address)
    for written in (address, f"{quoted(local_part)}@X.example", f"{name} <{quoted(local_part)}@x.example>"):
        assert canonical(address) == address
        assert certain_address(written) == address or "=?" in address
        assert address in [mailbox.address for mailbox in mailboxes(written, Budget())]


@given(LOCAL_PARTS, LOCAL_PARTS)
@example("\u212a", "k")
@example("john doe", "johndoe")
@example('"', "\\")
def test_two_addresses_never_become_one(one: str, other: str) -> None:
    assume(lower_case(one) != lower_case(other))
    assert addr_spec(one, "x.example") != addr_spec(other, "x.example")
    assert canonical(f"{quoted(one)}@x.example") != canonical(f"{quoted(other)}@x.example")


@given(LOCAL_PARTS.filter(lambda local_part: "+" not in local_part and local_part), LOCAL_PARTS)
def test_a_tag_is_left_out_of_quotes_too(local_part: str, tag: str) -> None:
    assert without_tag(addr_spec(f"{local_part}+{tag}", "x.example")) == addr_spec(local_part, "x.example")


@settings(deadline=None)
@given(st.lists(st.sampled_from([*CERTAIN.values(), *UNCERTAIN.values()]) | TEXTS, max_size=3).map("".join))
def test_what_is_certain_is_also_likely(header: str) -> None:
    address = certain_address(header)
    assert not address or address in [mailbox.address for mailbox in mailboxes(header, Budget())]


# --- beyond measure ---------------------------------------------------------------------------------------------------------


def mail(*lines: tuple[str, str]) -> MailHeaders:
    return MailHeaders("1", "1", datetime(2026, 3, 1, tzinfo=UTC), frozenset(), lines)


def test_a_from_too_long_to_be_read_whole_is_not_certain() -> None:
    whole = f"{' ' * (MOST_CHARACTERS - len(CONTACT))}{CONTACT}"
    assert sender_of(mail(("From", whole)), ()) == CONTACT
    assert sender_of(mail(("From", f" {whole}")), ()) == ""
    assert sender_of(mail(("From", f"{CONTACT}{' ' * MOST_CHARACTERS}")), ()) == ""
    assert certain_address(f"{'a ' * (MOST_TOKENS - 5)}<{CONTACT}>") == CONTACT
    assert certain_address(f"{'a ' * (MOST_TOKENS - 4)}<{CONTACT}>") == ""
    assert certain_address(f"<{CONTACT}>{'()' * MOST_TOKENS}") == ""


def test_a_second_from_behind_ever_so_many_lines_leaves_the_first_uncertain() -> None:
    between = [("X-Original-From", "")] * MOST_LINES
    assert sender_of(mail(("From", CONTACT), *between[:-1]), ()) == CONTACT
    assert sender_of(mail(("From", CONTACT), *between, ("From", "evil@b.example")), ()) == ""
