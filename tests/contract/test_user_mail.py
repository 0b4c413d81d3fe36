"""The sidebar's view of a connected mailbox against the sandbox's Gmail over HTTP: what it reads, what it writes, what goes wrong."""

import asyncio
import re
import subprocess
import sys
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from gmail_client.answers import Closed, is_no_draft
from mailmagnet.address_headers import Budget, Mailbox, mailboxes
from mailmagnet.errors import BadAnswer, BadRequest, NotAuthorised, NotFound, NotPermitted, RateLimited, Unavailable, Upstream
from mailmagnet.gmail import SENDER_HEADERS
from mailmagnet.user_mail import DraftMail, SendAs
from sandbox.google import mail_parts
from sandbox.google.faults import Fault
from sandbox.google.google_side import SCOPE
from sandbox.google.mail_folder import NewMail
from tests.contract.gmail_desk import ADA, START, Desk

GRACE = "grace@hopper.example"
SEND_ALONE = [SCOPE + "gmail.compose"]


def mail(sender: str = GRACE, text: str = "plain words", **headers: str) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, headers.pop("To", ADA), headers.pop("Subject", "Offer")
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made


def arrived(desk: Desk, raw: EmailMessage | bytes, *labels: str, minutes: int = 0) -> str:
    content = raw if isinstance(raw, bytes) else raw.as_bytes()
    return desk.folder.add([NewMail(content, START + timedelta(minutes=minutes), labels or ("INBOX",))])[0]


def draft(**changes: object) -> DraftMail:
    facts: dict[str, object] = {"to": (Mailbox("Grace", GRACE),), "subject": "Offer", "html": "<p>Dear Grace</p>"}
    return DraftMail(**{**facts, **changes})  # type: ignore[arg-type]


def written(desk: Desk, draft_id: str) -> mail_parts.Part:
    return mail_parts.read(desk.folder.raw(desk.folder.draft(draft_id).message.id))


# --- mail with somebody -------------------------------------------------------------------------------------------------------


async def test_mail_with_an_address_is_what_came_went_and_was_copied_newest_first_before_a_moment(desk: Desk) -> None:
    came = arrived(desk, mail(), minutes=1)
    went = arrived(desk, mail(ADA, To=f"Grace <{GRACE.upper()}>"), "SENT", minutes=2)
    copied = arrived(desk, mail("other@x.example", Cc=f"a@b.example, {GRACE}"), minutes=3)
    second = arrived(desk, mail("grace@second.example"), minutes=4)
    for label in ("SPAM", "TRASH", "DRAFT", "CHAT"):
        arrived(desk, mail(), label, minutes=9)
    arrived(desk, mail("stranger@x.example", text=f"I know {GRACE}"), minutes=9)
    mine = desk.user_mail()
    first = await mine.mail_with([GRACE, "grace@second.example"], 3)
    assert (first.mail_ids, first.more) == ((second, copied, went), True)
    (oldest,) = await mine.headers([went], ["From"])
    rest = await mine.mail_with([GRACE, "grace@second.example"], 3, oldest.received_at)
    assert (rest.mail_ids, rest.more) == ((came,), False)
    assert {call.units for call in desk.world.calls.recent if call.name == "users.messages.list"} == {5}


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a b@x.example",
        'x"} in:anywhere {"@x.example',
        "a}@x.example",
        "-from:me",
        "a@x.example OR in:spam",
        '"a b"@x.example',
    ],
)
async def test_no_address_can_ask_for_anything_else(desk: Desk, address: str) -> None:
    arrived(desk, mail())
    assert (await desk.user_mail().mail_with([address], 10)).mail_ids == ()
    assert desk.session.calls.total() == 0


async def test_headers_three_at_once_in_order_with_one_access_token(desk: Desk) -> None:
    desk.world.quota.at_once = 3
    mail_ids = desk.arrive(12)
    desk.folder.delete([mail_ids[3]])
    desk.world.faults.add(Fault("gmail", latency_ms=20))
    mine = desk.user_mail()
    first, second = await asyncio.gather(*(mine.headers(mail_ids, ["Subject", "From"]) for _ in range(2)))
    assert first == second
    assert [each.mail_id for each in first] == mail_ids[:3] + mail_ids[4:]
    assert [each.first("Subject") for each in first][:4] == ["Secret 0", "Secret 1", "Secret 2", "Secret 4"]
    assert desk.calls() == {("messages.get", 200): 22, ("messages.get", 404): 2}
    assert desk.session.calls["Gmail"] == 24 + 1


async def test_after_consent_was_taken_back(desk: Desk) -> None:
    mail_ids = desk.arrive(2)
    token = desk.world.google.refresh_token(desk.ada)
    mine = desk.user_mail(token)
    await mine.headers(mail_ids, SENDER_HEADERS)
    desk.world.google.revoke(token)
    for _ in range(2):
        with pytest.raises(NotAuthorised):
            await mine.headers(mail_ids, SENDER_HEADERS)


async def test_an_access_token_that_ended_early_is_renewed_once_for_all(desk: Desk) -> None:
    mail_ids = desk.arrive(8)
    mine = desk.user_mail()
    await mine.headers(mail_ids, SENDER_HEADERS)
    for access in list(desk.world.google._access):
        desk.world.google.revoke(access)
    assert len(await mine.headers(mail_ids, SENDER_HEADERS)) == 8
    assert desk.requests()["token"] == 2


async def test_a_draft_is_made_once_when_its_access_token_was_refused(desk: Desk) -> None:
    mine = desk.user_mail()
    await mine.headers([], SENDER_HEADERS)
    await mine.create_draft(draft())
    for access in list(desk.world.google._access):
        desk.world.google.revoke(access)
    await mine.create_draft(draft())
    assert len(desk.folder.drafts()[0]) == 2


# --- a mail's text ------------------------------------------------------------------------------------------------------------


async def test_the_plain_text_is_preferred(desk: Desk) -> None:
    made = mail(text="plain words")
    made.add_alternative("<p>HTML <b>words</b></p>", subtype="html")
    read = await desk.user_mail().text(arrived(desk, made))
    assert (read.text, read.attachments, read.cut) == ("plain words", (), False)
    assert (read.mail.first("subject"), read.mail.first("From")) == ("Offer", GRACE)
    assert [call.units for call in desk.world.calls.recent if call.units] == [20]


async def test_html_becomes_text_with_each_links_address_and_nothing_remote(desk: Desk) -> None:
    made = mail(text=" ")
    made.add_alternative(
        '<style>p{}</style><p>Pay <a href="https://evil.example/x">https://bank.example</a></p><script>bad()</script>'
        '<img src="https://spy.example/pixel.gif"><a href="javascript:bad()">here</a>',
        subtype="html",
    )
    read = await desk.user_mail().text(arrived(desk, made))
    assert read.text == "Pay https://bank.example <https://evil.example/x>\n\nhere"


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("iso-8859-1", "Grüße – nein".replace("–", "-")),
        ("utf-8", "Grüße 你好"),
        ("iso-2022-jp", "こんにちは"),
        ("gb2312", "你好"),
        ("koi8-r", "привет"),
    ],
)
async def test_charsets_whether_gmail_has_turned_them_into_utf_8_or_not(desk: Desk, charset: str, text: str) -> None:
    head = f"From: {GRACE}\r\nTo: {ADA}\r\nContent-Type: text/plain; charset={charset}\r\n\r\n".encode()
    as_sent, as_utf_8 = head + text.encode(charset), head + text.encode()
    mine = desk.user_mail()
    assert (await mine.text(arrived(desk, as_sent))).text == text
    if charset != "iso-2022-jp":
        assert (await mine.text(arrived(desk, as_utf_8))).text == text


@pytest.mark.parametrize("charset", ["nonsense", "hex", "punycode", "utf-8\0", "x" * 200, ""])
async def test_a_broken_charset_is_read_as_well_as_it_can_be(desk: Desk, charset: str) -> None:
    raw = f"From: {GRACE}\r\nContent-Type: text/plain; charset={charset}\r\n\r\nPrice: 5 ".encode() + b"\x80\xff"
    assert (await desk.user_mail().text(arrived(desk, raw))).text == "Price: 5 €ÿ"


async def test_what_cannot_be_seen_and_what_turns_the_line_is_left_out(desk: Desk) -> None:
    raw = f"From: {GRACE}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\na\u202eb\u200b\x07c\r\n\r\nd".encode()
    assert (await desk.user_mail().text(arrived(desk, raw))).text == "abc\n\nd"


async def test_a_text_that_is_too_long_is_cut_and_says_so(desk: Desk) -> None:
    read = await desk.user_mail().text(arrived(desk, mail(text="word " * 60_000)))
    assert (len(read.text), read.cut) == (200_000, True)


def nested(depth: int) -> bytes:
    head = f"From: {GRACE}\r\nTo: {ADA}\r\n"
    text = "Content-Type: text/plain\r\n\r\ndeep words\r\n"
    for level in range(depth):
        text = f"Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n{text}\r\n--b{level}--\r\n"
    return (head + text).encode()


async def test_deep_multiparts(desk: Desk) -> None:
    assert (await desk.user_mail().text(arrived(desk, nested(15)))).text == "deep words"
    await desk.user_mail().text(arrived(desk, nested(300)))


async def test_a_mail_without_any_text_has_none(desk: Desk) -> None:
    made = EmailMessage()
    made["From"] = GRACE
    made.set_content(b"%PDF", maintype="application", subtype="pdf")
    read = await desk.user_mail().text(arrived(desk, made))
    assert (read.text, len(read.attachments)) == ("", 0)


@pytest.mark.parametrize("mail_id", ["", "../labels", "a/b", "x" * 129])
async def test_what_is_no_id_is_refused_before_anything_is_asked(desk: Desk, mail_id: str) -> None:
    mine = desk.user_mail()
    for call in (
        mine.text(mail_id),
        mine.attachment(mail_id, "1"),
        mine.mark_read([mail_id]),
        mine.send_draft(mail_id),
        mine.delete_draft(mail_id),
    ):
        with pytest.raises(BadRequest):
            await call
    assert desk.requests()["messages.get"] == 0


async def test_a_mail_that_is_gone_is_not_found(desk: Desk) -> None:
    for gone in ("18c0ffee", "msg-a:r-1"):
        with pytest.raises(NotFound):
            await desk.user_mail().text(gone)


# --- attachments --------------------------------------------------------------------------------------------------------------


def with_files() -> EmailMessage:
    made = mail(text="see the files")
    made.add_alternative('<p>see</p><img src="cid:logo">', subtype="html")
    _, html = made.iter_parts()
    assert isinstance(html, EmailMessage)
    html.add_related(b"\x89PNG", "image", "png", cid="<logo>", filename="logo.png", disposition="inline")
    made.add_attachment(b"%PDF-\x00\xff" * 1000, maintype="application", subtype="pdf", filename="Größe 徽.pdf")
    made.add_attachment("not the mail's text", filename="../../etc/notes.txt")
    made.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="photo.png", cid="<photo>")
    return made


async def test_attachments_are_listed_with_name_and_size_and_pictures_in_the_text_are_not(desk: Desk) -> None:
    read = await desk.user_mail().text(arrived(desk, with_files()))
    assert read.text == "see the files"
    assert [(each.name, each.size, each.mime_type) for each in read.attachments] == [
        ("Größe 徽.pdf", 7000, "application/pdf"),
        ("notes.txt", 20, "text/plain"),
        ("photo.png", 4, "image/png"),
    ]


async def test_an_attachment_is_fetched_by_its_part_though_gmails_id_for_it_is_another_each_time(desk: Desk) -> None:
    mail_id = arrived(desk, with_files())
    mine = desk.user_mail()
    pdf, *_ = (await mine.text(mail_id)).attachments
    for _ in range(2):
        about, content = await mine.attachment(mail_id, pdf.part)
        assert (about, content) == (pdf, b"%PDF-\x00\xff" * 1000)
    assert desk.calls() == {("messages.get", 200): 3, ("messages.attachments.get", 200): 2}
    for no_file in ("", "0", "0.0", "99", "../1"):
        with pytest.raises(NotFound):
            await mine.attachment(mail_id, no_file)


async def test_a_large_attachment_is_fetched_and_one_that_is_too_large_is_not(desk: Desk) -> None:
    made = mail()
    made.add_attachment(b"x" * 6_000_000, maintype="application", subtype="zip", filename="large.zip")
    mail_id = arrived(desk, made)
    mine = desk.user_mail()
    [file] = (await mine.text(mail_id)).attachments
    assert len((await mine.attachment(mail_id, file.part))[1]) == 6_000_000
    desk.alter(mail_id, r'"size": 6000000', '"size": 26214401')
    with pytest.raises(BadAnswer):
        await mine.attachment(mail_id, file.part)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (r"C:\Users\ada\offer.pdf", "offer.pdf"),
        ("/etc/passwd", "passwd"),
        ("..", "attachment.pdf"),
        ("a\u202efdp.exe", "afdp.exe"),
        ("x" * 300 + ".pdf.exe", "x" * 100 + "….exe"),
        ("  two   spaces .pdf ", "two spaces .pdf"),
    ],
)
async def test_a_name_is_one_step_of_a_path_with_its_ending_in_sight(desk: Desk, name: str, shown: str) -> None:
    made = mail()
    made.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename=name)
    [file] = (await desk.user_mail().text(arrived(desk, made))).attachments
    assert file.name == shown


async def test_a_mail_in_a_mail_is_a_file_and_none_of_its_words_are_this_mails(desk: Desk) -> None:
    made = mail(text="see below")
    made.add_attachment(mail("other@x.example", text="forwarded words"))
    read = await desk.user_mail().text(arrived(desk, made))
    assert read.text == "see below"


# --- done, aliases ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 10, 11, 1001])
async def test_marking_as_read_passes_over_what_is_gone_and_is_the_same_twice(desk: Desk, count: int) -> None:
    mail_ids = desk.arrive(count)
    desk.folder.delete(mail_ids[:1])
    mine = desk.user_mail()
    for _ in range(2):
        await mine.mark_read([*mail_ids, *mail_ids])
    assert desk.labels_of(mail_ids[1:]) == [{"INBOX"}] * len(mail_ids[1:])
    spent = sum(call.units for call in desk.world.calls.recent)
    assert spent == 2 * (5 * count if count <= 10 else 50 * -(-count // 1000))


async def test_addresses_to_send_from_the_default_first_with_signature_and_name(desk: Desk) -> None:
    desk.world.add_account(ADA, "Ada", ("ada@lovelace.example", "Sales@Corp.example"), "corp.example", "<b>Ada</b>")
    desk.altered['"verificationStatus": "accepted"'] = '"verificationStatus": "pending"'
    assert await desk.user_mail().send_as() == (SendAs(ADA, "Ada", "<b>Ada</b>", default=True),)
    desk.altered.clear()
    found = await desk.user_mail().send_as()
    assert [(each.address, each.name, each.default) for each in found] == [
        (ADA, "Ada", True),
        ("ada@lovelace.example", "Ada", False),
        ("Sales@Corp.example", "Ada", False),
    ]


async def test_a_connection_that_may_send_alone_may_read_neither_aliases_nor_mail(desk: Desk) -> None:
    [mail_id] = desk.arrive(1)
    mine = desk.user_mail(desk.world.google.refresh_token(desk.ada, SEND_ALONE))
    for call in (
        mine.send_as(),
        mine.text(mail_id),
        mine.headers([mail_id], ["From"]),
        mine.mail_with([GRACE], 1),
        mine.mark_read([mail_id]),
    ):
        with pytest.raises(NotPermitted) as refused:
            await call
        assert type(refused.value) is Closed
    assert await mine.send_draft(await mine.create_draft(draft()))


# --- drafts -------------------------------------------------------------------------------------------------------------------

ODD_NAMES = [
    "",
    "Grace",
    "Lie, Ane",
    'Q "quoted" \\ B',
    "Müller, Jörg <x@y.example>",
    "שלום עולם " * 12,
    "=?utf-8?q?no?=",
    "a@b.example",
]


async def test_a_draft_holds_what_was_written_in_html_and_in_plain_text(desk: Desk) -> None:
    subject = "Angebot für 你好 – " * 12
    to = tuple(Mailbox(name.strip(), f"to{number}@x.example") for number, name in enumerate(ODD_NAMES))
    made = draft(
        to=to,
        cc=(Mailbox("", "copy@x.example"),),
        subject=subject.strip(),
        html='<p>Grüße <a href="https://x.example/p">here</a></p>',
    )
    mail_read = written(desk, await desk.user_mail().create_draft(made))
    assert mailboxes(mail_read.first("To"), Budget()) == [
        (name if "=?" not in name and "@" not in name else found.name, address)
        for (name, address), found in zip(to, mailboxes(mail_read.first("To"), Budget()), strict=True)
    ]
    assert (mail_read.first("Cc"), mail_read.first("Subject")) == ("copy@x.example", subject.strip())
    assert mail_read.mime_type == "multipart/alternative"
    assert [part.text.strip() for part in mail_read.parts] == [
        "Grüße here <https://x.example/p>",
        '<p>Grüße <a href="https://x.example/p">here</a></p>',
    ]


async def test_each_line_of_a_drafts_head_is_short_and_ascii(desk: Desk) -> None:
    made = draft(
        to=tuple(Mailbox(name.strip() or "x", f"to{number}@x.example") for number, name in enumerate(ODD_NAMES * 6)),
        subject="für " * 200,
    )
    draft_id = await desk.user_mail().create_draft(made)
    head, _ = mail_parts.split(desk.folder.raw(desk.folder.draft(draft_id).message.id))
    assert head.isascii()
    assert max(map(len, head.split(b"\r\n"))) <= 120
    assert all(len(word) <= 75 for word in re.findall(rb"=\?\S+\?=", head))


@pytest.mark.parametrize("end", ["\r\nBcc: spy@x.example", "\nBcc: spy@x.example", "\rX: y", "\0", "\u2028", "\x0b"])
@pytest.mark.parametrize("where", ["subject", "name", "address", "sender"])
async def test_nothing_in_a_header_can_begin_another(desk: Desk, end: str, where: str) -> None:
    made = {
        "subject": lambda: draft(subject=f"Offer{end}"),
        "name": lambda: draft(to=(Mailbox(f"Grace{end}", GRACE),)),
        "address": lambda: draft(to=(Mailbox("Grace", f"{GRACE}{end}"),)),
        "sender": lambda: draft(sender=SendAs(ADA, f"Ada{end}")),
    }[where]()
    with pytest.raises(BadRequest) as refused:
        await desk.user_mail().create_draft(made)
    assert "spy" not in str(refused.value)
    assert desk.folder.drafts()[0] == []


async def test_a_message_id_that_would_begin_another_header_is_left_out(desk: Desk) -> None:
    made = draft(in_reply_to="<a@b>\r\nBcc: spy@x.example", references="<one@x>\r\n\r\n<two@x> junk <three @x>")
    mail_read = written(desk, await desk.user_mail().create_draft(made))
    assert (mail_read.first("In-Reply-To"), mail_read.first("References"), mail_read.first("Bcc")) == (
        "<a@b>",
        "<one@x> <two@x>",
        "",
    )


async def test_a_reply_stands_in_its_thread_with_ids_as_long_as_exchange_makes_them(desk: Desk) -> None:
    long_id = f"<{'A' * 120}@EXCHANGE.PROD.OUTLOOK.COM>"
    mail_id = arrived(desk, mail(Message_ID=long_id))
    thread = desk.folder.message(mail_id).thread_id
    references = " ".join(f"<{number}{'b' * 100}@x>" for number in range(60)) + f" {long_id}"
    reply = draft(subject="Re: Offer", thread_id=thread, in_reply_to=long_id, references=references)
    mine = desk.user_mail()
    draft_id = await mine.create_draft(reply)
    mail_read = written(desk, draft_id)
    assert mail_read.first("In-Reply-To") == long_id
    named = mail_read.first("References").split()
    assert (named[0], named[-1], len(named)) == (f"<0{'b' * 100}@x>", long_id, 20)
    sent = desk.folder.message(await mine.send_draft(draft_id))
    assert sent.thread_id == thread
    with pytest.raises(NotFound):
        await mine.create_draft(draft(thread_id="18c0ffee"))


async def test_what_a_draft_answers_is_told_and_nothing_else_of_it(desk: Desk) -> None:
    mail_id = arrived(desk, mail(Message_ID="<one@x.example>"))
    thread = desk.folder.message(mail_id).thread_id
    answer = draft(subject="Re: Offer", thread_id=thread, in_reply_to="<one@x.example>", references="<zero@x> <one@x.example>")
    mine = desk.user_mail(desk.world.google.refresh_token(desk.ada, SEND_ALONE))
    draft_id = await mine.create_draft(answer)
    told = await mine.draft(draft_id)
    assert (told.thread_id, told.first("In-Reply-To"), told.first("References")) == (
        thread,
        "<one@x.example>",
        "<zero@x> <one@x.example>",
    )
    assert (told.first("Subject"), told.first("To")) == ("", "")
    await mine.delete_draft(draft_id)
    with pytest.raises(NotFound):
        await mine.draft(draft_id)


async def test_mail_from_an_address_that_is_not_ones_own_is_from_ones_own(desk: Desk) -> None:
    mine = desk.user_mail()
    sent = await mine.send_draft(await mine.create_draft(draft(sender=SendAs("boss@corp.example", "The Boss"))))
    assert mail_parts.read(desk.folder.raw(sent)).first("From") == ADA


async def test_a_draft_is_written_anew_sent_once_and_thrown_away(desk: Desk) -> None:
    mine = desk.user_mail()
    draft_id = await mine.create_draft(draft(subject="First"))
    await mine.update_draft(draft_id, draft(subject="Second", sender=SendAs("ada@lovelace.example", "Ada Love")))
    sent = await mine.send_draft(draft_id)
    assert set(desk.folder.message(sent).label_ids) == {"SENT"}
    whole = mail_parts.read(desk.folder.raw(sent))
    assert (whole.first("Subject"), whole.first("From")) == ("Second", "Ada Love <ada@lovelace.example>")
    for call in (mine.send_draft(draft_id), mine.update_draft(draft_id, draft())):
        with pytest.raises(NotFound):
            await call
    await mine.delete_draft(draft_id)
    other = await mine.create_draft(draft())
    for _ in range(2):
        await mine.delete_draft(other)
    assert desk.folder.drafts()[0] == []
    assert desk.folder.messages("in:sent").estimate == 1
    assert {(call.name, call.units) for call in desk.world.calls.recent if call.status == 200 and "drafts" in call.name} == {
        ("users.drafts.create", 10),
        ("users.drafts.update", 15),
        ("users.drafts.send", 100),
    }


def test_a_draft_that_is_one_no_more_is_told_by_either_status() -> None:
    not_a_draft = b'{"error": {"message": "Message not a draft", "errors": [{"reason": "invalidArgument"}]}}'
    assert is_no_draft(404, b"") and is_no_draft(410, b"") and is_no_draft(400, not_a_draft)
    assert not is_no_draft(400, b'{"error": {"message": "Recipient address required"}}')
    assert not is_no_draft(403, not_a_draft)


@pytest.mark.parametrize("fault", [{"status": 500}, {"drop": True}, {"html": True}])
@pytest.mark.parametrize("after", [False, True])
async def test_sending_whose_answer_is_lost_is_told_and_pressed_again_sends_nothing_more(
    desk: Desk, fault: dict[str, object], after: bool
) -> None:
    mine = desk.user_mail()
    draft_id = await mine.create_draft(draft())
    desk.world.faults.add(Fault("gmail", "users.drafts.send", after=after, times=1, **fault))  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        await mine.send_draft(draft_id)
    if after:
        with pytest.raises(NotFound):
            await mine.send_draft(draft_id)
    else:
        await mine.send_draft(draft_id)
    assert desk.folder.messages("in:sent").estimate == 1


async def test_two_presses_at_once_send_once(desk: Desk) -> None:
    mine = desk.user_mail()
    draft_id = await mine.create_draft(draft())
    ended = await asyncio.gather(*(mine.send_draft(draft_id) for _ in range(3)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in ended) == ["NotFound", "NotFound", "str"]
    assert desk.folder.messages("in:sent").estimate == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [({"status": 429}, RateLimited), ({"status": 403}, RateLimited), ({"status": 503}, Unavailable), ({"half": True}, BadAnswer)],
)
async def test_each_call_tells_at_once_what_is_wrong(desk: Desk, fault: dict[str, object], error: type[Upstream]) -> None:
    [mail_id] = desk.arrive(1)
    mine = desk.user_mail()
    draft_id = await mine.create_draft(draft())
    desk.world.faults.add(Fault("gmail", **fault))  # type: ignore[arg-type]
    calls = [
        mine.mail_with([GRACE], 1),
        mine.headers([mail_id], ["From"]),
        mine.text(mail_id),
        mine.attachment(mail_id, "1"),
        mine.send_as(),
        mine.create_draft(draft()),
        mine.send_draft(draft_id),
    ]
    calls += (
        []
        if error is BadAnswer
        else [mine.mark_read([mail_id]), mine.update_draft(draft_id, draft()), mine.delete_draft(draft_id)]
    )
    for call in calls:
        with pytest.raises(error) as refused:
            await call
        assert type(refused.value) is error
        assert not re.search("grace|Offer", str(refused.value))


def test_it_loads_neither_a_parser_of_html_nor_one_of_mail_before_they_are_needed() -> None:
    script = (
        "import sys, gmail_client.user_mail\n"
        "heavy = ('lxml', 'googleapiclient', 'google.auth', 'grpc', 'httplib2', 'gmail_client.html_text', 'gmail_client.draft_mime')\n"
        "print([name for name in sys.modules if name.startswith(heavy)])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.strip() == "[]"
