BEGIN TRANSACTION;
CREATE TABLE mailboxes (
    org TEXT, user TEXT, address TEXT NOT NULL, mailmagnet_since INTEGER, labelling_since INTEGER,
    progress TEXT, last_run TEXT NOT NULL, trouble TEXT, labels TEXT NOT NULL,
    choices TEXT NOT NULL, presence TEXT NOT NULL, preview TEXT,
    fence INTEGER NOT NULL, leased_until INTEGER,
    PRIMARY KEY (org, user)
) STRICT, WITHOUT ROWID;
INSERT INTO "mailboxes" VALUES('corp.example','1','ada@corp.example',1795424400000000,1795424400000000,'{"cursor": "99", "moving": "a1", "waiting": "a2 a3", "failed": {"a3": 2}, "backlog": {"after": "2026-11-20T09:00:00+00:00", "before": "2026-11-23T09:00:00+00:00"}}','{"at": "2026-11-23T09:00:00+00:00", "tick": "2026-11-23T09:00:00+00:00", "looked_at": 3, "sorted": {"customer": 1}, "remaining": 2, "passed_over": {"gone": 1}, "spent": [{"at": "2026-11-23T09:00:00+00:00", "units": 120}], "day": {"day": "2026-11-23", "sorted": {"customer": 4}}}','{"reason": "failing", "who": "Gmail", "since": "2026-11-23T09:00:00+00:00", "failures": 3, "again_at": "2026-11-23T09:04:00+00:00"}','{"customer": "Label_1"}','{"sharing": "public", "shared_contacts": ["c1"], "contacts_kept_back": ["c2"], "mails_kept_back": ["m9"], "backfill_days": 14, "notice": {"notify": "daily", "time_zone": "Europe/Vienna", "daily_at": "08:00:00", "quiet_from": "20:00:00", "quiet_until": "07:00:00"}, "sharing_ended": 2}','{"crm_user": "crm-1", "opened_at": "2026-11-23T09:00:00+00:00", "noticed": {"customer": 2}, "noticed_at": "2026-11-23T09:00:00+00:00", "admin_told_at": "2026-11-23T09:00:00+00:00", "parked": null, "leaving_since": null}','{"at": "2026-11-23T09:00:00+00:00", "days": 30, "mails": 137, "looked_at": 50, "sorted": {"open_deals": 3}}',951254010531,NULL);
INSERT INTO "mailboxes" VALUES('corp.example','2','kim@corp.example',NULL,NULL,NULL,'{"at": "2026-11-23T09:00:00+00:00", "tick": null, "looked_at": 0, "sorted": {}, "remaining": 0, "passed_over": {}, "spent": [], "day": null}',NULL,'{}','{"sharing": "private", "shared_contacts": [], "contacts_kept_back": [], "mails_kept_back": [], "backfill_days": 30, "notice": {"notify": "never", "time_zone": "UTC", "daily_at": "08:00:00", "quiet_from": "20:00:00", "quiet_until": "07:00:00"}, "sharing_ended": 0}','{"crm_user": "", "opened_at": "2026-11-23T09:00:00+00:00", "noticed": {}, "noticed_at": null, "admin_told_at": null, "parked": {"since": "2026-11-23T09:00:00+00:00", "why": "gone"}, "leaving_since": null}',NULL,962796977402,NULL);
CREATE TABLE mails (
    org TEXT, user TEXT, mail TEXT, from_address TEXT NOT NULL, received_at INTEGER NOT NULL,
    PRIMARY KEY (org, user, mail)
) STRICT, WITHOUT ROWID;
INSERT INTO "mails" VALUES('corp.example','1','18f0a','grace@a.example',1795424400000000);
INSERT INTO "mails" VALUES('corp.example','1','18f0b','o''hara@b.example',1795337999999995);
CREATE TABLE policies (
    org TEXT PRIMARY KEY, sharing TEXT, excluded TEXT NOT NULL, retention_days INTEGER NOT NULL, templates TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "policies" VALUES('corp.example','custom','["boss@corp.example", "lawyers.example"]',30,'[{"id": "t1", "name": "It''s an \"offer\"", "subject": "Offer; for ${Contact.Name}", "text": "Dear ${Contact.Name},\n\u00c4; ''quoted''\n"}]');
INSERT INTO "policies" VALUES('other.example',NULL,'[]',400,'[]');
CREATE TABLE readings (
    org TEXT, owner TEXT, reader TEXT, mail TEXT, contact TEXT NOT NULL, at INTEGER,
    PRIMARY KEY (org, owner, at, reader, mail)
) STRICT, WITHOUT ROWID;
INSERT INTO "readings" VALUES('corp.example','1','2','18f0a','c1',1795424400000000);
CREATE TABLE used_names (
    org TEXT, name TEXT, until INTEGER NOT NULL,
    PRIMARY KEY (org, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "used_names" VALUES('corp.example','state xyz',1795425300000000);
CREATE INDEX mails_of_a_user ON mails (org, user, received_at);
CREATE INDEX mails_from_an_address ON mails (org, from_address, received_at);
CREATE INDEX mails_by_age ON mails (org, received_at);
CREATE INDEX readings_by_age ON readings (org, at);
CREATE INDEX readings_by_a_reader ON readings (org, reader, at);
COMMIT;
PRAGMA user_version = 4;
