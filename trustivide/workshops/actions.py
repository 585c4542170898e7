"""Remembering what somebody looked for and downloaded, and forgetting it again."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, Delete, delete
from sqlalchemy.orm import Session

from trustivide.core.activities import SEARCH_HISTORY, WORKSHOP_USE
from trustivide.organisations.queries import Actor
from trustivide.workshops.models import Download, Search
from trustivide.workshops.queries import recent_searches, remembers

_LOOKED_BACK = 50


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


def delete_search(session: Session, actor: Actor, search_id: UUID) -> bool:
    """Forget one of the actor's own searches; ``False`` if there is none such."""
    return _forget(session, delete(Search).where(_own(Search, actor), Search.id == search_id)) > 0


def delete_searches(session: Session, actor: Actor) -> int:
    """Forget all of the actor's own searches; how many there were."""
    return _forget(session, delete(Search).where(_own(Search, actor)))


def delete_downloads(session: Session, actor: Actor, slug: str) -> int:
    """Forget the actor's own downloads of one workshop; how many there were."""
    return _forget(
        session, delete(Download).where(_own(Download, actor), Download.workshop == slug)
    )


def _own(model: type[Search] | type[Download], actor: Actor) -> ColumnElement[bool]:
    return model.user_id == actor.user_id


def _forget(session: Session, statement: Delete) -> int:
    result = session.execute(statement)
    assert isinstance(result, CursorResult)
    return result.rowcount
