"""From the mailed link to the last question."""

from functools import lru_cache
from uuid import UUID

from flask import Response, g, make_response, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape
from werkzeug.exceptions import NotFound

from trustivide.core.cookies import LANGUAGE, SURVEY_LINK
from trustivide.core.db import db
from trustivide.rights import legal_texts
from trustivide.rights.legal_texts import LegalText
from trustivide.surveys import queries
from trustivide.surveys.answering.base import (
    RAW_DAYS,
    asked_by,
    bp,
    context,
    is_over,
    other_language,
    over,
    save,
    screens_of,
    with_draft_cookie,
    written,
)
from trustivide.surveys.catalogue import Instrument
from trustivide.surveys.forms.answering import ReceiptForm, errors_in, typed_in
from trustivide.surveys.models import Survey
from trustivide.surveys.respondents import Respondent
from trustivide.surveys.round_queries import rhythm_of
from trustivide.surveys.views.words import evaluated_in_words
from trustivide.web import cookies
from trustivide.web.access import public, respondent
from trustivide.web.fragments import go, page
from trustivide.web.legal import legal_html
from trustivide.web.locale import language, last_day


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


@bp.get("/survey/<uuid:survey_id>")
@respondent
def intro(survey_id: UUID) -> ResponseReturnValue:
    """Who asks, and who sees what, before the first question."""
    holder: Respondent = g.actor
    if gone := over(holder):
        return gone
    lines, explanation = who_sees_what(holder.survey)
    draft = holder.draft
    return page(
        "surveys/intro.html",
        lines=lines,
        explanation=explanation,
        begun=bool(draft),
        go_on=_where_one_was(holder, draft),
        rhythm=rhythm_of(db.session(), holder.survey),
        evaluated=evaluated_in_words(holder.survey),
        **context(holder),
        **asked_by(holder),
    )


def _where_one_was(holder: Respondent, draft: dict[str, str]) -> str:
    """The first screen that lacks an answer, else where everything is looked over."""
    errors = errors_in(holder.instrument, draft, set(holder.instrument.by_key))
    for number, screen in enumerate(screens_of(holder.instrument), start=1):
        if not draft or any(item.key in errors for section in screen for item in section.items):
            return url_for("answering.section", survey_id=holder.survey.id, number=number)
    return url_for("answering.review", survey_id=holder.survey.id)


@bp.route("/survey/<uuid:survey_id>/<int:number>", methods=["GET", "POST"])
@respondent
def section(survey_id: UUID, number: int) -> ResponseReturnValue:
    """One screen of questions. Whichever way one leaves it by a button, what is typed is saved."""
    holder: Respondent = g.actor
    if gone := over(holder):
        return gone
    screens = screens_of(holder.instrument)
    if not 1 <= number <= len(screens):
        return go(url_for("answering.intro", survey_id=survey_id))
    if request.method == "GET":
        return with_draft_cookie(holder, _screen(holder, number, holder.draft, {}))
    keys = {item.key for part in screens[number - 1] for item in part.items}
    typed = typed_in(holder.instrument, keys)
    if locale := other_language():
        response = cookies.keep(go(request.path), LANGUAGE, locale)
    elif request.form.get("go") == "back":
        response = go(_before(survey_id, number))
    else:
        merged = holder.draft | typed
        errors = errors_in(holder.instrument, merged, keys)
        if errors:
            response = _screen(holder, number, merged, errors)
        else:
            response = go(_after(holder.instrument, survey_id, number, merged))
    return save(holder, typed, response)


def _screen(
    holder: Respondent, number: int, typed: dict[str, str], errors: dict[str, str]
) -> Response:
    # Progress counts parts, not answers: it moves one step for each part, both ways, whether
    # one answers or leaves out, and the step for texts, which not everybody gets, adds none.
    screens = screens_of(holder.instrument)
    return page(
        "surveys/section.html",
        status=422 if errors else 200,
        sections=screens[number - 1],
        number=number,
        count=len(screens),
        complete=number < len(screens) and not holder.instrument.validate(typed)[1],
        typed=typed,
        errors=errors,
        **context(holder),
    )


def _before(survey_id: UUID, number: int) -> str:
    if number == 1:
        return url_for("answering.intro", survey_id=survey_id)
    return url_for("answering.section", survey_id=survey_id, number=number - 1)


def _after(instrument: Instrument, survey_id: UUID, number: int, typed: dict[str, str]) -> str:
    """The next screen; after the last the texts, if there are any, and then the review.

    Whoever came back from there to change something goes back there, by the
    texts if it is one of those that they may have changed.
    """
    screens = screens_of(instrument)
    if number < len(screens) and request.form.get("go") != "review":
        return url_for("answering.section", survey_id=survey_id, number=number + 1)
    here = {item.key for part in screens[number - 1] for item in part.items}
    texts = set(written(instrument, typed))
    to_texts = texts & here if request.form.get("go") == "review" else texts
    return url_for(f"answering.{'comments' if to_texts else 'review'}", survey_id=survey_id)


@bp.post("/survey/<uuid:survey_id>/draft")
@respondent
def draft(survey_id: UUID) -> ResponseReturnValue:
    """Save what is filled in so far, as one types; nothing has to be complete."""
    holder: Respondent = g.actor
    if is_over(holder):
        return "", 409
    typed = typed_in(holder.instrument, set(holder.instrument.by_key))
    return save(holder, typed, make_response("", 204))


@bp.get("/how-it-works")
@public
def how_it_works() -> ResponseReturnValue:
    """How anonymity is kept, and what it doesn't stop."""
    text = legal_texts.current("survey-notice", language())
    _short, _sep, long = text.body.partition("\n## ")
    return page(
        "surveys/how_it_works.html", explanation=legal_html("## " + long.replace("{k}", "5"))
    )


@bp.errorhandler(NotFound)
def lost(error: NotFound) -> ResponseReturnValue:
    """A link or a code that this browser doesn't hold, or not any more."""
    if (request.view_args or {}).get("survey_id"):
        return page("surveys/no_link.html", status=404)
    form = ReceiptForm(formdata=None)
    return page("surveys/enter_code.html", status=404, form=form, forgotten=True)
