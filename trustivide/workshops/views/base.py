"""The pages of workshops: the blueprint, and what their modules share."""

from uuid import UUID

from flask import Blueprint, g, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core.db import db
from trustivide.web.access import found
from trustivide.web.fragments import go, tell
from trustivide.web.locale import language
from trustivide.workshops import session_queries
from trustivide.workshops.session_queries import Listed

bp = Blueprint("workshops", __name__, url_prefix="/workshops")


def meeting_of(session_id: UUID) -> Listed:
    """A team's workshop for the actor; a stranger's is a 404."""
    reader = session_queries.for_actor(db.session(), g.actor)
    listed: Listed = found(reader.get(session_id, language()))
    return listed


def too_late(session_id: UUID) -> ResponseReturnValue:
    """Back to a team's workshop that was run or cancelled meanwhile."""
    tell(_("Workshopen är redan genomförd eller inställd."), "info")
    return go(url_for("workshops.session", session_id=session_id))
