"""A mailbox's facts as a document has them, for both stores: plain maps, lists and texts, moments as each store writes them."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any, TypeVar

from mailmagnet.addresses import exclusion
from mailmagnet.categories import Category
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.store import (
    Backlog,
    Choices,
    DayCounts,
    Defaults,
    Moved,
    Notice,
    Notify,
    Parked,
    ParkedFor,
    Policy,
    Presence,
    Preview,
    Progress,
    Reason,
    RunCounts,
    SetUpBy,
    Sharing,
    TakeBack,
    TakenBack,
    Trouble,
)
from mailmagnet.templates import Template

Fact = TypeVar("Fact")
Moment = Callable[[Any], datetime]
"""Reads a moment as the store has written it."""


def policy_map(policy: Policy) -> dict[str, Any]:
    """What an admin has fixed; what is excluded in its one spelling."""
    return {
        "sharing": policy.sharing,
        "excluded": sorted(map(exclusion, policy.excluded)),
        "retention_days": policy.retention_days,
        "templates": list(map(template_map, policy.templates)),
        "crm": {"kind": policy.crm.kind, "origin": policy.crm.origin} if policy.crm else None,
        "defaults": [_defaults_map(profile, defaults) for profile, defaults in policy.defaults.items()],
        "paused_since": policy.paused_since,
        "leaving_since": policy.leaving_since,
        "take_back": {"asked": policy.take_back.asked, "since": policy.take_back.since} if policy.take_back else None,
    }


def policy_of(stored: Mapping[str, Any], moment: Moment) -> Policy:
    """The way back; also of a policy that was written before it could name a CRM."""
    crm, take_back = stored.get("crm"), stored.get("take_back")
    paused_since, leaving_since = stored.get("paused_since"), stored.get("leaving_since")
    return Policy(
        sharing=Sharing(stored["sharing"]) if stored["sharing"] is not None else None,
        excluded=frozenset(stored["excluded"]),
        retention_days=stored["retention_days"],
        templates=tuple(map(template_of, stored["templates"])),
        crm=CrmChoice(crm["kind"], crm["origin"]) if crm else None,
        defaults={each["profile"]: _defaults_of(each) for each in stored.get("defaults", ())},
        paused_since=moment(paused_since) if paused_since else None,
        leaving_since=moment(leaving_since) if leaving_since else None,
        take_back=TakeBack(moment(take_back["asked"]), moment(take_back["since"])) if take_back else None,
    )


def policy_as_kept(policy: Policy) -> Policy:
    """A policy as it comes back. Raises BadRequest for what cannot be excluded."""
    return policy_of(policy_map(policy), lambda moment: moment)


def _defaults_map(profile: str, defaults: Defaults) -> dict[str, Any]:
    """One of a list: "" is no name that Firestore takes for a fact."""
    return {
        "profile": profile,
        "mailmagnet": defaults.mailmagnet,
        "labelling": defaults.labelling,
        "backfill_days": defaults.backfill_days,
        "sharing": defaults.sharing,
    }


def _defaults_of(stored: Mapping[str, Any]) -> Defaults:
    return Defaults(stored["mailmagnet"], stored["labelling"], stored["backfill_days"], Sharing(stored["sharing"]))


def progress_map(progress: Progress) -> dict[str, Any]:
    """Mail ids stand in one text each, parted by spaces: thousands of them are one value, and need no index."""
    backlog = progress.backlog
    return {
        "cursor": progress.cursor,
        "moving": " ".join(progress.moving),
        "waiting": " ".join(progress.waiting),
        "failed": dict(progress.failed),
        "moved": "\n".join(" ".join(_moved_words(moved)) for moved in progress.moved),
        "backlog": {"after": backlog.after, "before": backlog.before} if backlog else None,
    }


def progress_of(stored: Mapping[str, Any], moment: Moment) -> Progress:
    """The way back; also of one that was written before it told what runs have moved."""
    backlog = stored["backlog"]
    return Progress(
        cursor=stored["cursor"],
        moving=tuple(stored["moving"].split()),
        waiting=tuple(stored["waiting"].split()),
        failed=dict(stored["failed"]),
        moved=tuple(_moved(line.split(" ")) for line in stored.get("moved", "").splitlines()),
        backlog=Backlog(moment(backlog["after"]), moment(backlog["before"]) if backlog["before"] else None) if backlog else None,
    )


def _moved_words(moved: Moved) -> tuple[str, ...]:
    return moved.at.isoformat(), moved.until.isoformat(), moved.cursor, str(moved.mails)


def _moved(words: list[str]) -> Moved:
    at, until, cursor, mails = words
    return Moved(datetime.fromisoformat(at), datetime.fromisoformat(until), cursor, int(mails))


def run_map(counts: RunCounts) -> dict[str, Any]:
    """A run's counts."""
    return {
        "at": counts.at,
        "tick": counts.tick,
        "looked_at": counts.looked_at,
        "sorted": dict(counts.sorted),
        "remaining": counts.remaining,
        "passed_over": dict(counts.passed_over),
        "spent": [{"at": at, "units": units} for at, units in counts.spent],
        "sparing": counts.sparing,
        "day": {"day": counts.day.day.isoformat(), "sorted": dict(counts.day.sorted)} if counts.day else None,
    }


def run_of(stored: Mapping[str, Any], moment: Moment) -> RunCounts:
    """The way back."""
    day = stored["day"]
    return RunCounts(
        at=moment(stored["at"]),
        tick=moment(stored["tick"]) if stored["tick"] else None,
        looked_at=stored["looked_at"],
        sorted=by_category(stored["sorted"]),
        remaining=stored["remaining"],
        passed_over=dict(stored["passed_over"]),
        spent=tuple((moment(run["at"]), run["units"]) for run in stored["spent"]),
        day=DayCounts(date.fromisoformat(day["day"]), by_category(day["sorted"])) if day else None,
        sparing=stored.get("sparing", False),
    )


def trouble_map(trouble: Trouble) -> dict[str, Any]:
    """A mailbox's trouble."""
    return {
        "reason": trouble.reason.value,
        "who": trouble.who,
        "since": trouble.since,
        "failures": trouble.failures,
        "again_at": trouble.again_at,
    }


def trouble_of(stored: Mapping[str, Any], moment: Moment) -> Trouble:
    """The way back."""
    again_at = moment(stored["again_at"]) if stored["again_at"] else None
    return Trouble(Reason(stored["reason"]), stored["who"], moment(stored["since"]), stored["failures"], again_at)


def choices_map(choices: Choices) -> dict[str, Any]:
    """What a user has chosen; times of day are texts, "20:00"."""
    notice = choices.notice
    return {
        "sharing": choices.sharing.value,
        "shared_contacts": sorted(choices.shared_contacts),
        "contacts_kept_back": sorted(choices.contacts_kept_back),
        "mails_kept_back": sorted(choices.mails_kept_back),
        "backfill_days": choices.backfill_days,
        "notice": {
            "notify": notice.notify.value,
            "time_zone": notice.time_zone,
            "daily_at": notice.daily_at.isoformat(),
            "quiet_from": notice.quiet_from.isoformat(),
            "quiet_until": notice.quiet_until.isoformat(),
        },
        "sharing_ended": choices.sharing_ended,
        "set_up_by": choices.set_up_by,
    }


def choices_of(stored: Mapping[str, Any]) -> Choices:
    """The way back. Of a mailbox that was kept before that was noted, its user counts as who set it up."""
    notice, set_up_by = stored["notice"], stored.get("set_up_by", SetUpBy.USER)
    return Choices(
        sharing=Sharing(stored["sharing"]),
        shared_contacts=frozenset(stored["shared_contacts"]),
        contacts_kept_back=frozenset(stored["contacts_kept_back"]),
        mails_kept_back=frozenset(stored["mails_kept_back"]),
        backfill_days=stored["backfill_days"],
        notice=Notice(
            notify=Notify(notice["notify"]),
            time_zone=notice["time_zone"],
            daily_at=time.fromisoformat(notice["daily_at"]),
            quiet_from=time.fromisoformat(notice["quiet_from"]),
            quiet_until=time.fromisoformat(notice["quiet_until"]),
        ),
        sharing_ended=stored.get("sharing_ended", 0),
        set_up_by=SetUpBy(set_up_by) if set_up_by else None,
    )


def presence_map(presence: Presence) -> dict[str, Any]:
    """What is known of a mailbox's user."""
    parked = presence.parked
    return {
        "crm_user": presence.crm_user,
        "opened_at": presence.opened_at,
        "noticed": dict(presence.noticed),
        "noticed_at": presence.noticed_at,
        "admin_told_at": presence.admin_told_at,
        "parked": {"since": parked.since, "why": parked.why.value} if parked else None,
        "leaving_since": presence.leaving_since,
    }


def presence_of(stored: Mapping[str, Any], moment: Moment) -> Presence:
    """The way back."""

    def moment_or_none(name: str) -> datetime | None:
        return moment(stored[name]) if stored[name] else None

    parked = stored["parked"]
    return Presence(
        crm_user=stored["crm_user"],
        opened_at=moment_or_none("opened_at"),
        noticed=dict(stored["noticed"]),
        noticed_at=moment_or_none("noticed_at"),
        admin_told_at=moment_or_none("admin_told_at"),
        parked=Parked(moment(parked["since"]), ParkedFor(parked["why"])) if parked else None,
        leaving_since=moment_or_none("leaving_since"),
    )


def preview_map(preview: Preview) -> dict[str, Any]:
    """A preview's counts."""
    return {
        "at": preview.at,
        "days": preview.days,
        "mails": preview.mails,
        "looked_at": preview.looked_at,
        "sorted": dict(preview.sorted),
    }


def preview_of(stored: Mapping[str, Any], moment: Moment) -> Preview:
    """The way back."""
    return Preview(moment(stored["at"]), stored["days"], stored["mails"], stored["looked_at"], by_category(stored["sorted"]))


def taken_back_map(taken_back: TakenBack) -> dict[str, Any]:
    """What came of taking a mailbox's last runs back."""
    return {"asked": taken_back.asked, "mails": taken_back.mails, "problem": taken_back.problem}


def taken_back_of(stored: Mapping[str, Any], moment: Moment) -> TakenBack:
    """The way back."""
    return TakenBack(moment(stored["asked"]), stored["mails"], stored["problem"])


def template_map(template: Template) -> dict[str, str]:
    """An admin's template."""
    return {"id": template.id, "name": template.name, "subject": template.subject, "text": template.text}


def template_of(stored: Mapping[str, str]) -> Template:
    """The way back."""
    return Template(stored["id"], stored["name"], stored["subject"], stored["text"])


def by_category(stored: Mapping[str, Fact]) -> dict[Category, Fact]:
    """A map whose keys are categories."""
    return {Category(category): fact for category, fact in stored.items()}
