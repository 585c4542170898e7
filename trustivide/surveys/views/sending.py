"""Choosing whom to ask what, looking it over, and sending it."""

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError
from wtforms.fields import SelectChoice

from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.surveys import launching, queries
from trustivide.surveys.catalogue import latest
from trustivide.surveys.forms.sending import LaunchForm
from trustivide.surveys.overlap import Overlaps
from trustivide.surveys.views.base import bp
from trustivide.surveys.views.words import conflict_in_words
from trustivide.teams import queries as teams
from trustivide.web.access import found, member
from trustivide.web.fragments import go, page, tell

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
    invited = launching.invitable(db.session(), members, [g.actor.organisation_id])
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
            launching.launch(
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
    except Overlaps as refused:
        tell(conflict_in_words(refused.conflicts[0]), "attention")
        return go(url_for("teams.show", team_id=team.id))
    except Refused:
        tell(_("Det finns ingen i teamet att skicka till. Lägg till deltagare först."), "attention")
        return go(url_for("teams.show", team_id=team.id))
    return go(url_for("surveys.show", survey_id=form.survey_id))
