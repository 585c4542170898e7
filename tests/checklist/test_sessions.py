"""Sessions: they end on the server, change at each step up, and die with the right to them."""

import base64
import json
import zlib
from collections.abc import Callable

import pyotp
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select, update

from tests.admin.test_office import in_office
from tests.auth.test_sign_in import cookie, replay
from tests.conftest import both_databases
from tests.factories import PASSWORD, account, colleague, customer, sign_in, staff
from tests.privacy.stories import asked
from tests.web.test_pages import PRODUCTION
from trustivide import create_app
from trustivide.auth.models import SignIn, User
from trustivide.core.db import db, transaction
from trustivide.organisations.models import Membership

Browsers = Callable[[], FlaskClient]
ALICE, BOB, STINA = "alice@exempel.test", "bob@exempel.test", "stina@trustivide.test"


def test_checklist_01_an_old_cookie_opens_nothing_after_any_way_out(
    app: Flask, browser_of: Browsers
) -> None:
    """Signing out, a new password, another account in the same browser: each ends it at once."""
    alice = customer()
    customer("Charlie Ceder", "charlie@annat.test", number="212000-0142")

    def signed_out(client: FlaskClient) -> None:
        assert client.post("/auth/logout").status_code == 303

    def as_charlie(client: FlaskClient) -> None:
        sign_in(client, "charlie@annat.test")

    def gone(_: FlaskClient) -> None:
        with transaction() as session:
            session.execute(delete(SignIn).where(SignIn.user_id == alice.id))

    for way in (signed_out, as_charlie, gone):
        client = sign_in(browser_of())
        old = cookie(client)
        assert replay(app, old) == 200
        way(client)
        for path in ("/privacy/", "/teams/", "/auth/verify"):
            assert replay(app, old, path) == 303, (way, path)


def test_checklist_02_a_session_prepared_by_somebody_else_is_worth_nothing(
    app: Flask, browser_of: Browsers
) -> None:
    """Mallory puts his cookies into Alice's browser before she signs in (session fixation)."""
    customer()
    staff()
    mallory = browser_of()
    mallory.post("/language", data={"lang": "en"})
    mallory.post("/auth/register", data={})
    with mallory.session_transaction() as held:
        held["registered"] = "x"
    prepared = cookie(mallory)
    victim = browser_of()
    victim.set_cookie("session", prepared)
    sign_in(victim)
    assert cookie(victim) != prepared
    assert replay(app, prepared) == 303
    with victim.session_transaction() as held:
        assert "registered" not in held

    # Giving the second factor changes it again: what was stolen before never gains it.
    stina = sign_in(browser_of(), STINA)
    before = cookie(stina)
    stina.get("/auth/second-factor/new")
    with stina.session_transaction() as held:
        secret = held["totp_secret"]
    stina.post("/auth/second-factor/new", data={"code": pyotp.TOTP(secret).now()})
    assert stina.get("/admin/").status_code == 200
    assert replay(app, before, "/admin/") == 303
    assert replay(app, before, "/auth/verify") == 303


@both_databases
def test_checklist_04_whoever_is_demoted_or_removed_is_out_with_the_next_request(
    app: Flask, browser_of: Browsers
) -> None:
    colleague(customer(), "owner")
    staff()
    bob, stina = sign_in(browser_of(), BOB), in_office(browser_of())
    mine = Membership.user_id == account(BOB).id
    organisation = db.session.scalars(select(Membership.organisation_id).where(mine)).one()
    steps = [("admin", 404, 200), ("member", 404, 404)]
    for role, owners, teams in steps:
        assert bob.get("/teams/").status_code == 200
        with transaction() as session:
            session.execute(update(Membership).where(mine).values(role=role))
        assert bob.get(f"/organisation/{organisation}/owners").status_code == owners
        assert bob.post("/teams/", data={"name": "Nytt"}).status_code == (
            303 if teams == 200 else 404
        )
    assert bob.get("/workshops/").status_code == 200
    with transaction() as session:
        session.execute(delete(Membership).where(mine))
    assert bob.get("/workshops/").status_code == 404
    # Of the staff: to less, then to nothing.
    for role, desk, index in (("content", 404, 200), (None, 404, 404)):
        assert stina.get("/admin/").status_code == 200
        with transaction() as session:
            session.get_one(User, account(STINA).id).staff_role = role
        assert stina.get("/admin/users").status_code == desk
        assert stina.get("/admin/").status_code == index
    # Closed altogether: the row of the account is gone, and every sign-in with it.
    with transaction() as session:
        session.execute(delete(User).where(User.id == account(BOB).id))
    assert bob.get("/privacy/").status_code == 303


def test_checklist_06_cookies_are_bound_small_and_out_of_reach(settings: dict[str, str]) -> None:
    folder = settings["INSTANCE_PATH"]
    urls = {
        "DATABASE_URL": f"sqlite:///{folder}/trustivide.db",
        "LEDGER_URL": f"sqlite:///{folder}/ledger.db",
    }
    app = create_app(settings | PRODUCTION | urls)
    app.config["WTF_CSRF_ENABLED"] = False
    public = {"base_url": "https://trustivide.test"}
    with app.app_context():
        customer()
        client = app.test_client()
        form = {"email": ALICE, "password": PASSWORD}
        signed = client.post("/auth/login", data=form, **public)
        chosen = client.post("/language", data={"lang": "en"}, **public)
        headers = signed.headers.getlist("Set-Cookie") + chosen.headers.getlist("Set-Cookie")
        assert len(headers) >= 2
        for header in headers:
            assert "; Secure; HttpOnly; " in header
            assert "SameSite=Lax" in header
            assert "Domain" not in header
            assert len(header) < 4096
        assert [h for h in headers if h.startswith("__Host-session=") and "Path=/;" in h]
        db.session.remove()
        db.engine.dispose()


def test_checklist_06_the_session_stays_below_four_kilobytes_on_a_busy_day(
    app: Flask, client: FlaskClient
) -> None:
    """Browsers drop a larger cookie without a word, and with it the sign-in."""
    alice = customer()
    staff()
    in_office(client)
    cases = [asked(alice, words=f"Fråga nummer {n} om mina uppgifter.") for n in range(70)]
    for case in cases:
        assert client.post(f"/admin/requests/{case.id}/opening").status_code == 303
    assert len(cookie(client)) < 4096
    page = client.get(f"/admin/requests/{cases[-1].id}").text
    assert "Fråga nummer 69" in page


def test_checklist_06_the_session_cookie_names_nobody(app: Flask, client: FlaskClient) -> None:
    """It is signed, not encrypted: whoever finds it reads it."""
    alice = customer()
    sign_in(client)
    client.get("/teams/")
    payload = cookie(client).lstrip(".").split(".")[0]
    raw = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    held = json.loads(zlib.decompress(raw) if cookie(client).startswith(".") else raw)
    text = json.dumps(held, ensure_ascii=False)
    assert "alice" not in text.lower()
    assert str(alice.id) not in text
    assert PASSWORD not in text
