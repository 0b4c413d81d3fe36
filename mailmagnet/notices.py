"""What the core asks of the place where users are told of customers' mail outside Gmail: the protocol `Notices`."""

from typing import Protocol


class Notices(Protocol):
    """Google Chat webhooks (https://developers.google.com/workspace/chat/quickstart/webhooks)."""

    def is_webhook(self, address: str) -> bool:
        """Whether this is an address that a notice may be sent to: of a closed list of hosts."""
        ...

    async def send(self, webhook: str, text: str) -> None:
        """Send a notice (plain text), once, without another try.

        Raises BadRequest for an address that is none, NotFound when the webhook is gone, RateLimited, Unavailable, BadAnswer.
        """
        ...
