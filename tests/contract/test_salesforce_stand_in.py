"""The stand-in for Salesforce: as strict and as odd as the reference says the real one is, and its SOQL read as npm's parser reads it."""

import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlsplit

import jwt
import pytest
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from sandbox.crms.salesforce import soql
from sandbox.crms.salesforce.answers import DATA
from sandbox.crms.salesforce.oauth import JWT_BEARER, ClientApp
from sandbox.crms.salesforce.objects import is_id, record_id
from sandbox.crms.salesforce.server import Salesforce
from tests.contract.crm_world import ADA, CONTACTS, KIM, LEADS, NOOR, OLD, USERS, crm_world
from tests.soql_parser import NoSoql, read_soql, texts_of

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
CALLBACK = "https://pages.corp.example/crm/callback"
VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
CLIENT = {"client_id": "the-app", "client_secret": "its-secret"}


class Asking:
    """The stand-in, asked over HTTP."""

    def __init__(self, salesforce: Salesforce, client: "TestClient[Any, Any]") -> None:
        self.salesforce = salesforce
        self.client = client

    def headers(self, email: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.salesforce.token_of(email)}"}

    async def composite(self, email: str, *urls: str) -> list[dict[str, Any]]:
        """The answers to subrequests, in their order."""
        body = {"compositeRequest": [{"method": "GET", "url": url, "referenceId": f"r{n}"} for n, url in enumerate(urls)]}
        async with self.client.post(f"{DATA}/composite", json=body, headers=self.headers(email)) as answer:
            assert answer.status == 200, await answer.text()
            return list((await answer.json())["compositeResponse"])

    async def query(self, question: str, email: str = ADA) -> Any:
        """The records, or the code of the refusal."""
        (answer,) = await self.composite(email, f"{DATA}/query/?q={quote_plus(question)}")
        return answer["body"]["records"] if answer["httpStatusCode"] == 200 else answer["body"][0]["errorCode"]

    async def names(self, question: str, email: str = ADA) -> list[str]:
        return [record["Name"] for record in await self.query(question, email)]

    async def tokens(self, **form: str) -> tuple[int, dict[str, str]]:
        async with self.client.post("/services/oauth2/token", data=form) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def asking() -> AsyncIterator[Asking]:
    salesforce = Salesforce(crm_world(), ClientApp("the-app", "its-secret", (CALLBACK,), PUBLIC))
    async with TestClient(TestServer(salesforce.make_app())) as client:
        yield Asking(salesforce, client)


def test_ids_are_as_salesforces() -> None:
    assert record_id("001", 0) == "0015g0000000000AAA"
    assert is_id("0015g0000000000") and not is_id("0015g000000000") and not is_id("no-such-id")
    assert record_id("003", 61)[:15] == "0035g000000000z"
    assert record_id("00Q", 10)[-3:] == "EAQ"  # of the first five the third is a capital, of the last five the fifth


QUESTIONS = (
    "SELECT Id, Name, Account.Owner.Name FROM Contact WHERE Email IN ('a@b.example', 'o\\'neil@x.example') ORDER BY Name, Id",
    "SELECT Id, (SELECT Id FROM Contacts ORDER BY Name), (SELECT Id, (SELECT ContactId FROM OpportunityContactRoles) "
    "FROM Opportunities WHERE IsClosed = false LIMIT 26) FROM Account WHERE Id IN (SELECT AccountId FROM Contact "
    "WHERE Email LIKE '%@x\\_y.example' OR Email LIKE '%.x\\_y.example')",
    "SELECT Id FROM Opportunity WHERE IsClosed = false AND CloseDate >= 2026-11-01 AND CloseDate <= 2026-11-30 LIMIT 2000",
    "SELECT Id FROM Lead WHERE IsConverted = false AND (Name LIKE '%a\\\\b%' OR Company LIKE '%\\u00e9\\n%')",
)
NO_SOQL = (
    "SELECT Id, FROM Contact",
    "SELECT Id FROM Contact WHERE Email = 'o'neil@x.example'",
    "SELECT Id FROM Contact WHERE Email IN ()",
    "SELECT Id FROM Contact WHERE",
    "SELECT Id FROM Contact LIMIT ten",
    "SELECT Id FROM Contact WHERE Name = 'a\nb'",
    "SELECT Id FROM Contact; DELETE",
    "SELECT Id WHERE Name = 'a' FROM Contact",
)


def test_the_stand_in_reads_what_npms_parser_reads_and_nothing_that_it_does_not() -> None:
    for question, understood in zip(QUESTIONS, read_soql(QUESTIONS), strict=True):
        ours = soql.read(question)
        assert (understood.get("sObject"), understood.get("limit")) == (ours.source, ours.limit)
        fields = [field.get("rawValue", field.get("field")) for field in understood["fields"] if field["type"] != "FieldSubquery"]
        assert fields == list(ours.paths)
    for question in NO_SOQL:
        with pytest.raises(NoSoql):
            read_soql([question])
        with pytest.raises(soql.Refused):
            soql.read(question)


def test_texts_mean_the_same_to_both() -> None:
    (understood,) = read_soql(["SELECT Id FROM Lead WHERE Name IN ('o\\'neil', 'a\\\\b', 'x\\ny', '\\u00e9', '\"')"])
    meant = ["o'neil", "a\\b", "x\ny", "é", '"']
    ours = soql.read("SELECT Id FROM Lead WHERE Name IN ('o\\'neil', 'a\\\\b', 'x\\ny', '\\u00e9', '\"')").where
    assert list(texts_of(understood)) == meant
    assert isinstance(ours, soql.Condition)
    assert ours.value == tuple(meant)
    for wrong in ("'\\q'", "'\\%'", "'\\u12'"):
        with pytest.raises(soql.Refused):
            soql.read(f"SELECT Id FROM Lead WHERE Name = {wrong}")


async def test_a_session_is_asked_for_and_every_answer_says_what_is_left_of_the_day(asking: Asking) -> None:
    for headers in ({}, {"Authorization": "Bearer x"}, asking.headers(OLD), asking.headers("stranger@corp.example")):
        async with asking.client.get(f"{DATA}/connect/organization", headers=headers) as answer:
            assert (answer.status, (await answer.json())[0]["errorCode"]) == (401, "INVALID_SESSION_ID")
    async with asking.client.get(f"{DATA}/connect/organization", headers=asking.headers(ADA)) as answer:
        assert answer.headers["Sforce-Limit-Info"] == "api-usage=1/105000"
    asking.salesforce.calls_a_day = 1
    async with asking.client.get(f"{DATA}/connect/organization", headers=asking.headers(ADA)) as answer:
        (fault,) = await answer.json()
        assert (answer.status, fault["errorCode"], fault["message"]) == (
            403,
            "REQUEST_LIMIT_EXCEEDED",
            "TotalRequests Limit exceeded.",
        )


async def test_a_composite_request_is_one_call_of_25_subrequests_of_which_5_are_queries(asking: Asking) -> None:
    query, describe = f"{DATA}/query/?q=SELECT+Id+FROM+Lead", f"{DATA}/sobjects/Lead/describe"
    assert len(await asking.composite(ADA, *[query] * 5, *[describe] * 20)) == 25
    assert asking.salesforce.calls == 1
    for urls in ([query] * 6, [describe] * 26):
        with pytest.raises(AssertionError, match="LIMIT_EXCEEDED"):
            await asking.composite(ADA, *urls)
    for body in (
        b"{",
        b"[]",
        b'{"compositeRequest": []}',
        json.dumps({"compositeRequest": [{"method": "POST", "url": query, "referenceId": "a"}]}).encode(),
        json.dumps({"compositeRequest": [{"method": "GET", "url": query, "referenceId": "a"}] * 2}).encode(),
        json.dumps({"compositeRequest": [{"method": "GET", "url": query, "referenceId": "a", "more": 1}]}).encode(),
        json.dumps({"compositeRequest": [{"method": "GET", "url": "https://other.example", "referenceId": "a"}]}).encode(),
    ):
        headers = {**asking.headers(ADA), "Content-Type": "application/json"}
        async with asking.client.post(f"{DATA}/composite", data=body, headers=headers) as answer:
            assert answer.status == 400, body
    async with asking.client.post(f"{DATA}/composite", data=b"{}", headers=asking.headers(ADA)) as answer:
        assert answer.status == 415


async def test_one_subrequest_fails_alone(asking: Asking) -> None:
    wrong, good = await asking.composite(ADA, f"{DATA}/query/?q=SELECT+Nothing+FROM+Lead", f"{DATA}/query/?q=SELECT+Id+FROM+Lead")
    assert (wrong["httpStatusCode"], wrong["body"][0]["errorCode"]) == (400, "INVALID_FIELD")
    assert (good["httpStatusCode"], good["body"]["totalSize"], good["body"]["done"]) == (200, len(LEADS), True)


async def test_what_looks_like_a_reference_to_another_subrequest_is_taken_for_one(asking: Asking) -> None:
    assert await asking.query("SELECT Id FROM Lead WHERE Name = '@{r0.body}'") == "PROCESSING_HALTED"
    assert await asking.query("SELECT Id FROM Lead WHERE Name = '@\\u007br0.body}'") == []


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("SELECT Id FROM Quote", "INVALID_TYPE"),
        ("SELECT Id, Emial FROM Contact", "INVALID_FIELD"),
        ("SELECT Owner.Shoe FROM Contact", "INVALID_FIELD"),
        ("SELECT Boss.Name FROM Contact", "INVALID_FIELD"),
        ("SELECT Id, (SELECT Id FROM Leads) FROM Account", "INVALID_TYPE"),
        ("SELECT Id FROM Contact WHERE Id = 'no-such-id'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Opportunity WHERE CloseDate >= '2026-11-01'", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE IsClosed = 'false'", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE OwnerId LIKE '005%'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Account WHERE Name = 'a' OR Id IN (SELECT AccountId FROM Contact)", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Id IN (SELECT Account.Id FROM Contact)", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Id IN (SELECT Name FROM Contact)", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE Id IN (SELECT LinkedEntityId FROM ContentDocumentLink)", "MALFORMED_QUERY"),
        ("SELECT Id FROM ContentDocumentLink", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE Name = 'a' AND Email = 'b' OR Email = 'c'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE Name = '" + "x" * 100_000 + "'", "QUERY_TOO_COMPLICATED"),
        ("SELECT COUNT() FROM Contact", "MALFORMED_QUERY"),
    ],
)
async def test_what_salesforce_refuses(asking: Asking, question: str, code: str) -> None:
    assert await asking.query(question) == code


async def test_texts_are_compared_without_case_and_patterns_by_their_wildcards(asking: Asking) -> None:
    assert await asking.names("SELECT Name FROM Contact WHERE Email = 'SAM@Shaw.example'") == ["Sam Shaw"]
    assert await asking.names("SELECT Name FROM Contact WHERE Name LIKE '_am%'") == ["Sam Shaw"]
    assert await asking.names("SELECT Name FROM Contact WHERE Name LIKE '\\_am%'") == []
    assert await asking.names("SELECT Name FROM Contact WHERE Name LIKE 'Henrietta%'") == []
    assert await asking.names("SELECT Name FROM Contact WHERE Account.Name LIKE '%optik' ") == ["Uli Glas"]


async def test_users_see_what_is_theirs_or_shared_and_what_hangs_on_it(asking: Asking) -> None:
    assert await asking.names("SELECT Name FROM Contact ORDER BY Name", KIM) == ["Grace Hopfield", "Sam Shaw"]
    (sam,) = await asking.query("SELECT Name, Account.Name, Owner.Name FROM Contact WHERE Email = 'sam@shaw.example'", KIM)
    assert (sam["Account"], sam["Owner"]["Name"]) == (None, "Ada Byron")
    assert await asking.names("SELECT Name FROM Opportunity WHERE IsClosed = false", KIM) == ["Kim's own"]
    assert len(await asking.query("SELECT Id FROM Task", ADA)) > len(await asking.query("SELECT Id FROM Task", KIM)) == 0


async def test_a_hidden_field_or_object_is_not_there(asking: Asking) -> None:
    asking.salesforce.objects.hidden[KIM] = {"Contact.Phone", "Lead"}
    assert await asking.query("SELECT Phone FROM Contact", KIM) == "INVALID_FIELD"
    assert await asking.query("SELECT Id FROM Contact WHERE Phone = '1'", KIM) == "INVALID_FIELD"
    assert await asking.query("SELECT Id FROM Lead", KIM) == "INVALID_TYPE"
    contact, lead = await asking.composite(KIM, f"{DATA}/sobjects/Contact/describe", f"{DATA}/sobjects/Lead/describe")
    assert "Phone" not in [field["name"] for field in contact["body"]["fields"]]
    assert lead["httpStatusCode"] == 404
    assert len(await asking.query("SELECT Phone FROM Contact", ADA)) > 1


async def test_currencies_are_there_only_where_several_are_used(asking: Asking) -> None:
    codes = [row["IsoCode"] for row in await asking.query("SELECT IsoCode FROM CurrencyType")]
    assert codes == ["EUR", "USD", "JPY"]
    asking.salesforce.objects.multi_currency = False
    assert await asking.query("SELECT IsoCode FROM CurrencyType") == "INVALID_TYPE"
    assert await asking.query("SELECT CurrencyIsoCode FROM Opportunity") == "INVALID_FIELD"


async def test_the_permissions_formula_tells_of_whoever_asks(asking: Asking) -> None:
    for email, permitted in ((ADA, True), (KIM, True), (NOOR, False)):
        me = asking.salesforce.objects.ids[f"user {ADA}"]
        (answer,) = await asking.composite(email, f"{DATA}/sobjects/User/{me}?fields=Mail_Integration__c")
        assert answer["body"]["Mail_Integration__c"] is permitted
    assigned = "SELECT AssigneeId FROM PermissionSetAssignment WHERE PermissionSet.Name = 'Mail_Integration'"
    assert (len(await asking.query(assigned)), await asking.query(assigned, KIM)) == (
        len([user for user in USERS if user.permitted]),
        "INVALID_TYPE",
    )


async def test_more_than_one_page_comes_by_its_locator_to_whom_asked(asking: Asking) -> None:
    asking.salesforce.answers.page = most = 200
    (answer,) = await asking.composite(ADA, f"{DATA}/query/?q=SELECT+Name+FROM+Contact")
    first = answer["body"]
    assert (first["totalSize"], first["done"], len(first["records"])) == (len(CONTACTS), False, most)
    async with asking.client.get(first["nextRecordsUrl"], headers=asking.headers(KIM)) as refused:
        assert refused.status == 404
    (answer,) = await asking.composite(ADA, f"{DATA}/query/?q=SELECT+Name+FROM+Contact")
    async with asking.client.get(answer["body"]["nextRecordsUrl"], headers=asking.headers(ADA)) as more:
        assert (len((await more.json())["records"]), (await more.json())["done"]) == (len(CONTACTS) - most, True)


async def test_a_code_with_its_verifier_becomes_tokens_once_and_a_refresh_token_is_good_once(asking: Asking) -> None:
    asked = {"response_type": "code", "client_id": "the-app", "redirect_uri": CALLBACK, "scope": "api refresh_token",
             "state": "s1", "code_challenge": CHALLENGE, "code_challenge_method": "S256"}  # fmt: skip
    async with asking.client.get("/services/oauth2/authorize", params=asked) as page:
        assert (page.status, "Ada Byron" in await page.text(), "Olga" in await page.text()) == (200, True, False)

    async def code() -> str:
        form = {**asked, "user": asking.salesforce.objects.ids[f"user {KIM}"], "decision": "allow"}
        async with asking.client.post("/services/oauth2/authorize", data=form, allow_redirects=False) as sent:
            answer = dict(parse_qsl(urlsplit(sent.headers["Location"]).query))
            assert answer["state"] == "s1"
            return answer["code"]

    exchange = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER, **CLIENT}
    for wrong in ({"code_verifier": "w" * 50}, {"redirect_uri": "https://evil.example"}, {"client_secret": "x"}):
        assert (await asking.tokens(**{**exchange, "code": await code(), **wrong}))[0] == 400
    spent = await code()
    status, tokens = await asking.tokens(**exchange, code=spent)
    assert (status, tokens["token_type"], "expires_in" in tokens) == (200, "Bearer", False)
    assert (await asking.tokens(**exchange, code=spent))[1]["error"] == "invalid_grant"
    async with asking.client.get(
        urlsplit(tokens["id"]).path, headers={"Authorization": f"Bearer {tokens['access_token']}"}
    ) as me:
        assert (await me.json())["email"] == KIM
    renew = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], **CLIENT}
    status, renewed = await asking.tokens(**renew)
    assert (status, renewed["refresh_token"] != tokens["refresh_token"]) == (200, True)
    assert (await asking.tokens(**renew))[1]["error"] == "invalid_grant"
    async with asking.client.post("/services/oauth2/revoke", data={"token": renewed["refresh_token"]}) as ended:
        assert ended.status == 200
    headers = {"Authorization": f"Bearer {renewed['access_token']}"}
    async with asking.client.get(f"{DATA}/connect/organization", headers=headers) as refused:
        assert refused.status == 401


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"redirect_uri": "https://evil.example/"}, None),
        ({"client_id": "another"}, None),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "everything"}, "invalid_scope"),
    ],
)
async def test_a_wrong_request_for_consent_is_refused(asking: Asking, wrong: dict[str, str], error: str | None) -> None:
    asked = {"response_type": "code", "client_id": "the-app", "redirect_uri": CALLBACK, "scope": "api", "state": "s",
             "code_challenge": CHALLENGE, "code_challenge_method": "S256", **wrong}  # fmt: skip
    async with asking.client.get("/services/oauth2/authorize", params=asked, allow_redirects=False) as answer:
        assert answer.status == (302 if error else 400)
        assert error is None or f"error={error}" in answer.headers["Location"]


async def test_a_signed_assertion_gives_an_access_token_and_no_other(asking: Asking) -> None:
    def assertion(**wrong: Any) -> str:
        claims = {"iss": "the-app", "sub": f"{KIM}.crm", "aud": "https://login.salesforce.com", "exp": int(time.time()) + 180}
        return jwt.encode({**claims, **wrong}, PEM, algorithm="RS256")

    status, tokens = await asking.tokens(grant_type=JWT_BEARER, assertion=assertion())
    assert (status, "refresh_token" in tokens) == (200, False)
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    async with asking.client.get(f"{DATA}/connect/organization", headers=headers) as answer:
        assert answer.status == 200
    for wrong in (
        {"sub": "stranger"}, {"sub": f"{OLD}.crm"}, {"aud": "https://other.example"}, {"iss": "another"},
        {"exp": int(time.time()) - 1}, {"exp": int(time.time()) + 3600}, {"exp": None},
    ):  # fmt: skip
        assert (await asking.tokens(grant_type=JWT_BEARER, assertion=assertion(**wrong)))[0] == 400, wrong
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    forged = jwt.encode(jwt.decode(assertion(), options={"verify_signature": False}), other, algorithm="RS256")
    assert (await asking.tokens(grant_type=JWT_BEARER, assertion=forged))[1]["error_description"] == "invalid assertion"


async def test_a_records_page_shows_its_name(asking: Asking) -> None:
    sam = asking.salesforce.objects.ids["contact sam"]
    async with asking.client.get(f"/lightning/r/Contact/{sam}/view") as page:
        assert "Sam Shaw" in await page.text()
    async with asking.client.get("/lightning/r/Contact/none/view") as page:
        assert page.status == 404
