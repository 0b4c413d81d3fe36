"""The function `pages`: link -> the browser's sign-in with Google -> whose link it is -> the page; and what comes back from Google."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from cards.frame import Page
from functions.log import log_problems, log_unforeseen, names, new_reference, requester
from functions.pages import admin_export, connect, crm_account, crm_consent, crm_sign_in, export, record, webhook
from functions.pages.browser import CONSENT, CRM_CONSENT, SIGN_IN, Browser
from functions.pages.get_started import GET_STARTED, get_started_page
from functions.pages.problem_pages import anothers_link_page, failed_page, no_page, not_signed_in_page, problem_page
from functions.pages.visit import CameBack, CrmAnswer, FromCrm, PageAnswer, Visit
from functions.signed_links import Signed
from functions.wiring import CALLBACK, CRM_CALLBACK, Process
from mailmagnet.errors import MailMagnetError
from mailmagnet.identity import identity_in

PAGES: Mapping[Page, PageAnswer] = {
    Page.CONNECT: connect.answer,
    Page.RECORD: record.answer,
    Page.RECORD_MAIL: record.answer_mail,
    Page.ATTACHMENT: record.answer_attachment,
    Page.SIGN_IN: crm_sign_in.answer,
    Page.CRM_ACCOUNT: crm_account.answer,
    Page.EXPORT: export.answer,
    Page.ADMIN_EXPORT: admin_export.answer,
    Page.WEBHOOK: webhook.answer,
}
"""Every page, for a visitor whose link and browser are the same user's. A page that takes forms is asked by POST too."""

FROM_CRM: Mapping[Page, CrmAnswer] = {Page.SIGN_IN: crm_sign_in.signed_in, Page.CRM_ACCOUNT: crm_account.connected}
"""What each page does with the code of a browser that it has sent to the CRM."""
CHOOSE = "choose"
"""The parameter of a page with which the browser's user picks another of their Google accounts."""


async def answer(request: Request, process: Process) -> Response:
    """A page, whatever happens: each says what happened and what to do."""
    try:
        embedded = request.scope["path"] == record.EMBEDDED
        return await (record.answer_embedded(request, process) if embedded else _answered(request, process))
    except MailMagnetError as error:
        return problem_page(error, log_problems(error))
    except Exception as error:  # here as at the boundary, whose answer is not for people
        reference = new_reference()
        log_unforeseen("failed", error, function="pages", reference=reference)
        return failed_page(reference)


async def _answered(request: Request, process: Process) -> Response:
    now, path = process.now(), request.scope["path"]
    browser = Browser(request, process, now)
    if path == CALLBACK and request.method == "GET":
        return await _came_back(request, process, browser, now)
    if path == CRM_CALLBACK and request.method == "GET":
        return await _came_from_crm(request, process, browser, now)
    if path == GET_STARTED and request.method == "GET":
        return get_started_page()
    if path not in PAGES:
        return no_page()
    if request.method not in {"GET", "POST"}:
        return Response(status_code=HTTPStatus.METHOD_NOT_ALLOWED)
    return await _page(Page(path), request, process, browser, now)


async def _page(page: Page, request: Request, process: Process, browser: Browser, now: datetime) -> Response:
    """A page, once its browser is signed in as the link's user."""
    link = process.signed_links.read(request.query_params.get("link", ""), now, page)
    signed_in, choose = browser.signed_in, CHOOSE in request.query_params
    if not signed_in or choose:
        return _to_google(browser, process, page, link, choose=choose)
    if signed_in.user != link.user:
        return anothers_link_page(f"{process.page_url(link.org, link.user, now, page, link.ids)}&{CHOOSE}=1")
    requester.set(names(link.org, link.user, process.settings.log_key.get_secret_value()))
    identity = identity_in(link.org, link.user, signed_in.address)
    process.user_limit.count(identity)
    return await PAGES[page](Visit(request, process, browser, now, page, identity, link.ids, signed_in.csrf))


def _to_google(browser: Browser, process: Process, page: Page, link: Signed, *, choose: bool) -> Response:
    """To be signed in there. The link's user is proposed by id: Google takes one as a hint, and no link has an address."""
    state = browser.new_state(SIGN_IN, page, link.org, link.user, link.ids)
    more = {"prompt": "select_account"} if choose else {"login_hint": link.user}
    scopes = {"openid", "email"}
    return browser.led_to(process.web_client.url(scopes, state=state.token, verifier=state.verifier, nonce=state.nonce, **more))


async def _came_back(request: Request, process: Process, browser: Browser, now: datetime) -> Response:
    """From Google, with a code or with what went wrong there."""
    query = request.query_params
    state = await browser.brought_back(query.get("state", ""), SIGN_IN, CONSENT)
    requester.set(names(state.org, state.user, process.settings.log_key.get_secret_value()))
    again = process.page_url(state.org, state.user, now, state.page, state.ids)
    came = CameBack(state, query.get("code", ""), query.get("error", ""), process, again)
    return await connect.consented(came) if state.purpose == CONSENT else await _signed_in(came, browser)


async def _signed_in(came: CameBack, browser: Browser) -> Response:
    """Back to the page, signed in. Whose link it is, the page asks: here nobody but Google says who this is."""
    state, process = came.state, came.process
    if not came.code:
        return not_signed_in_page(came.again)
    try:
        grant = await process.web_client.exchanged(came.code, state.verifier)
        identity = await process.verifier.user(grant.id_token, client_id=process.settings.oauth_client_id, nonce=state.nonce)
    except MailMagnetError as error:
        return problem_page(error, log_problems(error), came.again)
    response = browser.led_to(came.again)
    browser.sign_in(response, identity.org, identity.user, identity.address)
    return response


async def _came_from_crm(request: Request, process: Process, browser: Browser, now: datetime) -> Response:
    """From a CRM, with a code or with what went wrong there. Whose browser it is, Google has said a while ago, and its pass says still."""
    answer = dict(request.query_params)
    state = await browser.brought_back(answer.pop("state", ""), CRM_CONSENT)
    requester.set(names(state.org, state.user, process.settings.log_key.get_secret_value()))
    again = process.page_url(state.org, state.user, now, state.page, {})
    signed_in = browser.signed_in
    if not signed_in or signed_in.user != state.user:
        return crm_consent.other_account_page(again)
    identity = identity_in(state.org, state.user, signed_in.address)
    process.user_limit.count(identity)
    return await crm_consent.came_back(FromCrm(state, identity, answer, process, now, again, FROM_CRM[state.page]))
