"""What a workshop said and says: its versions, the draft among them, and the list of them all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from trustivide.auth.models import User
from trustivide.workshops.cards import Source
from trustivide.workshops.catalogue import current
from trustivide.workshops.models import Workshop, WorkshopSession, WorkshopVersion

STATES = ("draft", "published", "withdrawn")


def source_of(slug: str, swedish: str, english: str) -> Source:
    """A text of the staff as a source: it has no number until it is stored."""
    return Source(slug, {"sv": swedish, "en": english}, numbered=False)


@dataclass(frozen=True)
class History:
    """A workshop with all its versions, the newest first."""

    workshop: Workshop
    versions: Sequence[WorkshopVersion]

    @property
    def draft(self) -> WorkshopVersion | None:
        """What is being written, if anything is."""
        return next((v for v in self.versions if v.published_on is None), None)

    @property
    def read(self) -> WorkshopVersion | None:
        """What people read, or did until the workshop was withdrawn."""
        return next((v for v in self.versions if v.number == self.workshop.number), None)

    @property
    def base(self) -> WorkshopVersion:
        """What whoever opens the editor goes on from: the draft, else what people read."""
        return self.draft or self.read or self.versions[0]

    @property
    def news(self) -> WorkshopVersion | None:
        """A newer text from the library, which waits because staff wrote what people read."""
        newer = (v for v in self.versions if v.number > (self.workshop.number or 0))
        return next((v for v in newer if v.origin == "library"), None)

    @property
    def mark(self) -> str:
        """Tells whether somebody else has changed what an editor goes on from."""
        return mark_of(self.base)

    def version(self, number: int) -> WorkshopVersion | None:
        """The version with this number."""
        return next((v for v in self.versions if v.number == number), None)

    def source(self, version: WorkshopVersion) -> Source:
        """The text of one of the versions."""
        return source_of(self.workshop.slug, version.swedish, version.english)


def mark_of(version: WorkshopVersion) -> str:
    """A version as an editor saw it. By its key, since a draft's number may change."""
    return f"{version.id}.{version.edition}"


def history(session: Session, slug: str, *, lock: bool = False) -> History | None:
    """The workshop called ``slug``; with ``lock`` nobody else changes it in this transaction."""
    wanted = select(Workshop).where(Workshop.slug == slug)
    if lock:
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    workshop = session.scalar(wanted)
    if workshop is None:
        return None
    versions = session.scalars(
        select(WorkshopVersion)
        .where(WorkshopVersion.workshop_id == workshop.id)
        .order_by(WorkshopVersion.number.desc())
        .execution_options(populate_existing=lock)
    ).all()
    return History(workshop, versions)


def writers(session: Session, versions: Iterable[WorkshopVersion]) -> dict[UUID, str]:
    """The names of those who wrote the versions, by account."""
    ids = {version.written_by_id for version in versions} - {None}
    return {user.id: user.name for user in session.scalars(select(User).where(User.id.in_(ids)))}


def planned(session: Session, slug: str) -> int:
    """How many sessions of a workshop teams have planned and not run yet."""
    return (
        session.scalar(
            select(func.count())
            .select_from(WorkshopSession)
            .where(WorkshopSession.workshop == slug, WorkshopSession.state == "planned")
        )
        or 0
    )


@dataclass(frozen=True)
class Listed:
    """A workshop in the office's list.

    Title, minutes and ``people`` (fewest, most) are what people read, or what the newest text
    says; without a text that keeps every rule there is nothing but the slug. ``is_sound`` says
    whether the draft, if there is one, keeps every rule.
    """

    slug: str
    state: str
    number: int | None
    title: str
    duration: int | None
    people: tuple[int, int] | None
    has_draft: bool
    is_sound: bool
    has_news: bool


def listed(session: Session, locale: str, state: str | None = None) -> list[Listed]:
    """Every workshop (with ``state``: in that one of :data:`STATES`) by title, in few queries."""
    wanted = select(Workshop.id, Workshop.slug, Workshop.state, Workshop.number)
    workshops = session.execute(wanted.where(Workshop.state == state) if state else wanted).all()
    versions: dict[UUID, list[Any]] = {}
    for row in session.execute(
        select(
            WorkshopVersion.workshop_id,
            WorkshopVersion.number,
            WorkshopVersion.origin,
            WorkshopVersion.published_on,
            WorkshopVersion.cards.is_not(None).label("sound"),
        )
    ):
        versions.setdefault(row.workshop_id, []).append(row)
    shown, unread = current(session), _unread(session, locale)
    found = []
    for workshop in workshops:
        mine = versions[workshop.id]
        draft = next((v for v in mine if v.published_on is None), None)
        card = shown.get(workshop.slug, locale)
        about = (card.title, card.duration, card.people) if card else unread.get(workshop.id)
        title, duration, people = about or (workshop.slug, None, None)
        found.append(
            Listed(
                slug=workshop.slug,
                state=workshop.state,
                number=workshop.number,
                title=title,
                duration=duration,
                people=people,
                has_draft=draft is not None,
                is_sound=draft is None or draft.sound,
                has_news=any(
                    v.origin == "library" and v.number > (workshop.number or 0) for v in mine
                ),
            )
        )
    return sorted(found, key=lambda each: each.title.casefold())


def _unread(session: Session, locale: str) -> dict[UUID, tuple[str, int, tuple[int, int]]]:
    """Title, minutes and people of what nobody can find, by workshop; the newest sound text's."""
    card = WorkshopVersion.cards[locale]
    rows = session.execute(
        select(
            WorkshopVersion.workshop_id,
            card["title"].as_string(),
            card["duration"].as_integer(),
            card["people"][0].as_integer(),
            card["people"][1].as_integer(),
        )
        .join(Workshop, WorkshopVersion.workshop_id == Workshop.id)
        .where(Workshop.state != "published", WorkshopVersion.cards.is_not(None))
        .order_by(WorkshopVersion.number)
    )
    return {row[0]: (row[1], row[2], (row[3], row[4])) for row in rows}
