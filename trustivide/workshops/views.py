"""Workshops."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from trustivide.workshops.models import Download  # noqa: F401
from trustivide.web.access import member

bp = Blueprint("workshops", __name__, url_prefix="/workshops")


@bp.get("/")
@member("member")
def index() -> ResponseReturnValue:
    """STUB."""
    return "stub"
