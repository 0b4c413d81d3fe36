"""The admin's cards of who may use the CRM, where the CRM itself does not say it: the account's link, what users see, and the list."""

from collections.abc import Sequence

from cards import words
from cards.frame import CRM_ADDRESS, CRM_LET_IN, CRM_SEES, Frame, Page, Path
from cards.widgets import (
    GREEN,
    GREY,
    RED,
    Card,
    Choice,
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
    text_input,
    text_paragraph,
)
from mailmagnet.addresses import shown
from mailmagnet.crm import MAIL_INTEGRATION
from mailmagnet.crm_sign_in import Sees
from mailmagnet.crm_users import NOBODY_THERE, SEVERAL_THERE, CrmUsers, Person

SEES = {
    Sees.OWN: "Their own records",
    Sees.TEAM: "Their own and their team’s records",
    Sees.EVERYONE: "Everybody’s records",
}
"""What users see where the token sees all, as an admin chooses it."""
_FAULTS = {
    NOBODY_THERE: "No active user of {crm} has this address.",
    SEVERAL_THERE: "Several users of {crm} have this address. Mend it there first.",
}


def crm_users_card(answer: CrmUsers, frame: Frame) -> Card:
    crm = _crm(answer)
    connected = (_company_section(answer, frame), _account_section(answer, frame), _sees_section(answer, frame))
    sections = [_nothing_to_list(answer, crm), *connected, *_list(answer, frame)]
    return card(sections, f"Who may use {crm}", "In your organisation")


def crm_person_card(answer: CrmUsers, frame: Frame) -> Card:
    """One person, who is the only one in the answer."""
    [person] = answer.people
    fault = _FAULTS[answer.fault].format(crm=_crm(answer)) if answer.fault else ""
    said = [text_paragraph(coloured(fault, RED))] if fault else []
    return card([section([*said, *_of_person(person, answer, frame)])], _address(person), f"In {_crm(answer)}")


def _crm(answer: CrmUsers) -> str:
    return words.name(answer.crm_name, 40)


def _address(person: Person) -> str:
    return words.left_to_right(words.name(shown(person.address), 100)) or "Somebody"


def _nothing_to_list(answer: CrmUsers, crm: str) -> Section | None:
    if not answer.has_permission:
        return None
    said = f"{crm} itself says who may: whoever has the permission “{MAIL_INTEGRATION}” in their profile there."
    return section([text_paragraph(said)])


def _account_section(answer: CrmUsers, frame: Frame) -> Section | None:
    if not answer.by_account or not answer.first:
        return None
    crm = _crm(answer)
    if not answer.account:
        ended = [text_paragraph(coloured(f"{crm} lets MailMagnet in no more. Connect it again.", RED))] if answer.ended else []
        said = text_paragraph(f"An administrator of {crm} connects it once for everybody. Then you say who may use it.")
        return section([*ended, said, button_list(button(f"Connect {crm}", frame.page(Page.CRM_ACCOUNT)))])
    anew = button("Connect anew", frame.page(Page.CRM_ACCOUNT))
    ends = button("Disconnect", frame.run(Path.DISCONNECT_ACCOUNT))
    below = f"Connected for everybody. Disconnect ends it at {crm} too, and lets everybody out."
    name = words.name(answer.account, 60) or crm
    return section([decorated_text(bold(name), below=below, wrap=True), button_list(anew, ends)])


def _company_section(answer: CrmUsers, frame: Frame) -> Section | None:
    """At a vendor's anybody may have a company of their own."""
    if not (answer.company and answer.first):
        return None
    below = f"Your organisation’s account of {_crm(answer)}: nobody signs in to another. Letting it go signs everybody out."
    name = words.left_to_right(words.name(answer.company, 60))
    return section(
        [decorated_text(bold(name), below=below, wrap=True), button_list(button("Let it go", frame.run(Path.DISCONNECT_ACCOUNT)))]
    )


def _sees_section(answer: CrmUsers, frame: Frame) -> Section | None:
    if not (answer.account and answer.sees_all and answer.first):
        return None
    said = f"What MailMagnet asks {_crm(answer)} with sees all records of the account. You say what users see:"
    nothing = [] if answer.sees else [text_paragraph(coloured("Until you choose, nobody sees anything.", RED))]
    saved = frame.path is Path.SAVE_SEES and answer.sees
    done = [text_paragraph(coloured("✓ Saved. It holds within a minute.", GREEN))] if saved else []
    options = [Choice(sees, words_of_it, sees is answer.sees) for sees, words_of_it in SEES.items()]
    save = button_list(button("Save", frame.run(Path.SAVE_SEES)))
    return section([text_paragraph(said), *nothing, *done, choices(CRM_SEES, "Users see", options, "RADIO_BUTTON"), save])


def _list(answer: CrmUsers, frame: Frame) -> list[Section | None]:
    if answer.has_permission or (answer.by_account and not answer.account):
        return []
    let_in = [person for person in answer.people if person.let_in]
    to_confirm = [person for person in answer.people if not person.let_in and (person.proposed or not answer.by_account)]
    others = [person for person in answer.people if not person.let_in and person not in to_confirm]
    nobody = [] if answer.people else [text_paragraph(coloured(_nobody(answer), GREY))]
    return [
        section(nobody),
        _to_confirm_section(to_confirm, answer, frame),
        section([_line(person, answer, frame) for person in others], "Not let in" if others else ""),
        section([_line(person, answer, frame) for person in let_in], "Let in"),
        _next_page(answer, frame),
    ]


def _nobody(answer: CrmUsers) -> str:
    if not answer.first:
        return "There is nobody more."
    return "Nobody is here yet. Whoever opens MailMagnet can ask to be let in."


def _to_confirm_section(people: Sequence[Person], answer: CrmUsers, frame: Frame) -> Section | None:
    """Nobody is ticked: an address that is the same proves nothing until an admin says so."""
    if not people:
        return None
    crm = _crm(answer)
    label = f"The same address in {crm}: tick whom you know" if answer.by_account else "Tick who may use it"
    boxes = [Choice(_value(person), _said(person)) for person in people]
    after = {"after": frame.ids["after"]} if frame.ids.get("after") else {}
    let_in = button("Let these in", frame.run(Path.LET_IN, **after))
    return section([choices(CRM_LET_IN, label, boxes, "CHECK_BOX"), button_list(let_in)], "To confirm")


def _value(person: Person) -> str:
    return f"{person.user} {person.proposed.id if person.proposed else ''}".strip()


def _said(person: Person) -> str:
    as_whom = words.name(person.proposed.name if person.proposed else person.crm_name, 60)
    return f"{_address(person)}{f' is {as_whom}' if as_whom else ''}"


def _line(person: Person, answer: CrmUsers, frame: Frame) -> Widget:
    on_click = frame.run(Path.CRM_PERSON, user=person.user)
    if person.gone:
        below = f"{words.name(person.crm_name, 60)} is no active user of {_crm(answer)} any more"
        return decorated_text(coloured(_address(person), RED), below=below, wrap=True, on_click=on_click)
    below = words.name(person.crm_name, 60) or f"Nobody with this address in {_crm(answer)}"
    return decorated_text(_address(person), below=below, wrap=True, on_click=on_click)


def _next_page(answer: CrmUsers, frame: Frame) -> Section | None:
    more = button("More people", frame.run(Path.CRM_USERS, after=answer.after))
    return section([button_list(more)]) if answer.after else None


def _of_person(person: Person, answer: CrmUsers, frame: Frame) -> list[Widget]:
    crm = _crm(answer)
    out = button("Let out", frame.run(Path.LET_OUT, user=person.user))
    if person.let_in:
        gone = f"No active user of {crm} any more. " if person.gone else ""
        name = words.name(person.crm_name, 60) or f"May use {crm}"
        return [
            decorated_text(bold(name), below=f"{gone}Let out, they see nothing of {crm} at once.", wrap=True),
            button_list(out),
        ]
    if not answer.by_account:
        let_in = button("Let in", frame.run(Path.MAP_PERSON, user=person.user))
        return [text_paragraph(f"They may not use {crm} yet."), button_list(let_in)]
    proposed = shown(person.proposed.email) if person.proposed else ""
    return [
        text_paragraph(f"As whom of {crm} are they let in? They see what you let that user see."),
        text_input(CRM_ADDRESS, f"The address of their user in {crm}", proposed),
        button_list(button("Let in", frame.run(Path.MAP_PERSON, user=person.user))),
    ]
