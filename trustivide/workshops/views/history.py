"""What somebody did in the catalogue: shown, and forgotten when they say so."""

from typing import Any
from uuid import UUID

from flask import g, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core.activities import SEARCH_HISTORY, WORKSHOP_USE
from trustivide.core.db import db, transaction
from trustivide.web.access import found, member
from trustivide.web.fragments import go, page, tell, wants_fragment
from trustivide.web.locale import language
from trustivide.workshops import actions, queries
from trustivide.workshops.views.base import bp


def history() -> dict[str, Any]:
    """What the person did here, as far as it may be used."""
    session, user_id = db.session(), g.actor.user_id
    if not queries.shows_history(session, user_id):
        return {"shows_history": False}
    return {
        "shows_history": True,
        "searches": queries.recent_searches(session, user_id),
        "downloads": queries.downloads(session, user_id),
        "keeps_searches": queries.remembers(session, user_id, SEARCH_HISTORY),
        "keeps_downloads": queries.remembers(session, user_id, WORKSHOP_USE),
        "titles": {card.slug: card.title for card in queries.catalogue(session, language())},
    }


def _after_forgetting(message: str) -> ResponseReturnValue:
    tell(message)
    if wants_fragment():
        return page("workshops/index.html", fragment="history", **history())
    return go(url_for("workshops.index"))


@bp.post("/searches/removal")
@member("workshops.use")
def searches_removal() -> ResponseReturnValue:
    """Forget all own searches."""
    with transaction() as session:
        actions.delete_searches(session, g.actor)
    return _after_forgetting(_("Dina sökningar är borttagna."))


@bp.post("/searches/<uuid:search_id>/removal")
@member("workshops.use")
def search_removal(search_id: UUID) -> ResponseReturnValue:
    """Forget one own search."""
    with transaction() as session:
        found(actions.delete_search(session, g.actor, search_id) or None)
    return _after_forgetting(_("Sökningen är borttagen."))


@bp.post("/<slug>/downloads/removal")
@member("workshops.use")
def downloads_removal(slug: str) -> ResponseReturnValue:
    """Forget the own downloads of one workshop."""
    with transaction() as session:
        found(actions.delete_downloads(session, g.actor, slug) or None)
    return _after_forgetting(_("Nedladdningen är borttagen."))
