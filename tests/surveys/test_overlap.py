"""No two results may be subtracted so that a few people are left."""

import time
from collections.abc import Mapping
from datetime import timedelta
from fractions import Fraction
from itertools import combinations
from random import Random
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from tests.conftest import both_databases
from tests.factories import customer, sign_in
from tests.surveys.stories import actor_of, launch, team_of
from trustivide.auth.models import User
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.surveys import closing
from trustivide.surveys.models import Invitation, Survey
from trustivide.surveys.overlap import WINDOW, Overlaps, conflicts, small_groups
from trustivide.teams.models import Team, TeamMember


def rank(rows: list[list[int]]) -> int:
    """The rank of a matrix, by plain elimination over the rational numbers."""
    left = [[Fraction(v) for v in row] for row in rows]
    found = 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((r for r in left if r[column]), None)
        if pivot is None:
            continue
        found += 1
        left = [
            [a - b * r[column] / pivot[column] for a, b in zip(r, pivot, strict=True)]
            for r in left
            if r is not pivot
        ]
    return found


def somebody_computable(sets: list[frozenset[int]], k: int) -> bool:
    """Whether leaving out some people, fewer than k, lowers the rank: the definition itself."""
    people = sorted(frozenset().union(*sets)) if sets else []

    def rank_without(few: tuple[int, ...]) -> int:
        return rank([[int(p in s) for p in people if p not in few] for s in sets])

    whole = rank_without(())
    return any(
        rank_without(few) < whole for n in range(1, k) for few in combinations(people, n) if n
    )


TEAMS = st.lists(st.frozensets(st.integers(0, 8), min_size=1), max_size=5)


@given(TEAMS, st.integers(2, 5))
@example([frozenset(range(9)), frozenset(range(4)), frozenset(range(4, 7))], 3)
@settings(max_examples=150, deadline=None)
def test_exactly_what_somebody_could_compute_is_refused(sets: list[frozenset[int]], k: int) -> None:
    asked = [people for people in sets if len(people) >= k]
    found = list(small_groups(dict(enumerate(asked)), k))
    assert bool(found) == somebody_computable(asked, k)
    for group in found:
        assert somebody_computable([asked[i] for i in group], k)


def groups(k: int = 5, **sets: set[int]) -> list[set[str]]:
    return [set(group) for group in small_groups(sets, k)]


def test_what_is_refused_and_what_is_not() -> None:
    team, everybody = set(range(10)), set(range(30))
    assert groups(a=team, b=team - {3}) == [{"a", "b"}], "A without Dora"
    assert groups(a=team, b=team | {11, 12, 13, 14}) == [{"a", "b"}]
    assert groups(a=team, b=team) == [], "the same people again"
    assert groups(a=team, b=team | {11, 12, 13, 14, 15}) == []
    assert groups(a=team, b=team - {3} | {77}) == [{"a", "b"}], "one was replaced"
    # A whole, and parts that leave one or two of it over.
    assert groups(whole=everybody, b=set(range(15)), c=set(range(15, 29))) == [{"whole", "b", "c"}]
    assert groups(whole=everybody, b=set(range(15)), c=set(range(15, 30))) == []
    # Splitting the two by a further team doesn't hide them.
    split = {28, *range(40, 60)}
    found = groups(whole=everybody, b=set(range(15)), c=set(range(15, 28)), d=split)
    assert found == [{"whole", "b", "c"}]
    # Leaders of five teams, who are asked as a team of their own too.
    teams = {f"t{n}": set(range(10 * n, 10 * n + 8)) for n in range(5)}
    assert groups(**teams, leaders={0, 10, 20, 30, 40}) == []


def test_two_hundred_teams_of_twenty_take_no_time() -> None:
    random = Random(1)
    people = range(2500)
    usual = {n: set(range(20 * n, 20 * n + 20)) for n in range(200)}
    shared = {n: {*random.sample(people, 4), *range(3000 + 16 * n, 3016 + 16 * n)} for n in usual}
    begun = time.perf_counter()
    assert list(small_groups(usual, 5)) == list(small_groups(shared, 5)) == []
    assert list(small_groups({**shared, 200: shared[7] - {min(shared[7])}}, 5)) == [{7, 200}]
    assert time.perf_counter() - begun < 1
    # Nothing but overlaps: what can't be decided in time is refused.
    tangle = {n: frozenset(random.sample(range(300), 20)) for n in range(200)}
    begun = time.perf_counter()
    assert list(small_groups(tangle, 5))
    assert time.perf_counter() - begun < 5


def digests(team: Team, without: int = 0) -> Mapping[UUID, list[bytes]]:
    rows = db.session.scalars(
        select(TeamMember.email_digest).where(TeamMember.team_id == team.id)
    ).all()
    return {team.id: sorted(rows)[without:]}


def standing(alice: User, planned: Mapping[UUID, list[bytes]], k: int = 5) -> list[str]:
    found = conflicts(db.session(), actor_of(alice).organisation_id, planned, k, clock.now())
    return [f"{' '.join(c.planned)} | {' '.join(c.others)}" for c in found]


@both_databases
def test_alice_cant_ask_the_team_without_dora(app: Flask, client: FlaskClient) -> None:
    alice, charlie = customer(), customer("Charlie", "charlie@exempel.test", number="556036-0793")
    team, fewer = team_of(alice, 8), team_of(alice, 7, "Utan Dora")
    small, theirs = team_of(alice, 3, "Tre av dem"), team_of(charlie, 7, "Charlies")
    both = {**digests(team), **digests(fewer)}
    assert standing(alice, both) == ["Redaktionen Utan Dora | "]
    assert standing(alice, digests(fewer)) == [], "nothing has been asked yet"
    survey = launch(alice, team)
    assert standing(alice, digests(fewer)) == ["Utan Dora | Redaktionen"]
    assert standing(alice, digests(team)) == [], "the same people may be asked again"
    assert standing(alice, digests(small)) == [], "three get no result"
    assert standing(charlie, digests(theirs)) == [], "another customer's"
    with pytest.raises(Overlaps):
        launch(alice, fewer)
    db.session.rollback()
    closes_on = str(clock.day_of(clock.now() + timedelta(days=14)))
    form = {"teams": str(fewer.id), "message": "Hej", "closes_on": closes_on, "locale": "sv"}
    page = sign_in(client).post("/surveys/", data=form, follow_redirects=True)
    assert "krockar med den till Redaktionen" in page.text
    assert "färre än 5 personer" in page.text
    assert len(db.session.scalars(select(Survey)).all()) == 1

    # Whoever erases themselves may have answered before: they still count.
    with transaction() as session:
        session.execute(
            delete(Invitation).where(Invitation.email_digest == digests(team)[team.id][0])
        )
    assert standing(alice, digests(team, without=1)) == ["Redaktionen | Redaktionen"]

    with transaction() as session:
        closing.close(session, session.get_one(Survey, survey.id), clock.now())
    (conflict,) = conflicts(
        db.session(), actor_of(alice).organisation_id, digests(fewer), 5, clock.now()
    )
    assert conflict.free_on is not None
    with time_machine.travel(clock.now() + WINDOW - timedelta(hours=1)):
        assert standing(alice, digests(fewer)) != []
    with time_machine.travel(clock.now() + WINDOW):
        assert standing(alice, digests(fewer)) == []
