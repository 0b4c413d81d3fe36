"""Which CRM an organisation has, and where it is served: the record `CrmChoice`, and what an origin may be."""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from mailmagnet.errors import BadRequest

THIS_MACHINE = "127.0.0.1"
EMBEDDED = "embedded"
"""The kind that has no origin: a file of this machine."""


@dataclass(frozen=True, slots=True)
class CrmChoice:
    """Which CRM an organisation has: its `kind` is a word of ours ("embedded"), `origin` is where it is served ("https://crm.example"),
    "" for a kind that has one place for all."""

    kind: str
    origin: str = ""


def origin_of(typed: str, *, private: bool) -> str:
    """The origin that was typed, "https://host[:port]": exact, lower case, without a path. `private`: it may be an address of a private
    network too, and http on this machine.

    Of a name it is not known here where it leads: whoever calls it has to look. Raises BadRequest, in words to show.
    """
    text = typed.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise BadRequest(_WRONG) from None
    plain = private and parts.scheme == "http" and host == THIS_MACHINE
    bare = text.isascii() and text.isprintable() and not (parts.path or parts.query or parts.fragment or set("@\\ %") & set(text))
    if not (bare and host and port != 0 and (parts.scheme == "https" or plain)):
        raise BadRequest(_WRONG)
    if not private and _is_private(host):
        raise BadRequest("address: this one is inside a private network, which MailMagnet's deployment does not allow")
    shown = f"[{host}]" if ":" in host else host
    usual = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{shown}" + (f":{port}" if port and port != usual else "")


_WRONG = "address: type it as https://crm.example, without anything behind it"


def _is_private(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        last = host.rpartition(".")[2]
        # A name of one word is this network's; a last word of digits or 0x is an IPv4 address in one of its old spellings.
        return "." not in host or last in {"localhost", "local", "internal", "lan"} or last[:1].isdigit()
