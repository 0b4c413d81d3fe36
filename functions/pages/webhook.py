"""The page `webhook`: the address for notices is typed here, and kept in the vault. It is a secret: it is never shown again."""

from http import HTTPStatus

from starlette.responses import Response

from functions.pages.html import element, form, hidden, page_response, text_field
from functions.pages.visit import Visit
from mailmagnet.caller import connected_or_not

_ACTION, _KEEP, _FORGET = "action", "keep", "forget"
_ADDRESS = "address"
_CLOSE = "Close this window and save your settings in the panel."
HOW = "https://developers.google.com/workspace/chat/quickstart/webhooks"


async def answer(visit: Visit) -> Response:
    """The form; or what came of it. Raises what the vault raises."""
    if visit.request.method == "GET":
        return await _form_page(visit)
    typed = await visit.form()
    org, user = visit.identity.org, visit.identity.user
    if typed.get(_ACTION) == _FORGET:
        await visit.process.vault.keep_webhook(org, user, "")
        return page_response("The address is deleted", "No notices come any more.", _CLOSE, closes=True)
    address = typed.get(_ADDRESS, "").strip()
    if not visit.process.notices.is_webhook(address):
        wrong = "This is not the address of a Google Chat webhook. It begins with https://chat.googleapis.com/v1/spaces/."
        return await _form_page(visit, wrong)
    if not await visit.process.vault.connection(org, user):
        return await _form_page(visit, "Connect Gmail first, in the panel.")
    await visit.process.vault.keep_webhook(org, user, address)
    return page_response("The address is kept", "Notices go there when you turn them on.", _CLOSE, closes=True)


async def _form_page(visit: Visit, problem: str = "") -> Response:
    connection = await connected_or_not(visit.identity, visit.process)
    forget = form(visit.url, "Delete the address", visit.csrf_field, hidden(_ACTION, _FORGET))
    how = element("a", "How to make a webhook in Google Chat", href=HOW)
    return page_response(
        "Where notices go",
        *([element("p", problem, role="alert")] if problem else []),
        "MailMagnet can tell you in a space of Google Chat how many mails came from customers: counts and a link, never a name.",
        element("p", how),
        form(
            visit.url,
            "Keep it",
            visit.csrf_field,
            hidden(_ACTION, _KEEP),
            text_field(_ADDRESS, "Address of the webhook", secret=True),
        ),
        *([element("p", "There is an address now."), forget] if connection.webhook else []),
        status=HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK,
    )
