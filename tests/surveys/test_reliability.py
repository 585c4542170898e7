"""The pooled alpha: from many answer sets of several organisations, and only the newest."""

import random
import statistics as oracle
from datetime import timedelta
from uuid import uuid4

import time_machine
from flask import Flask
from sqlalchemy import func, select

from tests.factories import customer
from tests.surveys.stories import launch, team_of
from trustivide.core import clock
from trustivide.core.clock import day_of
from trustivide.core.db import db, transaction
from trustivide.surveys import anonymity, closing, reliability
from trustivide.surveys.catalogue import latest
from trustivide.surveys.models import AnswerSet, Reliability, Survey

TEAM = latest("tillit-i-team")


def closed(organisation: int, answered: list[dict[str, int | None]], **more: bool) -> Survey:
    """A closed survey of an organisation of its own, with these answers."""
    owner = customer(
        "Ägare", f"owner{organisation}@exempel.test", organisation=f"Bolag {organisation}"
    )
    survey = launch(owner, team_of(owner, 24, prefix=f"p{organisation}-"))
    with transaction() as session:
        for answers in answered:
            token, code = uuid4().hex, anonymity.new_receipt_code()
            session.add(
                AnswerSet(
                    survey_id=survey.id,
                    slot=anonymity.slot_of(token),
                    receipt=anonymity.receipt_of(code),
                    answers=answers,
                    **more,
                )
            )
    with transaction() as session:
        closing.close(session, session.get_one(Survey, survey.id), clock.now())
    return survey


def somebody(rng: random.Random) -> dict[str, int | None]:
    """Answers that hang together, since one mood lies behind them."""
    mood = rng.uniform(-1, 1)
    answers: dict[str, int | None] = {}
    for item in TEAM.items:
        if item.kind == "agreement5":
            point = min(5, max(1, round(3 + 1.5 * mood + rng.gauss(0, 1))))
            answers[item.key] = 6 - point if item.reversed else point
    return answers


def alpha(answered: list[dict[str, int | None]], keys: list[str]) -> float:
    """Cronbach's alpha by the textbook's formula and Python's own variances."""
    turned = {item.key for item in TEAM.items if item.reversed}
    rows = [
        [6 - int(s[key] or 0) if key in turned else int(s[key] or 0) for key in keys]
        for s in answered
        if None not in [s[key] for key in keys]
    ]
    parts = sum(oracle.variance(column) for column in zip(*rows, strict=True))
    whole = oracle.variance([sum(row) for row in rows])
    return round(len(keys) / (len(keys) - 1) * (1 - parts / whole), 2)


def test_alpha_needs_many_answers_of_several_organisations(app: Flask) -> None:
    rng = random.Random(4)
    sets = [[somebody(rng) for _ in range(24)] for _ in range(5)]
    day = timedelta(days=1)
    for number in range(4):
        closed(number, sets[number])
    closed(9, [somebody(rng) for _ in range(24)], restricted=True)
    reliability.measure(clock.now() + day)
    assert reliability.of(db.session(), TEAM) is None, "96 sets of 4, and 24 that may not be used"

    sets[4][0]["care_1"] = None
    sets[4][1]["care_1"] = None
    last = closed(4, sets[4])
    reliability.measure(clock.now())
    assert reliability.of(db.session(), TEAM) is None, "what closed today counts from tomorrow on"
    reliability.measure(clock.now() + day)
    found = reliability.of(db.session(), TEAM)
    assert found is not None
    assert (found.answer_sets, found.organisations) == (100, 5), "of 118, rounded down"
    assert found.computed_on == day_of(clock.now() + day)
    everybody = [answers for part in sets for answers in part]
    assert found.alphas == {
        **{
            d.key: alpha(everybody, [i.key for i in TEAM.dimension_items(d.key)])
            for d in TEAM.dimensions
        },
        "overall": alpha(everybody, [i.key for i in TEAM.items if i.dimension]),
    }
    assert found.alphas["overall"] > 0.8

    # Somebody takes their answers back: no figure shows the difference, this month or later.
    first = dict(found.alphas)
    with transaction() as session:
        session.delete(
            session.scalars(select(AnswerSet).where(AnswerSet.survey_id == last.id)).first()
        )
    for days in (2, 30, 31, 60):
        reliability.measure(clock.now() + days * day)
    assert db.session.scalar(select(func.count()).select_from(Reliability)) == 1
    again = reliability.of(db.session(), TEAM)
    assert again is not None
    assert (again.alphas, again.computed_on) == (first, found.computed_on)

    # The next figure is of the surveys since then alone.
    later = [[somebody(rng) for _ in range(24)] for _ in range(5)]
    with time_machine.travel(clock.now() + 20 * day):
        for number in range(5):
            closed(20 + number, later[number])
        reliability.measure(clock.now() + 5 * day)
        assert reliability.of(db.session(), TEAM).alphas == first  # type: ignore[union-attr]
        reliability.measure(clock.now() + 15 * day)
    newest = reliability.of(db.session(), TEAM)
    assert newest is not None
    fresh = [answers for part in later for answers in part]
    assert newest.alphas["care"] == alpha(fresh, [f"care_{n}" for n in range(1, 5)])
