"""The way to our pages where a user connects Gmail, signs in to the CRM, or gives the address for notices: one place for all cards."""

from cards import words
from cards.frame import Frame, Page, Path
from cards.widgets import Button, Section, button, decorated_text, section
from mailmagnet.consent import Grant

_CONNECT = {
    Grant.READ: ("Connect Gmail", "Connect Gmail, to list your mail with a contact"),
    Grant.SORT: ("Allow sorting", "Allow MailMagnet in Google to find customers’ mail and label it"),
    Grant.SEND: ("Allow sending", "Allow MailMagnet in Google to write drafts and send them"),
}


def connect_button(grant: Grant, frame: Frame) -> Button:
    """Asks Google for this consent, on its own page."""
    said, read_aloud = _CONNECT[grant]
    return button(said, frame.page(Page.CONNECT, grant=grant.value), read_aloud)


def connect_from_form_button(grant: Grant, frame: Frame) -> Button:
    """The same, from a form that is to be sent again afterwards."""
    said, read_aloud = _CONNECT[grant]
    return button(said, frame.page_over_form(Page.CONNECT, grant=grant.value), read_aloud)


def sign_in_button(crm_name: str, frame: Frame) -> Button:
    return button(f"Sign in to {words.name(crm_name, 40)}", frame.page(Page.SIGN_IN))


def sign_out_button(crm_name: str, frame: Frame) -> Button:
    """Where the sign-in ends, or becomes another user's."""
    return button("Sign out", frame.page(Page.SIGN_IN), f"Sign out of {words.name(crm_name, 40)}, or sign in as somebody else")


def webhook_button(there: bool, frame: Frame) -> Button:
    """Where the address for notices is typed: it is a secret, and never comes through a card."""
    return button("Change the address" if there else "Give the address", frame.page_over_form(Page.WEBHOOK))


def set_up_section(to_set_up: bool, frame: Frame) -> Section | None:
    """The way to the set-up, at the end of every card of who has not connected Gmail."""
    line = decorated_text("Set up MailMagnet", below="Customers’ mail told and sorted", on_click=frame.run(Path.SET_UP))
    return section([line]) if to_set_up else None
