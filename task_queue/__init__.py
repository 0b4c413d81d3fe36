"""Outward: the queue of mailboxes to label."""
