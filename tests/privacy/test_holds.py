"""Legal holds: what is held stays, is seen, is not used, and goes when the hold ends."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.conftest import both_databases
from tests.factories import PASSWORD, account, customer, delivered, sign_in, staff
from tests.privacy.stories import DORA
from tests.privacy.stories import member as _member
from tests.privacy.stories import visit as _visit
from tests.privacy.test_erasure import _decide, _in_a_week
from trustivide.auth.models import SignIn, User
from trustivide.core import clock
from trustivide.core import holds as core_holds
from trustivide.core.activities import (
    ACCOUNTS,
    BY_KEY,
    CUSTOMER_RELATIONS,
    SEARCH_HISTORY,
    SECURITY,
    TEAM_SURVEYS,
    Activity,
)
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.core.holds import Held
from trustivide.core.subjects import Person
from trustivide.organisations import actions as organisations
from trustivide.organisations.models import Membership, Organisation
from trustivide.privacy import holds, receipt, retention
from trustivide.privacy.models import Erasure, LegalHold, Request
from trustivide.rights.queries import may_use
from trustivide.teams import actions as teams
from trustivide.teams.models import Team, TeamMember
from trustivide.web.locale import day
from trustivide.workshops.models import Download, Search

ALICE = "alice@exempel.test"
GROUND = "Tvist om en sökning i mål T 12-26 vid Påhittade tingsrätten"


def _stina() -> User:
    return holds.accounts.by_address(db.session(), "stina@trustivide.test") or staff()


def hold(address: str, activity: Activity, *, days: int = 100) -> LegalHold:
    """A hold that Stina places today."""
    db.session.rollback()
    user, now = _stina(), clock.now()
    with transaction() as session:
        about = holds.accounts.by_address(session, address)
        return holds.place(
            session,
            user,
            address,
            about,
            activity,
            GROUND,
            clock.day_of(now) + timedelta(days=days),
            now,
        )


def end(placed: LegalHold) -> None:
    hold_id, stina = placed.id, _stina()
    with transaction() as session:
        assert holds.end(session, stina, hold_id, clock.now())


def searches(email: str = ALICE, days: int = 0) -> None:
    user_id = account(email).id
    with transaction() as session:
        at = clock.now() - timedelta(days=days)
        session.add_all(Search(user_id=user_id, query=f"fråga {n}", at=at) for n in range(3))
        session.add(Download(user_id=user_id, workshop="premortem", at=at))


def count(model: type) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


@pytest.mark.parametrize(
    ("activity", "ground", "days"),
    [
        (SECURITY, GROUND, 10),
        (BY_KEY["survey_answers"], GROUND, 10),
        (SEARCH_HISTORY, "för kort", 10),
        (SEARCH_HISTORY, GROUND, 0),
        (SEARCH_HISTORY, GROUND, 3 * 366 + 1),
    ],
)
def test_a_hold_needs_a_ground_an_end_and_data_that_leads_to_a_person(
    app: Flask, activity: Activity, ground: str, days: int
) -> None:
    stina, now = staff(), clock.now()
    with pytest.raises(Refused), transaction() as session:
        holds.place(
            session,
            stina,
            DORA,
            None,
            activity,
            ground,
            clock.day_of(now) + timedelta(days=days),
            now,
        )
    assert count(LegalHold) == 0


def test_three_years_from_a_leap_day() -> None:
    assert holds.latest_end(date(2028, 2, 29)) == date(2031, 2, 28)


def test_the_person_sees_it_with_ground_end_and_owner(app: Flask, client: FlaskClient) -> None:
    customer()
    searches()
    placed = hold(ALICE, SEARCH_HISTORY)
    until = placed.ends_on
    page = sign_in(client).get("/privacy/data/legal_hold").text
    assert GROUND in page
    assert "Stina Ström" in page
    assert "Sökhistorik" in page
    with app.test_request_context():
        shown = day(until)
    assert shown in page
    preview = client.get("/privacy/erasure").text
    for word in (GROUND, "Stina Ström", shown, "Det här bevaras tills vidare"):
        assert word in preview
    held = preview.partition('id="held-title"')[2].partition("</section>")[0]
    assert held.index(GROUND) < held.index("tömd på allt annat")  # what it is about comes first


@both_databases
def test_an_account_is_erased_but_for_what_is_held_and_then_wholly(
    app: Flask, client: FlaskClient, tick: Callable[[], None]
) -> None:
    user_id = customer().id
    searches()
    placed = hold(ALICE, SEARCH_HISTORY)
    sign_in(client)
    location = _decide(client)
    delivered(app)
    with time_machine.travel(clock.now() + timedelta(days=7, minutes=1)):
        tick()
        assert (count(Search), count(Download), count(Membership), count(SignIn)) == (3, 0, 0, 0)
        left = db.session.get_one(User, user_id)
        assert (left.name, left.totp_secret, left.confirmed_at) == ("", None, None)
        assert not left.email.startswith("alice")
        db.session.rollback()
        first = client.get(f"{location}.json").json
        assert first
        assert receipt.is_genuine(first)
        assert not first["complete"]
        kept = {k["table"]: k for k in first["kept"] if "until" in k}
        assert kept["search"]["until"] == placed.ends_on.isoformat()
        assert GROUND in kept["search"]["ground"]["sv"]
        assert kept["user"]["columns"] == ["created_on"]
        assert first["tables"]["search"] == {"deleted": 0, "blanked": 0, "kept": 0, "held": 3}
        assert first["tables"]["download"]["deleted"] == 1
        assert ALICE not in str(first)
        page = client.get(location).text
        assert GROUND in page
        assert "utom det som bevaras" in page
        asked = db.session.scalars(select(Request).where(Request.kind == "erase")).one()
        assert asked.state == "done"
        tick()
        assert count(Search) == 3
        end(placed)
        tick()
        assert (count(Search), count(User), count(LegalHold)) == (0, 1, 0)  # Stina is left
        final = client.get(f"{location}.json").json
        assert final
        assert receipt.is_genuine(final)
        assert final["complete"]
        assert not [k for k in final["kept"] if "until" in k]
        assert final["tables"]["search"] == {"deleted": 3, "blanked": 0, "kept": 0, "held": 0}
        assert final["tables"]["download"]["deleted"] == 1
        assert final["tables"]["user"]["deleted"] == 1
        done = db.session.scalars(select(Erasure)).one()
        assert (done.state, done.email, done.user_id) == ("done", None, None)
        asked = db.session.scalars(select(Request).where(Request.kind == "erase")).one()
        assert bytes(asked.reference) == bytes(32)


@pytest.mark.parametrize("activity", [SEARCH_HISTORY, ACCOUNTS, CUSTOMER_RELATIONS])
def test_nobody_signs_in_to_what_is_left_of_an_account(
    app: Flask, client: FlaskClient, tick: Callable[[], None], activity: Activity
) -> None:
    user = customer()
    bob = customer("Bo Berg", "bo@exempel.test", number="556036-0793", organisation="Berg AB")
    with transaction() as session:
        session.get_one(User, user.id).phone = "+46701234567"
        session.add(Membership(organisation_id=_organisation(), user_id=bob.id, role="owner"))
    user_id = user.id
    searches()
    hold(ALICE, activity)
    sign_in(client)
    _decide(client)
    _in_a_week(tick)
    left = db.session.get_one(User, user_id)
    assert (left.phone is None) == (activity is not CUSTOMER_RELATIONS)
    assert (left.name == "Alice Alm") == (activity is ACCOUNTS)
    db.session.rollback()
    for password in (PASSWORD, "", "nobody's password"):
        answer = client.post("/auth/login", data={"email": ALICE, "password": password})
        assert answer.status_code == 422
    client.post("/auth/forgot", data={"email": ALICE})
    assert "/auth/reset/" not in str([str(m) for m in delivered(app)])
    again = customer()  # the address is free for a new beginning
    assert again.id != user_id


def _organisation() -> object:
    return db.session.scalars(
        select(Organisation.id).where(Organisation.name == "Exempel AB")
    ).one()


def test_what_is_left_is_seen_through_a_mailed_link(
    app: Flask, client: FlaskClient, tick: Callable[[], None]
) -> None:
    customer()
    searches()
    hold(ALICE, SEARCH_HISTORY)
    sign_in(client)
    _decide(client)
    _in_a_week(tick)
    _visit(app, client, ALICE)
    assert "utom det som bevaras" in client.get("/privacy/").text
    page = client.get("/privacy/data/search")
    assert "fråga 1" in page.text
    assert GROUND in client.get("/privacy/data/legal_hold").text


@both_databases
def test_an_address_is_erased_but_for_what_is_held(
    app: Flask, client: FlaskClient, tick: Callable[[], None]
) -> None:
    _member()
    placed = hold(DORA, TEAM_SURVEYS)
    _visit(app, client)
    location = _decide(client)
    tick()
    assert count(TeamMember) == 1
    assert not may_use(db.session(), Person.of(None, DORA), TEAM_SURVEYS)
    db.session.rollback()
    first = client.get(f"{location}.json").json
    assert first
    assert first["tables"]["team_member"]["held"] == 1
    assert [t["recipient"] for t in first["recipients_told"]] == ["hosting"]
    _visit(app, client)
    assert client.get("/privacy/data/team_member").text.count(DORA) > 0
    end(placed)
    tick()
    assert count(TeamMember) == 0
    final = client.get(f"{location}.json").json
    assert final
    assert final["tables"]["team_member"]["deleted"] == 1
    assert {"customer", "hosting"} == {t["recipient"] for t in final["recipients_told"]}
    assert may_use(db.session(), Person.of(None, DORA), TEAM_SURVEYS)


def test_of_two_holds_each_lets_go_of_its_own(
    app: Flask, client: FlaskClient, tick: Callable[[], None]
) -> None:
    customer()
    searches()
    first, second = hold(ALICE, SEARCH_HISTORY), hold(ALICE, BY_KEY["workshop_use"])
    sign_in(client)
    location = _decide(client)
    with time_machine.travel(clock.now() + timedelta(days=7, minutes=1)):
        tick()
        assert (count(Search), count(Download)) == (3, 1)
        end(first)
        tick()
        assert (count(Search), count(Download)) == (0, 1)
        body = client.get(f"{location}.json").json
        assert body
        assert not body["complete"]
        end(second)
        tick()
        assert count(Download) == 0
        assert "Raderingen blev klar" in client.get(location).text


def test_a_hold_placed_anew_reaches_what_is_left_of_the_account(
    app: Flask, client: FlaskClient, tick: Callable[[], None]
) -> None:
    """The account has no address any more; the hold that stands says which it was."""
    customer()
    searches()
    first = hold(ALICE, SEARCH_HISTORY)
    sign_in(client)
    location = _decide(client)
    with time_machine.travel(clock.now() + timedelta(days=7, minutes=1)):
        tick()
        second = hold(ALICE, SEARCH_HISTORY)
        end(first)
        tick()
        assert count(Search) == 3
        end(second)
        tick()
        assert count(Search) == 0
        assert "Raderingen blev klar" in client.get(location).text


def test_a_hold_runs_out_by_itself(
    app: Flask, client: FlaskClient, tick: Callable[[], None]
) -> None:
    customer()
    searches()
    hold(ALICE, SEARCH_HISTORY, days=20)
    sign_in(client)
    _decide(client)
    now = clock.now()
    with time_machine.travel(now + timedelta(days=20)):
        tick()
        assert count(Search) == 3
    with time_machine.travel(now + timedelta(days=21)):
        tick()
        assert count(Search) == 0


def test_an_ended_hold_is_kept_a_year_and_then_swept(app: Flask) -> None:
    placed = hold(DORA, TEAM_SURVEYS, days=5)
    day = placed.ends_on
    now = clock.now()
    holds.end_due(now)
    assert db.session.scalars(select(LegalHold.ended_on)).one() is None
    later = now + timedelta(days=6)
    with time_machine.travel(later):
        holds.end_due(later)
        assert db.session.scalars(select(LegalHold.ended_on)).one() == day
    for days, left in ((364, 1), (367, 0)):
        with time_machine.travel(later + timedelta(days=days)):
            retention.sweep(clock.now())
            assert count(LegalHold) == left


@both_databases
def test_retention_leaves_held_rows_alone_and_nobody_elses(app: Flask) -> None:
    customer()
    customer("Charlie", "charlie@granne.test", number="556036-0793", organisation="Grannen AB")
    searches(days=100)
    searches("charlie@granne.test", days=100)
    placed = hold(ALICE, SEARCH_HISTORY)
    alice = account(ALICE).id
    retention.sweep(clock.now())
    db.session.rollback()
    assert {s.user_id for s in db.session.scalars(select(Search))} == {alice}
    end(placed)
    retention.sweep(clock.now())
    assert count(Search) == 0


def test_single_entries_and_categories_stay_with_a_page_that_says_why(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    searches()
    hold(ALICE, SEARCH_HISTORY)
    entry = db.session.scalars(select(Search.id)).first()
    sign_in(client)
    for path in ("/privacy/data/search/deletion", f"/privacy/data/search/{entry}/deletion"):
        for answer in (client.get(path), client.post(path)):
            assert answer.status_code == 409
            assert GROUND in answer.text
            assert "Stina Ström" in answer.text
    assert client.post("/privacy/data/download/deletion").status_code == 303
    assert (count(Search), count(Download)) == (3, 0)
    # The feature's own button meets the same gate, and is told less.
    answer = client.post("/workshops/searches/removal")
    assert answer.status_code == 409
    assert GROUND not in answer.text
    assert count(Search) == 3


def test_a_leader_cannot_remove_whom_a_hold_keeps_and_is_not_told_why(
    app: Flask, client: FlaskClient
) -> None:
    _member()
    team_id = db.session.scalars(select(Team.id)).one()
    hold(DORA, TEAM_SURVEYS)
    member = db.session.scalars(select(TeamMember.id)).one()
    sign_in(client)
    for path in (f"/teams/{team_id}/members/{member}/removal", f"/teams/{team_id}/removal"):
        answer = client.post(path, data={"confirmed": "1"})
        assert answer.status_code == 409
        assert GROUND not in answer.text
    assert (count(Team), count(TeamMember)) == (1, 1)


@both_databases
def test_an_organisation_does_not_end_while_something_in_it_is_held(
    app: Flask, client: FlaskClient, tick: Callable[[], None]
) -> None:
    _member()
    user_id = account(ALICE).id
    placed = hold(DORA, TEAM_SURVEYS)
    until = placed.ends_on
    sign_in(client)
    page = client.get("/privacy/erasure").text
    assert "kan inte avslutas än" in page
    assert f"bevaras för ett rättsligt anspråk, längst till och med {until}" in page
    assert GROUND not in page
    assert client.post("/privacy/erasure", data={"understood": "y"}).status_code == 422
    with pytest.raises(Held), transaction() as session:
        organisations.close_orphans(session, Person.of(user_id), clock.now())
    assert (count(Organisation), count(TeamMember)) == (1, 1)
    end(placed)
    _decide(client)
    later = hold(DORA, TEAM_SURVEYS)  # after the decision: it waits, and can be taken back
    with time_machine.travel(clock.now() + timedelta(days=7, minutes=1)):
        tick()
        assert db.session.scalars(select(Erasure.state)).one() == "cooling"
        assert count(TeamMember) == 1
        end(later)
        tick()
        assert count(Organisation) == 0


def test_an_unconfirmed_registration_under_a_hold_stays(app: Flask) -> None:
    customer()
    with transaction() as session:
        user = account(ALICE)
        session.get_one(User, user.id).confirmed_at = None
    hold(ALICE, ACCOUNTS)
    organisations.forget_unconfirmed(clock.now() + timedelta(days=30))
    assert count(Organisation) == 1


def test_a_hold_without_rows_holds_nothing_back(
    app: Flask, client: FlaskClient, tick: Callable[[], None]
) -> None:
    customer()
    hold(ALICE, SEARCH_HISTORY)
    sign_in(client)
    _decide(client)
    _in_a_week(tick)
    assert "done" in db.session.scalars(select(Erasure.state)).all()
    assert count(Organisation) == 0


def test_without_holds_nothing_is_refused(app: Flask) -> None:
    _member()
    team_id = db.session.scalars(select(Team.id)).one()
    assert core_holds.standing(db.session()) == []
    db.session.rollback()
    with transaction() as session:
        teams.remove_team(session, session.get_one(Team, team_id), clock.now())
    assert count(TeamMember) == 0
