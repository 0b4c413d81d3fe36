"""The admin's cards for export and removal: one customer's address, a user, the whole organisation. Each says first what it does."""

from cards import words
from cards.frame import CUSTOMER_ADDRESS, ORGANISATION_TYPED, Frame, Page, Path
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
    text_input,
    text_paragraph,
)
from mailmagnet.addresses import shown
from mailmagnet.customer_address import AddressAnswer, KeptOfAddress
from mailmagnet.removal import OrganisationRemoval, UserRemoval

_DONE = "At Google and in the CRM what could not be ended now is ended within minutes."


def customer_address_card(answer: AddressAnswer, frame: Frame) -> Card:
    typed = text_input(CUSTOMER_ADDRESS, "A customer’s mail address", answer.typed)
    look = button("See what is kept", frame.run(Path.CUSTOMER_ADDRESS_KEPT))
    return card(
        [_address_said(answer, frame), section([typed, button_list(look)]), _what_is_never_kept()],
        "A customer’s address",
        "In your whole organisation",
    )


def _address_said(answer: AddressAnswer, frame: Frame) -> Section | None:
    if answer.fault:
        return section([text_paragraph(coloured(f"{answer.fault[:1].upper()}{answer.fault[1:]}.", RED))])
    if answer.removed is not None:
        records = words.counted(answer.removed, "record", "records", frame.locale)
        below = "While your CRM has this address, new mail from it is recorded again."
        return section([decorated_text(coloured(f"✓ Removed from {records}", GREEN), below=below, wrap=True)])
    return _kept_section(answer.kept, answer, frame) if answer.kept else None


def _kept_section(kept: KeptOfAddress, answer: AddressAnswer, frame: Frame) -> Section | None:
    address = words.left_to_right(words.name(shown(kept.address), 100))
    excluded = [text_paragraph("Your policy names it: never shared. That stays.")] if kept.excluded else []
    if not kept.mails or not kept.oldest or not kept.newest:
        return section([decorated_text(bold(address), below="Nothing is kept of mail from it.", wrap=True), *excluded])
    records = words.counted(len(kept.mails), "record", "records", frame.locale)
    zone = words.zone_of(frame.locale)
    first, last = (words.day(at.astimezone(zone).date(), frame.today, frame.locale) for at in (kept.oldest, kept.newest))
    below = f"{'More than ' if kept.more else ''}{records} of mail id, sender and time, {first} to {last}"
    users = [_of_user(user, count, answer, frame) for user, count in kept.by_user.items()]
    remove = button("Remove this address", frame.run(Path.REMOVE_CUSTOMER_ADDRESS))
    does = text_paragraph(
        "The address goes; mail id and time stay until they are too old, so that no mail is moved twice. Gmail stays as it is."
    )
    return section([decorated_text(bold(address), below=below, wrap=True), *users, *excluded, does, button_list(remove)])


def _of_user(user: str, count: int, answer: AddressAnswer, frame: Frame) -> Widget:
    who = words.name(shown(answer.addresses.get(user, "")), 80) or "A mailbox that is gone"
    return decorated_text(who, below=words.counted(count, "record", "records", frame.locale))


def _what_is_never_kept() -> Section | None:
    said = "Of each customer’s mail MailMagnet keeps mail id, sender and time. Names, deals and texts are not kept here."
    return section([text_paragraph(coloured(said, GREY))])


def user_removal_card(removal: UserRemoval, frame: Frame) -> Card:
    address = words.left_to_right(words.name(shown(removal.address), 100)) or "This user"
    if removal.gone:
        below = _DONE if removal.problem else "Nothing is kept of this user any more."
        return card([section([decorated_text(coloured("✓ Removed", GREEN), below=below, wrap=True)])], "Remove a user", address)
    remove = button("Remove this user", frame.run(Path.REMOVE_USER, user=removal.user))
    said = [
        text_paragraph("As if they left: consent and sign-in to the CRM end, and all that is kept of them is deleted."),
        text_paragraph(coloured("Mail and labels in Gmail stay. They may set up MailMagnet again.", GREY)),
        button_list(button("Export (JSON)", frame.page(Page.ADMIN_EXPORT, user=removal.user)), remove),
    ]
    return card([section(said)], "Remove a user", address)


def organisation_card(removal: OrganisationRemoval, frame: Frame) -> Card:
    if removal.begun:
        below = f"It is under way, and done within minutes. {_DONE}"
        done = decorated_text(coloured("✓ Your organisation is being removed", GREEN), below=below, wrap=True)
        return card([section([done])], "Export and remove all", words.name(removal.org, 100))
    wrong = (
        [text_paragraph(coloured("That is not the organisation’s name. Nothing was removed.", RED))] if removal.wrong_name else []
    )
    users = words.counted(removal.users, "user", "users", frame.locale)
    said = [
        *wrong,
        text_paragraph(
            f"Everybody leaves ({users}): consents at Google and sign-ins to the CRM end; records, settings and the policy are deleted."
        ),
        text_paragraph(coloured("Mail and labels in Gmail, and the CRM, stay as they are. It cannot be undone.", GREY)),
        text_input(ORGANISATION_TYPED, f"Type {words.name(removal.org, 60)} to confirm"),
        button_list(button("Remove the organisation", frame.run(Path.REMOVE_ORGANISATION))),
    ]
    export = section(
        [
            text_paragraph("A JSON file with all that is kept: policy, mailboxes, mail records, readings; no tokens."),
            button_list(button("Export (JSON)", frame.page(Page.ADMIN_EXPORT))),
        ],
        "Export",
    )
    return card([export, section(said, "Remove")], "Export and remove all", words.name(removal.org, 100))
