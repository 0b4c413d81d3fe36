{
    "name": "MailMagnet",
    "summary": "The mail with a contact, company, lead or opportunity, in its own form",
    "version": "19.0.1.0.0",
    "category": "Sales/CRM",
    "license": "Other OSI approved licence",
    "depends": ["crm"],
    "data": ["security/mail_integration.xml", "views/mail_tab.xml"],
}
