"""What every page of the office shares: the blueprint, its mark, and the words for codes."""

from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from trustivide.core.roles import CUSTOMER_ROLES, STAFF_ROLES
from trustivide.privacy.models import KINDS, STATES
from trustivide.web import fragments

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
