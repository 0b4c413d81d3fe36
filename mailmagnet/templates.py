"""Templates for mail, the CRM's or the admin's own: the record `Template`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Template:
    """A mail to begin with. Subject and text are plain, with merge fields in them as CRMs write them: "${Contact.First Name}"."""

    id: str
    name: str
    subject: str
    text: str
