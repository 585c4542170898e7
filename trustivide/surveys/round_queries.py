"""Reading rounds and rhythms, and what there is to send, always from where the reader stands."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from trustivide.core.clock import day_of
from trustivide.organisations.queries import Actor
from trustivide.surveys import building, launching, queries
from trustivide.surveys.catalogue import Instrument
from trustivide.surveys.models import Rhythm, Round, RoundTeam, Survey
from trustivide.teams import queries as team_queries
from trustivide.teams.models import Team

FIRST_CHOICE = "tillit-i-team"
"""The questionnaire that is chosen until somebody chooses another."""


@dataclass(frozen=True)
class Offer:
    """A questionnaire that can be sent, in its newest version."""

    instrument: Instrument
    own_version_id: UUID | None = None


def offers(session: Session, organisation_id: UUID) -> list[Offer]:
    """What the organisation can send, the first choice first."""
    found = [
        Offer(instrument, version_id)
        for version_id, instrument in building.sendable(session, organisation_id)
    ]
    return sorted(found, key=lambda offer: offer.instrument.key != FIRST_CHOICE)


def newest(session: Session, planned: Round) -> Offer:
    """The round's questionnaire in its newest version; as it is where none is offered any more."""
    for offer in offers(session, planned.organisation_id):
        if offer.instrument.key == planned.instrument:
            return offer
    return Offer(queries.instrument_of(planned), planned.own_version_id)


@dataclass(frozen=True)
class AskedTeam:
    """A team that was or is to be asked, with its survey once there is one."""

    team: Team | None
    survey: Survey | None
    left_out: str | None = None

    @property
    def is_gone(self) -> bool:
        """Whether the team is erased since the round was planned."""
        return self.team is None


@dataclass(frozen=True)
class Listed:
    """What was sent together, as lists show it: a round, or a survey that belongs to none."""

    round: Round | None
    asked: Sequence[AskedTeam]
    rhythm: Rhythm | None = None

    @property
    def surveys(self) -> list[Survey]:
        """What has been sent."""
        return [one.survey for one in self.asked if one.survey is not None]

    @property
    def names(self) -> list[str]:
        """The names of the teams that it asks; of those left out it asks nothing."""
        return [one.team.name for one in self.asked if one.team and not one.left_out]

    @property
    def state(self) -> str:
        """One of planned, running, closed, called_off."""
        if any(survey.closed_at is None for survey in self.surveys):
            return "running"
        if self.round is None or self.round.opened_at is not None:
            return "closed"
        return "planned" if self.round.cancelled_on is None else "called_off"

    @property
    def opens_at(self) -> datetime:
        """When it was sent, or is to be."""
        if self.round is None:
            return self.surveys[0].opened_at
        return self.round.opened_at or self.round.opens_at

    @property
    def closes_at(self) -> datetime:
        """Until when one can answer, or could."""
        return (self.round or self.surveys[0]).closes_at

    @property
    def invited(self) -> int:
        """How many invitations it has sent, in all its teams."""
        return sum(survey.invited + survey.invited_later for survey in self.surveys)

    @property
    def instrument(self) -> Instrument:
        """The questionnaire that it asks."""
        return queries.instrument_of(self.round or self.surveys[0])


@dataclass(frozen=True)
class Rounds:
    """The rounds and rhythms of an actor's organisation."""

    session: Session
    actor: Actor

    def get(self, round_id: UUID) -> Listed | None:
        """The round, or ``None`` if there is none with this id *for this actor*."""
        return next(iter(self._listed(Round.id == round_id)), None)

    def all(self) -> list[Listed]:
        """Every round, and every survey that belongs to none, newest first."""
        surveys = queries.for_actor(self.session, self.actor).all()
        alone = [
            Listed(None, [AskedTeam(found.team, found.survey)])
            for found in surveys
            if found.survey.round_id is None
        ]
        return sorted([*self._listed(), *alone], key=lambda listed: listed.opens_at, reverse=True)

    def rhythm(self, rhythm_id: UUID) -> Rhythm | None:
        """The rhythm, or ``None`` if there is none with this id *for this actor*."""
        return self.session.scalar(
            select(Rhythm).where(
                Rhythm.id == rhythm_id, Rhythm.organisation_id == self.actor.organisation_id
            )
        )

    def _listed(self, *which: ColumnElement[bool]) -> list[Listed]:
        rows = self.session.execute(
            select(Round, Rhythm, RoundTeam, Team, Survey)
            .outerjoin(Rhythm, Round.rhythm_id == Rhythm.id)
            .outerjoin(RoundTeam, RoundTeam.round_id == Round.id)
            .outerjoin(Team, RoundTeam.team_id == Team.id)
            .outerjoin(Survey, and_(Survey.round_id == Round.id, Survey.team_id == Team.id))
            .where(Round.organisation_id == self.actor.organisation_id, *which)
            .order_by(func.lower(Team.name), RoundTeam.id)
        )
        found: dict[UUID, Listed] = {}
        asked: dict[UUID, list[AskedTeam]] = defaultdict(list)
        for planned, rhythm, one, team, survey in rows:
            found.setdefault(planned.id, Listed(planned, asked[planned.id], rhythm))
            if one is not None:
                asked[planned.id].append(AskedTeam(team, survey, one.left_out))
        return list(found.values())


def for_actor(session: Session, actor: Actor) -> Rounds:
    """Everything that ``actor`` may see of rounds."""
    return Rounds(session, actor)


def next_on(session: Session, rhythm: Rhythm) -> date | None:
    """The day on which the rhythm asks next; ``None`` once it has ended."""
    if rhythm.ended_on is not None:
        return None
    planned = session.scalar(
        select(func.min(Round.opens_at)).where(
            Round.rhythm_id == rhythm.id, Round.opened_at.is_(None), Round.cancelled_on.is_(None)
        )
    )
    return day_of(planned) if planned is not None else rhythm.next_on


def rhythm_of(session: Session, survey: Survey) -> Rhythm | None:
    """The rhythm in which the survey comes, while it goes on."""
    return session.scalar(
        select(Rhythm)
        .join(Round, Round.rhythm_id == Rhythm.id)
        .where(Round.id == survey.round_id, Rhythm.ended_on.is_(None))
    )


@dataclass(frozen=True)
class Reach:
    """Whom a survey of this team would reach: digests of addresses, and how many said no."""

    team: Team
    digests: Sequence[bytes]
    refusing: int

    @property
    def invited(self) -> int:
        """How many would get an invitation."""
        return len(self.digests)


def reach(session: Session, actor: Actor, round_id: UUID, team_ids: Sequence[UUID]) -> list[Reach]:
    """Whom a round would reach if it were sent now, team by team; never who has said no."""
    listed = for_actor(session, actor).get(round_id)
    rhythm_id = listed.round.rhythm_id if listed and listed.round else None
    scopes = launching.scopes(actor.organisation_id, rhythm_id)
    found = []
    for summary in team_queries.for_actor(session, actor).all():
        if summary.team.id in team_ids:
            members = team_queries.members(session, summary.team)
            invited = launching.invitable(session, members, scopes)
            digests = [member.email_digest for member in invited]
            found.append(Reach(summary.team, digests, len(members) - len(invited)))
    return found
