"""Reading pasted e-mail addresses, line by line, without saving anything."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

MOST = 500
LONGEST_NAME = 120

# Why something could not be read; the pages have the words.
NO_ADDRESS = "no_address"
RUN_TOGETHER = "run_together"
LONG_NAME = "long_name"
NOT_AN_ADDRESS = "not_an_address"

# One mailbox of a line (RFC 5322, section 3.4): separators count neither in
# quotes nor in angle brackets.
_MAILBOX = re.compile(r'(?:"[^"]*"|<[^>]*>|[^,;\t])+')


@dataclass(frozen=True)
class Line:
    """One thing that could not be read: where, what, and why (a key for the page's words)."""

    number: int
    text: str
    problem: str


@dataclass
class Reading:
    """What a pasted text holds. ``new`` maps normalised address to name (or ``None``).

    ``duplicates`` counts repetitions that were folded, ``too_many`` the new
    addresses beyond the most that are taken at once.
    """

    new: dict[str, str | None] = field(default_factory=dict)
    known: list[str] = field(default_factory=list)
    duplicates: int = 0
    too_many: int = 0
    problems: list[Line] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether everything in the text was read and fits."""
        return not self.problems and not self.too_many


class Unreadable(ValueError):
    """No mailbox; ``str()`` is the key of what is wrong."""


def read(text: str, already: Collection[str], clean: Callable[[str], str]) -> Reading:
    """Read ``text``: one address a line or several by comma or semicolon, each with a name or not.

    ``already`` are the team's normalised addresses. ``clean`` normalises one
    address and raises ValueError. Repetitions are folded into the first, which
    takes a later one's name if it has none.
    """
    found = Reading()
    for number, line in enumerate(text.splitlines(), start=1):
        for part in filter(None, map(str.strip, _MAILBOX.findall(line))):
            try:
                name, address = mailbox(part, clean)
            except Unreadable as reason:
                found.problems.append(Line(number, part, str(reason)))
            else:
                _take(found, name, address, already)
    return found


def mailbox(part: str, clean: Callable[[str], str]) -> tuple[str | None, str]:
    """Name and normalised address of ``a@b.se``, ``<a@b.se>`` or ``Name <a@b.se>``.

    Raises :class:`Unreadable`.
    """
    name, address = "", part
    if part.endswith(">"):
        name, _, address = part[:-1].rpartition("<")
    name = " ".join("".join(c for c in name if c.isprintable()).strip(' "').split())
    address = address.strip()
    if "@" not in address:
        raise Unreadable(NO_ADDRESS)
    if any(c in "<>" for c in name) or any(c.isspace() or c in "<>" for c in address):
        raise Unreadable(RUN_TOGETHER)
    if len(name) > LONGEST_NAME:
        raise Unreadable(LONG_NAME)
    try:
        return name or None, clean(address)
    except ValueError:
        raise Unreadable(NOT_AN_ADDRESS) from None


def _take(found: Reading, name: str | None, address: str, already: Collection[str]) -> None:
    if address in found.new:
        found.new[address] = found.new[address] or name
        found.duplicates += 1
    elif address in found.known:
        found.duplicates += 1
    elif address in already:
        found.known.append(address)
    elif len(found.new) >= MOST:
        found.too_many += 1
    else:
        found.new[address] = name
