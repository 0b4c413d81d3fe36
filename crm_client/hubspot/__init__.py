"""HubSpot, over its date-based API, version 2026-09."""
