"""Zoho CRM, over its API v8."""
