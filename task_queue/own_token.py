"""The token with which this service calls Google Cloud: its own, from the metadata server beside it."""

from http_session.session import HttpSession
from mailmagnet.errors import BadAnswer, Service, Side

WHO = Service(Side.OURS, "Google's metadata server")
SECONDS = 5.0


async def own_access_token(session: HttpSession, url: str) -> str:
    """A fresh OAuth token of this service's account. Raises TimedOut, Unavailable, BadAnswer.

    https://cloud.google.com/compute/docs/access/authenticate-workloads#applications
    """
    answer = await session.request(WHO, "GET", url, seconds=SECONDS, headers={"Metadata-Flavor": "Google"})
    grant = answer.json()
    if not isinstance(grant, dict) or not isinstance(grant.get("access_token"), str):
        raise BadAnswer(WHO, "no access token")
    return str(grant["access_token"])
