"""Known devices: who is told of a new one, and who is locked out by guesses."""

from collections.abc import Callable

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.factories import PASSWORD, customer, delivered, link_in, sign_in
from trustivide import create_app
from trustivide.auth import devices
from trustivide.auth.models import KnownDevice
from trustivide.core.db import db
from trustivide.web.limits import limiter

Browsers = Callable[[], FlaskClient]
ALICE = "alice@exempel.test"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
)
CHROME = "(KHTML, like Gecko) Chrome/142.0.0.0"


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (FIREFOX, "Firefox på Windows"),
        (IPHONE, "Safari på iPhone"),
        (
            f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 {CHROME} Safari/537.36",
            "Chrome på Linux",
        ),
        (
            f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {CHROME} Safari/537.36 Edg/142.0",
            "Edge på Mac",
        ),
        (f"Mozilla/5.0 (Linux; Android 15) {CHROME} Mobile Safari/537.36", "Chrome på Android"),
        (f"Mozilla/5.0 (X11; CrOS x86_64) {CHROME} Safari/537.36 OPR/120", "Opera på ChromeOS"),
        ("curl/8.5 Windows", "Windows"),
        ("", "Okänd enhet"),
        ("<script>alert(1)</script>", "Okänd enhet"),
    ],
)
def test_a_device_in_words(user_agent: str, words: str) -> None:
    assert devices.in_words(user_agent).sv == words
    assert devices.in_words(user_agent).en == words.replace(" på ", " on ").replace(
        "Okänd enhet", "Unknown device"
    )


def using(browser: FlaskClient, user_agent: str) -> FlaskClient:
    browser.environ_base["HTTP_USER_AGENT"] = user_agent
    return browser


def news(app: Flask) -> list[str]:
    """The texts of the mails about new devices."""
    told = [m for m in delivered(app) if m["Subject"] == "Ny enhet loggade in på ditt konto"]
    return [body.get_content() for m in told if (body := m.get_body(("plain",)))]


def test_checklist_13_alice_is_told_of_a_new_device_once(app: Flask, browser_of: Browsers) -> None:
    customer()
    phone = sign_in(using(browser_of(), IPHONE))
    assert news(app) == []  # the first of a new account
    office = using(browser_of(), FIREFOX)
    with time_machine.travel("2026-12-01 13:05:00+00:00"):
        customer("Charlie Ceder", "charlie@annat.test", number="212000-0142")
        sign_in(office)
        (told,) = news(app)
        assert "Firefox på Windows, 1 december 2026 kl. 14.05" in told
        assert "/auth/forgot" in told
        # Known from now on, and whoever else signs in there has a first sign-in of their own.
        office.post("/auth/logout")
        sign_in(office, "charlie@annat.test")
        sign_in(office)
        assert len(news(app)) == 1
        stored = db.session.scalars(select(KnownDevice.token_digest)).all()
        assert len(set(stored)) == len(stored) == 3

        page = office.get("/auth/account").text
        known = page[page.index("Kända enheter") : page.index("Inloggningshistorik")]
        assert known.count("Den här enheten") == 1
        assert "Safari på iPhone" in known
        here = db.session.scalars(select(KnownDevice).order_by(KnownDevice.last_seen_on.desc()))
        own = next(d for d in here if str(d.id) in known and d.device.startswith("Firefox"))
        forget = f"/auth/devices/{own.id}/forget"
        assert "Glöm Firefox på Windows" in office.get(forget).text
        assert office.post(forget).location == "/auth/account"
        assert office.get(forget).status_code == 404
        sign_in(office)
        assert len(news(app)) == 2
    with time_machine.travel("2026-12-02"):
        assert sign_in(phone)
        assert len(news(app)) == 2


def test_checklist_11_a_strangers_guesses_never_lock_alice_out(
    app: Flask, browser_of: Browsers
) -> None:
    customer()
    at_home = sign_in(browser_of())
    limiter.enabled = True
    limiter.reset()
    wrong = {"email": ALICE, "password": "fel lösenord"}
    right = {"email": ALICE, "password": PASSWORD}
    stranger = browser_of()
    with time_machine.travel("2026-12-01 08:00:30+00:00", tick=False):
        answers = [stranger.post("/auth/login", data=wrong) for _ in range(31)]
        assert [a.status_code for a in answers] == [422] * 6 + [429] * 25
        assert "Vänta till 09.11 och försök sedan igen" in answers[-1].text
        assert 'href="/auth/forgot"' in answers[-1].text
        # Not at home, where she is known; her own mistakes there count by themselves.
        assert at_home.post("/auth/login", data=right).status_code == 303
        tries = [at_home.post("/auth/login", data=wrong).status_code for _ in range(6)]
        assert tries == [422] * 5 + [429]
        # The device is known to one account: for another it is anybody's.
        other = at_home.post("/auth/login", data={**wrong, "email": "bob@exempel.test"})
        assert other.status_code == 429  # by the network, which the stranger used up
        # A cookie that nobody gave is none.
        asked = [stranger.post("/auth/forgot", data={"email": ALICE}) for _ in range(7)]
        assert [a.status_code for a in asked] == [303] * 6 + [429]
        assert "finns den snart i din inkorg" in asked[-1].text
        stranger.set_cookie("device", "made up")
        assert stranger.post("/auth/login", data=right).status_code == 429

    with time_machine.travel("2026-12-01 08:20:00+00:00", tick=False):
        for _ in range(6):
            stranger.post("/auth/login", data=wrong)
        away = browser_of()
        assert away.post("/auth/login", data=right).status_code == 429
        # The mailed link lets her in there, whatever was guessed.
        away.post("/auth/forgot", data={"email": ALICE})
        new = "smultron under granen"
        away.post(link_in(delivered(app)[-1], "/auth/reset/"), data={"password": new})
        assert away.post("/auth/login", data={**right, "password": new}).status_code == 303
        assert "från en enhet som vi inte känner igen" not in "".join(news(app))
        # What was known before the reset is not known any more.
        assert at_home.post("/auth/login", data=wrong).status_code == 429
        assert db.session.scalar(select(func.count()).select_from(KnownDevice)) == 1


def test_checklist_06_the_devices_cookie_is_bound_to_the_host_and_small(
    settings: dict[str, str],
) -> None:
    app = create_app({**settings, "PUBLIC_URL": "https://trust.exempel.test"})
    app.config.update(WTF_CSRF_ENABLED=False)
    with app.app_context():
        customer()
        browser = app.test_client()
        form = {"email": ALICE, "password": PASSWORD}
        answer = browser.post("/auth/login", data=form, base_url="https://localhost")
        given = {c.split("=")[0]: c for c in answer.headers.getlist("Set-Cookie")}
        for name in ("__Host-session", "__Host-device"):
            for part in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
                assert part in given[name]
            assert "Domain" not in given[name]
            assert len(given[name]) < 4096
        assert "Max-Age=31536000" in given["__Host-device"]
        db.session.remove()
        db.engine.dispose()
