"""The pages of teams: the blueprint, and what their modules share."""

from uuid import UUID

from flask import Blueprint, g
from flask import session as cookie
from flask.typing import ResponseReturnValue

from trustivide.core import clock
from trustivide.core.db import db
from trustivide.teams import actions, queries
from trustivide.teams.forms import FileForm, PasteForm
from trustivide.teams.models import Team
from trustivide.web.access import found
from trustivide.web.fragments import page
from trustivide.web.locale import language

bp = Blueprint("teams", __name__, url_prefix="/teams")


def team_of(team_id: UUID) -> Team:
    """The team for the actor; a stranger's is a 404."""
    team: Team = found(queries.for_actor(db.session(), g.actor).get(team_id))
    return team


def show_team(
    team: Team, *, status: int = 200, fragment: str = "members", **more: object
) -> ResponseReturnValue:
    """The team's page: its members, and the ways to add more."""
    people = queries.members(db.session(), team)
    context = {
        "team": team,
        "members": people,
        "refusing": queries.refusing(db.session(), people),
        "paste": PasteForm(formdata=None),
        "upload": FileForm(formdata=None),
        "editing": None,
        "form": None,
        "focus": None,
        "undo": cookie.pop("undo", None),
        "to_evaluate": [
            one
            for which in actions.to_evaluate
            for one in which(db.session(), g.actor, team, language(), clock.now())
        ],
        **more,
    }
    return page("teams/show.html", fragment=fragment, status=status, **context)
