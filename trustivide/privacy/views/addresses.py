"""Proving a corrected address by the link that was mailed to it, and taking the change back."""

from uuid import UUID

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError

from trustivide.auth import login
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.privacy import address_changes
from trustivide.privacy.views.base import bp, person
from trustivide.web.access import found, public, subject
from trustivide.web.fragments import go, page, tell
from trustivide.web.limits import tries_of


def _token() -> str:
    return str((request.view_args or {}).get("token", ""))


@bp.route("/address/<token>", methods=["GET", "POST"])
@public
@tries_of(_token)
def confirm_address(token: str) -> ResponseReturnValue:
    """Opening the link shows a button; pressing it puts the new address in place."""
    who = login.current()
    change = address_changes.by_token(db.session(), token, clock.now())
    if change is None:
        return _page("gone", 404)
    if address_changes.asks_sign_in(change, who.user.id if who else None):
        return _page("sign_in", 200 if request.method == "GET" else 422)
    if request.method == "GET":
        return _page("open", 200)
    try:
        with transaction() as session:
            keep = who.sign_in.id if who else None
            done = address_changes.confirm(session, token, clock.now(), keep=keep)
    except IntegrityError:
        return _page("taken", 409)
    except Refused:
        return _page("erasing", 409)
    return _after(who) if done else _page("gone", 404)


def _page(state: str, status: int) -> Response:
    return page("privacy/address.html", status=status, state=state, token=_token())


def _after(who: login.SignedIn | None) -> Response:
    """To the overview, or to where the new address opens it."""
    tell(_("Klart. Adressen är bytt, och den gamla finns inte kvar i uppgiften."))
    return go(url_for("privacy.index" if who else "privacy.find"))


@bp.post("/address-changes/<uuid:change_id>/cancellation")
@subject
def cancel_address(change_id: UUID) -> ResponseReturnValue:
    """Take back a change that waits: its link opens nothing any more."""
    with transaction() as session:
        group = found(address_changes.cancel(session, person(), change_id))
    tell(_("Bytet är ångrat. Adressen är som förut."))
    return go(url_for("privacy.data", name=group))
