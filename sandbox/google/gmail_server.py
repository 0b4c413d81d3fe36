"""Google over HTTP: Gmail's API and batches, certificates, tokens, the metadata server, Cloud Tasks and Chat, as routes."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

from aiohttp import web

from sandbox.google import batch, consent_page, delegation, gmail_api, token_endpoint
from sandbox.google.chat import NotPosted
from sandbox.google.cloud_tasks import BadTask, MayNotSign, TaskExists
from sandbox.google.faults import AnswerHalf, AnswerHtml, AnswerStatus, Dropped
from sandbox.google.google_side import CERTIFICATES_MAX_AGE, CLOUD_SCOPES, TOKEN_LIFE, BadToken
from sandbox.google.own_port import is_from_a_browser, own_port
from sandbox.google.secret_manager import SecretRefused
from sandbox.google.world import World

LARGEST_REQUEST = 40 * 1024 * 1024
"""Bytes; Gmail takes mail of 36 MB and a little around it."""

_Handler = Callable[[World, web.Request], Awaitable[web.StreamResponse]]


def google_routes(world: World) -> list[web.RouteDef]:
    """All of Google's side, to be added to an aiohttp application; it serves programs and no page. That application should have the
    middleware `own_port`, await `world.tasks.close()` when it stops, and take requests as large as LARGEST_REQUEST."""
    served: list[tuple[str, str, _Handler]] = [
        ("*", "/gmail/v1/{rest:.*}", _gmail),
        ("*", "/upload/gmail/v1/{rest:.*}", _gmail),
        ("POST", "/batch", _recorded("batch", _batch)),
        ("POST", "/batch/gmail/v1", _recorded("batch", _batch)),
        ("GET", "/oauth2/v1/certs", _recorded("certificates", _certificates)),
        ("POST", "/token", _recorded("token", token_endpoint.token)),
        ("POST", "/revoke", _recorded("revoke", token_endpoint.revoke)),
        ("GET", "/computeMetadata/v1/instance/service-accounts/default/token", _recorded("own token", _metadata_token)),
        ("POST", "/v1/spaces/{space}/messages", _recorded("chat message", _chat_message)),
        ("*", "/v1/projects/{project}/secrets{rest:.*}", _secrets),
        ("POST", "/v1/projects/-/serviceAccounts/{account}:signJwt", _recorded("signJwt", _sign_jwt)),
        ("POST", "/v2/projects/{project}/locations/{location}/queues/{queue}/tasks", _recorded("create task", _create_task)),
    ]
    return [web.route(verb, path, partial(_for_programs, world, handler)) for verb, path, handler in served]


def make_app(world: World) -> web.Application:
    """Google's side alone, its consent screen too."""
    app = web.Application(client_max_size=LARGEST_REQUEST, middlewares=[own_port])
    app.add_routes([*google_routes(world), *consent_page.consent_routes(world)])

    async def tasks(_: web.Application) -> AsyncIterator[None]:
        yield
        await world.tasks.close()

    app.cleanup_ctx.append(tasks)
    return app


def _recorded(name: str, handler: _Handler) -> _Handler:
    """The same, recorded in the list of calls."""

    async def serve(world: World, request: web.Request) -> web.StreamResponse:
        with world.calls.calling(name, request.headers.get("traceparent", "")) as call:
            response = await handler(world, request)
            call.status = response.status
        return response

    return serve


async def _for_programs(world: World, handler: _Handler, request: web.Request) -> web.StreamResponse:
    """No page needs this side, so that none gets a token from it, not even one that is let in to the port."""
    if is_from_a_browser(request):
        return _cloud_error(403, "Browsers are not served here.", "PERMISSION_DENIED")
    return await _faulty(world, handler, request)


async def _faulty(world: World, handler: _Handler, request: web.Request) -> web.StreamResponse:
    """Carries out the faults that end a call altogether."""
    try:
        return await handler(world, request)
    except AnswerHtml:
        page = "<!DOCTYPE html><html><head><title>Error</title></head><body><h1>502. That is an error.</h1></body></html>"
        return web.Response(text=page, content_type="text/html", status=502)
    except AnswerHalf:
        return web.Response(text='{"historyId": "10', content_type="application/json")
    except AnswerStatus as fault:
        return web.json_response({"error": "internal_failure"}, status=fault.status)
    except gmail_api.GoogleError as error:
        return web.json_response(error.body, status=error.code)
    except Dropped:
        if request.transport:
            request.transport.abort()
        return web.Response()


async def _gmail(world: World, request: web.Request) -> web.Response:
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = gmail_api.Call(request.method, request.path, tuple(request.query.items()), headers, await request.read())
    answered = await gmail_api.answer(world, call)
    if answered.body is None:
        return web.Response(status=answered.status, headers=answered.headers)
    text = json.dumps(answered.body, ensure_ascii=False)
    return web.Response(
        text=text, content_type="application/json", charset="UTF-8", status=answered.status, headers=answered.headers
    )


async def _batch(world: World, request: web.Request) -> web.Response:
    headers = {name.lower(): value for name, value in request.headers.items()}
    answering = await world.faults.meet("gmail", "batch")
    content_type, body = await batch.answer(world, request.headers.get("Content-Type", ""), headers, await request.read())
    answering()
    return web.Response(body=body, headers={"Content-Type": content_type})


async def _certificates(world: World, _: web.Request) -> web.Response:
    await world.faults.meet("google", "certs")
    max_age = f"public, max-age={CERTIFICATES_MAX_AGE}, must-revalidate, no-transform"
    return web.json_response(world.google.certificates(), headers={"Cache-Control": max_age})


async def _metadata_token(world: World, request: web.Request) -> web.Response:
    """https://cloud.google.com/compute/docs/access/authenticate-workloads#applications"""
    await world.faults.meet("google", "metadata")
    if request.headers.get("Metadata-Flavor") != "Google":
        return web.Response(status=403, text="Missing required header: Metadata-Flavor")
    # So a proxy says that it passes on somebody else's request (https://cloud.google.com/compute/docs/metadata/querying-metadata).
    if "X-Forwarded-For" in request.headers:
        return web.Response(status=403, text="Request contains the header X-Forwarded-For")
    token = world.google.access_token(world.google.service_account, CLOUD_SCOPES)
    seconds = int(TOKEN_LIFE.total_seconds())
    issued = {"access_token": token, "expires_in": seconds, "token_type": "Bearer"}
    return web.json_response(issued, headers={"Metadata-Flavor": "Google"})


async def _chat_message(world: World, request: web.Request) -> web.Response:
    answering = await world.faults.meet("chat", "message")
    space, query = request.match_info["space"], request.query
    try:
        message = world.chat.post(space, query.get("key", ""), query.get("token", ""), await request.read())
    except NotPosted as refused:
        return _cloud_error(refused.code, str(refused), refused.status)
    answering()
    return web.json_response({"name": message.name, "text": message.text, "createTime": message.at.isoformat()})


async def _create_task(world: World, request: web.Request) -> web.Response:
    await world.faults.meet("tasks", "create")
    _, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        world.google.access(token)
    except BadToken:
        return _cloud_error(401, "Request had invalid authentication credentials.", "UNAUTHENTICATED")
    parent = request.path.removeprefix("/v2/").removesuffix("/tasks")
    try:
        task = world.tasks.create(parent, json.loads(await request.read()))
    except MayNotSign as account:
        message = f'The principal lacks IAM permission "iam.serviceAccounts.actAs" for the resource "{account}".'
        return _cloud_error(403, message, "PERMISSION_DENIED")
    except TaskExists:
        return _cloud_error(409, "Requested entity already exists", "ALREADY_EXISTS")
    except (ValueError, RecursionError) as bad:
        return _cloud_error(400, str(bad) if isinstance(bad, BadTask) else "Invalid JSON payload received.", "INVALID_ARGUMENT")
    return web.json_response({"name": task.name, "httpRequest": {"url": task.url, "httpMethod": task.verb}, "dispatchCount": 0})


async def _secrets(world: World, request: web.Request) -> web.StreamResponse:
    name = world.secrets.method_of(request.method, request.path) or f"{request.method} {request.path}"
    return await _recorded(name, _secret_manager)(world, request)


async def _secret_manager(world: World, request: web.Request) -> web.Response:
    answering = await world.faults.meet("secrets", world.secrets.method_of(request.method, request.path))
    _, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        access = world.google.access(token)
    except BadToken:
        return _cloud_error(401, "Request had invalid authentication credentials.", "UNAUTHENTICATED")
    if not access.scopes & CLOUD_SCOPES:
        return _cloud_error(403, "Request had insufficient authentication scopes.", "PERMISSION_DENIED")
    try:
        answered = world.secrets.answer(request.method, request.path, request.query.items(), await request.read())
    except SecretRefused as refused:
        return _cloud_error(refused.code, str(refused), refused.status)
    answering()
    return web.json_response(answered)


async def _sign_jwt(world: World, request: web.Request) -> web.Response:
    answering = await world.faults.meet("iam", "signJwt")
    _, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        if not world.google.access(token).scopes & CLOUD_SCOPES:
            return _cloud_error(403, "Request had insufficient authentication scopes.", "PERMISSION_DENIED")
        signed = world.delegation.sign(request.match_info["account"], json.loads(await request.read()))
    except BadToken:
        return _cloud_error(401, "Request had invalid authentication credentials.", "UNAUTHENTICATED")
    except delegation.MayNotSign:
        message = "Permission 'iam.serviceAccounts.signJwt' denied on resource (or it may not exist)."
        return _cloud_error(403, message, "PERMISSION_DENIED")
    except (ValueError, RecursionError) as bad:
        message = str(bad) if isinstance(bad, delegation.BadClaims) else "Invalid JSON payload received."
        return _cloud_error(400, message, "INVALID_ARGUMENT")
    answering()
    return web.json_response(signed)


def _cloud_error(code: int, message: str, status: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message, "status": status}}, status=code)
