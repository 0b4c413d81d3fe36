"""The CRMs. One file for each, fulfilling `mailmagnet.crm.Crm`; the embedded one, itself a small CRM, is `embedded*.py`."""
