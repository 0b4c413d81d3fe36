"""How a reply begins and a draft is kept, also with mail that nobody wrote by hand: bounded, and nothing of one's own is lost."""

from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from sandbox.desk.compose_mail import (
    LONGEST_HTML,
    LONGEST_QUOTE,
    MOST_LINES,
    TooMuchToSave,
    Unshown,
    Written,
    answer_to,
    clean,
    mail_bytes,
    quote_of,
    written_of,
)
from sandbox.google import mail_parts
from sandbox.google.mail_parts import Part
from sandbox.google.world import Account

ADA = Account("1", "ada@corp.example", "Ada Byron")
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Nodes(HTMLParser):
    """How many tags there are, and how deep they stand in one another."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.count = self.deepest = self._depth = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.count += 1
        if tag not in ("br", "hr"):
            self._depth += 1
            self.deepest = max(self.deepest, self._depth)

    def handle_endtag(self, tag: str) -> None:
        self._depth -= 1


def html_mail(html: str) -> Part:
    return Part("", (("From", "Mallory <mallory@evil.example>"), ("Subject", "Hello")), "text/html", "utf-8", "", html.encode())


def text_mail(text: str) -> Part:
    return Part("", (("From", "mallory@evil.example"),), "text/plain", "utf-8", "", text.encode())


def saved(html: str) -> Part:
    return mail_parts.read(mail_bytes(ADA, Written("", "", "", "S", html), Unshown(), NOW))


HOSTILE = {
    "a third of a megabyte of <div>": "<div>" * 58_600 + "ground",
    "<?": "<?" * 97_500,
    "a megabyte of <dl>": "ground" + "<dl>" * 250_000,
    "lists within lists": "<ul><li>" * 20_000 + "ground",
    "as deep as it is read": "<div>" * 240 + "ground",
    "many paragraphs": "<p>x</p>" * 80_000 + "ground",
    "many entities": "ground" + "&nbsp;&amp;" * 90_000,
    "many attributes": "ground<a " + " ".join(f"a{n}" for n in range(40_000)) + ">",
}


@pytest.mark.parametrize("html", HOSTILE.values(), ids=HOSTILE.keys())
def test_an_answer_to_any_mail_is_bounded_and_can_be_saved(html: str) -> None:
    quote = answer_to(html_mail(html), ADA, "reply")["quoted"]["html"]
    nodes = Nodes(quote)
    assert nodes.count <= 25_000
    assert nodes.deepest <= 200
    assert len(quote) <= 5 * LONGEST_QUOTE
    draft = saved(f"<div><br></div><div>On Monday, Mallory wrote:</div><blockquote>{quote}</blockquote>")
    assert ("ground" in quote) == ("ground" in mail_parts.plain_text(draft, 10_000_000))


@pytest.mark.parametrize("html", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_an_add_on_inserts_is_bounded(html: str) -> None:
    cleaned = clean(html)
    assert Nodes(cleaned).count <= 50_000
    assert Nodes(cleaned).deepest <= 256
    assert ("ground" in html) == ("ground" in cleaned)


def test_an_ordinary_mail_is_quoted_as_it_was_written() -> None:
    html = "<p>See <b>this</b> <a href='https://a.example/x?a=1&amp;b=2'>page</a><br>and</p><ul><li>one</li><li>two</li></ul>"
    quoted = '<p>See <b>this</b> <a href="https://a.example/x?a=1&amp;b=2" rel="noopener noreferrer">page</a><br>and</p>'
    assert quote_of(html_mail(html)) == f"{quoted}<ul><li>one</li><li>two</li></ul>"
    assert quote_of(text_mail("a <b>\n\nc & d")) == "a &lt;b&gt;<br><br>c &amp; d"


def test_a_quote_that_is_cut_says_so() -> None:
    cut = "[The rest of this mail is too long to be quoted.]"
    assert quote_of(html_mail("<p>" + "word " * 70_000)).endswith(f"<p>{cut}</p>")
    assert quote_of(text_mail("word " * 70_000)).endswith(f"<p>{cut}</p>")
    assert cut not in quote_of(html_mail("<p>" + "word " * 50_000))


def test_many_lines_of_text_are_quoted_as_they_are() -> None:
    assert quote_of(text_mail("a<\n" * (MOST_LINES + 1))).startswith("<pre>a&lt;\na&lt;\n")


@pytest.mark.parametrize("html", ["<p>" + "word " * (LONGEST_HTML // 5), "<div>" * 300, "<p>x</p>" * 60_000])
def test_a_draft_that_is_too_much_is_refused_and_never_cut(html: str) -> None:
    with pytest.raises(TooMuchToSave, match="to be saved"):
        saved(html)


def test_a_draft_comes_back_as_it_was_saved() -> None:
    html = '<div>One <b>two</b></div><blockquote>three<br>four</blockquote><a href="https://a.example/">x</a>'
    again = written_of(saved(html))["html"].replace(' rel="noopener noreferrer"', "")
    assert again.strip() == f"<div>{html}</div>"
    assert written_of(saved("half a character: \ud800"))["html"].strip() == "<div>half a character: ?</div>"
