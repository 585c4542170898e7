"""Who invites the visitor to surveys and workshops; saying no to one, to a series, to all."""

from uuid import UUID

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core import clock, inventory
from trustivide.core.activities import TEAM_SURVEYS, TEAM_WORKSHOPS, Activity
from trustivide.core.db import db, transaction
from trustivide.core.inventory import Sender
from trustivide.privacy import actions
from trustivide.privacy.views.base import bp, centre, person
from trustivide.rights.queries import named, objected
from trustivide.web.access import found, subject
from trustivide.web.fragments import go, tell
from trustivide.web.locale import language


def _senders(activity: Activity) -> list[Sender]:
    return inventory.registry.senders[activity.key](db.session(), person(), language())


def _invitations() -> Response:
    return centre(
        "invitations.html",
        fragment="invitations",
        surveys=_senders(TEAM_SURVEYS),
        workshops=_senders(TEAM_WORKSHOPS),
        refused=objected(db.session(), person()),
        named_survey=lambda scope: named(TEAM_SURVEYS, scope),
        named_workshop=lambda scope: named(TEAM_WORKSHOPS, scope),
        crumbs=[
            (_("Min integritet"), url_for("privacy.index")),
            (_("Mina val"), url_for("privacy.choices")),
        ],
    )


@bp.get("/invitations")
@subject
def invitations() -> ResponseReturnValue:
    """Every invitation to a survey or a workshop by sender, and what is refused."""
    return _invitations()


@bp.post("/invitations/objections/all")
@subject
def refuse_all_invitations() -> ResponseReturnValue:
    """Say no to all invitations to surveys, or take that back."""
    return _refuse(TEAM_SURVEYS, None)


@bp.post("/invitations/objections/<uuid:scope>")
@subject
def refuse_invitations(scope: UUID) -> ResponseReturnValue:
    """Say no to one sender or one series, or take that back."""
    return _refuse(TEAM_SURVEYS, scope)


@bp.post("/invitations/workshops/objections/all")
@subject
def refuse_all_workshops() -> ResponseReturnValue:
    """Say no to all invitations to workshops, or take that back."""
    return _refuse(TEAM_WORKSHOPS, None)


@bp.post("/invitations/workshops/objections/<uuid:scope>")
@subject
def refuse_workshops(scope: UUID) -> ResponseReturnValue:
    """Say no to one organisation's workshops, or take that back."""
    return _refuse(TEAM_WORKSHOPS, scope)


def _refused(activity: Activity, scope: UUID | None) -> str:
    if activity is TEAM_WORKSHOPS:
        if scope is None:
            return _("Du får inga fler mejl om workshoppar.")
        return _("Du får inga fler mejl om workshoppar därifrån.")
    if scope is None:
        return _("Du får inga fler inbjudningar.")
    return _("Du får inga fler inbjudningar därifrån.")


def _refuse(activity: Activity, scope: UUID | None) -> ResponseReturnValue:
    senders = _senders(activity)
    known = {s.scope for s in senders} | {r.scope for s in senders for r in s.repeats}
    found(scope is None or scope in known or None)
    on = "on" in request.form
    with transaction() as session:
        actions.refuse_sender(session, person(), activity, clock.now(), on=on, scope=scope)
    tell(_refused(activity, scope) if on else _("Du kan bli inbjuden igen."))
    if request.headers.get("HX-Request") == "true":
        return _invitations()
    return go(url_for("privacy.invitations"))
