"""The card when there is nothing else to show: what is wrong, the one thing to do next, and a reference, also in the log."""

from collections.abc import Mapping

from cards.problems import problem_section
from cards.view import Path, View
from cards.widgets import GREY, Card, card, coloured, run, section, text_paragraph
from mailmagnet.errors import MailMagnetError


def error_card(error: MailMagnetError, reference: str, view: View, retry: tuple[Path, Mapping[str, str]] | None) -> Card:
    """`retry` is what to call again, with its parameters (ids alone); without it, or where it cannot help, there is no button."""
    again = run(f"{view.addon_url}{retry[0]}", **retry[1]) if retry else None
    reference_line = text_paragraph(coloured(f"Reference {reference}", GREY))
    return card([problem_section(error, view, again), section([reference_line])])
