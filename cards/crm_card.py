"""The admin's card of the organisation's CRM: which one is in force, and another, with what that does said before it is saved."""

from cards import words
from cards.frame import CRM_KIND, CRM_ORIGIN, Frame, Path
from cards.widgets import (
    GREEN,
    GREY,
    RED,
    Card,
    Choice,
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
from mailmagnet.choose_crm import CrmAnswer
from mailmagnet.crm_choice import CrmChoice

_KINDS = {"": "As deployed", "odoo": "Odoo"}
_NAMES = {"embedded": "MailMagnet’s own CRM", "odoo": "Odoo"}


def crm_card(answer: CrmAnswer, frame: Frame) -> Card:
    options = [Choice(kind, said, kind == answer.kind) for kind, said in _KINDS.items()]
    see = button("See what it does", frame.run(Path.CRM_EFFECT))
    save = [button("Save", frame.run(Path.SAVE_CRM))] if answer.is_another and not answer.saved else []
    form = [
        choices(CRM_KIND, "Your organisation’s CRM", options, "DROPDOWN"),
        text_input(CRM_ORIGIN, "Its address, as https://example.odoo.com", answer.origin),
        button_list(*save, see),
    ]
    return card(
        [section([_in_force(answer)]), section(_said(answer, frame)), section(form)], "CRM", "For everybody in your organisation"
    )


def _in_force(answer: CrmAnswer) -> Widget:
    below = words.facts(
        words.left_to_right(answer.current.origin), "as deployed" if answer.is_the_deployments else "chosen by an admin"
    )
    return decorated_text(bold(_name(answer.current)), below=below, wrap=True)


def _name(choice: CrmChoice) -> str:
    return _NAMES.get(choice.kind, choice.kind)


def _said(answer: CrmAnswer, frame: Frame) -> list[Widget]:
    if answer.fault:
        return [text_paragraph(coloured(f"Not saved. {answer.fault[:1].upper()}{answer.fault[1:]}.", RED))]
    if answer.saved:
        return [text_paragraph(coloured("✓ Saved. Everybody signs in to it in the panel.", GREEN))]
    if not answer.is_another:
        return []
    users = words.counted(answer.sign_in_anew, "user", "users", frame.locale)
    return [
        text_paragraph(bold(f"{users} signed in to the old one will have to sign in anew.")),
        text_paragraph("Until they do, nothing of the CRM is shown and no mail is sorted."),
        text_paragraph(
            "Contacts that users share or keep back are forgotten: each user chooses anew. Single mails kept back stay back."
        ),
        text_paragraph(coloured("A link to its records opens only if its address is in the add-on’s deployment.", GREY)),
    ]
