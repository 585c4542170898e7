"""Reading the catalogue, what teams ran of it, and what somebody did in it."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.auth import queries as accounts
from trustivide.auth.models import User
from trustivide.core.activities import (
    FEWEST,
    RECOMMENDATIONS,
    SEARCH_HISTORY,
    USAGE_ANALYSIS,
    WORKSHOP_USE,
    Activity,
)
from trustivide.core.clock import begin_of, day_of, month_after, month_before
from trustivide.core.text import Text
from trustivide.rights import queries as rights
from trustivide.workshops.cards import AgendaStep, WorkshopCard
from trustivide.workshops.catalogue import Catalogue, current, version_of
from trustivide.workshops.models import Download, Search, WorkshopSession
from trustivide.workshops.search import Index

DIMENSION_NAMES = {
    "competence": Text("Kompetens", "Competence"),
    "care": Text("Omtanke", "Care"),
    "integrity": Text("Integritet", "Integrity"),
    "openness": Text("Öppenhet", "Openness"),
    "reliability": Text("Pålitlighet", "Reliability"),
}


def catalogue(session: Session, locale: str) -> Sequence[WorkshopCard]:
    """Every workshop in ``locale`` ("sv" or "en"), the shortest first."""
    return current(session).cards(locale)


def get(session: Session, slug: str, locale: str) -> WorkshopCard | None:
    """The workshop in ``locale``, or ``None``."""
    return current(session).get(slug, locale)


_indexes: WeakKeyDictionary[Catalogue, dict[str, Index]] = WeakKeyDictionary()


def _index(session: Session, locale: str) -> Index:
    indexes = _indexes.setdefault(current(session), {})
    if locale not in indexes:
        names = {key: name.in_(locale) for key, name in DIMENSION_NAMES.items()}
        indexes[locale] = Index(catalogue(session, locale), locale, names)
    return indexes[locale]


def held(session: Session, team_id: UUID, since: date, until: date) -> Sequence[WorkshopSession]:
    """The team's workshops that were run from ``since`` to ``until``, both included, in order."""
    return session.scalars(
        select(WorkshopSession)
        .where(
            WorkshopSession.team_id == team_id,
            WorkshopSession.state == "run",
            WorkshopSession.run_on.between(since, until),
        )
        .order_by(WorkshopSession.run_on, WorkshopSession.id)
    ).all()


def title(session: Session, one: WorkshopSession, locale: str) -> str:
    """What the workshop of a session is called, also when it is withdrawn since."""
    card = get(session, one.workshop, locale)
    if card is None:
        entry = version_of(session, one.workshop, one.version)
        card = entry.cards.get(locale) if entry else None
    return card.title if card else one.workshop


def search(
    session: Session,
    query: str,
    locale: str,
    dimension: str | None = None,
    longest: int | None = None,
    place: str | None = None,
) -> list[WorkshopCard]:
    """The workshops that hold every word of ``query`` and pass the filters, best first.

    ``longest`` is in minutes. :meth:`Index.matching` says how words are compared. Raises
    :class:`ValueError` for a query over 200 characters.
    """
    return [
        card
        for card in _index(session, locale).matching(query)
        if (not dimension or dimension in card.dimensions)
        and (not longest or card.duration <= longest)
        and (not place or place in card.place)
    ]


def nearest(session: Session, query: str, locale: str, limit: int = 3) -> list[WorkshopCard]:
    """What to show where a search with its filters found nothing. Never empty.

    First what matches without the filters, else what holds some of the words, else the
    shortest workshops.
    """
    index = _index(session, locale)
    return (index.matching(query) or index.nearest(query) or list(catalogue(session, locale)))[
        :limit
    ]


def timetable(card: WorkshopCard) -> list[tuple[str, AgendaStep]]:
    """The steps, each with the time that has passed when it begins, as ``h:mm``."""
    rows, passed = [], 0
    for step in card.agenda:
        rows.append((f"{passed // 60}:{passed % 60:02}", step))
        passed += step.minutes
    return rows


# What somebody did. It is used only as long as the person lets us.


def remembers(session: Session, user_id: UUID, activity: Activity) -> bool:
    """Whether ``activity`` may use this person's data now; the address counts too."""
    user = accounts.by_id(session, user_id)
    return user is not None and rights.may_use(session, accounts.person(user), activity)


def shows_history(session: Session, user_id: UUID) -> bool:
    """Whether what the person did may be shown to them as suggestions.

    Saying no hides it here; the privacy centre shows what is kept, and erases it.
    """
    return remembers(session, user_id, RECOMMENDATIONS)


def recent_searches(session: Session, user_id: UUID, limit: int = 10) -> Sequence[Search]:
    """The person's own searches, newest first; none under an objection or a restriction."""
    if not remembers(session, user_id, SEARCH_HISTORY):
        return []
    return session.scalars(
        select(Search)
        .where(Search.user_id == user_id)
        .order_by(Search.at.desc(), Search.id)
        .limit(limit)
    ).all()


def downloads(session: Session, user_id: UUID) -> Sequence[Download]:
    """The person's own downloads, newest first, each workshop once.

    None under an objection or a restriction.
    """
    if not remembers(session, user_id, WORKSHOP_USE):
        return []
    newest: dict[str, Download] = {}
    for download in session.scalars(
        select(Download).where(Download.user_id == user_id).order_by(Download.at.desc())
    ):
        newest.setdefault(download.workshop, download)
    return list(newest.values())


# How much is used. Totals alone, and nobody who said no is in them.


def people_per_workshop(session: Session, now: datetime) -> dict[str, int]:
    """By slug, how many people downloaded a workshop in the last month that is over.

    People, not downloads. A workshop with fewer than FEWEST is left out. Nobody is counted
    who objects to or restricts the usage analysis or the data that it works with; read
    anew on every call, so that a no counts at once. A month is over on the second of the
    next, as for all that is used (docs/decisions/028).
    """
    month = month_before(day_of(now) - timedelta(days=1))
    within = Download.at >= begin_of(month), Download.at < begin_of(month_after(month))
    users = session.scalars(
        select(User).where(User.id.in_(select(Download.user_id).where(*within)))
    )
    people = {user.id: accounts.person(user) for user in users}
    for activity in (USAGE_ANALYSIS, *USAGE_ANALYSIS.uses):
        for refuser in rights.refusers(session, people, activity):
            people.pop(refuser)
    pairs = session.execute(select(Download.workshop, Download.user_id).where(*within).distinct())
    counts = Counter(workshop for workshop, user_id in pairs if user_id in people)
    return {workshop: n for workshop, n in counts.items() if n >= FEWEST}
