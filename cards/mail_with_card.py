"""The card "Mail with …": mails of several mailboxes in one list, whose is missing and why, and what the reader shares of one's own."""

from collections.abc import Sequence
from dataclasses import replace

from cards import words
from cards.connecting import set_up_section
from cards.frame import ZONE, Frame, Page, Path
from cards.problems import problem_section
from cards.record_lines import ids_of, ids_of_mail, record_name
from cards.widgets import (
    GREY,
    Button,
    Card,
    Section,
    Widget,
    button,
    button_list,
    card,
    coloured,
    decorated_text,
    section,
    text_paragraph,
)
from mailmagnet.addresses import shown
from mailmagnet.change_sharing import Change
from mailmagnet.mail_with import MOST_COLLEAGUES, ListedMail, MailWith, Missing, NotAsked, OwnSharing
from mailmagnet.read_mail import MailId
from mailmagnet.record_people import RecordId
from mailmagnet.store import Sharing

_NAME = 40


def mail_with_card(answer: MailWith, frame: Frame) -> Card:
    """Of several problems the last tells the reference."""
    here = replace(frame, path=Path.MAIL_WITH, ids=ids_of(answer.record.record) | _page(answer, frame))
    return card(
        [
            problem_section(answer.mine_problem, here, "Your mail") if answer.mine_problem else None,
            section([*_mails(answer, frame), _buttons(answer, frame)]),
            *_missing_sections(answer, here),
            problem_section(answer.problem, here, "Colleagues’ mail") if answer.problem else None,
            _sharing_section(answer, answer.own, frame) if answer.own else None,
            set_up_section(answer.to_set_up, frame),
        ],
        f"Mail with {record_name(answer.record)}",
    )


def _page(answer: MailWith, frame: Frame) -> dict[str, str]:
    """The page that is shown, for Retry: after a change it is the first one again."""
    older = frame.ids.get("older", "")
    return {"older": older} if older and frame.path is Path.MAIL_WITH else {}


# The list


def _mails(answer: MailWith, frame: Frame) -> list[Widget]:
    if answer.mails:
        return [_line(mail, answer.record.record, frame) for mail in answer.mails]
    return [] if answer.older or answer.problems else [text_paragraph(coloured(_nothing(answer), GREY))]


def _nothing(answer: MailWith) -> str:
    name = record_name(answer.record)
    if not answer.record.people:
        return f"{words.name(answer.crm_name)} shows you nobody of {name}."
    if not answer.record.addresses:
        return f"{words.name(answer.crm_name)} has no mail address of {name}."
    return f"No mail with {name} yet."


def _line(mail: ListedMail, record: RecordId, frame: Frame) -> Widget:
    """The subject, as the contact's name is above the list; below who wrote it, whose mailbox, and when. A click reads it here."""
    below = words.facts(
        sender_of(mail),
        "" if mail.sent else whose(mail.owner_name, mine=mail.mine),
        words.received(mail.received_at, frame.now, frame.locale),
        "kept back" if mail.kept_back else "",
    )
    opened = frame.run(Path.MAIL, **ids_of_mail(MailId(record, mail.owner, mail.mail_id)))
    return decorated_text(words.name(mail.subject, 60) or "(no subject)", below=below, on_click=opened)


def sender_of(mail: ListedMail) -> str:
    """ "You", "Kim", "Lena Fischer"."""
    if mail.sent:
        return "You" if mail.mine else words.name(mail.owner_name, _NAME) or "A colleague"
    return words.name(mail.from_name or shown(mail.from_address), _NAME) or "No sender"


def whose(owner_name: str, *, mine: bool) -> str:
    """ "yours", "Kim’s"."""
    return "yours" if mine else words.possessive(words.name(shown(owner_name), _NAME)) or "a colleague’s"


def _buttons(answer: MailWith, frame: Frame) -> Widget:
    """Further back, and the same list as a page of its own."""
    ids = ids_of(answer.record.record)
    older = [button("Older mail", frame.run(Path.MAIL_WITH, **ids, older=answer.older))] if answer.older else []
    return button_list(*older, button("Open as a page", frame.page(Page.RECORD, **ids, **{ZONE: frame.locale.time_zone})))


# Whose mail is not in it


def _missing_sections(answer: MailWith, frame: Frame) -> list[Section | None]:
    failed = [missing for missing in answer.missing if missing.problem]
    problems = [
        problem_section(missing.problem, frame, words.possessive(_name(missing)) + " mail")
        for missing in failed
        if missing.problem
    ]
    lines = [text_paragraph(coloured(said, GREY)) for said in missing_words(answer)]
    return [*problems, section(lines)]


def missing_words(answer: MailWith) -> list[str]:
    """Whose mail was not asked for, and why. Who keeps something back is not among them."""
    name = record_name(answer.record)
    said = []
    if not_connected := _names(answer, NotAsked.NOT_CONNECTED):
        said.append(f"{_have(not_connected)} not connected Gmail, so there is nothing of theirs to read.")
    if not_shared := _names(answer, NotAsked.NOT_SHARED):
        said.append(f"{_do(not_shared)} not share mail with {name}.")
    if too_many := _names(answer, NotAsked.TOO_MANY):
        said.append(f"Not asked: {words.together(too_many)}. At most {MOST_COLLEAGUES} colleagues are asked at once.")
    if answer.excluded:
        said.append("Mail with these addresses is not shared: they are your organisation’s, or your admin keeps them out.")
    if answer.record.more:
        said.append(f"{answer.record.more} more people are in {words.name(answer.crm_name)}: open one to see the mail.")
    return said


def _names(answer: MailWith, why: NotAsked) -> list[str]:
    return [_name(missing) for missing in answer.missing if missing.why is why]


def _name(missing: Missing) -> str:
    return words.name(shown(missing.name), _NAME) or "A colleague"


def _have(names: Sequence[str]) -> str:
    return f"{words.together(names)} {'has' if len(names) == 1 else 'have'}"


def _do(names: Sequence[str]) -> str:
    return f"{words.together(names)} {'does' if len(names) == 1 else 'do'}"


# What the reader shares


def _sharing_section(answer: MailWith, own: OwnSharing, frame: Frame) -> Section | None:
    ids = ids_of(answer.record.record)
    line = decorated_text(_shared_words(answer, own), below="Fixed by your admin." if own.fixed else "", wrap=True)
    buttons = [*_sharing_buttons(own, ids, frame), button("Who could read this", frame.run(Path.WHO_COULD_READ, **ids))]
    return section([line, button_list(*buttons)], "Your mail and your colleagues")


def _shared_words(answer: MailWith, own: OwnSharing) -> str:
    name, crm = record_name(answer.record), words.name(answer.crm_name)
    if own.kept_back:
        return f"You keep your mail with {name} back: only you can read it."
    if own.sharing is Sharing.PUBLIC or (own.sharing is Sharing.CUSTOM and own.chosen):
        return f"Colleagues who can open {name} in {crm} can read your mail with {name}."
    return f"Only you can read your mail with {name}."


def _sharing_buttons(own: OwnSharing, ids: dict[str, str], frame: Frame) -> list[Button]:
    """What can be done: in custom sharing to share a contact or to stop, in all to keep one back; each undoes the
    other. Who shares with nobody is led to the settings."""

    def change(said: str, what: Change) -> Button:
        return button(said, frame.run(Path.SHARE_CONTACT, **ids, change=what.value))

    if own.kept_back:
        return [change("Stop keeping back", Change.GIVE_BACK)]
    if own.sharing is Sharing.PUBLIC:
        return [change("Keep this contact back", Change.KEEP_BACK)]
    if own.sharing is Sharing.CUSTOM and own.chosen:
        return [change("Stop sharing", Change.STOP_SHARING)]
    if own.sharing is Sharing.CUSTOM:
        return [change("Share mail with this contact", Change.SHARE)]
    return [] if own.fixed else [button("Change sharing", frame.run(Path.SET_UP))]
