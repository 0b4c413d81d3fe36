"""The add-on's event: every JSON object is one, and nothing odd in it gets further than here."""

import json
import re
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.event import LONGEST_TYPED, Event, event_of, json_of, system_token_of, user_token_of
from mailmagnet.errors import BadRequest, NothingTyped, NotVerified, ScopesMissing
from mailmagnet.identity import Locale

NAMES = (
    *("commonEventObject", "userLocale", "timeZone", "id", "parameters", "formInputs", "words", "stringInputs", "value"),
    *("authorizationEventObject", "userOAuthToken", "userIdToken", "systemIdToken", "authorizedScopes"),
    *("gmail", "messageId", "accessToken"),
)
TEXT = st.text(st.characters(codec=None), max_size=20) | st.sampled_from(["\ud800", "a\x00b", "a\r\nX: y", "x" * 9000])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | TEXT, inner, max_size=5),
    max_leaves=30,
)


@given(st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=6))
def test_every_object_is_an_event_whose_texts_can_go_anywhere(body: dict[str, Any]) -> None:
    event = event_of(body)
    texts = [event.locale.language, event.locale.time_zone, *event.parameters.values(), *chain(*event.form_inputs.values())]
    texts += [event.gmail.message_id] if event.gmail else []
    for text in texts:
        assert not re.search(r"[\x00\ud800-\udfff]", text)
        assert len(text.encode()) <= 4 * LONGEST_TYPED
    tokens = [event.user_token, *([event.gmail.access_token] if event.gmail else [])]
    assert all(re.fullmatch(r"[\x21-\x7e]*", token) for token in tokens)
    for read in (
        event.open_mail,
        lambda: event.id,
        lambda: event.words,
        lambda: user_token_of(body),
        lambda: system_token_of(body),
    ):
        try:
            assert read()
        except (BadRequest, ScopesMissing, NotVerified):
            continue


@given(st.binary() | ANYTHING.map(lambda value: json.dumps(value).encode()))
def test_every_body_is_json_or_said_not_to_be(body: bytes) -> None:
    try:
        json_of(body)
    except BadRequest as refused:
        assert str(refused) == "the body is not JSON"


def test_an_event_as_google_sends_it_is_read_whole() -> None:
    event = event_of(
        {
            "commonEventObject": {
                "userLocale": "de-AT",
                "timeZone": {"id": "Europe/Vienna", "offset": "3600000"},
                "parameters": {"id": "7"},
                "formInputs": {"words": {"stringInputs": {"value": ["Grüße, Łódź", "second"]}}, "empty": {"stringInputs": {}}},
            },
            "authorizationEventObject": {"userOAuthToken": "ya29.token", "authorizedScopes": ["openid"]},
            "gmail": {"messageId": "msg-a:r-7", "threadId": "thread-a:r7", "accessToken": "token"},
        }
    )
    assert event.locale == Locale("de-AT", "Europe/Vienna")
    assert (event.id, event.words, event.typed("empty")) == ("7", "Grüße, Łódź", "")
    assert event.gmail
    assert (event.gmail.message_id, event.gmail.access_token, event.user_token) == ("msg-a:r-7", "token", "ya29.token")
    assert event.authorized_scopes == frozenset({"openid"})
    assert "token" not in repr(event).replace("user_token", "")


def test_without_anything_a_reader_is_one_whom_nothing_is_known_of() -> None:
    assert event_of({}).locale == Locale()
    assert event_of({"commonEventObject": {"userLocale": None, "timeZone": {"id": ""}}}).locale == Locale()


def test_a_number_where_google_sends_a_text_is_read_as_one() -> None:
    assert event_of({"commonEventObject": {"parameters": {"id": 7}}}).parameter("id") == "7"


def opened(**parameters: object) -> Event:
    """A call while the mail "open" is open in Gmail."""
    gmail = {"messageId": "open", "accessToken": "token"}
    return event_of(
        {"commonEventObject": {"parameters": parameters}, "authorizationEventObject": {"userOAuthToken": "t"}, "gmail": gmail}
    )


def test_a_trigger_opens_the_open_mail_and_retry_the_one_that_its_card_was_about() -> None:
    assert opened().open_mail()[0] == "open"
    assert opened(message_id="other").open_mail()[0] == "open"
    assert opened(message_id="other", in_place="1").open_mail()[0] == "other"
    with pytest.raises(BadRequest):
        opened(in_place="1").open_mail()


@pytest.mark.parametrize("odd", ["", "0", "true", "yes", "1 ", "11", None, True, ["1"], {"1": "1"}, "x" * 9000])
def test_whatever_else_in_place_says_counts_as_left_out(odd: object) -> None:
    assert not opened(in_place=odd).in_place
    assert opened(message_id="other", in_place=odd).open_mail()[0] == "open"


@pytest.mark.parametrize("typed", ["", "  ", "\t\n"])
def test_a_search_for_nothing_is_none(typed: str) -> None:
    event = event_of({"commonEventObject": {"formInputs": {"words": {"stringInputs": {"value": [typed]}}}}})
    with pytest.raises(NothingTyped):
        _ = event.words
