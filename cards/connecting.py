"""The way to our pages where a user connects Gmail: one place for all cards."""

from cards.frame import Frame
from cards.widgets import Button
from mailmagnet.consent import Grant


def connect_buttons(_grant: Grant, _frame: Frame) -> list[Button]:
    """The button that asks Google for this consent. Its page comes with the function `pages`: until then there is none."""
    return []
