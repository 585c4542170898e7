"""Reading results beside one another: a team's over time, and several teams' of one round."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.core.clock import day_of
from trustivide.core.text import in_alphabet
from trustivide.organisations.queries import Actor
from trustivide.surveys.catalogue import EVALUATION
from trustivide.surveys.models import Round, RoundTeam, Snapshot, Survey
from trustivide.surveys.queries import instrument_of
from trustivide.surveys.results import Figure, Wave
from trustivide.surveys.snapshot import upgraded
from trustivide.teams.models import Team

MOST_WAVES = 12
"""So many waves a chart on a phone can hold."""


def waves(session: Session, survey: Survey) -> list[Wave]:
    """The team's closed surveys of the same questionnaire up to this one, oldest first.

    The newest twelve of them. Later ones don't belong to it: what is shared of a result
    must not grow with each survey that follows. An evaluation stands alone, since two
    workshops are not two measures of one thing.
    """
    rows = session.execute(
        select(Survey, Snapshot.figures)
        .join(Snapshot, Snapshot.survey_id == Survey.id)
        .where(
            Survey.team_id == survey.team_id,
            Survey.instrument == survey.instrument,
            Survey.own_version_id.is_(None)
            if survey.own_version_id is None
            else Survey.own_version_id.is_not(None),
            Survey.closed_at <= survey.closed_at,
            *([Survey.id == survey.id] if survey.instrument == EVALUATION else []),
        )
        .order_by(Survey.closed_at.desc())
        .limit(MOST_WAVES)
    ).all()
    in_order = sorted(rows, key=lambda row: (row[0].closed_at, row[0].id == survey.id))
    return [_wave(row, figures) for row, figures in in_order]


def _wave(survey: Survey, figures: dict[str, Any]) -> Wave:
    assert survey.closed_at is not None
    instrument = instrument_of(survey)
    return Wave(survey.id, day_of(survey.closed_at), instrument, upgraded(figures, instrument))


@dataclass(frozen=True)
class TeamResult:
    """A team of a round: no ``survey`` where none was sent, no ``figures`` until it closes."""

    team: Team
    survey: Survey | None
    figures: dict[str, Any] | None

    @property
    def published(self) -> bool:
        """Whether there is a result to show."""
        return bool(self.figures and self.figures["published"])

    def row(self, key: str) -> Figure | None:
        """The overall figure or a dimension's, where there is a result."""
        if self.figures is None or not self.published:
            return None
        rows = [self.figures["overall"], *self.figures["dimensions"], *self.figures["items"]]
        return next((row for row in rows if row["key"] == key), None)


def round_of(session: Session, actor: Actor, round_id: UUID) -> Round | None:
    """The round, or ``None`` if there is none with this id for this actor."""
    return session.scalar(
        select(Round).where(Round.id == round_id, Round.organisation_id == actor.organisation_id)
    )


def side_by_side(session: Session, round_: Round) -> Sequence[TeamResult]:
    """The round's teams by name, never by figure."""
    rows = session.execute(
        select(Team, Survey, Snapshot.figures)
        .join(RoundTeam, RoundTeam.team_id == Team.id)
        .outerjoin(Survey, (Survey.round_id == RoundTeam.round_id) & (Survey.team_id == Team.id))
        .outerjoin(Snapshot, Snapshot.survey_id == Survey.id)
        .where(RoundTeam.round_id == round_.id)
    )
    found = [TeamResult(*row) for row in rows]
    return sorted(found, key=lambda result: in_alphabet(result.team.name))
