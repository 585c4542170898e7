"""Reading what teams plan and ran, always from where the reader stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from trustivide.core.inventory import Consequence
from trustivide.core.subjects import Person
from trustivide.core.text import Text
from trustivide.organisations.models import Organisation
from trustivide.organisations.queries import Actor, owned_alone
from trustivide.teams.models import Team
from trustivide.workshops.cards import WorkshopCard
from trustivide.workshops.catalogue import current, version_of
from trustivide.workshops.models import WorkshopSession


@dataclass(frozen=True)
class Listed:
    """A team's workshop, with the card of the version that was planned."""

    meeting: WorkshopSession
    team: Team
    card: WorkshopCard

    @property
    def ends_at(self) -> datetime:
        """When it is over."""
        return self.meeting.starts_at + timedelta(minutes=self.meeting.minutes)

    def is_unmarked(self, now: datetime) -> bool:
        """Whether its time is over and nobody has said whether it was run."""
        return self.meeting.state == "planned" and self.ends_at <= now


PER_PAGE = 50


@dataclass(frozen=True)
class Overview:
    """An organisation's workshops, by what there is to do about them.

    ``unmarked``, ``run`` and ``cancelled`` the latest first, ``upcoming`` the soonest. What is
    over goes by pages, ``number`` of ``pages``; what is planned stands on the first.
    """

    unmarked: list[Listed]
    upcoming: list[Listed]
    run: list[Listed]
    cancelled: list[Listed]
    number: int
    pages: int

    @property
    def is_empty(self) -> bool:
        """Whether there is none at all."""
        return not (self.unmarked or self.upcoming or self.run or self.cancelled)


@dataclass(frozen=True)
class Sessions:
    """The workshops of the teams of an actor's organisation."""

    session: Session
    actor: Actor

    def get(self, session_id: UUID, locale: str) -> Listed | None:
        """The workshop, or ``None`` if there is none with this id *for this actor*."""
        found = self._listed(locale, WorkshopSession.id == session_id)
        return found[0] if found else None

    def overview(
        self, locale: str, now: datetime, team_id: UUID | None = None, number: int = 1
    ) -> Overview:
        """Page ``number`` (from 1) of all of the organisation's, or of one team's."""
        narrowed = [WorkshopSession.team_id == team_id] if team_id else []
        over = [*narrowed, WorkshopSession.state != "planned"]
        pages = max(1, -(-self._count(*over) // PER_PAGE))
        number = min(max(1, number), pages)
        ended = self._listed(locale, *over, number=number)
        planned = (
            self._listed(locale, *narrowed, WorkshopSession.state == "planned")
            if number == 1
            else []
        )
        return Overview(
            [one for one in planned if one.is_unmarked(now)],
            [one for one in reversed(planned) if not one.is_unmarked(now)],
            [one for one in ended if one.meeting.state == "run"],
            [one for one in ended if one.meeting.state == "cancelled"],
            number,
            pages,
        )

    def _count(self, *where: ColumnElement[bool]) -> int:
        wanted = (
            select(func.count())
            .select_from(WorkshopSession)
            .join(Team, WorkshopSession.team_id == Team.id)
            .where(Team.organisation_id == self.actor.organisation_id, *where)
        )
        return self.session.scalar(wanted) or 0

    def _listed(
        self, locale: str, *where: ColumnElement[bool], number: int | None = None
    ) -> list[Listed]:
        wanted = (
            select(WorkshopSession, Team)
            .join(Team, WorkshopSession.team_id == Team.id)
            .where(Team.organisation_id == self.actor.organisation_id, *where)
            .order_by(WorkshopSession.starts_at.desc(), WorkshopSession.id)
        )
        if number is not None:
            wanted = wanted.limit(PER_PAGE).offset((number - 1) * PER_PAGE)
        rows = self.session.execute(wanted).all()
        cards = cards_of(self.session, [meeting for meeting, _ in rows], locale)
        return [
            Listed(meeting, team, card) for (meeting, team), card in zip(rows, cards, strict=True)
        ]


def for_actor(session: Session, actor: Actor) -> Sessions:
    """Everything that ``actor`` may see of teams' workshops."""
    return Sessions(session, actor)


def card_of(session: Session, meeting: WorkshopSession, locale: str) -> WorkshopCard:
    """The card as it was when the workshop was planned, also once it is withdrawn or replaced."""
    (card,) = cards_of(session, [meeting], locale)
    return card


def cards_of(
    session: Session, meetings: Sequence[WorkshopSession], locale: str
) -> list[WorkshopCard]:
    """:func:`card_of` for many: a query more for each version that the catalogue hasn't now."""
    known, others = current(session), dict[tuple[str, int], WorkshopCard]()
    cards = []
    for meeting in meetings:
        wanted = meeting.workshop, meeting.version
        card = known.get(meeting.workshop, locale)
        if card is None or card.version != meeting.version:
            if wanted not in others:
                entry = version_of(session, *wanted)
                assert entry is not None, "no version is ever deleted"
                others[wanted] = entry.cards[locale]
            card = others[wanted]
        cards.append(card)
    return cards


def is_planned_then(
    session: Session, team: Team, workshop: str, starts_at: datetime, besides: UUID
) -> bool:
    """Whether the team has the workshop planned at that time, as another than ``besides``."""
    same = select(WorkshopSession.id).where(
        WorkshopSession.team_id == team.id,
        WorkshopSession.workshop == workshop,
        WorkshopSession.starts_at == starts_at,
        WorkshopSession.state == "planned",
        WorkshopSession.id != besides,
    )
    return session.scalar(same.limit(1)) is not None


def is_withdrawn(session: Session, meeting: WorkshopSession) -> bool:
    """Whether the catalogue no longer has the workshop."""
    return meeting.workshop not in current(session).entries


def origins(session: Session, meetings: Sequence[UUID]) -> dict[UUID, str]:
    """In which organisation, and for which of its teams, each of these workshops was planned."""
    rows = session.execute(
        select(WorkshopSession.id, Team.name, Organisation.name)
        .join(Team, WorkshopSession.team_id == Team.id)
        .join(Organisation, Team.organisation_id == Organisation.id)
        .where(WorkshopSession.id.in_(meetings))
    )
    return {meeting: f"{organisation}, {team}" for meeting, team, organisation in rows}


def goes_along(session: Session, team: Team, now: datetime) -> list[Text]:
    """What goes when the team is erased, in words."""
    known = session.scalars(select(WorkshopSession).where(WorkshopSession.team_id == team.id)).all()
    planned = sum(m.state == "planned" and m.starts_at > now for m in known)
    said = []
    if known:
        said.append(
            Text(
                "teamets workshoppar, med anteckningar och överenskommelser",
                "the team's workshops, with notes and agreed actions",
            )
        )
    return said + ([_untold(planned)] if planned else [])


def _untold(planned: int) -> Text:
    several = planned > 1
    return Text(
        f"{planned} {'planerade workshoppar' if several else 'planerad workshop'}. Ingen får veta "
        "det: ställ in först om de inbjudna ska få besked.",
        f"{planned} planned {'workshops' if several else 'workshop'}. Nobody is told: cancel "
        "first if those invited should know.",
    )


def ending_preview(session: Session, organisation_id: UUID) -> list[Consequence]:
    """What the end of an organisation's contract would do to what its teams have planned."""
    return _ending(session, [organisation_id])


def erasure_preview(session: Session, person: Person) -> list[Consequence]:
    """The same for the organisations that end with a person."""
    if person.user_id is None:
        return []
    return _ending(session, [o.id for o in owned_alone(session, person.user_id)])


def _ending(session: Session, organisations: Sequence[UUID]) -> list[Consequence]:
    planned = session.scalar(
        select(func.count())
        .select_from(WorkshopSession)
        .join(Team, WorkshopSession.team_id == Team.id)
        .where(Team.organisation_id.in_(organisations), WorkshopSession.state == "planned")
    )
    return [Consequence(_untold(planned))] if planned else []
