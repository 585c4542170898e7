"""Shared beginnings of the stories that the tests tell."""

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from flask import Flask
from flask.testing import FlaskClient

from trustivide.auth import actions as auth
from trustivide.auth import queries as accounts
from trustivide.auth.models import User
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.organisations import actions as organisations
from trustivide.organisations.models import Membership
from trustivide.organisations.queries import actor_for
from trustivide.outbox import worker

PASSWORD = "kantarell i backen"


def customer(name: str = "Alice Alm", email: str = "alice@exempel.test", **more: str) -> User:
    """A confirmed owner of an organisation of their own."""
    with transaction() as session:
        user = organisations.register(
            session,
            organisation=more.get("organisation", "Exempel AB"),
            number=more.get("number", "556016-0680"),
            name=name,
            email=email,
            password=PASSWORD,
            locale=more.get("locale", "sv"),
            marketing=False,
            gpc_seen=False,
            now=clock.now(),
        )
        assert user is not None
        user.confirmed_at = clock.now()
    return user


def colleague(
    owner: User, role: str, name: str = "Bob Berg", email: str = "bob@exempel.test"
) -> User:
    """A confirmed account with ``role`` in the owner's organisation."""
    with transaction() as session:
        user = auth.create_user(
            session, email=email, name=name, password=PASSWORD, locale="sv", now=clock.now()
        )
        user.confirmed_at = clock.now()
        actor = actor_for(session, owner.id)
        assert actor is not None
        session.add(Membership(organisation_id=actor.organisation_id, user_id=user.id, role=role))
    return user


def staff(
    name: str = "Stina Ström", email: str = "stina@trustivide.test", role: str = "owner"
) -> User:
    """A confirmed member of staff without a second factor yet."""
    with transaction() as session:
        user = auth.create_user(
            session, email=email, name=name, password=PASSWORD, locale="sv", now=clock.now()
        )
        user.confirmed_at = clock.now()
        user.staff_role = role
    return user


def sign_in(client: FlaskClient, email: str = "alice@exempel.test") -> FlaskClient:
    """Sign in through the form."""
    response = client.post("/auth/login", data={"email": email, "password": PASSWORD})
    assert response.status_code == 303, response.text
    return client


def account(email: str) -> User:
    """The account with this address."""
    user = accounts.by_address(db.session(), email)
    assert user is not None
    return user


def delivered(app: Flask) -> list[EmailMessage]:
    """Let the worker do all that is due; every mail delivered so far, oldest first."""
    worker.work(app)
    db.session.rollback()  # the test's own read must not hide what the worker wrote
    folder = app.config["SETTINGS"].instance / "mail"
    return [
        message_from_bytes(path.read_bytes(), policy=default)  # type: ignore[misc]
        for path in sorted(folder.glob("*.eml"))
    ]


def link_in(message: EmailMessage, prefix: str) -> str:
    """The path of the first link in the text part that begins with ``prefix``."""
    body = message.get_body(("plain",))
    assert body is not None
    found = re.search(rf"https?://[^/\s]+({re.escape(prefix)}\S*)", body.get_content())
    assert found, body.get_content()
    return found.group(1)


def without_secrets(page: str) -> str:
    """A page without what differs each time: to compare what two people are told."""
    return re.sub(r'nonce="[^"]+"|name="csrf_token" value="[^"]+"', "", page)
