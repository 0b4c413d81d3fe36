"""The record page: mail with a CRM record's people as a page of its own, one mail of it to read, an attachment; and the list in the CRM."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cards import words
from cards.frame import Page
from cards.mail_with_card import missing_words, sender_of, whose
from cards.problems import problem_of
from cards.record_lines import ids_of, record_name
from functions.boundary import HEADERS
from functions.embedded_viewer import EmbeddedViewer, embedded_viewer
from functions.log import log_problems, names, requester
from functions.pages.html import NOBODY, Markup, element, link_button, page_response, paragraph, small
from functions.pages.problem_pages import no_page
from functions.pages.visit import Visit
from functions.verify import bearer_of
from functions.wiring import Process
from mailmagnet.addresses import shown
from mailmagnet.caller import Caller
from mailmagnet.errors import LinkExpired, MailMagnetError
from mailmagnet.identity import Identity, Locale, identity_in
from mailmagnet.mail_with import ListedMail, MailWith, mail_with
from mailmagnet.read_mail import MailId, ReadMail, mail_id, read_attachment, read_mail
from mailmagnet.record_people import record_id

EMBEDDED = "/embedded-record"
"""The path that a CRM puts into a record's page."""
PAGE_SECONDS = 12.0
"""Within which a page is answered: a browser waits longer than the panel."""

ENGLISH = Locale("en-GB", "UTC")
"""Pages are English, and their times UTC: a browser tells no time zone."""


async def answer(visit: Visit) -> Response:
    """The list, for who has signed in."""
    record, older = record_id(visit.ids.get("module", ""), visit.ids.get("id", "")), visit.ids.get("older", "")
    found = await mail_with(record, older, _caller(visit.identity, visit.now), visit.process)
    return _list_page(found, _Links(visit.process, visit.identity, visit.now), NOBODY)


async def answer_mail(visit: Visit) -> Response:
    """One mail to read."""
    read = await read_mail(_mail(visit), _caller(visit.identity, visit.now), visit.process)
    return _mail_page(read, _Links(visit.process, visit.identity, visit.now))


async def answer_attachment(visit: Visit) -> Response:
    """One attachment, to be saved: whatever it is, no browser opens it as a page of ours."""
    caller = _caller(visit.identity, visit.now)
    attachment, content = await read_attachment(_mail(visit), visit.ids.get("part", ""), caller, visit.process)
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

    A mail is read in a window of its own, behind the sign-in with Google: the CRM's word shows a list, never a text.
    """
    key, now = process.settings.embed_key.get_secret_value(), process.now()
    origin = _origin(process.settings.crm_record_url)
    if not key or not origin or request.method != "GET":
        return no_page()
    token = request.query_params.get("token", "") or bearer_of(request.headers.get("authorization", ""))
    viewer = embedded_viewer(token, key, process.settings.embed_org, f"{process.settings.pages_url}{EMBEDDED}", now)
    if not await process.store.use_once(viewer.org, f"embedded {viewer.nonce}", viewer.until, now):
        raise LinkExpired("the CRM's token was used before")
    identity = await _who_looks(viewer, process)
    if identity is None:
        return page_response("Mail is shown in Gmail’s panel", _NOT_ONE_ACCOUNT, framed_by=origin)
    requester.set(names(identity.org, identity.user, process.settings.log_key.get_secret_value()))
    process.user_limit.count(identity)
    try:
        found = await mail_with(viewer.record, "", _caller(identity, now), process)
    except MailMagnetError as error:
        return _framed_problem_page(error, origin)
    links = _Links(process, identity, now)
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse(_as_json(found, links))
    return _list_page(found, links, origin)


_NOT_ONE_ACCOUNT = (
    "Not exactly one Google account is signed in to MailMagnet as you. Open the record in Gmail’s panel, and its mail from there."
)


def _framed_problem_page(error: MailMagnetError, origin: str) -> Response:
    """What went wrong, where the CRM's reader sees it."""
    problem, reference = problem_of(error, ENGLISH), log_problems(error)
    said = (problem.to_do, "Open the record anew." if problem.again else "")
    return page_response(
        problem.happened, *filter(None, said), small(f"Reference {reference}"), status=_STATUS_OF_A_PROBLEM, framed_by=origin
    )


_STATUS_OF_A_PROBLEM = 503


async def _who_looks(viewer: EmbeddedViewer, process: Process) -> Identity | None:
    """The one Google account that is signed in as this CRM user: of several nobody can tell whose own mail may be shown."""
    mailboxes = [each for each in await process.store.mailboxes(viewer.org) if each.presence.crm_user == viewer.crm_user]
    if len(mailboxes) != 1:
        return None
    connection = await process.vault.connection(viewer.org, mailboxes[0].user)
    signed_in = bool(connection and connection.crm and connection.crm.account == viewer.crm_user)
    return identity_in(viewer.org, mailboxes[0].user, mailboxes[0].address) if signed_in else None


def _origin(record_url: str) -> str:
    """The CRM's, from the link to a record: the one origin that may frame the list."""
    parts = urlsplit(record_url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _caller(identity: Identity, now: datetime) -> Caller:
    return Caller(identity, now, asyncio.get_running_loop().time() + PAGE_SECONDS)


def _mail(visit: Visit) -> MailId:
    record = record_id(visit.ids.get("module", ""), visit.ids.get("id", ""))
    return mail_id(record, visit.ids.get("owner", ""), visit.ids.get("mail", ""))


class _Links:
    """Links to further pages, for one user alone."""

    def __init__(self, process: Process, identity: Identity, now: datetime) -> None:
        self._process, self._identity, self._now = process, identity, now

    def to(self, page: Page, ids: Mapping[str, str]) -> str:
        return self._process.page_url(self._identity.org, self._identity.user, self._now, page, ids)

    def to_mail(self, mail: MailId) -> str:
        return self.to(Page.RECORD_MAIL, _ids_of(mail))

    def to_attachment(self, mail: MailId, part: str) -> str:
        return self.to(Page.ATTACHMENT, {**_ids_of(mail), "part": part})

    def to_older(self, found: MailWith) -> str:
        return self.to(Page.RECORD, {**ids_of(found.record.record), "older": found.older}) if found.older else ""


def _ids_of(mail: MailId) -> dict[str, str]:
    return {**ids_of(mail.record), "owner": mail.owner, "mail": mail.mail_id}


def _list_page(found: MailWith, links: _Links, framed_by: str) -> Response:
    reference = log_problems(*found.problems)
    lines = [_line(mail, found, links) for mail in found.mails]
    nothing = "" if found.mails or found.older or found.problems else f"No mail with {record_name(found.record)} yet."
    notes = [*missing_words(found), *(problem_of(problem, ENGLISH).happened for problem in found.problems)]
    return page_response(
        f"Mail with {record_name(found.record)}",
        *([element("ul", *lines)] if lines else []),
        *([paragraph(nothing)] if nothing else []),
        *([_new_window(link_button("Older mail", links.to_older(found)))] if found.older else []),
        *(small(note) for note in notes),
        *([small(f"Reference {reference}")] if reference else []),
        framed_by=framed_by,
    )


def _line(mail: ListedMail, found: MailWith, links: _Links) -> Markup:
    subject = words.one_line(mail.subject) or "(no subject)"
    url = links.to_mail(MailId(found.record.record, mail.owner, mail.mail_id))
    below = words.facts(sender_of(mail), whose(mail.owner_name, mine=mail.mine), _when(mail.received_at))
    return element("li", _new_window(element("a", subject, href=url)), small(below))


def _new_window(link: Markup) -> Markup:
    """Within the CRM's page a link of ours leads out of the frame."""
    return Markup(link.replace("<a ", '<a target="_blank" rel="noopener noreferrer" ', 1))


def _when(at: datetime) -> str:
    return f"{at:%d %b %Y, %H:%M} UTC"


def _mail_page(read: ReadMail, links: _Links) -> Response:
    sender = words.facts(words.name(read.sender.name), words.name(shown(read.sender.address))) or "No sender"
    attachments = [
        element(
            "li",
            element("a", words.name(each.name, 80) or "Attachment", href=links.to_attachment(read.id, each.part)),
            f" {words.size(each.size, ENGLISH)}",
        )
        for each in read.mail.attachments
    ]
    owner = words.name(shown(read.owner_name)) or "Its owner"
    return page_response(
        words.one_line(read.subject) or "(no subject)",
        small(words.facts(sender, _when(read.mail.mail.received_at))),
        *(_block(block) for block in read.mail.text.split("\n\n") if block.strip()),
        *([element("ul", *attachments)] if attachments else []),
        *([] if read.mine else [small(f"{owner} can see that you have read this.")]),
    )


def _block(text: str) -> Markup:
    lines = [element("span", words.one_line(line)) for line in text.strip().splitlines()]
    return element("p", Markup("<br>".join(lines)))


def _as_json(found: MailWith, links: _Links) -> dict[str, object]:
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
                "url": links.to_mail(MailId(record, mail.owner, mail.mail_id)),
            }
            for mail in found.mails
        ],
        "older": links.to_older(found),
        "notes": [*missing_words(found), *(problem_of(problem, ENGLISH).happened for problem in found.problems)],
        "reference": log_problems(*found.problems),
    }
