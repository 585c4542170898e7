"""Random sequences of rights, exercised by several people at once, on both databases.

Whatever happens in whatever order: nobody else's data is touched, nothing that
was erased comes back, every choice is obeyed, and the ledger tells the same
story as the tables.
"""

from collections import Counter
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from itertools import count
from typing import Any
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, select

from tests.conftest import both_databases
from tests.factories import customer
from trustivide.auth import queries as accounts
from trustivide.core import clock, inventory
from trustivide.core.activities import (
    BY_KEY,
    MARKETING_EMAIL,
    SEARCH_HISTORY,
    TEAM_SURVEYS,
    WORKSHOP_USE,
    Activity,
)
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.core.subjects import Person
from trustivide.organisations.queries import actor_for
from trustivide.outbox import jobs
from trustivide.privacy import actions, erasure, export
from trustivide.rights import actions as rights
from trustivide.rights import legal_texts
from trustivide.rights.ledger import Ledger, ledger
from trustivide.rights.queries import EVERYTHING, may_use, objected, restricted
from trustivide.teams import actions as teams
from trustivide.teams.models import Team
from trustivide.workshops import actions as workshops

OBJECTABLE = (SEARCH_HISTORY, WORKSHOP_USE, TEAM_SURVEYS)
PEOPLE = ("alice", "charlie", "dora", "ellen")  # the last two have no account
_example = count()


@dataclass
class Somebody:
    """A person of the story, and what is expected of the product about them."""

    address: str
    user_id: UUID | None
    objections: set[str] = field(default_factory=set)
    restrictions: set[str] = field(default_factory=set)
    consent: bool = False
    cooling: bool = False
    erased: bool = False
    effects: Counter[str] = field(default_factory=Counter)
    refused_for_good: set[str] = field(default_factory=set)
    """What an address has said no to outlives its erasure."""
    entered_anew: set[str] = field(default_factory=set)
    """Tables in which the address may stand again: an administrator has typed it in anew."""

    @property
    def person(self) -> Person:
        if self.user_id is not None and not self.erased:
            user = accounts.by_id(db.session(), self.user_id)
            assert user is not None
            return accounts.person(user)
        return Person.of(None, self.address)


class Story:
    """Four people of two organisations, and a clock of their own."""

    def __init__(self) -> None:
        n = next(_example)
        self.now = clock.now()
        self.people: dict[str, Somebody] = {}
        for name in ("alice", "charlie"):
            user = customer(name, f"{name}{n}@exempel.test", organisation=f"Påhittad {name} {n}")
            self.people[name] = Somebody(user.email, user.id)
        for name, owner in (("dora", "alice"), ("ellen", "charlie")):
            self.people[name] = Somebody(f"{name}{n}@exempel.test", None)
            self._add_to_team(name, owner)
        self.started = ledger_number()

    def _add_to_team(self, name: str, owner: str) -> None:
        """An administrator enters the address, for the first time or again."""
        alice = self.people[owner]
        if alice.erased:
            return
        assert alice.user_id is not None
        with transaction() as session:
            actor = actor_for(session, alice.user_id)
            assert actor is not None
            team = session.scalar(
                select(Team).where(Team.organisation_id == actor.organisation_id)
            ) or teams.create_team(session, actor, "Påhittat team", self.now)
            teams.add_members(session, actor, team, {self.people[name].address: name}, self.now)
        if self.people[name].erased:
            self.people[name].entered_anew.add("team_member")

    def do(self, name: str, verb: str, activity: Activity) -> None:
        """One right exercised, or one day's work done, by one person."""
        who = self.people[name]
        if who.erased and verb != "enter":
            return
        with time_machine.travel(self.now, tick=False):
            getattr(self, f"_{verb}")(name, who, activity)
        self.now += timedelta(minutes=1)
        db.session.rollback()

    def _enter(self, name: str, who: Somebody, activity: Activity) -> None:
        owner = {"dora": "alice", "ellen": "charlie"}.get(name)
        if owner and not self.people[owner].cooling:
            self._add_to_team(name, owner)

    def _use(self, name: str, who: Somebody, activity: Activity) -> None:
        if who.user_id is None:
            return
        with transaction() as session:
            actor = actor_for(session, who.user_id)
            assert actor is not None
            held = workshops.record_search(session, actor, f"påhittat {self.now}", self.now)
            assert (held is not None) == self._allowed(who, SEARCH_HISTORY)
            held_too = workshops.record_download(session, actor, "premortem", self.now)
            assert (held_too is not None) == self._allowed(who, WORKSHOP_USE)

    def _object(self, name: str, who: Somebody, activity: Activity) -> None:
        with transaction() as session:
            actions.set_objection(
                session,
                who.person,
                activity,
                self.now,
                on=True,
                reason="Jag vill inte att ni gör så här.",
                address=who.address,
                name=name,
                locale="sv",
            )
        if activity.key not in who.objections:
            who.effects["objection"] += 1
        who.objections.add(activity.key)
        who.refused_for_good.add(activity.key)

    def _agree(self, name: str, who: Somebody, activity: Activity) -> None:
        with transaction() as session:
            actions.set_objection(session, who.person, activity, self.now, on=False)
        if activity.key in who.objections:
            who.effects["objection-lifted"] += 1
        who.objections.discard(activity.key)
        who.refused_for_good.discard(activity.key)

    def _restrict(self, name: str, who: Somebody, activity: Activity) -> None:
        with transaction() as session:
            actions.set_restriction(session, who.person, activity, self.now, on=True)
        if activity.key not in who.restrictions:
            who.effects["restriction"] += 1
        who.restrictions.add(activity.key)

    def _restrict_all(self, name: str, who: Somebody, activity: Activity) -> None:
        with transaction() as session:
            actions.set_restriction(session, who.person, None, self.now, on=True)
        if EVERYTHING not in who.restrictions:
            who.effects["restriction"] += 1
        who.restrictions.add(EVERYTHING)

    def _lift(self, name: str, who: Somebody, activity: Activity) -> None:
        for key in sorted(who.restrictions):
            with transaction() as session:
                actions.set_restriction(session, who.person, BY_KEY.get(key), self.now, on=False)
            who.effects["restriction-lifted"] += 1
        who.restrictions.clear()

    def _consent(self, name: str, who: Somebody, activity: Activity) -> None:
        with transaction() as session:
            actions.set_consent(
                session,
                who.person,
                MARKETING_EMAIL,
                legal_texts.current("marketing", "sv"),
                self.now,
                on=not who.consent,
                collected_by="privacy_centre",
                gpc_seen=False,
            )
        if who.consent:
            who.effects["consent-withdrawn"] += 1
        who.consent = not who.consent

    def _correct(self, name: str, who: Somebody, activity: Activity) -> None:
        group = inventory.group_named("user" if who.user_id else "team_member")
        assert group is not None
        rows = list(inventory.records(db.session(), group, who.person))
        field = next(f for f in group.fields if f.name == "name")
        for row in rows[:1]:
            with transaction() as session:
                assert actions.correct(
                    session, who.person, group, row.id, field, f"{name} II", self.now
                )
            who.effects["correction"] += 1

    def _clear(self, name: str, who: Somebody, activity: Activity) -> None:
        group = inventory.group_named("search" if who.user_id else "team_member")
        assert group is not None
        with transaction() as session:
            gone = actions.delete_entries(session, who.person, group, None, self.now)
        who.effects["entries-erased"] += bool(gone)
        assert inventory.count(db.session(), group, who.person) == 0

    def _download(self, name: str, who: Somebody, activity: Activity) -> None:
        with transaction() as session:
            export.request(session, who.person, address=who.address, locale="sv", now=self.now)
        jobs.run_due()

    def _erase(self, name: str, who: Somebody, activity: Activity) -> None:
        try:
            with transaction() as session:
                erasure.request(
                    session, who.person, address=who.address, name=name, locale="sv", now=self.now
                )
        except Refused:
            assert who.cooling
            return
        who.cooling = True
        if who.user_id is None:
            jobs.run_due()
            self._gone(who)

    def _cancel(self, name: str, who: Somebody, activity: Activity) -> None:
        with transaction() as session:
            assert erasure.cancel(session, who.person, self.now) == who.cooling
        who.cooling = False

    def _wait(self, name: str, who: Somebody, activity: Activity) -> None:
        """Eight days pass: whatever cooled off is erased, with the organisations left alone."""
        self.now += timedelta(days=8)
        with time_machine.travel(self.now, tick=False):
            db.session.rollback()
            erasure.start_due(self.now)
            jobs.run_due()
        for other in self.people.values():
            if other.cooling and not other.erased:
                self._gone(other)

    def _gone(self, who: Somebody) -> None:
        who.erased, who.cooling = True, False
        who.effects["erasure"] += 1

    def _allowed(self, who: Somebody, activity: Activity) -> bool:
        stopped = who.objections | who.restrictions
        return not stopped & {activity.key, EVERYTHING}

    def rows(self) -> dict[str, dict[str, list[tuple[object, ...]]]]:
        """Everybody's rows, but for those of whom nothing is left."""
        return {name: rows_of(who.person) for name, who in self.people.items() if not who.erased}

    # What must hold, whoever did what

    def check(self) -> None:
        for name, who in self.people.items():
            if who.erased:
                assert not rows_of(Person.of(who.user_id, who.address), who.entered_anew), name
                self._check_suppressions(who)
            else:
                assert objected(db.session(), who.person) == who.objections, name
                assert restricted(db.session(), who.person) == who.restrictions, name
                for activity in OBJECTABLE:
                    allowed = may_use(db.session(), who.person, activity)
                    assert allowed == self._allowed(who, activity), (name, activity.key)
                news = may_use(db.session(), who.person, MARKETING_EMAIL)
                assert news == (who.consent and not who.restrictions & {EVERYTHING}), name
        self._check_ledger()

    def _check_suppressions(self, who: Somebody) -> None:
        address = Person.of(None, who.address)
        for key in who.refused_for_good:
            assert not may_use(db.session(), address, BY_KEY[key]), key

    def _check_ledger(self) -> None:
        told: dict[bytes, Counter[str]] = {}
        numbers = []
        for entry in ledger().entries(self.started):
            told.setdefault(entry.reference, Counter())[entry.effect] += 1
            numbers.append(entry.number)
        assert numbers == sorted(set(numbers))
        for name, who in self.people.items():
            heard = told.get(Person.of(who.user_id, who.address).reference, Counter())
            for effect in who.effects | heard:
                assert heard[effect] == who.effects[effect], (name, effect)


def ledger_number() -> int:
    """The newest entry's number."""
    return max((entry.number for entry in ledger().entries()), default=0)


def rows_of(person: Person, but: Set[str] = frozenset()) -> dict[str, list[tuple[object, ...]]]:
    """Every row that is the person's, with every value that they may see."""
    found = {}
    for group, selection in selections(person, clock.day_of(clock.now())):
        # The sealed trail keeps its ids, as each entry says; see tests/audit.
        if group.table.name not in but | {"suppression", "audit_entry"}:
            rows = [tuple(row) for row in db.session().execute(selection)]
            if rows:
                found[group.name] = rows
    return found


@lru_cache(maxsize=200)
def selections(person: Person, _: date) -> list[tuple[inventory.Group, Select[Any]]]:
    """What selects the person's rows that day. Making the statements takes longer than asking."""
    selected = ((group, inventory.selection(group, person)) for group in inventory.groups())
    return [(group, selection) for group, selection in selected if selection is not None]


VERBS = (
    "enter", "use", "use", "object", "agree", "restrict", "restrict_all", "lift", "consent",
    "correct", "clear", "download", "erase", "cancel", "wait",
)  # fmt: skip
steps = st.lists(
    st.tuples(st.sampled_from(PEOPLE), st.sampled_from(VERBS), st.sampled_from(OBJECTABLE)),
    min_size=1,
    max_size=14,
)
TOUCHES_OTHERS = {"wait"}
"""The clock is everybody's; each other verb is one person's own."""


def _tell(chosen: list[tuple[str, str, Activity]]) -> None:
    """One story: after each step everything must hold, and nobody else's rows may have moved."""
    story = Story()
    story.check()
    before = story.rows()
    for name, verb, activity in chosen:
        story.do(name, verb, activity)
        after = story.rows()
        if verb not in TOUCHES_OTHERS:
            for other in before.keys() - {name}:
                assert _unmoved(before[other], after[other]), (other, name, verb)
        story.check()
        before = after


@both_databases
def test_whatever_people_do_it_concerns_themselves_alone(
    app: Flask, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without rebuilding the file each time: what it leaves on the disk is the canary's matter.
    monkeypatch.setattr(erasure, "compact", lambda: None)
    examples = 40 if backend == "sqlite" else 25
    settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])(
        given(steps)(_tell)
    )()


def _deletes_everybodys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "_own", lambda group, person, ids=None: select(group.model))


def _forgets_the_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Ledger.append

    def forgetful(self: Ledger, effect: str, *rest: Any) -> int:
        return 0 if effect == "objection" else whole(self, effect, *rest)

    monkeypatch.setattr(Ledger, "append", forgetful)


def _forgets_a_suppression(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "_suppress", lambda session, person, name: None)


def _leaves_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = erasure._erase_group
    nothing = {"deleted": 0, "blanked": 0, "kept": 0}
    monkeypatch.setattr(
        erasure,
        "_erase_group",
        lambda session, group, *rest: (
            nothing if group.name == "team_member" else whole(session, group, *rest)
        ),
    )


@pytest.mark.parametrize(
    ("fault", "chosen"),
    [
        (_deletes_everybodys, [("ellen", "enter"), ("dora", "clear")]),
        (_forgets_the_ledger, [("dora", "object")]),
        (_forgets_a_suppression, [("ellen", "object"), ("ellen", "erase")]),
        (_leaves_a_group, [("dora", "erase")]),
    ],
)
def test_a_planted_fault_is_seen(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[pytest.MonkeyPatch], None],
    chosen: list[tuple[str, str]],
) -> None:
    """The control: the checks above can fail."""
    monkeypatch.setattr(erasure, "compact", lambda: None)
    told = [(name, verb, TEAM_SURVEYS) for name, verb in chosen]
    _tell(told)
    fault(monkeypatch)
    with pytest.raises(AssertionError):
        _tell(told)


def _unmoved(
    before: dict[str, list[tuple[object, ...]]],
    after: dict[str, list[tuple[object, ...]]],
) -> bool:
    """Whether nothing of somebody else's changed, but for what must: being told (Art. 19).

    The administrator who entered a member has a pointer in that row, which goes with the row,
    and mail that tells of the change.
    """
    allowed = {"mail", "team_member.added_by_id"}
    rest = {k: v for k, v in after.items() if k not in allowed}
    return {k: v for k, v in before.items() if k not in allowed} == rest
