"""Reading the catalogue, what teams ran of it, and what somebody did in it."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.auth import queries as accounts
from trustivide.auth.models import User
from trustivide.core.activities import (
    FAVOURITES,
    FEWEST,
    RECOMMENDATIONS,
    SEARCH_HISTORY,
    USAGE_ANALYSIS,
    WORKSHOP_USE,
    Activity,
)
from trustivide.core.clock import begin_of, day_of, month_after, month_before
from trustivide.core.subjects import Person
from trustivide.core.text import Text
from trustivide.rights import queries as rights
from trustivide.workshops.cards import AgendaStep, WorkshopCard
from trustivide.workshops.catalogue import current, version_of
from trustivide.workshops.models import Download, Favourite, Search, Viewing, WorkshopSession

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


def titles(session: Session, held: Sequence[WorkshopSession], locale: str) -> list[str]:
    """:func:`title` for many: a query more for each version that the catalogue hasn't now."""
    known, others = current(session), dict[tuple[str, int], str]()
    found = []
    for one in held:
        card, wanted = known.get(one.workshop, locale), (one.workshop, one.version)
        if card is None and wanted not in others:
            others[wanted] = title(session, one, locale)
        found.append(card.title if card else others[wanted])
    return found


def timetable(card: WorkshopCard) -> list[tuple[str, AgendaStep]]:
    """The steps, each with the time that has passed when it begins, as ``h:mm``."""
    rows, passed = [], 0
    for step in card.agenda:
        rows.append((f"{passed // 60}:{passed % 60:02}", step))
        passed += step.minutes
    return rows


# What somebody did. It is used only as long as the person lets us.


def person_of(session: Session, user_id: UUID) -> Person:
    """The person behind an account, with the address that it has proven."""
    user = accounts.by_id(session, user_id)
    assert user is not None
    return accounts.person(user)


def remembers(session: Session, user_id: UUID, activity: Activity) -> bool:
    """Whether ``activity`` may use this person's data now; the address counts too."""
    user = accounts.by_id(session, user_id)
    return user is not None and rights.may_use(session, accounts.person(user), activity)


def objects(session: Session, person: Person, activity: Activity) -> bool:
    """Whether the person said no to ``activity``; a restriction is something else."""
    return activity.key in rights.objected(session, person)


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


def any_search(session: Session, user_id: UUID) -> bool:
    """Whether a search of the person's is kept, also one that may not be used."""
    return session.scalar(select(Search.id).where(Search.user_id == user_id).limit(1)) is not None


def viewings(session: Session, user_id: UUID, limit: int = 10) -> Sequence[Viewing]:
    """The workshops that the person read, the latest first.

    None under an objection or a restriction.
    """
    if not remembers(session, user_id, WORKSHOP_USE):
        return []
    return session.scalars(
        select(Viewing)
        .where(Viewing.user_id == user_id)
        .order_by(Viewing.at.desc(), Viewing.id)
        .limit(limit)
    ).all()


def saves(session: Session, user_id: UUID) -> bool:
    """Whether the person can save workshops: not under a restriction."""
    return remembers(session, user_id, FAVOURITES)


def favourites(session: Session, user_id: UUID) -> frozenset[str]:
    """The workshops that the person saved; none under a restriction."""
    if not saves(session, user_id):
        return frozenset()
    return frozenset(
        session.scalars(select(Favourite.workshop).where(Favourite.user_id == user_id))
    )


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
