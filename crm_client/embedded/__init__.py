"""The embedded CRM: a small CRM of its own in one SQLite file, for teams that have none."""
