"""Remembering what somebody looked for, read, saved and downloaded, and forgetting it again."""

from datetime import datetime
from uuid import UUID, uuid4

from blinker import Signal
from sqlalchemy import ColumnElement, CursorResult, Delete, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from trustivide.core.activities import FAVOURITES, SEARCH_HISTORY, WORKSHOP_USE
from trustivide.core.clock import day_of
from trustivide.organisations.queries import Actor
from trustivide.rights import actions as rights
from trustivide.workshops.models import Download, Favourite, Search, Viewing
from trustivide.workshops.queries import objects, person_of, recent_searches, remembers

_LOOKED_BACK = 50
_Kept = type[Search] | type[Download] | type[Viewing] | type[Favourite]

refused = Signal(
    "Somebody said no to an activity where they met it, or took that back: sent with the Person, "
    "session=, activity=, on= and now=, in the transaction that does it."
)


def record_search(session: Session, actor: Actor, query: str, now: datetime) -> Search | None:
    """Remember a search; a repeated one becomes the newest instead of standing there twice.

    Records nothing, and answers ``None``, for blanks, and after an objection to or under a
    restriction of the search history.
    """
    query = " ".join(query.split())
    if not query or not remembers(session, actor.user_id, SEARCH_HISTORY):
        return None
    # The words are encrypted, so equal ones are found here and not by the database.
    recent = recent_searches(session, actor.user_id, _LOOKED_BACK)
    search = next((known for known in recent if known.query == query), None)
    if search is None:
        search = Search(user_id=actor.user_id, query=query)
        session.add(search)
    search.at = now
    session.flush()
    return search


def record_download(session: Session, actor: Actor, slug: str, now: datetime) -> Download | None:
    """Remember that a guide was downloaded.

    Records nothing, and answers ``None``, after an objection or under a restriction.
    """
    if not remembers(session, actor.user_id, WORKSHOP_USE):
        return None
    download = Download(user_id=actor.user_id, workshop=slug, at=now)
    session.add(download)
    session.flush()
    return download


def record_viewing(session: Session, actor: Actor, slug: str, now: datetime) -> bool:
    """Remember that a workshop's page was read, instead of when it was read before.

    Records nothing, and answers ``False``, after an objection or under a restriction.
    """
    if not remembers(session, actor.user_id, WORKSHOP_USE):
        return False
    values = {"id": uuid4(), "user_id": actor.user_id, "workshop": slug, "at": now}
    # The page may be open twice: the later one wins, and neither fails.
    _once(session, Viewing, values, set_={"at": now})
    return True


def save_favourite(session: Session, actor: Actor, slug: str, now: datetime) -> bool:
    """Save a workshop to find it again; saved twice it stays as it was.

    Records nothing, and answers ``False``, under a restriction.
    """
    if not remembers(session, actor.user_id, FAVOURITES):
        return False
    values = {"user_id": actor.user_id, "workshop": slug, "saved_on": day_of(now)}
    _once(session, Favourite, {"id": uuid4(), **values})
    return True


def _once(
    session: Session, model: _Kept, values: dict[str, object], set_: dict[str, object] | None = None
) -> None:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(model).values(**values)
    one = ["user_id", "workshop"]
    session.execute(
        statement.on_conflict_do_update(index_elements=one, set_=set_)
        if set_
        else statement.on_conflict_do_nothing(index_elements=one)
    )


def keep_searches(session: Session, actor: Actor, now: datetime, *, on: bool) -> None:
    """Object to the search history at once, or take that back (GDPR Art. 21).

    What was searched for before is left to its retention, unused, or to
    :func:`delete_searches`.
    """
    person, no = person_of(session, actor.user_id), not on
    if no == objects(session, person, SEARCH_HISTORY):
        return
    (rights.object_to if no else rights.withdraw_objection)(session, person, SEARCH_HISTORY, now)
    refused.send(person, session=session, activity=SEARCH_HISTORY, on=no, now=now)


def delete_search(session: Session, actor: Actor, search_id: UUID) -> bool:
    """Forget one of the actor's own searches; ``False`` if there is none such."""
    return _forget(session, delete(Search).where(_own(Search, actor), Search.id == search_id)) > 0


def delete_searches(session: Session, actor: Actor) -> int:
    """Forget all of the actor's own searches; how many there were."""
    return _forget(session, delete(Search).where(_own(Search, actor)))


def delete_viewings(session: Session, actor: Actor, slug: str | None = None) -> int:
    """Forget that the actor read one workshop's page, or any; how many there were."""
    one = () if slug is None else (Viewing.workshop == slug,)
    return _forget(session, delete(Viewing).where(_own(Viewing, actor), *one))


def remove_favourite(session: Session, actor: Actor, slug: str) -> int:
    """No longer keep a workshop among the saved ones; how many there were."""
    return _forget(
        session, delete(Favourite).where(_own(Favourite, actor), Favourite.workshop == slug)
    )


def delete_downloads(session: Session, actor: Actor, slug: str) -> int:
    """Forget the actor's own downloads of one workshop; how many there were."""
    return _forget(
        session, delete(Download).where(_own(Download, actor), Download.workshop == slug)
    )


def _own(model: _Kept, actor: Actor) -> ColumnElement[bool]:
    return model.user_id == actor.user_id


def _forget(session: Session, statement: Delete) -> int:
    result = session.execute(statement)
    assert isinstance(result, CursorResult)
    return result.rowcount
