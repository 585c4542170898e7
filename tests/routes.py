"""Real things of Alice's by the names that routes give them, for tests of every route."""

from datetime import timedelta
from uuid import uuid4

from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule

from tests.documents import pdf
from tests.factories import account, colleague
from tests.surveys.stories import actor_of, launched
from trustivide.auth import sign_ins
from trustivide.auth.models import KnownDevice, Passkey, SignIn
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.organisations.models import ColleagueInvitation
from trustivide.organisations.queries import owned_by
from trustivide.privacy.models import AddressChange, Export, Request
from trustivide.surveys import building, rounds
from trustivide.surveys.catalogue import latest
from trustivide.surveys.models import AgreedAction, Invitation
from trustivide.surveys.rounds import Plan
from trustivide.teams import actions as teams
from trustivide.teams.models import TeamMember
from trustivide.workshops import attachments
from trustivide.workshops.models import Search, SessionAction, Workshop, WorkshopSession
from trustivide.workshops.sessions import workshop_run

ALICE, CHARLIE = "alice@exempel.test", "charlie@annan.test"
SLUG = "premortem"


def alices(app: Flask) -> dict[str, str]:
    """Real ids of Alice's things, by the name that routes give them."""
    survey = launched(app, 5)
    alice = account(ALICE)
    bob = colleague(alice, "leader")
    now = clock.now()
    member = db.session.scalars(select(TeamMember)).first()
    assert member is not None
    invited = db.session.scalars(
        select(Invitation).where(Invitation.email_digest == member.email_digest)
    ).one()
    with transaction() as session:
        reference = Person.of(alice.id).reference
        request = Request(reference=reference, kind="export", received_at=now, due_on=now.date())
        session.add(request)
        session.flush()
        search = Search(user_id=alice.id, query="förtroende", at=now)
        export = Export(
            reference=reference,
            user_id=alice.id,
            request_id=request.id,
            locale="sv",
            requested_at=now,
            expires_at=now + timedelta(days=7),
        )
        change = AddressChange(
            reference=reference,
            email="ny@exempel.test",
            group="user",
            row=alice.id,
            field="email",
            token_digest=b"t" * 32,
            expires_at=now + timedelta(hours=24),
        )
        # A colleague's: Alice comes in by her password alone.
        passkey = Passkey(
            user_id=bob.id,
            credential_id=b"credential",
            public_key=b"key",
            name="Telefonen",
            created_on=now.date(),
        )
        organisation_id = owned_by(session, alice.id).popitem()[0]
        invitation = ColleagueInvitation(
            organisation_id=organisation_id,
            email="eva@exempel.test",
            role="member",
            invited_by_id=alice.id,
            token_digest=b"i" * 32,
            expires_at=now + timedelta(days=7),
        )
        device = KnownDevice(
            user_id=alice.id, token_digest=b"d" * 32, device="Firefox", last_seen_on=now.date()
        )
        agreed = AgreedAction(survey_id=survey.id, what="Vi pratar", noted_on=now.date())
        session.add_all([search, export, change, device, passkey, invitation, agreed])
        # In a team of her own: one that a survey asks must stay as it is to be asked again.
        own_team = teams.create_team(session, actor_of(alice), "Ledningen", now)
        session.add(TeamMember(team_id=own_team.id, email=ALICE, added_on=now.date()))
        session.flush()
        planned = rounds.put(
            session,
            actor_of(alice),
            uuid4(),
            Plan(
                team_ids=[survey.team_id],
                instrument=latest("tillit-i-team"),
                own_version_id=None,
                message="Hej, nu frågar vi igen.",
                locale="sv",
                opens_at=now + timedelta(days=30),
                closes_at=now + timedelta(days=44),
                reminder_days=[3, 5],
                every_months=3,
            ),
            now,
        )
        run = WorkshopSession(
            team_id=own_team.id,
            workshop=SLUG,
            version=1,
            locale="sv",
            starts_at=now - timedelta(days=2),
            minutes=60,
            state="run",
            run_on=now.date() - timedelta(days=2),
            attendance=5,
            planned_by_id=alice.id,
            planned_on=now.date(),
        )
        session.add(run)
        session.flush()
        workshop_run.send(run, session=session, now=now)
        promised = SessionAction(session_id=run.id, what="Vi luftar", noted_on=now.date())
        session.add(promised)
        sign_ins.begin(session, alice, now)
        signed_in_id = session.scalars(select(SignIn.id)).first()
        own = building.copy(session, actor_of(alice), latest("tillit-i-team"), now)
        workshop = session.scalars(select(Workshop).where(Workshop.slug == SLUG)).one()
        folder = attachments.folder_in(app.config["SETTINGS"].instance)
        file = attachments.add(
            session, folder, workshop.id, alice.id, "Stöd.pdf", "pdf", pdf(), "sv", now
        )
    return {
        "attachment_id": str(file.id),
        "team_id": str(survey.team_id),
        "instrument_id": str(own.id),
        "section": "knowing",
        "item": "competence_1",
        "part": "comment",
        "dimension": "care",
        "member_id": str(member.id),
        "survey_id": str(survey.id),
        "round_id": str(planned.id),
        "action_id": str(agreed.id),
        "session_id": str(run.id),
        "agreed_id": str(promised.id),
        "rhythm_id": str(planned.rhythm_id),
        "invited_id": str(invited.id),
        "user_id": str(alice.id),
        "sign_in_id": str(signed_in_id),
        "device_id": str(device.id),
        "search_id": str(search.id),
        "export_id": str(export.id),
        "organisation_id": str(organisation_id),
        "invitation_id": str(invitation.id),
        "change_id": str(change.id),
        "request_id": str(request.id),
        "passkey_id": str(passkey.id),
        "look_id": str(uuid4()),
        "hold_id": str(uuid4()),
        "scope": str(organisation_id),
        "record": str(uuid4()),
        "row": str(search.id),
        "name": "search",
        "field": "query",
        "slug": SLUG,
        "key": "tillit-i-team",
        "token": "A" * 32,
        "code": "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA-AAAAA",
        "activity": "search_history",
        "number": "1",
        "version": "1",
        "older": "1",
        "newer": "2",
        "subject": "physical_access",
        "step": "answer",
        "kind": "csv",
    }


def address(rule: Rule, values: dict[str, str]) -> str:
    """The route's path with Alice's ids in it; an unknown argument fails the test."""
    path = str(rule)
    for name in rule.arguments:
        converter = rule._converters[name].__class__.__name__
        spelled = {"UUIDConverter": f"<uuid:{name}>", "IntegerConverter": f"<int:{name}>"}
        path = path.replace(spelled.get(converter, f"<{name}>"), values[name])
    assert "<" not in path, f"say in alices() what {rule} takes"
    return path


def dump() -> list[tuple[object, ...]]:
    """Everything in every table, but for the audit trail: it notes who was told no."""
    db.session.rollback()
    rows = [
        (table.name, *row)
        for table in db.metadata.sorted_tables
        if not table.name.startswith("audit_")
        for row in db.session.execute(table.select()).all()
    ]
    db.session.rollback()
    return sorted(rows, key=str)
