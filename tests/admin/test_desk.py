"""Stina at the desk: requests that people must decide, opened with a trace and answered once."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.admin.test_office import in_office
from tests.conftest import both_databases
from tests.factories import account, customer, delivered, link_in, sign_in, staff
from tests.privacy.stories import DORA, WORDS, visit
from tests.privacy.stories import asked as ask
from trustivide.admin.models import StaffAccess
from trustivide.auth.models import User
from trustivide.auth.queries import person as person_of
from trustivide.core import clock
from trustivide.core.activities import CUSTOMER_RELATIONS, TEAM_SURVEYS, USAGE_ANALYSIS
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.organisations.models import Organisation
from trustivide.privacy import actions, answers, desk
from trustivide.privacy.cases import Decided
from trustivide.privacy.models import Case, RecipientNotice, Request
from trustivide.rights.queries import may_use, objected

ANSWER = "Ingen utanför Sverige har fått den."


@pytest.fixture
def alice(app: Flask) -> User:
    return customer()


@pytest.fixture
def office(client: FlaskClient, alice: User) -> FlaskClient:
    """Stina, signed in with both factors; Alice is a customer."""
    staff()
    return in_office(client)


def held(request: Request) -> Request:
    db.session.rollback()
    return db.session.get_one(Request, request.id, populate_existing=True)


def case_of(request: Request) -> Case:
    db.session.rollback()
    return db.session.scalars(select(Case).where(Case.request_id == request.id)).one()


def there(request: Request, step: str = "") -> str:
    return f"/admin/requests/{request.id}" + (f"/{step}" if step else "")


def last_mail(app: Flask) -> tuple[str, str]:
    mail = delivered(app)[-1]
    part = mail.get_body(("plain",))
    assert part
    return str(mail["Subject"]), str(part.get_content())


def by_letter(office: FlaskClient, **changed: str) -> Request:
    """Dora wrote a letter, and Stina writes it in."""
    data = {
        "channel": "letter",
        "received_on": (clock.day_of(clock.now()) - timedelta(days=10)).isoformat(),
        "email": DORA,
        "name": "Dora Dal",
        "locale": "sv",
        "kind": "access",
        "activity": "",
        "text": WORDS,
    } | changed
    answer = office.post("/admin/requests/new", data=data)
    assert answer.status_code == 303, answer.text
    found = re.search(r"/admin/requests/([0-9a-f-]{36})", answer.location)
    assert found
    db.session.rollback()
    return db.session.scalars(select(Request).order_by(Request.received_at)).all()[-1]


# The queue


def test_the_queue_has_filters_clocks_and_nobodys_name(office: FlaskClient, alice: User) -> None:
    ask(alice, "restrict")
    ask(alice, "correct", activity=CUSTOMER_RELATIONS)
    with transaction() as session:
        late = actions.record(session, person_of(alice), "access", clock.now(), done=False)
        late.due_on = clock.day_of(clock.now()) - timedelta(days=3)
        actions.record(session, person_of(alice), "consent", clock.now())
    shown = {
        path: {
            kind
            for kind in ("Begränsa", "Rätta", "Se uppgifter", "Samtycke")
            if f">{kind}</a>" in office.get(f"/admin/requests{path}").text
        }
        for path in ("", "?show=late", "?show=all", "?desk=customers", "?desk=privacy")
    }
    assert shown == {
        "": {"Begränsa", "Rätta", "Se uppgifter"},
        "?show=late": {"Se uppgifter"},
        "?show=all": {"Begränsa", "Rätta", "Se uppgifter", "Samtycke"},
        "?desk=customers": {"Rätta"},
        "?desk=privacy": {"Begränsa", "Se uppgifter"},
    }
    page = office.get("/admin/requests").text
    assert "3 dagar försenad" in page
    assert "Alice" not in page
    assert "alice@" not in page


def test_the_filter_stays_when_leafing(
    office: FlaskClient, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trustivide.admin.queries.PER_PAGE", 1)
    for kind in ("restrict", "erase"):
        ask(alice, kind)
    page = office.get("/admin/requests?show=all&desk=privacy").text
    link = re.search(r'href="([^"]+page=2)"', page)
    assert link
    assert "show=all" in link[1]
    assert "desk=privacy" in link[1]


def test_unknown_requests_and_steps_are_not_there(office: FlaskClient, alice: User) -> None:
    request = ask(alice)
    assert office.get(f"/admin/requests/{uuid4()}").status_code == 404
    assert office.post(f"/admin/requests/{uuid4()}/opening").status_code == 404
    assert office.get(there(request, "nonsense")).status_code == 404
    with transaction() as session:
        plain = actions.record(session, person_of(alice), "export", clock.now(), done=False)
    assert "sköter sig själv" in office.get(there(plain)).text
    for step in ("opening", "identity", "answer", "refusal", "extension", "correction"):
        assert office.post(there(plain, step)).status_code == 404


# Opening a case


@both_databases
def test_opening_a_case_is_a_look_that_the_person_sees(office: FlaskClient, alice: User) -> None:
    request = ask(alice)
    closed = office.get(there(request)).text
    assert "Öppna ärendet" in closed
    assert WORDS not in closed
    assert "alice@exempel.test" not in closed
    assert db.session.scalars(select(StaffAccess)).all() == []
    office.post(there(request, "opening"))
    opened = office.get(there(request)).text
    assert WORDS in opened
    assert "alice@exempel.test" in opened
    db.session.rollback()
    (look,) = db.session.scalars(select(StaffAccess))
    assert (look.who, look.what, look.user_id) == ("Stina Ström", "Din begäran", alice.id)
    assert look.reason == f"Handlägger begäran {request.id}"
    with time_machine.travel(clock.now() + timedelta(minutes=31)):
        assert WORDS not in office.get(there(request)).text


def test_a_look_at_somebody_without_an_account_is_shown_to_them(
    app: Flask, office: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    request = by_letter(office)
    office.post(there(request, "opening"))
    dora = visit(app, browser_of())
    assert "Stina Ström" in dora.get("/privacy/").text
    assert f"Handlägger begäran {request.id}" in dora.get("/privacy/data/staff_access").text
    (look,) = db.session.scalars(select(StaffAccess.id))
    db.session.rollback()
    assert office.get(f"/admin/looks/{look}").status_code == 404  # it opened no account


def test_a_colleague_opens_for_herself(app: Flask, office: FlaskClient, alice: User) -> None:
    request = ask(alice)
    office.post(there(request, "opening"))
    staff("Sture Sund", "sture@trustivide.test")
    colleague = in_office(app.test_client(), "sture@trustivide.test")
    for path in (there(request), there(request, "answer")):
        assert WORDS not in colleague.get(path).text
        assert WORDS in office.get(path).text


# Answering and refusing


@both_databases
def test_an_answer_is_begun_in_the_persons_language_and_mailed(
    app: Flask, office: FlaskClient
) -> None:
    bruce = customer(
        "Bruce Brook",
        "bruce@example.test",
        organisation="Brook AB",
        number="556036-0793",
        locale="en",
    )
    request = ask(bruce, "access")
    office.post(there(request, "opening"))
    form = office.get(there(request, "answer")).text
    assert answers.draft("access", "en").split(".")[0] in form
    assert 'lang="en"' in form
    short = office.post(there(request, "answer"), data={"words": "Hm"})
    assert short.status_code == 422
    assert WORDS in short.text
    office.post(there(request, "answer"), data={"words": "Everything is on your own page."})
    assert held(request).state == "done"
    assert case_of(request).closed_on == clock.day_of(clock.now())
    mail = delivered(app)[-1]
    assert mail["To"] == "bruce@example.test"
    assert "Everything is on your own page." in str(mail)
    assert "Levererat" in office.get(there(request)).text


def test_a_refusal_takes_words_and_a_ground_and_names_the_authority(
    app: Flask, office: FlaskClient, alice: User
) -> None:
    request = ask(alice, "erase")
    for data in ({"ground": "17.3b", "words": ""}, {"ground": "99", "words": ANSWER}):
        answer = office.post(there(request, "refusal"), data=data)
        assert answer.status_code == 422
        assert data["words"] in answer.text
    assert held(request).state == "open"
    office.post(
        there(request, "refusal"),
        data={"ground": "17.3b", "words": "Bokföringslagen kräver fakturan i sju år."},
    )
    assert (held(request).state, held(request).ground) == ("refused", "17.3b")
    subject, letter = last_mail(app)
    assert subject == "Vi säger nej till din begäran"
    for words in ("art. 17.3 b", "Bokföringslagen", "Box 8114", "domstol"):
        assert words in letter


@pytest.mark.parametrize("ground", answers.GROUNDS.values(), ids=lambda g: g.key)
def test_every_ground_has_its_article_in_both_languages(ground: answers.Ground) -> None:
    assert ground.article.sv.startswith("art. ")
    assert ground.article.en.startswith("Art. ")
    assert ground.article.sv in ground.whole.sv


@both_databases
def test_of_two_who_decide_at_once_one_does_and_the_other_is_told(app: Flask) -> None:
    alice, stina = customer(), staff()
    request = ask(alice)
    request_id, stina_id, outcomes = request.id, stina.id, []
    db.session.rollback()
    barrier = threading.Barrier(4)

    def decide(n: int) -> None:
        with app.app_context():
            barrier.wait()
            try:
                with transaction() as session:
                    who = session.get_one(User, stina_id)
                    if n % 2:
                        desk.answer(session, request_id, f"Svar {n} till dig.", who, clock.now())
                    else:
                        desk.refuse(
                            session, request_id, "16", f"Nej {n} till dig.", who, clock.now()
                        )
                outcomes.append("decided")
            except Decided:
                outcomes.append("told")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=decide, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["decided", "told", "told", "told"]
    decisions = {"Svar på din begäran", "Vi säger nej till din begäran"}
    assert sum(m["Subject"] in decisions for m in delivered(app)) == 1


@pytest.mark.parametrize("step", ["answer", "refusal", "extension"])
def test_the_second_is_shown_that_it_is_answered(
    app: Flask, office: FlaskClient, alice: User, step: str
) -> None:
    request = ask(alice)
    office.post(there(request, "answer"), data={"words": ANSWER})
    before = len(delivered(app))
    late = office.post(there(request, step), data={"words": "Något annat.", "ground": "16"})
    assert late.status_code == 409
    assert "redan avslutad" in late.text
    assert case_of(request).answer == ANSWER
    assert len(delivered(app)) == before


def test_extending_late_is_refused_in_words(app: Flask, office: FlaskClient, alice: User) -> None:
    with time_machine.travel(clock.now() - timedelta(days=40)):
        request = ask(alice)
    db.session.rollback()
    assert "Ta mer tid" not in office.get(there(request)).text
    late = office.post(there(request, "extension"), data={"words": "Vi behöver mer tid."})
    assert late.status_code == 422
    assert "inom den första månaden" in late.text
    assert "Vi behöver mer tid." in late.text
    assert held(request).extended_on is None


def test_extending_in_time_mails_the_reason(app: Flask, office: FlaskClient, alice: User) -> None:
    request = ask(alice)
    office.post(there(request, "extension"), data={"words": "Vi väntar på vår leverantör."})
    assert held(request).due_on == actions.month_later(clock.day_of(clock.now()), 3)
    assert "Vi väntar på vår leverantör." in last_mail(app)[1]


def test_an_answer_follows_an_account_to_its_new_address(
    app: Flask, office: FlaskClient, alice: User
) -> None:
    request = ask(alice)
    with transaction() as session:
        session.get_one(User, alice.id).email = "alice.ny@exempel.test"
    office.post(there(request, "answer"), data={"words": ANSWER})
    assert delivered(app)[-1]["To"] == "alice.ny@exempel.test"


# What came by e-mail, letter or phone


def test_a_letters_clock_runs_from_the_day_it_came(app: Flask, office: FlaskClient) -> None:
    request = by_letter(office)
    came = clock.day_of(clock.now()) - timedelta(days=10)
    assert request.due_on == actions.month_later(came)
    assert (request.channel, request.identity) == ("letter", "unchecked")
    assert case_of(request).entered_by_id == account("stina@trustivide.test").id
    mail = delivered(app)[-1]
    assert mail["To"] == DORA
    assert "Den kom till oss" in str(mail.get_body(("plain",)))
    assert by_letter(office).id == request.id  # written in by a colleague too


@pytest.mark.parametrize(
    "changed",
    [
        {"received_on": "2999-01-01"},
        {"received_on": "i går"},
        {"email": "dora"},
        {"text": "kort"},
        {"kind": "consent"},
        {"channel": "self"},
        {"kind": "object"},
        {"kind": "object", "activity": "accounts"},
    ],
)
def test_what_can_not_be_written_in_stays_typed(
    office: FlaskClient, changed: dict[str, str]
) -> None:
    data = {
        "channel": "phone",
        "received_on": clock.day_of(clock.now()).isoformat(),
        "email": DORA,
        "locale": "sv",
        "kind": "access",
        "activity": "",
        "text": WORDS,
    } | changed
    answer = office.post("/admin/requests/new", data=data)
    assert answer.status_code == 422
    assert data["email"] in answer.text
    assert data["text"] in answer.text
    db.session.rollback()
    assert db.session.scalars(select(Request)).all() == []


@both_databases
def test_nobody_is_answered_before_it_is_known_who_asks(
    app: Flask, client: FlaskClient, office: FlaskClient
) -> None:
    request = by_letter(office)
    office.post(there(request, "opening"))
    page = office.get(there(request)).text
    assert there(request, "answer") not in page
    unknown = office.post(there(request, "answer"), data={"words": ANSWER})
    assert unknown.status_code == 422
    assert "Kontrollera först" in unknown.text
    office.post(there(request, "identity"))
    assert held(request).identity == "asked"
    assert last_mail(app)[0] == "Är begäran din?"
    assert office.post(there(request, "answer"), data={"words": ANSWER}).status_code == 422
    office.post(there(request, "identity"), data={"checked": "1"})
    assert held(request).identity == "checked"
    assert office.post(there(request, "identity")).status_code == 422  # it is known
    assert office.post(there(request, "answer"), data={"words": ANSWER}).status_code == 303


def test_the_person_proves_it_by_the_mailed_link(app: Flask, office: FlaskClient) -> None:
    request = by_letter(office)
    dora = app.test_client()
    dora.post("/privacy/find", data={"email": DORA})
    dora.post(link_in(delivered(app)[-1], "/privacy/enter/"))
    page = dora.get(f"/privacy/requests/{request.id}").text
    assert "Ja, den är min" in page
    dora.post(f"/privacy/requests/{request.id}/identity")
    assert held(request).identity == "proven"
    assert "Ja, den är min" not in dora.get(f"/privacy/requests/{request.id}").text


def test_a_request_without_proof_may_be_refused(app: Flask, office: FlaskClient) -> None:
    request = by_letter(office)
    office.post(
        there(request, "refusal"),
        data={"ground": "12.6", "words": "Vi har frågat två gånger utan svar."},
    )
    assert held(request).state == "refused"


def test_an_objection_by_phone_stops_at_once(app: Flask, office: FlaskClient) -> None:
    by_letter(office, kind="object", activity="team_surveys", channel="phone")
    assert not may_use(db.session(), Person.of(None, DORA), TEAM_SURVEYS)


def test_an_objection_to_what_protects_people_is_weighed_while_that_goes_on(
    app: Flask, office: FlaskClient
) -> None:
    request = by_letter(office, kind="object", activity="security")
    assert objected(db.session(), Person.of(None, DORA)) == frozenset()
    assert "står stilla" not in office.post(there(request)).text
    refusal = {"words": "Utan loggarna ser vi inga intrång.", "ground": "21.1"}
    office.post(there(request, "identity"), data={"checked": "1"})
    assert office.post(there(request, "refusal"), data=refusal).status_code == 303
    assert held(request).state == "refused"


# Corrections and objections


def wrong_number(alice: User, wanted: str) -> Request:
    row = db.session.scalars(select(Organisation.id)).one()
    return ask(
        alice,
        "correct",
        activity=CUSTOMER_RELATIONS,
        wanted=wanted,
        about=("organisation", row, "number"),
    )


@both_databases
def test_a_correction_is_made_told_and_answered_as_one(
    app: Flask, office: FlaskClient, alice: User
) -> None:
    request = wrong_number(alice, "5560360793")
    office.post(there(request, "opening"))
    page = office.get(there(request)).text
    for words in ("Rätta och svara", "556016-0680", "5560360793"):
        assert words in page
    office.post(there(request, "correction"), data={"words": "Numret är nu rättat."})
    db.session.rollback()
    organisation = db.session.scalars(select(Organisation)).one()
    assert organisation.number == "556036-0793"
    assert held(request).state == "done"
    told = db.session.scalars(select(RecipientNotice)).all()
    assert {n.request_id for n in told} == {request.id}
    assert [r.kind for r in db.session.scalars(select(Request))] == ["correct"]
    assert "Numret är nu rättat." in last_mail(app)[1]


@pytest.mark.parametrize("wanted", ["inte ett nummer", "556036-0794"])
def test_a_value_that_does_not_fit_changes_and_answers_nothing(
    app: Flask, office: FlaskClient, alice: User, wanted: str
) -> None:
    request = wrong_number(alice, wanted)
    answer = office.post(there(request, "correction"), data={"words": "Numret är nu rättat."})
    assert answer.status_code == 422
    assert "går inte att spara" in answer.text
    db.session.rollback()
    assert db.session.scalars(select(Organisation.number)).one() == "556016-0680"
    assert held(request).state == "open"
    assert db.session.scalars(select(RecipientNotice)).all() == []


def test_a_row_that_is_gone_or_somebody_elses_is_not_corrected(
    app: Flask, office: FlaskClient, alice: User
) -> None:
    request = wrong_number(alice, "556036-0793")
    with transaction() as session:
        session.scalars(select(Organisation)).one().registered_by_id = None
    answer = office.post(there(request, "correction"), data={"words": "Numret är nu rättat."})
    assert answer.status_code == 422
    assert "finns inte längre" in answer.text
    assert held(request).state == "open"


@both_databases
@pytest.mark.parametrize("upheld", [True, False])
def test_an_objection_is_upheld_or_overridden(
    app: Flask, office: FlaskClient, alice: User, upheld: bool
) -> None:
    with transaction() as session:
        actions.set_objection(
            session,
            person_of(alice),
            USAGE_ANALYSIS,
            clock.now(),
            on=True,
            reason="Jag vill inte bli räknad.",
            address=alice.email,
        )
        request = session.scalars(select(Request).where(Request.kind == "object")).one()
    office.post(there(request, "opening"))
    page = office.get(there(request)).text
    assert "Ge personen rätt" in page
    assert "Våra skäl väger tyngre" in page
    step = "answer" if upheld else "refusal"
    words = {"words": "Vi har vägt dina skäl mot våra.", "ground": "21.1"}
    assert office.post(there(request, step), data=words).status_code == 303
    assert held(request).state == ("done" if upheld else "refused")
    assert may_use(db.session(), person_of(alice), USAGE_ANALYSIS) is not upheld


def test_the_person_reads_the_answer_on_their_own_page(
    app: Flask, office: FlaskClient, alice: User
) -> None:
    request = ask(alice)
    office.post(there(request, "answer"), data={"words": ANSWER})
    page = sign_in(app.test_client()).get(f"/privacy/requests/{request.id}").text
    assert ANSWER in page
    assert "Klar" in page
    assert "Stina" not in page


def test_nothing_outweighs_a_no_to_marketing(app: Flask, office: FlaskClient) -> None:
    request = by_letter(office, kind="object", activity="marketing_email")
    office.post(there(request, "identity"), data={"checked": "1"})
    refusal = {"words": "Vi vill gärna fortsätta att mejla.", "ground": "21.1"}
    answer = office.post(there(request, "refusal"), data=refusal)
    assert answer.status_code == 422
    assert "gäller (art. 21.3)" in answer.text
    assert refusal["words"] in answer.text
    assert objected(db.session(), Person.of(None, DORA)) == {"marketing_email"}


def test_the_draft_claims_no_correction_that_was_not_made(office: FlaskClient, alice: User) -> None:
    request = ask(alice, "correct")
    office.post(there(request, "opening"))
    assert "Det är gjort" not in office.get(there(request, "answer")).text
