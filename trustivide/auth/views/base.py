"""The blueprint of accounts, and what its pages share."""

from flask import Blueprint, request, url_for

from trustivide.auth import login
from trustivide.web.access import local_path

bp = Blueprint("auth", __name__, url_prefix="/auth")


def tried_account() -> str:
    """The account that is tried: its password, its codes."""
    who = login.current()
    return str(who.user.id) if who else ""


def tried_token() -> str:
    """The mailed link that is tried."""
    return str((request.view_args or {}).get("token", ""))


def onward() -> str:
    """Where the person was going, else home (which knows where each belongs)."""
    return local_path(request.args.get("next")) or url_for("organisations.home")
