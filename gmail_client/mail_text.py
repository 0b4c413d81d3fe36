"""One mail as Gmail's API gives it whole, read: its text, plain, and its attachments. Takes whatever a mail may hold."""

import base64
import binascii
import re
from collections.abc import Iterator

from gmail_client.answers import Part
from gmail_client.html_text import text_of_html
from mailmagnet.errors import BadAnswer
from mailmagnet.gmail import GMAIL
from mailmagnet.user_mail import Attachment
from mailmagnet.visible_text import visible

LONGEST_TEXT = 200_000
"""Characters of a mail that are shown: some fifty pages."""
MOST_ATTACHMENTS = 200
LONGEST_NAME = 120

_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([\w.:+-]{1,40})""", re.IGNORECASE)
_STATEFUL = ("iso-2022", "hz", "utf-7")
"""Charsets whose bytes are ASCII, so that they would also be read as UTF-8."""
_MEANT = {"gb2312": "gb18030", "gbk": "gb18030", "iso-8859-1": "cp1252", "us-ascii": "cp1252", "ks_c_5601-1987": "cp949"}
"""Names that in mail mean more than they say."""
_NO_CHARSETS = frozenset(("punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined"))
"""Python's own, which no mail is written in."""
_NEVER = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_ATTACHED_MAIL = "message/rfc822"


def text_of(mail: Part) -> tuple[str, bool]:
    """The text of a mail: its plain text, else its HTML's; and whether it was longer than LONGEST_TEXT and is cut."""
    text = visible(_NEVER.sub("", "\n\n".join(filter(str.strip, _texts(mail))).replace("\r\n", "\n").replace("\r", "\n"))).strip()
    return text[:LONGEST_TEXT], len(text) > LONGEST_TEXT


def attachments_of(mail: Part) -> tuple[Attachment, ...]:
    """The files in a mail, in its order: at most MOST_ATTACHMENTS, without the pictures that its text shows."""
    files = [part for part in _walk(mail) if _is_file(part) and not _is_shown_in_the_text(part)]
    return tuple(Attachment(part.part_id, file_name(part), part.body.size, part.mime_type) for part in files[:MOST_ATTACHMENTS])


def part_of(mail: Part, part_id: str) -> Part | None:
    """The file with this partId."""
    return next((part for part in _walk(mail) if part.part_id == part_id and _is_file(part)), None)


def file_name(part: Part) -> str:
    """A file's name: one step of a path, on one line, its ending always in sight."""
    name = re.split(r"[\\/]", visible(_NEVER.sub("", part.filename)))[-1]
    name = " ".join(name.split()).strip(". ") or _nameless(part.mime_type)
    stem, dot, ending = name.rpartition(".")
    if len(name) <= LONGEST_NAME:
        return name
    return f"{stem[: LONGEST_NAME - 20]}….{ending[-18:]}" if dot else f"{name[: LONGEST_NAME - 1]}…"


def content_of(data: str) -> bytes:
    """Base64url as Gmail has it, with or without its padding. Raises BadAnswer."""
    try:
        return base64.urlsafe_b64decode(data + "=" * (-len(data) % 4))
    except (binascii.Error, ValueError):
        raise BadAnswer(GMAIL, "a part's data is not base64") from None


def decoded(content: bytes, charset: str) -> str:
    """Text in whatever charset it says or is in: some of Gmail's answers are in UTF-8 whatever the part's header says."""
    charset = charset.lower()
    said = [_MEANT.get(charset, charset)] if charset and charset.replace("-", "_") not in _NO_CHARSETS else []
    for name in [*said, "utf-8"] if charset.startswith(_STATEFUL) else ["utf-8", *said]:
        try:
            return content.decode(name)
        except (LookupError, ValueError):
            continue
    return content.decode("cp1252", "replace")


def _texts(part: Part) -> list[str]:
    """The texts of a part, in order; of alternatives the plain one, and where that is empty, the first that is not."""
    if part.mime_type == "multipart/alternative":
        plain_first = sorted(part.parts, key=lambda each: each.mime_type != "text/plain")
        return next((texts for texts in map(_texts, plain_first) if any(map(str.strip, texts))), [])
    if part.parts:
        return [] if part.mime_type == _ATTACHED_MAIL else [text for each in part.parts for text in _texts(each)]
    if part.mime_type not in ("text/plain", "text/html") or _is_file(part):
        return []
    found = _CHARSET.search(part.first("Content-Type"))
    text = decoded(content_of(part.body.data), found[1] if found else "")
    return [text_of_html(text) if part.mime_type == "text/html" else text]


def _walk(part: Part) -> Iterator[Part]:
    """A part and all in it, but not what is in an attached mail: that is one file."""
    yield part
    if part.mime_type != _ATTACHED_MAIL or not _is_file(part):
        for each in part.parts:
            yield from _walk(each)


def _is_file(part: Part) -> bool:
    if part.parts and not part.body.attachment_id:
        return False
    return bool(part.filename or part.body.attachment_id or _disposition(part) == "attachment")


def _is_shown_in_the_text(part: Part) -> bool:
    is_picture = part.mime_type.startswith("image/") and bool(part.first("Content-ID"))
    return is_picture and _disposition(part) != "attachment"


def _disposition(part: Part) -> str:
    return part.first("Content-Disposition").partition(";")[0].strip().lower()


def _nameless(mime_type: str) -> str:
    import mimetypes

    return f"attachment{mimetypes.guess_extension(mime_type) or ''}"
