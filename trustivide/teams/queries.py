"""Reading teams, always from where the reader stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from trustivide.auth import queries as accounts
from trustivide.auth.models import User
from trustivide.core.activities import TEAM_SURVEYS
from trustivide.core.inventory import Group, Told
from trustivide.core.subjects import Person
from trustivide.organisations.models import Membership, Organisation
from trustivide.organisations.queries import Actor
from trustivide.rights import queries as rights
from trustivide.teams.models import Team, TeamMember


@dataclass(frozen=True)
class TeamSummary:
    """A team with its number of members."""

    team: Team
    members: int


@dataclass(frozen=True)
class Teams:
    """The teams of an actor's organisation."""

    session: Session
    actor: Actor

    def get(self, team_id: UUID) -> Team | None:
        """The team, or ``None`` if there is none with this id *for this actor*."""
        return self.session.scalar(
            select(Team).where(
                Team.id == team_id, Team.organisation_id == self.actor.organisation_id
            )
        )

    def all(self) -> Sequence[TeamSummary]:
        """Every team by name, counted in one query."""
        rows = self.session.execute(
            select(Team, func.count(TeamMember.id))
            .outerjoin(TeamMember, TeamMember.team_id == Team.id)
            .where(Team.organisation_id == self.actor.organisation_id)
            .group_by(Team.id)
            .order_by(func.lower(Team.name), Team.id)
        )
        return [TeamSummary(team, n) for team, n in rows]

    def member(self, member_id: UUID) -> TeamMember | None:
        """The member, or ``None`` if there is none with this id *for this actor*."""
        return self.session.scalar(
            select(TeamMember)
            .join(Team, TeamMember.team_id == Team.id)
            .where(TeamMember.id == member_id, Team.organisation_id == self.actor.organisation_id)
        )


def for_actor(session: Session, actor: Actor) -> Teams:
    """Everything that ``actor`` may see of teams."""
    return Teams(session, actor)


def members(session: Session, team: Team) -> Sequence[TeamMember]:
    """The team's members by address. Addresses are encrypted, hence sorted here."""
    found = session.scalars(select(TeamMember).where(TeamMember.team_id == team.id)).all()
    return sorted(found, key=lambda member: member.email)


def refusing(session: Session, people: Sequence[TeamMember]) -> int:
    """How many members of a team said no to invitations; never who, which is theirs to tell."""
    if not people:
        return 0
    organisation = session.scalars(
        select(Team.organisation_id).where(Team.id == people[0].team_id)
    ).all()
    addresses = [member.email for member in people]
    return len(rights.refusing(session, addresses, TEAM_SURVEYS, organisation))


def given_to(session: Session, person: Person, group: Group | None) -> list[Told]:
    """Who was given a team member's data: the owners and administrators of the organisation.

    Each hears once per team, and never of a change that they made to themselves.
    """
    if not person.addresses or (group is not None and group.table.name != "team_member"):
        return []
    rows = session.execute(
        select(User, Team.name)
        .join(Membership, Membership.user_id == User.id)
        .join(Team, Team.organisation_id == Membership.organisation_id)
        .where(
            Membership.role.in_(("owner", "admin")),
            Team.id.in_(
                select(TeamMember.team_id).where(
                    TeamMember.email_digest.in_(person.address_digests)
                )
            ),
        )
        .order_by(Team.name, User.id)
    )
    teams: dict[User, list[str]] = {}
    for user, team in rows:
        if user.id != person.user_id and user.email not in person.addresses:
            teams.setdefault(user, []).append(team)
    return [
        Told("customer", user.email, user.locale, {"teams": ", ".join(names)})
        for user, names in teams.items()
    ]


def origins(session: Session, members: Sequence[UUID]) -> dict[UUID, str]:
    """In which organisation, and which of its teams, somebody typed each of these members in."""
    rows = session.execute(
        select(TeamMember.id, Team.name, Organisation.name)
        .join(Team, TeamMember.team_id == Team.id)
        .join(Organisation, Team.organisation_id == Organisation.id)
        .where(TeamMember.id.in_(members))
    )
    return {member: f"{organisation}, {team}" for member, team, organisation in rows}


def people_of(session: Session, organisation_id: UUID) -> list[Person]:
    """The organisation's accounts, and those in its teams; somebody who is both comes twice."""
    users = session.scalars(
        select(User)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.organisation_id == organisation_id)
    )
    found = [accounts.person(user) for user in users]
    addresses = session.scalars(
        select(TeamMember.email).join(Team).where(Team.organisation_id == organisation_id)
    )
    return found + [Person.of(None, address) for address in addresses]
