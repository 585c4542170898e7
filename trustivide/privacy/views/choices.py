"""Consents, objections and restrictions: each acts in the same second."""

import json
from uuid import UUID

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.auth.models import User
from trustivide.core import clock, inventory
from trustivide.core.activities import ALL, MARKETING_PHONE, Activity
from trustivide.core.db import db, transaction
from trustivide.core.inventory import Field, Group
from trustivide.privacy import actions, queries
from trustivide.privacy.forms import corrected, correction_form, objection_form
from trustivide.privacy.views.base import bp, centre, person, visitor
from trustivide.rights import legal_texts
from trustivide.rights.queries import EVERYTHING
from trustivide.rights.receipts import receipt, schema
from trustivide.web.access import found, public, subject
from trustivide.web.files import attachment
from trustivide.web.forms import Form
from trustivide.web.fragments import go, tell
from trustivide.web.headers import gpc
from trustivide.web.locale import language


def _choices(status: int = 200, **refused: Form) -> Response:
    """The page of choices, or its changed part; ``refused`` forms keep what was typed."""
    standing = queries.choices(db.session(), person())
    reasons = {s.activity.key: objection_form(s.activity, blank=True) for s in standing.objections}
    return centre(
        "choices.html",
        fragment="choices",
        status=status,
        choices=standing,
        reasons=reasons | refused,
        number=refused.get(MARKETING_PHONE.key) or _number_form(MARKETING_PHONE),
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
    """Give, refuse or withdraw a consent: the same switch, the same number of clicks."""
    concerned, on = found(queries.asks_consent(person(), activity)), "on" in request.form
    number = _number_form(concerned) if on else None
    if number is not None and not number.validate():
        return _choices(422, **{concerned.key: number})
    with transaction() as session:
        if number is not None:
            group, field = _phone()
            mine = found(person().user_id)
            actions.correct(session, person(), group, mine, field, corrected(number), clock.now())
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


def _phone() -> tuple[Group, Field]:
    group = found(inventory.group_named(User.__tablename__))
    return group, found(queries.correctable(group, "phone"))


def _number_form(activity: Activity) -> Form | None:
    """Asks for the number beside a yes to being called, where there is none yet."""
    user = visitor().user
    if activity != MARKETING_PHONE or user is None or user.phone is not None:
        return None
    return correction_form(_phone()[1], None, demanded=True)


@bp.post("/objections/<activity>")
@subject
def objection(activity: str) -> ResponseReturnValue:
    """Object to an activity and say why, or take the objection back (GDPR Art. 21)."""
    concerned, on = found(queries.may_object(person(), activity)), "on" in request.form
    who, form = visitor(), objection_form(concerned)
    if on and not form.validate():
        return _choices(422, **{concerned.key: form})
    with transaction() as session:
        actions.set_objection(
            session,
            who.person,
            concerned,
            clock.now(),
            on=on,
            reason=form.reason.data,
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
    body = json.dumps(receipt(held), ensure_ascii=False, indent=1)
    return attachment(body, f"samtycke-{record}.json")


@bp.get("/consents/records/schema.json")
@public
def consent_schema() -> ResponseReturnValue:
    """What the fields of such a record mean (JSON Schema)."""
    body = json.dumps(schema(), ensure_ascii=False, indent=1)
    return Response(body, mimetype="application/schema+json")
