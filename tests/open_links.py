"""Links and prefixes, and whether one covers the other: for the check of cards and for the panel, which have to agree."""

DESK = "http://127.0.0.1:8090"
COVERED = (
    "https://crm.example/a",
    "https://crm.example/a/",
    "https://crm.example/a/b",
    "https://crm.example/a?b",
    "https://crm.example/a#b",
    "https://CRM.example/a/b?c#d",
    "https://crm.example:443/a",
    "http://crm.example/a",
)
"""By https://crm.example/a: Google opens http as https."""

NOT_COVERED = (
    "https://crm.example/ab",
    "https://crm.example/A",
    "https://crm.example/",
    "https://crm.example",
    "https://crm.example/?a",
    "https://crm.example.evil.example/a",
    "https://evil.example/https://crm.example/a",
    "https://evilcrm.example/a",
    "https://sub.crm.example/a",
    "https://crm.example:8443/a",
    "https://evil.example/?https://crm.example/a",
    "https://evil.example/#https://crm.example/a",
)

LINKS = (
    *(("https://crm.example/a", url, True) for url in COVERED),
    *(("crm.example/a", url, True) for url in COVERED),
    *(("https://crm.example/a", url, False) for url in NOT_COVERED),
    ("https://crm.example/a/", "https://crm.example/a/b", True),
    ("https://crm.example/a/", "https://crm.example/a", False),
    ("https://crm.example/", "https://crm.example/ab", True),
    ("https://crm.example/", "https://crm.example", True),
    ("https://crm.example:8443/", "https://crm.example:8443/a", True),
    ("https://crm.example:8443/", "https://crm.example/a", False),
    # No prefix that Google takes: without a path, by http, with what no prefix has.
    ("https://crm.example", "https://crm.example/a", False),
    ("crm.example", "https://crm.example/a", False),
    ("https://", "https://crm.example/a", False),
    ("", "https://crm.example/a", False),
    ("*", "https://crm.example/a", False),
    ("https://*.example/", "https://crm.example/a", False),
    ("http://crm.example/", "http://crm.example/a", False),
    ("http://crm.example/", "https://crm.example/a", False),
    ("https://ada@crm.example/", "https://crm.example/a", False),
    ("https://crm.example/?a", "https://crm.example/?a", False),
    # The desk's own origin is the one that needs no https.
    (f"{DESK}/", f"{DESK}/crm/contacts/1", True),
    (f"{DESK}/crm/", f"{DESK}/other", False),
    (f"{DESK}/", "http://127.0.0.1:8090@evil.example/crm", False),
    (f"{DESK}/", "http://127.0.0.1:8091/crm", False),
    (f"{DESK}/", "http://127.0.0.1/crm", False),
    (f"{DESK}/", "http://localhost:8090/crm", False),
    (f"{DESK}/", "https://127.0.0.1:8090/crm", False),
    ("http://127.0.0.1:8091/", "http://127.0.0.1:8091/crm", False),
    ("https://crm.example/", f"{DESK}/crm", False),
)
