"""A fictional customer to try the product with. Never in production.

Every step makes sure of one thing and leaves it alone where it stands, so
that an interrupted run is finished by the next and a second one changes
nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import uuid4

import pyotp
from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.auth import actions as auth
from trustivide.auth import factors
from trustivide.auth import queries as accounts
from trustivide.auth.models import User
from trustivide.core.clock import begin_of, day_of
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.organisations import actions as organisations
from trustivide.organisations.models import Membership
from trustivide.organisations.queries import Actor, actor_for
from trustivide.rights import actions as rights
from trustivide.rights import legal_texts
from trustivide.surveys import actions as surveys
from trustivide.surveys import anonymity
from trustivide.surveys import closing as survey_closing
from trustivide.surveys import queries as survey_queries
from trustivide.surveys import rounds as survey_rounds
from trustivide.surveys.catalogue import TEXT, Answer, Instrument, latest
from trustivide.surveys.models import Invitation, Round, Survey
from trustivide.surveys.rhythms import morning_of
from trustivide.teams.agreed import mark
from trustivide.teams.models import Team, TeamMember
from trustivide.teams.queries import members
from trustivide.workshops import agreed, sessions
from trustivide.workshops import queries as workshop_cards
from trustivide.workshops.models import WorkshopSession

ORGANISATION = "Exempelorganisationen (påhittad demo)"
NUMBER = "555555-5555"
PASSWORD = "tallbarr, dimma och kaffe"  # nosec B105 # noqa: S105  the demo's, printed for whoever tries it
ALICE, BOB, STINA = "alice@exempel.test", "bob@exempel.test", "stina@trustivide.test"


@dataclass(frozen=True)
class SignIn:
    """How to sign in as somebody of the demo; ``seed`` is that of the two-step codes."""

    role: str
    email: str
    seed: str | None = None


@dataclass(frozen=True)
class _Wave:
    """A survey of a team of the demo and how far it has come (days ago, days left)."""

    answered: int
    opened_ago: int
    closes_in: int
    moods: Mapping[str, float]


@dataclass(frozen=True)
class _Plan:
    """A team of the demo and its surveys, oldest first."""

    team: str
    people: Sequence[str]
    waves: Sequence[_Wave]


_DIMENSIONS = ("competence", "care", "integrity", "openness", "reliability")


def _moods(*means: float) -> dict[str, float]:
    return dict(zip(_DIMENSIONS, means, strict=True))


PLANS = (
    _Plan(
        "Redaktionen",
        (
            "bob",
            "agnes",
            "birk",
            "cornelia",
            "daniela",
            "elias",
            "freja",
            "gustav",
            "hanna",
            "isak",
            "jasmin",
            "karl",
            "lova",
            "milo",
            "nora",
            "omar",
        ),
        (
            _Wave(14, 384, -363, _moods(4.1, 3.0, 3.4, 2.3, 3.2)),
            _Wave(12, 294, -273, _moods(4.1, 2.8, 3.4, 2.2, 3.0)),
            _Wave(4, 204, -183, {}),
            _Wave(14, 114, -93, _moods(4.2, 2.9, 3.6, 2.4, 3.3)),
            _Wave(13, 24, -3, _moods(4.2, 3.8, 3.6, 2.7, 3.3)),
        ),
    ),
    _Plan(
        "Verkstaden",
        ("petra", "rami", "saga", "tove", "ulf", "vera", "william", "ylva", "zara"),
        (_Wave(6, 4, 10, {}),),
    ),
)


def seed(now: datetime) -> list[SignIn]:
    """Make sure that the demo stands; the ways to sign in, staff last."""
    alice = accounts.by_address(db.session(), ALICE)
    if alice is None or alice.confirmed_at is None:
        alice = _people(now)
        actor = actor_for(db.session(), alice.id)
        assert actor is not None
        for plan in PLANS:
            team = _team(actor, plan, now)
            for number, wave in enumerate(plan.waves):
                _survey(actor, team, number, wave, now)
            if len(plan.waves) > 1:
                _workshops(actor, team, now)
        _planned(actor, now)
        # Last: an owner who is confirmed says that the demo is complete.
        with transaction() as session:
            session.get_one(User, alice.id).confirmed_at = now
    stina = accounts.by_address(db.session(), STINA)
    return [
        SignIn("owner", ALICE),
        SignIn("team leader", BOB),
        SignIn("staff", STINA, stina.totp_secret if stina else None),
    ]


def _people(now: datetime) -> User:
    with transaction() as session:
        alice = accounts.by_address(session, ALICE)
        if alice is None:
            alice = organisations.register(
                session,
                organisation=ORGANISATION,
                number=NUMBER,
                name="Alice Alm (påhittad)",
                email=ALICE,
                password=PASSWORD,
                locale="sv",
                marketing=False,
                gpc_seen=False,
                now=now,
            )
            assert alice is not None
        if accounts.by_address(session, BOB) is None:
            bob = _confirmed(session, BOB, "Bob Berg (påhittad)", now)
            owner = actor_for(session, alice.id)
            assert owner is not None
            session.add(
                Membership(organisation_id=owner.organisation_id, user_id=bob.id, role="leader")
            )
        if accounts.by_address(session, STINA) is None:
            stina = _confirmed(session, STINA, "Stina Ström (påhittad)", now)
            stina.staff_role = "owner"
            factors.enrol_totp(session, stina, pyotp.random_base32(32))
    return alice


def _confirmed(session: Session, email: str, name: str, now: datetime) -> User:
    user = auth.create_user(
        session, email=email, name=name, password=PASSWORD, locale="sv", now=now
    )
    user.confirmed_at = now
    who = Person.of(user.id, email)
    rights.inform(
        session, who, legal_texts.current("privacy-notice", "sv"), now, how="registration"
    )
    return user


def _team(actor: Actor, plan: _Plan, now: datetime) -> Team:
    of_this_name = select(Team).where(
        Team.organisation_id == actor.organisation_id, Team.name == plan.team
    )
    with transaction() as session:
        team = session.scalar(of_this_name)
        if team is None:
            created = day_of(now - timedelta(days=plan.waves[0].opened_ago))
            team = Team(
                organisation_id=actor.organisation_id,
                name=plan.team,
                created_by_id=actor.user_id,
                created_on=created,
            )
            session.add(team)
            session.flush()
            session.add_all(
                TeamMember(
                    team_id=team.id,
                    email=f"{name}@exempel.test",
                    name=name.capitalize(),
                    added_on=created,
                    added_by_id=actor.user_id,
                )
                for name in plan.people
            )
    return team


def _survey(actor: Actor, team: Team, number: int, wave: _Wave, now: datetime) -> None:
    """The team's survey of this number, its answers, and its result where it has ended."""
    instrument = latest("tillit-i-team")
    surveys_of_team = select(Survey).where(Survey.team_id == team.id).order_by(Survey.opened_at)
    survey = db.session.scalars(surveys_of_team.offset(number).limit(1)).first()
    if survey is None:
        survey = _launch(actor, team, instrument, wave, now)
    if survey.closed_at is not None:
        return
    random = Random(f"{team.name} {number}")  # nosec B311 # noqa: S311  the same plausible answers in every demo
    mood = {d.key: wave.moods.get(d.key, 3.5) for d in instrument.dimensions}
    for token in _tokens(survey)[: wave.answered]:
        answers = _answers(instrument, mood, random)
        if not survey_queries.has_answered(db.session(), token):
            surveys.submit(survey.id, token, anonymity.new_receipt_code(), answers)
    if wave.closes_in <= 0:
        with transaction() as session:
            survey_closing.close(session, survey, survey.closes_at)


def _launch(actor: Actor, team: Team, instrument: Instrument, wave: _Wave, now: datetime) -> Survey:
    opened = now - timedelta(days=wave.opened_ago)
    with transaction() as session:
        sent = _round([team], instrument, opened, now + timedelta(days=wave.closes_in))
        made = survey_rounds.put(session, actor, uuid4(), sent, opened)
        return session.scalars(select(Survey).where(Survey.round_id == made.id)).one()


def _workshops(actor: Actor, team: Team, now: datetime) -> None:
    """A workshop that the team ran between its two newest surveys, and one that it plans."""
    with transaction() as session:
        if session.scalar(select(WorkshopSession.id).where(WorkshopSession.team_id == team.id)):
            return
        ran = now - timedelta(days=60)
        held = _session(session, actor, team, "workload-check", morning_of(day_of(ran)), ran)
        sessions.mark_run(
            session,
            held.id,
            run_on=day_of(ran),
            attendance=11,
            note="Vi tog bort två stående möten.",
            follow_up_on=day_of(ran + timedelta(days=28)),
            now=ran,
        )
        owner = members(session, team)[3]
        for what, owned_by, in_days in (
            ("Fredagar är fria från möten", None, 14),
            ("Listan över vem som gör vad hänger på väggen", owner.id, 75),
        ):
            due = day_of(ran + timedelta(days=in_days))
            action = agreed.agree(session, actor, held, what, owned_by, due, ran)
            if in_days == 14:
                mark(session, action, ran + timedelta(days=10), done=True)
        coming = morning_of(day_of(now + timedelta(days=9)))
        _session(session, actor, team, "lesson-of-the-week", coming, now)


def _session(
    session: Session, actor: Actor, team: Team, slug: str, starts_at: datetime, now: datetime
) -> WorkshopSession:
    card = workshop_cards.get(session, slug, "sv")
    assert card is not None
    what = sessions.Plan(
        workshop=slug,
        version=card.version,
        minutes=card.duration,
        starts_at=starts_at,
        place="Stora rummet",
        message=None,
        facilitator=sessions.Facilitator("Bob Berg (påhittad)", BOB),
        locale="sv",
    )
    return sessions.plan(session, actor, team, uuid4(), what, now)


def _planned(actor: Actor, now: datetime) -> None:
    """The teams are asked again in a month, and then every three months."""
    opens_at = morning_of(day_of(now) + timedelta(days=30))
    with transaction() as session:
        waits = Round.organisation_id == actor.organisation_id, Round.opened_at.is_(None)
        if session.scalar(select(Round.id).where(*waits)):
            return
        teams = session.scalars(
            select(Team).where(Team.organisation_id == actor.organisation_id)
        ).all()
        closes_at = begin_of(day_of(opens_at) + timedelta(days=15))
        coming = _round(teams, latest("tillit-i-team"), opens_at, closes_at, every_months=3)
        survey_rounds.put(session, actor, uuid4(), coming, now)


def _round(
    teams: Sequence[Team],
    instrument: Instrument,
    opens_at: datetime,
    closes_at: datetime,
    every_months: int | None = None,
) -> survey_rounds.Plan:
    return survey_rounds.Plan(
        team_ids=[team.id for team in teams],
        instrument=instrument,
        own_version_id=None,
        message="Hej. Vi vill veta hur tilliten är hos oss. Det tar några minuter att svara.",
        locale="sv",
        opens_at=opens_at,
        closes_at=closes_at,
        reminder_days=[3, 5],
        every_months=every_months,
    )


def _tokens(survey: Survey) -> list[str]:
    assert survey.link_key is not None
    invited = db.session.scalars(select(Invitation).where(Invitation.survey_id == survey.id)).all()
    in_order = sorted(invited, key=lambda invitation: invitation.email)
    return [anonymity.token_of(survey.link_key, invitation.id) for invitation in in_order]


def _answers(instrument: Instrument, mood: dict[str, float], random: Random) -> dict[str, Answer]:
    """One person's answers around the team's mood, with a temper of their own."""
    temper = random.gauss(0, 0.5)
    answers: dict[str, Answer] = {}
    for item in instrument.items:
        if item.kind == TEXT:
            continue
        felt = mood.get(item.dimension or "", 3.5) + temper + random.gauss(0, 0.7)
        point = min(5, max(1, round(felt)))
        answers[item.key] = 6 - point if item.reversed else point
    return answers
