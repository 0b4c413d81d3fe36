"""A mailbox made up from a seed: ordinary business mail for the most part, and about one mail in six odd in a way that real mail is."""

import base64
import itertools
import quopri
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from email.header import Header
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from random import Random

Person = tuple[str, str, str]
"""Name, address, account (the company's name)."""

DAYS_BACK = 60
ODD_ONE_IN = 6

_TOPICS: Sequence[tuple[str, str, Sequence[str]]] = (
    (
        "Renewal for next year",
        "our contract for {item} ends soon and we would like to go on. Could you send the terms for another year? We expect to add"
        " {number} seats.",
        ("thank you, the terms are attached to the offer in your portal. The price per seat stays as it is.",
         "that looks right. I will take it to our purchasing people on {weekday}.",
         "good. I keep the dates free for you."),
    ),
    (
        "Invoice {number}",
        "the invoice for {item} shows {number} units, we received two fewer. Can you check and send a corrected one?",
        ("you are right, two units went out a day later. A corrected invoice is on its way.", "received, thank you. Paid on {weekday}."),
    ),
    (
        "Visit on {weekday}",
        "would {weekday} at ten suit you for the visit? Three of us would come, and we would like to see {item} at work.",
        ("{weekday} at ten is fine. Please come to the main gate, someone will meet you there.", "perfect, see you then."),
    ),
    (
        "Offer for {item}",
        "we are looking for {item} for {number} people, to start in the spring. Could you make us an offer, with delivery to Lyon?",
        ("with pleasure. Two questions first: do you need training, and who would sign?", "training for two people, and I sign myself.",
         "here it is: {number} seats, training, delivery in March. Valid for thirty days."),
    ),
    (
        "Delivery dates",
        "could you confirm the delivery of {item} for {weekday}? The hall is free from eight.",
        ("confirmed. The driver calls half an hour before.",),
    ),
    (
        "Minutes of our call",
        "thanks for the call. What I noted: you send the draft by {weekday}, we test {item} with two teams, and we decide within {number}"
        " days.",
        ("that is how I have it too. The draft comes tomorrow.",),
    ),
    (
        "Question about {item}",
        "one of my colleagues asks whether {item} can be used from two places at once. Is that part of what we have?",
        ("it is, up to {number} places. I send you the short guide.", "very helpful, thank you."),
    ),
    (
        "Samples",
        "the samples came today and look good. We would like {number} more, the blue ones.",
        ("the blue ones go out on {weekday}.",),
    ),
    (
        "Change of address",
        "from next month our {account} office is in the old harbour, second floor. Please send invoices there.",
        ("noted, thank you for telling us.",),
    ),
    (
        "Pilot in Lyon",
        "the pilot with {item} went well, the team would keep it. What would it cost for all {number} of us?",
        ("I am glad to hear it. Shall we talk on {weekday}?", "{weekday} after lunch is good."),
    ),
)  # fmt: skip
_ITEMS = (
    "the planning board",
    "the label printers",
    "the service desk",
    "the spare parts",
    "the analysis module",
    "the maintenance",
)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
_COLLEAGUES = (("Kim Berg", "kim"), ("Noor Haddad", "noor"), ("Tomás Vidal", "tomas"), ("Sales", "sales"))
_AMONG_COLLEAGUES = (
    ("Lunch on {weekday}?", "The new place at the corner has tables at noon. Who is in?"),
    ("Numbers for {weekday}", "Please put your forecast into the sheet by noon, then I can close the month."),
    ("Holiday list", "I am away for a week from {weekday}; Kim has my accounts."),
    ("Customer visit", "Three visitors on {weekday}, the big room is booked. Please leave the projector where it is."),
)
_LETTERS = (
    ("Harbour Post", "news@harbourpost.example", "Five things that moved this week"),
    ("Tool & Die", "letter@toolanddie.example", "Autumn catalogue: 40 new parts"),
    ("The Ledger", "hello@ledger.example", "What the new VAT rules mean for you"),
)
_MACHINES = (
    (
        "Parcel Service",
        "no-reply@parcel.example",
        "Your parcel arrives tomorrow",
        "Parcel 4711 arrives tomorrow between 9 and 12.",
    ),
    ("Bank", "noreply@bank.example", "Your statement is ready", "The statement of last month is in your mailbox at the bank."),
    (
        "Mail Delivery",
        "mailer-daemon@mail.example",
        "Undelivered mail returned to sender",
        "The address olaf@nowhere.example is unknown.",
    ),
    ("Ticket Office", "do-not-reply@tickets.example", "Booking confirmed", "Your train leaves at 07:12 from platform 3."),
)
_LANGUAGES: Sequence[tuple[str, str, str, str]] = (
    (
        "utf-8",
        "Jürgen Groß",
        "Rückfrage zur Lieferung",
        "Guten Tag, können Sie die Lieferung für nächste Woche bestätigen? Viele Grüße",
    ),
    ("iso-8859-1", "Éloïse Lefèvre", "Réunion à Genève", "Bonjour, la réunion est déplacée à jeudi. À bientôt, Éloïse"),
    ("iso-8859-15", "François Œuvrard", "Devis: 1 200 €", "Le devis s’élève à 1 200 €.".replace("’", "'")),
    ("iso-8859-2", "Łukasz Żak", "Zamówienie części", "Dzień dobry, proszę o potwierdzenie zamówienia."),
    ("iso-8859-7", "Ελένη Παππά", "Προσφορά", "Καλημέρα, περιμένουμε την προσφορά σας."),
    ("iso-8859-9", "Gülşen Yıldız", "Teklif isteği", "Merhaba, teklifinizi bekliyoruz."),
    ("koi8-r", "Анна Смирнова", "Договор на следующий год", "Добрый день, договор подписан. С уважением, Анна"),
    ("windows-1251", "Іван Петренко", "Рахунок", "Доброго дня, рахунок отримано."),
    ("windows-1252", "Zoë “Zo” Peeters", "Offerte – 3 stuks", "Graag ontvang ik een offerte voor 3 stuks – met dank."),
    ("windows-1256", "ليلى حداد", "عرض السعر", "مرحبا، هل يمكنكم إرسال عرض السعر؟"),
    ("windows-1255", "דנה לוי", "הזמנה", "שלום, ההזמנה התקבלה."),
    ("iso-2022-jp", "山田太郎", "お見積りの件", "お世話になっております。お見積りをお願いいたします。"),
    ("shift_jis", "佐藤花子", "会議の日程", "来週の会議は水曜日です。"),
    ("gb2312", "王小明", "报价单", "您好，请发送报价单。"),
    ("big5", "陳大文", "訂單確認", "您好，訂單已確認。"),
    ("euc-kr", "김민수", "견적 요청", "안녕하세요, 견적을 부탁드립니다."),
    ("utf-8", "प्रिया शर्मा", "नमूने", "नमस्ते, नमूने मिल गए। धन्यवाद।"),
    ("utf-8", "🦊 Fox & Sons 🎉", "🎉 We moved! 🚚", "Same people, new address 🏡"),
)


def generate(people: Sequence[Person], owner: tuple[str, str], now: datetime, seed: int, count: int = 180) -> list[bytes]:
    """`count` mails of the last DAYS_BACK days, none later than `now` (aware), oldest first, the same for the same arguments.

    `owner` (name, address) gets them; what the owner wrote is among them. `people` (at least one) write most of the ordinary ones.
    """
    post = _Post(owner, now.astimezone(UTC), Random(seed))  # noqa: S311  not for secrets
    odd = [mail for make, _ in zip(itertools.cycle(_ODDITIES), range(count // ODD_ONE_IN), strict=False) for mail in make(post)]
    ordinary: list[_Mail] = []
    while len(ordinary) + len(odd) < count:
        kind = post.random.choices(
            (_conversation, _from_colleagues, _letter, _from_machine, _on_a_list, _invitation), (14, 2, 2, 2, 2, 1)
        )[0]
        ordinary += kind(post, people)
    mails = [*odd, *ordinary][:count]
    return [mail.raw for mail in sorted(mails, key=lambda mail: mail.at)]


@dataclass(frozen=True, slots=True)
class _Mail:
    """A finished mail, and when it came."""

    at: datetime
    raw: bytes


class _Post:
    """Whose mailbox it is, and what chance decides."""

    def __init__(self, owner: tuple[str, str], now: datetime, random: Random) -> None:
        self.name, self.address = owner
        self.domain = self.address.rpartition("@")[2]
        self.random = random
        self.now = now
        self._numbers = itertools.count(1)
        self._languages = itertools.cycle(random.sample(_LANGUAGES, len(_LANGUAGES)))
        self._topics: dict[str, list[tuple[str, str, Sequence[str]]]] = {}

    def moment(self) -> datetime:
        """Some working hour of the last weeks, more often lately; of today, the last hour and a half."""
        days = int(DAYS_BACK * self.random.random() ** 2)
        if not days:
            return self.now - timedelta(minutes=self.random.randrange(1, 90), seconds=self.random.randrange(60))
        day = self.now.date() - timedelta(days=days)
        day -= timedelta(days=max(0, day.weekday() - 4))
        return datetime.combine(day, time(7), UTC) + timedelta(
            minutes=self.random.randrange(600), seconds=self.random.randrange(60)
        )

    def next_number(self) -> int:
        return next(self._numbers)

    def message_id(self, domain: str) -> str:
        return f"<{self.next_number():05d}.{self.random.getrandbits(40):010x}@{domain}>"

    def facts(self, account: str = "") -> dict[str, object]:
        """What a text speaks of."""
        choose = self.random.choice
        return {"item": choose(_ITEMS), "number": self.random.randrange(4, 90), "weekday": choose(_WEEKDAYS), "account": account}

    def next_topic(self, address: str) -> tuple[str, str, Sequence[str]]:
        """What a person writes about: everything once before anything twice."""
        waiting = self._topics.setdefault(address, [])
        if not waiting:
            waiting += self.random.sample(_TOPICS, len(_TOPICS))
        return waiting.pop()

    def next_language(self) -> tuple[str, str, str, str]:
        return next(self._languages)

    def message(self, sender: tuple[str, str], to: Sequence[tuple[str, str]], subject: str, at: datetime) -> EmailMessage:
        """A message with its headers and no text yet."""
        message = EmailMessage()
        message["Date"], message["From"] = format_datetime(at), formataddr(sender)
        message["To"] = ", ".join(formataddr(one) for one in to)
        message["Subject"], message["Message-ID"] = subject, self.message_id(sender[1].rpartition("@")[2])
        return message

    def written(self, head: Sequence[tuple[str, str | bytes]], body: bytes, at: datetime, dated: bool = True) -> _Mail:
        """A mail put together by hand: nothing in it is checked or encoded."""
        lines = [("Date", format_datetime(at)), *head] if dated else head
        raw = b"".join(
            name.encode() + b": " + (value if isinstance(value, bytes) else value.encode()) + b"\n" for name, value in lines
        )
        return _Mail(at, raw + b"\n" + body)

    def plain(
        self, sender: str | bytes, subject: str | bytes = "Our order", text: str = "Please see below.", **more: str | bytes
    ) -> _Mail:
        """As `written`, with the usual headers; `more` names further ones (List_Id), or replaces To, Content_Type."""
        head: dict[str, str | bytes] = {"From": sender, "To": formataddr((self.name, self.address)), "Subject": subject}
        head |= {"Message-ID": self.message_id("post.example"), "Content-Type": "text/plain; charset=utf-8"}
        head |= {name.replace("_", "-"): value for name, value in more.items()}
        return self.written(list(head.items()), text.encode() + b"\n", self.moment())


def _finished(message: EmailMessage, at: datetime) -> _Mail:
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=-part-{number}-{at:%H%M%S}")
    return _Mail(at, message.as_bytes())


def _conversation(post: _Post, people: Sequence[Person]) -> Iterator[_Mail]:
    """Someone writes, the owner answers, and so on."""
    name, address, account = post.random.choice(people)
    subject, opening, replies = post.next_topic(address)
    facts, at = post.facts(account), post.moment()
    length = post.random.randrange(1, len(replies) + 2)
    both, references = ((name, address), (post.name, post.address)), list[str]()
    for turn, text in enumerate([opening, *replies][:length]):
        if at > post.now:
            return
        sender, to = both[turn % 2], both[1 - turn % 2]
        message = post.message(sender, [to], ("Re: " if turn else "") + subject.format(**facts), at)
        if references:
            message["In-Reply-To"], message["References"] = references[-1], " ".join(references)
        references.append(str(message["Message-ID"]))
        _write(post, message, f"Hello {to[0].split()[0]},\n\n{text.format(**facts)}\n\nBest regards\n{sender[0]}\n")
        if turn == 0 and "Invoice" in subject:
            message.add_attachment(b"%PDF-1.4\n%made up\n", maintype="application", subtype="pdf", filename="invoice.pdf")
        yield _finished(message, at)
        at += timedelta(hours=post.random.randrange(1, 6), minutes=post.random.randrange(60))


def _write(post: _Post, message: EmailMessage, text: str) -> None:
    """As plain text, and often as HTML too."""
    message.set_content(text)
    if post.random.random() < 0.5:  # noqa: PLR2004
        paragraphs = "".join(f"<p>{paragraph}</p>" for paragraph in text.replace("&", "&amp;").split("\n\n"))
        message.add_alternative(f"<html><body>{paragraphs}</body></html>", subtype="html")


def _from_colleagues(post: _Post, _: Sequence[Person]) -> Iterator[_Mail]:
    (name, local), (other, other_local) = post.random.sample(_COLLEAGUES[:3], 2)
    subject, text = post.random.choice(_AMONG_COLLEAGUES)
    at = post.moment()
    to = [(post.name, post.address), (other, f"{other_local}@{post.domain}")]
    facts = post.facts()
    message = post.message((name, f"{local}@{post.domain}"), to, subject.format(**facts), at)
    message.set_content(f"{text.format(**facts)}\n\n{name}\n")
    yield _finished(message, at)


def _letter(post: _Post, _: Sequence[Person]) -> Iterator[_Mail]:
    name, address, subject = post.random.choice(_LETTERS)
    at = post.moment()
    message = post.message((name, address), [(post.name, post.address)], subject, at)
    message["List-Unsubscribe"] = f"<mailto:leave@{address.partition('@')[2]}>"
    message["List-Id"] = f"{name} <letter.{address.partition('@')[2]}>"
    message["Precedence"] = "bulk"
    message.set_content(f"{subject}\n\nRead on in your browser.\n")
    table = f'<table width="600" align="center"><tr><td><h1>{name}</h1><p>{subject}</p></td></tr></table>'
    message.add_alternative(f"<html><body>{table}</body></html>", subtype="html")
    yield _finished(message, at)


def _from_machine(post: _Post, _: Sequence[Person]) -> Iterator[_Mail]:
    name, address, subject, text = post.random.choice(_MACHINES)
    at = post.moment()
    message = post.message((name, address), [(post.name, post.address)], subject, at)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(f"{text}\n")
    yield _finished(message, at)


def _on_a_list(post: _Post, people: Sequence[Person]) -> Iterator[_Mail]:
    name, address, _ = post.random.choice(people)
    at = post.moment()
    message = post.message((name, address), [("Planners", "planners@lists.example")], "[planners] Meeting in spring", at)
    message["List-Id"] = "Planners' exchange <planners.lists.example>"
    message["List-Post"] = "<mailto:planners@lists.example>"
    message["Precedence"], message["Sender"] = "list", "planners-bounces@lists.example"
    message.set_content("Shall we meet in spring again? Lyon would be central.\n")
    yield _finished(message, at)


def _invitation(post: _Post, people: Sequence[Person]) -> Iterator[_Mail]:
    name, address, account = post.random.choice(people)
    at = post.moment()
    message = post.message((name, address), [(post.name, post.address)], f"Invitation: Review with {account}", at)
    message["Sender"] = "calendar-notification@calendar.example"
    message.set_content("You are invited.\n")
    start = at + timedelta(days=7)
    event = f"BEGIN:VEVENT\r\nUID:{post.next_number()}@calendar.example\r\nDTSTART:{start:%Y%m%dT%H%M%SZ}\r\nSUMMARY:Review\r\nEND:VEVENT"
    calendar = f"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\n{event}\r\nEND:VCALENDAR\r\n"
    message.add_alternative(calendar, subtype="calendar", params={"method": "REQUEST"})
    yield _finished(message, at)


def _languages(post: _Post) -> Iterator[_Mail]:
    """In its own charset, header and text."""
    charset, name, subject, text = post.next_language()
    sender = f"{Header(name, charset).encode()} <contact@{'desk' if charset == 'utf-8' else charset.replace('_', '-')}.example>"
    head = [("From", sender), ("To", post.address), ("Subject", Header(subject, charset).encode()), ("MIME-Version", "1.0")]
    head += [("Content-Type", f"text/plain; charset={charset}"), ("Content-Transfer-Encoding", "base64")]
    yield post.written(head, base64.encodebytes(text.encode(charset, "replace")), post.moment())


def _wrong_charset(post: _Post) -> Iterator[_Mail]:
    yield post.written(
        [
            ("From", "Agnès <agnes@lumiere.example>"),
            ("To", post.address),
            ("Subject", "Charset that lies"),
            ("Content-Type", "text/plain; charset=us-ascii"),
        ],
        "Ça va très bien, l'été est là.\n".encode("latin-1"),
        post.moment(),
    )


def _unknown_charset(post: _Post) -> Iterator[_Mail]:
    yield post.plain(
        "=?x-nobody-knows?Q?caf=E9?= <cafe@corner.example>",
        "=?x-nobody-knows?B?Y2Fm6Q==?=",
        Content_Type="text/plain; charset=x-nobody-knows",
    )


def _broken_words(post: _Post) -> Iterator[_Mail]:
    yield post.plain("=?utf-8?B?QnJva2VuIA=?= <broken@words.example>", "=?utf-8?Q?Half of a word =C3")


def _split_words(post: _Post) -> Iterator[_Mail]:
    """One character over two encoded words."""
    yield post.plain(
        "=?utf-8?B?TcO8bGxlciA=?= =?utf-8?B?JiBTw7ZobmU=?= <info@mueller.example>", "=?utf-8?Q?Gr=C3?= =?utf-8?Q?=BC=C3=9Fe?="
    )


def _comma_in_name(post: _Post) -> Iterator[_Mail]:
    yield post.plain('"Doe, Jane" <jane@doe.example>', "Doe, Jane writes")


def _encoded_comma(post: _Post) -> Iterator[_Mail]:
    yield post.plain("=?utf-8?Q?M=C3=BCller=2C_J=C3=B6rg?= <joerg@mueller.example>", "Müller, Jörg")


def _group(post: _Post) -> Iterator[_Mail]:
    yield post.plain(
        "Ada <ada@analytical.example>",
        "To a group",
        To="Team: ada@analytical.example, bob@ross.example;, undisclosed-recipients:;",
    )


def _comments(post: _Post) -> Iterator[_Mail]:
    yield post.plain("ada@analytical.example (Ada (the first) Lovelace)", "Comments", Cc="(not me) bob@ross.example (Bob)")


def _folded(post: _Post) -> Iterator[_Mail]:
    yield post.plain(
        "Ada\n\t<ada@analytical.example>",
        "A subject\n that goes on\n\ton three lines",
        To=f"one@ross.example,\n two@ross.example,\n {post.address}",
    )


def _idn(post: _Post) -> Iterator[_Mail]:
    yield post.plain(
        "Käthe <kaethe@xn--bcher-kva.example>", "From an international domain", Reply_To="Käthe <kaethe@bücher.example>"
    )


def _empty_from(post: _Post) -> Iterator[_Mail]:
    yield post.plain("", "From nobody")


def _missing_from(post: _Post) -> Iterator[_Mail]:
    yield post.written([("To", post.address), ("Subject", "Without a sender")], b"Who wrote this?\n", post.moment())


def _broken_address(post: _Post) -> Iterator[_Mail]:
    yield post.plain("Ada <ada@@analytical..example", "Broken address", To="<>, @, a b c@d e, ;;")


def _name_only(post: _Post) -> Iterator[_Mail]:
    yield post.plain("Ada Lovelace", "Only a name")


def _several_from(post: _Post) -> Iterator[_Mail]:
    yield post.plain("ada@analytical.example, bob@ross.example", "From two of us", Sender="bob@ross.example")


def _two_from_lines(post: _Post) -> Iterator[_Mail]:
    head = [("From", "ada@analytical.example"), ("From", "eve@ross.example"), ("To", post.address), ("Subject", "Two From lines")]
    yield post.written(head, b"Which one counts?\n", post.moment())


def _rewritten_by_group(post: _Post) -> Iterator[_Mail]:
    """As a group in the owner's own domain rewrites it."""
    yield post.plain(
        f"'Ada Lovelace' via Sales <sales@{post.domain}>",
        "Question to sales",
        "Who can tell me more about the planning board?",
        To=f"sales@{post.domain}",
        Reply_To="Ada Lovelace <ada@analytical.example>",
        X_Original_From="Ada Lovelace <ada@analytical.example>",
        List_Id=f"<sales.{post.domain}>",
        Delivered_To=post.address,
    )


def _to_self(post: _Post) -> Iterator[_Mail]:
    yield post.plain(formataddr((post.name, post.address)), "Note to self", "Call Lyon about the pilot.")


def _tagged(post: _Post) -> Iterator[_Mail]:
    yield post.plain("Ada Lovelace <Ada+Orders@ANALYTICAL.example>", "With a tag")


def _without_date(post: _Post) -> Iterator[_Mail]:
    yield post.written(
        [("From", "old@clock.example"), ("To", post.address), ("Subject", "No date")],
        b"When was this?\n",
        post.moment(),
        dated=False,
    )


def _absurd_date(post: _Post) -> Iterator[_Mail]:
    value = post.random.choice(
        ("Thu, 31 Feb 2199 25:61:00 +9999", "yesterday", "Mon, 1 Jan 1601 00:00:00 +0000", "Fri, 13 Sep 275760 00:00:00 GMT")
    )
    yield post.written(
        [("Date", value), ("From", "old@clock.example"), ("To", post.address), ("Subject", "Odd date")],
        b"?\n",
        post.moment(),
        dated=False,
    )


def _raw_8_bit(post: _Post) -> Iterator[_Mail]:
    yield post.plain("Renée Müller <renee@mueller.example>".encode("latin-1"), "Größe in Latin-1".encode("latin-1"))
    yield post.plain("Renée Müller <renee@mueller.example>", "Größe in UTF-8")


def _huge_subject(post: _Post) -> Iterator[_Mail]:
    yield post.plain("Long <long@words.example>", "Concerning " + "the very long matter of " * 200)


def _no_subject(post: _Post) -> Iterator[_Mail]:
    yield post.written([("From", "short@words.example"), ("To", post.address)], b"ok\n", post.moment())


def _right_to_left(post: _Post) -> Iterator[_Mail]:
    yield post.plain("דנה \u202eלוי <dana@levi.example>", "שאלה about the order عرض", "שלום، English in between.")


def _markup(post: _Post) -> Iterator[_Mail]:
    yield post.plain('"<b>Bold</b> & <script>alert(1)</script>" <bold@markup.example>', "<img src=x onerror=alert(1)> & *stars*")


def _hostile_html(post: _Post) -> Iterator[_Mail]:
    body = (
        '<html><head><meta http-equiv="refresh" content="0;url=http://tracker.example/"></head><body onload="alert(1)">'
        '<script>alert(1)</script><a href="javascript:alert(1)">Read</a><img src="http://tracker.example/pixel.gif">'
        '<div style="position:fixed;inset:0">over everything</div>'
        '<form action="http://tracker.example/"><input name="a"></form></body></html>'
    )
    yield post.plain("Prize <prize@tracker.example>", "You have won", body, Content_Type="text/html; charset=utf-8")


def _inline_image(post: _Post) -> Iterator[_Mail]:
    at = post.moment()
    message = post.message(("Ada Lovelace", "ada@analytical.example"), [(post.name, post.address)], "The new logo", at)
    message.set_content("The logo is below.\n")
    message.add_alternative('<p>The logo: <img src="cid:logo@analytical.example" alt="logo"></p>', subtype="html")
    html = message.get_payload()[-1]  # type: ignore[index]
    pixel = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
    html.add_related(pixel, maintype="image", subtype="png", cid="<logo@analytical.example>")  # type: ignore[union-attr]
    message.add_attachment(b"PK\x03\x04", maintype="application", subtype="zip", filename="logo größen 徽标.zip")
    yield _finished(message, at)


def _forwarded(post: _Post) -> Iterator[_Mail]:
    """A mail within a mail."""
    at = post.moment()
    inner = post.message(("Eve", "eve@ross.example"), [("Ada", "ada@analytical.example")], "The original", at - timedelta(days=1))
    inner.set_content("This is the original.\n")
    message = post.message(("Ada Lovelace", "ada@analytical.example"), [(post.name, post.address)], "Fwd: The original", at)
    message.set_content("See attached.\n")
    message.add_attachment(inner)
    yield _finished(message, at)


def _broken_multipart(post: _Post) -> Iterator[_Mail]:
    """The boundary never comes again."""
    yield post.plain(
        "Cut <cut@short.example>",
        "Cut off",
        "--edge\nContent-Type: text/plain\n\nThis mail ends",
        Content_Type='multipart/mixed; boundary="edge"',
    )


def _quoted_printable(post: _Post) -> Iterator[_Mail]:
    body = quopri.encodestring("Größe: 5 µm = gut\n".encode()) + b"broken =ZZ and = at the end ="
    head = [
        ("From", "qp@words.example"),
        ("To", post.address),
        ("Subject", "Quoted"),
        ("Content-Type", "text/plain; charset=utf-8"),
    ]
    yield post.written([*head, ("Content-Transfer-Encoding", "quoted-printable")], body, post.moment())


def _windows_lines(post: _Post) -> Iterator[_Mail]:
    mail = post.plain("ada@analytical.example", "Lines as on Windows", "One\nTwo")
    yield _Mail(mail.at, mail.raw.replace(b"\n", b"\r\n"))


def _many_recipients(post: _Post) -> Iterator[_Mail]:
    crowd = ", ".join(f"Guest {number} <guest{number}@party.example>" for number in range(150))
    yield post.plain("Host <host@party.example>", "You are all invited", To=crowd)


def _from_lines_inside(post: _Post) -> Iterator[_Mail]:
    yield post.plain(
        "ada@analytical.example", "From the start", "From the start of the line on\n>From here too\nFrom: not a header"
    )


_ODDITIES: Sequence[Callable[[_Post], Iterator[_Mail]]] = (
    _languages, _comma_in_name, _rewritten_by_group, _empty_from, _raw_8_bit, _languages, _broken_address, _group, _idn, _without_date,
    _several_from, _languages, _missing_from, _right_to_left, _markup, _broken_words, _comments, _absurd_date, _languages, _encoded_comma,
    _tagged, _to_self, _inline_image, _folded, _languages, _hostile_html, _name_only, _huge_subject, _wrong_charset, _two_from_lines,
    _unknown_charset, _split_words, _no_subject, _forwarded, _broken_multipart, _languages, _quoted_printable, _windows_lines,
    _many_recipients, _from_lines_inside,
)  # fmt: skip

EVERY_ODDITY = ODD_ONE_IN * len(_ODDITIES)
"""From this `count` on, a mailbox has every oddity."""
