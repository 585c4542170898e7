"""Every right is a request with a clock: the person's side, objections, codes, figures."""

import re
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from tests.conftest import both_databases
from tests.factories import account, customer, delivered, sign_in, staff
from tests.privacy.stories import WORDS, asked
from tests.surveys import attacker
from tests.surveys.stories import answer, launched, tokens
from trustivide.auth.models import User
from trustivide.auth.queries import person as person_of
from trustivide.core import clock
from trustivide.core.activities import (
    CUSTOMER_RELATIONS,
    MARKETING_EMAIL,
    TEAM_SURVEYS,
    USAGE_ANALYSIS,
)
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.core.subjects import Person
from trustivide.organisations.models import Organisation
from trustivide.outbox.models import Mail
from trustivide.privacy import actions, desk, erasure, objections, queries
from trustivide.privacy.cases import Decided
from trustivide.privacy.models import Case, CodeRequest, RecipientNotice, Request
from trustivide.rights.queries import may_use
from trustivide.surveys import actions as surveys
from trustivide.surveys.models import AnswerSet
from trustivide.web.limits import limiter


@pytest.fixture
def alice(app: Flask) -> User:
    return customer()


def requests(**where: object) -> list[Request]:
    """The stored requests, oldest first."""
    db.session.rollback()
    return list(
        db.session.scalars(select(Request).filter_by(**where).order_by(Request.received_at))
    )


def case_of(request: Request) -> Case:
    return db.session.scalars(select(Case).where(Case.request_id == request.id)).one()


def subjects(app: Flask, to: str = "alice@exempel.test") -> list[str]:
    return [str(m["Subject"]) for m in delivered(app) if m["To"] == to]


def body(app: Flask) -> str:
    part = delivered(app)[-1].get_body(("plain",))
    assert part
    return str(part.get_content())


# The clock


@pytest.mark.parametrize(
    ("received", "due", "extended"),
    [
        (date(2026, 1, 31), date(2026, 2, 28), date(2026, 4, 30)),
        (date(2028, 1, 31), date(2028, 2, 29), date(2028, 4, 30)),
        (date(2027, 11, 30), date(2027, 12, 30), date(2028, 2, 29)),
        (date(2026, 11, 30), date(2026, 12, 30), date(2027, 2, 28)),
        (date(2026, 12, 31), date(2027, 1, 31), date(2027, 3, 31)),
        (date(2026, 2, 28), date(2026, 3, 28), date(2026, 5, 28)),
    ],
)
def test_a_month_and_two_more_are_calendar_months(
    app: Flask, alice: User, received: date, due: date, extended: date
) -> None:
    with time_machine.travel(datetime(*received.timetuple()[:3], 12, tzinfo=UTC), tick=False):
        request = asked(alice)
    assert request.due_on == due
    last = datetime(*due.timetuple()[:3], 22, 30, tzinfo=UTC)  # still that day in Sweden in winter
    if due.month in (3, 4):
        last -= timedelta(hours=1)
    with time_machine.travel(last, tick=False), transaction() as session:
        desk.extend(session, request.id, "Vi måste fråga två leverantörer.", clock.now())
    assert requests()[0].due_on == extended


def test_the_day_after_the_first_month_is_too_late_to_extend(app: Flask, alice: User) -> None:
    with time_machine.travel(datetime(2026, 1, 31, 12, tzinfo=UTC), tick=False):
        request = asked(alice)
    for moment in (datetime(2026, 2, 28, 23, 30, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)):
        with (
            time_machine.travel(moment, tick=False),
            pytest.raises(Refused, match=desk.TOO_LATE),
            transaction() as session,
        ):
            desk.extend(session, request.id, "För sent för det här.", clock.now())
    assert requests()[0].due_on == date(2026, 2, 28)


def test_time_is_taken_once_and_the_person_is_told_why(
    app: Flask, client: FlaskClient, alice: User
) -> None:
    request = asked(alice)
    with transaction() as session:
        desk.extend(session, request.id, "Vi väntar på svar från vår leverantör.", clock.now())
    with pytest.raises(Refused, match=desk.TOO_LATE), transaction() as session:
        desk.extend(session, request.id, "Vi väntar fortfarande på dem.", clock.now())
    assert subjects(app)[-1] == "Vi behöver mer tid för din begäran"
    assert "Vi väntar på svar från vår leverantör." in body(app)
    page = sign_in(client).get(f"/privacy/requests/{request.id}").text
    assert "Vi väntar på svar från vår leverantör." in page


# The person's side


@both_databases
def test_writing_opens_a_case_with_a_receipt_that_says_until_when(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    sign_in(client)
    location = client.post("/privacy/requests/new", data={"kind": "other", "text": WORDS}).location
    page = client.get(location).text
    assert WORDS in page
    (request,) = requests(kind="other")
    case = case_of(request)
    assert (request.state, request.channel, request.identity) == ("open", "self", "proven")
    assert request.due_on == actions.month_later(clock.day_of(clock.now()))
    assert (case.email, case.name, case.details) == ("alice@exempel.test", "Alice Alm", WORDS)
    assert subjects(app)[-1] == "Vi har tagit emot din begäran"
    assert f"/privacy/requests/{request.id}" in body(app)
    assert WORDS not in body(app)
    listed = client.get("/privacy/requests").text
    assert location in listed
    assert "Pågår" in listed


@pytest.mark.parametrize(
    ("kind", "words"),
    [("other", ""), ("other", "för kort"), ("other", "x" * 5001), ("export", WORDS), ("", WORDS)],
)
def test_what_can_not_be_sent_stays_typed_and_says_why(
    app: Flask, client: FlaskClient, alice: User, kind: str, words: str
) -> None:
    answer = sign_in(client).post("/privacy/requests/new", data={"kind": kind, "text": words})
    assert answer.status_code == 422
    assert "Något behöver rättas" in answer.text
    assert words in answer.text
    assert requests() == []


@both_databases
def test_of_the_same_asked_at_once_there_is_one(app: Flask) -> None:
    user = customer()
    user_id, seen = user.id, []
    db.session.rollback()
    barrier = threading.Barrier(6)

    def press() -> None:
        with app.app_context():
            barrier.wait()
            try:
                seen.append(asked(db.session.get_one(User, user_id)).id)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=press) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 6
    assert len(set(seen)) == 1
    assert len(requests()) == 1
    assert db.session.scalar(select(func.count()).where(Mail.kind == "request_received")) == 1
    assert asked(account("alice@exempel.test"), words=WORDS + " Och mer.").id not in seen


def test_once_answered_the_same_may_be_asked_anew(app: Flask, alice: User) -> None:
    first = asked(alice)
    with transaction() as session:
        desk.answer(session, first.id, "Ingen har fått den av oss.", alice, clock.now())
    assert asked(alice).id != first.id


def test_nobody_reads_somebody_elses_request(app: Flask, client: FlaskClient, alice: User) -> None:
    request = asked(alice)
    customer("Charlie", "charlie@granne.test", number="556036-0793", organisation="Grannen AB")
    sign_in(client, "charlie@granne.test")
    for wanted in (request.id, uuid4()):
        assert client.get(f"/privacy/requests/{wanted}").status_code == 404
        assert client.post(f"/privacy/requests/{wanted}/identity").status_code == 404
    assert str(request.id) not in client.get("/privacy/requests").text


def test_the_notices_to_recipients_and_the_answer_are_read_in_words(
    app: Flask, client: FlaskClient, alice: User
) -> None:
    request = asked(alice, "correct")
    with transaction() as session:
        session.add(
            RecipientNotice(
                request_id=request.id,
                reference=request.reference,
                recipient="customer",
                event="corrected",
                state="failed",
                on=date(2026, 11, 25),
            )
        )
        desk.refuse(session, request.id, "16", "Vi har frågat er revisor.", alice, clock.now())
    page = sign_in(client).get(f"/privacy/requests/{request.id}").text
    for words in (
        "Din organisation",
        "Kom inte fram",
        "Avslagen",
        "(art. 16)",
        "Vi har frågat er revisor.",
        "Box 8114",
    ):
        assert words in page
    assert "Box 8114" in body(app)


def test_a_long_history_has_pages(app: Flask, client: FlaskClient, alice: User) -> None:
    with transaction() as session:
        for _n in range(21):
            actions.record(session, person_of(alice), "consent", clock.now())
    page = sign_in(client).get("/privacy/requests").text
    assert 'rel="next"' in page
    assert 'rel="prev"' in client.get("/privacy/requests?page=2").text


# Corrections that the desk makes


def _number(client: FlaskClient) -> str:
    page = client.get("/privacy/data/organisation").text
    link = re.search(r'href="(/privacy/data/organisation/[^"]+/number/correction-request)"', page)
    assert link, page
    return link[1]


@both_databases
def test_what_one_can_not_correct_oneself_goes_to_the_desk_of_its_register(
    app: Flask, client: FlaskClient
) -> None:
    customer()
    sign_in(client)
    there = _number(client)
    assert "556016-0680" in client.get(there).text
    refused = client.post(there, data={"wanted": "123", "why": "Vi har bytt bolag i år."})
    assert refused.status_code == 422
    assert "tio siffror" in refused.text
    assert 'value="123"' in refused.text
    client.post(there, data={"wanted": "556036-0793", "why": "Vi har bytt bolag i år."})
    (request,) = requests(kind="correct")
    case = case_of(request)
    assert request.activity == CUSTOMER_RELATIONS.key
    assert CUSTOMER_RELATIONS.desk == "customers"
    assert (case.wanted, case.about_group, case.about_field) == (
        "556036-0793",
        "organisation",
        "number",
    )
    assert case.about_row == db.session.scalars(select(Organisation.id)).one()


def test_what_is_secret_derived_evidence_or_ones_own_to_correct_has_no_such_page(
    app: Flask, client: FlaskClient, alice: User
) -> None:
    sign_in(client)
    for field in ("password_hash", "email_digest", "name", "id", "nonsense"):
        path = f"/privacy/data/user/{alice.id}/{field}/correction-request"
        assert client.get(path).status_code == 404, field
    request = asked(alice)
    path = f"/privacy/data/request/{request.id}/kind/correction-request"
    assert client.get(path).status_code == 404


# Objections


@both_databases
def test_an_objection_stops_at_once_waits_for_an_answer_and_stays_when_upheld(app: Flask) -> None:
    user, stina = customer(), staff()
    person = person_of(user)
    _object(user)
    assert not may_use(db.session(), person, USAGE_ANALYSIS)
    (request,) = requests(kind="object")
    assert (request.state, request.activity) == ("open", USAGE_ANALYSIS.key)
    assert case_of(request).details == "Jag vill inte bli räknad."
    with transaction() as session:
        objections.decide(session, request, True, "Du har rätt.", "", stina, clock.now())
    assert requests(kind="object")[0].state == "done"
    assert not may_use(db.session(), person, USAGE_ANALYSIS)
    assert case_of(request).decided_by_id == stina.id


def _object(user: User, reason: str | None = "Jag vill inte bli räknad.") -> None:
    with transaction() as session:
        actions.set_objection(
            session,
            person_of(user),
            USAGE_ANALYSIS,
            clock.now(),
            on=True,
            reason=reason,
            address=user.email,
            name=user.name,
            locale="sv",
        )


@both_databases
def test_an_overridden_objection_lets_it_go_on_and_says_why_and_where_to_complain(
    app: Flask,
) -> None:
    user, stina = customer(), staff()
    _object(user)
    (request,) = requests(kind="object")
    with transaction() as session:
        objections.decide(
            session, request, False, "Vi behöver totalerna.", "21.1", stina, clock.now()
        )
    assert may_use(db.session(), person_of(user), USAGE_ANALYSIS)
    assert (requests(kind="object")[0].state, requests(kind="object")[0].ground) == (
        "refused",
        "21.1",
    )
    letter = body(app)
    for words in ("Vi behöver totalerna.", "art. 21.1", "imy@imy.se", "domstol"):
        assert words in letter
    with pytest.raises(Decided), transaction() as session:
        objections.decide(session, request, True, "Ändrat oss.", "", stina, clock.now())
    assert may_use(db.session(), person_of(user), USAGE_ANALYSIS)


def test_an_objection_taken_back_leaves_the_desk(app: Flask, alice: User) -> None:
    stina = staff()
    _object(alice)
    with transaction() as session:
        actions.set_objection(session, person_of(alice), USAGE_ANALYSIS, clock.now(), on=False)
    assert [r.state for r in requests(kind="object")] == ["cancelled", "done"]
    with pytest.raises(Decided), transaction() as session:
        objections.decide(
            session, requests(kind="object")[0], False, "För sent.", "21.1", stina, clock.now()
        )
    _object(alice)
    assert [r.state for r in requests(kind="object")] == ["cancelled", "done", "open"]


def test_marketing_needs_no_reason_and_anything_else_does(app: Flask, alice: User) -> None:
    with pytest.raises(Refused, match="reason"):
        _object(alice, reason="")
    assert requests() == []
    with transaction() as session:
        actions.set_objection(session, person_of(alice), MARKETING_EMAIL, clock.now(), on=True)
    (request,) = requests(kind="object")
    assert request.state == "done"
    assert db.session.scalar(select(func.count()).select_from(Case)) == 0


def test_the_link_in_a_mail_asks_for_no_reason(app: Flask, client: FlaskClient) -> None:
    for _ in range(2):
        client.post(actions.unsubscribe_path("dora@exempel.test", "team_surveys"))
    (request,) = requests(kind="object")
    assert request.state == "done"
    assert not may_use(db.session(), Person.of(None, "dora@exempel.test"), TEAM_SURVEYS)


# Erasure takes cases along


@both_databases
def test_an_erasure_says_and_does_what_becomes_of_open_cases(app: Flask) -> None:
    address = "dora@exempel.test"
    person = Person.of(None, address)
    with transaction() as session:
        request = actions.ask(
            session,
            person,
            "other",
            clock.now(),
            address=address,
            name=None,
            locale="sv",
            details=WORDS,
        )
    said = [c.text.sv for c in erasure.plan(db.session(), person).consequences]
    assert said == ["Begäranden som väntar på svar och avslutas utan det: 1."]
    with transaction() as session:
        erasure.request(session, person, address=address, name="", locale="sv", now=clock.now())
    delivered(app)
    assert {r.state for r in requests()} == {"cancelled", "done"}
    assert db.session.scalar(select(func.count()).select_from(Case)) == 0
    stina = staff()
    with pytest.raises(Decided), transaction() as session:
        desk.answer(session, request.id, "Det finns ingen kvar.", stina, clock.now())


def test_a_mail_about_an_erased_case_is_not_sent(app: Flask, alice: User) -> None:
    asked(alice)
    with transaction() as session:
        session.delete(db.session.scalars(select(Case)).one())
    assert "Vi har tagit emot din begäran" not in subjects(app)


# Rights by receipt code


def _codes() -> list[tuple[bytes, str, date]]:
    db.session.rollback()
    rows = db.session.execute(select(CodeRequest.code, CodeRequest.kind, CodeRequest.day))
    return sorted((bytes(c), k, d) for c, k, d in rows)


@both_databases
def test_a_right_by_code_is_noted_by_day_once_and_never_by_submitting(
    app: Flask, client: FlaskClient
) -> None:
    survey = launched(app, 6)
    codes = [answer(survey, token, n) for n, token in enumerate(tokens(survey).values())]
    assert _codes() == []
    assert client.get("/s/receipt").status_code == 200
    assert client.post("/s/receipt", data={"code": "inte en kod"}).status_code == 422
    assert _codes() == []
    for _ in range(2):
        assert client.post("/s/receipt", data={"code": codes[0]}).status_code == 303
    for on in ({"on": "1"}, {}):
        client.post("/s/receipt/restriction", data=on)
    page = client.get("/s/receipt/answers").text
    assert "Se uppgifter" in page
    assert "Begränsa" in page
    today = clock.day_of(clock.now())
    assert [(k, d) for _c, k, d in _codes()] == [("access", today), ("restrict", today)]
    with time_machine.travel(clock.now() + timedelta(days=1)):
        client.post("/s/receipt", data={"code": codes[0]})
        client.post("/s/receipt/withdrawal", data={"confirmed": "1"})
    kinds = [(k, d) for _c, k, d in _codes()]
    assert ("erase", today + timedelta(days=1)) in kinds
    assert len(kinds) == 4


@both_databases
def test_a_correction_by_code_is_noted_in_its_own_transaction(app: Flask) -> None:
    survey = launched(app, 6)
    code = answer(survey, next(iter(tokens(survey).values())))
    with pytest.raises(RuntimeError), transaction() as session:
        surveys.correct(session, code, {"care_1": 2}, clock.now())
        raise RuntimeError("the power went")
    assert _codes() == []
    with transaction() as session:
        surveys.correct(session, code, {"care_1": 2}, clock.now())
    assert [k for _c, k, _d in _codes()] == ["correct"]


@both_databases
def test_no_note_of_a_code_shares_a_value_with_answers_invitations_or_the_ledger(
    app: Flask, client: FlaskClient, tmp_path: Path
) -> None:
    survey = launched(app, 6)
    codes = [answer(survey, token, n) for n, token in enumerate(tokens(survey).values())]
    receipts = set(db.session.scalars(select(AnswerSet.receipt)))
    db.session.rollback()
    for code in codes:
        client.post("/s/receipt", data={"code": code})
    client.post("/s/receipt/withdrawal", data={"confirmed": "1"})
    noted = {c for c, _k, _d in _codes()}
    assert len(noted) == 6
    assert not noted & {bytes(r) for r in receipts}
    copy = attacker.copy_of(db.engine, tmp_path)
    cells = {
        cell
        for table, rows in copy.items()
        if table != "code_request"
        for row in rows
        for cell in row
    }
    assert not {c.hex() for c in noted} & cells
    kinds = {str(c.type).upper() for c in CodeRequest.__table__.columns}
    assert not any("TIME" in kind for kind in kinds)
    if db.engine.dialect.name == "sqlite":
        sql = db.session.scalar(text("SELECT sql FROM sqlite_master WHERE name='code_request'"))
        assert "WITHOUT ROWID" in str(sql)


# Figures


def test_the_figures_are_the_years_and_flatter_nobody(
    app: Flask, client: FlaskClient, alice: User
) -> None:
    person, now = person_of(alice), clock.now()
    assert queries.answer_times(db.session(), now).median is None
    assert client.get("/privacy/answer-times").status_code == 200
    db.session.rollback()
    with transaction() as session:
        for days_ago, took in ((400, 30), (100, 9), (90, 3), (80, 2), (70, None)):
            came = now - timedelta(days=days_ago)
            request = actions.record(session, person, "access", came, done=False)
            if took is not None:
                request.state, request.completed_at = "done", came + timedelta(days=took)
        for _n in range(5):
            actions.record(session, person, "consent", now)
        taken_back = actions.record(session, person, "erase", now - timedelta(days=5), done=False)
        taken_back.state, taken_back.completed_at = "cancelled", now
    times = queries.answer_times(db.session(), now)
    assert (times.total, times.at_once) == (8, 5)
    assert (times.median, times.worst) == (timedelta(days=3), timedelta(days=9))
    assert (times.open, times.late) == (1, 1)
    page = client.get("/privacy/answer-times").text
    assert "3 dagar" in page
    assert "9 dagar" in page


# Too many


@pytest.fixture
def limits(app: Flask) -> Iterator[None]:
    limiter.enabled = True
    limiter.reset()
    yield
    limiter.reset()
    limiter.enabled = False


def test_one_who_asks_without_end_is_told_to_wait(
    app: Flask, client: FlaskClient, alice: User, limits: None
) -> None:
    sign_in(client)
    answers = [
        client.post("/privacy/requests/new", data={"kind": "other", "text": f"{WORDS} ({n})"})
        for n in range(40)
    ]
    assert [a.status_code for a in answers[:30]] == [303] * 30
    assert {a.status_code for a in answers[30:]} == {429}
    assert "Lite för många försök" in answers[-1].text
    assert len(requests(kind="other")) == 30
    assert client.get("/privacy/requests").status_code == 200


# Reminders


def test_staff_are_reminded_a_week_before_and_again_at_the_end_with_counts_only(
    app: Flask, alice: User
) -> None:
    staff()
    start = clock.now()
    request = asked(alice)
    left = request.due_on - clock.day_of(start)
    seen = []
    for day in range(left.days + 4):
        with time_machine.travel(start + timedelta(days=day), tick=False):
            db.session.rollback()
            desk.remind(clock.now())
            if "Begäranden som snart ska vara besvarade" in subjects(app, "stina@trustivide.test"):
                seen.append(left.days - day)
                for path in (app.config["SETTINGS"].instance / "mail").glob("*.eml"):
                    path.unlink()
    assert seen == [7, 1]


def test_a_reminder_names_nobody_and_a_longer_time_reminds_anew(app: Flask, alice: User) -> None:
    staff()
    start = clock.now()
    request = asked(alice)
    delivered(app)
    with time_machine.travel(start + timedelta(days=25), tick=False):
        db.session.rollback()
        desk.remind(clock.now())
        letter = body(app)
        assert "1 ska vara besvarad inom en vecka." in letter
        assert "/admin/requests" in letter
        assert WORDS not in letter
        assert "alice" not in letter.lower()
        with transaction() as session:
            desk.extend(session, request.id, "Vi väntar på svar utifrån.", clock.now())
    (held,) = requests()
    with time_machine.travel(
        datetime.combine(held.due_on - timedelta(days=5), datetime.min.time(), UTC), tick=False
    ):
        db.session.rollback()
        desk.remind(clock.now())
        assert requests()[0].reminded_on == clock.day_of(clock.now())


@pytest.mark.parametrize("late", [True, False])
def test_nothing_to_do_mails_nobody(app: Flask, alice: User, late: bool) -> None:
    staff()
    request = asked(alice)
    with transaction() as session:
        desk.answer(session, request.id, "Ingen har fått den.", alice, clock.now())
    before = len(delivered(app))
    with time_machine.travel(clock.now() + timedelta(days=60 if late else 0)):
        desk.remind(clock.now())
    assert len(delivered(app)) == before
