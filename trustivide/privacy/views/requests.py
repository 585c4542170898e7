"""The person's own requests, and asking for what one can't do by oneself."""

from uuid import UUID

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core import clock
from trustivide.core.activities import BY_KEY, Activity
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.privacy import actions, corrections, desk, queries
from trustivide.privacy.answers import AUTHORITY, GROUNDS
from trustivide.privacy.cases import About
from trustivide.privacy.forms import RightForm, correction_request_form
from trustivide.privacy.models import CHANNELS, DELIVERIES, IDENTITIES, KINDS, STATES
from trustivide.privacy.views.base import bp, centre, group_or_404, person, visitor
from trustivide.privacy.words import recipient
from trustivide.web.access import found, public, subject
from trustivide.web.fragments import go, page, tell
from trustivide.web.limits import tries


@bp.get("/requests")
@subject
def requests() -> ResponseReturnValue:
    """Every right that the person has exercised, and how far it has come."""
    number = request.args.get("page", 1, type=int)
    listed = queries.requests(db.session(), person(), number)
    return centre(
        "requests.html",
        fragment="requests",
        requests=listed,
        kinds=KINDS,
        states=STATES,
        activities=BY_KEY,
    )


@bp.get("/requests/<uuid:request_id>")
@subject
def own_request(request_id: UUID) -> ResponseReturnValue:
    """One request: its clock, what was written, whom we told, and the answer."""
    asked = found(queries.request_for(db.session(), person(), request_id))
    return centre(
        "request.html",
        asked=asked,
        kinds=KINDS,
        states=STATES,
        channels=CHANNELS,
        identities=IDENTITIES,
        deliveries=DELIVERIES,
        activities=BY_KEY,
        grounds=GROUNDS,
        authority=AUTHORITY,
        recipient=recipient,
        crumbs=[
            (_("Min integritet"), url_for("privacy.index")),
            (_("Mina begäranden"), url_for("privacy.requests")),
        ],
    )


@bp.post("/requests/<uuid:request_id>/identity")
@subject
def prove(request_id: UUID) -> ResponseReturnValue:
    """Say that a request which came by e-mail, letter or phone is one's own."""
    asked = found(queries.request_for(db.session(), person(), request_id))
    try:
        with transaction() as session:
            desk.identify(session, asked.request.id, "proven")
        tell(_("Tack. Nu vet vi att begäran är din."))
    except Refused:
        tell(_("Begäran är redan avslutad."), "attention")
    return go(url_for("privacy.own_request", request_id=request_id))


@bp.route("/requests/new", methods=["GET", "POST"])
@subject
@tries
def write() -> ResponseReturnValue:
    """Ask in one's own words for what can't be done with a button."""
    form = RightForm()
    if form.validate_on_submit():
        return _asked(form.kind.data, form.text.data)
    status = 422 if form.is_submitted() else 200
    return centre("write.html", fragment="write", status=status, form=form)


def _asked(
    kind: str,
    details: str,
    activity: Activity | None = None,
    wanted: str | None = None,
    about: About | None = None,
) -> Response:
    who = visitor()
    with transaction() as session:
        asked = actions.ask(
            session,
            who.person,
            kind,
            clock.now(),
            address=who.address,
            name=who.name or None,
            locale=who.locale,
            details=details,
            activity=activity,
            wanted=wanted,
            about=about,
        )
    tell(_("Vi har tagit emot din begäran. Ett kvitto kommer i ett mejl."))
    return go(url_for("privacy.own_request", request_id=asked.id))


@bp.route("/data/<name>/<uuid:row>/<field>/correction-request", methods=["GET", "POST"])
@subject
@tries
def request_correction(name: str, row: UUID, field: str) -> ResponseReturnValue:
    """Ask for a correction of a value that the person can't change in place (GDPR Art. 16)."""
    group = group_or_404(name)
    entry = found(queries.entry(db.session(), group, person(), row))
    wrong = (f for f, _value in entry.cells if f.name == field and corrections.can_be_asked(f))
    column = found(next(wrong, None))
    form = correction_request_form(column)
    if form.validate_on_submit():
        about = (name, row, field)
        return _asked("correct", form.why.data, column.activity, form.wanted.data, about)
    status = 422 if form.is_submitted() else 200
    context = {"group": group, "entry": entry, "field": column, "form": form}
    return centre("request_correction.html", fragment="correction", status=status, **context)


@bp.get("/answer-times")
@public
def answer_times() -> ResponseReturnValue:
    """How long rights took within the last year: our own figures, good or bad."""
    return page("privacy/answer_times.html", times=queries.answer_times(db.session(), clock.now()))
