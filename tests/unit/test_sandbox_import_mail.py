"""Mail from files: every kind of mailbox, every mail in, its bytes as they were, what was odd counted; and the generator's mailbox."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.demo.generate_mail import EVERY_ODDITY, ODD_ONE_IN, generate
from sandbox.desk.import_mail import NoMail, import_mail
from sandbox.desk.packed_folder import unpack
from sandbox.desk.request_body import BadBody
from sandbox.google import mail_parts
from sandbox.google.mail_folder import MailFolder, Message

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PEOPLE = [("Ada Lovelace", "ada@analytical.example", "Analytical Ltd"), ("Bob Ross", "bob@ross.example", "Ross Inc")]
OWNER = ("Mia Reed", "mia@corp.example")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[MailFolder]:
    opened = MailFolder(tmp_path / "mail.sqlite", lambda: NOW)
    yield opened
    opened.close()


def everything(folder: MailFolder) -> list[Message]:
    return list(folder.messages("in:anywhere", most=500).messages)


def raws(folder: MailFolder) -> list[bytes]:
    """All mails' bytes, in the order they came in."""
    return [folder.raw(message.id) for message in sorted(everything(folder), key=lambda message: message.id)]


def mbox(mails: list[bytes]) -> bytes:
    """As mboxrd writes it."""
    escaped = [re.sub(rb"(?m)^(>*From )", rb">\1", raw) for raw in mails]
    lines = b"From ada@analytical.example Mon Nov 23 10:00:00 2026\n"
    return b"".join(lines + raw + (b"" if raw.endswith(b"\n") else b"\n") + b"\n" for raw in escaped)


MAIL = b"From: ada@analytical.example\nDate: Mon, 2 Nov 2026 10:00:00 +0100\nMessage-ID: <1@a.example>\nSubject: One\n\n"


def test_an_mbox_in_mboxrd(folder: MailFolder, tmp_path: Path) -> None:
    mails = [MAIL + b"First\n", MAIL + b"From me to you\n>From quoted\n\nFrom here Mon on\n", MAIL + b"\n\n"]
    (tmp_path / "all.mbox").write_bytes(mbox(mails))
    imported = import_mail(tmp_path / "all.mbox", folder, NOW)
    assert (imported.mails, imported.odd) == (3, Counter())
    assert raws(folder) == mails
    assert {message.received_at for message in everything(folder)} == {datetime(2026, 11, 2, 9, tzinfo=UTC)}


def test_an_mboxcl_whose_text_has_from_lines(folder: MailFolder, tmp_path: Path) -> None:
    text = b"Before\n\nFrom eve@ross.example Mon Nov 23 10:00:00 2026\nSubject: not a mail\n\nAfter\n"
    mail = MAIL.removesuffix(b"\n") + b"Content-Length: %d\n\n" % len(text) + text
    line = b"From ada@analytical.example Mon Nov 23 10:00:00 2026\n"
    (tmp_path / "all.mbox").write_bytes(line + mail + b"\n" + line + mail + b"\n")
    assert import_mail(tmp_path / "all.mbox", folder, NOW).mails == 2
    assert raws(folder) == [mail, mail]


def test_windows_lines(folder: MailFolder, tmp_path: Path) -> None:
    mail = (MAIL + b"Text\n").replace(b"\n", b"\r\n")
    line = b"From - Mon Nov 23 10:00:00 2026\r\n"
    (tmp_path / "all.mbox").write_bytes(line + mail + b"\r\n" + line + mail + b"\r\n")
    assert import_mail(tmp_path / "all.mbox", folder, NOW).mails == 2
    assert raws(folder) == [mail, mail]


def test_from_lines_that_say_nothing(folder: MailFolder, tmp_path: Path) -> None:
    (tmp_path / "all.mbox").write_bytes(b"From \n" + MAIL + b"One\n\nFrom nobody\n" + MAIL + b"Two\n")
    assert import_mail(tmp_path / "all.mbox", folder, NOW).mails == 2
    assert raws(folder) == [MAIL + b"One\n", MAIL + b"Two\n"]


@pytest.mark.parametrize("start", [b"(" * 50_000, b'"' * 49_999, b"<" * 50_000, b"=?utf-8?Q?" * 5_000, b"a@" * 25_000])
def test_senders_made_to_break_a_reader(folder: MailFolder, tmp_path: Path, start: bytes) -> None:
    raw = b"From: " + start + b"\nTo: " + start + b"\n\nx\n"
    (tmp_path / "one.eml").write_bytes(raw)
    import_mail(tmp_path / "one.eml", folder, NOW, own_addresses=["mia@corp.example"])
    assert raws(folder) == [raw]


def test_one_mail_alone(folder: MailFolder, tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(MAIL + b"From the start\n")
    assert import_mail(tmp_path / "one.eml", folder, NOW).mails == 1
    assert raws(folder) == [MAIL + b"From the start\n"]


def test_the_same_file_twice_brings_nothing_new_and_changes_nothing(folder: MailFolder, tmp_path: Path) -> None:
    """Also where mails have no Message-ID, no Date, or are in the file twice; also when the user has moved and labelled them."""
    mails = [MAIL + b"First\n", MAIL + b"First\n", b"From: a@b.example\n\nNo id, no date\n", MAIL + b"Third\n"]
    (tmp_path / "all.mbox").write_bytes(mbox(mails))
    first = import_mail(tmp_path / "all.mbox", folder, NOW)
    assert (first.mails, first.new, first.already) == (4, 4, 0)
    folder.trash([everything(folder)[0].id])
    before = everything(folder), folder.newest_history_id()
    again = import_mail(tmp_path / "all.mbox", folder, NOW + timedelta(days=1))
    assert (again.mails, again.new, again.already, again.odd) == (4, 0, 4, Counter())
    assert (everything(folder), folder.newest_history_id()) == before


def test_of_a_file_that_grew_only_what_is_new_comes_in(
    folder: MailFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.desk.import_mail.TOGETHER", 2)
    mails = [MAIL + b"%d\n" % number for number in range(5)]
    (tmp_path / "all.mbox").write_bytes(mbox(mails[:3]))
    import_mail(tmp_path / "all.mbox", folder, NOW)
    (tmp_path / "all.mbox").write_bytes(mbox([mails[4], *mails, mails[0]]))
    grown = import_mail(tmp_path / "all.mbox", folder, NOW)
    assert (grown.mails, grown.new, grown.already) == (7, 4, 3)
    assert sorted(raws(folder)) == sorted([mails[4], *mails, mails[0]])


def test_a_mail_that_was_deleted_for_good_comes_in_again(folder: MailFolder, tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(MAIL + b"Back\n")
    import_mail(tmp_path / "one.eml", folder, NOW)
    folder.delete([everything(folder)[0].id])
    assert import_mail(tmp_path / "one.eml", folder, NOW).new == 1
    assert raws(folder) == [MAIL + b"Back\n"]


def test_an_import_that_was_cut_off_goes_on_where_it_was(
    folder: MailFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.desk.import_mail.TOGETHER", 2)
    mails = [MAIL + b"%d\n" % number for number in range(5)]
    (tmp_path / "all.mbox").write_bytes(mbox(mails))

    def cut_off(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_mail(tmp_path / "all.mbox", folder, NOW, progress=cut_off)
    assert raws(folder) == mails[:2]
    again = import_mail(tmp_path / "all.mbox", folder, NOW)
    assert (again.new, again.already) == (3, 2)
    assert raws(folder) == mails


def test_takeouts_labels_of_mail_that_is_here_are_not_made_again(folder: MailFolder, tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(b"X-Gmail-Labels: Inbox,Lyon\n" + MAIL + b"x\n")
    import_mail(tmp_path / "one.eml", folder, NOW)
    (lyon,) = [label for label in folder.labels() if label.name == "Lyon"]
    folder.delete_label(lyon.id)
    assert import_mail(tmp_path / "one.eml", folder, NOW).already == 1
    assert "Lyon" not in [label.name for label in folder.labels()]


def test_a_maildir(folder: MailFolder, tmp_path: Path) -> None:
    for place in ("cur", "new", "tmp", ".Sent/cur"):
        (tmp_path / "mail" / place).mkdir(parents=True)
        (tmp_path / "mail" / place / "1.host:2,S").write_bytes(MAIL + place.encode() + b"\n")
    (tmp_path / "mail" / "dovecot.index").write_bytes(b"\x00")
    assert import_mail(tmp_path / "mail", folder, NOW).mails == 3
    assert sorted(raws(folder)) == sorted(MAIL + place + b"\n" for place in (b"cur", b"new", b".Sent/cur"))


def test_a_folder_of_single_mails(folder: MailFolder, tmp_path: Path) -> None:
    (tmp_path / "mail" / "2026").mkdir(parents=True)
    (tmp_path / "mail" / "a.eml").write_bytes(MAIL + b"a\n")
    (tmp_path / "mail" / "2026" / "b.eml").write_bytes(MAIL + b"b\n")
    (tmp_path / "mail" / "empty.eml").write_bytes(b"")
    assert import_mail(tmp_path / "mail", folder, NOW).mails == 2


def test_no_file_of_a_packed_folder_gets_out_of_it(tmp_path: Path) -> None:
    (tmp_path / "packed").write_bytes(b'{"path": "/a/../../../../out.eml", "size": 2}\nhi{"path": "cur/1", "size": 0}\n')
    unpack(tmp_path / "packed", tmp_path / "deep" / "folder")
    files = {str(file.relative_to(tmp_path)): file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert files.keys() == {"packed", "deep/folder/a/out.eml", "deep/folder/cur/1"}
    assert files["deep/folder/a/out.eml"] == b"hi"


def test_a_packed_folder_with_two_files_at_one_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "packed").write_bytes(b'{"path": "1", "size": 0}\n{"path": "./1", "size": 0}\n')
    with pytest.raises(BadBody):
        unpack(tmp_path / "packed", tmp_path / "folder")


def test_files_that_are_no_mail_are_counted(folder: MailFolder, tmp_path: Path) -> None:
    for name, content in (("1.eml", MAIL), ("2.png", b"\x89PNG"), ("3.eml", b""), (".hidden", b"")):
        (tmp_path / "mails").mkdir(exist_ok=True)
        (tmp_path / "mails" / name).write_bytes(content)
    imported = import_mail(tmp_path / "mails", folder, NOW)
    assert (imported.mails, imported.odd) == (1, Counter({"files without mail": 2}))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"just a letter\nto you\n", b"\x89PNG\r\n\x1a\n\x00"])
def test_no_mail_at_all(folder: MailFolder, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "letter.txt").write_bytes(content)
    with pytest.raises(NoMail, match="No mail in"):
        import_mail(tmp_path / "letter.txt", folder, NOW)
    with pytest.raises(NoMail, match="no file"):
        import_mail(tmp_path / "nowhere", folder, NOW)


def test_when_a_mail_was_received(folder: MailFolder, tmp_path: Path) -> None:
    def dated(date_line: bytes, from_line: bytes) -> bytes:
        return b"From ada@analytical.example " + from_line + b"\n" + date_line + b"From: a@one.example\nMessage-ID: <1>\n\nx\n\n"

    mails = [
        dated(b"Date: Mon, 2 Nov 2026 10:00:00 +0100\n", b"Tue Nov  3 10:00:00 2026"),
        dated(b"Date: yesterday\n", b"Tue Nov  3 10:00:00 2026"),
        dated(b"", b"Wed Nov  4 10:00 2026"),
        dated(b"Date: Mon, 2 Nov 2099 10:00:00 +0100\n", b"never 2026"),
    ]
    (tmp_path / "all.mbox").write_bytes(b"".join(mails))
    imported = import_mail(tmp_path / "all.mbox", folder, NOW)
    received = [message.received_at for message in sorted(everything(folder), key=lambda message: message.id)]
    assert received == [datetime(2026, 11, 2, 9, tzinfo=UTC), *(datetime(2026, 11, day, 10, tzinfo=UTC) for day in (3, 4, 4))]
    assert imported.odd == {"Date not to be believed": 2, "without Date": 1}


def test_the_first_mail_without_any_date_came_now(folder: MailFolder, tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(b"From: a@one.example\n\nx\n")
    imported = import_mail(tmp_path / "one.eml", folder, NOW)
    assert everything(folder)[0].received_at == NOW
    assert imported.odd == {"without Date": 1, "without Message-ID": 1}


def test_own_mail_is_sent_mail(folder: MailFolder, tmp_path: Path) -> None:
    mails = [
        b"From: Mia <MIA@corp.example>\nTo: ada@one.example\n\n1\n",
        b"From: mia@corp.example\nTo: mia@corp.example\n\n2\n",
        b"From: ada@one.example\nTo: mia@corp.example\n\n3\n",
    ]
    (tmp_path / "all.mbox").write_bytes(mbox(mails))
    import_mail(tmp_path / "all.mbox", folder, NOW, own_addresses=["mia@corp.example"])
    labels = [set(message.label_ids) for message in sorted(everything(folder), key=lambda message: message.id)]
    assert labels == [{"SENT"}, {"SENT", "INBOX", "UNREAD"}, {"INBOX", "UNREAD"}]


def test_takeouts_labels_are_kept(folder: MailFolder, tmp_path: Path) -> None:
    mails = [MAIL.replace(b"Subject", b"X-Gmail-Labels: Inbox,Opened,Starred,=?UTF-8?Q?Gro=C3=9Fe_Kunden?=\nSubject")] * 2
    (tmp_path / "all.mbox").write_bytes(mbox(mails))
    import_mail(tmp_path / "all.mbox", folder, NOW)
    [made] = [label for label in folder.labels() if not label.system]
    assert made.name == "Große Kunden"
    assert [set(message.label_ids) for message in everything(folder)] == [{"INBOX", "STARRED", made.id}] * 2


def test_progress_goes_on_to_the_end(folder: MailFolder, tmp_path: Path) -> None:
    (tmp_path / "all.mbox").write_bytes(mbox([MAIL + b"x" * 50 + b"\n"] * 1_000))
    told: list[tuple[int, int]] = []
    import_mail(tmp_path / "all.mbox", folder, NOW, progress=lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len(told) == 4
    assert told[-1] == (told[-1][1], (tmp_path / "all.mbox").stat().st_size)


TEXTS = st.text(alphabet="From >abc:\n", max_size=60).map(str.encode)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, min_size=1, max_size=5))
def test_what_mboxrd_writes_is_read(tmp_path: Path, texts: list[bytes]) -> None:
    mails = [MAIL + text + b"\n" for text in texts]
    (tmp_path / "all.mbox").write_bytes(mbox(mails))
    (tmp_path / "again.sqlite").unlink(missing_ok=True)
    folder = MailFolder(tmp_path / "again.sqlite", lambda: NOW)
    import_mail(tmp_path / "all.mbox", folder, NOW)
    assert raws(folder) == mails
    folder.close()


def test_a_generated_mailbox_comes_in_whole(folder: MailFolder, tmp_path: Path) -> None:
    mails = generate(PEOPLE, OWNER, NOW, 7, EVERY_ODDITY)
    (tmp_path / "all.mbox").write_bytes(mbox(mails))
    imported = import_mail(tmp_path / "all.mbox", folder, NOW, own_addresses=[OWNER[1]])
    assert imported.mails == len(mails) == EVERY_ODDITY
    assert raws(folder) == [raw if raw.endswith(b"\n") else raw + b"\n" for raw in mails]
    assert {
        "without From",
        "several From",
        "8-bit headers",
        "without Date",
        "Date not to be believed",
        "broken encoded words",
    } <= set(imported.odd)
    received = [message.received_at for message in everything(folder)]
    assert max(received) <= NOW
    assert min(received) >= NOW - timedelta(days=70)
    assert folder.totals()[1] < len(mails)


def test_the_same_seed_is_the_same_mailbox() -> None:
    assert generate(PEOPLE, OWNER, NOW, 7) == generate(PEOPLE, OWNER, NOW, 7)
    assert generate(PEOPLE, OWNER, NOW, 7) != generate(PEOPLE, OWNER, NOW, 8)
    assert len(generate(PEOPLE, OWNER, NOW, 7, 50)) == 50


@given(now=st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001  aware by timezones
@settings(max_examples=20, deadline=None)
def test_no_mail_is_of_the_future_at_any_hour_of_any_day(now: datetime) -> None:
    mails = generate(PEOPLE, OWNER, now, 7)
    dates = [at for at in (mail_parts.parsed_date(mail_parts.read(raw).first("Date")) for raw in mails) if at]
    assert len(dates) > len(mails) * 0.9
    assert max(dates) <= now
    assert sum(at > now - timedelta(minutes=92) for at in dates) > len(dates) / 20


def test_made_up_mail_is_of_made_up_people() -> None:
    for raw in generate(PEOPLE, OWNER, NOW, 7, EVERY_ODDITY):
        hosts = re.findall(rb"@([\w.-]*\.[a-z]+)\b", raw) + re.findall(rb"https?://([\w.-]+)", raw)
        assert all(host.endswith(b".example") for host in hosts), hosts


def test_most_generated_mail_is_ordinary() -> None:
    mails = [mail_parts.read(raw) for raw in generate(PEOPLE, OWNER, NOW, 7)]
    known = sum(
        any(address in mail.first("From") for _, address, _ in PEOPLE) and "\ufffd" not in mail.first("Subject") for mail in mails
    )
    assert known > len(mails) / 3
    assert ODD_ONE_IN == 6
