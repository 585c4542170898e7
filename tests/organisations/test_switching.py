"""Charlie leads in two organisations, and has a tab open in each."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.factories import account, customer, sign_in
from tests.organisations.stories import ALICE, CHARLIE, organisation_id
from trustivide.core.db import db, transaction
from trustivide.organisations.models import Membership, Organisation
from trustivide.teams.models import Team

HIDDEN = re.compile(r'name="for_organisation" value="([^"]+)"')


@pytest.fixture
def charlie(app: Flask, client: FlaskClient) -> FlaskClient:
    """He owns Annan AB, leads in Exempel AB, and works at home."""
    customer()
    customer("Charlie Carlsson", CHARLIE, organisation="Annan AB", number="556036-0793")
    with transaction() as session:
        key = session.scalars(select(Organisation.id).where(Organisation.name == "Exempel AB"))
        session.add(
            Membership(organisation_id=key.one(), user_id=account(CHARLIE).id, role="leader")
        )
    sign_in(client, CHARLIE)
    switch(client, "Annan AB")
    return client


def switch(client: FlaskClient, name: str) -> None:
    form = {"organisation": str(organisation_id(name))}
    assert client.post("/organisation/choice", data=form).status_code == 303


def teams() -> list[tuple[str, str]]:
    db.session.rollback()
    joined = select(Team.name, Organisation.name).join(
        Organisation, Team.organisation_id == Organisation.id
    )
    return [(team, owner) for team, owner in db.session.execute(joined)]


def test_a_form_never_changes_another_organisation_than_the_one_it_was_opened_in(
    charlie: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    page = charlie.get("/teams/").text
    form = {"name": "Redaktionen", "for_organisation": HIDDEN.findall(page)[-1]}
    assert form["for_organisation"] == str(organisation_id("Annan AB"))
    switch(charlie, "Exempel AB")  # in a second tab

    for headers in ({}, {"HX-Request": "true", "HX-Request-Type": "partial"}):
        stopped = charlie.post("/teams/", data=form, headers=headers)
        assert stopped.status_code == 409
        assert "Du har bytt organisation i en annan flik" in stopped.text
        assert "hör till Annan AB, men nu arbetar du i Exempel AB" in stopped.text
        assert "Byt till Annan AB" in stopped.text
    assert teams() == []
    # Back where the page belongs, the same form goes through.
    switch(charlie, "Annan AB")
    assert charlie.post("/teams/", data=form).status_code == 303
    assert teams() == [("Redaktionen", "Annan AB")]

    # An organisation that is not his, or no longer, is not named.
    for other in ("nonsense", "6f2d9c3e-0b39-4d61-8f0c-9d6f5d1b7a10"):
        answer = charlie.post("/teams/", data={**form, "for_organisation": other})
        assert answer.status_code == 409
        assert "som du inte längre är med i" in answer.text
    assert len(teams()) == 1
    # Whoever belongs to one has nothing to mix up.
    assert HIDDEN.findall(sign_in(browser_of(), ALICE).get("/teams/").text) == []
