"""Run by `odoo shell` behind a line that sets `world` (sandbox/crms/world.py): the world put into Odoo, and each user's API key told."""

# ruff: noqa
import json
from datetime import datetime, timedelta, timezone
from typing import Any

from markupsafe import Markup

env: Any
world: Any

Groups, Users, Partners, Leads, Stages, Teams, Reasons, Activities = (
    env[name]
    for name in (
        "res.groups",
        "res.users",
        "res.partner",
        "crm.lead",
        "crm.stage",
        "crm.team",
        "crm.lost.reason",
        "mail.activity",
    )
)
ref = env.ref
# Nobody reads in the chatter who made what.
Partners, Leads = (model.with_context(tracking_disable=True, mail_create_nolog=True) for model in (Partners, Leads))


def utc(moment: str) -> datetime:
    at = datetime.fromisoformat(moment)
    return (at.astimezone(timezone.utc) if at.tzinfo else at).replace(tzinfo=None)


home = ref("base." + world["organisation"]["currency"])
home.active = True
env.company.write({"name": world["organisation"]["name"], "currency_id": home.id})
for currency in world["currencies"]:
    found = ref("base." + currency["code"])
    found.write({"active": True, "full_name": currency["name"]})
    env["res.currency.rate"].create({"currency_id": found.id, "rate": float(currency["rate"]), "name": "2020-01-01"})

mail_integration = Groups.search([("name", "=", "Mail Integration")]) or Groups.create({"name": "Mail Integration"})
own_contacts = Groups.create({"name": "Own contacts"})
env["ir.rule"].create(
    {
        "name": "Own contacts and shared ones",
        "model_id": env["ir.model"]._get("res.partner").id,
        "groups": [(6, 0, [own_contacts.id])],
        "domain_force": "['|', '|', ('user_id', '=', user.id), ('user_ids.active', 'in', [True, False]), ('comment', 'like', 'shared with %s;' % user.login)]",
    }
)

users, keys = {}, {}
# The installation's own administrator is nobody of this world, or one who has left.
first = ref("base.user_admin")
for user in world["users"]:
    groups = [
        ref("base.group_user"),
        ref("sales_team.group_sale_salesman_all_leads" if user["sees_all"] else "sales_team.group_sale_salesman"),
    ]
    groups += list(Groups.search([("name", "in", ["contacts.phone", "deals.amount"]), ("name", "not in", user["hidden"])]))
    groups += [mail_integration] if user["permitted"] else []
    groups += [ref("base.group_system"), ref("sales_team.group_sale_manager")] if user["administrator"] else []
    groups += [] if user["sees_all"] else [own_contacts]
    values = {
        "name": user["name"],
        "login": user["email"],
        "password": user["email"],
        "email": user["email"],
        "group_ids": [(6, 0, [group.id for group in groups])],
        "tz": world["organisation"]["time_zone"],
    }
    if not user["active"] and first.login == "admin":
        first.write(values)
        created = first
    else:
        created = Users.create(values)
    users[user["email"]] = created
    until = datetime.now() + timedelta(days=30)
    keys[user["email"]] = env["res.users.apikeys"].with_user(created)._generate("rpc", "MailMagnet", until)
    if not user["active"]:
        created.active = False
        created.partner_id.active = False
first.active = False
first.partner_id.active = False

ids: dict[str, int] = {}
teams: dict[str, Any] = {}
lost: dict[str, Any] = {}
Stages.search([]).write({"sequence": 1000})
Teams.search([]).active = False
for position, stage in enumerate(world["stages"]):
    team = teams.get(stage["pipeline"]) or Teams.create({"name": stage["pipeline"], "sequence": len(teams)})
    teams[stage["pipeline"]] = team
    if stage["state"] == "lost":
        lost[stage["key"]] = Reasons.create({"name": stage["name"]}), team
        continue
    values = {"name": stage["name"], "is_won": stage["state"] == "won", "sequence": position, "team_ids": [(6, 0, [team.id])]}
    ids["stage " + stage["key"]] = Stages.create(values).id
team_of = {stage["key"]: teams[stage["pipeline"]] for stage in world["stages"]}
first_stage = {stage["pipeline"]: ids["stage " + stage["key"]] for stage in reversed(world["stages"]) if stage["state"] == "open"}

accounts = {}
for account in world["accounts"]:
    accounts[account["key"]] = Partners.create(
        {
            "name": account["name"],
            "is_company": True,
            "user_id": users[account["owner"]].id,
            "website": "https://www." + account["domain"] if account["domain"] else False,
            "phone": account["phone"],
        }
    )
    ids["account " + account["key"]] = accounts[account["key"]].id

KINDS = {
    "call": "mail.mail_activity_data_call",
    "meeting": "mail.mail_activity_data_meeting",
    "task": "mail.mail_activity_data_todo",
}
contacts, done = {}, []
for contact in world["contacts"]:
    address = contact["addresses"][0] if contact["addresses"] else ""
    created = Partners.create(
        {
            "name": contact["name"],
            "parent_id": accounts[contact["account"]].id if contact["account"] else False,
            "user_id": users[contact["owner"]].id,
            "email": address or False,
            "function": contact["title"],
            "phone": contact["phone"],
            "comment": "".join("shared with %s;" % email for email in contact["shared"]),
        }
    )
    contacts[contact["key"]] = created
    ids["contact " + contact["key"]] = created.id
    owner = users[contact["owner"]]
    for note in contact["notes"]:
        body = Markup("<p>%s</p>") % Markup("<br>").join(note["text"].split("\n"))
        message = created.with_user(owner).message_post(body=body, message_type="comment", subtype_xmlid="mail.mt_note")
        message.sudo().date = utc(note["at"])
    for activity in contact["activities"]:
        made = Activities.with_user(owner).create(
            {
                "res_model_id": env["ir.model"]._get("res.partner").id,
                "res_id": created.id,
                "activity_type_id": ref(KINDS[activity["kind"]]).id,
                "summary": activity["subject"],
                "date_deadline": activity["at"][:10],
                "user_id": owner.id,
            }
        )
        if activity["done"]:
            made.action_done()
            done.append((made.id, activity["at"][:10]))
env.flush_all()
for activity_id, day in done:
    env.cr.execute("UPDATE mail_activity SET date_done = %s WHERE id = %s", (day, activity_id))

for lead in world["leads"]:
    ids["lead " + lead["key"]] = Leads.create(
        {
            "type": "lead",
            "name": "Lead of " + lead["name"],
            "contact_name": lead["name"],
            "partner_name": lead["company"],
            "email_from": lead["addresses"][0] if lead["addresses"] else False,
            "user_id": users[lead["owner"]].id,
            "team_id": False,
        }
    ).id

for deal in world["deals"]:
    # One person a deal: the first who has a role where no one is primary.
    person = deal["primary"] or next(iter(deal["roles"]), None)
    partner = contacts[person] if person else accounts[deal["account"]] if deal["account"] else Partners
    team = team_of[deal["stage"]]
    created = Leads.create(
        {
            "type": "opportunity",
            "name": deal["name"],
            "partner_id": partner.id,
            "user_id": users[deal["owner"]].id,
            "team_id": team.id,
            "stage_id": first_stage[team.name] if deal["stage"] in lost else ids["stage " + deal["stage"]],
            "expected_revenue": float(deal["amount"] or 0),
            "date_deadline": deal["closing"],
        }
    )
    if deal["stage"] in lost:
        created.action_set_lost(lost_reason_id=lost[deal["stage"]][0].id)
    ids["deal " + deal["key"]] = created.id

env.cr.commit()

told = {
    "keys": keys,
    "ids": ids,
    "users": {email: user.id for email, user in users.items()},
    "teams": {n: t.id for n, t in teams.items()},
}
print("WORLD " + json.dumps(told))
