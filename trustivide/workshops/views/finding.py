"""The catalogue: searching it and filtering it.

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
from trustivide.workshops import actions, queries
from trustivide.workshops.forms import SearchForm
from trustivide.workshops.views.base import bp
from trustivide.workshops.views.history import history


def _catalogue(form: SearchForm, valid: bool) -> ResponseReturnValue:
    cards = queries.search(db.session(), form.query, language(), **form.filters) if valid else []
    near = queries.nearest(db.session(), form.query, language()) if valid and not cards else []
    if valid and form.address:
        used("workshops.found" if cards else "workshops.nothing_found")
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
        **({} if wants_fragment() else history()),
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
