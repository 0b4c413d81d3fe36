{
    "name": "Hidden fields, for MailMagnet's tests",
    "version": "19.0.1.0.0",
    "license": "Other OSI approved licence",
    "depends": ["crm"],
    "data": ["groups.xml"],
}
