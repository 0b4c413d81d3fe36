# Run by `odoo shell` behind a line that sets `world`: the contract's world put into Odoo, and each user's API key told at the end.
# ruff: noqa
import json
from datetime import datetime, timedelta
from typing import Any

env: Any
world: Any

Groups, Users, Partners, Leads, Stages = (
    env[name] for name in ("res.groups", "res.users", "res.partner", "crm.lead", "crm.stage")
)
ref = env.ref

env.company.write({"name": world["organisation"]["name"], "currency_id": ref("base." + world["organisation"]["currency"]).id})
ref("base." + world["organisation"]["currency"]).active = True

mail_integration = Groups.create({"name": "Mail Integration"})
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
for user in world["users"]:
    groups = [
        ref("base.group_user"),
        ref("sales_team.group_sale_salesman_all_leads" if user["sees_all"] else "sales_team.group_sale_salesman"),
    ]
    groups += [mail_integration] if user["permitted"] else []
    groups += [ref("base.group_system")] if user["administrator"] else []
    groups += [] if user["sees_all"] else [own_contacts]
    created = Users.create(
        {
            "name": user["name"],
            "login": user["email"],
            "email": user["email"],
            "group_ids": [(6, 0, [group.id for group in groups])],
            "tz": world["organisation"]["time_zone"],
        }
    )
    users[user["email"]] = created
    until = datetime.now() + timedelta(days=30)
    keys[user["email"]] = env["res.users.apikeys"].with_user(created)._generate("rpc", "MailMagnet", until)
    if not user["active"]:
        created.active = False
        created.partner_id.active = False
# The installation's own administrator is nobody of this world.
ref("base.user_admin").active = False
ref("base.user_admin").partner_id.active = False

ids = {}
Stages.search([]).write({"sequence": 1000})
for position, stage in enumerate(world["stages"]):
    if stage["state"] != "lost":
        ids["stage " + stage["key"]] = Stages.create(
            {"name": stage["name"], "is_won": stage["state"] == "won", "sequence": position}
        ).id
lost = {stage["key"] for stage in world["stages"] if stage["state"] == "lost"}

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

contacts = {}
for contact in world["contacts"]:
    created = Partners.create(
        {
            "name": contact["name"],
            "parent_id": accounts[contact["account"]].id if contact["account"] else False,
            "user_id": users[contact["owner"]].id,
            "email": '"%s" <%s>' % (contact["name"], contact["address"].replace("a", "A", 1)),
            "function": contact["title"],
            "phone": contact["phone"],
            "comment": "".join("shared with %s;" % email for email in contact["shared"]),
        }
    )
    contacts[contact["key"]] = created
    ids["contact " + contact["key"]] = created.id
    for planned in contact["planned"]:
        kind = {
            "call": "mail.mail_activity_data_call",
            "meeting": "mail.mail_activity_data_meeting",
            "task": "mail.mail_activity_data_todo",
        }
        env["mail.activity"].with_user(users[contact["owner"]]).create(
            {
                "res_model_id": env["ir.model"]._get("res.partner").id,
                "res_id": created.id,
                "activity_type_id": ref(kind[planned["kind"]]).id,
                "summary": planned["subject"],
                "date_deadline": planned["on"],
                "user_id": users[contact["owner"]].id,
            }
        )

for lead in world["leads"]:
    ids["lead " + lead["key"]] = Leads.create(
        {
            "type": "lead",
            "name": "Lead of " + lead["name"],
            "contact_name": lead["name"],
            "partner_name": lead["company"],
            "email_from": lead["address"],
            "user_id": users[lead["owner"]].id,
        }
    ).id

for deal in world["deals"]:
    partner = contacts[deal["primary"]] if deal["primary"] else accounts[deal["account"]]
    created = Leads.create(
        {
            "type": "opportunity",
            "name": deal["name"],
            "partner_id": partner.id,
            "user_id": users[deal["owner"]].id,
            "stage_id": ids["stage " + deal["stage"]] if deal["stage"] not in lost else ids["stage qualification"],
            "expected_revenue": float(deal["amount"] or 0),
            "date_deadline": deal["closing"],
        }
    )
    if deal["stage"] in lost:
        created.action_set_lost()
    ids["deal " + deal["key"]] = created.id

env.cr.commit()

print("WORLD " + json.dumps({"keys": keys, "ids": ids, "users": {email: user.id for email, user in users.items()}}))
