"""Run by Tryton's own Python: a world (world.py), given as a JSON file, put into a database by proteus. What it tells at the end, as JSON:
its users' application keys and ids by address, and the ids of its records ("contact sam")."""

import importlib
import json
import sqlite3
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

PASSWORD = "demonstration"  # noqa: S105  each user's, in Tryton's own client
MAIL_INTEGRATION = "Mail Integration"
proteus: Any = importlib.import_module("proteus")


class Filling:
    """One world on its way into one database."""

    def __init__(self, world: dict[str, Any], conf: Path, database: str) -> None:
        self.world = world
        self.file = conf.with_name(f"{database}.sqlite")
        self.config = proteus.config.set_trytond(f"sqlite:///{database}", config_file=str(conf))
        self.ids: dict[str, int] = {}
        self.users: dict[str, int] = {}
        self.keys: dict[str, str] = {}
        self.employees: dict[str, Any] = {}
        self.categories: dict[str, Any] = {}
        self.currencies: dict[str, Any] = {}
        self.firms: dict[str, Any] = {}
        self.people: dict[str, Any] = {}
        self.written: list[tuple[str, tuple[Any, ...]]] = []
        """What Tryton writes by its own clock, and is put right in its database at the end."""

    def fill(self) -> None:
        self.organisation()
        self.all_users()
        self.accounts_and_contacts()
        self.leads()
        self.deals()
        with sqlite3.connect(self.file) as sql:
            for statement, values in self.written:
                sql.execute(statement, values)

    def organisation(self) -> None:
        told = self.world["organisation"]
        others = [each for each in self.world["currencies"] if each["code"] != told["currency"]]
        for each in [{"code": told["currency"], "name": told["currency"], "rate": "1"}, *others]:
            currency = model("currency.currency")(code=each["code"], name=each["name"], symbol=each["code"])
            currency.rounding, currency.digits = Decimal("0.01"), 2
            currency.rates.new(rate=Decimal(each["rate"]), date=date(2000, 1, 1))
            currency.save()
            self.currencies[each["code"]] = currency
        self.own_party = party(told["name"])
        self.own_party.save()
        currency = self.currencies[told["currency"]]
        self.company = model("company.company")(party=self.own_party, currency=currency, timezone=told["time_zone"])
        self.company.save()
        administrator = model("res.user")(self.config.user)
        administrator.companies.append(model("company.company")(self.company.id))
        administrator.company = self.company
        administrator.save()
        self.config._context = model("res.user").get_preferences(True, self.config.context)

    def all_users(self) -> None:
        (self.sales,) = groups_named("Sales")
        self.mail_integration = group(MAIL_INTEGRATION)
        # A rule without tests is always satisfied: an administrator is under the rules of all groups, of which one has to be.
        self.everything = group("Everybody's records", **{"party.party": None, "sale.opportunity": None})
        for told in sorted(self.world["users"], key=lambda each: not each["administrator"]):
            self.one_user(told)
        seen_by_all = [self.own_party, *(model("party.party")(employee.party.id) for employee in self.employees.values())]
        for each in seen_by_all:
            self.shown_to(each, self.categories)
            each.save()

    def one_user(self, told: dict[str, Any]) -> None:
        as_employee = party(told["name"])
        as_employee.save()
        employee = model("company.employee")(party=as_employee, company=self.company)
        employee.save()
        first = not self.users and told["administrator"]
        user = model("res.user")(self.config.user) if first else model("res.user")()
        user.name, user.login, user.email, user.administrator = told["name"], told["email"], told["email"], told["administrator"]
        user.password = PASSWORD
        if not first:
            user.companies.append(model("company.company")(self.company.id))
            user.company = self.company
        user.employees.append(model("company.employee")(employee.id))
        user.employee = employee
        groups = [self.sales, *([self.mail_integration] if told["permitted"] else [])]
        groups.append(self.everything if told["sees_all"] else self.own_records(told["email"], employee))
        groups += [group("All fields")] if self.hidden() and not told["hidden"] else []
        user.groups.extend(model("res.group")(each.id) for each in groups)
        user.save()
        application = model("res.user.application")(user=user, application="rest")
        application.save()
        if not told["active"]:
            user.active = False
            user.save()
        self.users[told["email"]], self.keys[told["email"]] = user.id, application.key
        self.employees[told["email"]] = employee

    def own_records(self, email: str, employee: Any) -> Any:
        """A party has no owner in Tryton: a category says whose it is, and a group for each user lets that user see no others."""
        category = model("party.category")(name=f"Seen by {email}")
        category.save()
        self.categories[email] = category
        rules = {"party.party": [["categories", "in", [category.id]]], "sale.opportunity": [["employee", "=", employee.id]]}
        return group(f"Records of {email}", **rules)

    def hidden(self) -> set[str]:
        return {name for user in self.world["users"] for name in user["hidden"]}

    def hide_fields(self) -> None:
        """From all but those in the group that may see them."""
        fields = {"deals.amount": ("sale.opportunity", "amount"), "contacts.phone": ("party.party", "phone")}
        for of_model, name in (fields[each] for each in sorted(self.hidden()) if each in fields):
            for of_group, may in ((None, False), (group("All fields"), True)):
                access = model("ir.model.field.access")(model=of_model, field=name, group=of_group)
                access.perm_read = access.perm_write = access.perm_create = access.perm_delete = may
                access.save()

    def accounts_and_contacts(self) -> None:
        for told in self.world["accounts"]:
            firm = party(told["name"], website=told["domain"], phone=told["phone"])
            self.shown_to(firm, [told["owner"]])
            self.firms[told["key"]] = firm
        model("party.party").save(list(self.firms.values()))
        for told in self.world["contacts"]:
            person = party(told["name"], [(each, "") for each in told["addresses"]], phone=told["phone"])
            self.shown_to(person, [told["owner"], *told["shared"]])
            self.people[told["key"]] = person
        model("party.party").save(list(self.people.values()))
        self.ids |= {f"account {key}": firm.id for key, firm in self.firms.items()}
        self.ids |= {f"contact {key}": person.id for key, person in self.people.items()}
        works_for = self.works_for()
        relations = [
            model("party.relation.all")(from_=self.people[told["key"]], to=self.firms[told["account"]], type=works_for)
            for told in self.world["contacts"]
            if told["account"]
        ]
        model("party.relation.all").save(relations)
        for told in self.world["contacts"]:
            for each in told["notes"]:
                note = model("ir.note")(resource=self.people[told["key"]], message=each["text"])
                note.save()
                at = datetime.fromisoformat(each["at"]).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
                told_by = self.users[told["owner"]]
                self.written.append(("UPDATE ir_note SET create_date = ?, create_uid = ? WHERE id = ?", (at, told_by, note.id)))

    def works_for(self) -> Any:
        """The two types of relations that the client knows, each the other's reverse."""
        works_for, employs = (model("party.relation.type")(name=name) for name in ("Works for", "Employs"))
        works_for.save()
        employs.reverse = works_for
        employs.save()
        works_for.reverse = employs
        works_for.save()
        return works_for

    def leads(self) -> None:
        """A lead's company is the party, its person the name that a contact mechanism has."""
        for told in self.world["leads"]:
            firm = party(told["company"] or told["name"], [(each, told["name"]) for each in told["addresses"]])
            self.shown_to(firm, [told["owner"]])
            firm.save()
            contact = firm.contact_mechanisms[0] if firm.contact_mechanisms else None
            lead = self.opportunity({**told, "name": f"Lead {told['name']}"}, firm, contact)
            lead.save()
            self.ids[f"lead {told['key']}"] = lead.id

    def deals(self) -> None:
        told_deals, states = self.world["deals"], {stage["key"]: stage["state"] for stage in self.world["stages"]}
        deals = []
        for told in told_deals:
            person = self.people.get(told["primary"] or "")
            deal = self.opportunity(
                told, self.firms.get(told["account"] or "") or person, person.contact_mechanisms[0] if person else None
            )
            deal.currency = self.currencies[told["currency"] or self.world["organisation"]["currency"]]
            deal.amount = Decimal(told["amount"]) if told["amount"] else None
            deal.end_date = date.fromisoformat(told["closing"]) if told["closing"] else None
            deals.append(deal)
        opportunity = model("sale.opportunity")
        opportunity.save(deals)
        self.ids |= {f"deal {told['key']}": deal.id for told, deal in zip(told_deals, deals, strict=True)}
        opportunity.click(deals, "opportunity")
        if lost := [deal for told, deal in zip(told_deals, deals, strict=True) if states[told["stage"]] == "lost"]:
            opportunity.click(lost, "lost")
        for told, deal in zip(told_deals, deals, strict=True):
            if states[told["stage"]] == "won":
                self.sell(deal, Decimal(told["amount"] or 0))
            if states[told["stage"]] != "open":
                self.written.append(("UPDATE sale_opportunity SET end_date = ? WHERE id = ?", (told["closing"], deal.id)))
                if not told["amount"]:
                    self.written.append(("UPDATE sale_opportunity SET amount = NULL WHERE id = ?", (deal.id,)))

    def sell(self, deal: Any, amount: Decimal) -> None:
        """Won comes only from a confirmed sale, whose amount the deal has from then on."""
        deal.click("convert")
        (sale,) = model("sale.sale").find([("origin", "=", f"sale.opportunity,{deal.id}")])
        sale.invoice_address = sale.shipment_address = sale.party.addresses[0]
        line = sale.lines.new(quantity=1, description=deal.description)
        line.unit_price = amount
        sale.save()
        sale.click("quote")
        sale.click("confirm")

    def opportunity(self, told: dict[str, Any], of_party: Any, contact: Any) -> Any:
        return model("sale.opportunity")(
            company=self.company,
            description=told["name"],
            employee=self.employees[told["owner"]],
            party=of_party,
            contact=contact,
        )

    def shown_to(self, of_party: Any, emails: Iterable[str]) -> None:
        for email in emails:
            if email in self.categories:
                of_party.categories.append(model("party.category")(self.categories[email].id))


def model(name: str) -> Any:
    return proteus.Model.get(name)


def groups_named(name: str) -> list[Any]:
    found: list[Any] = model("res.group").find([("name", "=", name)])
    return found


def group(name: str, **rules: list[Any] | None) -> Any:
    """The group with this name, made if it is not there: its users see of each model what satisfies a rule, of which None has no test."""
    if found := groups_named(name):
        return found[0]
    made = model("res.group")(name=name)
    made.save()
    for of_model, domain in rules.items():
        rule = model("ir.rule.group")(name=name, model=of_model, global_p=False, default_p=False)
        rule.groups.append(model("res.group")(made.id))
        if domain is not None:
            rule.rules.new(domain=json.dumps(domain))
        rule.save()
    return made


def party(name: str, addresses: Iterable[tuple[str, str]] = (), website: str = "", phone: str = "") -> Any:
    """A party that is not saved yet; each address with the name that it has."""
    made = model("party.party")(name=name)
    ways = [("email", address, named) for address, named in addresses]
    ways += [("website", f"https://www.{website}", "")] if website else []
    ways += [("phone", phone, "")] if phone else []
    for kind, value, named in ways:
        mechanism = made.contact_mechanisms.new(type=kind)
        mechanism.value = value
        mechanism.name = named or None
        mechanism.type = kind
    return made


if __name__ == "__main__":
    filling = Filling(json.loads(Path(sys.argv[1]).read_text("utf-8")), Path(sys.argv[2]), sys.argv[3])
    filling.fill()
    filling.hide_fields()
    print(json.dumps({"keys": filling.keys, "users": filling.users, "ids": filling.ids}))
