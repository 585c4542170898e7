"""The first page of the privacy centre: what, why, who sees it and until when, in ten seconds."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, event, select

from tests.conftest import both_databases
from tests.factories import account, customer, sign_in, staff
from tests.privacy.stories import member as _member
from tests.privacy.stories import visit as _visit
from tests.surveys.stories import launched
from trustivide.admin.models import StaffAccess
from trustivide.auth.queries import person as person_of
from trustivide.core import clock, extent, inventory
from trustivide.core.activities import STAFF_ACCESS
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.privacy import queries
from trustivide.surveys.models import Invitation, Survey
from trustivide.teams.models import TeamMember
from trustivide.workshops.models import Search

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def _search(user_id: UUID, *days_ago: int) -> None:
    with transaction() as session:
        session.add_all(
            Search(user_id=user_id, query="förtroende", at=clock.now() - timedelta(days=n))
            for n in days_ago
        )


def _looked(user_id: UUID, times: int) -> None:
    stina = staff()
    with transaction() as session:
        session.add_all(
            StaffAccess(
                reference=Person.of(user_id).reference,
                user_id=user_id,
                at=clock.now() - timedelta(days=n),
                who=stina.name,
                what="Kontosidan",
                reason=f"Ärende {n}",
                staff_id=stina.id,
            )
            for n in range(times)
        )


def _extent(table: str, person: Person) -> extent.Extent:
    group = inventory.group_named(table)
    assert group
    db.session.rollback()
    return extent.measure(db.session(), group, person, clock.day_of(clock.now()))


def _section(page: str, name: str) -> str:
    found = re.search(rf'<section id="{name}".*?</section>', page, re.S)
    return found[0] if found else ""


@both_databases
@time_machine.travel(NOON, tick=False)
def test_it_says_how_much_since_when_how_new_and_until_when(
    app: Flask, client: FlaskClient
) -> None:
    user = customer()
    _search(user.id, 0, 10, 80)
    held = _extent("search", person_of(user))
    assert (held.count, str(held.oldest), str(held.newest)) == (3, "2026-09-06", "2026-11-25")
    assert held.goes
    assert [str(day) for day in held.goes] == ["2026-12-05", "2027-02-24"]
    page = sign_in(client).get("/privacy/").text
    assert "Den äldsta är från 6 september 2026" in page
    card = re.search(r'id="search_history".*?</details>', page, re.S)
    assert card
    for words in (
        "3 uppgifter",
        "senast 25 november 2026",
        "Raderas tidigast 5 december 2026, allt senast 24 februari 2027",
        "Att du ska hitta tillbaka till tidigare sökningar",
        "Driftleverantör (SE)",
        'href="/privacy/data/search"',
    ):
        assert words in card[0]
    assert "Så länge kontot finns" in page


@both_databases
def test_an_event_ends_what_no_date_ends(app: Flask) -> None:
    survey = launched(app, 5)
    invited = db.session.scalars(select(Invitation.email)).first()
    assert invited
    person = Person.of(None, invited)
    assert _extent("team_member", person).goes is None
    assert _extent("team_member", person).newest == clock.day_of(clock.now())
    still_open = _extent("invitation", person)
    assert (still_open.count, still_open.goes) == (1, None)
    with transaction() as session:
        closing = session.get_one(Survey, survey.id)
        closing.closed_at, closing.link_key = clock.now(), None
    closed = _extent("invitation", person).goes
    assert closed == (
        clock.day_of(clock.now()) + timedelta(days=30),
        clock.day_of(clock.now()) + timedelta(days=31),
    )


def test_it_shows_what_others_entered_where_from_and_what_can_be_done(
    app: Flask, client: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    _member()
    _visit(app, client)
    section = _section(client.get("/privacy/").text, "entered")
    for words in (
        "Exempel AB, Blå laget",
        "Dora Dal",
        "1 november 2026",
        'href="/privacy/data/team_member"',
        "rätta",
        'href="/privacy/choices"',
    ):
        assert words in section
    alice = sign_in(browser_of()).get("/privacy/").text  # she typed it in, about somebody else
    assert not _section(alice, "entered")
    assert "Dora" not in alice


def test_it_shows_who_of_our_staff_looked_when_and_why(app: Flask, client: FlaskClient) -> None:
    user = customer()
    sign_in(client)
    assert "Ingen hos oss har öppnat dina uppgifter" in client.get("/privacy/").text
    _looked(user.id, 7)
    page = client.get("/privacy/").text
    section = _section(page, "looks")
    assert re.findall(r"Ärende \d", section) == [f"Ärende {n}" for n in range(5)]  # newest first
    assert section.count("Stina Ström") == 5
    assert "Visa alla 7" in section
    group = inventory.group_named("staff_access")
    assert group
    assert group.activity == STAFF_ACCESS
    assert "Ärende 6" in client.get("/privacy/data/staff_access").text


def test_an_address_of_which_only_the_visit_is_known_is_told_so(
    app: Flask, client: FlaskClient
) -> None:
    _member()
    _visit(app, client)
    assert "Utöver själva besöket" not in client.get("/privacy/").text
    with transaction() as session:
        session.execute(delete(TeamMember))
    assert "Utöver själva besöket har vi inga uppgifter" in client.get("/privacy/").text


def test_the_number_of_queries_does_not_grow_with_the_rows(app: Flask) -> None:
    launched(app, 5)
    person = person_of(account("alice@exempel.test"))
    assert person.user_id
    _search(person.user_id, 1)
    _looked(person.user_id, 1)
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *a: asked.append(a[2]))

    def count() -> int:
        db.session.rollback()
        asked.clear()
        queries.overview(db.session(), person, clock.day_of(clock.now()))
        return len(asked)

    few = count()
    _search(person.user_id, *range(1, 80))
    assert count() == few
