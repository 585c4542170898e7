"""Reading people from a file of theirs, row by row, without saving anything.

What was read travels through the preview as one sealed value, so that exactly what somebody
saw is what they add, and no list of people is left lying on a disk meanwhile.
"""

import json
import re
import unicodedata
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from trustivide.core import tables
from trustivide.core.crypto import DecryptionError, ring
from trustivide.core.tables import FORMULA, Row
from trustivide.teams import addresses

VALID_FOR = timedelta(hours=1)
LONGEST_SEALED = 2_000_000
_PURPOSE = "member-file"

# Why the file as a whole was refused, beside what ``core.tables`` refuses.
NO_ADDRESSES = "no_addresses"
TWICE_NAMED = "twice_named"
NO_HEADER = "no_header"
MUCH_TEXT = "much_text"

# Why a row isn't added, beside what ``teams.addresses`` says of an address.
SEVERAL = "several"
NOT_ASCII = "not_ascii"
COMPUTED = "computed"
TWICE = "twice"
KNOWN = "known"

EMAIL, NAME, FIRST, LAST = "email", "name", "first", "last"
_HEADERS = {
    EMAIL: "epost epostadress email emailaddress emailadress mejl mejladress mail mailadress "
    "mailaddress primaryemail workemail arbetsepost epostarbete",
    NAME: "namn name fullname fullständigtnamn heltnamn helanamnet förochefternamn displayname "
    "visningsnamn medarbetare anställd deltagare person employee member",
    FIRST: "förnamn firstname givenname tilltalsnamn",
    LAST: "efternamn lastname surname familyname",
}
_ADDRESS = re.compile(r"[^\s@]@[^\s@]")
_MEANING = {word: meaning for meaning, words in _HEADERS.items() for word in words.split()}


@dataclass(frozen=True)
class Person:
    """A row that can be added."""

    number: int
    address: str
    name: str | None


@dataclass(frozen=True)
class Left:
    """A row that isn't added: what it says, why not, and in ``other`` what it repeats."""

    number: int
    text: str
    problem: str
    other: int | None = None


@dataclass
class Listing:
    """What a file holds."""

    people: list[Person] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)

    @property
    def to_mend(self) -> list[Left]:
        """The rows that somebody must look at; who is in the team already is no mistake."""
        return [row for row in self.left if row.problem != KNOWN]

    @property
    def new(self) -> dict[str, str | None]:
        """The people to add: address to name."""
        return {person.address: person.name for person in self.people}


def read(content: bytes, already: Collection[str], clean: Callable[[str], str]) -> Listing:
    """The people in a file, with or without a header row.

    ``already`` are the team's normalised addresses. ``clean`` normalises one address and
    raises ValueError. Raises :class:`trustivide.core.tables.Unreadable`.
    """
    rows = tables.read(content)
    columns = _named(rows[0])
    if columns:
        rows = rows[1:]
    else:
        columns = _guessed(rows)
    if len(rows) > tables.MOST_ROWS:
        raise tables.Unreadable(tables.TOO_MANY_ROWS)
    if not rows:
        raise tables.Unreadable(tables.EMPTY)
    return _Reader(columns, already, clean).listing(rows)


def _named(first: Row) -> dict[str, int]:
    """Which column is which by the words of a header; empty if the row is none."""
    if any("@" in cell for cell in first.cells):
        return {}
    meanings = [_MEANING.get(_bare(cell)) for cell in first.cells]
    named = Counter(filter(None, meanings))
    if not named:
        return {}
    if EMAIL not in named:
        raise tables.Unreadable(NO_ADDRESSES, ", ".join(filter(None, first.cells)))
    for meaning, times in named.items():
        if times > 1:
            raise tables.Unreadable(TWICE_NAMED, first.cells[meanings.index(meaning)])
    return {meaning: meanings.index(meaning) for meaning in named}


def _bare(cell: str) -> str:
    folded = unicodedata.normalize("NFKC", cell).casefold()
    return "".join(c for c in folded if c.isalnum())


def _guessed(rows: Sequence[Row]) -> dict[str, int]:
    """Addresses are where the @ is; one column beside is the name, two are first and last."""
    at = Counter(n for row in rows for n, cell in enumerate(row.cells) if "@" in cell)
    if not at:
        raise tables.Unreadable(NO_ADDRESSES)
    email = at.most_common(1)[0][0]
    beside = sorted({n for row in rows for n, cell in enumerate(row.cells) if cell} - {email})
    if len(beside) > 2:
        raise tables.Unreadable(NO_HEADER)
    names = (FIRST, LAST) if len(beside) == 2 else (NAME,)
    return {EMAIL: email, **dict(zip(names, beside, strict=False))}


class _Reader:
    """Reads rows of which it is known which column is which."""

    def __init__(
        self, columns: Mapping[str, int], already: Collection[str], clean: Callable[[str], str]
    ) -> None:
        self.columns = columns
        self.already = already
        self.clean = clean
        self.seen: dict[str, int] = {}

    def listing(self, rows: Sequence[Row]) -> Listing:
        found = Listing()
        for row in rows:
            text = " · ".join(filter(None, (self.cell(row, column) for column in self.columns)))
            try:
                name, address = self.person(row)
            except addresses.Unreadable as reason:
                found.left.append(Left(row.number, text, str(reason)))
                continue
            if address in self.seen:
                found.left.append(Left(row.number, text, TWICE, self.seen[address]))
            elif address in self.already:
                found.left.append(Left(row.number, text, KNOWN))
            else:
                found.people.append(Person(row.number, address, name))
            self.seen.setdefault(address, row.number)
        return found

    def cell(self, row: Row, column: str) -> str:
        at = self.columns.get(column, len(row.cells))
        return row.cells[at] if at < len(row.cells) else ""

    def person(self, row: Row) -> tuple[str | None, str]:
        """Name and address of a row. Raises :class:`addresses.Unreadable`."""
        email = self.cell(row, EMAIL)
        name = self.cell(row, NAME) or f"{self.cell(row, FIRST)} {self.cell(row, LAST)}".strip()
        if any(self.cell(row, column).startswith(FORMULA) for column in self.columns):
            raise addresses.Unreadable(COMPUTED)
        if "@" in name or len(_ADDRESS.findall(email)) > 1:
            raise addresses.Unreadable(SEVERAL)
        if len(name) > addresses.LONGEST_NAME:
            raise addresses.Unreadable(addresses.LONG_NAME)
        beside, address = addresses.mailbox(email, self.clean)
        if not address.rpartition("@")[0].isascii():
            raise addresses.Unreadable(NOT_ASCII)
        return name or beside, address


def seal(people: Mapping[str, str | None], team_id: UUID, user_id: UUID, now: datetime) -> str:
    """The people as one value that only this service reads, for one team and one person.

    Raises :class:`trustivide.core.tables.Unreadable` where it would be too long to be sent back.
    """
    said = [str(team_id), str(user_id), now.isoformat(), list(people.items())]
    packed = zlib.compress(json.dumps(said, ensure_ascii=False).encode())
    sealed = urlsafe_b64encode(ring().seal(packed, _PURPOSE)).decode()
    if len(sealed) > LONGEST_SEALED:
        raise tables.Unreadable(MUCH_TEXT)
    return sealed


def unseal(
    sealed: str | None, team_id: UUID, user_id: UUID, now: datetime
) -> dict[str, str | None] | None:
    """The people again; ``None`` if it is forged, too old, another team's or somebody else's."""
    try:
        packed = ring().unseal(urlsafe_b64decode(sealed or ""), _PURPOSE)
    except (ValueError, DecryptionError):
        return None
    team, user, at, people = json.loads(zlib.decompress(packed))
    theirs = (team, user) == (str(team_id), str(user_id))
    if not theirs or now - datetime.fromisoformat(at) > VALID_FOR:
        return None
    return dict(people)
