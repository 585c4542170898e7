"""Reminding of what was agreed at a workshop, and of the day when the team looks back.

Once each, from eight in the morning. That somebody was reminded is written down in the
transaction that queues the mail, so that nobody is reminded twice.
"""

from datetime import date, datetime, time, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from trustivide.auth import queries as accounts
from trustivide.auth.models import User
from trustivide.core.activities import TEAM_WORKSHOPS
from trustivide.core.clock import STOCKHOLM, day_of
from trustivide.core.db import db, transaction
from trustivide.organisations.queries import actor_in
from trustivide.outbox.actions import send_mail
from trustivide.rights.queries import may_use
from trustivide.teams.models import Team, TeamMember
from trustivide.workshops.models import SessionAction, WorkshopSession

MORNING = time(8)
AHEAD = timedelta(days=2)
"""How long before the day an agreed action's owner is reminded."""
LATE = timedelta(days=7)
"""A worker that stood still catches up for so long; what is older would only surprise."""


def remind_due(now: datetime) -> None:
    """Remind of what is due; the worker calls it every minute."""
    if now.astimezone(STOCKHOLM).time() < MORNING:
        return
    today = day_of(now)
    actions, meetings = _actions(today), _meetings(today)
    if not any(db.session.scalar(due.limit(1)) for due in (actions, meetings)):
        return
    with transaction() as session:
        for action in session.scalars(actions.with_for_update()).all():
            action.reminded_on = today
            _remind_owner(session, action, now)
        for meeting in session.scalars(meetings.with_for_update()).all():
            meeting.reminded_on = today
            _remind_planner(session, meeting, now)


def _actions(today: date) -> Select[SessionAction]:
    run = select(WorkshopSession.id).where(WorkshopSession.state == "run")
    return select(SessionAction).where(
        SessionAction.due_on.between(today, today + AHEAD),
        SessionAction.owner_id.is_not(None),
        SessionAction.done_on.is_(None),
        SessionAction.reminded_on.is_(None),
        SessionAction.session_id.in_(run),
    )


def _meetings(today: date) -> Select[WorkshopSession]:
    return select(WorkshopSession).where(
        WorkshopSession.state == "run",
        WorkshopSession.follow_up_on.between(today - LATE, today),
        WorkshopSession.reminded_on.is_(None),
    )


def _remind_owner(session: Session, action: SessionAction, now: datetime) -> None:
    owner = session.get_one(TeamMember, action.owner_id)
    meeting = session.get_one(WorkshopSession, action.session_id)
    assert action.due_on is not None
    send_mail(
        session,
        "workshop_action_due",
        owner.email,
        {"action": str(action.id), "member": str(owner.id), "due_on": action.due_on.isoformat()},
        purpose=TEAM_WORKSHOPS,
        locale=meeting.locale,
        now=now,
        about_id=action.id,
    )


def _remind_planner(session: Session, meeting: WorkshopSession, now: datetime) -> None:
    planner = session.get(User, meeting.planned_by_id) if meeting.planned_by_id else None
    organisation_id = session.get_one(Team, meeting.team_id).organisation_id
    if planner is None or actor_in(session, planner.id, organisation_id) is None:
        return  # has left; the page says what there is to do
    if not may_use(session, accounts.person(planner), TEAM_WORKSHOPS, [organisation_id]):
        return
    send_mail(
        session,
        "workshop_follow_up",
        planner.email,
        {
            "session": str(meeting.id),
            "planner": str(planner.id),
            "follow_up_on": str(meeting.follow_up_on),
            "locale": planner.locale,
        },
        purpose=TEAM_WORKSHOPS,
        locale=planner.locale,
        now=now,
        about_id=meeting.id,
    )
