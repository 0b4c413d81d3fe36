"""Pipedrive, over its API of version 2, and of version 1 for what version 2 does not have."""
