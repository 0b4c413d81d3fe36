PRAGMA application_id = 1296909138;
PRAGMA user_version = 2;
BEGIN TRANSACTION;
CREATE TABLE profiles (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    scope TEXT NOT NULL CHECK (scope IN ('own', 'everyone'))
);
INSERT INTO "profiles" VALUES('000000000000000a','Administrator','everyone');
INSERT INTO "profiles" VALUES('000000000000000b','Standard','own');
CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    folded_name TEXT NOT NULL,
    domain TEXT NOT NULL,
    reversed_domain TEXT NOT NULL,
    phone TEXT NOT NULL,
    owner_id TEXT NOT NULL REFERENCES users (id)
);
INSERT INTO "accounts" VALUES('account-one','Bergmann & Söhne','bergmann & sohne','bergmann.example','example.bergmann','+43 1','000000000000000c');
INSERT INTO "accounts" VALUES('account-two','Übung Ltd','ubung ltd','','','','000000000000000d');
CREATE TABLE activities (
    id TEXT PRIMARY KEY,
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    kind TEXT NOT NULL CHECK (kind IN ('call', 'meeting', 'task')),
    subject TEXT NOT NULL,
    at TEXT NOT NULL CHECK (datetime(at) IS NOT NULL),
    done INTEGER NOT NULL CHECK (done IN (0, 1)),
    owner_id TEXT NOT NULL REFERENCES users (id)
);
INSERT INTO "activities" VALUES('act','contact-one','call','Call','2026-11-01T09:00:00+00:00',1,'000000000000000c');
CREATE TABLE contact_addresses (
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    address TEXT NOT NULL,
    reversed_domain TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (contact_id, address)
) WITHOUT ROWID;
INSERT INTO "contact_addresses" VALUES('contact-one','j.weiss@bergmann.example','example.bergmann',0);
INSERT INTO "contact_addresses" VALUES('contact-one','jw@home.example','example.home',1);
INSERT INTO "contact_addresses" VALUES('contact-two','yamada@u.example','example.u',0);
CREATE TABLE contacts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    folded_name TEXT NOT NULL,
    title TEXT NOT NULL,
    phone TEXT NOT NULL,
    account_id TEXT REFERENCES accounts (id),
    owner_id TEXT NOT NULL REFERENCES users (id)
);
INSERT INTO "contacts" VALUES('contact-one','Jürgen Weiß','jurgen weiss','Boss','1','account-one','000000000000000c');
INSERT INTO "contacts" VALUES('contact-two','山田太郎','山田太郎','','','account-two','000000000000000d');
CREATE TABLE currencies (
    code TEXT PRIMARY KEY CHECK (code GLOB '[A-Z][A-Z][A-Z]'),
    name TEXT NOT NULL,
    rate TEXT NOT NULL CHECK (rate <> '' AND rate NOT GLOB '*[^0-9.]*')
);
INSERT INTO "currencies" VALUES('EUR','EUR','1');
INSERT INTO "currencies" VALUES('USD','US Dollar','1.09');
CREATE TABLE deal_contacts (
    deal_id TEXT NOT NULL REFERENCES deals (id),
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    position INTEGER NOT NULL,
    role TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (deal_id, contact_id)
) WITHOUT ROWID;
INSERT INTO "deal_contacts" VALUES('deal-one','contact-one',0,'');
CREATE TABLE deals (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    folded_name TEXT NOT NULL,
    account_id TEXT REFERENCES accounts (id),
    stage_id TEXT NOT NULL REFERENCES stages (id),
    amount TEXT CHECK (amount <> '' AND amount NOT GLOB '*[^0-9.-]*'),
    currency TEXT REFERENCES currencies (code),
    closing TEXT CHECK (closing IS date(closing)),
    owner_id TEXT NOT NULL REFERENCES users (id),
    CHECK ((amount IS NULL) = (currency IS NULL))
);
INSERT INTO "deals" VALUES('deal-one','Renewal; 2027','renewal; 2027','account-one','0000000000000003','12.50','USD','2026-11-30','000000000000000c');
INSERT INTO "deals" VALUES('deal-two','Old order','old order',NULL,'0000000000000007',NULL,NULL,NULL,'000000000000000d');
CREATE TABLE lead_addresses (
    lead_id TEXT NOT NULL REFERENCES leads (id),
    address TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (lead_id, address)
) WITHOUT ROWID;
INSERT INTO "lead_addresses" VALUES('lead-one','lea@lund.example',0);
CREATE TABLE leads (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    company TEXT NOT NULL,
    status TEXT NOT NULL,
    phone TEXT NOT NULL,
    owner_id TEXT NOT NULL REFERENCES users (id)
);
INSERT INTO "leads" VALUES('lead-one','Lea Lund','','Lund AB','','','000000000000000c');
CREATE TABLE notes (
    id TEXT PRIMARY KEY,
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    text TEXT NOT NULL,
    at TEXT NOT NULL CHECK (datetime(at) IS NOT NULL),
    author_id TEXT NOT NULL REFERENCES users (id)
);
INSERT INTO "notes" VALUES('note','contact-one','Line one
line ''two''','2026-11-01T09:00:00+00:00','000000000000000c');
CREATE TABLE permissions (
    profile_id TEXT NOT NULL REFERENCES profiles (id),
    permission TEXT NOT NULL,
    PRIMARY KEY (profile_id, permission)
) WITHOUT ROWID;
INSERT INTO "permissions" VALUES('000000000000000a','Mail Integration');
INSERT INTO "permissions" VALUES('000000000000000b','Mail Integration');
CREATE TABLE pipelines (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    position INTEGER NOT NULL
);
INSERT INTO "pipelines" VALUES('0000000000000000','Standard',0);
CREATE TABLE shares (
    module TEXT NOT NULL CHECK (module IN ('accounts', 'contacts', 'leads', 'deals')),
    record_id TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    PRIMARY KEY (module, record_id, user_id)
) WITHOUT ROWID;
INSERT INTO "shares" VALUES('contacts','contact-one','000000000000000d');
CREATE TABLE stages (
    id TEXT PRIMARY KEY,
    pipeline_id TEXT NOT NULL REFERENCES pipelines (id),
    name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'won', 'lost')),
    position INTEGER NOT NULL,
    UNIQUE (pipeline_id, name)
);
INSERT INTO "stages" VALUES('0000000000000001','0000000000000000','Qualification','open',0);
INSERT INTO "stages" VALUES('0000000000000003','0000000000000000','Proposal','open',1);
INSERT INTO "stages" VALUES('0000000000000005','0000000000000000','Negotiation','open',2);
INSERT INTO "stages" VALUES('0000000000000007','0000000000000000','Closed Won','won',3);
INSERT INTO "stages" VALUES('0000000000000009','0000000000000000','Closed Lost','lost',4);
CREATE TABLE users (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL UNIQUE,
    profile_id TEXT NOT NULL REFERENCES profiles (id),
    active INTEGER NOT NULL CHECK (active IN (0, 1))
);
INSERT INTO "users" VALUES('000000000000000c','Ada Byron','ada@corp.example','000000000000000a',1);
INSERT INTO "users" VALUES('000000000000000d','Kim Park','kim@corp.example','000000000000000b',1);
INSERT INTO "users" VALUES('000000000000000e','Olga Dahl','old@corp.example','000000000000000b',0);
CREATE TABLE organisation (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    org TEXT NOT NULL CHECK (org <> ''),
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    home_currency TEXT NOT NULL REFERENCES currencies (code) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "organisation" VALUES(1,'corp.example','Corp Ltd','Europe/Vienna','EUR');
CREATE TABLE google_accounts (
    org TEXT NOT NULL,
    user TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    PRIMARY KEY (org, user)
) WITHOUT ROWID;
INSERT INTO "google_accounts" VALUES('corp.example','101','000000000000000c');
INSERT INTO "google_accounts" VALUES('corp.example','102','000000000000000d');
CREATE TABLE searchable (
    number INTEGER PRIMARY KEY,
    module TEXT NOT NULL CHECK (module IN ('accounts', 'contacts', 'leads', 'deals')),
    id TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    account_id TEXT,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    account_name TEXT NOT NULL,
    learned INTEGER NOT NULL CHECK (learned IN (0, 1)),
    UNIQUE (module, id)
);
INSERT INTO "searchable" VALUES(1,'accounts','account-one','000000000000000c',NULL,'bergmann & sohne',' bergmann & sohne bergmann.example','',0);
INSERT INTO "searchable" VALUES(2,'accounts','account-two','000000000000000d',NULL,'ubung ltd',' ubung ltd','',0);
INSERT INTO "searchable" VALUES(3,'contacts','contact-one','000000000000000c','account-one','jurgen weiss',' jurgen weiss j.weiss@bergmann.example jw@home.example','bergmann & sohne',0);
INSERT INTO "searchable" VALUES(4,'contacts','contact-two','000000000000000d','account-two','山田太郎',' 山田太郎 yamada@u.example','ubung ltd',0);
INSERT INTO "searchable" VALUES(5,'leads','lead-one','000000000000000c',NULL,'lea lund',' lea lund lea@lund.example lund ab','',0);
INSERT INTO "searchable" VALUES(6,'deals','deal-one','000000000000000c','account-one','renewal; 2027',' renewal; 2027','bergmann & sohne',0);
INSERT INTO "searchable" VALUES(7,'deals','deal-two','000000000000000d',NULL,'old order',' old order','',0);
CREATE VIRTUAL TABLE letters USING fts5 (
    runs, content = '', columnsize = 0, detail = none, prefix = '4 8', tokenize = 'ascii'
);
CREATE INDEX accounts_by_name ON accounts (folded_name);
CREATE INDEX accounts_by_domain ON accounts (reversed_domain);
CREATE INDEX contacts_by_name ON contacts (folded_name);
CREATE INDEX contacts_by_account ON contacts (account_id);
CREATE INDEX contacts_by_address ON contact_addresses (address);
CREATE INDEX contacts_by_domain ON contact_addresses (reversed_domain);
CREATE INDEX leads_by_address ON lead_addresses (address);
CREATE INDEX deals_by_name ON deals (folded_name);
CREATE INDEX deals_by_account ON deals (account_id);
CREATE INDEX deals_by_contact ON deal_contacts (contact_id);
CREATE INDEX activities_by_contact ON activities (contact_id, done, at);
CREATE INDEX notes_by_contact ON notes (contact_id, at);
CREATE INDEX deals_by_stage ON deals (stage_id, closing);
CREATE INDEX google_accounts_by_user ON google_accounts (user_id);
CREATE INDEX searchable_not_learned ON searchable (number) WHERE NOT learned;
CREATE INDEX searchable_by_name ON searchable (module, name, id);
CREATE INDEX searchable_by_account ON searchable (account_id);
CREATE INDEX shares_by_user ON shares (user_id, module);
CREATE VIEW visible_accounts AS
SELECT record.*, viewer.id AS viewer_id
FROM accounts AS record JOIN users AS viewer JOIN profiles ON profiles.id = viewer.profile_id
WHERE profiles.scope = 'everyone' OR record.owner_id = viewer.id
OR EXISTS (SELECT 1 FROM shares WHERE module = 'accounts' AND record_id = record.id AND user_id = viewer.id);
CREATE VIEW visible_contacts AS
SELECT record.*, viewer.id AS viewer_id
FROM contacts AS record JOIN users AS viewer JOIN profiles ON profiles.id = viewer.profile_id
WHERE profiles.scope = 'everyone' OR record.owner_id = viewer.id
OR EXISTS (SELECT 1 FROM shares WHERE module = 'contacts' AND record_id = record.id AND user_id = viewer.id);
CREATE VIEW visible_leads AS
SELECT record.*, viewer.id AS viewer_id
FROM leads AS record JOIN users AS viewer JOIN profiles ON profiles.id = viewer.profile_id
WHERE profiles.scope = 'everyone' OR record.owner_id = viewer.id
OR EXISTS (SELECT 1 FROM shares WHERE module = 'leads' AND record_id = record.id AND user_id = viewer.id);
CREATE VIEW visible_deals AS
SELECT record.*, viewer.id AS viewer_id
FROM deals AS record JOIN users AS viewer JOIN profiles ON profiles.id = viewer.profile_id
WHERE profiles.scope = 'everyone' OR record.owner_id = viewer.id
OR EXISTS (SELECT 1 FROM shares WHERE module = 'deals' AND record_id = record.id AND user_id = viewer.id);
CREATE VIEW visible_searchable AS
SELECT record.number, record.module, record.id, record.name, record.text || coalesce((
    SELECT ' ' || record.account_name FROM visible_accounts AS account
    WHERE account.id = record.account_id AND account.viewer_id = viewer.id), '') AS text, viewer.id AS viewer_id
FROM searchable AS record JOIN users AS viewer JOIN profiles ON profiles.id = viewer.profile_id
WHERE profiles.scope = 'everyone' OR record.owner_id = viewer.id
OR EXISTS (SELECT 1 FROM shares WHERE module = record.module AND record_id = record.id AND user_id = viewer.id);
COMMIT;
