"""The cards of who wants to see sorting: which mails were sorted today, what a run would do now, and that one has begun."""

from cards import words
from cards.customers_mail_card import in_gmail
from cards.frame import Frame, Path
from cards.widgets import (
    GREY,
    Card,
    Fold,
    Section,
    Widget,
    button,
    button_list,
    card,
    coloured,
    decorated_text,
    open_link,
    section,
    text_paragraph,
)
from mailmagnet.addresses import shown
from mailmagnet.categories import Category
from mailmagnet.crm import DealState
from mailmagnet.decide_mail import Move
from mailmagnet.sorting import SortedMail, SortedToday, SortingBegun, SortingPreview

_IN_SIGHT = 8


def sorted_today_card(answer: SortedToday, frame: Frame) -> Card:
    """Under each label what came today; what was sorted today and had come earlier is counted."""
    sections = [_under_section(category, answer, frame) for category in Category]
    return card([*sections, _not_shown_section(answer, frame)], "Sorted today")


def _under_section(category: Category, answer: SortedToday, frame: Frame) -> Section | None:
    mails = [mail for mail in answer.mails if mail.category is category]
    lines = [_sorted_line(mail, answer.owner, frame) for mail in mails]
    return _folded(lines, words.facts(category.label, words.number(len(mails), frame.locale)), frame)


def _folded(lines: list[Widget], header: str, frame: Frame) -> Section | None:
    more = words.counted(len(lines) - _IN_SIGHT, "more mail", "more mails", frame.locale)
    return section(lines, header, Fold(_IN_SIGHT, more, "Fewer mails"))


def _sorted_line(mail: SortedMail, owner: str, frame: Frame) -> Widget:
    sender = words.name(mail.from_name or shown(mail.record.from_address), 60) or "No sender"
    subject = words.name(mail.subject, 60) or "(no subject)"
    below = words.facts(subject, words.received(mail.record.received_at, frame.now, frame.locale))
    return decorated_text(sender, below=below, on_click=open_link(in_gmail(mail.record.mail_id, mail.rfc822_message_id, owner)))


def _not_shown_section(answer: SortedToday, frame: Frame) -> Section | None:
    counted = sum(answer.day.sorted.values()) if answer.day else 0
    others = counted - len(answer.mails)
    if not answer.mails and others <= 0:
        return section([text_paragraph(coloured("Nothing of today’s mail stands under a label.", GREY))])
    if others <= 0:
        return None
    said = f"{words.counted(others, 'more mail', 'more mails', frame.locale)} sorted today"
    why = "among today’s other mail" if answer.more else "received earlier, or moved since"
    return section([text_paragraph(coloured(f"{said}: {why}.", GREY))])


def sorting_preview_card(answer: SortingPreview, frame: Frame) -> Card:
    """What would move, and why; then the button that does it."""
    run = answer.run
    looked_at = words.counted(run.looked_at, "new mail", "new mails", frame.locale)
    moved = words.counted(len(run.moves), "mail", "mails", frame.locale)
    if not run.moves:
        said = f"Looked at {looked_at}: nothing to sort." if run.looked_at else "No new mail to sort."
        return card([section([text_paragraph(coloured(said, GREY))])], "What would be sorted now")
    more = " The rest follows." if run.remaining else ""
    first = [
        text_paragraph(f"Of {looked_at} {moved} would be moved out of the inbox.{more}"),
        button_list(button("Sort now", frame.run(Path.SORT_NOW))),
    ]
    return card([section(first), *(_moves_section(each, answer, frame) for each in Category)], "What would be sorted now")


def _moves_section(category: Category, answer: SortingPreview, frame: Frame) -> Section | None:
    moves = [move for move in answer.run.moves if move.decision.category is category]
    lines = [_move_line(move, answer.owner, frame) for move in moves]
    return _folded(lines, words.facts(category.label, words.number(len(moves), frame.locale)), frame)


def _move_line(move: Move, owner: str, frame: Frame) -> Widget:
    """Who wrote it, and the deal that is the reason."""
    deal = move.decision.because
    reason = f"won {words.name(deal.name, 60)}" if deal.state is DealState.WON else words.name(deal.name, 60)
    stays = "" if move.in_inbox else "already out of the inbox"
    below = words.facts(words.left_to_right(reason), words.received(move.received_at, frame.now, frame.locale), stays)
    on_click = open_link(in_gmail(move.mail_id, "", owner))
    return decorated_text(words.name(shown(move.from_address), 60) or "No sender", below=below, on_click=on_click)


def sorting_begun_card(answer: SortingBegun, _: Frame) -> Card:
    said = "Sorting has begun a moment ago." if answer.already else "Sorting begins now."
    return card([section([decorated_text(said, below="Go back and refresh the panel in a minute.", wrap=True)])])
