"""The cards when there is nothing else to show: what is wrong, the one thing to do next, and a reference, also in the log."""

from collections.abc import Mapping

from cards.frame import Frame, Path
from cards.problems import problem_section
from cards.search_card import search_section
from cards.widgets import Card, card, run
from mailmagnet.errors import MailMagnetError


def error_card(error: MailMagnetError, reference: str, frame: Frame, retry: tuple[Path, Mapping[str, str]]) -> Card:
    """`retry` is what to call again, with its parameters (ids alone); where it cannot help there is no button."""
    path, ids = retry
    return card([problem_section(error, reference, frame, run(f"{frame.addon_url}{path}", **ids))])


def failed_search_card(error: MailMagnetError, reference: str, searched: str, frame: Frame) -> Card:
    """The words as typed stay in the field, from which Retry takes them: a button carries ids alone."""
    retry = run(f"{frame.addon_url}{Path.RETRY_SEARCH}")
    return card([search_section(frame, searched), problem_section(error, reference, frame, retry)])
