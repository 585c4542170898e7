"""Invitations of a survey that is under way: one more, one less, the same one again."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from trustivide.core.clock import day_of
from trustivide.core.errors import Refused
from trustivide.outbox.models import Mail
from trustivide.surveys.actions import hold
from trustivide.surveys.delivery import MAY_SEND_AGAIN
from trustivide.surveys.launching import invitable, invite, mail_invitation, scopes
from trustivide.surveys.models import Invitation, Round, Survey
from trustivide.surveys.overlap import conflicts, refuse_conflicts
from trustivide.teams.models import Team, TeamMember


def newcomers(session: Session, survey: Survey) -> Sequence[TeamMember]:
    """Who joined the team since the survey was sent and may be invited, by address.

    Whoever has said no to invitations is not among them, and never named.
    """
    team = session.get_one(Team, survey.team_id)
    invited = select(Invitation.email_digest).where(Invitation.survey_id == survey.id)
    joined = session.scalars(
        select(TeamMember).where(
            TeamMember.team_id == team.id,
            TeamMember.added_on >= day_of(survey.opened_at),
            TeamMember.email_digest.not_in(invited),
        )
    ).all()
    rhythm = session.get_one(Round, survey.round_id).rhythm_id if survey.round_id else None
    within = scopes(team.organisation_id, rhythm)
    return sorted(invitable(session, joined, within), key=lambda member: member.email)


def invite_later(
    session: Session, survey: Survey, chosen: Collection[UUID] | None, now: datetime
) -> int:
    """Invite newcomers, all of them or those chosen by member id; how many that was.

    Inviting the same person twice, also at the same time, invites once. Raises
    :class:`Refused` once the survey is closed, and its subclass
    :class:`~trustivide.surveys.overlap.Overlaps` when the result would then differ
    from another by a few people: inviting several at once may be possible.
    """
    survey = _open(session, survey)
    new = [m for m in newcomers(session, survey) if chosen is None or m.id in chosen]
    if new:
        _refuse_conflicts(session, survey, now, more=[m.email_digest for m in new])
    for member in new:
        invite(session, survey, member.email, now)
    survey.invited_later += len(new)
    session.flush()
    return len(new)


def remove(session: Session, survey: Survey, invitation: Invitation, now: datetime) -> None:
    """End an invitation: its link opens nothing any more, and mail that waits is not sent.

    An answer that was given with it stays, since nothing says which one that is; so the
    numbers of invited people stay too. Raises :class:`Refused` once the survey is closed,
    and :class:`~trustivide.surveys.overlap.Overlaps` when those who are left have been
    asked together with the removed person lately.
    """
    survey = _open(session, survey)
    _refuse_conflicts(session, survey, now, less=invitation.email_digest)
    session.execute(delete(Mail).where(Mail.about_id == invitation.id))
    session.delete(invitation)
    session.flush()


def send_again(session: Session, survey: Survey, invitation: Invitation, now: datetime) -> None:
    """Mail the same link anew, where the mail before didn't arrive, or may not have.

    Raises :class:`Refused` in any other state: whoever got the mail gets it once. The new
    mail takes the place of the one before.
    """
    survey = _open(session, survey)
    taken = session.execute(
        delete(Mail)
        .where(Mail.about_id == invitation.id, Mail.state.in_(MAY_SEND_AGAIN))
        .returning(Mail.id)
        .execution_options(synchronize_session=False)
    ).all()
    if not taken:
        raise Refused("nothing to send again")
    mail_invitation(session, survey, invitation.id, invitation.email, now)


def open_of(session: Session, member: TeamMember) -> Sequence[tuple[UUID, UUID]]:
    """The member's invitations to open surveys of the team, as ids of survey and invitation."""
    rows = session.execute(
        select(Invitation.survey_id, Invitation.id)
        .join(Survey, Invitation.survey_id == Survey.id)
        .where(
            Survey.team_id == member.team_id,
            Survey.closed_at.is_(None),
            Invitation.email_digest == member.email_digest,
        )
    )
    return [(survey_id, invitation_id) for survey_id, invitation_id in rows]


def on_member_edited(member: TeamMember, *, session: Session, before: bytes, now: datetime) -> None:
    """Let an invitation that came back follow to the address that a leader corrected.

    Only one that came back: a link that somebody received must not reach another mailbox,
    where it would tell whether it was used. Where another survey was sent to the old
    address lately the invitation stays: following it would exchange one person for
    another between two results.
    """
    taken = select(Invitation.survey_id).where(Invitation.email_digest == member.email_digest)
    for invitation, survey in session.execute(
        select(Invitation, Survey)
        .join(Survey, Invitation.survey_id == Survey.id)
        .join(Mail, Mail.about_id == Invitation.id)
        .where(
            Survey.team_id == member.team_id,
            Survey.closed_at.is_(None),
            Survey.id.not_in(taken),
            Invitation.email_digest == before,
            Mail.state.in_(("failed", "bounced")),
        )
    ).all():
        planned = _planned(session, survey, more=[member.email_digest], less=before)
        organisation = session.get_one(Team, survey.team_id).organisation_id
        if not conflicts(session, organisation, planned, survey.k, now, instead_of=survey.id):
            invitation.email = member.email
    session.flush()


def find(session: Session, survey: Survey, invitation_id: UUID) -> Invitation | None:
    """The survey's invitation with this id."""
    return session.scalar(
        select(Invitation).where(Invitation.id == invitation_id, Invitation.survey_id == survey.id)
    )


def members_by_digest(
    session: Session, survey: Survey, digests: Collection[bytes]
) -> dict[bytes, UUID]:
    """Which of the invited (by address digest) stand in the team, and under which member id."""
    rows = session.execute(
        select(TeamMember.email_digest, TeamMember.id).where(
            TeamMember.team_id == survey.team_id, TeamMember.email_digest.in_(digests)
        )
    )
    return {bytes(digest): member_id for digest, member_id in rows}


def _open(session: Session, survey: Survey) -> Survey:
    """The survey, held alone: closing waits for this transaction, and this for it."""
    held = hold(session, survey, alone=True)
    if held.closed_at is not None:
        raise Refused("closed")
    return held


def _planned(
    session: Session, survey: Survey, *, more: Collection[bytes] = (), less: bytes | None = None
) -> dict[UUID, set[bytes]]:
    invited = session.scalars(
        select(Invitation.email_digest).where(Invitation.survey_id == survey.id)
    ).all()
    return {survey.team_id: ({*invited} - {less}) | {*more}}


def _refuse_conflicts(
    session: Session,
    survey: Survey,
    now: datetime,
    *,
    more: Collection[bytes] = (),
    less: bytes | None = None,
) -> None:
    organisation = session.get_one(Team, survey.team_id).organisation_id
    planned = _planned(session, survey, more=more, less=less)
    refuse_conflicts(session, organisation, planned, survey.k, now, instead_of=survey.id)
