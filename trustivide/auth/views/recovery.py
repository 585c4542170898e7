"""Recovery codes: making them, and giving one instead of a second factor."""

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from trustivide.auth import factors, login, queries
from trustivide.auth.forms import RecoveryCodeForm
from trustivide.auth.models import User
from trustivide.auth.views.base import (
    bp,
    note_failed_factor,
    onward,
    own_device,
    tried_account,
)
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.web.access import account, entering, found
from trustivide.web.fragments import go, page, tell
from trustivide.web.limits import tries_of


def offer_codes(user: User, target: str) -> str:
    """The way to ``target`` by the page that offers codes, for whoever has none."""
    left, _made_on = queries.recovery_codes_of(db.session(), user.id)
    return target if left else url_for("auth.recovery_codes", next=target)


@bp.route("/second-factor/recovery-code", methods=["GET", "POST"])
@entering
@tries_of(tried_account, apart=own_device)
def recovery_code() -> ResponseReturnValue:
    """Give a recovery code instead of the second factor; each works once."""
    who, form = g.actor, RecoveryCodeForm()
    if form.validate_on_submit():
        with transaction() as db_session:
            left = factors.use_recovery_code(db_session, who.user, form.code.data, clock.now())
        if left is not None:
            path = login.begin(who.user, onward(), method="recovery", second_factor=True)
            tell(
                ngettext(
                    "Koden är förbrukad. Du har %(num)d kod kvar.",
                    "Koden är förbrukad. Du har %(num)d koder kvar.",
                    left,
                )
            )
            return go(path)
        note_failed_factor(who, "recovery")
        form.code.errors = [_("Koden stämmer inte eller är redan använd.")]
    status = 422 if form.is_submitted() else 200
    return page("auth/recovery_code.html", fragment="recovery_code", status=status, form=form)


@bp.route("/second-factor/recovery-codes", methods=["GET", "POST"])
@account
def recovery_codes() -> ResponseReturnValue:
    """Make ten new codes, which are shown this once."""
    who = found(login.current())
    found(queries.has_second_factor(db.session(), who.user) or None)
    if away := login.verify_first():
        return away
    codes: list[str] = []
    if request.method == "POST":
        with transaction() as db_session:
            codes = factors.make_recovery_codes(db_session, who.user, clock.now())
    left, _made_on = queries.recovery_codes_of(db.session(), who.user.id)
    return page(
        "auth/recovery_codes.html",
        codes=codes,
        left=left,
        has_password=who.user.has_password,
        onward=onward(),
    )
