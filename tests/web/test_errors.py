"""Whatever goes wrong is said on a page of ours: what, what to do, and a reference."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException

from tests.factories import customer, sign_in
from trustivide.rights import legal_texts
from trustivide.web.limits import WINDOW, limiter

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
TOO_LARGE = {"text": "a" * 2_500_000}
TOO_MANY = {f"field{n}": "1" for n in range(1001)}


def provoke(app: Flask, client: FlaskClient, code: int, headers: dict[str, str]) -> Any:
    """An answer with this code, from where people would meet it."""
    if code == 400:
        return client.post("/language", headers={**headers, "Origin": "https://evil.test"})
    if code == 404:
        return client.get("/nothing-here", headers=headers)
    if code == 405:
        return client.get("/auth/logout", headers=headers)
    if code == 413:
        return client.post("/auth/login", data=TOO_LARGE, headers=headers)
    if code == 422:
        return client.post("/auth/login", data={"email": "nobody"}, headers=headers)
    if code == 429:
        limiter.enabled = True
        try:
            for _ in range(7):
                answer = client.post(
                    "/auth/login", data={"email": "dora@exempel.test"}, headers=headers
                )
        finally:
            limiter.reset()
            limiter.enabled = False
        return answer
    return client.get("/privacy-policy", headers=headers)


WORDS = {
    400: ("Sidan gick inte att skicka", "The page could not be sent"),
    404: ("Sidan finns inte", "Page not found"),
    405: ("Sidan finns inte", "Page not found"),
    413: ("Det du skickade är för stort", "What you sent is too large"),
    422: ("Skriv ditt lösenord.", "Enter your password."),
    429: ("Lite för många försök", "A few too many attempts"),
    500: ("Något gick fel hos oss", "Something went wrong on our side"),
}


@pytest.mark.parametrize("code", WORDS)
def test_checklist_45_an_error_is_a_page_of_ours_in_both_languages_and_in_part(
    app: Flask, client: FlaskClient, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.config.update(PROPAGATE_EXCEPTIONS=False)

    def crash(*_: object) -> None:
        raise RuntimeError("a secret in a message")

    if code == 500:
        monkeypatch.setattr(legal_texts, "current", crash)
    for language, words in zip(("sv", "en"), WORDS[code], strict=True):
        asked = {"Accept-Language": language}
        whole = provoke(app, client, code, asked)
        part = provoke(app, client, code, asked | HTMX)
        for answer in (whole, part):
            assert answer.status_code == code
            assert words in answer.text
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "Traceback" not in answer.text
            assert "a secret" not in answer.text
        assert "<html" in whole.text
        assert "<html" not in part.text
        if code != 422:
            assert re.search(r"\b[0-9a-f]{8}\b", part.text)
    if code == 405:
        assert "POST" in whole.headers["Allow"]
    if code == 429:
        assert whole.headers["Retry-After"] == str(WINDOW)


@pytest.mark.parametrize("csrf", [True, False])
@pytest.mark.parametrize(
    ("sent", "content_type"),
    [
        (TOO_LARGE, "application/x-www-form-urlencoded"),
        (TOO_MANY, "multipart/form-data"),
        ({"text": "a" * 500_001}, "multipart/form-data"),
        ("a" * 2_500_001, "application/json"),
    ],
)
def test_what_is_too_large_is_refused_before_it_is_read(
    app: Flask, client: FlaskClient, sent: Any, content_type: str, csrf: bool
) -> None:
    app.config["WTF_CSRF_ENABLED"] = csrf
    answer = client.post("/auth/login", data=sent, content_type=content_type)
    assert answer.status_code == 413
    assert "för stort" in answer.text


def test_a_hundred_thousand_pasted_characters_are_read_and_one_more_is_told(
    client: FlaskClient,
) -> None:
    customer()
    sign_in(client)
    team = client.post("/teams/", data={"name": "Redaktionen"}).location
    for number, told in ((100_000, False), (100_001, True)):
        answer = client.post(f"{team}/members/preview", data={"addresses": "😀" * number})
        assert ("Texten är för lång" in answer.text) == told
        assert answer.status_code in {200, 422}


def test_an_error_without_words_of_its_own_is_not_called_our_fault(
    app: Flask, client: FlaskClient
) -> None:
    class Strange(HTTPException):
        code = 418

    def pour() -> None:
        raise Strange

    pour.access = app.view_functions["web.index"].access  # type: ignore[attr-defined]
    app.add_url_rule("/teapot", "teapot", pour)
    answer = client.get("/teapot")
    assert answer.status_code == 418
    assert "Det är inte ditt fel" not in answer.text
