"""A survey that is under way: reminding, and closing by hand."""

from uuid import UUID

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.surveys import closing, launching, queries
from trustivide.surveys.views.base import bp, survey
from trustivide.web.access import member
from trustivide.web.fragments import go, page, tell


@bp.route("/<uuid:survey_id>/closure", methods=["GET", "POST"])
@member("surveys.manage")
def closure(survey_id: UUID) -> ResponseReturnValue:
    """Close by hand, after saying what that means."""
    listed = survey(survey_id)
    if request.method == "POST":
        frozen = closing.freeze(db.session(), listed.survey)
        with transaction() as session:
            closing.close(session, listed.survey, clock.now(), frozen)
        tell(_("Enkäten är stängd och resultatet låst."))
        return go(url_for("surveys.show", survey_id=survey_id))
    return page(
        "surveys/closure.html",
        listed=listed,
        survey=listed.survey,
        instrument=listed.instrument,
        answered=queries.participation(db.session(), listed.survey),
    )


@bp.post("/<uuid:survey_id>/reminders")
@member("surveys.manage")
def reminders(survey_id: UUID) -> ResponseReturnValue:
    """Remind everybody who has not answered, without anybody seeing who that is."""
    listed = survey(survey_id)
    try:
        with transaction() as session:
            launching.remind(session, listed.survey, clock.now())
        tell(_("En påminnelse går till dem som inte har svarat. Ingen ser vilka det är."))
    except Refused:
        tell(_("En påminnelse har redan gått i dag. Vänta till i morgon."), "attention")
    return go(url_for("surveys.show", survey_id=survey_id))
