"""The blueprint of organisations, and what its pages share."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, g, request, session, url_for
from werkzeug.exceptions import Conflict

from trustivide.core.db import db
from trustivide.organisations import queries
from trustivide.web.fragments import page

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


def refuse_of_another(actor: queries.Actor) -> None:
    """Stop a form whose page was of another organisation than the one it would change now.

    Somebody who belongs to several may have switched in another tab since. Raises
    :class:`Conflict` with a page that says so, and nothing has changed.
    """
    rendered_for = request.form.get("for_organisation", str(actor.organisation_id))
    if rendered_for == str(actor.organisation_id):
        return
    mine = queries.organisations_of(db.session(), actor.user_id)
    before = next((key for key in mine if str(key) == rendered_for), None)
    raise Conflict(
        response=page(
            "organisations/switched.html",
            fragment="switched",
            status=409,
            now=mine[actor.organisation_id],
            before=before,
            before_name=mine.get(before) if before else None,
        )
    )


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
