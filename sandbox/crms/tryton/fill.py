# Run by Tryton's own Python behind a line that sets `world`: the contract's world put into Tryton by proteus, and each user's key told at the end.
# ruff: noqa
import json
import sqlite3
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from proteus import Model, config

world: Any
conf, database = sys.argv[1:]
config.set_trytond(f"sqlite:///{database}", config_file=conf)

(
    User, Group, Application, RuleGroup, Rule, Party, Mechanism, Category, Company, Employee, Currency, Opportunity, Note, RelationType,
    Relation,
) = map(
    Model.get,
    (
        "res.user", "res.group", "res.user.application", "ir.rule.group", "ir.rule", "party.party", "party.contact_mechanism",
        "party.category", "company.company", "company.employee", "currency.currency", "sale.opportunity", "ir.note",
        "party.relation.type", "party.relation.all",
    ),
)  # fmt: skip

users, parties, employees, mechanisms, ids, keys = {}, {}, {}, {}, {}, {}


def one(model, **values):
    return model.find([(name, "=", value) for name, value in values.items()])[0]


def party(name, addresses=(), website="", phone="", title=""):
    made = Party(name=name)
    for place, value in enumerate(addresses):
        # As an address was typed: Tryton keeps its letters' case.
        mechanism = made.contact_mechanisms.new(type="email")
        mechanism.value = value.replace("a", "A", 1) if place == 0 else value
        mechanism.name = title if place == 0 else None
        mechanism.type = "email"
    if website:
        mechanism = made.contact_mechanisms.new(type="website")
        mechanism.value = "https://www." + website
        mechanism.type = "website"
    if phone:
        mechanism = made.contact_mechanisms.new(type="phone")
        mechanism.value = phone
        mechanism.type = "phone"
    made.save()
    return made


for code, name, rate in [(each["code"], each["name"], each["rate"]) for each in world["currencies"]]:
    currency = Currency(code=code, name=name, numeric_code="", symbol=code, rounding=Decimal("0.01"), digits=2)
    currency.rates.new(rate=Decimal(rate), date=date(2026, 1, 1))
    currency.save()

own = party(world["organisation"]["name"])
company = Company(party=own, currency=one(Currency, code=world["organisation"]["currency"]), timezone=world["organisation"]["time_zone"])
company.save()
root = User(config.get_config().user)
root.companies.append(Company(company.id))
root.company = company
root.save()
config.get_config()._context = User.get_preferences(True, config.get_config().context)

mail_integration = Group(name="Mail Integration")
mail_integration.save()
sales = one(Group, name="Sales")

# A rule without tests is always satisfied: an administrator is under the rules of all groups, of which one has to be.
everything = Group(name="Everybody's records")
everything.save()
for model in ("party.party", "sale.opportunity"):
    rules = RuleGroup(name="Everybody's records", model=model, global_p=False, default_p=False)
    rules.groups.append(Group(everything.id))
    rules.save()

# A party has no owner in Tryton: a category says whose it is, and a group for each user lets that user see no others.
categories = {}
own_deals = Group(name="Own opportunities")
own_deals.save()
rules = RuleGroup(name="Own opportunities", model="sale.opportunity", global_p=False, default_p=False)
rules.groups.append(Group(own_deals.id))
rules.rules.new(domain='[["employee", "in", {"__class__": "Eval", "v": "employees", "d": []}]]')
rules.save()

for user in world["users"]:
    made = User(name=user["name"], login=user["email"], email=user["email"], administrator=user["administrator"])
    made.companies.append(Company(company.id))
    made.company = company
    parties["user " + user["email"]] = party(user["name"])
    employee = Employee(party=parties["user " + user["email"]], company=company)
    employee.save()
    employees[user["email"]] = employee
    made.employees.append(Employee(employee.id))
    made.employee = employee
    made.groups.append(Group(sales.id))
    if user["permitted"]:
        made.groups.append(Group(mail_integration.id))
    if user["sees_all"]:
        made.groups.append(Group(everything.id))
    else:
        category = Category(name="Seen by " + user["email"])
        category.save()
        categories[user["email"]] = category
        group = Group(name="Parties of " + user["email"])
        group.save()
        rules = RuleGroup(name="Parties of " + user["email"], model="party.party", global_p=False, default_p=False)
        rules.groups.append(Group(group.id))
        rules.rules.new(domain=json.dumps([["categories", "in", [category.id]]]))
        rules.save()
        made.groups.append(Group(own_deals.id))
        made.groups.append(Group(group.id))
    made.save()
    users[user["email"]] = made
    application = Application(user=made, application="rest")
    application.save()
    keys[user["email"]] = application.key
    if not user["active"]:
        made.active = False
        made.save()


def seen_by(made, emails):
    for email in emails:
        if email in categories:
            made.categories.append(Category(categories[email].id))
    made.save()


for made in [own, *(parties["user " + email] for email in users)]:
    seen_by(made, list(categories))

works_for, employs = RelationType(name="Works for"), RelationType(name="Employs")
works_for.save()
employs.reverse = works_for
employs.save()
works_for.reverse = employs
works_for.save()


def employ(person, firm):
    Relation(from_=person, to=firm, type=works_for).save()


firms = {}
for account in world["accounts"]:
    firms[account["key"]] = party(account["name"], website=account["domain"], phone=account["phone"])
    seen_by(firms[account["key"]], [account["owner"]])
    ids["account " + account["key"]] = firms[account["key"]].id

people = {}
note_times = {}
for contact in world["contacts"]:
    made = party(contact["name"], contact["addresses"], phone=contact["phone"], title=contact["title"])
    seen_by(made, [contact["owner"], *contact["shared"]])
    people[contact["key"]] = made
    ids["contact " + contact["key"]] = made.id
    if contact["account"]:
        employ(made, firms[contact["account"]])
    with config.get_config().set_context(user=users[contact["owner"]].id):
        for note in contact["notes"]:
            written = Note(resource=made, message=note["text"])
            written.save()
            note_times[written.id] = (datetime.fromisoformat(note["at"]), users[contact["owner"]].id)


def opportunity(deal, **values):
    made = Opportunity(company=company, description=deal["name"], employee=employees[deal["owner"]], **values)
    made.save()
    return made


for lead in world["leads"]:
    made = party(lead["name"], lead["addresses"])
    seen_by(made, [lead["owner"]])
    if lead["company"]:
        firm = firms.get("of leads " + lead["company"]) or party(lead["company"])
        firms["of leads " + lead["company"]] = firm
        seen_by(firm, [lead["owner"]])
        employ(made, firm)
    ids["lead " + lead["key"]] = opportunity(lead, party=made).id

states = {stage["key"]: stage["state"] for stage in world["stages"]}
closings = {}
for deal in world["deals"]:
    contact = people.get(deal["primary"] or "")
    firm = firms.get(deal["account"] or "")
    made = opportunity(
        deal,
        party=firm or contact,
        contact=contact.contact_mechanisms[0] if contact else None,
        currency=one(Currency, code=deal["currency"] or world["organisation"]["currency"]),
        amount=Decimal(deal["amount"]) if deal["amount"] else None,
        end_date=date.fromisoformat(deal["closing"]) if deal["closing"] else None,
    )
    made.click("opportunity")
    if states[deal["stage"]] == "lost":
        made.click("lost")
        closings[made.id] = deal["closing"]
    if states[deal["stage"]] == "won":
        made.click("convert")
        [sale] = made.sales
        sale.invoice_address = sale.shipment_address = sale.party.addresses[0]
        line = sale.lines.new(quantity=1, description=deal["name"])
        line.unit_price = Decimal(deal["amount"] or 0)
        sale.save()
        sale.click("quote")
        sale.click("confirm")
        closings[made.id] = deal["closing"]
    ids["deal " + deal["key"]] = made.id

# What Tryton writes by its own clock.
path = Path(conf).with_name("database") / f"{database}.sqlite"
with sqlite3.connect(path) as sql:
    for note, (at, author) in note_times.items():
        sql.execute("UPDATE ir_note SET create_date = ?, create_uid = ? WHERE id = ?", (at.strftime("%Y-%m-%d %H:%M:%S.%f"), author, note))
    for made, closing in closings.items():
        sql.execute("UPDATE sale_opportunity SET end_date = ? WHERE id = ?", (closing, made))

print(json.dumps({"keys": keys, "ids": ids, "users": {email: user.id for email, user in users.items()}}))
