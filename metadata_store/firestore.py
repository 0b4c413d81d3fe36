"""What is kept, in Firestore: for production.

Where it is: orgs/{org} the policy, orgs/{org}/mailboxes/{user} a mailbox with its lease, orgs/{org}/mails/{user}:{mail} the two
facts of a mail that are not its id. `_org` alone begins a path; no query asks more than one org's collection.

The queries and their indexes (`firestore.indexes.json` at the root holds the one that Firestore does not make by itself):
- mails from an address, newest first: mails, from_address ascending and received_at descending (that one)
- a user's mails, newest first: a range of document ids in the order of received_at, out of the index of received_at alone
- a user's mails, to delete: a range of document ids, which needs none
- mails older than a moment: the index of received_at alone
- mailboxes due: labelling and needs_consent are asked for equality, out of their own two indexes; the rest is decided here

A conditional write is one atomic commit that Firestore refuses when the mailbox's document has changed since it was read (the
precondition `updateTime`); then it is read, decided and written again. A lease is a field of that document, so no write gets past
a lease that was lost. Reference: https://firebase.google.com/docs/firestore/reference/rest/v1/Precondition
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from google.api_core import exceptions as answers
from google.auth.exceptions import GoogleAuthError
from google.cloud.firestore_v1 import (
    AsyncClient,
    AsyncCollectionReference,
    AsyncDocumentReference,
    AsyncQuery,
    DocumentSnapshot,
    FieldFilter,
)
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from mailmagnet.categories import Category
from mailmagnet.errors import LeaseLost, LeaseTaken, NotAuthorised, NotFound, NotPermitted, RateLimited, TimedOut, Unavailable
from mailmagnet.store import Cursor, DayCounts, Lease, Mailbox, MailRecord, Policy, RunCounts, Sharing, keeps_others_out
from metadata_store.ids import mail_id, org_id, user_id

WHO = "Firestore"
SECONDS = 10.0
"""The deadline of one call."""

SECONDS_OF_TRYING = 20.0
"""How long a conditional write is decided again while others write the same mailbox."""

SECONDS_TO_COME_BACK = 10.0
"""Firestore does not say when to come back after RESOURCE_EXHAUSTED."""

PAGE = 400
"""Documents read or written at once: below the 500 writes that a commit has long been held to."""

T = TypeVar("T")
Kept = DocumentSnapshot[AsyncDocumentReference]


class FirestoreStore:
    """`mailmagnet.store.Store` in a Firestore database. Made inside a running event loop; `close` it at the end.

    Besides what the protocol names, calls raise NotPermitted, NotAuthorised, RateLimited, TimedOut, and BadRequest for an id that
    may not be one. `FIRESTORE_EMULATOR_HOST` ("host:port") in the environment sends everything to an emulator.
    """

    def __init__(self, project: str, database: str = "(default)") -> None:
        """`project` is the Google Cloud project's id, `database` the id of a database in native mode."""
        self._client = AsyncClient(project=project, database=database)

    async def close(self) -> None:
        """Close the connection; no call may follow."""
        # The client has no close of its own; its channel is closed through the transport.
        await self._client._firestore_api.transport.close()

    async def orgs(self) -> Sequence[str]:
        async def listed() -> list[str]:
            # A listing also names an org that has no policy, only mailboxes below it.
            return [document.id async for document in self._client.collection("orgs").list_documents(timeout=SECONDS)]

        return await _answer(listed())

    async def policy(self, org: str) -> Policy:
        kept = (await _read(self._org(org))).to_dict()
        return _policy(kept) if kept else Policy()

    async def set_policy(self, org: str, policy: Policy) -> None:
        facts = {"sharing": policy.sharing, "excluded": sorted(policy.excluded), "retention_days": policy.retention_days}
        await _answer(self._org(org).set(facts, timeout=SECONDS))

    async def mailbox(self, org: str, user: str) -> Mailbox | None:
        kept = (await _read(self._mailbox(org, user))).to_dict()
        return _mailbox(org, user, kept) if kept else None

    async def connect(self, mailbox: Mailbox) -> None:
        document = self._mailbox(mailbox.org, mailbox.user)
        switched = _switched(mailbox.mailmagnet, mailbox.labelling)
        renewed = {"address": mailbox.address, "needs_consent": False, **switched}

        async def connect() -> None:
            if (await _read(document)).exists:
                await _answer(document.update(renewed, timeout=SECONDS))
            else:
                await _answer(document.create(_new_document(mailbox) | renewed, timeout=SECONDS))

        await _again_while_changed(connect)
        if not mailbox.mailmagnet:
            await self._delete_mails(mailbox.org, mailbox.user)

    async def due_mailboxes(self, org: str, now: datetime, every: timedelta) -> Sequence[Mailbox]:
        active = (
            self._mailboxes(org)
            .where(filter=FieldFilter("labelling", "==", True))
            .where(filter=FieldFilter("needs_consent", "==", False))
            .order_by("__name__")
        )
        mailboxes = [_mailbox(org, kept.id, kept.to_dict() or {}) async for page in _pages(active) for kept in page]
        return [mailbox for mailbox in mailboxes if mailbox.is_due(now, every)]

    async def switch(self, org: str, user: str, *, mailmagnet: bool, labelling: bool) -> None:
        def switch(kept: dict[str, Any] | None) -> dict[str, Any]:
            if kept is None:
                raise NotFound(WHO, "no such mailbox")
            return _switched(mailmagnet, labelling)

        await self._change(org, user, switch)
        if not mailmagnet:
            await self._delete_mails(org, user)

    async def take_lease(self, org: str, user: str, now: datetime, seconds: float) -> Lease:
        until = now + timedelta(seconds=seconds)

        def take(kept: dict[str, Any] | None) -> dict[str, Any]:
            if kept is None:
                raise NotFound(WHO, "no such mailbox")
            if keeps_others_out(kept["leased_until"], now, seconds):
                raise LeaseTaken
            return {"fence": kept["fence"] + 1, "leased_until": until}

        taken = await self._change(org, user, take)
        return Lease(org, user, taken["fence"], until)

    async def release_lease(self, lease: Lease) -> None:
        def release(kept: dict[str, Any] | None) -> dict[str, Any]:
            return {"leased_until": None} if kept and kept["fence"] == lease.fence else {}

        await self._change(lease.org, lease.user, release)

    async def known_mails(self, org: str, user: str, mail_ids: Collection[str]) -> frozenset[str]:
        asked = sorted(mail_ids)
        documents = [self._mail(org, user, mail) for mail in asked]
        known = [await self._existing(documents[start : start + PAGE]) for start in range(0, len(documents), PAGE)]
        return frozenset(_mail_key(document_id)[1] for page in known for document_id in page)

    async def add_mail_records(self, lease: Lease, records: Sequence[MailRecord]) -> None:
        for start in range(0, max(len(records), 1), PAGE):
            facts: dict[AsyncDocumentReference, dict[str, Any]] = {}
            for record in records[start : start + PAGE]:
                document = self._mail(lease.org, lease.user, record.mail_id)
                facts.setdefault(document, {"from_address": record.from_address, "received_at": record.received_at})
            await self._change(lease.org, lease.user, lambda kept: _unchanged_under(lease, kept), facts)

    async def save_run(self, lease: Lease, cursor: Cursor, labels: Mapping[Category, str], counts: RunCounts) -> None:
        facts = {"cursor": _cursor_map(cursor), "labels": dict(labels), "last_run": _run_map(counts)}
        await self._change(lease.org, lease.user, lambda kept: _unchanged_under(lease, kept) | facts)

    async def mark_needs_consent(self, org: str, user: str) -> None:
        await self._change(org, user, lambda kept: {"needs_consent": True} if kept else {})

    async def latest_mails(self, org: str, user: str, most: int) -> Sequence[MailRecord]:
        newest = self._mails_of(org, user).order_by("received_at", direction="DESCENDING").limit(most)
        return [_record(kept) for kept in await _answer(newest.get(timeout=SECONDS))]

    async def mails_from(self, org: str, address: str, most: int) -> Sequence[tuple[str, MailRecord]]:
        received = self._mails(org).where(filter=FieldFilter("from_address", "==", address))
        newest = received.order_by("received_at", direction="DESCENDING").limit(most)
        return [(_mail_key(kept.id)[0], _record(kept)) for kept in await _answer(newest.get(timeout=SECONDS))]

    async def delete_mails_before(self, org: str, moment: datetime) -> int:
        older = self._mails(org).where(filter=FieldFilter("received_at", "<", moment)).order_by("received_at")
        return await self._delete(older)

    async def delete_mailbox(self, org: str, user: str) -> int:
        # The mailbox goes first: from then on a run under way has no lease, and writes no more records.
        await _answer(self._mailbox(org, user).delete(timeout=SECONDS))
        return await self._delete_mails(org, user)

    def _org(self, org: str) -> AsyncDocumentReference:
        """Where every path begins."""
        return self._client.collection("orgs").document(org_id(org))

    def _mailboxes(self, org: str) -> AsyncCollectionReference:
        mailboxes: AsyncCollectionReference = self._org(org).collection("mailboxes")
        return mailboxes

    def _mailbox(self, org: str, user: str) -> AsyncDocumentReference:
        return self._mailboxes(org).document(user_id(user))

    def _mails(self, org: str) -> AsyncCollectionReference:
        mails: AsyncCollectionReference = self._org(org).collection("mails")
        return mails

    def _mail(self, org: str, user: str, mail: str) -> AsyncDocumentReference:
        return self._mails(org).document(f"{user_id(user)}:{mail_id(mail)}")

    def _mails_of(self, org: str, user: str) -> AsyncQuery:
        """A user's mails: the ids from "user:" up to "user;", which is the character after it."""
        mails = self._mails(org)
        return mails.where(filter=FieldFilter("__name__", ">=", mails.document(f"{user_id(user)}:"))).where(
            filter=FieldFilter("__name__", "<", mails.document(f"{user};"))
        )

    async def _change(
        self,
        org: str,
        user: str,
        decide: Callable[[dict[str, Any] | None], dict[str, Any]],
        mails: Mapping[AsyncDocumentReference, dict[str, Any]] | None = None,
    ) -> dict[str, Any]:
        """Write what `decide` makes of the mailbox as it is now (None when there is none), and `mails` that are not there yet.

        All of it is written at once, if nobody changed the mailbox meanwhile; else it is decided anew. An empty decision writes
        nothing. What was decided is returned.
        """

        async def change() -> dict[str, Any]:
            mailbox = await _read(self._mailbox(org, user))
            changes = decide(mailbox.to_dict())
            if changes:
                there = await self._existing(list(mails or ()))
                batch = self._client.batch()
                batch.update(mailbox.reference, changes, option=self._client.write_option(last_update_time=mailbox.update_time))
                for document, facts in (mails or {}).items():
                    if document.id not in there:
                        batch.create(document, facts)
                await _answer(batch.commit(timeout=SECONDS))
            return changes

        return await _again_while_changed(change)

    async def _existing(self, documents: list[AsyncDocumentReference]) -> frozenset[str]:
        async def read() -> frozenset[str]:
            found = self._client.get_all(documents, field_paths=["received_at"], timeout=SECONDS)
            return frozenset([kept.id async for kept in found if kept.exists])

        return await _answer(read()) if documents else frozenset()

    async def _delete_mails(self, org: str, user: str) -> int:
        return await self._delete(self._mails_of(org, user).order_by("__name__"))

    async def _delete(self, mails: AsyncQuery) -> int:
        deleted = 0
        async for page in _pages(mails.select(["received_at"])):
            batch = self._client.batch()
            for kept in page:
                batch.delete(kept.reference)
            await _answer(batch.commit(timeout=SECONDS))
            deleted += len(page)
        return deleted


class _Changed(Unavailable):
    """What was read is no longer so; when it stays like this, Firestore was too busy with this mailbox."""


async def _again_while_changed(attempt: Callable[[], Awaitable[T]]) -> T:
    retrying = AsyncRetrying(
        retry=retry_if_exception_type(_Changed),
        wait=wait_random_exponential(multiplier=0.05, max=1),
        stop=stop_after_delay(SECONDS_OF_TRYING),
        reraise=True,
    )
    return await retrying(attempt)


async def _answer(call: Awaitable[T]) -> T:
    """A call's answer within its deadline. Google's own messages name documents, so none is passed on."""
    try:
        async with asyncio.timeout(SECONDS):
            return await call
    except (TimeoutError, answers.DeadlineExceeded, answers.RetryError):
        raise TimedOut(WHO, SECONDS) from None
    except (answers.Aborted, answers.AlreadyExists, answers.FailedPrecondition, answers.NotFound) as error:
        raise _Changed(WHO, f"the call was refused ({type(error).__name__})") from None
    except answers.Unauthenticated:
        raise NotAuthorised(WHO) from None
    except answers.Forbidden:
        raise NotPermitted(WHO) from None
    except answers.TooManyRequests:
        raise RateLimited(WHO, SECONDS_TO_COME_BACK) from None
    except (answers.GoogleAPIError, GoogleAuthError) as error:
        raise Unavailable(WHO, f"the call failed ({type(error).__name__})") from None


async def _read(document: AsyncDocumentReference) -> Kept:
    return await _answer(document.get(timeout=SECONDS))


async def _pages(query: AsyncQuery) -> AsyncIterator[Sequence[Kept]]:
    """All that an ordered query finds, a page at a time."""
    page = await _answer(query.limit(PAGE).get(timeout=SECONDS))
    while page:
        yield page
        page = await _answer(query.start_after(page[-1]).limit(PAGE).get(timeout=SECONDS))


def _switched(mailmagnet: bool, labelling: bool) -> dict[str, Any]:
    """MailMagnet off also breaks the lease, so that a run under way writes no record after they are deleted."""
    if mailmagnet:
        return {"mailmagnet": True, "labelling": labelling}
    return {"mailmagnet": False, "labelling": False, "leased_until": None}


def _unchanged_under(lease: Lease, kept: dict[str, Any] | None) -> dict[str, Any]:
    """What changes nothing in the mailbox, and yet is written only while the lease holds. Raises LeaseLost."""
    if not kept or kept["fence"] != lease.fence or not kept["leased_until"] or not kept["mailmagnet"]:
        raise LeaseLost
    return {"fence": lease.fence}


def _mail_key(document_id: str) -> tuple[str, str]:
    """The user and the mail in a mail record's id."""
    user, _, mail = document_id.partition(":")
    return user, mail


def _policy(kept: Mapping[str, Any]) -> Policy:
    sharing = Sharing(kept["sharing"]) if kept["sharing"] is not None else None
    return Policy(sharing, frozenset(kept["excluded"]), kept["retention_days"])


def _new_document(mailbox: Mailbox) -> dict[str, Any]:
    return {
        "sharing": mailbox.sharing,
        "shared_contacts": sorted(mailbox.shared_contacts),
        "labels": dict(mailbox.labels),
        "cursor": _cursor_map(mailbox.cursor),
        "last_run": _run_map(mailbox.last_run),
        # A mailbox that is deleted and connected anew must not fit a lease of its earlier life: its fence starts anywhere.
        "fence": secrets.randbelow(2**40),
        "leased_until": None,
    }


def _cursor_map(cursor: Cursor) -> dict[str, Any]:
    return {"history_id": cursor.history_id, "resync_after": cursor.resync_after}


def _run_map(counts: RunCounts) -> dict[str, Any]:
    return {
        "at": counts.at,
        "looked_at": counts.looked_at,
        "sorted": dict(counts.sorted),
        "remaining": counts.remaining,
        "day": {"day": counts.day.day.isoformat(), "sorted": dict(counts.day.sorted)} if counts.day else None,
    }


def _run(kept: Mapping[str, Any]) -> RunCounts:
    day = kept.get("day")  # a run of before days were counted has none
    return RunCounts(
        at=_moment(kept["at"]),
        looked_at=kept["looked_at"],
        sorted=_by_category(kept["sorted"]),
        remaining=kept["remaining"],
        day=DayCounts(date.fromisoformat(day["day"]), _by_category(day["sorted"])) if day else None,
    )


def _mailbox(org: str, user: str, kept: Mapping[str, Any]) -> Mailbox:
    cursor = kept["cursor"]
    return Mailbox(
        org=org,
        user=user,
        address=kept["address"],
        cursor=Cursor(cursor["history_id"], _moment(cursor["resync_after"]) if cursor["resync_after"] else None),
        last_run=_run(kept["last_run"]),
        mailmagnet=kept["mailmagnet"],
        labelling=kept["labelling"],
        needs_consent=kept["needs_consent"],
        sharing=Sharing(kept["sharing"]),
        shared_contacts=frozenset(kept["shared_contacts"]),
        labels=_by_category(kept["labels"]),
    )


def _record(kept: Kept) -> MailRecord:
    facts = kept.to_dict() or {}
    return MailRecord(_mail_key(kept.id)[1], facts["from_address"], _moment(facts["received_at"]))


def _by_category(kept: Mapping[str, T]) -> dict[Category, T]:
    return {Category(category): fact for category, fact in kept.items()}


def _moment(kept: datetime) -> datetime:
    """A plain datetime of Firestore's own kind."""
    return datetime.combine(kept.date(), kept.time(), UTC)
