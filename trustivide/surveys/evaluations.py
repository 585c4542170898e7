"""Asking a team how a workshop was: offered when it was run, and a survey like any other then.

The evaluation is three statements (:data:`~trustivide.surveys.catalogue.EVALUATION`), asked
of everybody in the team. Who was there isn't known, and no list of it may come to be. It is
sent, answered, closed and shown by the same code as every survey, so nothing that protects
those who answer is left out (docs/decisions/029).
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.core.clock import begin_of, day_of
from trustivide.core.errors import Refused
from trustivide.organisations.queries import Actor
from trustivide.surveys import catalogue, round_queries, rounds
from trustivide.surveys.catalogue import EVALUATION, Instrument
from trustivide.surveys.models import Evaluation, Snapshot, Survey
from trustivide.surveys.queries import minimum_answers
from trustivide.surveys.round_queries import Reach
from trustivide.surveys.rounds import AlreadySent, Plan
from trustivide.teams.models import Team
from trustivide.workshops import queries as workshops
from trustivide.workshops.models import WorkshopSession

OPEN_FOR = timedelta(days=7)
"""Shorter than other surveys: a workshop is soon forgotten."""
REMINDED_AFTER = 3
RECENT = timedelta(days=30)
"""So long after the workshop an offer stands in lists; its own page keeps it."""

WORTH = "worth"
"""The statement that totals are of."""
LEAST_ORGANISATIONS = 5
LEAST_ANSWER_SETS = 25


class TooFew(Refused):
    """Fewer can be asked than must answer for a result."""


@dataclass(frozen=True)
class Offered:
    """An evaluation with the workshop that it is of, and the team that ran it."""

    evaluation: Evaluation
    held: WorkshopSession
    team: Team


def instrument() -> Instrument:
    """What is asked, in its newest version."""
    return catalogue.latest(EVALUATION)


# News from the workshops


def on_workshop_run(held: WorkshopSession, *, session: Session, now: datetime) -> None:
    """Offer to ask how it was. Once, however often it is said to have been run."""
    if _of(session, held.id) is None:
        session.add(Evaluation(session_id=held.id))
        session.flush()


def on_run_undone(held: WorkshopSession, *, session: Session) -> None:
    """What wasn't run can't be evaluated: the offer goes."""
    offer = _of(session, held.id)
    if offer is not None:
        session.delete(offer)
        session.flush()


def blocks_undo(session: Session, held: WorkshopSession) -> bool:
    """Whether people were asked how it was, so that it must stay run."""
    offer = _of(session, held.id)
    return offer is not None and offer.survey_id is not None


def _of(session: Session, session_id: UUID) -> Evaluation | None:
    return session.scalar(select(Evaluation).where(Evaluation.session_id == session_id))


# Reading


def get(session: Session, actor: Actor, session_id: UUID) -> Offered | None:
    """The evaluation of a workshop, or ``None`` if there is none *for this actor*."""
    row = session.execute(_all(actor).where(WorkshopSession.id == session_id)).one_or_none()
    return Offered(*row) if row else None


def offers(
    session: Session, actor: Actor, now: datetime, team_id: UUID | None = None
) -> list[Offered]:
    """What could be asked and isn't, the newest workshop first; of one team if ``team_id``."""
    statement = _all(actor).where(
        Evaluation.survey_id.is_(None),
        Evaluation.declined_on.is_(None),
        WorkshopSession.state == "run",
        WorkshopSession.run_on > day_of(now) - RECENT,
    )
    if team_id is not None:
        statement = statement.where(Team.id == team_id)
    newest_first = WorkshopSession.run_on.desc(), WorkshopSession.id
    return [Offered(*row) for row in session.execute(statement.order_by(*newest_first))]


def of_team(
    session: Session, actor: Actor, team: Team, locale: str, now: datetime
) -> list[tuple[UUID, str]]:
    """What the team could be asked about, for its page: ids and titles of workshops."""
    return [
        (offered.held.id, workshops.title(session, offered.held, locale))
        for offered in offers(session, actor, now, team.id)
    ]


def _all(actor: Actor) -> Any:
    return (
        select(Evaluation, WorkshopSession, Team)
        .join(WorkshopSession, Evaluation.session_id == WorkshopSession.id)
        .join(Team, WorkshopSession.team_id == Team.id)
        .where(Team.organisation_id == actor.organisation_id)
    )


def evaluated(session: Session, surveys: Collection[Survey]) -> dict[UUID, WorkshopSession]:
    """The workshops that these surveys ask about, by survey; asks nothing where there is none."""
    ids = [survey.id for survey in surveys if survey.instrument == EVALUATION]
    if not ids:
        return {}
    rows = session.execute(
        select(Evaluation.survey_id, WorkshopSession)
        .join(WorkshopSession, Evaluation.session_id == WorkshopSession.id)
        .where(Evaluation.survey_id.in_(ids))
    )
    return {survey_id: held for survey_id, held in rows if survey_id}


@dataclass(frozen=True)
class Prospect:
    """Whom sending would reach, how many of them must answer, and until when they can."""

    reach: Reach
    k: int
    closes_at: datetime

    @property
    def too_few(self) -> bool:
        """Whether no result could ever be shown."""
        return self.reach.invited < self.k


def prospect(session: Session, actor: Actor, offered: Offered, now: datetime) -> Prospect:
    """What would come of sending now; for the page that says it before."""
    (reach,) = round_queries.reach(session, actor, offered.evaluation.id, [offered.team.id])
    closes_at = begin_of(day_of(now) + OPEN_FOR + timedelta(days=1))
    return Prospect(reach, minimum_answers(session, actor), closes_at)


# Taking the offer up, or not


def send(
    session: Session, actor: Actor, offered: Offered, message: str, locale: str, now: datetime
) -> Survey:
    """Ask everybody in the team who accepts invitations, for a week, with one reminder.

    By the code that sends every survey: k is locked, and the guard against subtracting
    results holds. Raises :class:`AlreadySent`, :class:`TooFew`,
    :class:`~trustivide.surveys.overlap.Overlaps`, and :class:`Refused` where the workshop
    wasn't run after all.
    """
    # The workshop's row, as whoever undoes that it was run locks it too.
    held = session.scalars(
        select(WorkshopSession).where(WorkshopSession.id == offered.held.id).with_for_update()
    ).one_or_none()
    evaluation = session.scalar(
        select(Evaluation)
        .where(Evaluation.session_id == offered.held.id)
        .execution_options(populate_existing=True)
    )
    if held is None or held.state != "run" or evaluation is None:
        raise Refused("not run")
    if evaluation.survey_id is not None:
        raise AlreadySent
    ahead = prospect(session, actor, offered, now)
    if ahead.too_few:
        raise TooFew("too few")
    plan = Plan(
        team_ids=[offered.team.id],
        instrument=instrument(),
        own_version_id=None,
        message=message,
        locale=locale,
        opens_at=now,
        closes_at=ahead.closes_at,
        reminder_days=[REMINDED_AFTER],
        every_months=None,
    )
    made = rounds.put(session, actor, evaluation.id, plan, now)
    survey = session.scalars(select(Survey).where(Survey.round_id == made.id)).one()
    evaluation.survey_id, evaluation.declined_on = survey.id, None
    session.flush()
    return survey


def decline(session: Session, offered: Offered, now: datetime, *, declined: bool) -> None:
    """Don't ask, or take that back. What was sent stays sent."""
    offered.evaluation.declined_on = day_of(now) if declined else None
    session.flush()


# Totals, for our staff


@dataclass(frozen=True)
class Totals:
    """How many evaluations have closed, and by workshop's slug whether it was worth the time.

    The latter is a mean from 1 to 5, with one decimal.
    """

    closed: int
    worth: Mapping[str, float]


def totals(session: Session, now: datetime) -> Totals:
    """Over the whole platform, from frozen results alone, of months that are over.

    A workshop has a mean only where at least five organisations and 25 answer sets stand
    behind it. Whole months and one decimal, so that what one more team adds can't be worked
    out from two figures with a day between.
    """
    closed = 0
    rated: dict[str, list[tuple[UUID, int, float]]] = defaultdict(list)
    rows = session.execute(
        select(WorkshopSession.workshop, Team.organisation_id, Snapshot.figures)
        .join(Evaluation, Evaluation.session_id == WorkshopSession.id)
        .join(Survey, Survey.id == Evaluation.survey_id)
        .join(Snapshot, Snapshot.survey_id == Survey.id)
        .join(Team, WorkshopSession.team_id == Team.id)
        .where(Survey.closed_at < begin_of(day_of(now).replace(day=1))),
        execution_options={"yield_per": 500},
    )
    for slug, organisation_id, figures in rows:
        closed += 1
        for row in figures.get("items", ()):
            if row["key"] == WORTH and row["published"]:
                rated[slug].append((organisation_id, row["n"], row["mean"]))
    return Totals(closed, {slug: mean for slug, of in rated.items() if (mean := _mean(of))})


def _mean(rated: list[tuple[UUID, int, float]]) -> float | None:
    answers = sum(n for _, n, _ in rated)
    if len({organisation for organisation, _, _ in rated}) < LEAST_ORGANISATIONS:
        return None
    if answers < LEAST_ANSWER_SETS:
        return None
    return round(sum(n * mean for _, n, mean in rated) / answers, 1)
