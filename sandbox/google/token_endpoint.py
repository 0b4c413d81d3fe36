"""Google's token and revocation endpoints (https://developers.google.com/identity/protocols/oauth2/web-server)."""

from aiohttp import web

from sandbox.google.authorization import BadGrant, check_standing, issued
from sandbox.google.google_side import BadToken
from sandbox.google.world import World

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOGLES_URL = "https://oauth2.googleapis.com/token"


async def token(world: World, request: web.Request) -> web.Response:
    """Tokens for a code, a refresh token, or a service account's signed claim."""
    answering = await world.faults.meet("google", "token")
    form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    try:
        answer = _tokens(world, form, f"{request.scheme}://{request.host}/token")
    except BadGrant as bad:
        return _oauth_error(bad.error, str(bad), bad.status)
    answering()
    return web.json_response(answer)


async def revoke(world: World, request: web.Request) -> web.Response:
    """Ends a refresh or an access token."""
    answering = await world.faults.meet("google", "revoke")
    form = await request.post()
    try:
        world.google.revoke(str(form.get("token") or request.query.get("token", "")))
    except BadToken:
        return _oauth_error("invalid_token", "Token expired or revoked", 400)
    answering()
    return web.json_response({})


def _tokens(world: World, form: dict[str, str], url: str) -> dict[str, object]:
    kind = form.get("grant_type", "")
    if kind == JWT_BEARER:
        return world.delegation.exchange(form.get("assertion", ""), {url, GOOGLES_URL})
    if kind not in ("authorization_code", "refresh_token"):
        raise BadGrant("unsupported_grant_type", f"Invalid grant_type: {kind}")
    _check_client(world, form)
    if kind == "authorization_code":
        return world.codes.exchange(form)
    return _refreshed(world, form.get("refresh_token", ""))


def _check_client(world: World, form: dict[str, str]) -> None:
    if not form.get("client_id"):
        raise BadGrant("invalid_request", "Could not determine client ID from request.")
    if form["client_id"] != world.google.client_id:
        raise BadGrant("invalid_client", "The OAuth client was not found.", 401)
    if form.get("client_secret") != world.google.client_secret:
        raise BadGrant("invalid_client", "The provided client secret is invalid.", 401)


def _refreshed(world: World, refresh_token: str) -> dict[str, object]:
    try:
        check_standing(world.standing(world.google.grant(refresh_token).address))
        access, grant = world.google.refreshed(refresh_token)
    except BadToken:
        raise BadGrant("invalid_grant", "Token has been expired or revoked.") from None
    answer = issued(access, grant.scopes)
    if "openid" in grant.scopes:
        answer["id_token"] = world.google.client_id_token(world.account(grant.address), grant.scopes, access)
    return answer


def _oauth_error(error: str, description: str, status: int) -> web.Response:
    return web.json_response({"error": error, "error_description": description}, status=status)
