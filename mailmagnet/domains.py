"""Mail domains: which part of one is registered (and so tells the company), and which are free-mail providers'. Pure rules."""

import re
from functools import cache, lru_cache
from itertools import chain
from pathlib import Path

from publicsuffixlist import PSLFILE, PublicSuffixList

RESERVED = ("example", "test", "localhost", "invalid")
"""Top-level domains kept for documentation and tests (https://www.rfc-editor.org/rfc/rfc2606): no public suffix list has them."""

HOSTNAME = re.compile(r"[^\s\x00-\x20./\\@:?#\[\]%]{1,63}(?:\.[^\s\x00-\x20./\\@:?#\[\]%]{1,63})+")


@lru_cache(maxsize=4096)  # a mail's people are looked up several times, and their domains stand in many mails
def registered_domain(domain: str) -> str:
    """The part of a canonical domain that somebody registered: mail.corp.co.uk is corp.co.uk.

    By the public suffix list, its private part included (so that two tenants of a hosting domain are two), from the copy that
    publicsuffixlist brings along. "" for a suffix itself, an address literal, a bare host name, and a domain without a known suffix.
    """
    if len(domain) > 253 or not HOSTNAME.fullmatch(domain):  # noqa: PLR2004 - https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4
        return ""
    return _suffixes().privatesuffix(domain) or ""


def is_free_mail(domain: str) -> bool:
    """Whether anybody can have an address in this canonical domain, so that it tells nothing about a company."""
    providers = _free_mail()
    return domain in providers or registered_domain(domain) in providers


@cache
def _suffixes() -> PublicSuffixList:
    with Path(PSLFILE).open("rb") as rules:
        return PublicSuffixList(chain(rules, RESERVED), accept_unknown=False)


@cache
def _free_mail() -> frozenset[str]:
    lines = Path(__file__).with_name("free_mail.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))
