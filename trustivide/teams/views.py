"""Teams."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from trustivide.teams.models import Team  # noqa: F401
from trustivide.web.access import member

bp = Blueprint("teams", __name__, url_prefix="/teams")


@bp.get("/")
@member("leader")
def index() -> ResponseReturnValue:
    """STUB."""
    return "stub"
