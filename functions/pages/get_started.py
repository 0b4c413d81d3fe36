"""The page `get-started`, which a CRM's own settings can link to: where MailMagnet is set up. It is for everybody, and knows nobody."""

from starlette.responses import Response

from functions.pages.html import Markup, element, link_button, page_response

GET_STARTED = "/get-started"
GMAIL = "https://mail.google.com/"

_STEPS = (
    "Open Gmail, and MailMagnet in the panel at its right edge.",
    "Press “Set up MailMagnet”, also in the panel’s menu.",
    "Connect the account, choose what you like, and save.",
)


def answer() -> Response:
    steps = Markup(element("ol", *(element("li", step) for step in _STEPS)))
    why = "Your mail stays in Gmail. MailMagnet asks for each thing when it is first needed, and says what it is for."
    return page_response("MailMagnet is set up in Gmail", steps, why, link_button("Open Gmail", GMAIL))
