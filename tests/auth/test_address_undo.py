"""Second thoughts about a changed address: its owner takes it back, whoever changed it."""

from collections.abc import Callable
from datetime import timedelta

import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.conftest import both_databases
from tests.factories import account, customer, delivered, link_in, sign_in
from tests.privacy.test_address_changes import _ask as ask
from trustivide.audit.models import AuditEntry
from trustivide.auth import queries
from trustivide.auth.models import KnownDevice, OneTimeLink, SignIn
from trustivide.auth.queries import person
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.privacy import erasure
from trustivide.privacy.models import AddressChange, Erasure

Browsers = Callable[[], FlaskClient]
ALICE, FIRST, SECOND = "alice@exempel.test", "mallory@annat.test", "mallory.igen@annat.test"
UNDO = "/auth/address-undo/"
NEW = "smultron under granen"


def changed(app: Flask, client: FlaskClient, new: str) -> str:
    """Change the account's address; the path that the one before was mailed."""
    assert client.post(ask(app, client, "user", new)).status_code == 303
    return link_in(delivered(app)[-1], UNDO)


@both_databases
def test_checklist_13_the_old_address_is_told_and_takes_the_account_back(
    app: Flask, browser_of: Browsers
) -> None:
    alice = customer()
    thief = sign_in(browser_of())
    link, newer = changed(app, thief, FIRST), changed(app, thief, SECOND)
    ask(app, thief, "user", "mallory.sist@annat.test")
    with transaction() as session:
        whom = person(account(SECOND))
        erasure.request(session, whom, address=SECOND, name="", locale="sv", now=clock.now())

    owner = browser_of()
    for _ in range(3):
        page = owner.get(link)
        assert page.status_code == 200
        assert "annat.test" not in page.text
    assert owner.head(link).status_code == 200
    assert account(SECOND).id == alice.id
    done = owner.post(link)
    assert done.location.startswith("/auth/reset/")
    db.session.rollback()
    assert account(ALICE).id == alice.id
    assert queries.by_address(db.session(), SECOND) is None
    assert thief.get("/auth/account").status_code == 303
    assert browser_of().post(newer).status_code == 404
    assert browser_of().post(link).status_code == 404
    told = delivered(app)[-1]
    assert (told["To"], told["Subject"]) == (SECOND, "Adressen till kontot är som förut")
    assert "exempel.test" not in told.get_body(("plain",)).get_content().replace("contact@", "")
    # What whoever changed it had begun besides has ended too.
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(AddressChange)) == 0
    assert set(db.session.scalars(select(Erasure.state))) == {"cancelled"}
    for model in (SignIn, KnownDevice):
        assert db.session.scalar(select(func.count()).select_from(model)) == 0
    events = select(AuditEntry.event, AuditEntry.about_id).order_by(AuditEntry.number)
    assert [e for e, about in db.session.execute(events) if about == alice.id][-3:] == [
        "address_changed",
        "address_changed",
        "address_change_undone",
    ]

    assert "Välj nu ett nytt lösenord" in owner.get(done.location).text
    assert owner.post(done.location, data={"password": NEW}).location == "/auth/login"
    for typed, status in ((NEW, 303), ("kantarell i backen", 422)):
        form = {"email": ALICE, "password": typed}
        assert browser_of().post("/auth/login", data=form).status_code == status


def test_the_link_lasts_seven_days_and_opens_nothing_else(app: Flask, client: FlaskClient) -> None:
    customer()
    link = changed(app, sign_in(client), FIRST)
    token = link.removeprefix(UNDO)
    for path in (f"/auth/reset/{token}", f"/auth/confirm/{token}", f"/privacy/address/{token}"):
        assert client.get(path).status_code == 404
    client.post("/auth/forgot", data={"email": FIRST})
    reset = link_in(delivered(app)[-1], "/auth/reset/").removeprefix("/auth/reset/")
    assert client.post(UNDO + reset).status_code == 404
    with time_machine.travel(clock.now() + timedelta(days=6, hours=23)):
        assert client.get(link).status_code == 200
    with time_machine.travel(clock.now() + timedelta(days=7, minutes=1)):
        late = client.post(link)
        assert late.status_code == 404
        assert "sju dagar" in late.text
    assert account(FIRST)


def test_where_somebody_else_has_the_address_by_now_nothing_changes(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    link = changed(app, sign_in(client), FIRST)
    customer("Andra Alm", ALICE, number="212000-0142", organisation="Andra AB")
    stuck = client.post(link)
    assert stuck.status_code == 409
    assert "contact@trustivide.com" in stuck.text
    assert client.get("/auth/account").status_code == 200
    undo = select(func.count()).where(OneTimeLink.purpose == "undo")
    assert db.session.scalar(undo) == 1
