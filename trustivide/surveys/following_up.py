"""What leaders do with a closed survey's result: share it by link, comment on it, agree on things.

A result's figures are locked; what is written beside them is the organisation's own, and
can be changed and taken away.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.core.clock import day_of
from trustivide.core.errors import Refused
from trustivide.organisations.models import Organisation
from trustivide.organisations.queries import Actor
from trustivide.surveys.actions import hold
from trustivide.surveys.models import AgreedAction, ResultNote, ResultShare, Survey
from trustivide.surveys.queries import Listed, snapshot_of
from trustivide.teams.agreed import leave_room, undone_first
from trustivide.teams.models import Team


@dataclass(frozen=True)
class FollowUp:
    """What stands beside a result."""

    note: ResultNote | None
    agreed: list[AgreedAction]
    share: ResultShare | None


def note_of(session: Session, survey_id: UUID) -> ResultNote | None:
    """What the leader says about the survey's result."""
    return session.scalar(select(ResultNote).where(ResultNote.survey_id == survey_id))


def share_of(session: Session, survey_id: UUID) -> ResultShare | None:
    """The survey's shared result, while it is shared."""
    return session.scalar(select(ResultShare).where(ResultShare.survey_id == survey_id))


def follow_up(session: Session, survey_id: UUID) -> FollowUp:
    """Note, agreed actions (undone first, then by due day) and link of a result."""
    agreed = session.scalars(select(AgreedAction).where(AgreedAction.survey_id == survey_id)).all()
    return FollowUp(
        note_of(session, survey_id),
        sorted(agreed, key=undone_first),
        share_of(session, survey_id),
    )


@dataclass(frozen=True)
class Shared:
    """What a link opens."""

    listed: Listed
    organisation: Organisation


def shared(session: Session, token: str) -> Shared | None:
    """The result that a link opens, or ``None`` for a link that opens nothing any more."""
    row = session.execute(
        select(Survey, Team, Organisation)
        .join(ResultShare, ResultShare.survey_id == Survey.id)
        .join(Team, Survey.team_id == Team.id)
        .join(Organisation, Team.organisation_id == Organisation.id)
        .where(ResultShare.lookup == lookup_of(token))
    ).one_or_none()
    return Shared(Listed(row[0], row[1]), row[2]) if row else None


def lookup_of(token: str) -> bytes:
    """What is stored to find a link's secret by. Unkeyed: 192 random bits can't be guessed."""
    return hashlib.sha256(b"result\0" + token.encode()).digest()


def share(session: Session, actor: Actor, survey: Survey, now: datetime) -> ResultShare:
    """Make the link to a published result; the one there is where there is one already.

    Raises :class:`Refused` where there is no result to read.
    """
    hold(session, survey, alone=True)
    known = share_of(session, survey.id)
    if known is not None:
        return known
    figures = snapshot_of(session, survey)
    if figures is None or not figures["published"]:
        raise Refused("nothing to share")
    token = secrets.token_urlsafe(24)
    made = ResultShare(
        survey_id=survey.id,
        token=token,
        lookup=lookup_of(token),
        shared_by_id=actor.user_id,
        shared_on=day_of(now),
    )
    session.add(made)
    session.flush()
    return made


def stop_sharing(session: Session, survey: Survey) -> None:
    """End the link. One made later is another; stopping twice stops once."""
    hold(session, survey, alone=True)
    known = share_of(session, survey.id)
    if known is not None:
        session.delete(known)
    session.flush()


def write_note(session: Session, actor: Actor, survey: Survey, text: str, now: datetime) -> None:
    """Say something above the figures; nothing, to take it away."""
    hold(session, survey, alone=True)
    note = note_of(session, survey.id)
    if not text:
        if note is not None:
            session.delete(note)
    elif note is None:
        session.add(
            ResultNote(
                survey_id=survey.id,
                text=text,
                written_by_id=actor.user_id,
                written_on=day_of(now),
            )
        )
    else:
        note.text, note.written_by_id, note.written_on = text, actor.user_id, day_of(now)
    session.flush()


def agree(
    session: Session, actor: Actor, survey: Survey, what: str, due_on: date | None, now: datetime
) -> AgreedAction:
    """Note something that the team agreed to do. Raises :class:`Refused` after fifty."""
    hold(session, survey, alone=True)
    leave_room(session, AgreedAction.survey_id == survey.id)
    action = AgreedAction(
        survey_id=survey.id,
        what=what,
        due_on=due_on,
        noted_by_id=actor.user_id,
        noted_on=day_of(now),
    )
    session.add(action)
    session.flush()
    return action


def agreed(session: Session, survey: Survey, action_id: UUID) -> AgreedAction | None:
    """What was agreed on, if it belongs to this result."""
    return session.scalar(
        select(AgreedAction).where(
            AgreedAction.id == action_id, AgreedAction.survey_id == survey.id
        )
    )


def edit(session: Session, action: AgreedAction, what: str, due_on: date | None) -> None:
    """Word it otherwise, or move the day."""
    action.what, action.due_on = what, due_on
    session.flush()
