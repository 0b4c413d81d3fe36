"""A mailbox on disk: threads, labels with their counts, history, pages that hold while mail comes in, writers at once, all or nothing."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.google.mail_folder import (
    BadPageToken,
    Counts,
    HistoryExpired,
    InvalidLabel,
    Label,
    LabelTaken,
    MailFolder,
    NewMail,
    NoSuchLabel,
    NoSuchMail,
    base_subject,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[MailFolder]:
    opened = MailFolder(tmp_path / "mail.sqlite", lambda: NOW)
    yield opened
    opened.close()


def mail(number: int, subject: str = "", **headers: str) -> bytes:
    lines = [f"From: p{number % 3}@one.example", f"Subject: {subject or f'Mail {number}'}", f"Message-ID: <{number}@one.example>"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", f"Text {number}", ""]).encode()


def new(number: int, *labels: str) -> NewMail:
    return NewMail(mail(number), NOW + timedelta(minutes=number), labels or ("INBOX", "UNREAD"))


def test_a_mail_arrives_as_it_is(folder: MailFolder) -> None:
    raw = b"From: =?utf-8?Q?J=C3=B6rg?= <j@one.example>\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\n\n\xff\x00 binary\r\n"
    message = folder.arrive(raw)
    assert folder.raw(message.id) == raw
    assert folder.head(message.id) == raw[: raw.index(b"\n\n") + 2]
    assert (message.from_, message.subject, message.received_at) == ("Jörg <j@one.example>", "Grüße", NOW)
    assert message.label_ids == ("INBOX", "UNREAD")
    assert (message.size, message.thread_id) == (len(raw), message.id)


def test_a_mailbox_outlives_the_process(tmp_path: Path) -> None:
    first = MailFolder(tmp_path / "mail.sqlite", lambda: NOW)
    message = first.arrive(mail(1))
    first.close()
    again = MailFolder(tmp_path / "mail.sqlite", lambda: NOW)
    assert again.message(message.id) == message
    assert again.arrive(mail(2)).id > message.id
    again.close()


@pytest.mark.parametrize("unknown", ["0000000000000001", "xyz", "", "f" * 16, "f" * 17])
def test_what_is_not_there(folder: MailFolder, unknown: str) -> None:
    for read in (folder.message, folder.raw, folder.head, folder.thread):
        with pytest.raises(NoSuchMail):
            read(unknown)
    folder.modify([unknown], ["STARRED"])
    folder.delete([unknown])
    with pytest.raises(NoSuchLabel):
        folder.modify([], ["Label_9"])
    assert folder.history(1000).changes == ()


@pytest.mark.parametrize(
    ("subject", "base"),
    [
        ("Re: Fwd: AW: Offer", "offer"),
        ("RE[2]: offer ", "offer"),
        ("Regarding: x", "regarding: x"),
        ("回复：Offer", "offer"),
        ("", ""),
    ],
)
def test_subjects_without_reply_marks(subject: str, base: str) -> None:
    assert base_subject(subject) == base


def test_threads_need_the_reference_and_the_subject(folder: MailFolder) -> None:
    offer = folder.arrive(mail(1, "Offer"))
    answered = folder.arrive(mail(2, "Re: offer", References="<1@one.example>"))
    again = folder.arrive(mail(3, "AW: Re: Offer", In_Reply_To="<2@one.example>"))
    beside = folder.arrive(mail(4, "Another", References="<1@one.example>"))
    alone = folder.arrive(mail(5, "Offer"))
    assert [message.thread_id for message in (answered, again)] == [offer.id, offer.id]
    assert len({offer.thread_id, beside.thread_id, alone.thread_id}) == 3
    assert [message.id for message in folder.thread(offer.id).messages] == [offer.id, answered.id, again.id]


def test_a_named_thread_is_taken(folder: MailFolder) -> None:
    first = folder.arrive(mail(1))
    [second] = folder.add([NewMail(mail(2), NOW, ("INBOX",), first.thread_id)])
    assert folder.message(second).thread_id == first.thread_id
    with pytest.raises(NoSuchMail):
        folder.add([NewMail(mail(3), NOW, ("INBOX",), "0000000000000009")])


def test_all_or_nothing(folder: MailFolder) -> None:
    before = folder.totals()
    with pytest.raises(NoSuchLabel):
        folder.add([new(1), new(2, "Label_77")])
    assert folder.totals() == before
    assert folder.messages().messages == ()


def test_pages_hold_while_mail_comes_in(folder: MailFolder) -> None:
    ids = folder.add([new(number) for number in range(10)])
    first = folder.messages(most=4)
    folder.arrive(mail(99))
    folder.modify([first.messages[0].id], [], ["INBOX"])
    second = folder.messages(most=4, page_token=first.next_page_token)
    third = folder.messages(most=4, page_token=second.next_page_token)
    seen = [message.id for page in (first, second, third) for message in page.messages]
    assert [message_id for message_id in seen if message_id in ids] == ids[::-1]
    assert third.next_page_token == ""


@pytest.mark.parametrize("token", ["x", "1", "1-", "1-99999999999999999999", "-"])
def test_tokens_that_are_none(folder: MailFolder, token: str) -> None:
    with pytest.raises(BadPageToken):
        folder.messages(page_token=token)
    with pytest.raises(BadPageToken):
        folder.threads(page_token=f"{token}x")


def test_estimates_end_at_201(folder: MailFolder) -> None:
    folder.add([new(number) for number in range(230)])
    assert folder.messages(most=10).estimate == 201
    assert folder.threads(most=10).estimate == 201
    assert folder.messages("subject:7", most=10).estimate == 1


def test_labels_and_names(folder: MailFolder) -> None:
    label = folder.create_label(Label("", "Clients/North"))
    for name in ("clients/north", "CLIENTS/NORTH "):
        with pytest.raises(LabelTaken):
            folder.create_label(Label("", name))
    for name in ("", " ", "Inbox", "a//b", "/a", "x" * 226):
        with pytest.raises(InvalidLabel):
            folder.create_label(Label("", name))
    with pytest.raises(InvalidLabel):
        folder.delete_label("INBOX")
    renamed = folder.change_label(Label(label.id, "Clients/South"))
    assert (renamed.id, renamed.name) == (label.id, "Clients/South")
    assert folder.create_label(Label("", "Clients/North")).id != label.id
    assert [found.name for found in folder.labels() if not found.system] == ["Clients/North", "Clients/South"]


def test_history_tells_changes_in_order(folder: MailFolder) -> None:
    start = folder.newest_history_id()
    message = folder.arrive(mail(1))
    folder.modify([message.id], ["STARRED", "INBOX"], ["UNREAD", "TRASH"])
    folder.modify([message.id], ["STARRED"])
    folder.delete([message.id])
    page = folder.history(start)
    assert [(change.kind, change.label_ids) for change in page.changes] == [
        ("messageAdded", ("INBOX", "UNREAD")),
        ("labelAdded", ("STARRED",)),
        ("labelRemoved", ("UNREAD",)),
        ("messageDeleted", ()),
    ]
    assert page.history_id == page.changes[-1].id == folder.newest_history_id()


def test_history_ends_where_it_was_forgotten(folder: MailFolder) -> None:
    start = folder.newest_history_id()
    folder.arrive(mail(1))
    folder.expire_history()
    for gone in (start, folder.newest_history_id() + 1):
        with pytest.raises(HistoryExpired):
            folder.history(gone)
    assert folder.history(folder.newest_history_id()).changes == ()


def test_writers_at_once_lose_nothing(folder: MailFolder) -> None:
    [message_id] = folder.add([new(0)])
    labels = [folder.create_label(Label("", f"Label of {number}")).id for number in range(8)]

    def write(number: int) -> None:
        for step in range(5):
            folder.add([new(1 + number * 10 + step)])
            folder.modify([message_id], [labels[number]])
            folder.messages("text")

    threads = [threading.Thread(target=write, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert folder.totals()[0] == 41
    assert set(labels) <= set(folder.message(message_id).label_ids)
    history = folder.history(1000, most=500).changes
    assert [change.id for change in history] == list(range(1001, 1001 + len(history)))
    assert len(history) == 41 + 8


LABELS = ("INBOX", "UNREAD", "STARRED")


@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_counts_are_those_of_a_count_by_hand(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = MailFolder(tmp_path_factory.mktemp("counts") / "mail.sqlite", lambda: NOW)
    thread_subjects = data.draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=8))
    for number, subject in enumerate(thread_subjects):
        labels = data.draw(st.frozensets(st.sampled_from(LABELS)))
        folder.arrive(mail(number, subject, References=f"<{subject}@one.example>"), sorted(labels))
        folder.counts()
    some = data.draw(st.lists(st.sampled_from(folder.messages().messages), max_size=3))
    folder.modify([message.id for message in some], ["STARRED"], ["UNREAD"])
    folder.delete([message.id for message in some[1:]])
    messages = folder.messages(most=500).messages
    for label in LABELS:
        having = [message for message in messages if label in message.label_ids]
        unread = [message for message in having if "UNREAD" in message.label_ids]
        expected = Counts(
            len(having), len(unread), len({one.thread_id for one in having}), len({one.thread_id for one in unread})
        )
        assert folder.counts().get(label, Counts()) == expected
    listed = folder.threads(most=500).threads
    assert sorted(one.id for thread in listed for one in thread.messages) == sorted(one.id for one in messages)
    folder.close()
