"""Writing the audit trail, and letting it go in time."""

import json
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from trustivide.audit.events import EVENTS
from trustivide.audit.models import AuditEntry, AuditHead
from trustivide.core.crypto import ring
from trustivide.core.db import transaction

KEPT_FOR = timedelta(days=365)
_PURPOSE = "audit"


def record(
    session: Session,
    event: str,
    now: datetime,
    *,
    actor_id: UUID | None = None,
    about_id: UUID | None = None,
    thing_id: UUID | None = None,
    detail: str = "",
) -> AuditEntry:
    """Append one entry in the caller's transaction: one chain, however many write at once.

    ``detail`` is a code of ours (a role, a method), never what somebody typed.
    Raises :class:`KeyError` for an event that :data:`EVENTS` doesn't name.
    """
    EVENTS[event]
    head = _head(session)
    entry = AuditEntry(
        number=head.number + 1,
        at=now,
        event=event,
        actor_id=actor_id,
        about_id=about_id,
        thing_id=thing_id,
        detail=detail,
    )
    entry.seal = ring().digest(sealed(entry, head.seal), _PURPOSE)
    session.add(entry)
    head.number, head.seal = entry.number, entry.seal
    session.flush()
    return entry


def _head(session: Session) -> AuditHead:
    """The chain's end, locked until the transaction is over."""
    return session.scalars(
        select(AuditHead).with_for_update().execution_options(populate_existing=True)
    ).one()


def sealed(entry: AuditEntry, before: bytes) -> bytes:
    """What an entry's seal is over: all of it, and the seal before."""
    ids = [str(x) if x else "" for x in (entry.actor_id, entry.about_id, entry.thing_id)]
    said = [entry.number, entry.at.isoformat(), entry.event, *ids, entry.detail, before.hex()]
    return json.dumps(said).encode()


def is_sealed(entry: AuditEntry, before: bytes) -> bool:
    """Whether the entry and the seal before it are those that were sealed, under any key."""
    return entry.seal in ring().digests(sealed(entry, before), _PURPOSE)


def prune(now: datetime) -> None:
    """Let the entries go that are older than 12 months.

    From the beginning of the chain alone; the rest stays provable, since the
    head remembers the seal that it begins with.
    """
    with transaction() as session:
        last = session.scalar(
            select(func.max(AuditEntry.number)).where(AuditEntry.at < now - KEPT_FOR)
        )
        if last is None:
            return
        head = _head(session)
        head.first_seal = session.get_one(AuditEntry, last).seal
        head.first_number = last + 1
        session.flush()
        session.execute(
            delete(AuditEntry)
            .where(AuditEntry.number <= last)
            .execution_options(synchronize_session=False)
        )
