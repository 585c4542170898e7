"""A corrected address: proven at the new one, told at the old one, and every no comes along."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta

import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.conftest import both_databases
from tests.factories import (
    account,
    customer,
    delivered,
    link_in,
    sign_in,
    without_secrets,
)
from tests.privacy.stories import DORA, member, visit
from tests.privacy.stories import requests as asked
from tests.surveys.stories import launched
from trustivide.auth import actions as auth
from trustivide.auth.models import OneTimeLink, SignIn
from trustivide.auth.queries import person as person_of
from trustivide.core import clock, inventory
from trustivide.core.activities import MARKETING_EMAIL, SEARCH_HISTORY, TEAM_SURVEYS
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.outbox.models import Mail
from trustivide.privacy import actions, address_changes, erasure, export
from trustivide.privacy.cases import open_case
from trustivide.privacy.models import AddressChange, Case, Export, Request
from trustivide.rights import actions as rights
from trustivide.rights import legal_texts
from trustivide.rights.ledger import ledger
from trustivide.rights.models import ConsentRecord, Objection
from trustivide.rights.queries import consented, may_use, objected, refusing, restricted
from trustivide.surveys.models import Invitation
from trustivide.teams.models import TeamMember

ALICE, NEW = "alice@exempel.test", "dora.ny@exempel.test"
CONFIRM = "/privacy/address/"


def _link(client: FlaskClient, group: str = "team_member") -> str:
    page = client.get(f"/privacy/data/{group}").text
    found = re.search(rf'href="(/privacy/data/{group}/[^"]+/email)"', page)
    assert found
    return found[1]


def _ask(app: Flask, client: FlaskClient, group: str = "team_member", new: str = NEW) -> str:
    """Ask for the new address; the path that was mailed to it."""
    assert client.post(_link(client, group), data={"value": new}).status_code == 303
    return link_in(delivered(app)[-1], CONFIRM)


def _emails() -> list[str]:
    db.session.rollback()
    return sorted(db.session.scalars(select(TeamMember.email)))


def _changes() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(AddressChange)) or 0


# A member without account


@both_databases
def test_the_old_address_stands_until_the_new_one_is_proven(
    app: Flask, client: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    member()
    visit(app, client)
    assert client.post(_link(client), data={"value": "inte en adress"}).status_code == 422
    path = _ask(app, client, new=" Dora.Ny@Exempel.test ")
    mail = delivered(app)[-1]
    assert mail["To"] == NEW
    assert DORA not in mail.as_string()
    assert "Blå laget" not in mail.as_string()
    page = client.get("/privacy/data/team_member").text
    assert f"Byts till {NEW}" in page
    assert "Ångra" in page
    elsewhere = browser_of()
    for _ in range(2):
        shown = elsewhere.get(path)
        assert shown.status_code == 200
        assert DORA not in shown.text
        assert "Blå laget" not in shown.text
    assert elsewhere.get(path).headers["Cache-Control"] == "no-store"
    assert _emails() == [DORA]
    assert asked("correct") == 0
    assert elsewhere.post(path).status_code == 303
    assert _emails() == [NEW]
    assert asked("correct") == 1
    for again in (elsewhere.post(path), elsewhere.get(path)):
        assert again.status_code == 404
        assert "Länken går inte att använda" in again.text
    group = inventory.group_named("team_member")
    assert group
    assert inventory.count(db.session(), group, Person.of(None, DORA)) == 0
    assert inventory.count(db.session(), group, Person.of(None, NEW)) == 1
    assert _changes() == 0
    assert "correction" in [e.effect for e in ledger().entries()]


def test_expired_undone_replaced_and_made_up_links_open_nothing(
    app: Flask, client: FlaskClient
) -> None:
    member()
    visit(app, client)
    first = _ask(app, client)
    second = _ask(app, client, new="annan@exempel.test")
    assert client.post(first).status_code == 404
    with time_machine.travel(clock.now() + timedelta(hours=24, minutes=1)):
        assert client.get(second).status_code == 404
        assert client.post(second).status_code == 404
    page = client.get("/privacy/data/team_member").text
    undo = re.search(r'action="(/privacy/address-changes/[^"]+)"', page)
    assert undo
    assert client.post(undo[1]).status_code == 303
    assert client.post(undo[1]).status_code == 404
    assert client.post(second).status_code == 404
    assert client.post(f"{CONFIRM}{'A' * 32}").status_code == 404
    assert _emails() == [DORA]
    assert "Byts till" not in client.get("/privacy/data/team_member").text


def test_a_change_that_was_undone_before_it_was_mailed_is_not_mailed(
    app: Flask, client: FlaskClient
) -> None:
    member()
    visit(app, client)
    client.post(_link(client), data={"value": NEW})
    page = client.get("/privacy/data/team_member").text
    undo = re.search(r'action="(/privacy/address-changes/[^"]+)"', page)
    assert undo
    client.post(undo[1])
    assert NEW not in [m["To"] for m in delivered(app)]


def test_what_nobody_proved_is_gone_within_minutes(
    app: Flask, client: FlaskClient, tick: Callable[[], None]
) -> None:
    member()
    visit(app, client)
    _ask(app, client)
    tick()
    assert _changes() == 1
    with time_machine.travel(clock.now() + timedelta(hours=24, minutes=1)):
        tick()
    assert _changes() == 0
    assert set(db.session.scalars(select(Mail.recipient))) == {None}


def test_a_neighbours_change_can_not_be_undone(
    app: Flask, client: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    member()
    visit(app, client)
    _ask(app, client)
    change = db.session.scalars(select(AddressChange.id)).one()
    customer("Charlie", "charlie@granne.test", number="556036-0793", organisation="Grannen AB")
    charlie = sign_in(browser_of(), "charlie@granne.test")
    assert charlie.post(f"/privacy/address-changes/{change}/cancellation").status_code == 404
    assert _changes() == 1


@both_databases
def test_of_many_who_press_at_once_one_changes_it(app: Flask, client: FlaskClient) -> None:
    member()
    visit(app, client)
    token = _ask(app, client).removeprefix(CONFIRM)
    db.session.rollback()
    won: list[bool] = []

    def press() -> None:
        with app.app_context(), transaction() as session:
            won.append(address_changes.confirm(session, token, clock.now()))

    threads = [threading.Thread(target=press) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 5 + [True]
    assert _emails() == [NEW]


def test_a_row_that_is_gone_or_somebody_elses_by_now_is_left_alone(
    app: Flask, client: FlaskClient
) -> None:
    member()
    visit(app, client)
    path = _ask(app, client)
    with transaction() as session:
        session.scalars(select(TeamMember)).one().email = "nagon.annan@exempel.test"
    assert client.post(path).status_code == 404
    assert _emails() == ["nagon.annan@exempel.test"]


@both_databases
def test_an_address_that_the_team_has_already_is_no_longer_free(
    app: Flask, client: FlaskClient
) -> None:
    launched(app, 3)
    visit(app, client, "dora1@exempel.test")
    path = _ask(app, client, new="dora2@exempel.test")
    refused = client.post(path)
    assert refused.status_code == 409
    assert "Adressen går inte att använda" in refused.text
    assert _emails() == [f"dora{n}@exempel.test" for n in (1, 2, 3)]
    assert asked("correct") == 0


# What comes along


@both_databases
def test_an_objector_stays_an_objector(app: Flask, client: FlaskClient) -> None:
    member()
    dora, new = Person.of(None, DORA), Person.of(None, NEW)
    with transaction() as session:
        rights.object_to(session, dora, TEAM_SURVEYS, clock.now())
        rights.restrict(session, dora, clock.now(), SEARCH_HISTORY)
    visit(app, client)
    client.post(_ask(app, client))
    db.session.rollback()
    assert not may_use(db.session(), new, TEAM_SURVEYS)
    assert refusing(db.session(), [NEW], TEAM_SURVEYS) == {NEW}
    assert restricted(db.session(), new) == {"search_history"}
    # Others may still hold the old address: there the no stands too.
    assert not may_use(db.session(), dora, TEAM_SURVEYS)
    told = [(e.effect, e.reference) for e in ledger().entries()]
    assert ("objection", new.reference) in told
    assert ("restriction", new.reference) in told
    assert db.session.scalar(select(func.count()).select_from(Objection)) == 1
    with transaction() as session:
        rights.withdraw_objection(session, new, TEAM_SURVEYS, clock.now())
    assert may_use(db.session(), new, TEAM_SURVEYS)
    assert not may_use(db.session(), dora, TEAM_SURVEYS)


@both_databases
def test_records_requests_and_what_is_under_way_come_along(app: Flask, client: FlaskClient) -> None:
    member()
    dora, new = Person.of(None, DORA), Person.of(None, NEW)
    visit(app, client)
    path = _ask(app, client)
    shown = legal_texts.current("marketing", "sv")
    with transaction() as session:
        rights.choose(
            session, dora, MARKETING_EMAIL, "given", shown, clock.now(), collected_by="test"
        )
        request = actions.record(session, dora, "other", clock.now(), done=False)
        open_case(session, dora, request, address=DORA, name=None, locale="sv", details="Vad nu?")
        export.request(session, dora, address=DORA, locale="sv", now=clock.now())
    client.post(path)
    db.session.rollback()
    assert consented(db.session(), new, MARKETING_EMAIL)
    assert not consented(db.session(), dora, MARKETING_EMAIL)
    assert db.session.scalars(select(Case.email)).all() == [NEW]
    assert db.session.scalars(select(Export.email)).all() == [NEW]
    for model in (Request, Case, Export, ConsentRecord):
        assert set(db.session.scalars(select(model.reference))) <= new.references, model


@both_databases
def test_who_corrects_one_of_two_rows_has_two_addresses(app: Flask, client: FlaskClient) -> None:
    member(team="Blå laget")
    member(team="Gröna laget")
    dora, new = Person.of(None, DORA), Person.of(None, NEW)
    shown = legal_texts.current("marketing", "sv")
    with transaction() as session:
        rights.object_to(session, dora, TEAM_SURVEYS, clock.now())
        rights.choose(
            session, dora, MARKETING_EMAIL, "given", shown, clock.now(), collected_by="test"
        )
    visit(app, client)
    client.post(_ask(app, client))
    assert _emails() == sorted([DORA, NEW])
    for person in (dora, new):
        assert objected(db.session(), person) == {"team_surveys"}
    # A yes was given for the one address, and is not multiplied.
    assert consented(db.session(), dora, MARKETING_EMAIL)
    assert not consented(db.session(), new, MARKETING_EMAIL)
    client.post(_ask(app, client))  # the other one too
    assert _emails() == [NEW, NEW]
    assert consented(db.session(), new, MARKETING_EMAIL)


@both_databases
def test_an_invitation_follows_and_its_link_stays_valid(app: Flask, client: FlaskClient) -> None:
    survey = launched(app, 6)
    before = {i.id: i.lookup for i in db.session.scalars(select(Invitation))}
    visit(app, client, "dora3@exempel.test")
    client.post(_ask(app, client))
    db.session.rollback()
    invitations = db.session.scalars(select(Invitation)).all()
    assert {i.id: i.lookup for i in invitations} == before
    assert NEW in {i.email for i in invitations}
    assert "dora3@exempel.test" not in {i.email for i in invitations}
    assert survey.invited == 6


# An account


@both_databases
def test_an_account_signs_in_with_its_new_address_and_the_old_one_is_told(
    app: Flask, client: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    customer()
    other, here = sign_in(browser_of()), sign_in(client)
    with transaction() as session:
        auth.ask_for_reset(session, ALICE, clock.now())
    path = _ask(app, here, "user", "alice.ny@exempel.test")
    assert account(ALICE)
    assert here.post(path).status_code == 303
    notice = delivered(app)[-1]
    assert notice["To"] == ALICE
    assert "alice.ny" not in notice.as_string()
    assert "contact@trustivide.com" in notice.as_string()
    assert here.get("/privacy/").status_code == 200
    assert other.get("/teams/").headers["Location"].startswith("/auth/login")
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(SignIn)) == 1
    assert set(db.session.scalars(select(OneTimeLink.purpose))) == {"undo"}
    sign_in(browser_of(), "alice.ny@exempel.test")
    old = browser_of().post("/auth/login", data={"email": ALICE, "password": "kantarell i backen"})
    assert old.status_code == 422
    assert asked("correct") == 1


def test_the_password_is_asked_first(app: Flask, client: FlaskClient) -> None:
    customer()
    sign_in(client)
    link = _link(client, "user")
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        for answer in (client.get(link), client.post(link, data={"value": NEW})):
            assert answer.headers["Location"].startswith("/auth/verify?next=/privacy/data/user/")
    assert _changes() == 0


@both_databases
def test_a_slip_of_the_pen_hands_the_account_to_nobody(
    app: Flask, client: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    customer()
    customer("Charlie", "charlie@granne.test", number="556036-0793", organisation="Grannen AB")
    path = _ask(app, sign_in(client), "user", "fel.person@exempel.test")
    for stranger in (browser_of(), sign_in(browser_of(), "charlie@granne.test")):
        assert "Logga in först" in stranger.get(path).text
        assert stranger.post(path).status_code == 422
    db.session.rollback()
    assert account(ALICE)
    assert _changes() == 1


@both_databases
def test_a_taken_address_is_told_only_to_whoever_has_its_mailbox(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    customer("Charlie", "charlie@granne.test", number="556036-0793", organisation="Grannen AB")
    sign_in(client)
    delivered(app)
    answers, rows = [], []
    for new in ("ny@granne.test", "charlie@granne.test"):
        answers.append(client.post(_link(client, "user"), data={"value": new}))
        page = without_secrets(client.get("/privacy/data/user").text)
        page = re.sub(r"[\da-f]{8}-[\da-f-]{27}", "", page)
        queued = db.session.scalar(select(func.count()).where(Mail.kind == "address_change"))
        rows.append((page.replace(new, ""), queued, _changes()))
    assert answers[0].status_code == answers[1].status_code == 303
    assert rows[0][0] == rows[1][0]
    assert [r[1:] for r in rows] == [(1, 1), (2, 1)]
    mail = delivered(app)[-1]
    assert mail["To"] == "charlie@granne.test"
    refused = client.post(link_in(mail, CONFIRM))
    assert refused.status_code == 409
    assert "Adressen går inte att använda" in refused.text
    assert "Charlie" not in refused.text
    db.session.rollback()
    assert account(ALICE)
    assert account("charlie@granne.test")


@both_databases
def test_an_accounts_choices_hold_for_its_new_address(app: Flask, client: FlaskClient) -> None:
    user = customer()
    sign_in(client)
    client.post("/privacy/restrictions/all", data={"on": "1"})
    client.post("/privacy/consents/marketing_email", data={"on": "1"})
    with transaction() as session:
        # From before the account was visited: under the address alone.
        actions.record(session, Person.of(None, ALICE), "access", clock.now())
    client.post(_ask(app, client, "user", NEW))
    db.session.rollback()
    assert refusing(db.session(), [NEW], TEAM_SURVEYS) == {NEW}
    person = person_of(user)
    assert NEW in person.addresses
    assert consented(db.session(), person, MARKETING_EMAIL)
    assert set(db.session.scalars(select(Request.reference))) == {person.reference}
    client.post("/privacy/restrictions/all", data={})
    db.session.rollback()
    assert may_use(db.session(), Person.of(None, NEW), TEAM_SURVEYS)


def test_while_an_erasure_is_decided_no_address_changes(app: Flask, client: FlaskClient) -> None:
    user = customer()
    sign_in(client)
    path = _ask(app, client, "user", NEW)
    with transaction() as session:
        erasure.request(
            session,
            person_of(user),
            address=ALICE,
            name="Alice",
            locale="sv",
            now=clock.now(),
        )
    waits = client.post(path)
    assert waits.status_code == 409
    assert "Uppgifterna ska raderas" in waits.text
    refused = client.post(_link(client, "user"), data={"value": "annan@exempel.test"})
    assert refused.status_code == 422
    assert "Ångra den först" in refused.text
    assert 'value="annan@exempel.test"' in refused.text
    client.post("/privacy/erasure/cancellation")
    assert client.post(path).status_code == 303
    db.session.rollback()
    assert account(NEW)


def test_nobody_is_pestered(app: Flask, client: FlaskClient) -> None:
    from trustivide.web.limits import limiter

    member()
    visit(app, client)
    link = _link(client)
    limiter.enabled = True
    try:
        limiter.reset()
        answers = [client.post(link, data={"value": NEW}).status_code for _ in range(8)]
        assert answers[0] == 303
        assert answers[-1] == 429
        name = link.removesuffix("email") + "name"
        for n in range(40):  # what mails nobody has no limit
            assert client.post(name, data={"value": f"Dora {n}"}).status_code == 303
    finally:
        limiter.enabled = False
