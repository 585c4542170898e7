"""The blueprint of accounts, and what its pages share."""

from uuid import uuid4

from flask import Blueprint, g, request, url_for
from flask.typing import ResponseReturnValue

from trustivide.auth import devices, login, queries
from trustivide.auth.forms import PasswordForm
from trustivide.core.cookies import DEVICE
from trustivide.core.db import db
from trustivide.web import cookies
from trustivide.web.access import local_path
from trustivide.web.fragments import page
from trustivide.web.limits import typed_address

bp = Blueprint("auth", __name__, url_prefix="/auth")


def tried_account() -> str:
    """The account that is tried: its password, its codes."""
    who = login.current() or login.halfway()
    return str(who.user.id) if who else ""


def tried_token() -> str:
    """The mailed link that is tried."""
    return str((request.view_args or {}).get("token", ""))


def known_device() -> str:
    """The browser, if the account with the typed address knows it; looked up once a request."""
    if "known_device" not in g:
        token, address = cookies.read(DEVICE), typed_address()
        user = queries.by_address(db.session(), address) if token and address else None
        # Looked up for nobody too: it takes as long where there is no such account.
        user_id = user.id if user else uuid4()
        device = devices.known(db.session(), token, user_id) if token else None
        g.known_device = str(device.id) if device else ""
    return str(g.known_device)


def own_device() -> str:
    """The browser, if the account on its way in knows it."""
    who, token = login.current() or login.halfway(), cookies.read(DEVICE)
    device = devices.known(db.session(), token, who.user.id) if who and token else None
    return str(device.id) if device else ""


def note_failed_factor(who: login.SignedIn, method: str) -> None:
    """Write down, for its owner to see, that a sign-in stopped at its second factor."""
    if who.is_halfway:
        login.note_failure(who.user, method=method)


def onward() -> str:
    """Where the person was going, else home (which knows where each belongs)."""
    return local_path(request.args.get("next")) or url_for("organisations.home")


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
