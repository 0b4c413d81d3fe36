"""Amounts as people write them in tables ("1,234.50", "1.234,50", "1 234,50 €"); what could mean two is told, not guessed."""

import re
import unicodedata
from decimal import Decimal

from mailmagnet.errors import BadRequest

_WRITTEN = re.compile(
    r"(?P<sign>-?)\s*(?P<before>[^\d\s.,'’-]*)\s*(?P<number>\d[\d\s.,'’]*)(?<=\d)\s*(?P<after>[^\d\s.,'’-]*)", re.ASCII
)
_GROUPED = r"(?:[1-9]\d{{0,2}}(?:{0}\d{{3}})+|[1-9]\d?(?:{0}\d{{2}})+{0}\d{{3}})"
_READINGS = [
    (group, decimal, re.compile(rf"(?:{_GROUPED.format(re.escape(group))}|\d+)(?:{re.escape(decimal)}\d+)?", re.ASCII))
    for group in (" ", "'", ".", ",")
    for decimal in (".", ",")
    if group != decimal
]
_CURRENCIES = {
    "€": {"EUR"},
    "£": {"GBP"},
    "¥": {"JPY", "CNY"},
    "$": {"USD", "AUD", "CAD", "HKD", "MXN", "NZD", "SGD"},
    "₹": {"INR"},
    "₪": {"ILS"},
    "₩": {"KRW"},
    "zł": {"PLN"},
    "kr": {"DKK", "NOK", "SEK"},
    "Kč": {"CZK"},
}


def read_amount(text: str) -> tuple[Decimal, str]:
    """An amount, and the currency sign or code it is written with, or "". Raises BadRequest that says why the cell is not an amount."""
    written = _WRITTEN.fullmatch(unicodedata.normalize("NFKC", text).replace("−", "-").strip())
    if written is None or (written["before"] and written["after"]):
        raise BadRequest(f"'{text}' is no amount")
    number = re.sub(r"\s+", " ", written["number"]).replace("’", "'")
    readings = {
        Decimal(number.replace(group, "").replace(decimal, ".")) for group, decimal, form in _READINGS if form.fullmatch(number)
    }
    if not readings:
        raise BadRequest(f"'{text}' is no amount")
    if len(readings) > 1:
        small, large = sorted(readings)
        raise BadRequest(f"'{text}' could be {large:f} or {small:f}: write {large:.2f} or {small:f}0")
    amount = readings.pop()
    return amount.copy_negate() if written["sign"] else amount, written["before"] or written["after"]


def written_amount(amount: Decimal) -> str:
    """An amount as `read_amount` reads it, with a decimal point and no other separator."""
    plain = format(amount, "f")
    return f"{plain}0" if re.fullmatch(r"-?[1-9]\d{0,2}\.\d{3}", plain) else plain


def currencies_meant(sign: str) -> frozenset[str]:
    """The currency codes that a sign or code beside an amount may mean."""
    return frozenset(_CURRENCIES.get(sign, {sign.upper()}))
