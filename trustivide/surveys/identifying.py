"""What in a comment could tell who wrote it, or point at somebody else.

A help for the writer and no more: it knows the team's names, what addresses and numbers
look like, and a few turns of phrase that tell a role. What is found is shown to the
writer before submitting, and neither stored nor logged.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

NAME = "name"
ADDRESS = "address"
PHONE = "phone"
NUMBER = "number"
ROLE = "role"
KINDS = (NAME, ADDRESS, PHONE, NUMBER, ROLE)

_ALONE = re.IGNORECASE
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
# Swedish personal identity numbers, with or without century and hyphen (SKV 704).
_NUMBER = re.compile(r"(?<!\d)(?:19|20)?\d{6}[-+]?\d{4}(?!\d)")
_PHONE = re.compile(r"(?<!\w)(?:\+\d|0)(?:[ ()/-]{0,3}\d){6,13}(?!\w)")
_ROLES = (
    r"jag,? som(?: är| var)?(?: den| en| ett)?(?: enda| äldsta| yngsta| nya)? \w+",
    r"jag (?:är|var) (?:den )?(?:enda|ensam|nyaste|äldst|äldsta|yngst|yngsta|ny|nyanställd|chef)",
    r"(?:jag|mig|oss) som (?:ny|nyanställd|chef|ledare|konsult|vikarie|praktikant)\w*",
    r"som (?:den )?(?:enda|ensam) \w+",
    r"i min roll(?: som \w+)?",
    r"(?:min|mitt) (?:sjukskrivning|föräldraledighet|graviditet|diagnos|uppsägning)",
    r"when I was (?:ill|off sick|on leave)",
    r"as (?:a|the|your|their) (?:only|new|newest|oldest|youngest|manager|team lead|leader)\w*",
    r"I(?: am|'m|\u2019m| was) the (?:only|new|newest|oldest|youngest|manager|team lead)\w*",
    r"in my role(?: as \w+(?: \w+)?)?",
    r"my (?:sick leave|parental leave|pregnancy|diagnosis)",
)
_ROLE = re.compile(rf"(?<!\w)(?:{'|'.join(_ROLES)})(?!\w)", _ALONE)

_WORD = re.compile(r"[^\W\d_]+")
_SHORT = 3
"""A name of so few letters may be an everyday word too: it counts with a capital only."""
_NO_NAMES = frozenset(
    {"info", "kontakt", "contact", "mail", "mejl", "post", "hello", "team", "office", "kontor"}
)
"""What stands before the @ of addresses that are nobody's own."""


@dataclass(frozen=True)
class Finding:
    """The characters from ``start`` to before ``end`` of a text, and what they may be."""

    start: int
    end: int
    kind: str


def find(text: str, people: Iterable[tuple[str, str | None]]) -> list[Finding]:
    """What could identify somebody, in order and without overlaps.

    ``people`` are the team's, as address and name. Of two that overlap the earlier
    counts, and of two that begin together the longer.
    """
    found = [Finding(*match.span(), NAME) for match in _names_in(text, people)]
    for pattern, kind in ((_ADDRESS, ADDRESS), (_NUMBER, NUMBER), (_PHONE, PHONE), (_ROLE, ROLE)):
        found += [Finding(*match.span(), kind) for match in pattern.finditer(text)]
    return _without_overlaps(found)


def parts(text: str, findings: Collection[Finding]) -> list[tuple[str, str | None]]:
    """The whole text in pieces, each with the kind of finding that it is, or ``None``."""
    pieces: list[tuple[str, str | None]] = []
    at = 0
    for finding in findings:
        pieces += [
            (text[at : finding.start], None),
            (text[finding.start : finding.end], finding.kind),
        ]
        at = finding.end
    pieces.append((text[at:], None))
    return [piece for piece in pieces if piece[0]]


def _names_in(text: str, people: Iterable[tuple[str, str | None]]) -> list[re.Match[str]]:
    names = set()
    for address, name in people:
        local = set(_WORD.findall(address.partition("@")[0].casefold())) - _NO_NAMES
        names |= local | set(_WORD.findall((name or "").casefold()))
    names = {name for name in names if len(name) > 1}
    if not names:
        return []
    longest_first = sorted(names, key=len, reverse=True)
    one_of = "|".join(map(re.escape, longest_first))
    # "Doras" and "Dora's" are hers too.
    pattern = re.compile(rf"(?<!\w)({one_of})(?:['\u2019]?s)?(?!\w)", _ALONE)
    return [
        match for match in pattern.finditer(text) if len(match[1]) > _SHORT or match[1][0].isupper()
    ]


def _without_overlaps(found: list[Finding]) -> list[Finding]:
    kept: list[Finding] = []
    for finding in sorted(found, key=lambda f: (f.start, -f.end)):
        if not kept or finding.start >= kept[-1].end:
            kept.append(finding)
    return kept
