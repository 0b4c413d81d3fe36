"""Outward: Gmail, for the sidebar (one light call) and for the job (history, batches)."""
