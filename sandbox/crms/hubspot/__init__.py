"""HubSpot on this machine: its date-based API of 2026, its sign-in, and a page for each record."""
