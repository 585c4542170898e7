"""Pages that belong to no feature, the language, and what every answer carries."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import environment
from tests.factories import account, customer, delivered, sign_in
from trustivide import create_app
from trustivide.core.errors import BootError
from trustivide.rights import legal_texts

PRODUCTION = {
    "TRUSTIVIDE_ENV": "production",
    "PUBLIC_URL": "https://trustivide.test",
    "MAIL_SERVER": "mail.trustivide.test",
    "PROCESSORS": '{"mail.trustivide.test": '
    '{"recipient": "mail", "name": "Postbolaget (fiktivt)", "country": "SE"}}',
    "MAIL_USE_TLS": "true",
    "MAIL_DEFAULT_SENDER": "Trustivide <no-reply@trustivide.test>",
}


def language_of(client: FlaskClient, **headers: str) -> str:
    found = re.search(r'<html lang="(\w+)', client.get("/", headers=headers).text)
    assert found
    return found.group(1)


def test_the_language_is_swedish_unless_the_browser_asks_for_english(client: FlaskClient) -> None:
    asked = {
        "": "sv",
        "de,fr;q=0.5": "sv",
        "en-GB,en;q=0.9": "en",
        "sv-SE,sv;q=0.9,en;q=0.8": "sv",
        "en;q=0.4,sv;q=0.8": "sv",
    }
    for header, language in asked.items():
        assert language_of(client, **{"Accept-Language": header}) == language, header


def test_the_cookie_outweighs_the_browser_and_the_account_both(client: FlaskClient) -> None:
    chosen = client.post("/language", data={"lang": "en", "next": "/privacy-policy?x=1"})
    assert (chosen.status_code, chosen.location) == (303, "/privacy-policy?x=1")
    assert "HttpOnly" in chosen.headers["Set-Cookie"]
    assert language_of(client, **{"Accept-Language": "sv"}) == "en"
    customer()
    sign_in(client)
    assert language_of(client) == "sv"
    client.post("/language", data={"lang": "en"})
    assert account("alice@exempel.test").locale == "en"
    assert language_of(client) == "en"
    client.post("/language", data={"lang": "xx"})
    assert account("alice@exempel.test").locale == "en"


def test_a_signed_out_choice_touches_no_account(client: FlaskClient) -> None:
    customer()
    client.post("/language", data={"lang": "en"})
    assert account("alice@exempel.test").locale == "sv"


def test_before_sign_in_nothing_comes_from_anybody_else(client: FlaskClient) -> None:
    for path in ("/", "/auth/login", "/auth/register", "/auth/forgot", "/privacy-policy"):
        page = client.get(path).text
        for address in re.findall(r'(?:src|href|action)="([^"]+)"', page):
            loaded = not re.search(rf'<a [^>]*href="{re.escape(address)}"', page)
            assert not loaded or address.startswith("/"), (path, address)
    customer()
    sign_in(client)
    assert "cdn.jsdelivr.net" in client.get("/teams/").text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/", 200),
        ("get", "/healthz", 200),
        ("get", "/nothing-here", 404),
        ("get", "/auth/logout", 405),
        ("post", "/auth/login", 422),
        ("get", "/teams/", 303),
        ("get", "/static/nothing.css", 404),
    ],
)
def test_every_answer_carries_the_headers(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    answer = getattr(client, method)(path)
    assert answer.status_code == status
    policy = answer.headers["Content-Security-Policy"]
    for rule in ("default-src 'none'", "object-src 'none'", "frame-ancestors 'none'", "base-uri"):
        assert rule in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    for name in ("HX-Request", "HX-Request-Type", "Cookie", "Accept-Language"):
        assert name in answer.headers["Vary"]


def test_checklist_45_a_crash_says_a_reference_and_nothing_else(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.config.update(PROPAGATE_EXCEPTIONS=False)

    def crash(*_: object) -> None:
        raise RuntimeError("a secret in a message")

    monkeypatch.setattr(legal_texts, "current", crash)
    answer = client.get("/privacy-policy")
    assert answer.status_code == 500
    assert "a secret" not in answer.text
    assert re.search(r"\b[0-9a-f]{8}\b", answer.text)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.test"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
    ],
)
def test_checklist_36_a_change_from_another_site_is_refused(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    customer()
    form = {"lang": "en"}
    assert client.post("/language", data=form, headers=headers).status_code == 400
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/language", data=form, headers=own).status_code == 303


def test_checklist_36_a_form_without_its_token_is_refused(app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    customer()
    form = {"email": "alice@exempel.test", "password": "kantarell i backen"}
    for path in ("/auth/login", "/auth/register", "/auth/forgot", "/auth/logout", "/language"):
        assert client.post(path, data=form).status_code == 400, path
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/auth/login").text)
    assert token
    signed = client.post("/auth/login", data=form | {"csrf_token": token.group(1)})
    assert signed.status_code == 303


def test_the_development_mailbox(app: Flask, client: FlaskClient) -> None:
    assert "Inga mejl än" in client.get("/dev/mail").text
    assert 'href="/dev/mail"' in client.get("/auth/check-mail").text
    customer(name="Alice <script>alert(1)</script>")
    (mail,) = delivered(app)
    page = client.get("/dev/mail").text
    assert mail["Subject"] in page
    found = re.search(r'href="(/dev/mail/[^"]+)"', page)
    assert found
    one = client.get(found.group(1)).text
    assert re.search(r'<a href="http://localhost:5000/auth/confirm/[\w-]+"', one)
    for header in ("alice@exempel.test", "no-reply@trustivide.example"):
        assert header in one
    rich = client.get(f"{found.group(1)}/html")
    assert "<script>" not in rich.text + one.replace('<script src="/static', "")
    assert "sandbox" in rich.headers["Content-Security-Policy"]
    assert "script-src" not in rich.headers["Content-Security-Policy"]
    for name in ("nothing", "..", "..%2f..%2fkeys"):
        assert client.get(f"/dev/mail/{name}").status_code == 404


def test_checklist_42_production_has_no_mailbox(settings: dict[str, str]) -> None:
    with pytest.raises(BootError):
        create_app(settings | {"TRUSTIVIDE_ENV": "production"})
    folder = settings["INSTANCE_PATH"]
    app = create_app(
        settings
        | PRODUCTION
        | {
            "DATABASE_URL": f"sqlite:///{folder}/trustivide.db",
            "LEDGER_URL": f"sqlite:///{folder}/ledger.db",
        }
    )
    client = app.test_client()
    public = {"base_url": "https://trustivide.test"}
    for path in ("/dev/mail", "/dev/mail/x", "/dev/mail/x/html"):
        assert client.get(path, **public).status_code == 404
    assert "/dev/" not in client.get("/auth/check-mail", **public).text
    front = client.get("/auth/login", **public)
    assert front.headers["Strict-Transport-Security"].startswith("max-age=63072000")
    cookie = app.test_client().get("/auth/login", **public).headers["Set-Cookie"]
    for part in ("__Host-session=", "Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
        assert part in cookie
    assert "Domain" not in cookie


def test_development_mail_is_really_sent_where_there_is_a_server(tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("sent")
    app = create_app(environment(folder, MAIL_SERVER="mail.exempel.test"))
    assert app.test_client().get("/dev/mail").status_code == 404
