"""Consents, objections and restrictions: each acts in the same second."""

import json
from uuid import UUID

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core import clock
from trustivide.core.activities import ALL
from trustivide.core.db import db, transaction
from trustivide.privacy import actions, archive, queries
from trustivide.privacy.views.base import attachment, bp, centre, person, visitor
from trustivide.rights import legal_texts
from trustivide.rights.queries import EVERYTHING
from trustivide.web.access import found, subject
from trustivide.web.fragments import go, tell
from trustivide.web.headers import gpc
from trustivide.web.locale import language


def _choices() -> Response:
    """The page of choices, or its changed part."""
    return centre(
        "choices.html",
        fragment="choices",
        choices=queries.choices(db.session(), person()),
        texts={
            a.key: legal_texts.current(a.consent_text, language()) for a in ALL if a.consent_text
        },
    )


def _chosen() -> Response:
    """After a choice: the changed part for htmx, the page anew for everybody else."""
    if request.headers.get("HX-Request") == "true":
        return _choices()
    return go(url_for("privacy.choices"))


@bp.get("/choices")
@subject
def choices() -> ResponseReturnValue:
    """Consents, objections and restrictions as they stand. Looking records nothing."""
    return _choices()


@bp.post("/consents/<activity>")
@subject
def consent(activity: str) -> ResponseReturnValue:
    """Give or withdraw a consent: the same switch, the same number of clicks."""
    concerned, on = found(queries.asks_consent(activity)), "on" in request.form
    with transaction() as session:
        actions.set_consent(
            session,
            person(),
            concerned,
            legal_texts.current(concerned.consent_text, language()),
            clock.now(),
            on=on,
            collected_by="privacy_centre",
            gpc_seen=gpc(),
        )
    tell(_("Tack, ditt ja är sparat.") if on else _("Ditt nej gäller från och med nu."))
    return _chosen()


@bp.post("/objections/<activity>")
@subject
def objection(activity: str) -> ResponseReturnValue:
    """Object to an activity, or take the objection back (GDPR Art. 21)."""
    concerned, on = found(queries.may_object(person(), activity)), "on" in request.form
    who = visitor()
    with transaction() as session:
        actions.set_objection(
            session,
            who.person,
            concerned,
            clock.now(),
            on=on,
            reason=request.form.get("reason"),
            address=who.address,
            name=who.name or None,
            locale=who.locale,
        )
    tell(_("Din invändning gäller från och med nu.") if on else _("Invändningen är återtagen."))
    return _chosen()


@bp.post("/restrictions/<activity>")
@subject
def restriction(activity: str) -> ResponseReturnValue:
    """Hold back the use of data, for one activity or for all (GDPR Art. 18)."""
    concerned = None
    if activity != EVERYTHING:
        concerned = found(queries.may_restrict(person(), activity))
    on = "on" in request.form
    with transaction() as session:
        actions.set_restriction(session, person(), concerned, clock.now(), on=on)
    tell(_("Uppgifterna lagras, men används inte.") if on else _("Begränsningen är upphävd."))
    return _chosen()


@bp.get("/consents/records/<uuid:record>.json")
@subject
def consent_record(record: UUID) -> ResponseReturnValue:
    """One consent record to keep (fields of ISO/IEC TS 27560:2023)."""
    held = found(queries.consent_record(db.session(), person(), record))
    hidden = {"reference"}
    body = {
        c.key: archive.plain_value(getattr(held, c.key))
        for c in held.__mapper__.column_attrs
        if c.key not in hidden
    }
    return attachment(json.dumps(body, ensure_ascii=False, indent=1), f"samtycke-{record}.json")
