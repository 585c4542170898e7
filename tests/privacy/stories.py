"""Beginnings that the stories of the privacy centre share."""

from datetime import date

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.factories import customer, delivered, link_in
from trustivide.auth.models import User
from trustivide.auth.queries import person as person_of
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.organisations.models import Organisation
from trustivide.privacy import actions
from trustivide.privacy.models import Request
from trustivide.teams.models import Team, TeamMember

DORA = "dora@exempel.test"
WORDS = "Jag vill veta vilka som fått min adress av er."


def member(email: str = DORA, name: str | None = "Dora Dal", team: str = "Blå laget") -> None:
    """Somebody in a team of Alice's, entered by her."""
    organisation = db.session.scalar(select(Organisation).order_by(Organisation.customer_since))
    owner_id = organisation.registered_by_id if organisation else customer().id
    with transaction() as session:
        organisation = session.scalars(select(Organisation)).one()
        made = Team(
            organisation_id=organisation.id,
            name=team,
            created_by_id=owner_id,
            created_on=date(2026, 11, 1),
        )
        session.add(made)
        session.flush()
        session.add(
            TeamMember(
                team_id=made.id,
                email=email,
                name=name,
                added_on=date(2026, 11, 1),
                added_by_id=owner_id,
            )
        )


def visit(app: Flask, client: FlaskClient, email: str = DORA) -> FlaskClient:
    """In by mailed link."""
    client.post("/privacy/find", data={"email": email})
    path = link_in(delivered(app)[-1], "/privacy/enter/")
    assert client.post(path).status_code == 303
    return client


def requests(kind: str) -> int:
    """How often a right was exercised."""
    db.session.rollback()
    return db.session.scalar(select(func.count()).where(Request.kind == kind)) or 0


def asked(user: User, kind: str = "other", words: str = WORDS, **more: object) -> Request:
    """Somebody with an account asks for something that people must decide."""
    with transaction() as session:
        return actions.ask(
            session,
            person_of(user),
            kind,
            clock.now(),
            address=user.email,
            name=user.name,
            locale=user.locale,
            details=words,
            **more,  # type: ignore[arg-type]
        )
