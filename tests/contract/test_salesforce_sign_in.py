"""Signing in to Salesforce, at the stand-in: each user in the browser, and an organisation by certificate."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from crm_client.renewal import Renewal
from crm_client.salesforce.addresses import OWN, SalesforceAddresses
from crm_client.salesforce.client import SalesforceClient
from crm_client.salesforce.sign_in import SalesforceCertificateSignIn, SalesforceSignIn
from http_session.pkce import challenge_of
from mailmagnet.crm import Asked, Senders
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import AccountSignIn, BrowserSignIn, CrmTokens, mapped_to
from mailmagnet.errors import BadAnswer, NotAuthorised, NotPermitted, SignInNeeded
from mailmagnet.store import Store
from mailmagnet.vault import CRM_ACCOUNT, Connection, Vault
from tests.contract.crm_world import ADA, KIM, NOON, OLD
from tests.contract.salesforce_world import APP, ORG, SUBS, SalesforceWorld, salesforce_world
from tests.crm_signed_in import NoTurns, SomeConnections, machine_time
from tests.http_faults import answering

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
VERIFIER = "v" * 64
CHOICE = CrmChoice("salesforce")


@pytest.fixture
async def crm() -> AsyncIterator[SalesforceWorld]:
    async with salesforce_world() as world:
        world.salesforce.oauth.app = replace(APP, public_key=PUBLIC)
        yield world


@pytest.fixture
def sign_in(crm: SalesforceWorld) -> SalesforceSignIn:
    return crm.sign_in_within(20)


@pytest.fixture
def by_certificate(crm: SalesforceWorld) -> SalesforceCertificateSignIn:
    return SalesforceCertificateSignIn(crm.addresses, crm.flow_within(20), crm.server_within(20), machine_time, PEM)


async def consented(crm: SalesforceWorld, sign_in: SalesforceSignIn, email: str, decision: str = "allow") -> dict[str, str]:
    """What the browser of a user brings back from Salesforce's page."""
    url = sign_in.authorize_url("s1", challenge_of(VERIFIER))
    asked = dict(parse_qsl(urlsplit(url).query))
    async with aiohttp.ClientSession() as browser:
        async with browser.get(url) as page:
            assert page.status == 200, await page.text()
        form = {**asked, "user": crm.id_of(f"user {email}"), "decision": decision}
        async with browser.post(url.partition("?")[0], data=form, allow_redirects=False) as sent:
            return dict(parse_qsl(urlsplit(sent.headers["Location"]).query))


def sessions_of(crm: SalesforceWorld, email: str) -> int:
    user_id = crm.id_of(f"user {email}")
    return sum(grant.user_id == user_id for grant in [*crm.salesforce.oauth.refresh.values()])


async def test_who_consents_is_signed_in_where_salesforce_says(crm: SalesforceWorld, sign_in: SalesforceSignIn) -> None:
    assert isinstance(sign_in, BrowserSignIn)
    assert not isinstance(sign_in, AccountSignIn)
    answer = await consented(crm, sign_in, KIM)
    assert answer["state"] == "s1"
    tokens = await sign_in.signed_in(answer, VERIFIER)
    assert (tokens.account, tokens.name, tokens.origin) == (crm.id_of(f"user {KIM}"), "Kim Park", crm.http.origin)
    assert timedelta(hours=1) < tokens.expires_at - machine_time() < timedelta(hours=3)
    with pytest.raises(NotAuthorised):
        await sign_in.signed_in(answer, VERIFIER)


async def test_without_a_code_or_with_another_verifier_nobody_is(crm: SalesforceWorld, sign_in: SalesforceSignIn) -> None:
    for answer, verifier in (
        (await consented(crm, sign_in, KIM), "w" * 64),
        (await consented(crm, sign_in, KIM, "deny"), VERIFIER),
        ({}, VERIFIER),
        ({"code": "x"}, VERIFIER),
    ):
        with pytest.raises(NotAuthorised):
            await sign_in.signed_in(answer, verifier)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"instance_url": "https://evil.example"}, BadAnswer),
        ({"instance_url": None}, BadAnswer),
        ({"id": "https://login.salesforce.com/id/x"}, BadAnswer),
        ({"scope": "api"}, NotPermitted),
        ({"refresh_token": None}, NotPermitted),
    ],
)
async def test_what_cannot_be_kept_is_ended_at_salesforce(
    crm: SalesforceWorld,
    sign_in: SalesforceSignIn,
    changed: dict[str, str | None],
    error: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, answer = sessions_of(crm, KIM), await consented(crm, sign_in, KIM)
    issued = crm.salesforce.oauth.tokens
    access = []

    def odd(form: dict[str, str], origin: str) -> dict[str, str]:
        told = issued(form, origin)
        access.append(told["access_token"])
        return {name: value for name, value in {**told, **changed}.items() if value is not None}

    monkeypatch.setattr(type(crm.salesforce.oauth), "tokens", lambda _, form, origin: odd(form, origin))
    with pytest.raises(error):
        await sign_in.signed_in(answer, VERIFIER)
    assert crm.salesforce.oauth.user_of(access[0]) is None
    assert sessions_of(crm, KIM) == before or "refresh_token" in changed


async def test_an_id_of_15_characters_is_the_one_of_18(
    crm: SalesforceWorld, sign_in: SalesforceSignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued, answer = crm.salesforce.oauth.tokens, await consented(crm, sign_in, KIM)
    kim = crm.id_of(f"user {KIM}")

    def short(form: dict[str, str], origin: str) -> dict[str, str]:
        told = issued(form, origin)
        return {**told, "id": told["id"].replace(kim, kim[:15])}

    monkeypatch.setattr(type(crm.salesforce.oauth), "tokens", lambda _, form, origin: short(form, origin))
    assert (await sign_in.signed_in(answer, VERIFIER)).account == kim


async def test_a_refresh_token_is_changed_at_each_renewal_and_ended_at_sign_out(
    crm: SalesforceWorld, sign_in: SalesforceSignIn
) -> None:
    tokens = await sign_in.signed_in(await consented(crm, sign_in, KIM), VERIFIER)
    renewed = await sign_in.renewed(tokens)
    assert (renewed.access != tokens.access, renewed.refresh != tokens.refresh) == (True, True)
    assert (renewed.account, renewed.name, renewed.origin) == (tokens.account, tokens.name, tokens.origin)
    with pytest.raises(NotAuthorised):
        await sign_in.renewed(tokens)
    for _ in range(2):
        await sign_in.sign_out(renewed)
    assert crm.salesforce.oauth.user_of(renewed.access) is None
    with pytest.raises(NotAuthorised):
        await sign_in.renewed(renewed)


async def test_twenty_questions_at_once_renew_once(crm: SalesforceWorld) -> None:
    connection = crm.connection_of(KIM)
    assert connection.crm
    over = replace(connection, crm=replace(connection.crm, expires_at=machine_time() - timedelta(hours=1)))
    vault = cast(Vault, SomeConnections([over]))
    renewal = Renewal(crm.sign_in_within(20), vault, lambda: cast(Store, NoTurns()), machine_time)
    client = SalesforceClient(crm.server_within(20), renewal, lambda: NOON)
    found = await asyncio.gather(*(client.as_user(over).senders(["sam@shaw.example"]) for _ in range(20)))
    assert all(answer.contacts for answer in found)
    assert [each.path for each in crm.http.asked].count("/services/oauth2/token") == 1


async def test_a_session_that_ends_is_renewed_and_one_of_a_user_who_is_gone_is_over(crm: SalesforceWorld) -> None:
    kim = crm.as_user(KIM)
    crm.salesforce.oauth.access.clear()
    assert (await kim.senders(["sam@shaw.example"])).contacts
    crm.salesforce.objects.user(crm.id_of(f"user {KIM}"))["IsActive"] = False
    with pytest.raises(SignInNeeded) as over:
        await kim.senders(["sam@shaw.example"])
    assert over.value.ended


# By certificate


async def test_an_administrator_lets_mailmagnet_in_and_no_consent_is_kept(
    crm: SalesforceWorld, by_certificate: SalesforceCertificateSignIn
) -> None:
    assert isinstance(by_certificate, AccountSignIn)
    before = sessions_of(crm, ADA)
    link = await by_certificate.signed_in(await consented(crm, by_certificate, ADA), VERIFIER)
    assert (link.account, link.name) == (crm.salesforce.objects.organisation_id, "Corp Ltd")
    assert (link.refresh, link.origin, link.through_account) == (f"{ADA}.crm", crm.http.origin, False)
    assert sessions_of(crm, ADA) == before


async def test_who_is_no_administrator_connects_nothing(
    crm: SalesforceWorld, by_certificate: SalesforceCertificateSignIn
) -> None:
    before = sessions_of(crm, KIM)
    with pytest.raises(NotPermitted):
        await by_certificate.signed_in(await consented(crm, by_certificate, KIM), VERIFIER)
    assert sessions_of(crm, KIM) == before


async def test_a_mapped_user_is_asked_for_by_a_signed_claim(
    crm: SalesforceWorld, by_certificate: SalesforceCertificateSignIn
) -> None:
    link = await by_certificate.signed_in(await consented(crm, by_certificate, ADA), VERIFIER)
    mapped = mapped_to(crm.id_of(f"user {KIM}"), "Kim Park", replace(link, crm=CHOICE))
    given = await by_certificate.tokens_for(link, mapped)
    assert (given.account, given.name, given.refresh, given.crm, given.origin) == (
        mapped.account, "Kim Park", "", CHOICE, crm.http.origin
    )  # fmt: skip
    assert crm.salesforce.oauth.user_of(given.access) == mapped.account
    renewed = await by_certificate.renewed(link)
    assert (renewed.account, renewed.access != link.access) == (link.account, True)
    with pytest.raises(NotPermitted):
        await by_certificate.tokens_for(link, mapped_to(crm.id_of(f"user {OLD}"), "", link))
    del crm.salesforce.oauth.access[link.access]
    assert (await by_certificate.tokens_for(link, mapped)).account == mapped.account
    crm.salesforce.oauth.app.approved = {f"{ADA}.crm"}
    with pytest.raises(NotPermitted):
        await by_certificate.tokens_for(link, mapped)


async def test_mapped_users_see_what_they_see_in_salesforce_and_no_token_is_written(
    crm: SalesforceWorld, by_certificate: SalesforceCertificateSignIn
) -> None:
    link = replace(await by_certificate.signed_in(await consented(crm, by_certificate, ADA), VERIFIER), crm=CHOICE)
    kept = [Connection(ORG, CRM_ACCOUNT, "", crm=link)]
    kept += [Connection(ORG, SUBS[email], email, crm=mapped_to(crm.id_of(f"user {email}"), "", link)) for email in (ADA, KIM)]
    vault = cast(Vault, SomeConnections(kept))
    client = SalesforceClient(
        crm.server_within(20), Renewal(by_certificate, vault, lambda: cast(Store, NoTurns()), machine_time), lambda: NOON
    )
    crm.http.mend()
    both = frozenset({"grace@hopfield.example", "h.lovell@analytical.example"})
    for _ in range(2):
        found = await client.senders_of([Asked(connection, both) for connection in kept[1:]])
        assert [set(answer.contacts) for answer in found if isinstance(answer, Senders)] == [both, {"grace@hopfield.example"}]
    assert [each.path for each in crm.http.asked].count("/services/oauth2/token") == 2
    for connection in kept:
        assert await vault.connection(connection.org, connection.user) == connection
    there = {user.id: user.email for user in await client.as_user(kept[0]).users() if user.active}
    assert there[crm.id_of(f"user {KIM}")] == KIM, "an admin sees whom there is to let in"
    budget = client.budget(kept[1])
    assert budget
    assert 0 < budget.left < budget.of


async def test_a_session_of_another_organisation_or_user_is_refused(
    crm: SalesforceWorld, by_certificate: SalesforceCertificateSignIn
) -> None:
    link = await by_certificate.signed_in(await consented(crm, by_certificate, ADA), VERIFIER)
    with pytest.raises(BadAnswer):
        await by_certificate.renewed(replace(link, account="00D5g000000zzzzEAA"))
    names = {f"{KIM}.crm": crm.id_of(f"user {ADA}")}
    crm.salesforce.oauth.user_named = names.get
    with pytest.raises(BadAnswer):
        await by_certificate.tokens_for(link, mapped_to(crm.id_of(f"user {KIM}"), "", link))


async def test_the_end_of_the_link_ends_its_session(crm: SalesforceWorld, by_certificate: SalesforceCertificateSignIn) -> None:
    link = await by_certificate.signed_in(await consented(crm, by_certificate, ADA), VERIFIER)
    for _ in range(2):
        await by_certificate.sign_out(link)
    assert crm.salesforce.oauth.user_of(link.access) is None


async def test_no_token_or_key_is_shown(crm: SalesforceWorld, by_certificate: SalesforceCertificateSignIn) -> None:
    link = await by_certificate.signed_in(await consented(crm, by_certificate, ADA), VERIFIER)
    assert link.access not in repr(link)
    crm.http.happen(answering(400, '{"error": "invalid_grant", "error_description": "ada@corp.example"}'))
    with pytest.raises(NotPermitted) as told:
        await by_certificate.renewed(link)
    assert "ada" not in str(told.value)


# The closed list


@pytest.mark.parametrize(
    "told",
    [
        "https://acme.my.salesforce.com",
        "https://acme--uat.sandbox.my.salesforce.com",
        "https://ACME-dev-ed.develop.my.salesforce.com",
    ],
)
def test_salesforces_own_places_are_on_the_list(told: str) -> None:
    assert OWN.instance(told) == told.lower()


@pytest.mark.parametrize(
    "told",
    ["http://acme.my.salesforce.com", "https://my.salesforce.com", "https://acme.my.salesforce.com.evil.example", "",
     "https://acme.my.salesforce.com:8443", "https://acme.my.salesforce.com/x", "https://evil.example/.my.salesforce.com",
     "https://a@acme.my.salesforce.com", "https://acmemy.salesforce.com", "https://acme.my.salesforce.com\n", "https://-.my.salesforce.com",
     "https://" + "a" * 300 + ".my.salesforce.com", None, 7, "https://login.salesforce.com"],
)  # fmt: skip
def test_no_other_place_is(told: object) -> None:
    with pytest.raises(BadAnswer):
        SalesforceAddresses().instance(told)


def test_the_browser_is_sent_to_salesforce_alone(crm: SalesforceWorld, sign_in: SalesforceSignIn) -> None:
    url = sign_in.authorize_url("the state", challenge_of(VERIFIER))
    assert re.match(re.escape(f"{crm.http.origin}/services/oauth2/authorize?"), url)
    assert "the-app" in url
    assert APP.client_secret not in url
    assert urlencode({"scope": "api refresh_token"}) in url
    assert isinstance(crm.connection_of(ADA).crm, CrmTokens)
