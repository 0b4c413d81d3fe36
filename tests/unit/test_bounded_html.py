"""HTML bounded in all that nests or repeats: what a reader of it gets is counted, not timed."""

import itertools
import re
import string

import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.desk.bounded_html import MOST_ATTRIBUTES, MOST_ENTITIES, MOST_TAGS, TooMuchMarkup, bounded, tags_in

DEEPEST = 256
"""libxml2's own bound; a table's rows and groups that are left out add up to two for each that is written."""

ANY_TAG = re.compile(r"<(/?)([a-zA-Z0-9]+)[^>]*>")
WITHOUT_END = {"br", "hr", "img", "wbr", "col", "area"}
TAGS = sorted(
    nh3.ALLOWED_TAGS
    | {"font", "center", "nobr", "svg", "math", "style", "template", "select", "option", "form", "button", "mtext"}
)


def depth(html: str) -> int:
    """Tags within tags, as they are written."""
    steps = [-1 if end else 1 for end, name in ANY_TAG.findall(html) if name not in WITHOUT_END]
    return max(itertools.accumulate(steps), default=0)


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 60_000,
        "<dl>" * 60_000,
        "<li><dt>" * 30_000,
        "<nav><td>" * 30_000,
        "<svg><td>" * 30_000,
        "<svg>" + "<option><p>" * 30_000,
        "<div></x>" * 30_000,
        "<div><!--</div>-->" * 20_000,
        "<div title='></div>'>" * 20_000,
        "<p>" + "".join(f"<b title={n}>" for n in range(400)) + "</p>" + "<p>x</p>" * 1_000,
    ],
)
def test_more_than_anybody_writes_is_refused_or_bounded(html: str) -> None:
    try:
        told = bounded(html)
    except TooMuchMarkup:
        return
    assert depth(told) <= DEEPEST
    assert depth(nh3.clean(told, tags=nh3.ALLOWED_TAGS)) <= 3 * DEEPEST


@pytest.mark.parametrize(("piece", "most"), [("<p>x</p>", MOST_TAGS), ("&amp;", MOST_ENTITIES), ("\u00a0", MOST_ENTITIES)])
def test_what_is_too_much_is_refused(piece: str, most: int) -> None:
    assert bounded(piece * (most - 10))
    with pytest.raises(TooMuchMarkup):
        bounded(piece * (most + 1))


@given(st.lists(st.builds(str.__add__, st.sampled_from(["", "/"]), st.sampled_from(TAGS)), min_size=1, max_size=8))
def test_whatever_is_repeated_the_cleaner_gets_nothing_deep(names: list[str]) -> None:
    """What is deeper in the cleaner than it was written would be a way around the bound."""
    try:
        told = bounded("".join(f"<{name}>" for name in names) * 600)
    except TooMuchMarkup:
        return
    assert depth(nh3.clean(told, tags=set(TAGS) - {"style", "template"}, clean_content_tags=set())) <= 3 * DEEPEST


MANY = ["".join(letters) for letters in itertools.product(string.ascii_lowercase, repeat=3)]


@pytest.mark.parametrize("between", [" ", "=x ", "/", "=''", '""', "=' ' ", "\x00 ", "<", "='>' "])
@pytest.mark.parametrize("begin", ["<a ", "<a '", '<a "" ', "<!--><a ", "<a<b ", "<a" + " '\"'" * 301, "<!-- --!><a "])
def test_no_tag_has_more_attributes_than_a_few(begin: str, between: str) -> None:
    told = bounded(begin + between.join(MANY) + ">x")
    assert max((len(found.split("=")) for found in re.findall(r"<[^>]*>", told)), default=0) <= 2 * MOST_ATTRIBUTES
    assert all(len(attributes) <= MOST_ATTRIBUTES for _, attributes in tags_in(begin + between.join(MANY) + ">x"))


def test_nothing_that_was_written_is_read_in_another_way() -> None:
    told = bounded('<p title="<b>">a &lt;i> <o:p>b</o:p> 1 < 2 <!-- <u> --> <x<y>z<s title=it\'s>!')
    assert told == '<html><body><p title="&lt;b&gt;">a &lt;i&gt; <o:p>b</o:p> 1 &lt; 2  z<s title="it\'s">!</s></p></body></html>'


def test_what_is_hidden_goes_and_what_follows_it_stays() -> None:
    for name in ("script", "style", "title", "svg", "math", "noscript", "template", "iframe", "object", "select", "xmp"):
        assert "secret" not in bounded(f"a<{name}><b>secret</b></{name}>z")
        assert "z" in bounded(f"a<{name}><b>secret</b></{name}>z")
    for name in ("embed", "applet", "frameset", "form", "input", "link", "meta", "base", "video", "nobody"):
        assert "z" in nh3.clean(bounded(f"a<{name} src=x>z"))


def test_tags_are_told_with_their_attributes() -> None:
    assert list(tags_in("<P Align=left><img src='a b' alt=>x</p><br/><!-- <i> --><a b")) == [
        ("p", {"align": "left"}),
        ("img", {"src": "a b", "alt": ""}),
        ("br", {}),
    ]
