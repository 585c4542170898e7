"""Answering a survey by link, and opening one's answers again by receipt code.

Opening a link, however often and by whatever scanner, changes nothing: only
POST does. Nothing here starts a session that names an invitation.
"""

from functools import lru_cache
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, current_app, g, make_response, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from itsdangerous import BadSignature, URLSafeSerializer
from markupsafe import Markup, escape

from trustivide.core import clock
from trustivide.core.activities import SURVEY_ANSWERS
from trustivide.core.cookies import RECEIPT, SURVEY_DRAFT, SURVEY_LINK
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.rights import legal_texts
from trustivide.rights.ledger import ledger
from trustivide.rights.legal_texts import LegalText
from trustivide.surveys import actions, anonymity, queries
from trustivide.surveys.catalogue import BOTH, CANT_SAY, MISSING, MULTIPLE, TOO_LONG, Instrument
from trustivide.surveys.forms.answering import ConfirmForm, ReceiptForm
from trustivide.surveys.models import Survey
from trustivide.surveys.respondents import CodeHolder, Respondent
from trustivide.web import cookies
from trustivide.web.access import public, respondent
from trustivide.web.fragments import go, page, tell
from trustivide.web.legal import legal_html
from trustivide.web.limits import tries
from trustivide.web.locale import language, last_day

bp = Blueprint("answering", __name__, url_prefix="/s")

RAW_DAYS = SURVEY_ANSWERS.retention.days if SURVEY_ANSWERS.retention else None


@bp.get("/<token>")
@public
def enter(token: str) -> ResponseReturnValue:
    """Swap the link for a cookie and go on at an address without it."""
    survey = queries.survey_of_link(db.session(), token)
    if survey is None:
        return page("surveys/no_link.html", status=404)
    response = go(url_for("answering.intro", survey_id=survey.id))
    response.headers["Referrer-Policy"] = "no-referrer"
    return cookies.keep(response, SURVEY_LINK, token, survey.id)


@lru_cache(maxsize=8)
def _notice(text: LegalText) -> tuple[Markup, Markup]:
    """The notice's five lines and what stands below them, as HTML that isn't filled in yet."""
    short, _sep, long = text.body.partition("\n## ")
    return legal_html(short), legal_html("## " + long)


def who_sees_what(survey: Survey) -> tuple[Markup, Markup]:
    """The five lines, filled for this survey, and the long explanation below them.

    The Markdown is rendered first and the values go in escaped, so that a
    team's name stays text.
    """
    short, long = _notice(legal_texts.current("survey-notice", language()))
    team, organisation = queries.asked_by(db.session(), survey)
    values = {
        "organisation": organisation.name,
        "team": team.name,
        "k": survey.k,
        "closes": last_day(survey.closes_at),
        "raw_days": RAW_DAYS,
    }
    filled = {name: escape(value) for name, value in values.items()}
    return (
        Markup(short.format(**filled)),  # nosec B704 # noqa: S704
        Markup(long.format(**filled)),  # nosec B704 # noqa: S704
    )


@lru_cache(maxsize=256)
def _options(instrument: Instrument, locale: str) -> dict[str, Any]:
    """Each item's options by its key, in order, and their words by their value."""
    options = {
        item.key: [(value, label.in_(locale) if label else value) for value, label in item.scale]
        for item in instrument.items
    }
    return {"options": options, "labels": {key: dict(found) for key, found in options.items()}}


def _context(holder: Respondent) -> dict[str, Any]:
    instrument = holder.instrument
    return {
        **_options(instrument, language()),
        "survey": holder.survey,
        "instrument": instrument,
    }


def _asked_by(holder: Respondent) -> dict[str, Any]:
    team, organisation = queries.asked_by(db.session(), holder.survey)
    return {"team": team, "organisation": organisation}


def _gone(holder: Respondent) -> ResponseReturnValue | None:
    """The page for a survey that is closed or that this link has answered."""
    if holder.survey.closed_at is not None:
        return _closed(holder)
    if queries.has_answered(db.session(), holder.token):
        return page("surveys/already.html", status=409, **_context(holder))
    return None


def _closed(holder: Respondent) -> Response:
    return page("surveys/closed.html", status=410, **_context(holder), **_asked_by(holder))


@bp.get("/survey/<uuid:survey_id>")
@respondent
def intro(survey_id: UUID) -> ResponseReturnValue:
    """Who asks, and who sees what, before the first question."""
    holder: Respondent = g.actor
    if gone := _gone(holder):
        return gone
    lines, explanation = who_sees_what(holder.survey)
    return page(
        "surveys/intro.html",
        lines=lines,
        explanation=explanation,
        begun=bool(holder.draft),
        **_context(holder),
        **_asked_by(holder),
    )


@bp.route("/survey/<uuid:survey_id>/<int:number>", methods=["GET", "POST"])
@respondent
def section(survey_id: UUID, number: int) -> ResponseReturnValue:
    """One section of questions; going on saves it on this device."""
    holder: Respondent = g.actor
    if gone := _gone(holder):
        return gone
    sections = holder.instrument.sections
    if not 1 <= number <= len(sections):
        return go(url_for("answering.intro", survey_id=survey_id))
    here = sections[number - 1]
    typed, errors = holder.draft, {}
    if request.method == "POST":
        typed = typed | _typed(holder.instrument, {item.key for item in here.items})
        errors = _errors(holder.instrument, typed, {item.key for item in here.items})
        if not errors:
            target = _next(survey_id, number, len(sections))
            return _saved(holder, typed, go(target))
    return page(
        "surveys/section.html",
        status=422 if errors else 200,
        section=here,
        number=number,
        typed=typed,
        errors=errors,
        **_context(holder),
    )


@bp.post("/survey/<uuid:survey_id>/draft")
@respondent
def draft(survey_id: UUID) -> ResponseReturnValue:
    """Save what is filled in so far, as one types; nothing has to be complete."""
    holder: Respondent = g.actor
    if _gone(holder):
        return "", 409
    keys = set(holder.instrument.by_key)
    return _saved(holder, holder.draft | _typed(holder.instrument, keys), make_response("", 204))


def _typed(instrument: Instrument, keys: set[str]) -> dict[str, str]:
    """What the form says of these items; several options come with commas between."""
    typed = {}
    for key in keys & set(request.form):
        item = instrument.by_key.get(key)
        several = item is not None and item.kind == MULTIPLE
        chosen = [value for value in request.form.getlist(key) if value]
        typed[key] = ",".join(chosen) if several else request.form[key]
    return typed


def _errors(instrument: Instrument, typed: dict[str, str], keys: set[str]) -> dict[str, str]:
    _clean, errors = instrument.validate(typed)
    return {key: _explain(error) for key, error in errors.items() if key in keys}


def _explain(error: str) -> str:
    words = {
        MISSING: _("Välj ett svar. ”Kan inte svara” är också ett svar."),
        BOTH: _("Välj antingen svar eller ”Kan inte svara”, inte både och."),
        TOO_LONG: _("Högst 5 000 tecken får plats. Korta texten."),
    }
    return words.get(error, _("Välj ett av svaren."))


def _next(survey_id: UUID, number: int, last: int) -> str:
    if request.form.get("go") == "back":
        if number == 1:
            return url_for("answering.intro", survey_id=survey_id)
        return url_for("answering.section", survey_id=survey_id, number=number - 1)
    if number == last:
        return url_for("answering.review", survey_id=survey_id)
    return url_for("answering.section", survey_id=survey_id, number=number + 1)


def _saved(holder: Respondent, typed: dict[str, str], response: Response) -> Response:
    cookie = holder.draft_cookie or anonymity.new_draft_cookie()
    survey_id = holder.survey.id
    with transaction() as session:
        actions.save_draft(session, survey_id, cookie, typed)
    return cookies.keep(response, SURVEY_DRAFT, cookie, survey_id)


# The receipt code is made at the review step and carried in a signed field that
# is bound to the slot: a double click returns the same receipt, and a code that
# the client chose is refused.


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], "receipt-code")


def _signed_code(token: str) -> str:
    slot = anonymity.slot_of(token).hex()
    return str(_serializer().dumps([slot, anonymity.new_receipt_code()]))


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
        typed = _typed(holder.instrument, set(request.form) - {"csrf_token", "receipt"})
        if holder.survey.closed_at is None:
            return _submit(holder, typed)
    if gone := _gone(holder):
        return gone
    return _review_page(holder, typed, 200)


def _review_page(holder: Respondent, typed: dict[str, str], status: int) -> Response:
    _clean, errors = holder.instrument.validate(typed)
    return page(
        "surveys/review.html",
        status=status,
        typed=typed,
        errors={key: _explain(error) for key, error in errors.items()},
        receipt=_signed_code(holder.token),
        **_context(holder),
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
        return page("surveys/already.html", status=409, **_context(holder))
    except actions.Closed:
        return _closed(holder)
    response = page("surveys/receipt.html", code=code, raw_days=RAW_DAYS, **_context(holder))
    return cookies.drop(response, SURVEY_DRAFT, survey_id)


@bp.get("/how-it-works")
@public
def how_it_works() -> ResponseReturnValue:
    """How anonymity is kept, and what it doesn't stop."""
    text = legal_texts.current("survey-notice", language())
    _short, _sep, long = text.body.partition("\n## ")
    return page(
        "surveys/how_it_works.html", explanation=legal_html("## " + long.replace("{k}", "5"))
    )


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
    survey, instrument = holder.listed.survey, holder.listed.instrument
    typed = _as_typed(holder.answer_set.answers)
    errors: dict[str, str] = {}
    if request.method == "POST":
        typed = _typed(instrument, set(instrument.by_key))
        clean, found = instrument.validate(typed)
        errors = {key: _explain(error) for key, error in found.items()}
        if not errors:
            with transaction() as session:
                actions.correct(session, holder.code, clean, clock.now())
            tell(_("Dina svar är rättade."))
            return go(url_for("answering.own_answers"))
    return page(
        "surveys/own_answers.html",
        status=422 if errors else 200,
        holder=holder,
        survey=survey,
        instrument=instrument,
        team=holder.listed.team,
        typed=typed,
        errors=errors,
        raw_days=RAW_DAYS,
        noted=queries.rights_used(db.session(), holder.code),
        **_options(instrument, language()),
    )


def _as_typed(answers: dict[str, Any]) -> dict[str, str]:
    return {
        key: CANT_SAY
        if value is None
        else ",".join(value)
        if isinstance(value, list)
        else str(value)
        for key, value in answers.items()
    }


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
