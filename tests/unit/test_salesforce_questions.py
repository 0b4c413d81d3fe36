"""What Salesforce is asked with: whatever stands in a text, it is compared with and is never a part of the question."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_client.salesforce import questions
from crm_client.salesforce.questions import NOTHING, Visible, checked_id, ending, holding, quoted
from crm_client.salesforce.server import Query
from mailmagnet.errors import NotFound, NotPermitted
from sandbox.crms.salesforce import soql
from sandbox.crms.salesforce.objects import TYPES
from sandbox.crms.salesforce.soql import Condition, Group, Pattern

EVERYTHING = Visible({name: frozenset(TYPES[name].fields) for name in questions.DESCRIBED})
HOSTILE = ("'", "\\", "\\'", "' OR Name != '", "%", "_", "\n", "\r\n", "\t", "\x00", "\x1b", "\u2028", "@{r0.body}", "é", "😀",
           "\ud800", ") FROM User", "--", "/*", '"', "%' OR Name LIKE '")  # fmt: skip
TEXTS = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=8), max_size=6).map("".join)


def _condition(question: str) -> Condition:
    where = soql.read(question).where
    assert isinstance(where, Condition)
    return where


@settings(max_examples=50)
@given(TEXTS)
def test_a_text_in_quotes_is_that_text_to_salesforce(text: str) -> None:
    condition = _condition(f"SELECT Id FROM Lead WHERE Name = {quoted(text)}")
    assert (condition.path, condition.operator, condition.value) == ("Name", "=", text)


@settings(max_examples=50)
@given(TEXTS)
def test_a_pattern_holds_a_text_with_nothing_of_it_a_wildcard(text: str) -> None:
    for pattern, parts in ((holding(text), (None, *text, None)), (ending(text), (None, *text))):
        condition = _condition(f"SELECT Id FROM Lead WHERE Name LIKE {pattern}")
        assert condition.value == Pattern(parts)


@settings(max_examples=50)
@given(TEXTS)
def test_a_question_reaches_salesforce_as_it_was_put(text: str) -> None:
    soql_text = f"SELECT Id FROM Lead WHERE Name = {quoted(text)}"
    path = Query(soql_text).path
    assert path.isascii()
    assert parse_qs(urlsplit(path).query) == {"q": [soql_text]}
    assert "@{" not in soql_text


@settings(max_examples=50)
@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_addresses_and_words_stand_in_one_condition_each(texts: list[str]) -> None:
    for query in questions.people_with(EVERYTHING, texts, details=True):
        soql.read(query.soql)
    for query in questions.accounts_at(EVERYTHING, texts):
        soql.read(query.soql)
    words = [word for text in texts for word in text.split()] or ["x"]
    contacts = soql.read(questions.found_by(EVERYTHING, words, 5)["contacts"].soql).where
    assert isinstance(contacts, Group)
    groups = contacts.members if len(words) > 1 else (contacts,)
    assert len(groups) == len(words)
    for word, group in zip(words, groups, strict=True):
        assert isinstance(group, Group)
        assert {member.path for member in group.members if isinstance(member, Condition)} == {"Name", "Email", "Account.Name"}
        assert all(isinstance(member, Condition) and member.value == Pattern((None, *word, None)) for member in group.members)


@pytest.mark.parametrize(
    "wrong", ["", "no-such-id", "%", "003", "0035g0000000000'", "0035g00000000000000", "003５g0000000000", "a" * 16]
)
def test_what_is_no_id_is_not_asked_for(wrong: str) -> None:
    with pytest.raises(NotFound):
        checked_id(wrong)
    for ask in (
        questions.contact_by_id,
        questions.lead_by_id,
        questions.deal_by_id,
        questions.account_by_id,
        questions.people_of_account,
    ):
        with pytest.raises(NotFound):
            ask(EVERYTHING, wrong)
    with pytest.raises(NotFound):
        questions.permission_of(wrong)


def test_an_address_that_salesforce_has_no_place_for_is_not_asked_for() -> None:
    assert questions.people_with(EVERYTHING, ["a" * 70 + "@long.example"]) == []
    assert questions.people_with(EVERYTHING, []) == []
    assert questions.had(["ada@xn--bro-hoa.example", "a" * 81]) == ["ada@xn--bro-hoa.example", "ada@büro.example"]


def test_so_many_as_salesforce_takes_are_asked_at_once() -> None:
    chunks = questions.chunks([f"m{number}@x.example" for number in range(501)], questions.ADDRESSES_A_CALL)
    assert [len(chunk) for chunk in chunks] == [250, 250, 1]
    longest = ["'" * 63 + f"{number:03}@{'x' * 13}" for number in range(questions.ADDRESSES_A_CALL)]
    domains = ["xn--bro-hoa." + "_" * 230 + f"{number:03}.example" for number in range(questions.DOMAINS_A_CALL)]
    asked = [*questions.people_with(EVERYTHING, longest, whole=True), *questions.accounts_at(EVERYTHING, domains)]
    assert all(len(query.soql) < soql.LONGEST_QUERY for query in asked)
    assert len(asked) <= 5


def _without(*names: str) -> Visible:
    return Visible(
        {
            name: frozenset(field for field in fields if f"{name}.{field}" not in names)
            for name, fields in EVERYTHING.fields.items()
            if name not in names
        }
    )


@pytest.mark.parametrize(
    "hidden",
    ["Lead", "Lead.Email", "Account", "Account.Website", "Opportunity", "OpportunityContactRole", "Task", "Task.ActivityDate",
     "Event", "Event.StartDateTime", "Profile", "Contact.Phone", "Contact.AccountId", "Contact.OwnerId", "Opportunity.Amount",
     "Opportunity.CurrencyIsoCode", "Opportunity.AccountId", "User.Email", "Profile.PermissionsModifyAllData"],
)  # fmt: skip
def test_nothing_hidden_is_asked_for(hidden: str) -> None:
    see = _without(hidden)
    key = "0035g0000000000AAA"
    asked = [
        *questions.people_with(see, ["ada@x.example"], details=True), *questions.accounts_at(see, ["x.example"]),
        *questions.contact_by_id(see, key), *questions.found_by(see, ["ada"], 5).values(), questions.users(see),
        questions.administrators(see), questions.people_of_deal(see, key),
    ]  # fmt: skip
    name, _, field = hidden.partition(".")
    for query in asked:
        if query == NOTHING:
            continue
        soql.read(query.soql)
        plural = {"Opportunity": "Opportunities"}.get(name, f"{name}s")
        if not field:
            assert not re.search(rf"\bFROM (?:{name}|{plural})\b|\b{name}\.", query.soql), query.soql
        elif re.search(rf"\bFROM {name}\b", query.soql) and "(SELECT" not in query.soql:
            assert not re.search(rf"(?<![.\w]){field}\b", query.soql), query.soql
    way = {"Contact.AccountId": "Account.", "Contact.OwnerId": "(?<!Account\\.)Owner\\."}.get(hidden)
    assert way is None or not re.search(way, questions.contacts(see, "Id = null").soql.partition("WHERE")[0])


def test_without_what_is_needed_nothing_is_found_in_silence() -> None:
    for hidden in ("Contact", "Contact.Email"):
        with pytest.raises(NotPermitted):
            questions.people_with(_without(hidden), ["ada@x.example"])
    for hidden, ask in (
        ("Lead", questions.lead_by_id),
        ("Opportunity", questions.deal_by_id),
        ("Account", questions.account_by_id),
    ):
        with pytest.raises(NotFound):
            ask(_without(hidden), "0035g0000000000AAA")
