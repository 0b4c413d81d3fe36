"""Zoho CRM, as errors name it."""

from mailmagnet.errors import Service, Side

ZOHO = Service(Side.CRM, "Zoho CRM")
