"""The catalogue: searching it, filtering it, and going through what was found.

A GET never writes. Searches as one types are not kept; pressing the button posts the
search, which remembers it (where the person lets us) and goes on to its address.
"""

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.web.access import member
from trustivide.web.fragments import go, page, wants_fragment
from trustivide.web.locale import language
from trustivide.web.used import used
from trustivide.workshops import actions, catalogue, finding, queries
from trustivide.workshops.forms import SearchForm
from trustivide.workshops.views.base import bp
from trustivide.workshops.views.history import history, searches_kept

_ON_A_PAGE = 24


def _catalogue(form: SearchForm, valid: bool) -> ResponseReturnValue:
    session = db.session()
    saved = queries.favourites(session, g.actor.user_id)
    context = _found(form, saved) if valid else {"found": None}
    # As one types only the results are drawn anew.
    if not wants_fragment():
        context |= history() | searches_kept()
    response = page(
        "workshops/index.html",
        fragment="results",
        status=200 if valid else 422,
        form=form,
        saved=saved,
        saves=queries.saves(session, g.actor.user_id),
        names=queries.DIMENSION_NAMES,
        partly=wants_fragment(),
        **context,
    )
    if valid and wants_fragment():
        response.headers["HX-Replace-Url"] = url_for("workshops.index", **form.address)
    return response


def _found(form: SearchForm, saved: frozenset[str]) -> dict[str, object]:
    session, locale, filters = db.session(), form.language.data, form.filters(saved)
    found = finding.find(session, form.query, locale, filters, form.sort.data)
    if form.address:
        used("workshops.found" if found.cards else "workshops.nothing_found")
    every = catalogue.current(session).entries
    withdrawn = [slug for slug in saved if slug not in every] if filters.slugs else []
    return {
        "found": found,
        "shown": finding.cut(found.cards, form.page.data or 1, _ON_A_PAGE),
        "withdrawn": catalogue.titles(session, withdrawn, language()) if withdrawn else {},
    }


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
