"""Where contacts stand: each with its category and the reason, and which of several with one address comes first. Pure rules."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from mailmagnet.categories import Decision, decide, decide_for_address, rank
from mailmagnet.crm import Contact, DealState


@dataclass(frozen=True, slots=True)
class ContactStanding:
    """A contact, and the category it is in with the reason, or None."""

    contact: Contact
    decision: Decision | None


def standings_of(contacts: Iterable[Contact], today: date, written_as: str = "") -> tuple[ContactStanding, ...]:
    """Contacts with one address and their categories. The one that decides the label of their mail leads, as it does for the job.

    Otherwise the one whose name the mail has (`written_as`) comes first, then the higher category, more open deals, the name.
    """
    words = name_words(written_as)
    standings = sorted(
        (ContactStanding(contact, decide(contact.deals, today)) for contact in contacts),
        key=lambda standing: (name_words(standing.contact.name) != words, *_relevance(standing)),
    )
    label = decide_for_address((standing.contact for standing in standings), today)
    return tuple(sorted(standings, key=lambda standing: standing.decision != label))


def name_words(name: str) -> frozenset[str]:
    """A name's words, in whatever order and case: "Lie, Ane" has those of "Ane Lie"."""
    return frozenset(name.replace(",", " ").casefold().split())


def _relevance(standing: ContactStanding) -> tuple[int, int, str]:
    open_deals = sum(deal.state is DealState.OPEN for deal in standing.contact.deals)
    return (rank(standing.decision.category if standing.decision else None), -open_deals, standing.contact.name.casefold())
