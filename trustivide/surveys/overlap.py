"""The guard against differencing: no two results may tell what a few people answered.

Whoever may ask team A and team "A without Dora" at nearly the same time, and
assumes that people answer alike, subtracts one result from the other and
holds Dora's answers. The same works with more surveys than two. This is the
tracker of the literature on statistical databases (Denning, Denning and
Schwartz, ACM TODS 4(1), 1979); refusing what is linearly dependent is the
audit of Chin and Ozsoyoglu (IEEE TSE 8(6), 1982).

The model: a result is the sum over the people invited, and whoever reads
results may add and subtract any number of them with any weights. Each such
combination is a vector over people; it speaks of those where it is not
zero. **No combination may speak of fewer than k people.** Not of one alone
(his answers), not of several (their sum), and not of the difference between
two. The same people asked again are no risk: that difference is zero.

Decided exactly, in whole numbers. Bounded in time: what can't be decided
within the bound is refused.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import gcd
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from trustivide.core.clock import day_of
from trustivide.core.errors import Refused
from trustivide.organisations.models import Organisation
from trustivide.surveys.models import Invitation, Survey
from trustivide.teams.models import Team

WINDOW = timedelta(days=30)
"""For how long after its closing a result counts as being of the same time."""
_MOST_WORK = 400_000
"""Numbers that one entangled group of surveys may cost: about half a second."""

K = TypeVar("K", bound=Hashable)
Person = Hashable


@dataclass(frozen=True)
class Conflict:
    """Teams whose results, put together, would speak of fewer than k people.

    ``planned`` names the teams that were about to be asked, ``others`` those whose open
    or fresh surveys stand against it; a team can be in both. ``free_on`` is the first day
    on which the others don't count any more, ``None`` while one of them is open.
    """

    planned: tuple[str, ...]
    others: tuple[str, ...]
    free_on: date | None
    k: int


class Overlaps(Refused):
    """What was planned would let somebody compute a small group; ``conflicts`` says with what."""

    def __init__(self, conflicts: Sequence[Conflict]) -> None:
        super().__init__("the results of several surveys could be subtracted")
        self.conflicts = conflicts


# The core, over sets


@dataclass(frozen=True)
class _Combination:
    """Results added with weights: its value per column of people, and the weight of each survey."""

    people: dict[int, int]
    surveys: dict[int, int]


class _Undecided(Exception):
    """Deciding would take too long."""


def small_groups(sets: Mapping[K, Collection[Person]], k: int) -> Iterator[frozenset[K]]:
    """Which of the surveys (key → people invited) together speak of fewer than ``k`` people.

    Yields nothing exactly when no combination of results does. Otherwise each group
    that is yielded holds a combination that does, or is too entangled to be decided.
    Surveys that can have no result must be left out beforehand.
    """
    same: dict[frozenset[Person], list[K]] = {}
    for key, people in sets.items():
        same.setdefault(frozenset(people), []).append(key)
    for group in _apart(_entangled(list(same), k)):
        columns = Counter(
            tuple(i for i, people in enumerate(group) if person in people)
            for person in frozenset().union(*group)
        )
        weights = list(columns.values())
        rows = [
            _Combination({c: 1 for c, of in enumerate(columns) if i in of}, {i: 1})
            for i in range(len(group))
        ]
        try:
            for found in _light(rows, weights, frozenset(), k - 1, [_MOST_WORK]):
                yield frozenset(key for i in found.surveys for key in same[group[i]])
        except _Undecided:
            yield frozenset(key for people in group for key in same[people])


def _entangled(sets: list[frozenset[Person]], k: int) -> list[frozenset[Person]]:
    """Leave out, again and again, who invites k people that no other of the rest does.

    A combination with such a survey in it speaks of those k at least.
    """
    while True:
        times = Counter(person for people in sets for person in people)
        rest = [people for people in sets if sum(times[p] == 1 for p in people) < k]
        if len(rest) == len(sets):
            return sets
        sets = rest


def _apart(sets: list[frozenset[Person]]) -> Iterator[list[frozenset[Person]]]:
    """The sets in groups that share nobody with each other."""
    inviting: dict[Person, list[int]] = {}
    for i, people in enumerate(sets):
        for person in people:
            inviting.setdefault(person, []).append(i)
    waiting = set(range(len(sets)))
    while waiting:
        group, reached = [], [waiting.pop()]
        while reached:
            group.append(i := reached.pop())
            near = {j for person in sets[i] for j in inviting[person]} & waiting
            waiting -= near
            reached += near
        yield [sets[i] for i in group]


def _light(
    rows: list[_Combination],
    weights: Sequence[int],
    paid: frozenset[int],
    budget: int,
    work: list[int],
) -> Iterator[_Combination]:
    """Combinations of ``rows`` that, ``paid`` columns aside, weigh at most ``budget``.

    Column by column, the heaviest first: it is zero, which costs a row, or it is
    paid for. Every light combination lies on exactly one of these ways.
    """
    work[0] -= sum(len(row.people) for row in rows) + 1
    if work[0] < 0:
        raise _Undecided
    if len(rows) == 1:
        weight = sum(weights[c] for c in rows[0].people if c not in paid)
        if rows[0].people and weight <= budget:
            yield rows[0]
        return
    touched = Counter(c for row in rows for c in row.people if c not in paid)
    if not touched:
        yield from (row for row in rows if row.people)
        return
    column = max(touched, key=lambda c: (weights[c], -touched[c], -c))
    if rest := _zero_at(column, rows):
        yield from _light(rest, weights, paid, budget, work)
    if weights[column] <= budget:
        yield from _light(rows, weights, paid | {column}, budget - weights[column], work)


def _zero_at(column: int, rows: list[_Combination]) -> list[_Combination]:
    """A basis of the combinations that are zero at ``column``."""
    pivot = min((r for r in rows if column in r.people), key=lambda r: len(r.people))
    others = [row for row in rows if row is not pivot]
    return [_subtract(row, pivot, column) if column in row.people else row for row in others]


def _subtract(row: _Combination, pivot: _Combination, column: int) -> _Combination:
    own, its = row.people[column], pivot.people[column]

    def combined(one: dict[int, int], other: dict[int, int]) -> dict[int, int]:
        values = {c: v * its for c, v in one.items()}
        for c, v in other.items():
            values[c] = values.get(c, 0) - v * own
        return {c: v for c, v in values.items() if v}

    people, surveys = combined(row.people, pivot.people), combined(row.surveys, pivot.surveys)
    shared = gcd(*people.values(), *surveys.values())
    return _Combination(
        {c: v // shared for c, v in people.items()}, {s: v // shared for s, v in surveys.items()}
    )


# The question that launching asks


@dataclass(frozen=True)
class _Asked:
    """A survey that counts: its team, whom it invited, and when its result stops counting."""

    team: str
    people: frozenset[Person]
    k: int
    free_on: date | None


def conflicts(
    session: Session,
    organisation_id: UUID,
    planned: Mapping[UUID, Collection[bytes]],
    k: int,
    now: datetime,
    *,
    instead_of: UUID | None = None,
) -> list[Conflict]:
    """What stands against asking ``planned`` (team → address digests) now; empty when nothing does.

    Compared with each other and with all surveys of the organisation that are open or
    closed less than 30 days ago. ``k`` is the organisation's; where a survey that counts
    was promised a larger one, that holds. ``instead_of`` is a survey that the plan
    replaces: to ask whether its invitations may change.
    """
    known = _counting(session, organisation_id, now, instead_of)
    sets: dict[Hashable, Collection[Person]] = {key: asked.people for key, asked in known.items()}
    sets |= {("planned", team): people for team, people in planned.items() if len(people) >= k}
    k = max([k, *(asked.k for asked in known.values())])
    found: dict[frozenset[Hashable], Conflict] = {}
    names: dict[Hashable, str] | None = None
    for group in small_groups(sets, k):
        if group in found or not any(("planned", team) in group for team in planned):
            continue
        names = names or _names(session, planned)
        others = [known[key] for key in group if key in known]
        days = [asked.free_on for asked in others]
        found[group] = Conflict(
            tuple(sorted(names[key] for key in group if key in names)),
            tuple(sorted({asked.team for asked in others})),
            max((day for day in days if day), default=None) if all(days) else None,
            k,
        )
    return sorted(found.values(), key=lambda conflict: (conflict.planned, conflict.others))


def _names(session: Session, planned: Collection[UUID]) -> dict[Hashable, str]:
    rows = session.execute(select(Team.id, Team.name).where(Team.id.in_(planned)))
    return {("planned", team_id): name for team_id, name in rows}


def _still_counts(now: datetime) -> ColumnElement[bool]:
    """Open, or closed within the window; of a plan's later day, as it will be then."""
    ends = func.coalesce(Survey.closed_at, Survey.closes_at)
    return ends > now - WINDOW


def _counting(
    session: Session, organisation_id: UUID, now: datetime, instead_of: UUID | None
) -> dict[Hashable, _Asked]:
    """The surveys that can have a result, with everybody who could have answered.

    An invitation that was removed or erased may have been answered before. Whose it
    was is gone, so it counts as somebody whom no other survey invites.
    """
    surveys = session.execute(
        select(Survey, Team.name)
        .join(Team, Survey.team_id == Team.id)
        .where(
            Team.organisation_id == organisation_id,
            _still_counts(now),
        )
    ).all()
    invited: dict[UUID, set[Person]] = {survey.id: set() for survey, _ in surveys}
    for survey_id, digest in session.execute(
        select(Invitation.survey_id, Invitation.email_digest)
        .join(Survey, Invitation.survey_id == Survey.id)
        .join(Team, Survey.team_id == Team.id)
        .where(
            Team.organisation_id == organisation_id,
            _still_counts(now),
        )
    ):
        invited[survey_id].add(bytes(digest))
    known: dict[Hashable, _Asked] = {}
    for survey, team in surveys:
        if survey.id == instead_of:
            continue
        people = invited[survey.id]
        gone = survey.invited + survey.invited_later - len(people)
        people |= {(survey.id, n) for n in range(gone)}
        free_on = day_of(survey.closed_at + WINDOW) + timedelta(1) if survey.closed_at else None
        if len(people) >= survey.k:
            known[survey.id] = _Asked(team, frozenset(people), survey.k, free_on)
    return known


def refuse_conflicts(
    session: Session,
    organisation_id: UUID,
    planned: Mapping[UUID, Collection[bytes]],
    k: int,
    now: datetime,
    *,
    instead_of: UUID | None = None,
) -> None:
    """Raise :class:`Overlaps` if anything stands against the plan, and let nobody else plan.

    The organisation's row is locked until the commit: two who send at the same
    time must see each other's surveys.
    """
    session.execute(
        select(Organisation.id)
        .where(Organisation.id == organisation_id)
        .with_for_update(key_share=True)
    )
    found = conflicts(session, organisation_id, planned, k, now, instead_of=instead_of)
    if found:
        raise Overlaps(found)
