"""Mail about a planned workshop and about what was agreed there.

Who gets it is decided twice: when it is queued, and when it is sent, since somebody may have
left the team or said no in between.
"""

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.auth import queries as accounts
from trustivide.core.activities import TEAM_WORKSHOPS
from trustivide.core.subjects import Person
from trustivide.organisations.models import Organisation
from trustivide.organisations.queries import actor_in
from trustivide.outbox.actions import send_mail
from trustivide.outbox.registry import Composer, Enclosure
from trustivide.rights.queries import may_use, refusing
from trustivide.teams import queries as teams
from trustivide.teams.models import Team, TeamMember
from trustivide.workshops.calendar_mail import CANCEL, REQUEST, Meeting, calendar_file
from trustivide.workshops.models import SessionAction, WorkshopSession
from trustivide.workshops.session_queries import card_of


def tell(session: Session, meeting: WorkshopSession, kind: str, now: datetime) -> None:
    """Queue the mail ``kind`` to everybody in the team and to who leads."""
    team = session.get_one(Team, meeting.team_id)
    people = {m.email: {"member": str(m.id)} for m in teams.members(session, team)}
    if meeting.facilitator_email:
        people.setdefault(meeting.facilitator_email, {"leader": meeting.facilitator_email})
    said_no = refusing(session, list(people), TEAM_WORKSHOPS, [team.organisation_id])
    for address, who in people.items():
        if address not in said_no:
            _queue(session, meeting, kind, address, who | {"sequence": meeting.sequence}, now)


def released(session: Session, meeting: WorkshopSession, address: str, now: datetime) -> None:
    """Tell somebody who led it, leads no longer and isn't in the team, to forget the day."""
    team = session.get_one(Team, meeting.team_id)
    staying = {member.email for member in teams.members(session, team)}
    if address not in staying | {meeting.facilitator_email}:
        _queue(session, meeting, "workshop_cancelled", address, {"released": address}, now)


def _queue(
    session: Session,
    meeting: WorkshopSession,
    kind: str,
    address: str,
    params: dict[str, Any],
    now: datetime,
) -> None:
    send_mail(
        session,
        kind,
        address,
        {"session": str(meeting.id)} | params,
        purpose=TEAM_WORKSHOPS,
        locale=meeting.locale,
        now=now,
        about_id=meeting.id,
    )


def _found(
    session: Session, params: dict[str, Any]
) -> tuple[WorkshopSession, Team, Organisation] | None:
    row = session.execute(
        select(WorkshopSession, Team, Organisation)
        .join(Team, WorkshopSession.team_id == Team.id)
        .join(Organisation, Team.organisation_id == Organisation.id)
        .where(WorkshopSession.id == UUID(params["session"]))
    ).one_or_none()
    return (row[0], row[1], row[2]) if row else None


def _reader(
    session: Session, meeting: WorkshopSession, params: dict[str, Any]
) -> tuple[str, bool] | None:
    """The address, and whether it is a member's of the team.

    ``None`` for somebody who has left the team, or leads no longer, and for who was released
    and leads again: the other mail says so, and their calendar must not forget the day.
    """
    if "released" in params:
        leads_again = params["released"] == meeting.facilitator_email
        return None if leads_again else (params["released"], False)
    if "leader" in params:
        return (params["leader"], False) if params["leader"] == meeting.facilitator_email else None
    member = session.get(TeamMember, UUID(params["member"]))
    return (member.email, True) if member else None


def _told(session: Session, params: dict[str, Any], method: str, state: str) -> Any:
    """What a mail says of a workshop in this state, with the calendar file; ``None``: not sent."""
    known = _found(session, params)
    reader = _reader(session, known[0], params) if known else None
    if known is None or reader is None:
        return None
    meeting, team, organisation = known
    (address, is_member), is_released = reader, "released" in params
    if not is_released and (meeting.state, meeting.sequence) != (state, params["sequence"]):
        return None
    # A no to everything is heard where mail is sent; one to this organisation alone, here.
    if not may_use(session, Person.of(None, address), TEAM_WORKSHOPS, [organisation.id]):
        return None
    card = card_of(session, meeting, meeting.locale)
    about = Meeting(
        meeting.id,
        meeting.sequence,
        card,
        team.name,
        organisation.name,
        meeting.starts_at,
        meeting.minutes,
        meeting.place,
        meeting.message,
    )
    return {
        "team": team.name,
        "organisation": organisation.name,
        "title": card.title,
        "summary": card.summary,
        "starts_at": meeting.starts_at,
        "minutes": meeting.minutes,
        "place": meeting.place,
        "message": meeting.message,
        "facilitator": meeting.facilitator,
        "leads": address == meeting.facilitator_email,
        "is_member": is_member,
        "is_released": is_released,
        "session_path": f"/workshops/sessions/{meeting.id}",
        "enclosed": Enclosure("workshop.ics", method, partial(calendar_file, about, method)),
    }


def invitation(session: Session, params: dict[str, Any]) -> dict[str, Any] | None:
    """The first mail; not sent once it was changed, since a newer one follows."""
    told: dict[str, Any] | None = _told(session, params, REQUEST, "planned")
    return told


def cancelled(session: Session, params: dict[str, Any]) -> dict[str, Any] | None:
    """That it doesn't happen, or that somebody needn't lead it."""
    told: dict[str, Any] | None = _told(session, params, CANCEL, "cancelled")
    return told


def action_due(session: Session, params: dict[str, Any]) -> dict[str, Any] | None:
    """What somebody promised and when; not sent once it is done, theirs no more, or moved."""
    action = session.get(SessionAction, UUID(params["action"]))
    owner = session.get(TeamMember, UUID(params["member"]))
    known = _found(session, {"session": str(action.session_id)}) if action else None
    if action is None or owner is None or known is None or action.due_on is None:
        return None
    meeting, team, organisation = known
    is_theirs = action.owner_id == owner.id and action.done_on is None
    is_as_queued = action.due_on.isoformat() == params["due_on"]
    may = may_use(session, Person.of(None, owner.email), TEAM_WORKSHOPS, [organisation.id])
    if not (is_theirs and is_as_queued and may and meeting.state == "run"):
        return None
    return {
        "team": team.name,
        "organisation": organisation.name,
        "title": card_of(session, meeting, meeting.locale).title,
        "what": action.what,
        "due_on": action.due_on,
    }


def follow_up(session: Session, params: dict[str, Any]) -> dict[str, Any] | None:
    """That the day has come to look back; not sent once it was moved, or the planner left."""
    known, planner = _found(session, params), accounts.by_id(session, UUID(params["planner"]))
    if known is None or planner is None:
        return None
    meeting, team, organisation = known
    stays = actor_in(session, planner.id, organisation.id) is not None
    if not (
        stays and may_use(session, accounts.person(planner), TEAM_WORKSHOPS, [organisation.id])
    ):
        return None
    if meeting.state != "run" or str(meeting.follow_up_on) != params["follow_up_on"]:
        return None
    return {
        "team": team.name,
        "organisation": organisation.name,
        "title": card_of(session, meeting, params["locale"]).title,
        "run_on": meeting.run_on,
        "session_path": f"/workshops/sessions/{meeting.id}",
    }


COMPOSERS: dict[str, Composer] = {
    "workshop_invitation": invitation,
    "workshop_changed": invitation,
    "workshop_cancelled": cancelled,
    "workshop_action_due": action_due,
    "workshop_follow_up": follow_up,
}
