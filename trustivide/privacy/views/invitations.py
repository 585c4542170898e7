"""Who invites the visitor to surveys, and saying no to one of them, to a series, or to all."""

from uuid import UUID

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core import clock, inventory
from trustivide.core.activities import TEAM_SURVEYS
from trustivide.core.db import db, transaction
from trustivide.core.inventory import Sender
from trustivide.privacy import actions
from trustivide.privacy.views.base import bp, centre, person
from trustivide.rights.queries import named, objected
from trustivide.web.access import found, subject
from trustivide.web.fragments import go, tell
from trustivide.web.locale import language


def _senders() -> list[Sender]:
    find = inventory.registry.senders
    return find(db.session(), person(), language()) if find else []


def _invitations() -> Response:
    return centre(
        "invitations.html",
        fragment="invitations",
        senders=_senders(),
        refused=objected(db.session(), person()),
        named=lambda scope: named(TEAM_SURVEYS, scope),
        crumbs=[
            (_("Min integritet"), url_for("privacy.index")),
            (_("Mina val"), url_for("privacy.choices")),
        ],
    )


@bp.get("/invitations")
@subject
def invitations() -> ResponseReturnValue:
    """Every invitation to a survey by sender, and what is refused."""
    return _invitations()


@bp.post("/invitations/objections/all")
@subject
def refuse_all_invitations() -> ResponseReturnValue:
    """Say no to all invitations to surveys, or take that back."""
    return _refuse(None)


@bp.post("/invitations/objections/<uuid:scope>")
@subject
def refuse_invitations(scope: UUID) -> ResponseReturnValue:
    """Say no to one sender or one series, or take that back."""
    senders = _senders()
    known = {s.scope for s in senders} | {r.scope for s in senders for r in s.repeats}
    return _refuse(found(scope if scope in known else None))


def _refuse(scope: UUID | None) -> ResponseReturnValue:
    on = "on" in request.form
    with transaction() as session:
        actions.refuse_sender(session, person(), TEAM_SURVEYS, clock.now(), on=on, scope=scope)
    tell(_("Du får inga fler inbjudningar därifrån.") if on else _("Du kan bli inbjuden igen."))
    if request.headers.get("HX-Request") == "true":
        return _invitations()
    return go(url_for("privacy.invitations"))
