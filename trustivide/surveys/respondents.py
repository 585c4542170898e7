"""Who holds a survey link or a receipt code: two cookies that never meet.

A link's cookie is a right to answer, never a login. A code's cookie opens one
answer set. Neither is a session of the product, and no row is written for them.
"""

from dataclasses import dataclass
from uuid import UUID

from flask import request
from werkzeug.exceptions import NotFound

from trustivide.core.cookies import RECEIPT, SURVEY_DRAFT, SURVEY_LINK
from trustivide.core.db import db
from trustivide.surveys import queries
from trustivide.surveys.catalogue import Instrument
from trustivide.surveys.models import AnswerSet, Survey
from trustivide.surveys.queries import Listed
from trustivide.web import cookies


@dataclass(frozen=True)
class Respondent:
    """The holder of a valid link, and where their draft is."""

    survey: Survey
    token: str
    draft_cookie: str | None

    @property
    def instrument(self) -> Instrument:
        """The questionnaire as it was when the survey was sent."""
        return queries.instrument_of(self.survey)

    @property
    def draft(self) -> dict[str, str]:
        """The answers saved so far on this device."""
        return queries.draft_for(db.session(), self.survey.id, self.draft_cookie)


@dataclass(frozen=True)
class CodeHolder:
    """The holder of a receipt code that opens an answer set."""

    code: str
    answer_set: AnswerSet
    listed: Listed


def holder() -> Respondent | CodeHolder:
    """Who this request comes from; 404 without a cookie that opens something."""
    survey_id = (request.view_args or {}).get("survey_id")
    return _by_link(survey_id) if survey_id else _by_code()


def _by_link(survey_id: UUID) -> Respondent:
    token = cookies.read(SURVEY_LINK, survey_id) or ""
    survey = queries.survey_of_link(db.session(), token) if token else None
    # The link must be this survey's: one for another organisation's opens nothing here.
    if survey is None or survey.id != survey_id:
        raise NotFound
    return Respondent(survey, token, cookies.read(SURVEY_DRAFT, survey_id))


def _by_code() -> CodeHolder:
    code = cookies.read(RECEIPT) or ""
    found = queries.answers_by_code(db.session(), code) if code else None
    if found is None:
        raise NotFound
    return CodeHolder(code, *found)
