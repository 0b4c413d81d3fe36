"""The deployed entry points' names, nothing else."""

from functions.entry_points import addon, label_mailbox, label_tick, pages

__all__ = ["addon", "label_mailbox", "label_tick", "pages"]
