"""MailMagnet in Odoo: the mail with a contact, company, lead or opportunity in a tab of its own form."""

from . import controllers, models

__all__ = ["controllers", "models"]
