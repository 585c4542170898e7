"""Links that open something: scanners, cross-use, what leaks, and where they lead."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.factories import account, customer, delivered, link_in, sign_in
from tests.privacy.canary import beside, everything_stored
from tests.routes import dump
from tests.surveys.stories import launched
from tests.surveys.test_answering import code_on, fill_in, submit
from trustivide.auth.models import OneTimeLink
from trustivide.core import clock
from trustivide.core.cookies import RECEIPT, SURVEY_LINK, VISIT
from trustivide.core.db import db
from trustivide.privacy.models import PrivacyLink
from trustivide.privacy.receipt import new_code
from trustivide.surveys.models import Survey

Browsers = Callable[[], FlaskClient]
DORA = "dora1@exempel.test"


@dataclass
class Links:
    """One fresh link of each kind, by the beginning of its path."""

    tokens: dict[str, str]
    alice: FlaskClient
    """The browser in which the address was changed: its link asks for the same account."""
    survey_id: str

    def path(self, kind: str, token: str | None = None) -> str:
        return f"{kind}{self.tokens[kind] if token is None else token}"

    def use(self, app: Flask, kind: str) -> str:
        """What the person to whom it was mailed does; returns what they read at last."""
        mine = self.alice if kind == "/privacy/address/" else app.test_client()
        path = self.path(kind)
        assert mine.get(path).status_code in {200, 303}
        if kind == "/s/":
            start = f"/s/survey/{self.survey_id}"
            return submit(mine, start, fill_in(mine, start))
        form = {"password": "smultron under granen"} if kind == "/auth/reset/" else {}
        if kind == "/auth/confirm/":
            form = {"password": "kantarell i backen"}
        answer = mine.post(path, data=form)
        assert answer.status_code in {200, 303}, (kind, answer.text)
        if kind == "/auth/reset/":  # that signed her out everywhere
            self.alice.post("/auth/login", data={"email": "alice@exempel.test"} | form)
        return f"{answer.status_code} {answer.location or answer.text}"


@pytest.fixture
def links(app: Flask, client: FlaskClient, browser_of: Browsers) -> Links:
    survey = launched(app, 6)
    stranger = browser_of()
    mails = {m["To"]: m for m in delivered(app)}
    found = {
        "/s/": link_in(mails[DORA], "/s/"),
        "/privacy/unsubscribe/": str(mails[DORA]["List-Unsubscribe"]).strip("<>"),
    }
    stranger.post("/privacy/find", data={"email": DORA})
    found["/privacy/enter/"] = link_in(delivered(app)[-1], "/privacy/enter/")
    stranger.post("/auth/forgot", data={"email": "alice@exempel.test"})
    found["/auth/reset/"] = link_in(delivered(app)[-1], "/auth/reset/")
    new = {"organisation": "Ny AB", "number": "556036-0793", "name": "Nina", "agreement": "1"}
    own = {"email": "nina@exempel.test", "password": "kantarell i backen"}
    assert stranger.post("/auth/register", data=new | own).status_code == 303
    found["/auth/confirm/"] = link_in(delivered(app)[-1], "/auth/confirm/")
    sign_in(client)
    alice = account("alice@exempel.test")
    client.post(f"/privacy/data/user/{alice.id}/email", data={"value": "alice.ny@exempel.test"})
    found["/privacy/address/"] = link_in(delivered(app)[-1], "/privacy/address/")
    tokens = {kind: path.split(kind)[1] for kind, path in found.items()}
    return Links(tokens, client, str(survey.id))


def test_checklist_22_a_scanner_uses_nothing_up_and_then_the_human_succeeds(
    app: Flask, links: Links
) -> None:
    """A mail gateway opens every link, HEAD first, follows what it is sent to, and posts nothing.

    That its scripts press nothing is seen in a browser (tests/browser/test_checklist.py).
    """
    before = dump()
    scanner = app.test_client()
    for kind in links.tokens:
        assert scanner.head(links.path(kind)).status_code < 400, kind
        for _ in range(5):
            answer = scanner.get(links.path(kind), follow_redirects=True)
            assert answer.status_code == 200, kind
        assert scanner.options(links.path(kind)).status_code == 200
    assert dump() == before
    for kind in links.tokens:
        links.use(app, kind)
    assert dump() != before


def test_checklist_23_no_token_opens_anything_but_its_own(app: Flask, links: Links) -> None:
    """Every token at every other door: in the address, as a receipt code and as a cookie."""
    doors = [*links.tokens, "/privacy/receipt/"]
    before = dump()
    for kind, token in links.tokens.items():
        thief = app.test_client()
        for door in doors:
            if door == kind:
                continue
            for method in ("GET", "POST"):
                answer = thief.open(links.path(door, token), method=method)
                assert answer.status_code in {404, 405}, (kind, door, method)
        assert thief.post("/s/receipt", data={"code": token[:60]}).status_code == 422
        for cookie in (VISIT.name, RECEIPT.name, "session", "remember_token"):
            for path in ("/privacy/", "/teams/", "/s/receipt/answers", "/admin/"):
                bare = app.test_client(use_cookies=False)
                answer = bare.get(path, headers={"Cookie": f"{cookie}={token}"})
                assert answer.status_code in {303, 404}, (kind, cookie, path)
        if kind != "/s/":
            bare = app.test_client(use_cookies=False)
            name = SURVEY_LINK.called(secure=False, survey=_survey().id)
            opened = bare.get(f"/s/survey/{links.survey_id}", headers={"Cookie": f"{name}={token}"})
            assert opened.status_code == 404, kind
    assert dump() == before


def _survey() -> Survey:
    return db.session.scalars(select(Survey)).one()


def test_checklist_23_tokens_are_long_random_and_stored_as_digests_alone(
    app: Flask, links: Links
) -> None:
    # 128 bits are 22 characters of base64url, 26 of base 32.
    for kind, token in links.tokens.items():
        assert re.fullmatch(r"[\w-]{22,}", token), kind
    assert len(new_code().replace("-", "")) >= 26
    session = links.alice.get_cookie("session")
    assert session
    stored = everything_stored() + _without_mails(app)
    for kind, token in links.tokens.items():
        assert token.encode() not in stored, kind
    with links.alice.session_transaction() as held:
        assert held["_user_id"].encode() not in stored
        assert len(held["_user_id"]) >= 22
    # The same is asked for twice: nothing of the one is in the other, and the older is void.
    old = links.tokens["/auth/reset/"]
    other = app.test_client()
    other.post("/auth/forgot", data={"email": "alice@exempel.test"})
    fresh = link_in(delivered(app)[-1], "/auth/reset/").removeprefix("/auth/reset/")
    assert not set(zip(old, old[1:], old[2:], old[3:], strict=False)) & set(
        zip(fresh, fresh[1:], fresh[2:], fresh[3:], strict=False)
    )
    assert other.get(links.path("/auth/reset/")).status_code == 404


def _without_mails(app: Flask) -> bytes:
    """Files beside the database. In development the mails lie among them."""
    folder = app.config["SETTINGS"].instance
    for path in (folder / "mail").glob("*.eml"):
        path.unlink()
    return beside(folder)


def test_checklist_23_a_links_time_is_short_and_its_own(app: Flask, links: Links) -> None:
    now = clock.now()
    lives = {
        link.purpose: link.expires_at - now for link in db.session.scalars(select(OneTimeLink))
    }
    assert lives["reset"].total_seconds() <= 3600
    assert lives["confirm"].total_seconds() <= 2 * 24 * 3600
    (privacy,) = db.session.scalars(select(PrivacyLink))
    assert (privacy.expires_at - now).total_seconds() <= 600


def test_checklist_24_a_token_stays_out_of_logs_referers_and_error_pages(
    app: Flask,
    links: Links,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    client = app.test_client()
    for kind, token in links.tokens.items():
        # Elsewhere the address's page leads to signing in and back: its token alone opens nothing.
        mine = links.alice if kind == "/privacy/address/" else client
        page = mine.get(links.path(kind))
        # Forms post to it; nothing that is loaded or led to learns of it.
        assert page.headers["Referrer-Policy"] in {"strict-origin", "no-referrer"}, kind
        assert page.headers["Cache-Control"] == "no-store"
        for name in ("src", "href"):
            assert not re.search(rf'{name}="[^"]*{token}', page.text), kind
        assert kind != "/s/" or token not in str(page.location)
        assert mine.get(links.path(kind) + "x").status_code == 404

    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("the database is on fire")

    for kind, token in links.tokens.items():
        endpoint = app.url_map.bind("localhost").match(links.path(kind), method="GET")[0]
        access = app.view_functions[endpoint].access  # type: ignore[attr-defined]
        broken = lambda **_: crash()  # noqa: E731
        broken.access = access  # type: ignore[attr-defined]
        monkeypatch.setitem(app.view_functions, endpoint, broken)
        page = client.get(links.path(kind))
        assert page.status_code == 500
        assert token not in page.text + str(page.headers), kind
    assert "on fire" in caplog.text
    assert [kind for kind, token in links.tokens.items() if token in caplog.text] == []


def test_checklist_24_a_receipt_code_stays_out_of_addresses(app: Flask, links: Links) -> None:
    code = code_on(links.use(app, "/s/"))
    dora = app.test_client()
    opened = dora.post("/s/receipt", data={"code": code})
    assert code not in str(opened.location)
    mine = dora.get(str(opened.location))
    assert mine.status_code == 200
    assert code not in mine.text
    assert dora.post("/s/receipt", data={"code": code + "X"}).status_code == 422


def test_checklist_26_a_forged_host_changes_no_link(app: Flask) -> None:
    customer()
    survey = launched(app, 5, account("alice@exempel.test"))
    forged = {
        "X-Forwarded-Host": "evil.test",
        "Forwarded": "host=evil.test",
        "X-Host": "evil.test",
    }
    client = app.test_client()
    there = {"base_url": "http://evil.test", "headers": forged}
    client.post("/auth/forgot", data={"email": "alice@exempel.test"}, **there)
    client.post("/privacy/find", data={"email": DORA}, **there)
    new = {"organisation": "Ny AB", "number": "556036-0793", "name": "Nina", "agreement": "1"}
    own = {"email": "nina@exempel.test", "password": "smultron under granen"}
    client.post("/auth/register", data=new | own, **there)
    mails = delivered(app)
    assert len(mails) >= 8
    assert survey
    for mail in mails:
        for part in mail.walk():
            if not part.is_multipart():
                assert "evil" not in str(part.get_content())
        assert "evil" not in str(mail.items())
    for path in ("/", "/auth/login", "/teams/", "/privacy/", "/.well-known/gpc.json"):
        answer = client.get(path, **there)
        assert "evil.test" not in answer.text + str(answer.location or "")
