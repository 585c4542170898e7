"""What anybody may read without asking: record, recipients, assessments, cookies, Sec-GPC.

A change of the record of processing is a diff of the files in ``golden/``.
After a change that is meant: ``make record``.
"""

import csv
import html
import io
import json
import re
from collections.abc import Callable
from datetime import timedelta
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import both_databases
from tests.factories import customer, delivered, link_in, sign_in
from tests.surveys.stories import launched, tokens
from tests.surveys.test_answering import code_on, fill_in, open_link, submit
from tests.web.test_pages import PRODUCTION
from trustivide import create_app
from trustivide.core import activities, clock, cookies, inventory
from trustivide.core.activities import ALL, MAIL_PROVIDER, TEAM_SURVEYS, LegalBasis
from trustivide.core.clock import day_of
from trustivide.core.db import transaction
from trustivide.privacy import evidence, record
from trustivide.privacy.models import Attestation
from trustivide.rights import legal_texts

ENGLISH = {"Accept-Language": "en"}
PAGES = ("record", "processors", "cookies", "balancing/", "dpia/")

# The record of processing (Art. 30)


@pytest.mark.parametrize("language", ["sv", "en"])
def test_the_record_is_what_the_golden_file_says(
    app: Flask, client: FlaskClient, language: str
) -> None:
    golden = (Path(__file__).parent / "golden" / f"record.{language}.json").read_text()
    served = client.get("/privacy/record.json", headers={"Accept-Language": language})
    assert served.mimetype == "application/json"
    assert served.text == golden.rstrip("\n"), "run `make record` and look at the difference"


def test_the_command_prints_what_the_page_gives(app: Flask, client: FlaskClient) -> None:
    printed = app.test_cli_runner().invoke(args=["privacy", "record", "--json"]).output
    assert json.loads(printed) == client.get("/privacy/record.json").json
    words = app.test_cli_runner().invoke(args=["privacy", "record"]).output
    for activity in ALL:
        assert f"Ändamål: {activity.purpose.sv}" in words


def test_the_record_has_what_article_30_asks_for(client: FlaskClient) -> None:
    held = client.get("/privacy/record.json").json
    assert held["controller"] == {"name": "Trustivide AB", "contact": "contact@trustivide.com"}
    assert held["measures"]
    by_key = {entry["key"]: entry for entry in held["activities"]}
    assert set(by_key) == {a.key for a in ALL}
    for activity in ALL:
        entry = by_key[activity.key]
        assert {"Ändamål", "Registrerade", "Uppgifter", "Lagras", "Mottagare"} <= set(
            entry["facts"]
        )
        instructed = activity.legal_basis is LegalBasis.PROCESSOR
        assert entry["capacity"] == ("processor" if instructed else "controller")
    columns = {(group.name, f.name) for group in inventory.groups() for f in group.fields}
    assert columns == {
        (table, name)
        for entry in held["activities"]
        for table, names in entry["tables"].items()
        for name in names
    }


def test_the_csv_opens_in_a_spreadsheet(client: FlaskClient) -> None:
    answer = client.get("/privacy/record.csv")
    assert answer.mimetype == "text/csv"
    assert answer.text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [row["key"] for row in rows] == [a.key for a in ALL]
    assert all(row["Rättslig grund"] and row["Registrerade"] for row in rows)
    assert next(r for r in rows if r["key"] == "team_surveys")["dpia"] == (
        "/privacy/dpia/team_surveys"
    )


@pytest.mark.parametrize("headers", [{}, ENGLISH])
def test_the_page_tells_our_own_from_what_we_do_for_customers(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    page = html.unescape(client.get("/privacy/record", headers=headers).text)
    language = "en" if headers else "sv"
    ours, instructed = page.split('id="instructed-title"')
    for activity in ALL:
        part = instructed if activity.by_instruction else ours
        assert f'id="{activity.key}"' in part
        assert activity.purpose.in_(language) in page
    assert 'href="/privacy/dpia/team_surveys"' in instructed
    assert 'href="/privacy/balancing/usage_analysis"' in ours


def test_open_pages_ask_nobody_else_for_anything_and_read_without_an_account(
    client: FlaskClient,
) -> None:
    customer()
    signed_in = sign_in(client)
    for path in PAGES:
        page = signed_in.get(f"/privacy/{path}")
        assert page.status_code == 200, path
        assert not re.search(r'(?:src|href)="https?:', page.text), path


# Recipients and agreements (Art. 28)


def attest(subject: str, days_ago: int, valid_for: int = 365) -> None:
    today = day_of(clock.now())
    with transaction() as session:
        session.add(
            Attestation(
                subject=subject,
                statement="Undertecknat (fiktivt)",
                owner="Inköp",
                attested_on=today - timedelta(days=days_ago),
                valid_until=today - timedelta(days=days_ago) + timedelta(days=valid_for),
            )
        )


def section_of(page: str, name: str) -> str:
    return next(part for part in page.split("<section")[1:] if name in part.split("</h2>")[0])


@both_databases
def test_an_agreement_is_claimed_only_when_it_was_attested(app: Flask, client: FlaskClient) -> None:
    def mail() -> str:
        return section_of(client.get("/privacy/processors").text, MAIL_PROVIDER.name.sv)

    page = client.get("/privacy/processors").text
    assert page.count("Inte intygat än") == sum(r.processor for r in inventory.recipients())
    attest(evidence.agreement(MAIL_PROVIDER), days_ago=400)
    assert "Intyget har gått ut" in mail()
    attest(evidence.agreement(MAIL_PROVIDER), days_ago=2)
    assert "Intyget har gått ut" not in mail()
    assert "Svarar för det: Inköp" in mail()
    assert "Inte intygat än" in section_of(
        client.get("/privacy/processors").text, activities.HOSTING.name.sv
    )


def test_each_recipient_has_a_country_a_role_and_its_ground(client: FlaskClient) -> None:
    page = client.get("/privacy/processors").text
    for recipient in inventory.recipients():
        part = section_of(page, recipient.name.sv)
        country = {"SE": "Sverige (SE)", "GB": "Storbritannien (GB)"}[recipient.country]
        assert f"<dd>{country}</dd>" in part
        assert ("Personuppgiftsbiträde" in part) == recipient.processor
        assert recipient.ground is None or recipient.ground.sv in part
        assert ("Inget biträdesavtal" in part) == (not recipient.processor)


# Balancing tests and DPIA notes (Art. 6(1)(f), 35)


def test_every_legitimate_interest_was_weighed_and_can_be_read_in_both_languages(
    client: FlaskClient,
) -> None:
    weighed = [a for a in ALL if a.legal_basis is LegalBasis.LEGITIMATE_INTEREST]
    assert len(weighed) >= 8
    index = client.get("/privacy/balancing/").text
    for activity in [*weighed, TEAM_SURVEYS]:
        path = f"/privacy/balancing/{activity.key}"
        assert f'href="{path}"' in index
        swedish = client.get(path).text
        english = client.get(path, headers=ENGLISH).text
        for heading in ("Intresset", "Är det nödvändigt?", "Skydd", "Utfall", "Datum och ansvar"):
            assert f"<h2>{heading}</h2>" in swedish, (activity.key, heading)
        for heading in ("The interest", "Is it necessary?", "Safeguards", "Outcome"):
            assert f"<h2>{heading}</h2>" in english, (activity.key, heading)
        assert ("/privacy/choices" in swedish) == activity.objectable


def test_the_purposes_with_more_risk_have_a_dpia_note(client: FlaskClient) -> None:
    for key in ("team_surveys", "survey_answers", "usage_analysis", "staff_access"):
        swedish = client.get(f"/privacy/dpia/{key}").text
        assert "Behövs en bedömning?" in swedish
        assert "Kvarvarande risk" in swedish
        english = client.get(f"/privacy/dpia/{key}", headers=ENGLISH).text
        assert "Risk that remains" in english


def test_links_between_the_texts_lead_somewhere(client: FlaskClient) -> None:
    for kind in (record.BALANCING, record.DPIA):
        for activity in record.assessed(kind):
            for language in ("sv", "en"):
                text = legal_texts.current(f"{kind}-{activity.key}", language)
                for path in re.findall(r"\]\((/[^)#]*)", text.body):
                    assert client.get(path).status_code in {200, 303}, (activity.key, path)


def test_an_assessment_that_was_not_made_again_says_so(client: FlaskClient) -> None:
    path = "/privacy/balancing/security"
    assert "Försenad" not in client.get(path).text
    with time_machine.travel("2027-11-26 12:00:00+01:00"):
        assert "Försenad" in client.get(path).text


@pytest.mark.parametrize("path", ["balancing/accounts", "dpia/accounts", "dpia/x", "balancing/.."])
def test_what_does_not_exist_is_404(client: FlaskClient, path: str) -> None:
    assert client.get(f"/privacy/{path}").status_code == 404


def test_the_centre_leads_to_the_balancing_test(client: FlaskClient) -> None:
    customer()
    page = sign_in(client).get("/privacy/").text
    assert 'href="/privacy/balancing/customer_relations"' in page
    assert 'href="/privacy/balancing/accounts"' not in page
    assert 'href="/privacy/record#accounts"' in page


# Cookies


class Seen(dict[str, SimpleCookie]):
    """Every Set-Cookie of a client's answers, by name."""

    def watch(self, client: FlaskClient) -> FlaskClient:
        ask = client.open

        def listen(*args: object, **kwargs: object) -> object:
            answer = ask(*args, **kwargs)
            for header in answer.headers.getlist("Set-Cookie"):
                for name, morsel in SimpleCookie(header).items():
                    if morsel.value:
                        self[name] = morsel
            return answer

        client.open = listen  # type: ignore[method-assign]
        return client


def test_every_cookie_is_in_the_register_and_every_entry_is_set(
    app: Flask, browser_of: Callable[[], FlaskClient]
) -> None:
    """Alice signs in and chooses a language, Dora answers and looks again, then asks for a link."""
    seen = Seen()
    survey = launched(app, 5)
    alice = seen.watch(browser_of())
    sign_in(alice)
    alice.post("/language", data={"lang": "sv"})
    for path in ("/teams/", "/surveys/", "/workshops/", "/privacy/", "/privacy/choices"):
        alice.get(path)
    dora = seen.watch(browser_of())
    start = open_link(dora, tokens(survey)["dora1@exempel.test"])
    code = code_on(submit(dora, start, fill_in(dora, start)))
    dora.post("/s/receipt", data={"code": code})
    dora.post("/privacy/find", data={"email": "dora1@exempel.test"})
    dora.post(link_in(delivered(app)[-1], "/privacy/enter/"))

    expected = {
        c.called(secure=False, survey=survey.id if c.per_survey else None): c for c in cookies.ALL
    }
    assert set(seen) == set(expected)
    for name, morsel in seen.items():
        cookie = expected[name]
        assert morsel["path"] == cookie.sent_to(survey.id if cookie.per_survey else None)
        assert morsel["httponly"]
        if cookie is not cookies.SESSION:
            assert morsel["max-age"] == str(cookie.seconds)
    assert app.permanent_session_lifetime == cookies.SESSION.life


def test_the_page_lists_the_register_and_asks_for_nothing(client: FlaskClient) -> None:
    page = client.get("/privacy/cookies").text
    for cookie in cookies.ALL:
        assert f"<code>{cookie.name}" in page
        for text in (cookie.purpose, cookie.lasts):
            assert text.sv in page
    assert "12 timmar efter den senaste sidan" in page
    assert "1 år efter valet" in page
    assert "<form" not in page.split("<main")[1].split("</main>")[0]
    assert 'href="/privacy/cookies"' in client.get("/").text


def test_checklist_06_under_tls_names_bind_cookies_to_the_host(
    settings: dict[str, str],
) -> None:
    folder = settings["INSTANCE_PATH"]
    urls = {
        "DATABASE_URL": f"sqlite:///{folder}/trustivide.db",
        "LEDGER_URL": f"sqlite:///{folder}/ledger.db",
    }
    app = create_app(settings | PRODUCTION | urls)
    app.config["WTF_CSRF_ENABLED"] = False
    client, public = app.test_client(), {"base_url": "https://trustivide.test"}
    page = client.get("/privacy/cookies", **public).text
    for name in ("__Host-session", "__Secure-privacy_session", "__Secure-link-…"):
        assert f"<code>{name}" in page
    # Browsers ignore a removal of a __Secure- cookie that doesn't say Secure.
    for path in ("/s/receipt/leave", "/privacy/leave"):
        removals = client.post(path, **public).headers.getlist("Set-Cookie")
        (removal,) = [header for header in removals if header.startswith("__Secure-")]
        assert "Max-Age=0" in removal
        assert "Secure;" in removal


def test_our_scripts_keep_nothing_in_the_browser_but_the_step_of_a_workshop(
    client: FlaskClient,
) -> None:
    scripts = list((Path(__file__).parents[2] / "static" / "js").glob("*.js"))
    assert scripts
    stores = re.compile(r"localStorage|sessionStorage|indexedDB|caches\b|document\.cookie")
    used = {path.name: set(stores.findall(path.read_text())) for path in scripts}
    assert {name: found for name, found in used.items() if found} == {
        "facilitation.js": {"sessionStorage"}
    }
    assert "vilket steg du är på" in client.get("/privacy/cookies").text


# Global Privacy Control


def test_gpc_is_declared_shown_and_changes_nothing_by_itself(client: FlaskClient) -> None:
    assert client.get("/.well-known/gpc.json").json == {"gpc": True, "lastUpdate": "2026-11-25"}
    heeded = "Global Privacy Control, och vi följer den"
    customer()
    sign_in(client)
    for path in ("/privacy/cookies", "/privacy/choices"):
        assert heeded in client.get(path, headers={"Sec-GPC": "1"}).text
        for headers in ({}, {"Sec-GPC": "0"}):
            assert heeded not in client.get(path, headers=headers).text


def test_with_gpc_nothing_is_chosen_for_anybody(client: FlaskClient) -> None:
    page = client.get("/auth/register", headers={"Sec-GPC": "1"}).text
    (box,) = re.findall(r'<input[^>]*name="marketing"[^>]*>', page)
    assert "checked" not in box
