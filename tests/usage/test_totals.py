"""The staff's page: totals of whole months, from five people on, that nobody can be taken from."""

from datetime import date, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from tests.admin.test_office import in_office
from tests.factories import colleague, customer, staff
from tests.usage.stories import last_month, used
from tests.usage.test_objecting import five_people, total
from trustivide.auth.models import User
from trustivide.core import clock
from trustivide.core.activities import USAGE_ANALYSIS
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.rights import actions as rights
from trustivide.rights.models import Objection, Restriction, Suppression
from trustivide.rights.queries import may_use
from trustivide.usage import actions, queries
from trustivide.usage.buffer import Use
from trustivide.usage.models import UsageRow
from trustivide.workshops.models import Download
from trustivide.workshops.queries import catalogue


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2026, 11, 26), [date(2026, 10, 1), date(2026, 9, 1)]),
        (date(2026, 12, 1), [date(2026, 10, 1)]),  # November may still grow for a minute
        (date(2026, 12, 2), [date(2026, 11, 1), date(2026, 10, 1)]),
        (date(2026, 12, 30), [date(2026, 11, 1), date(2026, 10, 1)]),
        (date(2026, 12, 31), [date(2026, 11, 1)]),  # the first of October is gone
        (date(2027, 3, 1), [date(2027, 1, 1), date(2026, 12, 1)]),
    ],
)
def test_only_months_that_are_over_and_whole_are_shown(today: date, expected: list[date]) -> None:
    assert queries.months(today) == expected


def test_there_is_always_a_month_to_show() -> None:
    first = date(2027, 1, 1)
    assert all(queries.months(first + timedelta(days=n)) for n in range(4 * 366))


def test_the_page_shows_totals_of_five_people_and_nothing_of_the_month_under_way(
    app: Flask, client: FlaskClient
) -> None:
    people = five_people()
    used(people, "workshops.downloads", times=2)
    used(people[:4], "workshops.nothing_found", times=40)
    used(people, "teams", day=clock.day_of(clock.now()))
    at = clock.begin_of(last_month()) + timedelta(hours=9)
    with transaction() as session:
        for user in people:
            session.add(Download(user_id=user.id, workshop="premortem", at=at))
    staff(role="content")
    office = in_office(client)
    assert total(office, "Ladda ner guide, utskrift eller agenda") == "5 personer, 10 gånger"
    assert total(office, "Sökningar utan träff") == "färre än 5"
    assert total(office, "Se och sköta team") == "färre än 5"
    page = office.get("/admin/usage").text
    assert "40" not in page.split('id="kinds-title"')[1].split("</section>")[0]
    title = next(c.title for c in catalogue(db.session(), "sv") if c.slug == "premortem")
    assert "5 personer" in page[page.index(title) :].split("</tr>")[0]
    english = office.get("/admin/usage", headers={"Accept-Language": "en"})
    assert english.status_code == 200


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_row_of_a_refuser_and_no_total_of_a_few(app: Flask, data: st.DataObject) -> None:
    """Random uses, objections, restrictions and times, in any order."""
    with transaction() as session:
        for model in (UsageRow, Objection, Restriction, Suppression):
            session.execute(delete(model))
    people = db.session.scalars(select(User).order_by(User.id)).all()
    if not people:
        people = seven_people()
    ids = [user.id for user in people]
    addresses = {user.id: user.email for user in people}
    start = clock.begin_of(date(2026, 8, 28))
    for day in sorted(data.draw(st.lists(st.integers(0, 90), min_size=1, max_size=12))):
        with time_machine.travel(start + timedelta(days=day), tick=False):
            now = clock.now()
            today = clock.day_of(now)
            who = data.draw(st.sampled_from(ids))
            person = Person.of(who, addresses[who])
            act = data.draw(st.sampled_from(["use", "use", "use", "no", "yes", "hold", "free"]))
            with transaction() as session:
                if act == "use":
                    several = data.draw(st.sets(st.sampled_from(ids), min_size=3))
                    times = data.draw(st.integers(1, 5))
                    uses = {Use(one, today, "teams"): times for one in several}
                    actions.record(session, uses, now)
                elif act == "no":
                    rights.object_to(session, person, USAGE_ANALYSIS, now)
                elif act == "yes":
                    rights.withdraw_objection(session, person, USAGE_ANALYSIS, now)
                elif act == "hold":
                    rights.restrict(session, person, now, USAGE_ANALYSIS)
                else:
                    rights.lift_restriction(session, person, now, USAGE_ANALYSIS)
    with time_machine.travel(start + timedelta(days=90), tick=False):
        refusing = {
            one
            for one in ids
            if not may_use(db.session(), Person.of(one, addresses[one]), USAGE_ANALYSIS)
        }
        assert {who.user_id for who in queries.refusing(db.session())} == refusing
        assert queries.faults(db.session(), clock.now()).of_objectors == 0
        for month in queries.months(clock.day_of(clock.now())):
            mine = {Person.of(one).pseudonyms_in(month)[0]: one for one in ids}
            counted = [
                row
                for row in db.session.scalars(select(UsageRow))
                if row.day.replace(day=1) == month and mine[row.pseudonym] not in refusing
            ]
            number = len({row.pseudonym for row in counted})
            shown = next(t for t in queries.totals(db.session(), month) if t.kind.key == "teams")
            if number < 5:
                assert (shown.people, shown.uses) == (None, None)
            else:
                assert (shown.people, shown.uses) == (number, sum(row.uses for row in counted))


def seven_people() -> list[User]:
    """Enough for totals that come and go."""
    alice = customer()
    return [alice] + [colleague(alice, "member", f"P{n}", f"p{n}@exempel.test") for n in range(6)]


def test_a_figure_that_was_shown_never_grows(app: Flask) -> None:
    people = seven_people()
    day = last_month()
    used(people[:5], "teams", day=day)
    month = day.replace(day=1)
    before = queries.totals(db.session(), month)
    with transaction() as session:  # a buffer that couldn't be written for weeks
        late = {Use(user.id, day, "teams"): 1 for user in people}
        actions.record(session, late, clock.now())
    assert queries.totals(db.session(), month) == before
