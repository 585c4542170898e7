"""Sending surveys and reading their results, for leaders. Answering is in ``answering``."""

from typing import Any
from uuid import UUID

from flask import Blueprint, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError
from wtforms.fields import SelectChoice

from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.surveys import actions, queries
from trustivide.surveys.catalogue import agreement_labels, latest, score_labels
from trustivide.surveys.forms import LaunchForm
from trustivide.surveys.queries import Listed
from trustivide.surveys.snapshot import lowest_dimension
from trustivide.teams import queries as teams
from trustivide.web.access import found, member
from trustivide.web.fragments import go, page, tell
from trustivide.web.locale import language
from trustivide.workshops.queries import suggest

bp = Blueprint("surveys", __name__, url_prefix="/surveys")

INSTRUMENT = "tillit-i-team"


@bp.get("/")
@member("surveys.manage")
def index() -> ResponseReturnValue:
    """All surveys of the organisation, newest first."""
    listed = queries.for_actor(db.session(), g.actor).all()
    return page("surveys/index.html", surveys=listed)


def _form() -> LaunchForm:
    form = LaunchForm()
    known = teams.for_actor(db.session(), g.actor).all()
    form.team.choices = [SelectChoice(str(s.team.id), s.team.name) for s in known]
    return form


@bp.get("/new")
@member("surveys.manage")
def new() -> ResponseReturnValue:
    """Choose team, message and closing date."""
    form = _form()
    form.team.data = request.args.get("team_id") or form.team.data
    return page("surveys/new.html", fragment="launch", form=form, instrument=latest(INSTRUMENT))


@bp.post("/preview")
@member("surveys.manage")
def preview() -> ResponseReturnValue:
    """Show who is asked and what they get, before anything is sent."""
    form = _form()
    valid = form.validate_on_submit()
    if not valid or request.form.get("step") == "edit":
        return page(
            "surveys/new.html",
            fragment="launch",
            status=200 if valid else 422,
            form=form,
            instrument=latest(INSTRUMENT),
        )
    team = found(teams.for_actor(db.session(), g.actor).get(form.team_id))
    members = teams.members(db.session(), team)
    invited = actions.invitable(db.session(), members)
    return page(
        "surveys/preview.html",
        form=form,
        team=team,
        members=members,
        invited=invited,
        k=queries.minimum_answers(db.session(), g.actor),
        instrument=latest(INSTRUMENT),
    )


@bp.post("/")
@member("surveys.manage")
def launch() -> ResponseReturnValue:
    """Send the survey; sending the same preview twice sends it once."""
    form = _form()
    if not form.validate_on_submit():
        return page(
            "surveys/new.html",
            fragment="launch",
            status=422,
            form=form,
            instrument=latest(INSTRUMENT),
        )
    team = found(teams.for_actor(db.session(), g.actor).get(form.team_id))
    members = teams.members(db.session(), team)
    try:
        with transaction() as session:
            actions.launch(
                session,
                g.actor,
                team,
                members,
                latest(INSTRUMENT),
                message=form.message.data,
                closes_at=form.closes_at,
                locale=form.locale.data,
                now=clock.now(),
                survey_id=form.survey_id,
            )
        tell(_("Enkäten är på väg till teamet."))
    except IntegrityError:
        # Pressed twice: the first press has sent it, and the page of that survey follows.
        db.session.rollback()
    except Refused:
        tell(_("Det finns ingen i teamet att skicka till. Lägg till deltagare först."), "attention")
        return go(url_for("teams.show", team_id=team.id))
    return go(url_for("surveys.show", survey_id=form.survey_id))


def _survey(survey_id: UUID) -> Listed:
    listed: Listed = found(queries.for_actor(db.session(), g.actor).get(survey_id))
    return listed


@bp.get("/<uuid:survey_id>")
@member("surveys.manage")
def show(survey_id: UUID) -> ResponseReturnValue:
    """A running survey's progress, or a closed one's frozen result."""
    listed = _survey(survey_id)
    figures = queries.snapshot_of(db.session(), listed.survey)
    lowest = lowest_dimension(figures) if figures else None
    return page(
        "surveys/results.html" if figures else "surveys/running.html",
        fragment="survey",
        listed=listed,
        survey=listed.survey,
        instrument=listed.instrument,
        figures=figures,
        answered=queries.participation(db.session(), listed.survey),
        delivery=queries.delivery(db.session(), listed.survey),
        rows=_labelled(listed, figures),
        lowest=lowest,
        suggestions=suggest(lowest, language()) if lowest else [],
        item_labels=agreement_labels(language()),
        score_labels=score_labels(language()),
    )


def _labelled(listed: Listed, figures: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The snapshot's dimensions with the names that the chart shows."""
    names = {d.key: d.name.in_(language()) for d in listed.instrument.dimensions}
    rows = (figures or {}).get("dimensions", [])
    return [{**row, "label": names[row["key"]]} for row in rows]


@bp.route("/<uuid:survey_id>/closure", methods=["GET", "POST"])
@member("surveys.manage")
def closure(survey_id: UUID) -> ResponseReturnValue:
    """Close by hand, after saying what that means."""
    listed = _survey(survey_id)
    if request.method == "POST":
        with transaction() as session:
            actions.close(session, listed.survey, clock.now())
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
    listed = _survey(survey_id)
    try:
        with transaction() as session:
            actions.remind(session, listed.survey, clock.now())
        tell(_("En påminnelse går till dem som inte har svarat. Ingen ser vilka det är."))
    except Refused:
        tell(_("En påminnelse har redan gått i dag. Vänta till i morgon."), "attention")
    return go(url_for("surveys.show", survey_id=survey_id))
