"""How well the built-in instruments' items hang together, pooled over the whole platform.

A team is far too small for an alpha of its own, and its figure would say more about
chance than about the questions. Pooled figures are of at least 100 complete answer sets
of at least 5 organisations, with two decimals, and only the newest is kept: neither sums
nor older figures, of which one survey's part could be subtracted. Raw answers are deleted
30 days after closing, so each figure is of the surveys that closed lately; where they are
too few, the newest figure stays with its date.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.core.clock import day_of
from trustivide.core.db import db, transaction
from trustivide.surveys import catalogue, statistics
from trustivide.surveys.catalogue import OVERALL, POINTS, Instrument, Item
from trustivide.surveys.models import AnswerSet, Reliability, Survey
from trustivide.teams.models import Team

LEAST_ANSWER_SETS = 100
LEAST_ORGANISATIONS = 5
BATCH = 500


def measure(now: datetime) -> None:
    """Compute every built-in instrument's alphas anew; the worker calls it every night."""
    for instrument in catalogue.all():
        # Read before the transaction: reading many answers must not hold up who writes.
        found = _pooled(db.session(), instrument)
        if found is None:
            continue
        with transaction() as session:
            row = of(session, instrument)
            if row is None:
                row = Reliability(instrument=instrument.key, version=instrument.version)
                session.add(row)
            row.computed_on = day_of(now)
            row.alphas, row.answer_sets, row.organisations = found


def of(session: Session, instrument: Instrument) -> Reliability | None:
    """The newest figure for this version of an instrument, if there is one."""
    return session.scalars(
        select(Reliability).where(
            Reliability.instrument == instrument.key, Reliability.version == instrument.version
        )
    ).one_or_none()


def _pooled(session: Session, instrument: Instrument) -> tuple[dict[str, float], int, int] | None:
    """Alphas by dimension and overall; the fewest answer sets and organisations behind one."""
    groups: dict[str, list[Item]] = {
        dimension.key: list(instrument.dimension_items(dimension.key))
        for dimension in instrument.dimensions
    }
    groups[OVERALL] = [item for item in instrument.items if item.dimension]
    alphas: dict[str, float] = {}
    behind: list[tuple[int, int]] = []
    complete: dict[str, list[list[int]]] = {key: [] for key in groups}
    organisations: dict[str, set[UUID]] = {key: set() for key in groups}
    for organisation, answers in _answer_sets(session, instrument):
        for key, items in groups.items():
            scores = _scores(items, answers)
            if scores is not None:
                complete[key].append(scores)
                organisations[key].add(organisation)
    for key, rows in complete.items():
        if len(rows) < LEAST_ANSWER_SETS or len(organisations[key]) < LEAST_ORGANISATIONS:
            continue
        try:
            alphas[key] = round(statistics.cronbach_alpha(rows), 2)
        except ValueError:  # a single item, or everybody alike
            continue
        behind.append((len(rows), len(organisations[key])))
    if not alphas:
        return None
    return alphas, min(sets for sets, _ in behind), min(number for _, number in behind)


def _answer_sets(
    session: Session, instrument: Instrument
) -> Iterable[tuple[UUID, Mapping[str, Any]]]:
    """What was answered to closed surveys and may be used, with the organisation asked."""
    return session.execute(
        select(Team.organisation_id, AnswerSet.answers)
        .join(Survey, AnswerSet.survey_id == Survey.id)
        .join(Team, Survey.team_id == Team.id)
        .where(
            Survey.instrument == instrument.key,
            Survey.instrument_version == instrument.version,
            Survey.own_version_id.is_(None),
            Survey.closed_at.is_not(None),
            AnswerSet.restricted.is_(False),
        )
        .execution_options(yield_per=BATCH)
    ).tuples()


def _scores(items: list[Item], answers: Mapping[str, Any]) -> list[int] | None:
    """The scores of somebody who answered all of these items, high is good; else None."""
    scores = []
    for item in items:
        value = answers.get(item.key)
        if not isinstance(value, int):
            return None
        scores.append(POINTS[item.kind] + 1 - value if item.reversed else value)
    return scores
