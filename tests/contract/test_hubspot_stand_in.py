"""The stand-in for HubSpot, held against HubSpot's own description of its API, and against what its public reference says in words.

The description is that of the version before, 2026-03, as HubSpot's own client `hubspot-sdk` has it; what we ask for is the same in both.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Required, get_origin, get_type_hints
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from hubspot_sdk import BaseModel
from hubspot_sdk.types import auth, crm, settings
from hubspot_sdk.types.account import PortalInformationResponse
from hubspot_sdk.types.crm.associations import batch_get_params
from hubspot_sdk.types.crm.objects import contact_get_params, contact_search_params
from hubspot_sdk.types.crm.objects import contacts as contact_batches
from pydantic import ValidationError

from sandbox.crms.hubspot.server import HubSpot
from sandbox.crms.hubspot.sign_in import SCOPES, App
from tests.contract.crm_world import ADA, KIM, NOON, OLD, crm_world

BACK = "https://pages.example/crm"
APP = App("client-id", "client-secret", (BACK,))
OBJECTS, ASSOCIATIONS = "/crm/objects/2026-09", "/crm/associations/2026-09"
HENRIETTA = "h.lovell@analytical.example"


class Desk:
    """The stand-in, and a program that asks it."""

    def __init__(self, hubspot: HubSpot, session: aiohttp.ClientSession, origin: str) -> None:
        self.hubspot = hubspot
        self.session = session
        self.origin = origin
        self.token: str = hubspot.sign_in.installed(ADA)["access_token"]
        self.now = NOON

    async def ask(self, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        """A question's status and answer: GET without a body."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.session.request(
            "GET" if body is None else "POST", self.origin + path, json=body, params=query, headers=headers
        ) as answer:
            return answer.status, await answer.json()

    async def post(self, path: str, **form: str) -> tuple[int, Any]:
        client = {"client_id": APP.client_id, "client_secret": APP.client_secret}
        async with self.session.post(self.origin + path, data={**client, **form}) as answer:
            return answer.status, await answer.json()

    def id_of(self, key: str) -> str:
        return self.hubspot.portal.ids[key]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    clocks: list[Desk] = []
    hubspot = HubSpot(crm_world(), APP, lambda: clocks[0].now if clocks else NOON)
    async with TestServer(hubspot.application()) as server, aiohttp.ClientSession() as session:
        clocks.append(Desk(hubspot, session, str(server.make_url("")).rstrip("/")))
        yield clocks[0]


def _search(**more: Any) -> dict[str, Any]:
    filters = [{"propertyName": "hs_additional_emails", "operator": "IN", "values": ["henrietta@home.example"]}]
    return {"limit": 10, "properties": ["email"], "filterGroups": [{"filters": filters}], **more}


# Against HubSpot's own description


def _faults(model: type[BaseModel], answer: Any) -> list[str]:
    """What is wrong with an answer, by HubSpot's description: missing, of another type, or not described at all. A property without a
    value is null, which the description leaves out."""
    try:
        read = model.model_validate(_without_nulls(answer))
    except ValidationError as wrong:
        return [f"{fault['loc']}: {fault['msg']}" for fault in wrong.errors()]
    return _undescribed(read, model.__name__)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def _undescribed(read: Any, at: str) -> list[str]:
    if isinstance(read, list):
        return [fault for number, each in enumerate(read) for fault in _undescribed(each, f"{at}[{number}]")]
    if not isinstance(read, BaseModel):
        return []
    inner = [fault for name in type(read).model_fields for fault in _undescribed(getattr(read, name), f"{at}.{name}")]
    return [*(f"{at}: there is no field {name}" for name in read.model_extra or ()), *inner]


async def test_every_answer_is_as_hubspot_describes_it(desk: Desk) -> None:
    portal = desk.hubspot.portal
    portal.put_in_teams(ADA, ["Sales"])
    henrietta, jonas = desk.id_of("contact henrietta"), desk.id_of("contact jonas")
    batch: dict[str, Any] = {"properties": ["email", "jobtitle"], "idProperty": "email", "inputs": [{"id": HENRIETTA}]}
    both = {"inputs": [{"id": henrietta}, {"id": jonas}]}
    for model, (status, answer) in (
        (crm.BatchResponseSimplePublicObject, await desk.ask(f"{OBJECTS}/contacts/batch/read", batch)),
        (
            crm.SimplePublicObjectWithAssociations,
            await desk.ask(
                f"{OBJECTS}/contacts/{HENRIETTA}",
                idProperty="email",
                properties="email,jobtitle",
                associations="deals,companies,notes,calls",
            ),
        ),
        (crm.CollectionResponseWithTotalSimplePublicObject, await desk.ask(f"{OBJECTS}/contacts/search", _search())),
        (
            crm.BatchResponsePublicAssociationMultiWithLabel,
            await desk.ask(f"{ASSOCIATIONS}/contacts/companies/batch/read", both),
        ),
        (crm.CollectionResponsePublicOwnerForwardPaging, await desk.ask("/crm/owners/2026-09", limit="2")),
        (crm.CollectionResponsePublicOwnerForwardPaging, await desk.ask("/crm/owners/2026-09", archived="true")),
        (crm.CollectionResponsePipelineNoPaging, await desk.ask("/crm/pipelines/2026-09/deals")),
        (PortalInformationResponse, await desk.ask("/account-info/2026-09/details")),
        (
            settings.CollectionResponseExchangeRateNoPaging,
            await desk.ask("/settings/currencies/2026-09/exchange-rates/current"),
        ),
        (settings.CollectionResponseCurrencyCodeInfoNoPaging, await desk.ask("/settings/currencies/2026-09/codes")),
        (
            settings.CollectionResponsePublicUserForwardPaging,
            await desk.ask("/settings/users/2026-09"),
        ),
        (auth.AccessTokenResponse, (200, desk.hubspot.sign_in.installed(ADA))),
        (
            auth.PublicAccessTokenInfoResponse,
            await desk.post("/oauth/2026-03/token/introspect", token=desk.token, token_type_hint="access_token"),
        ),
    ):
        assert status == 200, model
        assert _faults(model, answer) == []


async def test_a_wrong_field_in_an_answer_would_be_seen(desk: Desk) -> None:
    _, owners = await desk.ask("/crm/owners/2026-09")
    owners["results"][0]["userID"] = owners["results"][0].pop("userId")
    assert _faults(crm.CollectionResponsePublicOwnerForwardPaging, owners) == [
        "CollectionResponsePublicOwnerForwardPaging.results[0]: there is no field userID"
    ]
    _, found = await desk.ask(f"{OBJECTS}/contacts/search", _search())
    del found["total"]
    assert _faults(crm.CollectionResponseWithTotalSimplePublicObject, found)


def test_every_field_of_a_question_is_one_of_hubspots() -> None:
    """What the stand-in takes is described: names as they go over the wire."""

    def over_the_wire(name: str, hint: Any) -> str:
        """A name of Python's, or the one that the description gives beside its type."""
        inner = hint.__args__[0] if get_origin(hint) is Required else hint
        return next((each.alias for each in getattr(inner, "__metadata__", ()) if getattr(each, "alias", None)), name)

    def fields(params: Any) -> set[str]:
        return {over_the_wire(name, hint) for name, hint in get_type_hints(params, include_extras=True).items()}

    assert {"inputs", "properties", "idProperty"} <= fields(contact_batches.batch_get_params.BatchGetParams)
    assert {"limit", "properties", "filterGroups", "query", "after"} <= fields(contact_search_params.ContactSearchParams)
    assert {"propertyName", "operator", "value", "values", "highValue"} == fields(crm.CrmFilterParam)
    assert {"properties", "associations", "idProperty"} <= fields(contact_get_params.ContactGetParams)
    assert {"inputs"} <= fields(batch_get_params.BatchGetParams)
    assert {"limit", "archived", "after"} <= fields(crm.OwnerListParams)
    assert {"token", "token_type_hint", "client_id", "client_secret"} == fields(auth.OAuthIntrospectTokenParams)
    assert {"grant_type", "code", "code_verifier", "redirect_uri", "refresh_token"} <= fields(auth.OAuthCreateTokenParams)


# Against the reference's words. CRM search, "Limits" and "Filter search results"


async def test_a_search_has_hubspots_limits(desk: Desk) -> None:
    one = _search()["filterGroups"][0]["filters"][0]
    for wrong in (
        _search(limit=201),
        _search(limit=0),
        _search(after="9995"),
        _search(after=20),
        _search(filterGroups=[{"filters": [one]}] * 6),
        _search(filterGroups=[{"filters": [one] * 7}]),
        _search(filterGroups=[{"filters": [one] * 6}] * 3 + [{"filters": [one]}]),
        _search(filterGroups=[{"filters": [{**one, "values": ["x" * 3000]}]}]),
        _search(sorts=["email"]),
        _search(properties=["favourite_food"]),
        _search(filterGroups=[{"filters": [{**one, "operator": "EQ"}]}]),
        _search(filterGroups=[{"filters": [{"propertyName": "email", "operator": "IN", "values": ["a"]}]}]),
        {"limit": 10, "properties": []},
    ):
        status, answer = await desk.ask(f"{OBJECTS}/contacts/search", wrong)
        assert (status, answer["status"], answer["category"]) == (400, "error", "VALIDATION_ERROR")
        assert "correlationId" in answer
        desk.hubspot.limits.__init__()  # type: ignore[misc]  # a second passes
    assert (await desk.ask(f"{OBJECTS}/contacts/search", _search(filterGroups=[{"filters": [one] * 6}] * 3)))[0] == 200


async def test_five_searches_a_second_are_answered_for_the_whole_account(desk: Desk) -> None:
    answers = [await desk.ask(f"{OBJECTS}/contacts/search", _search()) for _ in range(6)]
    assert [status for status, _ in answers] == [200] * 5 + [429]
    assert answers[5][1]["policyName"] == "SECONDLY"
    assert answers[5][1]["errorType"] == "RATE_LIMIT"


async def test_a_multiple_choice_is_found_by_each_of_its_values_in_their_own_case(desk: Desk) -> None:
    for values, found in ((["henrietta@home.example"], 1), (["Henrietta@home.example"], 0), (["h.lovell@analytical.example"], 0)):
        filters = [{"propertyName": "hs_additional_emails", "operator": "IN", "values": values}]
        _, answer = await desk.ask(f"{OBJECTS}/contacts/search", _search(filterGroups=[{"filters": filters}]))
        assert answer["total"] == found


async def test_a_texts_values_are_in_lower_case_and_a_star_stands_for_anything(desk: Desk) -> None:
    for condition, status, found in (
        ({"operator": "IN", "values": ["analytical.example"]}, 200, 3),
        ({"operator": "IN", "values": ["Analytical.example"]}, 400, None),
        ({"operator": "CONTAINS_TOKEN", "value": "*.xn--lm-xka.example"}, 200, 1),
        ({"operator": "CONTAINS_TOKEN", "value": "xn--lm-xka.example"}, 200, 0),
    ):
        filters = [{"propertyName": "hs_email_domain", **condition}]
        got, answer = await desk.ask(f"{OBJECTS}/contacts/search", _search(filterGroups=[{"filters": filters}]))
        assert (got, answer.get("total")) == (status, found)


async def test_more_than_a_page_is_found_with_the_cursor(desk: Desk) -> None:
    filters = [{"propertyName": "hs_email_domain", "operator": "IN", "values": ["crowd.example"]}]
    seen: list[str] = []
    after: dict[str, Any] = {}
    for _ in range(3):
        _, answer = await desk.ask(f"{OBJECTS}/contacts/search", _search(limit=5, filterGroups=[{"filters": filters}], **after))
        seen += [result["id"] for result in answer["results"]]
        assert answer["total"] == 12
        after = {"after": answer["paging"]["next"]["after"]} if "paging" in answer else {}
    assert (len(set(seen)), after) == (12, {})


# CRM API, contacts: "Retrieve a batch of contacts"; error handling: 207, categories


async def test_a_batch_finds_contacts_by_their_main_address_and_tells_whom_it_did_not_find(desk: Desk) -> None:
    inputs = [{"id": HENRIETTA.upper()}, {"id": "henrietta@home.example"}, {"id": "nobody@nowhere.example"}]
    body = {"properties": ["email", "phone"], "idProperty": "email", "inputs": inputs}
    status, answer = await desk.ask(f"{OBJECTS}/contacts/batch/read", body)
    assert status == 207
    assert [result["properties"]["email"] for result in answer["results"]] == [HENRIETTA]
    assert answer["errors"][0]["context"]["ids"] == ["henrietta@home.example", "nobody@nowhere.example"]
    desk.hubspot.questions.finds_second_addresses = True
    _, answer = await desk.ask(f"{OBJECTS}/contacts/batch/read", body)
    assert len(answer["results"]) == 1
    assert answer["errors"][0]["context"]["ids"] == ["nobody@nowhere.example"]
    for wrong in (
        {**body, "inputs": [{"id": f"a{n}@x.example"} for n in range(101)]},
        {**body, "inputs": []},
        {**body, "idProperty": "phone"},
        {**body, "associations": ["deals"]},
        {"properties": ["email"], "inputs": [{"id": HENRIETTA}]},
    ):
        assert (await desk.ask(f"{OBJECTS}/contacts/batch/read", wrong))[0] == 400


async def test_a_property_without_a_value_is_null(desk: Desk) -> None:
    _, answer = await desk.ask(f"{OBJECTS}/contacts/{desk.id_of('contact jonas')}", properties="phone")
    assert answer["properties"]["phone"] is None


async def test_an_address_belongs_to_one_contact(desk: Desk) -> None:
    _, answer = await desk.ask(f"{OBJECTS}/contacts/{desk.id_of('contact petra')}", properties="email,hs_additional_emails")
    assert answer["properties"]["email"] == "petra@analytical.example"
    assert answer["properties"]["hs_additional_emails"] is None


# Associate records


async def test_associations_come_by_page_and_who_has_none_is_told(desk: Desk) -> None:
    portal = desk.hubspot.portal
    pilot, sam = desk.id_of("deal pilot"), desk.id_of("contact sam")
    body = {"inputs": [{"id": pilot}, {"id": desk.id_of("deal crowd")}]}
    status, answer = await desk.ask(f"{ASSOCIATIONS}/deals/contacts/batch/read", body)
    assert status == 200
    assert answer["results"][0]["to"] == [
        {
            "toObjectId": desk.id_of("contact petra"),
            "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": 3, "label": None}],
        }
    ]
    portal.associate("deal pilot", "contact sam", "Decision maker")
    _, answer = await desk.ask(f"{ASSOCIATIONS}/deals/contacts/batch/read", body)
    assert [each["toObjectId"] for each in answer["results"][0]["to"]] == [desk.id_of("contact petra"), sam]
    status, answer = await desk.ask(f"{ASSOCIATIONS}/contacts/calls/batch/read", {"inputs": [{"id": sam}]})
    assert (status, answer["errors"][0]["subCategory"]) == (207, "crm.associations.NO_ASSOCIATIONS_FOUND")
    assert (await desk.ask(f"{ASSOCIATIONS}/contacts/deals/batch/read", {"inputs": [{"id": "1"}] * 1001}))[0] == 400


# Owners; pipelines; OAuth: tokens last half an hour, errors are OAuth's own


async def test_owners_of_deactivated_users_are_asked_for_apart(desk: Desk) -> None:
    _, active = await desk.ask("/crm/owners/2026-09", limit="500")
    _, archived = await desk.ask("/crm/owners/2026-09", limit="500", archived="true")
    assert OLD not in {owner["email"] for owner in active["results"]}
    (old,) = archived["results"]
    assert (old["email"], old["userId"], old["archived"]) == (OLD, None, True)
    assert old["userIdIncludingInactive"]


async def test_stages_say_whether_they_are_closed_and_won(desk: Desk) -> None:
    _, answer = await desk.ask("/crm/pipelines/2026-09/deals")
    by_label = {stage["label"]: stage["metadata"] for pipeline in answer["results"] for stage in pipeline["stages"]}
    assert by_label["Won over"]["isClosed"] == "false"
    assert by_label["Signed"] == {"isClosed": "true", "probability": "1.0"}
    assert by_label["Gone quiet"] == {"isClosed": "true", "probability": "0.0"}


async def test_a_super_admin_connects_the_account_once_with_a_code(desk: Desk) -> None:
    asked = {"client_id": APP.client_id, "redirect_uri": BACK, "scope": " ".join(SCOPES), "state": "s 1"}
    url = f"{desk.origin}/oauth/authorize"

    async def answered(email: str, step: str) -> str:
        async with desk.session.get(url, params=asked) as page:
            visit = (await page.text()).split('name="visit" value="')[1].split('"')[0]
        form = {"visit": visit, "user": email, "step": step}
        async with desk.session.post(url, data=form, allow_redirects=False) as answer:
            return answer.headers.get("Location") or await answer.text()

    assert "only a super admin" in await answered(KIM, "allow")
    assert parse_qs(urlsplit(await answered(ADA, "cancel")).query)["error"] == ["access_denied"]
    sent_back = parse_qs(urlsplit(await answered(ADA, "allow")).query)
    assert sent_back["state"] == ["s 1"]
    form = {"grant_type": "authorization_code", "code": sent_back["code"][0], "redirect_uri": BACK}
    status, tokens = await desk.post("/oauth/2026-03/token", **form)
    assert (status, tokens["expires_in"], tokens["hub_id"]) == (200, 1800, desk.hubspot.portal.id)
    status, refused = await desk.post("/oauth/2026-03/token", **form)
    assert (status, refused["error"], refused["status"]) == (400, "invalid_grant", "BAD_AUTH_CODE")
    renewing = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    _, renewed = await desk.post("/oauth/2026-03/token", **renewing)
    assert renewed["refresh_token"] == tokens["refresh_token"]
    assert renewed["access_token"] != tokens["access_token"]
    assert (await desk.post("/oauth/2026-03/token/revoke", token=tokens["refresh_token"]))[0] == 200
    status, refused = await desk.post("/oauth/2026-03/token", **renewing)
    assert (status, refused["status"]) == (400, "BAD_REFRESH_TOKEN")
    async with desk.session.get(url, params={**asked, "redirect_uri": "https://evil.example/"}, allow_redirects=False) as page:
        assert page.status == 400


async def test_what_is_wrong_with_a_token_is_told(desk: Desk) -> None:
    desk.now = NOON + timedelta(seconds=1807)
    status, answer = await desk.ask("/account-info/2026-09/details")
    assert (status, answer["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert "expired 7 second(s) ago" in answer["message"]
    desk.token = "no token"
    status, answer = await desk.ask("/account-info/2026-09/details")
    assert (status, answer["category"]) == (401, "INVALID_AUTHENTICATION")
    desk.token = desk.hubspot.sign_in.installed(ADA)["access_token"]
    desk.hubspot.sign_in.narrow(["oauth"])
    status, answer = await desk.ask("/crm/owners/2026-09")
    assert (status, answer["category"]) == (403, "MISSING_SCOPES")
    assert answer["errors"][0]["context"] == {"requiredGranularScopes": ["crm.objects.owners.read"]}


# Usage guidelines


async def test_the_limits_are_in_the_headers_but_not_in_a_searchs(desk: Desk) -> None:
    headers = {"Authorization": f"Bearer {desk.token}"}
    async with desk.session.get(f"{desk.origin}/crm/owners/2026-09", headers=headers) as answer:
        assert answer.headers["X-HubSpot-RateLimit-Daily"] == "650000"
        assert answer.headers["X-HubSpot-RateLimit-Daily-Remaining"] == "649999"
        assert answer.headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
    async with desk.session.post(f"{desk.origin}{OBJECTS}/contacts/search", json=_search(), headers=headers) as answer:
        assert not [name for name in answer.headers if name.startswith("X-HubSpot-RateLimit")]
    desk.hubspot.limits.in_ten_seconds = 3
    assert [(await desk.ask("/crm/owners/2026-09"))[0] for _ in range(2)] == [200, 429]
    desk.hubspot.limits.a_day = desk.hubspot.limits.today
    assert (await desk.ask("/crm/owners/2026-09"))[1]["policyName"] == "DAILY"


async def test_a_days_beginning_is_midnight_where_the_account_is(desk: Desk) -> None:
    _, answer = await desk.ask(f"{OBJECTS}/deals/{desk.id_of('deal renewal')}", properties="closedate,amount")
    assert datetime.fromisoformat(answer["properties"]["closedate"]) == datetime(2026, 11, 29, 23, 0, tzinfo=UTC)
    assert answer["properties"]["amount"] == "12345678901234568"
