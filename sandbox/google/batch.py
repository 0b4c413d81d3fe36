"""Gmail's batch endpoint: several calls in one multipart/mixed request (https://developers.google.com/workspace/gmail/api/guides/batch)."""

import json
import secrets
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox.google import gmail_api, mail_parts
from sandbox.google.world import World

MOST_PARTS = 100


async def answer(world: World, content_type: str, headers: dict[str, str], body: bytes) -> tuple[str, bytes]:
    """Content type and body of the answer; `headers` (by lower-case name) of the whole count for a part that has not its own.

    The parts run one after another, each billed. Raises GoogleError when the whole cannot be read, and sandbox.google.faults.Dropped and
    AnswerHtml when a part meets such a fault.
    """
    parts = mail_parts.multipart(content_type, body)
    if not parts:
        raise gmail_api.GoogleError(400, "badRequest", "Failed to parse batch request, error: 0 items.", "INVALID_ARGUMENT")
    if len(parts) > MOST_PARTS:
        message = f"The batch request has more than {MOST_PARTS} calls."
        raise gmail_api.GoogleError(400, "badRequest", message, "INVALID_ARGUMENT")
    boundary = f"batch_{secrets.token_hex(12)}"
    pieces = []
    for own, content in parts:
        answered = await _answer_part(world, content, headers)
        pieces.append(_written(answered, next((value for name, value in own if name.lower() == "content-id"), "")))
    start = f"--{boundary}\r\n".encode()
    return f"multipart/mixed; boundary={boundary}", b"".join(start + piece for piece in pieces) + f"--{boundary}--\r\n".encode()


async def _answer_part(world: World, content: bytes, outer: dict[str, str]) -> gmail_api.ApiAnswer:
    line, _, rest = content.lstrip().partition(b"\n")
    head, body = mail_parts.split(rest)
    words = line.decode("ascii", "replace").split()
    if len(words) < 2:  # noqa: PLR2004  verb and path
        return gmail_api.GoogleError(400, "badRequest", "Failed to parse batch request part.", "INVALID_ARGUMENT").answer()
    url = urlsplit(words[1])
    own = {name.lower(): value for name, value in mail_parts.headers_of(head)}
    inherited = {
        name: value for name, value in outer.items() if name in ("authorization", "x-goog-gmail-access-token", "traceparent")
    }
    query = tuple(parse_qsl(url.query, keep_blank_values=True))
    return await gmail_api.answer(world, gmail_api.Call(words[0], unquote(url.path), query, inherited | own, body))


def _written(answered: gmail_api.ApiAnswer, content_id: str) -> bytes:
    text = b"" if answered.body is None else json.dumps(answered.body).encode()
    reply_to = f"<response-{content_id.strip('<>')}>" if content_id else ""
    lines = ["Content-Type: application/http"]
    lines += [f"Content-ID: {reply_to}"] if reply_to else []
    lines += ["", f"HTTP/1.1 {answered.status} {'OK' if answered.status < 300 else 'Error'}"]  # noqa: PLR2004
    lines += ["Content-Type: application/json; charset=UTF-8", f"Content-Length: {len(text)}", "", ""]
    return "\r\n".join(lines).encode() + text + b"\r\n"
