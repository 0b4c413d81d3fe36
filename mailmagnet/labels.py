"""Our labels in a Gmail mailbox: found, kept through renaming, and made where they are missing."""

from collections.abc import Collection, Mapping

from mailmagnet.categories import Category
from mailmagnet.errors import BadAnswer
from mailmagnet.gmail import GMAIL, Gmail

NAMES_TRIED = 5
"""As many names as are tried for one label: "Customer", "Customer (2)", ..."""


async def ensure_labels(gmail: Gmail, known: Mapping[Category, str], needed: Collection[Category]) -> Mapping[Category, str]:
    """The ids of our labels in Gmail by category, those needed made where they are missing.

    A label that the user renamed is still ours; one that the user deleted is made again; one of the same name is used. No label
    serves two categories: when another of ours bears the name now, the new label gets a number.
    """
    there = await gmail.labels()
    ids = {label.id for label in there}
    labels: dict[Category, str] = {}
    for category, label_id in known.items():
        if label_id in ids and label_id not in labels.values():
            labels[category] = label_id
    for category in needed:
        if category not in labels:
            labels[category] = await _label(category.label, gmail, {label.name.casefold(): label.id for label in there}, labels)
    return labels


async def _label(name: str, gmail: Gmail, there: Mapping[str, str], ours: Mapping[Category, str]) -> str:
    """The id of a label of this name that is not of another category, found or made."""
    for number in range(1, NAMES_TRIED + 1):
        tried = name if number == 1 else f"{name} ({number})"
        if label_id := there.get(tried.casefold()):
            if label_id not in ours.values():
                return label_id
            continue
        if made := await gmail.create_label(tried):
            return made.id
        # It was made since they were listed, by another run or by the user.
        for label in await gmail.labels():
            if label.name.casefold() == tried.casefold() and label.id not in ours.values():
                return label.id
    raise BadAnswer(GMAIL, "no label can be made: every name that was tried is taken")
