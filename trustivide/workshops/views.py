"""The catalogue: searching it, reading a workshop, downloading its guide.

A GET never writes. Searches as one types are not kept; pressing the button posts the
search, which remembers it (where the person lets us) and goes on to its address.
"""

import re
from typing import Any
from uuid import UUID

from flask import Blueprint, current_app, g, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from trustivide.core import clock
from trustivide.core.activities import SEARCH_HISTORY, WORKSHOP_USE
from trustivide.core.db import db, transaction
from trustivide.web.access import found, member
from trustivide.web.fragments import go, page, tell, wants_fragment
from trustivide.web.locale import language
from trustivide.workshops import actions, queries
from trustivide.workshops.cards import LANGUAGES, body_html
from trustivide.workshops.forms import SearchForm
from trustivide.workshops.guide_files import guide_file

bp = Blueprint("workshops", __name__, url_prefix="/workshops")


def _history() -> dict[str, Any]:
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


def _catalogue(form: SearchForm, valid: bool) -> ResponseReturnValue:
    cards = queries.search(db.session(), form.query, language(), **form.filters) if valid else []
    near = queries.nearest(db.session(), form.query, language()) if valid and not cards else []
    return page(
        "workshops/index.html",
        fragment="results",
        status=200 if valid else 422,
        form=form,
        valid=valid,
        cards=cards,
        near=near,
        names=queries.DIMENSION_NAMES,
        # As one types only the results are drawn anew.
        **({} if wants_fragment() else _history()),
    )


@bp.get("/")
@member("workshops.use")
def index() -> ResponseReturnValue:
    """The catalogue, searched and filtered by what the address says."""
    form = SearchForm(request.args, meta={"csrf": False})
    return _catalogue(form, form.validate())


@bp.post("/searches")
@member("workshops.use")
def searches() -> ResponseReturnValue:
    """Remember a search and go to its results."""
    form = SearchForm()
    if not form.validate():
        return _catalogue(form, valid=False)
    with transaction() as session:
        actions.record_search(session, g.actor, form.query, clock.now())
    return go(url_for("workshops.index", **form.address))


def _after_forgetting(message: str) -> ResponseReturnValue:
    tell(message)
    if wants_fragment():
        return page("workshops/index.html", fragment="history", **_history())
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


@bp.get("/<slug>")
@member("workshops.use")
def show(slug: str) -> ResponseReturnValue:
    """One workshop, with all that it takes to lead it."""
    card = found(queries.get(db.session(), slug, language()))
    return page(
        "workshops/show.html",
        card=card,
        timetable=queries.timetable(card),
        # Written by cards.body_html, which lets nothing but a few plain tags out.
        body=Markup(body_html(card)),  # nosec B704 # noqa: S704
        names=queries.DIMENSION_NAMES,
        languages=sorted(LANGUAGES, key=lambda code: code != language()),
        keeps_downloads=queries.remembers(db.session(), g.actor.user_id, WORKSHOP_USE),
    )


@bp.post("/<slug>/downloads")
@member("workshops.use")
def downloads(slug: str) -> ResponseReturnValue:
    """Remember the download and answer with the guide in the chosen language."""
    card = found(queries.get(db.session(), slug, request.form.get("language") or language()))
    # Before the transaction: making a guide may take a second, and a lock must not.
    file = guide_file(current_app.config["SETTINGS"].instance / "guides", card)
    with transaction() as session:
        actions.record_download(session, g.actor, slug, clock.now())
    name = " ".join(re.sub(r"[^\w\s-]", "", card.title).split())
    response = send_file(
        file, mimetype="application/pdf", as_attachment=True, download_name=f"{name}.pdf"
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.post("/<slug>/downloads/removal")
@member("workshops.use")
def downloads_removal(slug: str) -> ResponseReturnValue:
    """Forget the own downloads of one workshop."""
    with transaction() as session:
        found(actions.delete_downloads(session, g.actor, slug) or None)
    return _after_forgetting(_("Nedladdningen är borttagen."))
