"""One mailbox's connections for google-api-python-client: HTTP that bears its access token, and renews it."""

import asyncio
import threading
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import httplib2
from google.oauth2.credentials import Credentials
from google_auth_httplib2 import Request as TokenRequest

from gmail_client.access_tokens import AccessTokens
from mailmagnet.vault import Connection


class Access:
    """One mailbox's access token, fetched by one thread at a time."""

    def __init__(self, gmail_token: str, client_id: str, client_secret: str, token_url: str) -> None:
        self._credentials = Credentials(
            token=None, refresh_token=gmail_token, token_uri=token_url, client_id=client_id, client_secret=client_secret
        )
        self._lock = threading.Lock()

    def token(self, plain: httplib2.Http, refused: str = "") -> str:
        """A token that has not expired and is not the one that was refused. Raises google.auth's RefreshError, TransportError."""
        with self._lock:
            if not self._credentials.valid or self._credentials.token == refused:
                self._credentials.refresh(TokenRequest(plain))
            return str(self._credentials.token)


class DelegatedAccess:
    """The access token of a mailbox that the admin lets MailMagnet into. It is the process's own: fetched where its event loop is."""

    def __init__(self, tokens: AccessTokens, connection: Connection) -> None:
        """Made inside the running event loop."""
        self._tokens, self._connection = tokens, connection
        self._access = tokens.access(connection)
        self._loop = asyncio.get_running_loop()

    def token(self, plain: httplib2.Http, refused: str = "") -> str:
        """As `Access`; to be called in a thread of its own. Raises what `AccessTokens.token` does."""
        asked = self._tokens.token(self._access, self._connection, refused)
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result()


class MailboxHttp:
    """A connection that bears the mailbox's access token, for one thread at a time: httplib2 is not thread-safe.

    In place of google-auth's AuthorizedHttp: with that the library refreshes over connections of its own, which have no deadline
    and are never closed.
    """

    def __init__(self, access: Access | DelegatedAccess, seconds: float) -> None:
        self._access = access
        self._plain = httplib2.Http(timeout=seconds, proxy_info=None)
        self._plain.follow_redirects = False
        self._token = ""

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[Any, bytes]:
        """As httplib2's; a token that is refused is renewed once."""
        answer = self._once(uri, method, body, headers)
        if answer[0].status == HTTPStatus.UNAUTHORIZED:
            self.renew()
            answer = self._once(uri, method, body, headers)
        return answer

    def renew(self) -> None:
        """Another token than the one used last."""
        self._access.token(self._plain, refused=self._token)

    def close(self) -> None:
        self._plain.close()

    def _once(self, uri: str, method: str, body: Any, headers: Mapping[str, str] | None) -> tuple[Any, bytes]:
        self._token = self._access.token(self._plain)
        answer: tuple[Any, bytes] = self._plain.request(
            uri, method, body, {**(headers or {}), "authorization": f"Bearer {self._token}"}
        )
        return answer
