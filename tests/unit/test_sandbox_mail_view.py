"""People as the desk's list and open mail show them: nothing hides in a name, and nothing turns it round."""

import pytest

from sandbox.desk.mail_view import people
from sandbox.google.mail_parts import headers_of
from sandbox.google.world import Account

KIM = Account("1", "kim@corp.example", "Kim", aliases=("sales@corp.example",))


def shown(header: str) -> tuple[str, str]:
    [(_, value)] = headers_of(f"From: {header}\r\n\r\n".encode())
    [person] = people(value, KIM)
    return person["name"], person["address"]


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("Ada\u202ecalevoL", "AdacalevoL"),
        ("\u2066Ada\u2069 \u202bLovelace\u202c", "Ada Lovelace"),
        ("A\u200bd\u00ada\ufeff L\U000e0065\U000e0076\u034fovelace\u2060\u200d", "Ada Lovelace"),
        ("Ada\ufe0f", "Ada"),
        ("שרה כהן", "שרה כהן"),
        ("علی‌رضا", "علی‌رضا"),
        ("ශ්‍රී", "ශ්‍රී"),
        ("Ada 👩🏽‍⚕️ ❤️‍🔥 1\ufe0f\u20e3", "Ada 👩🏽‍⚕️ ❤️‍🔥 1\ufe0f\u20e3"),
        (
            "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
            "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        ),
    ],
)
def test_nothing_hides_in_a_name_and_what_its_script_needs_stays(name: str, seen: str) -> None:
    assert shown(f"{name} <ada@x.example>") == (seen, "ada@x.example")


def test_what_hides_in_an_address_is_shown_as_something_odd() -> None:
    assert shown("Ada <ad\u200ba@x.example>") == ("Ada", "ad\ufffda@x.example")


def test_an_address_in_quotes_is_shown_with_them() -> None:
    assert shown('John <"john doe"@x.example>') == ("John", '"john doe"@x.example')
