"""A mail's HTML made safe: what stays, what goes, and that no mail takes long."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.desk.safe_html import LONGEST, MOST_PICTURE_BYTES, MOST_PICTURES, SafePage, has_remote_images, pictures_of, safe_page
from sandbox.google.mail_parts import Part, read

AT = "http://127.0.0.1:8025/desk/ada/mails/1/pictures/"
LOGO = Part("1.1", (("Content-ID", "<logo@mail>"),), "image/png", "", "", b"PNG")


def page(mail_html: str, *, remote_images: bool = False) -> SafePage:
    return safe_page(mail_html, {"logo@mail": LOGO}, pictures_at=AT, remote_images=remote_images)


def body(mail_html: str, *, remote_images: bool = False) -> str:
    return page(mail_html, remote_images=remote_images).text.partition('<body dir="ltr">')[2].partition("</body></html>")[0]


def test_a_mail_is_written_in_the_direction_of_its_first_letter() -> None:
    assert '<body dir="rtl">' in page("<p>12 – שלום world</p>").text
    assert '<body dir="rtl">' in page("<style>p {}</style><p>مرحبا</p>").text
    assert '<body dir="ltr">' in page("<p title='שלום'>Hello שלום</p>").text
    assert '<body dir="ltr">' in page("<p>123</p>").text
    mixed = body('Hello <div dir="auto">1 <b>שלום</b> x</div><div dir=AUTO>2</div><p dir="rtl">x</p>')
    assert mixed == 'Hello <div dir="rtl">1 <b>שלום</b> x</div><div dir="ltr">2</div><p dir="rtl">x</p>'


def test_what_a_letter_is_written_with_stays() -> None:
    letter = '<h2>Hi</h2><p style="color:red">x <b>y</b></p><table bgcolor="#fff"><tbody><tr><td colspan="2">z</td></tr></tbody></table>'
    assert body(letter) == letter


def test_what_could_run_goes() -> None:
    hostile = (
        "<p onclick=a()>t</p><script>a()</script><svg onload=a()></svg><iframe src=x></iframe><object data=x></object>"
        "<form action=x><input name=y></form><style>p{}</style><meta http-equiv=refresh content='0;url=x'><base href=x><link href=x>"
    )
    assert body(hostile) == "<p>t</p>"


def test_links_lead_to_the_web_mail_or_phone_and_open_elsewhere() -> None:
    for bad in (
        "javascript:a()",
        "data:text/html,x",
        "vbscript:a",
        "//evil.example",
        "/desk/start",
        "file:///etc/passwd",
        " jAvascript:a()",
    ):
        assert "href" not in body(f'<a href="{bad}">x</a>')
    for good in ("https://a.example/b?c=d", "http://a.example", "mailto:a@b.example", "tel:+431"):
        link = body(f'<a href="{good}">x</a>')
        assert f'href="{good}"' in link
        assert 'target="_blank"' in link
        assert 'rel="noopener noreferrer"' in link


def test_pictures_of_the_mail_stay_and_others_are_asked_for() -> None:
    assert body('<img src="cid:logo@mail">') == body('<img src="CID:logo%40mail">') == f'<img src="{AT}1.1">'
    assert "src" not in body('<img src="cid:other@mail">')
    assert "src" not in body('<img src="data:image/svg+xml;base64,AAAA">')
    remote = '<img src="https://a.example/x.png">'
    assert "src" not in body(remote)
    assert body(remote, remote_images=True) == remote
    assert has_remote_images(remote)
    assert has_remote_images("<IMG alt='a > b' width=1 src = //a.example/x.png>")
    assert not has_remote_images('<img src="cid:logo@mail">')
    assert not has_remote_images('<!-- <img src="https://a.example/x.png"> --> <p title="<img src=https://a.example/x.png>">')


def test_the_policy_opens_for_pictures_alone_and_only_when_asked() -> None:
    assert f"img-src data: {AT};" in page("").policy
    assert f"img-src data: {AT} https: http:;" in page("", remote_images=True).policy
    for remote_images in (False, True):
        policy = page("", remote_images=remote_images).policy
        assert policy.startswith("default-src 'none';")
        assert "sandbox" in policy
        assert "allow-scripts" not in policy


def test_style_cannot_cover_the_page_or_fetch() -> None:
    assert (
        body('<p style="position:fixed;inset:0;z-index:9;background:url(https://a.example);color:red">x</p>')
        == '<p style="color:red">x</p>'
    )


def test_layout_nested_too_deep_is_shown_as_text() -> None:
    within = "<div>" * 200 + "ground"
    assert "<div>" in body(within)
    beyond = body("<div>" * 300 + "ground <script>a()</script><style>p {}</style>")
    assert "<div>" not in beyond
    assert "ground" in beyond
    assert "a()" not in beyond
    assert "p {}" not in beyond


def test_paragraphs_without_an_end_are_not_nesting() -> None:
    assert body("<p>x" * 1_000).count("<p>x") == 1_000
    assert body("<ul>" + "<li>x" * 1_000).count("<li>x") == 1_000
    assert body("<table>" + "<tr><td>x" * 1_000).count("<td>x") == 1_000


def test_a_picture_used_many_times_is_not_copied() -> None:
    """Each use costs its address, whatever the size of the picture."""
    uses = body("<img src=cid:logo@mail>" * 3_000)
    assert uses.count(f'<img src="{AT}1.1">') == 3_000
    assert len(uses) < 3_000 * 100


FLOODS = [
    "<?",
    "<!",
    "<!--",
    "<a ",
    "<a '",
    '<a b="',
    "<img ",
    "<img src",
    "<img src=//",
    "&",
    "\u00a0",
    "<",
    "</",
    "<div>",
    "<svg><td>",
    "<li><dt>",
    "<a b c='>'>",
]


@pytest.mark.parametrize("piece", FLOODS)
def test_no_mail_makes_a_page_much_longer_than_itself(piece: str) -> None:
    flood = piece * (LONGEST // len(piece))
    assert len(page(flood, remote_images=True).text) < 6 * LONGEST
    has_remote_images(flood)


def mail_with_pictures(count: int, bytes_each: int) -> Part:
    pictures = tuple(Part(f"{n}", (("Content-ID", f"<{n}>"),), "image/png", "", "", b"x" * bytes_each) for n in range(count))
    return Part("", (), "multipart/related", "", "", b"", pictures)


def test_pictures_are_found_by_content_id() -> None:
    mail = (
        b'Content-Type: multipart/related; boundary="b"\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<img src="cid:logo">\r\n'
        b"--b\r\nContent-Type: image/png\r\nContent-ID: <logo>\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n"
        b"--b\r\nContent-Type: image/svg+xml\r\nContent-ID: <runs>\r\n\r\n<svg/>\r\n--b--\r\n"
    )
    [(content_id, picture)] = pictures_of(read(mail)).items()
    assert (content_id, picture.part_id, picture.content) == ("logo", "1", b"\0\0\0")


def test_pictures_are_bounded_in_number_and_size() -> None:
    assert len(pictures_of(mail_with_pictures(MOST_PICTURES + 1, 1))) == MOST_PICTURES
    assert len(pictures_of(mail_with_pictures(5, MOST_PICTURE_BYTES // 4))) == 4


@given(st.text(st.sampled_from("<>/\"'= &;abimgsrconclikyvet:()-!"), max_size=300))
def test_whatever_comes_nothing_that_runs_is_left(mail_html: str) -> None:
    left = body(mail_html)
    assert not re.search(r"<(script|style|iframe|object|embed|form|svg|meta|base|link)\b", left, re.IGNORECASE)
    assert not re.search(r"<[^>]*\son[a-z]+\s*=", left, re.IGNORECASE)
    assert not re.search(r"<[^>]*(javascript|vbscript):", left, re.IGNORECASE)
