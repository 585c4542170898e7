"""The end of a contract (Art. 28(3)(g)): handed back, waited for, erased with receipt.

Alice and Bob own the organisation; Dora is in a team of theirs and in one of Charlie's.
"""

import copy
import csv
import io
import json
import threading
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import LargeBinary, Table, func, select, type_coerce

from tests.conftest import both_databases
from tests.factories import account, colleague, customer, delivered, link_in, sign_in
from tests.privacy.test_holds import GROUND, end, hold
from tests.surveys.stories import answer, launch, launched, team_of, tokens
from trustivide.audit.models import AuditEntry
from trustivide.auth.models import User
from trustivide.auth.queries import person as person_of
from trustivide.core import clock, inventory, tenancy
from trustivide.core.activities import ACCOUNTS, SEARCH_HISTORY, TEAM_SURVEYS
from trustivide.core.crypto import ring
from trustivide.core.db import Base, Plain, db, is_encrypted, transaction
from trustivide.core.errors import Refused
from trustivide.core.holds import Held
from trustivide.core.inventory import Consequence, Dependent
from trustivide.core.subjects import Person
from trustivide.core.text import Text
from trustivide.organisations.models import Membership, Organisation
from trustivide.outbox.models import Job, Mail
from trustivide.privacy import actions, contract, export, handback, receipt
from trustivide.privacy.models import Erasure, Export, Request
from trustivide.rights.ledger import ledger
from trustivide.surveys import closing as survey_closing
from trustivide.surveys import launching as survey_launching
from trustivide.surveys.models import AnswerSet, Survey
from trustivide.teams.models import TeamMember

ALICE, BOB, CHARLIE = "alice@exempel.test", "bob@exempel.test", "charlie@annan.test"
NAME = "Exempel AB"
WEEK = timedelta(days=7, minutes=1)


def _organisation(name: str = NAME) -> UUID:
    db.session.rollback()
    found = db.session.scalars(select(Organisation.id).where(Organisation.name == name)).one()
    db.session.rollback()
    return found


@pytest.fixture
def answered(app: Flask) -> Survey:
    """A closed survey with five answers, and a running one with three, of Alice's."""
    alice = customer()
    # Others than those of the running one: two results of nearly the same people are refused.
    closed = launch(alice, team_of(alice, 5, prefix="erik"))
    for n, token in enumerate(tokens(closed).values()):
        answer(closed, token, n)
    with transaction() as session:
        survey_closing.close(session, session.get_one(Survey, closed.id), clock.now())
    running = launched(app, 6, alice)
    for n, token in enumerate(list(tokens(running).values())[:3]):
        answer(running, token, n)
    return running


@pytest.fixture
def path(answered: Survey) -> str:
    """The page of Alice's organisation."""
    return f"/privacy/organisation/{_organisation()}"


def _end(client: FlaskClient, path: str, **more: str) -> str:
    response = client.post(f"{path}/ending", data={"name": NAME, "without_copy": "y", **more})
    assert response.status_code == 303, response.text
    location = str(response.headers["Location"])
    assert location.startswith("/privacy/receipt/"), location
    return location


def _in_a_week(tick: Callable[[], None], after: timedelta = WEEK) -> None:
    with time_machine.travel(clock.now() + after):
        tick()


def _file(client: FlaskClient, path: str, tick: Callable[[], None]) -> zipfile.ZipFile:
    assert client.post(f"{path}/copy").status_code == 303
    tick()
    response = client.get(f"{path}/copy/file")
    assert response.status_code == 200
    return zipfile.ZipFile(io.BytesIO(response.data))


def _count(model: Any) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


# What belongs to an organisation


def test_whatever_leads_to_the_organisation_goes_with_it(app: Flask) -> None:
    """A foreign key that the database doesn't follow would leave rows behind without owner."""
    belonging = {part.table for part in tenancy.parts()}
    assert {"team_member", "survey", "invitation", "answer_set"} <= {t.name for t in belonging}
    left = []
    for table in Base.metadata.sorted_tables:
        leading = [key for key in table.foreign_keys if key.column.table in belonging]
        if leading and all(key.ondelete != "CASCADE" for key in leading):
            left.append(table.name)
    assert left == []


def test_a_plain_column_leaves_only_by_a_label_and_key_material_has_none(app: Flask) -> None:
    """New columns are decided on: whoever adds one says what a customer reads, or seals it."""
    leaving, staying = set(), set()
    for part in tenancy.parts():
        for column in part.table.columns:
            declared = column.info["trustivide"]
            if not isinstance(declared, Plain) or column.primary_key or column.foreign_keys:
                continue
            where = f"{part.name}.{column.name}"
            (leaving if declared.label else staying).add(where)
            if not declared.label:
                sealed = is_encrypted(column.type) or "digest of" in declared.why
                assert sealed, f"{where}: say label=, or why it is sealed"
            if "key material" in declared.why:
                assert not declared.label, where
    assert "snapshot.figures" in leaving
    assert staying == {"survey.link_key", "result_share.token", "result_share.lookup"}


def test_everything_handed_back_has_a_name_that_an_organisation_understands() -> None:
    assert [p.name for p in tenancy.parts() if p.model.__collection__ is None] == []


# Handing back


@both_databases
def test_an_owner_gets_everything_but_answers_and_keys(
    app: Flask, client: FlaskClient, tick: Callable[[], None], path: str
) -> None:
    secrets = [s.link_key for s in db.session.scalars(select(Survey)) if s.link_key]
    spoken = [
        value
        for held in db.session.scalars(
            select(AnswerSet).join(Survey).where(Survey.closed_at.is_(None))
        )
        for value in held.answers.values()
        if isinstance(value, str)
    ]
    digests = [bytes(r) for r in db.session.scalars(select(AnswerSet.receipt))]
    ids = [str(i) for i in db.session.scalars(select(AnswerSet.id))]
    assert secrets
    assert spoken
    sign_in(client)
    archive = _file(client, path, tick)
    names = archive.namelist()
    assert names[:2] == ["index.html", "data.json"]
    assert "team_member.csv" in names
    assert not {"answer_set.csv", "draft.csv"} & set(names)
    data = json.loads(archive.read("data.json"))
    assert data["schema"] == handback.SCHEMA
    tables = data["tables"]
    assert [row["name"] for row in tables["organisation"]["rows"]] == [NAME]
    assert tables["organisation"]["rows"][0]["number"] == "556016-0680"
    assert len(tables["team_member"]["rows"]) == 11
    member = tables["team_member"]["rows"][0]
    assert member["email"].endswith("@exempel.test")
    assert member["team"] == "Redaktionen"
    assert member["team_id"] in {row["id"] for row in tables["team"]["rows"]}
    assert [row["figures"]["answered"] for row in tables["snapshot"]["rows"]] == [5]
    everything = b"".join(archive.read(name) for name in names)
    for key in secrets:
        assert key.hex().encode() not in everything
    for held in digests:
        assert held.hex().encode() not in everything
    for word in [*spoken, *ids]:
        assert word.encode() not in everything
    for hidden in (b"link_key", b"lookup", b"digest", b"receipt", b"slot"):
        assert hidden not in archive.read("data.json")
    page = archive.read("index.html").decode()
    assert "dora1@exempel.test" in page
    assert "Sammanställda resultat" in page
    assert "Enkätsvar" in page  # named as what never leaves
    table = archive.read("team_member.csv").decode("utf-8-sig")
    assert len(list(csv.reader(io.StringIO(table)))) == 12


def test_the_pages_never_tell_how_many_have_answered(client: FlaskClient, path: str) -> None:
    sign_in(client)
    for page in (path, f"{path}/ending"):
        text = client.get(page).text
        assert "Enkätsvar" not in text
        assert "Personer i team" in text


@both_databases
def test_only_who_owns_it_now_sees_and_fetches(
    app: Flask,
    client: FlaskClient,
    browser_of: Callable[[], FlaskClient],
    tick: Callable[[], None],
    path: str,
) -> None:
    bob = colleague(account(ALICE), "leader")
    customer("Charlie Carlsson", CHARLIE, organisation="Annan AB", number="556036-0793")
    sign_in(client)
    _file(client, path, tick)
    mail = delivered(app)[-1]
    assert mail["To"] == ALICE
    assert link_in(mail, "/privacy/organisation/") == path
    for who in (BOB, CHARLIE):
        other = sign_in(browser_of(), who)
        for there in (path, f"{path}/copy/file", f"{path}/ending"):
            assert other.get(there).status_code == 404, (who, there)
        for there in (f"{path}/copy", f"{path}/ending", f"{path}/ending/cancellation"):
            assert other.post(there).status_code == 404, (who, there)
    made = db.session.scalars(select(Export.id)).one()
    assert client.get(f"/privacy/export/{made}").status_code == 404  # not a person's download
    assert str(made) not in client.get("/privacy/export").text
    with transaction() as session:
        for each in session.scalars(select(Membership)):
            if each.user_id == bob.id:
                each.role = "owner"
            elif each.role == "owner" and each.organisation_id == _id_of(path):
                each.role = "admin"
    assert client.get(f"{path}/copy/file").status_code == 404
    assert sign_in(browser_of(), BOB).get(f"{path}/copy/file").status_code == 200


def _id_of(path: str) -> UUID:
    return UUID(path.rsplit("/", 1)[1])


def test_a_visit_by_mailed_link_owns_nothing(app: Flask, client: FlaskClient, path: str) -> None:
    client.post("/privacy/find", data={"email": ALICE})
    client.post(link_in(delivered(app)[-1], "/privacy/enter/"))
    assert client.get("/privacy/").status_code == 200
    assert client.get(path).status_code == 404


def test_the_copy_lies_encrypted_for_a_week_and_asks_for_the_password(
    app: Flask, client: FlaskClient, tick: Callable[[], None], path: str
) -> None:
    sign_in(client)
    _file(client, path, tick)
    made = db.session.scalars(select(Export)).one()
    raw = export.path_of(made.id).read_bytes()
    assert b"dora1@exempel.test" not in raw
    assert raw.startswith(b"age-encryption.org/v1")
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        away = f"/auth/verify?next={path}"
        assert client.get(f"{path}/copy/file").headers["Location"] == away
        assert client.post(f"{path}/copy").headers["Location"] == away
    with time_machine.travel(clock.now() + WEEK):
        sign_in(client)
        assert client.get(f"{path}/copy/file").status_code == 404
        db.session.rollback()
        export.drop_expired(clock.now())
    assert _count(Export) == 0
    assert not list(export.path_of(UUID(int=0)).parent.glob("*.age"))


def _sealed(*events: str) -> list[tuple[str, str]]:
    """What the audit trail says of Alice's organisation, and who did it."""
    db.session.rollback()
    rows = db.session.execute(
        select(AuditEntry.event, User)
        .join(User, AuditEntry.actor_id == User.id)
        .where(AuditEntry.event.in_(events), AuditEntry.thing_id == _organisation())
        .order_by(AuditEntry.number)
    )
    return [(event, user.email) for event, user in rows]


def test_asking_twice_makes_one(client: FlaskClient, path: str) -> None:
    sign_in(client)
    for _twice in range(2):
        client.post(f"{path}/copy")
    assert _count(Export) == 1
    assert _sealed("copy_requested") == [("copy_requested", ALICE)]
    assert "Vi samlar ihop allt" in client.get(path).text


# Deciding


def test_the_page_says_what_ends_and_who_else_is_concerned(client: FlaskClient, path: str) -> None:
    colleague(account(ALICE), "leader")
    page = sign_in(client).get(f"{path}/ending").text
    assert "Pågående enkäter som avslutas utan resultat: 1" in page
    assert "Konton som inte hör till någon annan organisation: 2" in page
    assert "7 dagar" in page
    assert path in client.get("/privacy/").text


def test_a_copy_or_a_word_that_none_is_needed_and_the_name_come_first(
    client: FlaskClient, tick: Callable[[], None], path: str
) -> None:
    sign_in(client)
    for typed, missing in (
        ({"name": "Exempel"}, "Det är inte organisationens namn"),
        ({"name": ""}, "Skriv organisationens namn"),
        ({"name": NAME}, "Gör en kopia först"),
    ):
        refused = client.post(f"{path}/ending", data=typed)
        assert refused.status_code == 422
        assert missing in refused.text
        assert f'value="{typed["name"]}"' in refused.text
    assert _count(Erasure) == 0
    _file(client, path, tick)
    assert "Ni har en kopia" in client.get(f"{path}/ending").text
    answered = client.post(f"{path}/ending", data={"name": "  exempel  ab "})
    assert answered.status_code == 303
    assert _count(Erasure) == 1


def test_ending_asks_for_the_password_again(client: FlaskClient, path: str) -> None:
    sign_in(client)
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        for response in (
            client.get(f"{path}/ending"),
            client.post(f"{path}/ending", data={"name": NAME, "without_copy": "y"}),
        ):
            assert response.headers["Location"] == f"/auth/verify?next={path}/ending"
    assert _count(Erasure) == 0


def test_a_copy_that_has_expired_is_none(
    app: Flask, client: FlaskClient, tick: Callable[[], None], path: str
) -> None:
    sign_in(client)
    _file(client, path, tick)
    with time_machine.travel(clock.now() + WEEK):
        sign_in(client)
        assert client.post(f"{path}/ending", data={"name": NAME}).status_code == 422


@both_databases
def test_every_owner_is_told_and_any_of_them_takes_it_back(
    app: Flask,
    client: FlaskClient,
    browser_of: Callable[[], FlaskClient],
    tick: Callable[[], None],
    path: str,
) -> None:
    colleague(account(ALICE), "owner")
    location = _end(sign_in(client), path)
    told = delivered(app)[-2:]
    assert {m["To"] for m in told} == {ALICE, BOB}
    for mail in told:
        assert NAME in mail["Subject"]
        assert "Alice Alm har avslutat" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        assert link_in(mail, "/privacy/receipt/") == location
        assert link_in(mail, "/privacy/organisation/") == path
    assert path in client.get(location).text  # the way back
    bob = sign_in(browser_of(), BOB)
    assert "Ångra avslutet" in bob.get(path).text
    assert bob.get(f"{path}/ending").headers["Location"] == path
    assert bob.post(f"{path}/ending/cancellation").status_code == 303
    assert bob.post(f"{path}/ending/cancellation").status_code == 303  # twice does no harm
    assert _sealed("ending_requested", "ending_cancelled") == [
        ("ending_requested", ALICE),
        ("ending_cancelled", BOB),
    ]
    _in_a_week(tick)
    assert _count(Organisation) == 1
    assert "ångrades" in client.get(location).text
    asked = db.session.scalars(select(Request.state).where(Request.kind == "other")).all()
    assert asked == ["cancelled"]
    with time_machine.travel(clock.now() + WEEK):
        _end(sign_in(client), path)  # and may be decided anew


@both_databases
def test_an_ending_is_not_the_owners_own_erasure(
    app: Flask, client: FlaskClient, path: str
) -> None:
    _end(sign_in(client), path)
    assert "Ditt konto raderas" not in client.get("/privacy/").text
    client.post("/privacy/erasure/cancellation")
    assert "Ångra avslutet" in client.get(path).text


@both_databases
def test_of_two_owners_who_end_at_once_one_does(app: Flask, path: str) -> None:
    bob, alice = colleague(account(ALICE), "owner"), account(ALICE)
    people = [person_of(user) for user in (alice, bob)]
    start, outcomes = threading.Barrier(2), []
    organisation_id = _organisation()

    def end(person: Any) -> None:
        with app.app_context():
            start.wait()
            try:
                with transaction() as session:
                    contract.request(
                        session,
                        person,
                        organisation_id,
                        name="",
                        without_copy=True,
                        now=clock.now(),
                    )
                outcomes.append("decided")
            except Refused as refused:
                outcomes.append(str(refused))

    threads = [threading.Thread(target=end, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["decided", "pending"]
    assert _count(Erasure) == 1


def test_what_blocks_is_shown_and_nothing_is_decided(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, tick: Callable[[], None], path: str
) -> None:
    blocked = [True]
    stop = Consequence(Text("Betala fakturan först", "Pay the invoice first"), blocks=True)
    dependent = Dependent("stop", lambda s, p: [], ending=lambda s, o: [stop] if blocked else [])
    monkeypatch.setattr(
        inventory.registry, "dependents", [*inventory.registry.dependents, dependent]
    )
    sign_in(client)
    assert "Betala fakturan först" in client.get(f"{path}/ending").text
    refused = client.post(f"{path}/ending", data={"name": NAME, "without_copy": "y"})
    assert refused.status_code == 422
    assert _count(Erasure) == 0
    blocked.clear()
    _end(client, path)
    blocked.append(True)
    _in_a_week(tick)  # what came up meanwhile puts it off, day by day
    assert _count(Organisation) == 1
    assert db.session.scalars(select(Erasure.state)).one() == "cooling"
    assert not [e for e in ledger().entries() if e.effect == "organisation-closed"]
    blocked.clear()
    _in_a_week(tick, timedelta(days=9))
    assert _count(Organisation) == 0


@both_databases
def test_the_contract_does_not_end_while_a_hold_keeps_something_in_the_organisation(
    client: FlaskClient, tick: Callable[[], None], path: str
) -> None:
    """Neither decided nor, after the decision, carried out; and no owner is told on what ground."""
    member = db.session.scalars(select(TeamMember)).first()
    assert member
    address = member.email
    placed = hold(address, TEAM_SURVEYS)
    until = placed.ends_on
    sign_in(client)
    before = {p.name: n for p, n in contract.held(db.session(), _organisation())}
    page = client.get(f"{path}/ending").text
    assert f"bevaras för ett rättsligt anspråk, längst till och med {until}" in page
    for word in (GROUND, address):
        assert word not in page
    refused = client.post(f"{path}/ending", data={"name": NAME, "without_copy": "y"})
    assert refused.status_code == 422
    assert _count(Erasure) == 0
    end(placed)
    location = _end(client, path)
    later = hold(address, TEAM_SURVEYS, days=300)
    db.session.rollback()
    _in_a_week(tick)
    assert db.session.scalars(select(Erasure.state)).one() == "cooling"
    assert not [e for e in ledger().entries() if e.effect == "organisation-closed"]
    assert {p.name: n for p, n in contract.held(db.session(), _organisation())} == before
    assert client.get(f"{location}.json").status_code == 404
    end(later)
    _in_a_week(tick, timedelta(days=9))
    assert (_count(Organisation), _count(TeamMember)) == (0, 0)
    assert receipt.is_genuine(client.get(f"{location}.json").json)


def test_a_hold_elsewhere_ends_nobodys_right_to_leave(
    client: FlaskClient, tick: Callable[[], None], path: str
) -> None:
    """What is held of a person outside the organisation has nothing to do with its contract."""
    charlie = customer("Charlie", CHARLIE, number="556036-0793", organisation="Annan AB")
    team_of(charlie, 1, name="Andra", prefix="dora")
    hold(CHARLIE, ACCOUNTS)
    hold(ALICE, SEARCH_HISTORY)
    sign_in(client)
    assert "rättsligt anspråk" not in client.get(f"{path}/ending").text
    _end(client, path)
    _in_a_week(tick)
    assert _count(Organisation) == 1


def test_a_hold_that_comes_between_the_note_and_the_rows_still_keeps_them(
    client: FlaskClient, path: str
) -> None:
    members, answers = _count(TeamMember), _count(AnswerSet)
    member = db.session.scalars(select(TeamMember)).first()
    assert member
    address = member.email
    sign_in(client)
    location = _end(client, path)
    ending = db.session.scalars(select(Erasure.id)).one()
    db.session.rollback()
    contract._note_intent(ending, clock.now())
    placed = hold(address, TEAM_SURVEYS)
    with pytest.raises(Held):
        contract.run({"id": str(ending)}, clock.now())
    assert (_count(Organisation), _count(TeamMember)) == (1, members)
    assert _count(AnswerSet) == answers
    assert client.get(f"{location}.json").status_code == 404
    end(placed)
    db.session.rollback()
    contract.run({"id": str(ending)}, clock.now())
    assert _count(Organisation) == 0
    assert client.get(f"{location}.json").status_code == 200


# Erasing


def _dump(organisation_id: UUID, user: UUID) -> list[str]:
    """Every stored byte of what belongs to an organisation and to its owner."""
    db.session.rollback()
    found = []
    with db.engine.connect() as connection:
        for part in tenancy.parts():
            where = tenancy.clause(part, organisation_id)
            bare = select(*(_raw(part.table, c.name) for c in part.table.columns)).where(where)
            found += [f"{part.name} {tuple(map(_plain, row))}" for row in connection.execute(bare)]
        own = select(*(_raw(User.__table__, c.name) for c in User.__table__.columns))  # type: ignore[arg-type]
        for row in connection.execute(own.where(User.__table__.c.id == user)):
            found.append(f"user {tuple(map(_plain, row))}")
    return sorted(found)


def _raw(table: Table, name: str) -> Any:
    """A column as it lies there, undecrypted."""
    column = table.c[name]
    return type_coerce(column, LargeBinary) if is_encrypted(column.type) else column


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


@both_databases
def test_ended_it_is_gone_with_a_receipt_and_charlies_is_untouched_byte_for_byte(
    app: Flask,
    client: FlaskClient,
    browser_of: Callable[[], FlaskClient],
    tick: Callable[[], None],
    path: str,
) -> None:
    charlie = customer("Charlie Carlsson", CHARLIE, organisation="Annan AB", number="556036-0793")
    theirs = launched(app, 5, charlie)
    for n, token in enumerate(list(tokens(theirs).values())[:4]):
        answer(theirs, token, n)
    with transaction() as session:
        survey_launching.remind(session, session.get_one(Survey, theirs.id), clock.now())
    other = _organisation("Annan AB")
    sign_in(client)
    _file(client, path, tick)
    location = _end(client, path)
    tick()
    before = _dump(other, charlie.id)
    assert any("team_member" in row for row in before)
    _in_a_week(tick)
    assert _dump(other, charlie.id) == before
    assert db.session.scalars(select(Organisation.name)).all() == ["Annan AB"]
    addresses = db.session.scalars(select(TeamMember.email)).all()
    assert sorted(addresses) == [f"dora{n}@exempel.test" for n in range(1, 6)]
    for part in tenancy.parts():
        assert tenancy.count(db.session(), part, _id_of(path)) == 0, part.name
    assert _count(Export) == 0
    assert not list(export.path_of(UUID(int=0)).parent.glob("*.age"))
    page = client.get(location).text
    assert "Underskriften stämmer" in page
    assert "Personer i team" in page
    assert "Sammanställda resultat är raderade" in page
    body = client.get(f"{location}.json").json
    assert body
    assert receipt.is_genuine(body)
    assert body["tables"]["team_member"] == {"deleted": 11, "blanked": 0, "kept": 0}
    assert body["tables"]["snapshot"]["deleted"] == 1
    assert body["stores"] == {"exports": 1}
    assert "answer_set" not in body["tables"]
    assert body["uncounted"]["tables"] == ["answer_set", "draft"]
    code = location.rsplit("/", 1)[1]
    assert body["subject"]["value"] == receipt.subject_reference(code.upper(), "exempel ab")
    told = json.dumps(body).casefold()
    assert "exempel" not in told
    assert "alice" not in told
    touched = copy.deepcopy(body)
    touched["tables"]["team_member"]["deleted"] = 10
    assert not receipt.is_genuine(touched)
    answer_to = client.post("/privacy/receipt", data={"receipt": json.dumps(body)})
    assert "äkta" in answer_to.text
    held = db.session.scalars(select(Erasure).where(Erasure.organisation_id.is_not(None))).one()
    assert (held.email, held.user_id) == (None, None)
    (entry,) = [e for e in ledger().entries() if e.effect == "organisation-closed"]
    assert entry.detail == {"erasure": str(held.id), "organisation": str(_id_of(path))}
    assert entry.reference == ring().digest(_id_of(path).bytes, "organisation")


@both_databases
def test_accounts_left_without_an_organisation_leave_as_accounts_do(
    app: Flask,
    client: FlaskClient,
    browser_of: Callable[[], FlaskClient],
    tick: Callable[[], None],
    path: str,
) -> None:
    alice = account(ALICE)
    colleague(alice, "leader")
    eva = colleague(alice, "member", "Eva Ek", "eva@exempel.test")
    bo = customer("Bo Bo", "bo@annan.test", organisation="Annan AB", number="556036-0793")
    with transaction() as session:
        session.add(Membership(organisation_id=_id_of(path), user_id=bo.id, role="owner"))
        session.get_one(User, eva.id).staff_role = "support"
    location = _end(sign_in(client), path)
    begun = clock.now()
    _in_a_week(tick)
    assert _count(User) == 4
    with time_machine.travel(begun + WEEK):
        mails = [m for m in delivered(app) if m["Subject"] == "Ditt konto raderas"]
        assert sorted(m["To"] for m in mails) == [ALICE, BOB]
        for mail in mails:
            said = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
            assert f"{NAME} har lämnat Trustivide" in said
            assert "Du har bett" not in said
            assert link_in(mail, "/privacy/receipt/") != location
        codes = {m["To"]: link_in(m, "/privacy/receipt/") for m in mails}
        bob = sign_in(browser_of(), BOB)
        assert "Ditt konto raderas" in bob.get("/privacy/").text
        bob.post("/privacy/erasure/cancellation")
    with time_machine.travel(begun + 2 * WEEK):
        tick()
    emails = {user.email for user in db.session.scalars(select(User))}
    assert emails == {BOB, "eva@exempel.test", "bo@annan.test"}
    body = client.get(f"{codes[ALICE]}.json").json
    assert body
    assert body["tables"]["user"]["deleted"] == 1
    assert receipt.is_genuine(client.get(f"{location}.json").json)


@both_databases
def test_a_crash_in_the_middle_is_resumed_and_a_second_run_does_nothing(
    app: Flask,
    client: FlaskClient,
    tick: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    path: str,
) -> None:
    sign_in(client)
    _file(client, path, tick)
    location = _end(client, path)
    held = db.session.scalars(select(Erasure.id)).one()
    with transaction() as session:
        session.get_one(Erasure, held).state = "queued"
    params, real = {"id": str(held)}, tenancy.tenancy()

    def crash(*_: Any) -> None:
        raise RuntimeError("the worker was killed")

    monkeypatch.setattr(inventory.registry, "tenancy", replace(real, close=crash))
    for _twice in range(2):
        with pytest.raises(RuntimeError):
            contract.run(params, clock.now())
        db.session.rollback()
    assert db.session.scalars(select(Erasure.state)).one() == "rows"
    assert _count(Organisation) == 1
    db.session.rollback()
    monkeypatch.setattr(inventory.registry, "tenancy", real)
    contract.run(params, clock.now())
    first = client.get(f"{location}.json").json
    assert first
    assert first["stores"] == {"exports": 1}
    assert first["tables"]["organisation"]["deleted"] == 1
    db.session.rollback()
    contract.run(params, clock.now())
    assert client.get(f"{location}.json").json == first
    effects = [e.effect for e in ledger().entries()]
    assert effects.count("organisation-closed") == 1


def test_a_lost_job_is_found_again(
    app: Flask, client: FlaskClient, tick: Callable[[], None], path: str
) -> None:
    location = _end(sign_in(client), path)
    held = db.session.scalars(select(Erasure.id)).one()
    with transaction() as session:
        session.get_one(Erasure, held).state = "rows"
        for job in session.scalars(select(Job)).all():
            session.delete(job)
    tick()
    assert "Underskriften stämmer" in client.get(location).text


@both_databases
def test_mail_that_waits_for_the_organisations_surveys_is_gone_too(
    app: Flask, client: FlaskClient, tick: Callable[[], None], answered: Survey, path: str
) -> None:
    delivered(app)
    charlie = customer("Charlie Carlsson", CHARLIE, organisation="Annan AB", number="556036-0793")
    theirs = launched(app, 5, charlie)
    with transaction() as session:
        survey_launching.remind(session, session.get_one(Survey, answered.id), clock.now())
        survey_launching.remind(session, session.get_one(Survey, theirs.id), clock.now())
    assert _count(Mail) > 16
    with transaction() as session:
        tenancy.tenancy().close(session, _id_of(path), clock.now())
    kinds = db.session.scalars(
        select(Mail.kind).where(Mail.kind.in_(("survey_invitation", "survey_reminder")))
    ).all()
    assert sorted(kinds) == ["survey_invitation"] * 5 + ["survey_reminder"] * 5


def test_an_organisation_that_is_gone_already_still_gets_its_receipt(
    app: Flask, client: FlaskClient, tick: Callable[[], None], path: str
) -> None:
    """Its last owner was quicker to leave than the contract to end."""
    location = _end(sign_in(client), path)
    with transaction() as session:
        tenancy.tenancy().close(session, _id_of(path), clock.now())
    _in_a_week(tick)
    assert client.get(f"{location}.json").json["tables"] == {}  # type: ignore[index]


def test_a_copy_under_way_when_the_organisation_goes_leaves_no_file(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    location = _end(sign_in(client), path)
    client.post(f"{path}/copy")
    made = db.session.scalars(select(Export.id)).one()
    ending = db.session.scalars(select(Erasure.id)).one()
    with transaction() as session:
        session.get_one(Erasure, ending).state = "queued"
    real, done = handback._write, []

    def meanwhile(*args: Any) -> None:
        real(*args)
        if not done:
            done.append(True)
            with app.app_context():
                for step in (contract._note_intent, contract._erase):
                    step(ending, clock.now())

    monkeypatch.setattr(handback, "_write", meanwhile)
    handback.run({"id": str(made)}, clock.now())
    assert not export.path_of(made).exists()
    assert _count(Export) == 0
    db.session.rollback()
    contract.run({"id": str(ending)}, clock.now())
    assert client.get(f"{location}.json").status_code == 200


def test_a_last_owner_who_leaves_takes_nobody_along_unasked(
    app: Flask, client: FlaskClient, tick: Callable[[], None], path: str
) -> None:
    """Erasing the only owner's account ends the organisation: its other accounts are told."""
    colleague(account(ALICE), "leader")
    team_of(account(ALICE), 1, "Extra", "extra")
    sign_in(client).post("/privacy/erasure", data={"understood": "y"})
    begun = clock.now()
    _in_a_week(tick)
    assert _count(Organisation) == 0
    with time_machine.travel(begun + WEEK):
        mails = [m for m in delivered(app) if m["Subject"] == "Ditt konto raderas"]
        assert [m["To"] for m in mails] == [BOB]  # Alice's own went with her
    assert {user.email for user in db.session.scalars(select(User))} == {BOB}


# What the customer learns of rights used


@both_databases
def test_the_customer_reads_how_many_rights_were_used_and_never_by_whom(
    app: Flask, client: FlaskClient
) -> None:
    alice = customer()
    team_of(alice, 2)
    charlie = customer("Charlie", CHARLIE, number="556036-0793", organisation="Annan AB")
    dora = Person.of(None, "dora1@exempel.test")
    path = f"/privacy/organisation/{_organisation()}"
    now = clock.now()

    def use(who: Person, times: int) -> None:
        with transaction() as session:
            for _ in range(times):
                actions.record(session, who, "access", now)

    use(person_of(charlie), 9)
    use(dora, contract.FEWEST - 1)
    sign_in(client)
    assert f"färre än {contract.FEWEST} gånger" in client.get(path).text
    use(person_of(alice), 2)
    page = client.get(path).text
    assert f"{contract.FEWEST + 1} gånger" in page
    assert "dora1" not in page
