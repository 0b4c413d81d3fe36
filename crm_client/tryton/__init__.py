"""Tryton: parties with their contact mechanisms, sale opportunities, notes. Read only, over its REST API."""
