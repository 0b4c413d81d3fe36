"""What a CRM's backend does to show mail in a record's page: it signs who looks at which record, for one look."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

import jwt

TOKEN_LIFE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class EmbeddedMail:
    """Between one CRM and one MailMagnet: `url` is the list's there, `org` whose CRM it is, and both know `key`. `now` tells the time
    to both."""

    url: str
    org: str
    key: str = field(repr=False)
    now: Callable[[], datetime]

    def url_for(self, crm_user: str, module: str, record_id: str) -> str:
        """Where this user of the CRM sees the mail with one record's people: once, and within a minute."""
        now = self.now()
        claims = {
            "aud": self.url,
            "org": self.org,
            "sub": crm_user,
            "module": module,
            "record": record_id,
            "jti": secrets.token_urlsafe(16),
            "iat": int(now.timestamp()),
            "exp": int((now + TOKEN_LIFE).timestamp()),
        }
        return f"{self.url}?{urlencode({'token': jwt.encode(claims, self.key, 'HS256')})}"
