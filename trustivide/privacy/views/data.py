"""Seeing everything that is known, value by value; correcting and deleting it in place."""

from uuid import UUID

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError

from trustivide.auth.queries import by_address
from trustivide.core import clock
from trustivide.core.activities import ALL
from trustivide.core.db import db, transaction
from trustivide.privacy import actions, queries
from trustivide.privacy.forms import correction_form
from trustivide.privacy.views.base import bp, centre, group_or_404, person, visitor
from trustivide.privacy.words import until
from trustivide.web.access import found, subject
from trustivide.web.fragments import go, tell


@bp.get("/")
@subject
def index() -> ResponseReturnValue:
    """Every category of which something is held, and what can be done about it."""
    session, whose = db.session(), person()
    held = queries.overview(session, whose, clock.day_of(clock.now()))
    used = {c.activity for c in held.categories}
    return centre(
        "index.html",
        held=held,
        until=until,
        empty=[a for a in ALL if a not in used],
        pending=queries.pending_erasure(session, whose),
        has_account=visitor().user is None and by_address(session, visitor().address) is not None,
        crumbs=[],
    )


@bp.get("/data/<name>")
@subject
def data(name: str) -> ResponseReturnValue:
    """Every value of one category."""
    group = group_or_404(name)
    number = request.args.get("page", 1, type=int)
    return centre(
        "data.html",
        fragment="entries",
        group=group,
        rows=queries.entries(db.session(), group, person(), number),
        deletable=queries.deletable(group),
    )


@bp.route("/data/<name>/<uuid:row>/<field>", methods=["GET", "POST"])
@subject
def correct(name: str, row: UUID, field: str) -> ResponseReturnValue:
    """Correct one value in place (GDPR Art. 16)."""
    group = group_or_404(name)
    column = found(queries.correctable(group, field))
    entry = found(queries.entry(db.session(), group, person(), row))
    form = correction_form(column, {f.name: v for f, v in entry.cells}[field])
    if form.validate_on_submit():
        try:
            with transaction() as session:
                value = form.value.data or None
                actions.correct(session, person(), group, row, column, value, clock.now())
            tell(_("Rättat. Det gamla värdet finns inte kvar."))
            return go(url_for("privacy.data", name=name))
        except IntegrityError:
            form.value.errors = [_("Det värdet finns redan i samma team. Välj ett annat.")]
    status = 422 if form.is_submitted() else 200
    context = {"group": group, "entry": entry, "field": column, "form": form}
    return centre("correct.html", fragment="correction", status=status, **context)


@bp.route("/data/<name>/<uuid:row>/deletion", methods=["GET", "POST"])
@subject
def delete_entry(name: str, row: UUID) -> ResponseReturnValue:
    """Delete one entry, after its consequences were read."""
    group = group_or_404(name)
    entry = found(queries.entry(db.session(), group, person(), row))
    found(queries.deletable(group) or None)
    if request.method == "POST":
        with transaction() as session:
            actions.delete_entries(session, person(), group, [row], clock.now())
        tell(_("Raderat."))
        return go(url_for("privacy.data", name=name))
    return centre("delete_entries.html", group=group, entry=entry, count=1)


@bp.route("/data/<name>/deletion", methods=["GET", "POST"])
@subject
def delete_all(name: str) -> ResponseReturnValue:
    """Delete every entry of one category, after its consequences were read."""
    group = group_or_404(name)
    found(queries.deletable(group) or None)
    rows = queries.entries(db.session(), group, person())
    if request.method == "POST":
        with transaction() as session:
            actions.delete_entries(session, person(), group, None, clock.now())
        tell(_("Allt i kategorin är raderat."))
        return go(url_for("privacy.index"))
    return centre("delete_entries.html", group=group, entry=None, count=rows.total)
