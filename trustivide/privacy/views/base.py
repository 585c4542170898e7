"""What every page of the privacy centre shares: the blueprint, its frame, and whose data it is."""

from typing import Any

from flask import Blueprint, Response, g, request, url_for
from flask_babel import gettext as _

from trustivide.core.db import db
from trustivide.core.inventory import Group
from trustivide.core.subjects import Person
from trustivide.privacy import access, queries, record
from trustivide.privacy.words import show
from trustivide.web.access import found
from trustivide.web.fragments import go, page

bp = Blueprint("privacy", __name__, url_prefix="/privacy")


def visitor() -> access.Visitor:
    """Who is asking; the route's rule has made sure that somebody is."""
    who: access.Visitor = g.actor
    return who


def person() -> Person:
    """Whose data the page shows."""
    return visitor().person


def centre(template: str, **context: Any) -> Response:
    """A page of the centre, which always says whose data it shows."""
    return page(
        f"privacy/{template}",
        visitor=visitor(),
        crumbs=context.pop("crumbs", [(_("Min integritet"), url_for("privacy.index"))]),
        show=show,
        balanced=record.is_balanced,
        **context,
    )


def group_or_404(name: str) -> Group:
    """The group with this name, if anything can be the visitor's in it."""
    group: Group = found(queries.group_for(db.session(), person(), name))
    return group


def verify_first(back: str) -> Response | None:
    """Send an account whose password was given long ago to give it again, then on.

    ``back`` is the endpoint to return to when the request was a POST.
    """
    if visitor().recently_verified:
        return None
    here = request.path if request.method == "GET" else url_for(back, **(request.view_args or {}))
    return go(url_for("auth.verify", next=here))
