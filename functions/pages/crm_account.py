"""The page `crm-account`: an admin's way to the CRM's own consent, by which its whole account is connected for the organisation."""

import asyncio
from datetime import datetime

from starlette.responses import Response

from functions.log import log_problems
from functions.pages.crm_consent import CLOSE, to_crm
from functions.pages.html import page_response, small
from functions.pages.visit import FromCrm, Visit
from functions.wiring import Process
from mailmagnet.caller import Caller
from mailmagnet.choose_crm import chosen_crm
from mailmagnet.crm_account import connect_account
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import AccountSignIn
from mailmagnet.errors import BadRequest
from mailmagnet.identity import Identity
from mailmagnet.permission import check_admin


async def answer(visit: Visit) -> Response:
    """On to the CRM. Raises Forbidden unless the visitor is an admin now, and what the CRM, the store and the vault raise."""
    await _check_admin(visit.identity, visit.now, visit.process)
    crm = await chosen_crm(visit.identity.org, visit.process)
    sign_in = visit.process.crm_sign_in_of(crm)
    if not isinstance(sign_in, AccountSignIn):
        raise BadRequest("this CRM has no link of an account")
    return to_crm(visit, crm, sign_in)


async def connected(crm: CrmChoice, came: FromCrm) -> Response:
    """Back from there. Whoever began this may be no admin any more."""
    await _check_admin(came.identity, came.now, came.process)
    link, problem = await connect_account(came.identity, crm, came.answer, came.state.verifier, came.process)
    name = came.process.crm_sign_in_of(crm).name
    left = (
        f"The account that was connected before could not be told: take MailMagnet’s access back in its settings in {name}."
        if problem
        else ""
    )
    return page_response(
        f"{name} is connected",
        f"The account {link.name}, for everybody in your organisation whom you let in.",
        "Until you say in the panel who that is, nobody sees anything.",
        *([left, small(f"Reference {log_problems(problem)}")] if problem else []),
        CLOSE,
        closes=not problem,
    )


async def _check_admin(identity: Identity, now: datetime, process: Process) -> None:
    by = asyncio.get_running_loop().time() + process.settings.answer_seconds
    await check_admin(Caller(identity, now, by), process)
