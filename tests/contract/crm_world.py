"""The contract's world: users, people and deals as they are in no CRM's words; and as the JSON document that stand-ins and real servers
are filled with."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from mailmagnet.crm import Activity, ActivityKind, Currency, DealState, Money, Organisation
from sandbox.crms.world import CrmContact, CrmDeal, CrmWorld


@dataclass(frozen=True, slots=True)
class WorldUser:
    """A user; `sees_all` for everyone's records, else the user's own and those shared. `administrator`: looks after the CRM.

    `hidden` are fields, of a CRM that hides single ones, that this user may not see: "deals.amount", "contacts.phone".
    """

    email: str
    name: str
    sees_all: bool
    permitted: bool = True
    active: bool = True
    administrator: bool = False
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorldStage:
    """A stage of a pipeline, in the order given."""

    key: str
    pipeline: str
    name: str
    state: DealState


@dataclass(frozen=True, slots=True)
class WorldAccount:
    """An account; `owner` is a user's address, here and below, `shared` those it is shared with."""

    key: str
    name: str
    owner: str
    domain: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class WorldContact:
    """A contact; `account` is an account's key. Its addresses are as somebody typed them."""

    key: str
    name: str
    owner: str
    addresses: tuple[str, ...]
    account: str | None = None
    title: str = ""
    phone: str = ""
    shared: tuple[str, ...] = ()
    activities: tuple[Activity, ...] = ()
    notes: tuple[tuple[str, datetime], ...] = ()


@dataclass(frozen=True, slots=True)
class WorldLead:
    """A lead."""

    key: str
    name: str
    owner: str
    addresses: tuple[str, ...]
    company: str


@dataclass(frozen=True, slots=True)
class WorldDeal:
    """A deal; `primary` and `roles` are contacts' keys."""

    key: str
    name: str
    owner: str
    stage: str
    account: str | None = None
    amount: Money | None = None
    closing: date | None = None
    primary: str | None = None
    roles: tuple[str, ...] = ()


TEMPLATES = (
    ("Offer", "Our offer for ${Deal.Name}", "Hello ${Contact.First Name},\n\nthis is <b>not</b> HTML.\n\n${User.Name}"),
    ("Thanks", "Thank you", "Hello ${Contact.Name} of ${Account.Name}"),
)
"""Name, subject and text, by name."""

ADA, KIM, NOOR, OLD = "ada@corp.example", "kim@corp.example", "noor@corp.example", "old@corp.example"
FAY = "fay@corp.example"
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def _done(days_ago: int) -> Activity:
    return Activity("", ActivityKind.CALL, f"Call {days_ago} days ago", NOON - timedelta(days=days_ago), done=True)


MANY_CONTACTS, MANY_DEALS = 250, 130
"""Of one account: more than one page of anything."""
_DAY = date(2028, 3, 1)


def _busy_deal(number: int) -> WorldDeal:
    """One of 26 deals of one contact, of which one is open and one is won: neither the first nor the last."""
    stage = {13: "won over", 20: "signed"}.get(number, "gone quiet")
    return WorldDeal(f"busy {number}", f"Busy {number:02}", ADA, stage, None, None, date(2028, 2, 1), "bo")


ORGANISATION = Organisation("Corp Ltd", "Europe/Vienna", "EUR")
CURRENCIES = (Currency("USD", "US Dollar", Decimal("1.09")), Currency("JPY", "Yen", Decimal(163)))
USERS = (
    WorldUser(ADA, "Ada Byron", sees_all=True, administrator=True),
    WorldUser(KIM, "Kim Park", sees_all=False),
    WorldUser(NOOR, "Noor Aziz", sees_all=True, permitted=False),
    WorldUser(OLD, "Olga Dahl", sees_all=True, active=False, administrator=True),
    WorldUser(FAY, "Fay Reed", sees_all=True, hidden=("deals.amount", "contacts.phone")),
)
STAGES = (
    WorldStage("qualification", "Sales", "Qualification", DealState.OPEN),
    WorldStage("closed won", "Sales", "Closed Won", DealState.WON),
    WorldStage("closed lost", "Sales", "Closed Lost", DealState.LOST),
    WorldStage("won over", "Partners", "Won over", DealState.OPEN),
    WorldStage("lost and found", "Partners", "Lost and found", DealState.OPEN),
    WorldStage("signed", "Partners", "Signed", DealState.WON),
    WorldStage("gone quiet", "Partners", "Gone quiet", DealState.LOST),
)
ACCOUNTS = (
    WorldAccount("analytical", "Analytical Ltd", ADA, "analytical.example", "+44 1632 960001"),
    WorldAccount("hopfield", "Hopfield Inc", KIM, "hopfield.example"),
    WorldAccount("ulm", "Ulm Optik", ADA),
    WorldAccount("crowd", "Crowd & Co", ADA, "crowd.example"),
    WorldAccount("many", "Many Parts", ADA, "many.example"),
)
CONTACTS = (
    WorldContact(
        "henrietta",
        "Henriëtta Lovell",
        ADA,
        ("h.lovell@analytical.example", "henrietta@home.example"),
        "analytical",
        "Head of Procurement",
        "+44 1632 960002",
        activities=(
            *(_done(days) for days in (1, 2, 3, 4, 5, 6, 7)),
            Activity("", ActivityKind.MEETING, "Demonstration", NOON + timedelta(days=3), done=False),
            Activity("", ActivityKind.TASK, "Send the data sheet", date(2026, 12, 1), done=False),
        ),
        notes=tuple((f"Note of day {days}\n<b>as it is</b>", NOON - timedelta(days=days)) for days in (4, 1, 3, 2)),
    ),
    WorldContact("jonas", "Jonas Ekdahl", ADA, ("office@analytical.example",), "analytical"),
    WorldContact("petra", "Petra Quist", ADA, ("office@analytical.example", "petra@analytical.example"), "analytical"),
    WorldContact("grace", "Grace Hopfield", KIM, ("grace@hopfield.example",), "hopfield"),
    WorldContact(
        "uli",
        "Uli Glas",
        ADA,
        ("uli@mail.xn--lm-xka.example",),
        "ulm",
        activities=tuple(Activity("", ActivityKind.TASK, f"Task {n}", date(2026, 12, n), done=False) for n in range(1, 9)),
    ),
    WorldContact("sam", "Sam Shaw", ADA, ("sam@shaw.example",), "analytical", shared=(KIM,)),
    *(WorldContact(f"crowd {n}", f"Member {n:02}", ADA, (f"m{n}@crowd.example",), "crowd") for n in range(12)),
    *(WorldContact(f"many {n}", f"Number {n:03}", ADA, (f"p{n}@many.example",), "many") for n in range(MANY_CONTACTS)),
    WorldContact("bo", "Bo Busy", ADA, ("bo@busy.example",)),
    WorldContact("otto", "Otto Late", ADA, ("otto@late.example",)),
    WorldContact("wanda", "Wanda Win", ADA, ("wanda@win.example",), phone="+44 1632 960009"),
    WorldContact("cora", "Cora Cased", ADA, ("Cora.Cased@Cased.Example",)),
    WorldContact("ola", "Ola Nord", ADA, ("ola@büro.example",)),
    WorldContact("sean", "Sean O'Brien", ADA, ("o'brien+news@quoted.example",)),
    WorldContact("una", "Una Score", ADA, ("under_score@quoted.example",)),
    WorldContact("xena", "Xena Score", ADA, ("underxscore@quoted.example",)),
    WorldContact("zoe", "Zoë Çelik", ADA, ("zoe@accent.example",)),
    WorldContact("tina", "Tina Twin", ADA, ("twin@twin.example",)),
    WorldContact("ida", "Ida Inbox", ADA, ("info@inbox.example",)),
    WorldContact("ines", "Ines Inbox", ADA, ("info@inbox.example",)),
)
LEADS = (
    WorldLead("lea", "Lea Lund", ADA, ("lea@lund.example", "lea@home.example"), "Lund AB"),
    WorldLead("max", "Max Lund", KIM, ("max@lund.example",), "Lund AB"),
    WorldLead("tim", "Tim Twin", ADA, ("twin@twin.example",), "Twin AB"),
    WorldLead("lars", "Lars Cased", ADA, ("Lars@Cased.Example",), "Cased AB"),
)
DEALS = (
    WorldDeal(
        "renewal",
        "Renewal 2027",
        ADA,
        "qualification",
        "analytical",
        Money(Decimal("12345678901234567.05"), "EUR"),
        date(2026, 11, 30),
        "henrietta",
        ("jonas",),
    ),
    WorldDeal("pilot", "Pilot Lyon", ADA, "won over", "analytical", Money(Decimal("0.10"), "USD"), date(2026, 11, 1), "petra"),
    WorldDeal(
        "first", "First order", ADA, "signed", "analytical", Money(Decimal(4800000), "JPY"), date(2026, 11, 15), "henrietta"
    ),
    WorldDeal("lost", "Second site", KIM, "gone quiet", "hopfield", None, date(2026, 11, 15), "grace"),
    WorldDeal("found", "Undated", ADA, "lost and found", "analytical", None, None, "sam"),
    WorldDeal("crowd", "Crowd deal", ADA, "qualification", "crowd", None, date(2026, 12, 1), None, ("crowd 11",)),
    WorldDeal("kim's", "Kim's own", KIM, "qualification", "hopfield", None, date(2026, 11, 10), "grace", ("henrietta",)),
    WorldDeal("late", "Late", ADA, "qualification", None, None, date(2026, 1, 15), "otto"),
    WorldDeal("win", "Lost in name only", ADA, "closed won", None, Money(Decimal(1000), "EUR"), date(2026, 10, 1), "wanda"),
    WorldDeal("loss", "Won in name only", ADA, "closed lost", None, Money(Decimal(2000), "EUR"), date(2026, 10, 2), "wanda"),
    *(_busy_deal(n) for n in range(1, 27)),
    *(
        WorldDeal(f"part {n}", f"Part {n:03}", ADA, "qualification", "many", None, _DAY + timedelta(days=n % 31), f"many {n}")
        for n in range(MANY_DEALS)
    ),
)


def crm_world() -> CrmWorld:
    """A document of its own at each call: whoever gets it may change it."""
    return {
        "organisation": {
            "name": ORGANISATION.name,
            "time_zone": ORGANISATION.time_zone,
            "currency": ORGANISATION.home_currency,
        },
        "currencies": [{"code": each.code, "name": each.name, "rate": str(each.rate)} for each in CURRENCIES],
        "users": [
            {
                "email": user.email,
                "name": user.name,
                "sees_all": user.sees_all,
                "permitted": user.permitted,
                "active": user.active,
                "administrator": user.administrator,
                "hidden": list(user.hidden),
            }
            for user in USERS
        ],
        "stages": [
            {"key": stage.key, "pipeline": stage.pipeline, "name": stage.name, "state": stage.state.value} for stage in STAGES
        ],
        "accounts": [
            {"key": each.key, "name": each.name, "owner": each.owner, "domain": each.domain, "phone": each.phone}
            for each in ACCOUNTS
        ],
        "contacts": [_contact(contact) for contact in CONTACTS],
        "leads": [
            {
                "key": lead.key,
                "name": lead.name,
                "owner": lead.owner,
                "addresses": list(lead.addresses),
                "company": lead.company,
            }
            for lead in LEADS
        ],
        "deals": [_deal(deal) for deal in DEALS],
    }


def _contact(contact: WorldContact) -> CrmContact:
    return {
        "key": contact.key,
        "name": contact.name,
        "owner": contact.owner,
        "addresses": list(contact.addresses),
        "account": contact.account,
        "title": contact.title,
        "phone": contact.phone,
        "shared": list(contact.shared),
        "activities": [
            {"kind": each.kind.value, "subject": each.subject, "at": each.at.isoformat(), "done": each.done}
            for each in contact.activities
        ],
        "notes": [{"text": text, "at": at.isoformat()} for text, at in contact.notes],
    }


def _deal(deal: WorldDeal) -> CrmDeal:
    return {
        "key": deal.key,
        "name": deal.name,
        "owner": deal.owner,
        "stage": deal.stage,
        "account": deal.account,
        "amount": str(deal.amount.amount) if deal.amount else None,
        "currency": deal.amount.currency if deal.amount else None,
        "closing": deal.closing.isoformat() if deal.closing else None,
        "primary": deal.primary,
        "roles": list(deal.roles),
    }
