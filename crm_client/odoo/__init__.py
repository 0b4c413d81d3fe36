"""Odoo 19 and newer, over its JSON-2 API."""
