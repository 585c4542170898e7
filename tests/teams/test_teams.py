"""Alice builds her team; Charlie sees none of it."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError

from tests.conftest import both_databases
from tests.factories import customer, sign_in
from tests.surveys.stories import launched, team_of
from trustivide.core import clock
from trustivide.core.activities import TEAM_SURVEYS
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.rights.actions import object_to
from trustivide.teams.addresses import MOST, read
from trustivide.teams.models import Team, TeamMember
from trustivide.web.forms import clean_address

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
    added = alice.post(f"{url}/members", data={"addresses": text}, follow_redirects=True)
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


def _alice():  # type: ignore[no-untyped-def]
    from tests.factories import account

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
    email = member.email
    url = f"/teams/{team.id}/members/{member.id}/removal"
    assert alice.get(url).status_code == 200
    response = alice.post(url, headers=PARTIAL if partial else {})
    page = response.text if partial else alice.get(response.headers["Location"]).text
    assert email not in members()
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token
    assert email not in token[1]
    alice.post(f"/teams/{team.id}/members/undo", data={"token": token[1]})
    assert email in members()
    forged = alice.post(f"/teams/{team.id}/members/undo", data={"token": token[1] + "x"})
    assert forged.status_code == 303


def test_a_team_with_an_open_survey_stays(app: Flask, client: FlaskClient) -> None:
    survey = launched(app, 5)
    sign_in(client)
    page = client.post(f"/teams/{survey.team_id}/removal", follow_redirects=True).text
    assert "Stäng den först" in page
    assert db.session.scalar(select(func.count()).select_from(Team)) == 1


def test_a_removed_team_is_gone_with_its_members(app: Flask, alice: FlaskClient) -> None:
    team = team_of(_alice(), 3)
    assert "3 personer" in alice.get(f"/teams/{team.id}/removal").text
    alice.post(f"/teams/{team.id}/removal")
    assert members() == []


def test_somebody_who_said_no_is_marked(app: Flask, alice: FlaskClient) -> None:
    team = team_of(_alice(), 3)
    with transaction() as session:
        object_to(session, Person.of(None, "dora2@exempel.test"), TEAM_SURVEYS, clock.now())
    assert alice.get(f"/teams/{team.id}").text.count("vill inte få inbjudningar") == 1


def test_charlie_reaches_nothing(app: Flask, client: FlaskClient) -> None:
    team = team_of(customer(), 1)
    member = db.session.scalars(select(TeamMember)).one()
    customer("Charlie Carlsson", "charlie@annan.test", organisation="Annan AB")
    sign_in(client, "charlie@annan.test")
    base = f"/teams/{team.id}"
    for url in ("", "/name", "/removal", f"/members/{member.id}", f"/members/{member.id}/removal"):
        assert client.get(base + url).status_code == 404, url
    data = {"name": "Kapat", "addresses": "x@annan.test", "email": "x@annan.test", "token": "x"}
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


def test_more_than_the_most_at_once_says_so() -> None:
    text = "\n".join(f"p{n}@exempel.test" for n in range(MOST + 2))
    found = read(text, (), clean_address)
    assert len(found.new) == MOST
    assert [line.number for line in found.problems] == [MOST + 1, MOST + 2]
