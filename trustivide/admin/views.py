"""Staff pages."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from trustivide.admin.models import StaffAccess  # noqa: F401
from trustivide.web.access import staff

bp = Blueprint("admin", __name__, url_prefix="/admin")


@bp.get("/")
@staff("support")
def index() -> ResponseReturnValue:
    """STUB."""
    return "stub"
