"""Rounds: one questionnaire to one or many teams, now or on a later day.

Each team gets a survey of its own when the round opens, with the people who
are in it then. Opening is done team by team and remembered by what it leaves
behind, so that it can be broken off anywhere and taken up again.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.core.clock import STOCKHOLM, day_of
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.organisations.queries import Actor, actor_in
from trustivide.surveys import building, launching, rhythms
from trustivide.surveys.catalogue import Instrument
from trustivide.surveys.models import Round, RoundTeam, Survey
from trustivide.surveys.overlap import Overlaps
from trustivide.surveys.queries import instrument_of
from trustivide.surveys.rhythms import MORNING, following
from trustivide.teams import queries as teams
from trustivide.teams.models import Team

log = logging.getLogger(__name__)

EMPTY, OVERLAP = "empty", "overlap"
"""Why a team got no survey when its round opened."""


class AlreadySent(Refused):
    """The round has opened, or was called off: it can't be changed any more."""


class NobodyToAsk(Refused):
    """In none of the teams is there anybody who accepts an invitation."""


@dataclass(frozen=True)
class Plan:
    """What a leader decides about a round. ``every_months`` None is: this once."""

    team_ids: Sequence[UUID]
    instrument: Instrument
    own_version_id: UUID | None
    message: str
    locale: str
    opens_at: datetime
    closes_at: datetime
    reminder_days: Sequence[int]
    every_months: int | None

    @property
    def next_on(self) -> date | None:
        """The day on which it would come again."""
        if self.every_months is None:
            return None
        return following(self.opens_at, self.closes_at, self.every_months)


def put(session: Session, actor: Actor, round_id: UUID, plan: Plan, now: datetime) -> Round:
    """Plan a round, or plan it anew while it waits; one that is due opens at once.

    ``round_id`` comes from the preview, so that sending twice sends once.
    Raises :class:`AlreadySent`; for a round that is due :class:`NobodyToAsk` and
    :class:`~trustivide.surveys.overlap.Overlaps`; :class:`Refused` for a
    questionnaire that was changed since it was looked over; IntegrityError when
    the id is another organisation's.
    """
    if plan.own_version_id is not None:
        building.hold(session, plan.own_version_id, plan.instrument.fingerprint)
    planned = held(session, round_id, actor.organisation_id)
    if planned is None:
        planned = Round(
            id=round_id,
            organisation_id=actor.organisation_id,
            created_by_id=actor.user_id,
            created_on=day_of(now),
        )
    elif not is_waiting(planned) or _sent(session, round_id):
        raise AlreadySent
    planned.instrument = plan.instrument.key
    planned.instrument_version = plan.instrument.version
    planned.own_version_id = plan.own_version_id
    planned.message, planned.locale = plan.message, plan.locale
    planned.opens_at, planned.closes_at = plan.opens_at, plan.closes_at
    planned.reminder_days = sorted(plan.reminder_days)
    session.add(planned)
    session.flush()
    _ask_teams(session, planned, plan.team_ids)
    rhythms.keep(session, planned, plan.every_months, now)
    if plan.opens_at <= now:
        _open_now(session, planned, now)
    return planned


def held(session: Session, round_id: UUID, organisation_id: UUID) -> Round | None:
    """Lock a round of the organisation and read it anew."""
    return session.scalars(
        select(Round)
        .where(Round.id == round_id, Round.organisation_id == organisation_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def is_waiting(planned: Round) -> bool:
    """Whether the round is still to open, so that it can be changed and called off."""
    return planned.opened_at is None and planned.cancelled_on is None


def _ask_teams(session: Session, planned: Round, team_ids: Sequence[UUID]) -> None:
    """Let the round ask these teams and no other; one that has gone is forgotten with it."""
    for asked in _teams_of(session, planned):
        session.delete(asked)
    session.flush()
    session.add_all(RoundTeam(round_id=planned.id, team_id=team_id) for team_id in team_ids)
    session.flush()


def _teams_of(session: Session, planned: Round) -> Sequence[RoundTeam]:
    return session.scalars(select(RoundTeam).where(RoundTeam.round_id == planned.id)).all()


def call_off(session: Session, planned: Round, now: datetime) -> None:
    """Let a planned round not happen. Raises :class:`AlreadySent` once it has opened."""
    again = held(session, planned.id, planned.organisation_id)
    if again is None or again.opened_at is not None or _sent(session, planned.id):
        raise AlreadySent
    again.cancelled_on = again.cancelled_on or day_of(now)
    session.flush()


def _sent(session: Session, round_id: UUID, team_id: UUID | None = None) -> bool:
    """Whether a survey of the round was sent: to this team, or to any."""
    found = select(Survey.id).where(Survey.round_id == round_id).limit(1)
    if team_id is not None:
        found = found.where(Survey.team_id == team_id)
    return session.scalar(found) is not None


def _open_now(session: Session, planned: Round, now: datetime) -> None:
    for asked in _teams_of(session, planned):
        _ask(session, planned, asked, now)
    if not _sent(session, planned.id):
        raise NobodyToAsk
    planned.opened_at = now
    session.flush()


def open_due(now: datetime) -> None:
    """Open every round whose time has come; the worker calls it every minute.

    A team's survey and its mail stand in one transaction, so that whoever takes
    over after a crash, or comes at the same time, sends what is left and no
    more. What fails is tried again next minute and stops nothing else.
    """
    due = db.session.execute(
        select(Round.id, Round.organisation_id).where(
            Round.opened_at.is_(None), Round.cancelled_on.is_(None), Round.opens_at <= now
        )
    ).all()
    for round_id, organisation_id in due:
        try:
            _open(round_id, organisation_id, now)
        except Exception:
            log.exception("round %s could not be opened", round_id)
            db.session.rollback()


def _open(round_id: UUID, organisation_id: UUID, now: datetime) -> None:
    failed = False
    asked_ids = db.session.scalars(
        select(RoundTeam.id).where(RoundTeam.round_id == round_id).order_by(RoundTeam.id)
    ).all()
    for asked_id in asked_ids:
        try:
            with transaction() as session:
                planned = held(session, round_id, organisation_id)
                asked = session.get(RoundTeam, asked_id)
                if planned is None or not is_waiting(planned):
                    return
                if asked is not None and planned.closes_at > now:
                    _ask_if_safe(session, planned, asked, now)
        except Exception:
            failed = True
            log.exception("a team of round %s could not be asked", round_id)
            db.session.rollback()
    if failed:
        return
    with transaction() as session:
        planned = held(session, round_id, organisation_id)
        if planned is None or not is_waiting(planned):
            return
        if planned.closes_at <= now and not _sent(session, round_id):
            planned.cancelled_on = day_of(now)  # nothing ran while it was to be open
        else:
            planned.opened_at = now


def _ask_if_safe(session: Session, planned: Round, asked: RoundTeam, now: datetime) -> None:
    """As :func:`_ask`; leave the team out where its result would tell of a few people."""
    try:
        _ask(session, planned, asked, now)
    except Overlaps:
        asked.left_out = OVERLAP
        session.flush()


def _ask(session: Session, planned: Round, asked: RoundTeam, now: datetime) -> None:
    """Send one team its survey, or note why not; once, however often it is called."""
    if asked.team_id is None or asked.left_out is not None:
        return
    # Its members stay as they are until this is committed, as when a team is changed or removed.
    team = session.scalar(select(Team).where(Team.id == asked.team_id).with_for_update())
    if team is None or _sent(session, planned.id, team.id):
        return
    members = teams.members(session, team)
    scopes = launching.scopes(planned.organisation_id, planned.rhythm_id)
    if not launching.invitable(session, members, scopes):
        asked.left_out = EMPTY
        session.flush()
        return
    by = planned.created_by_id
    launching.launch(
        session,
        actor_in(session, by, planned.organisation_id) if by else None,
        team,
        members,
        instrument_of(planned),
        message=planned.message,
        closes_at=planned.closes_at,
        locale=planned.locale,
        now=now,
        own_version_id=planned.own_version_id,
        round_id=planned.id,
        rhythm_id=planned.rhythm_id,
    )


def remind_due(now: datetime) -> None:
    """Remind the surveys whose planned day has come, from eight in the morning on.

    A day that the worker missed is made up for, once; a reminder sent by hand
    since counts for it. The worker calls it every minute.
    """
    local = now.astimezone(STOCKHOLM)
    if local.time() < MORNING:
        return
    rows = db.session.execute(
        select(Survey, Round.reminder_days)
        .join(Round, Survey.round_id == Round.id)
        .where(Survey.closed_at.is_(None), Survey.closes_at > now)
    ).all()
    due = [survey for survey, days in rows if _reminder_due(survey, days, now)]
    for survey in due:
        try:
            with transaction() as session:
                launching.remind(session, survey, now)
        except Refused:
            db.session.rollback()  # somebody else was quicker
        except Exception:
            log.exception("survey %s could not be reminded", survey.id)
            db.session.rollback()


def _reminder_due(survey: Survey, days: Sequence[int], now: datetime) -> bool:
    """Whether a planned day has come since the newest reminder, or since the survey was sent."""
    opened = day_of(survey.opened_at)
    since = max(survey.reminded_on or opened, opened)
    today = day_of(now)
    return any((since - opened).days < day <= (today - opened).days for day in days)
