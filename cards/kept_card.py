"""The card of everything kept about the reader: counts, connections, choices, and the two ways on: take it along, or delete it all."""

from cards import words
from cards.frame import Frame, Page, Path
from cards.widgets import Card, Section, Widget, button, button_list, card, decorated_text, section, text_paragraph
from cards.words import zone_of
from mailmagnet.consent import Grant
from mailmagnet.everything_kept import MOST_READINGS, Connected, Kept
from mailmagnet.store import Choices, Mailbox, Notify, Sharing

TITLE = "Everything kept about you"

_GRANTS = {
    Grant.READ: "lists your mail with a contact",
    Grant.SORT: "lists, records and sorts your mail",
    Grant.SEND: "writes drafts and sends them",
}
_SHARING = {
    Sharing.PRIVATE: "Only you read your mail here",
    Sharing.CUSTOM: "Colleagues read your mail with contacts that you chose",
    Sharing.PUBLIC: "Colleagues read your mail with contacts that they may open",
}
_NOTIFY = {Notify.AT_ONCE: "Notice at once", Notify.DAILY: "Notice once a day"}


def kept_card(kept: Kept, frame: Frame) -> Card:
    """What there is, and what there is not: of mail no word."""
    mailbox, connected = kept.mailbox, kept.connected
    if kept.nothing:
        nothing = text_paragraph("MailMagnet is not active for you, and keeps nothing of your mail.")
        return card([section([nothing]), _readings_section(kept, frame), _ways_on(kept, frame)], TITLE)
    return card(
        [
            section(_leaving_lines(mailbox)),
            section([_mails_line(kept, frame)], "Mail"),
            section(_connection_lines(connected, kept.crm_name), "Connections"),
            _choices_section(mailbox.choices, frame) if mailbox else None,
            section([_last_run_line(mailbox, frame)], "Sorting") if mailbox else None,
            _readings_section(kept, frame),
            _ways_on(kept, frame),
        ],
        TITLE,
        mailbox.address if mailbox else connected.address if connected else "",
    )


def _leaving_lines(mailbox: Mailbox | None) -> list[Widget]:
    if not mailbox or not mailbox.presence.leaving_since:
        return []
    return [decorated_text("You are leaving MailMagnet.", below="What is still here goes away within minutes.", wrap=True)]


def _mails_line(kept: Kept, frame: Frame) -> Widget:
    if not kept.mails:
        return decorated_text("No mail record", below="Nothing of any mail is kept.", wrap=True)
    counted = words.counted(kept.mails, "mail record", "mail records", frame.locale)
    days = [at.astimezone(zone_of(frame.locale)).date() for at in (kept.oldest, kept.newest) if at]
    ends = [words.day(day, frame.today, frame.locale) for day in days]
    span = f"oldest {ends[0]}, newest {ends[-1]}" if kept.mails > 1 and ends else ""
    return decorated_text(counted, below=words.facts("Mail id, sender and time of each", span), wrap=True)


def _connection_lines(connected: Connected | None, crm_name: str) -> list[Widget]:
    lines = [
        decorated_text("Gmail", below=_gmail_words(connected)),
        decorated_text(words.name(crm_name, 40), below=_crm_words(connected)),
    ]
    if connected and connected.webhook:
        lines.append(decorated_text("Google Chat", below="The address for notices, which is not shown"))
    return lines


def _gmail_words(connected: Connected | None) -> str:
    if not connected or not connected.gmail:
        return "Not connected"
    # Who may sort may list too.
    passed_over = {Grant.READ} if Grant.SORT in connected.grants else set()
    may = words.together([_GRANTS[grant] for grant in Grant if grant in connected.grants - passed_over])
    return f"Connected: MailMagnet {may}" if may else "Connected"


def _crm_words(connected: Connected | None) -> str:
    return f"Signed in as {words.name(connected.crm_user, 60)}" if connected and connected.crm_user else "Not signed in"


def _choices_section(choices: Choices, frame: Frame) -> Section | None:
    counts = [
        (len(choices.shared_contacts), "contact chosen", "contacts chosen"),
        (len(choices.contacts_kept_back), "contact kept back", "contacts kept back"),
        (len(choices.mails_kept_back), "mail kept back", "mails kept back"),
    ]
    said = [words.counted(count, one, many, frame.locale) for count, one, many in counts if count]
    lines = [decorated_text(_SHARING[choices.sharing], below=words.facts(*said), wrap=True)]
    if choices.notice.notify in _NOTIFY:
        lines.append(
            decorated_text(_NOTIFY[choices.notice.notify], below=f"In the time zone {words.name(choices.notice.time_zone, 60)}")
        )
    return section(lines, "Your choices")


def _last_run_line(mailbox: Mailbox, frame: Frame) -> Widget:
    if not mailbox.mailmagnet:
        return decorated_text("Off", below="No mail is recorded.")
    run = mailbox.last_run
    looked_at = words.counted(run.looked_at, "mail looked at", "mails looked at", frame.locale)
    moved = f"{words.number(sum(run.sorted.values()), frame.locale)} sorted"
    return decorated_text(f"Last run {words.ago(run.at, frame.now)}", below=words.facts(looked_at, moved))


def _readings_section(kept: Kept, frame: Frame) -> Section | None:
    """Who read what is kept by ids alone. Of the reader's own readings the log is the owner's."""
    lines = []
    if kept.read_by_others:
        said = f"Colleagues read your mail {_times(kept.read_by_others, frame)}"
        lines.append(decorated_text(said, below="Logged by ids alone; goes away with your mailbox.", wrap=True))
    if kept.read_by_user:
        said = f"You read colleagues’ mail {_times(kept.read_by_user, frame)}"
        lines.append(decorated_text(said, below="Logged by ids alone; stays in their log until it is too old.", wrap=True))
    return section(lines, "Shared mail")


def _times(count: int, frame: Frame) -> str:
    counted = words.counted(count, "time", "times", frame.locale)
    return f"at least {counted}" if count >= MOST_READINGS else counted


def _ways_on(kept: Kept, frame: Frame) -> Section | None:
    export = button("Export (JSON)", frame.page(Page.EXPORT))
    delete = [] if kept.nothing else [button("Delete all", frame.run(Path.DEACTIVATE))]
    return section([button_list(export, *delete)])
