"""Which part of a domain tells the company, and which tells nothing."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailmagnet.domains import is_free_mail, registered_domain


@pytest.mark.parametrize(
    ("domain", "registered"),
    [
        ("corp.com", "corp.com"),
        ("mail.eu.corp.com", "corp.com"),
        ("corp.co.uk", "corp.co.uk"),
        ("mail.corp.co.uk", "corp.co.uk"),
        ("mail.corp.com.au", "corp.com.au"),
        ("corp.example", "corp.example"),
        ("mail.corp.example", "corp.example"),
        ("corp.test", "corp.test"),
        ("mail.corp.localhost", "corp.localhost"),
        ("mail.xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("one.github.io", "one.github.io"),
        ("www.two.github.io", "two.github.io"),
        ("a.b.kobe.jp", "a.b.kobe.jp"),
        ("www.city.kobe.jp", "city.kobe.jp"),
    ],
)
def test_the_registered_part_of_a_domain(domain: str, registered: str) -> None:
    assert registered_domain(domain) == registered


NOBODYS = [
    *("", ".", "com", "co.uk", "github.io", "example", "localhost", "mailhost", "mail.corp", "corp.internal"),
    *("192.0.2.1", "[192.0.2.1]", "[ipv6:2001:db8::1]", "2001:db8::1", "x" * 64 + ".com", "x." * 130 + "com"),
    *("kobe.jp", "corp..com", ".corp.com", "corp.com/x", "user@corp.com", "a b.com"),
]


@pytest.mark.parametrize("domain", NOBODYS)
def test_what_nobody_registered(domain: str) -> None:
    assert registered_domain(domain) == ""


@settings(deadline=None)
@given(st.text(st.characters() | st.sampled_from(".-/:@[]"), max_size=30), st.sampled_from(["", ".com", ".co.uk", ".example"]))
def test_of_any_text_the_registered_part_is_its_end_and_is_its_own(text: str, suffix: str) -> None:
    domain = (text + suffix).lower()
    registered = registered_domain(domain)
    assert domain.endswith(registered)
    assert registered_domain(registered) == registered


FREE = [
    *("gmail.com", "googlemail.com", "outlook.com", "outlook.de", "hotmail.co.uk", "live.fr", "yahoo.com", "yahoo.co.jp"),
    *("gmx.net", "gmx.de", "web.de", "proton.me", "protonmail.com", "icloud.com", "mail.com"),
    *("mail.ru", "yandex.ru", "qq.com", "163.com", "vip.163.com"),
]


@pytest.mark.parametrize("domain", FREE)
def test_free_mail_tells_nothing_about_a_company(domain: str) -> None:
    assert is_free_mail(domain)


@pytest.mark.parametrize(
    "domain", ["corp.example", "gmail.corp.example", "gmail.com.corp.example", "notgmail.com", "google.com", "", "com"]
)
def test_a_companys_domain_is_no_free_mail(domain: str) -> None:
    assert not is_free_mail(domain)


def test_nothing_is_fetched_kept_on_disk_or_loaded_before_it_is_needed(tmp_path: object) -> None:
    """The list of suffixes is some 10,000 lines, from a file that is installed: no socket is opened, and no HTTP library loaded."""
    script = (
        "import sys, socket\n"
        "import mailmagnet.domains as domains\n"
        "assert domains._suffixes.cache_info().currsize == 0\n"
        "def refuse(*_): raise AssertionError('a socket was opened')\n"
        "socket.socket.connect = refuse\n"
        "print(domains.registered_domain('mail.corp.co.uk'))\n"
        "assert not {'requests', 'urllib3', 'aiohttp', 'urllib.request'} & set(sys.modules)\n"
    )
    environment = {
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path),
        "PYTHONPATH": ":".join(sys.path),
    }
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("corp.co.uk", "")
