"""The page `get-started`: where a CRM's own settings lead, to set up MailMagnet. It is for everybody, and about nobody."""

from starlette.responses import Response

from functions.pages.html import bullets, link_button, page_response

GET_STARTED = "/get-started"
"""Its path, for a link in the CRM's settings (Setup > Channels > Email)."""


def get_started_page() -> Response:
    return page_response(
        "Set up your mail",
        "MailMagnet works beside your mail, in Gmail. Your mail stays there.",
        bullets(
            [
                "Open Gmail with your work account.",
                "Open MailMagnet in the panel at the right. If it is not there, ask your admin to install it.",
                "Choose “Set up MailMagnet”, and follow its steps.",
            ]
        ),
        link_button("Open Gmail", "https://mail.google.com/"),
    )
