"""Outward: notices to a space of Google Chat, by the webhook that its user has made there."""
