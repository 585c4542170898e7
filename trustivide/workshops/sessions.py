"""Planning a workshop for a team, changing and cancelling it, and what became of it.

What calendars were told is counted in ``sequence`` (RFC 5545 §3.8.7.4), so that a file that
arrives late never undoes a newer one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from blinker import Signal
from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.core.clock import day_of
from trustivide.core.errors import Refused
from trustivide.organisations.queries import Actor
from trustivide.outbox.models import Mail
from trustivide.teams.models import Team
from trustivide.workshops.models import WorkshopSession
from trustivide.workshops.session_mails import released, tell

workshop_run = Signal(
    "A team ran a workshop; the sender is its WorkshopSession, sent with session= and now=."
)
run_undone = Signal(
    "A workshop was not run after all; the sender is its WorkshopSession, sent with session=."
)
undo_blockers: list[Callable[[Session, WorkshopSession], bool]] = []
"""Whether what came of the workshop forbids to undo that it was run; create_app fills it."""


@dataclass(frozen=True)
class Facilitator:
    """Who leads a workshop, by name and the address that the invitation goes to."""

    name: str
    email: str


@dataclass(frozen=True)
class Plan:
    """What a leader decides about a workshop; ``minutes`` is how long it takes."""

    workshop: str
    version: int
    minutes: int
    starts_at: datetime
    place: str | None
    message: str | None
    facilitator: Facilitator | None
    locale: str


def plan(
    session: Session, actor: Actor, team: Team, session_id: UUID, what: Plan, now: datetime
) -> WorkshopSession:
    """Plan a workshop and invite the team and who leads it.

    ``session_id`` comes from the form, so that pressing twice plans once: the second gets what
    the first made. Raises :class:`Refused` when the id is another team's, and IntegrityError
    for the later of two at once.
    """
    known = _held(session, session_id)
    if known is not None:
        if known.team_id != team.id:
            raise Refused("another team's")
        return known
    meeting = WorkshopSession(
        id=session_id, team_id=team.id, planned_by_id=actor.user_id, planned_on=day_of(now)
    )
    _write(meeting, what)
    session.add(meeting)
    session.flush()
    tell(session, meeting, "workshop_invitation", now)
    return meeting


def _write(meeting: WorkshopSession, what: Plan) -> None:
    meeting.workshop, meeting.version = what.workshop, what.version
    meeting.starts_at, meeting.minutes = what.starts_at, what.minutes
    meeting.place, meeting.message, meeting.locale = what.place, what.message, what.locale
    led = what.facilitator
    meeting.facilitator = led.name if led else None
    meeting.facilitator_email = led.email if led else None


def written(meeting: WorkshopSession) -> Plan:
    """What was decided so far. A facilitator who was erased is nobody."""
    led = (
        Facilitator(meeting.facilitator or meeting.facilitator_email, meeting.facilitator_email)
        if meeting.facilitator_email
        else None
    )
    return Plan(
        meeting.workshop,
        meeting.version,
        meeting.minutes,
        meeting.starts_at,
        meeting.place,
        meeting.message,
        led,
        meeting.locale,
    )


def change(session: Session, session_id: UUID, what: Plan, now: datetime) -> bool:
    """Plan it otherwise, and tell everybody; ``False`` and no mail where nothing changed.

    Who leads no longer, and isn't in the team, is told that. Raises :class:`Refused` for a
    workshop that was run or cancelled meanwhile.
    """
    meeting = _planned(session, session_id)
    before = written(meeting)
    if before == what:
        return False
    _write(meeting, what)
    meeting.sequence += 1
    session.flush()
    tell(session, meeting, "workshop_changed", now)
    if before.facilitator:
        released(session, meeting, before.facilitator.email, now)
    return True


def cancel(session: Session, session_id: UUID, now: datetime) -> None:
    """Let it not happen. Everybody is told, unless its time is over.

    Raises :class:`Refused` for a workshop that was run or cancelled meanwhile.
    """
    meeting = _planned(session, session_id)
    meeting.state = "cancelled"
    meeting.sequence += 1
    session.flush()
    if meeting.starts_at > now:
        tell(session, meeting, "workshop_cancelled", now)


def invite_again(session: Session, session_id: UUID, now: datetime) -> None:
    """Mail the invitation again: to who came into the team since, and who lost it.

    Calendars know it by its id, and show it once. At most once a day: raises :class:`Refused`
    when something went out today, and for a workshop that was run or cancelled meanwhile.
    """
    meeting = _planned(session, session_id)
    today = Mail.about_id == meeting.id, Mail.created_on == day_of(now)
    if session.scalar(select(Mail.id).where(*today).limit(1)) is not None:
        raise Refused("today")
    tell(session, meeting, "workshop_invitation", now)


def mark_run(
    session: Session,
    session_id: UUID,
    *,
    run_on: date,
    attendance: int,
    note: str | None,
    follow_up_on: date | None,
    now: datetime,
) -> None:
    """Say that it was run and how that went; said again, it corrects what was said.

    The first time :data:`workshop_run` is sent. A follow-up that is moved is reminded of
    anew. Raises :class:`Refused` for a workshop that was cancelled.
    """
    meeting = _held(session, session_id)
    if meeting is None or meeting.state == "cancelled":
        raise Refused("cancelled")
    is_news = meeting.state == "planned"
    if meeting.follow_up_on != follow_up_on:
        meeting.reminded_on = None
    meeting.state, meeting.run_on, meeting.attendance = "run", run_on, attendance
    meeting.note, meeting.follow_up_on = note, follow_up_on
    session.flush()
    if is_news:
        workshop_run.send(meeting, session=session, now=now)


def undo_run(session: Session, session_id: UUID) -> None:
    """Take back that it was run; what was said of it goes, what was agreed on stays.

    Raises :class:`Refused` where it isn't marked as run, or must stay so.
    """
    meeting = _held(session, session_id)
    if meeting is None or meeting.state != "run" or must_stay_run(session, meeting):
        raise Refused("stays run")
    meeting.state = "planned"
    meeting.run_on = meeting.attendance = meeting.note = None
    meeting.follow_up_on = meeting.reminded_on = None
    session.flush()
    run_undone.send(meeting, session=session)


def must_stay_run(session: Session, meeting: WorkshopSession) -> bool:
    """Whether a feature above needs it to stay marked as run."""
    return any(needs(session, meeting) for needs in undo_blockers)


def _planned(session: Session, session_id: UUID) -> WorkshopSession:
    meeting = _held(session, session_id)
    if meeting is None or meeting.state != "planned":
        raise Refused("not planned")
    return meeting


def _held(session: Session, session_id: UUID) -> WorkshopSession | None:
    """Lock a workshop of a team and read it anew. Whose it is, the caller has made sure."""
    return session.scalars(
        select(WorkshopSession)
        .where(WorkshopSession.id == session_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
