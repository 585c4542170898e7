"""The catalogue that people read, kept in memory, and how what ships with the product gets there.

The database holds the workshops. Every process keeps the published ones as cards, since a
search looks at all of them; before each use it asks for the catalogue's revision, one number,
and reads what changed.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, lru_cache
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import func, inspect, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from trustivide.core.clock import day_of
from trustivide.core.db import db, transaction
from trustivide.core.text import in_alphabet
from trustivide.workshops.cards import (
    LANGUAGES,
    Source,
    WorkshopCard,
    as_data,
    from_data,
    library,
)
from trustivide.workshops.models import Workshop, WorkshopVersion

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """A published version of a workshop, with its card in every language."""

    version_id: UUID
    cards: Mapping[str, WorkshopCard]
    published_on: date


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Every published workshop at one revision. Nothing in it changes."""

    revision: int
    entries: Mapping[str, Entry]

    def get(self, slug: str, locale: str) -> WorkshopCard | None:
        """The card in ``locale``, or ``None``."""
        entry = self.entries.get(slug)
        return entry.cards.get(locale) if entry else None

    def cards(self, locale: str) -> Sequence[WorkshopCard]:
        """Every card in ``locale`` ("sv" or "en"), the shortest first."""
        return self._sorted[locale]

    @cached_property
    def _sorted(self) -> dict[str, list[WorkshopCard]]:
        return {
            locale: sorted(
                (entry.cards[locale] for entry in self.entries.values()),
                key=lambda card: (card.duration, in_alphabet(card.title)),
            )
            for locale in LANGUAGES
        }


_current: WeakKeyDictionary[Any, Catalogue] = WeakKeyDictionary()
_read: dict[UUID, Entry] = {}
"""Published versions never change, so what was read of one holds for good."""


def current(session: Session) -> Catalogue:
    """The catalogue as it is now: one small query while nothing changed."""
    bind = session.get_bind()
    revision = session.scalar(select(func.coalesce(func.sum(Workshop.revision), 0))) or 0
    known = _current.get(bind)
    if known is None or known.revision != revision:
        known = _current[bind] = Catalogue(revision, _entries(session))
    return known


def _entries(session: Session) -> dict[str, Entry]:
    published = session.execute(
        select(Workshop.slug, WorkshopVersion.id)
        .join(WorkshopVersion, _is_read())
        .where(Workshop.state == "published")
    )
    ids = {row.slug: row.id for row in published}
    unread = [version_id for version_id in ids.values() if version_id not in _read]
    for start in range(0, len(unread), 500):
        _read.update(_fetched(session, unread[start : start + 500]))
    return {slug: _read[version_id] for slug, version_id in ids.items()}


def _is_read() -> Any:
    return (WorkshopVersion.workshop_id == Workshop.id) & (
        WorkshopVersion.number == Workshop.number
    )


def _fetched(session: Session, ids: Sequence[UUID]) -> dict[UUID, Entry]:
    rows = session.execute(
        select(WorkshopVersion.id, WorkshopVersion.cards, WorkshopVersion.published_on).where(
            WorkshopVersion.id.in_(ids)
        )
    )
    return {row.id: _entry(row) for row in rows}


def _entry(row: Any) -> Entry:
    return Entry(row.id, read_cards(row.cards), row.published_on)


def read_cards(data: Mapping[str, Any]) -> dict[str, WorkshopCard]:
    """The cards of a version, by language."""
    return {language: from_data(card) for language, card in data.items()}


def written_cards(source: Source, number: int) -> dict[str, Any]:
    """What a version keeps of a checked source; the version's number is the cards' own."""
    return {
        language: as_data(card) | {"version": number} for language, card in source.cards.items()
    }


def version_of(session: Session, slug: str, number: int) -> Entry | None:
    """A published version of a workshop, also one that is withdrawn or replaced since."""
    row = session.execute(
        select(WorkshopVersion.id, WorkshopVersion.cards, WorkshopVersion.published_on)
        .join(Workshop, WorkshopVersion.workshop_id == Workshop.id)
        .where(
            Workshop.slug == slug,
            WorkshopVersion.number == number,
            WorkshopVersion.published_on.is_not(None),
        )
    ).one_or_none()
    return _entry(row) if row else None


def titles(session: Session, slugs: Collection[str], locale: str) -> dict[str, str]:
    """What workshops are called, also those that are withdrawn since."""
    rows = session.execute(
        select(Workshop.slug, WorkshopVersion.cards[locale]["title"].as_string())
        .join(WorkshopVersion, _is_read())
        .where(Workshop.slug.in_(slugs))
    )
    return dict(rows.all())


@lru_cache
def _shipped() -> tuple[Source, ...]:
    return library()


def load(session: Session, now: datetime) -> int:
    """Bring what ships with the product into the database; how many versions are new.

    Idempotent. A text that is new becomes a version of its workshop and is published, but
    for a workshop that staff rewrote: theirs stays, and the new one waits beside it. A
    withdrawn workshop stays withdrawn. Raises :class:`CardError` for a file with a fault.
    """
    new = missing(session)
    for source in new:
        _take_in(session, source, now)
    session.flush()
    return len(new)


def bring_up_to_date(now: datetime) -> None:
    """:func:`load` in a transaction of its own, where there is something new and tables for it.

    Of two machines that start at once one brings it in; the other finds it done.
    """
    session = db.session()
    try:
        if is_there(session) and missing(session):
            with transaction():
                load(session, now)
    except IntegrityError:
        log.info("another process brought the catalogue up to date")


def is_there(session: Session) -> bool:
    """Whether the database has the catalogue's tables: migrating may come after starting."""
    return inspect(session.get_bind()).has_table(Workshop.__tablename__)


def missing(session: Session) -> list[Source]:
    """What ships with the product and isn't in the database."""
    seen = set(
        session.scalars(
            select(WorkshopVersion.fingerprint).where(WorkshopVersion.origin == "library")
        )
    )
    return [source for source in _shipped() if source.fingerprint not in seen]


def _take_in(session: Session, source: Source, now: datetime) -> None:
    workshop = session.scalar(select(Workshop).where(Workshop.slug == source.slug))
    if workshop is None:
        workshop = Workshop(slug=source.slug)
        session.add(workshop)
        session.flush()
    versions = session.scalars(
        select(WorkshopVersion).where(WorkshopVersion.workshop_id == workshop.id)
    ).all()
    number = max((version.number for version in versions), default=0) + 1
    session.add(
        WorkshopVersion(
            workshop_id=workshop.id,
            number=number,
            origin="library",
            swedish=source.texts["sv"],
            english=source.texts["en"],
            cards=written_cards(source, number),
            fingerprint=source.fingerprint,
            written_on=day_of(now),
            published_on=day_of(now),
        )
    )
    read = next((version for version in versions if version.number == workshop.number), None)
    if read is None or read.origin == "library":
        workshop.number = number
        workshop.state = "published" if workshop.state == "draft" else workshop.state
        workshop.revision += 1
