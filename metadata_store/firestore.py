"""The store in Firestore: for production.

Where it is: orgs/{org} the policy, orgs/{org}/mailboxes/{user} a mailbox with its lease, orgs/{org}/mails/{user}:{mail} the two
facts of a mail that are not its id, and its user once more, for the index, orgs/{org}/readings/{hash} who read whose mail,
orgs/{org}/used_names/{hash} what may be used once. `_org` alone begins a path; no query asks more than one org's collection. Every
query is equality on one field, or none, then one field's order, so that no index is a matter of opinion:

- mails from an address, newest first: from_address, received_at descending (firestore.indexes.json)
- a user's mails, newest first, or since a moment: user, received_at descending (firestore.indexes.json)
- who read an owner's mail, newest first: owner, at descending (firestore.indexes.json)
- whose mail a reader read, newest first: reader, at descending (firestore.indexes.json)
- a user's mails, to delete: user alone; mails older than a moment: received_at alone; mailboxes due: active alone; mailboxes of a
  CRM user: presence.crm_user alone; those whose user leaves: presence.leaving_since alone; those in trouble: trouble.since alone; an
  owner's readings, to delete: owner alone; readings older than a moment: at alone; names whose time is over: until alone

`active` is true while MailMagnet is on, nobody has to act first, and its user is neither parked nor leaving: it is derived, and stored
for that query.

A conditional write is one atomic commit that Firestore refuses when the mailbox's document has changed since it was read (the
precondition `updateTime`); then it is read, decided and written again. A lease is a field of that document, so no write gets past
a lease that was lost. Reference: https://firebase.google.com/docs/firestore/reference/rest/v1/Precondition
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
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
from mailmagnet.errors import (
    LeaseLost,
    LeaseTaken,
    NotAuthorised,
    NotFound,
    NotPermitted,
    RateLimited,
    Service,
    Side,
    TimedOut,
    Unavailable,
)
from mailmagnet.store import (
    NOBODY,
    Choices,
    Lease,
    Mailbox,
    MailReading,
    MailRecord,
    Policy,
    Presence,
    Preview,
    Progress,
    RunCounts,
    TakenBack,
    Trouble,
    keeps_others_out,
)
from metadata_store.documents import (
    by_category,
    choices_map,
    choices_of,
    policy_as_kept,
    policy_map,
    policy_of,
    presence_map,
    presence_of,
    preview_map,
    preview_of,
    progress_map,
    progress_of,
    run_map,
    run_of,
    taken_back_map,
    taken_back_of,
    trouble_map,
    trouble_of,
)
from metadata_store.ids import mail_id, org_id, user_id

WHO = Service(Side.OURS, "Firestore")
SECONDS = 10.0
"""The deadline of one call."""

SECONDS_OF_TRYING = 20.0
"""How long a conditional write is decided again while others write the same mailbox."""

SECONDS_TO_COME_BACK = 10.0
"""Firestore does not say when to come back after RESOURCE_EXHAUSTED."""

PAGE = 400
"""Documents read or written at once: below the 500 writes that a commit has long been held to."""

_BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)

T = TypeVar("T")
Snapshot = DocumentSnapshot[AsyncDocumentReference]


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
        stored = (await _read(self._org(org))).to_dict()
        return policy_of(stored, _moment) if stored else Policy()

    async def set_policy(self, org: str, policy: Policy) -> None:
        await self.change_policy(org, lambda _: policy)

    async def change_policy(self, org: str, change: Callable[[Policy], Policy]) -> Policy:
        document = self._org(org)

        async def put() -> Policy:
            found = await _read(document)
            stored = found.to_dict()
            changed = policy_as_kept(change(policy_of(stored, _moment) if stored else Policy()))
            unchanged = self._client.write_option(last_update_time=found.update_time) if found.exists else None
            if changed == Policy():
                await _answer(document.delete(option=unchanged, timeout=SECONDS))
            elif found.exists:
                # An update with every fact is the whole policy, and the only write that is refused when it has changed meanwhile.
                await _answer(document.update(policy_map(changed), option=unchanged, timeout=SECONDS))
            else:
                await _answer(document.create(policy_map(changed), timeout=SECONDS))
            return changed

        return await _again_while_changed(put)

    async def mailbox(self, org: str, user: str) -> Mailbox | None:
        stored = (await _read(self._mailbox(org, user))).to_dict()
        return _mailbox(org, user, stored) if stored else None

    async def mailboxes(self, org: str) -> Sequence[Mailbox]:
        everyone = self._mailboxes(org).order_by("__name__")
        return [_mailbox(org, stored.id, stored.to_dict() or {}) async for page in _pages(everyone) for stored in page]

    async def mailboxes_by_user(self, org: str, after: str, most: int) -> Sequence[Mailbox]:
        everyone = self._mailboxes(org).order_by("__name__")
        page = everyone.start_after({"__name__": user_id(after)}) if after else everyone
        return [
            _mailbox(org, stored.id, stored.to_dict() or {}) for stored in await _answer(page.limit(most).get(timeout=SECONDS))
        ]

    async def mailboxes_in_trouble(self, org: str, after: tuple[datetime, str] | None, most: int) -> Sequence[Mailbox]:
        in_trouble = self._mailboxes(org).where(filter=FieldFilter("trouble.since", ">", _BEFORE_ALL))
        page = in_trouble.order_by("trouble.since").order_by("__name__")
        if after:
            page = page.start_after({"trouble.since": after[0], "__name__": user_id(after[1])})
        return [
            _mailbox(org, stored.id, stored.to_dict() or {}) for stored in await _answer(page.limit(most).get(timeout=SECONDS))
        ]

    async def mailboxes_of(self, org: str, crm_users: Collection[str]) -> Sequence[Mailbox]:
        return await self._mailboxes_where(org, "presence.crm_user", set(crm_users) - {""})

    async def mailboxes_at(self, org: str, addresses: Collection[str]) -> Sequence[Mailbox]:
        return await self._mailboxes_where(org, "address", set(addresses))

    async def _mailboxes_where(self, org: str, field: str, values: Collection[str]) -> Sequence[Mailbox]:
        """Those whose field has one of the values, by user: each read by itself, however many others the organisation has."""

        async def having(value: str) -> list[Mailbox]:
            theirs = self._mailboxes(org).where(filter=FieldFilter(field, "==", value)).order_by("__name__")
            return [_mailbox(org, stored.id, stored.to_dict() or {}) async for page in _pages(theirs) for stored in page]

        found = await asyncio.gather(*map(having, values))
        return sorted((mailbox for mailboxes in found for mailbox in mailboxes), key=lambda mailbox: mailbox.user)

    async def leaving_mailboxes(self, org: str) -> Sequence[Mailbox]:
        leaving = self._mailboxes(org).where(filter=FieldFilter("presence.leaving_since", ">", _BEFORE_ALL))
        pages = _pages(leaving.order_by("presence.leaving_since"))
        found = [_mailbox(org, stored.id, stored.to_dict() or {}) async for page in pages for stored in page]
        return sorted(found, key=lambda mailbox: mailbox.user)

    async def connect(self, org: str, user: str, address: str, now: datetime) -> None:
        document = self._mailbox(org, user)
        renewed = {"address": address, "trouble": None}

        async def connect() -> None:
            mailbox = await _read(document)
            if stored := mailbox.to_dict():
                active = {"active": _is_active({**stored, **renewed})}
                unchanged = self._client.write_option(last_update_time=mailbox.update_time)
                await _answer(document.update(renewed | active, option=unchanged, timeout=SECONDS))
            else:
                await _answer(document.create(_new_document(now) | renewed, timeout=SECONDS))

        await _again_while_changed(connect)

    async def due_mailboxes(self, org: str, now: datetime, every: timedelta) -> Sequence[Mailbox]:
        active = self._mailboxes(org).where(filter=FieldFilter("active", "==", True)).order_by("__name__")
        mailboxes = [_mailbox(org, stored.id, stored.to_dict() or {}) async for page in _pages(active) for stored in page]
        return [mailbox for mailbox in mailboxes if mailbox.due_since(now, every)]

    async def switch_on(
        self,
        lease: Lease,
        *,
        mailmagnet_since: datetime,
        labelling_since: datetime | None,
        progress: Progress,
        labels: Mapping[Category, str],
        last_run: RunCounts,
        choices: Choices | None = None,
    ) -> None:
        facts = {
            "mailmagnet_since": mailmagnet_since,
            "labelling_since": labelling_since,
            "progress": progress_map(progress),
            "labels": dict(labels),
            "last_run": run_map(last_run),
            "trouble": None,
        } | _chosen(choices)

        def switch(stored: dict[str, Any] | None) -> dict[str, Any]:
            _check_lease(lease, stored)
            return facts

        await self._change(lease.org, lease.user, switch)

    async def switch_off(self, org: str, user: str, choices: Choices | None = None) -> None:
        # The lease goes too, so that a run under way writes no record after they are deleted.
        off = dict.fromkeys(("mailmagnet_since", "labelling_since", "progress", "preview", "trouble", "leased_until"))
        await self._change(org, user, lambda stored: {**off, **_chosen(choices)} if stored else {})
        await self._delete_mails(org, user)

    async def change_choices(self, org: str, user: str, change: Callable[[Choices], Choices]) -> Choices:
        def changed(stored: dict[str, Any] | None) -> dict[str, Any]:
            return _chosen(change(choices_of(_there(stored)["choices"])))

        return choices_of((await self._change(org, user, changed))["choices"])

    async def change_presence(self, org: str, user: str, change: Callable[[Presence], Presence]) -> Presence:
        def changed(stored: dict[str, Any] | None) -> dict[str, Any]:
            return {"presence": presence_map(change(presence_of(_there(stored)["presence"], _moment)))}

        return presence_of((await self._change(org, user, changed))["presence"], _moment)

    async def save_taken_back(self, org: str, user: str, taken_back: TakenBack) -> None:
        facts = {"taken_back": taken_back_map(taken_back)}
        await self._change(org, user, lambda stored: facts if stored else {})

    async def save_preview(self, org: str, user: str, preview: Preview | None) -> None:
        facts = {"preview": preview_map(preview) if preview else None}
        await self._change(org, user, lambda stored: facts if stored else {})

    async def use_once(self, org: str, name: str, until: datetime, now: datetime) -> bool:
        names = self._used_names(org)
        async for page in _pages(names.where(filter=FieldFilter("until", "<", now)).order_by("until")):
            await self._delete_page(page)
        try:
            await _answer(self._used_name(org, name).create({"until": until}, timeout=SECONDS))
        except _Changed:
            return False
        return True

    async def end_use(self, org: str, name: str, until: datetime) -> None:
        used = await _read(self._used_name(org, name))
        if used.exists and _moment(used.get("until")) == until:
            with suppress(_Changed):  # another's use by now
                as_read = self._client.write_option(last_update_time=used.update_time)
                await _answer(used.reference.delete(option=as_read, timeout=SECONDS))

    async def forget_used(self, org: str) -> None:
        await self._delete(self._used_names(org).order_by("__name__"), "until")

    async def keep_reading(self, org: str, reading: MailReading) -> None:
        owner, reader, mail = user_id(reading.owner), user_id(reading.reader), mail_id(reading.mail_id)
        facts = {"owner": owner, "reader": reader, "mail": mail, "contact": reading.contact, "at": reading.at}
        name = sha256(f"{owner}:{reader}:{mail}:{reading.at.isoformat()}".encode()).hexdigest()
        await _answer(self._readings(org).document(name).set(facts, timeout=SECONDS))

    async def readings(self, org: str, owner: str, most: int) -> Sequence[MailReading]:
        theirs = self._readings(org).where(filter=FieldFilter("owner", "==", user_id(owner)))
        newest = await _answer(theirs.order_by("at", direction="DESCENDING").limit(most).get(timeout=SECONDS))
        return [_reading(document.to_dict() or {}) for document in newest]

    async def readings_by(self, org: str, reader: str, most: int) -> Sequence[MailReading]:
        theirs = self._readings(org).where(filter=FieldFilter("reader", "==", user_id(reader)))
        newest = await _answer(theirs.order_by("at", direction="DESCENDING").limit(most).get(timeout=SECONDS))
        return [_reading(document.to_dict() or {}) for document in newest]

    async def delete_readings_before(self, org: str, moment: datetime) -> int:
        return await self._delete(self._readings(org).where(filter=FieldFilter("at", "<", moment)).order_by("at"), "at")

    async def take_lease(self, org: str, user: str, now: datetime, seconds: float, *, take_over: bool = False) -> Lease:
        until = now + timedelta(seconds=seconds)

        def take(stored: dict[str, Any] | None) -> dict[str, Any]:
            if stored is None:
                raise NotFound(WHO, "no such mailbox")
            if keeps_others_out(stored["leased_until"], now, seconds) and not take_over:
                raise LeaseTaken
            return {"fence": stored["fence"] + 1, "leased_until": until}

        taken = await self._change(org, user, take)
        return Lease(org, user, taken["fence"], until)

    async def release_lease(self, lease: Lease) -> None:
        def release(stored: dict[str, Any] | None) -> dict[str, Any]:
            return {"leased_until": None} if stored and stored["fence"] == lease.fence else {}

        await self._change(lease.org, lease.user, release)

    async def known_mails(self, org: str, user: str, mail_ids: Collection[str]) -> frozenset[str]:
        documents = [self._mail(org, user, mail) for mail in sorted(mail_ids)]
        known = [await self._existing(documents[start : start + PAGE]) for start in range(0, len(documents), PAGE)]
        return frozenset(_mail_key(document_id)[1] for page in known for document_id in page)

    async def save_run(
        self,
        lease: Lease,
        progress: Progress,
        *,
        labels: Mapping[Category, str],
        records: Sequence[MailRecord] = (),
        counts: RunCounts | None = None,
    ) -> None:
        facts: dict[str, Any] = {"progress": progress_map(progress), "labels": dict(labels)}
        if counts:
            facts |= {"last_run": run_map(counts), "trouble": None}
        mails: dict[AsyncDocumentReference, dict[str, Any]] = {}
        for record in records:
            mails.setdefault(
                self._mail(lease.org, lease.user, record.mail_id),
                {"user": lease.user, "from_address": record.from_address, "received_at": record.received_at},
            )

        def save(stored: dict[str, Any] | None) -> dict[str, Any]:
            _check_lease(lease, stored, on=True)
            return facts

        await self._change(lease.org, lease.user, save, mails)

    async def save_trouble(self, lease: Lease, trouble: Trouble) -> None:
        facts = {"trouble": trouble_map(trouble)}

        def save(stored: dict[str, Any] | None) -> dict[str, Any]:
            _check_lease(lease, stored, on=True)
            return facts

        await self._change(lease.org, lease.user, save)

    async def latest_mails(self, org: str, user: str, most: int) -> Sequence[MailRecord]:
        newest = self._mails_of(org, user).order_by("received_at", direction="DESCENDING").limit(most)
        return [_record(document) for document in await _answer(newest.get(timeout=SECONDS))]

    async def mails(self, org: str, user: str, after: MailRecord | None, most: int) -> Sequence[MailRecord]:
        # By name too, as Firestore orders anyway: so a page begins after a record, be it deleted meanwhile or not.
        newest = (
            self._mails_of(org, user).order_by("received_at", direction="DESCENDING").order_by("__name__", direction="DESCENDING")
        )
        if after:
            newest = newest.start_after({"received_at": after.received_at, "__name__": self._mail(org, user, after.mail_id).id})
        return [_record(document) for document in await _answer(newest.limit(most).get(timeout=SECONDS))]

    async def mails_from(self, org: str, address: str, most: int) -> Sequence[tuple[str, MailRecord]]:
        received = self._mails(org).where(filter=FieldFilter("from_address", "==", address))
        newest = received.order_by("received_at", direction="DESCENDING").limit(most)
        return [(_mail_key(document.id)[0], _record(document)) for document in await _answer(newest.get(timeout=SECONDS))]

    async def delete_mails_before(self, org: str, moment: datetime) -> int:
        older = self._mails(org).where(filter=FieldFilter("received_at", "<", moment)).order_by("received_at")
        return await self._delete(older)

    async def forget_address(self, org: str, address: str) -> int:
        received = self._mails(org).where(filter=FieldFilter("from_address", "==", address))
        forgotten = 0
        async for page in _pages(received.select(["received_at"]).order_by("received_at", direction="DESCENDING")):
            batch = self._client.batch()
            for document in page:
                # An update, never a set: a record that is deleted meanwhile must not come back; asked again, the rest is done.
                batch.update(document.reference, {"from_address": NOBODY})
            await _answer(batch.commit(timeout=SECONDS))
            forgotten += len(page)
        return forgotten

    async def forget_decisions(self, lease: Lease, since: datetime) -> int:
        def still_held(stored: dict[str, Any] | None) -> dict[str, Any]:
            _check_lease(lease, stored)
            return {"fence": lease.fence}

        still_held((await _read(self._mailbox(lease.org, lease.user))).to_dict())
        decided = self._mails_of(lease.org, lease.user).where(filter=FieldFilter("received_at", ">=", since))
        forgotten = 0
        async for page in _pages(decided.order_by("received_at", direction="DESCENDING").select(["received_at"])):
            await self._change(lease.org, lease.user, still_held, deleted=[stored.reference for stored in page])
            forgotten += len(page)
        return forgotten

    async def count_mails(self, org: str, user: str) -> tuple[int, datetime | None, datetime | None]:
        newest_first = self._mails_of(org, user).order_by("received_at", direction="DESCENDING").select(["received_at"])
        moments = [(stored.to_dict() or {})["received_at"] async for page in _pages(newest_first) for stored in page]
        return (len(moments), _moment(moments[-1]), _moment(moments[0])) if moments else (0, None, None)

    async def delete_mailbox(self, org: str, user: str) -> int:
        # While there is a mailbox, somebody knows that there is something to delete.
        theirs = self._readings(org).where(filter=FieldFilter("owner", "==", user_id(user)))
        await self._delete(theirs.order_by("__name__"), "at")
        # It goes before its records: from then on a run under way has no lease, and writes no more.
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

    def _used_names(self, org: str) -> AsyncCollectionReference:
        names: AsyncCollectionReference = self._org(org).collection("used_names")
        return names

    def _used_name(self, org: str, name: str) -> AsyncDocumentReference:
        """Any text may be a name, not any text a document's id."""
        return self._used_names(org).document(sha256(name.encode()).hexdigest())

    def _readings(self, org: str) -> AsyncCollectionReference:
        readings: AsyncCollectionReference = self._org(org).collection("readings")
        return readings

    def _mails_of(self, org: str, user: str) -> AsyncQuery:
        """A user's mails."""
        return self._mails(org).where(filter=FieldFilter("user", "==", user_id(user)))

    async def _change(
        self,
        org: str,
        user: str,
        decide: Callable[[dict[str, Any] | None], dict[str, Any]],
        mails: Mapping[AsyncDocumentReference, dict[str, Any]] | None = None,
        deleted: Sequence[AsyncDocumentReference] = (),
    ) -> dict[str, Any]:
        """Write what `decide` makes of the mailbox as it is now (None when there is none), with `mails` that are not there yet.

        `deleted` go with it. All of it is written at once, if nobody changed the mailbox meanwhile; else it is decided anew. An empty
        decision writes nothing. What was decided is returned.
        """

        async def change() -> dict[str, Any]:
            mailbox = await _read(self._mailbox(org, user))
            stored = mailbox.to_dict()
            changes = decide(stored)
            if changes:
                changes |= {"active": _is_active({**(stored or {}), **changes})}
                there = await self._existing(list(mails or ()))
                batch = self._client.batch()
                batch.update(mailbox.reference, changes, option=self._client.write_option(last_update_time=mailbox.update_time))
                for document, facts in (mails or {}).items():
                    if document.id not in there:
                        batch.create(document, facts)
                for document in deleted:
                    batch.delete(document)
                await _answer(batch.commit(timeout=SECONDS))
            return changes

        return await _again_while_changed(change)

    async def _existing(self, documents: list[AsyncDocumentReference]) -> frozenset[str]:
        async def read() -> frozenset[str]:
            found = self._client.get_all(documents, field_paths=["received_at"], timeout=SECONDS)
            return frozenset([document.id async for document in found if document.exists])

        return await _answer(read()) if documents else frozenset()

    async def _delete_mails(self, org: str, user: str) -> int:
        return await self._delete(self._mails_of(org, user).order_by("__name__"))

    async def _delete(self, documents: AsyncQuery, read: str = "received_at") -> int:
        """Delete what a query finds; their number. Of each only the field `read` is read."""
        deleted = 0
        async for page in _pages(documents.select([read])):
            await self._delete_page(page)
            deleted += len(page)
        return deleted

    async def _delete_page(self, page: Sequence[Snapshot]) -> None:
        batch = self._client.batch()
        for document in page:
            batch.delete(document.reference)
        await _answer(batch.commit(timeout=SECONDS))


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


async def _read(document: AsyncDocumentReference) -> Snapshot:
    return await _answer(document.get(timeout=SECONDS))


async def _pages(query: AsyncQuery) -> AsyncIterator[Sequence[Snapshot]]:
    """All that an ordered query finds, a page at a time."""
    page = await _answer(query.limit(PAGE).get(timeout=SECONDS))
    while page:
        yield page
        page = await _answer(query.start_after(page[-1]).limit(PAGE).get(timeout=SECONDS))


def _check_lease(lease: Lease, stored: Mapping[str, Any] | None, *, on: bool = False) -> None:
    """Raises LeaseLost; also when MailMagnet must be `on` and is not."""
    held = stored is not None and stored["fence"] == lease.fence and stored["leased_until"]
    if not held or (on and stored and stored["mailmagnet_since"] is None):
        raise LeaseLost


def _mail_key(document_id: str) -> tuple[str, str]:
    """The user and the mail in a mail record's id."""
    user, _, mail = document_id.partition(":")
    return user, mail


def _there(stored: dict[str, Any] | None) -> dict[str, Any]:
    """Raises NotFound."""
    if stored is None:
        raise NotFound(WHO, "no such mailbox")
    return stored


def _chosen(choices: Choices | None) -> dict[str, Any]:
    return {"choices": choices_map(choices)} if choices else {}


def _is_active(stored: Mapping[str, Any]) -> bool:
    trouble, presence = stored["trouble"], stored["presence"]
    may_be_tried = trouble is None or trouble["again_at"] is not None
    is_here = presence["parked"] is None and presence["leaving_since"] is None
    return stored["mailmagnet_since"] is not None and may_be_tried and is_here


def _reading(stored: Mapping[str, Any]) -> MailReading:
    return MailReading(stored["reader"], stored["owner"], stored["mail"], stored["contact"], _moment(stored["at"]))


def _new_document(now: datetime) -> dict[str, Any]:
    return {
        "active": False,
        "mailmagnet_since": None,
        "labelling_since": None,
        "progress": None,
        "last_run": run_map(RunCounts(now)),
        "labels": {},
        "choices": choices_map(Choices()),
        "presence": presence_map(Presence()),
        "preview": None,
        "taken_back": None,
        # A mailbox that is deleted and connected anew must not fit a lease of its earlier life: its fence starts anywhere.
        "fence": secrets.randbelow(2**40),
        "leased_until": None,
    }


def _mailbox(org: str, user: str, stored: Mapping[str, Any]) -> Mailbox:
    return Mailbox(
        org=org,
        user=user,
        address=stored["address"],
        last_run=run_of(stored["last_run"], _moment),
        mailmagnet_since=_moment_or_none(stored["mailmagnet_since"]),
        labelling_since=_moment_or_none(stored["labelling_since"]),
        progress=progress_of(stored["progress"], _moment) if stored["progress"] else None,
        trouble=trouble_of(stored["trouble"], _moment) if stored["trouble"] else None,
        labels=by_category(stored["labels"]),
        choices=choices_of(stored["choices"]),
        presence=presence_of(stored["presence"], _moment),
        preview=preview_of(stored["preview"], _moment) if stored["preview"] else None,
        taken_back=taken_back_of(stored["taken_back"], _moment) if stored.get("taken_back") else None,
    )


def _record(document: Snapshot) -> MailRecord:
    facts = document.to_dict() or {}
    return MailRecord(_mail_key(document.id)[1], facts["from_address"], _moment(facts["received_at"]))


def _moment(stored: datetime) -> datetime:
    """A plain datetime of Firestore's own kind."""
    return datetime.combine(stored.date(), stored.time(), UTC)


def _moment_or_none(stored: datetime | None) -> datetime | None:
    return _moment(stored) if stored else None
