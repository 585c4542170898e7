"""Correcting what is known: each value by its kind, in place, and what is wrong said beside it."""

import re
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Integer,
    MetaData,
    String,
    Table,
    text,
)
from werkzeug.datastructures import MultiDict

from tests.conftest import both_databases
from tests.factories import account, customer, sign_in
from tests.privacy.stories import member, requests, visit
from trustivide.auth.models import User
from trustivide.core.activities import ACCOUNTS
from trustivide.core.db import DELETE_ROW, Personal, db, transaction
from trustivide.core.inventory import Field
from trustivide.core.text import Text
from trustivide.privacy.forms import corrected, correction_form
from trustivide.rights.ledger import ledger

ALICE = "alice@exempel.test"
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}


def _link(client: FlaskClient, group: str, field: str) -> str:
    found = re.search(
        rf'href="(/privacy/data/{group}/[^"]+/{field})"', client.get(f"/privacy/data/{group}").text
    )
    assert found
    return found[1]


# The account's own values


@both_databases
def test_a_phone_number_is_added_read_corrected_and_removed(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    sign_in(client)
    assert "Lägg till" in client.get("/privacy/data/user").text
    link = _link(client, "user", "phone")
    wrong = client.post(link, data={"value": "sjuttio"})
    assert wrong.status_code == 422
    assert "Skriv numret med landskod" in wrong.text
    assert 'value="sjuttio"' in wrong.text
    for typed, kept in (("070-174 06 05", "+46701740605"), ("+44 20 7946 0018", "+442079460018")):
        assert client.post(link, data={"value": typed}).status_code == 303
        db.session.rollback()
        assert account(ALICE).phone == kept
    assert "Lägg till" not in client.get("/privacy/data/user").text
    client.post(link, data={"value": "  "})
    db.session.rollback()
    assert account(ALICE).phone is None
    assert requests("correct") == 3
    assert [e.detail["column"] for e in ledger().entries()] == ["phone"] * 3


def test_the_hint_speaks_the_readers_language(app: Flask, client: FlaskClient) -> None:
    customer(locale="en")
    sign_in(client)
    wrong = client.post(_link(client, "user", "phone"), data={"value": "seventy"})
    assert "Write the number with its country code" in wrong.text


@both_databases
def test_the_language_is_chosen_in_words_and_speaks_at_once(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    sign_in(client)
    link = _link(client, "user", "locale")
    page = client.get(link).text
    assert re.findall(r'<option[^>]* value="(\w\w)">(\w+)', page) == [
        ("sv", "Svenska"),
        ("en", "Engelska"),
    ]
    foreign = client.post(link, data={"value": "de"})
    assert foreign.status_code == 422
    assert client.post(link, data={"value": "en"}).status_code == 303
    assert '<html lang="en"' in client.get("/privacy/data/user").text


def test_a_name_can_not_be_emptied_and_a_members_can(
    app: Flask, client: FlaskClient, browser_of: Any
) -> None:
    member()
    sign_in(client)
    empty = client.post(_link(client, "user", "name"), data={"value": " "})
    assert empty.status_code == 422
    assert "Fältet får inte vara tomt." in empty.text
    dora = visit(app, browser_of())
    assert dora.post(_link(dora, "team_member", "name"), data={"value": ""}).status_code == 303
    assert "Dora Dal" not in dora.get("/privacy/data/team_member").text


def test_in_place_a_wrong_value_comes_back_as_a_part_with_what_was_typed(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    sign_in(client)
    link = _link(client, "user", "phone")
    part = client.post(link, data={"value": "nej"}, headers=PARTIAL)
    assert part.status_code == 422
    assert "<html" not in part.text
    assert 'aria-invalid="true"' in part.text
    assert 'value="nej"' in part.text
    right = client.post(link, data={"value": "+46701740605"}, headers=PARTIAL)
    assert right.headers["HX-Redirect"] == "/privacy/data/user"


@both_databases
def test_a_value_that_another_row_holds_is_refused_beside_its_field(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    customer("Charlie", "charlie@granne.test", number="556036-0793", locale="en")
    with transaction() as session:
        session.execute(text('CREATE UNIQUE INDEX one_of_each ON "user" (locale)'))
    sign_in(client)
    taken = client.post(_link(client, "user", "locale"), data={"value": "en"})
    assert taken.status_code == 422
    assert "Det värdet finns redan." in taken.text
    db.session.rollback()
    assert account(ALICE).locale == "sv"
    assert requests("correct") == 0


# Kinds of columns. The table is made up: the form reads its kind from the column alone.


def _field(name: str, *, nullable: bool = False) -> Field:
    table = Table(
        "sample",
        MetaData(),
        Column("day", Date, nullable=nullable),
        Column("number", Integer, nullable=nullable),
        Column("agreed", Boolean, nullable=nullable),
        Column("role", String, nullable=nullable),
        CheckConstraint("role IN ('owner','leader')"),
    )
    declared = Personal(
        ACCOUNTS,
        DELETE_ROW,
        Text("Uppgift", "Value"),
        None,
        correct=True,
        portable=True,
        derived=False,
        secret=False,
        show=None,
        reader=None,
    )
    return Field(name, table.c[name], declared)


def _fill(app: Flask, field: Field, typed: str) -> SimpleNamespace:
    with app.test_request_context(method="POST", data=MultiDict({"value": typed})):
        form = correction_form(field, None)
        valid = form.validate()
        return SimpleNamespace(
            valid=valid,
            value=corrected(form) if valid else None,
            errors=[str(e) for e in form["value"].errors],
            html=str(form["value"]()),
        )


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("day", "2026-02-28", date(2026, 2, 28)),
        ("number", "-7", -7),
        ("number", "0", 0),
        ("agreed", "1", True),
        ("agreed", "0", False),
        ("role", "leader", "leader"),
    ],
)
def test_a_value_of_each_kind_is_read(app: Flask, name: str, typed: str, value: object) -> None:
    read = _fill(app, _field(name), typed)
    assert read.errors == []
    assert read.value == value
    assert type(read.value) is type(value)


@pytest.mark.parametrize(
    ("name", "typed", "error"),
    [
        ("day", "2026-02-30", "Skriv en dag, till exempel 2026-11-25."),
        ("number", "sju", "Skriv ett heltal."),
        ("number", "7.5", "Skriv ett heltal."),
        ("number", "99999999999999999999", "Skriv ett heltal."),
        ("day", "", "Fältet får inte vara tomt."),
        ("number", "", "Fältet får inte vara tomt."),
        ("agreed", "", "Fältet får inte vara tomt."),
        ("role", "", "Fältet får inte vara tomt."),
    ],
)
def test_a_value_of_the_wrong_kind_is_said_in_our_words(
    app: Flask, name: str, typed: str, error: str
) -> None:
    read = _fill(app, _field(name), typed)
    assert read.errors == [error]
    if typed:
        assert f'value="{typed}"' in read.html


@pytest.mark.parametrize("name", ["day", "number", "agreed", "role"])
def test_what_may_be_missing_is_emptied_by_nothing(app: Flask, name: str) -> None:
    read = _fill(app, _field(name, nullable=True), "")
    assert read.valid
    assert read.value is None


def test_choices_are_words_and_a_day_has_its_own_control(app: Flask) -> None:
    assert "Teamledare" in _fill(app, _field("role"), "leader").html
    assert ">Ja<" in _fill(app, _field("agreed"), "1").html
    assert 'type="date"' in _fill(app, _field("day"), "2026-02-28").html
    assert 'type="number"' in _fill(app, _field("number"), "1").html


def test_a_foreign_code_is_no_choice(app: Flask) -> None:
    for name, typed in (("role", "king"), ("agreed", "kanske")):
        assert not _fill(app, _field(name), typed).valid


def test_codes_are_read_from_the_check(app: Flask) -> None:
    table = User.__table__
    locale = Field("locale", table.c["locale"], table.c["locale"].info["trustivide"])
    name = Field("name", table.c["name"], table.c["name"].info["trustivide"])
    assert locale.codes == ("sv", "en")
    assert name.codes == ()
