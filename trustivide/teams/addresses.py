"""Reading pasted e-mail addresses, line by line, without saving anything."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from email.utils import parseaddr

MOST = 500


@dataclass(frozen=True)
class Line:
    """One thing that could not be read: where, what, and why (a key for the page's words)."""

    number: int
    text: str
    problem: str


@dataclass
class Reading:
    """What a pasted text holds. ``new`` maps normalised address to name (or ``None``)."""

    new: dict[str, str | None] = field(default_factory=dict)
    known: list[str] = field(default_factory=list)
    duplicates: int = 0
    problems: list[Line] = field(default_factory=list)


def read(text: str, already: Collection[str], clean: Callable[[str], str]) -> Reading:
    """Read ``text``: one address a line or several by comma or semicolon, each with a name or not.

    ``already`` are the team's normalised addresses. ``clean`` normalises one
    address and raises ValueError. Repetitions are folded into the first; more
    than 500 new addresses are a problem of the line that exceeds it.
    """
    found = Reading()
    for number, line in enumerate(text.splitlines(), start=1):
        for part in line.replace(";", ",").replace("\t", ",").split(","):
            if part.strip():
                _take(found, number, part.strip(), already, clean)
    return found


def _take(
    found: Reading,
    number: int,
    part: str,
    already: Collection[str],
    clean: Callable[[str], str],
) -> None:
    name, address = parseaddr(part) if "<" in part else ("", part)
    try:
        address = clean(address)
    except ValueError:
        found.problems.append(Line(number, part, "not_an_address"))
        return
    if address in already:
        if address in found.known:
            found.duplicates += 1
        else:
            found.known.append(address)
    elif address in found.new:
        found.duplicates += 1
    elif len(found.new) >= MOST:
        found.problems.append(Line(number, part, "too_many"))
    else:
        found.new[address] = name.strip()[:120] or None
