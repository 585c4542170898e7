"""A result is computed before the lock, and is still of what the survey closed with."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from tests.conftest import both_databases
from tests.surveys.stories import answer, launched, tokens
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.surveys import actions, closing, snapshot
from trustivide.surveys.models import AnswerSet, Snapshot, Survey


@both_databases
def test_what_was_frozen_is_taken_if_nothing_happened_and_computed_anew_if_something_did(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    survey = launched(app, 8)
    links = list(tokens(survey).values())
    codes = [answer(survey, token, seed=n) for n, token in enumerate(links[:6])]

    def stale_after(happening: Callable[[], object]) -> None:
        frozen = closing.freeze(db.session(), survey)
        db.session.rollback()
        happening()
        with transaction() as session:
            anew = closing.freeze(session, session.get_one(Survey, survey.id))
            assert anew.seal != frozen.seal
            assert anew.seal == closing._seal(session, session.get_one(Survey, survey.id))

    def by_code(action: Callable[..., object], **more: object) -> Callable[[], None]:
        def happening() -> None:
            with transaction() as session:
                action(session, codes[0], now=clock.now(), **more)

        return happening

    stale_after(lambda: answer(survey, links[6], seed=6))
    stale_after(by_code(actions.correct, answers={"care_1": 1}))
    stale_after(by_code(actions.restrict_answers, restricted=True))
    stale_after(by_code(actions.withdraw))

    stale = closing.freeze(db.session(), survey)
    answer(survey, links[7], seed=7)
    fresh = closing.freeze(db.session(), survey)
    with transaction() as session:
        closing.close(session, session.get_one(Survey, survey.id), clock.now(), stale)
        figures = session.scalars(select(Snapshot.figures)).one()
        assert figures["answered"] == 7 == stale.figures["answered"] + 1
        session.rollback()

    def never(*args: object, **more: object) -> None:
        raise AssertionError("computed under the lock")

    monkeypatch.setattr(snapshot, "compute", never)
    with transaction() as session:
        closing.close(session, session.get_one(Survey, survey.id), clock.now(), fresh)
    db.session.rollback()
    assert db.session.scalars(select(Snapshot.figures)).one() == fresh.figures
    assert len(db.session.scalars(select(AnswerSet.id)).all()) == 7
