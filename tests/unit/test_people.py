"""Who a mail is about: a table of what real mail looks like (with made-up people), and properties that hold for any text."""

import email.policy
import random
import re
from datetime import UTC, datetime
from email.utils import formataddr
from unicodedata import normalize

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailmagnet.address_headers import MAX_NAME, Budget, Mailbox, list_identity, mailboxes
from mailmagnet.addresses import canonical, domain_of, is_address, without_tag
from mailmagnet.gmail import PEOPLE_HEADERS, MailHeaders
from mailmagnet.people import MOST_CHARACTERS, MOST_PEOPLE, About, Person, in_a_list, named_in, people_of, sender_of

US = frozenset({"kim@corp.example", "kim@kim.example"})
OUR_DOMAINS = frozenset({"corp.example"})


def mail(**headers: str | list[str]) -> MailHeaders:
    """A mail with these headers: `reply_to` is Reply-To; a list is the same header several times."""
    lines = tuple(
        (name.replace("_", "-"), value)
        for name, values in headers.items()
        for value in ([values] if isinstance(values, str) else values)
    )
    return MailHeaders("18c0ffee", "18c0ffee", datetime(2026, 3, 1, tzinfo=UTC), frozenset({"INBOX"}), lines)


def read(header: str) -> list[Mailbox]:
    """The lenient reading, with all of a mail's budget."""
    return mailboxes(header, Budget())


def about(**headers: str | list[str]) -> tuple[About, list[tuple[str, str]]]:
    people = people_of(mail(**headers), US, OUR_DOMAINS)
    return people.about, [(person.name, person.address) for person in people.people]


ODDITIES = {
    "name and address": ("Ada Lovelace <ada@x.example>", [("Ada Lovelace", "ada@x.example")]),
    "bare": ("ada@x.example", [("", "ada@x.example")]),
    "in brackets only": ("<ada@x.example>", [("", "ada@x.example")]),
    "comma in quotes": (
        '"Doe, Jane" <j@x.example>, Bob <bob@y.example>',
        [("Doe, Jane", "j@x.example"), ("Bob", "bob@y.example")],
    ),
    "comma that should be in quotes": ("Doe, Jane <j@x.example>", [("Doe, Jane", "j@x.example")]),
    "quotes in quotes": (r'"Ada \"Countess\" L" <ada@x.example>', [('Ada "Countess" L', "ada@x.example")]),
    "bracket in quotes": ('"Ada <ada@evil.example>" <ada@x.example>', [("Ada <ada@evil.example>", "ada@x.example")]),
    "upper case": ("ADA@X.Example", [("", "ada@x.example")]),
    "name in a comment": ("ada@x.example (Ada Lovelace)", [("Ada Lovelace", "ada@x.example")]),
    "comments everywhere": ("(a) Ada (b (c)) L <(d)ada(e)@(f)x.example(g)> (h)", [("Ada L", "ada@x.example")]),
    "escaped bracket in a comment": (r"ada@x.example (Ada \) L)", [("Ada ) L", "ada@x.example")]),
    "group": (
        'Team: ada@x.example, "B" <b@y.example>;, c@z.example',
        [("", "ada@x.example"), ("B", "b@y.example"), ("", "c@z.example")],
    ),
    "empty group": ("undisclosed-recipients:;", []),
    "broken empty group": ("<Undisclosed-Recipient:;@x.example>", []),
    "folded": ("Ada\r\n  Lovelace\r\n\t<ada@x.example>", [("Ada Lovelace", "ada@x.example")]),
    "encoded Q": ("=?utf-8?q?J=C3=B6rg_M?= <j@x.example>", [("Jörg M", "j@x.example")]),
    "encoded B": ("=?UTF-8?B?SsO2cmc=?= <j@x.example>", [("Jörg", "j@x.example")]),
    "encoded comma": ("=?utf-8?q?Doe=2C_Jane?= <j@x.example>", [("Doe, Jane", "j@x.example")]),
    "raw comma in an encoded word": ("=?utf-8?q?Doe, Jane?= <j@x.example>", [("Doe, Jane", "j@x.example")]),
    "encoded in quotes": ('"=?utf-8?q?Doe=2C_Jane?=" <j@x.example>', [("Doe, Jane", "j@x.example")]),
    "encoded in a comment": ("j@x.example (=?utf-8?b?SsO2cmc=?=)", [("Jörg", "j@x.example")]),
    "character cut in two words": ("=?utf-8?b?SsM=?= =?utf-8?b?tnJn?= <j@x.example>", [("Jörg", "j@x.example")]),
    "words side by side": ("=?utf-8?q?Jo?==?utf-8?q?rg?= <j@x.example>", [("Jorg", "j@x.example")]),
    "Latin 1": ("=?iso-8859-1?q?J=F6rg?= <j@x.example>", [("Jörg", "j@x.example")]),
    "Cyrillic": ("=?koi8-r?b?4c7OwQ==?= <a@x.example>", [("Анна", "a@x.example")]),
    "Japanese": ("=?iso-2022-jp?b?GyRCMlYbKEI=?= <h@x.example>", [("花", "h@x.example")]),
    "language suffix": ("=?utf-8*de?q?J=C3=B6rg?= <j@x.example>", [("Jörg", "j@x.example")]),
    "unknown charset": ("=?x-made-up?q?J=C3=B6rg?= <j@x.example>", [("Jörg", "j@x.example")]),
    "wrong charset": ("=?us-ascii?q?J=C3=B6rg?= <j@x.example>", [("Jörg", "j@x.example")]),
    "codec that is no charset": ("=?unicode_escape?q?J=C3=B6rg?= <j@x.example>", [("Jörg", "j@x.example")]),
    "broken Base64": ("=?utf-8?b?a?= <j@x.example>", [("", "j@x.example")]),
    "raw 8-bit": ("J\udcf6rg <j@x.example>", [("Jörg", "j@x.example")]),
    "raw UTF-8": ("J\udcc3\udcb6rg <j@x.example>", [("Jörg", "j@x.example")]),
    "IDN": ("Jörg <jörg@bücher.example>", [("Jörg", "jörg@xn--bcher-kva.example")]),
    "IDN in ASCII": ("j@xn--bcher-kva.EXAMPLE.", [("", "j@xn--bcher-kva.example")]),
    "route": ("<@one.example,@two.example:ada@x.example>, b@y.example", [("", "ada@x.example"), ("", "b@y.example")]),
    "quotes that are not needed": ('"ada"@x.example', [("", "ada@x.example")]),
    "local part with a space": ('Ada <"Ada L"@x.example>', [("Ada", '"ada l"@x.example')]),
    "local part with an @": ('"ada@y.example"@x.example', [("", '"ada@y.example"@x.example')]),
    "local part with a comma": (
        '"lovelace, ada"@x.example, b@y.example',
        [("", '"lovelace, ada"@x.example'), ("", "b@y.example")],
    ),
    "local part with quotes": (r'<"ada \"a\" l"@x.example>', [("", r'"ada \"a\" l"@x.example')]),
    "local part half in quotes": ('"ada"."love lace"@x.example', [("", '"ada.love lace"@x.example')]),
    "local part of nothing": ('""@x.example', [("", '""@x.example')]),
    "local part that needs quotes and has none": ("ada..l@x.example", [("", '"ada..l"@x.example')]),
    "local part with an apostrophe": ("'ada@x.example", [("", "'ada@x.example")]),
    "a name in quotes right before an address": ('"Ada L"ada@x.example', [("Ada L", "ada@x.example")]),
    "the whole in quotes": ('"ada@x.example"', [("", "ada@x.example")]),
    "the whole encoded": ("=?utf-8?q?Ada_=3Cada=40x=2Eexample=3E?=", [("Ada", "ada@x.example")]),
    "bracket never closed": ("Ada <ada@x.example", [("Ada", "ada@x.example")]),
    "bracket never closed, then another": (
        "Ada <ada@x.example, Bob <b@y.example>",
        [("Ada", "ada@x.example"), ("Bob", "b@y.example")],
    ),
    "bracket never opened": ("Ada ada@x.example>", [("Ada", "ada@x.example")]),
    "brackets twice": ("Ada <<ada@x.example>>", [("Ada", "ada@x.example")]),
    "no brackets": ("Ada Lovelace ada@x.example", [("Ada Lovelace", "ada@x.example")]),
    "quote never closed": ('"Ada <ada@x.example>', [("Ada", "ada@x.example")]),
    "comment never closed": ("Ada (x <ada@x.example>", [("Ada x", "ada@x.example")]),
    "comma forgotten": ("ada@x.example bob@y.example", [("", "ada@x.example"), ("", "bob@y.example")]),
    "comma forgotten, names": ("Ada <ada@x.example> Bob <bob@y.example>", [("Ada", "ada@x.example"), ("Bob", "bob@y.example")]),
    "semicolons": ("ada@x.example; bob@y.example", [("", "ada@x.example"), ("", "bob@y.example")]),
    "commas too many": (", ,Ada <ada@x.example>,,bob@y.example,", [("Ada", "ada@x.example"), ("", "bob@y.example")]),
    "spaces round the @": ("ada @ x . example", [("", "ada@x.example")]),
    "mailto": ("<mailto:ada@x.example>", [("", "ada@x.example")]),
    "name is the address": ('"ada@x.example" <ada@x.example>', [("", "ada@x.example")]),
    "name is another address": ("ceo@corp.example <ada@evil.example>", [("", "ada@evil.example")]),
    "Outlook's quotes": ("\"'Ada Lovelace'\" <ada@x.example>", [("Ada Lovelace", "ada@x.example")]),
    "Outlook's quotes round the address": ("<'ada@x.example'>", [("", "ada@x.example")]),
    "square brackets in a name": ("Ada [Sales] <ada@x.example>", [("Ada [Sales]", "ada@x.example")]),
    "dots in a name": ("A. B. Lovelace, Jr. <ada@x.example>", [("A. B. Lovelace, Jr.", "ada@x.example")]),
    "address literal": ("ada@[192.0.2.1]", [("", "ada@[192.0.2.1]")]),
    "two @": ("ada@x@y.example", []),
    "no domain": ("ada@, bob@y.example", [("", "bob@y.example")]),
    "no local part": ("@x.example", []),
    "no address": ("Ada Lovelace", []),
    "empty": ("", []),
    "null sender": ("<>", []),
    "a slash in the domain": ("ada@x.example/y", []),
    "turned-around name": ("\u202egnp.\u2066Ada\u2069 <ada@x.example>", [("gnp.Ada", "ada@x.example")]),
    "new line in an encoded name": (
        "=?utf-8?q?Ada=0D=0ABcc:_eve=40x=2Eexample?= <ada@x.example>",
        [("Ada Bcc: eve@x.example", "ada@x.example")],
    ),
    "invisible name": ("\u200b\u200d <ada@x.example>", [("", "ada@x.example")]),
    "right to left": ("שרה כהן <s@x.example>", [("שרה כהן", "s@x.example")]),
    "emoji": ("Ada 👩‍💻 <ada@x.example>", [("Ada 👩‍💻", "ada@x.example")]),
}


@pytest.mark.parametrize(("header", "expected"), ODDITIES.values(), ids=ODDITIES)
def test_an_address_header_becomes_its_mailboxes(header: str, expected: list[tuple[str, str]]) -> None:
    assert read(header) == expected


def test_a_long_name_is_cut_and_a_long_address_is_none() -> None:
    [(name, _)] = read(f"{'Ada ' * 100}<ada@x.example>")
    assert len(name) <= MAX_NAME
    assert name.endswith("Ada…")
    assert read(f"{'a' * 400}@x.example") == []


HOSTILE = [
    "(",
    ")",
    '"',
    '"\\',
    "<",
    "<@a,",
    "a ",
    "a,",
    "a@b ",
    "@a,",
    "\\",
    ":",
    ";",
    "=?",
    "=?a?q?",
    "=?utf-8?b?YQ==?=",
    "(a)",
    "@[",
    "[",
    ".",
]


@pytest.mark.parametrize("offset", range(20))
def test_of_a_header_beyond_measure_whole_mailboxes_are_read(offset: int) -> None:
    everybody = [f"{'p' * 100}{number}@x.example" for number in range(5000)]
    to = [mailbox.address for mailbox in read((" " * offset + ", ".join(everybody))[: MOST_CHARACTERS - offset])]
    assert to == everybody[: len(to)]
    kind, people = about(From="ada@x.example", To=" " * offset + ", ".join(everybody))
    assert kind is About.PEOPLE
    assert people == [("", address) for address in ["ada@x.example", *everybody[: MOST_PEOPLE - 1]]]


def test_a_list_id_has_a_name_and_an_id() -> None:
    assert list_identity('"Makers, the list" <makers.x.example>') == ("Makers, the list", "makers.x.example")
    assert list_identity("=?utf-8?q?B=C3=BCcher?= (open) <Books.X.example>") == ("Bücher", "books.x.example")
    assert list_identity("makers.x.example") == ("", "makers.x.example")
    assert list_identity("") == ("", "")


def test_people_come_in_the_order_of_the_headers_each_once() -> None:
    assert about(
        Cc="Cleo <cleo@z.example>, ada@x.example",
        To="kim@corp.example, bob@y.example, Kim's other <kim+shop@kim.example>",
        Reply_To="Bob B <bob@y.example>",
        From="ada@x.example, Dan <dan@w.example>",
    ) == (
        About.PEOPLE,
        [("", "ada@x.example"), ("Dan", "dan@w.example"), ("Bob B", "bob@y.example"), ("Cleo", "cleo@z.example")],
    )


def test_a_name_that_a_later_header_knows_is_taken() -> None:
    assert about(From="ada@x.example", Reply_To="Ada L <ADA@x.example>") == (About.PEOPLE, [("Ada L", "ada@x.example")])


@pytest.mark.parametrize(
    "sender", ["kim@corp.example", "Kim@Kim.example", "kim+me@kim.example", "lee@corp.example", "lee@eu.corp.example"]
)
def test_mail_that_we_sent_is_about_its_first_recipient_outside(sender: str) -> None:
    assert about(From=sender, Reply_To="private@y.example", To="lee@corp.example, Ada <ada@x.example>", Cc="bob@y.example") == (
        About.PEOPLE,
        [("Ada", "ada@x.example"), ("", "bob@y.example"), ("", "private@y.example")],
    )


def test_an_own_address_with_a_tag_is_own_without_it() -> None:
    people = people_of(mail(From="ada@x.example", To="kim@kim.example, kim+b@kim.example"), {"kim+a@kim.example"}, set())
    assert people.people == (Person("", "ada@x.example"),)


def test_a_domain_that_only_ends_like_ours_is_outside() -> None:
    assert about(From="eve@notcorp.example") == (About.PEOPLE, [("", "eve@notcorp.example")])


@pytest.mark.parametrize(
    "headers",
    [
        {"From": "lee@corp.example", "To": "kim@corp.example"},
        {"From": "kim@corp.example", "To": "undisclosed-recipients:;"},
        {"From": "lee@corp.example", "To": "all@corp.example", "List_Id": "<all.corp.example>"},
    ],
)
def test_mail_among_colleagues(headers: dict[str, str]) -> None:
    assert about(**headers) == (About.COLLEAGUES, [])


def test_mail_without_a_readable_address_is_about_nobody() -> None:
    people = people_of(mail(From="", To="kim@corp.example"), US, OUR_DOMAINS)
    assert (people.about, people.people, people.sender) == (About.NOBODY, (), None)


def test_mail_without_from_is_about_the_others() -> None:
    assert about(To="kim@corp.example, Ada <ada@x.example>") == (About.PEOPLE, [("Ada", "ada@x.example")])


@pytest.mark.parametrize(
    "group_headers",
    [
        {"X_Original_From": "Ada Lovelace <ada@x.example>"},
        {"X_Original_From": "ada@x.example"},
        {"X_Original_Sender": "ada@x.example"},
        {"Reply_To": "ada@x.example"},
        {"Reply_To": "Sales <sales@corp.example>, ada@x.example"},
        {"X_Original_From": "ada@x.example", "List_Id": "<sales.corp.example>", "Reply_To": "sales@corp.example"},
    ],
)
def test_mail_rewritten_by_our_group_is_its_writers(group_headers: dict[str, str]) -> None:
    headers = {"From": "\"'Ada Lovelace' via Sales\" <sales@corp.example>", "To": "sales@corp.example", **group_headers}
    assert about(**headers) == (About.PEOPLE, [("Ada Lovelace", "ada@x.example")])
    assert people_of(mail(**headers), US, OUR_DOMAINS).sender == Person("'Ada Lovelace' via Sales", "sales@corp.example")


def test_mail_rewritten_by_a_list_outside_is_its_writers() -> None:
    assert about(
        From="Ada via Makers <makers@lists.example>",
        Reply_To="Makers <makers@lists.example>, ada@x.example",
        List_Id="Makers <makers.lists.example>",
        List_Post="<mailto:makers@lists.example>",
    ) == (About.PEOPLE, [("Ada", "ada@x.example")])


def test_what_a_mail_from_outside_says_of_its_original_writer_is_not_believed() -> None:
    headers = {"From": "eve@evil.example", "X_Original_From": "ada@x.example", "X_Original_Sender": "ada@x.example"}
    assert about(**headers) == (About.PEOPLE, [("", "eve@evil.example")])
    assert sender_of(mail(**headers), OUR_DOMAINS) == "eve@evil.example"


def test_a_list_is_never_a_person() -> None:
    people = people_of(
        mail(
            From="Ada <ada@x.example>",
            Reply_To="makers@lists.example",
            To="Makers <makers@lists.example>",
            Cc="makers-request@lists.example, owner-makers@lists.example, bob@y.example",
            List_Id="The makers <makers.lists.example>",
        ),
        US,
        OUR_DOMAINS,
    )
    assert people.list_name == "The makers"
    assert people.people == (Person("Ada", "ada@x.example"), Person("", "bob@y.example"))


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({"From": "makers@lists.example", "List_Post": "<mailto:makers@lists.example>"}, "makers"),
        ({"From": "Shop <newsletter@shop.example>", "List_Id": "<offers.shop.example>", "Precedence": "bulk"}, "offers"),
        ({"From": "no-reply@shop.example", "List_Id": "Shop news <news.shop.example>"}, "Shop news"),
        ({"From": "makers-bounces@lists.example", "To": "makers@lists.example", "List_Id": "<makers.lists.example>"}, "makers"),
    ],
)
def test_a_list_with_nobody_on_it(headers: dict[str, str], name: str) -> None:
    people = people_of(mail(**headers), US, OUR_DOMAINS)
    assert (people.about, people.people, people.list_name) == (About.LIST, (), name)


def test_the_address_it_was_delivered_to_is_not_a_person() -> None:
    assert about(
        From="ada@x.example", To="kim.forwarded@old.example", Delivered_To=["kim@corp.example", "kim.forwarded@old.example"]
    ) == (
        About.PEOPLE,
        [("", "ada@x.example")],
    )


def test_a_writer_who_had_it_forwarded_stays_a_person() -> None:
    assert about(From="ada@x.example", To="kim@corp.example", Delivered_To="ada@x.example") == (
        About.PEOPLE,
        [("", "ada@x.example")],
    )


MACHINES = [
    "no-reply@x.example",
    "noreply@x.example",
    "No_Reply@x.example",
    "noreply-billing@x.example",
    "comments-noreply@docs.example",
    "donotreply@x.example",
    "do-not-reply@x.example",
    "nicht-antworten@x.example",
    "ne-pas-repondre@x.example",
    "MAILER-DAEMON@mail.example",
    "postmaster@x.example",
    "bounce@x.example",
    "bounces+kim=corp.example@x.example",
    "makers-bounces@x.example",
    "reply+abc123@reply.x.example",
    "calendar-notification@google.com",
    "abc123@group.calendar.google.com",
    "room-7@resource.calendar.google.com",
]


@pytest.mark.parametrize("address", MACHINES)
def test_a_machine_is_never_a_person(address: str) -> None:
    assert about(From=f"Somebody <{address}>", To="kim@corp.example", Reply_To=address) == (About.NO_REPLY, [])
    assert about(From="ada@x.example", Cc=address) == (About.PEOPLE, [("", "ada@x.example")])


@pytest.mark.parametrize(
    "address", ["norepls@x.example", "bill.bounce@x.example", "ada.noreen@x.example", "info@x.example", "news@x.example"]
)
def test_an_address_that_only_looks_like_a_machine_is_a_person(address: str) -> None:
    assert about(From=address) == (About.PEOPLE, [("", address)])


def test_the_person_to_whom_a_machine_wants_the_reply_is_a_person() -> None:
    assert about(From="noreply@forms.example", Reply_To="Ada <ada@x.example>", To="kim@corp.example") == (
        About.PEOPLE,
        [("Ada", "ada@x.example")],
    )


def test_what_a_program_sent_from_an_office_is_a_machines_and_a_note_of_absence_is_its_persons() -> None:
    assert about(From="alerts@x.example", Auto_Submitted="auto-generated") == (About.NO_REPLY, [])
    assert about(From="notifications@x.example", Precedence="bulk") == (About.NO_REPLY, [])
    assert about(From="ada@x.example", Auto_Submitted="auto-replied", Precedence="bulk") == (
        About.PEOPLE,
        [("", "ada@x.example")],
    )
    assert about(From="ada@x.example", Auto_Submitted="auto-generated") == (About.PEOPLE, [("", "ada@x.example")])


def test_a_round_mail_is_about_its_first_people() -> None:
    everybody = ", ".join(f"p{number}@x.example" for number in range(300))
    kind, people = about(From="ada@x.example", To=everybody)
    assert kind is About.PEOPLE
    assert len(people) == MOST_PEOPLE
    assert people[1] == ("", "p0@x.example")


@pytest.mark.parametrize(
    ("headers", "sender"),
    [
        ({"From": "Ada <ADA+news@x.example>"}, "ada+news@x.example"),
        ({"From": "ada@x.example, bob@y.example"}, ""),
        ({"From": ["ada@x.example", "ada@x.example"]}, ""),
        ({"From": 'Ada <"Ada Lovelace"@x.example>'}, '"ada lovelace"@x.example'),
        ({"From": "ada@x.example", "Sender": "eve@y.example", "Reply_To": "eve@y.example"}, "ada@x.example"),
        ({"From": "Ada via Sales <sales@corp.example>", "X_Original_From": "Ada <ada@x.example>"}, "ada@x.example"),
        ({"From": "Ada via Sales <sales@corp.example>", "Reply_To": "Ada <ada@x.example>"}, "sales@corp.example"),
        ({"From": "lee@corp.example", "X_Original_From": "kim@corp.example"}, "lee@corp.example"),
        ({"From": "sales@eu.corp.example", "X_Original_From": "broken, ada@x.example"}, "sales@eu.corp.example"),
        ({"From": "sales@corp.example", "X_Original_From": '"ada@x.example"'}, "sales@corp.example"),
        ({"From": "sales@corp.example", "X_Original_From": "ada@x.example <eve@evil.example>"}, "sales@corp.example"),
        ({"From": "sales@corp.example", "X_Original_From": ["eve@evil.example", "ada@x.example"]}, "sales@corp.example"),
        ({"From": "Ada Lovelace"}, ""),
        ({}, ""),
    ],
)
def test_whose_mail_it_is_for_the_job(headers: dict[str, str], sender: str) -> None:
    assert sender_of(mail(**headers), OUR_DOMAINS) == sender


# --- properties -------------------------------------------------------------------------------------------------------------

PIECES = [
    *HOSTILE,
    *(" ", ",", "\r\n ", "=", "?", "@", ">", "'", "ada", "Ada Lovelace", "ada@x.example", "<ada@x.example>", "kim@corp.example"),
    *(
        "sales@corp.example",
        "no-reply@x.example",
        "=?utf-8?q?J=C3=B6?=",
        "=?iso-8859-8-i?q?=E0?=",
        "\u202e",
        "\udcf6",
        "\ud800",
        "bücher.example",
    ),
    *("mailto:", " via ", "undisclosed-recipients:;", "xn--", "xn--a", "\ufffe", "\u3002", "１", "ß", "İ", "\x85"),
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(st.characters(), max_size=6), max_size=20).map("".join)
MAILS = st.lists(st.tuples(st.sampled_from(PEOPLE_HEADERS), TEXTS), max_size=12).map(
    lambda headers: MailHeaders("1", "1", datetime(2026, 3, 1, tzinfo=UTC), frozenset(), tuple(headers))
)
UNFIT = re.compile(r"[\s\x00-\x20\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def assert_fit(person: Person) -> None:
    assert is_address(person.address)
    assert canonical(person.address) == person.address
    assert not UNFIT.search(person.address.replace(" ", ""))
    assert not UNFIT.search(person.name.replace(" ", ""))
    assert person.name == person.name.strip()
    assert len(person.name) <= MAX_NAME


@settings(deadline=None)
@given(MAILS)
@example(mail(From="a@\u0378", To='"a"b"<c@\u0378.example'))
def test_any_mail_has_people_that_can_be_shown_and_looked_up(any_mail: MailHeaders) -> None:
    people = people_of(any_mail, US, OUR_DOMAINS)
    addresses = [person.address for person in people.people]
    assert (people.about is About.PEOPLE) == bool(people.people)
    assert len(addresses) == len(set(addresses)) <= MOST_PEOPLE
    for person in people.people:
        assert_fit(person)
        assert without_tag(person.address) not in US
        assert not f".{domain_of(person.address)}".endswith(".corp.example")
        assert not person.address.startswith("no-reply@")
    if people.sender:
        assert_fit(people.sender)
    assert not UNFIT.search(people.list_name.replace(" ", ""))
    sender = sender_of(any_mail, OUR_DOMAINS)
    assert not sender or sender in {
        box.address for value in any_mail.all("From") + any_mail.all("X-Original-From") for box in read(value)
    }


VISIBLE = st.characters(categories=["Lu", "Ll", "Lo", "Nd", "So"], include_characters=" .,;:<>()[]@\\\"-_'!&")
NAMES = st.text(VISIBLE, max_size=40).map(lambda name: " ".join(name.split()))
LOCAL_PARTS = st.from_regex(r"[a-z0-9!#$%&*+/=^_`{|}~-]+(\.[a-z0-9+_-]+){0,2}", fullmatch=True)
ADDRESSES = st.builds("{}@{}.example".format, LOCAL_PARTS, st.from_regex(r"[a-z0-9]{1,10}", fullmatch=True))


def shown_name(name: str) -> bool:
    """Names that stay as they are: neither an address, nor in single quotes, nor an encoded word, nor differently composed."""
    return not re.search(r"\S+@\S+|^'|'$|=\?", name) and len(name) <= MAX_NAME


@settings(deadline=None)
@given(st.lists(st.tuples(NAMES.filter(shown_name), ADDRESSES), max_size=8))
def test_what_the_standard_library_writes_is_read_as_it_was(people: list[tuple[str, str]]) -> None:
    header = ", ".join(formataddr(person, "utf-8") for person in people)
    found = read(header)
    assert [box.address for box in found] == [address for _, address in people]
    assert [box.name for box in found] == [read_name(name) for name, _ in people]


def read_name(name: str) -> str:
    return read(formataddr((name, "a@x.example"), "utf-8"))[0].name


@settings(deadline=None)
@given(NAMES.filter(shown_name), ADDRESSES)
def test_a_name_comes_back_composed_and_without_what_cannot_be_seen(name: str, address: str) -> None:
    [box] = read(formataddr((name, address), "utf-8"))
    assert box.name == " ".join(normalize("NFC", name).split())


WORDS = st.text("abcdefghijklmnop", min_size=1, max_size=8)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.lists(WORDS, max_size=3).map(" ".join), WORDS, WORDS, st.integers(0, 3)), min_size=1, max_size=6),
    st.randoms(),
)
def test_well_formed_headers_are_read_as_the_standard_library_reads_them(
    people: list[tuple[str, str, str, int]], chance: random.Random
) -> None:
    forms = ("{name} <{address}>", '"{name}, x" <{address}>', "{address}", "Team: {name} <{address}>;")
    header = ", ".join(forms[form].format(name=name, address=f"{local}@{host}.example") for name, local, host, form in people)
    header = header.replace(", ", chance.choice([", ", ",", ",\r\n "]))
    parsed = email.policy.default.header_factory("To", header.replace("\r\n", "")).addresses
    assert read(header) == [(each.display_name, each.addr_spec) for each in parsed]


TELLING: dict[str, tuple[dict[str, str], str]] = {
    "From": ({}, "ada@x.example"),
    "Reply-To": ({}, "ada@x.example"),
    "To": ({}, "ada@x.example"),
    "Cc": ({}, "ada@x.example"),
    "X-Original-From": ({"From": "sales@corp.example"}, "ada@x.example"),
    "X-Original-Sender": ({"From": "sales@corp.example"}, "ada@x.example"),
    "List-Id": ({"From": "makers@lists.example"}, "<makers.lists.example>"),
    "List-Post": ({"From": "makers@lists.example"}, "<mailto:makers@lists.example>"),
    "Delivered-To": ({"From": "ada@x.example", "To": "kim@old.example"}, "kim@old.example"),
    "Auto-Submitted": ({"From": "alerts@x.example"}, "auto-generated"),
    "Precedence": ({"From": "alerts@x.example"}, "bulk"),
}
"""A mail to which each header makes a difference."""


def test_every_header_that_is_asked_of_gmail_makes_a_difference() -> None:
    assert set(TELLING) == set(PEOPLE_HEADERS)
    for name, (others, value) in TELLING.items():
        assert about(**others) != about(**others, **{name.replace("-", "_"): value}), name


def test_a_list_of_mails_shows_the_senders_name_and_the_subject() -> None:
    listed = mail(From="=?utf-8?q?J=C3=B6rg?= <j@x.example>", Subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?=")
    assert in_a_list(listed) == ("Jörg", "Grüße")
    assert in_a_list(mail()) == ("", "")


def test_who_stands_in_a_mail_is_with_it_or_stands_there_beside() -> None:
    named = named_in(mail(From="a@x.example", To="b@x.example", Cc="c@x.example", Reply_To="d@x.example", Bcc="e@x.example"))
    assert named.correspondents == {"a@x.example", "b@x.example", "c@x.example"}
    assert named.everybody == named.correspondents | {"d@x.example", "e@x.example"}
    assert named.whole


@pytest.mark.parametrize(
    "headers",
    [
        {"To": ", ".join(f"p{number}@x.example" for number in range(300))},
        {"To": f"{'a ' * 3_000}, last@x.example"},
        {"To": ["a@x.example"] * 5 + ["last@x.example"]},
        {"To": f"{'x' * MOST_CHARACTERS}, last@x.example"},
        {"X_Odd": ["x"] * 1_000, "To": "last@x.example"},
        {"To": ", ".join(f"p{number}@{'ö' * 60}.{'ü' * 60}.example" for number in range(30)) + ", last@x.example"},
    ],
)
def test_a_mail_of_which_not_all_is_read_says_so(headers: dict[str, str | list[str]]) -> None:
    assert not named_in(mail(From="a@x.example", **headers)).whole
