"""What every page of the office shares: the blueprint, its mark, and the words for codes."""

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, Response, g, request, url_for
from flask.typing import ResponseReturnValue

from trustivide.core.roles import CUSTOMER_ROLES, STAFF_ROLES
from trustivide.privacy.models import KINDS, STATES
from trustivide.web import fragments
from trustivide.web.fragments import go

bp = Blueprint("admin", __name__, url_prefix="/admin")


def page(template: str, **context: Any) -> ResponseReturnValue:
    """A page that is marked as the office's."""
    return fragments.page(
        f"admin/{template}",
        office=True,
        roles=CUSTOMER_ROLES,
        staff_roles=STAFF_ROLES,
        kinds=KINDS,
        states=STATES,
        **context,
    )


def page_number() -> int:
    """The page of a list that is asked for, from 1."""
    return request.args.get("page", 1, type=int)


def attachment(body: Iterable[str], name: str, mimetype: str) -> Response:
    """A file to save (RFC 6266), kept by no cache."""
    response = Response(body, content_type=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def verify_first() -> Response | None:
    """Send whoever gave the password long ago to give it again, then back to this page."""
    if g.actor.recently_verified:
        return None
    return go(url_for("auth.verify", next=request.path))
