"""Who led a workshop, often somebody from outside, is forgotten some time after it."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from trustivide.core.activities import TEAM_WORKSHOPS
from trustivide.core.compaction import compact
from trustivide.core.db import db, transaction
from trustivide.core.holds import standing
from trustivide.core.text import Text
from trustivide.workshops.models import WorkshopSession

LABEL = Text("Vem som ledde workshoppar", "Who led workshops")
KEPT = timedelta(days=90)
"""How long after a workshop, or after the day for which it was planned."""


def forgettable(session: Session, now: datetime) -> int:
    """Of how many workshops :func:`forget` would forget who led them."""
    counted = select(func.count()).select_from(WorkshopSession).where(*_due(session, now))
    return session.scalar(counted) or 0


def forget(now: datetime) -> None:
    """Let name and address go. Whose data is under a legal hold stays."""
    if not forgettable(db.session(), now):
        return
    with transaction() as session:
        for meeting in session.scalars(select(WorkshopSession).where(*_due(session, now))):
            meeting.facilitator = meeting.facilitator_email = None
    compact()


def _due(session: Session, now: datetime) -> list[ColumnElement[bool]]:
    held = {
        digest
        for hold in standing(session)
        if hold.activity == TEAM_WORKSHOPS
        for digest in hold.person.address_digests
    }
    return [
        WorkshopSession.facilitator_email.is_not(None),
        WorkshopSession.starts_at < now - KEPT,
        WorkshopSession.facilitator_digest.not_in(held),
    ]
