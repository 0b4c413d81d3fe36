"""CRM vendors' own addresses: constants, so that production cannot be pointed at anybody else."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vendors:
    """Where each vendor is called, and what it may name as an account's own place: a field for each (`crm_client/VENDOR/addresses.py`)."""
