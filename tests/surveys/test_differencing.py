"""Nothing that is published can be subtracted until a few people's answers are left.

Two attacks on figures rather than on pages: a hidden figure that still weighs in
a shown one, and the results of teams that overlap.
"""

import contextlib
from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from itertools import product
from random import Random
from typing import Any

import pytest
import time_machine
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.conftest import both_databases
from tests.surveys.insider import account
from tests.surveys.instruments import instruments
from tests.surveys.stories import actor_of, launch, tokens
from trustivide.auth.models import User
from trustivide.core import clock
from trustivide.core.clock import day_of
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.surveys import actions, anonymity, closing, launching, snapshot
from trustivide.surveys.catalogue import Answer, Instrument, Item, latest
from trustivide.surveys.models import Snapshot, Survey
from trustivide.surveys.overlap import Overlaps
from trustivide.teams import actions as team_actions
from trustivide.teams.models import Team, TeamMember

K = 5
Sheet = dict[str, Answer]


# What is hidden takes part in nothing


def _answers_to(item: Item) -> st.SearchStrategy[Answer]:
    options = [option.key for option in item.options]
    if item.kind == "multiple":
        return st.lists(st.sampled_from(options), min_size=1, unique=True).map(sorted)
    if item.kind == "single":
        return st.sampled_from(options)
    if item.kind == "text":
        return st.sampled_from(["Bra.", "Sämre.", "Vet inte."])
    low, high = {"agreement5": (1, 5), "agreement7": (1, 7), "scale10": (0, 10)}[item.kind]
    return st.integers(low, high)


@st.composite
def _cases(draw: st.DrawFn) -> tuple[Instrument, list[Sheet], list[Sheet], int]:
    """Answers of some people, and the same people with every hidden answer given anew."""
    instrument = draw(instruments())
    k = draw(st.integers(4, 6))
    given_ = [
        {item.key: draw(_answers_to(item) | st.none()) for item in instrument.items}
        for _ in range(draw(st.integers(1, 10)))
    ]
    return instrument, given_, _anew(draw, instrument, given_, k), k


def _anew(draw: st.DrawFn, instrument: Instrument, sheets: list[Sheet], k: int) -> list[Sheet]:
    hidden = _hidden(instrument, sheets, k)
    return [
        {
            key: draw(_answers_to(instrument.by_key[key]))
            if key in hidden and value is not None
            else value
            for key, value in sheet.items()
        }
        for sheet in sheets
    ]


def _frozen(instrument: Instrument, sheets: Sequence[Sheet], k: int) -> dict[str, Any]:
    return snapshot.compute(instrument, sheets, k=k, invited=12, rng=Random(1))


def _hidden(instrument: Instrument, sheets: Sequence[Sheet], k: int) -> set[str]:
    """The items of which the snapshot shows nothing; all of them where there is no result."""
    figures = _frozen(instrument, sheets, k)
    if not figures["published"]:
        return set(instrument.by_key)
    rows = [row for dimension in figures["dimensions"] for row in dimension["items"]]
    rows += figures["items"] + figures["comments"]
    return {row["key"] for row in rows if not row["published"]}


@settings(max_examples=60, deadline=None)
@given(_cases())
def test_what_is_hidden_makes_no_difference(
    case: tuple[Instrument, list[Sheet], list[Sheet], int],
) -> None:
    instrument, sheets, anew, k = case
    assert _frozen(instrument, sheets, k) == _frozen(instrument, anew, k)


def test_a_hidden_item_inside_its_dimensions_mean_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    instrument = latest("tillit-i-team")
    honest = snapshot._Results.centre

    def leaky(results: Any, shown: Sequence[Item]) -> Fraction:
        named = {item.dimension for item in shown}
        return honest(results, [item for item in instrument.items if item.dimension in named])

    def sheets(hidden: int) -> list[Sheet]:
        rated = [item for item in instrument.items if item.kind == "agreement5"]
        full: Sheet = {item.key: 4 for item in rated}
        secret = full | {rated[0].key: hidden}
        return [secret] * 2 + [full | {rated[0].key: None}] * 6

    assert _frozen(instrument, sheets(1), K) == _frozen(instrument, sheets(5), K)
    monkeypatch.setattr(snapshot._Results, "centre", leaky)
    assert _frozen(instrument, sheets(1), K) != _frozen(instrument, sheets(5), K)


# Which answers were given together


@st.composite
def _shuffled(draw: st.DrawFn) -> tuple[Instrument, list[Sheet], list[Sheet], int]:
    """Answers of some people, and each item's answers dealt out among them anew."""
    instrument, sheets, _, k = draw(_cases())
    dealt: list[Sheet] = [{} for _ in sheets]
    for item in instrument.items:
        for sheet, value in zip(
            dealt, draw(st.permutations([sheet[item.key] for sheet in sheets])), strict=True
        ):
            sheet[item.key] = value
    return instrument, sheets, dealt, k


def _unordered(figures: dict[str, Any]) -> dict[str, Any]:
    comments = [
        {**row, "texts": sorted(row.get("texts", []))} for row in figures.get("comments", [])
    ]
    return {**figures, "comments": comments}


@settings(max_examples=60, deadline=None)
@given(_shuffled())
def test_no_figure_of_an_own_questionnaire_tells_which_answers_were_given_together(
    case: tuple[Instrument, list[Sheet], list[Sheet], int],
) -> None:
    instrument, sheets, dealt, k = case
    one, other = (
        snapshot.compute(instrument, given_, k=k, invited=12, own=True, rng=Random(1))
        for given_ in (sheets, dealt)
    )
    assert _unordered(one) == _unordered(other)


def test_a_dimension_made_to_single_dora_out_does_so_unless_it_is_known_to_be_an_own_one() -> None:
    instrument = latest("tillit-i-team")
    new_here, wanted = instrument.dimension_items("competence")[:2]
    others: Sheet = {item.key: 3 for item in instrument.items if item.kind == "agreement5"}

    def sheets(doras: int) -> list[Sheet]:
        """Only Dora is new. Somebody answers 1 on what is wanted, and somebody 5."""
        dora = others | {new_here.key: 5, wanted.key: doras}
        other = others | {new_here.key: 1, wanted.key: 6 - doras}
        return [dora, other] + [others | {new_here.key: 1}] * 6

    for own in (False, True):
        said = [
            snapshot.compute(instrument, sheets(doras), k=K, invited=12, own=own, rng=Random(1))
            for doras in (1, 5)
        ]
        assert (said[0] == said[1]) is own


# Teams that overlap

People = frozenset[int]


def isolated(results: Sequence[People], k: int) -> list[People]:
    """Every group of fewer than ``k`` people whom some sum and difference of results is about."""
    found = []
    for weights in product(range(-2, 3), repeat=len(results)):
        total: dict[int, int] = {}
        for weight, people in zip(weights, results, strict=True):
            for person in people:
                total[person] = total.get(person, 0) + weight
        left = frozenset(person for person, weight in total.items() if weight)
        if 0 < len(left) < k:
            found.append(left)
    return found


def _team(owner: User, people: People, name: str) -> Team:
    actor = actor_of(owner)
    today = day_of(clock.now())
    with transaction() as session:
        team = Team(organisation_id=actor.organisation_id, name=name, created_on=today)
        session.add(team)
        session.flush()
        session.add_all(
            TeamMember(team_id=team.id, email=f"dora{n}@exempel.test", added_on=today)
            for n in people
        )
    return team


def _sums(survey: Survey) -> dict[str, int]:
    """What the published result says of each statement: the sum of its answers."""
    figures = db.session.scalars(
        select(Snapshot.figures).where(Snapshot.survey_id == survey.id)
    ).one()
    rows = [row for dimension in figures["dimensions"] for row in dimension["items"]]
    rows += [row for row in figures["items"] if row["kind"] == "agreement5"]
    return {row["key"]: round(row["mean"] * row["n"]) for row in rows if row["published"]}


def _sheet(person: int) -> Sheet:
    random = Random(person)
    items = latest("tillit-i-team").items
    return {item.key: random.randint(1, 5) for item in items if item.kind == "agreement5"}


def asked(owner: User, teams: Sequence[People]) -> list[tuple[People, dict[str, int]]]:
    """Ask one team after the other, all answer alike each time; whom each result is about."""
    results = []
    for number, people in enumerate(teams):
        team = _team(owner, people, f"Team {number}")
        try:
            survey = launch(owner, team)
        except Overlaps:
            db.session.rollback()
            continue
        for address, token in tokens(survey).items():
            person = int(address.removeprefix("dora").partition("@")[0])
            code = anonymity.new_receipt_code()
            actions.submit(survey.id, token, code, _sheet(person))
        with transaction() as session:
            closing.close(session, survey, clock.now())
        results.append((people, _sums(survey)))
    return results


teams = st.lists(st.frozensets(st.integers(1, 9), min_size=K, max_size=9), min_size=2, max_size=4)
_worlds = iter(range(5000, 9999))


@both_databases
@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(teams=teams)
def test_results_of_overlapping_teams_leave_no_small_group(app: Flask, teams: list[People]) -> None:
    results = asked(account(next(_worlds)), teams)
    assert results
    assert isolated([people for people, _ in results], K) == []


def test_a_team_with_a_fresh_result_stays_so_that_the_rest_of_it_is_not_asked_again(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = frozenset(range(1, 9))
    start = clock.now()

    def asked_again(owner: User) -> list[tuple[People, dict[str, int]]]:
        first = asked(owner, [everybody])
        with contextlib.suppress(Refused), transaction() as session:
            mine = Team.organisation_id == actor_of(owner).organisation_id
            team = session.scalars(select(Team).where(mine)).one()
            team_actions.remove_team(session, team, clock.now())
        return first + asked(owner, [everybody - {7}])

    assert len(asked_again(account(next(_worlds)))) == 1
    with monkeypatch.context() as planted:
        planted.setattr(team_actions, "removal_blockers", [])
        (_, all_), (_, without) = asked_again(account(next(_worlds)))
        assert {key: all_[key] - without[key] for key in all_} == _sheet(7)
    owner = account(next(_worlds))
    asked(owner, [everybody])
    with time_machine.travel(start + timedelta(days=32)), transaction() as session:
        mine = Team.organisation_id == actor_of(owner).organisation_id
        team = session.scalars(select(Team).where(mine)).one()
        team_actions.remove_team(session, team, clock.now())


def test_without_the_guard_doras_answers_are_what_is_left(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = frozenset(range(1, 9))
    teams = [everybody, everybody - {7}]
    assert len(asked(account(next(_worlds)), teams)) == 1
    monkeypatch.setattr(launching, "refuse_conflicts", lambda *args, **more: None)
    (_, all_), (_, without) = asked(account(next(_worlds)), teams)
    assert frozenset({7}) in isolated(teams, K)
    assert {key: all_[key] - without[key] for key in all_} == _sheet(7)
