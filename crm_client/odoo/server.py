"""One Odoo over HTTP: a question in, its JSON out, its refusals as errors of ours.

https://www.odoo.com/documentation/19.0/developer/reference/external_api.html
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from crm_client.answers import check
from crm_client.fields import Record
from http_session.session import HttpSession
from mailmagnet.errors import BadAnswer, Service, Side

ODOO = Service(Side.CRM, "Odoo")
CONTEXT = {"lang": "en_US", "active_test": False}
"""Names of groups are compared in English; what is archived, that is lost, is seen too."""


class OdooServer:
    """The Odoo at one origin. Each question is one call, and is only ever sent there."""

    def __init__(self, session: HttpSession, origin: str, seconds: float) -> None:
        """`seconds` is what one call may take."""
        self._session = session
        self.origin = origin
        self._seconds = seconds

    async def call(self, key: str, model: str, method: str, arguments: Mapping[str, Any]) -> Any:
        """What a method of a model answers, asked with a user's API key.

        Raises NotAuthorised for the key, NotPermitted, NotFound for a model or method that this Odoo does not have, RateLimited,
        Unavailable, BadAnswer.
        """
        answer = await self._session.request(
            ODOO,
            "POST",
            f"{self.origin}/json/2/{model}/{method}",
            seconds=self._seconds,
            headers={"Authorization": f"bearer {key}", "Content-Type": "application/json"},
            body=json.dumps({**arguments, "context": CONTEXT}).encode(),
        )
        check(answer)
        return answer.json()

    async def search(
        self, key: str, model: str, domain: Sequence[Any], specification: Mapping[str, Any], limit: int, order: str = "id"
    ) -> list[Record]:
        """Records that match, with the fields that the specification names. A domain is JSON: what stands in it is never a part of the
        question. Raises what `call` raises."""
        asked = {"domain": domain, "specification": specification, "limit": limit, "order": order}
        answer = await self.call(key, model, "web_search_read", asked)
        records = answer.get("records") if isinstance(answer, dict) else None
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            raise BadAnswer(ODOO, "the answer holds no records")
        return records
