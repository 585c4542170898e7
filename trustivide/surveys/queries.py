"""Reading surveys, always from where the reader stands."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session, defer, object_session

from trustivide.core.crypto import ring
from trustivide.core.text import Text
from trustivide.organisations.models import Organisation
from trustivide.organisations.queries import Actor, organisation_of
from trustivide.surveys import anonymity, snapshot
from trustivide.surveys.catalogue import Instrument, load, read
from trustivide.surveys.models import (
    AnswerSet,
    Draft,
    InstrumentVersion,
    Invitation,
    OwnInstrument,
    Round,
    Snapshot,
    Survey,
)
from trustivide.teams.models import Team, TeamMember


@dataclass(frozen=True)
class Listed:
    """A survey with its team, as lists show it."""

    survey: Survey
    team: Team

    @property
    def instrument(self) -> Instrument:
        """The questionnaire as it was when the survey was sent."""
        return instrument_of(self.survey)


def instrument_of(row: Survey | Round) -> Instrument:
    """The questionnaire that a survey or a round asks, in the version that it was made with."""
    if row.own_version_id is None:
        return load(row.instrument, row.instrument_version)
    session = object_session(row)
    assert session is not None
    return own_instrument(session, row.own_version_id)


def own_instrument(session: Session, version_id: UUID) -> Instrument:
    """A version of an organisation's own questionnaire, checked as a file is."""
    key, version, content, fingerprint = session.execute(
        select(
            OwnInstrument.key,
            InstrumentVersion.version,
            InstrumentVersion.content,
            InstrumentVersion.fingerprint,
        )
        .join(OwnInstrument, InstrumentVersion.instrument_id == OwnInstrument.id)
        .where(InstrumentVersion.id == version_id)
    ).one()
    return _parsed(key, version, fingerprint, content)


def checked(key: str, row: InstrumentVersion) -> Instrument:
    """:func:`own_instrument` of a version that is read already; ``key`` is the questionnaire's."""
    return _parsed(key, row.version, row.fingerprint, row.content)


@lru_cache(maxsize=512)
def _parsed(key: str, version: int, fingerprint: str, content: str) -> Instrument:
    return read(f"{key}-{version}.toml", content.encode())


@dataclass(frozen=True)
class Surveys:
    """The surveys that an actor may see: those of their organisation's teams."""

    session: Session
    actor: Actor

    def get(self, survey_id: UUID) -> Listed | None:
        """The survey, or ``None`` if there is none with this id *for this actor*."""
        row = self.session.execute(self._all().where(Survey.id == survey_id)).one_or_none()
        return Listed(*row) if row else None

    def all(self, team_id: UUID | None = None) -> list[Listed]:
        """The surveys, newest first; of one team if ``team_id`` is given."""
        statement = self._all().order_by(Survey.opened_at.desc())
        if team_id is not None:
            statement = statement.where(Team.id == team_id)
        return [Listed(*row) for row in self.session.execute(statement)]

    def _all(self) -> Any:
        return (
            select(Survey, Team)
            .join(Team, Survey.team_id == Team.id)
            .where(Team.organisation_id == self.actor.organisation_id)
        )


def for_actor(session: Session, actor: Actor) -> Surveys:
    """Everything that ``actor`` may see of surveys."""
    return Surveys(session, actor)


# What every page of an answering person asks, built once: building a statement costs as
# much as running it.
_OF_LINK = (
    select(Survey)
    .join(Invitation, Invitation.survey_id == Survey.id)
    .where(Invitation.lookup == bindparam("lookup"))
    .options(defer(Survey.link_key))
)
_OF_SLOT = select(AnswerSet.id).where(AnswerSet.slot == bindparam("slot"))
_DRAFT = select(Draft.sealed).where(
    Draft.cookie_digest == bindparam("cookie"), Draft.survey_id == bindparam("survey")
)


def survey_of_link(session: Session, token: str) -> Survey | None:
    """The survey that a link's token asks about, also after closing.

    Neither the invitation nor the link key is read: nobody who answers needs them.
    """
    return session.scalar(_OF_LINK, {"lookup": anonymity.lookup_of(token)})


def has_answered(session: Session, token: str) -> bool:
    """Whether the slot of this link is taken. Nobody but its holder and the mailer may ask."""
    return session.scalar(_OF_SLOT, {"slot": anonymity.slot_of(token)}) is not None


def answers_by_code(session: Session, code: str) -> tuple[AnswerSet, Listed] | None:
    """The answer set that a receipt code opens."""
    row = session.execute(
        select(AnswerSet, Survey, Team)
        .join(Survey, AnswerSet.survey_id == Survey.id)
        .join(Team, Survey.team_id == Team.id)
        .where(AnswerSet.receipt == anonymity.receipt_of(code))
    ).one_or_none()
    return (row[0], Listed(row[1], row[2])) if row else None


notes_by_code: list[Callable[[Session, bytes], Sequence[tuple[Text, date]]]] = []
"""Who keeps what was noted of rights used by receipt code; create_app fills it."""


def rights_used(session: Session, code: str) -> list[tuple[Text, date]]:
    """What the holder of a receipt code has done with it, by day."""
    digest = anonymity.request_of(code)
    return [note for notes in notes_by_code for note in notes(session, digest)]


EDITS = "-"
"""Where a draft keeps how far each opened page has saved. No item's key begins so."""


def draft_for(session: Session, survey_id: UUID, cookie: str | None) -> dict[str, str]:
    """The answers saved so far on this device; empty without a fitting cookie."""
    if not cookie:
        return {}
    asked = {"cookie": ring().digest(cookie, "draft"), "survey": survey_id}
    sealed = session.scalar(_DRAFT, asked)
    held = anonymity.open_draft(cookie, sealed) if sealed else {}
    return {key: typed for key, typed in held.items() if key != EDITS}


def holds(session: Session, token: str, code: str) -> bool:
    """Whether the answer set of this link is the one that the receipt code opens."""
    stored = session.scalar(
        select(AnswerSet.receipt).where(AnswerSet.slot == anonymity.slot_of(token))
    )
    return stored is not None and bytes(stored) == anonymity.receipt_of(code)


def called(session: Session, survey: Survey) -> list[tuple[str, str | None]]:
    """Address and name of everybody in the team, to be looked for in what somebody writes.

    For the writer's own eyes, so that a comment gives nobody away by mistake.
    """
    rows = session.execute(
        select(TeamMember.email, TeamMember.name).where(TeamMember.team_id == survey.team_id)
    )
    return [(email, name) for email, name in rows]


def participation(session: Session, survey: Survey) -> int | None:
    """How many have answered: exactly once the survey is closed, in steps of k while it is open.

    ``None`` below k while it is open. Rounded down to a multiple of k, since a count
    that grows by one as Dora leaves her desk says that Dora answered. At a step it still
    says that one of k did so since the last.
    """
    if survey.closed_at is not None:
        frozen = snapshot_of(session, survey)
        return int(frozen["answered"]) if frozen else None
    answered = (
        session.scalar(
            select(func.count()).select_from(AnswerSet).where(AnswerSet.survey_id == survey.id)
        )
        or 0
    )
    return answered // survey.k * survey.k or None


def snapshot_of(session: Session, survey: Survey) -> dict[str, Any] | None:
    """The frozen result of a closed survey, in the shape that :mod:`snapshot` describes."""
    stored = session.scalar(select(Snapshot.figures).where(Snapshot.survey_id == survey.id))
    return snapshot.upgraded(stored, instrument_of(survey)) if stored else None


def running(session: Session, organisation_id: UUID) -> Sequence[Survey]:
    """The organisation's surveys that are still open."""
    return session.scalars(
        select(Survey)
        .join(Team, Survey.team_id == Team.id)
        .where(Team.organisation_id == organisation_id, Survey.closed_at.is_(None))
    ).all()


def asked_by(session: Session, survey: Survey) -> tuple[Team, Organisation]:
    """The team that is asked about, and the organisation that asks."""
    row = session.execute(
        select(Team, Organisation)
        .join(Organisation, Team.organisation_id == Organisation.id)
        .where(Team.id == survey.team_id)
    ).one()
    return row[0], row[1]


def minimum_answers(session: Session, actor: Actor) -> int:
    """The organisation's k for surveys that it sends from now on."""
    return organisation_of(session, actor).minimum_answers


def origins(session: Session, invitations: Sequence[UUID]) -> dict[UUID, str]:
    """Which organisation, and which of its teams, each of these invitations comes from."""
    rows = session.execute(
        select(Invitation.id, Team.name, Organisation.name)
        .join(Survey, Invitation.survey_id == Survey.id)
        .join(Team, Survey.team_id == Team.id)
        .join(Organisation, Team.organisation_id == Organisation.id)
        .where(Invitation.id.in_(invitations))
    )
    return {invitation: f"{organisation}, {team}" for invitation, team, organisation in rows}
