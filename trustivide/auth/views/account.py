"""The page of an account's security: password, devices, history."""

from flask.typing import ResponseReturnValue

from trustivide.auth import login
from trustivide.auth.views.base import bp
from trustivide.web.access import account, found
from trustivide.web.fragments import page


@bp.get("/account", endpoint="account")
@account
def show() -> ResponseReturnValue:
    """What protects the account, and where it is signed in."""
    who = found(login.current())
    return page("auth/account.html", who=who)
