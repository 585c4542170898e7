"""What the pages of answering share: the blueprint, what pages show, and saving a draft.

Opening a page, however often and by whatever scanner, changes nothing: only
POST does. Nothing here starts a session that names an invitation.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import force_locale

from trustivide.core.activities import SURVEY_ANSWERS
from trustivide.core.cookies import LANGUAGE, SURVEY_DRAFT
from trustivide.core.db import db, transaction
from trustivide.surveys import actions, anonymity, queries
from trustivide.surveys.catalogue import ON_ONE_PAGE, TEXT, Instrument, Section
from trustivide.surveys.forms.answering import edit
from trustivide.surveys.respondents import Respondent
from trustivide.web import cookies
from trustivide.web.fragments import page
from trustivide.web.locale import LOCALES, language

bp = Blueprint("answering", __name__, url_prefix="/s")

RAW_DAYS = SURVEY_ANSWERS.retention.days if SURVEY_ANSWERS.retention else None


def screens_of(instrument: Instrument) -> tuple[tuple[Section, ...], ...]:
    """The sections that are asked together, in order: each alone, or all on one page."""
    if instrument.layout == ON_ONE_PAGE:
        return (instrument.sections,)
    return tuple((section,) for section in instrument.sections)


@lru_cache(maxsize=256)
def options(instrument: Instrument, locale: str) -> dict[str, Any]:
    """Each item's options by its key, in order, and their words by their value."""
    found = {
        item.key: [(value, label.in_(locale) if label else value) for value, label in item.scale]
        for item in instrument.items
    }
    return {"options": found, "labels": {key: dict(pairs) for key, pairs in found.items()}}


def context(holder: Respondent) -> dict[str, Any]:
    """The survey with its instrument, for every page of answering it."""
    instrument = holder.instrument
    return {
        **options(instrument, language()),
        "survey": holder.survey,
        "instrument": instrument,
    }


def asked_by(holder: Respondent) -> dict[str, Any]:
    """Who asks whom."""
    team, organisation = queries.asked_by(db.session(), holder.survey)
    return {"team": team, "organisation": organisation}


def written(instrument: Instrument, typed: dict[str, str]) -> dict[str, str]:
    """The texts among the answers that say something, by item key, in order."""
    texts = {item.key: typed.get(item.key, "") for item in instrument.items if item.kind == TEXT}
    return {key: text for key, text in texts.items() if text.strip()}


def is_over(holder: Respondent) -> bool:
    """Whether nothing can be submitted with this link: the survey is closed, or it was used."""
    return holder.survey.closed_at is not None or queries.has_answered(db.session(), holder.token)


def over(holder: Respondent) -> Response | None:
    """The page that says so, or ``None`` while there is something to answer."""
    if not is_over(holder):
        return None
    return closed(holder) if holder.survey.closed_at is not None else already(holder)


def closed(holder: Respondent) -> Response:
    """The survey takes no more answers."""
    return page("surveys/closed.html", status=410, **context(holder), **asked_by(holder))


def already(holder: Respondent) -> Response:
    """The link has been used."""
    return page("surveys/already.html", status=409, **context(holder))


def save(holder: Respondent, typed: dict[str, str], response: Response) -> Response:
    """Keep what was typed on this device, then give ``response``; nothing has to be complete."""
    cookie = holder.draft_cookie or anonymity.new_draft_cookie()
    survey_id = holder.survey.id
    try:
        with transaction() as session:
            actions.save_draft(session, survey_id, cookie, typed, edit(), token=holder.token)
    except actions.AlreadyAnswered:
        return already(holder)
    return cookies.keep(response, SURVEY_DRAFT, cookie, survey_id)


def with_draft_cookie(holder: Respondent, response: Response) -> Response:
    """Give this device its draft's key before it saves anything.

    Without one, the first two saves, of as one types and of going on, would make
    a draft each, and the browser would keep the key of whichever answered last.
    """
    cookie = holder.draft_cookie or anonymity.new_draft_cookie()
    return cookies.keep(response, SURVEY_DRAFT, cookie, holder.survey.id)


def other_language() -> str | None:
    """The language that a form's own button asks for; what is typed travels with it."""
    chosen = request.form.get("lang")
    return chosen if chosen in LOCALES else None


def in_language(locale: str, make: Callable[[], Response]) -> Response:
    """The page that ``make`` gives, in the language ``locale``, which is kept from then on."""
    with force_locale(locale):
        response = make()
    return cookies.keep(response, LANGUAGE, locale)
