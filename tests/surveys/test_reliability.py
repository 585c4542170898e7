"""The pooled alpha: from many answer sets of several organisations, and only the newest."""

import random
import statistics as oracle
from uuid import uuid4

from flask import Flask
from sqlalchemy import delete, func, select

from tests.conftest import both_databases
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
    survey = launch(owner, team_of(owner, 30, prefix=f"p{organisation}-"))
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


@both_databases
def test_alpha_needs_many_answers_of_several_organisations(app: Flask) -> None:
    rng = random.Random(4)
    sets = [[somebody(rng) for _ in range(24)] for _ in range(5)]
    for number in range(4):
        closed(number, sets[number])
    closed(9, [somebody(rng) for _ in range(24)], restricted=True)
    reliability.measure(clock.now())
    assert reliability.of(db.session(), TEAM) is None, "96 sets of 4, and 24 that may not be used"

    sets[4][0]["care_1"] = None
    sets[4][1]["care_1"] = None
    closed(4, sets[4])
    reliability.measure(clock.now())
    found = reliability.of(db.session(), TEAM)
    assert found is not None
    assert (found.answer_sets, found.organisations) == (118, 5), "the fewest behind one figure"
    assert found.computed_on == day_of(clock.now())
    everybody = [answers for part in sets for answers in part]
    assert found.alphas == {
        **{
            d.key: alpha(everybody, [i.key for i in TEAM.dimension_items(d.key)])
            for d in TEAM.dimensions
        },
        "overall": alpha(everybody, [i.key for i in TEAM.items if i.dimension]),
    }
    assert found.alphas["overall"] > 0.8

    # Raw answers go, the newest figure stays with its date; there is never a second one.
    before = dict(found.alphas)
    with transaction() as session:
        session.execute(delete(AnswerSet))
    reliability.measure(clock.now())
    assert db.session.scalar(select(func.count()).select_from(Reliability)) == 1
    again = reliability.of(db.session(), TEAM)
    assert again is not None
    assert again.alphas == before
