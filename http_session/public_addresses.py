"""The resolver that leads to public addresses alone: a name that somebody typed must not reach into the network we run in."""

import socket
from ipaddress import ip_address

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver


class PublicAddresses(AbstractResolver):
    """Names' public addresses. One with a private address among them is not resolved: it may have been put there to lead us in.

    It is asked for each connection, so a name that changes its mind after it was looked at gains nothing.
    """

    def __init__(self) -> None:
        self._resolver = DefaultResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """Raises OSError for a name that leads to a private address, or nowhere."""
        found = await self._resolver.resolve(host, port, family)
        if not all(ip_address(each["host"].partition("%")[0]).is_global for each in found):
            raise OSError("the name leads into a private network")
        return found

    async def close(self) -> None:
        await self._resolver.close()
