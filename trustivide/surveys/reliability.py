"""How well the built-in instruments' items hang together, pooled over the whole platform.

A team is far too small for an alpha of its own, and its figure would say more about
chance than about the questions. Pooled figures are of at least 100 complete answer sets
of at least 5 organisations. What keeps them from telling of one survey, let alone of one
person: no two figures share an answer set, so nothing can be subtracted, not even a set
that somebody withdraws; alphas have two decimals; the numbers behind them are rounded
down to hundreds and fives; only the newest figure is kept, and no sums.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from trustivide.core.clock import begin_of, day_of
from trustivide.core.db import db, transaction
from trustivide.surveys import catalogue, statistics
from trustivide.surveys.catalogue import OVERALL, POINTS, Instrument, Item
from trustivide.surveys.models import AnswerSet, Reliability, Survey
from trustivide.teams.models import Team

LEAST_ANSWER_SETS = 100
LEAST_ORGANISATIONS = 5
EVERY = timedelta(days=30)
"""How long a figure stays: as long as raw answers do, so that the next is of all since then."""
BATCH = 500


def measure(now: datetime) -> None:
    """Compute every built-in instrument's alphas, 30 days after the last; called every night.

    Of the surveys that closed before today, and since the day of the figure before.
    Where they are too few the figure before stays, and the next night tries again.
    """
    today = day_of(now)
    for instrument in catalogue.measuring():
        before = of(db.session(), instrument)
        if before is not None and today < before.computed_on + EVERY:
            continue
        closed = Survey.closed_at < begin_of(today)
        if before is not None:
            closed &= Survey.closed_at >= begin_of(before.computed_on)
        # Read before the transaction: reading many answers must not hold up who writes.
        found = _pooled(instrument, _answer_sets(db.session(), instrument, closed))
        if found is None:
            continue
        with transaction() as session:
            row = of(session, instrument)
            if row is None:
                row = Reliability(instrument=instrument.key, version=instrument.version)
                session.add(row)
            row.computed_on = today
            row.alphas, row.answer_sets, row.organisations = found


def of(session: Session, instrument: Instrument) -> Reliability | None:
    """The newest figure for this version of an instrument, if there is one."""
    return session.scalars(
        select(Reliability).where(
            Reliability.instrument == instrument.key, Reliability.version == instrument.version
        )
    ).one_or_none()


def _pooled(
    instrument: Instrument, answer_sets: Iterable[tuple[UUID, Mapping[str, Any]]]
) -> tuple[dict[str, float], int, int] | None:
    """Alphas by dimension and overall, and how many answer sets and organisations at least."""
    groups = {d.key: instrument.dimension_items(d.key) for d in instrument.dimensions}
    groups[OVERALL] = tuple(item for item in instrument.items if item.dimension)
    complete: dict[str, list[list[int]]] = {key: [] for key in groups}
    organisations: dict[str, set[UUID]] = {key: set() for key in groups}
    for organisation, answers in answer_sets:
        for key, items in groups.items():
            scores = _scores(items, answers)
            if scores is not None:
                complete[key].append(scores)
                organisations[key].add(organisation)
    alphas: dict[str, float] = {}
    for key, rows in complete.items():
        if len(rows) < LEAST_ANSWER_SETS or len(organisations[key]) < LEAST_ORGANISATIONS:
            continue
        try:
            alphas[key] = round(statistics.cronbach_alpha(rows), 2)
        except ValueError:  # a single item, or everybody alike
            continue
    if not alphas:
        return None
    return (
        alphas,
        _rounded_down(min(len(complete[key]) for key in alphas), LEAST_ANSWER_SETS),
        _rounded_down(min(len(organisations[key]) for key in alphas), LEAST_ORGANISATIONS),
    )


def _rounded_down(number: int, step: int) -> int:
    return number - number % step


def _answer_sets(
    session: Session, instrument: Instrument, closed: ColumnElement[bool]
) -> Iterable[tuple[UUID, Mapping[str, Any]]]:
    """What was answered to such surveys and may be used, with the organisation asked."""
    return session.execute(
        select(Team.organisation_id, AnswerSet.answers)
        .join(Survey, AnswerSet.survey_id == Survey.id)
        .join(Team, Survey.team_id == Team.id)
        .where(
            Survey.instrument == instrument.key,
            Survey.instrument_version == instrument.version,
            Survey.own_version_id.is_(None),
            closed,
            AnswerSet.restricted.is_(False),
        )
        .execution_options(yield_per=BATCH)
    )


def _scores(items: tuple[Item, ...], answers: Mapping[str, Any]) -> list[int] | None:
    """The scores of somebody who answered all of these items, high is good; else None."""
    scores = []
    for item in items:
        value = answers.get(item.key)
        if not isinstance(value, int):
            return None
        scores.append(POINTS[item.kind] + 1 - value if item.reversed else value)
    return scores
