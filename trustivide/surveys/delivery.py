"""What became of the mails with the invitations. Never of reminders, never of answers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from trustivide.outbox.models import Mail
from trustivide.surveys.models import Invitation, Survey

PER_PAGE = 100
NOT_SENT = "withheld"
"""Of whoever said no, and of whoever has no mail: the list doesn't tell the two apart."""
GROUPS = {
    "problems": ("failed", "bounced", "ambiguous", "deferred"),
    "waiting": ("queued", "claimed", "sending"),
    "sent": ("sent",),
}
"""What the list can be narrowed down to, by the states of the mail."""
MAY_SEND_AGAIN = GROUPS["problems"]

_STATE = func.coalesce(Mail.state, NOT_SENT)
_URGENCY = case(
    (_STATE.in_(("failed", "bounced")), 0),
    (_STATE == "ambiguous", 1),
    (_STATE == "deferred", 2),
    (_STATE.in_(GROUPS["waiting"]), 3),
    (Mail.bounce_status.is_not(None), 4),
    (_STATE == NOT_SENT, 5),
    else_=6,
)


@dataclass(frozen=True)
class Delivered:
    """An invitation with the state of its mail."""

    invitation: Invitation
    state: str
    next_try: datetime | None
    smtp_code: int | None
    bounce_status: str | None

    @property
    def may_be_sent_again(self) -> bool:
        """Whether the mail hasn't arrived, or may not have."""
        return self.state in MAY_SEND_AGAIN


@dataclass(frozen=True)
class Deliveries:
    """A page of invitations, those with problems first; ``counts`` are of all, by group."""

    rows: Sequence[Delivered]
    counts: dict[str, int]
    number: int
    pages: int

    @property
    def is_under_way(self) -> bool:
        """Whether the worker has mail to send right now."""
        return self.counts["waiting"] > 0


def deliveries(
    session: Session,
    survey: Survey,
    *,
    group: str | None = None,
    digests: Collection[bytes] | None = None,
    number: int = 1,
) -> Deliveries:
    """The invitations of a survey with their delivery, ``PER_PAGE`` at a time.

    Narrowed down to a group of :data:`GROUPS`, or to an address by its ``digests``. Only
    the page's addresses are decrypted; they stand in their order within it.
    """
    wanted = _of(survey)
    if group in GROUPS:
        wanted = wanted.where(_STATE.in_(GROUPS[group]))
    if digests is not None:
        wanted = wanted.where(Invitation.email_digest.in_(digests))
    found = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    pages = max(1, -(-found // PER_PAGE))
    number = min(max(1, number), pages)
    rows = session.execute(
        wanted.order_by(_URGENCY, Invitation.id).limit(PER_PAGE).offset((number - 1) * PER_PAGE)
    )
    listed = [
        (urgency, Delivered(invitation, state, next_try, smtp_code, bounce_status))
        for invitation, state, next_try, smtp_code, bounce_status, urgency in rows
    ]
    listed.sort(key=lambda each: (each[0], each[1].invitation.email))
    return Deliveries([row for _, row in listed], _counts(session, survey), number, pages)


def _of(survey: Survey) -> Any:
    return (
        select(Invitation, _STATE, Mail.not_before, Mail.smtp_code, Mail.bounce_status, _URGENCY)
        .outerjoin(Mail, Mail.about_id == Invitation.id)
        .where(Invitation.survey_id == survey.id)
    )


def _counts(session: Session, survey: Survey) -> dict[str, int]:
    rows = session.execute(
        select(_STATE, func.count())
        .select_from(Invitation)
        .outerjoin(Mail, Mail.about_id == Invitation.id)
        .where(Invitation.survey_id == survey.id)
        .group_by(_STATE)
    )
    by_state = {str(state): int(number) for state, number in rows}
    counts = {
        group: sum(by_state.get(state, 0) for state in states) for group, states in GROUPS.items()
    }
    return {"all": sum(by_state.values()), **counts}
