"""What software can't measure is attested: by whom, until when, and never overwritten."""

from datetime import date, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.admin.test_office import in_office
from tests.factories import staff
from trustivide.core import clock, inventory
from trustivide.core.db import db
from trustivide.privacy import evidence, promises
from trustivide.privacy.models import Attestation

STATEMENT = "Driftleverantörens regler lästa: bara namngiven personal, kort och kod, loggat."
PHYSICAL = "/admin/evidence/physical_access"


@pytest.fixture
def office(app: Flask, client: FlaskClient) -> FlaskClient:
    staff()
    return in_office(client)


def typed(**more: object) -> dict[str, object]:
    until = clock.day_of(clock.now()) + timedelta(days=365)
    return {"statement": STATEMENT, "owner": "Driftansvarig", "valid_until": until} | more


def attestations() -> list[Attestation]:
    db.session.rollback()
    return list(db.session.scalars(select(Attestation).order_by(Attestation.valid_until)))


def state(key: str) -> str:
    db.session.rollback()
    (promise,) = [p for p in promises.PROMISES if p.key == key]
    return promise.measured(db.session(), clock.now()).state


def test_evidence_counts_until_its_day_and_is_kept_as_history(
    app: Flask, office: FlaskClient
) -> None:
    assert state("6.2.physical") == "not_measured"
    assert office.post(PHYSICAL, data=typed()).location == "/admin/evidence"
    assert state("6.2.physical") == "kept"
    (first,) = attestations()
    assert (first.owner, first.statement) == ("Driftansvarig", STATEMENT)
    with time_machine.travel(clock.now() + timedelta(days=365)):
        assert state("6.2.physical") == "kept"
    with time_machine.travel(clock.now() + timedelta(days=366)):
        assert state("6.2.physical") == "broken"
    later = typed(valid_until=first.valid_until + timedelta(days=100), owner="Säkerhetsansvarig")
    office.post(PHYSICAL, data=later)
    assert len(attestations()) == 2
    page = office.get(PHYSICAL).text
    assert "Driftansvarig" in page
    assert "Säkerhetsansvarig" in page
    public = office.get("/privacy-policy/promises").text
    assert "Säkerhetsansvarig" in public
    assert "Stina" not in public.split("<main")[1]


def test_agreements_with_every_processor_are_asked_for(app: Flask, office: FlaskClient) -> None:
    processors = {evidence.agreement(r) for r in inventory.recipients() if r.processor}
    page = office.get("/admin/evidence").text
    assert processors
    for subject in sorted(processors):
        assert f'href="/admin/evidence/{subject}"' in page
        assert state("7.agreements") == "not_measured"
        answer = office.post(f"/admin/evidence/{subject}", data=typed())
        assert answer.status_code == 303
    assert state("7.agreements") == "kept"
    assert office.get("/admin/evidence").text.count("Gäller</span>") == len(processors)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"statement": ""}, "Skriv vad ni gått igenom"),
        ({"statement": "Kollat."}, "Skriv lite mer"),
        ({"owner": " "}, "Skriv vilken roll"),
        ({"valid_until": ""}, "Välj vilken dag"),
        ({"valid_until": "i morgon"}, "Välj vilken dag"),
        ({"valid_until": "today"}, "framåt i tiden"),
        ({"valid_until": date(2020, 1, 1)}, "framåt i tiden"),
        ({"valid_until": "later"}, "högst två år"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(
    app: Flask, office: FlaskClient, wrong: dict[str, object], message: str
) -> None:
    today = clock.day_of(clock.now())
    days = {"today": today, "later": today + evidence.LONGEST + timedelta(days=1)}
    data = typed(**{k: days.get(str(v), v) for k, v in wrong.items()})
    answer = office.post(PHYSICAL, data=data)
    assert answer.status_code == 422
    assert message in answer.text
    assert str(data["owner"]).strip() in answer.text
    assert attestations() == []


def test_two_years_is_the_longest(app: Flask, office: FlaskClient) -> None:
    until = clock.day_of(clock.now()) + evidence.LONGEST
    assert office.post(PHYSICAL, data=typed(valid_until=until)).status_code == 303


def test_an_unknown_subject_is_not_there(app: Flask, office: FlaskClient) -> None:
    for subject in ("agreement:nobody", "customer", "agreement:customer"):
        assert office.get(f"/admin/evidence/{subject}").status_code == 404
        assert office.post(f"/admin/evidence/{subject}", data=typed()).status_code == 404
    assert attestations() == []
