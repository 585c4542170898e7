"""Sending a survey to a team, and reminding all of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.core.activities import TEAM_SURVEYS
from trustivide.core.clock import day_of
from trustivide.core.errors import Refused
from trustivide.core.subjects import Person
from trustivide.organisations.models import Organisation
from trustivide.organisations.queries import Actor
from trustivide.outbox.actions import send_mail
from trustivide.rights import queries as rights
from trustivide.surveys import anonymity
from trustivide.surveys.actions import hold
from trustivide.surveys.catalogue import Instrument
from trustivide.surveys.models import Invitation, Survey
from trustivide.surveys.overlap import refuse_conflicts
from trustivide.teams.models import Team, TeamMember

LONGEST = timedelta(days=90)


def invitable(
    session: Session, members: Sequence[TeamMember], scopes: Sequence[UUID] = ()
) -> list[TeamMember]:
    """The members who have not said no to invitations: to all, or within one of ``scopes``.

    The scopes are the organisation that invites, and the rhythm that it invites in.
    """
    said_no = rights.refusing(session, [m.email for m in members], TEAM_SURVEYS, scopes)
    return [m for m in members if m.email not in said_no]


def scopes(organisation_id: UUID, rhythm_id: UUID | None) -> list[UUID]:
    """Within what a no to invitations may stand: the organisation's, and the rhythm's."""
    return [organisation_id] if rhythm_id is None else [organisation_id, rhythm_id]


def launch(
    session: Session,
    actor: Actor | None,
    team: Team,
    members: Sequence[TeamMember],
    instrument: Instrument,
    *,
    message: str,
    closes_at: datetime,
    locale: str,
    now: datetime,
    own_version_id: UUID | None = None,
    round_id: UUID | None = None,
    rhythm_id: UUID | None = None,
) -> Survey:
    """Send ``instrument`` to the members who accept invitations, each with an own link.

    From here on k, team and instrument are locked by the database. Without an
    ``actor`` the worker sends what somebody planned who has left since. Raises
    :class:`Refused` when nobody can be invited or the last day to answer is not
    within 90 days from now, and its subclass
    :class:`~trustivide.surveys.overlap.Overlaps` when the result and those of
    other surveys would together tell what a few people answered.
    """
    if now >= closes_at or day_of(closes_at) > day_of(now) + LONGEST:
        raise Refused("closing date")
    invited = invitable(session, members, scopes(team.organisation_id, rhythm_id))
    if not invited:
        raise Refused("nobody to invite")
    k = session.get_one(Organisation, team.organisation_id).minimum_answers
    planned = {team.id: [member.email_digest for member in invited]}
    refuse_conflicts(session, team.organisation_id, planned, k, now)
    survey = Survey(
        team_id=team.id,
        round_id=round_id,
        instrument=instrument.key,
        instrument_version=instrument.version,
        instrument_hash=instrument.fingerprint,
        own_version_id=own_version_id,
        locale=locale,
        message=message,
        k=k,
        invited=len(invited),
        link_key=anonymity.new_link_key(),
        launched_by_id=actor.user_id if actor else None,
        opened_at=now,
        closes_at=closes_at,
    )
    session.add(survey)
    session.flush()
    for member in invited:
        invite(session, survey, member.email, now)
    return survey


def invite(session: Session, survey: Survey, email: str, now: datetime) -> None:
    """Make an invitation of an open survey and queue its mail. Who counts it is the caller."""
    assert survey.link_key is not None
    invitation_id = uuid4()
    token = anonymity.token_of(survey.link_key, invitation_id)
    session.add(
        Invitation(
            id=invitation_id,
            survey_id=survey.id,
            email=email,
            lookup=anonymity.lookup_of(token),
        )
    )
    mail_invitation(session, survey, invitation_id, email, now)


def mail_invitation(
    session: Session, survey: Survey, invitation_id: UUID, email: str, now: datetime
) -> None:
    """Queue the mail with an invitation's link; its delivery state is the invitation's."""
    send_mail(
        session,
        "survey_invitation",
        email,
        {"invitation": str(invitation_id)},
        purpose=TEAM_SURVEYS,
        locale=survey.locale,
        now=now,
        about_id=invitation_id,
    )


def on_address_corrected(row: object, *, session: Session, before: str) -> None:
    """Let the invitations of a corrected member's team follow to the new address.

    The links that were sent stay valid. Where the new address was invited to
    the same survey already, the other invitation stays as it is.
    """
    if not isinstance(row, TeamMember):
        return
    new = Person.of(None, row.email).address_digests
    asked = select(Invitation.survey_id).where(Invitation.email_digest.in_(new))
    for invitation in session.scalars(
        select(Invitation)
        .join(Survey, Invitation.survey_id == Survey.id)
        .where(
            Survey.team_id == row.team_id,
            Survey.id.not_in(asked),
            Invitation.email_digest.in_(Person.of(None, before).address_digests),
        )
    ).all():
        invitation.email = row.email
    session.flush()


def remind(session: Session, survey: Survey, now: datetime) -> None:
    """Queue a reminder for *every* invitation; who has answered is looked up when sending.

    At most once a day. The rows leave no trace, whatever becomes of them.
    Raises :class:`Refused` when one went out today or the survey is closed.
    """
    survey = hold(session, survey, alone=True)
    today = day_of(now)
    if survey.closed_at is not None or survey.reminded_on == today:
        raise Refused("reminded today")
    survey.reminded_on = today
    for invitation in session.scalars(
        select(Invitation).where(Invitation.survey_id == survey.id)
    ).all():
        send_mail(
            session,
            "survey_reminder",
            invitation.email,
            {"invitation": str(invitation.id)},
            purpose=TEAM_SURVEYS,
            locale=survey.locale,
            now=now,
        )
