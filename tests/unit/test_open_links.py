"""The links that Gmail lets an add-on's cards open: exactly those below the deployment's prefixes."""

from typing import Any

import pytest

from sandbox.cards.card_check import refused
from sandbox.cards.open_links import OpenLinks, links_of
from tests.open_links import COVERED, DESK, LINKS


@pytest.mark.parametrize(("prefix", "url", "is_covered"), LINKS)
def test_a_prefix_covers_itself_and_what_is_below_it(prefix: str, url: str, is_covered: bool) -> None:
    assert OpenLinks([prefix], [DESK]).cover(url) is is_covered
    assert OpenLinks(["https://other.example/", prefix], [DESK]).cover(url) is is_covered


def test_an_empty_list_covers_nothing_but_mail_and_telephone() -> None:
    nothing = OpenLinks([], [DESK])
    assert not any(nothing.cover(url) for url in (*COVERED, DESK, f"{DESK}/"))
    assert nothing.cover("mailto:ada@corp.example")
    assert nothing.cover("tel:+4315")


def test_without_a_desk_no_http_is_taken() -> None:
    assert not OpenLinks([f"{DESK}/"]).cover(f"{DESK}/crm")
    assert not OpenLinks(["http://crm.example/"], [DESK]).cover("http://crm.example/1")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://crm.example/",
            "crm.example/a",
            "//crm.example/a",
            "https://",
            "https:crm",
        ),
        *("https://crm.example@evil.example/a", "https://ada@crm.example/a", "https://crm.example\\@evil.example/a"),
        *(
            "https://crm.example/a/../../b",
            "https://crm.example/a/%2e%2e/b",
            "https://crm.example/a/..",
            "https://crm.example/\n",
        ),
        *("https://crm.example:port/a", "https://[crm.example/a", "https://crm.example /a"),
    ],
)
def test_what_does_not_say_plainly_where_it_leads_is_covered_by_nothing(url: str) -> None:
    assert not OpenLinks(["https://crm.example/", "crm.example/"], [DESK]).cover(url)


def button(**on_click: Any) -> dict[str, Any]:
    return {"buttonList": {"buttons": [{"text": "Go", "onClick": on_click}]}}


def card(*widgets: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"sections": [{"widgets": list(widgets)}], **fields}


EVIL, GOOD = {"url": "https://evil.example/"}, {"url": "https://crm.example/contacts/1"}
IN_CARD = "sections[0].widgets[0].buttonList.buttons[0].onClick"


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        (card(button(openLink=EVIL)), f"card.{IN_CARD}.openLink.url"),
        (card(button(card=card(button(openLink=EVIL)))), f"card.{IN_CARD}.card.{IN_CARD}.openLink.url"),
        (
            {"action": {"navigations": [{"pushCard": card(button(openLink=EVIL))}]}},
            f"action.navigations[0].pushCard.{IN_CARD}.openLink.url",
        ),
        ({"renderActions": {"action": {"link": EVIL}}}, "renderActions.action.link.url"),
        (
            card(button(openLink=GOOD), cardActions=[{"actionLabel": "Open", "onClick": {"openLink": EVIL}}]),
            "card.cardActions[0].onClick.openLink.url",
        ),
        (
            {"custom_authorization_prompt": {"action": {"navigations": [{"pushCard": card(button(openLink=EVIL))}]}}},
            f"custom_authorization_prompt.action.navigations[0].pushCard.{IN_CARD}.openLink.url",
        ),
    ],
)
def test_google_would_refuse_a_link_that_no_prefix_covers_wherever_it_stands(answer: dict[str, Any], place: str) -> None:
    fault = f"{place} is “https://evil.example/”: none of the deployment's openLinkUrlPrefixes covers it"
    assert refused(answer, open_links=OpenLinks(["https://crm.example/"])) == [fault]
    assert refused(answer, open_links=OpenLinks(["https://crm.example/", "https://evil.example/"])) == []
    assert fault in refused(answer, open_links=OpenLinks([]))
    assert refused(answer) == []


def test_every_link_is_found_and_its_place() -> None:
    answer = {"renderActions": {"action": {"link": GOOD, "navigations": [{"pushCard": card(button(openLink=EVIL))}]}}}
    assert list(links_of(answer)) == [
        ("renderActions.action.link.url", GOOD["url"]),
        (f"renderActions.action.navigations[0].pushCard.{IN_CARD}.openLink.url", EVIL["url"]),
    ]
