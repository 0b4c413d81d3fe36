"""Defaults in one line: what MailMagnet begins with."""

from cards import words
from cards.frame import Frame
from mailmagnet.store import Defaults, Sharing

_SHARING = {
    Sharing.PRIVATE: "only the owner reads",
    Sharing.CUSTOM: "colleagues read, for chosen contacts",
    Sharing.PUBLIC: "all with access read",
}


def defaults_words(defaults: Defaults, frame: Frame) -> str:
    """ "MailMagnet on · labels on, 30 days back · only the owner reads"."""
    days = words.counted(defaults.backfill_days, "day", "days", frame.locale)
    back = f", {days} back" if defaults.backfill_days else ""
    return words.facts(
        f"MailMagnet {_on(defaults.mailmagnet)}",
        f"labels on{back}" if defaults.labelling else "labels off",
        _SHARING[defaults.sharing],
    )


def _on(on: bool) -> str:
    return "on" if on else "off"
