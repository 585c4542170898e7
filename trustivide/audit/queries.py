"""Reading the audit trail, and proving that nobody changed it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, true
from sqlalchemy.orm import Session

from trustivide.audit.models import AuditEntry, AuditHead
from trustivide.audit.seals import is_sealed
from trustivide.core.clock import begin_of
from trustivide.core.text import Text

FAULTS = {
    "gone": Text("kedjans huvud saknas", "the head of the chain is gone"),
    "missing": Text("posten saknas", "the entry is missing"),
    "changed": Text("posten är inte den som förseglades", "the entry is not what was sealed"),
    "cut": Text("kedjan slutar före den här posten", "the chain ends before this entry"),
    "head": Text(
        "kedjans huvud säger att den slutar här, och det gör den inte",
        "the head says that the chain ends here, and it does not",
    ),
    "beginning": Text(
        "kedjan börjar här, och ingen gallring säger det",
        "the chain begins here, and no pruning says so",
    ),
    "rewritten": Text(
        "förseglingen är en annan än den som antecknades",
        "the seal is another than the one that was noted",
    ),
    "pruned": Text(
        "posten är gallrad och går inte att jämföra; anteckna ett nyare huvud",
        "the entry was pruned and can't be compared; note a newer head",
    ),
}
_MOST = 20
_SEAL_BYTES = 32


@dataclass(frozen=True, order=True)
class Fault:
    """Something is wrong at entry ``number``: ``what`` is a key of :data:`FAULTS`."""

    number: int
    what: str


@dataclass(frozen=True)
class Noted:
    """A head that was written down elsewhere: what is before it can't be changed unseen."""

    number: int
    seal: bytes

    @classmethod
    def read(cls, text: str) -> "Noted":
        """Read what ``str()`` wrote. Raises :class:`ValueError`."""
        number, _, digits = text.partition(":")
        seal = bytes.fromhex(digits)
        if len(seal) != _SEAL_BYTES:
            raise ValueError(f"a seal has {_SEAL_BYTES} bytes")
        return cls(int(number), seal)

    def __str__(self) -> str:
        return f"{self.number}:{self.seal.hex()}"


@dataclass(frozen=True)
class Verdict:
    """What a check of the whole chain found; ``head`` is worth noting elsewhere.

    ``faults`` are in order, the first where the chain breaks, and no more than 20.
    """

    entries: int
    head: Noted
    faults: tuple[Fault, ...]


def verify(session: Session, noted: Noted | None = None) -> Verdict:
    """Check every entry's seal, that no number is missing, and where the chain begins and ends.

    With ``noted``, a head from before, also that the chain still goes through
    it: that finds an end that was cut, or rewritten together with the head.
    """
    rows = iter(session.execute(_CHAIN))
    top = next(rows, None)
    if top is None:
        return Verdict(0, Noted(0, b""), (Fault(0, "gone"),))
    head = Noted(top.number, top.seal)
    faults: list[Fault] = []
    before, expected, checked, begins = top.first_seal, top.first_number, 0, 1
    found = before if noted and noted.number == expected - 1 else None
    for entry in (row.AuditEntry for row in chain([top], rows) if row.AuditEntry):
        if entry.number != expected:
            what = "missing" if entry.number > expected else "beginning"
            faults.append(Fault(min(entry.number, expected), what))
        elif not is_sealed(entry, before):
            faults.append(Fault(entry.number, "changed"))
        elif entry.event == "audit_pruned":
            begins = int(entry.detail)
        if noted and entry.number == noted.number:
            found = entry.seal
        before, expected, checked = entry.seal, entry.number + 1, checked + 1
    if top.first_number != begins:
        faults.append(Fault(top.first_number, "beginning"))
    if expected <= head.number:
        faults.append(Fault(expected, "cut"))
    elif expected > head.number + 1 or before != head.seal:
        faults.append(Fault(head.number, "head"))
    if noted and found != noted.seal:
        faults.append(_missed(noted, found, top.first_number, expected))
    return Verdict(checked, head, tuple(sorted(set(faults))[:_MOST]))


_CHAIN = (
    # One statement, so that head and entries are of one moment on every database.
    select(
        AuditHead.number,
        AuditHead.seal,
        AuditHead.first_number,
        AuditHead.first_seal,
        AuditEntry,
    )
    .outerjoin(AuditEntry, true())
    .order_by(AuditEntry.number)
    .execution_options(yield_per=500, populate_existing=True)
)


def _missed(noted: Noted, found: bytes | None, begins: int, ends: int) -> Fault:
    """Why the chain doesn't go through the head that was noted."""
    if found is not None:
        return Fault(noted.number, "rewritten")
    if noted.number >= ends:
        return Fault(ends, "cut")
    return Fault(noted.number, "pruned" if noted.number < begins else "missing")


@dataclass(frozen=True)
class Wanted:
    """Which entries are looked for; what is ``None`` does not matter. Days are Swedish ones."""

    event: str | None = None
    actor_id: UUID | None = None
    about_id: UUID | None = None
    since: date | None = None
    until: date | None = None


def count(session: Session, wanted: Wanted) -> int:
    """How many entries fit."""
    return session.scalar(_narrow(select(func.count(AuditEntry.number)), wanted)) or 0


def newest(session: Session, wanted: Wanted, offset: int, limit: int) -> Sequence[AuditEntry]:
    """The entries that fit, newest first."""
    statement = _narrow(select(AuditEntry), wanted).order_by(AuditEntry.number.desc())
    return session.scalars(statement.offset(offset).limit(limit)).all()


def streamed(session: Session, wanted: Wanted) -> Iterator[Sequence[AuditEntry]]:
    """All entries that fit, in the chain's order, in batches that are read as they are needed."""
    statement = _narrow(select(AuditEntry), wanted).order_by(AuditEntry.number)
    yield from session.scalars(statement.execution_options(yield_per=500)).partitions()


def last_check(session: Session) -> AuditEntry | None:
    """The entry of the newest check of the chain; its detail is "whole" or the first fault."""
    (checked,) = newest(session, Wanted(event="audit_checked"), 0, 1) or (None,)
    return checked


def _narrow(statement: Any, wanted: Wanted) -> Any:
    for name in ("event", "actor_id", "about_id"):
        value = getattr(wanted, name)
        if value is not None:
            statement = statement.where(getattr(AuditEntry, name) == value)
    if wanted.since is not None:
        statement = statement.where(AuditEntry.at >= begin_of(wanted.since))
    if wanted.until is not None:
        statement = statement.where(AuditEntry.at < begin_of(wanted.until + timedelta(days=1)))
    return statement
