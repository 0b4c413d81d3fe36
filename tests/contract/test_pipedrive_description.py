"""The stand-in for Pipedrive against what Pipedrive itself publishes: its own client, with the types of its API's answers (npm).

What MailMagnet asks the stand-in is asked once more by Pipedrive's client, which sends no parameter that the API does not have; and every
answer is held against the type that this client gives it, by TypeScript, which takes no field that the type does not have.
"""

import asyncio
import json
import subprocess
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from mailmagnet.crm import Module
from sandbox.crms.pipedrive.questions import question_of
from sandbox.crms.pipedrive.server import Seen
from tests.contract.crm_installed import looked_up
from tests.contract.crm_world import ADA
from tests.contract.pipedrive_world import PipedriveWorld, pipedrive_world
from tests.npm_packages import npm_packages

FOLDER = Path(__file__).with_name("pipedrive")
SECONDS = 120

_ITEMS = {
    "person": "v2.GetPersonSearchResponseAllOfDataItemsInnerItem",
    "organization": "v2.GetOrganizationSearchResponseAllOfDataItemsInnerItem",
    "deal": "v2.GetDealSearchResponseAllOfDataItemsInnerItem",
    "lead": "v1.LeadSearchItemItem",
}
"""What a search finds is an object without a type in its answer; each kind's own search has one."""
_OF = {
    "itemSearch": ("v2", "ItemSearchApi", "searchItem", "GetItemSearchResponse"),
    "persons": ("v2", "PersonsApi", "getPersons", "GetPersonsResponse"),
    "person": ("v2", "PersonsApi", "getPerson", "UpsertPersonResponse"),
    "organizations": ("v2", "OrganizationsApi", "getOrganizations", "GetOrganizationsResponse"),
    "organization": ("v2", "OrganizationsApi", "getOrganization", "UpsertOrganizationResponse"),
    "deals": ("v2", "DealsApi", "getDeals", "GetDealsResponse"),
    "deal": ("v2", "DealsApi", "getDeal", "UpsertDealResponse"),
    "activities": ("v2", "ActivitiesApi", "getActivities", "GetActivitiesResponse"),
    "pipelines": ("v2", "PipelinesApi", "getPipelines", "GetPipelinesResponse"),
    "stages": ("v2", "StagesApi", "getStages", "GetStagesResponse"),
    "users": ("v1", "UsersApi", "getUsers", "GetUsersResponse"),
    "me": ("v1", "UsersApi", "getCurrentUser", "GetCurrentUserResponse"),
    "notes": ("v1", "NotesApi", "getNotes", "GetNotesResponse"),
    "lead": ("v1", "LeadsApi", "getLead", "GetLeadResponse"),
}
"""For each form of question: the version, the client's class and method, and the answer's type."""


async def test_everything_that_is_asked_is_known_to_pipedrives_own_client_and_every_answer_is_of_its_type() -> None:
    async with pipedrive_world() as world:
        await _ask_everything(world)
        seen = list(world.pipedrive.seen)
        assert {call.question for call in seen} == set(_OF)
        assert all(call.status == 200 for call in seen)
        world.pipedrive.seen.clear()
        token = world.pipedrive.sign_in.issued_for(ADA)["access_token"]
        await _asked_by_pipedrives_client(world.http.origin, token, seen)
        assert [_as_a_set(call.target) for call in world.pipedrive.seen] == [_as_a_set(call.target) for call in seen]
    assert await asyncio.to_thread(_complaints, _typed(seen)) == ""


@pytest.mark.parametrize(
    ("question", "was", "wrong"), [("deals", "title", "tittle"), ("persons", "primary", "main"), ("lead", "owner_id", "owner")]
)
async def test_a_wrong_field_is_not_of_the_type(question: str, was: str, wrong: str) -> None:
    async with pipedrive_world() as world:
        await _ask_everything(world)
        call = next(call for call in world.pipedrive.seen if call.question == question and f'"{was}"' in json.dumps(call.answer))
    assert f"'\"{wrong}\"' does not exist" in await asyncio.to_thread(
        _complaints, _typed([call]).replace(f'"{was}":', f'"{wrong}":')
    )


async def test_a_parameter_that_pipedrive_does_not_have_does_not_reach_it() -> None:
    async with pipedrive_world() as world:
        token = world.pipedrive.sign_in.issued_for(ADA)["access_token"]
        await _asked_by_pipedrives_client(
            world.http.origin, token, [Seen("deals", "/api/v2/deals?person=1001&limit=3", 200, None)]
        )
        assert [call.target for call in world.pipedrive.seen] == ["/api/v2/deals?limit=3"]


async def _ask_everything(world: PipedriveWorld) -> None:
    """Every question that the client has, at least once; none of them with a turn of the gate to be waited for."""
    ada = world.as_user(ADA)
    await looked_up(ada, ["h.lovell@analytical.example"], ["crowd.example"], ["sam@shaw.example"])
    of_four_companies = ("office@analytical.example", "grace@hopfield.example", "uli@mail.xn--lm-xka.example", "m0@crowd.example")
    await ada.senders(["lea@home.example", *of_four_companies])
    await ada.contact(world.id_of("contact henrietta"))
    await ada.account(world.id_of("account analytical"))
    await ada.lead(world.id_of("lead lea"))
    await ada.deal(world.id_of("deal renewal"))
    for module, key in ((Module.DEALS, "deal renewal"), (Module.ACCOUNTS, "account analytical")):
        await ada.record_people(module, world.id_of(key))
    await ada.search("analytical", 10)
    await ada.search("lund", 10)
    await ada.deals_closing(date(2026, 11, 1), date(2026, 11, 30))
    await ada.administrators()


async def _asked_by_pipedrives_client(origin: str, token: str, calls: Iterable[Seen]) -> None:
    questions = [_question(call) for call in calls]
    asked = json.dumps({"origin": origin, "token": token, "questions": questions})
    await asyncio.to_thread(npm_packages, FOLDER)
    process = await asyncio.create_subprocess_exec("node", "ask.cjs", cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    async with asyncio.timeout(SECONDS):
        out, _ = await process.communicate(asked.encode())
    assert json.loads(out) == []


def _question(call: Seen) -> dict[str, Any]:
    version, api, method, _ = _OF[call.question]
    parts = urlsplit(call.target)
    _, record_id = question_of(parts.path)
    params = dict(parse_qsl(parts.query, keep_blank_values=True)) | ({"id": record_id} if record_id else {})
    return {"version": version, "api": api, "method": method, "params": params}


def _as_a_set(target: str) -> tuple[str, frozenset[tuple[str, str]]]:
    parts = urlsplit(target)
    return parts.path, frozenset(parse_qsl(parts.query, keep_blank_values=True))


def _typed(calls: Iterable[Seen]) -> str:
    """A TypeScript program of the answers, each said to be of its type."""
    lines = ['import { v1, v2 } from "pipedrive";']
    for number, call in enumerate(calls):
        version, _, _, kind = _OF[call.question]
        lines.append(f"export const answer{number}: {version}.{kind} = {json.dumps(call.answer)};")
        if call.question == "itemSearch":
            data = call.answer["data"]  # type: ignore[index]  # as the line above has it
            for place, found in enumerate([*data["items"], *data.get("related_items", [])]):
                item = found["item"]
                lines.append(f"export const item{number}_{place}: {_ITEMS[item['type']]} = {json.dumps(item)};")
    return "\n".join(lines)


def _complaints(program: str) -> str:
    """What TypeScript says of it, "" for nothing. A field may be null: the types say nothing of that."""
    modules = npm_packages(FOLDER)
    flags = ["--noEmit", "--strictNullChecks", "false", "--skipLibCheck", "--module", "commonjs", "--moduleResolution", "node10"]
    with NamedTemporaryFile("w", suffix=".ts", dir=modules) as file:
        file.write(program)
        file.flush()
        tsc = [str(modules / ".bin" / "tsc"), *flags, file.name]
        checked = subprocess.run(tsc, cwd=FOLDER, capture_output=True, text=True, timeout=SECONDS, check=False)
    return checked.stdout + checked.stderr
