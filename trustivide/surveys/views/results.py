"""A survey's page: the progress of a running one, the frozen result of a closed one."""

from typing import Any
from uuid import UUID

from flask.typing import ResponseReturnValue

from trustivide.core.db import db
from trustivide.surveys import queries
from trustivide.surveys.catalogue import agreement_labels, score_labels
from trustivide.surveys.queries import Listed
from trustivide.surveys.snapshot import lowest_dimension
from trustivide.surveys.views.base import bp, survey
from trustivide.surveys.views.running import under_way
from trustivide.web.access import member
from trustivide.web.fragments import page
from trustivide.web.locale import language
from trustivide.workshops.queries import suggest


@bp.get("/<uuid:survey_id>")
@member("surveys.manage")
def show(survey_id: UUID) -> ResponseReturnValue:
    """A running survey's progress, or a closed one's frozen result."""
    listed = survey(survey_id)
    if listed.survey.closed_at is None:
        return under_way(listed, fragment="survey")
    figures = queries.snapshot_of(db.session(), listed.survey)
    lowest = lowest_dimension(figures) if figures else None
    return page(
        "surveys/results.html",
        fragment="survey",
        listed=listed,
        survey=listed.survey,
        instrument=listed.instrument,
        figures=figures,
        answered=queries.participation(db.session(), listed.survey),
        rows=_labelled(listed, figures),
        lowest=lowest,
        suggestions=suggest(lowest, language()) if lowest else [],
        item_labels=agreement_labels(listed.instrument.agreement, language()),
        score_labels=score_labels(listed.instrument.agreement, language()),
    )


def _labelled(listed: Listed, figures: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The snapshot's dimensions with the names that the chart shows."""
    names = {d.key: d.name.in_(language()) for d in listed.instrument.dimensions}
    rows = (figures or {}).get("dimensions", [])
    return [{**row, "label": names[row["key"]]} for row in rows]
