"""Which ids may stand in a path: what no id may be, in either store, so that no path can leave its org."""

from mailmagnet.errors import BadRequest

MOST_BYTES = 500
"""An id's most bytes in UTF-8: user and mail together stay below Firestore's 1,500 for one document id."""


def org_id(org: str) -> str:
    """The org's id as it came. Raises BadRequest, which does not say the id."""
    return _checked("org", org)


def user_id(user: str) -> str:
    """The user's id as it came; it holds no ":", which ends it in a mail record's id. Raises BadRequest."""
    if ":" in user:
        raise BadRequest("the user's id holds a character that it may not hold")
    return _checked("user", user)


def mail_id(mail: str) -> str:
    """The mail's id as it came. Raises BadRequest."""
    return _checked("mail", mail)


def _checked(kind: str, value: str) -> str:
    """Refuses what Firestore refuses, and what would be read as more than one step of a path.

    Reference: https://firebase.google.com/docs/firestore/quotas#collections_documents_and_fields
    """
    if not value or value in {".", ".."} or value.startswith("__"):
        raise BadRequest(f"the {kind}'s id is empty or reserved")
    if "/" in value or not value.isprintable():
        raise BadRequest(f"the {kind}'s id holds a character that it may not hold")
    if len(value.encode()) > MOST_BYTES:
        raise BadRequest(f"the {kind}'s id is longer than {MOST_BYTES} bytes")
    return value
