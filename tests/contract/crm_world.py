"""The contract's world as the JSON document that stand-ins and real servers are filled with."""

from sandbox.crms.world import CrmContact, CrmDeal, CrmWorld
from tests.contract.crm_contract import (
    ACCOUNTS,
    CONTACTS,
    CURRENCIES,
    DEALS,
    LEADS,
    ORGANISATION,
    STAGES,
    USERS,
    WorldContact,
    WorldDeal,
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
