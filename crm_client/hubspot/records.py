"""HubSpot's records as the core has them, and which of them a user may see. Whatever HubSpot sends is data, and may be missing or odd."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from crm_client.fields import Record, inner, inner_all, moment, number, text, zone
from crm_client.hubspot.addresses import HUBSPOT, HubSpotAddresses
from crm_client.hubspot.questions import CALLS, COMPANIES, CONTACTS, DEALS, MEETINGS, TASKS, id_of, is_id
from crm_client.note_text import text_of_note
from crm_client.records import readable, soonest_first
from mailmagnet.addresses import canonical, canonical_domain
from mailmagnet.crm import (
    MAIL_INTEGRATION,
    Account,
    Activity,
    ActivityKind,
    Contact,
    CrmSettings,
    Currency,
    Deal,
    DealState,
    Money,
    Note,
    Organisation,
    Profile,
    Stage,
    User,
)
from mailmagnet.crm_sign_in import Sees
from mailmagnet.errors import BadAnswer

SUPER_ADMIN = Profile("super-admin", "Super Admin", frozenset(), administrator=True)
USER = Profile("user", "User", frozenset())
_TYPE_IDS = {CONTACTS: "0-1", COMPANIES: "0-2", DEALS: "0-3"}
_CALLS_TO_COME = {"QUEUED", "CONNECTING", "RINGING", "CALLING_CRM_USER", "IN_PROGRESS"}
_CALLED_OFF = {"CANCELED", "CANCELLED"}
MOST_DONE = 5
MOST_NOTES = 3


@dataclass(frozen=True, slots=True)
class HubSpotOwner:
    """Who may own records, and who that is: `user_id` is the user's own id, "" where there is none."""

    id: str
    user_id: str
    name: str
    email: str
    active: bool
    team_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class HubSpotSettings:
    """What the account is like. `stages` by pipeline and stage, each with the pipeline's name."""

    crm: CrmSettings
    zone: ZoneInfo
    stages: Mapping[tuple[str, str], Stage]
    page: str


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whose view it is, and what the admin lets users see: HubSpot's token sees the whole account, so this alone decides.

    `me` is the owner to whom the admin has mapped the user.
    """

    me: HubSpotOwner
    sees: Sees

    def may_see(self, record: Record) -> bool:
        """Whether a contact, company or deal is to be seen. What belongs to nobody is seen by those alone who see everything."""
        if self.sees is Sees.EVERYONE:
            return True
        if text(properties(record), "hubspot_owner_id") == self.me.id or self.me.user_id in _ids(record, "hs_shared_user_ids"):
            return True
        return self.sees is Sees.TEAM and bool(
            self.me.team_ids & (_ids(record, "hubspot_team_id") | _ids(record, "hs_shared_team_ids"))
        )


@dataclass(slots=True)
class Gathered:
    """Records that have been read, by their ids, and which deals and contacts belong together."""

    companies: dict[str, Record] = field(default_factory=dict)
    contacts: dict[str, Record] = field(default_factory=dict)
    deals: dict[str, Record] = field(default_factory=dict)
    deals_of: dict[str, tuple[str, ...]] = field(default_factory=dict)
    contacts_of: dict[str, tuple[str, ...]] = field(default_factory=dict)
    activities_of: dict[str, list[tuple[str, Record]]] = field(default_factory=dict)
    notes_of: dict[str, list[Record]] = field(default_factory=dict)
    people_at: dict[str, tuple[str, ...]] = field(default_factory=dict)
    more_deals: set[str] = field(default_factory=set)
    """Of these contacts and companies HubSpot has more."""


def properties(record: Record) -> Record:
    """What an object says of itself."""
    return inner(record, "properties")


def company_of(record: Record) -> str:
    """The id of a contact's or a deal's main company, "" for none."""
    value = text(properties(record), "associatedcompanyid") or text(properties(record), "hs_primary_associated_company")
    return value if is_id(value) else ""


def owner_of(record: Record) -> HubSpotOwner:
    """An owner as HubSpot lists it. Of a deactivated user the user's id stands elsewhere."""
    user_id = record.get("userId") or record.get("userIdIncludingInactive")
    name = f"{text(record, 'firstName')} {text(record, 'lastName')}".strip()
    email = canonical(text(record, "email"))
    return HubSpotOwner(
        id_of(record, "id"),
        str(user_id) if isinstance(user_id, int | str) else "",
        name or email,
        email,
        record.get("archived") is not True,
        frozenset(text(team, "id") for team in inner_all(record, "teams")) - {""},
    )


def user_of(owner: HubSpotOwner, super_admins: frozenset[str], *, listed: bool = False) -> User:
    """A user by the owner that HubSpot has made for it, whose id records have. `listed`: an admin has put it on MailMagnet's list."""
    profile = SUPER_ADMIN if owner.active and owner.user_id in super_admins else USER
    if listed:
        profile = Profile(profile.id, profile.name, frozenset({MAIL_INTEGRATION}), profile.administrator)
    return User(owner.id, owner.name, owner.email, profile, owner.active)


def super_admins_of(users: Iterable[Record]) -> frozenset[str]:
    """The ids of the users who may do everything."""
    return frozenset(text(user, "id") for user in users if user.get("superAdmin") is True)


def settings_of(
    details: Record, pipelines: Iterable[Record], rates: Iterable[Record], names: Iterable[Record], addresses: HubSpotAddresses
) -> HubSpotSettings:
    """Raises BadAnswer for an account that is shown at a host that is none of HubSpot's."""
    its_zone, home = zone(details, "timeZone"), text(details, "companyCurrency")
    stages = {
        (text(pipeline, "id"), text(stage, "id")): _stage(pipeline, stage, position)
        for pipeline in sorted(pipelines, key=_place)
        for position, stage in enumerate(sorted(inner_all(pipeline, "stages"), key=_place))
    }
    organisation = Organisation(text(details, "portalName"), its_zone.key, home)
    page = f"{addresses.app_of(text(details, 'uiDomain'))}/contacts/{id_of(details, 'portalId')}/record"
    by_code = {text(each, "currencyCode"): text(each, "currencyName") for each in names}
    currencies = (Currency(home, by_code.get(home) or home, Decimal(1), home=True), *_currencies(rates, home, by_code))
    return HubSpotSettings(CrmSettings(organisation, tuple(stages.values()), currencies if home else ()), its_zone, stages, page)


def _stage(pipeline: Record, stage: Record, position: int) -> Stage:
    """HubSpot says of each stage whether it is closed, and how likely a deal in it is won: surely, or not at all."""
    metadata = inner(stage, "metadata")
    likely = number(metadata, "probability")
    state = DealState.OPEN
    if text(metadata, "isClosed") == "true":
        state = DealState.WON if likely == 1 else DealState.LOST
    return Stage(text(stage, "id"), text(stage, "label"), text(pipeline, "label"), state, position)


def _place(record: Record) -> tuple[int, str]:
    order = record.get("displayOrder")
    return order if isinstance(order, int) else 0, text(record, "label")


def _currencies(rates: Iterable[Record], home: str, names: Mapping[str, str]) -> list[Currency]:
    """HubSpot says what one unit of a currency is worth at home, in six decimal places: turned round, no more of its digits are true."""
    found = []
    for each in rates:
        code, worth = text(each, "fromCurrencyCode"), number(each, "conversionRate")
        if code and code != home and text(each, "toCurrencyCode") == home and worth and worth > 0:
            digits = len(worth.normalize().as_tuple().digits)
            rate = Decimal(f"{1 / worth:.{max(digits, 1)}g}")
            found.append(Currency(code, names.get(code) or code, rate))
    return found


class Records:
    """Records with links to their pages, as one viewer sees them: whatever hangs on a record is there only if it is seen itself."""

    def __init__(self, settings: HubSpotSettings, owners: Mapping[str, HubSpotOwner], viewer: Viewer) -> None:
        self._settings = settings
        self._owners = owners
        self._viewer = viewer

    def contact(self, record: Record, gathered: Gathered) -> Contact:
        told, which = properties(record), id_of(record, "id")
        owner_id, owner = self._owner(told)
        told_deals = [each for each in gathered.deals_of.get(which, ()) if self._sees_deal(each, gathered)]
        deals = readable(lambda each: self.deal(gathered.deals[each], gathered), told_deals)
        return Contact(
            id=which,
            name=f"{text(told, 'firstname')} {text(told, 'lastname')}".strip() or text(told, "email"),
            addresses=addresses_of(record),
            title=text(told, "jobtitle"),
            account=self._company_by_id(company_of(record), gathered),
            owner=owner,
            phone=text(told, "phone"),
            url=self._url(CONTACTS, which),
            deals=soonest_first(deals),
            activities=self._activities(gathered.activities_of.get(which, [])),
            notes=self._notes(gathered.notes_of.get(which, [])),
            mine=owner_id == self._viewer.me.id,
            owner_id=owner_id,
            more_deals=which in gathered.more_deals or len(deals) < len(told_deals),
        )

    def company(self, record: Record) -> Account:
        told, which = properties(record), id_of(record, "id")
        owner_id, owner = self._owner(told)
        return Account(
            id=which,
            name=text(told, "name") or text(told, "domain"),
            domain=canonical_domain(text(told, "domain")),
            owner=owner,
            phone=text(told, "phone"),
            url=self._url(COMPANIES, which),
            mine=owner_id == self._viewer.me.id,
            owner_id=owner_id,
        )

    def deal(self, record: Record, gathered: Gathered) -> Deal:
        """Raises BadAnswer where HubSpot does not say whether it is open, won or lost: no stage's name says that."""
        told, which = properties(record), id_of(record, "id")
        owner_id, owner = self._owner(told)
        stage = self._settings.stages.get((text(told, "pipeline"), text(told, "dealstage")))
        return Deal(
            id=which,
            name=text(told, "dealname"),
            stage=stage.name if stage else "",
            state=_state(told, stage),
            pipeline=stage.pipeline if stage else "",
            amount=self._amount(told),
            closing=self._day(told, "closedate"),
            account=self._company_by_id(company_of(record), gathered),
            owner=owner,
            contact_ids=tuple(each for each in gathered.contacts_of.get(which, ()) if self._sees_contact(each, gathered)),
            url=self._url(DEALS, which),
            owner_id=owner_id,
        )

    def _sees_deal(self, deal_id: str, gathered: Gathered) -> bool:
        record = gathered.deals.get(deal_id)
        return record is not None and self._viewer.may_see(record)

    def _sees_contact(self, contact_id: str, gathered: Gathered) -> bool:
        """Whom everybody may see is not read for it."""
        record = gathered.contacts.get(contact_id)
        return self._viewer.may_see(record) if record else self._viewer.sees is Sees.EVERYONE

    def _company_by_id(self, company_id: str, gathered: Gathered) -> Account | None:
        record = gathered.companies.get(company_id)
        return self.company(record) if record and self._viewer.may_see(record) else None

    def _owner(self, told: Record) -> tuple[str, str]:
        owner_id = text(told, "hubspot_owner_id")
        owner = self._owners.get(owner_id)
        return owner_id, owner.name if owner else ""

    def _amount(self, told: Record) -> Money | None:
        amount = number(told, "amount")
        currency = text(told, "deal_currency_code").upper() or self._settings.crm.organisation.home_currency
        return Money(amount, currency) if amount is not None and currency else None

    def _day(self, told: Record, name: str) -> date | None:
        """The day of a moment, where the account is."""
        at = moment(HUBSPOT, told, name)
        return at.astimezone(self._settings.zone).date() if at else None

    def _activities(self, records: Iterable[tuple[str, Record]]) -> tuple[Activity, ...]:
        """All that are planned, and of those that are done the last ones; newest first."""
        all_of_them = sorted(readable(lambda each: self._activity(*each), records), key=self._when, reverse=True)
        done = [each for each in all_of_them if each.done][:MOST_DONE]
        return tuple(each for each in all_of_them if not each.done or each in done)

    def _activity(self, kind: str, record: Record) -> Activity | None:
        told = properties(record)
        at = moment(HUBSPOT, told, "hs_meeting_start_time") or moment(HUBSPOT, told, "hs_timestamp")
        status = (text(told, "hs_call_status") or text(told, "hs_meeting_outcome") or text(told, "hs_task_status")).upper()
        if at is None or status in _CALLED_OFF:
            return None
        done = {CALLS: status not in _CALLS_TO_COME, MEETINGS: status != "SCHEDULED", TASKS: status == "COMPLETED"}[kind]
        what = {CALLS: ActivityKind.CALL, MEETINGS: ActivityKind.MEETING, TASKS: ActivityKind.TASK}[kind]
        subject = text(told, "hs_call_title") or text(told, "hs_meeting_title") or text(told, "hs_task_subject")
        return Activity(id_of(record, "id"), what, subject, self._due(at) if kind == TASKS else at, done, self._owner(told)[1])

    def _due(self, at: datetime) -> datetime | date:
        """A task that is due at midnight, where the account is, is due on that day."""
        here = at.astimezone(self._settings.zone)
        return here.date() if here.time() == time() else at

    def _when(self, activity: Activity) -> datetime:
        at = activity.at
        return at if isinstance(at, datetime) else datetime.combine(at, time(), self._settings.zone)

    def _notes(self, records: Iterable[Record]) -> tuple[Note, ...]:
        told = readable(lambda each: (moment(HUBSPOT, properties(each), "hs_timestamp"), each), records)
        dated = sorted(((at, id_of(each, "id"), each) for at, each in told if at), key=lambda each: each[:2], reverse=True)
        return tuple(
            Note(which, text_of_note(text(properties(each), "hs_note_body")), at, self._owner(properties(each))[1])
            for at, which, each in dated[:MOST_NOTES]
        )

    def _url(self, kind: str, record_id: str) -> str:
        return f"{self._settings.page}/{_TYPE_IDS[kind]}/{record_id}"


def addresses_of(record: Record) -> tuple[str, ...]:
    """A contact's addresses, the main one first."""
    told = properties(record)
    written = (text(told, "email"), *text(told, "hs_additional_emails").split(";"))
    return tuple(dict.fromkeys(canonical(each) for each in written if each.strip()))


def _state(told: Record, stage: Stage | None) -> DealState:
    """What the deal itself says; where it says nothing, what HubSpot says of its stage."""
    closed = text(told, "hs_is_closed")
    if closed == "false":
        return DealState.OPEN
    if closed == "true":
        return DealState.WON if text(told, "hs_is_closed_won") == "true" else DealState.LOST
    if not stage:
        raise BadAnswer(HUBSPOT, "a deal is neither open, won nor lost")
    return stage.state


def _ids(record: Record, name: str) -> frozenset[str]:
    return frozenset(text(properties(record), name).split(";")) - {""}
