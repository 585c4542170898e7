"""What somebody did in the catalogue: shown, and forgotten when they say so."""

from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core import clock
from trustivide.core.activities import SEARCH_HISTORY, WORKSHOP_USE
from trustivide.core.db import db, transaction
from trustivide.web.access import found, member
from trustivide.web.fragments import go, page, tell, wants_fragment
from trustivide.web.locale import language
from trustivide.workshops import actions, catalogue, queries
from trustivide.workshops.views.base import bp


def history() -> dict[str, Any]:
    """What the person read and downloaded, as far as it may be used."""
    session, user_id = db.session(), g.actor.user_id
    if not queries.shows_history(session, user_id):
        return {"shows_history": False}
    viewings, downloads = queries.viewings(session, user_id), queries.downloads(session, user_id)
    slugs = {row.workshop for row in viewings} | {row.workshop for row in downloads}
    return {
        "shows_history": True,
        "viewings": viewings,
        "downloads": downloads,
        "keeps_use": queries.remembers(session, user_id, WORKSHOP_USE),
        "titles": catalogue.titles(session, slugs, language()),
        "open": catalogue.current(session).entries,
    }


def searches_kept() -> dict[str, Any]:
    """Whether searches are kept, and which."""
    session, user_id = db.session(), g.actor.user_id
    keeps = queries.remembers(session, user_id, SEARCH_HISTORY)
    objects = queries.objects(session, queries.person_of(session, user_id), SEARCH_HISTORY)
    shows = queries.shows_history(session, user_id)
    return {
        "keeps_searches": keeps,
        "may_switch": keeps or objects,
        "shows_searches": shows,
        "any_search": queries.any_search(session, user_id),
        "searches": queries.recent_searches(session, user_id) if shows else [],
    }


def _drawn_anew(message: str, fragment: str, context: dict[str, Any]) -> ResponseReturnValue:
    tell(message)
    if wants_fragment():
        return page("workshops/index.html", fragment=fragment, **context)
    return go(url_for("workshops.index"))


@bp.post("/searches/keeping")
@member("workshops.use")
def searches_keeping() -> ResponseReturnValue:
    """Object to the search history where one meets it, or take that back: a switch."""
    on = "on" in request.form
    with transaction() as session:
        actions.keep_searches(session, g.actor, clock.now(), on=on)
    said = _("Din invändning är återtagen."), _("Din invändning gäller från och med nu.")
    return _drawn_anew(said[not on], "kept", searches_kept())


@bp.post("/searches/removal")
@member("workshops.use")
def searches_removal() -> ResponseReturnValue:
    """Forget all own searches."""
    with transaction() as session:
        actions.delete_searches(session, g.actor)
    return _drawn_anew(_("Dina sökningar är borttagna."), "kept", searches_kept())


@bp.post("/searches/<uuid:search_id>/removal")
@member("workshops.use")
def search_removal(search_id: UUID) -> ResponseReturnValue:
    """Forget one own search."""
    with transaction() as session:
        found(actions.delete_search(session, g.actor, search_id) or None)
    return _drawn_anew(_("Sökningen är borttagen."), "kept", searches_kept())


@bp.post("/<slug>/downloads/removal")
@member("workshops.use")
def downloads_removal(slug: str) -> ResponseReturnValue:
    """Forget the own downloads of one workshop."""
    with transaction() as session:
        found(actions.delete_downloads(session, g.actor, slug) or None)
    return _drawn_anew(_("Nedladdningen är borttagen."), "history", history())


@bp.post("/<slug>/viewings")
@member("workshops.use")
def viewings(slug: str) -> ResponseReturnValue:
    """Remember that the page was read; the page itself asks for it, once it is open."""
    found(queries.get(db.session(), slug, language()))
    with transaction() as session:
        actions.record_viewing(session, g.actor, slug, clock.now())
    return "", 204


@bp.post("/viewings/removal")
@member("workshops.use")
def viewings_removal() -> ResponseReturnValue:
    """Forget every workshop that was read."""
    with transaction() as session:
        actions.delete_viewings(session, g.actor)
    return _drawn_anew(_("Det du tittat på är borttaget."), "history", history())


@bp.post("/<slug>/viewings/removal")
@member("workshops.use")
def viewing_removal(slug: str) -> ResponseReturnValue:
    """Forget that one workshop was read."""
    with transaction() as session:
        found(actions.delete_viewings(session, g.actor, slug) or None)
    return _drawn_anew(_("Workshopen är borttagen ur listan."), "history", history())
