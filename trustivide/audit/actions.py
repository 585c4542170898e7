"""Writing the audit trail, and letting it go in time."""

import logging
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, event, func, select
from sqlalchemy.orm import Session

from trustivide.audit.events import EVENTS
from trustivide.audit.models import AuditEntry, AuditHead
from trustivide.audit.queries import Verdict, verify
from trustivide.audit.seals import in_utc, seal
from trustivide.core.db import db, transaction

log = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=365)
DENIALS_APART = timedelta(minutes=1)
_SAID = "audit lines"


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

    The log gets one line of it once the transaction has committed. ``detail``
    is a code of ours (a role, a method), never what somebody typed. Raises
    :class:`KeyError` for an event that :data:`EVENTS` doesn't name.
    """
    EVENTS[event]
    head = _head(session)
    entry = AuditEntry(
        id=uuid4(),
        number=head.number + 1,
        at=now,
        event=event,
        actor_id=actor_id,
        about_id=about_id,
        thing_id=thing_id,
        detail=detail,
    )
    entry.seal = seal(entry, head.seal)
    session.add(entry)
    head.number, head.seal = entry.number, entry.seal
    session.flush()
    session.info.setdefault(_SAID, []).append((entry, _line(entry)))
    return entry


def _head(session: Session) -> AuditHead:
    """The chain's end, locked until the transaction is over."""
    return session.scalars(
        select(AuditHead).with_for_update().execution_options(populate_existing=True)
    ).one()


def _line(entry: AuditEntry) -> str:
    """The entry as key=value pairs: ids and codes, the time in UTC."""
    said = {
        "number": entry.number,
        "at": in_utc(entry.at),
        "event": entry.event,
        "actor": entry.actor_id,
        "about": entry.about_id,
        "thing": entry.thing_id,
        "detail": entry.detail,
    }
    return " ".join(f"{key}={'-' if value in (None, '') else value}" for key, value in said.items())


@event.listens_for(Session, "after_commit")
def _tell_the_log(session: Session) -> None:
    for entry, line in session.info.pop(_SAID, ()):
        if entry in session:  # not after a rollback: then it never happened
            log.info("security %s", line)


def note_denied(now: datetime, actor_id: UUID, permission: str) -> None:
    """Note that somebody signed in asked for what their role may not.

    At most once a minute and person, so that nobody fills the trail, or keeps
    it locked, by asking on and on.
    """
    if _denied_lately(db.session(), actor_id, now):
        return
    with transaction() as session:
        _head(session)  # whoever asked at the same moment is through now
        if not _denied_lately(session, actor_id, now):
            record(session, "access_denied", now, actor_id=actor_id, detail=permission)


def _denied_lately(session: Session, actor_id: UUID, now: datetime) -> bool:
    lately = select(AuditEntry.number).where(
        AuditEntry.actor_id == actor_id,
        AuditEntry.event == "access_denied",
        AuditEntry.at > now - DENIALS_APART,
        AuditEntry.at <= now,
    )
    return session.scalar(select(lately.exists())) or False


def check(now: datetime, actor_id: UUID | None = None) -> Verdict:
    """Check the whole chain and record what was found: "whole", or the first fault.

    The night does it too. What is wrong also goes to the log, as an error.
    """
    verdict = verify(db.session())
    found = "whole"
    if verdict.faults:
        found = f"{verdict.faults[0].what}:{verdict.faults[0].number}"
        log.error("the audit trail is broken, %s", found)
    with transaction() as session:
        record(session, "audit_checked", now, actor_id=actor_id, detail=found)
    return verdict


def prune(now: datetime) -> None:
    """Let the entries go that are older than 12 months, and record that.

    From the beginning of the chain, up to the first entry that is young enough;
    the rest stays provable, since the head remembers the seal that it begins
    with, and the record says where it does.
    """
    with transaction() as session:
        head = _head(session)
        first = _first_kept(session, head, now)
        if first == head.first_number:
            return
        head.first_seal = session.get_one(AuditEntry, first - 1).seal
        head.first_number = first
        session.flush()
        session.execute(
            delete(AuditEntry)
            .where(AuditEntry.number < first)
            .execution_options(synchronize_session=False)
        )
        record(session, "audit_pruned", now, detail=str(first))


def prunable(session: Session, now: datetime) -> int:
    """How many entries :func:`prune` would let go."""
    head = session.scalars(select(AuditHead)).one()
    return _first_kept(session, head, now) - head.first_number


def _first_kept(session: Session, head: AuditHead, now: datetime) -> int:
    young = select(func.min(AuditEntry.number)).where(AuditEntry.at >= now - KEPT_FOR)
    return session.scalar(young) or head.number + 1
