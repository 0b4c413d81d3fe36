"""What a user sees wherever they come without a sign-in to the CRM or without its permission, and that it ends at once."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cards.frame import Page
from cards.frame import Path as Served
from crm_client.embedded.administration import STANDARD, set_permission
from mailmagnet.crm import MAIL_INTEGRATION
from mailmagnet.store import Sharing
from tests.scenario.addon_process import sidebar_at
from tests.scenario.office import KIM, ORG, SUBJECT, Office, office_in
from tests.scenario.pages_process import Pages, pages_at


@dataclass
class Seen:
    """Kim, who goes to each place where the CRM is asked."""

    office: Office
    pages: Pages
    mail: str

    async def home(self) -> str:
        return (await self.office.ask(KIM, Served.HOME)).card

    async def message(self) -> str:
        self.office.sidebar.address = KIM
        return (await self.office.sidebar.ask(Served.MESSAGE, self.mail)).card

    async def set_up(self) -> str:
        return (await self.office.ask(KIM, Served.SET_UP)).card

    async def mail_with(self) -> str:
        return await self.office.listed()

    async def compose(self) -> str:
        self.office.sidebar.address = KIM
        event = await self.office.sidebar.event(Served.COMPOSE)
        event["gmail"] = {"toRecipients": []}
        return (await self.office.sidebar.send(Served.COMPOSE, event)).card

    async def record_page(self) -> str:
        self.pages.tell_time()
        link = self.pages.link(Page.RECORD, self.office.kim, module="contacts", id=self.office.grace)
        return (await self.pages.opened(self.pages.browser(), link, self.office.kim)).text


@pytest.fixture
async def seen(tmp_path: Path) -> AsyncIterator[Seen]:
    async with office_in(tmp_path) as office, sidebar_at(office.desk) as sidebar, pages_at(office.desk) as pages:
        office.sidebar = sidebar
        await office.choose(sharing=Sharing.PUBLIC)
        office.mail()
        yield Seen(office, pages, office.mail(to=KIM, subject="To Kim"))


Place = Callable[[Seen], Awaitable[str]]
PLACES: dict[str, Place] = {
    "homepage": Seen.home,
    "message card": Seen.message,
    "set-up": Seen.set_up,
    "mail with": Seen.mail_with,
    "compose card": Seen.compose,
    "record page": Seen.record_page,
}
NEVER = ("You are not signed in to MailMagnet CRM.", "Sign in")
LACKING = ("Your profile in MailMagnet CRM lacks the permission “Mail Integration”.", "Ada Corp can give it.")


async def test_who_never_signed_in_is_asked_to_wherever_the_crm_is_needed(seen: Seen) -> None:
    await seen.office.desk.vault.sign_out(ORG, seen.office.kim.sub)
    for name, place in PLACES.items():
        said = await place(seen)
        assert [words for words in NEVER if words not in said] == [], name
        assert SUBJECT not in said


async def test_without_the_permission_each_place_says_who_can_give_it_and_given_again_it_is_over(seen: Seen) -> None:
    for held in (False, True, False):
        set_permission(seen.office.desk.crm_database, STANDARD, MAIL_INTEGRATION, held=held)
        for name, place in PLACES.items():
            said = await place(seen)
            lacking = [words for words in LACKING if words in said]
            assert lacking == ([] if held else list(LACKING)), (name, held)
        assert (SUBJECT in await seen.mail_with()) is held
