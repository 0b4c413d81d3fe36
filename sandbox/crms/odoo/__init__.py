"""A real Odoo on this machine, filled with a world."""
