"""Reading a mail's bytes: headers, encoded words, charsets, parts, text; and that no bytes whatever break it."""

import json
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.google import mail_parts


def header(line: bytes) -> str:
    [(_, value)] = mail_parts.headers_of(line + b"\r\n\r\n")
    return value


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b"Subject: =?utf-8?B?R3LDvMOfZQ==?=", "Grüße"),
        (b"Subject: =?utf-8?Q?Gr=C3?= =?utf-8?Q?=BC=C3=9Fe?=", "Grüße"),
        (b"Subject: =?iso-2022-jp?B?GyRCMnE1RBsoQg==?=", "会議"),
        (b"Subject: =?gb2312?B?sai827Wl?= x", "报价单 x"),
        (b"Subject: plain =?utf-8?Q?a_b?= =?utf-8?Q?c?= end", "plain a bc end"),
        (b"Subject: =?x-nobody?Q?a?=", "=?x-nobody?Q?a?="),
        (b"Subject: =?utf-8?Q?never ends", "=?utf-8?Q?never ends"),
        (b"Subject: one\r\n two\r\n\tthree", "one two\tthree"),
        ("Subject: Größe".encode(), "Größe"),
        ("Subject: Größe".encode("latin-1"), "Größe"),
        (b"From: =?utf-8?Q?Doe=2C_Jane?= <j@x.example>", '"Doe, Jane" <j@x.example>'),
        (b'From: "=?utf-8?Q?Doe=2C_Jane?=" <j@x.example>', '"Doe, Jane" <j@x.example>'),
        (b"From: =?utf-8?Q?Jane_=22J=22_Doe?= <j@x.example>", '"Jane \\"J\\" Doe" <j@x.example>'),
        (b"From: =?utf-8?Q?J=C3=B6rg?= <j@x.example>, =?utf-8?Q?Ada?= <a@x.example>", "Jörg <j@x.example>, Ada <a@x.example>"),
        (b'From: "Doe, Jane" <j@x.example>', '"Doe, Jane" <j@x.example>'),
        (b"From: =?utf-8?q?J=C3=B6rg?=<j@x.example>", "Jörg<j@x.example>"),
        (b"From: j@x.example (=?utf-8?q?J=C3=B6rg?=)", "j@x.example (Jörg)"),
        (b"From: =?utf-8?q?ada=40x.example?=", '"ada@x.example"'),
        (b"From: =?utf-8?q?ada=40x.example?= <eve@evil.example>", '"ada@x.example" <eve@evil.example>'),
        (b"From: eve <=?utf-8?q?ada?=@x.example>", "eve <=?utf-8?q?ada?=@x.example>"),
        (b"From: eve <a=?utf-8?q?da?=@x.example>", "eve <a=?utf-8?q?da?=@x.example>"),
        (b"From: eve < =?utf-8?q?ada?= @x.example>", "eve < =?utf-8?q?ada?= @x.example>"),
        (b"From: eve < =?utf-8?q?ada=40x.example?= >", "eve < =?utf-8?q?ada=40x.example?= >"),
        (b"From: =?utf-8?q?ada?=@x.example", "=?utf-8?q?ada?=@x.example"),
        (b'From: "=?utf-8?q?ada?="@x.example', '"=?utf-8?q?ada?="@x.example'),
        (b"From: =?utf-8?q?ada?= @x.example", "=?utf-8?q?ada?= @x.example"),
        (b"From: ada@ =?utf-8?q?x.example?=", "ada@ =?utf-8?q?x.example?="),
        (b"From: ada@x.=?utf-8?q?example?=", "ada@x.=?utf-8?q?example?="),
    ],
)
def test_header_values(line: bytes, value: str) -> None:
    assert header(line) == value


@pytest.mark.parametrize(
    ("content", "charset", "text"),
    [
        ("Grüße".encode(), "utf-8", "Grüße"),
        ("Grüße".encode(), "us-ascii", "Grüße"),
        ("Grüße – “x”".encode("cp1252"), "iso-8859-1", "Grüße – “x”"),
        ("Grüße".encode("latin-1"), "us-ascii", "Grüße"),
        ("Grüße".encode("latin-1"), "x-nobody-knows", "Grüße"),
        ("привет".encode("koi8-r"), "KOI8-R", "привет"),
        ("报价".encode("gb18030"), "gb2312", "报价"),
        (b"a\0b", "utf-8", "ab"),
        (b"rot", "rot13", "rot"),
        (b"+2AA-", "utf-7", "?"),
    ],
)
def test_charsets(content: bytes, charset: str, text: str) -> None:
    assert mail_parts.decoded(content, charset) == text


def test_parts_and_their_ids() -> None:
    message = EmailMessage()
    message["From"], message["Subject"] = "ada@analytical.example", "Offer"
    message.set_content("See the file.\n")
    message.add_alternative("<p>See <b>the</b> file.</p><script>no()</script>", subtype="html")
    message.add_attachment(b"\x00\xff", maintype="image", subtype="png", filename="größe 徽.png")
    mail = mail_parts.read(message.as_bytes())
    assert [(part.part_id, part.mime_type) for part in mail.walk()] == [
        ("", "multipart/mixed"),
        ("0", "multipart/alternative"),
        ("0.0", "text/plain"),
        ("0.1", "text/html"),
        ("1", "image/png"),
    ]
    file = mail.parts[1]
    assert (file.filename, file.content, file.is_attachment) == ("größe 徽.png", b"\x00\xff", True)
    assert mail_parts.plain_text(mail) == "See the file.\n"
    assert "<b>the</b>" in mail_parts.html_text(mail)


def test_the_text_of_html_alone() -> None:
    raw = b"Content-Type: text/html\n\n<style>p{}</style><p>Hello &amp; <i>welcome</i></p><script>no()</script>"
    assert mail_parts.snippet(mail_parts.plain_text(mail_parts.read(raw))) == "Hello & welcome"


def test_parts_within_parts_without_end() -> None:
    raw = b""
    for depth in range(5_000):
        raw += b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (depth, depth)
    mail = mail_parts.read(raw)
    assert len(list(mail.walk())) == mail_parts.DEEPEST + 1


def test_a_broken_transfer_encoding_gives_what_can_be_read() -> None:
    raw = b"Content-Transfer-Encoding: base64\n\nSGVsbG8*gd29y\nbGQ"
    assert mail_parts.read(raw).content == b"Hello world"


def test_parts_of_an_http_body_are_left_as_they_are() -> None:
    body = b"--x\r\nContent-Type: message/rfc822\r\n\r\nFrom: a@x.example\r\n\r\n\r\n\r\n--x--"
    [(headers, content)] = mail_parts.multipart('multipart/related; boundary="x"', body)
    assert (headers, content) == ((("Content-Type", "message/rfc822"),), b"From: a@x.example\r\n\r\n\r\n")


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("Mon, 23 Nov 2026 10:00:00 +0100", datetime(2026, 11, 23, 9, tzinfo=UTC)),
        ("23 Nov 2026 10:00", datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("Mon, 1 Jan 1601 00:00:00 +0000", None),
        ("Fri, 13 Sep 275760 00:00:00 GMT", None),
        ("Thu, 31 Feb 2026 25:61:00 +9999", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates(date: str, moment: datetime | None) -> None:
    assert mail_parts.date_of(f"Date: {date}\n\n".encode()) == moment


FRAGMENTS = st.sampled_from(
    [
        b"From: ",
        b"Date: ",
        b"Content-Type: multipart/mixed; boundary=b\n",
        b"Content-Type: text/html; charset=utf-16\n",
        b'Content-Type: ;;="\n',
        b"Content-Type: message/rfc822\n",
        b"Content-Transfer-Encoding: base64\n",
        b"Content-Disposition: attachment; filename*=x'y'%ff%fe; filename*1*=%\n",
        b"=?utf-8?B?/w==?=",
        b"=?big5?Q?=80=?=",
        b"\n\n",
        b"--b\n",
        b"--b--\n",
        b"\xff\x00",
        b"<![CDATA[",
    ]
)


@given(st.lists(st.one_of(FRAGMENTS, st.binary(max_size=20)), max_size=25).map(b"".join))
def test_any_bytes_can_be_read_and_kept(raw: bytes) -> None:
    head, body = mail_parts.split(raw)
    assert head + body == raw
    mail = mail_parts.read(raw)
    shown = [list(part.headers) for part in mail.walk()], mail_parts.plain_text(mail), mail_parts.html_text(mail)
    assert json.dumps(shown, ensure_ascii=False).encode()
    mail_parts.date_of(raw)
