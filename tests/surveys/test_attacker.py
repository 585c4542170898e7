"""Whoever owns the organisation's account learns no single person's answer, whatever happens.

The attacker (``insider.py``) reads every page, file and mail that the account
opens, before and after each event. What they must not be able to do is said as
what must not make a difference. Each property has a positive control: a planted
leak that the same code must find.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from tests.conftest import both_databases
from tests.factories import delivered
from tests.surveys.insider import Insider, Look, account, differences
from tests.surveys.stories import launch, team_of, tokens
from trustivide.core import clock
from trustivide.core.clock import day_of
from trustivide.core.db import db, transaction
from trustivide.surveys import actions, anonymity, history, queries, snapshot
from trustivide.surveys.catalogue import Answer, latest
from trustivide.surveys.models import AnswerSet, Invitation, Survey
from trustivide.surveys.results import Wave
from trustivide.teams.models import Team, TeamMember

PEOPLE, K = 7, 5
PARTICIPATION = re.compile(
    r"<div><dt>Svar hittills.*|<li>(?:Färre än|Minst) \d+[^<]* har svarat[^<]*</li>"
)
INSTRUMENT = latest("tillit-i-team")
_worlds = count(1)


def sheet(n: int) -> dict[str, Answer]:
    """The answers on one sheet, unlike those on any other."""
    random = Random(n)
    given: dict[str, Answer] = {
        item.key: random.choice((1, 2, 3, 4, 5)) for item in INSTRUMENT.items if item.kind != "text"
    }
    comment = next(item.key for item in INSTRUMENT.items if item.kind == "text")
    return given | {comment: f"Kommentar {random.getrandbits(32):08x}"}


SHEETS = [sheet(n) for n in range(PEOPLE)]


class Ordered:
    """Leaves nothing to chance, so that two worlds show their comments in the same order."""

    def shuffle(self, texts: list[str]) -> None:
        """In the place of shuffling."""
        texts.sort()


@pytest.fixture(autouse=True)
def _unshuffled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "random", SimpleNamespace(SystemRandom=Ordered))


@dataclass
class World:
    """One organisation with one survey. ``who`` says which member fills in which sheet."""

    app: Flask
    who: list[int]
    start: datetime = field(default_factory=clock.now)

    def __post_init__(self) -> None:
        self.hour = 0
        with self.later():
            self.alice = account(next(_worlds))
            self.insider = Insider(self.app, self.alice)
            self.team_id = team_of(self.alice, PEOPLE).id
        self.codes: dict[int, str] = {}
        self.again()

    def again(self) -> None:
        """The team is asked, for the first time or once more."""
        with self.later():
            survey = launch(self.alice, db.session.get_one(Team, self.team_id))
            self.id = survey.id
            delivered(self.app)
            self.links = [token for _, token in sorted(tokens(survey).items())]

    @contextmanager
    def later(self) -> Iterator[None]:
        """A quarter of an hour after what happened last."""
        self.hour += 1
        with time_machine.travel(self.start + timedelta(minutes=15 * self.hour), tick=False):
            yield
        db.session.rollback()

    def look(self, *, typeset: bool = False) -> Look:
        """All that Alice sees now."""
        with self.later():
            return self.insider.look(typeset=typeset)

    def answer(self, *sheets: int) -> None:
        """Whoever has these sheets submits them."""
        for n in sheets:
            with self.later():
                self.codes[n] = anonymity.new_receipt_code()
                actions.submit(self.id, self.links[self.who[n]], self.codes[n], SHEETS[n])

    def press(self, path: str, **fields: str) -> None:
        """Alice does something on her pages."""
        with self.later():
            response = self.insider.client.post(path.format(self.id), data=fields)
            assert response.status_code == 303, response.text
            self.insider.client.get(response.headers["Location"])  # what it tells, once

    def newcomer(self) -> None:
        """Erik joins the team, and Alice invites him to the survey that is under way."""
        with self.later(), transaction() as session:
            team = session.get_one(Team, self.team_id)
            today = day_of(clock.now())
            session.add(TeamMember(team_id=team.id, email="erik@exempel.test", added_on=today))
        self.press("/surveys/{}/invitations", everybody="1")

    def end_invitation(self, n: int) -> None:
        """Alice takes back the invitation of the ``n``-th member."""
        invitations = select(Invitation).where(Invitation.survey_id == self.id)
        ids = {i.email: i.id for i in db.session.scalars(invitations)}
        self.press(f"/surveys/{self.id}/invitations/{ids[f'dora{n}@exempel.test']}/removal")

    def month_later(self) -> None:
        """When results that differ by a few people may be asked for again."""
        self.start += timedelta(days=32)
        with self.later():
            self.insider.sign_in()

    def by_code(self, n: int, action: Any, **more: Any) -> None:
        """Whoever filled in a sheet uses its receipt code."""
        with self.later(), transaction() as session:
            action(session, self.codes[n], clock.now(), **more)

    def close(self) -> None:
        """Alice closes the survey."""
        self.press("/surveys/{}/closure")


def story(app: Flask, who: list[int], start: datetime) -> Iterator[tuple[str, Look]]:
    """A survey's life with everything that can happen; what Alice sees after each event."""
    world = World(app, who, start)
    world.answer(0, 1, 2, 3, 4, 5)
    yield "six have answered", world.look()
    world.answer(6)
    world.by_code(6, actions.restrict_answers, restricted=True)
    world.by_code(0, actions.withdraw)
    world.press("/surveys/{}/reminders")
    world.newcomer()
    world.end_invitation(PEOPLE)
    yield "a late answer, one restricted, one withdrawn, all reminded, others invited", world.look()
    world.close()
    yield "closed", world.look()
    world.by_code(1, actions.withdraw)
    world.month_later()
    world.again()
    world.answer(0, 1, 2, 3, 4)
    world.close()
    yield "withdrawn after closing; asked and closed again", world.look(typeset=True)


def told_apart(app: Flask) -> str | None:
    """When Alice can tell two worlds apart in which others filled in the sheets, and by what."""
    start = clock.now()
    one = story(app, list(range(PEOPLE)), start)
    other = story(app, list(range(PEOPLE))[::-1], start)
    for (when, here), (_, there) in zip(one, other, strict=True):
        if found := differences(here, there):
            return f"{when}: {found}"
        assert when != "closed" or any("Kommentar" in text for text in here.values())
    return None


@both_databases
def test_no_view_tells_who_gave_which_answer(app: Flask) -> None:
    assert told_apart(app) is None


def test_the_insider_finds_a_view_that_tells(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def first_to_answer(session: Any, survey: Survey) -> int:
        links = sorted(tokens(survey).items()) if survey.link_key else []
        answered = [n for n, (_, token) in enumerate(links) if queries.has_answered(session, token)]
        return survey.k * (answered[0] + 1) if answered else 0

    monkeypatch.setattr(queries, "participation", first_to_answer)
    assert str(told_apart(app)).startswith("six have answered")


def changed(before: Look, after: Look) -> dict[str, tuple[str, str]]:
    """What an event changed, but for the lines that say how many have answered."""

    def but_for_the_number(look: Look) -> Look:
        return {path: PARTICIPATION.sub("", text) for path, text in look.items()}

    return differences(but_for_the_number(before), but_for_the_number(after))


@both_databases
def test_an_answer_shows_in_nothing_and_neither_does_a_withdrawal_after_closing(
    app: Flask,
) -> None:
    world = World(app, list(range(PEOPLE)))
    nobody = world.look()
    world.answer(*range(K - 1))
    assert differences(nobody, world.look()) == {}
    world.answer(K - 1)
    enough = world.look()
    assert changed(nobody, enough) == {}
    world.answer(K, K + 1)
    assert differences(enough, world.look()) == {}
    world.by_code(0, actions.restrict_answers, restricted=True)
    assert differences(enough, world.look()) == {}
    world.close()
    closed = world.look()
    world.by_code(1, actions.withdraw)
    world.by_code(2, actions.withdraw)
    assert differences(closed, world.look()) == {}


def test_the_insider_finds_an_exact_count_and_a_result_computed_anew(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers_of(survey: Survey) -> list[dict[str, Answer]]:
        asked = select(AnswerSet.answers).where(AnswerSet.survey_id == survey.id)
        return list(db.session.scalars(asked))

    def exact(session: Any, survey: Survey) -> int:
        return len(answers_of(survey))

    def anew(survey: Survey, frozen: dict[str, Any]) -> Wave:
        sets = answers_of(survey)
        figures = snapshot.compute(INSTRUMENT, sets, k=survey.k, invited=survey.invited)
        return honest(survey, figures)

    honest = history._wave
    world = World(app, list(range(PEOPLE)))
    nobody = world.look()
    world.answer(0)
    with monkeypatch.context() as planted:
        planted.setattr(queries, "participation", exact)
        assert differences(nobody, world.look())
    world.answer(*range(1, PEOPLE))
    world.close()
    monkeypatch.setattr(history, "_wave", anew)
    closed = world.look()
    world.by_code(1, actions.withdraw)
    assert changed(closed, world.look())
