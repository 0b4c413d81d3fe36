"""The admin's card for taking back the last runs of all: how far back, what it does before it does it, and how far it is."""

from cards import words
from cards.frame import IN_PLACE, IN_PLACE_YES, Frame, Path
from cards.widgets import (
    GREEN,
    GREY,
    RED,
    Card,
    Section,
    Widget,
    bold,
    button,
    button_list,
    card,
    coloured,
    decorated_text,
    section,
    text_paragraph,
)
from mailmagnet.take_back import FAILED, HISTORY_GONE, HOURS, REFUSED, RESUMED, TakeBackAnswer, TakenBackSoFar

_PROBLEMS = {
    HISTORY_GONE: "Gmail has forgotten that far back: nothing was changed",
    REFUSED: "Gmail’s consent is missing",
    RESUMED: "Sorting was resumed before all was back",
    FAILED: "Gmail or MailMagnet failed each time: take back again",
}


def take_back_card(answer: TakeBackAnswer, frame: Frame) -> Card:
    asking = _question_section(answer, frame) if answer.hours else _choice_section(answer, frame)
    return card([_so_far_section(answer, frame), asking], "Take back", "For everybody in your organisation")


def _choice_section(answer: TakeBackAnswer, frame: Frame) -> Section | None:
    if not any(each.mails for each in answer.counted.values()):
        return section([text_paragraph(coloured("Nothing was moved in the last 48 hours.", GREY))], "How far back")
    lines = [_choice(hours, answer, frame) for hours in HOURS]
    return section(lines, "How far back")


def _choice(hours: int, answer: TakeBackAnswer, frame: Frame) -> Widget:
    said = f"The last {words.counted(hours, 'hour', 'hours', frame.locale)}"
    if not answer.counted[hours].mails:
        return decorated_text(coloured(said, GREY), below="Nothing was moved.")
    ask = frame.run(Path.TAKE_BACK, hours=str(hours), **{IN_PLACE: IN_PLACE_YES})
    return decorated_text(said, below=_about(hours, answer, frame), wrap=True, on_click=ask)


def _about(hours: int, answer: TakeBackAnswer, frame: Frame) -> str:
    counted = answer.counted[hours]
    mails = words.counted(counted.mails, "mail", "mails", frame.locale)
    return f"About {mails} in {words.counted(counted.mailboxes, 'mailbox', 'mailboxes', frame.locale)}"


def _question_section(answer: TakeBackAnswer, frame: Frame) -> Section | None:
    hours = answer.hours
    last = words.counted(hours, "hour", "hours", frame.locale)
    does = button("Pause and take back", frame.run(Path.TAKE_BACK_ALL, hours=str(hours)))
    not_now = button("Not now", frame.run(Path.TAKE_BACK, **{IN_PLACE: IN_PLACE_YES}))
    return section(
        [
            text_paragraph(bold(f"{_about(hours, answer, frame)}, moved in the last {last}, go back.")),
            text_paragraph(
                "Each loses our label, and comes back to the inbox if a run took it out. What its user has moved back stays."
            ),
            text_paragraph(
                "Sorting is paused for everybody first. Put the CRM right, then resume: what is back is not sorted again."
            ),
            button_list(does, not_now),
        ],
        "Before it is done",
    )


def _so_far_section(answer: TakeBackAnswer, frame: Frame) -> Section | None:
    if not answer.asked or not answer.so_far:
        return None
    so_far = answer.so_far
    mails = words.counted(so_far.mails, "mail", "mails", frame.locale)
    of = words.counted(so_far.done + so_far.to_come, "mailbox", "mailboxes", frame.locale)
    said = f"{mails} put back. {words.number(so_far.done, frame.locale)} of {of} done"
    asked = words.moment(answer.asked.asked, frame.now, frame.locale)
    line = decorated_text(said if so_far.to_come else coloured(f"✓ {said}", GREEN), below=f"Asked for {asked}", wrap=True)
    look = frame.run(Path.TAKE_BACK, **{IN_PLACE: IN_PLACE_YES})
    again = [button_list(button("Look again", look))] if so_far.to_come else []
    return section([line, *_problem_lines(so_far, frame), *again], "The last taking back")


def _problem_lines(so_far: TakenBackSoFar, frame: Frame) -> list[Widget]:
    return [
        decorated_text(
            coloured(words.counted(count, "mailbox", "mailboxes", frame.locale), RED), below=_PROBLEMS[problem], wrap=True
        )
        for problem, count in so_far.problems.items()
    ]
