"""An organisation's end of contract, for its owners: what there is, a copy, and the end."""

from functools import partial
from uuid import UUID

from flask import Response, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.privacy import contract, erasure, export, handback
from trustivide.privacy.forms import EndingForm
from trustivide.privacy.views.base import bp, centre, verify_first, visitor
from trustivide.web.access import found, subject
from trustivide.web.files import attachment
from trustivide.web.fragments import go, tell


def _owned(organisation_id: UUID) -> str:
    """The organisation's name; 404 for everybody who doesn't own it now."""
    name: str = found(visitor().organisations.get(organisation_id))
    return name


@bp.get("/organisation/<uuid:organisation_id>")
@subject
def organisation(organisation_id: UUID) -> ResponseReturnValue:
    """What the organisation holds, the copy of it, and the way to its end."""
    name, session = _owned(organisation_id), db.session()
    return centre(
        "organisation.html",
        fragment="copy",
        name=name,
        organisation_id=organisation_id,
        held=contract.held(session, organisation_id),
        pending=contract.pending(session, organisation_id),
        copy=handback.latest(session, organisation_id),
        now=clock.now(),
        fewest=contract.FEWEST,
        rights_used=partial(contract.rights_used, session, organisation_id, clock.now()),
    )


@bp.post("/organisation/<uuid:organisation_id>/copy")
@subject
def hand_back(organisation_id: UUID) -> ResponseReturnValue:
    """Ask for a copy of everything that the organisation holds."""
    _owned(organisation_id)
    if away := verify_first("privacy.organisation"):
        return away
    who, there = visitor(), url_for("privacy.organisation", organisation_id=organisation_id)
    with transaction() as session:
        handback.request(
            session,
            who.person,
            organisation_id,
            address=who.address,
            locale=who.locale,
            now=clock.now(),
        )
    return go(there)


@bp.get("/organisation/<uuid:organisation_id>/copy/file")
@subject
def hand_back_file(organisation_id: UUID) -> ResponseReturnValue:
    """The newest copy, decrypted as it is sent, to whoever owns the organisation now."""
    _owned(organisation_id)
    copy = found(handback.ready(db.session(), organisation_id, clock.now()))
    found(export.path_of(copy.id).exists() or None)
    if not visitor().recently_verified:
        back = url_for("privacy.organisation", organisation_id=organisation_id)
        return go(url_for("auth.verify", next=back))
    day = clock.day_of(copy.requested_at)
    body = export.content(copy.id, found(copy.file_key))
    return attachment(body, f"trustivide-organisation-{day}.zip", "application/zip")


@bp.route("/organisation/<uuid:organisation_id>/ending", methods=["GET", "POST"])
@subject
def end_contract(organisation_id: UUID) -> ResponseReturnValue:
    """What ending would do; then, confirmed, deciding it."""
    name, session = _owned(organisation_id), db.session()
    there = url_for("privacy.organisation", organisation_id=organisation_id)
    if contract.pending(session, organisation_id) is not None:
        return go(there)
    if away := verify_first("privacy.end_contract"):
        return away
    form, consequences = EndingForm(name), contract.consequences(session, organisation_id)
    blocked = any(c.blocks for c in consequences)
    if not blocked and form.validate_on_submit() and (decided := _decide(organisation_id, form)):
        return decided
    return centre(
        "ending.html",
        status=422 if form.is_submitted() else 200,
        name=name,
        form=form,
        held=contract.held(session, organisation_id),
        consequences=consequences,
        blocked=blocked,
        copy=handback.ready(session, organisation_id, clock.now()),
        cooling=erasure.COOLING.days,
        organisation_id=organisation_id,
        crumbs=[(_("Min integritet"), url_for("privacy.index")), (name, there)],
    )


def _decide(organisation_id: UUID, form: EndingForm) -> Response | None:
    who = visitor()
    try:
        with transaction() as session:
            code = contract.request(
                session,
                who.person,
                organisation_id,
                name=who.name,
                without_copy=form.without_copy.data,
                now=clock.now(),
            )
    except Refused as refused:
        if str(refused) != "copy":
            return go(url_for("privacy.organisation", organisation_id=organisation_id))
        form.without_copy.errors = [_("Gör en kopia först, eller kryssa i att ni inte behöver en.")]
        return None
    return go(url_for("privacy.erasure_receipt", code=code))


@bp.post("/organisation/<uuid:organisation_id>/ending/cancellation")
@subject
def keep_contract(organisation_id: UUID) -> ResponseReturnValue:
    """Take the decision back while it cools off; any owner may."""
    _owned(organisation_id)
    with transaction() as session:
        undone = contract.cancel(session, visitor().person, organisation_id, clock.now())
    if undone:
        tell(_("Avslutet är ångrat. Allt är som förut."))
    return go(url_for("privacy.organisation", organisation_id=organisation_id))
