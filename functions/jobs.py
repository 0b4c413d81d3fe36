"""The functions of the job: `label_tick`, which Cloud Scheduler calls, and `label_mailbox`, which Cloud Tasks calls."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from functions.boundary import body_of
from functions.event import json_of
from functions.log import log
from functions.wiring import Parts
from mailmagnet.categories import LABEL_NAMES
from mailmagnet.disconnect_mailbox import revoke_forgotten
from mailmagnet.errors import BadRequest, Forbidden
from mailmagnet.label_mail import LabelRun, Move, label_mail, plan_labels
from mailmagnet.label_tick import tick

Id = Annotated[str, Field(min_length=1, max_length=255)]


class _Work(BaseModel):
    """What a task asks for. `dry_run` tells what would be done, and does nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    org: Id
    user: Id
    dry_run: bool = False


async def answer_tick(request: Request, parts: Parts) -> Response:
    """Send one task for each mailbox that is due, and tell Google of those who left while it could not be told."""
    if request.method != "POST":
        return Response(status_code=405)
    await _from_the_job(request, parts, parts.settings.label_tick_url)
    every = timedelta(minutes=parts.settings.sort_every_minutes)
    sent = await tick(store=parts.store, tasks=parts.tasks, now=parts.now(), every=every)
    for problem in await revoke_forgotten(parts):
        log("WARNING", "not revoked yet", problem=str(problem))
    return JSONResponse({"tasks": sent})


async def answer_mailbox(request: Request, parts: Parts) -> Response:
    """Sort one mailbox's mail, or tell what would be sorted."""
    if request.method != "POST":
        return Response(status_code=405)
    await _from_the_job(request, parts, parts.settings.label_mailbox_url)
    work = _work_of(json_of(await body_of(request)))
    run = plan_labels if work.dry_run else label_mail
    try:
        done = await run(work.org, work.user, parts)
    except Forbidden:
        return JSONResponse({"off": True})
    counts = {category.value: number for category, number in done.sorted.items()}
    log(
        "INFO", "sorted", looked_at=done.looked_at, remaining=done.remaining, units=done.units, crm_calls=done.crm_calls, **counts
    )
    return JSONResponse(run_as_json(done))


async def _from_the_job(request: Request, parts: Parts, url: str) -> None:
    authorization = request.headers.get("authorization", "")
    await parts.verifier.caller(authorization, audience=url, service_account=parts.settings.job_service_account)


def _work_of(body: Any) -> _Work:
    try:
        return _Work.model_validate(body)
    except ValidationError as error:
        problem = error.errors()[0]
        raise BadRequest(f"{'.'.join(str(step) for step in problem['loc']) or 'the body'}: {problem['msg']}") from None


def run_as_json(run: LabelRun) -> Mapping[str, Any]:
    """A run's counts; a dry run's moves with their reasons beside them."""
    counts = {
        "dry": run.dry,
        "looked_at": run.looked_at,
        "remaining": run.remaining,
        "units": run.units,
        "crm_calls": run.crm_calls,
        "sorted": {category.value: number for category, number in run.sorted.items()},
    }
    return {**counts, "moves": [_move_as_json(move) for move in run.moves]} if run.dry else counts


def _move_as_json(move: Move) -> Mapping[str, Any]:
    deal = move.decision.because
    return {
        "mail_id": move.mail_id,
        "from_address": move.from_address,
        "category": move.decision.category.value,
        "label": LABEL_NAMES[move.decision.category],
        "because": deal.name,
        "closing": deal.closing.isoformat() if deal.closing else None,
        "in_inbox": move.in_inbox,
    }
