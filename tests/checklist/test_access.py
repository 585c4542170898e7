"""Who reaches what: every route × method × role × tenant, generated from the map of addresses."""

import io
import itertools
import re
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import time_machine
from sqlalchemy import delete, select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.checklist.expectations import EVERYBODY, EXPECTED, Expected
from tests.checklist.world import World
from tests.factories import account
from tests.routes import ALICE, CHARLIE, address
from tests.surveys.stories import actor_of, team_of, tokens
from trustivide.auth.models import User
from trustivide.core import clock, inventory
from trustivide.core.activities import TEAM_SURVEYS
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.organisations.models import Membership, Organisation
from trustivide.outbox import worker
from trustivide.outbox.models import Mail
from trustivide.rights.actions import object_to
from trustivide.surveys import launching as survey_launching
from trustivide.surveys.catalogue import latest
from trustivide.surveys.models import Survey
from trustivide.teams.models import TeamMember

THREE = ("stranger", "owner", "staff-owner")
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "main"}


def routes(world: World, role: str) -> Iterator[tuple[Rule, str, Expected]]:
    """Every route by method, with what the tester expects of it.

    What anybody may open is opened by three: they differ in what stands around the page.
    """
    for rule in world.app.url_map.iter_rules():
        expected = EXPECTED[rule.endpoint]
        public = expected.roles == EVERYBODY
        if rule.endpoint == "static" or (public and role not in THREE):
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method, expected


def test_checklist_14_every_route_has_an_expectation(world: World) -> None:
    there = {rule.endpoint for rule in world.app.url_map.iter_rules()}
    assert there - set(EXPECTED) == set(), "say in tests/checklist/expectations.py who may"
    assert set(EXPECTED) - there == set(), "no longer a route"
    methods = {m for rule in world.app.url_map.iter_rules() for m in rule.methods or ()}
    assert methods == {"GET", "HEAD", "OPTIONS", "POST"}


@pytest.mark.parametrize("role", sorted(EVERYBODY))
def test_checklist_14_each_role_reaches_its_routes_and_no_others(world: World, role: str) -> None:
    denied = [r for r in routes(world, role) if not r[2].reaches(role)]
    allowed = [r for r in routes(world, role) if r[2].reaches(role)]
    before = world.state()
    wrong = []
    for rule, method, expected in denied:
        path = world.path(rule, role)
        answer = world.open(role, path, method, data={"confirmed": "1"})
        if not _is_refused(answer, role, expected):
            wrong.append(f"{method} {rule}: {answer.status} {answer.location}")
        # 37: htmx asks with its own headers, and gets no further.
        partly = world.open(role, path, method, data={"confirmed": "1"}, headers=HTMX)
        if partly.text != answer.text and partly.headers.get("HX-Redirect") != answer.location:
            wrong.append(f"{method} {rule} by htmx: {partly.status}")
    # 21: looking changes nothing, whoever looks, whether all of it is sent or only its head.
    look = "GET" if role in THREE else "HEAD"
    for rule, method, expected in (r for r in allowed if r[1] == "GET"):
        answer = world.open(role, world.path(rule, role), look)
        if not _is_let_in(answer, expected):
            wrong.append(f"{method} {rule} is refused: {answer.status} {answer.location}")
    assert world.state() == before
    for rule, method, expected in (r for r in allowed if r[1] != "GET"):
        with world.restored():
            answer = world.open(role, world.path(rule, role), method)
        if not _is_let_in(answer, expected):
            wrong.append(f"{method} {rule} is refused: {answer.status} {answer.location}")
    assert not wrong, "\n".join(wrong)


def _is_refused(answer: TestResponse, role: str, expected: Expected) -> bool:
    """404, since 403 would tell that there is something; a way in where there is one."""
    if role == "halfway" and expected.roles:
        ways = ("/auth/second-factor", "/privacy/find")
        return answer.status_code == 303 and str(answer.location).startswith(ways)
    if role == "stranger" and expected.roles:
        return answer.status_code == 303 and str(answer.location).startswith(expected.to)
    if role == "unproven" and expected.whose == "office":
        return answer.status_code == 303 and str(answer.location).startswith("/auth/second-factor")
    return answer.status_code == 404


def _is_let_in(answer: TestResponse, expected: Expected) -> bool:
    elsewhere = ("/auth/login", "/privacy/find?", "/auth/second-factor?")
    sent_away = str(answer.location or "").startswith(elsewhere)
    missing = answer.status_code == 404 and not expected.opens
    return not missing and not sent_away and answer.status_code < 500


def test_checklist_21_looking_changes_nothing_whatever_is_asked_along(world: World) -> None:
    """HEAD too, and a GET that says it was meant to change something. Every role looks above."""
    before = world.state()
    tempting = {"confirmed": "1", "on": "1", "_method": "POST", "step": "edit", "go": "back"}
    override = {"X-HTTP-Method-Override": "POST", "X-Method-Override": "DELETE"}
    for role in THREE:
        for rule, method, expected in routes(world, role):
            if method == "GET" and expected.reaches(role):
                path = world.path(rule, role)
                world.open(role, path, "HEAD")
                world.open(role, path, query_string=tempting, headers=override)
    assert world.state() == before


# 12: the password (or a passkey) once more before what weighs

WEIGHTY = {
    "privacy.correct": "owner",  # the address that she signs in with
    "privacy.exports": "owner",
    "privacy.export_file": "owner",
    "privacy.erase": "owner",
    "privacy.hand_back": "owner",
    "privacy.hand_back_file": "owner",
    "privacy.end_contract": "owner",
    "organisations.role": "owner",
    "organisations.removal": "owner",
    "organisations.leaving": "owner",
    "organisations.second_factor": "owner",
    "auth.enrol": "owner",
    "auth.recovery_codes": "owner",
    "auth.new_passkey": "owner",
    "auth.new_passkey_challenge": "owner",
    "auth.remove_passkey": "owner",
    "admin.add_colleague": "staff-owner",
    "admin.change_role": "staff-owner",
    "admin.remove_colleague": "staff-owner",
}


def test_checklist_12_what_weighs_asks_again_who_one_is(world: World) -> None:
    """A browser left open for twenty minutes changes, takes and ends nothing."""
    before, asked = world.state(), set()
    with time_machine.travel(clock.now() + timedelta(minutes=20)):
        for rule in world.app.url_map.iter_rules():
            role = WEIGHTY.get(rule.endpoint)
            if role is None or ("POST" not in (rule.methods or ()) and "file" not in rule.endpoint):
                continue
            method = "POST" if "POST" in (rule.methods or ()) else "GET"
            path = world.path(rule, role)
            if rule.endpoint == "privacy.correct":
                path = path.removesuffix("name") + "email"
            form = {"value": "ny@exempel.test", "confirmed": "1", "understood": "y"}
            answer = world.open(role, path, method, data=form | {"role": "member"})
            to = str(answer.location or (answer.json or {}).get("location", ""))
            assert to.startswith("/auth/verify?next=/"), (path, answer.status, to)
            asked.add(rule.endpoint)
    assert asked == set(WEIGHTY)
    assert world.state() == before


# 15: other customers. That Charlie's sign-in opens none of Alice's addresses is tested above.


def test_checklist_15_no_mixture_of_own_and_foreign_ids_reaches_anything(world: World) -> None:
    """Each address that names two things, with one of them Charlie's own."""
    with world.restored():
        own = _things_of_charlie()
        tried = 0
        before = world.state()
        for rule, method, _expected in routes(world, "charlie"):
            names = sorted(rule.arguments & set(own))
            for mixed in itertools.product((True, False), repeat=len(names)):
                if len(names) < 2 or all(mixed):
                    continue
                ids = world.ids | {n: own[n] for n, mine in zip(names, mixed, strict=True) if mine}
                answer = world.open("charlie", address(rule, ids), method, data={"confirmed": "1"})
                assert answer.status_code == 404, (str(rule), mixed)
                tried += 1
        assert tried >= 15
        assert world.state() == before


def test_checklist_15_a_foreign_id_in_a_form_or_a_query_is_no_choice(world: World) -> None:
    with world.restored():
        own, theirs = _things_of_charlie(), world.ids
        before = world.state()
        form = {
            "teams": theirs["team_id"],
            "message": "Hej",
            "closes_on": (clock.now() + timedelta(days=9)).date().isoformat(),
            "locale": "sv",
        }
        for path in ("/surveys/preview", "/surveys/"):
            answer = world.open("charlie", path, "POST", data=form)
            assert answer.status_code == 422
            assert "Redaktionen" not in answer.text
        # The id that a preview gives its round, taken from Alice's.
        taken = form | {"teams": own["team_id"], "round": theirs["round_id"]}
        sent = world.open("charlie", "/surveys/", "POST", data=taken)
        assert world.open("charlie", str(sent.location)).status_code == 404
        query = {"team_id": theirs["team_id"], "page": "2", "survey_id": theirs["survey_id"]}
        for path in ("/surveys/new", "/surveys/", "/teams/", "/workshops/"):
            page = world.open("charlie", path, query_string=query)
            assert "Redaktionen" not in page.text
        assert world.state() == before


def test_checklist_15_pages_searches_and_files_hold_nothing_of_another_customers(
    world: World,
) -> None:
    with world.restored():
        own = _things_of_charlie()
        for path in ("/privacy/export", f"/privacy/organisation/{own['organisation_id']}/copy"):
            made = world.open("charlie", path, "POST")
            assert made.status_code == 303
            worker.work(world.app)
            file = f"{path}/file" if path.endswith("copy") else f"{made.location}/file"
            _holds_nothing_of_alices(world, _unzipped(world.open("charlie", file).data))
        for rule, method, expected in routes(world, "charlie"):
            if method == "GET" and expected.reaches("charlie") and expected.roles != EVERYBODY:
                path = address(rule, world.values("charlie", rule.endpoint) | own)
                answer = world.open("charlie", path)
                _holds_nothing_of_alices(world, answer.data.decode(errors="replace"))


def _holds_nothing_of_alices(world: World, text: str) -> None:
    foreign = ["Redaktionen", ALICE, "alice", "dora1@", "Exempel AB", "förtroende i teamet"]
    foreign += [world.ids[n] for n in ("team_id", "survey_id", "organisation_id", "user_id")]
    assert [word for word in foreign if word in text] == []


def _unzipped(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return "\n".join(archive.read(name).decode() for name in archive.namelist())


def _things_of_charlie() -> dict[str, str]:
    charlie = account(CHARLIE)
    team = team_of(charlie, 5, "Laget", "erik")
    members = db.session.scalars(select(TeamMember).where(TeamMember.team_id == team.id)).all()
    with transaction() as session:
        survey = survey_launching.launch(
            session,
            actor_of(charlie),
            team,
            members,
            latest("tillit-i-team"),
            message="Hej",
            closes_at=clock.now() + timedelta(days=9),
            locale="sv",
            now=clock.now(),
        )
    return {
        "team_id": str(team.id),
        "member_id": str(members[0].id),
        "survey_id": str(survey.id),
        "organisation_id": str(actor_of(charlie).organisation_id),
        "user_id": str(charlie.id),
        "row": str(charlie.id),
    }


# 16: what was asked for is asked again when it is done


def test_checklist_16_a_job_asks_anew_what_its_owner_may(world: World) -> None:
    """Alice orders a copy and a survey; before the worker comes, much has changed."""
    copy = f"/privacy/organisation/{world.ids['organisation_id']}/copy"
    with world.restored():
        assert world.open("owner", f"{copy}/file").status_code == 200
        assert world.open("owner", copy, "POST").status_code == 303
        with transaction() as session:
            queued = session.scalars(select(Mail).where(Mail.state == "sent")).all()
            again = survey_launching.remind  # queues one mail for each invitation
            again(session, session.scalars(select(Survey)).one(), clock.now())
            dora = Person.of(None, "dora1@exempel.test")
            object_to(session, dora, TEAM_SURVEYS, clock.now())
            session.execute(delete(Membership).where(Membership.user_id == account(ALICE).id))
        before = _mails(world)
        worker.work(world.app)
        new = b"".join(p.read_bytes() for p in _mails(world) - before)
        assert b"dora2@exempel.test" in new
        assert b"dora1@exempel.test" not in new
        assert queued
        assert world.open("owner", f"{copy}/file").status_code == 404


def _mails(world: World) -> set[Path]:
    return set((world.app.config["SETTINGS"].instance / "mail").glob("*.eml"))


# 17: mass assignment

EXTRA = {
    "role": "owner",
    "staff_role": "owner",
    "is_staff": "1",
    "is_admin": "true",
    "permissions": "staff.manage",
    "confirmed_at": "2026-01-01 00:00:00",
    "minimum_answers": "1",
    "k": "1",
    "second_factor": "1",
    "second_factor_required": "0",
    "totp_secret": "A" * 32,
    "totp_counter": "0",
    "password_hash": "x",
    "registered_by_id": "x",
    "created_by_id": "x",
    "link_key": "x",
    "closed_at": "2026-01-01",
    "state": "done",
    "identity": "proven",
    "verified_at": "2099-01-01",
    "expires_at": "2099-01-01",
}
FILLED = {
    "organisations.register": {
        "organisation": "Ny AB",
        "number": "556036-0793",
        "name": "Nina",
        "email": "nina@exempel.test",
        "password": "smultron under granen",
        "agreement": "1",
    },
    "auth.forgot": {"email": ALICE},
    "privacy.find": {"email": ALICE},
    "teams.create": {"name": "Nya laget"},
    "teams.rename": {"name": "Nya namnet"},
    "teams.edit": {"email": "ny@exempel.test", "name": "Ny"},
    "teams.add": {"addresses": "ny2@exempel.test"},
    "survey_launching.launch": {
        "message": "Hej",
        "closes_on": "2026-12-15",
        "locale": "sv",
        "survey": "6a8dfc1c-3cf8-4ad4-9b49-b0b05f8a4df7",
    },
    "workshops.searches": {"q": "tillit"},
    "privacy.correct": {"value": "Alva Alm"},
    "privacy.write": {"kind": "other", "text": "Vilka har fått min adress av er?"},
    "privacy.consent": {"on": "1"},
    "web.language": {"lang": "en"},
}


@pytest.mark.parametrize("role", ["stranger", "member", "owner", "support"])
def test_checklist_17_a_form_takes_its_own_fields_and_no_others(world: World, role: str) -> None:
    meant = {"organisations.role", "organisations.removal", "surveys.closure"}
    ids = {name: str(uuid4()) for name in ("id", "user_id", "organisation_id", "actor_id")}
    changed = 0
    for rule, method, expected in routes(world, role):
        if method != "POST" or not expected.reaches(role) or rule.endpoint in meant:
            continue
        with world.restored():
            before, state = _guarded(), world.state()
            form = EXTRA | ids | {"team": world.ids["team_id"]} | FILLED.get(rule.endpoint, {})
            path = world.path(rule, role)
            world.open(role, path, method, data=form, query_string=EXTRA | ids)
            changed += world.state() != state
            after = _guarded()
            assert {k: v for k, v in after.items() if k in before} == {
                k: v for k, v in before.items() if k in after
            }, str(rule)
            for key in after.keys() - before.keys():
                assert after[key] in _INNOCENT, (str(rule), key)
    assert changed >= {"stranger": 3, "member": 5, "owner": 15, "support": 5}[role]


_INNOCENT = ((None, None, None, 0), (5, False), (5, None), ("owner",))
"""A new account, organisation and survey as they are born, and who registers one owns it."""


def _guarded() -> dict[object, tuple[object, ...]]:
    """What no form but its own may touch, by row."""
    db.session.rollback()
    own = {
        User: ("staff_role", "confirmed_at", "totp_secret", "totp_counter"),
        Organisation: ("minimum_answers", "second_factor_required"),
        Membership: ("role",),
        Survey: ("k", "closed_at"),
    }
    return {
        (model.__name__, row.id): tuple(getattr(row, name) for name in names)
        for model, names in own.items()
        for row in db.session.scalars(select(model))
    }


def test_checklist_17_only_what_is_declared_correctable_can_be_corrected(world: World) -> None:
    rows = {
        "user": world.ids["user_id"],
        "search": world.ids["search_id"],
        "membership": str(
            db.session.scalars(
                select(Membership.id).where(Membership.user_id == account(ALICE).id)
            ).one()
        ),
    }
    before, tried = world.state(), 0
    for name, row in rows.items():
        group = inventory.group_named(name)
        assert group is not None
        for field in group.table.columns:
            declared = next((f.declared for f in group.fields if f.name == field.name), None)
            if declared is None or not declared.correct:
                tried += 1
                path = f"/privacy/data/{name}/{row}/{field.name}"
                form = {"value": "owner"}
                assert world.open("owner", path, "POST", data=form).status_code == 404, path
    assert tried > 10
    assert world.state() == before


def test_checklist_17_no_code_pours_a_form_into_a_row() -> None:
    sources = list(Path(inventory.__file__).parents[1].rglob("*.py"))
    pours = re.compile(r"populate_obj|\*\*(form\.data|request\.(form|args|json|values))")
    assert [path.name for path in sources if pours.search(path.read_text())] == []


# 18: steps in order


def test_checklist_18_no_step_can_be_skipped(world: World) -> None:
    """The last step of each path is tried first, with everything that it would need."""
    ids = world.ids
    stages = [
        # Answers are submitted from the review page, with the receipt code that it made.
        ("stranger", f"/s/survey/{ids['survey_id']}/review", {"receipt": "x", "care_1": "4"}, 404),
        # Withdrawn with a receipt code alone.
        ("stranger", "/s/receipt/withdrawal", {"confirmed": "1"}, 404),
        # Nobody is answered before it is known who asks.
        (
            "privacy",
            f"/admin/requests/{ids['request_id']}/answer",
            {"words": "Här är allt som vi har om dig, Alice."},
            422,
        ),
        # The office without the second factor; a key proven before it was shown.
        ("unproven", "/auth/second-factor", {"code": "123456"}, 303),
        ("unproven", "/auth/second-factor/new", {"code": "123456"}, 422),
        # An end of the contract without its name, an erasure without having read.
        ("owner", f"/privacy/organisation/{ids['organisation_id']}/ending", {"name": "x"}, 422),
        ("owner", "/privacy/erasure", {}, 422),
        # Taking back what was never decided.
        ("owner", "/privacy/erasure/cancellation", {}, 303),
        ("owner", f"/privacy/organisation/{ids['organisation_id']}/ending/cancellation", {}, 303),
        # A member put back who was never removed.
        ("owner", f"/teams/{ids['team_id']}/members/undo", {"token": "x"}, 303),
    ]
    before = world.state()
    for role, path, form, status in stages:
        answer = world.open(role, path, "POST", data=form)
        assert answer.status_code == status, (path, answer.status, answer.text[-2000:])
        assert world.state() == before, path


def test_checklist_18_a_survey_is_answered_from_its_review_page_alone(world: World) -> None:
    """With a link that is right: not without every answer, and not with a code of one's own."""
    with world.restored():
        survey = db.session.scalars(select(Survey)).one()
        first, second = list(tokens(survey).values())[:2]
        review = f"/s/survey/{survey.id}/review"
        whole = {item.key: "4" for item in latest(survey.instrument).items if item.kind != "text"}

        def send(token: str, **form: str) -> int:
            client = world.app.test_client()
            client.get(f"/s/{token}")
            return int(client.post(review, data=form).status_code)

        client = world.app.test_client()
        client.get(f"/s/{first}")
        for n in range(1, len(latest(survey.instrument).sections) + 1):
            client.post(f"/s/survey/{survey.id}/{n}", data=whole)
        found = re.search(r'name="receipt" value="([^"]+)"', client.get(review).text)
        assert found
        signed = found.group(1)
        before = world.state()
        assert send(first, **whole) == 422
        assert send(first, **whole, receipt="ABCDE-" * 5 + "ABCDE") == 422
        assert send(first, receipt=signed) == 422
        assert send(first, **(whole | {"care_1": "6"}), receipt=signed) == 422
        assert send(second, **whole, receipt=signed) == 422  # the first one's code
        assert world.state() == before
        assert send(first, **whole, receipt=signed) == 200
