"""Plain text as a mail's HTML: nothing in it is markup, lines stay lines. Pure rules."""

from html import escape

from mailmagnet.templates import Merged


def html_of_text(text: str) -> str:
    """Text that was typed, written in the direction that its letters have."""
    return f'<div dir="auto">{_lines(text)}</div>'


def html_of_merged(merged: Merged) -> str:
    """A template's text; what is missing in it is bold, so that nobody overlooks it."""
    pieces = (f"<b>{_lines(piece.text)}</b>" if piece.missing else _lines(piece.text) for piece in merged.pieces)
    return f'<div dir="auto">{"".join(pieces)}</div>'


def with_signature(html: str, signature: str) -> str:
    """With a signature below it, as Gmail puts it there; `signature` is Gmail's own HTML, "" for none."""
    if not signature:
        return html
    return (
        f'{html}<br><span class="gmail_signature_prefix">-- </span><br><div dir="ltr" class="gmail_signature">{signature}</div>'
    )


def _lines(text: str) -> str:
    return escape(text.replace("\r\n", "\n").replace("\r", "\n")).replace("\n", "<br>")
