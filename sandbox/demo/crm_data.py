"""The demo CRM's data: made-up firms, people and deals, their dates relative to today, with every oddity a CRM has.

As a program it writes them into the file that the command line `mailmagnet crm` looks after.
"""

import os
import random
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from email.utils import parseaddr
from pathlib import Path

import click

from crm_client.embedded.administration import (
    ADMINISTRATOR,
    STANDARD,
    Scope,
    add_currency,
    add_profile,
    add_stage,
    add_user,
    create,
    put_contact_role,
    put_template,
    share,
)
from crm_client.embedded.database import writing
from crm_client.embedded.database_file import crm_database_of
from crm_client.embedded.rows import (
    AccountRow,
    ActivityRow,
    ContactRow,
    DealRow,
    LeadRow,
    NoteRow,
    put_account,
    put_activity,
    put_contact,
    put_deal,
    put_lead,
    put_note,
)
from crm_client.embedded.search import folded
from mailmagnet.addresses import domain_of
from mailmagnet.categories import month_of, today_in
from mailmagnet.crm import ActivityKind, Currency, DealState, Money, Organisation

_SEED = 1815
"""What is drawn by chance is drawn alike at each writing."""

TIME_ZONE = "Europe/Vienna"
"""The demo's organisation is there: "today" is its day, wherever the demo is written."""

WITHOUT_MAIL = "Without mail"
"""The demo's profile that does not hold `Mail Integration`."""

PARTNERS = "Partner programme"
"""The demo's own pipeline, whose stages' names say nothing, or the wrong thing, about their state."""

_PARTNER_STAGES = (
    ("First tea", DealState.OPEN),
    ("Won over", DealState.OPEN),
    ("Lost & found", DealState.OPEN),
    ("Signed", DealState.WON),
    ("Gone quiet", DealState.LOST),
)
_CURRENCIES = (
    Currency("USD", "US Dollar", Decimal("1.09")),
    Currency("GBP", "Pound Sterling", Decimal("0.86")),
    Currency("JPY", "Yen", Decimal(163)),
)


@dataclass(frozen=True, slots=True)
class _Person:
    """Someone at a firm. `local` are the parts before the @, or whole addresses; "" makes one of the name."""

    name: str
    title: str = ""
    local: str = ""


@dataclass(frozen=True, slots=True)
class _Firm:
    """A firm and who is known there; mail comes from `domain`, which the CRM does not have when `domain_known` is False."""

    name: str
    domain: str
    people: tuple[_Person, ...] = ()
    domain_known: bool = True


_FIRMS = (
    _Firm(
        "Analytical Works Ltd",
        "analytical-works.example",
        (
            _Person("Henrietta Lovell", "Head of Procurement"),
            _Person("Jonas Ekdahl", "Plant Manager"),
            _Person("Priya Raman", "Finance Director", "priya.raman priya raman@home-of-priya.example"),
        ),
    ),
    _Firm(
        "Bergmann & Söhne GmbH",
        "bergmann-soehne.example",
        (
            _Person("Jürgen Weiß", "Geschäftsführer", "j.weiss"),
            _Person("Käthe Bergmann", "Einkauf"),
            _Person("Ümit Yıldız", "Technische Leitung", "u.yildiz"),
        ),
    ),
    _Firm(
        "Castellane Frères",
        "castellane.example",
        (_Person("Élodie Castellane", "Directrice"), _Person("François-Xavier de La Tour d'Aigues", "Achats", "fx.delatour")),
    ),
    _Firm(
        "Driftwood Coffee",
        "driftwood-coffee.example",
        (_Person("Mia Sommer 🌻", "Founder", "mia"), _Person("Tom O'Reilly", "Roaster", "tom")),
    ),
    _Firm(
        "Ebony Lane Studios",
        "ebonylane.example",
        (_Person("Zuri Okafor", "Producer"), _Person("Chidi Obi", "Accounts"), _Person("Sade Bello")),
    ),
    _Firm(
        "Fjordland Shipping ASA",
        "fjordland.example",
        (
            _Person("Sigrid Østby", "Fleet Manager", "sigrid.ostby"),
            _Person("Bjørn Håkonsen", "Chartering", "bjorn.hakonsen"),
            _Person("Ane Lie", "Office", "office"),
            _Person("Per Lie", "Office", "office"),
        ),
    ),
    _Firm(
        "Gesellschaft für angewandte Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauforschung mbH & Co. KG",
        "gad-forschung.example",
        (
            _Person(
                "Maximiliana Theodora Gräfin von Hohenstein-Wittelsfeld zu Oberunterbreitenbach-Niederwaldhausen",
                "Stellvertretende Leiterin der Abteilung für strategische Beschaffung und Vertragswesen im Außendienst",
                "m.hohenstein",
            ),
            _Person("Li Na", "Trainee", "li.na"),
        ),
    ),
    _Firm(
        "Harbour Light Insurance",
        "harbourlight.example",
        (_Person("Oliver Pemberton", "Claims"), _Person("Grace Adeyemi", "Broker Relations"), _Person("Rhys Pugh", "IT")),
    ),
    _Firm(
        "Iberia Solar Tejados SL",
        "tejados-solares.example",
        (_Person("Íñigo Núñez", "Director comercial", "inigo.nunez"), _Person("Begoña Larrañaga", "Compras")),
    ),
    _Firm(
        "Jade Mountain Tea 翠山茶业",
        "jade-mountain.example",
        (_Person("王芳", "采购经理", "wang.fang"), _Person("陈小明", "总经理", "chen.xm")),
    ),
    _Firm(
        "Kitayama Seiki 北山精機",
        "kitayama-seiki.example",
        (
            _Person("山田 太郎", "部長", "t.yamada"),
            _Person("佐藤 花子", "購買", "h.sato"),
            _Person("Kenji Mori", "Liaison Europe", "k.mori"),
        ),
    ),
    _Firm(
        "Levant Textiles نسيج المشرق",
        "levant-textiles.example",
        (
            _Person("نور الحداد", "مديرة المشتريات", "nour.haddad"),
            _Person("Karim Aziz", "Logistics"),
            _Person("سامي خوري", "", "sami"),
        ),
    ),
    _Firm(
        "Mishmar Robotics משמר רובוטיקה",
        "mishmar.example",
        (_Person("שירה לוי", "סמנכ״לית רכש", "shira.levi"), _Person("Dan Peretz", "CTO"), _Person("אבי כהן (Avi)", "", "avi")),
    ),
    _Firm(
        "Northwater Mills",
        "northwater-mills.example",
        (
            _Person("Agnes Thorne", "Managing Director"),
            _Person("Colin Marsh", "Buyer", "colin.marsh@leeds.northwater-mills.example"),
        ),
    ),
    _Firm(
        "Orchard & Vine Wholesale",
        "orchardvine.example",
        (_Person("Beatrice Plum", "Category Buyer"), _Person("Hugo Vine", "Partner"), _Person("Nell Appleyard", "Ledger")),
    ),
    _Firm(
        "Polonez Meble Sp. z o.o.",
        "polonez-meble.example",
        (_Person("Łukasz Żółć", "Kierownik zakupów", "lukasz.zolc"), _Person("Agnieszka Wójcik", "Prezes", "a.wojcik")),
    ),
    _Firm(
        "Quarry Street Architects",
        "quarrystreet.example",
        (_Person("Imogen Slate", "Partner"), _Person("Ravi Menon", "Associate")),
    ),
    _Firm(
        "Rosewood Clinics",
        "rosewood-clinics.example",
        (
            _Person("Dr. Fatima Haddadi", "Medical Director", "fatima"),
            _Person("Paul Linden", "Purchasing"),
            _Person("Joy Nakamura"),
        ),
    ),
    _Firm(
        "Seongsu Design 성수디자인",
        "seongsu.example",
        (_Person("김민지", "구매팀장", "minji.kim"), _Person("박서준", "", "seojun.park")),
    ),
    _Firm(
        "Tidewater Logistics",
        "tidewater.example",
        (_Person("Marcus Webb", "Operations"), _Person("Lena Fischer", "Contracts", "lena.fischer lena.f"), _Person("Sam Ortiz")),
    ),
    _Firm(
        "Ulm Precision Optics",
        "ulm-optics.example",
        (_Person("Dieter Glas", "Vertrieb"), _Person("Sabine Linse", "Einkauf")),
        domain_known=False,
    ),
    _Firm(
        "Velvet Fox Games",
        "velvetfox.example",
        (_Person("Robin Vale", "Studio Head"), _Person("Ines Duarte", "Publishing"), _Person("Kai 🦊", "", "kai")),
    ),
    _Firm(
        "Westmark Schools Trust",
        "westmark-schools.example",
        (_Person("Joan Atherton", "Bursar"), _Person("Nikhil Shah", "Head of IT")),
    ),
    _Firm(
        "Xanthos Marble", "xanthos.example", (_Person("Ελένη Παπαδάκη", "Πωλήσεις", "eleni"), _Person("Nikos Xanthos", "Owner"))
    ),
    _Firm(
        "Yarrow Street Bakery",
        "yarrowbakery.example",
        (_Person("Flo Baker", "Owner", "flo"), _Person("Дмитрий Иванов", "Снабжение", "d.ivanov")),
    ),
    _Firm(
        "Zephyr Wind Partners", "zephyr-wind.example", (_Person("Astrid Gale", "Investments"), _Person("Noah Windsor", "Legal"))
    ),
    _Firm("Hopfield Research Inc", "hopfield.example"),
)
_LEADS = (
    ("Camille Dupont", "camille.dupont@atelier-dupont.example", "Atelier Dupont", "Architecte", "New"),
    ("George Mbeki", "george@savanna-tours.example", "Savanna Tours", "Owner", "Contacted"),
    ("Hanna Virtanen", "hanna.virtanen@saunavesi.example", "Saunavesi Oy", "Hankinta", "Contacted"),
    ("Leo Castellane", "leo@castellane.example", "Castellane Frères", "", "New"),
    ("ليلى منصور", "layla@desert-bloom.example", "Desert Bloom", "", "New"),
    ("Pat Nolan", "pat.nolan@nolan-and-daughters.example", "Nolan & Daughters", "Director", "Qualified"),
    ("Rosa Iglesias 🚲", "rosa@bicis-rosa.example", "Bicis Rosa", "Fundadora", "New"),
    ("鈴木 一郎", "suzuki@hoshizora.example", "星空出版", "編集長", "Unresponsive"),
)
_SUBJECTS = ("Renewal", "Pilot", "Support contract", "Second site", "Training", "Spare parts", "Licences", "Rollout", "Extension")
_AMOUNTS = ("900.00", "1250.50", "4800.00", "12000.00", "18999.99", "36000.00", "75400.25", "240000.00")
_NOTES = (
    "Wants the invoice in two parts, half at signing, half at delivery.",
    "Prefers calls before noon.",
    "Asked for references from a firm of their size.",
    "Met at the spring fair; knows our installation next door.",
    "Budget is decided in the first week of each quarter.\nUntil then only small orders.",
)
_TEMPLATES = (
    (
        "Reply to an enquiry",
        "Your enquiry, ${Contact.Name}",
        "Hello ${Contact.First Name},\n\nthank you for asking us. Tell us what ${Account.Name} needs and by when, and you get an offer "
        "from us within two days.\n\nIs there a time this week when I may call you?\n\nKind regards\n${User.Name}",
    ),
    (
        "Follow up an offer",
        "${Deal.Name}: how shall we go on?",
        "Hello ${Contact.First Name},\n\nwe sent you our offer for ${Deal.Name} over ${Deal.Amount}. Is there anything that you miss in "
        "it, or that I can explain?\n\nSo that all is ready by ${Deal.Closing}, we would need your answer a week before.\n\n"
        "Kind regards\n${User.Name}",
    ),
    (
        "Thanks for the order",
        "Thank you for your order: ${Deal.Name}",
        "Hello ${Contact.First Name},\n\nthank you for ordering ${Deal.Name}. We begin today, and I tell you when it leaves our house."
        "\n\nIf anything is to be changed, an answer to this mail is enough.\n\nKind regards\n${User.Name}",
    ),
)
"""Name, subject, text."""
_TALKS = (
    (ActivityKind.CALL, "Call about the offer"),
    (ActivityKind.MEETING, "Demonstration on site"),
    (ActivityKind.TASK, "Send the data sheet"),
    (ActivityKind.CALL, "Check in after delivery"),
    (ActivityKind.MEETING, "Contract review"),
)


def write_demo_data(database: Path, today: date, org: str, user: str, colleague: str) -> None:
    """Make the organisation's database where there is none, and write the demo's records as of `today`, a day in TIME_ZONE.

    `org` is the organisation as Google verifies it. `user` sees everyone's records, `colleague` own ones and one shared, each a mail
    address, with or without a name; a third user lacks `Mail Integration`. They have no password yet (`administration.set_password`).
    Written again, the demo's own records are put back as of that day; others stay as they are.
    """
    create(database, Organisation("Corp Ltd", TIME_ZONE, "EUR"), org)
    for currency in _CURRENCIES:
        add_currency(database, currency)
    stages = {name: add_stage(database, PARTNERS, name, state) for name, state in _PARTNER_STAGES}
    add_profile(database, WITHOUT_MAIL, (), Scope.EVERYONE)
    (user_name, user_email), (colleague_name, colleague_email) = parseaddr(user), parseaddr(colleague)
    owners = [
        add_user(database, user_name or _name_of(user_email), user_email, ADMINISTRATOR),
        add_user(database, colleague_name or _name_of(colleague_email), colleague_email, STANDARD),
    ]
    add_user(database, "Noa Lund", f"noa.lund@{domain_of(user_email)}", WITHOUT_MAIL)
    for name, subject, text in _TEMPLATES:
        put_template(database, name, subject, text)
    with writing(database) as connection:
        chance = random.Random(_SEED)  # noqa: S311
        demo = _Demo(connection, today, chance, owners, stages)
        contacts = demo.write_firms()
        demo.write_leads()
        demo.write_deals(contacts)
        demo.write_talks(contacts)
    share(database, "contacts", contacts[0].id, colleague_email)


@dataclass(frozen=True, slots=True)
class _Demo:
    """The demo's records being written, every id fixed. Each third firm is the colleague's."""

    connection: sqlite3.Connection
    today: date
    chance: random.Random
    owners: Sequence[str]
    partner_stages: dict[str, str]

    def write_firms(self) -> list[ContactRow]:
        contacts: list[ContactRow] = []
        for number, firm in enumerate(_FIRMS, start=1):
            owner = self.owners[number % 3 == 0]
            account = put_account(
                self.connection,
                AccountRow(
                    f"demo-account-{number:02}", firm.name, owner, firm.domain if firm.domain_known else "", _phone(900 + number)
                ),
            )
            for person in firm.people:
                of_person = len(contacts) + 1
                row = ContactRow(
                    f"demo-contact-{of_person:03}",
                    person.name,
                    owner,
                    _addresses(person, firm.domain),
                    person.title,
                    account.id,
                    _phone(of_person) if of_person % 4 else "",
                )
                contacts.append(put_contact(self.connection, row))
        return contacts

    def write_leads(self) -> None:
        for number, (name, address, company, title, status) in enumerate(_LEADS, start=1):
            owner = self.owners[number % 3 == 0]
            put_lead(self.connection, LeadRow(f"demo-lead-{number:02}", name, owner, (address,), title, company, status))

    def write_deals(self, contacts: Sequence[ContactRow]) -> None:
        numbers = iter(range(1, 1000))
        for deal in [*self._certain_deals(contacts, numbers), *self._many_deals(contacts, numbers)]:
            put_deal(self.connection, deal)
        put_contact_role(self.connection, "demo-deal-001", contacts[1].id, "Decision maker")
        put_contact_role(self.connection, "demo-deal-002", contacts[2].id, "Signs the contract")

    def write_talks(self, contacts: Sequence[ContactRow]) -> None:
        for contact in contacts:
            for number, days in enumerate(sorted(self.chance.sample(range(1, 120), self.chance.randrange(7))), start=1):
                self._write_activity(contact, f"last-{number}", -days, done=True)
            for number in range(1, self.chance.randrange(3) + 1):
                self._write_activity(contact, f"next-{number}", self.chance.randrange(1, 30) * number, done=False)
            for number in range(1, self.chance.randrange(5) + 1):
                at = self._moment(-self.chance.randrange(1, 90))
                text = self.chance.choice(_NOTES)
                put_note(
                    self.connection, NoteRow(f"demo-note-{contact.id[-3:]}-{number}", contact.id, text, at, contact.owner_id)
                )

    def _certain_deals(self, contacts: Sequence[ContactRow], numbers: Iterator[int]) -> list[DealRow]:
        """Deals at the edges, so that something closes this month on every day of it: today, its first and its last day."""
        first, last = month_of(self.today)
        of_name = {contact.name: contact for contact in contacts}
        return [
            self._deal(next(numbers), "Renewal next year", of_name["Henrietta Lovell"], "Negotiation", "36000.00", "EUR", last),
            self._deal(
                next(numbers), "Pilot Lyon", of_name["Henrietta Lovell"], "Proposal", "12000.00", "EUR", first - timedelta(days=1)
            ),
            self._deal(next(numbers), "Prüfstand 2", of_name["Jürgen Weiß"], "Proposal", "9400.00", "EUR", self.today),
            self._deal(next(numbers), "Espresso machines ☕", of_name["Mia Sommer 🌻"], "Qualification", None, "EUR", first),
            self._deal(
                next(numbers),
                "Fleet tracking",
                of_name["Sigrid Østby"],
                "Negotiation",
                "18500.00",
                "USD",
                last + timedelta(days=1),
            ),
            self._deal(next(numbers), "精密部品 年間契約", of_name["山田 太郎"], "Won over", "4800000", "JPY", last),
            self._deal(next(numbers), "توريد أقمشة", of_name["نور الحداد"], "Lost & found", "22000.00", "GBP", None),
            self._deal(next(numbers), "Partner of the year", of_name["Sigrid Østby"], "Signed", "5000.00", "GBP", first),
        ]

    def _many_deals(self, contacts: Sequence[ContactRow], numbers: Iterator[int]) -> Iterator[DealRow]:
        """The rest, each kind in turn, over all but the last firms' people (so that some have no deal)."""
        first, last = month_of(self.today)
        kinds: Sequence[tuple[str, int | None, int | None]] = (
            ("Qualification", 0, (last - first).days),
            ("Proposal", (last - first).days + 1, 150),
            ("Closed Won", -200, -1),
            ("Negotiation", -90, -1),
            ("Closed Lost", -200, -1),
            ("Qualification", None, None),
            ("Signed", -100, -1),
            ("First tea", (last - first).days + 1, 90),
            ("Gone quiet", -100, -1),
        )
        for at in range(58):
            number = next(numbers)
            contact = contacts[at * 7 % (len(contacts) - 10)]
            stage, earliest, latest = kinds[at % len(kinds)]
            place = self.chance.random()
            closing = (
                None
                if earliest is None or latest is None
                else first + timedelta(days=round(earliest + place * (latest - earliest)))
            )
            currency = ("EUR", "EUR", "USD", "GBP", "EUR", "JPY")[at % 6]
            amount = self.chance.choice((*_AMOUNTS, None))
            if amount and currency == "JPY":
                amount = amount.replace(".", "")
            subject = self.chance.choice(_SUBJECTS)
            name = f"{subject} {closing.year}" if closing else subject
            yield self._deal(number, name, contact, stage, amount, currency, closing)

    def _deal(
        self, number: int, name: str, contact: ContactRow, stage: str, amount: str | None, currency: str, closing: date | None
    ) -> DealRow:
        return DealRow(
            id=f"demo-deal-{number:03}",
            name=name,
            stage_id=self._stage(stage),
            owner_id=contact.owner_id,
            account_id=contact.account_id,
            amount=Money(Decimal(amount), currency) if amount else None,
            closing=closing,
            contact_ids=(contact.id,),
        )

    def _stage(self, name: str) -> str:
        if name in self.partner_stages:
            return self.partner_stages[name]
        row = self.connection.execute(
            """
            SELECT stages.id FROM stages JOIN pipelines ON pipelines.id = pipeline_id
            WHERE stages.name = ? AND pipelines.name <> ? ORDER BY pipelines.position
            """,
            (name, PARTNERS),
        ).fetchone()
        return str(row["id"])

    def _write_activity(self, contact: ContactRow, name: str, days: int, *, done: bool) -> None:
        kind, subject = self.chance.choice(_TALKS)
        at = self.today + timedelta(days=days) if kind is ActivityKind.TASK else self._moment(days)
        put_activity(
            self.connection,
            ActivityRow(f"demo-activity-{contact.id[-3:]}-{name}", contact.id, kind, subject, at, done, contact.owner_id),
        )

    def _moment(self, days: int) -> datetime:
        quarter_hours = self.chance.randrange(7 * 4, 16 * 4)
        return datetime.combine(self.today + timedelta(days=days), time(quarter_hours // 4, quarter_hours % 4 * 15), UTC)


def _name_of(email: str) -> str:
    return email.partition("@")[0].replace(".", " ").title()


def _addresses(person: _Person, domain: str) -> tuple[str, ...]:
    parts = person.local or ".".join("".join(sign for sign in word if sign.isalpha()) for word in folded(person.name).split())
    return tuple(part if "@" in part else f"{part}@{domain}" for part in parts.split())


def _phone(number: int) -> str:
    return f"+44 1632 960{number:03}"


@click.command()
@click.option("--org", required=True, help="The organisation's verified domain (hd).")
@click.option("--user", required=True, help="The user whose CRM this is, as Ada Byron <ada@corp.example>.")
@click.option("--colleague", required=True, help="A colleague who sees own records only, likewise.")
def crm_data(org: str, user: str, colleague: str) -> None:
    """Fill the embedded CRM with made-up people and deals, dated around today. Its users are still to be bound."""
    write_demo_data(crm_database_of(os.environ), today_in(TIME_ZONE, datetime.now(UTC)), org, user, colleague)


if __name__ == "__main__":
    crm_data()
