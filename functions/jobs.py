"""The functions of the job: `label_tick`, which Cloud Scheduler calls, and `label_mailbox`, which Cloud Tasks calls."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from math import ceil
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from functions.boundary import body_of
from functions.event import json_of
from functions.inside_checks import as_json, inside_findings
from functions.log import log, log_unforeseen, names, new_reference, problem_facts, requester, where
from functions.wiring import Process
from mailmagnet.categories import Category
from mailmagnet.choose_crm import chosen_crm
from mailmagnet.crm import DealState
from mailmagnet.decide_mail import Move
from mailmagnet.disconnect_mailbox import revoke_forgotten
from mailmagnet.errors import (
    BadRequest,
    Forbidden,
    LeaseLost,
    LeaseTaken,
    MailboxFailed,
    MailMagnetError,
    NotAuthorised,
    NotFound,
    NotPermitted,
    Paused,
    RateLimited,
    Upstream,
)
from mailmagnet.label_mail import LabelRun, label_mail, plan_labels
from mailmagnet.label_tick import MAILBOXES_A_TASK, Tick, tick
from mailmagnet.notify import notify
from mailmagnet.pooled_senders import PooledSenders
from mailmagnet.preview import count_mail
from mailmagnet.take_back import take_back_by_task
from mailmagnet.tasks import MailboxesTask, PreviewTask, TakeBackTask, Task

DOCTOR = "/doctor"
"""The path of label_tick at which it tells the job's account what it finds of itself."""

Id = Annotated[str, Field(min_length=1, max_length=255)]


class _PreviewWork(BaseModel):
    """How far the preview is that is to be counted on (mailmagnet.tasks.PreviewTask)."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    begun: AwareDatetime
    days: Annotated[int, Field(ge=1, le=365)]
    looked_at: Annotated[int, Field(ge=0)] = 0
    failures: Annotated[int, Field(ge=0)] = 0


class _TakeBackWork(BaseModel):
    """What is to be taken back (mailmagnet.tasks.TakeBackTask)."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    asked: AwareDatetime
    since: AwareDatetime
    failures: Annotated[int, Field(ge=0)] = 0


class _WorkTogether(BaseModel):
    """What a task for several mailboxes of one organisation asks for (mailmagnet.tasks.MailboxesTask)."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    org: Id
    users: Annotated[tuple[Id, ...], Field(min_length=1, max_length=MAILBOXES_A_TASK)]
    tick: AwareDatetime


class _Work(BaseModel):
    """What a task asks for, and the tick that sent it. `dry_run` tells what would be done, and does nothing; `preview` counts, and
    `take_back` puts back what runs have moved."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    org: Id
    user: Id
    tick: AwareDatetime | None = None
    dry_run: bool = False
    preview: _PreviewWork | None = None
    take_back: _TakeBackWork | None = None


async def answer_tick(request: Request, process: Process) -> Response:
    """Send one task for each mailbox that is due, and tell Google of those who left while it could not be told.

    Below it, at DOCTOR, the same caller is told what this service finds of itself.
    """
    if request.url.path == DOCTOR:
        return await _answer_doctor(request, process)
    if request.method != "POST":
        return Response(status_code=405)
    await _from_the_job(request, process, process.settings.label_tick_url)
    done = await ticked(process)
    return JSONResponse({"tasks": done.tasks, "failed_orgs": len(done.problems)})


async def ticked(process: Process) -> Tick:
    """One tick, done and logged. Raises what `tick` raises."""
    done = await tick(timedelta(minutes=process.settings.sort_every_minutes), process)
    for problem in chain.from_iterable(done.problems.values()):
        log("WARNING", "tick failed for an organisation", **problem_facts(problem))
    await _revoke_forgotten(process)
    return done


async def _answer_doctor(request: Request, process: Process) -> Response:
    if request.method != "GET":
        return Response(status_code=405)
    await _from_the_job(request, process, process.settings.label_tick_url)
    return JSONResponse(as_json(await inside_findings(process)))


async def _revoke_forgotten(process: Process) -> None:
    """What cannot be revoked now is tried by the next tick: the tick's own work is done."""
    try:
        problems = await revoke_forgotten(process)
    except Upstream as vault_problem:
        problems = [vault_problem]
    for problem in problems:
        log("WARNING", "not revoked yet", **problem_facts(problem))


async def answer_mailbox(request: Request, process: Process) -> Response:
    """Sort one mailbox's mail, or that of several together, or tell what would be sorted.

    One mailbox's trouble is answered 200, its reason kept with the mailbox: any other status would slow the whole queue down. Only
    what keeps the job itself from working (the store, most of all) is answered so that the task comes again.
    """
    if request.method != "POST":
        return Response(status_code=405)
    await _from_the_job(request, process, process.settings.label_mailbox_url)
    work = _work_of(json_of(await body_of(request)))
    try:
        return JSONResponse(await _done(work, process))
    except MailMagnetError as error:
        return JSONResponse(_as_done(error))


async def _done(work: _Work | _WorkTogether, process: Process) -> Mapping[str, Any]:
    if isinstance(work, _WorkTogether):
        return {"mailboxes": await _sorted_together(work.org, work.users, work.tick, process)}
    requester.set(names(work.org, work.user, process.settings.log_key.get_secret_value()))
    if work.dry_run:
        return run_as_json(await plan_labels(work.org, work.user, process))
    if count := work.preview:
        counting = PreviewTask(work.org, work.user, count.begun, count.days, count.looked_at, count.failures)
        return await _counted(counting, process)
    if back := work.take_back:
        return await _taken_back(TakeBackTask(work.org, work.user, back.asked, back.since, back.failures), process)
    return run_as_json(await _sorted(work.org, work.user, work.tick, process))


async def work_on(task: Task, process: Process) -> None:
    """A task of a queue in this process. Raises what keeps the job itself from working: then it is to be tried again."""
    if isinstance(task, MailboxesTask):
        await _sorted_together(task.org, [user for user, _ in task.slots], task.tick, process)
        return
    requester.set(names(task.org, task.user, process.settings.log_key.get_secret_value()))
    try:
        if isinstance(task, PreviewTask):
            await _counted(task, process)
        elif isinstance(task, TakeBackTask):
            await _taken_back(task, process)
        else:
            await _sorted(task.org, task.user, task.tick, process)
    except MailMagnetError as error:
        _as_done(error)


async def _sorted_together(org: str, users: Sequence[str], at_tick: datetime, process: Process) -> Mapping[str, Any]:
    """Several mailboxes' mail, sorted side by side, and what came of each. One's trouble is its own.

    What keeps the job itself from working is raised when all others are done: then the task comes again.
    """
    pool = PooledSenders(process.crm_client_of(await chosen_crm(org, process)), users)

    async def one(user: str) -> Mapping[str, Any]:
        requester.set(names(org, user, process.settings.log_key.get_secret_value()))
        try:
            return run_as_json(await _sorted(org, user, at_tick, process, pool))
        except MailMagnetError as error:
            return _as_done(error)
        finally:
            pool.is_over(user)

    done = await asyncio.gather(*map(one, users), return_exceptions=True)
    for each in done:
        if isinstance(each, BaseException):
            raise each
    return dict(zip(users, done, strict=True))


async def _sorted(org: str, user: str, at_tick: datetime | None, process: Process, pool: PooledSenders | None = None) -> LabelRun:
    done = await label_mail(org, user, process, at_tick, pool)
    counts = {category.value: number for category, number in done.sorted.items()}
    facts = {"looked_at": done.looked_at, "remaining": done.remaining, "units": done.units, "crm_calls": done.crm_calls}
    log("INFO", "sorted", **facts, passed_over=sum(done.passed_over.values()), **counts)
    if done.notice_due:
        await _notify(org, user, done, process)
    return done


async def _notify(org: str, user: str, done: LabelRun, process: Process) -> None:
    """The run is done whatever becomes of the notice."""
    try:
        if await notify(org, user, done.new, process):
            log("INFO", "told of new mail", mails=sum(done.new.values()))
    except MailMagnetError as problem:
        log("WARNING", "not told of new mail", **problem_facts(problem))
    except Exception as error:  # nobody foresaw it: its text could hold what was to be told
        log_unforeseen("not told of new mail", error)


async def _counted(task: PreviewTask, process: Process) -> Mapping[str, Any]:
    """A preview's next mails. What failed is tried again by another task: this one is done."""
    counted = await count_mail(task, process)
    if counted.problem:
        log("WARNING", "not counted", failures=task.failures + 1, **problem_facts(counted.problem))
    preview = counted.preview
    counts = {"looked_at": preview.looked_at, "of": preview.mails} if preview else {"looked_at": 0, "of": 0}
    log("INFO", "counted", **counts)
    return counts


async def _taken_back(task: TakeBackTask, process: Process) -> Mapping[str, Any]:
    """What runs have moved, put back. What failed is tried again by another task: this one is done."""
    done = await take_back_by_task(task, process)
    mails, problem = (done.mails, done.problem) if done else (0, "tried again")
    facts: dict[str, str | int] = {"mails": mails, "problem": problem}
    log("WARNING" if problem else "INFO", "taken back", failures=task.failures, **facts)
    return facts


def _as_done(error: MailMagnetError) -> Mapping[str, Any]:
    """What Cloud Tasks hears of an error that asking again would not mend: 200, and why. Raises every other error."""
    match error:
        case MailboxFailed():
            log("WARNING", "not sorted", mailbox=error.reason, who=error.who, failures=error.failures, **_cause(error))
            return _failed_as_json(error)
        case Paused():
            return {"paused": True}
        case Forbidden() | NotFound():
            return {"off": True}
        case LeaseTaken() | LeaseLost():
            return {"busy": True}
        case NotAuthorised() | NotPermitted():
            # Nothing changes until somebody gives consent or permission.
            reference = new_reference()
            log("WARNING", "refused", reference=reference, **problem_facts(error))
            return {"error": str(error), "reference": reference}
    raise error


def _failed_as_json(failed: MailboxFailed) -> Mapping[str, Any]:
    """Why a run failed; with `retry_after` the seconds after which a person may ask for it again."""
    cause = failed.__cause__
    facts = {"failed": failed.reason, "who": failed.who, "failures": failed.failures, "error": failed.why}
    return {**facts, "retry_after": ceil(cause.retry_after)} if isinstance(cause, RateLimited) else facts


def _cause(failed: MailboxFailed) -> Mapping[str, str]:
    """What failed, as far as a log may say it."""
    cause = failed.__cause__
    if isinstance(cause, MailMagnetError):
        return problem_facts(cause)
    return {"error": type(cause).__name__, "where": where(cause)} if cause else {}


async def _from_the_job(request: Request, process: Process, url: str) -> None:
    if not process.settings.job_service_account:
        raise Forbidden("on one machine nobody calls the job from outside")
    authorization = request.headers.get("authorization", "")
    await process.verifier.caller(authorization, audience=url, service_account=process.settings.job_service_account)


def _work_of(body: Any) -> _Work | _WorkTogether:
    try:
        return _WorkTogether.model_validate(body) if isinstance(body, dict) and "users" in body else _Work.model_validate(body)
    except ValidationError as error:
        problem = error.errors()[0]
        raise BadRequest(f"{'.'.join(str(step) for step in problem['loc']) or 'the body'}: {problem['msg']}") from None


def run_as_json(run: LabelRun) -> Mapping[str, Any]:
    """A run's counts, with the labels' names, the highest first; a dry run's moves with their reasons beside them."""
    counts = {
        "dry": run.dry,
        "looked_at": run.looked_at,
        "remaining": run.remaining,
        "units": run.units,
        "crm_calls": run.crm_calls,
        "passed_over": dict(run.passed_over),
        "sorted": {category.value: number for category, number in run.sorted.items()},
        "labels": {category.value: category.label for category in Category},
    }
    return {**counts, "moves": [_move_as_json(move) for move in run.moves]} if run.dry else counts


def _move_as_json(move: Move) -> Mapping[str, Any]:
    deal = move.decision.because
    return {
        "mail_id": move.mail_id,
        "from_address": move.from_address,
        "category": move.decision.category.value,
        "label": move.decision.category.label,
        "because": deal.name,
        "won": deal.state is DealState.WON,
        "closing": deal.closing.isoformat() if deal.closing else None,
        "in_inbox": move.in_inbox,
    }
