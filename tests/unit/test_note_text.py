"""A CRM's notes, which may be any HTML, as text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_client.note_text import LONGEST_HTML, text_of_note


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("Rang twice.", "Rang twice."),
        ("<p>Note of day 1<br>&lt;b&gt;as it is&lt;/b&gt;</p>", "Note of day 1\n<b>as it is</b>"),
        ("<p>One</p><p>Two</p>", "One\nTwo"),
        ("<div><ul><li>One</li><li>Two &amp; three</li></ul></div>", "One\nTwo & three"),
        ("a  \n  b<br/><br/>c", "a b\n\nc"),
        ("<style>p {color: red}</style><script>alert(1)</script>Said", "Said"),
        ("<table><tr><td>1</td><td>2</td></tr></table>", "1\n2"),
        ("2 < 3 <unclosed", "2 < 3 <unclosed"),
        ("</script></style>still here", "still here"),
        ("", ""),
    ],
)
def test_a_note_is_what_a_person_would_read(html: str, text: str) -> None:
    assert text_of_note(html) == text


@settings(deadline=None)
@given(st.text(st.sampled_from("<>/&;=\"' \nabpr!-[]"), max_size=200))
def test_whatever_stands_there_it_is_text(html: str) -> None:
    assert isinstance(text_of_note(html), str)


def test_a_note_without_end_is_read_in_no_time() -> None:
    for piece in ("<", "<p>", "<!--", "&", "<p a=", "a"):
        assert len(text_of_note(piece * LONGEST_HTML)) <= LONGEST_HTML
