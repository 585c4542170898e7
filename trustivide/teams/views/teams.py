"""An organisation's teams: making, naming, showing and erasing them."""

from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.teams import actions, queries
from trustivide.teams.forms import TeamForm
from trustivide.teams.views.base import bp, show_team, team_of
from trustivide.web.access import member
from trustivide.web.fragments import go, page, tell


@bp.get("/")
@member("teams.manage")
def index() -> ResponseReturnValue:
    """The organisation's teams."""
    teams = queries.for_actor(db.session(), g.actor).all()
    return page("teams/index.html", fragment="teams", teams=teams, form=TeamForm(formdata=None))


@bp.post("/")
@member("teams.manage")
def create() -> ResponseReturnValue:
    """A new team."""
    form = TeamForm()
    if form.validate_on_submit():
        with transaction() as session:
            team = actions.create_team(session, g.actor, form.name.data, clock.now())
        tell(_("Teamet är skapat. Lägg till dem som är med i det."))
        return go(url_for("teams.show", team_id=team.id))
    teams = queries.for_actor(db.session(), g.actor).all()
    return page("teams/index.html", fragment="teams", status=422, teams=teams, form=form)


@bp.get("/<uuid:team_id>")
@member("teams.manage")
def show(team_id: UUID) -> ResponseReturnValue:
    """A team with its members."""
    return show_team(team_of(team_id))


@bp.route("/<uuid:team_id>/name", methods=["GET", "POST"])
@member("teams.manage")
def rename(team_id: UUID) -> ResponseReturnValue:
    """Another name for the team."""
    team = team_of(team_id)
    form = TeamForm(obj=team)
    if form.validate_on_submit():
        with transaction() as session:
            actions.rename_team(session, team, form.name.data)
        tell(_("Namnet är ändrat."))
        return go(url_for("teams.show", team_id=team_id))
    status = 422 if form.is_submitted() else 200
    return page("teams/rename.html", fragment="rename", status=status, team=team, form=form)


@bp.route("/<uuid:team_id>/removal", methods=["GET", "POST"])
@member("teams.manage")
def removal(team_id: UUID) -> ResponseReturnValue:
    """Erase a team, after saying what goes with it."""
    team = team_of(team_id)
    if request.method == "POST":
        try:
            with transaction() as session:
                actions.remove_team(session, team, clock.now())
        except Refused:
            tell(
                _("Teamet har en öppen enkät eller ett färskt resultat, och kan inte raderas än."),
                "attention",
            )
            return go(url_for("teams.show", team_id=team_id))
        tell(_("Teamet är raderat."))
        return go(url_for("teams.index"))
    count = len(queries.members(db.session(), team))
    stays = actions.must_stay(db.session(), team, clock.now())
    along = actions.goes_with(db.session(), team, clock.now())
    return page("teams/removal.html", team=team, members=count, stays=stays, along=along)
