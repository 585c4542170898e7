"""Saving a workshop to find it again, and letting go of it."""

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.web.access import found, local_path, member
from trustivide.web.fragments import go, page, tell, wants_fragment
from trustivide.web.locale import language
from trustivide.workshops import actions, queries
from trustivide.workshops.cards import WorkshopCard
from trustivide.workshops.views.base import bp


def _pressed(slug: str, card: WorkshopCard | None) -> ResponseReturnValue:
    """The button as it is now, or the page that it was pressed on."""
    if wants_fragment() and card is not None:
        saved = queries.favourites(db.session(), g.actor.user_id)
        return page(
            "workshops/_favourite.html", fragment="favourite", card=card, saved=saved, saves=True
        )
    return go(local_path(request.form.get("next")) or url_for("workshops.index", saved=1))


@bp.post("/<slug>/favourite")
@member("workshops.use")
def favourite(slug: str) -> ResponseReturnValue:
    """Save a workshop."""
    card = found(queries.get(db.session(), slug, language()))
    with transaction() as session:
        found(actions.save_favourite(session, g.actor, slug, clock.now()) or None)
    tell(_("Workshopen är sparad."))
    return _pressed(slug, card)


@bp.post("/<slug>/favourite/removal")
@member("workshops.use")
def favourite_removal(slug: str) -> ResponseReturnValue:
    """Let go of a saved workshop, maybe one that is withdrawn since."""
    with transaction() as session:
        actions.remove_favourite(session, g.actor, slug)
    tell(_("Workshopen är inte längre sparad."))
    return _pressed(slug, queries.get(db.session(), slug, language()))
