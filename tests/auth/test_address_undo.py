"""Second thoughts about a changed address: its owner takes it back, whoever changed it."""

from collections.abc import Callable
from datetime import timedelta

import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.auth.authenticator import added
from tests.auth.test_passkeys import give
from tests.auth.test_second_factor import made_codes, set_up
from tests.conftest import both_databases
from tests.factories import PASSWORD, account, customer, delivered, link_in, sign_in
from tests.privacy.test_address_changes import _ask as ask
from tests.privacy.test_holds import hold
from trustivide.audit.models import AuditEntry
from trustivide.auth import queries
from trustivide.auth.models import KnownDevice, OneTimeLink, Passkey, RecoveryCode, SignIn, User
from trustivide.auth.queries import person
from trustivide.core import clock
from trustivide.core.activities import ACCOUNTS
from trustivide.core.db import db, transaction
from trustivide.organisations.models import Organisation
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
    # Whoever registers under the address meanwhile never proved it, and is in nobody's way.
    squatter = customer("Andra Alm", ALICE, number="212000-0142", organisation="Andra AB").id
    with transaction() as session:
        session.get_one(User, squatter).confirmed_at = None
    assert account(SECOND).id == alice.id
    done = owner.post(link)
    assert done.location.startswith("/auth/reset/")
    db.session.rollback()
    assert account(ALICE).id == alice.id
    assert db.session.scalars(select(Organisation.name)).all() == ["Exempel AB"]
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
    told = [e for e, about in db.session.execute(events) if about == alice.id]
    assert [e for e in told if e.startswith(("address_", "erasure_"))] == [
        "address_changed",
        "address_changed",
        "erasure_requested",
        "erasure_cancelled",
        "address_change_undone",
    ]

    assert "Välj nu ett nytt lösenord" in owner.get(done.location).text
    known = {"email": ALICE, "password": PASSWORD}
    assert browser_of().post("/auth/login", data=known).status_code == 422  # the thief knows it
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
    second = customer("Andra Alm", ALICE, number="212000-0142", organisation="Andra AB")
    stuck = client.post(link)
    assert stuck.status_code == 409
    assert "contact@trustivide.com" in stuck.text
    assert client.get("/auth/account").status_code == 200
    with transaction() as session:
        session.get_one(User, second.id).confirmed_at = None
    hold(ALICE, ACCOUNTS)  # nobody's claim is deleted for it either
    assert client.post(link).status_code == 409
    db.session.rollback()
    assert account(ALICE).id == second.id
    undo = select(func.count()).where(OneTimeLink.purpose == "undo")
    assert db.session.scalar(undo) == 1


def sealed(about: User) -> list[str]:
    """What the audit trail says was taken away because the address was."""
    chain = select(AuditEntry.event).where(
        AuditEntry.about_id == about.id, AuditEntry.detail == "address_undone"
    )
    return sorted(db.session.scalars(chain))


def choose(owner: FlaskClient, link: str) -> str:
    """Take the address back and choose another password; where signing in leads then."""
    reset = owner.post(link).location
    assert owner.post(reset, data={"password": NEW}).location == "/auth/login"
    form = {"email": ALICE, "password": NEW}
    return owner.post("/auth/login?next=/teams/", data=form).location


@both_databases
def test_checklist_13_a_thief_who_added_factors_leaves_no_lock_behind(
    app: Flask, browser_of: Browsers
) -> None:
    alice = customer()
    thief, start = sign_in(browser_of()), clock.now()
    key = added(thief)
    with time_machine.travel(start + timedelta(days=2)):  # not on the same day
        thief = browser_of()
        assert give(thief, key) == 303
        set_up(thief)
        made_codes(thief)
        link = changed(app, thief, FIRST)
        owner = browser_of()
        assert "under veckan före tas bort" in owner.get(link).text
        assert choose(owner, link) == "/teams/"
        assert owner.get("/teams/").status_code == 200
        assert thief.get("/teams/").location == "/auth/login?next=/teams/"
        assert give(browser_of(), key) == 422
        for model in (Passkey, RecoveryCode):
            assert db.session.scalar(select(func.count()).select_from(model)) == 0
        assert sealed(alice) == ["passkey_removed", "recovery_codes_removed", "second_factor_off"]
        told = next(m for m in delivered(app) if m["Subject"] == "Sätt att logga in är borttagna")
        assert told["To"] == ALICE
        body = told.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        assert "- Autentiseringsappen" in body


def test_checklist_09_an_old_mailbox_sheds_no_factor_from_long_before(
    app: Flask, client: FlaskClient, browser_of: Browsers
) -> None:
    alice = customer()
    mine = added(sign_in(client))
    set_up(client)
    made_codes(client)
    with time_machine.travel(clock.now() + timedelta(days=9)):
        assert give(client, mine) == 303
        theirs = added(client, "Mallorys")
        link = changed(app, client, FIRST)
        owner = browser_of()
        assert choose(owner, link) == "/auth/second-factor?next=%2Fteams%2F"
        assert give(owner, theirs, "/auth/second-factor/passkey") == 422
        assert give(owner, mine, "/auth/second-factor/passkey") == 303
        assert owner.get("/teams/").status_code == 200
        assert account(ALICE).totp_secret is not None
        assert db.session.scalar(select(func.count()).select_from(RecoveryCode)) == 10
        assert sealed(alice) == ["passkey_removed"]
