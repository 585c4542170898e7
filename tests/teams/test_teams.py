"""Alice builds her team; Charlie sees none of it."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError

from tests.conftest import both_databases
from tests.factories import PASSWORD, account, customer, sign_in
from tests.surveys.stories import actor_of, launched, team_of
from trustivide.auth import actions as auth
from trustivide.auth.models import User
from trustivide.core import clock
from trustivide.core.activities import TEAM_SURVEYS
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.organisations.models import Membership
from trustivide.rights.actions import object_to, restrict
from trustivide.teams import actions
from trustivide.teams.addresses import MOST, read
from trustivide.teams.models import Team, TeamMember
from trustivide.teams.views.members import UNDO_SECONDS
from trustivide.web.forms import clean_address

Browsers = Callable[[], FlaskClient]
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}


def members() -> list[str]:
    db.session.rollback()
    return sorted(m.email for m in db.session.scalars(select(TeamMember)))


@pytest.fixture
def alice(app: Flask, client: FlaskClient) -> FlaskClient:
    customer()
    return sign_in(client)


def test_alice_creates_a_team_and_adds_people_after_looking(alice: FlaskClient) -> None:
    created = alice.post("/teams/", data={"name": "Redaktionen"})
    url = created.headers["Location"]
    text = "dora@exempel.test\nBo Berg <BO@exempel.test>; dora@EXEMPEL.test\ninte en adress\n"
    preview = alice.post(f"{url}/members/preview", data={"addresses": text})
    assert preview.status_code == 422
    assert "Rad 3" in preview.text
    assert "1 upprepning räknas en gång" in preview.text
    assert "inte en adress" in preview.text
    assert members() == []
    unknowing = alice.post(f"{url}/members", data={"addresses": text})
    assert unknowing.status_code == 422
    assert "Ingenting är sparat än" in unknowing.text
    assert members() == []
    knowing = {"addresses": text, "readable_only": "1"}
    added = alice.post(f"{url}/members", data=knowing, follow_redirects=True)
    assert "2 personer är tillagda" in added.text
    assert members() == ["bo@exempel.test", "dora@exempel.test"]
    again = alice.post(f"{url}/members/preview", data={"addresses": text})
    assert "2 adresser finns redan i teamet" in again.text


def test_a_name_is_needed_and_what_was_typed_stays(alice: FlaskClient) -> None:
    response = alice.post("/teams/", data={"name": "x" * 200})
    assert response.status_code == 422
    assert "x" * 200 in response.text
    assert "Högst 120 tecken" in response.text


@pytest.mark.parametrize("partial", [False, True])
def test_a_member_is_corrected_in_place(app: Flask, alice: FlaskClient, partial: bool) -> None:
    team = team_of(_alice(), 2)
    member = db.session.scalars(select(TeamMember)).first()
    assert member
    url = f"/teams/{team.id}/members/{member.id}"
    headers = PARTIAL if partial else {}
    page = alice.get(url, headers=headers).text
    assert ("<html" in page) is not partial
    assert f'value="{member.email}"' in page
    wrong = alice.post(url, data={"email": "trasig", "name": "Dora"}, headers=headers)
    assert wrong.status_code == 422
    assert 'value="trasig"' in wrong.text
    right = alice.post(url, data={"email": "ny@exempel.test", "name": "Dora"}, headers=headers)
    assert right.status_code == (200 if partial else 303)
    assert "ny@exempel.test" in members()


def _alice() -> User:
    return account("alice@exempel.test")


def test_an_address_stands_once_in_a_team(app: Flask, alice: FlaskClient) -> None:
    team = team_of(_alice(), 2)
    first, second = db.session.scalars(select(TeamMember)).all()
    response = alice.post(
        f"/teams/{team.id}/members/{first.id}", data={"email": second.email, "name": ""}
    )
    assert response.status_code == 422
    assert "finns redan i teamet" in response.text


@both_databases
def test_the_database_knows_that_too(app: Flask) -> None:
    team = team_of(customer(), 1)
    again = TeamMember(
        team_id=team.id, email="DORA1@exempel.test", added_on=clock.day_of(clock.now())
    )
    with pytest.raises(IntegrityError), transaction() as session:
        session.add(again)


@pytest.mark.parametrize("partial", [False, True])
def test_a_removed_member_can_come_back(app: Flask, alice: FlaskClient, partial: bool) -> None:
    team = team_of(_alice(), 2)
    member = db.session.scalars(select(TeamMember)).first()
    assert member
    member_id, email = member.id, member.email
    with transaction() as session:
        session.get_one(TeamMember, member_id).name = "Dora\tDahl"
    headers = PARTIAL if partial else {}
    url = f"/teams/{team.id}/members/{member_id}/removal"
    response = alice.post(url, data={"confirmed": "1"}, headers=headers)
    page = response.text if partial else alice.get(response.headers["Location"]).text
    assert email not in members()
    assert 'form="undo"' in page
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token
    assert email not in token[1]
    assert 'id="undo"' not in alice.get(f"/teams/{team.id}").text
    undone = alice.post(f"/teams/{team.id}/members/undo", data={"token": token[1]}, headers=headers)
    assert undone.status_code == (200 if partial else 303)
    assert email in members()
    names = [m.name for m in db.session.scalars(select(TeamMember)) if m.email == email]
    assert names == ["Dora\tDahl"]


def test_without_scripts_removing_asks_first(app: Flask, alice: FlaskClient) -> None:
    team = team_of(_alice(), 1)
    member = db.session.scalars(select(TeamMember)).one()
    url = f"/teams/{team.id}/members/{member.id}/removal"
    for asked in (alice.get(url), alice.post(url)):
        assert asked.status_code == 200
        assert "dora1@exempel.test" in asked.text
        assert 'name="confirmed" value="1"' in asked.text
    assert members() == ["dora1@exempel.test"]


def test_a_way_back_is_short_own_and_unforgeable(app: Flask, alice: FlaskClient) -> None:
    team, other = team_of(_alice(), 1), team_of(_alice(), 0, name="Andra")
    member = db.session.scalars(select(TeamMember)).one()
    base, elsewhere = f"/teams/{team.id}", f"/teams/{other.id}"
    page = alice.post(
        f"{base}/members/{member.id}/removal", data={"confirmed": "1"}, headers=PARTIAL
    ).text
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found
    token = found[1]
    alice.post(f"{base}/members/undo", data={"token": token + "x"})
    alice.post(f"{base}/members/undo")
    alice.post(f"{elsewhere}/members/undo", data={"token": token})
    with time_machine.travel(clock.now() + timedelta(seconds=UNDO_SECONDS + 2)):
        late = alice.post(f"{base}/members/undo", data={"token": token}, follow_redirects=True)
    assert "Lägg till personen igen" in late.text
    assert members() == []
    sign_in(alice)  # back in the present, where a cookie from the future counts for nothing
    for _twice in range(2):
        alice.post(f"{base}/members/undo", data={"token": token})
    assert members() == ["dora1@exempel.test"]


def test_bob_leads_and_a_plain_member_does_not(app: Flask, browser_of: Browsers) -> None:
    team = team_of(customer(), 1)
    organisation = actor_of(_alice()).organisation_id
    for name, role in (("bob", "leader"), ("erik", "member")):
        with transaction() as session:
            user = auth.create_user(
                session,
                email=f"{name}@exempel.test",
                name=name,
                password=PASSWORD,
                locale="sv",
                now=clock.now(),
            )
            user.confirmed_at = clock.now()
            session.add(Membership(organisation_id=organisation, user_id=user.id, role=role))
    bob = sign_in(browser_of(), "bob@exempel.test")
    assert "Redaktionen" in bob.get("/teams/").text
    assert bob.post(f"/teams/{team.id}/name", data={"name": "Skrivarna"}).status_code == 303
    assert "Skrivarna" in bob.get(f"/teams/{team.id}").text
    erik = sign_in(browser_of(), "erik@exempel.test")
    assert erik.get("/teams/").status_code == 404
    assert erik.get(f"/teams/{team.id}").status_code == 404


def test_a_first_visit_says_what_to_do(alice: FlaskClient) -> None:
    assert "Inget team än" in alice.get("/teams/").text
    url = alice.post("/teams/", data={"name": "<b>Redaktionen</b>"}).headers["Location"]
    page = alice.get(url).text
    assert "&lt;b&gt;Redaktionen" in page
    assert "Ingen är med i teamet än" in page
    assert "Dora Dahl &lt;dora@exempel.se&gt;" in page
    assert "/surveys/new" not in page
    empty = alice.post(f"{url}/members/preview", data={"addresses": "  "})
    assert empty.status_code == 422
    assert "Klistra in minst en e-postadress" in empty.text


def test_one_person_is_not_several(alice: FlaskClient) -> None:
    url = alice.post("/teams/", data={"name": "Redaktionen"}).headers["Location"]
    data = {"addresses": "dora@exempel.test"}
    assert "Lägg till 1 person<" in alice.post(f"{url}/members/preview", data=data).text
    added = alice.post(f"{url}/members", data=data, follow_redirects=True).text
    assert "1 person är tillagd." in added
    assert ">1 person</h2>" in added


@both_databases
def test_adding_the_same_people_twice_adds_them_once(app: Flask, client: FlaskClient) -> None:
    team = team_of(customer(), 0)
    sign_in(client)
    for _twice in range(2):
        client.post(f"/teams/{team.id}/members", data={"addresses": "Dora@exempel.test"})
    assert members() == ["dora@exempel.test"]


@both_databases
def test_two_confirmations_at_once_add_everybody_once(app: Flask) -> None:
    alice = customer()
    actor, team_id = actor_of(alice), team_of(alice, 0).id
    people: dict[str, str | None] = {f"p{n}@exempel.test": None for n in range(40)}
    start = Barrier(4)

    def confirm() -> int:
        with app.app_context():
            start.wait()
            with transaction() as session:
                team = session.get_one(Team, team_id)
                return actions.add_members(session, actor, team, people, clock.now())

    with ThreadPoolExecutor(4) as pool:
        added = [future.result() for future in [pool.submit(confirm) for _ in range(4)]]
    assert sorted(added) == [0, 0, 0, 40]
    assert members() == sorted(people)


def test_a_team_with_an_open_survey_stays(app: Flask, client: FlaskClient) -> None:
    survey = launched(app, 5)
    sign_in(client)
    asked = client.get(f"/teams/{survey.team_id}/removal").text
    assert "öppen enkät" in asked
    assert "Radera teamet" not in asked
    page = client.post(f"/teams/{survey.team_id}/removal", follow_redirects=True).text
    assert "kan inte raderas än" in page
    assert db.session.scalar(select(func.count()).select_from(Team)) == 1


def test_a_removed_team_is_gone_with_its_members(app: Flask, alice: FlaskClient) -> None:
    team = team_of(_alice(), 3)
    assert "3 personer" in alice.get(f"/teams/{team.id}/removal").text
    alice.post(f"/teams/{team.id}/removal")
    assert members() == []


def test_those_who_said_no_are_counted_and_not_named(app: Flask, alice: FlaskClient) -> None:
    team = team_of(_alice(), 3)
    with transaction() as session:
        object_to(session, Person.of(None, "dora2@exempel.test"), TEAM_SURVEYS, clock.now())
        restrict(session, Person.of(None, "dora3@exempel.test"), clock.now())
    page = alice.get(f"/teams/{team.id}").text
    assert page.count("2 personer vill inte få inbjudningar") == 1
    rows = re.findall(r"<tr id=.*?</tr>", page, re.S)
    told_apart = {re.sub(r"[\da-f]{8}-[\da-f-]{27}|dora\d", "", row) for row in rows}
    assert len(rows) == 3
    assert len(told_apart) == 1


def test_charlie_reaches_nothing(app: Flask, client: FlaskClient) -> None:
    team = team_of(customer(), 1)
    member = db.session.scalars(select(TeamMember)).one()
    customer("Charlie Carlsson", "charlie@annan.test", organisation="Annan AB")
    sign_in(client, "charlie@annan.test")
    base = f"/teams/{team.id}"
    for url in ("", "/name", "/removal", f"/members/{member.id}", f"/members/{member.id}/removal"):
        assert client.get(base + url).status_code == 404, url
    data = {"name": "Kapat", "addresses": "x@annan.test", "email": "x@annan.test", "token": "x"}
    data |= {"confirmed": "1", "readable_only": "1"}
    for url in (
        "/name",
        "/removal",
        "/members",
        "/members/preview",
        "/members/undo",
        f"/members/{member.id}",
        f"/members/{member.id}/removal",
    ):
        assert client.post(base + url, data=data).status_code == 404, url
    assert members() == ["dora1@exempel.test"]
    assert "Redaktionen" not in client.get("/teams/").text


def test_a_large_team_takes_no_more_queries_than_a_small_one(
    app: Flask, alice: FlaskClient
) -> None:
    def queries(people: int) -> int:
        team = team_of(_alice(), people, name=f"Team {people}", prefix=f"p{people}-")
        db.session.commit()
        seen: list[str] = []
        listen = lambda *args: seen.append(args[2])  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", listen)
        alice.get(f"/teams/{team.id}")
        event.remove(db.engine, "before_cursor_execute", listen)
        return len(seen)

    assert queries(50) == queries(2)


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("a@exempel.test", {"a@exempel.test": None}),
        ("<A@Exempel.Test>", {"a@exempel.test": None}),
        ("Dora Dahl <a@exempel.test>;", {"a@exempel.test": "Dora Dahl"}),
        (
            '"Dahl, Dora" <a@exempel.test>, b@exempel.test',
            {"a@exempel.test": "Dahl, Dora", "b@exempel.test": None},
        ),
        ("a@exempel.test\nDora <a@exempel.test>", {"a@exempel.test": "Dora"}),
        ("a@exempel.test\tb@exempel.test", {"a@exempel.test": None, "b@exempel.test": None}),
        ("Åsa  Öberg <åsa@exempel.test>", {"åsa@exempel.test": "Åsa Öberg"}),
    ],
)
def test_addresses_are_read_as_people_write_them(text: str, new: dict[str, str | None]) -> None:
    found = read(text, (), clean_address)
    assert found.new == new
    assert found.complete


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Dora Dahl", "no_address"),
        ("Dora Dahl a@exempel.test", "run_together"),
        ("A <a@exempel.test> B <b@exempel.test>", "run_together"),
        ("x" * 121 + " <a@exempel.test>", "long_name"),
        ("a@@exempel.test", "not_an_address"),
        ("a@exempel", "not_an_address"),
        ('"obruten <a@exempel', "run_together"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(text: str, problem: str) -> None:
    found = read(f"ok@exempel.test\n\n{text}", (), clean_address)
    assert [(line.number, line.problem) for line in found.problems] == [(3, problem)]
    assert list(found.new) == ["ok@exempel.test"]


@given(st.text(max_size=300))
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    found = read(text, (), clean_address)
    assert all("@" in address for address in found.new)


def test_more_than_the_most_at_once_says_so(alice: FlaskClient) -> None:
    url = alice.post("/teams/", data={"name": "Redaktionen"}).headers["Location"]
    text = "\n".join(f"p{n}@exempel.test" for n in range(MOST + 2))
    response = alice.post(f"{url}/members/preview", data={"addresses": text})
    assert response.status_code == 422
    assert "Högst 500 åt gången. 2 adresser får inte plats" in response.text
    assert members() == []
    too_long = alice.post(f"{url}/members/preview", data={"addresses": "x" * 100_001})
    assert too_long.status_code == 422
    assert "Texten är för lång" in too_long.text
