"""Privacy centre."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from trustivide.privacy.models import Request  # noqa: F401
from trustivide.web.access import public, subject

bp = Blueprint("privacy", __name__, url_prefix="/privacy")


def unsubscribe_path(address, purpose): return "/privacy/unsubscribe"


@bp.get("/")
@subject
def index() -> ResponseReturnValue:
    """STUB."""
    return "stub"


@bp.get("/find")
@public
def find() -> ResponseReturnValue:
    """STUB."""
    return "stub"
