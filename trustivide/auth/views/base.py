"""The blueprint of accounts, and what its pages share."""

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from trustivide.auth import login, queries
from trustivide.auth.forms import PasswordForm
from trustivide.core.db import db
from trustivide.web.access import found, local_path
from trustivide.web.fragments import go, page

bp = Blueprint("auth", __name__, url_prefix="/auth")


def tried_account() -> str:
    """The account that is tried: its password, its codes."""
    who = login.current() or login.halfway()
    return str(who.user.id) if who else ""


def tried_token() -> str:
    """The mailed link that is tried."""
    return str((request.view_args or {}).get("token", ""))


def onward() -> str:
    """Where the person was going, else home (which knows where each belongs)."""
    return local_path(request.args.get("next")) or url_for("organisations.home")


def verify_first() -> Response | None:
    """Send somebody whose password or passkey was given long ago to give it again, then back."""
    if found(login.current()).recently_verified:
        return None
    return go(url_for("auth.verify", next=request.full_path.rstrip("?")))


def verify_page(who: login.SignedIn, form: PasswordForm, status: int) -> ResponseReturnValue:
    """The page that asks whether it is still the same person, with the ways that they have."""
    return page(
        "auth/verify.html",
        fragment="verify",
        status=status,
        form=form,
        has_password=who.user.has_password,
        has_passkeys=bool(queries.passkeys_of(db.session(), who.user.id)),
    )
