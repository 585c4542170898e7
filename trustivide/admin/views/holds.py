"""Legal holds: who answers for keeping what, until when; placed with a ground, and ended."""

from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.admin import actions, queries
from trustivide.admin.forms import HoldForm
from trustivide.admin.views.base import bp, page, page_number
from trustivide.core import clock
from trustivide.core.activities import BY_KEY
from trustivide.core.db import db, transaction
from trustivide.privacy import holds as legal_holds
from trustivide.web.access import found, staff
from trustivide.web.fragments import go, tell


@bp.get("/holds")
@staff("holds.manage")
def holds() -> ResponseReturnValue:
    """Every hold, masked; the ground is read by the person and by the one who wrote it."""
    listed = queries.holds(db.session(), page_number(), g.actor.user.id)
    return page("holds.html", fragment="holds", holds=listed)


@bp.route("/holds/new", methods=["GET", "POST"])
@staff("holds.manage")
def place_hold() -> ResponseReturnValue:
    """Keep one person's data of one activity, after reading what that does."""
    today = clock.day_of(clock.now())
    form = HoldForm(today)
    if form.validate_on_submit():
        with transaction() as session:
            actions.place_hold(
                session,
                g.actor.user,
                form.email.data,
                BY_KEY[form.activity.data],
                form.ground.data,
                form.ends_on.data,
                clock.now(),
            )
        tell(_("Uppgifterna bevaras från och med nu, och personen ser det."))
        return go(url_for("admin.holds"))
    status = 422 if form.is_submitted() else 200
    latest = legal_holds.latest_end(today)
    return page("place_hold.html", fragment="hold", status=status, form=form, latest=latest)


@bp.route("/holds/<uuid:hold_id>/end", methods=["GET", "POST"])
@staff("holds.manage")
def end_hold(hold_id: UUID) -> ResponseReturnValue:
    """End a hold early, after reading what goes then."""
    hold = found(queries.hold(db.session(), hold_id, g.actor.user.id))
    if hold.over:
        return go(url_for("admin.holds"))
    if request.method == "POST":
        with transaction() as session:
            legal_holds.end(session, g.actor.user, hold_id, clock.now())
        tell(_("Bevarandet är avslutat. Det som väntat på att raderas raderas nu."))
        return go(url_for("admin.holds"))
    return page("end_hold.html", hold=hold)
