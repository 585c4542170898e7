"""What anybody may read: the record of processing, recipients, assessments, cookies."""

import json
from typing import Any

from flask import Response, current_app, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core import clock, cookies
from trustivide.core.activities import BY_KEY, Activity
from trustivide.core.db import db
from trustivide.privacy import record
from trustivide.privacy.views.base import bp
from trustivide.web.access import found, public
from trustivide.web.fragments import page
from trustivide.web.legal import legal_html
from trustivide.web.locale import language


def _document() -> dict[str, Any]:
    return record.document(language(), current_app.config["SETTINGS"].contact_email)


@bp.get("/record")
@public
def record_page() -> ResponseReturnValue:
    """The record of processing (GDPR Art. 30), by the capacity that we act in."""
    entries = record.entries(language())
    return page(
        "privacy/record.html",
        controller=record.CONTROLLER,
        measures=record.MEASURES,
        customers=record.CUSTOMERS,
        ours=[e for e in entries if not e.activity.by_instruction],
        by_instruction=[e for e in entries if e.activity.by_instruction],
    )


@bp.get("/record.json")
@public
def record_json() -> ResponseReturnValue:
    """The record for programs, in the reader's language."""
    body = json.dumps(_document(), ensure_ascii=False, indent=1)
    return Response(body, mimetype="application/json")


@bp.get("/record.csv")
@public
def record_csv() -> ResponseReturnValue:
    """The record for a spreadsheet, one row per activity."""
    return Response(record.as_csv(_document()), mimetype="text/csv")


@bp.get("/processors")
@public
def processors() -> ResponseReturnValue:
    """Who receives data: role, country, ground and agreement."""
    return page(
        "privacy/processors.html",
        processors=record.processors(db.session(), clock.day_of(clock.now())),
    )


@bp.get("/cookies")
@public
def cookies_page() -> ResponseReturnValue:
    """Every cookie, from the register that sets them. There is nothing to say yes to."""
    secure = current_app.config["SETTINGS"].secure_cookies
    return page("privacy/cookies.html", cookies=cookies.ALL, secure=secure)


def _assessments(kind: str, title: str, lead: str) -> Response:
    return page(
        "privacy/assessments.html",
        kind=kind,
        title=title,
        lead=lead,
        activities=record.assessed(kind),
    )


def _assessment(kind: str, key: str, index: tuple[str, str]) -> Response:
    activity: Activity = found(BY_KEY.get(key))
    text = found(record.assessment(kind, activity, language()))
    return page(
        "privacy/assessment.html",
        kind=kind,
        activity=activity,
        text=text,
        body=legal_html(text.body),
        due=(due := record.review_by(text)),
        overdue=due < clock.day_of(clock.now()),
        crumbs=[index, (activity.name.in_(language()), None)],
    )


@bp.get("/balancing/")
@public
def balancing_index() -> ResponseReturnValue:
    """The balancing tests (GDPR Art. 6(1)(f))."""
    return _assessments(
        record.BALANCING,
        _("Avvägningar"),
        _("När vi stöder oss på ett berättigat intresse har vi först vägt det mot ditt."),
    )


@bp.get("/balancing/<activity>")
@public
def balancing(activity: str) -> ResponseReturnValue:
    """One balancing test."""
    index = (_("Avvägningar"), url_for("privacy.balancing_index"))
    return _assessment(record.BALANCING, activity, index)


@bp.get("/dpia/")
@public
def dpia_index() -> ResponseReturnValue:
    """The notes on data protection impact assessments (GDPR Art. 35)."""
    return _assessments(
        record.DPIA,
        _("Konsekvensbedömningar"),
        _("Där risken kan vara större har vi prövat vad som kan gå fel, och vad vi gör åt det."),
    )


@bp.get("/dpia/<activity>")
@public
def dpia(activity: str) -> ResponseReturnValue:
    """One note: whether an assessment is needed, the risks, the measures and what is left."""
    index = (_("Konsekvensbedömningar"), url_for("privacy.dpia_index"))
    return _assessment(record.DPIA, activity, index)
