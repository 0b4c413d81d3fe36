"""Zoho CRM v8 on this machine, as far as MailMagnet asks it: what is not asked is refused in Zoho's own words."""
