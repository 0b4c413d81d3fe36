"""Writing mail beside Gmail: templates into a draft, a mail or an answer as one Gmail draft, sent once, with the words a rep sees."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from crm_client.embedded.administration import ADMINISTRATOR, STANDARD, add_user, put_template, remove_template, set_permission
from mailmagnet.consent import Grant
from mailmagnet.crm import MAIL_INTEGRATION, DealState
from mailmagnet.store import Policy
from mailmagnet.templates import Template
from sandbox.google import mail_parts
from sandbox.google.faults import Fault
from sandbox.google.google_side import SCOPE
from sandbox.google.mail_folder import MailFolder
from tests.scenario.addon_process import SCOPES, Answered, Sidebar, sidebar_at
from tests.scenario.desk import ADA, NOW, Desk

GRACE = "grace@a.example"
COMPOSE_SCOPE = SCOPE + "gmail.addons.current.action.compose"
TEXT = (
    "Dear ${Contact.First Name},\n\n${Deal.Name} is ${deal.amount} until ${Deal.Closing}. <b>${Contact.Title}</b>\n${User.Name}"
)


@dataclass
class Writer:
    """A rep who writes: clicks what a card shows, with what is typed in its form, beside a mail or a draft."""

    sidebar: Sidebar
    mail_id: str = ""
    to: list[str] = field(default_factory=list)
    composing: bool = False

    async def ask(self, path: str, form: dict[str, str] | None = None, **parameters: str) -> Answered:
        event = await self.sidebar.event(path, self.mail_id)
        event["commonEventObject"]["parameters"] = parameters
        event["commonEventObject"]["formInputs"] = {
            name: {"stringInputs": {"value": [value]}} for name, value in (form or {}).items()
        }
        if self.composing:
            event["gmail"] = {"toRecipients": self.to}
        return await self.sidebar.send(path, event)

    async def press(self, shown: Answered, text: str, **typed: str) -> Answered:
        """Press a button or a line of a card, with the form as it stands but for what is typed into it."""
        [action] = [found["onClick"]["action"] for found in _clickable(shown.json) if text in found.get("text", "")]
        parameters = {each["key"]: each["value"] for each in action.get("parameters", ())}
        return await self.ask(action["function"].removeprefix(self.sidebar.url), form_of(shown.json) | typed, **parameters)

    @property
    def mailbox(self) -> MailFolder:
        return self.sidebar.desk.world.mailbox(ADA)

    def drafts(self) -> list[mail_parts.Part]:
        return [mail_parts.read(self.mailbox.raw(draft.message.id)) for draft in self.mailbox.drafts()[0]]

    def sent(self) -> list[mail_parts.Part]:
        return [mail_parts.read(self.mailbox.raw(message.id)) for message in self.mailbox.messages(label_ids=["SENT"]).messages]


def _clickable(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if "action" in part.get("onClick", {}) and "text" in part:
            yield part
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from _clickable(inner)


def form_of(part: Any) -> dict[str, str]:
    """What stands in the fields of a card."""
    found: dict[str, str] = {}
    if isinstance(part, dict):
        if "textInput" in part:
            found |= {part["textInput"]["name"]: part["textInput"].get("value", "")}
        if "selectionInput" in part:
            chosen = [item["value"] for item in part["selectionInput"]["items"] if item["selected"]]
            found |= dict.fromkeys([part["selectionInput"]["name"]] if chosen else [], "".join(chosen[:1]))
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            found |= form_of(inner)
    return found


def said(answered: Answered) -> str:
    """The notice at the foot of the window."""
    assert answered.card
    return str(answered.json["renderActions"]["action"]["notification"]["text"])


def change_of(answered: Answered) -> dict[str, Any]:
    """What the answer does to the draft that is being written."""
    assert answered.card
    return dict(answered.json["renderActions"]["hostAppAction"]["gmailAction"]["updateDraftActionMarkup"])


async def grant(desk: Desk, *grants: Grant, scopes: tuple[str, ...] = ("gmail.modify",)) -> None:
    """What the user has consented to; an account that consents anew keeps its sign-in to the CRM."""
    connection = await desk.vault.connection("corp.example", desk.account.sub)
    assert connection
    token = desk.world.google.refresh_token(desk.account, [SCOPE + scope for scope in scopes]) if grants else ""
    await desk.vault.keep(replace(connection, gmail_token=token, grants=frozenset(grants)))


@pytest.fixture
async def writer(desk: Desk) -> AsyncIterator[Writer]:
    desk.world.add_account(ADA, "Ada", ("ada@lovelace.example",), "corp.example", "<i>Ada L.</i>")
    async with sidebar_at(desk) as sidebar:
        yield Writer(sidebar)


async def known(desk: Desk) -> str:
    return await desk.contact(GRACE, (DealState.OPEN, NOW.date() + timedelta(days=3)))


# --- a draft that is being written in Gmail -----------------------------------------------------------------------------------


async def test_a_template_is_previewed_with_the_contacts_data_and_inserted(desk: Desk, writer: Writer) -> None:
    await known(desk)
    put_template(desk.crm_database, "Offer", "Offer: ${Deal.Name}", TEXT)
    writer.composing, writer.to = True, ["stranger@b.example", f"Grace <{GRACE}>"]
    shown = await writer.ask("/compose")
    assert "Filled in for Grace Hopper." in shown.card
    preview = await writer.press(shown, "Offer")
    for words in (
        "Filled in for Grace Hopper.",
        "Dear Grace,",
        "EUR 1\u202f000",
        "2026-11-26",
        "Nothing known for Contact.Title.",
    ):
        assert words in preview.card
    assert '<font color=\\"#b06000\\"><b>[Contact.Title]</b></font>' in preview.card
    change = change_of(await writer.press(preview, "Insert with subject"))
    assert change["updateSubject"] == {"subject": f"Offer: Deal 0 of {GRACE}"}
    assert change["updateBody"]["type"] == "IN_PLACE_INSERT"
    [content] = change["updateBody"]["insertContents"]
    assert content["contentType"] == "MUTABLE_HTML"
    assert content["content"] == (
        f'<div dir="auto">Dear Grace,<br><br>Deal 0 of {GRACE} is EUR 1\u202f000 until 2026-11-26. '
        "&lt;b&gt;<b>[Contact.Title]</b>&lt;/b&gt;<br>Ada Corp</div>"
    )
    insert = next(found for found in _clickable(preview.json) if found["text"] == "Insert")["onClick"]["action"]
    alone = await writer.ask("/insert", **{each["key"]: each["value"] for each in insert["parameters"]})
    assert list(change_of(alone)) == ["updateBody"]
    assert writer.mailbox.drafts()[0] == []


async def test_without_anybody_known_fields_stay_empty_and_it_says_so(desk: Desk, writer: Writer) -> None:
    put_template(desk.crm_database, "Offer", "", TEXT)
    writer.composing, writer.to = True, ["stranger@b.example", "no address", ""]
    shown = await writer.ask("/compose")
    assert "Nobody known among the recipients: fields stay empty." in shown.card
    assert "[Contact.First Name]" in (await writer.press(shown, "Offer")).card


async def test_the_admins_own_templates_stand_in_where_the_crm_has_none(desk: Desk, writer: Writer) -> None:
    writer.composing = True
    assert "No templates in MailMagnet CRM, and none of your admin’s." in (await writer.ask("/compose")).card
    own = Template("7", "Thanks", "Thank you", "Thank you, ${Contact.Name} ${Contact.Shoe Size}")
    await desk.store.set_policy("corp.example", Policy(templates=(own,)))
    shown = await writer.ask("/compose")
    preview = await writer.press(shown, "Thanks")
    assert "No such field: Contact.Shoe Size." in preview.card
    assert (
        "${Contact.Shoe Size}"
        in change_of(await writer.press(preview, "Insert with subject"))["updateBody"]["insertContents"][0]["content"]
    )


async def test_a_template_that_is_gone_is_said_to_be_gone(desk: Desk, writer: Writer) -> None:
    put_template(desk.crm_database, "Offer", "x", TEXT)
    writer.composing = True
    shown = await writer.ask("/compose")
    preview = await writer.press(shown, "Offer")
    remove_template(desk.crm_database, "Offer")
    assert "not in MailMagnet any more" in (await writer.press(shown, "Offer")).card
    assert "not in MailMagnet any more" in said(await writer.press(preview, "Insert with subject"))


async def test_one_value_is_inserted_by_itself_without_markup(desk: Desk, writer: Writer) -> None:
    await desk.contact(GRACE, name="Grace <b>& Co")
    writer.composing, writer.to = True, [GRACE]
    shown = await writer.ask("/compose")
    change = change_of(await writer.press(shown, "Grace &lt;b&gt;&amp; Co"))
    assert change["updateBody"]["insertContents"][0]["content"] == "Grace &lt;b&gt;&amp; Co"
    assert "nothing to put in" in said(await writer.ask("/insert-field", field="Contact.Title"))


async def test_recipients_are_found_in_the_crm_and_join_those_that_are_there(desk: Desk, writer: Writer) -> None:
    await known(desk)
    writer.composing, writer.to = True, ["stranger@b.example"]
    shown = await writer.ask("/compose")
    found = await writer.press(shown, "Find", words="hopper")
    assert "updateCard" in found.card
    change = change_of(await writer.press(found, "Grace Hopper"))
    assert change == {"updateToRecipients": {"toRecipients": [{"email": "stranger@b.example"}, {"email": GRACE}]}}
    writer.to = [GRACE]
    assert said(await writer.press(found, "Grace Hopper")) == "Among the recipients already."
    assert "Nobody with an address under “nobody”." in (await writer.press(shown, "Find", words="nobody")).card


async def test_without_the_scope_gmail_is_asked_for_it(writer: Writer) -> None:
    writer.sidebar.scopes = SCOPES - {COMPOSE_SCOPE}
    writer.composing = True
    for path in ("/compose", "/insert", "/insert-field", "/add-recipient"):
        answered = await writer.ask(path, id="1", module="contacts", field="User.Name")
        assert answered.json == {"requesting_google_scopes": {"scopes": [COMPOSE_SCOPE]}}


async def test_another_users_contact_fills_in_nothing(desk: Desk, writer: Writer) -> None:
    await known(desk)
    kim = desk.world.add_account("kim@corp.example", "Kim", (), "corp.example")
    add_user(desk.crm_database, "Kim", kim.address, STANDARD)
    await desk.sign_in(kim, kim.address)
    writer.sidebar.address = kim.address
    writer.composing, writer.to = True, [GRACE]
    shown = await writer.ask("/compose")
    assert "Grace" not in shown.card


# --- a mail that is written in a card -----------------------------------------------------------------------------------------


async def begin(desk: Desk, writer: Writer) -> Answered:
    return await writer.ask("/write", module="contacts", id=await known(desk))


async def test_a_mail_to_a_contact_is_one_draft_that_is_sent(desk: Desk, writer: Writer) -> None:
    await desk.connect()
    contact = await known(desk)
    shown = await writer.press(await writer.ask("/contact", id=contact), "Write to Grace Hopper")
    assert "Write to Grace Hopper" in shown.card
    assert form_of(shown.json) == {"mail_to": f"Grace Hopper <{GRACE}>", "mail_from": ADA, "mail_subject": "", "mail_text": ""}
    [draft] = writer.drafts()
    assert draft.first("To") == f"Grace Hopper <{GRACE}>"
    typed = {"mail_subject": "Größe – גודל", "mail_text": "Dear Grace,\n<i>yours</i>", "mail_from": "ada@lovelace.example"}
    done = await writer.press(shown, "Send", **typed)
    assert said(done) == "Sent"
    assert "Größe" not in done.card
    [sent] = writer.sent()
    assert writer.drafts() == []
    assert (sent.first("Subject"), sent.first("From")) == ("Größe – גודל", "Ada <ada@lovelace.example>")
    plain, html = (part.text.strip() for part in sent.parts)
    assert plain == "Dear Grace,\r\n<i>yours</i>\r\n\r\n--\r\nAda L."
    assert html.startswith('<div dir="auto">Dear Grace,<br>&lt;i&gt;yours&lt;/i&gt;</div>')
    assert html.endswith("<i>Ada L.</i></div>")


async def test_a_double_click_sends_once(desk: Desk, writer: Writer) -> None:
    await desk.connect()
    shown = await begin(desk, writer)
    ended = await asyncio.gather(*(writer.press(shown, "Send", mail_text="Hello") for _ in range(4)))
    assert len(writer.sent()) == 1
    assert writer.drafts() == []
    assert sum('"Sent"' in each.card for each in ended) == 1
    assert sum("not in Gmail any more" in each.card for each in ended) == 3
    again = await writer.press(shown, "Send", mail_text="Hello")
    assert "This mail was sent already, or thrown away." in again.card
    assert len(writer.sent()) == 1


async def test_whatever_is_lost_on_the_way_pressing_again_sends_once(desk: Desk, writer: Writer) -> None:
    await desk.connect()
    lost = [(f"users.drafts.{method}", after) for method in ("get", "update", "send") for after in (False, True)]
    for number, (method, after) in enumerate(lost, 1):
        shown = await begin(desk, writer)
        desk.world.faults.add(Fault("gmail", method, status=503, after=after, times=1))
        failed = await writer.press(shown, "Send", mail_text="Hello")
        assert said(failed).startswith("Gmail cannot be reached now. Nothing is lost: try again. Reference")
        again = await writer.press(shown, "Send", mail_text="Hello")
        sent_before = after and method == "users.drafts.send"
        assert ("not in Gmail any more" if sent_before else '"Sent"') in again.card
        assert len(writer.sent()) == number


async def test_a_mail_that_was_sent_while_the_line_broke_is_said_to_be_sent(desk: Desk, writer: Writer) -> None:
    """Gmail has sent it, and its answer was lost; or ours was, which to Google is the same."""
    await desk.connect()
    shown = await begin(desk, writer)
    desk.world.faults.add(Fault("gmail", "users.drafts.send", drop=True, after=True, times=1))
    first = await writer.press(shown, "Send", mail_text="Hello")
    assert '"Sent"' not in first.card
    for _ in range(2):
        again = await writer.press(shown, "Send", mail_text="Hello")
        assert "This mail was sent already, or thrown away." in again.card
        assert "Look under Sent before you write again." in again.card
    assert len(writer.sent()) == 1


async def test_a_slow_gmail_leaves_the_form_as_it_was_typed(desk: Desk, writer: Writer) -> None:
    await desk.connect()
    shown = await begin(desk, writer)
    desk.world.faults.add(Fault("gmail", "users.drafts.update", latency_ms=6_000, times=1))
    assert said(await writer.press(shown, "Send", mail_text="Hello")).startswith("Gmail did not answer")
    assert writer.sent() == []


UNSENDABLE: list[tuple[dict[str, str], str]] = [
    ({"mail_text": ""}, "Write something first."),
    ({"mail_to": ""}, "Say in “To” whom it goes to."),
    ({"mail_to": "grace"}, "“To” holds something that is no mail address."),
    ({"mail_to": f"{GRACE} and others"}, "“To” holds something that is no mail address."),
    ({"mail_to": f"{GRACE}, bob"}, "“To” holds something that is no mail address."),
    ({"mail_text": "x" * 19_001}, "This is too long for the panel."),
    ({"mail_text": "x" * 90_000}, "This is too long for the panel."),
    ({"mail_subject": "x" * 251}, "This is too long for the panel."),
    ({"mail_text": "Dear [Contact.First Name]"}, "There are still fields to fill in"),
    ({"mail_subject": "${Deal.Name}"}, "There are still fields to fill in"),
]


async def test_what_cannot_be_sent_is_said_and_nothing_is_sent(desk: Desk, writer: Writer) -> None:
    await desk.connect()
    shown = await begin(desk, writer)
    for typed, words in UNSENDABLE:
        assert words in said(await writer.press(shown, "Send", **{"mail_text": "Hello", **typed}))
    assert writer.sent() == []
    assert len(writer.drafts()) == 1


async def test_a_line_end_in_the_subject_begins_no_header(desk: Desk, writer: Writer) -> None:
    await desk.connect()
    shown = await begin(desk, writer)
    await writer.press(shown, "Send", mail_text="Hello", mail_subject="Offer\r\nBcc: spy@b.example")
    [sent] = writer.sent()
    assert (sent.first("Subject"), sent.first("Bcc")) == ("Offer Bcc: spy@b.example", "")


async def test_save_as_draft_opens_the_draft_in_gmail(desk: Desk, writer: Writer) -> None:
    await desk.connect()
    shown = await begin(desk, writer)
    saved = await writer.press(shown, "Save as draft", mail_text="Half a thought", mail_to="")
    assert "Saved in Gmail’s drafts." in saved.card
    [draft] = writer.mailbox.drafts()[0]
    assert saved.json["renderActions"]["hostAppAction"]["gmailAction"] == {"openCreatedDraftActionMarkup": {"draftId": draft.id}}
    assert "Half a thought" in writer.drafts()[0].parts[0].text


async def test_a_draft_is_thrown_away_and_then_it_is_gone(desk: Desk, writer: Writer) -> None:
    await desk.connect()
    shown = await begin(desk, writer)
    for _ in range(2):
        assert "Thrown away." in (await writer.press(shown, "Throw away")).card
    assert writer.drafts() == []
    for button in ("Send", "Save as draft"):
        assert "not in Gmail any more" in (await writer.press(shown, button, mail_text="Hello")).card
    assert writer.sent() == []


async def test_a_template_goes_above_what_was_typed_and_the_subject_that_was_typed_stays(desk: Desk, writer: Writer) -> None:
    await desk.connect()
    put_template(desk.crm_database, "Offer", "Offer for ${Account.Name}", TEXT)
    shown = await begin(desk, writer)
    filled = await writer.press(shown, "Use", mail_text="PS: typed", mail_subject="My own")
    form = form_of(filled.json)
    assert form["mail_subject"] == "My own"
    assert form["mail_text"].startswith("Dear Grace,\n\nDeal 0")
    assert form["mail_text"].endswith("\n\nPS: typed")
    assert "Nothing known for Account.Name, Contact.Title." in filled.card
    assert "There are still fields to fill in" in said(await writer.press(filled, "Send"))
    done = await writer.press(filled, "Send", mail_text="Dear Grace, no brackets")
    assert said(done) == "Sent"
    remove_template(desk.crm_database, "Offer")
    assert "not in MailMagnet any more" in said(await writer.press(shown, "Use", mail_text="typed"))


# --- an answer ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "to", "subject"),
    [
        ({}, "Grace H <grace@a.example>", "Re: Offer"),
        ({"Reply_To": "Office <office@a.example>"}, "Office <office@a.example>", "Re: Offer"),
        ({"subject": "RE: Offer"}, "Grace H <grace@a.example>", "RE: Offer"),
        ({"subject": "Größe"}, "Grace H <grace@a.example>", "Re: Größe"),
    ],
)
async def test_an_answer_goes_into_the_conversation(
    desk: Desk, writer: Writer, headers: dict[str, str], to: str, subject: str
) -> None:
    await desk.connect()
    await known(desk)
    long_id = f"<{'A' * 100}@prod.exchange.example>"
    facts = {"References": "<first@a.example>", "Message_ID": long_id, **headers}
    writer.mail_id = desk.arrive("Grace H <grace@a.example>", facts.pop("subject", "Offer"), **facts)  # type: ignore[arg-type]
    shown = await writer.press(await writer.ask("/message"), "Reply to Grace Hopper")
    assert (form_of(shown.json)["mail_to"], form_of(shown.json)["mail_subject"]) == (to, subject)
    assert long_id not in shown.card
    assert said(await writer.press(shown, "Send", mail_text="Yes")) == "Sent"
    [sent] = writer.sent()
    assert (sent.first("In-Reply-To"), sent.first("References")) == (long_id, f"<first@a.example> {long_id}")
    [message] = writer.mailbox.messages(label_ids=["SENT"]).messages
    assert message.thread_id == writer.mailbox.message(writer.mail_id).thread_id


async def test_an_answer_to_somebody_of_whom_no_record_is_named(desk: Desk, writer: Writer) -> None:
    await desk.connect()
    writer.mail_id = desk.arrive("Stranger <stranger@b.example>")
    shown = await writer.ask("/reply")
    assert said(await writer.press(shown, "Send", mail_text="Yes")) == "Sent"
    assert writer.sent()[0].first("To") == "Stranger <stranger@b.example>"


@pytest.mark.parametrize(
    ("lines", "refused"),
    [
        (
            "Reply-To: " + ", ".join(f"p{number}@b.example" for number in range(60)),
            "“To” holds more than 50 addresses. Take some out.",
        ),
        ("Reply-To: jörg@b.example", "“To” holds something that is no mail address. Put commas between addresses."),
        ('Reply-To: "a,b; c\\" <x@y.example>" <"od,d"@b.example>', ""),
        ("Subject: =?utf-8?B?7aCA?= =?utf-16?B?ANg=?= \ud83d\r\n Bcc: all@b.example", ""),
        ("Message-ID: <a@b.example>\r\n Bcc: all@b.example\r\nReferences: =?utf-8?Q?=0D=0ABcc:_all@b.example?=", ""),
        ("Reply-To: =?utf-8?Q?Grace=0D=0ABcc:_all@b.example?= <grace@b.example>", ""),
    ],
)
async def test_a_hostile_mail_can_be_answered_and_puts_nothing_into_the_answers_headers(
    desk: Desk, writer: Writer, lines: str, refused: str
) -> None:
    await desk.connect()
    raw = f"From: stranger@b.example\r\nTo: {ADA}\r\n{lines}\r\n\r\nHello\r\n".encode(errors="surrogatepass")
    writer.mail_id = writer.mailbox.arrive(raw, ("INBOX",)).id
    shown = await writer.ask("/reply")
    assert "mail_to" in form_of(shown.json), shown.card
    pressed = await writer.press(shown, "Send", mail_text="Yes")
    if refused:
        assert said(pressed) == refused
        pressed = await writer.press(shown, "Send", mail_text="Yes", mail_to="stranger@b.example")
    assert said(pressed) == "Sent"
    [sent] = writer.sent()
    assert (sent.first("Bcc"), sent.first("Cc")) == ("", "")
    assert "all@b.example" not in sent.first("To").partition("<")[2]


async def test_the_consent_to_send_is_enough(desk: Desk, writer: Writer) -> None:
    """It shows neither the other addresses nor the signature: then there is no choice of them, and none is made up."""
    await desk.connect()
    await grant(desk, Grant.SEND, scopes=("gmail.compose",))
    writer.mail_id = desk.arrive("Grace H <grace@a.example>", "Offer")
    shown = await writer.ask("/reply")
    assert "mail_from" not in form_of(shown.json)
    assert said(await writer.press(shown, "Send", mail_text="Yes")) == "Sent"
    [sent] = writer.sent()
    assert "Ada L." not in sent.parts[0].text


# --- who may not --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grants", [(), (Grant.READ,)])
async def test_without_the_consent_nothing_is_begun_and_it_is_asked_for(
    desk: Desk, writer: Writer, grants: tuple[Grant, ...]
) -> None:
    await desk.connect()
    shown = await begin(desk, writer)
    await writer.press(shown, "Throw away")
    await grant(desk, *grants, scopes=("gmail.readonly",))
    refused = await begin(desk, writer)
    assert "mail_to" not in form_of(refused.json)
    assert writer.drafts() == []
    pressed = await writer.press(shown, "Send", mail_text="Hello")
    assert "pushCard" in json.dumps(pressed.json)
    assert writer.sent() == []


async def test_the_permission_of_the_crm_is_asked_at_each_press(desk: Desk, writer: Writer) -> None:
    await desk.connect()
    put_template(desk.crm_database, "Offer", "x", TEXT)
    shown = await begin(desk, writer)
    writer.composing = True
    composing = await writer.ask("/compose")
    preview = await writer.press(composing, "Offer")
    writer.composing = False
    take_permission_away(desk)
    lacks = "lacks the permission “Mail Integration”"
    for button in ("Send", "Save as draft", "Throw away", "Use"):
        assert lacks in (await writer.press(shown, button, mail_text="Hello")).card
    for again in (
        writer.ask("/compose"),
        writer.press(preview, "Insert with subject"),
        writer.ask("/write", module="contacts", id="1"),
    ):
        assert lacks in (await again).card
    assert (writer.sent(), len(writer.drafts())) == ([], 1)


def take_permission_away(desk: Desk) -> None:
    set_permission(desk.crm_database, ADMINISTRATOR, MAIL_INTEGRATION, held=False)


async def test_another_draft_is_nobodys(desk: Desk, writer: Writer) -> None:
    await desk.connect()
    for draft in ("", "../labels", "r9", "x" * 200):
        answered = await writer.ask("/send-mail", {"mail_to": GRACE, "mail_text": "Hello"}, draft=draft)
        assert "not in Gmail any more" in answered.card or "could not read what Gmail sent" in answered.card
    assert writer.sent() == []


async def test_nothing_of_a_mail_is_in_the_log_or_the_store(desk: Desk, writer: Writer) -> None:
    await desk.connect()
    shown = await begin(desk, writer)
    words = {"mail_subject": "Wyvern subject", "mail_text": "Basilisk text", "mail_to": "Kraken <kraken@b.example>"}
    desk.world.faults.add(Fault("gmail", "users.drafts.send", status=503, times=1))
    await writer.press(shown, "Send", **words)
    await writer.press(shown, "Send", **words)
    assert len(writer.sent()) == 1
    kept = b"".join(
        file.read_bytes() for file in desk.folder.iterdir() if file.is_file() and not file.name.startswith("mailbox-")
    )
    for canary in ("Wyvern", "Basilisk", "kraken"):
        assert canary.encode() not in kept
        assert canary not in writer.sidebar.log.decode()
