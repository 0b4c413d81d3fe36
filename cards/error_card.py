"""The cards when there is nothing else to show: what is wrong, the one thing to do next, and a reference, also in the log."""

from cards.frame import Frame
from cards.problems import problem_section
from cards.search_card import search_section
from cards.widgets import Card, card
from mailmagnet.errors import MailMagnetError


def error_card(error: MailMagnetError, frame: Frame) -> Card:
    return card([problem_section(error, frame)])


def failed_search_card(error: MailMagnetError, frame: Frame) -> Card:
    """The words as typed stay in the field, from which Retry takes them: a button carries ids alone."""
    return card([search_section(frame, frame.words), problem_section(error, frame)])
