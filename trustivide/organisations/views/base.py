"""The blueprint of organisations, and what its pages share."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, g, request, session, url_for

from trustivide.auth import login
from trustivide.core.db import db
from trustivide.organisations import queries
from trustivide.web.access import found
from trustivide.web.fragments import go, page

bp = Blueprint("organisations", __name__)

_CHOICE = "organisation"


def chosen() -> UUID | None:
    """The organisation that somebody who belongs to several works in, as the cookie says.

    It proves nothing: whoever reads it checks the membership, on every request.
    """
    try:
        return UUID(session.get(_CHOICE, ""))
    except ValueError:
        return None


def choose(organisation_id: UUID) -> None:
    """Work in this organisation from the next request on."""
    session[_CHOICE] = str(organisation_id)


def actor() -> queries.Actor:
    """Who is asking, in the organisation that the path names."""
    who: queries.Actor = g.actor
    return who


def within(template: str, **context: Any) -> Response:
    """A page of the organisation that the path names."""
    organisation = queries.organisation_of(db.session(), actor())
    there = url_for("organisations.people", organisation_id=organisation.id)
    return page(
        f"organisations/{template}",
        actor=actor(),
        organisation=organisation,
        there=there,
        **context,
    )


def verify_first() -> Response | None:
    """Send somebody whose password was given long ago to give it again, then back here."""
    if found(login.current()).recently_verified:
        return None
    return go(url_for("auth.verify", next=request.path))
