"""What a CRM's answer over HTTP means, whichever CRM it is: its status as an error of ours, and how long to wait. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from http_session.session import HttpAnswer
from mailmagnet.errors import BadAnswer, NotAuthorised, NotFound, NotPermitted, RateLimited, Service, Unavailable, Upstream

UNSTATED_WAIT = 10.0
"""Seconds to wait where the CRM, or a proxy before it, does not say: the windows of CRMs' burst limits are 1 to 10 s long."""
SHORTEST_WAIT, LONGEST_WAIT = 1.0, 24 * 3600.0
"""Seconds, whatever the CRM says: a day's limit is over after a day."""
DELAY_DIGITS = 9
"""More digits are no number of seconds that anybody means."""

_KINDS: Mapping[int, type[Upstream]] = {
    HTTPStatus.UNAUTHORIZED: NotAuthorised,
    HTTPStatus.FORBIDDEN: NotPermitted,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.GONE: NotFound,
    HTTPStatus.REQUEST_TIMEOUT: Unavailable,
}


def check(answer: HttpAnswer) -> None:
    """Raises what `refusal` says, for an answer that is no success."""
    if not is_success(answer.status):
        raise refusal(answer.who, answer.status, answer.headers)


def is_success(status: int) -> bool:
    """2xx: a redirect is none, for nothing is ever sent to where a CRM points."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def refusal(who: Service, status: int, headers: Mapping[str, str]) -> Upstream:
    """What a status that is no success means, where the CRM's own words in the body say no better: NotAuthorised, NotPermitted, NotFound,
    RateLimited, Unavailable, BadAnswer. Nothing of the body comes into it: an error page may name people."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(who, retry_after(headers))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable(who, f"answered {status}")
    return _KINDS.get(status, BadAnswer)(who, f"answered {status}")


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds until the CRM wants to be asked again: the number in Retry-After, or the moment there, counted from the answer's own Date, so
    that no clock of ours has to be right (https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)."""
    fields = {name.lower(): value.strip() for name, value in headers.items()}
    stated = fields.get("retry-after", "")
    seconds = _number(stated) if stated.isascii() and stated.isdigit() else _between(fields.get("date", ""), stated)
    return min(max(seconds, SHORTEST_WAIT), LONGEST_WAIT)


def _number(digits: str) -> float:
    return float(digits) if len(digits) <= DELAY_DIGITS else LONGEST_WAIT


def _between(date: str, stated: str) -> float:
    """Seconds from one HTTP date to another; UNSTATED_WAIT where one of them is none."""
    try:
        return (parsedate_to_datetime(stated) - parsedate_to_datetime(date)) / timedelta(seconds=1)
    except (TypeError, ValueError, OverflowError):
        return UNSTATED_WAIT
