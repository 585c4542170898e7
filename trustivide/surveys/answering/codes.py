"""Opening one's answers again by receipt code: see, correct, restrict, take back."""

import hashlib
from typing import Any

from flask import Response, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core import clock
from trustivide.core.cookies import RECEIPT
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.surveys import actions, queries
from trustivide.surveys.answering.base import (
    RAW_DAYS,
    bp,
    in_language,
    options,
    other_language,
    written,
)
from trustivide.surveys.answering.comments import look
from trustivide.surveys.forms.answering import (
    ConfirmForm,
    ReceiptForm,
    as_typed,
    errors_in,
    typed_in,
)
from trustivide.surveys.respondents import CodeHolder
from trustivide.web import cookies
from trustivide.web.access import public, respondent
from trustivide.web.fragments import go, page, tell
from trustivide.web.limits import tries
from trustivide.web.locale import language


@bp.route("/receipt", methods=["GET", "POST"])
@public
@tries
def receipt() -> ResponseReturnValue:
    """Open one's answers by code; a wrong code and an unknown one are answered alike."""
    form = ReceiptForm()
    if form.validate_on_submit():
        with transaction() as session:
            opened = actions.open_answers(session, form.code.data, clock.now())
        if opened:
            response = go(url_for("answering.own_answers"))
            return cookies.keep(response, RECEIPT, form.code.data)
        form.code.errors = [
            _("Koden öppnar inga svar. Kontrollera den, eller så är svaren redan raderade.")
        ]
    status = 422 if form.is_submitted() else 200
    return page("surveys/enter_code.html", fragment="enter_code", status=status, form=form)


@bp.route("/receipt/answers", methods=["GET", "POST"])
@respondent
def own_answers() -> ResponseReturnValue:
    """See the answers, and correct them until the survey closes."""
    holder: CodeHolder = g.actor
    stored = as_typed(holder.answer_set.answers)
    if request.method == "GET":
        return _page(holder, stored)
    instrument = holder.listed.instrument
    typed = typed_in(instrument, set(instrument.by_key))
    if locale := other_language():
        return in_language(locale, lambda: _page(holder, typed))
    if errors := errors_in(instrument, typed, set(instrument.by_key)):
        return _page(holder, typed, 422, errors=errors)
    new = {k: text for k, text in written(instrument, typed).items() if text != stored.get(k)}
    telling = _telling(holder, new)
    if telling and request.form.get("seen") != _seen(new):
        return _page(holder, typed, telling=telling, seen=_seen(new))
    clean, _errors = instrument.validate(typed)
    with transaction() as session:
        actions.correct(session, holder.code, clean, clock.now())
    tell(_("Dina svar är rättade."))
    return go(url_for("answering.own_answers"))


def _page(holder: CodeHolder, typed: dict[str, str], status: int = 200, **more: Any) -> Response:
    listed = holder.listed
    return page(
        "surveys/own_answers.html",
        status=status,
        holder=holder,
        survey=listed.survey,
        instrument=listed.instrument,
        team=listed.team,
        typed=typed,
        raw_days=RAW_DAYS,
        noted=queries.rights_used(db.session(), holder.code),
        **options(listed.instrument, language()),
        **{"errors": {}, **more},
    )


def _telling(holder: CodeHolder, texts: dict[str, str]) -> list[tuple[str, str]]:
    """What in new texts could identify somebody, each once, with its kind."""
    pieces = [part for text in texts.values() for part in look(holder.listed.survey, text)]
    return list(dict.fromkeys((piece, kind) for piece, kind in pieces if kind))


def _seen(texts: dict[str, str]) -> str:
    """Stands for having been told of these very texts."""
    return hashlib.sha256("\0".join(texts.values()).encode()).hexdigest()


@bp.post("/receipt/restriction")
@respondent
def restriction() -> ResponseReturnValue:
    """Keep the answers out of the result, or let them in again, until closing."""
    holder: CodeHolder = g.actor
    restricted = request.form.get("on") is not None
    with transaction() as session:
        actions.restrict_answers(session, holder.code, clock.now(), restricted=restricted)
    tell(_("Svaren räknas inte med.") if restricted else _("Svaren räknas med igen."))
    return go(url_for("answering.own_answers"))


@bp.route("/receipt/withdrawal", methods=["GET", "POST"])
@respondent
def withdrawal() -> ResponseReturnValue:
    """Take the answers back, after saying what that means."""
    holder: CodeHolder = g.actor
    if ConfirmForm().validate_on_submit():
        with transaction() as session:
            again = actions.withdraw(session, holder.code, clock.now())
        tell(_("Svaren är borttagna."))
        response = page("surveys/withdrawn.html", again=again)
        return cookies.drop(response, RECEIPT)
    return page("surveys/withdrawal.html", holder=holder, survey=holder.listed.survey)


@bp.post("/receipt/leave")
@public
def leave() -> ResponseReturnValue:
    """Forget the code on this device."""
    response = go(url_for("answering.receipt"))
    return cookies.drop(response, RECEIPT)


@bp.errorhandler(Refused)
def refused(error: Refused) -> ResponseReturnValue:
    """The survey closed, or the answers went, while the page was open."""
    tell(_("Det går inte längre. Enkäten har stängt eller svaren är borttagna."), "attention")
    return go(url_for("answering.receipt"))
