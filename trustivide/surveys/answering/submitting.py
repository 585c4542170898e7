"""Looking everything over, submitting, and the receipt.

The receipt code is made at the review step and carried in a signed field that
is bound to the slot: a double click returns the same receipt, and a code that
the client chose is refused.
"""

from uuid import UUID

from flask import Response, current_app, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from itsdangerous import BadSignature, URLSafeSerializer

from trustivide.core.cookies import SURVEY_DRAFT
from trustivide.core.db import db
from trustivide.rights.ledger import ledger
from trustivide.surveys import actions, anonymity, queries
from trustivide.surveys.answering.base import (
    RAW_DAYS,
    already,
    bp,
    closed,
    context,
    in_language,
    other_language,
    over,
    screens_of,
    written,
)
from trustivide.surveys.forms.answering import errors_in, typed_in
from trustivide.surveys.respondents import Respondent
from trustivide.web import cookies
from trustivide.web.access import respondent
from trustivide.web.fragments import go, page


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], "receipt-code")


def _signed(code: str, token: str) -> str:
    return str(_serializer().dumps([anonymity.slot_of(token).hex(), code]))


def _code_from(signed: str, token: str) -> str | None:
    try:
        slot, code = _serializer().loads(signed)
    except (BadSignature, ValueError, TypeError):
        return None
    return str(code) if slot == anonymity.slot_of(token).hex() else None


@bp.route("/survey/<uuid:survey_id>/review", methods=["GET", "POST"])
@respondent
def review(survey_id: UUID) -> ResponseReturnValue:
    """Look everything over, then submit; the answer is 200 with the receipt code."""
    holder: Respondent = g.actor
    typed = holder.draft
    if request.method == "POST":
        typed = typed_in(holder.instrument, set(holder.instrument.by_key))
        if holder.survey.closed_at is None:
            return _submit(holder, typed)
    if gone := over(holder):
        return gone
    return _review_page(holder, typed, 200)


def _review_page(holder: Respondent, typed: dict[str, str], status: int) -> Response:
    screens = screens_of(holder.instrument)
    errors = errors_in(holder.instrument, typed, set(holder.instrument.by_key))
    survey_id, last = holder.survey.id, len(screens)
    return page(
        "surveys/review.html",
        status=status,
        typed=typed,
        errors=errors,
        refused=status == 422 and not errors,
        receipt=_signed(anonymity.new_receipt_code(), holder.token),
        numbers={part.key: n for n, screen in enumerate(screens, 1) for part in screen},
        before=url_for("answering.comments", survey_id=survey_id)
        if written(holder.instrument, typed)
        else url_for("answering.section", survey_id=survey_id, number=last),
        **context(holder),
    )


def _submit(holder: Respondent, typed: dict[str, str]) -> ResponseReturnValue:
    clean, errors = holder.instrument.validate(typed)
    code = _code_from(request.form.get("receipt", ""), holder.token)
    if errors or code is None or ledger().is_withdrawn(anonymity.receipt_of(code)):
        return _review_page(holder, typed, 422)
    survey_id = holder.survey.id
    try:
        actions.submit(survey_id, holder.token, code, clean, holder.draft_cookie)
    except actions.AlreadyAnswered:
        return already(holder)
    except actions.Closed:
        return closed(holder)
    return cookies.drop(_receipt_page(holder, code), SURVEY_DRAFT, survey_id)


def _receipt_page(holder: Respondent, code: str) -> Response:
    return page(
        "surveys/receipt.html",
        code=code,
        receipt=_signed(code, holder.token),
        raw_days=RAW_DAYS,
        address=_address(),
        **context(holder),
    )


def _address() -> str:
    """Where a receipt code is entered, in full, for paper."""
    settings = current_app.config["SETTINGS"]
    return str(settings.public_url) + url_for("answering.receipt")


@bp.post("/survey/<uuid:survey_id>/receipt")
@respondent
def kept_receipt(survey_id: UUID) -> ResponseReturnValue:
    """The receipt anew, for the page that shows it: in the other language, or as a file to keep.

    The code travels in the form, so that it stands in no address and no log.
    """
    holder: Respondent = g.actor
    code = _code_from(request.form.get("receipt", ""), holder.token)
    if code is None or not queries.holds(db.session(), holder.token, code):
        return over(holder) or go(url_for("answering.intro", survey_id=survey_id))
    if locale := other_language():
        return in_language(locale, lambda: _receipt_page(holder, code))
    text = render_template(
        "surveys/receipt.txt",
        code=code,
        raw_days=RAW_DAYS,
        address=_address(),
        **context(holder),
    )
    response = Response(text, mimetype="text/plain")
    name = _("kvittokod")
    response.headers["Content-Disposition"] = f"attachment; filename={name}.txt"
    response.headers["Cache-Control"] = "no-store"
    return response
