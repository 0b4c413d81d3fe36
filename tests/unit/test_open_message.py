"""Open message, the rules in it: which of several contacts comes first, and who an unknown sender may be."""

from datetime import date

from mailmagnet.crm import Account, Contact, Deal, DealState, KnownAccount, LookUp, Organisation
from mailmagnet.open_message import _view, spellings, view_contacts
from mailmagnet.people import Person

TODAY = date(2026, 11, 23)
CORP = Organisation("Corp", "Europe/Vienna", "EUR")
ACCOUNT = Account("1", "Hopper Inc", "hopper.example")
CLOSING = Deal("1", "Renewal", "Negotiation", DealState.OPEN, closing=date(2026, 11, 30))
LATER = Deal("2", "Pilot", "Proposal", DealState.OPEN, closing=date(2027, 1, 31))


def contact(name: str, *deals: Deal) -> Contact:
    return Contact(name, name, ("office@hopper.example",), account=ACCOUNT, deals=deals)


def names(contacts: list[Contact], written_as: str = "") -> list[str]:
    return [view.contact.name for view in view_contacts(contacts, TODAY, written_as)]


def test_of_several_contacts_the_highest_category_comes_first_then_more_open_deals_then_the_name() -> None:
    contacts = [contact("Zoe"), contact("Bob"), contact("Ann", LATER), contact("Cid", LATER, LATER), contact("Dan", CLOSING)]
    assert names(contacts) == ["Dan", "Cid", "Ann", "Bob", "Zoe"]


def test_the_one_whose_name_the_mail_has_comes_before_all() -> None:
    assert names([contact("Dan Lie", CLOSING), contact("Ane Lie")], "Lie, Ane") == ["Ane Lie", "Dan Lie"]


def test_an_unknown_sender_with_a_known_contacts_name_at_the_same_company_may_be_that_contact() -> None:
    grace, other = contact("Grace Hopper"), contact("Gordon Hopper")
    found = LookUp(CORP, {}, {}, {"hopper.example": KnownAccount(ACCOUNT, (grace, other), 2, ())})
    view = _view(Person("Hopper, Grace", "grace.h@mail.hopper.example"), found, TODAY)
    assert (view.known, view.perhaps, view.account and view.account.account) == (False, (grace,), ACCOUNT)
    assert _view(Person("", "grace.h@hopper.example"), found, TODAY).perhaps == ()


def test_a_known_person_is_not_also_told_by_company() -> None:
    grace = contact("Grace Hopper")
    known = KnownAccount(ACCOUNT, (grace,), 1, ())
    found = LookUp(CORP, {"grace@hopper.example": (grace,)}, {}, {"hopper.example": known})
    view = _view(Person("Grace", "grace+news@hopper.example"), found, TODAY)
    assert [each.contact for each in view.contacts] == [grace]
    assert view.account is None


def test_every_address_is_asked_for_with_and_without_its_tag() -> None:
    assert spellings(["ada+x@a.example", "bob@b.example"]) == {"ada+x@a.example", "ada@a.example", "bob@b.example"}
