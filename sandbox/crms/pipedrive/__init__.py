"""Pipedrive on this machine: one company with its users and records, its API, its limits and its sign-in."""
