"""Fields that not everybody may read, as modules of companies have them."""

from odoo import fields, models


class Partner(models.Model):
    _inherit = "res.partner"

    phone = fields.Char(groups="mailmagnet_hidden_fields.group_with_phone")


class Lead(models.Model):
    _inherit = "crm.lead"

    expected_revenue = fields.Monetary(groups="mailmagnet_hidden_fields.group_with_amount")
