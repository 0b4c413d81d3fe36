"""The set-up card, in one piece and nothing hidden: channel, account, MailMagnet, labels, who may read, notices, Save."""

from collections.abc import Mapping
from datetime import datetime

from cards import words
from cards.connecting import connect_button, connect_from_form_button, sign_out_button, webhook_button
from cards.frame import IN_PLACE, IN_PLACE_YES, Frame, Path
from cards.problems import problem_section
from cards.record_lines import my_sharing_line
from cards.widgets import (
    GREEN,
    GREY,
    RED,
    Card,
    Choice,
    Fold,
    Section,
    Widget,
    bold,
    button,
    button_list,
    card,
    choices,
    coloured,
    decorated_text,
    section,
    spaced,
    text_input,
    text_paragraph,
)
from mailmagnet.addresses import shown
from mailmagnet.categories import Category
from mailmagnet.consent import Grant
from mailmagnet.crm_sign_in import Sees
from mailmagnet.set_up import Consequence, Refusal, SetUp, days_of
from mailmagnet.store import Notify, Preview, Sharing
from mailmagnet.switch_mailbox import LONGEST_BACKFILL

MAILMAGNET_INPUT = "mailmagnet"
LABELLING_INPUT = "labelling"
DAYS_INPUT = "backfill_days"
SHARING_INPUT = "sharing"
NOTIFY_INPUT = "notify"
DAILY_AT_INPUT = "daily_at"
QUIET_FROM_INPUT = "quiet_from"
QUIET_UNTIL_INPUT = "quiet_until"

_SHARING = {
    Sharing.PRIVATE: ("Only me", ""),
    Sharing.CUSTOM: ("Colleagues, for contacts I choose", "You choose them on each contact’s card."),
    Sharing.PUBLIC: (
        "All colleagues with access to the contact",
        "Whoever can open a contact in {crm} can read your mail with it.",
    ),
}
_SEES = {
    Sees.OWN: "your own records",
    Sees.TEAM: "your own and your team’s records",
    Sees.EVERYONE: "everybody’s records",
}
_NOTIFY = {Notify.NEVER: "Off", Notify.AT_ONCE: "At once, after each run", Notify.DAILY: "Once a day"}


def set_up_card(set_up: SetUp, frame: Frame) -> Card:
    return card(
        [
            _what_happened(set_up, frame),
            _begun_section(set_up),
            _channel_section(),
            _account_section(set_up, frame),
            _mailmagnet_section(set_up, frame),
            _sharing_section(set_up, frame),
            _notice_section(set_up, frame),
            section([button_list(button("Save", frame.run(Path.SAVE_SET_UP)))]),
            _leaving_section(set_up, frame),
        ],
        "Set up MailMagnet",
        words.name(shown(set_up.address)),
    )


def _leaving_section(set_up: SetUp, frame: Frame) -> Section | None:
    """Also who has set up nothing may see that nothing is kept. An admin's way to the administration stands here too."""
    kept = button("Everything kept about me", frame.run(Path.KEPT))
    deactivate = [button("Deactivate", frame.run(Path.DEACTIVATE))] if set_up.mailbox else []
    admin = [button("Administration", frame.run(Path.ADMIN))] if set_up.is_admin else []
    return section([button_list(kept, *deactivate, *admin)])


# What came of a click


def _what_happened(set_up: SetUp, frame: Frame) -> Section | None:
    """On top, so that it is seen: what was wrong, what Save would do, or that it is saved."""
    if set_up.problem:
        confirm = [_confirm_buttons(set_up.consequence, frame)] if set_up.consequence else []
        problem = problem_section(set_up.problem, frame)
        return problem and problem | {"widgets": [*problem["widgets"], *confirm]}
    if set_up.refusal:
        said, to_do = _refused(set_up.refusal, set_up)
        grant = Grant.SORT if set_up.refusal is Refusal.SORT_NOT_GRANTED else Grant.READ
        missing = set_up.refusal in (Refusal.SORT_NOT_GRANTED, Refusal.NOT_CONNECTED)
        buttons = [button_list(connect_from_form_button(grant, frame))] if missing else []
        if set_up.refusal is Refusal.NO_WEBHOOK:
            buttons = [button_list(webhook_button(set_up.webhook, frame))]
        return section([decorated_text(coloured(said, RED), below=to_do, wrap=True), *buttons], "Not saved")
    if set_up.consequence:
        said = _consequence_words(set_up.consequence, frame)
        return section([text_paragraph(said), _confirm_buttons(set_up.consequence, frame)], "Before it is saved")
    if set_up.counting:
        return section([text_paragraph("Your mail is being counted. Open this card again in some minutes.")])
    return section([decorated_text(coloured("✓ Saved", GREEN), below=_what_comes(set_up), wrap=True)]) if set_up.saved else None


def _refused(refusal: Refusal, set_up: SetUp) -> tuple[str, str]:
    match refusal:
        case Refusal.NOT_CONNECTED:
            return "Your Gmail is not connected yet.", "Connect it, then save."
        case Refusal.LABELS_WITHOUT_MAILMAGNET:
            return "Labels need MailMagnet.", "Turn on MailMagnet too, or turn the labels off."
        case Refusal.WRONG_DAYS:
            return f"The days should be a number from 0 to {LONGEST_BACKFILL.days}.", "0 sorts new mail alone."
        case Refusal.SORT_NOT_GRANTED:
            return (
                "MailMagnet needs your consent to sort mail in Gmail.",
                "To find customers’ mail, label it and mark it as done. Give it to Google, then save.",
            )
        case Refusal.NO_WEBHOOK:
            return "Notices have no address yet.", "Give the address of a Google Chat webhook, or turn notices off."
    return "MailMagnet could not read what Gmail sent.", f"Open the set-up again, {shown(set_up.address)}."


def _consequence_words(consequence: Consequence, frame: Frame) -> str:
    """What Save will do."""
    if consequence.deletes:
        records = words.counted(consequence.deletes, "record", "records", frame.locale)
        return f"Turning MailMagnet off deletes {records} of customers’ mail. Mail and labels in Gmail stay as they are."
    days = words.counted(consequence.sorts_days, "day", "days", frame.locale)
    mails = words.counted(consequence.mails, "mail", "mails", frame.locale)
    if consequence.counted:
        which = f"About {mails} of the last {days} will be moved"
    else:
        looked_at = f"more than {mails}" if consequence.more else mails
        which = f"Customers’ mail of the last {days} (of {looked_at} there) will be moved"
    return f"{which} out of the inbox, under the labels. Earlier decisions are forgotten: what you moved back is sorted anew."


def _confirm_buttons(consequence: Consequence, frame: Frame) -> Widget:
    does = "Turn off and delete" if consequence.deletes else "Save and sort it"
    confirm = button(does, frame.run(Path.SAVE_SET_UP, confirmed=consequence.key))
    return button_list(confirm, button("Not now", frame.run(Path.SET_UP, **{IN_PLACE: IN_PLACE_YES})))


def _what_comes(set_up: SetUp) -> str:
    mailbox = set_up.mailbox
    if not mailbox or not mailbox.mailmagnet:
        return ""
    if set_up.policy and set_up.policy.paused_since:
        return "Your admin has paused sorting: the first run comes when it is resumed."
    if mailbox.last_run.first_is_to_come or mailbox.last_run.remaining:
        return "The first run comes within 10 minutes."
    return ""


def _begun_section(set_up: SetUp) -> Section | None:
    """What the admin wants it to begin with stands in the form already."""
    if not set_up.defaults:
        return None
    said = "Your admin has filled this in for you."
    return section([decorated_text(said, below="Change what you like, then save. Nothing happens before.", wrap=True)])


# The steps


def _channel_section() -> Section | None:
    return section(
        [
            decorated_text(spaced(bold("Gmail API"), coloured("✓", GREEN)), below="Mail stays in Gmail and is read there, live."),
            decorated_text(
                coloured("IMAP and POP3", GREY), below="Not yet: MailMagnet reads mail live in Gmail alone.", wrap=True
            ),
        ],
        "Channel",
    )


def _account_section(set_up: SetUp, frame: Frame) -> Section | None:
    """The account in Gmail, and the user of the CRM."""
    if not set_up.policy:
        return None
    crm = words.name(set_up.crm_name, 40)
    as_whom = f"{crm}: signed in as {words.name(set_up.crm_user, 60)}"
    sees = f"You see {_SEES[set_up.sees]}. Your admin has chosen it: {crm} shows MailMagnet all." if set_up.sees else ""
    signed_in = decorated_text(as_whom, below=sees, wrap=True, at_its_end=sign_out_button(set_up.crm_name, frame))
    return section([*_gmail_lines(set_up, frame), signed_in], "Account")


def _gmail_lines(set_up: SetUp, frame: Frame) -> list[Widget]:
    address = words.name(shown(set_up.address)) or "Your account"
    if not set_up.connected:
        line = decorated_text(
            address,
            below="Not connected. MailMagnet lists your mail with a contact, live: Google asks whether it may.",
            wrap=True,
        )
        anew = button("Continue", frame.run(Path.SET_UP, **{IN_PLACE: IN_PLACE_YES}))
        return [line, button_list(connect_button(Grant.READ, frame), anew)]
    if set_up.delegated:
        how = "Connected by your admin: there is nothing to click."
    else:
        how = "" if set_up.may_sort else "For lists of mail. MailMagnet asks for more when you turn it on."
    return [decorated_text(spaced(words.left_to_right(address), coloured("✓", GREEN)), below=how, wrap=True)]


def _mailmagnet_section(set_up: SetUp, frame: Frame) -> Section | None:
    form = set_up.form
    return section(
        [
            decorated_text(
                bold("MailMagnet"),
                below="Tells you of customers’ mail. Keeps of each its mail id, sender and time received. Nothing else.",
                wrap=True,
                switch=(MAILMAGNET_INPUT, form.mailmagnet),
            ),
            decorated_text(
                bold("Label your mail in the mailbox"),
                below="Every 10 minutes, out of the inbox, under three labels. Only with MailMagnet.",
                wrap=True,
                switch=(LABELLING_INPUT, form.labelling),
            ),
            *_label_lines(set_up, frame),
            text_input(DAYS_INPUT, f"Sort mail of the last … days too (0 to {LONGEST_BACKFILL.days})", form.backfill_days),
            *_count_button(set_up, frame),
        ],
        "MailMagnet",
    )


def _label_lines(set_up: SetUp, frame: Frame) -> list[Widget]:
    """The three labels, each with its number where one is known, and of what the numbers are."""
    preview = set_up.mailbox.preview if set_up.mailbox else None
    if set_up.newest:
        said, of = set_up.newest.sorted, f"of your newest {words.counted(set_up.newest.looked_at, 'mail', 'mails', frame.locale)}"
    elif preview:
        said, of = preview.sorted, _of_preview(preview, frame)
    else:
        return [text_paragraph(coloured(words.facts(*(each.label for each in Category)), GREY))]
    return [text_paragraph(words.facts(*_numbered(said, frame))), text_paragraph(coloured(of, GREY))]


def _numbered(counts: Mapping[Category, int], frame: Frame) -> list[str]:
    return [f"{each.label} {words.number(counts.get(each, 0), frame.locale)}" for each in Category]


def _of_preview(preview: Preview, frame: Frame) -> str:
    """ "Counted 1,240 mails of the last 30 days, 2 hr ago"."""
    days = words.counted(preview.days, "day", "days", frame.locale)
    looked_at = words.counted(preview.looked_at, "mail", "mails", frame.locale)
    if preview.done:
        return f"Counted {looked_at} of the last {days}, {words.ago(preview.at, frame.now)}"
    mails = words.counted(preview.mails, "mail", "mails", frame.locale)
    return f"Counted {words.number(preview.looked_at, frame.locale)} of {mails} of the last {days} so far"


def _count_button(set_up: SetUp, frame: Frame) -> list[Widget]:
    """Before labels are on: how much it would be."""
    if set_up.mailbox and set_up.mailbox.labelling:
        return []
    days = days_of(set_up.form.backfill_days)
    said = f"Count the last {words.counted(days, 'day', 'days', frame.locale)}" if days else "Count them"
    return [button_list(button(said, frame.run(Path.COUNT_MAIL)))]


def _sharing_section(set_up: SetUp, frame: Frame) -> Section | None:
    header = "Who may read my mail with contacts"
    crm = words.name(set_up.crm_name)
    if set_up.policy and set_up.policy.sharing is not None:
        said, below = _SHARING[set_up.policy.sharing]
        fixed = decorated_text(bold(said), below=words.facts("Fixed by your admin", below.format(crm=crm)), wrap=True)
        return section([fixed, my_sharing_line(frame)], header)
    options = [Choice(sharing, said, sharing == set_up.form.sharing) for sharing, (said, _) in _SHARING.items()]
    chosen = len(set_up.mailbox.choices.shared_contacts) if set_up.mailbox else 0
    now = f"{words.counted(chosen, 'contact is', 'contacts are', frame.locale)} chosen now. " if chosen else ""
    does = f"Colleagues can then read your mail with a contact, if {crm} shows them the contact. "
    return section(
        [
            choices(SHARING_INPUT, header, options, "RADIO_BUTTON"),
            text_paragraph(coloured(f"{does}{now}You choose contacts on their cards.", GREY)),
            *([my_sharing_line(frame)] if set_up.mailbox else []),
        ],
    )


def _notice_section(set_up: SetUp, frame: Frame) -> Section | None:
    """The address comes first: without one no notice can be chosen. While none is, the hours are folded."""
    form, webhook = set_up.form, _webhook_lines(set_up, frame)
    notify = [Choice(each, said, each == form.notify) for each, said in _NOTIFY.items()]
    return section(
        [
            choices(NOTIFY_INPUT, "Tell me in Google Chat of customers’ mail", notify, "DROPDOWN"),
            *webhook,
            choices(DAILY_AT_INPUT, "Once a day at", _hours(form.daily_at, frame), "DROPDOWN"),
            choices(QUIET_FROM_INPUT, "Never from", _hours(form.quiet_from, frame), "DROPDOWN"),
            choices(QUIET_UNTIL_INPUT, "until", _hours(form.quiet_until, frame), "DROPDOWN"),
        ],
        "Notices",
        Fold(1 + len(webhook), "Hours", "Hide the hours") if form.notify == Notify.NEVER else None,
    )


def _webhook_lines(set_up: SetUp, frame: Frame) -> list[Widget]:
    """Whether there is an address, and the way to the page where it is typed. It is a secret: it is never shown again."""
    below = "Counts and a link, never a name or a subject."
    if not set_up.policy:
        return []
    wanted = set_up.mailbox is not None and set_up.mailbox.choices.notice.notify is not Notify.NEVER
    if set_up.webhook:
        line = decorated_text("The address of a Google Chat webhook is kept.", below=below, wrap=True)
    elif wanted:
        said = coloured("Google Chat no longer knows the address.", RED)
        line = decorated_text(said, below="No notices come until you give another.", wrap=True)
    else:
        line = decorated_text("No address of a Google Chat webhook yet.", below=below, wrap=True)
    return [line, button_list(webhook_button(set_up.webhook, frame))]


def _hours(chosen: str, frame: Frame) -> list[Choice]:
    """The hours of the day as the reader writes them."""
    day = datetime(2026, 1, 1, tzinfo=words.zone_of(frame.locale))
    return [Choice(str(hour), words.clock(day.replace(hour=hour), frame.locale), str(hour) == chosen) for hour in range(24)]
