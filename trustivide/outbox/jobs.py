"""Running queued jobs, each at least once, with back-off after a failure."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, or_, select, update

from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.outbox.models import Job
from trustivide.outbox.registry import registry

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=3)
MAX_ATTEMPTS = 6


def run_due() -> int:
    """Run every job that is due; returns how many were tried."""
    done = 0
    while job_id := _claim(clock.now()):
        _run(job_id)
        done += 1
    return done


def _claim(now: datetime) -> UUID | None:
    due = or_(
        and_(Job.state == "queued", or_(Job.not_before.is_(None), Job.not_before <= now)),
        and_(Job.state == "running", Job.lease < now),
    )
    with transaction() as session:
        return session.scalar(
            update(Job)
            .where(Job.id.in_(select(Job.id).where(due).order_by(Job.id).limit(1)), due)
            .values(state="running", lease=now + LEASE, attempts=Job.attempts + 1)
            .returning(Job.id)
            .execution_options(synchronize_session=False)
        )


def keep_alive(job_kind: str, now: datetime) -> None:
    """Extend the lease of running jobs of a kind; long steps call it between pieces."""
    with transaction() as session:
        session.execute(
            update(Job)
            .where(Job.kind == job_kind, Job.state == "running")
            .values(lease=now + LEASE)
            .execution_options(synchronize_session=False)
        )


def _run(job_id: UUID) -> None:
    job = db.session.get_one(Job, job_id)
    kind, params, attempts = job.kind, dict(job.params), job.attempts
    state, not_before = "done", None
    try:
        registry.handlers[kind](params, clock.now())
    except Exception:
        log.exception("job %s (%s) failed, attempt %d", job_id, kind, attempts)
        db.session.rollback()
        state = "queued" if attempts < MAX_ATTEMPTS else "failed"
        not_before = clock.now() + timedelta(seconds=5 * 4**attempts)
    with transaction() as session:
        session.execute(
            update(Job)
            .where(Job.id == job_id)
            .values(state=state, lease=None, not_before=not_before)
            .execution_options(synchronize_session=False)
        )
    if state == "failed" and kind in registry.gave_up:
        registry.gave_up[kind](params, clock.now())
