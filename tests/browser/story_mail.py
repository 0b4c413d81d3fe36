"""The mail of the story: letters like a rep's, in every encoding that mail has, and the words by which each would be known again."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

Person = tuple[str, str]
"""Name and address."""

_SYLLABLES = (
    "ba",
    "de",
    "fi",
    "go",
    "hu",
    "ja",
    "ke",
    "li",
    "mo",
    "nu",
    "pa",
    "re",
    "si",
    "to",
    "vu",
    "za",
    "che",
    "dri",
    "plo",
    "ska",
)
_SUBJECTS = (
    "Your offer for the {}",
    "When does the {} arrive?",
    "Two more {} for our second site",
    "Größe und Gewicht des {}",
    "Invoice for the {}",
    "The {} stands still since Monday",
    "Can we meet about the {}?",
    "Liefertermin: {}",
)
_TEXTS = (
    "Good morning,\n\nwe talked about the {0} last week. Our people would like to see it running before they decide.\n\nCould you come on "
    "Thursday? The gate's code word is {1}.\n\nKind regards\n",
    "Guten Tag,\n\nfür das {0} bräuchten wir noch die Maße. Größe, Gewicht, Stromanschluß: alles bitte an uns. Unser Zeichen: {1}.\n\n"
    "Schöne Grüße\n",
    "Hello,\n\nthe {0} came today, and one part is missing. Its number is {1}.\n\nThanks\n",
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail, and what of it may be found nowhere: its subject, words of its text and its attachment, and strangers it goes to."""

    raw: bytes = field(repr=False)
    subject: str
    words: tuple[str, ...]
    strangers: tuple[str, ...] = ()


class Writer:
    """Writes letters: always the same, each with words that no other has."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._written = 0

    def word(self) -> str:
        """One that nobody has ever written."""
        return "".join(self._chance.choice(_SYLLABLES) for _ in range(5)).capitalize()

    def letters(self, senders: Sequence[Person], to: Person, newest: datetime, count: int) -> Iterator[Letter]:
        """One every few hours, the newest last."""
        for number in range(count):
            yield self.letter(
                senders[number % len(senders)], to, newest - timedelta(hours=7 * (count - 1 - number), minutes=number)
            )

    def letter(self, sender: Person, to: Person, at: datetime, subject: str = "") -> Letter:
        """The next one, in the next of the ways in which mail is written."""
        thing, code = self.word(), self.word()
        kind = self._written = self._written + 1
        subject = subject or _SUBJECTS[kind % len(_SUBJECTS)].format(thing)
        text = _TEXTS[kind % len(_TEXTS)].format(thing, code)
        mail = EmailMessage()
        mail["From"], mail["To"] = _written(sender), _written(to)
        mail["Subject"], mail["Date"] = subject, format_datetime(at)
        mail["Message-ID"] = f"<{self.word().lower()}@{parseaddr(sender[1])[1].partition('@')[2]}>"
        words, strangers = [thing, code, str(mail["Message-ID"])], []
        if kind % 3 == 0:
            strangers = [f"{self.word().lower()}@elsewhere.example", f"{self.word().lower()}@away.example"]
            mail["Cc"] = ", ".join(strangers)
        mail.set_content(text, cte="base64" if kind % 4 == 1 else "quoted-printable")
        if kind % 4 == 2:
            code = self.word()
            words.append(code)
            mail.add_alternative(f"<p>About the <b>{thing}</b>: <i>{code}</i></p>", subtype="html")
        if kind % 5 == 0:
            name, inside = self.word(), self.word()
            words += [name, inside]
            mail.add_attachment(inside.encode(), maintype="text", subtype="csv", filename=f"{name}.csv")
        return Letter(mail.as_bytes(), subject, tuple(words), tuple(strangers))


def _written(person: Person) -> str:
    name, address = person
    return f'"{name}" <{address}>'
