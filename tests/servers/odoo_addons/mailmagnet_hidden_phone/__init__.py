"""A field that not everybody may read, as modules of companies have them."""

from odoo import fields, models


class Partner(models.Model):
    _inherit = "res.partner"

    phone = fields.Char(groups="mailmagnet_hidden_phone.group_with_phone")
