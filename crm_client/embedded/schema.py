"""The embedded CRM's tables, who may see which record (the visible_* views), and what the tables of an older file lack."""

APPLICATION_ID = 0x4D4D4352
"""SQLite's application id of our databases ("MMCR"): a file without it is not ours."""

VERSION = 3
"""SQLite's user version of our databases: the number of this schema."""

_ORGANISATION = """
CREATE TABLE organisation (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    org TEXT NOT NULL CHECK (org <> ''),
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    home_currency TEXT NOT NULL REFERENCES currencies (code) DEFERRABLE INITIALLY DEFERRED
);
"""
_RECORDS = """
CREATE TABLE currencies (
    code TEXT PRIMARY KEY CHECK (code GLOB '[A-Z][A-Z][A-Z]'),
    name TEXT NOT NULL,
    rate TEXT NOT NULL CHECK (rate <> '' AND rate NOT GLOB '*[^0-9.]*')
);
CREATE TABLE profiles (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    scope TEXT NOT NULL CHECK (scope IN ('own', 'everyone')),
    administrator INTEGER NOT NULL DEFAULT 0 CHECK (administrator IN (0, 1))
);
CREATE TABLE permissions (
    profile_id TEXT NOT NULL REFERENCES profiles (id),
    permission TEXT NOT NULL,
    PRIMARY KEY (profile_id, permission)
) WITHOUT ROWID;
CREATE TABLE users (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL UNIQUE,
    profile_id TEXT NOT NULL REFERENCES profiles (id),
    active INTEGER NOT NULL CHECK (active IN (0, 1))
);
CREATE TABLE pipelines (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    position INTEGER NOT NULL
);
CREATE TABLE stages (
    id TEXT PRIMARY KEY,
    pipeline_id TEXT NOT NULL REFERENCES pipelines (id),
    name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'won', 'lost')),
    position INTEGER NOT NULL,
    UNIQUE (pipeline_id, name)
);
CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    folded_name TEXT NOT NULL,
    domain TEXT NOT NULL,
    reversed_domain TEXT NOT NULL,
    phone TEXT NOT NULL,
    owner_id TEXT NOT NULL REFERENCES users (id)
);
CREATE INDEX accounts_by_name ON accounts (folded_name);
CREATE INDEX accounts_by_domain ON accounts (reversed_domain);
CREATE TABLE contacts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    folded_name TEXT NOT NULL,
    title TEXT NOT NULL,
    phone TEXT NOT NULL,
    account_id TEXT REFERENCES accounts (id),
    owner_id TEXT NOT NULL REFERENCES users (id)
);
CREATE INDEX contacts_by_name ON contacts (folded_name);
CREATE INDEX contacts_by_account ON contacts (account_id);
CREATE TABLE contact_addresses (
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    address TEXT NOT NULL,
    reversed_domain TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (contact_id, address)
) WITHOUT ROWID;
CREATE INDEX contacts_by_address ON contact_addresses (address);
CREATE INDEX contacts_by_domain ON contact_addresses (reversed_domain);
CREATE TABLE leads (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    company TEXT NOT NULL,
    status TEXT NOT NULL,
    phone TEXT NOT NULL,
    owner_id TEXT NOT NULL REFERENCES users (id)
);
CREATE TABLE lead_addresses (
    lead_id TEXT NOT NULL REFERENCES leads (id),
    address TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (lead_id, address)
) WITHOUT ROWID;
CREATE INDEX leads_by_address ON lead_addresses (address);
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
CREATE INDEX deals_by_name ON deals (folded_name);
CREATE INDEX deals_by_account ON deals (account_id);
CREATE TABLE deal_contacts (
    deal_id TEXT NOT NULL REFERENCES deals (id),
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    position INTEGER NOT NULL,
    role TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (deal_id, contact_id)
) WITHOUT ROWID;
CREATE INDEX deals_by_contact ON deal_contacts (contact_id);
CREATE TABLE activities (
    id TEXT PRIMARY KEY,
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    kind TEXT NOT NULL CHECK (kind IN ('call', 'meeting', 'task')),
    subject TEXT NOT NULL,
    at TEXT NOT NULL CHECK (datetime(at) IS NOT NULL),
    done INTEGER NOT NULL CHECK (done IN (0, 1)),
    owner_id TEXT NOT NULL REFERENCES users (id)
);
CREATE INDEX activities_by_contact ON activities (contact_id, done, at);
CREATE TABLE notes (
    id TEXT PRIMARY KEY,
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    text TEXT NOT NULL,
    at TEXT NOT NULL CHECK (datetime(at) IS NOT NULL),
    author_id TEXT NOT NULL REFERENCES users (id)
);
CREATE INDEX notes_by_contact ON notes (contact_id, at);
CREATE TABLE shares (
    module TEXT NOT NULL CHECK (module IN ('accounts', 'contacts', 'leads', 'deals')),
    record_id TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    PRIMARY KEY (module, record_id, user_id)
) WITHOUT ROWID;
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
"""
_OPEN_DEALS = """
CREATE INDEX deals_by_stage ON deals (stage_id, closing);
"""
_SIGN_IN = """
CREATE TABLE passwords (
    user_id TEXT PRIMARY KEY REFERENCES users (id),
    hash TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE sessions (
    org TEXT NOT NULL,
    user TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    refresh_sha256 BLOB NOT NULL UNIQUE,
    began_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    PRIMARY KEY (org, user)
) WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE TABLE access_tokens (
    sha256 BLOB PRIMARY KEY,
    org TEXT NOT NULL,
    user TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    FOREIGN KEY (org, user) REFERENCES sessions (org, user) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX access_tokens_by_session ON access_tokens (org, user);
CREATE TABLE tries (
    of TEXT PRIMARY KEY,
    wrong INTEGER NOT NULL CHECK (wrong > 0),
    last_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX tries_by_time ON tries (last_at);
"""
_TEMPLATES = """
CREATE TABLE templates (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    subject TEXT NOT NULL,
    text TEXT NOT NULL
);
"""
_SEARCH = """
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
CREATE INDEX searchable_not_learned ON searchable (number) WHERE NOT learned;
CREATE INDEX searchable_by_name ON searchable (module, name, id);
CREATE INDEX searchable_by_account ON searchable (account_id);
CREATE VIRTUAL TABLE letters USING fts5 (
    runs, content = '', columnsize = 0, detail = none, prefix = '4 8', tokenize = 'ascii'
);
CREATE INDEX shares_by_user ON shares (user_id, module);
CREATE VIEW visible_searchable AS
SELECT record.number, record.module, record.id, record.name, record.text || coalesce((
    SELECT ' ' || record.account_name FROM visible_accounts AS account
    WHERE account.id = record.account_id AND account.viewer_id = viewer.id), '') AS text, viewer.id AS viewer_id
FROM searchable AS record JOIN users AS viewer JOIN profiles ON profiles.id = viewer.profile_id
WHERE profiles.scope = 'everyone' OR record.owner_id = viewer.id
OR EXISTS (SELECT 1 FROM shares WHERE module = record.module AND record_id = record.id AND user_id = viewer.id);
"""

SCHEMA = _ORGANISATION + _RECORDS + _OPEN_DEALS + _SIGN_IN + _TEMPLATES + _SEARCH
"""Names are folded for searching (see `search.folded`), domains reversed ("example.analytical") so that one range
of an index holds a domain with all below it. In `deal_contacts` the first is the primary contact, the others hold roles.

In `searchable` a record's name, its text (with its addresses, domain or company, begun by a space) and its account's name are
folded; `letters` is the index into them (see `search`), of those that are learned.

A session is one Google account's sign-in as a CRM user: `org` is the verified domain (hd), or the user's own id for a consumer account,
`user` the verified id (sub). Of its tokens only the SHA-256 is kept. In `tries` are wrong passwords, of a user name or a Google account.
Moments of sign-in are in seconds since 1970.
"""

FROM_VERSION_1 = (
    "ALTER TABLE organisation RENAME TO organisation_of_version_1",
    _ORGANISATION,
    """
    INSERT INTO organisation (only_one, org, name, time_zone, home_currency)
    SELECT only_one, :org, name, time_zone, home_currency FROM organisation_of_version_1;
    DROP TABLE organisation_of_version_1;
    DROP INDEX deals_by_closing;
    """,
    _OPEN_DEALS,
    _SEARCH,
)
"""From the tables of version 1 to those of version 2, with `:org` to bind; `searchable` is to be filled after it."""

FROM_VERSION_2 = (
    """
    DROP TABLE IF EXISTS google_accounts;
    ALTER TABLE profiles ADD COLUMN administrator INTEGER NOT NULL DEFAULT 0 CHECK (administrator IN (0, 1));
    UPDATE profiles SET administrator = 1 WHERE name = 'Administrator';
    """,
    _SIGN_IN,
    _TEMPLATES,
)
"""From the tables of version 2 to these. The Google accounts that were bound by hand are forgotten: who uses the CRM signs in."""
