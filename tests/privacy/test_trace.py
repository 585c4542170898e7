"""What is left of a person, counted for whoever must prove an erasure, and shown to nobody."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import both_databases
from tests.factories import account, customer, delivered, sign_in
from tests.privacy.stories import DORA
from tests.privacy.stories import member as _member
from tests.privacy.stories import visit as _visit
from tests.privacy.test_erasure import _decide, _in_a_week
from tests.privacy.test_holds import end, hold, searches
from tests.surveys.stories import answer, launched, tokens
from trustivide.core import clock, inventory
from trustivide.core.activities import SEARCH_HISTORY
from trustivide.core.db import db, transaction
from trustivide.core.subjects import ByCode, ByCookie

ALICE, CHARLIE = "alice@exempel.test", "charlie@granne.test"
ALL = "in all, but for that"
LINE = re.compile(r"^(?P<place>\S.*?) +(?P<n>\d+)(?P<kept>  kept by promise, .*)?$")


def printed(app: Flask, address: str) -> str:
    """What the command says."""
    db.session.rollback()
    done = app.test_cli_runner().invoke(args=["privacy", "trace", address])
    assert done.exit_code == 0, done.output
    db.session.rollback()
    return str(done.output)


def traced(app: Flask, address: str) -> tuple[dict[str, int], dict[str, int]]:
    """The counts of each place with something: what may be gone, and what is kept by promise."""
    left: dict[str, int] = {}
    kept: dict[str, int] = {}
    for line in printed(app, address).splitlines():
        if (found := LINE.match(line)) and int(found["n"]):
            (kept if found["kept"] else left)[found["place"]] = int(found["n"])
    return left, kept


@both_databases
def test_an_account_is_counted_before_its_erasure_and_not_after(
    app: Flask, client: FlaskClient, tick: Callable[[], None]
) -> None:
    customer()
    searches()
    delivered(app)
    before, _ = traced(app, ALICE)
    assert before["search"] == 3
    assert before["download"] == before["user"] == before["membership"] == 1
    assert before["store: development_mail"] >= 1
    assert before[ALL] == sum(n for place, n in before.items() if place != ALL)
    sign_in(client)
    _decide(client)
    cooling, _ = traced(app, ALICE)
    assert cooling["search"] == 3
    assert cooling["erasure"] == 1
    _in_a_week(tick)
    after, kept = traced(app, ALICE)
    assert after == {}
    assert kept == {"rights ledger": 1}  # the erasure, which names the address's digest too


@both_databases
def test_a_no_is_kept_by_promise_and_said_to_be(
    app: Flask, client: FlaskClient, tick: Callable[[], None]
) -> None:
    _member()
    _visit(app, client)
    client.post("/privacy/objections/team_surveys", data={"on": "1", "reason": "Jag vill inte."})
    before, _ = traced(app, DORA)
    assert before["team_member"] == 1
    _decide(client)
    tick()
    after, kept = traced(app, DORA)
    assert after == {}
    assert kept["suppression"] == 1
    assert kept["rights ledger"] >= 1
    assert "kept by promise, without name or address" in printed(app, DORA)


def test_it_prints_numbers_and_nothing_of_the_person(app: Flask) -> None:
    user = customer()
    user_id = str(user.id)
    searches()
    delivered(app)
    said = printed(app, "  Alice@Exempel.TEST ")
    for word in ("alice", "alm", "fråga", "premortem", "exempel ab", user_id, user_id[:8]):
        assert word not in said.lower()
    numbers = [line for line in said.splitlines() if LINE.match(line)]
    assert len(numbers) == len(said.splitlines()) - 1  # the one that says what can't be traced
    assert printed(app, ALICE) == said


def test_every_place_that_an_address_leads_to_is_named(app: Flask) -> None:
    places = {found["place"] for found in map(LINE.match, printed(app, DORA).splitlines()) if found}
    groups = {
        group.name
        for group in inventory.groups()
        if not isinstance(group.subject, ByCode | ByCookie)
    }
    stores = {f"store: {store.key}" for store in inventory.registry.stores}
    assert places == groups | stores | {"queue, in bytes", "rights ledger", ALL}
    assert stores


def test_nobody_is_found_by_an_unknown_address(app: Flask) -> None:
    customer()
    searches()
    for address in ("ingen@annan.test", "alice@exempel.example.org", "lice@exempel.test"):
        assert traced(app, address) == ({}, {})


@pytest.mark.parametrize("wrong", ["", " ", "alice", "%", "alice@", "@exempel.test"])
def test_what_is_no_address_is_refused_and_not_repeated(app: Flask, wrong: str) -> None:
    """Half an address would count whatever it is a part of."""
    customer()
    done = app.test_cli_runner().invoke(args=["privacy", "trace", wrong])
    assert done.exit_code == 2
    assert "That is not an e-mail address." in done.output
    assert "alice" not in done.output
    assert LINE.match(done.output.splitlines()[-1]) is None


@both_databases
def test_the_neighbour_is_untouched(
    app: Flask, client: FlaskClient, tick: Callable[[], None]
) -> None:
    customer()
    customer("Charlie", CHARLIE, number="556036-0793", organisation="Grannen AB")
    searches(CHARLIE)
    before = traced(app, CHARLIE)
    sign_in(client)
    _decide(client)
    _in_a_week(tick)
    after = traced(app, CHARLIE)
    assert before[0]["search"] == after[0]["search"] == 3
    assert before[0]["user"] == after[0]["user"] == 1
    assert traced(app, ALICE)[0] == {}


def test_an_account_that_nobody_confirmed_counts_too(app: Flask) -> None:
    customer()
    with transaction():
        account(ALICE).confirmed_at = None
    assert traced(app, ALICE)[0]["user"] == 1


def test_what_a_hold_keeps_is_traced_until_it_ends(
    app: Flask, client: FlaskClient, tick: Callable[[], None]
) -> None:
    customer()
    searches()
    placed = hold(ALICE, SEARCH_HISTORY)
    sign_in(client)
    _decide(client)
    with time_machine.travel(clock.now() + timedelta(days=7, minutes=1)):
        tick()
        left, _ = traced(app, ALICE)
        assert left["search"] == 3
        assert left["user"] == left["legal_hold"] == 1
        assert "download" not in left
        end(placed)
        tick()
        assert traced(app, ALICE)[0] == {}


def test_a_step_that_was_left_out_is_found(
    app: Flask, client: FlaskClient, tick: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the counts can tell that an erasure was none."""
    _member()
    _visit(app, client)
    whole = inventory.groups()
    monkeypatch.setattr(
        inventory, "groups", lambda: tuple(g for g in whole if g.name != "team_member")
    )
    _decide(client)
    tick()
    monkeypatch.undo()
    assert traced(app, DORA)[0]["team_member"] == 1


def test_what_lies_in_the_queue_is_found(app: Flask) -> None:
    """The control: the queue holds wake-ups alone, and one that held more would be noticed."""
    user_id = customer().id
    assert "queue, in bytes" not in traced(app, ALICE)[0]
    queue = app.extensions["queue"]
    counted = [0]
    for word in (ALICE, user_id.hex, str(user_id)):
        queue.storage.enqueue(word.encode())
        counted.append(traced(app, ALICE)[0]["queue, in bytes"])
    assert counted == sorted(set(counted))  # each found, in the file and in its journal
    assert "queue, in bytes" not in traced(app, DORA)[0]


def test_survey_answers_are_not_traced_and_that_is_said(app: Flask) -> None:
    survey = launched(app, 4, customer())
    before = traced(app, "dora1@exempel.test")
    assert before[0]["invitation"] == 1
    for n, token in enumerate(tokens(survey).values()):
        answer(survey, token, n)
    assert traced(app, "dora1@exempel.test") == before
    assert "Survey answers can't be traced" in printed(app, "dora1@exempel.test")
