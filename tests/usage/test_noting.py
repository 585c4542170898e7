"""What counts as a use, and what doesn't; that nothing slows a page or writes inside one."""

import fnmatch
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from tests.admin.test_office import in_office
from tests.conftest import both_databases
from tests.factories import colleague, customer, sign_in, staff
from tests.routes import dump
from tests.usage.stories import notebook, written
from trustivide.auth.models import User
from trustivide.core import clock, crypto
from trustivide.core.activities import USAGE_ANALYSIS
from trustivide.core.db import db, transaction
from trustivide.core.errors import BootError
from trustivide.core.subjects import Person
from trustivide.rights import actions as rights
from trustivide.usage import actions, buffer, kinds
from trustivide.usage.background import Notebook
from trustivide.usage.buffer import Buffer, Use
from trustivide.usage.models import UsageRow

SOURCE = Path(kinds.__file__).parent.parent


def test_opened_pages_and_used_functions_are_counted_by_kind_and_day(
    app: Flask, client: FlaskClient
) -> None:
    alice = customer()
    sign_in(client)
    before = dump()
    client.get("/teams/")
    client.get("/workshops/")
    client.get("/workshops/premortem")
    client.get("/workshops/premortem")
    client.get("/workshops/premortem/agenda")  # the form; the file is what one downloads
    client.get("/workshops/?q=lita")
    client.get("/workshops/?q=xyzzyqwert")
    assert dump() == before, "a page that only reads writes nothing"
    client.post("/teams/", data={"name": "Redaktionen"})
    assert written(app) == {
        "teams": 2,
        "workshops": 1,
        "workshops.views": 3,
        "workshops.found": 1,
        "workshops.nothing_found": 1,
    }
    today = clock.day_of(clock.now())
    rows = db.session.scalars(select(UsageRow)).all()
    assert {row.day for row in rows} == {today}
    assert {row.pseudonym for row in rows} == {Person.of(alice.id).pseudonyms_in(today)[0]}
    stored = repr([(r.kind, r.day, r.uses) for r in rows])
    for word in ("xyzzyqwert", "lita", "premortem", "Redaktionen", str(alice.id)):
        assert word not in stored
    client.get("/workshops/premortem")
    assert written(app)["workshops.views"] == 4, "added to the day's row"


def test_what_failed_was_fetched_in_advance_or_is_nobodys_is_no_use(
    app: Flask, client: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    customer()
    client.get("/workshops/")  # nobody is signed in
    sign_in(client)
    client.get("/workshops/no-such-workshop")
    client.post("/teams/", data={"name": ""})
    client.get("/workshops/", headers={"Sec-Purpose": "prefetch"})
    client.get("/workshops/", headers={"Sec-Purpose": "prefetch;prerender"})
    as_one_types = {"HX-Request": "true", "HX-Request-Type": "partial"}
    client.get("/workshops/?q=til", headers=as_one_types)
    for path in ("/", "/home", "/auth/account", "/privacy/", "/privacy/choices", "/privacy-policy"):
        client.get(path)
    client.post("/workshops/searches", data={"q": "tillit"})  # its results count, once opened
    client.post("/workshops/searches/removal")
    staff()
    stina = in_office(browser_of())
    stina.get("/admin/")
    stina.get("/workshops/")
    assert written(app) == {}


def test_every_page_of_a_customers_person_has_a_kind(app: Flask) -> None:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    theirs = {
        name
        for name in endpoints
        if getattr(app.view_functions[name], "access").kind == "member"  # noqa: B009
    }
    without = {name for name in theirs if kinds.of(name) is None}
    undecided = {
        name
        for name in without
        if name.partition(".")[0] not in kinds.NEVER_COUNTED
        and not any(fnmatch.fnmatchcase(name, pattern) for pattern in kinds.UNCOUNTED)
    }
    assert undecided == set()
    named = {
        f"{area}.{route}" for area, own in kinds.AREAS.items() for k in own for route in k.routes
    }
    exact = {name for name in named | set(kinds.UNCOUNTED) if "*" not in name}
    assert exact - endpoints == set(), "no route has these names any more"
    counted = {kinds.of(name) for name in endpoints}
    by_views = {"workshops.found", "workshops.nothing_found"}
    assert set(kinds.KINDS) - counted == by_views, "what nothing counts as is never seen"
    assert kinds.of("workshops.attachment") == "workshops.downloads"
    assert kinds.of("workshops.session_guide") == "workshops.views"
    assert kinds.of("surveys.new_item") == "surveys.instruments"
    assert kinds.of("surveys.new") == "surveys.sending"
    assert not any(kinds.of(name) for name in endpoints if name.startswith(("auth.", "privacy.")))


def test_an_area_that_nobody_decided_about_does_not_boot() -> None:
    with pytest.raises(BootError, match="brand_new"):
        kinds.check(["teams", "brand_new"])


def test_what_views_say_themselves_is_a_kind() -> None:
    said = {
        kind
        for path in SOURCE.rglob("*.py")
        for call in re.findall(r"\bused\(([^)]*)\)", path.read_text())
        for kind in re.findall(r'"([^"]+)"', call)
    }
    assert said
    assert said <= set(kinds.KINDS)


@both_databases
def test_left_out_are_those_who_said_no_staff_the_gone_and_what_comes_too_late(app: Flask) -> None:
    alice = customer()
    people = {"counted": alice, "staff": staff()}
    for name in ("objecting", "restricting", "by_address", "gone"):
        people[name] = colleague(alice, "member", name, f"{name}@exempel.test")
    now = clock.now()
    with transaction() as session:
        gone = session.get_one(User, people["gone"].id)
        rights.object_to(session, Person.of(people["objecting"].id), USAGE_ANALYSIS, now)
        rights.restrict(session, Person.of(people["restricting"].id), now)
        rights.object_to(session, Person.of(None, people["by_address"].email), USAGE_ANALYSIS, now)
        ids = {name: user.id for name, user in people.items()}
        session.delete(gone)
    today = clock.day_of(now)
    uses = {Use(user_id, today, "teams"): 2 for user_id in ids.values()}
    uses |= {
        Use(alice.id, today, "no.such.kind"): 1,
        Use(alice.id, today - timedelta(days=1), "surveys"): 1,
        Use(alice.id, today - timedelta(days=2), "workshops"): 1,
    }
    for _ in range(2):
        with transaction() as session:
            actions.record(session, uses, now)
    rows = db.session.scalars(select(UsageRow).order_by(UsageRow.kind)).all()
    assert [(row.kind, row.uses) for row in rows] == [("surveys", 2), ("teams", 4)]


def test_a_pseudonym_lasts_a_month_and_a_new_digest_key_makes_no_second_person(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = customer()
    ring = crypto.ring()

    def noted(at: str) -> None:
        with time_machine.travel(at, tick=False), transaction() as session:
            now = clock.now()
            actions.record(session, {Use(alice.id, clock.day_of(now), "teams"): 1}, now)

    noted("2027-03-30 12:00")
    newer = replace(ring, digest_keys={**ring.digest_keys, 2: b"n" * 32})
    monkeypatch.setattr(crypto, "ring", lambda: newer)
    noted("2027-03-31 12:00")
    noted("2027-04-01 12:00")
    march, again, april = db.session.scalars(select(UsageRow).order_by(UsageRow.day)).all()
    assert march.pseudonym == again.pseudonym != april.pseudonym
    person = Person.of(alice.id)
    assert {march.pseudonym, april.pseudonym} <= person.pseudonyms(april.day)
    assert april.pseudonym == person.pseudonyms_in(april.day)[0]


def test_what_could_not_be_written_is_written_the_next_time(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer()
    sign_in(client).get("/teams/")

    def locked(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("database is locked"))

    with monkeypatch.context() as broken:
        broken.setattr(actions, "record", locked)
        assert written(app) == {}
    client.get("/teams/")
    assert written(app) == {"teams": 2}


def test_a_process_that_serves_writes_by_itself_when_there_is_much_and_at_the_end(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = customer()
    today = clock.day_of(clock.now())
    ended: list[Callable[[], None]] = []
    monkeypatch.setattr("atexit.register", lambda end, thread: ended.append(lambda: end(thread)))
    monkeypatch.setattr(buffer, "FULL", 2)
    own = Notebook(app)
    own.write_in_background()
    own.note(Use(alice.id, today, "teams"))
    own.note(Use(alice.id, today, "surveys"))
    own.note(Use(alice.id, today, "workshops"))
    (end,) = ended
    end()
    assert sorted(written(app)) == ["surveys", "teams", "workshops"]


def test_the_buffer_does_not_grow_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer, "_MOST", 3)
    held = Buffer()
    alice, today = uuid4(), clock.day_of(clock.now())
    for kind in ("a", "b", "c", "d", "a"):
        held.note(Use(alice, today, kind))
    taken = held.take()
    assert {use.kind: n for use, n in taken.items()} == {"a": 2, "b": 1, "c": 1}
    assert held.take() == {}
    held.give_back(taken)
    assert held.take() == taken


def test_the_notebook_of_the_tests_has_no_thread(app: Flask) -> None:
    assert not notebook(app).writes_in_background
