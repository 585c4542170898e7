"""The blueprint of accounts, and what its pages share."""

from uuid import uuid4

from flask import Blueprint, g, request, url_for

from trustivide.auth import devices, login, queries
from trustivide.core.cookies import DEVICE
from trustivide.core.db import db
from trustivide.web import cookies
from trustivide.web.access import local_path
from trustivide.web.limits import typed_address

bp = Blueprint("auth", __name__, url_prefix="/auth")


def tried_account() -> str:
    """The account that is tried: its password, its codes."""
    who = login.current()
    return str(who.user.id) if who else ""


def tried_token() -> str:
    """The mailed link that is tried."""
    return str((request.view_args or {}).get("token", ""))


def known_device() -> str:
    """The browser, if the account with the typed address knows it; looked up once a request."""
    if "known_device" not in g:
        token = cookies.read(DEVICE)
        user = queries.by_address(db.session(), typed_address()) if token else None
        # Looked up for nobody too: it takes as long where there is no such account.
        user_id = user.id if user else uuid4()
        device = devices.known(db.session(), token, user_id) if token else None
        g.known_device = str(device.id) if device else ""
    return str(g.known_device)


def onward() -> str:
    """Where the person was going, else home (which knows where each belongs)."""
    return local_path(request.args.get("next")) or url_for("organisations.home")
