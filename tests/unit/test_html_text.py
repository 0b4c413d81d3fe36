"""A mail's HTML as text: what a person reads, nothing remote, no link behind other words, in time proportional to its length."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmail_client.html_text import LONGEST_HTML, text_of_html


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One  <b>two</b>\n three</p><p>four</p>", "One two three\n\nfour"),
        ("a<br>b<div>c</div>d", "a\nb\nc\nd"),
        ("<ul><li>a<li>b</ul>", "• a\n• b"),
        ("<blockquote>q<br>r<blockquote>s</blockquote></blockquote>after", "> q\n> r\n\n> > s\n\nafter"),
        ("<table><tr><td>x</td><td>y</td></tr><tr><td>z</td></tr></table>", "x y\nz"),
        ("<pre> a\n  b</pre>", "a\n  b"),
        ("<style>p{}</style><script>bad()</script><title>t</title>x<!-- c -->y", "xy"),
        ("a<span style='display: NONE'>hid<br>den <a href='https://x.example'>z</a></span>b<p hidden>c</p>", "ab"),
        ('<img src="https://t.example/p.gif"><img alt="Logo" src="https://t.example/l.gif">', "[Logo]"),
        ("&lt;b&gt; &amp;amp; &euro;&nbsp;5", "<b> &amp; €\u00a05"),
        ("", ""),
        ("no markup < at all & so on", "no markup < at all & so on"),
        ("<div>" * 2_000 + "deep", "deep"),
    ],
)
def test_what_a_person_reads(html: str, text: str) -> None:
    assert text_of_html(html) == text


@pytest.mark.parametrize(
    ("link", "text"),
    [
        ('<a href="https://evil.example/x">https://bank.example</a>', "https://bank.example <https://evil.example/x>"),
        ('<a href="https://bank.example@evil.example/x">here</a>', "here <https://evil.example/x>"),
        ('<a href="https://x.example/">x.example</a>', "x.example"),
        ('<a href="HTTPS://x.example/a">https://x.example/a</a>', "https://x.example/a"),
        ('<a href="mailto:ada@x.example">Ada</a>', "Ada <mailto:ada@x.example>"),
        ('<a href="mailto:ada@x.example">ada@x.example</a>', "ada@x.example"),
        ('<a href=" java\nscript:bad()">here</a><a href="data:text/html,x">x</a><a href="//x.example">y</a>', "herexy"),
        ('<a href="https://x.example/a"><img src="https://x.example/p.png"></a>', "<https://x.example/a>"),
        ('<a href="https://x.example/a">never closed', "never closed <https://x.example/a>"),
        ('<a href="https://[x">here</a>', "here"),
        (f'<a href="https://{"a" * 150}.evil.example/{"b" * 50}">x</a>', f"x <https://{'a' * 150}.evil.example…>"),
        (f'<a href="https://x.example/{"b" * 200}">x</a>', f"x <https://x.example/{'b' * 102}…>"),
    ],
)
def test_each_links_address_stands_after_its_words(link: str, text: str) -> None:
    assert text_of_html(link) == text


@given(st.text(alphabet="<>/=\"' abiphrefstyl-!&;\n\0", max_size=300))
def test_it_takes_whatever_a_mail_may_hold(html: str) -> None:
    text_of_html(html)


HOSTILE = ["<b>", "<a href=x>", "<b><p>", "<table><tr><td>", "<!--", "<", "&", "<a x='", "</a", "<blockquote>", "<pre>\n"]
HOSTILE += ["<a href=x>y<div>", "<br>", "<p hidden>", "<li>"]


@pytest.mark.parametrize("piece", HOSTILE)
def test_it_takes_no_longer_for_hostile_html(piece: str) -> None:
    html = (piece * LONGEST_HTML)[: 2 * LONGEST_HTML]
    began = time.process_time()
    text_of_html(html)
    assert time.process_time() - began < 5
