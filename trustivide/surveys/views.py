"""Surveys."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from trustivide.surveys.models import Survey  # noqa: F401
from trustivide.web.access import member

bp = Blueprint("surveys", __name__, url_prefix="/surveys")
answering = Blueprint("answering", __name__, url_prefix="/s")


@bp.get("/")
@member("leader")
def index() -> ResponseReturnValue:
    """STUB."""
    return "stub"
