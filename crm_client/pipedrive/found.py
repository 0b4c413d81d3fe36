"""A search at Pipedrive: what it has found of each kind, with what belongs to that, and then read."""

from collections.abc import Iterable, Sequence

from crm_client.fields import Record, inner, text
from crm_client.pipedrive.people import DEALS, IDS_A_CALL, PERSONS, SEARCH_PAGE, People, items_of, of_kind
from crm_client.pipedrive.records import Records, id_of
from crm_client.pipedrive.server import IN_FRONT, PipedriveUser
from crm_client.records import readable
from crm_client.side_by_side import all_of
from mailmagnet.crm import Found

KINDS = ("person", "organization", "deal", "lead")
_NAMES = {"person": "contacts", "organization": "accounts", "deal": "deals", "lead": "leads"}


async def found_by(words: str, most: int, asking: PipedriveUser, people: People, records: Records) -> Found:
    """Records by their names, people by their addresses too, and all that belongs to a company by the company's name."""
    answer = await _search(asking, words, KINDS, SEARCH_PAGE)
    items, related = items_of(answer, "items"), items_of(answer, "related_items")
    if text(inner(answer, "additional_data"), "next_cursor"):
        items += await _of_scarce_kinds(asking, words, items, most)
    found = _by_kind(items, related)
    told = {kind: each[:most] for kind, each in found.items()}
    of_people, of_deals = told["person"], told["deal"]
    organizations = [*(id_of(each, "organization") for each in (*of_people, *of_deals)), *map(id_of, told["organization"])]
    persons, deals, accounts = await all_of(
        [_by_ids(asking, PERSONS, of_people), _by_ids(asking, DEALS, of_deals), people.accounts(organizations)]
    )
    return Found(
        contacts=tuple(records.contact(persons.get(id_of(each), each), accounts) for each in of_people),
        accounts=tuple(accounts[id_of(each)] for each in told["organization"] if id_of(each) in accounts),
        deals=tuple(
            readable(lambda each: records.deal(each, accounts), [deals[id_of(each)] for each in of_deals if id_of(each) in deals])
        ),
        leads=tuple(records.lead(each, _person_of(each), text(inner(each, "organization"), "name")) for each in told["lead"]),
        more=frozenset(_NAMES[kind] for kind, each in found.items() if len(each) > most),
    )


async def _search(asking: PipedriveUser, words: str, kinds: Iterable[str], limit: int) -> Record:
    return await asking.search(
        IN_FRONT, term=words, item_types=",".join(kinds), fields="name,email,title", search_for_related_items=True, limit=limit
    )


async def _of_scarce_kinds(asking: PipedriveUser, words: str, items: Sequence[Record], most: int) -> list[Record]:
    """One search has its best hits in one page, whatever their kind: the others of kinds of which there are few in it."""
    scarce = [kind for kind in KINDS if len(of_kind(kind, items)) <= most]
    answers = await all_of([_search(asking, words, [kind], min(most + 1, SEARCH_PAGE)) for kind in scarce])
    return [item for answer in answers for item in items_of(answer, "items")]


def _by_kind(items: Sequence[Record], related: Sequence[Record]) -> dict[str, list[Record]]:
    """Related items are found too where they belong to an organisation that is, leads also where they belong to a person. A person of whom
    there is a lead and no deal is a lead alone."""
    there = {id_of(each) for each in of_kind("organization", items)}
    at = [each for each in related if id_of(each, "organization") in there]
    deals = _each_once([*of_kind("deal", items), *of_kind("deal", at)])
    leads = _each_once([*of_kind("lead", items), *of_kind("lead", related)])
    people = _each_once([*of_kind("person", items), *of_kind("person", at)])
    with_deals = {id_of(each, "person") for each in of_kind("deal", [*items, *related])}
    with_leads = {id_of(each, "person") for each in leads}
    contacts = [each for each in people if id_of(each) in with_deals or id_of(each) not in with_leads]
    return {"person": contacts, "organization": _each_once(of_kind("organization", items)), "deal": deals, "lead": leads}


async def _by_ids(asking: PipedriveUser, path: str, items: Sequence[Record]) -> dict[str, Record]:
    if not items:
        return {}
    found, _ = await asking.records(path, IDS_A_CALL, ids=",".join(id_of(each) for each in items[:IDS_A_CALL]))
    return {id_of(each): each for each in found}


def _each_once(items: Iterable[Record]) -> list[Record]:
    return list({str(each.get("id")): each for each in items}.values())


def _person_of(lead: Record) -> Record:
    """The person of a lead that a search has found."""
    return {"name": text(inner(lead, "person"), "name"), "emails": lead.get("emails"), "phones": lead.get("phones")}
