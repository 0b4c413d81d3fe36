"""The admin's own templates, for users whose CRM has none: how they are added and removed."""

from dataclasses import replace
from hashlib import sha256

from mailmagnet.errors import MAILMAGNET, BadRequest, NotFound
from mailmagnet.parts import Parts
from mailmagnet.store import Policy
from mailmagnet.templates import Template

MOST_TEMPLATES = 50
LONGEST_TEXT = 10_000
"""Characters. All of them stand in one document with the policy, which Firestore holds to 1 MiB."""


async def put_template(org: str, name: str, subject: str, text: str, parts: Parts) -> None:
    """Add a template, or put it in place of that of its name. Subject and text are plain, with merge fields.

    Raises BadRequest for what can be no template and for one too many, and what the store raises.
    """
    name, subject, text = name.strip(), subject.strip(), text.strip()
    if not name or not text:
        raise BadRequest("a template needs a name and a text")
    if not (name + subject).isprintable() or len(name + subject + text) > LONGEST_TEXT:
        raise BadRequest(f"a template's name and subject are one line each, and all of it is {LONGEST_TEXT} characters at most")
    made = Template(sha256(name.encode()).hexdigest()[:16], name, subject, text)

    def put(policy: Policy) -> Policy:
        others = [each for each in policy.templates if each.name != name]
        if len(others) >= MOST_TEMPLATES:
            raise BadRequest(f"there are {MOST_TEMPLATES} templates already: remove one first")
        return replace(policy, templates=(*others, made))

    await parts.store.change_policy(org, put)


async def remove_template(org: str, name: str, parts: Parts) -> None:
    """Remove the template of a name. Raises NotFound, and what the store raises."""

    def remove(policy: Policy) -> Policy:
        others = tuple(each for each in policy.templates if each.name != name.strip())
        if len(others) == len(policy.templates):
            raise NotFound(MAILMAGNET, "there is no template of this name")
        return replace(policy, templates=others)

    await parts.store.change_policy(org, remove)
