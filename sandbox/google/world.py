"""The world of one desk: accounts, mailboxes, Google's side, and the dials (clock, quota, faults), in one folder on disk."""

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from sandbox.google.authorization import Codes
from sandbox.google.calls import Calls
from sandbox.google.chat import Chat
from sandbox.google.cloud_tasks import CloudTasks
from sandbox.google.delegation import Delegation
from sandbox.google.faults import Faults
from sandbox.google.google_side import GoogleSide
from sandbox.google.mail_folder import MailFolder
from sandbox.google.quota import Quota
from sandbox.google.secret_manager import SecretManager


class NoSuchAccount(LookupError):
    """This world has no such account."""


@dataclass(frozen=True, slots=True)
class Account:
    """A Google account. `sub` is its stable number; `aliases` are further addresses it may send as and gets mail at;
    `hosted_domain` is its Workspace domain, "" for a consumer account; `standing` is "active", "suspended" or "deleted";
    `signature` is HTML."""

    sub: str
    address: str
    name: str
    aliases: tuple[str, ...] = ()
    hosted_domain: str = ""
    standing: str = "active"
    signature: str = ""

    @property
    def addresses(self) -> tuple[str, ...]:
        """The main address first, then the aliases."""
        return (self.address, *self.aliases)


class World:
    """One desk. Its dials and Google's other services:

    world.clock    the world's aware time
    world.quota    sandbox.google.quota.Quota              units per user and minute
    world.calls    sandbox.google.calls.Calls              the calls made, and how each ended
    world.faults   sandbox.google.faults.Faults            latency, errors, dropped connections on request
    world.google   sandbox.google.google_side.GoogleSide   keys, id tokens, access and refresh tokens, add-on tokens
    world.codes    sandbox.google.authorization.Codes      the codes that the consent screen gives to the client
    world.delegation  sandbox.google.delegation.Delegation  whom a Workspace's admin lets into its mailboxes
    world.tasks    sandbox.google.cloud_tasks.CloudTasks   the queue, and what became of its tasks
    world.chat     sandbox.google.chat.Chat                Google Chat's spaces, and what came in by their webhooks
    world.secrets  sandbox.google.secret_manager.SecretManager    the secrets of programs without a disk
    """

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        """Open (or make) the world in `folder`. `clock` gives the world's aware time; it may be turned forwards and back."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.clock = clock
        self.quota = Quota(clock)
        self.calls = Calls(clock)
        self.faults = Faults()
        self.google = GoogleSide(folder, clock)
        self.codes = Codes(self.google, clock, self.standing)
        self.tasks = CloudTasks(self.google, clock)
        self.chat = Chat(folder, clock)
        self.secrets = SecretManager(clock)
        self.delegation = Delegation(self.google, self.account, self.standing)
        self._accounts_file = folder / "accounts.json"
        self._accounts = self._read_accounts()
        self._mailboxes: dict[str, MailFolder] = {}
        self._lock = threading.Lock()

    def add_account(
        self, address: str, name: str, aliases: Sequence[str] = (), hosted_domain: str = "", signature: str = ""
    ) -> Account:
        """Make an account with an empty mailbox; one that is there already is brought up to date and keeps number, mail and standing.
        One that was deleted is there again, and has consented to nothing."""
        account = Account(_number_of(address), address, name, tuple(aliases), hosted_domain, signature=signature)
        before = self.standing(address)
        if before == "deleted":
            self.google.revoke_all(address)
        return self._keep(replace(account, standing="suspended") if before == "suspended" else account)

    def suspend(self, address: str) -> None:
        """What an administrator can do to an account: nothing that was issued for it works until it is restored.
        Raises NoSuchAccount."""
        self._keep(replace(self.account(address), standing="suspended"))

    def restore(self, address: str) -> None:
        """End a suspension. Raises NoSuchAccount."""
        self._keep(replace(self.account(address), standing="active"))

    def delete(self, address: str) -> None:
        """The account is gone; what was issued for it is refused from now on. Raises NoSuchAccount."""
        self._keep(replace(self.account(address), standing="deleted"))

    def accounts(self) -> tuple[Account, ...]:
        """In the order they were added; without those deleted."""
        return tuple(account for account in self._accounts.values() if account.standing != "deleted")

    def standing(self, address: str) -> str:
        """Of an account's main address: "active", "suspended", "deleted", or "" when there never was one."""
        return next((account.standing for account in self._accounts.values() if account.address == address), "")

    def account(self, address: str) -> Account:
        """By its main address or an alias, without case. Raises NoSuchAccount."""
        for account in self.accounts():
            if address.casefold() in (own.casefold() for own in account.addresses):
                return account
        raise NoSuchAccount(address)

    def mailbox(self, address: str) -> MailFolder:
        """By any of the account's addresses. Raises NoSuchAccount."""
        sub = self.account(address).sub
        with self._lock:
            if sub not in self._mailboxes:
                self._mailboxes[sub] = MailFolder(self.folder / f"mailbox-{sub}.sqlite", self.clock)
            return self._mailboxes[sub]

    def close(self) -> None:
        """Close the mailboxes; the world stays on disk."""
        with self._lock:
            for mailbox in self._mailboxes.values():
                mailbox.close()
            self._mailboxes.clear()

    def _keep(self, account: Account) -> Account:
        with self._lock:
            self._accounts[account.sub] = account
            whole = self._accounts_file.with_suffix(".new")
            whole.write_text(json.dumps([asdict(one) for one in self._accounts.values()]))
            whole.replace(self._accounts_file)
        return account

    def _read_accounts(self) -> dict[str, Account]:
        if not self._accounts_file.exists():
            return {}
        accounts = [
            Account(**{**stored, "aliases": tuple(stored["aliases"])}) for stored in json.loads(self._accounts_file.read_text())
        ]
        return {account.sub: account for account in accounts}


def _number_of(address: str) -> str:
    """21 digits, as Google's subs have: the same for an address in every world."""
    digest = hashlib.sha256(address.casefold().encode()).digest()
    return str(10**20 + int.from_bytes(digest[:8], "big"))
