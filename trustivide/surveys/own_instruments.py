"""Reading an organisation's own questionnaires, drafts among them, from where the reader stands."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from trustivide.organisations.queries import Actor
from trustivide.surveys import catalogue, editing
from trustivide.surveys.catalogue import Instrument
from trustivide.surveys.gaps import Gap, gaps
from trustivide.surveys.models import InstrumentVersion, OwnInstrument, Round, Survey
from trustivide.surveys.queries import Listed
from trustivide.teams.models import Team


@dataclass(frozen=True)
class Version:
    """A version of an own questionnaire. Once ``used`` it never changes."""

    row: InstrumentVersion
    key: str
    used: bool

    @cached_property
    def instrument(self) -> Instrument:
        """What it asks; it may lack anything as long as there are :attr:`gaps`."""
        return _read(self.key, self.row.version, self.row.content)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What must be written before it can be sent."""
        return _gaps(self.key, self.row.version, self.row.content)


# More than one organisation can have: a list that is longer than the cache is read anew each time.
@lru_cache(maxsize=512)
def _read(key: str, version: int, content: str) -> Instrument:
    return editing.read(key, version, content)


@lru_cache(maxsize=512)
def _gaps(key: str, version: int, content: str) -> tuple[Gap, ...]:
    return tuple(gaps(_read(key, version, content)))


@dataclass(frozen=True)
class Own:
    """An own questionnaire with its versions, newest first."""

    row: OwnInstrument
    versions: Sequence[Version]

    @property
    def newest(self) -> Version:
        """The version that is edited, and offered when it is complete."""
        return self.versions[0]

    @property
    def used(self) -> bool:
        """Whether anybody was, or is about to be, asked with any version of it."""
        return any(version.used for version in self.versions)

    def version(self, number: int) -> Version | None:
        """The version with this number."""
        return next((v for v in self.versions if v.row.version == number), None)


@dataclass(frozen=True)
class OwnInstruments:
    """The questionnaires of the actor's organisation."""

    session: Session
    organisation_id: UUID

    def get(self, instrument_id: UUID) -> Own | None:
        """The questionnaire, or ``None`` if the organisation has none with this id."""
        found = self._where(OwnInstrument.id == instrument_id)
        return found[0] if found else None

    def all(self) -> list[Own]:
        """All of them, archived ones too, by title."""
        return sorted(self._where(), key=lambda own: own.newest.instrument.title.sv.casefold())

    def _where(self, *clauses: ColumnElement[bool]) -> list[Own]:
        is_used = exists().where(Survey.own_version_id == InstrumentVersion.id) | exists().where(
            Round.own_version_id == InstrumentVersion.id
        )
        rows = self.session.execute(
            select(OwnInstrument, InstrumentVersion, is_used)
            .join(InstrumentVersion, InstrumentVersion.instrument_id == OwnInstrument.id)
            .where(OwnInstrument.organisation_id == self.organisation_id, *clauses)
            .order_by(InstrumentVersion.version.desc())
        )
        found: dict[OwnInstrument, list[Version]] = defaultdict(list)
        for own, version, used in rows:
            found[own].append(Version(version, own.key, used))
        return [Own(own, versions) for own, versions in found.items()]


def for_actor(session: Session, actor: Actor) -> OwnInstruments:
    """The questionnaires that ``actor`` may see and edit."""
    return OwnInstruments(session, actor.organisation_id)


def used_in(session: Session, organisation_id: UUID) -> dict[UUID, list[Listed]]:
    """Where own questionnaires were used, newest survey first, by the questionnaire's id."""
    rows = session.execute(
        select(InstrumentVersion.instrument_id, Survey, Team)
        .join(Survey, Survey.own_version_id == InstrumentVersion.id)
        .join(Team, Survey.team_id == Team.id)
        .where(Team.organisation_id == organisation_id)
        .order_by(Survey.opened_at.desc())
    )
    found: dict[UUID, list[Listed]] = defaultdict(list)
    for instrument_id, survey, team in rows:
        found[instrument_id].append(Listed(survey, team))
    return found


def planned_with(session: Session, own: Own) -> Sequence[Round]:
    """The rounds that will ask with a questionnaire and haven't been sent yet, the next first."""
    return session.scalars(
        select(Round)
        .where(
            Round.own_version_id.in_([version.row.id for version in own.versions]),
            Round.opened_at.is_(None),
            Round.cancelled_on.is_(None),
        )
        .order_by(Round.opens_at)
    ).all()


def built_in() -> list[Instrument]:
    """The newest version of every questionnaire that ships with Trustivide to choose from."""
    return list({instrument.key: instrument for instrument in catalogue.measuring()}.values())
