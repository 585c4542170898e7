"""Passwords, second factors, resets, limits: how one gets in, and how one doesn't."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from argon2 import PasswordHasher, extract_parameters
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from tests.admin.test_office import in_office
from tests.factories import (
    PASSWORD,
    account,
    customer,
    delivered,
    link_in,
    staff,
    without_secrets,
)
from trustivide import create_app
from trustivide.auth import passwords
from trustivide.core.db import db
from trustivide.web.limits import limiter

Browsers = Callable[[], FlaskClient]
ALICE, NOBODY, STINA = "alice@exempel.test", "ingen@exempel.test", "stina@trustivide.test"
NEW = "smultron under granen"


def reset_link(app: Flask, client: FlaskClient, email: str) -> str:
    client.post("/auth/forgot", data={"email": email})
    return link_in(delivered(app)[-1], "/auth/reset/")


def test_checklist_07_passwords_are_long_taken_as_typed_and_hard_to_guess(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    link = reset_link(app, client, ALICE)
    refused = [
        "elva tecken",
        "x" * 129,
        "a" * 64,
        "Password1234",
        "LÖSENORD12345",
        "trustivide2026!",
        "qwertyqwerty",
        "123456123456",
        "sommar2026sommar",
        "",
        " " * 20,
    ]
    for weak in refused:
        assert client.post(link, data={"password": weak}).status_code == 422, weak
    # Blanks at the ends, other scripts and the full length count as they are typed.
    odd = "  Blåbär 𝓯𝓾𝓵𝓵 \u0000 ملح و كمون i skogen  "
    for chosen in (odd, ("lång och unik mening med många olika tecken 0123 " * 3)[:128]):
        link = reset_link(app, client, ALICE)
        assert client.post(link, data={"password": chosen}).status_code == 303, chosen
        form = {"email": ALICE, "password": chosen}
        assert app.test_client().post("/auth/login", data=form).status_code == 303
        for near in (chosen.strip(), chosen.lower(), chosen[:-1], chosen + "x"):
            if near != chosen:
                wrong = app.test_client().post("/auth/login", data=form | {"password": near})
                assert wrong.status_code == 422, near


def test_checklist_07_what_is_stored_costs_a_guesser_dearly() -> None:
    """OWASP's least for argon2id: 19 MiB, two passes, one lane. The suite itself hashes cheaper."""
    real = extract_parameters(PasswordHasher().hash("x"))
    assert real.type.name == "ID"
    assert real.memory_cost >= 19 * 1024
    assert real.time_cost >= 2
    assert real.salt_len >= 16
    assert passwords.hash_password("samma ord").startswith("$argon2id$")
    assert passwords.hash_password("samma ord") != passwords.hash_password("samma ord")


def test_checklist_09_a_reset_takes_nothing_but_the_password(
    app: Flask, client: FlaskClient, browser_of: Browsers
) -> None:
    """Whoever reads Stina's mail gets no further than to her second factor."""
    staff()
    in_office(client)
    thief = browser_of()
    link = reset_link(app, thief, STINA)
    secret = account(STINA).totp_secret
    assert thief.post(link, data={"password": NEW}).location == "/auth/login"
    assert client.get("/admin/").status_code == 303  # she is signed out everywhere
    form = {"email": STINA, "password": NEW}
    assert thief.post("/auth/login", data=form).status_code == 303
    assert account(STINA).totp_secret == secret
    assert thief.get("/admin/").location == "/auth/second-factor?next=/admin/"
    assert thief.get("/auth/second-factor/new").location.startswith("/auth/second-factor")
    assert thief.post("/auth/second-factor", data={"code": "000000"}).status_code == 422
    # Once, and under no other purpose.
    assert thief.post(link, data={"password": PASSWORD}).status_code == 404


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """Every statement that is sent meanwhile, by its first word, and every password verified."""
    sent: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement.split()[0])

    hasher = passwords.hasher

    class Noting:
        def verify(self, *given: str) -> bool:
            sent.append("verify")
            return hasher.verify(*given)

        def hash(self, *given: str) -> str:
            sent.append("hash")
            return hasher.hash(*given)

    event.listen(db.engine, "before_cursor_execute", note)
    passwords.hasher = Noting()  # type: ignore[assignment]
    passwords.matches(None, "the decoy is made once for each hasher")
    sent.clear()
    try:
        yield sent
    finally:
        passwords.hasher = hasher
        event.remove(db.engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/auth/login", {"password": "inte den här gången"}),
        (
            "/auth/register",
            {
                "organisation": "Ny AB",
                "number": "556036-0793",
                "name": "Nina",
                "password": NEW,
                "agreement": "1",
            },
        ),
        ("/auth/forgot", {}),
        ("/privacy/find", {}),
    ],
)
def test_checklist_10_a_known_address_is_answered_as_an_unknown_one(
    app: Flask, path: str, form: dict[str, str]
) -> None:
    """The same words and headers, and the same work: as many hashes, and writes to commit.

    What a stopwatch says over 200 tries is printed by ``make scan``.
    """
    customer()
    app.test_client().post(path, data=form | {"email": "varm@exempel.test"})
    told, work = [], []
    for email in (ALICE, NOBODY):
        client = app.test_client()
        with statements(app) as sent:
            answer = client.post(path, data=form | {"email": email})
        body = without_secrets(answer.text).replace(email, "…")
        held = client.get_cookie("session")
        headers = {k: v for k, v in answer.headers if k not in {"Set-Cookie", "Content-Length"}}
        headers.pop("Content-Security-Policy")
        told.append((answer.status_code, body, headers, len(str(held.value)) if held else 0))
        work.append(sent)
    assert told[0] == told[1]
    known, unknown = work
    for costly in ("hash", "verify", "BEGIN"):
        assert known.count(costly) == unknown.count(costly), (costly, known, unknown)
    assert abs(len(known) - len(unknown)) <= 4, (known, unknown)
    writes = {"INSERT", "DELETE", "UPDATE"}
    assert bool(writes & set(known)) == bool(writes & set(unknown))


@pytest.mark.parametrize(("proxies", "fooled"), [("0", False), ("1", True)])
def test_checklist_11_a_network_is_believed_from_a_configured_proxy_alone(
    settings: dict[str, str], proxies: str, fooled: bool
) -> None:
    app = create_app(settings | {"PROXIES": proxies})
    app.config["WTF_CSRF_ENABLED"] = False
    limiter.enabled = True
    limiter.reset()
    try:
        with app.app_context():
            names = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "X-Client-IP")
            answers = []
            for n in range(32):
                claimed = f"192.0.2.{n}"
                # What a browser sends itself stands before what our own proxy adds.
                headers = dict.fromkeys(names, claimed) | {
                    "X-Forwarded-For": f"198.51.100.1, {claimed}",
                    "Forwarded": f"for={claimed}",
                }
                form = {"email": f"n{n}@exempel.test", "password": "fel lösenord"}
                sent = app.test_client().post("/auth/login", data=form, headers=headers)
                answers.append(sent.status_code)
            assert answers == ([422] * 32 if fooled else [422] * 30 + [429] * 2)
            db.session.remove()
            db.engine.dispose()
    finally:
        limiter.reset()
        limiter.enabled = False


def test_checklist_11_an_address_has_one_count_however_it_is_spelled(app: Flask) -> None:
    customer()
    limiter.enabled = True
    limiter.reset()
    try:
        spelled = [
            "alice@exempel.test",
            "ALICE@exempel.test",
            " alice@EXEMPEL.test ",
            "Alice@exempel.TEST",
        ]
        answers = [
            app.test_client()
            .post(
                "/auth/login",
                data={"email": spelled[n % 4], "password": "fel lösenord"},
                environ_overrides={"REMOTE_ADDR": f"192.0.2.{n}"},
            )
            .status_code
            for n in range(8)
        ]
        assert answers == [422] * 6 + [429] * 2
    finally:
        limiter.reset()
        limiter.enabled = False


def test_checklist_13_the_owner_hears_of_a_new_password_and_of_a_new_address(
    app: Flask, client: FlaskClient
) -> None:
    alice = customer()
    link = reset_link(app, client, ALICE)
    client.post(link, data={"password": NEW})
    told = delivered(app)[-1]
    assert (told["To"], told["Subject"]) == (ALICE, "Ditt lösenord är bytt")
    client.post("/auth/login", data={"email": ALICE, "password": NEW})
    client.post(f"/privacy/data/user/{alice.id}/email", data={"value": "alice.ny@exempel.test"})
    asked = delivered(app)[-1]
    assert asked["To"] == "alice.ny@exempel.test"
    client.post(link_in(asked, "/privacy/address/"))
    after = delivered(app)
    assert [m for m in after if m["To"] == ALICE and "adress" in str(m["Subject"]).lower()]
