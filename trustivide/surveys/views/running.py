"""A survey that is under way: its page, reminding, and closing by hand."""

from uuid import UUID

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.core.subjects import Person
from trustivide.surveys import closing, inviting, launching, queries
from trustivide.surveys.delivery import GROUPS, deliveries
from trustivide.surveys.queries import Listed
from trustivide.surveys.views.base import bp, survey
from trustivide.surveys.views.words import (
    delivery_in_words,
    evaluated_in_words,
    participation_in_words,
)
from trustivide.web.access import member
from trustivide.web.fragments import go, page, tell


def under_way(listed: Listed, *, fragment: str) -> ResponseReturnValue:
    """The page of an open survey, or the part of it that ``fragment`` names.

    What it shows of an invitation is what became of its mail, and nothing of
    it changes when somebody answers.
    """
    session, open_survey = db.session(), listed.survey
    group, sought = request.args.get("group"), request.args.get("address", "").strip()
    found = deliveries(
        session,
        open_survey,
        group=group,
        digests=Person.of(None, sought).address_digests if sought else None,
        number=request.args.get("page", 1, int),
    )
    digests = [row.invitation.email_digest for row in found.rows]
    return page(
        "surveys/running.html",
        fragment=fragment,
        listed=listed,
        survey=open_survey,
        instrument=listed.instrument,
        evaluated=evaluated_in_words(open_survey),
        participation=participation_in_words(
            open_survey, queries.participation(session, open_survey)
        ),
        delivery=found,
        words=delivery_in_words,
        group=group if group in GROUPS else None,
        sought=sought,
        members=inviting.members_by_digest(session, open_survey, digests),
        newcomers=inviting.newcomers(session, open_survey),
    )


@bp.get("/<uuid:survey_id>/delivery")
@member("surveys.manage")
def delivery(survey_id: UUID) -> ResponseReturnValue:
    """What became of the mails, narrowed down as asked; looked at again while some wait."""
    listed = survey(survey_id)
    if listed.survey.closed_at is not None:
        return go(url_for("surveys.show", survey_id=survey_id))
    return under_way(listed, fragment="delivery")


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
    answered = queries.participation(db.session(), listed.survey)
    return page(
        "surveys/closure.html",
        listed=listed,
        survey=listed.survey,
        instrument=listed.instrument,
        answered=answered,
        participation=participation_in_words(listed.survey, answered),
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
