"""Erasing: what would go, deciding it, taking it back, and the receipt."""

import json
from datetime import date, datetime

from flask import Response, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.privacy import access, erasure, queries, receipt
from trustivide.privacy.forms import ErasureForm, ReceiptForm
from trustivide.privacy.views.base import attachment, bp, centre, person, verify_first, visitor
from trustivide.web.access import found, public, subject
from trustivide.web.fragments import go, page, tell
from trustivide.web.locale import language


@bp.route("/erasure", methods=["GET", "POST"])
@subject
def erase() -> ResponseReturnValue:
    """What erasing would do; then, confirmed, deciding it."""
    who = visitor()
    form, session = ErasureForm(), db.session()
    pending = queries.pending_erasure(session, who.person)
    if pending is None and (away := verify_first("privacy.erase")):
        return away
    planned = erasure.plan(session, who.person)
    if pending is None and not planned.is_blocked and form.validate_on_submit():
        return _decide(who)
    status = 422 if form.is_submitted() else 200
    context = {"plan": planned, "pending": pending, "form": form}
    return centre("erase.html", status=status, cooling=erasure.COOLING.days, **context)


def _decide(who: access.Visitor) -> Response:
    try:
        with transaction() as session:
            code = erasure.request(
                session,
                who.person,
                address=who.address,
                name=who.name,
                locale=who.locale,
                now=clock.now(),
            )
    except Refused:
        return go(url_for("privacy.erase"))
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
    return page(
        "privacy/receipt.html",
        fragment="progress",
        code=code,
        erasure=held,
        receipt=held.receipt,
        genuine=receipt.is_genuine(held.receipt),
        lines=receipt.lines(held.receipt) if held.receipt else [],
        read_moment=datetime.fromisoformat,
        read_day=date.fromisoformat,
        in_words=lambda both: both[language()],
    )


@bp.get("/receipt/<code>.json")
@public
def receipt_file(code: str) -> ResponseReturnValue:
    """The signed receipt to keep."""
    held = found(erasure.by_code(db.session(), code))
    body = json.dumps(found(held.receipt), ensure_ascii=False, indent=1, sort_keys=True)
    return attachment(body, f"kvitto-{held.id}.json")


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
