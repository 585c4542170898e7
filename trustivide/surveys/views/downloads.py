"""A closed survey's result to take along: on paper, and as files for spreadsheets and machines."""

from typing import Any
from uuid import UUID

from flask import Response, current_app, url_for
from flask.typing import ResponseReturnValue

from trustivide.core import clock
from trustivide.core.clock import day_of
from trustivide.core.db import db
from trustivide.core.spreadsheet import XLSX
from trustivide.surveys import export, history, queries, report
from trustivide.surveys.queries import Listed
from trustivide.surveys.suggesting import suggestions
from trustivide.surveys.views.base import bp, survey
from trustivide.surveys.views.words import evaluated_in_words
from trustivide.web.access import found, member, public
from trustivide.web.files import attachment
from trustivide.web.locale import language
from trustivide.workshops.suggestions import Suggestions

_KINDS = {
    "csv": (export.as_csv, "text/csv"),
    "xlsx": (export.as_xlsx, XLSX),
    "json": (export.as_json, "application/json"),
}


@bp.get("/<uuid:survey_id>/export/<kind>")
@member("surveys.manage")
def result_file(survey_id: UUID, kind: str) -> ResponseReturnValue:
    """The frozen result as a file; while a survey runs there is none."""
    made, mimetype = found(_KINDS.get(kind))
    listed = survey(survey_id)
    result = export.document(listed, _figures(listed), language(), _about(listed))
    return attachment(made(result), _name(listed, kind), mimetype)


@bp.get("/<uuid:survey_id>/report.pdf")
@member("surveys.manage")
def result_report(survey_id: UUID) -> ResponseReturnValue:
    """The frozen result on paper, with what the leader could do next."""
    listed, today = survey(survey_id), day_of(clock.now())
    return report_of(listed, suggestions(db.session(), listed, _figures(listed), language(), today))


def report_of(listed: Listed, advice: Suggestions | None = None) -> Response:
    """The report of a survey that the reader may see, made when it is asked for."""
    method = current_app.config["SETTINGS"].public_url + url_for("surveys.method")
    waves = history.waves(db.session(), listed.survey)
    beside = report.Beside(_about(listed), waves, advice)
    pdf = report.render(listed, _figures(listed), language(), method, beside)
    return attachment(pdf, _name(listed, "pdf"), "application/pdf")


def _about(listed: Listed) -> str | None:
    of = evaluated_in_words(listed.survey)
    return of.words if of else None


def _figures(listed: Listed) -> dict[str, Any]:
    figures: dict[str, Any] = found(queries.snapshot_of(db.session(), listed.survey))
    return figures


def _name(listed: Listed, kind: str) -> str:
    return f"trustivide-{listed.survey.closed_at:%Y-%m-%d}-{str(listed.survey.id)[:8]}.{kind}"


@bp.get("/results/schema/<version>")
@public
def result_schema(version: str) -> ResponseReturnValue:
    """The JSON Schema of the file for machines."""
    found(True if version == export.VERSION else None)
    return Response(export.schema(), mimetype="application/schema+json")
