"""Evidence for what software can't measure: attested by staff, and kept as history."""

from flask import g, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.admin.forms import EvidenceForm
from trustivide.admin.views.base import bp, page
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.privacy import evidence as proof
from trustivide.web.access import found, staff
from trustivide.web.fragments import go, tell


@bp.get("/evidence")
@staff("evidence.attest")
def evidence() -> ResponseReturnValue:
    """Everything that must be attested, and whether it is."""
    return page(
        "evidence.html",
        evidence=proof.all_evidence(db.session()),
        today=clock.day_of(clock.now()),
    )


@bp.route("/evidence/<subject>", methods=["GET", "POST"])
@staff("evidence.attest")
def attest(subject: str) -> ResponseReturnValue:
    """Attest one thing anew, beside what was attested before."""
    needed = found(next((n for n in proof.needed() if n.subject == subject), None))
    form, today = EvidenceForm(), clock.day_of(clock.now())
    if form.validate_on_submit():
        with transaction() as session:
            proof.attest(
                session,
                subject,
                statement=form.statement.data,
                owner=form.owner.data,
                valid_until=form.valid_until.data,
                staff_id=g.actor.user.id,
                today=today,
            )
        tell(_("Intyget är sparat."))
        return go(url_for("admin.evidence"))
    return page(
        "attest.html",
        fragment="attestation",
        status=422 if form.is_submitted() else 200,
        form=form,
        needed=needed,
        history=proof.history(db.session(), subject),
    )
