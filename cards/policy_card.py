"""The admin's card: what holds for everybody's sharing, and, before it is saved, what a change would do."""

from cards import words
from cards.frame import POLICY_EXCLUDED, POLICY_RETENTION, POLICY_SHARING, Frame, Path
from cards.problems import problem_section
from cards.unopened_lines import unopened_section
from cards.widgets import (
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
    section,
    text_area,
    text_input,
    text_paragraph,
)
from mailmagnet.policy import PolicyAnswer, PolicyEffect, WantedPolicy, as_typed
from mailmagnet.store import Policy, Sharing

_SHARING = (
    ("", "Each user decides"),
    (Sharing.PRIVATE, "Only the owner reads"),
    (Sharing.CUSTOM, "Colleagues, for contacts the owner chooses"),
    (Sharing.PUBLIC, "All with access to the contact"),
)


def policy_card(answer: PolicyAnswer, frame: Frame) -> Card:
    typed = answer.typed or as_typed(answer.policy or Policy())
    see = button("See what it does", frame.run(Path.POLICY_EFFECT))
    save = [button("Save", frame.run(Path.SAVE_POLICY))] if answer.effect and not answer.saved else []
    return card(
        [
            *(problem_section(problem, frame) for problem in answer.problems),
            section(_said(answer, frame)),
            section([*_fields(typed, answer.deployed_days), *_templates(answer.policy, frame), button_list(*save, see)]),
            unopened_section(answer.unopened, frame),
        ],
        "Policy",
        "For everybody in your organisation",
    )


def _retention_label(deployed_days: int) -> str:
    as_deployed = f" (empty: {deployed_days})" if deployed_days else ""
    return f"Days that mail id, sender and time are kept{as_deployed}"


def _fields(typed: WantedPolicy, deployed_days: int) -> list[Widget]:
    options = [Choice(value, text, chosen=value == typed.sharing) for value, text in _SHARING]
    return [
        choices(POLICY_SHARING, "Who may read users’ mail with contacts", options, "DROPDOWN"),
        text_area(POLICY_EXCLUDED, "Never shared: addresses and domains, one a line", typed.excluded),
        text_input(POLICY_RETENTION, _retention_label(deployed_days), typed.retention_days),
    ]


def _templates(policy: Policy | None, frame: Frame) -> list[Widget]:
    if not policy or not policy.templates:
        return []
    count = words.counted(len(policy.templates), "template", "templates", frame.locale)
    return [text_paragraph(coloured(f"{count} of your own", GREY))]


def _said(answer: PolicyAnswer, frame: Frame) -> list[Widget]:
    if answer.fault:
        return [text_paragraph(coloured(f"Not saved. {answer.fault[:1].upper()}{answer.fault[1:]}.", RED))]
    if answer.saved:
        return [text_paragraph(bold("Saved. It holds from now on."))]
    return effect_lines(answer.effect, frame) if answer.effect else []


def effect_lines(effect: PolicyEffect, frame: Frame) -> list[Widget]:
    """What saving would do, by numbers."""
    users = words.counted(effect.mailboxes, "connected user", "connected users", frame.locale)
    wider, narrower = (words.number(count, frame.locale) for count in (effect.wider, effect.narrower))
    said = [
        f"Of {users}, {wider} would share more" if effect.wider else "",
        f"Of {users}, {narrower} would share less" if effect.narrower else "",
        f"Newly never shared: {effect.newly_excluded}" if effect.newly_excluded else "",
        f"Shared again: {effect.no_longer_excluded}" if effect.no_longer_excluded else "",
        "Records older than that are deleted within a day" if effect.shorter_retention else "",
    ]
    lines = [text_paragraph(f"{line}.") for line in said if line]
    nothing = text_paragraph(coloured(f"Nothing changes for {users}.", GREY))
    kept = text_paragraph(coloured("What owners keep back stays back.", GREY))
    return [*(lines or [nothing]), *([kept] if effect.wider else [])]
