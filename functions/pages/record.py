"""The record page: mail with a CRM record's people as a page of its own, one mail of it to read, an attachment; and the list in the CRM."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cards import words
from cards.frame import ZONE, Page
from cards.mail_with_card import missing_words, sender_of, whose
from cards.problems import problem_of
from cards.record_lines import ids_of, ids_of_mail, record_name
from functions.boundary import HEADERS
from functions.embedded_viewer import EmbeddedViewer, embedded_viewer
from functions.log import log_problems, names, requester
from functions.pages.html import NOBODY, Markup, element, link_button, page_response, paragraph, small
from functions.pages.problem_pages import FROM_THE_CRM, TRY_AGAIN, no_page, problem_page, status_of
from functions.pages.visit import Visit
from functions.verify import bearer_of
from functions.wiring import Process
from mailmagnet.addresses import shown
from mailmagnet.caller import Caller
from mailmagnet.errors import LinkExpired, MailMagnetError, Upstream
from mailmagnet.identity import Identity, Locale, identity_in
from mailmagnet.mail_with import ListedMail, MailWith, mail_with
from mailmagnet.permission import who_can_permit
from mailmagnet.read_mail import MailId, ReadMail, mail_id, read_attachment, read_mail
from mailmagnet.record_people import record_id

EMBEDDED = "/embedded-record"
"""The path that a CRM puts into a record's page."""
PAGE_SECONDS = 12.0
"""Within which a page is answered: a browser waits longer than the panel."""

LONGEST_LANGUAGES = 200
_LINE, _HEADING = 120, 300
"""Of a subject, so much is shown in a list, and above its mail."""


async def answer(visit: Visit) -> Response:
    """The list, for who has signed in."""
    record, older = record_id(visit.ids.get("module", ""), visit.ids.get("id", "")), visit.ids.get("older", "")
    looker = _looker(visit)
    try:
        found = await mail_with(record, older, looker.caller, visit.process)
    except Upstream as error:
        return await _problem_page(error, looker, visit.url)
    return _list_page(found, looker)


async def answer_mail(visit: Visit) -> Response:
    """One mail to read."""
    mail, looker = _mail(visit), _looker(visit)
    try:
        read = await read_mail(mail, looker.caller, visit.process)
    except Upstream as error:
        return await _problem_page(error, looker, visit.url)
    return _mail_page(read, looker)


async def answer_attachment(visit: Visit) -> Response:
    """One attachment, to be saved: whatever it is, no browser opens it as a page of ours."""
    mail, looker = _mail(visit), _looker(visit)
    try:
        attachment, content = await read_attachment(mail, visit.ids.get("part", ""), looker.caller, visit.process)
    except Upstream as error:
        return await _problem_page(error, looker, visit.url)
    name = quote(words.one_line(attachment.name).replace("/", "_").replace("\\", "_")[:150] or "attachment", safe="")
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        **HEADERS,
    }
    return Response(content, media_type="application/octet-stream", headers=headers)


async def answer_embedded(request: Request, process: Process) -> Response:
    """The list within the CRM's own page, as HTML or JSON, for who the CRM's backend says is looking. It answers once.

    A mail is read in a window of its own, behind the sign-in with Google: the CRM's word shows a list, never a text. What went wrong is
    said within the CRM's page too.
    """
    key, origin = process.settings.embed_key.get_secret_value(), process.settings.framed_by
    if not key or not origin or request.method != "GET":
        return no_page()
    try:
        return await _embedded(request, process, key, origin)
    except MailMagnetError as error:
        return problem_page(error, log_problems(error), framed_by=origin)


async def _embedded(request: Request, process: Process, key: str, origin: str) -> Response:
    """Raises NotVerified for whom nothing proves, and what the store and the vault raise."""
    now = process.now()
    token = request.query_params.get("token", "") or bearer_of(request.headers.get("authorization", ""))
    viewer = embedded_viewer(token, key, process.settings.embed_org, f"{process.settings.pages_url}{EMBEDDED}", now)
    if not await process.store.use_once(viewer.org, f"embedded {viewer.nonce}", viewer.until, now):
        raise LinkExpired("the CRM's token was used before")
    identity = await _who_looks(viewer, process)
    if identity is None:
        return page_response("Mail is shown in Gmail’s panel", _NOT_ONE_ACCOUNT, framed_by=origin)
    requester.set(names(identity.org, identity.user, process.settings.log_key.get_secret_value()))
    process.user_limit.count(identity)
    looker = _Looker(process, identity, now, _locale(request, ""), origin)
    try:
        found = await mail_with(viewer.record, "", looker.caller, process)
    except Upstream as error:
        return await _problem_page(error, looker)
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse(_as_json(found, looker))
    return _list_page(found, looker)


_NOT_ONE_ACCOUNT = (
    "Not exactly one Google account is signed in to MailMagnet as you. Open the record in Gmail’s panel, and its mail from there."
)


async def _who_looks(viewer: EmbeddedViewer, process: Process) -> Identity | None:
    """The one Google account that is signed in as this CRM user: of several nobody can tell whose own mail may be shown.

    The secret is that of the deployment's own CRM: of another one's users it says nothing.
    """
    mailboxes = await process.store.mailboxes_of(viewer.org, [viewer.crm_user])
    if len(mailboxes) != 1:
        return None
    connection = await process.vault.connection(viewer.org, mailboxes[0].user)
    tokens = connection.crm if connection else None
    signed_in = bool(tokens and (tokens.crm, tokens.account) == (process.default_crm, viewer.crm_user))
    return identity_in(viewer.org, mailboxes[0].user, mailboxes[0].address) if signed_in else None


def _mail(visit: Visit) -> MailId:
    record = record_id(visit.ids.get("module", ""), visit.ids.get("id", ""))
    return mail_id(record, visit.ids.get("owner", ""), visit.ids.get("mail", ""))


def _locale(request: Request, time_zone: str) -> Locale:
    """How the browser's user writes days: the first of its languages (RFC 9110, Accept-Language). It tells no time zone: a card's link
    does, and without one times are UTC."""
    languages = request.headers.get("accept-language", "")[:LONGEST_LANGUAGES]
    return Locale(languages.partition(",")[0].partition(";")[0].strip() or "en-GB", time_zone or "UTC")


def _looker(visit: Visit) -> "_Looker":
    return _Looker(visit.process, visit.identity, visit.now, _locale(visit.request, visit.ids.get(ZONE, "")))


@dataclass(frozen=True, slots=True)
class _Looker:
    """Who looks, when, and how they read; the links for them alone; the one origin that may frame what they see."""

    process: Process
    identity: Identity
    now: datetime
    locale: Locale
    framed_by: str = NOBODY

    @property
    def caller(self) -> Caller:
        return Caller(self.identity, self.now, asyncio.get_running_loop().time() + PAGE_SECONDS)

    def to(self, page: Page, ids: Mapping[str, str]) -> str:
        zone = {ZONE: self.locale.time_zone} if self.framed_by == NOBODY else {}
        return self.process.page_url(self.identity.org, self.identity.user, self.now, page, {**ids, **zone})

    def to_mail(self, mail: MailId) -> str:
        return self.to(Page.RECORD_MAIL, ids_of_mail(mail))

    def to_attachment(self, mail: MailId, part: str) -> str:
        return self.to(Page.ATTACHMENT, {**ids_of_mail(mail), "part": part})

    def to_older(self, found: MailWith) -> str:
        return self.to(Page.RECORD, {**ids_of(found.record.record), "older": found.older}) if found.older else ""

    def when(self, at: datetime) -> str:
        return words.exactly(at, self.locale)

    @property
    def opens_outside(self) -> dict[str, str]:
        """What a link has that leads out of the CRM's page."""
        return {} if self.framed_by == NOBODY else {"target": "_blank", "rel": "noopener noreferrer"}


def _list_page(found: MailWith, looker: _Looker) -> Response:
    reference = log_problems(*found.problems)
    lines = [_line(mail, found, looker) for mail in found.mails]
    nothing = "" if found.mails or found.older or found.problems else f"No mail with {record_name(found.record)} yet."
    older = link_button("Older mail", looker.to_older(found), **looker.opens_outside) if found.older else None
    return page_response(
        f"Mail with {record_name(found.record)}",
        *([element("ul", *lines, class_="list")] if lines else []),
        *([paragraph(nothing)] if nothing else []),
        *([older] if older else []),
        *(small(note) for note in _notes(found, looker)),
        *([small(f"Reference {reference}")] if reference else []),
        framed_by=looker.framed_by,
    )


def _notes(found: MailWith, looker: _Looker) -> list[str]:
    """What is missing, and why."""
    return [*missing_words(found), *(problem_of(problem, looker.locale).happened for problem in found.problems)]


def _line(mail: ListedMail, found: MailWith, looker: _Looker) -> Markup:
    url = looker.to_mail(MailId(found.record.record, mail.owner, mail.mail_id))
    subject = words.shortened(words.one_line(mail.subject), _LINE) or "(no subject)"
    below = words.facts(sender_of(mail), whose(mail.owner_name, mine=mail.mine), looker.when(mail.received_at))
    return element("li", element("a", subject, href=url, dir="auto", **looker.opens_outside), small(below))


async def _problem_page(error: Upstream, looker: _Looker, again: str = "") -> Response:
    """The problem in the panel's own words, with the page that helps; `again` is this page once more, "" within the CRM's page."""
    problem = problem_of(error, looker.locale, await who_can_permit([error], looker.caller, looker.process))
    helps = link_button(problem.button, looker.to(problem.page, problem.ids), **looker.opens_outside) if problem.page else None
    try_again = link_button(TRY_AGAIN, again) if again else paragraph(FROM_THE_CRM)
    return page_response(
        problem.happened,
        *([problem.to_do] if problem.to_do else []),
        *([helps] if helps else []),
        *([try_again] if problem.page or problem.again else []),
        small(f"Reference {log_problems(error)}"),
        status=status_of(error),
        framed_by=looker.framed_by,
    )


def _mail_page(read: ReadMail, looker: _Looker) -> Response:
    sender = words.facts(words.name(read.sender.name), words.name(shown(read.sender.address))) or "No sender"
    attachments = [
        element(
            "li",
            element("a", words.name(each.name, 80) or "Attachment", href=looker.to_attachment(read.id, each.part)),
            f" {words.size(each.size, looker.locale)}",
        )
        for each in read.mail.attachments
    ]
    owner = words.name(shown(read.owner_name)) or "Its owner"
    return page_response(
        words.shortened(words.one_line(read.subject), _HEADING) or "(no subject)",
        small(words.facts(sender, looker.when(read.mail.mail.received_at))),
        *(_block(block) for block in read.mail.text.split("\n\n") if block.strip()),
        *([small("Attachments"), element("ul", *attachments, class_="list")] if attachments else []),
        *([] if read.mine else [small(f"{owner} can see that you have read this.")]),
    )


def _block(text: str) -> Markup:
    lines = [element("span", words.one_line(line)) for line in text.strip().splitlines()]
    return element("p", Markup("<br>".join(lines)), dir="auto")


def _as_json(found: MailWith, looker: _Looker) -> dict[str, object]:
    """The list for a CRM that draws it itself. Its `url` is a link for this one user, behind the sign-in with Google."""
    record = found.record.record
    return {
        "name": found.record.name,
        "mails": [
            {
                "owner": mail.owner_name,
                "mine": mail.mine,
                "from": {"name": mail.from_name, "address": mail.from_address},
                "subject": mail.subject,
                "received_at": mail.received_at.isoformat(),
                "url": looker.to_mail(MailId(record, mail.owner, mail.mail_id)),
            }
            for mail in found.mails
        ],
        "older": looker.to_older(found),
        "notes": _notes(found, looker),
        "reference": log_problems(*found.problems),
    }
