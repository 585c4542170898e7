"""Seeing everything that is known, value by value; correcting and deleting it in place."""

from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import refresh
from sqlalchemy.exc import IntegrityError

from trustivide.auth.queries import by_address
from trustivide.core import clock, inventory
from trustivide.core.activities import ALL
from trustivide.core.crypto import normalise_address
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.core.holds import over
from trustivide.core.inventory import Field, Group
from trustivide.privacy import actions, address_changes, corrections, queries
from trustivide.privacy.forms import corrected, correction_form
from trustivide.privacy.views.base import bp, centre, group_or_404, person, verify_first, visitor
from trustivide.privacy.words import until
from trustivide.web.access import found, subject
from trustivide.web.fragments import go, tell
from trustivide.web.limits import tries_of
from trustivide.web.locale import language


@bp.get("/")
@subject
def index() -> ResponseReturnValue:
    """Every category of which something is held, and what can be done about it."""
    session, whose = db.session(), person()
    known = queries.overview(session, whose, clock.day_of(clock.now()))
    used = {c.activity for c in known.categories}
    return centre(
        "index.html",
        known=known,
        until=until,
        empty=[a for a in ALL if a not in used],
        pending=queries.pending_erasure(session, whose),
        held=queries.held_erasure(session, whose),
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
        asks=[f for f in group.fields if corrections.can_be_asked(f)],
        waiting=address_changes.waiting(db.session(), person(), group, clock.now()),
    )


def _mailed() -> str:
    """The address that a correction would mail: it has a limit, as other values have none."""
    args = request.view_args or {}
    group = inventory.group_named(args["name"])
    field = queries.correctable(group, args["field"]) if group else None
    mails = field is not None and address_changes.is_address(field)
    return normalise_address(request.form.get("value", "")) if mails else ""


@bp.route("/data/<name>/<uuid:row>/<field>", methods=["GET", "POST"])
@subject
@tries_of(_mailed, always=False)
def correct(name: str, row: UUID, field: str) -> ResponseReturnValue:
    """Correct one value in place (GDPR Art. 16); an address waits for proof."""
    group = group_or_404(name)
    column = found(queries.correctable(group, field))
    entry = found(queries.entry(db.session(), group, person(), row))
    if address_changes.is_sign_in(group, column) and (away := verify_first("privacy.correct")):
        return away
    held = {f.name: v for f, v in entry.cells}[field]
    form = correction_form(column, held)
    if form.validate_on_submit():
        try:
            change = _ask if address_changes.is_address(column) else _correct
            change(group, row, column, corrected(form))
            return go(url_for("privacy.data", name=name))
        except IntegrityError:
            form.value.errors = [_("Det värdet finns redan. Välj ett annat.")]
        except Refused:
            form.value.errors = [_("Raderingen är beslutad. Ångra den först.")]
    status = 422 if form.is_submitted() else 200
    waits = address_changes.is_address(column)
    context = {"group": group, "entry": entry, "field": column, "held": held, "waits": waits}
    return centre("correct.html", fragment="correction", status=status, form=form, **context)


def _correct(group: Group, row: UUID, field: Field, value: Any) -> None:
    with transaction() as session:
        actions.correct(session, person(), group, row, field, value, clock.now())
    refresh()  # what was corrected may be the language
    tell(_("Rättat. Det gamla värdet finns inte kvar."))


def _ask(group: Group, row: UUID, field: Field, address: str) -> None:
    with transaction() as session:
        address_changes.ask(session, person(), group, row, field, address, language(), clock.now())
    tell(
        _("Vi har mejlat en länk till %(address)s. Bytet görs när du öppnat den.", address=address)
    )


@bp.route("/data/<name>/<uuid:row>/deletion", methods=["GET", "POST"])
@subject
def delete_entry(name: str, row: UUID) -> ResponseReturnValue:
    """Delete one entry, after its consequences were read."""
    group = group_or_404(name)
    entry = found(queries.entry(db.session(), group, person(), row))
    found(queries.deletable(group) or None)
    if refused := _held(group):
        return refused
    if request.method == "POST":
        with transaction() as session:
            actions.delete_entries(session, person(), group, [row], clock.now())
        tell(_("Raderat."))
        return go(url_for("privacy.data", name=name))
    return centre("delete_entries.html", group=group, entry=entry, count=1)


def _held(group: Group) -> Response | None:
    """The page that says why nothing of the group can be deleted now, while something holds it."""
    holds = over(db.session(), person(), group)
    if not holds:
        return None
    return centre("held.html", status=409, group=group, holds=holds)


@bp.route("/data/<name>/deletion", methods=["GET", "POST"])
@subject
def delete_all(name: str) -> ResponseReturnValue:
    """Delete every entry of one category, after its consequences were read."""
    group = group_or_404(name)
    found(queries.deletable(group) or None)
    if refused := _held(group):
        return refused
    rows = queries.entries(db.session(), group, person())
    if request.method == "POST":
        with transaction() as session:
            actions.delete_entries(session, person(), group, None, clock.now())
        tell(_("Allt i kategorin är raderat."))
        return go(url_for("privacy.index"))
    return centre("delete_entries.html", group=group, entry=None, count=rows.total)
