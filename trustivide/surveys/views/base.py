"""The leaders' pages of surveys: the blueprint, and what their modules share."""

from uuid import UUID

from flask import Blueprint, g

from trustivide.core.db import db
from trustivide.surveys import queries
from trustivide.surveys.queries import Listed
from trustivide.web.access import found

bp = Blueprint("surveys", __name__, url_prefix="/surveys")


def survey(survey_id: UUID) -> Listed:
    """The survey for the actor; a stranger's is a 404."""
    listed: Listed = found(queries.for_actor(db.session(), g.actor).get(survey_id))
    return listed
