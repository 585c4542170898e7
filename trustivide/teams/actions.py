"""What happens to teams and members. Every action takes part in its caller's transaction."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from blinker import Signal
from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.core.clock import day_of
from trustivide.core.crypto import address_digest
from trustivide.core.errors import Refused
from trustivide.core.text import Text
from trustivide.organisations.queries import Actor
from trustivide.teams.models import Team, TeamMember

removal_blockers: list[Callable[[Session, Team, datetime], bool]] = []
"""Features above answer here whether a team must stay now (a survey is running)."""

goes_along: list[Callable[[Session, Team, datetime], Sequence[Text]]] = []
"""Features above answer here what of theirs goes when a team is erased, in words."""

open_invitations: list[Callable[[Session, TeamMember], Sequence[tuple[UUID, UUID]]]] = []
"""Features above answer here what a member may still answer: ids of survey and invitation."""

to_evaluate: list[Callable[[Session, Actor, Team, str, datetime], Sequence[tuple[UUID, str]]]] = []
"""Features above answer here which workshops the team can be asked about, in a language: ids and
titles."""

member_edited = Signal(
    "A leader corrected a member: sent with the member, session=, before= (the digest of the "
    "address until now) and now=, in the transaction that does it."
)


def create_team(session: Session, actor: Actor, name: str, now: datetime) -> Team:
    """A new, empty team of the actor's organisation."""
    team = Team(
        organisation_id=actor.organisation_id,
        name=name,
        created_by_id=actor.user_id,
        created_on=day_of(now),
    )
    session.add(team)
    session.flush()
    return team


def rename_team(session: Session, team: Team, name: str) -> None:
    """Give the team another name."""
    team.name = name
    session.flush()


def remove_team(session: Session, team: Team, now: datetime) -> None:
    """Erase the team with members, surveys and results. Raises :class:`Refused` if it must stay."""
    _lock(session, team.id)
    if must_stay(session, team, now):
        raise Refused("a survey is running, or its result is fresh")
    session.delete(team)
    session.flush()


def must_stay(session: Session, team: Team, now: datetime) -> bool:
    """Whether a feature above needs the team for something that is under way."""
    return any(blocks(session, team, now) for blocks in removal_blockers)


def goes_with(session: Session, team: Team, now: datetime) -> list[Text]:
    """What of the features above goes when the team is erased."""
    return [said for says in goes_along for said in says(session, team, now)]


def _lock(session: Session, team_id: UUID) -> None:
    """Let nobody else change the team's members, or send it a survey, until the commit.

    On PostgreSQL the row's lock also stops an insert that points at the team;
    SQLite has one writer at a time anyhow.
    """
    session.execute(select(Team.id).where(Team.id == team_id).with_for_update())


def add_members(
    session: Session, actor: Actor, team: Team, people: Mapping[str, str | None], now: datetime
) -> int:
    """Add the addresses (→ name) that are not in the team yet; returns how many were added.

    Adding the same people twice, also at the same time, adds them once.
    """
    _lock(session, team.id)
    digests = {address_digest(address): address for address in people}
    known = set(
        session.scalars(
            select(TeamMember.email_digest).where(
                TeamMember.team_id == team.id, TeamMember.email_digest.in_(digests)
            )
        )
    )
    fresh = [address for digest, address in digests.items() if digest not in known]
    session.add_all(
        TeamMember(
            team_id=team.id,
            email=address,
            name=people[address],
            added_on=day_of(now),
            added_by_id=actor.user_id,
        )
        for address in fresh
    )
    session.flush()
    return len(fresh)


def edit_member(
    session: Session, member: TeamMember, *, email: str, name: str | None, now: datetime
) -> None:
    """Correct a member. Raises :class:`Refused` when the team has that address already."""
    _lock(session, member.team_id)
    other = session.scalar(
        select(TeamMember.id).where(
            TeamMember.team_id == member.team_id,
            TeamMember.email_digest == address_digest(email),
            TeamMember.id != member.id,
        )
    )
    if other is not None:
        raise Refused("already in the team")
    before = bytes(member.email_digest)
    member.email, member.name = email, name or None
    session.flush()
    if member.email_digest != before:
        member_edited.send(member, session=session, before=before, now=now)


def invited_still(session: Session, member: TeamMember) -> list[tuple[UUID, UUID]]:
    """What the member may still answer, as ids of survey and invitation."""
    return [pair for answers in open_invitations for pair in answers(session, member)]


def remove_member(session: Session, member: TeamMember) -> None:
    """Erase a member from the team. Running surveys keep the invitation that was sent."""
    session.delete(member)
    session.flush()
