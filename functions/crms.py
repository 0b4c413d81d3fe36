"""The closed list of CRMs, by what each kind is called in the settings; and which of them was typed."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module

from crm_client.kind import CrmKind
from mailmagnet.crm_choice import EMBEDDED, CrmChoice, origin_of
from mailmagnet.errors import BadRequest


class Kinds(Mapping[str, CrmKind]):
    """Kinds by their words, each had from its maker when it is asked for."""

    def __init__(self, makers: dict[str, Callable[[], CrmKind]]) -> None:
        self.makers = makers

    def __getitem__(self, word: str) -> CrmKind:
        return self.makers[word]()

    def __iter__(self) -> Iterator[str]:
        return iter(self.makers)

    def __len__(self) -> int:
        return len(self.makers)


def _imported(word: str) -> CrmKind:
    """A process needs the client of one CRM or two: the sidebar's start waits for no other's."""
    kind: CrmKind = getattr(import_module(f"crm_client.{word}.kind"), f"{word.upper()}_KIND")
    return kind


_WORDS = ("salesforce", "hubspot", "zoho", "pipedrive", "odoo", "tryton", EMBEDDED)
KINDS = Kinds({word: partial(_imported, word) for word in _WORDS})
"""By the word for the kind: what MAILMAGNET_CRM, deployment.yaml and an organisation's policy may say."""


def checked_crm(kind: str, origin: str, *, private: bool) -> CrmChoice:
    """A CRM as it was typed. `private`: it may be served in a private network. Raises BadRequest, in words to show."""
    if kind not in KINDS.makers:
        raise BadRequest(f"CRM: one of {', '.join(KINDS)}")
    if not KINDS[kind].has_origin:
        if origin.strip():
            raise BadRequest("address: this CRM has none")
        return CrmChoice(kind)
    return CrmChoice(kind, origin_of(origin, private=private))
