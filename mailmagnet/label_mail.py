"""The use case "label mail": one mailbox's run, from lease to cursor."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mailmagnet.categories import Category, Decision


@dataclass(frozen=True, slots=True)
class Move:
    """What is to be done with one mail and why: its decision's label added, INBOX removed."""

    mail_id: str
    from_address: str
    received_at: datetime
    decision: Decision
    in_inbox: bool


@dataclass(frozen=True, slots=True)
class LabelRun:
    """What a run did, or (dry) would do. `remaining` mails are left for the next run; `units` are Gmail quota units."""

    moves: tuple[Move, ...]
    looked_at: int
    remaining: int
    units: int
    crm_calls: int
    dry: bool = False
