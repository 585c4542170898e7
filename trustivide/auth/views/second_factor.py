"""The second factor: setting it up and giving it."""

import io

import pyotp
import segno
from flask import request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from trustivide.auth import actions, login
from trustivide.auth.forms import CodeForm
from trustivide.auth.views.base import bp, onward, tried_account
from trustivide.core import clock
from trustivide.core.db import transaction
from trustivide.web.access import account, found
from trustivide.web.fragments import go, page, tell
from trustivide.web.limits import tries_of


@bp.route("/second-factor", methods=["GET", "POST"])
@account
@tries_of(tried_account)
def second_factor() -> ResponseReturnValue:
    """Give a code from the authenticator app; each works once."""
    who, form = _colleague(), CodeForm()
    if who.user.totp_secret is None:
        return go(url_for("auth.enrol", next=request.args.get("next")))
    if form.validate_on_submit():
        with transaction() as db_session:
            right = actions.check_totp(db_session, who.user, form.code.data, clock.now())
        if right:
            return go(login.begin(who.user, onward(), second_factor=True))
        form.code.errors = [_("Koden stämmer inte eller är redan använd. Vänta på nästa.")]
    status = 422 if form.is_submitted() else 200
    return page("auth/second_factor.html", fragment="second_factor", status=status, form=form)


@bp.route("/second-factor/new", methods=["GET", "POST"])
@account
@tries_of(tried_account)
def enrol() -> ResponseReturnValue:
    """Set up an authenticator app, proven by its first code, soon after giving the password."""
    who, form = _colleague(), CodeForm()
    target = request.args.get("next")
    if who.user.totp_secret is not None:
        return go(url_for("auth.second_factor", next=target))
    if not who.recently_verified:
        return go(url_for("auth.verify", next=url_for("auth.enrol", next=target)))
    secret = session.get("totp_secret") or pyotp.random_base32(32)
    session["totp_secret"] = secret
    if form.validate_on_submit():
        with transaction() as db_session:
            right = actions.prove_totp(db_session, who.user, secret, form.code.data, clock.now())
        if right:
            path = login.begin(who.user, onward(), second_factor=True)
            tell(_("Tvåstegsinloggning är på. Nästa gång du loggar in frågar vi efter en kod."))
            return go(path)
        form.code.errors = [_("Koden stämmer inte. Kontrollera att telefonens klocka går rätt.")]
    address = pyotp.TOTP(secret).provisioning_uri(name=who.user.email, issuer_name="Trustivide")
    status = 422 if form.is_submitted() else 200
    return page(
        "auth/enrol.html",
        fragment="enrol",
        status=status,
        form=form,
        secret=secret,
        qr=_qr(address),
    )


def _colleague() -> login.SignedIn:
    """Whoever is signed in, if staff: for others no page asks for a second factor yet."""
    who: login.SignedIn = found(login.current())
    return found(who if who.user.is_staff else None)


def _qr(text: str) -> Markup:
    """An SVG without inline styles, for the strict content security policy.

    Black on white in dark mode too: many apps read nothing else.
    """
    buffer = io.BytesIO()
    segno.make(text, error="m").save(
        buffer,
        kind="svg",
        xmldecl=False,
        svgclass="qr",
        lineclass=None,
        scale=5,
        dark="#000",
        light="#fff",
        title=_("Nyckeln som bild, för din autentiseringsapp"),
    )
    return Markup(buffer.getvalue().decode())  # nosec B704 # noqa: S704  drawn by segno from our own text
