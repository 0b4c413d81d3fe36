"""The frame in a record's form: it leads to our own controller, which signs who looks at the moment of looking."""

from markupsafe import Markup
from odoo import fields, models

FRAME = Markup('<iframe title="Mail" src="/mailmagnet/{}/{}" style="width: 100%; height: 65vh; border: 0"></iframe>')


class Partner(models.Model):
    _inherit = "res.partner"

    mailmagnet_frame = fields.Html(compute="_compute_mailmagnet_frame", sanitize=False)

    def _compute_mailmagnet_frame(self):
        for record in self:
            record.mailmagnet_frame = FRAME.format(record._name, record.id) if isinstance(record.id, int) else False


class Lead(models.Model):
    _inherit = "crm.lead"

    mailmagnet_frame = fields.Html(compute="_compute_mailmagnet_frame", sanitize=False)

    def _compute_mailmagnet_frame(self):
        for record in self:
            record.mailmagnet_frame = FRAME.format(record._name, record.id) if isinstance(record.id, int) else False
