"""The privacy centre as people meet it: seeing, correcting, choosing, downloading, leaving."""

import re
import threading
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.conftest import both_databases
from tests.factories import customer, delivered, link_in, sign_in
from tests.privacy.stories import DORA
from tests.privacy.stories import member as _member
from tests.privacy.stories import requests as _requests
from tests.privacy.stories import visit as _visit
from trustivide.core import clock
from trustivide.core.activities import BY_KEY
from trustivide.core.db import db, transaction
from trustivide.outbox.models import Mail
from trustivide.privacy import actions, links
from trustivide.privacy.models import Export, PrivacyLink, Request
from trustivide.rights.models import ConsentRecord
from trustivide.teams.models import TeamMember
from trustivide.web.limits import limiter
from trustivide.workshops.models import Search

# Seeing


def test_a_stranger_is_sent_to_the_form_for_people_without_account(client: FlaskClient) -> None:
    assert client.get("/privacy/").headers["Location"].startswith("/privacy/find")


def test_the_overview_says_what_why_who_and_how_long(app: Flask, client: FlaskClient) -> None:
    customer()
    page = sign_in(client).get("/privacy/")
    assert page.headers["Cache-Control"] == "no-store"
    for words in ("Ditt konto", BY_KEY["accounts"].purpose.sv, "Avtal (art. 6.1 b)", "(SE)"):
        assert words in page.text
    assert BY_KEY["accounts"].retention.text.sv in page.text


def test_secrets_are_named_and_never_shown(app: Flask, client: FlaskClient) -> None:
    user = customer()
    page = sign_in(client).get("/privacy/data/user").text
    assert "Lösenord" in page
    assert "värdet visas aldrig" in page
    db.session.rollback()
    assert user.password_hash not in page


def test_somebody_elses_group_and_unknown_groups_are_not_there(
    app: Flask, client: FlaskClient
) -> None:
    _member()
    _visit(app, client)
    assert client.get("/privacy/data/user").status_code == 404
    assert client.get("/privacy/data/nothing").status_code == 404


@pytest.mark.parametrize(
    "path", ["/privacy/", "/privacy/choices", "/privacy/export", "/privacy/erasure"]
)
def test_looking_records_nothing(app: Flask, client: FlaskClient, path: str) -> None:
    customer()
    sign_in(client)

    def rows() -> int:
        db.session.rollback()
        return sum(
            db.session.scalar(select(func.count()).select_from(m)) or 0
            for m in (ConsentRecord, Request, Export)
        )

    before = rows()
    assert client.get(path).status_code == 200
    assert rows() == before


def test_a_visit_by_link_loads_nothing_from_third_parties(app: Flask, client: FlaskClient) -> None:
    _member()
    _visit(app, client)
    for path in ("/privacy/", "/privacy/choices", "/privacy/export", "/privacy/erasure"):
        assert not re.findall(r'(?:src|href)="https?://', client.get(path).text)


# Correcting and deleting


@both_databases
def test_a_value_is_corrected_in_place_and_the_old_one_is_gone(
    app: Flask, client: FlaskClient
) -> None:
    _member()
    _visit(app, client)
    page = client.get("/privacy/data/team_member").text
    link = re.search(r'href="(/privacy/data/team_member/[^"]+/name)"', page)
    assert link
    partial = client.get(link[1], headers={"HX-Request": "true", "HX-Request-Type": "partial"}).text
    assert "<html" not in partial
    assert 'id="correction"' in partial
    too_long = client.post(link[1], data={"value": "x" * 300})
    assert too_long.status_code == 422
    assert "x" * 300 in too_long.text
    assert client.post(link[1], data={"value": "Dorotea Dal"}).status_code == 303
    page = client.get("/privacy/data/team_member").text
    assert "Dorotea Dal" in page
    assert "Dora Dal" not in page
    assert _requests("correct") == 1


def test_what_may_not_be_corrected_has_no_page(app: Flask, client: FlaskClient) -> None:
    user = customer()
    sign_in(client)
    for field in ("password_hash", "staff_role", "id"):
        assert client.get(f"/privacy/data/user/{user.id}/{field}").status_code == 404


def test_nobody_corrects_or_deletes_a_neighbours_row(app: Flask, client: FlaskClient) -> None:
    _member()
    customer("Charlie", "charlie@granne.test", number="556036-0793", organisation="Grannen AB")
    row = db.session.scalars(select(TeamMember.id)).one()
    sign_in(client, "charlie@granne.test")
    assert client.get(f"/privacy/data/team_member/{row}/name").status_code == 404
    assert (
        client.post(f"/privacy/data/team_member/{row}/name", data={"value": "X"}).status_code == 404
    )
    assert client.post(f"/privacy/data/team_member/{row}/deletion").status_code == 404


def test_one_search_or_all_of_them_are_deleted_after_a_page_that_says_so(
    app: Flask, client: FlaskClient
) -> None:
    user = customer()
    with transaction() as session:
        session.add_all(
            Search(user_id=user.id, query=f"sökning {n}", at=clock.now()) for n in range(25)
        )
    sign_in(client)
    page = client.get("/privacy/data/search").text
    assert 'rel="next"' in page
    link = re.search(r'href="(/privacy/data/search/[^"]+/deletion)"', page)
    assert link
    assert "går inte att ångra" in client.get(link[1]).text
    client.post(link[1])
    assert "24 uppgifter" in client.get("/privacy/").text
    client.post("/privacy/data/search/deletion")
    assert _requests("erase") == 2
    assert db.session.scalar(select(func.count()).select_from(Search)) == 0


def test_the_account_itself_is_no_single_entry(app: Flask, client: FlaskClient) -> None:
    user = customer()
    sign_in(client)
    assert client.post(f"/privacy/data/user/{user.id}/deletion").status_code == 404
    assert client.post("/privacy/data/user/deletion").status_code == 404


# Without account


@both_databases
def test_checklist_25_a_link_works_once_within_ten_minutes_and_by_post(
    app: Flask, client: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    _member()
    client.post("/privacy/find", data={"email": " DORA@Exempel.test "})
    path = link_in(delivered(app)[-1], "/privacy/enter/")
    for _ in range(2):
        assert "Öppna" in client.get(path).text
    assert "Blå laget" not in client.get(path).text
    entered = client.post(path)
    cookie = entered.headers["Set-Cookie"]
    assert "Path=/privacy" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Blå laget" in client.get("/privacy/data/team_member").text
    assert browser_of().post(path).status_code == 404
    assert client.get("/teams/").status_code in {303, 404}
    with time_machine.travel(clock.now() + timedelta(minutes=31)):
        assert client.get("/privacy/").status_code == 303
    client.post("/privacy/find", data={"email": DORA})
    late = link_in(delivered(app)[-1], "/privacy/enter/")
    with time_machine.travel(clock.now() + timedelta(minutes=11)):
        assert client.get(late).status_code == 404
        assert client.post(late).status_code == 404
    assert _requests("access") == 1


def test_leaving_ends_the_visit_on_the_server(app: Flask, client: FlaskClient) -> None:
    _member()
    _visit(app, client)
    kept = client.get_cookie("privacy_session", path="/privacy")
    assert kept
    client.post("/privacy/leave")
    client.set_cookie("privacy_session", kept.value, path="/privacy")
    assert client.get("/privacy/").status_code == 303


@both_databases
def test_checklist_25_of_many_who_press_at_once_one_gets_in(app: Flask) -> None:
    _member()
    with transaction() as session:
        links.ask(session, DORA, "sv", clock.now())
    mail = db.session.scalars(select(Mail).where(Mail.kind == "privacy_link")).one()
    token = mail.params["path"].rsplit("/", 1)[1]
    db.session.rollback()
    won: list[bool] = []

    def press() -> None:
        with app.app_context(), transaction() as session:
            won.append(links.enter(session, token, clock.now()) is not None)

    threads = [threading.Thread(target=press) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]


def test_checklist_10_an_unknown_address_gets_the_same_answer_and_no_mail(
    app: Flask, client: FlaskClient
) -> None:
    _member()
    delivered(app)
    answers, rows = [], []
    for email in (DORA, "ingen@exempel.test"):
        answers.append(client.post("/privacy/find", data={"email": email}))
        db.session.rollback()
        rows.append(
            (
                db.session.scalar(select(func.count()).select_from(PrivacyLink)),
                db.session.scalar(
                    select(func.count()).where(Mail.kind == "privacy_link", Mail.state == "queued")
                ),
            )
        )
    assert answers[0].status_code == answers[1].status_code == 303
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert rows == [(1, 1), (2, 2)]
    to = [m["To"] for m in delivered(app)]
    assert DORA in to
    assert "ingen@exempel.test" not in to


def test_an_unknown_strangers_address_is_dropped_within_minutes(
    app: Flask, client: FlaskClient, tick: Callable[[], None]
) -> None:
    client.post("/privacy/find", data={"email": "ingen@exempel.test"})
    tick()
    with time_machine.travel(clock.now() + timedelta(minutes=11)):
        tick()
    assert db.session.scalar(select(func.count()).select_from(PrivacyLink)) == 0
    assert db.session.scalars(select(Mail.recipient)).all() == [None]


@pytest.fixture
def limits(app: Flask) -> Iterator[None]:
    limiter.enabled = True
    limiter.reset()
    yield
    limiter.reset()
    limiter.enabled = False


def _ask_for_a_link(client: FlaskClient, email: str, network: str) -> int:
    asked = client.post(
        "/privacy/find", data={"email": email}, environ_overrides={"REMOTE_ADDR": network}
    )
    return asked.status_code


def test_links_are_limited_per_address_from_any_network_known_or_not(
    app: Flask, client: FlaskClient, limits: None
) -> None:
    _member()
    known, unknown = (
        [_ask_for_a_link(client, email, f"192.0.2.{n}") for n in range(12)]
        for email in (DORA, "ingen@exempel.test")
    )
    assert known == unknown == [303] * 6 + [429] * 6


def test_links_are_limited_per_network_whatever_is_typed(
    app: Flask, client: FlaskClient, limits: None
) -> None:
    _member()
    one = [_ask_for_a_link(client, f"n{n}@exempel.test", "192.0.2.1") for n in range(40)]
    assert one == [303] * 30 + [429] * 10
    assert _ask_for_a_link(client, DORA, "192.0.2.2") == 303


def test_five_thousand_requests_from_one_address_mail_it_six_times_at_most(
    app: Flask, client: FlaskClient, limits: None
) -> None:
    _member()
    before = len(delivered(app))
    asked = [_ask_for_a_link(client, DORA, f"192.0.{n // 250}.{n % 250}") for n in range(5000)]
    assert asked.count(303) == 6
    assert asked.count(429) == 4994
    assert 1 <= len(delivered(app)) - before <= 6
    refused = client.post("/privacy/find", data={"email": DORA})
    assert "Lite för många försök" in refused.text
    assert _ask_for_a_link(client, "alice@exempel.test", "198.51.100.1") == 303


# Time limits


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (date(2026, 1, 31), date(2026, 2, 28)),
        (date(2028, 1, 31), date(2028, 2, 29)),
        (date(2026, 3, 31), date(2026, 4, 30)),
        (date(2026, 12, 15), date(2027, 1, 15)),
        (date(2026, 2, 28), date(2026, 3, 28)),
    ],
)
def test_a_month_is_a_calendar_month(received: date, due: date) -> None:
    assert actions.month_later(received) == due
