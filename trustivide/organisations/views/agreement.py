"""A newer processing agreement, and accepting it for the organisation."""

from uuid import UUID

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.organisations import agreements
from trustivide.organisations.views.base import actor, bp, within
from trustivide.web.access import local_path, member
from trustivide.web.fragments import go, tell
from trustivide.web.locale import language


@bp.route("/organisation/<uuid:organisation_id>/agreement", methods=["GET", "POST"])
@member("organisation.own")
def agreement(organisation_id: UUID) -> ResponseReturnValue:
    """What is new in the agreement, and a button that accepts it; later is possible too."""
    onward = local_path(request.args.get("next")) or url_for("organisations.home")
    if request.method == "POST":
        version = request.form.get("version", 0, type=int)
        try:
            with transaction() as session:
                agreements.accept(
                    session,
                    organisation_id,
                    actor().user_id,
                    version,
                    language(),
                    clock.now(),
                )
        except Refused:
            tell(_("En ännu nyare version har kommit. Läs vad som är nytt i den."), "attention")
            return go(request.full_path)
        tell(_("Tack, avtalet är godkänt för organisationen."))
        return go(onward)
    return within(
        "agreement.html",
        text=agreements.awaited(db.session(), organisation_id, language()),
        accepted=agreements.accepted(db.session(), organisation_id),
        onward=onward,
    )
