"""Real failures of other projects, replayed here, each named by its source."""

import io
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import UniqueConstraint, select, text
from sqlalchemy.exc import IntegrityError

from tests.admin.test_office import in_office
from tests.auth.test_sign_in import cookie, replay
from tests.conftest import both_databases
from tests.factories import (
    PASSWORD,
    account,
    colleague,
    customer,
    delivered,
    link_in,
    sign_in,
    without_secrets,
)
from tests.factories import staff as staff_member
from tests.outbox.test_delivery import Server, server, states
from tests.privacy.stories import DORA, member
from tests.routes import dump
from tests.surveys.stories import answer, launch, launched, some_answers, team_of, tokens
from tests.surveys.test_answering import fill_in, open_link, submit
from trustivide.core import clock
from trustivide.core.activities import SECURITY
from trustivide.core.db import Base, db, transaction
from trustivide.organisations.models import Organisation
from trustivide.organisations.queries import owned_by
from trustivide.outbox import worker
from trustivide.outbox.actions import send_mail
from trustivide.outbox.models import Mail
from trustivide.surveys import actions, anonymity, closing
from trustivide.surveys.catalogue import latest
from trustivide.surveys.models import Snapshot, Survey
from trustivide.teams.models import Team, TeamMember
from trustivide.web.limits import limiter

__all__ = ["server"]  # a fixture

ROOT = Path(__file__).parents[2]
Browsers = Callable[[], FlaskClient]
ALICE = "alice@exempel.test"
TAG = "<img src=x onerror=alert(1)>"


def test_replay_emdash_3298_a_scanner_uses_up_the_link(
    app: Flask, client: FlaskClient, browser_of: Browsers
) -> None:
    """HEAD was taken for a use. Here it used the link up too, until this test was written."""
    member()
    client.post("/privacy/find", data={"email": DORA})
    path = link_in(delivered(app)[-1], "/privacy/enter/")
    scanner = browser_of()
    before = dump()
    for method in ("HEAD", "GET", "OPTIONS", "GET", "HEAD", "PROPFIND", "GET"):
        scanner.open(path, method=method, follow_redirects=True)
    assert dump() == before
    assert scanner.get("/privacy/").status_code == 303
    assert client.post(path).status_code == 303
    assert DORA in client.get("/privacy/").text
    assert client.post(path).status_code == 404


@both_databases
def test_replay_formbricks_7972_null_in_unique_lets_a_link_be_used_twice(app: Flask) -> None:
    """NULLs are never equal, so a UNIQUE over a column that may be NULL guards nothing."""
    survey = launched(app, 5)
    token = next(iter(tokens(survey).values()))
    answer(survey, token)
    answers = some_answers(latest(survey.instrument), Random(1))
    with pytest.raises(actions.AlreadyAnswered):
        actions.submit(survey.id, token, anonymity.new_receipt_code(), answers)
    for column in ("slot", "receipt", "survey_id"):
        with pytest.raises(IntegrityError), transaction() as session:
            session.execute(text(f"UPDATE answer_set SET {column} = NULL"))
    # Wherever uniqueness guards something, no part of it may be missing.
    allowed = {
        ("request_case", "open_key"),  # of an answered case: then the same may be asked anew
        ("round_team", "team_id"),  # of an erased team, of which a round may have had several
    }
    loose = {
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for columns in [
            *(c.columns for c in table.constraints if isinstance(c, UniqueConstraint)),
            *([c] for c in table.columns if c.unique),
            *(i.columns for i in table.indexes if i.unique),
        ]
        for column in columns
        if column.nullable
    }
    assert loose <= allowed, loose


def test_replay_formbricks_8506_a_pin_that_only_the_page_asks_for(
    app: Flask, client: FlaskClient, browser_of: Browsers
) -> None:
    """What is asked on a page is asked by the server: every later step is tried directly."""
    survey = launched(app, 5)
    staff_member()
    stina = sign_in(browser_of(), "stina@trustivide.test")
    before = dump()
    user = account(ALICE)
    for path in ("/admin/users", f"/admin/users/{user.id}/looks", "/admin/holds/new"):
        skipped = stina.post(path, data={"email": ALICE, "reason": "Alice ringde oss i dag."})
        assert str(skipped.location).startswith("/auth/second-factor"), path
        assert ALICE not in skipped.text
    # Answers without the receipt code, a survey without its link.
    for path in ("answers", "restriction", "withdrawal"):
        assert browser_of().post(f"/s/receipt/{path}", data={"code": "x"}).status_code == 404
    for path in ("/1", "/review", "/draft"):
        assert browser_of().post(f"/s/survey/{survey.id}{path}").status_code == 404
    assert dump() == before
    # The password once more, before what weighs.
    sign_in(client)
    before = dump()
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        for path in ("/privacy/export", "/privacy/erasure"):
            asked = client.post(path, data={"understood": "y", "password": PASSWORD})
            assert str(asked.location).startswith("/auth/verify")
    assert dump() == before


def test_replay_loomio_12668_an_unsubscribe_token_takes_over_the_account(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    alice = account(ALICE)
    launched(app, 5, alice)
    with transaction() as session:
        session.scalars(select(TeamMember)).first().email = ALICE  # type: ignore[union-attr]
    mail = next(m for m in delivered(app) if "List-Unsubscribe" in m)
    path = str(mail["List-Unsubscribe"]).strip("<>").split("localhost:5000")[1]
    for answered in (client.get(path), client.post(path)):
        assert answered.status_code == 200
        assert "user" not in str(answered.headers.getlist("Set-Cookie"))
    assert client.get_cookie("privacy_session", path="/privacy") is None
    for door in ("/teams/", "/privacy/", "/privacy/choices", "/auth/verify", "/privacy/export"):
        assert client.get(door).status_code == 303, door
    token = path.rsplit("/", 1)[1]
    for door in ("/auth/reset/", "/auth/confirm/", "/privacy/enter/", "/s/"):
        assert client.get(door + token).status_code == 404


def test_replay_loomio_12751_a_late_addition_allows_subtraction(
    app: Flask, client: FlaskClient
) -> None:
    """Results with five, then one more is let in, then results with six: the sixth is read off."""
    survey = launched(app, 5)
    sign_in(client)
    links = list(tokens(survey).values())
    for n, token in enumerate(links[:4]):
        answer(survey, token, n)
    page = client.get(f"/surveys/{survey.id}").text
    assert not re.search(r"\b4\s*(av|of)\b", page)  # below k not even how many
    # Somebody joins the team: the survey asks whom it asked.
    team = f"/teams/{survey.team_id}"
    client.post(f"{team}/members", data={"addresses": "sen@exempel.test"})
    assert len(tokens(survey)) == 5
    answer(survey, links[4], 4)
    before = _figures(client, survey)
    assert before is None  # no result while it runs
    client.post(f"/surveys/{survey.id}/closure")
    closed = _figures(client, survey)
    assert closed is not None
    # After closing nothing is added, and a code takes nothing out of what is shown.
    with pytest.raises(actions.Closed):
        answer(survey, "A" * 32, 9)
    client.post(f"/surveys/{survey.id}/closure")
    client.post(f"{team}/members", data={"addresses": "senare@exempel.test"})
    assert _figures(client, survey) == closed


def _figures(client: FlaskClient, survey: Survey) -> Any:
    client.get(f"/surveys/{survey.id}")
    db.session.rollback()
    return db.session.scalar(select(Snapshot.figures).where(Snapshot.survey_id == survey.id))


def test_replay_nextcloud_polls_871_a_notification_names_the_anonymous_voter(
    app: Flask, client: FlaskClient, browser_of: Browsers
) -> None:
    survey = launched(app, 5)
    sent = len(delivered(app))
    links = tokens(survey)
    leader = sign_in(client)
    paths = ("/surveys/", f"/surveys/{survey.id}", f"/surveys/{survey.id}/closure")

    def seen() -> list[str]:
        return [without_secrets(leader.get(path).text) for path in paths]

    before = seen()
    for address, token in list(links.items())[:4]:
        dora = browser_of()
        start = open_link(dora, token)
        assert submit(dora, start, fill_in(dora, start)).startswith("200")
        assert len(delivered(app)) == sent, f"somebody heard that {address} answered"
    assert seen() == before, "a page tells whether somebody answered"
    leader.post(f"/surveys/{survey.id}/closure")
    for mail in delivered(app)[sent:]:
        assert not [address for address in links if address in mail.as_string()]


@both_databases
def test_replay_eusurvey_324_anonymity_is_switched_off_afterwards(app: Flask) -> None:
    """The smallest group of a survey that was sent is locked, whoever lowers what beside it."""
    survey = launched(app, 5)
    for change in ("k = 4", "k = 1", "instrument = 'another'"):
        with pytest.raises(IntegrityError), transaction() as session:
            session.execute(text(f"UPDATE survey SET {change}"))
    with pytest.raises(IntegrityError), transaction() as session:
        session.scalars(select(Organisation)).one().minimum_answers = 1
    with transaction() as session:
        session.scalars(select(Organisation)).one().minimum_answers = 4
    for n, token in enumerate(list(tokens(survey).values())[:4]):
        answer(survey, token, n)
    with transaction() as session:
        closing.close(session, session.get_one(Survey, survey.id), clock.now())
    figures = db.session.scalars(select(Snapshot.figures)).one()
    assert not [d for d in figures.get("dimensions", []) if d.get("mean") is not None]
    columns = {c.name for c in Base.metadata.tables["answer_set"].columns}
    assert not columns & {"email", "email_digest", "invitation_id", "user_id", "at", "created_at"}


def test_replay_indico_cve_2025_53640_users_are_dumped_by_id(
    app: Flask, client: FlaskClient, browser_of: Browsers
) -> None:
    """Ids are random, and asking for a stranger's is like asking for nobody's."""
    alice = customer()
    bob = colleague(alice, "leader")
    charlie = customer("Charlie Carlsson", "charlie@annan.test", organisation="Annan AB")
    staff_member(role="content")
    assert all(user.id.version == 4 for user in (alice, bob, charlie))
    sign_in(client, "charlie@annan.test")
    mine = re.search(r"/organisation/([0-9a-f-]{36})", client.get("/privacy/").text)
    assert mine
    stranger, nobody = (
        client.get(f"/organisation/{mine.group(1)}/owners/{user_id}")
        for user_id in (alice.id, uuid4())
    )
    assert stranger.status_code == nobody.status_code == 404
    assert "Alice" not in stranger.text
    assert list(stranger.headers.keys()) == list(nobody.headers.keys())
    office = in_office(browser_of())
    for path in ("/admin/users", f"/admin/users/{alice.id}"):
        assert office.get(path).status_code == 404
    for path in (
        "/api/users",
        "/users",
        "/admin/users.json",
        "/user/1",
        "/admin/users?format=json",
    ):
        assert client.get(path).status_code == 404


def test_replay_cve_2023_37901_a_tag_runs_in_a_delete_prompt(
    app: Flask, client: FlaskClient
) -> None:
    """Prompts were put together in a script. Ours are pages, and text there stays text."""
    customer(f"Alice {TAG}", organisation=f"Exempel {TAG}")
    sign_in(client)
    client.post("/teams/", data={"name": TAG})
    team = db.session.scalars(select(Team)).one()
    client.post(f"/teams/{team.id}/members", data={"addresses": DORA})
    people = db.session.scalars(select(TeamMember)).one()
    with transaction() as session:
        session.get_one(TeamMember, people.id).name = TAG
    client.post("/workshops/searches", data={"q": TAG})
    prompts = [
        f"/teams/{team.id}/removal",
        f"/teams/{team.id}/members/{people.id}/removal",
        "/privacy/data/search/deletion",
        "/privacy/erasure",
        "/privacy/choices",
        "/privacy/data/search",
    ]
    for path in prompts:
        page = client.get(path)
        assert page.status_code == 200, path
        assert "<img" not in page.text.lower(), path
        assert "onerror" not in page.text.replace("&lt;img src=x onerror=alert(1)&gt;", "")
    shown = "".join(client.get(path).text for path in prompts)
    assert "&lt;img src=x onerror=alert(1)&gt;" in shown
    # Removing offers a way back, which travels as markup in the status region.
    client.post(prompts[1], data={"confirmed": "1"})
    assert "<img" not in client.get(f"/teams/{team.id}").text.lower()
    scripts = "".join(p.read_text() for p in (ROOT / "static" / "js").glob("*.js"))
    assert not re.search(
        r"innerHTML|insertAdjacentHTML|document\.write|\beval\(|confirm\(", scripts
    )


@pytest.mark.parametrize(
    "target",
    [
        "/\\github.com",
        "\\\\\\github.com",
        "/\\/github.com",
        "//github.com",
        "///github.com",
        "/ /github.com",
        "https:github.com",
        "http:///github.com",
        " //github.com",
        "/\x0b/github.com",
        "/%0d%0aLocation:%20https://github.com",
    ],
)
def test_replay_flask_security_cve_2023_49438_an_open_redirect_after_sign_in(
    client: FlaskClient, target: str
) -> None:
    customer()
    form = {"email": ALICE, "password": PASSWORD}
    led = client.post("/auth/login", data=form, query_string={"next": target})
    assert led.status_code == 303
    # Whatever is left of it, a browser resolves it to a page of this site.
    location = str(led.location)
    assert location.startswith("/")
    assert not re.match(r"[/\\\s]{2}", location)
    assert "\r" not in location
    assert "\n" not in location


def test_replay_indico_5753_a_missing_vary_shows_one_persons_page_to_another(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    sign_in(client)
    for path in ("/", "/teams/", "/privacy/", "/nothing", "/privacy-policy", "/auth/login"):
        for headers in ({}, {"HX-Request": "true", "HX-Request-Type": "partial"}):
            answered = client.get(path, headers=headers)
            assert {"Cookie", "Accept-Language", "HX-Request"} <= set(answered.vary), path
            cached = answered.headers.get("Cache-Control", "")
            assert "public" not in cached
            assert answered.status_code == 303 or "no-store" in cached, path


def test_replay_superset_40201_a_cookie_is_valid_after_logout(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    sign_in(client)
    stolen = cookie(client)
    assert replay(app, stolen, "/teams/") == 200
    client.post("/auth/logout")
    for path in ("/teams/", "/privacy/", "/workshops/", "/privacy/export"):
        assert replay(app, stolen, path) == 303
    thief = app.test_client(use_cookies=False)
    sent = thief.post("/teams/", data={"name": "x"}, headers={"Cookie": f"session={stolen}"})
    assert str(sent.location).startswith("/auth/login")
    sign_in(client)  # signing in anew doesn't revive it
    assert replay(app, stolen, "/teams/") == 303


@pytest.fixture
def limits(app: Flask) -> Any:
    limiter.enabled = True
    limiter.reset()
    yield
    limiter.reset()
    limiter.enabled = False


def test_replay_flask_limiter_41_x_forwarded_for_fools_the_limiter(
    app: Flask, limits: None, browser_of: Browsers
) -> None:
    answers = [
        browser_of()
        .post(
            "/auth/login",
            data={"email": f"n{n}@exempel.test", "password": "fel lösenord"},
            headers={"X-Forwarded-For": f"192.0.2.{n}"},
        )
        .status_code
        for n in range(31)
    ]
    assert answers == [422] * 30 + [429]


KILLED = """
import os
from trustivide import create_app
from trustivide.outbox import worker
app = create_app(os.environ)
print("ready", flush=True)
worker.work(app)
"""


def test_replay_pretix_2058_a_restart_sends_the_bulk_mail_again(
    app: Flask, settings: dict[str, str], server: Server
) -> None:
    """The worker is killed while it sends; whoever has got the mail never gets it again."""
    people = 60
    with transaction() as session:
        for n in range(people):
            send_mail(
                session,
                "account_exists",
                f"dora{n}@exempel.test",
                {"name": "Dora"},
                purpose=SECURITY,
                locale="sv",
                now=clock.now(),
            )
    db.session.rollback()
    env = {**os.environ, **settings, "MAIL_SERVER": "127.0.0.1", "MAIL_PORT": str(server.port)}
    for kill in (True, False):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        if kill:
            while len(server.accepted) < 15:
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
        process.wait(60)
        if kill:
            with transaction() as session:  # what it held is given back when its time is out
                for mail in session.scalars(select(Mail).where(Mail.lease.is_not(None))):
                    mail.lease = clock.now() - timedelta(seconds=1)
    got = Counter(server.accepted)
    assert [to for to, times in got.items() if times > 1] == []
    found = Counter(states())
    assert found["sent"] + found["ambiguous"] == people
    assert found["ambiguous"] <= 1
    assert len(got) >= people - found["ambiguous"]


def test_replay_tooljet_2412_a_token_travels_in_the_referer(
    app: Flask, client: FlaskClient
) -> None:
    """What a browser really sends is looked at in tests/browser/test_checklist.py."""
    customer()
    client.post("/auth/forgot", data={"email": ALICE})
    path = link_in(delivered(app)[-1], "/auth/reset/")
    page = client.get(path)
    assert page.headers["Referrer-Policy"] == "strict-origin"
    assert not re.search(r'(?:src|href)="(?!/)(?!mailto:|#)', page.text)
    survey = launched(app, 5, account(ALICE))
    entered = client.get(f"/s/{next(iter(tokens(survey).values()))}")
    assert entered.headers["Referrer-Policy"] == "no-referrer"
    assert entered.location == f"/s/survey/{survey.id}"


def test_replay_reusable_recovery_token_opens_the_account_twice(
    app: Flask, client: FlaskClient, browser_of: Browsers
) -> None:
    customer()
    links = []
    for _ in range(2):
        client.post("/auth/forgot", data={"email": ALICE})
        links.append(link_in(delivered(app)[-1], "/auth/reset/"))
    words = ["smultron under granen", "kantarell på myren", "hjortron i gryningen"]
    assert browser_of().post(links[0], data={"password": words[0]}).status_code == 404
    assert browser_of().post(links[1], data={"password": words[1]}).status_code == 303
    for link in links:
        assert browser_of().get(link).status_code == 404
        assert browser_of().post(link, data={"password": words[2]}).status_code == 404
    right = browser_of().post("/auth/login", data={"email": ALICE, "password": words[1]})
    assert right.status_code == 303


def test_replay_mastodon_13330_a_form_bombs_a_mailbox(
    app: Flask, limits: None, browser_of: Browsers
) -> None:
    """From many networks, in many spellings, by every form that mails what is typed."""
    customer()
    before = len(delivered(app))
    spelled = (ALICE, ALICE.upper(), f" {ALICE} ", "Alice@Exempel.test")
    form = {"organisation": "Ny AB", "number": "556036-0793", "name": "Nina", "agreement": "1"}
    doors = {
        "/auth/forgot": {},
        "/privacy/find": {},
        "/auth/register": form | {"password": "smultron under granen"},
    }
    for n, (path, more) in enumerate(doors.items()):
        answers = [
            browser_of()
            .post(
                path,
                data=more | {"email": spelled[k % 4]},
                environ_overrides={"REMOTE_ADDR": f"198.51.{n}.{k}"},
            )
            .status_code
            for k in range(12)
        ]
        assert answers == [303] * 6 + [429] * 6, path
    assert len(delivered(app)) - before <= 18


def test_checklist_20_neither_one_person_more_nor_a_sum_over_teams_tells_what_somebody_said(
    app: Flask, client: FlaskClient
) -> None:
    """Two teams, one a single answer short: it is in no figure, page or file, alone or in a sum."""
    whole = launched(app, 5)
    alice = account(ALICE)
    short = launch(alice, team_of(alice, 5, "Layouten", "erik"))
    sign_in(client)
    said = {}
    for survey, answering in ((whole, 5), (short, 4)):
        for n, token in enumerate(list(tokens(survey).values())[:answering]):
            answers = some_answers(latest(survey.instrument), Random(n))
            said[survey.id] = [a for a in answers.values() if isinstance(a, str)]
            actions.submit(survey.id, token, anonymity.new_receipt_code(), answers)
            assert _figures(client, survey) is None  # nothing to compare with, before closing
    for survey in (whole, short):
        assert client.post(f"/surveys/{survey.id}/closure").status_code == 303
    assert _figures(client, whole)["dimensions"]
    hidden = _figures(client, short)
    assert not hidden.get("dimensions")
    assert not hidden.get("comments")
    # How many were asked and answered, k, and the versions of form and file.
    assert set(_numbers(hidden)) <= {1, 2, 4, 5}, hidden
    # Nor does it come out by the copy of everything, or as a sum on a page of all surveys.
    organisation = next(iter(owned_by(db.session(), alice.id)))
    client.post(f"/privacy/organisation/{organisation}/copy")
    worker.work(app)
    copy = client.get(f"/privacy/organisation/{organisation}/copy/file").data
    with zipfile.ZipFile(io.BytesIO(copy)) as archive:
        text_of_all = "".join(archive.read(name).decode() for name in archive.namelist())
    pages = "".join(client.get(p).text for p in ("/surveys/", "/teams/", f"/surveys/{short.id}"))
    for comment in said[short.id]:
        assert comment not in text_of_all + pages


def _numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [n for v in value.values() for n in _numbers(v)]
    if isinstance(value, list):
        return [n for v in value for n in _numbers(v)]
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []
