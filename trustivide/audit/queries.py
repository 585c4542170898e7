"""Reading the audit trail, and proving that nobody changed it."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.audit.actions import is_sealed
from trustivide.audit.models import AuditEntry, AuditHead


@dataclass(frozen=True)
class Fault:
    """Something is wrong at entry ``number``: ``what`` is "missing", "changed" or "cut"."""

    number: int
    what: str


@dataclass(frozen=True)
class Verdict:
    """What a check of the whole chain found; ``head`` is worth noting elsewhere."""

    entries: int
    head_number: int
    head: bytes
    faults: tuple[Fault, ...]


def verify(session: Session) -> Verdict:
    """Check every entry's seal, that no number is missing, and that the end is the head's."""
    head = session.scalars(select(AuditHead)).one()
    faults: list[Fault] = []
    before, expected, checked = head.first_seal, head.first_number, 0
    for entry in _in_order(session):
        if entry.number != expected:
            faults.append(Fault(expected, "missing"))
        elif not is_sealed(entry, before):
            faults.append(Fault(entry.number, "changed"))
        before, expected, checked = entry.seal, entry.number + 1, checked + 1
    if expected != head.number + 1:
        faults.append(Fault(expected, "cut"))
    elif before != head.seal and not faults:
        faults.append(Fault(head.number, "changed"))
    return Verdict(checked, head.number, head.seal, tuple(faults))


def _in_order(session: Session) -> Iterator[AuditEntry]:
    yield from session.scalars(
        select(AuditEntry).order_by(AuditEntry.number).execution_options(yield_per=500)
    )
