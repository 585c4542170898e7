"""Erasing: what would go, deciding it, taking it back, and the receipt."""

import json
from datetime import date, datetime
from typing import Any

from flask import Response, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.privacy import access, erasure, queries, receipt
from trustivide.privacy.forms import ErasureForm, ReceiptForm
from trustivide.privacy.models import Erasure
from trustivide.privacy.views.base import bp, centre, person, verify_first, visitor
from trustivide.privacy.views.printed import receipt_pdf
from trustivide.web.access import found, public, subject
from trustivide.web.files import attachment
from trustivide.web.fragments import go, page, tell
from trustivide.web.locale import language


@bp.route("/erasure", methods=["GET", "POST"])
@subject
def erase() -> ResponseReturnValue:
    """What erasing would do; then, confirmed, deciding it."""
    who = visitor()
    form, session = ErasureForm(), db.session()
    form.code.data = form.code.data or receipt.seal(receipt.new_code())
    pending = queries.pending_erasure(session, who.person)
    if pending is None and (away := verify_first("privacy.erase")):
        return away
    planned = erasure.plan(session, who.person)
    if pending is None and not planned.is_blocked and form.validate_on_submit():
        return _decide(who, receipt.unseal(form.code.data) or receipt.new_code())
    if pending is not None and (code := receipt.unseal(form.code.data)) and _is_of(code, pending):
        return _decided(who, code)
    status = 422 if form.is_submitted() else 200
    held = queries.held_erasure(session, who.person)
    context = {"plan": planned, "pending": pending, "held": held, "form": form}
    return centre("erase.html", status=status, cooling=erasure.COOLING.days, **context)


def _decide(who: access.Visitor, code: str) -> Response:
    try:
        with transaction() as session:
            erasure.request(
                session,
                who.person,
                address=who.address,
                name=who.name,
                locale=who.locale,
                now=clock.now(),
                code=code,
            )
    except Refused:
        # Pressed twice: the first press made the receipt that this page promised.
        pending = queries.pending_erasure(db.session(), who.person)
        if pending is None or not _is_of(code, pending):
            return go(url_for("privacy.erase"))
    return _decided(who, code)


def _is_of(code: str, pending: Erasure) -> bool:
    return pending.code_digest in receipt.code_digests(code)


def _decided(who: access.Visitor, code: str) -> Response:
    response = go(url_for("privacy.erasure_receipt", code=code))
    return response if who.user else access.end(response)


@bp.post("/erasure/cancellation")
@subject
def cancel_erasure() -> ResponseReturnValue:
    """Take the decision back while it cools off."""
    with transaction() as session:
        undone = erasure.cancel(session, person(), clock.now())
    if undone:
        tell(_("Raderingen är ångrad. Allt är som förut."))
    return go(url_for("privacy.index"))


@bp.get("/receipt/<code>")
@public
def erasure_receipt(code: str) -> ResponseReturnValue:
    """How far an erasure has come, then its receipt, for whoever holds the code."""
    held = found(erasure.by_code(db.session(), code))
    body = receipt.of(db.session(), held)
    return page(
        "privacy/receipt.html",
        fragment="progress",
        code=code,
        erasure=held,
        receipt=body,
        genuine=receipt.is_genuine(body),
        lines=receipt.lines(body) if body else [],
        remaining=receipt.remaining(body) if body else [],
        told=receipt.told(body) if body else [],
        read_moment=datetime.fromisoformat,
        read_day=date.fromisoformat,
        in_words=lambda both: both[language()],
    )


@bp.get("/receipt/<code>.json")
@public
def receipt_file(code: str) -> ResponseReturnValue:
    """The signed receipt to keep."""
    body = _receipt(code)
    signed = json.dumps(body, ensure_ascii=False, indent=1, sort_keys=True)
    return attachment(signed, f"kvitto-{body['id']}.json")


@bp.get("/receipt/<code>.pdf")
@public
def receipt_print(code: str) -> ResponseReturnValue:
    """The receipt to read and to print, with the signed one inside."""
    body = _receipt(code)
    return attachment(receipt_pdf(body), f"kvitto-{body['id']}.pdf", "application/pdf")


def _receipt(code: str) -> dict[str, Any]:
    held = found(erasure.by_code(db.session(), code))
    body: dict[str, Any] = found(receipt.of(db.session(), held))
    return body


@bp.route("/receipt", methods=["GET", "POST"])
@public
def check_receipt() -> ResponseReturnValue:
    """Whether a receipt that somebody shows was signed here and is unchanged."""
    form, genuine = ReceiptForm(), None
    if form.validate_on_submit():
        genuine = receipt.is_genuine_text(form.receipt.data)
    status = 422 if form.is_submitted() and genuine is None else 200
    return page(
        "privacy/check_receipt.html", fragment="check", status=status, form=form, genuine=genuine
    )
